/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_auth_anonymous.c - the service "auth" for a host that lets everybody in (RFC 4505,
 * XEP-0175): an account is made for a session and goes with it, with all that modules keep of
 * it, in a store that is in memory. This file owns their lives; what they may do is in
 * guests.c. */
#include "modules/mod_auth_anonymous/anonymous.h"

#include <stdio.h>
#include <string.h>

#define ROW ""
#define USER_SIZE 37
#define PAGE 500

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct anonymous_config, allow_anonymous_s2s, .global = 1, .def = "false",
		.doc = "Whether anonymous users and other servers reach each other."),
	TCT_OPT_INT(struct anonymous_config, max_users, .def = "1000", .min = "1", .max = "1000000",
		.doc = "How many there can be at once."),
	TCT_OPT_END
};

/* ---- the end of an account ---- */

struct leaving {
	struct tct_mod *m;
	char user[USER_SIZE];
};

static struct leaving *leaving_new(struct tct_mod *m, const char *user)
{
	struct leaving *l = tct_scope_alloc(tct_mod_scope(m), sizeof *l, NULL);

	l->m = m;
	snprintf(l->user, sizeof l->user, "%s", user);
	return l;
}

static bool row_of(struct tct_mod *m, const struct tct_entity *e)
{
	const struct anonymous *a = tct_mod_data(m);
	struct tct_value v;

	return tct_entity_get(e, a->kv, ROW, &v);
}

/* What modules kept of it is gone. */
static void told(struct tct_scope *scope, int status, void *data)
{
	struct leaving *l = data;
	struct anonymous *a = tct_mod_data(l->m);
	const struct tct_entity *e = tct_entity_find(tct_mod_host(l->m), l->user);
	struct tct_txn *txn;

	(void)scope;
	if (status == TCT_OK && e != NULL && row_of(l->m, e)) {
		txn = tct_txn_new(l->m);
		tct_kv_delete_user(txn, a->kv, l->user);
		tct_txn_submit(NULL, txn, NULL, NULL);
		a->count--;
		tct_log_info(l->m, "'%s' has left, and nothing of it is kept", l->user);
	}
	tct_scope_free(l);
}

static void count_session(struct tct_session *s, void *data)
{
	(void)s;
	++*(size_t *)data;
}

static void loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct leaving *l = data;
	size_t sessions = 0;

	if (status == TCT_OK)
		tct_entity_sessions(e, count_session, &sessions);
	if (status != TCT_OK || sessions > 0 || !row_of(l->m, e))
		tct_scope_free(l);
	else
		tct_entity_delete(l->m, scope, l->user, told, l);
}

/* Looks when all that ends now has ended. */
static void look(struct tct_scope *scope, void *data)
{
	struct leaving *l = data;

	tct_entity_load(scope, tct_mod_host(l->m), l->user, loaded, l);
}

static void leave(struct tct_mod *m, const char *user)
{
	tct_timer_start(tct_mod_scope(m), 1, 0, look, leaving_new(m, user));
}

static void on_ended(struct tct_mod *m, struct tct_session *s)
{
	leave(m, tct_session_user(s));
}

/* ---- an account for whoever comes ---- */

/* In the scope of the stream: when that ends, the account does, or the session that is kept for
 * a while says when. */
struct guest {
	struct tct_mod *m;
	tct_auth_user_fn *fn;
	void *data;
	char user[USER_SIZE];
};

static void guest_gone(void *block)
{
	struct guest *g = block;

	leave(g->m, g->user);
}

static void stored(struct tct_scope *scope, int status, void *data)
{
	struct guest *g = data;

	g->fn(scope, status, status == TCT_OK ? g->user : NULL, g->data);
}

static void full(struct tct_scope *scope, void *data)
{
	stored(scope, TCT_EFULL, data);
}

/* A UUID of version 4 (RFC 9562), as XEP-0175 section 3 recommends. */
static void make_name(char out[USER_SIZE])
{
	unsigned char b[16];

	tct_random(b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, USER_SIZE,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}

static void anonymous(struct tct_mod *m, struct tct_scope *scope, tct_auth_user_fn *fn, void *data)
{
	const struct anonymous_config *config = tct_mod_config(m);
	struct anonymous *a = tct_mod_data(m);
	bool room = a->count < (size_t)config->max_users;
	struct guest *g = tct_scope_alloc(scope, sizeof *g, room ? guest_gone : NULL);
	struct tct_txn *txn;

	g->m = m;
	g->fn = fn;
	g->data = data;
	if (!room) {
		tct_timer_start(scope, 1, 0, full, g);
		return;
	}
	make_name(g->user);
	a->count++;
	txn = tct_txn_new(m);
	tct_kv_put(txn, a->kv, g->user, ROW, tct_int(tct_now()));
	tct_txn_submit(scope, txn, stored, g);
}

/* ---- asked by others ---- */

static bool exists(struct tct_mod *m, const struct tct_entity *e)
{
	return row_of(m, e);
}

static uint32_t hashes(struct tct_mod *m)
{
	(void)m;
	return 0;
}

static void users(struct tct_mod *m, struct tct_scope *scope, const char *after, size_t limit,
	tct_kv_rows_fn *fn, void *data)
{
	const struct anonymous *a = tct_mod_data(m);

	tct_kv_users(scope, a->kv, after, limit, fn, data);
}

static int64_t created(struct tct_mod *m, const struct tct_entity *e)
{
	const struct anonymous *a = tct_mod_data(m);
	struct tct_value v;

	return tct_entity_get(e, a->kv, ROW, &v) && v.kind == TCT_VALUE_INT ? v.i : 0;
}

static const struct tct_auth_ops ops = {
	.size = sizeof ops,
	.exists = exists,
	.hashes = hashes,
	.users = users,
	.created = created,
	.anonymous = anonymous,
};

/* ---- the module ---- */

/* Those of an instance before this one, whose sessions went on or are gone. */
static void got_users(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = data;
	struct anonymous *a = tct_mod_data(m);

	a->count += rows->count;
	for (size_t i = 0; i < rows->count; i++)
		leave(m, rows->rows[i].user);
	if (rows->count == PAGE)
		tct_kv_users(scope, a->kv, rows->rows[PAGE - 1].user, PAGE, got_users, m);
}

static void ready(struct tct_mod *m)
{
	const struct anonymous *a = tct_mod_data(m);

	tct_kv_users(tct_mod_scope(m), a->kv, NULL, PAGE, got_users, m);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct anonymous *a = tct_mod_data(m);

	a->kv = tct_kv_open(m, "anonymous", err);
	if (a->kv == NULL)
		return TCT_EIO;
	tct_provide(m, "auth", "anonymous", &ops);
	tct_on_session(m, TCT_SESSION_ENDED, on_ended);
	anonymous_load_guests(m);
	return TCT_OK;
}

TCT_MODULE_FLAGS(auth_anonymous, TCT_INTERNAL | TCT_LIVE_OPTIONS,
	.version     = TCT_SERVER_VERSION,
	.summary     = "XEP-0175: accounts that go with their sessions, for everybody",
	.depends     = TCT_DEPENDS("storage_mem"),
	.options     = options,
	.config_size = sizeof(struct anonymous_config),
	.data_size   = sizeof(struct anonymous),
	.preload     = TCT_PRELOAD("anonymous"),
	.load        = load,
	.ready       = ready,
);

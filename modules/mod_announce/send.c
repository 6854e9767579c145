/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* send.c - announcements on their way: a few accounts each tenth of a second. One for
 * everybody who is online has a list of names, made at its start; one for all accounts walks
 * their names page by page, and writes down how far it is, so that it goes on after a restart
 * (with the page that was not written down). */
#include "modules/mod_announce/announce.h"

#include <tercet/auth.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNNING_MAX 5
#define TICK_MS 100
#define PAGE_MAX 1000

struct announcement {
	TAILQ_ENTRY(announcement) link;
	struct tct_mod *m;
	const struct tct_jid *by;
	struct tct_stanza *message;
	char *subject, *text;
	char id[17];
	bool all;
	uint64_t sent;
	char **names; /* of those who were online: sorted, each once */
	size_t count;
	char *after; /* all: the last name that was sent to */
};

static void tick(struct tct_scope *scope, void *data);

/* ---- an announcement ---- */

static char *copy(const char *text)
{
	char *dup = text != NULL ? strdup(text) : NULL;

	if (text != NULL && dup == NULL)
		abort();
	return dup;
}

/* With the scope of the instance, or when it is done. */
static void fini(void *block)
{
	struct announcement *a = block;
	struct announce *announce = tct_mod_data(a->m);

	TAILQ_REMOVE(&announce->running, a, link);
	announce->count--;
	tct_stanza_unref(a->message);
	tct_jid_unref(a->by);
	for (size_t i = 0; i < a->count; i++)
		free(a->names[i]);
	free(a->names);
	free(a->subject);
	free(a->text);
	free(a->after);
}

static struct tct_stanza *make_message(const struct announcement *a)
{
	struct tct_stanza *st =
		tct_message_new(tct_mod_jid(a->m), NULL, a->all ? "normal" : "headline");

	if (a->subject != NULL && *a->subject != '\0')
		tct_add_text(tct_stanza_root(st), "subject", a->subject);
	tct_add_text(tct_stanza_root(st), "body", a->text);
	return st;
}

static struct announcement *make(struct tct_mod *m, const struct tct_jid *by, const char *subject,
	const char *text, bool all)
{
	struct announce *announce = tct_mod_data(m);
	struct announcement *a = tct_scope_alloc(tct_mod_scope(m), sizeof *a, fini);

	a->m = m;
	a->by = by != NULL ? tct_jid_bare(by) : NULL;
	a->subject = copy(subject);
	a->text = copy(text);
	a->all = all;
	tct_random_id(a->id, sizeof a->id - 1);
	a->message = make_message(a);
	TAILQ_INSERT_TAIL(&announce->running, a, link);
	announce->count++;
	return a;
}

/* How far it is; `done`: nothing of it is left to do. */
static void write_down(struct announcement *a, bool done)
{
	struct announce *announce = tct_mod_data(a->m);
	struct tct_txn *txn = tct_txn_new(a->m);
	struct tct_record *r;

	if (done) {
		tct_kv_delete(txn, announce->kv, "", a->id);
	} else {
		r = tct_record_new();
		if (a->by != NULL)
			tct_record_set_string(r, "by", tct_jid_text(a->by));
		tct_record_set_string(r, "subject", a->subject != NULL ? a->subject : "");
		tct_record_set_string(r, "text", a->text);
		tct_record_set_string(r, "after", a->after != NULL ? a->after : "");
		tct_record_set_int(r, "sent", (int64_t)a->sent);
		tct_kv_put(txn, announce->kv, "", a->id, tct_record_value(r));
		tct_record_free(r);
	}
	tct_txn_submit(NULL, txn, NULL, NULL);
}

/* The administrator hears of it, and so does the log. */
static void finish(struct announcement *a, const char *problem)
{
	struct tct_stanza *st;
	char text[160];

	snprintf(text, sizeof text, "the announcement to %s was sent to %" PRIu64 " accounts%s%s",
		a->all ? "all accounts" : "all who were online", a->sent,
		problem != NULL ? "; then it ended: " : "", problem != NULL ? problem : "");
	tct_log_notice(a->m, "%s, by '%s'", text, a->by != NULL ? tct_jid_text(a->by) : "?");
	if (a->by != NULL) {
		st = tct_message_new(tct_mod_jid(a->m), a->by, "headline");
		tct_add_text(tct_stanza_root(st), "body", text);
		tct_route(a->m, NULL, st);
	}
	if (a->all)
		write_down(a, true);
	tct_scope_free(a);
}

static void send_to(struct announcement *a, const char *user)
{
	struct tct_overlay overlay = TCT_OVERLAY_INIT;
	const struct tct_jid *to = tct_jid_make(user, tct_host_name(tct_mod_host(a->m)), NULL);

	if (to == NULL)
		return;
	overlay.to = to;
	tct_route_copy(a->m, NULL, a->message, &overlay);
	tct_jid_unref(to);
	a->sent++;
}

/* ---- who ---- */

static size_t per_tick(const struct announcement *a)
{
	const struct announce_config *config = tct_mod_config(a->m);
	int64_t n = config->rate * TICK_MS / 1000;

	return n < 1 ? 1 : n > PAGE_MAX ? PAGE_MAX : (size_t)n;
}

static int64_t tick_ms(const struct announcement *a)
{
	const struct announce_config *config = tct_mod_config(a->m);

	return (int64_t)per_tick(a) * 1000 / config->rate;
}

static void go_on_later(struct announcement *a)
{
	tct_timer_start(tct_mod_scope(a->m), tick_ms(a), 0, tick, a);
}

static void page(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct announcement *a = data;

	(void)scope;
	if (rows->status != TCT_OK && rows->status != TCT_ENOENT) {
		finish(a, "the accounts cannot be read");
		return;
	}
	if (rows->count == 0) {
		finish(a, NULL);
		return;
	}
	for (size_t i = 0; i < rows->count; i++)
		send_to(a, rows->rows[i].user);
	free(a->after);
	a->after = copy(rows->rows[rows->count - 1].user);
	write_down(a, false);
	go_on_later(a);
}

static void tick(struct tct_scope *scope, void *data)
{
	struct announcement *a = data;
	struct tct_mod *auth;
	const struct tct_auth_ops *ops;

	if (a->all) {
		ops = tct_service(a->m, "auth", &auth);
		ops->users(auth, scope, a->after, per_tick(a), page, a);
		return;
	}
	for (size_t n = per_tick(a); n > 0 && a->sent < a->count; n--)
		send_to(a, a->names[a->sent]);
	if (a->sent < a->count)
		go_on_later(a);
	else
		finish(a, NULL);
}

/* Those who may get messages to the account: an available resource, not negative. */
static void add_name(struct tct_session *s, void *data)
{
	struct announcement *a = data;

	if (!tct_session_available(s) || tct_session_priority(s) < 0)
		return;
	if ((a->count & (a->count - 1)) == 0) {
		a->names = reallocarray(a->names, a->count > 0 ? 2 * a->count : 1,
			sizeof *a->names);
		if (a->names == NULL)
			abort();
	}
	a->names[a->count++] = copy(tct_session_user(s));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_online(struct announcement *a)
{
	size_t unique = 0;

	tct_host_sessions(tct_mod_host(a->m), add_name, a);
	if (a->count > 0)
		qsort(a->names, a->count, sizeof *a->names, by_name);
	for (size_t i = 0; i < a->count; i++) {
		if (unique > 0 && strcmp(a->names[i], a->names[unique - 1]) == 0)
			free(a->names[i]);
		else
			a->names[unique++] = a->names[i];
	}
	a->count = unique;
}

int announce_begin(struct tct_mod *m, const struct tct_jid *by, const char *subject,
	const char *text, bool all)
{
	struct announce *announce = tct_mod_data(m);
	const struct tct_auth_ops *ops = tct_service(m, "auth", NULL);
	struct announcement *a;

	if (announce->count >= RUNNING_MAX)
		return TCT_EFULL;
	if (all && (ops == NULL || ops->users == NULL))
		return TCT_ENOENT;
	a = make(m, by, subject, text, all);
	if (all)
		write_down(a, false);
	else
		list_online(a);
	tct_log_notice(m, "'%s' announces to %s", tct_jid_text(a->by),
		all ? "all accounts" : "all who are online");
	tct_timer_start(tct_mod_scope(m), 0, 0, tick, a);
	return TCT_OK;
}

/* ---- what is on its way ---- */

static void add_value(struct tct_elem *item, const char *var, const char *value)
{
	struct tct_elem *field = tct_add(item, NULL, "field");

	tct_set(field, "var", var);
	tct_add_text(field, "value", value);
}

void announce_list(struct tct_mod *m, struct tct_elem *form)
{
	struct announce *announce = tct_mod_data(m);
	struct announcement *a;

	TAILQ_FOREACH (a, &announce->running, link) {
		struct tct_elem *item = tct_add(form, NULL, "item");
		char sent[64];

		add_value(item, "by", a->by != NULL ? tct_jid_text(a->by) : "");
		add_value(item, "to", a->all ? "all accounts" : "all who were online");
		if (a->all)
			snprintf(sent, sizeof sent, "%" PRIu64, a->sent);
		else
			snprintf(sent, sizeof sent, "%" PRIu64 " of %zu", a->sent, a->count);
		add_value(item, "sent", sent);
	}
}

static void resume_rows(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = data;

	for (size_t i = 0; i < rows->count; i++) {
		const struct tct_value *v = &rows->rows[i].value;
		const char *text = tct_record_string(v, "text", NULL);
		const char *after = tct_record_string(v, "after", "");
		const struct tct_jid *by = tct_jid_new(tct_record_string(v, "by", ""));
		struct announcement *a;

		if (text != NULL && strlen(rows->rows[i].key) < sizeof a->id) {
			a = make(m, by, tct_record_string(v, "subject", NULL), text, true);
			snprintf(a->id, sizeof a->id, "%s", rows->rows[i].key);
			a->sent = (uint64_t)tct_record_int(v, "sent", 0);
			a->after = *after != '\0' ? copy(after) : NULL;
			tct_timer_start(scope, 0, 0, tick, a);
		}
		tct_jid_unref(by);
	}
}

void announce_resume(struct tct_mod *m)
{
	struct announce *announce = tct_mod_data(m);

	tct_kv_each(tct_mod_scope(m), announce->kv, "", resume_rows, m);
}

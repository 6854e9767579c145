/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* outbox.c - messages that leave for another server, on disk until that server has them. The row is
 * in the write set of the message, so whoever is told that the message is stored is right; it goes
 * when the peer has acknowledged it (lazily: see tcti_archive_txn), or in the write set of its
 * return. What an earlier life has left is read when the module starts, before anything is sent, and
 * goes first. The store is an archive of the host that sends, its users are "@" and the other domain,
 * so no localpart. Presence and questions have no row, and neither has what says that nobody shall
 * store it (XEP-0334), or tells only that somebody types (XEP-0085). */
#include "handover.h"
#include "outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE "outbox"
#define NS_CLIENT "jabber:client"
#define NS_DELAY "urn:xmpp:delay"
#define NS_HINTS "urn:xmpp:hints"
#define NS_STATES "http://jabber.org/protocol/chatstates"
#define TRIM_MS 1000
#define RETRY_MS 1000
#define USERS 100
#define ROWS 200
#define ROWS_BYTES (512 * 1024)
#define USER_SIZE (DOMAIN_MAX + 2)

static void user_of(const char *remote, char out[USER_SIZE])
{
	snprintf(out, USER_SIZE, "@%s", remote);
}

/* ---- in ---- */

static bool is_hint_against(const struct tct_elem *e)
{
	const char *name = tct_elem_name(e);

	return strcmp(name, "no-store") == 0 || strcmp(name, "no-permanent-store") == 0;
}

/* Hints in errors say nothing. */
static bool is_kept(const struct tct_stanza *st)
{
	bool error = tct_stanza_type(st) == TCT_MESSAGE_ERROR, something = false;

	if (tct_stanza_kind(st) != TCT_MESSAGE)
		return false;
	tct_elem_each (e, tct_stanza_root(st)) {
		const char *ns = tct_elem_ns(e);

		if (strcmp(ns, NS_HINTS) == 0) {
			if (!error && is_hint_against(e))
				return false;
		} else if (strcmp(ns, NS_STATES) != 0 &&
			(strcmp(ns, NS_CLIENT) != 0 || strcmp(tct_elem_name(e), "thread") != 0)) {
			something = true;
		}
	}
	return something;
}

void outbox_add(struct path *p, struct tct_event *ev)
{
	struct tct_archive *a = is_kept(ev->stanza) ? tcti_host_archive(p->local, STORE) : NULL;
	char user[USER_SIZE];
	uint64_t id;

	if (a == NULL)
		return;
	user_of(p->remote, user);
	id = tcti_event_append(ev, a, user, NULL, tct_stanza_xml(ev->stanza));
	if (id != 0)
		tcti_outlet_tag(p->outlet, id);
}

/* ---- out ---- */

void outbox_leave(struct path *p)
{
	struct tct_archive *a;
	struct tct_txn *txn;
	char user[USER_SIZE];

	if (p->done == p->trimmed)
		return;
	p->trimmed = p->done;
	a = tcti_host_archive(p->local, STORE);
	if (a == NULL)
		return;
	user_of(p->remote, user);
	txn = tcti_archive_txn(a, true);
	tct_archive_trim(txn, a, user, p->done);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

void outbox_save(struct path *p)
{
	struct tct_archive *a = tcti_host_archive(p->local, STORE);
	char user[USER_SIZE];

	if (a == NULL)
		return;
	user_of(p->remote, user);
	handover_save(p, a, user);
}

static void trim(struct tct_scope *scope, void *data)
{
	struct s2s *s = data;

	(void)scope;
	s->trim = NULL;
	for (size_t i = 0; i < s->path_count; i++)
		outbox_leave(s->paths[i]);
}

void outbox_done(struct path *p, uint64_t tag)
{
	struct s2s *s = s2s_of(p->mod);

	if (tag == 0)
		return;
	p->done = tag;
	if (s->trim == NULL)
		s->trim = tct_timer_start(tct_mod_scope(p->mod), TRIM_MS, 0, trim, s);
}

void outbox_bounce(struct tct_mod *m, const struct outbox_pair *pair, struct tct_stanza *st,
	uint64_t tag, uint32_t cause)
{
	struct tct_archive *a = tag != 0 ? tcti_host_archive(pair->local, STORE) : NULL;
	struct tct_txn *txn;
	char user[USER_SIZE];

	if (a == NULL) {
		tcti_bounce(m, st, cause_error(cause), cause_said(cause));
		return;
	}
	user_of(pair->remote, user);
	txn = tcti_archive_txn(a, false);
	tct_archive_delete(txn, a, user, tag);
	tcti_bounce_with(m, st, cause_error(cause), cause_said(cause), txn);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

/* ---- what an earlier life has left ---- */

/* One host's rows are being read: a page of domains, and of each a page of rows at a time. */
struct reading {
	struct reading *next;
	struct tct_mod *mod;
	char *local;
	char *remotes[USERS];
	size_t count, at;
	bool more;  /* domains behind these */
	uint64_t after; /* the last row that was read */
};

static void ask_remotes(struct reading *r);
static void ask_rows(struct reading *r);

static void drop_remotes(struct reading *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->remotes[i]);
	r->count = r->at = 0;
}

static void reading_free(struct reading *r)
{
	struct reading **at = &s2s_of(r->mod)->readings;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	drop_remotes(r);
	free(r->local);
	free(r);
}

static void go(struct s2s *s)
{
	s->reading = false;
	out_begin(s);
}

static void end_of(struct reading *r)
{
	struct s2s *s = s2s_of(r->mod);

	reading_free(r);
	if (s->readings == NULL)
		go(s);
}

static void again(struct tct_scope *scope, void *data)
{
	struct reading *r = data;

	(void)scope;
	if (r->count > 0)
		ask_rows(r);
	else
		ask_remotes(r);
}

/* Until they are read nothing is sent: what follows would take their place. */
static void retry(struct reading *r)
{
	tct_log_error(r->mod, "what waits for other servers cannot be read; it is tried again");
	tct_timer_start(tct_mod_scope(r->mod), RETRY_MS, 0, again, r);
}

/* XEP-0203: how long it was on its way is our affair, and its receiver should know. */
static void add_delay(struct tct_stanza *st, const char *local, uint64_t id)
{
	struct tct_elem *delay = tct_add(tct_stanza_root(st), NS_DELAY, "delay");
	char stamp[TCT_TIME_SIZE];

	tct_time_text(stamp, (int64_t)(id >> 8), true);
	tct_set(delay, "from", local);
	tct_set(delay, "stamp", stamp);
}

/* Comes behind the messages that it is about, and is used once. */
static void take_handover(struct reading *r, const char *remote, const struct tct_archive_row *row)
{
	struct tct_archive *a = tcti_host_archive(r->local, STORE);
	struct path *p = out_find(s2s_of(r->mod), r->local, remote);
	struct tct_txn *txn;
	char user[USER_SIZE];

	if (p != NULL)
		handover_load(p, &row->value);
	if (a == NULL)
		return;
	user_of(remote, user);
	txn = tcti_archive_txn(a, true);
	tct_archive_delete(txn, a, user, row->id);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static void take(struct reading *r, const char *remote, const struct tct_archive_row *row)
{
	const struct s2s_config *config = tct_mod_config(r->mod);
	struct outbox_pair pair = { r->local, remote };
	struct tct_stanza *st = tcti_stanza_load(&row->value);
	struct path *p;

	if (st == NULL)
		return;
	if (tct_now_us() - row->time > config->outbox_age * 1000000 || tcti_domain_ours(remote)) {
		outbox_bounce(r->mod, &pair, st, row->id, CAUSE_LATE);
		return;
	}
	p = out_path(r->mod, r->local, remote);
	if (!p->old) {
		p->old = true;
		p->lost = tct_monotonic();
	}
	add_delay(st, r->local, row->id);
	if (tcti_outlet_put(p->outlet, st, row->id) != TCT_OK)
		outbox_bounce(r->mod, &pair, st, row->id, CAUSE_FULL);
}

static void next_remote(struct reading *r)
{
	if (r->at < r->count) {
		r->after = 0;
		ask_rows(r);
	} else if (r->more) {
		ask_remotes(r);
	} else {
		end_of(r);
	}
}

static void got_rows(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct reading *r = data;

	(void)scope;
	if (page->status != TCT_OK && page->status != TCT_ENOENT) {
		retry(r);
		return;
	}
	for (size_t i = 0; i < page->count; i++) {
		if (page->rows[i].value.kind == TCT_VALUE_RECORD)
			take_handover(r, r->remotes[r->at], &page->rows[i]);
		else
			take(r, r->remotes[r->at], &page->rows[i]);
		r->after = page->rows[i].id;
	}
	if (page->complete != 0 || page->count == 0) {
		r->at++;
		next_remote(r);
	} else {
		ask_rows(r);
	}
}

static void ask_rows(struct reading *r)
{
	struct tct_archive *a = tcti_host_archive(r->local, STORE);
	struct tct_archive_query q = { .size = sizeof q, .limit = ROWS, .bytes = ROWS_BYTES,
		.after = r->after };
	char user[USER_SIZE];

	if (a == NULL) {
		end_of(r);
		return;
	}
	user_of(r->remotes[r->at], user);
	tct_archive_find(tct_mod_scope(r->mod), a, user, &q, got_rows, r);
}

static void got_remotes(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct reading *r = data;

	(void)scope;
	drop_remotes(r);
	if (rows->status != TCT_OK && rows->status != TCT_ENOENT) {
		retry(r);
		return;
	}
	for (size_t i = 0; i < rows->count && i < USERS; i++) {
		if (rows->rows[i].user[0] == '@')
			r->remotes[r->count++] = s2s_copy(rows->rows[i].user + 1);
	}
	r->more = rows->count == USERS && r->count > 0;
	next_remote(r);
}

static void ask_remotes(struct reading *r)
{
	struct tct_archive *a = tcti_host_archive(r->local, STORE);
	char after[USER_SIZE];

	if (a == NULL) {
		end_of(r);
		return;
	}
	if (r->count > 0)
		user_of(r->remotes[r->count - 1], after);
	tct_archive_users(tct_mod_scope(r->mod), a, r->count > 0 ? after : NULL, USERS,
		got_remotes, r);
}

static void read_host(struct tct_host *h, void *data)
{
	struct tct_mod *m = data;
	struct s2s *s = s2s_of(m);
	struct reading *r;

	if (tcti_host_archive(tct_host_name(h), STORE) == NULL)
		return;
	r = calloc(1, sizeof *r);
	if (r == NULL)
		abort();
	r->mod = m;
	r->local = s2s_copy(tct_host_name(h));
	r->next = s->readings;
	s->readings = r;
	ask_remotes(r);
}

void outbox_start(struct tct_mod *m)
{
	struct s2s *s = s2s_of(m);

	tcti_host_each(read_host, m);
	if (s->readings == NULL)
		go(s);
}

void outbox_fini(struct s2s *s)
{
	while (s->readings != NULL)
		reading_free(s->readings);
}

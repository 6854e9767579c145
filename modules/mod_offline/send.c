/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* send.c - an account's queue goes to the first of its sessions that is available with a
 * priority of zero or more: in order, in batches, at the speed of its connection, and before
 * what comes for it meanwhile. One session at a time gets it; who gives up leaves the rest to
 * the next.
 *
 * A message that the archive has is nothing for a session that reads its archive. Whether it
 * does is seen when it asks; so the first such message waits a little for that. */
#include "modules/mod_offline/offline.h"

#include <tercet/blocklist.h>

#include <string.h>

#define NS_CLIENT "jabber:client"
#define NS_DELAY "urn:xmpp:delay"
#define NS_RETRACT "urn:xmpp:message-retract:1"

#define BATCH_BYTES (128 * 1024)
#define PACE_BYTES (64 * 1024) /* a batch waits while more than that does */
#define PACE_MS 20
#define RETRY_MS 1000
#define RETRIES 5
#define YOUNG_US 60000000      /* a row that is missing may be written still */
#define LATER_MS 1000

struct offline_load {
	struct tct_mod *m;
	struct tct_session *session;
	size_t count;
	uint64_t rows[OFFLINE_BATCH];
	uint64_t last; /* key of the last one */
	bool archived, cancelled;
};

static void step(struct tct_mod *m, struct offline_session *os);

static struct offline_session *session_of(struct tct_mod *m, struct tct_session *s)
{
	struct offline_session *os = tct_session_data(m, s);

	os->session = s;
	return os;
}

static bool wants(const struct tct_session *s)
{
	return tct_session_available(s) && tct_session_priority(s) >= 0;
}

/* ---- what is for whom ---- */

/* The session gets it, now or later. */
static bool is_for(struct tct_mod *m, const struct offline_session *os,
	const struct tct_entity *e, const struct offline_entry *entry)
{
	const struct offline_data *data = tct_mod_data(m);

	if (offline_is_out(m, entry) || offline_expired(m, entry) ||
		(entry->reference && data->archive == NULL))
		return false;
	return os == NULL || !os->reads || !offline_in_archive(m, e, entry);
}

static bool has_something(struct tct_mod *m, struct tct_session *s)
{
	struct tct_entity *e = tct_session_entity(s);
	const struct offline_session *os = tct_session_data_peek(m, s);
	const struct offline_queue *q;

	if (!offline_has_queue(m, e))
		return false;
	q = offline_queue(m, e);
	for (size_t i = 0; i < q->count; i++) {
		if (is_for(m, os, e, q->entries[i]))
			return true;
	}
	return false;
}

/* ---- a message ---- */

static uint32_t type_of(const char *text)
{
	return text != NULL && strcmp(text, "chat") == 0 ? TCT_MESSAGE_CHAT : TCT_MESSAGE_NORMAL;
}

/* XEP-0203: only we say when we kept something. */
static bool is_our_delay(const struct tct_elem *e, const struct tct_jid *host)
{
	const char *from = tct_attr(e, "from");
	const struct tct_jid *jid = NULL;
	bool ours;

	if (tct_elem_is(e, NS_DELAY, "delay") && from != NULL)
		jid = tct_jid_new(from);
	ours = jid != NULL && tct_jid_equal(jid, host);
	tct_jid_unref(jid);
	return ours;
}

void offline_add_delay(struct tct_mod *m, struct tct_elem *parent, uint64_t key)
{
	struct tct_elem *delay = tct_add(parent, NS_DELAY, "delay");
	char stamp[TCT_TIME_SIZE];

	tct_set(delay, "from", tct_jid_text(tct_mod_jid(m)));
	tct_time_text(stamp, (int64_t)(key >> 8), true);
	tct_set(delay, "stamp", stamp);
}

/* The stanza that `e` was. */
static struct tct_stanza *stanza_of(struct tct_mod *m, const struct tct_elem *e,
	const struct offline_entry *entry)
{
	const char *to_text = tct_attr(e, "to"), *from_text = tct_attr(e, "from");
	const struct tct_jid *from = from_text != NULL ? tct_jid_new(from_text) : NULL;
	const struct tct_jid *to = to_text != NULL ? tct_jid_new(to_text) : NULL;
	struct tct_stanza *st =
		tct_stanza_new(type_of(tct_attr(e, "type")), from, to, tct_attr(e, "id"));
	struct tct_elem *root = tct_stanza_root(st);

	tct_jid_unref(from);
	tct_jid_unref(to);
	tct_stanza_set_lang(st,
		tct_attr_ns(e, "http://www.w3.org/XML/1998/namespace", "lang"));
	tct_elem_each (child, e) {
		if (!is_our_delay(child, tct_mod_jid(m)))
			tct_add_copy(root, child);
	}
	offline_add_delay(m, root, entry->key);
	return st;
}

/* NULL: there is nothing to send, for its author took it back, or nobody can read it. */
static struct tct_stanza *message_of(struct tct_mod *m, struct tct_entity *e,
	const struct offline_entry *entry, const struct tct_value *row)
{
	const struct offline_data *data = tct_mod_data(m);
	struct tct_stanza *shell = tct_stanza_new(TCT_MESSAGE_NORMAL, NULL, NULL, NULL);
	struct tct_elem *root = tct_stanza_root(shell), *stored;
	struct tct_stanza *st = NULL;

	stored = entry->reference ? data->archive_ops->add_row(data->archive_mod, root, row) :
				    tct_add_stored(root, row);
	if (!tct_elem_is(stored, NS_CLIENT, "message"))
		tct_log_error(m, "a message that waits for \"%s\" cannot be read",
			tct_jid_text(tct_entity_jid(e)));
	else if (!entry->reference || tct_child(stored, NS_RETRACT, "retracted") == NULL)
		st = stanza_of(m, stored, entry);
	if (st != NULL && entry->reference)
		data->archive_ops->add_id(data->archive_mod, e, entry->row, tct_stanza_root(st));
	tct_stanza_unref(shell);
	return st;
}

/* ---- what comes meanwhile ---- */

static void hold(struct offline_session *os)
{
	os->held = true;
	tct_session_hold(os->session);
}

static void let_go(struct offline_session *os)
{
	os->held = false;
	tct_session_let_go(os->session);
}

/* ---- the end of it ---- */

static void give_up_load(struct offline_load *load)
{
	struct offline_data *data = tct_mod_data(load->m);

	for (size_t i = 0; i < load->count; i++)
		offline_ids_remove(&data->out, load->rows[i]);
	load->count = 0;
}

static void load_fini(void *block)
{
	give_up_load(block);
}

/* The session is not sent anything any more for now. */
static void stop(struct tct_mod *m, struct offline_session *os)
{
	struct offline_queue *q = offline_queue(m, tct_session_entity(os->session));

	if (q->drainer == os->session)
		q->drainer = NULL;
	if (os->load != NULL) {
		give_up_load(os->load);
		os->load->cancelled = true; /* it goes when the read comes back */
		os->load = NULL;
	}
	if (os->timer != NULL)
		tct_timer_stop(os->timer);
	os->timer = NULL;
	os->draining = false;
	let_go(os);
}

static void consider(struct tct_scope *scope, void *data);
static void again(struct tct_scope *scope, void *data);

struct search {
	struct tct_mod *m;
	struct tct_session *not_this, *found;
};

static void look_at(struct tct_session *s, void *data)
{
	struct search *search = data;

	if (search->found == NULL && s != search->not_this && wants(s) &&
		has_something(search->m, s))
		search->found = s;
}

static void kick(struct tct_mod *m, struct tct_entity *e, struct tct_session *not_this,
	int64_t ms)
{
	struct search search = { m, not_this, NULL };
	struct offline_session *os;

	if (!offline_has_queue(m, e) || offline_queue(m, e)->drainer != NULL)
		return;
	tct_entity_sessions(e, look_at, &search);
	if (search.found == NULL)
		return;
	os = session_of(m, search.found);
	if (os->timer == NULL && !os->draining)
		os->timer = tct_timer_start(tct_session_scope(m, search.found), ms, 0, consider,
			os);
}

void offline_kick(struct tct_mod *m, struct tct_entity *e, struct tct_session *not_this)
{
	kick(m, e, not_this, 0);
}

/* All that is for it is on its way. */
static void finish(struct tct_mod *m, struct offline_session *os)
{
	struct tct_entity *e = tct_session_entity(os->session);

	stop(m, os);
	kick(m, e, os->session, LATER_MS);
}

/* ---- after a set that failed the queue is read again ---- */

static void on_reread(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct tct_mod *m = tct_scope_mod(scope);
	struct offline_session *os = data;

	os->rereading = false;
	if (status == TCT_OK && os->draining)
		offline_queue(m, e)->drainer = os->session;
	if (os->timer == NULL && os->load == NULL)
		os->timer = tct_timer_start(scope, status == TCT_OK ? 0 : RETRY_MS, 0, again,
			os);
}

/* False: what waits is not known now; it goes on when it is. */
static bool is_known(struct tct_mod *m, struct offline_session *os)
{
	struct tct_entity *e = tct_session_entity(os->session);

	if (offline_queue(m, e)->ready)
		return true;
	if (!os->rereading)
		tct_entity_load(tct_session_scope(m, os->session), tct_entity_host(e),
			tct_entity_user(e), on_reread, os);
	os->rereading = true;
	return false;
}

/* ---- batches ---- */

static void on_timer(struct tct_scope *scope, void *data)
{
	struct offline_session *os = data;

	os->timer = NULL;
	step(tct_scope_mod(scope), os);
}

static void later(struct tct_mod *m, struct offline_session *os, int64_t ms)
{
	if (os->timer == NULL)
		os->timer = tct_timer_start(tct_session_scope(m, os->session), ms, 0, on_timer,
			os);
}

static void again(struct tct_scope *scope, void *data)
{
	struct offline_session *os = data;

	if (os->draining)
		on_timer(scope, data);
	else
		consider(scope, data);
}

static void on_waited(struct tct_scope *scope, void *data)
{
	struct offline_session *os = data;

	os->waited = true;
	on_timer(scope, os);
}

/* The row is not there. When it was written long ago it is gone for good. */
static void missing(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct offline_entry *entry)
{
	if (tct_now_us() - (int64_t)(entry->row >> 8) < YOUNG_US)
		return;
	tct_log_warn(m, "a message that waited for \"%s\" is not there any more",
		tct_jid_text(tct_entity_jid(e)));
	offline_remove(m, txn, e, entry);
}

/* Whose sender was blocked meanwhile is not sent, and does not stay (XEP-0191). */
static bool blocked(struct tct_mod *m, struct tct_entity *e, const struct offline_entry *entry)
{
	struct tct_mod *blocklist_mod;
	const struct tct_blocklist_ops *blocklist =
		tct_service(m, "blocklist", &blocklist_mod);
	const struct tct_jid *from = blocklist != NULL ? tct_jid_new(entry->from) : NULL;
	bool is = from != NULL &&
		blocklist->blocks(blocklist_mod, e, from) == TCT_BLOCKED;

	tct_jid_unref(from);
	return is;
}

/* One of the batch: sent, or dropped in `txn`. */
static void handle_row(struct offline_load *load, uint64_t id, const struct tct_archive_row *row,
	struct tct_txn *txn)
{
	struct tct_mod *m = load->m;
	struct offline_data *data = tct_mod_data(m);
	struct tct_entity *e = tct_session_entity(load->session);
	struct offline_entry *entry = offline_find(offline_queue(m, e), id);
	struct tct_archive *archive = load->archived ? data->archive : data->bodies;
	struct tct_stanza *st = NULL;

	if (entry != NULL && row != NULL && !blocked(m, e, entry))
		st = message_of(m, e, entry, &row->value);
	if (st != NULL) {
		tct_session_send_row(load->session, st, NULL, m, archive, id, offline_row_done);
		tct_stanza_unref(st);
		return;
	}
	offline_ids_remove(&data->out, id);
	if (entry != NULL && row == NULL)
		missing(m, txn, e, entry);
	else if (entry != NULL)
		offline_remove(m, txn, e, entry);
}

static void send_batch(struct offline_load *load, const struct tct_archive_page *page)
{
	struct tct_txn *txn = tct_txn_new(load->m);
	size_t at = 0, count = load->count;

	load->count = 0; /* from here on they are core's, or free */
	for (size_t i = 0; i < count; i++) {
		bool there = at < page->count && page->rows[at].id == load->rows[i];

		handle_row(load, load->rows[i], there ? &page->rows[at] : NULL, txn);
		at += there;
	}
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static void on_rows(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct offline_load *load = data;
	struct tct_mod *m = load->m;
	struct offline_session *os = tct_session_data(m, load->session);

	(void)scope;
	if (load->cancelled) {
		tct_scope_free(load);
		return;
	}
	os->load = NULL;
	if (!is_known(m, os)) {
		tct_scope_free(load); /* they are read once more */
		return;
	}
	if (page->status != TCT_OK) {
		tct_log_warn(m, "what waits for \"%s\" cannot be read (%s)",
			tct_session_user(os->session), tct_code_text(page->status));
		tct_scope_free(load);
		if (++os->failures >= RETRIES)
			finish(m, os);
		else
			later(m, os, RETRY_MS);
		return;
	}
	os->failures = 0;
	os->cursor = load->last;
	send_batch(load, page);
	tct_scope_free(load);
	step(m, os);
}

/* Takes the next entries, of one kind. True: the next one waits until it is known whether the
 * session reads its archive. */
static bool collect(struct tct_mod *m, struct offline_session *os, struct offline_load *load)
{
	struct tct_entity *e = tct_session_entity(os->session);
	const struct offline_queue *q = offline_queue(m, e);
	int64_t bytes = 0;

	for (size_t i = 0; i < q->count && load->count < OFFLINE_BATCH; i++) {
		const struct offline_entry *entry = q->entries[i];

		if (entry->key <= os->cursor || !is_for(m, os, e, entry))
			continue;
		if (!os->waited && !os->reads && offline_in_archive(m, e, entry))
			return load->count == 0;
		if (load->count > 0 && (entry->reference != load->archived ||
			bytes + entry->bytes > BATCH_BYTES))
			return false;
		load->archived = entry->reference;
		load->rows[load->count++] = entry->row;
		load->last = entry->key;
		bytes += entry->bytes;
	}
	return false;
}

static void claim(struct tct_mod *m, const struct offline_load *load)
{
	struct offline_data *data = tct_mod_data(m);

	for (size_t i = 0; i < load->count; i++)
		offline_ids_add(&data->out, load->rows[i]);
}

static void next_batch(struct tct_mod *m, struct offline_session *os)
{
	const struct offline_config *config = tct_mod_config(m);
	const struct offline_data *data = tct_mod_data(m);
	struct tct_scope *scope = tct_session_scope(m, os->session);
	struct offline_load load = { .m = m, .session = os->session }, *kept;

	if (collect(m, os, &load)) {
		os->timer = tct_timer_start(scope, config->archive_wait * 1000, 0, on_waited, os);
		return;
	}
	if (load.count == 0) {
		finish(m, os);
		return;
	}
	claim(m, &load);
	kept = tct_scope_alloc(scope, sizeof *kept, load_fini);
	*kept = load;
	os->load = kept;
	tct_archive_get(scope, load.archived ? data->archive : data->bodies,
		tct_session_user(os->session), kept->rows, kept->count, 0, on_rows, kept);
}

static void step(struct tct_mod *m, struct offline_session *os)
{
	struct tct_session *s = os->session;

	if (!os->draining || os->load != NULL || os->timer != NULL || !tct_session_attached(s))
		return; /* when it is resumed it goes on */
	if (!is_known(m, os))
		return;
	if (!wants(s)) {
		finish(m, os);
		return;
	}
	if (tct_session_waiting(s) > PACE_BYTES)
		later(m, os, PACE_MS);
	else
		next_batch(m, os);
}

/* ---- who gets it ---- */

static void consider(struct tct_scope *scope, void *data)
{
	const struct offline_config *config = tct_mod_config(tct_scope_mod(scope));
	struct tct_mod *m = tct_scope_mod(scope);
	struct offline_session *os = data;
	struct offline_queue *q = offline_queue(m, tct_session_entity(os->session));

	os->timer = NULL;
	if (os->draining || !is_known(m, os))
		return;
	if (!wants(os->session) || q->drainer != NULL || !has_something(m, os->session)) {
		let_go(os);
		return;
	}
	q->drainer = os->session;
	os->draining = true;
	os->waited = config->archive_wait == 0;
	os->cursor = 0;
	os->failures = 0;
	hold(os);
	step(m, os);
}

static void consider_soon(struct tct_mod *m, struct tct_session *s)
{
	struct offline_session *os;

	if (!has_something(m, s))
		return;
	os = session_of(m, s);
	if (os->draining || os->timer != NULL)
		return;
	if (offline_queue(m, tct_session_entity(s))->drainer == NULL)
		hold(os);
	os->timer = tct_timer_start(tct_session_scope(m, s), 0, 0, consider, os);
}

/* Before presence takes effect, so that no message is quicker than what waits. */
enum tct_verdict offline_on_presence(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_session *s = ev->origin.session;

	if (s != NULL && tct_stanza_to(ev->stanza) == NULL &&
		tct_stanza_type(ev->stanza) == TCT_PRESENCE_AVAILABLE && !wants(s))
		consider_soon(m, s);
	return TCT_CONTINUE;
}

/* It has ended, or is not available any more. */
void offline_on_gone(struct tct_mod *m, struct tct_session *s)
{
	struct offline_session *os = tct_session_data_peek(m, s);

	if (os == NULL || os->session == NULL)
		return;
	stop(m, os);
	kick(m, tct_session_entity(s), s, 0);
}

/* What the server before this one had not sent it yet waits for it; what comes meanwhile goes
 * behind that. */
void offline_on_session_restored(struct tct_mod *m, struct tct_session *s)
{
	if (wants(s) && has_something(m, s))
		hold(session_of(m, s));
}

void offline_on_resumed(struct tct_mod *m, struct tct_session *s)
{
	struct offline_session *os = tct_session_data_peek(m, s);

	if (os != NULL && os->draining)
		step(m, os);
	else if (os == NULL || !os->held)
		consider_soon(m, s);
	else if (os->timer == NULL)
		os->timer = tct_timer_start(tct_session_scope(m, s), 0, 0, consider, os);
}

void offline_reads(struct tct_mod *m, struct tct_session *s)
{
	struct offline_session *os = session_of(m, s);

	if (os->reads)
		return;
	os->reads = true;
	if (!os->draining || os->load != NULL)
		return;
	/* It may have waited for this. */
	if (os->timer != NULL)
		tct_timer_stop(os->timer);
	os->timer = NULL;
	later(m, os, 0);
}

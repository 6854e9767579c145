/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* retract.c - XEP-0424: a message that its author takes back is replaced in the archive by
 * what says so; id, time and addresses stay. It is looked for by its `id` among the latest
 * messages with that contact, some time after the retraction was kept itself. What is left to
 * do is a row of the store "mam_retract", written with the retraction and removed with the
 * message, so that it is done once, whatever happens to the server. */
#include "modules/mod_mam/mam.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_RETRACT "urn:xmpp:message-retract:1"
#define JOBS_MAX 64   /* in memory */
#define USERS 32      /* whose rows are read at once */
#define PAGE 50       /* rows of a read */
#define ROWS_MAX 2000 /* that are looked at for one retraction */
#define ID_MAX 256
#define KEY_SIZE 17

/* In the scope of the instance. */
struct mam_retraction {
	struct mam_retraction *next;
	struct tct_mod *m;
	const struct tct_jid *with, *by; /* bare; counted */
	uint64_t number;                 /* rising; 0: it was left from before */
	uint64_t row;                    /* of the retraction */
	uint64_t cursor;                 /* rows below it are left to look at */
	size_t looked;
	bool cancelled;
	char user[1024], target[ID_MAX], id[ID_MAX];
};

static void run(struct tct_scope *scope, void *data);

static void retraction_fini(void *block)
{
	struct mam_retraction *r = block;

	tct_jid_unref(r->with);
	tct_jid_unref(r->by);
}

/* What is left to do is a row with this key. */
static void key_of(uint64_t row, char key[KEY_SIZE])
{
	snprintf(key, KEY_SIZE, "%016" PRIx64, row);
}

static void resume(struct tct_mod *m);

static void next(struct tct_mod *m)
{
	struct mam_data *data = tct_mod_data(m);

	if (data->retractions != NULL)
		tct_timer_start(tct_mod_scope(m), 0, 0, run, data->retractions);
	else if (data->retractions_left)
		resume(m);
}

static void end(struct mam_retraction *r)
{
	struct tct_mod *m = r->m;
	struct mam_data *data = tct_mod_data(m);

	data->retractions = r->next;
	data->retraction_count--;
	tct_scope_free(r);
	next(m);
}

/* Nothing is left to do; the set is submitted. */
static void done(struct mam_retraction *r, struct tct_txn *txn)
{
	const struct mam_data *data = tct_mod_data(r->m);
	char key[KEY_SIZE];

	key_of(r->row, key);
	tct_kv_delete(txn, data->pending, r->user, key);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static bool failed(struct mam_retraction *r, int status)
{
	if (status == TCT_OK && !r->cancelled)
		return false;
	if (!r->cancelled)
		tct_log_warn(r->m, "what was taken back in the archive of \"%s\" stays until the "
				   "next start (%s)", r->user, tct_code_text(status));
	end(r);
	return true;
}

/* True when `e` is the message that is retracted. Ids are its author's affair: the newest
 * with that id is meant. */
static bool is_target(const struct mam_retraction *r, const struct tct_elem *e)
{
	const char *id = tct_attr(e, "id"), *from = tct_attr(e, "from");
	const struct tct_jid *jid;
	bool same;

	if (id == NULL || from == NULL || strcmp(id, r->target) != 0 ||
		tct_child(e, NS_RETRACT, "retracted") != NULL)
		return false;
	jid = tct_jid_new(from);
	same = jid != NULL && tct_jid_equal_bare(jid, r->by);
	tct_jid_unref(jid);
	return same;
}

static void bury(struct mam_retraction *r, const struct tct_archive_row *row, struct tct_elem *e)
{
	static const char *const header[] = { "type", "to", "from", "id" };
	const struct mam_data *data = tct_mod_data(r->m);
	struct tct_txn *txn = tct_txn_new(r->m);
	struct tct_elem *stone = tct_add(tct_elem_parent(e), "jabber:client", "message");
	struct tct_elem *retracted;
	char stamp[TCT_TIME_SIZE];

	for (size_t i = 0; i < sizeof header / sizeof *header; i++)
		tct_set(stone, header[i], tct_attr(e, header[i]));
	retracted = tct_add(stone, NS_RETRACT, "retracted");
	tct_set(retracted, "id", r->id);
	tct_time_text(stamp, (int64_t)(r->row >> 8), true);
	tct_set(retracted, "stamp", stamp);
	tct_archive_replace(txn, data->archive, r->user, row->id, tct_xml(stone));
	done(r, txn);
}

/* True when it was among these rows. */
static bool find_target(struct mam_retraction *r, const struct tct_archive_page *page)
{
	bool found = false;

	for (size_t i = page->count; i-- > 0 && !found;) {
		struct tct_stanza *shell = tct_stanza_new(TCT_MESSAGE_NORMAL, NULL, NULL, NULL);
		struct tct_elem *e =
			mam_add_row(r->m, tct_stanza_root(shell), &page->rows[i].value);

		found = e != NULL && is_target(r, e);
		if (found)
			bury(r, &page->rows[i], e);
		tct_stanza_unref(shell);
	}
	return found;
}

static void look(struct mam_retraction *r);

static void on_page(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct mam_retraction *r = data;

	(void)scope;
	if (failed(r, page->status))
		return;
	if (find_target(r, page)) {
		end(r);
		return;
	}
	r->looked += page->count;
	if (page->complete != 0 || page->count == 0 || r->looked >= ROWS_MAX) {
		done(r, tct_txn_new(r->m));
		end(r);
		return;
	}
	r->cursor = page->rows[0].id;
	look(r);
}

static void look(struct mam_retraction *r)
{
	const struct mam_data *data = tct_mod_data(r->m);
	struct tct_archive_query q = { .size = sizeof q, .limit = PAGE, .reverse = 1,
		.before = r->cursor, .with = tct_jid_text(r->with), .flags = TCT_ARCHIVE_BARE };

	tct_archive_find(tct_mod_scope(r->m), data->archive, r->user, &q, on_page, r);
}

/* When the retraction itself was refused, it is not there. */
static void on_self(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct mam_retraction *r = data;

	(void)scope;
	if (failed(r, page->status))
		return;
	if (page->count > 0) {
		look(r);
		return;
	}
	done(r, tct_txn_new(r->m));
	end(r);
}

static void run(struct tct_scope *scope, void *data)
{
	struct mam_retraction *r = data;
	const struct mam_data *mam = tct_mod_data(r->m);

	tct_archive_get(scope, mam->archive, r->user, &r->row, 1, 0, on_self, r);
}

/* ---- what is to be done ---- */

struct work {
	const char *user, *with, *by, *target, *id;
	uint64_t row;
};

static void add(struct tct_mod *m, const struct work *w)
{
	struct mam_data *data = tct_mod_data(m);
	struct mam_retraction *r, **at = &data->retractions;

	if (data->retraction_count >= JOBS_MAX) {
		data->retractions_left = true;
		return;
	}
	r = tct_scope_alloc(tct_mod_scope(m), sizeof *r, retraction_fini);
	r->m = m;
	r->number = data->resuming == 0 ? ++data->retractions_made : 0;
	r->with = tct_jid_new(w->with);
	r->by = tct_jid_new(w->by);
	r->row = r->cursor = w->row;
	memcpy(r->user, w->user, strlen(w->user) + 1);
	memcpy(r->target, w->target, strlen(w->target) + 1);
	memcpy(r->id, w->id, strlen(w->id) + 1);
	while (*at != NULL)
		at = &(*at)->next;
	*at = r;
	data->retraction_count++;
}

static bool fits(const char *text)
{
	return text != NULL && strlen(text) < ID_MAX;
}

void mam_retract(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *with, uint64_t row)
{
	const struct tct_stanza *st = ev->stanza;
	const struct tct_elem *e = tct_child(tct_stanza_root(st), NS_RETRACT, "retract");
	struct mam_data *data = tct_mod_data(m);
	struct work w = { .user = tct_event_user(ev), .with = tct_jid_bare_text(with),
		.by = tct_jid_bare_text(tct_stanza_from(st)), .target = tct_attr(e, "id"),
		.id = tct_stanza_id(st), .row = row };
	struct tct_record *record;
	char key[KEY_SIZE];
	bool idle = data->retractions == NULL;

	if (e == NULL || !fits(w.target) || !fits(w.id))
		return;
	record = tct_record_new();
	tct_record_set_string(record, "with", w.with);
	tct_record_set_string(record, "by", w.by);
	tct_record_set_string(record, "target", w.target);
	tct_record_set_string(record, "id", w.id);
	key_of(row, key);
	tct_kv_put(tct_event_txn(ev), data->pending, w.user, key, tct_record_value(record));
	tct_record_free(record);
	if (data->resuming)
		data->retractions_left = true; /* its row may be among those that come */
	else
		add(m, &w);
	if (idle && data->retractions != NULL)
		next(m);
}

static void on_pending(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = data;
	struct mam_data *mam = tct_mod_data(m);

	(void)scope;
	for (size_t i = 0; i < rows->count; i++) {
		const struct tct_value *v = &rows->rows[i].value;
		struct work w = { .user = rows->rows[i].user,
			.with = tct_record_string(v, "with", ""),
			.by = tct_record_string(v, "by", ""),
			.target = tct_record_string(v, "target", NULL),
			.id = tct_record_string(v, "id", NULL),
			.row = strtoull(rows->rows[i].key, NULL, 16) };

		if (fits(w.target) && fits(w.id))
			add(m, &w);
	}
	if (--mam->resuming == 0)
		next(m);
}

static void on_users(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = data;
	struct mam_data *mam = tct_mod_data(m);

	mam->retractions_left |= rows->count == USERS;
	for (size_t i = 0; i < rows->count; i++) {
		mam->resuming++;
		tct_kv_each(scope, mam->pending, rows->rows[i].user, on_pending, m);
	}
	if (--mam->resuming == 0)
		next(m);
}

/* Nothing is under way now. */
static void resume(struct tct_mod *m)
{
	struct mam_data *data = tct_mod_data(m);

	data->retractions_left = false;
	data->resuming = 1;
	tct_kv_users(tct_mod_scope(m), data->pending, NULL, USERS, on_users, m);
}

void mam_retract_start(struct tct_mod *m)
{
	resume(m);
}

bool mam_retract_waits(struct tct_mod *m, const char *user, uint64_t made)
{
	const struct mam_data *data = tct_mod_data(m);

	for (const struct mam_retraction *r = data->retractions; r != NULL; r = r->next) {
		if (r->number <= made && strcmp(r->user, user) == 0)
			return true;
	}
	return data->resuming != 0;
}

void mam_retract_forget(struct tct_mod *m, const char *user)
{
	struct mam_data *data = tct_mod_data(m);

	for (struct mam_retraction *r = data->retractions; r != NULL; r = r->next)
		r->cancelled |= strcmp(r->user, user) == 0;
}

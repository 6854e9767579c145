/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* query.c - questions to an archive and their answers. The queries of a session run one after
 * the other, each when most of what was sent before has left: so a client gets a page at the
 * speed of its connection, and one that does not read takes no memory. A page is bounded in
 * rows and in bytes. */
#include "modules/mod_mam/mam.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 32               /* queries of a session that wait */
#define PAGE_BYTES (256 * 1024)    /* of the rows of a page */
#define PACE_BYTES (64 * 1024)     /* a query waits while more than that does */
#define PACE_MS 20
#define COUNT_MAX 10000            /* more rows are not counted */

/* The queries of a session; it and each of them hold it. */
struct mam_queue {
	unsigned refs, count;
	struct query *first, **last;
};

/* Lives in the scope of its request. */
struct query {
	struct mam_queue *queue;
	struct query *next;
	struct tct_request *rq;
	struct tct_session *session; /* the asker; its end is the request's */
	char *queryid;               /* NULL: none */
	bool metadata;
	struct mam_query q;
	struct tct_archive_query page;
	uint64_t oldest; /* of the metadata */
	uint64_t retractions; /* that were made before it was asked */
};

/* ---- one after the other ---- */

static struct mam_queue *queue_of(struct tct_mod *m, struct tct_session *s)
{
	struct mam_session *data = tct_session_data(m, s);

	if (data->queue == NULL) {
		data->queue = calloc(1, sizeof *data->queue);
		if (data->queue == NULL)
			abort();
		data->queue->refs = 1;
		data->queue->last = &data->queue->first;
	}
	return data->queue;
}

void mam_queue_unref(struct mam_queue *q)
{
	if (q != NULL && --q->refs == 0)
		free(q);
}

static void run(struct tct_scope *scope, void *data);

/* The request has ended, however it did. */
static void query_end(void *block)
{
	struct query *query = block;
	struct mam_queue *queue = query->queue;
	bool ran = queue->first == query;

	for (struct query **at = &queue->first; *at != NULL; at = &(*at)->next) {
		if (*at != query)
			continue;
		*at = query->next;
		if (query->next == NULL)
			queue->last = at;
		break;
	}
	queue->count--;
	if (ran && queue->first != NULL)
		tct_timer_start(tct_request_scope(queue->first->rq), 0, 0, run, queue->first);
	mam_query_fini(&query->q);
	free(query->queryid);
	mam_queue_unref(queue);
}

static enum tct_verdict begin(struct tct_mod *m, struct tct_event *ev, struct mam_query *q,
	bool metadata)
{
	const char *queryid = tct_attr(tct_stanza_payload(ev->stanza), "queryid");
	struct mam_queue *queue = queue_of(m, ev->origin.session);
	struct tct_request *rq;
	struct query *query;

	if (queue->count >= QUEUE_MAX) {
		mam_query_fini(q);
		return tct_refuse(ev, TCT_RESOURCE_CONSTRAINT, "too many queries wait");
	}
	rq = tct_defer(m, ev);
	query = tct_scope_alloc(tct_request_scope(rq), sizeof *query, query_end);
	query->rq = rq;
	query->session = ev->origin.session;
	query->q = *q;
	query->metadata = metadata;
	query->queryid = queryid != NULL ? strdup(queryid) : NULL;
	query->queue = queue;
	query->retractions = ((struct mam_data *)tct_mod_data(m))->retractions_made;
	queue->refs++;
	queue->count++;
	*queue->last = query;
	queue->last = &query->next;
	if (queue->first == query)
		run(tct_request_scope(rq), query);
	return TCT_HANDLED;
}

/* ---- what is sent ---- */

static void send_row(struct query *query, const struct tct_archive_row *row)
{
	struct tct_mod *m = tct_request_mod(query->rq);
	const struct mam_data *data = tct_mod_data(m);
	const struct tct_jid *self = tct_entity_jid(tct_session_entity(query->session));
	struct tct_stanza *st = tct_stanza_new(
		TCT_MESSAGE_NORMAL, self, tct_session_jid(query->session), NULL);
	struct tct_elem *result = tct_add(tct_stanza_root(st), NS_MAM, "result");
	struct tct_elem *forwarded = tct_add(result, "urn:xmpp:forward:0", "forwarded");
	char id[MAM_ID_SIZE], stamp[TCT_TIME_SIZE];

	mam_id_text(&data->ids, tct_session_user(query->session), row->id, id);
	tct_set(result, "queryid", query->queryid);
	tct_set(result, "id", id);
	tct_time_text(stamp, row->time, true);
	tct_set(tct_add(forwarded, "urn:xmpp:delay", "delay"), "stamp", stamp);
	if (mam_add_row(m, forwarded, &row->value) == NULL)
		tct_log_warn(m, "a message in the archive of \"%s\" cannot be read",
			tct_jid_text(self));
	tct_session_send(query->session, st);
}

static void add_id(struct query *query, struct tct_elem *set, const char *name, uint64_t id)
{
	const struct mam_data *data = tct_mod_data(tct_request_mod(query->rq));
	char text[MAM_ID_SIZE];

	mam_id_text(&data->ids, tct_session_user(query->session), id, text);
	tct_add_text(set, name, text);
}

/* The answer to the request: the page is whole. The request has ended then. */
static void finish(struct query *query, const struct tct_archive_row *const *rows, size_t count,
	bool complete, int64_t total)
{
	struct tct_stanza *st = tct_request_result(query->rq);
	struct tct_elem *fin = tct_add(tct_stanza_root(st), NS_MAM, "fin");
	struct tct_elem *set = tct_add(fin, NS_RSM, "set");
	char text[24];

	if (complete)
		tct_set(fin, "complete", "true");
	if (count > 0) {
		add_id(query, set, "first", rows[0]->id);
		add_id(query, set, "last", rows[count - 1]->id);
	}
	if (total >= 0) {
		tct_set_int(set, "count", total);
		memcpy(text, tct_attr(set, "count"), strlen(tct_attr(set, "count")) + 1);
		tct_set(set, "count", NULL);
		tct_add_text(set, "count", text);
	}
	tct_request_answer(query->rq, st);
}

static void send_page(struct query *query, const struct tct_archive_row *const *rows,
	size_t count, bool complete)
{
	for (size_t i = 0; i < count; i++)
		send_row(query, rows[query->q.flip ? count - 1 - i : i]);
	finish(query, rows, count, complete, -1);
}

static bool failed(struct query *query, int status)
{
	if (status == TCT_OK)
		return false;
	tct_request_refuse(query->rq, TCT_INTERNAL_SERVER_ERROR, "the archive cannot be read");
	return true;
}

static struct tct_archive *archive_of(const struct query *query)
{
	return ((struct mam_data *)tct_mod_data(tct_request_mod(query->rq)))->archive;
}

/* ---- pages ---- */

static void on_page(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	const struct tct_archive_row *rows[TCT_ARCHIVE_PAGE_MAX];
	struct query *query = data;

	(void)scope;
	if (failed(query, page->status))
		return;
	for (size_t i = 0; i < page->count; i++)
		rows[i] = &page->rows[i];
	if (page->count > 0 && query->page.with == NULL)
		mam_fetched(tct_request_mod(query->rq), query->session, page->rows[0].id,
			page->rows[page->count - 1].id);
	send_page(query, rows, page->count, page->complete != 0);
}

static void on_count(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct query *query = data;

	(void)scope;
	if (failed(query, page->status))
		return;
	finish(query, NULL, 0, page->complete != 0 && page->count == 0,
		page->complete != 0 ? (int64_t)page->count : -1);
}

static void find(struct query *query)
{
	const char *user = tct_session_user(query->session);

	if (query->q.max == 0) {
		query->page.limit = COUNT_MAX;
		query->page.reverse = 0;
		tct_archive_count(tct_request_scope(query->rq), archive_of(query), user,
			&query->page, on_count, query);
		return;
	}
	tct_archive_find(tct_request_scope(query->rq), archive_of(query), user, &query->page,
		on_page, query);
}

/* ---- rows that were named ---- */

static bool in_page(const struct query *query, const struct tct_archive_row *row)
{
	const struct tct_archive_query *p = &query->page;
	const char *with = row->with;

	if (row->id <= p->after || (p->before != 0 && row->id >= p->before) ||
		row->time < p->start || (p->end != 0 && row->time > p->end))
		return false;
	if (p->with == NULL || strcmp(with, p->with) == 0)
		return true;
	return (p->flags & TCT_ARCHIVE_BARE) != 0 &&
		strncmp(with, p->with, strlen(p->with)) == 0 && with[strlen(p->with)] == '/';
}

/* The page among the rows with the ids of the query. */
static void send_named(struct query *query, const struct tct_archive_page *page)
{
	const struct tct_archive_row *rows[MAM_IDS_MAX];
	size_t count = 0, first = 0, total, bytes = 0;

	for (size_t i = 0; i < page->count; i++) {
		if (in_page(query, &page->rows[i]))
			rows[count++] = &page->rows[i];
	}
	if (query->q.max == 0) {
		finish(query, NULL, 0, count == 0, (int64_t)count);
		return;
	}
	total = count;
	while (count > query->page.limit) {
		first += query->q.backward;
		count--;
	}
	for (size_t i = 0; i < count; i++)
		bytes += rows[first + i]->value.bytes.len;
	while (count > 1 && bytes > PAGE_BYTES) {
		bytes -= rows[query->q.backward ? first : first + count - 1]->value.bytes.len;
		first += query->q.backward;
		count--;
	}
	send_page(query, rows + first, count, count == total);
}

static size_t named(const struct query *query, uint64_t ids[MAM_IDS_MAX + 4])
{
	const uint64_t others[] = { query->q.after, query->q.before, query->q.after_field,
		query->q.before_field };
	size_t count = query->q.id_count;

	memcpy(ids, query->q.ids, count * sizeof *ids);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (others[i] != 0)
			ids[count++] = others[i];
	}
	return count;
}

/* All that the client named must be there, and not have become too old. */
static void on_named(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct query *query = data;
	uint64_t ids[MAM_IDS_MAX + 4];
	size_t count = named(query, ids);
	uint64_t floor = mam_floor(tct_request_mod(query->rq));
	bool gone = page->count < count;
	struct tct_archive_page some = *page;

	(void)scope;
	if (failed(query, page->status))
		return;
	for (size_t i = 0; i < page->count; i++)
		gone |= page->rows[i].id < floor;
	if (gone) {
		tct_request_refuse(query->rq, TCT_ITEM_NOT_FOUND, NULL);
		return;
	}
	some.count = query->q.id_count; /* they come first */
	if (query->q.by_ids)
		send_named(query, &some);
	else
		find(query);
}

/* ---- metadata ---- */

static void add_end(struct tct_mod *m, const char *user, struct tct_elem *metadata,
	const char *name, uint64_t id)
{
	const struct mam_data *data = tct_mod_data(m);
	struct tct_elem *e = tct_add(metadata, NULL, name);
	char text[MAM_ID_SIZE], stamp[TCT_TIME_SIZE];

	mam_id_text(&data->ids, user, id, text);
	tct_set(e, "id", text);
	tct_time_text(stamp, (int64_t)(id >> 8), true);
	tct_set(e, "timestamp", stamp);
}

void mam_add_metadata(struct tct_mod *m, const char *user, uint64_t oldest, uint64_t newest,
	struct tct_elem *parent)
{
	struct tct_elem *metadata = tct_add(parent, NS_MAM, "metadata");

	if (newest == 0)
		return;
	add_end(m, user, metadata, "start", oldest);
	add_end(m, user, metadata, "end", newest);
}

/* First the oldest row, then the newest. */
static void on_end_row(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct query *query = data;
	struct tct_stanza *st;

	if (failed(query, page->status))
		return;
	if (page->count > 0 && !query->page.reverse) {
		query->oldest = page->rows[0].id;
		query->page.reverse = 1;
		tct_archive_find(scope, archive_of(query), tct_session_user(query->session),
			&query->page, on_end_row, query);
		return;
	}
	st = tct_request_result(query->rq);
	mam_add_metadata(tct_request_mod(query->rq), tct_session_user(query->session),
		query->oldest, page->count > 0 ? page->rows[0].id : 0, tct_stanza_root(st));
	tct_request_answer(query->rq, st);
}

/* ---- running ---- */

static uint64_t latest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void prepare(struct query *query)
{
	struct tct_mod *m = tct_request_mod(query->rq);
	const struct mam_config *config = tct_mod_config(m);
	struct tct_archive_query *page = &query->page;
	const struct mam_query *q = &query->q;
	uint64_t floor = mam_floor(m);

	*page = (struct tct_archive_query){ .size = sizeof *page, .bytes = PAGE_BYTES };
	page->limit = (uint32_t)config->page_size;
	if (query->metadata)
		page->limit = 1;
	else if (q->max >= 0 && q->max < config->page_size)
		page->limit = (uint32_t)q->max;
	page->after = latest(latest(q->after, q->after_field), floor > 0 ? floor - 1 : 0);
	page->before = earliest(q->before, q->before_field);
	page->start = q->start;
	page->end = q->end;
	page->reverse = q->backward;
	page->flags = TCT_ARCHIVE_SETTLED; /* who has synchronised asks for what is behind that */
	if (q->with != NULL) {
		page->with = tct_jid_text(q->with);
		page->flags |= tct_jid_resource(q->with) == NULL ? TCT_ARCHIVE_BARE : 0;
	}
}

static void run(struct tct_scope *scope, void *data)
{
	struct query *query = data;
	const char *user = tct_session_user(query->session);
	uint64_t ids[MAM_IDS_MAX + 4];
	size_t count;

	/* What was taken back before is not shown any more. */
	if (tct_session_waiting(query->session) > PACE_BYTES ||
		mam_retract_waits(tct_request_mod(query->rq), user, query->retractions)) {
		tct_timer_start(scope, PACE_MS, 0, run, query);
		return;
	}
	prepare(query);
	count = named(query, ids);
	if (query->metadata)
		tct_archive_find(scope, archive_of(query), user, &query->page, on_end_row, query);
	else if (count > 0 || query->q.by_ids)
		tct_archive_get(scope, archive_of(query), user, ids, count, 0, on_named, query);
	else
		find(query);
}

/* ---- what clients ask ---- */

enum tct_verdict mam_on_query(struct tct_mod *m, struct tct_event *ev)
{
	const struct mam_data *data = tct_mod_data(m);
	struct mam_query q;
	uint32_t problem;

	if (ev->origin.session == NULL)
		return tct_refuse_unknown(ev);
	problem = mam_query_read(
		&q, tct_stanza_payload(ev->stanza), &data->ids, tct_event_user(ev));
	if (problem != 0) {
		mam_query_fini(&q);
		return tct_refuse(ev, problem, NULL);
	}
	return begin(m, ev, &q, false);
}

enum tct_verdict mam_on_metadata(struct tct_mod *m, struct tct_event *ev)
{
	struct mam_query q = { .max = -1 };

	if (ev->origin.session == NULL)
		return tct_refuse_unknown(ev);
	return begin(m, ev, &q, true);
}

enum tct_verdict mam_on_form(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_stanza *st = tct_result(ev);

	(void)m;
	mam_form_add(tct_add(tct_stanza_root(st), NS_MAM, "query"));
	return tct_reply(ev, st);
}

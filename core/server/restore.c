/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* restore.c - see restore.h. */
#include "core/server/restore.h"

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/host.h"
#include "core/server/row.h"
#include "core/server/turn.h"
#include "core/store/value.h"
#include "core/xml/elem.h"
#include "core/xml/parse.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"

#include <tercet/internal/peers.h>

#include <stdlib.h>

#define ROWS_AT_ONCE 250
#define ROWS_BYTES (1024u * 1024)

/* ---- what is written down ---- */

static void save_presence(const struct tct_session *s, struct tct_record *out)
{
	struct tct_value xml;

	if (s->presence == NULL)
		return;
	xml = tct_stanza_xml(s->presence);
	tct_record_set_bytes(out, "presence", xml.bytes.data, xml.bytes.len);
	tct_record_set_int(out, "priority", s->priority);
	tct_record_set_int(out, "presence_time", s->presence_time);
}

void tcti_session_save(const struct tct_session *s, struct tct_record *out)
{
	tct_record_set_string(out, "resource", tct_jid_resource(s->jid));
	tct_record_set_int(out, "since", s->since);
	save_presence(s, out);
	inbound_save(&s->inbound, out);
	slots_save(&s->slots, out);
}

uint64_t tcti_session_state(const struct tct_session *s)
{
	struct tct_record *r = tct_record_new();
	struct tct_value v;
	uint64_t hash;

	slots_save(&s->slots, r);
	v = tct_record_value(r);
	hash = hash_bytes(v.bytes.data, v.bytes.len);
	tct_record_free(r);
	return hash;
}

/* A stanza of ours, as it was stored; NULL: it is none. */
static struct tct_stanza *read_stanza(const char *data, size_t len)
{
	struct tct_stanza *st;
	struct tct_elem *root;
	struct arena a;
	uint32_t problem;

	arena_init(&a);
	if (parse_stored(span_make(data, len), &a, &root) != TCT_OK) {
		arena_fini(&a);
		return NULL;
	}
	st = stanza_from_elem(&a, root, &problem);
	if (problem == 0)
		return st;
	tct_stanza_unref(st);
	return NULL;
}

static void restore_presence(struct tct_session *s, const struct tct_value *saved)
{
	struct tct_stanza *st;
	struct tct_value xml;

	if (!tct_record_find(saved, "presence", &xml) || xml.kind != TCT_VALUE_BYTES)
		return;
	st = read_stanza(xml.bytes.data, xml.bytes.len);
	if (st == NULL)
		return;
	s->presence = stanza_compact(st);
	s->priority = (int8_t)tct_record_int(saved, "priority", 0);
	s->presence_time = tct_record_int(saved, "presence_time", s->since);
	tct_stanza_unref(st);
}

static bool restore_modules(struct tct_session *s, const struct tct_value *saved)
{
	const struct module_host *mh = &s->entity->host->mh;

	for (size_t i = 0; i < mh->instances.count; i++) {
		struct tct_mod *m = mh->instances.items[i];

		if (slots_restore(&s->slots, SLOTS_SESSION, m, saved) != TCT_OK) {
			log_warn("mod_%s cannot take up the session of \"%s\" again", m->name,
				tct_jid_text(s->jid));
			return false;
		}
	}
	return true;
}

int tcti_session_restore(struct tct_entity *e, const struct tct_value *saved,
	struct tct_session **out)
{
	const char *resource = tct_record_string(saved, "resource", NULL);
	struct tct_session *s;

	if (resource == NULL || tct_entity_session_find(e, resource) != NULL)
		return TCT_EINVAL;
	s = session_new(e, tct_jid_make(tct_entity_user(e), e->host->name, resource));
	if (s == NULL)
		return TCT_EINVAL;
	s->since = tct_record_int(saved, "since", s->since);
	restore_presence(s, saved);
	inbound_restore(&s->inbound, saved);
	if (!restore_modules(s, saved)) {
		session_drop(s);
		return TCT_EINVAL;
	}
	*out = s;
	return TCT_OK;
}

void tcti_session_restored(struct tct_session *s)
{
	hook_session_notice(&s->entity->host->hooks, TCT_SESSION_RESTORED, s);
}

/* ---- at stop ---- */

static void save(struct tct_session *s)
{
	if (!session_survives(s))
		return;
	tct_session_let_go(s); /* what waits behind other messages is a part of the queue */
	pipe_release(&s->pipe); /* what is held is saved when it is counted */
	if (s->pipe_ops->save(s->pipe_mod, s))
		session_drop(s);
}

void sessions_save(void)
{
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h)) {
		size_t at = 0;
		void *value;

		while (map_next(&h->entities, &at, NULL, &value)) {
			list_each (node, &((struct tct_entity *)value)->sessions)
				save(list_entry(node, struct tct_session, link));
		}
	}
}

/* ---- who knows what a row looks like ---- */

struct row_source {
	struct list link; /* in host->row_sources */
	struct scope_node node;
	struct tct_mod *mod;
	struct tct_archive *archive;
	tct_row_restored_fn *fn;
};

static void drop_source(struct scope_node *node)
{
	struct row_source *source = list_entry(node, struct row_source, node);

	list_remove(&source->link);
	free(source);
}

/* What the instance before this one kept is on its way still, perhaps. */
static tct_row_done_fn *ask_again(struct tct_entity *e, uint64_t id, void *data)
{
	struct row_source *source = data;
	tct_row_done_fn *done;
	struct arena a;

	arena_init(&a);
	mod_enter(source->mod);
	done = source->fn(source->mod, e, id, elem_new(&a, "jabber:client", "extra"));
	mod_leave(source->mod);
	arena_fini(&a);
	return done;
}

static void adopt(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct row_source *source = data;

	(void)scope;
	if (status == TCT_OK)
		rows_adopt(source->mod, source->archive, e, ask_again, source);
}

/* Whether it still waits is in the account's rows. */
static void look_for_orphans(void *data)
{
	struct row_source *source = data;
	struct tct_mod *m = source->mod;
	size_t at = 0;
	void *value;

	while (map_next(&m->host->entities, &at, NULL, &value)) {
		struct tct_entity *e = value;

		if (!list_empty(&e->orphans))
			tct_entity_load(&m->scope, m->host, tct_entity_user(e), adopt, source);
	}
}

void tct_on_row(struct tct_mod *m, struct tct_archive *a, tct_row_restored_fn *fn)
{
	struct row_source *source = mem_zalloc(sizeof *source);

	source->mod = m;
	source->archive = a;
	source->fn = fn;
	list_push(&m->host->row_sources, &source->link);
	scope_add(&m->scope, &source->node, drop_source);
	turn_call(&m->scope, look_for_orphans, source);
}

/* ---- the rows of an account that are marked ---- */

struct tcti_row {
	struct tct_entity *entity;
	struct tct_archive *archive;
	const struct tct_archive_row *row;
	struct row *shared; /* of all copies that are made here; NULL: none yet */
};

struct search {
	struct tct_entity *entity; /* held */
	struct tct_mod *mod;
	struct tct_archive **archives; /* to look through, the current one first */
	size_t archive_count, at;
	uint64_t after;
	tcti_mark_fn *fn;
	tcti_marks_done_fn *done;
	void *data;
};

/* Also when the module ends over it. */
static void search_fini(void *block)
{
	struct search *search = block;

	free(search->archives);
	entity_release(search->entity);
}

static void search_end(struct search *search, int status)
{
	search->done(search->mod, search->entity, status, search->data);
	tct_scope_free(search);
}

static void look_at_row(struct search *search, const struct tct_archive_row *row)
{
	const struct span *bytes = row->marks;
	struct tcti_row r = { search->entity, search->archives[search->at], row, NULL };
	size_t count = value_mark_count(*bytes);

	for (size_t i = count; i-- > 0;) { /* the oldest is the last */
		struct tcti_mark mark;
		struct mark m;

		value_mark_get(*bytes, i, &m);
		mark = (struct tcti_mark){ m.session, m.number, m.floor, m.kind };
		search->fn(search->mod, &r, &mark, search->data);
	}
	if (r.shared != NULL)
		row_unref(r.shared);
}

static void search_next(struct search *search);

static void found(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct search *search = data;

	(void)scope;
	if (page->status != TCT_OK) {
		search_end(search, page->status);
		return;
	}
	for (size_t i = 0; i < page->count; i++) {
		look_at_row(search, &page->rows[i]);
		search->after = page->rows[i].id;
	}
	if (page->complete || page->count == 0) {
		search->at++;
		search->after = 0;
	}
	search_next(search);
}

static void search_next(struct search *search)
{
	struct tct_archive_query q = { .size = sizeof q, .limit = ROWS_AT_ONCE,
		.bytes = ROWS_BYTES, .after = search->after };

	if (search->at == search->archive_count) {
		search_end(search, TCT_OK);
		return;
	}
	tct_archive_find(tct_mod_scope(search->mod), search->archives[search->at],
		tct_entity_user(search->entity), &q, found, search);
}

void tcti_entity_marks(struct tct_mod *m, struct tct_entity *e, uint64_t from, tcti_mark_fn *fn,
	tcti_marks_done_fn *done, void *data)
{
	struct search *search = tct_scope_alloc(tct_mod_scope(m), sizeof *search, search_fini);
	size_t room = 0;

	search->entity = e;
	search->mod = m;
	search->fn = fn;
	search->done = done;
	search->data = data;
	search->after = from > 0 ? from - 1 : 0;
	entity_hold(e);
	list_each (node, &e->host->row_sources)
		room++;
	search->archives = mem_zalloc((room + 1) * sizeof *search->archives);
	list_each (node, &e->host->row_sources) {
		struct tct_archive *a = list_entry(node, struct row_source, link)->archive;
		bool known = false;

		for (size_t i = 0; i < search->archive_count; i++)
			known |= search->archives[i] == a;
		if (!known)
			search->archives[search->archive_count++] = a;
	}
	search_next(search);
}

uint64_t tcti_row_id(const struct tcti_row *row)
{
	return row->row->id;
}

struct tct_stanza *tcti_row_stanza(const struct tcti_row *row)
{
	return tcti_stanza_load(&row->row->value);
}

/* Everybody who knows the archive says what clients see with the row. */
static void ask_sources(struct tcti_row *row, struct row *shared, struct tct_elem *extra)
{
	list_each (node, &row->entity->host->row_sources) {
		struct row_source *source = list_entry(node, struct row_source, link);
		tct_row_done_fn *done;

		if (source->archive != row->archive)
			continue;
		mod_enter(source->mod);
		done = source->fn(source->mod, row->entity, row->row->id, extra);
		mod_leave(source->mod);
		if (done != NULL)
			row_watch(shared, source->mod, row->entity, done);
	}
}

/* The row that the copies share, and in `extra` what clients see with it. */
static struct row *share(struct tcti_row *row, struct tct_elem *extra)
{
	if (row->shared == NULL)
		row->shared = row_new(row->archive, row->row->id);
	ask_sources(row, row->shared, extra);
	return row->shared;
}

struct delivery *tcti_row_delivery(struct tcti_row *row, const struct tcti_mark *mark)
{
	struct tct_stanza *st = tcti_row_stanza(row);
	struct tct_elem *extra;
	struct delivery *d;
	struct row *shared;
	struct arena a;

	if (st == NULL || mark->kind != MARK_TO) {
		tct_stanza_unref(st);
		return NULL;
	}
	arena_init(&a);
	extra = elem_new(&a, "jabber:client", "extra");
	shared = share(row, extra);
	d = delivery_new(st, NULL, extra);
	row_copy(shared, d);
	arena_fini(&a);
	tct_stanza_unref(st);
	return d;
}

bool tcti_row_marked(const struct tcti_row *row, uint64_t session)
{
	const struct span *bytes = row->row->marks;

	for (size_t i = value_mark_count(*bytes); i-- > 0;) {
		struct mark m;

		value_mark_get(*bytes, i, &m);
		if (m.session == session)
			return true;
	}
	return false;
}

void tcti_row_taken(struct tcti_row *row)
{
	struct arena a;

	arena_init(&a);
	share(row, elem_new(&a, "jabber:client", "extra"))->taken = true;
	arena_fini(&a);
}

/* ---- deliveries as they are ---- */

void tcti_delivery_save(const struct delivery *d, struct tct_record *out, const char *field)
{
	struct str bytes = { 0 };

	delivery_write(d, &bytes);
	tct_record_set_bytes(out, field, bytes.data, bytes.len);
	str_fini(&bytes);
}

struct delivery *tcti_delivery_load(const struct tct_value *bytes)
{
	struct tct_stanza *st = bytes->kind == TCT_VALUE_BYTES ?
		read_stanza(bytes->bytes.data, bytes->bytes.len) :
		NULL;
	struct delivery *d = st != NULL ? delivery_new(st, NULL, NULL) : NULL;

	tct_stanza_unref(st);
	return d;
}

struct tct_stanza *tcti_stanza_load(const struct tct_value *v)
{
	return v->kind == TCT_VALUE_XML ? read_stanza(v->bytes.data, v->bytes.len) : NULL;
}

uint64_t tcti_delivery_row(const struct delivery *d)
{
	const struct row *r = row_of(d);

	return r != NULL && r->archive != NULL ? r->id : 0;
}

void tcti_delivery_mark(struct tct_session *s, struct delivery *d, uint32_t number)
{
	struct row *r = row_of(d);
	struct mark mark = { .session = s->key, .number = number,
		.kind = (uint8_t)(MARK_TO + delivery_form(d)) };

	if (r != NULL && r->archive != NULL)
		txn_mark_stored(txn_of_turn(r->archive->kv.env), &r->archive->kv,
			tct_session_user(s), r->id, &mark);
}

struct tct_txn *tcti_txn_of_turn(struct tct_mod *m)
{
	return txn_of_turn(m->host->env);
}

bool tcti_row_open(const struct tct_kv *kv, const char *user, const char *key)
{
	return txn_row_open(kv, user, key);
}

uint64_t tcti_rows_last(const struct tct_mod *m)
{
	return env_last_id(m->host->env);
}

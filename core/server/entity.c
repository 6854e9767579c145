/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* entity.c - see entity.h. */
#include "core/server/entity.h"

#include "core/base/assert.h"
#include "core/base/budget.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/event.h"
#include "core/server/host.h"
#include "core/server/inbound.h"
#include "core/server/router.h"
#include "core/server/row.h"
#include "core/server/session.h"
#include "core/server/turn.h"
#include "core/store/store.h"
#include "core/xmpp/jid.h"

#include <stdlib.h>

/* What the rows of one entity may take; a larger one cannot be loaded. */
#define ENTITY_BYTES_MAX (16u * 1024 * 1024)

struct entity_row {
	struct tct_value value; /* points into `text` */
	uint32_t key_len, bytes;
	char text[]; /* key, NUL, value, NUL */
};

/* A write that came while the entity was being read: applied on top of what was read. */
struct entity_write {
	struct entity_write *next;
	uint32_t store;
	bool all; /* every row of the store goes */
	struct entity_row *row; /* value NONE: the row goes */
};

struct waiter {
	struct list link; /* in entity->waiters */
	struct scope_node node;
	struct tct_entity *entity;
	tct_entity_load_fn *fn;
	void *data;
};

static struct list lru = { &lru, &lru };
static size_t total_bytes, total_count, budget = 64u * 1024 * 1024;

void entities_init(size_t bytes)
{
	budget = bytes;
}

size_t entities_count(void)
{
	return total_count;
}

size_t entities_bytes(void)
{
	return total_bytes;
}

static void count_bytes(struct tct_entity *e, int64_t change)
{
	e->bytes = (uint32_t)(e->bytes + change);
	total_bytes = (size_t)((int64_t)total_bytes + change);
	if (change >= 0)
		budget_add(BUDGET_ENTITIES, (size_t)change);
	else
		budget_sub(BUDGET_ENTITIES, (size_t)-change);
}

/* ---- rows ---- */

static struct entity_row *entity_row_new(const char *key, const struct tct_value *v)
{
	size_t key_len = strlen(key);
	size_t len = v->kind == TCT_VALUE_INT || v->kind == TCT_VALUE_NONE ? 0 : v->bytes.len;
	struct entity_row *r = mem_alloc(sizeof *r + key_len + len + 2);

	r->key_len = (uint32_t)key_len;
	r->bytes = (uint32_t)(sizeof *r + key_len + len + 2);
	r->value = *v;
	memcpy(r->text, key, key_len + 1);
	if (v->kind != TCT_VALUE_INT && v->kind != TCT_VALUE_NONE) {
		char *at = r->text + key_len + 1;

		if (len > 0)
			memcpy(at, v->bytes.data, len);
		at[len] = '\0';
		r->value.bytes.data = at;
	}
	return r;
}

/* The index of the row, or of the place where it belongs. */
static uint32_t row_place(const struct entity_rows *rows, const char *key, bool *found)
{
	uint32_t low = 0, high = rows->count;

	*found = false;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int c = strcmp(rows->items[middle]->text, key);

		if (c == 0) {
			*found = true;
			return middle;
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Takes `row`; a row without value removes the one that is there. */
static void row_apply(struct tct_entity *e, uint32_t store, struct entity_row *row)
{
	struct entity_rows *rows = &e->rows[store];
	bool found, removes = row->value.kind == TCT_VALUE_NONE;
	uint32_t at = row_place(rows, row->text, &found);

	if (found) {
		count_bytes(e, -(int64_t)rows->items[at]->bytes);
		free(rows->items[at]);
	}
	if (removes) {
		free(row);
		if (found)
			memmove(&rows->items[at], &rows->items[at + 1],
				(--rows->count - at) * sizeof *rows->items);
		return;
	}
	if (!found) {
		if (rows->count == rows->room) {
			rows->room = rows->room > 0 ? rows->room * 2 : 1;
			rows->items = mem_realloc(rows->items, rows->room * sizeof *rows->items);
		}
		memmove(&rows->items[at + 1], &rows->items[at],
			(rows->count++ - at) * sizeof *rows->items);
	}
	rows->items[at] = row;
	count_bytes(e, row->bytes);
}

static void rows_clear(struct tct_entity *e, uint32_t store)
{
	struct entity_rows *rows = &e->rows[store];

	for (uint32_t i = 0; i < rows->count; i++) {
		count_bytes(e, -(int64_t)rows->items[i]->bytes);
		free(rows->items[i]);
	}
	rows->count = 0;
}

static void rows_free(struct tct_entity *e)
{
	for (uint32_t i = 0; i < e->row_sets; i++) {
		rows_clear(e, i);
		free(e->rows[i].items);
	}
	free(e->rows);
	e->rows = NULL;
	e->row_sets = 0;
}

static void late_free(struct tct_entity *e)
{
	while (e->late != NULL) {
		struct entity_write *w = e->late;

		e->late = w->next;
		free(w->row);
		free(w);
	}
}

/* ---- life ---- */

struct tct_entity *entity_find(const struct tct_host *h, struct span user)
{
	return map_get(&h->entities, user);
}

static void forget(struct event *ev, void *data)
{
	(void)data;
	event_free(ev);
}

static void entity_free(struct tct_entity *e)
{
	tct_assert(e->pins == 0 && list_empty(&e->sessions));
	scope_end(&e->scope);
	lane_clear(&e->looks, forget, NULL);
	slots_end(&e->slots);
	rows_free(e);
	late_free(e);
	map_remove(&e->host->entities, span_of(tct_entity_user(e)));
	list_remove(&e->lru);
	total_count--;
	total_bytes -= sizeof *e;
	budget_sub(BUDGET_ENTITIES, sizeof *e);
	tct_jid_unref(e->jid);
	free(e);
}

static bool idle(const struct tct_entity *e)
{
	return e->pins == 0 && e->session_count == 0 && list_empty(&e->lane.events) &&
		e->state != ENTITY_LOADING && !slots_busy(&e->slots) && e != e->host->self;
}

void entities_evict(size_t bytes)
{
	size_t target = total_bytes > bytes ? total_bytes - bytes : 0;
	unsigned looks = 0;

	list_each (node, &lru) {
		struct tct_entity *e = list_entry(node, struct tct_entity, lru);

		if (total_bytes <= target || looks++ > 64)
			return;
		if (idle(e))
			entity_free(e);
	}
}

static struct tct_entity *entity_new(struct tct_host *h, struct span user)
{
	struct tct_entity *e;
	char name[1024];

	if (total_bytes > budget)
		entities_evict(total_bytes - budget);
	tct_assert(user.len < sizeof name);
	memcpy(name, user.data != NULL ? user.data : "", user.len);
	name[user.len] = '\0';
	e = mem_zalloc(sizeof *e);
	e->host = h;
	e->jid = user.len > 0 ? tct_jid_make(name, h->name, NULL) : tct_jid_ref(h->jid);
	tct_assert(e->jid != NULL);
	list_init(&e->sessions);
	list_init(&e->waiters);
	list_init(&e->orphans);
	lane_init(&e->lane);
	lane_init(&e->looks);
	scope_init(&e->scope, NULL);
	list_push(&lru, &e->lru);
	map_put(&h->entities, span_of(tct_entity_user(e)), e);
	total_count++;
	total_bytes += sizeof *e;
	budget_add(BUDGET_ENTITIES, sizeof *e);
	return e;
}

static struct tct_entity *used(struct tct_entity *e)
{
	list_remove(&e->lru);
	list_push(&lru, &e->lru);
	return e;
}

struct tct_entity *entity_get(struct tct_host *h, struct span user)
{
	struct tct_entity *e = map_get(&h->entities, user);

	return e != NULL ? used(e) : entity_new(h, user);
}

struct tct_entity *entity_get_jid(struct tct_host *h, const struct tct_jid *jid)
{
	struct span user = jid_node_span(jid);
	struct tct_entity *e = map_get_hashed(&h->entities, user, jid_node_hash(jid));

	return e != NULL ? used(e) : entity_new(h, user);
}

void entity_pin(struct tct_entity *e)
{
	e->pins++;
}

void entity_unpin(struct tct_entity *e)
{
	tct_assert(e->pins > 0);
	e->pins--;
}

void entities_drop(struct tct_host *h)
{
	size_t at = 0;
	void *value;

	while (map_next(&h->entities, &at, NULL, &value)) {
		struct tct_entity *e = value;

		rows_forget(e);
		e->pins = 0;
		entity_free(e);
	}
}

/* ---- reading for nothing ---- */

static void look_end(struct tct_entity *e)
{
	if (!e->looks.held)
		return;
	lane_release(&e->looks);
	entity_unpin(e);
}

static void looked(struct tct_scope *scope, const struct store_preloaded *p, void *data)
{
	(void)scope;
	(void)p;
	look_end(data);
}

bool entity_reads(const struct tct_entity *e)
{
	return e->host->env != NULL && e->host->preload.count > 0;
}

bool entity_look(struct tct_entity *e, struct event *ev)
{
	struct tct_host *h = e->host;

	if (!lane_park(&e->looks, ev))
		return false;
	if (e->looks.held)
		return true; /* as all who ask for an account that is being loaded */
	e->looks.held = true;
	entity_pin(e);
	store_preload(h->env, h->preload.items, h->preload.count, tct_entity_user(e), &e->scope,
		looked, e);
	return true;
}

/* Whatever was being read does not come any more. */
static void stop_reading(struct tct_entity *e)
{
	scope_end(&e->scope);
	scope_init(&e->scope, NULL);
	look_end(e);
}

/* ---- loading ---- */

/* `data`: the status. A server that has counted the stanza keeps it, and sends it again to the
 * next life of ours. */
static void refuse_parked(struct event *ev, void *data)
{
	if (*(const int *)data == TCT_ECANCELED && inbound_forget(ev->inbound)) {
		ev->inbound = NULL;
		event_free(ev);
		return;
	}
	if (ev->pub.stanza != NULL) {
		router_refuse(ev, TCT_RESOURCE_CONSTRAINT, "the store cannot be read");
		return;
	}
	/* A session ends without any store, too. */
	session_end(ev->pub.origin.session);
	event_free(ev);
}

/* Calls who waits; each in its own right, for a callback may end anything. */
static void call_waiters(struct tct_entity *e, int status)
{
	struct list *node;

	while ((node = list_pop(&e->waiters)) != NULL) {
		struct waiter *w = list_entry(node, struct waiter, link);
		struct tct_scope *scope = w->node.scope;

		scope_remove(&w->node);
		w->fn(scope, status == TCT_OK ? e : NULL, status, w->data);
		entity_unpin(e);
		free(w);
	}
}

static void apply_late(struct tct_entity *e)
{
	while (e->late != NULL) {
		struct entity_write *w = e->late;

		e->late = w->next;
		if (w->all)
			rows_clear(e, w->store);
		else
			row_apply(e, w->store, w->row);
		free(w);
	}
}

static void load_failed(struct tct_entity *e, int status)
{
	rows_free(e);
	late_free(e);
	e->state = ENTITY_COLD;
	e->lane.held = false;
	lane_clear(&e->lane, refuse_parked, &status);
	call_waiters(e, status);
}

static bool ready(const struct tct_entity *e)
{
	return e->state == ENTITY_LOADED && e->holds == 0;
}

static void load_finish(struct tct_entity *e)
{
	if (!ready(e))
		return;
	call_waiters(e, TCT_OK);
	lane_release(&e->lane);
}

void entity_hold(struct tct_entity *e)
{
	e->holds++;
	entity_pin(e);
}

void entity_release(struct tct_entity *e)
{
	tct_assert(e->holds > 0);
	e->holds--;
	load_finish(e);
	entity_unpin(e);
}

static void load_done(struct tct_entity *e, int status)
{
	entity_pin(e);
	if (status == TCT_OK) {
		apply_late(e);
		e->state = ENTITY_LOADED;
		e->exists = e == e->host->self ||
			(e->host->auth != NULL && e->host->auth->exists(e->host->auth_mod, e));
		hook_entity_notice(&e->host->hooks, TCT_ENTITY_LOADED, e);
		load_finish(e);
	} else {
		log_error("cannot read the data of \"%s\" (%s)", tct_jid_text(e->jid),
			tct_code_text(status));
		load_failed(e, status);
	}
	entity_unpin(e);
}

static void loaded(struct tct_scope *scope, const struct store_preloaded *p, void *data)
{
	struct tct_entity *e = data;
	size_t bytes = 0;

	(void)scope;
	if (p->status != TCT_OK) {
		load_done(e, p->status);
		return;
	}
	rows_free(e);
	e->row_sets = (uint32_t)e->host->preload.count;
	e->rows = mem_zalloc((e->row_sets + 1) * sizeof *e->rows);
	for (size_t i = 0; i < p->count; i++) {
		bytes += sizeof(struct entity_row) + p->rows[i].value.bytes.len;
		if (bytes > ENTITY_BYTES_MAX) {
			load_done(e, TCT_EFULL);
			return;
		}
		row_apply(e, (uint32_t)p->rows[i].store,
			entity_row_new(p->rows[i].key, &p->rows[i].value));
	}
	load_done(e, TCT_OK);
}

static void load_empty(void *data)
{
	struct tct_entity *e = data;

	e->rows = mem_zalloc(sizeof *e->rows);
	load_done(e, TCT_OK);
}

static void load_start(struct tct_entity *e)
{
	struct tct_host *h = e->host;

	e->state = ENTITY_LOADING;
	e->stale = false;
	e->lane.held = true;
	if (h->env == NULL || h->preload.count == 0) {
		turn_call(&e->scope, load_empty, e);
		return;
	}
	store_preload(h->env, h->preload.items, h->preload.count, tct_entity_user(e), &e->scope,
		loaded, e);
}

bool entity_ready(struct tct_entity *e)
{
	if (e->state == ENTITY_COLD)
		load_start(e);
	return ready(e);
}

void entities_reload(struct tct_host *h)
{
	size_t at = 0;
	void *value;

	while (map_next(&h->entities, &at, NULL, &value)) {
		struct tct_entity *e = value;

		if (e->state == ENTITY_LOADED) {
			rows_free(e);
			e->state = ENTITY_COLD;
		} else if (e->state == ENTITY_LOADING) {
			stop_reading(e);
			late_free(e);
			load_start(e);
		}
	}
}

void entities_stop(struct tct_host *h)
{
	size_t at = 0;
	void *value;

	h->auth = NULL;
	h->roster = NULL;
	while (map_next(&h->entities, &at, NULL, &value)) {
		struct tct_entity *e = value;

		if (e->state != ENTITY_LOADING && e->holds == 0)
			continue;
		stop_reading(e);
		entity_pin(e);
		load_failed(e, TCT_ECANCELED);
		entity_unpin(e);
	}
}

static void drop_waiter(struct scope_node *node)
{
	struct waiter *w = list_entry(node, struct waiter, node);

	list_remove(&w->link);
	entity_unpin(w->entity);
	free(w);
}

static void call_later(void *data)
{
	struct tct_entity *e = data;

	if (ready(e))
		call_waiters(e, TCT_OK);
}

void tct_entity_load(struct tct_scope *scope, struct tct_host *h, const char *user,
	tct_entity_load_fn *fn, void *data)
{
	struct tct_entity *e = entity_get(h, span_of(user));
	struct waiter *w = mem_zalloc(sizeof *w);

	entity_pin(e);
	w->entity = e;
	w->fn = fn;
	w->data = data;
	list_push(&e->waiters, &w->link);
	scope_add(scope, &w->node, drop_waiter);
	if (entity_ready(e))
		turn_call(&e->scope, call_later, e);
}

/* ---- writes follow at once ---- */

static bool store_index(const struct tct_host *h, const struct tct_kv *kv, uint32_t *index)
{
	*index = kv->preload_at;
	if (*index < h->preload.count && h->preload.items[*index] == kv)
		return true;
	for (size_t i = 0; i < h->preload.count; i++) {
		if (h->preload.items[i] == kv) {
			*index = (uint32_t)i;
			return true;
		}
	}
	return false;
}

static void write_late(struct tct_entity *e, uint32_t store, struct entity_row *row)
{
	struct entity_write *w = mem_zalloc(sizeof *w), **at = &e->late;

	w->store = store;
	w->row = row;
	w->all = row == NULL;
	while (*at != NULL)
		at = &(*at)->next;
	*at = w;
}

void entity_written(struct tct_kv *kv, const char *user, const char *key,
	const struct tct_value *value)
{
	struct tct_host *h = kv_host(kv);
	struct tct_value none = { .kind = TCT_VALUE_NONE };
	struct entity_row *row;
	struct tct_entity *e;
	uint32_t index;

	if (h == NULL || !store_index(h, kv, &index))
		return;
	/* A cold entity is read now: the read that a later event starts could pass this
	 * write, which is not submitted yet. */
	e = entity_get(h, span_of(user));
	entity_ready(e);
	row = key != NULL ? entity_row_new(key, value != NULL ? value : &none) : NULL;
	if (e->state == ENTITY_LOADING) {
		write_late(e, index, row);
		return;
	}
	if (row == NULL)
		rows_clear(e, index);
	else
		row_apply(e, index, row);
	if (h->auth != NULL && e != h->self)
		e->exists = h->auth->exists(h->auth_mod, e);
}

void entity_rolled_back(struct tct_kv *kv, const char *user)
{
	struct tct_host *h = kv_host(kv);
	struct tct_entity *e = h != NULL ? entity_find(h, span_of(user)) : NULL;
	uint32_t index;

	if (e == NULL || !store_index(h, kv, &index))
		return;
	if (e->state == ENTITY_LOADED) {
		slots_forget(&e->slots);
		rows_free(e);
		e->state = ENTITY_COLD;
	} else if (e->state == ENTITY_LOADING) {
		stop_reading(e);
		late_free(e);
		load_start(e);
	}
}

/* ---- the public functions ---- */

struct tct_host *tct_entity_host(const struct tct_entity *e)
{
	return e->host;
}

const struct tct_jid *tct_entity_jid(const struct tct_entity *e)
{
	return e->jid;
}

const char *tct_entity_user(const struct tct_entity *e)
{
	const char *node = tct_jid_node(e->jid);

	return node != NULL ? node : "";
}

bool tct_entity_exists(const struct tct_entity *e)
{
	return e->exists;
}

void *tct_entity_data(struct tct_mod *m, struct tct_entity *e)
{
	return slots_data(&e->slots, SLOTS_ENTITY, m);
}

struct tct_scope *tct_entity_scope(struct tct_mod *m, struct tct_entity *e)
{
	return slots_scope(&e->slots, SLOTS_ENTITY, m);
}

bool tct_entity_get(const struct tct_entity *e, const struct tct_kv *kv, const char *key,
	struct tct_value *value)
{
	uint32_t index, at;
	bool found;

	if (e->state != ENTITY_LOADED || !store_index(e->host, kv, &index) ||
		index >= e->row_sets)
		return false;
	at = row_place(&e->rows[index], key, &found);
	if (found)
		*value = e->rows[index].items[at]->value;
	return found;
}

void tct_entity_each(const struct tct_entity *e, const struct tct_kv *kv,
	tct_entity_row_fn *fn, void *data)
{
	uint32_t index;

	if (e->state != ENTITY_LOADED || !store_index(e->host, kv, &index) ||
		index >= e->row_sets)
		return;
	for (uint32_t i = 0; i < e->rows[index].count; i++)
		fn(e->rows[index].items[i]->text, &e->rows[index].items[i]->value, data);
}

size_t tct_entity_count(const struct tct_entity *e, const struct tct_kv *kv)
{
	uint32_t index;

	if (e->state != ENTITY_LOADED || !store_index(e->host, kv, &index) ||
		index >= e->row_sets)
		return 0;
	return e->rows[index].count;
}

struct tct_entity *tct_entity_find(struct tct_host *h, const char *user)
{
	struct tct_entity *e = entity_find(h, span_of(user));

	return e != NULL && ready(e) ? e : NULL;
}

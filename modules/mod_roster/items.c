/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* items.c - the contacts of one account: a hash map by bare address, made from the rows
 * and written back row by row. A contact that is removed leaves a row that says when, until
 * no client can ask for it. */
#include "modules/mod_roster/roster.h"

#include "modules/mod_roster/subscription.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16

/* What a roster takes is bounded by its limits: no memory for it ends the process, as in
 * the server itself. */
static void *allocate(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		abort();
	return p;
}

/* FNV-1a with a start that nobody outside knows: a roster is small (its limits), so that
 * collisions made on purpose would cost little even if they succeeded. */
static uint64_t hash_of(const struct roster *r, const char *text)
{
	uint64_t h = r->seed;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h ^ h >> 29;
}

static struct roster_item *lookup(const struct roster *r, const char *text, uint64_t hash)
{
	if (r->bucket_count == 0)
		return NULL;
	for (struct roster_item *i = r->buckets[hash & (r->bucket_count - 1)]; i != NULL;
		i = i->chain) {
		if (i->hash == hash && strcmp(tct_jid_text(i->jid), text) == 0)
			return i;
	}
	return NULL;
}

struct roster_item *roster_find(const struct roster *r, const struct tct_jid *jid)
{
	const char *text = tct_jid_bare_text(jid);

	return lookup(r, text, hash_of(r, text));
}

static void grow(struct roster *r)
{
	size_t count = r->bucket_count > 0 ? r->bucket_count * 2 : FIRST_BUCKETS;
	struct roster_item **buckets = allocate(count * sizeof *buckets);

	for (struct roster_item *i = r->first; i != NULL; i = i->next) {
		struct roster_item **bucket = &buckets[i->hash & (count - 1)];

		i->chain = *bucket;
		*bucket = i;
	}
	free(r->buckets);
	r->buckets = buckets;
	r->bucket_count = count;
}

/* Takes the reference `bare`. */
static struct roster_item *insert(struct roster *r, const struct tct_jid *bare)
{
	struct roster_item *item = allocate(sizeof *item), **bucket;

	if (r->count >= r->bucket_count)
		grow(r);
	item->jid = bare;
	item->hash = hash_of(r, tct_jid_text(bare));
	bucket = &r->buckets[item->hash & (r->bucket_count - 1)];
	item->chain = *bucket;
	*bucket = item;
	item->prev = r->last;
	*r->last = item;
	r->last = &item->next;
	r->count++;
	return item;
}

struct roster_item *roster_add(struct roster *r, const struct tct_jid *jid)
{
	return insert(r, tct_jid_bare(jid));
}

static void gift_free(struct roster_gift *gift)
{
	free(gift->source);
	free(gift->name);
	free(gift->group);
	free(gift);
}

static void item_free(struct roster_item *item)
{
	struct roster_gift *next;

	for (struct roster_gift *g = item->gifts; g != NULL; g = next) {
		next = g->next;
		gift_free(g);
	}
	tct_jid_unref(item->jid);
	free(item->name);
	free(item->groups);
	free(item->source);
	free(item);
}

static void take_out(struct roster *r, struct roster_item *item)
{
	struct roster_item **at = &r->buckets[item->hash & (r->bucket_count - 1)];

	while (*at != item)
		at = &(*at)->chain;
	*at = item->chain;
	*item->prev = item->next;
	if (item->next != NULL)
		item->next->prev = item->prev;
	else
		r->last = item->prev;
	r->count--;
	item_free(item);
}

uint32_t roster_lent(const struct roster_item *item)
{
	uint32_t state = 0;

	for (const struct roster_gift *g = item->gifts; g != NULL; g = g->next)
		state |= g->state;
	return state;
}

/* What the account has asked for and was lent meanwhile is hidden, and comes back with the
 * end of the loan. */
static void update(struct roster *r, struct roster_item *item)
{
	uint32_t state = item->own | roster_lent(item);

	if (item->gifts != NULL)
		state |= TCT_ROSTER_LISTED;
	if ((state & TCT_ROSTER_TO) != 0)
		state &= ~(uint32_t)TCT_ROSTER_OUT;
	if ((state & TCT_ROSTER_FROM) != 0)
		state &= ~(uint32_t)TCT_ROSTER_IN;
	item->state = state;
	if (state == 0 && item->own == 0 && item->changed == 0 && !item->held)
		take_out(r, item);
}

void roster_hold(struct roster_item *item)
{
	item->held = true;
}

void roster_unhold(struct roster *r, struct roster_item *item)
{
	item->held = false;
	update(r, item);
}

void roster_set_own(struct roster *r, struct roster_item *item, uint32_t own)
{
	uint32_t was = item->own;

	r->listed += ((own & TCT_ROSTER_LISTED) != 0) -
		(size_t)((was & TCT_ROSTER_LISTED) != 0);
	r->requests +=
		((own & TCT_ROSTER_IN) != 0) - (size_t)((was & TCT_ROSTER_IN) != 0);
	item->own = own;
	update(r, item);
}

static char *copy_of(const char *from, size_t len)
{
	char *to = allocate(len + 1);

	memcpy(to, from, len);
	return to;
}

void roster_set_text(
	struct roster_item *item, const char *name, const char *groups, size_t len)
{
	free(item->name);
	free(item->groups);
	item->name = name != NULL && name[0] != '\0' ? copy_of(name, strlen(name)) : NULL;
	item->groups = len > 0 ? copy_of(groups, len) : NULL;
	item->groups_len = len;
}

void roster_set_source(struct roster_item *item, const char *source)
{
	free(item->source);
	item->source = source != NULL ? copy_of(source, strlen(source)) : NULL;
}

/* ---- what was lent ---- */

static uint64_t digest_text(uint64_t h, const char *text)
{
	text = text != NULL ? text : "";
	do {
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	} while (*text++ != '\0');
	return h;
}

/* The same for the same gift in every life of the server. */
static uint64_t digest_of(const struct roster_item *item, const struct roster_gift *g)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ g->state;

	h = digest_text(h, tct_jid_text(item->jid));
	h = digest_text(h, g->source);
	h = digest_text(h, g->name);
	return digest_text(h, g->group);
}

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool unlend(struct roster *r, struct roster_item *item, const char *source,
	const char *group, bool any)
{
	struct roster_gift **at = &item->gifts;
	bool found = false;

	while (*at != NULL) {
		struct roster_gift *g = *at;

		if (strcmp(g->source, source) == 0 && (any || same(g->group, group))) {
			r->digest -= digest_of(item, g);
			*at = g->next;
			gift_free(g);
			found = true;
		} else {
			at = &g->next;
		}
	}
	return found;
}

void roster_lend(struct roster *r, struct roster_item *item, struct roster_gift *gift)
{
	struct roster_gift **at = &item->gifts;

	unlend(r, item, gift->source, gift->group, false);
	while (*at != NULL)
		at = &(*at)->next;
	*at = gift;
	r->digest += digest_of(item, gift);
	update(r, item);
}

bool roster_unlend(
	struct roster *r, struct roster_item *item, const char *source, const char *group)
{
	if (!unlend(r, item, source, group, group == NULL))
		return false;
	update(r, item);
	return true;
}

void roster_fini(struct roster *r)
{
	struct roster_item *next;

	for (struct roster_item *i = r->first; i != NULL; i = next) {
		next = i->next;
		item_free(i);
	}
	free(r->buckets);
	free(r->versions);
	memset(r, 0, sizeof *r);
}

/* ---- rows ---- */

static struct roster_item *item_of_key(struct roster *r, const char *key)
{
	struct roster_item *item = lookup(r, key, hash_of(r, key));
	const struct tct_jid *jid;

	if (item != NULL)
		return item;
	jid = tct_jid_new(key);
	return jid != NULL ? insert(r, jid) : NULL;
}

static void read_item(const char *key, const struct tct_value *v, void *data)
{
	struct roster *r = data;
	struct roster_item *item = item_of_key(r, key);
	struct tct_value groups = { .kind = TCT_VALUE_NONE };
	uint32_t own;

	if (item == NULL)
		return;
	item->changed = tct_record_int(v, "removed", 0);
	if (item->changed > 0) {
		roster_set_own(r, item, 0);
		return;
	}
	item->changed = tct_record_int(v, "changed", 1);
	own = TCT_ROSTER_LISTED |
		subscription_state(tct_record_string(v, "subscription", "none"));
	if (tct_record_int(v, "ask", 0) != 0 && (own & TCT_ROSTER_TO) == 0)
		own |= TCT_ROSTER_OUT;
	if (tct_record_int(v, "approved", 0) != 0)
		own |= TCT_ROSTER_APPROVED;
	/* Groups that do not end in NUL were not written by us. */
	if (!tct_record_find(v, "groups", &groups) || groups.kind != TCT_VALUE_BYTES ||
		groups.bytes.len == 0 || groups.bytes.data[groups.bytes.len - 1] != '\0')
		groups = tct_bytes("", 0);
	roster_set_text(item, tct_record_string(v, "name", NULL), groups.bytes.data,
		groups.bytes.len);
	roster_set_source(item, tct_record_string(v, "source", NULL));
	roster_set_own(r, item, own);
}

static void read_request(const char *key, const struct tct_value *v, void *data)
{
	struct roster *r = data;
	struct roster_item *item = item_of_key(r, key);

	if (item == NULL)
		return;
	item->asked = tct_record_int(v, "time", 0);
	if ((item->own & TCT_ROSTER_FROM) == 0)
		roster_set_own(r, item, item->own | TCT_ROSTER_IN);
	else
		roster_set_own(r, item, item->own);
}

struct roster *roster_get(struct tct_mod *m, struct tct_entity *e)
{
	struct roster_data *data = tct_mod_data(m);
	struct roster *r = tct_entity_data(m, e);

	if (r->ready)
		return r;
	r->last = &r->first;
	r->ready = true;
	tct_random(&r->seed, sizeof r->seed);
	tct_entity_each(e, data->items, read_item, r);
	tct_entity_each(e, data->requests, read_request, r);
	roster_versions_read(m, e, r);
	return r;
}

static void put_item(struct tct_record *record, const struct roster_item *item)
{
	tct_record_set_int(record, "changed", item->changed);
	tct_record_set_string(record, "subscription", subscription_name(item->own));
	if ((item->own & TCT_ROSTER_OUT) != 0)
		tct_record_set_int(record, "ask", 1);
	if ((item->own & TCT_ROSTER_APPROVED) != 0)
		tct_record_set_int(record, "approved", 1);
	if (item->name != NULL)
		tct_record_set_string(record, "name", item->name);
	if (item->groups_len > 0)
		tct_record_set_bytes(record, "groups", item->groups, item->groups_len);
	if (item->source != NULL)
		tct_record_set_string(record, "source", item->source);
}

void roster_write(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct roster *r, struct roster_item *item)
{
	struct roster_data *data = tct_mod_data(m);
	struct tct_record *record = tct_record_new();

	item->changed = 0; /* so that it is not forgotten meanwhile */
	item->changed = roster_version_next(m, txn, e, r);
	if ((item->own & TCT_ROSTER_LISTED) != 0)
		put_item(record, item);
	else
		tct_record_set_int(record, "removed", item->changed);
	tct_kv_put(txn, data->items, tct_entity_user(e), tct_jid_text(item->jid),
		tct_record_value(record));
	tct_record_free(record);
}

void roster_forget(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct roster *r, struct roster_item *item)
{
	struct roster_data *data = tct_mod_data(m);

	tct_kv_delete(txn, data->items, tct_entity_user(e), tct_jid_text(item->jid));
	item->changed = 0;
	update(r, item);
}

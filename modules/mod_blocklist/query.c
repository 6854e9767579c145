/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* query.c - what clients ask and set, and what follows from it: pushes, and the presence that
 * those who are blocked, or no longer are, must get (XEP-0191 section 3). The row is written
 * first, so that all that follows waits until it is on disk. */
#include "modules/mod_blocklist/blocklist.h"

#include <stdlib.h>
#include <string.h>

/* The addresses of a request, or all that are blocked; references of ours. */
struct addresses {
	const struct tct_jid **items;
	size_t count;
};

static void addresses_fini(struct addresses *a)
{
	for (size_t i = 0; i < a->count; i++)
		tct_jid_unref(a->items[i]);
	free(a->items);
}

static void addresses_room(struct addresses *a, size_t room)
{
	a->count = 0;
	a->items = calloc(room > 0 ? room : 1, sizeof *a->items);
	if (a->items == NULL)
		abort(); /* a stanza and a list are bounded; as the server does */
}

static bool is_item(const struct tct_elem *e)
{
	return tct_elem_is(e, NS_BLOCKING, "item");
}

/* 0, or the condition of the refusal. */
static uint32_t read_items(const struct tct_elem *command, struct addresses *a)
{
	size_t room = 0;

	tct_elem_each (child, command)
		room += is_item(child);
	addresses_room(a, room);
	tct_elem_each (child, command) {
		const char *text = tct_attr(child, "jid");

		if (!is_item(child))
			continue;
		if (text == NULL)
			return TCT_BAD_REQUEST;
		a->items[a->count] = tct_jid_new(text);
		if (a->items[a->count] == NULL)
			return TCT_JID_MALFORMED;
		a->count++;
	}
	return 0;
}

/* ---- pushes ---- */

static struct tct_stanza *push_stanza(const char *name, const struct addresses *a)
{
	struct tct_stanza *st = tct_stanza_new(TCT_IQ_SET, NULL, NULL, "push");
	struct tct_elem *command = tct_add(tct_stanza_root(st), NS_BLOCKING, name);

	for (size_t i = 0; i < a->count; i++)
		tct_set(tct_add(command, NULL, "item"), "jid", tct_jid_text(a->items[i]));
	return st;
}

struct push {
	struct tct_mod *m;
	struct tct_event *ev;
	struct tct_stanza *stanza;
};

static void push_to(struct tct_session *s, void *data)
{
	struct push *p = data;
	const struct blocklist_session *bs = tct_session_data_peek(p->m, s);
	struct tct_overlay overlay = TCT_OVERLAY_INIT;
	char id[13];

	if (bs == NULL || !bs->interested)
		return;
	tct_random_id(id, sizeof id - 1);
	overlay.to = tct_session_jid(s);
	overlay.id = id;
	tct_session_send_copy(p->ev, s, p->stanza, &overlay);
}

/* The answer, then the pushes, as in the examples of the XEP. */
static enum tct_verdict answer_and_push(struct tct_mod *m, struct tct_event *ev,
	const char *name, const struct addresses *a)
{
	struct push p = { m, ev, push_stanza(name, a) };
	struct tct_entity *e = ev->entity;

	tct_reply(ev, tct_result(ev));
	tct_entity_sessions(e, push_to, &p);
	tct_stanza_unref(p.stanza);
	return TCT_HANDLED;
}

/* ---- presence ---- */

struct change {
	struct tct_mod *m, *presence_mod;
	struct tct_event *ev;
	const struct tct_presence_ops *presence;
	const struct tct_jid *pattern;
	bool blocked;
};

/* True when this change decides about the address: no other row blocks it. */
static bool decides(const struct tct_jid *jid, void *data)
{
	const struct change *c = data;

	return blocklist_covers(c->pattern, jid) &&
		!blocklist_has(c->m, c->ev->entity, jid, c->pattern);
}

static void tell(const struct change *c, const struct tct_jid *to, uint32_t state)
{
	struct tct_entity *e = c->ev->entity;

	if ((state & TCT_ROSTER_FROM) != 0 && c->blocked)
		c->presence->hide(c->presence_mod, c->ev, e, to);
	else if ((state & TCT_ROSTER_FROM) != 0)
		c->presence->show(c->presence_mod, c->ev, e, to);
	/* What the contact has said meanwhile did not arrive. */
	if ((state & TCT_ROSTER_TO) != 0 && !c->blocked)
		c->presence->probe(c->presence_mod, c->ev, e, to);
}

static void tell_contact(const struct tct_jid *jid, uint32_t state, void *data)
{
	if (decides(jid, data))
		tell(data, jid, state);
}

/* Who may see the account sees it go, or come back. */
static void tell_concerned(
	struct tct_mod *m, struct tct_event *ev, const struct tct_jid *pattern, bool blocked)
{
	struct change c = { .m = m, .ev = ev, .pattern = pattern, .blocked = blocked };
	struct tct_mod *roster_mod;
	const struct tct_roster_ops *roster = tct_service(m, "roster", &roster_mod);

	c.presence = tct_service(m, "presence", &c.presence_mod);
	if (c.presence == NULL || roster == NULL)
		return;
	if (tct_jid_node(pattern) != NULL || tct_jid_resource(pattern) != NULL) {
		if (decides(pattern, &c))
			tell(&c, pattern, roster->state(roster_mod, ev->entity, pattern));
	} else {
		roster->each(roster_mod, ev->entity, TCT_ROSTER_FROM | TCT_ROSTER_TO,
			tell_contact, &c);
	}
	if (blocked)
		c.presence->end_directed(c.presence_mod, ev, ev->entity, decides, &c);
}

/* ---- get ---- */

static void add_item(const char *key, const struct tct_value *v, void *data)
{
	(void)v;
	tct_set(tct_add(data, NULL, "item"), "jid", key);
}

enum tct_verdict blocklist_on_get(struct tct_mod *m, struct tct_event *ev)
{
	struct blocklist_data *data = tct_mod_data(m);
	struct tct_stanza *st = tct_result(ev);

	if (ev->origin.session != NULL) {
		struct blocklist_session *bs = tct_session_data(m, ev->origin.session);

		bs->interested = true;
	}
	tct_entity_each(ev->entity, data->rows, add_item,
		tct_add(tct_stanza_root(st), NS_BLOCKING, "blocklist"));
	return tct_reply(ev, st);
}

/* ---- block ---- */

static void add_size(const char *key, const struct tct_value *v, void *data)
{
	(void)v;
	*(int64_t *)data += (int64_t)strlen(key);
}

static bool blocked_already(struct tct_mod *m, struct tct_event *ev, const char *key)
{
	struct blocklist_data *data = tct_mod_data(m);
	struct tct_value v;

	return tct_entity_get(ev->entity, data->rows, key, &v);
}

static bool has_room(struct tct_mod *m, struct tct_event *ev, const struct addresses *a)
{
	const struct blocklist_config *config = tct_mod_config(m);
	struct blocklist_data *data = tct_mod_data(m);
	int64_t count = (int64_t)tct_entity_count(ev->entity, data->rows), size = 0;

	tct_entity_each(ev->entity, data->rows, add_size, &size);
	for (size_t i = 0; i < a->count; i++) {
		const char *key = tct_jid_text(a->items[i]);

		if (blocked_already(m, ev, key))
			continue;
		count++;
		size += (int64_t)strlen(key);
	}
	return count <= config->max_items && size <= config->max_size;
}

static void block(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *jid)
{
	struct blocklist_data *data = tct_mod_data(m);

	if (blocked_already(m, ev, tct_jid_text(jid)))
		return;
	tct_kv_put(tct_event_txn(ev), data->rows, tct_event_user(ev), tct_jid_text(jid),
		tct_int(tct_now()));
	tell_concerned(m, ev, jid, true);
}

/* Only what was blocked counts as reported. */
static void reports(struct tct_mod *m, struct tct_event *ev, const struct addresses *a)
{
	size_t i = 0;

	tct_elem_each (child, tct_stanza_payload(ev->stanza)) {
		if (is_item(child))
			blocklist_report(m, ev, child, a->items[i++]);
	}
}

enum tct_verdict blocklist_on_block(struct tct_mod *m, struct tct_event *ev)
{
	struct addresses a;
	uint32_t condition = read_items(tct_stanza_payload(ev->stanza), &a);
	enum tct_verdict verdict;

	if (condition == 0 && a.count == 0)
		condition = TCT_BAD_REQUEST;
	if (condition == 0 && !has_room(m, ev, &a))
		condition = TCT_RESOURCE_CONSTRAINT;
	if (condition != 0) {
		addresses_fini(&a);
		return tct_refuse(ev, condition, NULL);
	}
	for (size_t i = 0; i < a.count; i++)
		block(m, ev, a.items[i]);
	blocklist_forget(m, ev->entity);
	reports(m, ev, &a);
	verdict = answer_and_push(m, ev, "block", &a);
	addresses_fini(&a);
	return verdict;
}

/* ---- unblock ---- */

static void take_row(const char *key, const struct tct_value *v, void *data)
{
	struct addresses *a = data;

	(void)v;
	a->items[a->count] = tct_jid_new(key);
	a->count += a->items[a->count] != NULL;
}

static void unblock(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *jid)
{
	struct blocklist_data *data = tct_mod_data(m);

	if (!blocked_already(m, ev, tct_jid_text(jid)))
		return;
	tct_kv_delete(
		tct_event_txn(ev), data->rows, tct_event_user(ev), tct_jid_text(jid));
	tell_concerned(m, ev, jid, false);
}

static void unblock_each(struct tct_mod *m, struct tct_event *ev, const struct addresses *a)
{
	for (size_t i = 0; i < a->count; i++)
		unblock(m, ev, a->items[i]);
	blocklist_forget(m, ev->entity);
}

enum tct_verdict blocklist_on_unblock(struct tct_mod *m, struct tct_event *ev)
{
	struct blocklist_data *data = tct_mod_data(m);
	struct addresses a, all;
	uint32_t condition = read_items(tct_stanza_payload(ev->stanza), &a);
	enum tct_verdict verdict;

	if (condition != 0) {
		addresses_fini(&a);
		return tct_refuse(ev, condition, NULL);
	}
	if (a.count > 0) {
		unblock_each(m, ev, &a);
	} else {
		addresses_room(&all, tct_entity_count(ev->entity, data->rows));
		tct_entity_each(ev->entity, data->rows, take_row, &all);
		unblock_each(m, ev, &all);
		addresses_fini(&all);
	}
	verdict = answer_and_push(m, ev, "unblock", &a);
	addresses_fini(&a);
	return verdict;
}

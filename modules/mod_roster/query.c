/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* query.c - roster get and set, and pushes (RFC 6121 section 2). */
#include "modules/mod_roster/roster.h"

#include "modules/mod_roster/subscription.h"

#include <stdlib.h>
#include <string.h>

/* ---- items as XML ---- */

static bool in_groups(const char *groups, size_t len, const char *name)
{
	for (size_t at = 0; at < len; at += strlen(groups + at) + 1) {
		if (strcmp(groups + at, name) == 0)
			return true;
	}
	return false;
}

/* The account's own name before all others, and then who gave one. */
static const char *name_of(const struct roster_item *item)
{
	const char *name = item->name;

	for (const struct roster_gift *g = item->gifts; g != NULL && name == NULL; g = g->next)
		name = g->name;
	return name;
}

static void add_item(struct tct_elem *query, const struct roster_item *item)
{
	struct tct_elem *e = tct_add(query, NULL, "item");

	tct_set(e, "jid", tct_jid_text(item->jid));
	if ((item->state & TCT_ROSTER_LISTED) == 0) {
		tct_set(e, "subscription", "remove");
		return;
	}
	tct_set(e, "name", name_of(item));
	tct_set(e, "subscription", subscription_name(item->state));
	if ((item->state & TCT_ROSTER_OUT) != 0)
		tct_set(e, "ask", "subscribe");
	if ((item->state & TCT_ROSTER_APPROVED) != 0)
		tct_set(e, "approved", "true");
	for (size_t at = 0; at < item->groups_len; at += strlen(item->groups + at) + 1)
		tct_add_text(e, "group", item->groups + at);
	for (const struct roster_gift *g = item->gifts; g != NULL; g = g->next) {
		if (g->group != NULL && !in_groups(item->groups, item->groups_len, g->group))
			tct_add_text(e, "group", g->group);
	}
}

/* ---- pushes ---- */

struct push {
	struct tct_mod *m;
	struct tct_event *ev;
	struct tct_txn *txn;
	const struct tct_jid *account;
	const struct roster *roster;
	const struct roster_item *item;
	struct tct_stanza *plain, *versioned; /* made when somebody gets it */
};

bool roster_interested(const struct tct_mod *m, const struct tct_session *s)
{
	const struct roster_session *rs = tct_session_data_peek(m, s);

	return rs != NULL && rs->interested;
}

/* `version` NULL: for who does not know versions. */
static struct tct_stanza *push_stanza(const struct roster_item *item, const char *version)
{
	struct tct_stanza *st = tct_stanza_new(TCT_IQ_SET, NULL, NULL, "push");
	struct tct_elem *query = tct_add(tct_stanza_root(st), NS_ROSTER, "query");

	tct_set(query, "ver", version);
	add_item(query, item);
	return st;
}

/* Not caused by a stanza: it goes its way when the set is on disk. */
static void push_later(const struct push *p, const struct tct_session *s,
	const struct tct_stanza *st, const char *id)
{
	struct tct_stanza *copy = tct_stanza_dup(st);

	tct_stanza_set_from(copy, p->account);
	tct_stanza_set_to(copy, tct_session_jid(s));
	tct_stanza_set_id(copy, id);
	tct_txn_route(p->txn, copy);
}

static void push_to(struct tct_session *s, void *data)
{
	struct push *p = data;
	const struct roster_session *rs = tct_session_data_peek(p->m, s);
	struct tct_overlay overlay = TCT_OVERLAY_INIT;
	char version[ROSTER_VERSION_SIZE], id[13];
	struct tct_stanza **st;

	if (rs == NULL || !rs->interested)
		return;
	st = rs->versioned ? &p->versioned : &p->plain;
	if (*st == NULL) {
		roster_version_text(p->roster, NULL, version);
		*st = push_stanza(p->item, rs->versioned ? version : NULL);
	}
	tct_random_id(id, sizeof id - 1);
	if (p->txn != NULL) {
		push_later(p, s, *st, id);
		return;
	}
	overlay.to = tct_session_jid(s);
	overlay.id = id;
	tct_session_send_copy(p->ev, s, *st, &overlay);
}

void roster_push(struct tct_mod *m, struct tct_event *ev, struct tct_txn *txn,
	struct tct_entity *e, const struct roster_item *item)
{
	struct push p = { m, ev, txn, tct_entity_jid(e), roster_get(m, e), item, NULL, NULL };

	tct_entity_sessions(e, push_to, &p);
	tct_stanza_unref(p.plain);
	tct_stanza_unref(p.versioned);
}

/* ---- get ---- */

static int by_change(const void *a, const void *b)
{
	const struct roster_item *const *x = a, *const *y = b;

	return ((*x)->changed > (*y)->changed) - ((*x)->changed < (*y)->changed);
}

/* Each item that has changed since, as it is now, in the order of the changes: so a client
 * that loses its connection in between has a version that it can go on from. */
static void push_changes(
	struct tct_event *ev, struct tct_session *s, const struct roster *r, int64_t since)
{
	const struct roster_item **all;
	size_t count = 0, at = 0;

	for (const struct roster_item *i = r->first; i != NULL; i = i->next)
		count += i->changed > since;
	if (count == 0)
		return;
	all = calloc(count, sizeof *all);
	if (all == NULL)
		abort(); /* each has a version of its own, and those are bounded */
	for (const struct roster_item *i = r->first; i != NULL; i = i->next) {
		if (i->changed > since)
			all[at++] = i;
	}
	qsort(all, count, sizeof *all, by_change);
	for (size_t i = 0; i < count; i++) {
		struct tct_overlay overlay = TCT_OVERLAY_INIT;
		char version[ROSTER_VERSION_SIZE], id[13];
		struct tct_stanza *st;

		roster_version_text(r, all[i], version);
		st = push_stanza(all[i], version);
		tct_random_id(id, sizeof id - 1);
		overlay.to = tct_session_jid(s);
		overlay.id = id;
		tct_session_send_copy(ev, s, st, &overlay);
		tct_stanza_unref(st);
	}
	free(all);
}

enum tct_verdict roster_on_get(struct tct_mod *m, struct tct_event *ev)
{
	const char *known = tct_attr(tct_stanza_payload(ev->stanza), "ver");
	struct roster *r = roster_get(m, ev->entity);
	struct tct_session *s = ev->origin.session;
	struct tct_stanza *answer = tct_result(ev);
	char version[ROSTER_VERSION_SIZE];
	struct tct_elem *query;
	int64_t since;

	if (s != NULL) {
		struct roster_session *rs = tct_session_data(m, s);

		rs->interested = true;
		rs->versioned = known != NULL;
	}
	/* RFC 6121 2.6.3: nothing, and then what has changed. */
	if (s != NULL && known != NULL && roster_version_known(r, known, &since)) {
		tct_reply(ev, answer);
		push_changes(ev, s, r, since);
		return TCT_HANDLED;
	}
	roster_version_text(r, NULL, version);
	query = tct_add(tct_stanza_root(answer), NS_ROSTER, "query");
	if (known != NULL)
		tct_set(query, "ver", version);
	for (const struct roster_item *i = r->first; i != NULL; i = i->next) {
		if ((i->state & TCT_ROSTER_LISTED) != 0)
			add_item(query, i);
	}
	return tct_reply(ev, answer);
}

/* ---- set ---- */

/* What a client wants of an item. */
struct wish {
	const struct tct_elem *item;
	const struct tct_jid *jid;
	const char *name;
	char groups[4096]; /* each with its NUL */
	size_t groups_len, group_count;
};

/* 0, or the condition of the refusal (RFC 6121 2.3.3). */
static uint32_t read_groups(const struct roster_config *config, struct wish *w)
{
	size_t room = (size_t)config->max_item_size;

	if (room > sizeof w->groups)
		room = sizeof w->groups;
	if (w->name != NULL && strlen(w->name) > ROSTER_NAME_MAX)
		return TCT_NOT_ACCEPTABLE;
	if (w->name != NULL && strlen(w->name) > room)
		return TCT_RESOURCE_CONSTRAINT;
	room -= w->name != NULL ? strlen(w->name) : 0;
	tct_elem_each (child, w->item) {
		const char *name = tct_elem_text(child);
		size_t len = strlen(name);

		if (!tct_elem_is(child, NS_ROSTER, "group"))
			continue;
		if (len == 0 || len > ROSTER_NAME_MAX)
			return TCT_NOT_ACCEPTABLE;
		if (in_groups(w->groups, w->groups_len, name))
			return TCT_BAD_REQUEST;
		if (++w->group_count > (size_t)config->max_groups ||
			w->groups_len + len + 1 > room)
			return TCT_RESOURCE_CONSTRAINT;
		memcpy(w->groups + w->groups_len, name, len + 1);
		w->groups_len += len + 1;
	}
	return 0;
}

/* 0, or the condition; *jid is a reference of the caller's in any case (or NULL). */
static uint32_t read_jid(const struct tct_event *ev, const struct tct_elem *item,
	const struct tct_jid **jid)
{
	const char *text = tct_attr(item, "jid");

	*jid = NULL;
	if (text == NULL)
		return TCT_BAD_REQUEST;
	*jid = tct_jid_new(text);
	if (*jid == NULL)
		return TCT_JID_MALFORMED;
	if (tct_jid_resource(*jid) != NULL)
		return TCT_BAD_REQUEST;
	if (tct_jid_equal(*jid, tct_entity_jid(ev->entity)))
		return TCT_NOT_ALLOWED;
	return 0;
}

/* Clients send back all that they were shown: what was lent does not become the account's
 * own by that. */
static void leave_lent(const struct roster_item *item, struct wish *w)
{
	for (const struct roster_gift *g = item->gifts; g != NULL; g = g->next) {
		size_t len, at = 0;

		if (w->name != NULL && g->name != NULL && strcmp(w->name, g->name) == 0)
			w->name = NULL;
		while (g->group != NULL && at < w->groups_len) {
			len = strlen(w->groups + at) + 1;
			if (strcmp(w->groups + at, g->group) == 0) {
				w->groups_len -= len;
				memmove(w->groups + at, w->groups + at + len,
					w->groups_len - at);
			} else {
				at += len;
			}
		}
	}
}

static uint32_t update(struct tct_mod *m, struct tct_event *ev, struct wish *w)
{
	const struct roster_config *config = tct_mod_config(m);
	struct roster *r = roster_get(m, ev->entity);
	struct roster_item *item = roster_find(r, w->jid);
	uint32_t condition = read_groups(config, w);

	if (condition != 0)
		return condition;
	if (item == NULL || (item->own & TCT_ROSTER_LISTED) == 0) {
		if (r->listed >= (size_t)config->max_contacts)
			return TCT_RESOURCE_CONSTRAINT;
		if (item == NULL)
			item = roster_add(r, w->jid);
	}
	leave_lent(item, w);
	/* The subscription, the question and the approval stay as they are. */
	roster_set_own(r, item, item->own | TCT_ROSTER_LISTED);
	roster_set_text(item, w->name, w->groups, w->groups_len);
	roster_set_source(item, NULL);
	roster_write(m, tct_event_txn(ev), ev->entity, r, item);
	roster_push(m, ev, NULL, ev->entity, item);
	return 0;
}

static uint32_t take_out(struct tct_mod *m, struct tct_event *ev,
	const struct tct_jid *jid, const char **why)
{
	struct roster_item *item = roster_find(roster_get(m, ev->entity), jid);

	if (item == NULL || (item->state & TCT_ROSTER_LISTED) == 0)
		return TCT_ITEM_NOT_FOUND;
	if (item->gifts != NULL) {
		*why = "the server has put this contact here";
		return TCT_NOT_ALLOWED;
	}
	roster_remove(m, ev, item);
	return 0;
}

enum tct_verdict roster_on_set(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *query = tct_stanza_payload(ev->stanza);
	const char *subscription, *why = NULL;
	struct wish w;
	uint32_t condition;

	w.item = tct_elem_first(query);
	if (!tct_elem_is(w.item, NS_ROSTER, "item") || tct_elem_next(w.item) != NULL)
		return tct_refuse(ev, TCT_BAD_REQUEST, "exactly one item is needed");
	w.name = tct_attr(w.item, "name");
	w.groups_len = w.group_count = 0;
	subscription = tct_attr(w.item, "subscription");
	condition = read_jid(ev, w.item, &w.jid);
	if (condition == 0 && subscription != NULL && strcmp(subscription, "remove") == 0)
		condition = take_out(m, ev, w.jid, &why);
	else if (condition == 0)
		condition = update(m, ev, &w);
	tct_jid_unref(w.jid);
	if (condition != 0)
		return tct_refuse(ev, condition, why);
	return tct_reply(ev, tct_result(ev));
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* query.c - roster get and set, and pushes (RFC 6121 section 2). */
#include "modules/mod_roster/roster.h"

#include "modules/mod_roster/subscription.h"

#include <string.h>

/* ---- items as XML ---- */

static void add_item(struct tct_elem *query, const struct roster_item *item)
{
	struct tct_elem *e = tct_add(query, NULL, "item");
	const char *end = item->groups + item->groups_len;

	tct_set(e, "jid", tct_jid_text(item->jid));
	tct_set(e, "name", item->name);
	tct_set(e, "subscription", subscription_name(item->state));
	if ((item->state & TCT_ROSTER_OUT) != 0)
		tct_set(e, "ask", "subscribe");
	if ((item->state & TCT_ROSTER_APPROVED) != 0)
		tct_set(e, "approved", "true");
	if (item->groups_len == 0)
		return;
	for (const char *group = item->groups; group < end; group += strlen(group) + 1)
		tct_add_text(e, "group", group);
}

/* ---- pushes ---- */

struct push {
	struct tct_mod *m;
	struct tct_event *ev;
	const struct roster *roster;
	const struct roster_item *item;
	bool removed;
	struct tct_stanza *plain, *versioned; /* made when somebody gets it */
};

bool roster_interested(const struct tct_mod *m, const struct tct_session *s)
{
	const struct roster_session *rs = tct_session_data_peek(m, s);

	return rs != NULL && rs->interested;
}

static struct tct_stanza *push_stanza(const struct push *p, bool versioned)
{
	struct tct_stanza *st = tct_stanza_new(TCT_IQ_SET, NULL, NULL, "push");
	struct tct_elem *query = tct_add(tct_stanza_root(st), NS_ROSTER, "query");
	char version[ROSTER_VERSION_SIZE];

	if (versioned) {
		roster_version_text(p->roster, version);
		tct_set(query, "ver", version);
	}
	if (p->removed) {
		struct tct_elem *e = tct_add(query, NULL, "item");

		tct_set(e, "jid", tct_jid_text(p->item->jid));
		tct_set(e, "subscription", "remove");
	} else {
		add_item(query, p->item);
	}
	return st;
}

static void push_to(struct tct_session *s, void *data)
{
	struct push *p = data;
	const struct roster_session *rs = tct_session_data_peek(p->m, s);
	struct tct_overlay overlay = TCT_OVERLAY_INIT;
	struct tct_stanza **st;
	char id[13];

	if (rs == NULL || !rs->interested)
		return;
	st = rs->versioned ? &p->versioned : &p->plain;
	if (*st == NULL)
		*st = push_stanza(p, rs->versioned);
	tct_random_id(id, sizeof id - 1);
	overlay.to = tct_session_jid(s);
	overlay.id = id;
	tct_session_send_copy(p->ev, s, *st, &overlay);
}

void roster_push(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct roster_item *item, bool removed)
{
	struct push p = { m, ev, roster_get(m, e), item, removed, NULL, NULL };

	tct_entity_sessions(e, push_to, &p);
	tct_stanza_unref(p.plain);
	tct_stanza_unref(p.versioned);
}

/* ---- get ---- */

enum tct_verdict roster_on_get(struct tct_mod *m, struct tct_event *ev)
{
	const char *known = tct_attr(tct_stanza_payload(ev->stanza), "ver");
	struct roster *r = roster_get(m, ev->entity);
	struct tct_stanza *answer = tct_result(ev);
	char version[ROSTER_VERSION_SIZE];
	struct tct_elem *query;

	if (ev->origin.session != NULL) {
		struct roster_session *rs = tct_session_data(m, ev->origin.session);

		rs->interested = true;
		rs->versioned = known != NULL;
	}
	roster_version_text(r, version);
	if (known != NULL && strcmp(known, version) == 0)
		return tct_reply(ev, answer); /* RFC 6121 2.6.3: nothing has changed */
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

static bool has_group(const struct wish *w, const char *name)
{
	for (size_t at = 0; at < w->groups_len; at += strlen(w->groups + at) + 1) {
		if (strcmp(w->groups + at, name) == 0)
			return true;
	}
	return false;
}

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
		if (has_group(w, name))
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

static uint32_t update(struct tct_mod *m, struct tct_event *ev, struct wish *w)
{
	const struct roster_config *config = tct_mod_config(m);
	struct roster *r = roster_get(m, ev->entity);
	struct roster_item *item = roster_find(r, w->jid);
	uint32_t condition = read_groups(config, w);

	if (condition != 0)
		return condition;
	if (item == NULL || (item->state & TCT_ROSTER_LISTED) == 0) {
		if (r->listed >= (size_t)config->max_contacts)
			return TCT_RESOURCE_CONSTRAINT;
		if (item == NULL)
			item = roster_add(r, w->jid);
	}
	/* The subscription, the question and the approval stay as they are. */
	roster_set_state(r, item, item->state | TCT_ROSTER_LISTED);
	roster_set_text(item, w->name, w->groups, w->groups_len);
	roster_write(m, tct_event_txn(ev), ev->entity, r, item);
	roster_push(m, ev, ev->entity, item, false);
	return 0;
}

static uint32_t take_out(
	struct tct_mod *m, struct tct_event *ev, const struct tct_jid *jid)
{
	struct roster_item *item = roster_find(roster_get(m, ev->entity), jid);

	if (item == NULL || (item->state & TCT_ROSTER_LISTED) == 0)
		return TCT_ITEM_NOT_FOUND;
	roster_remove(m, ev, item);
	return 0;
}

enum tct_verdict roster_on_set(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *query = tct_stanza_payload(ev->stanza);
	const char *subscription;
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
		condition = take_out(m, ev, w.jid);
	else if (condition == 0)
		condition = update(m, ev, &w);
	tct_jid_unref(w.jid);
	if (condition != 0)
		return tct_refuse(ev, condition, NULL);
	return tct_reply(ev, tct_result(ev));
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* flow.c - subscription stanzas on their way out and in (RFC 6121 section 3): the table
 * of subscription.c decides, this file writes, routes and tells. The new state is in the
 * write set of the event before anything leaves, so that it is on disk before the contact
 * hears of it. The order that a client sees is: the stanza, the push, the contact's
 * presence. */
#include "modules/mod_roster/roster.h"

#include "modules/mod_roster/subscription.h"

#include <stdlib.h>
#include <string.h>

/* What an item shows. */
#define SHOWN_BITS                                                                       \
	(TCT_ROSTER_TO | TCT_ROSTER_FROM | TCT_ROSTER_OUT | TCT_ROSTER_APPROVED)

/* ---- requests that wait ---- */

void roster_request_delete(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	const struct tct_jid *contact)
{
	struct roster_data *data = tct_mod_data(m);

	tct_kv_delete(txn, data->requests, tct_entity_user(e), tct_jid_bare_text(contact));
}

/* The new one takes the place of the oldest when there are too many: who asks strangers
 * in masses must not be able to keep others from asking. */
static void drop_oldest(struct tct_mod *m, struct tct_event *ev, struct roster *r)
{
	struct roster_item *oldest = NULL;

	for (struct roster_item *i = r->first; i != NULL; i = i->next) {
		if ((i->own & TCT_ROSTER_IN) != 0 &&
			(oldest == NULL || i->asked < oldest->asked))
			oldest = i;
	}
	if (oldest == NULL)
		return;
	roster_request_delete(m, tct_event_txn(ev), ev->entity, oldest->jid);
	roster_set_own(r, oldest, oldest->own & ~(uint32_t)TCT_ROSTER_IN);
}

static void request_put(struct tct_mod *m, struct tct_event *ev,
	const struct tct_jid *contact, int64_t now)
{
	struct roster_data *data = tct_mod_data(m);
	struct tct_record *record = tct_record_new();
	struct tct_value xml = tct_xml(tct_stanza_root(ev->stanza));

	tct_record_set_int(record, "time", now);
	if (xml.bytes.len <= ROSTER_REQUEST_MAX)
		tct_record_set_bytes(record, "xml", xml.bytes.data, xml.bytes.len);
	if (tct_stanza_id(ev->stanza) != NULL && strlen(tct_stanza_id(ev->stanza)) < 256)
		tct_record_set_string(record, "id", tct_stanza_id(ev->stanza));
	if (tct_stanza_lang(ev->stanza) != NULL &&
		strlen(tct_stanza_lang(ev->stanza)) < 64)
		tct_record_set_string(record, "lang", tct_stanza_lang(ev->stanza));
	tct_kv_put(tct_event_txn(ev), data->requests, tct_event_user(ev),
		tct_jid_bare_text(contact), tct_record_value(record));
	tct_record_free(record);
}

static struct tct_stanza *request_stanza(
	const struct tct_value *row, const struct tct_jid *from, const struct tct_jid *to)
{
	struct tct_stanza *st = tct_stanza_new(
		TCT_PRESENCE_SUBSCRIBE, from, to, tct_record_string(row, "id", NULL));
	struct tct_elem *root = tct_stanza_root(st), *stored;
	struct tct_value xml;

	if (tct_record_string(row, "lang", NULL) != NULL)
		tct_stanza_set_lang(st, tct_record_string(row, "lang", NULL));
	if (!tct_record_find(row, "xml", &xml) || xml.kind != TCT_VALUE_BYTES)
		return st;
	xml.kind = TCT_VALUE_XML;
	stored = tct_add_stored(root, &xml);
	if (stored == NULL)
		return st;
	tct_elem_each (child, stored)
		tct_add_copy(root, child);
	tct_elem_remove(stored);
	return st;
}

static int by_time(const void *a, const void *b)
{
	const struct roster_item *const *x = a, *const *y = b;

	return ((*x)->asked > (*y)->asked) - ((*x)->asked < (*y)->asked);
}

void roster_on_available(struct tct_mod *m, struct tct_session *s)
{
	struct roster_data *data = tct_mod_data(m);
	struct tct_entity *e = tct_session_entity(s);
	struct roster *r = roster_get(m, e);
	struct tct_mod *blocklist_mod;
	const struct tct_blocklist_ops *blocklist =
		tct_service(m, "blocklist", &blocklist_mod);
	struct roster_item **all;
	size_t count = 0;

	if (r->requests == 0)
		return;
	all = calloc(r->requests, sizeof *all);
	if (all == NULL)
		abort();
	for (struct roster_item *i = r->first; i != NULL && count < r->requests;
		i = i->next) {
		if ((i->state & TCT_ROSTER_IN) != 0)
			all[count++] = i;
	}
	qsort(all, count, sizeof *all, by_time);
	for (size_t i = 0; i < count; i++) {
		struct tct_value row;

		if (blocklist != NULL &&
			blocklist->blocks(blocklist_mod, e, all[i]->jid) == TCT_BLOCKED)
			continue;
		if (tct_entity_get(e, data->requests, tct_jid_text(all[i]->jid), &row))
			tct_session_send(
				s, request_stanza(&row, all[i]->jid, tct_entity_jid(e)));
	}
	free(all);
}

/* ---- a step of the table ---- */

static uint32_t state_of(
	struct tct_mod *m, struct tct_entity *e, const struct tct_jid *contact)
{
	const struct roster_item *item = roster_find(roster_get(m, e), contact);

	return item != NULL ? item->state : 0;
}

/* The request's own row, which is there as long as the account's IN. */
static struct roster_item *write_request(struct tct_mod *m, struct tct_event *ev,
	const struct tct_jid *contact, uint32_t before, uint32_t after)
{
	const struct roster_config *config = tct_mod_config(m);
	struct roster *r = roster_get(m, ev->entity);
	struct roster_item *item;
	int64_t now = tct_now_us();

	if ((after & ~before & TCT_ROSTER_IN) != 0) {
		if (r->requests >= (size_t)config->max_requests)
			drop_oldest(m, ev, r);
		request_put(m, ev, contact, now);
	} else if ((before & ~after & TCT_ROSTER_IN) != 0) {
		roster_request_delete(m, tct_event_txn(ev), ev->entity, contact);
	}
	/* Not earlier: the one dropped may be freed, or be this one. */
	item = roster_find(r, contact);
	if (item == NULL)
		item = roster_add(r, contact);
	if ((after & ~before & TCT_ROSTER_IN) != 0)
		item->asked = now;
	return item;
}

/* Writes the step from how the two stand to `next`; `contact` may have no item yet. What was
 * lent is not the account's to end: it stays. True when the item that clients see has
 * changed. */
static bool apply(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *contact,
	uint32_t next)
{
	struct roster *r = roster_get(m, ev->entity);
	struct roster_item *item = roster_find(r, contact);
	uint32_t own = item != NULL ? item->own : 0, was = item != NULL ? item->state : 0;
	uint32_t gone = was & ~next & ROSTER_SUBSCRIPTION, after;

	/* What was hidden behind it, too. */
	gone |= (gone & TCT_ROSTER_TO) != 0 ? TCT_ROSTER_OUT : 0;
	gone |= (gone & TCT_ROSTER_FROM) != 0 ? TCT_ROSTER_IN : 0;
	after = (own & ~gone) | (next & ~was & ROSTER_SUBSCRIPTION);
	if ((after & SHOWN_BITS) != 0)
		after |= TCT_ROSTER_LISTED;
	if (after == own)
		return false;
	item = write_request(m, ev, contact, own, after);
	if (((own ^ after) & (SHOWN_BITS | TCT_ROSTER_LISTED)) == 0) {
		roster_set_own(r, item, after);
		return false;
	}
	roster_set_source(item, NULL);
	roster_set_own(r, item, after);
	roster_write(m, tct_event_txn(ev), ev->entity, r, item);
	return ((was ^ item->state) & (SHOWN_BITS | TCT_ROSTER_LISTED)) != 0;
}

static void push(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *contact)
{
	const struct roster_item *item = roster_find(roster_get(m, ev->entity), contact);

	if (item != NULL)
		roster_push(m, ev, NULL, ev->entity, item);
}

static void route_new(struct tct_mod *m, struct tct_event *ev, uint32_t type,
	const struct tct_jid *from, const struct tct_jid *to)
{
	tct_route(m, ev, tct_stanza_new(type, from, to, NULL));
}

/* ---- out ---- */

/* True when the step would make an item that there is no room for. */
static bool no_room(
	struct tct_mod *m, const struct roster *r, uint32_t before, uint32_t after)
{
	const struct roster_config *config = tct_mod_config(m);

	return (before & TCT_ROSTER_LISTED) == 0 && (after & SHOWN_BITS) != 0 &&
		r->listed >= (size_t)config->max_contacts;
}

/* True when the stanza would end what a source has lent. */
static bool ends_loan(const struct roster_item *item, uint32_t type)
{
	uint32_t lent = item != NULL ? roster_lent(item) : 0;

	return (type == TCT_PRESENCE_UNSUBSCRIBE && (lent & TCT_ROSTER_TO) != 0) ||
		(type == TCT_PRESENCE_UNSUBSCRIBED && (lent & TCT_ROSTER_FROM) != 0);
}

static enum tct_verdict send_out(
	struct tct_mod *m, struct tct_event *ev, const struct tct_jid *contact)
{
	struct roster *r = roster_get(m, ev->entity);
	const struct roster_item *item = roster_find(r, contact);
	uint32_t before = item != NULL ? item->state : 0;
	struct subscription_step step = subscription_step(
		before, subscription_event(tct_stanza_type(ev->stanza), false));
	struct tct_overlay overlay = TCT_OVERLAY_INIT;
	bool shown;

	if (no_room(m, r, before, step.state))
		return tct_refuse(ev, TCT_RESOURCE_CONSTRAINT, "the roster is full");
	if (ends_loan(item, tct_stanza_type(ev->stanza)))
		return tct_refuse(
			ev, TCT_NOT_ALLOWED, "the server has put this contact here");
	shown = apply(m, ev, contact, step.state);
	if (step.pass) {
		overlay.from = tct_entity_jid(ev->entity);
		overlay.to = contact;
		tct_route_copy(m, ev, ev->stanza, &overlay);
	}
	if (shown)
		push(m, ev, contact);
	if (((before ^ step.state) & ROSTER_SUBSCRIPTION) != 0)
		roster_changed(m, ev, ev->entity, contact, before & ROSTER_SUBSCRIPTION,
			step.state);
	return TCT_HANDLED;
}

enum tct_verdict roster_on_outbound(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->stanza), *contact;
	enum tct_verdict verdict = TCT_HANDLED;

	if (to == NULL)
		return tct_refuse(ev, TCT_BAD_REQUEST, "to whom?");
	contact = tct_jid_bare(to);
	/* One always sees oneself. */
	if (!tct_jid_equal(contact, tct_entity_jid(ev->entity)))
		verdict = send_out(m, ev, contact);
	tct_jid_unref(contact);
	return verdict;
}

/* ---- in ---- */

struct delivery {
	struct tct_mod *m;
	struct tct_event *ev;
	struct tct_overlay overlay;
};

static void deliver(struct tct_session *s, void *data)
{
	struct delivery *d = data;

	if (roster_interested(d->m, s))
		tct_session_send_copy(d->ev, s, d->ev->stanza, &d->overlay);
}

/* A request goes the usual way, to all available resources. */
static enum tct_verdict pass_request(struct tct_event *ev, const struct tct_jid *contact)
{
	struct tct_stanza *st;

	if (tct_jid_resource(tct_stanza_from(ev->stanza)) != NULL ||
		tct_jid_resource(tct_stanza_to(ev->stanza)) != NULL) {
		st = tct_stanza_edit(ev);
		tct_stanza_set_from(st, contact);
		tct_stanza_set_to(st, tct_entity_jid(ev->entity));
	}
	return TCT_CONTINUE;
}

static enum tct_verdict take_in(
	struct tct_mod *m, struct tct_event *ev, const struct tct_jid *contact)
{
	enum subscription_event event =
		subscription_event(tct_stanza_type(ev->stanza), true);
	uint32_t before = state_of(m, ev->entity, contact) & ROSTER_SUBSCRIPTION, after;
	struct subscription_step step = subscription_step(before, event);
	struct delivery d = { m, ev, TCT_OVERLAY_INIT };
	bool shown = apply(m, ev, contact, step.state), pass;

	after = state_of(m, ev->entity, contact) & ROSTER_SUBSCRIPTION;
	pass = step.pass && before != after; /* what was lent has not ended */
	if (step.answer)
		route_new(m, ev, TCT_PRESENCE_SUBSCRIBED, tct_entity_jid(ev->entity),
			contact);
	/* Who asked for the roster hears the stanza before its push (RFC 6121 3.1.6). */
	if (pass && event != SUBSCRIPTION_IN_SUBSCRIBE) {
		d.overlay.from = contact;
		d.overlay.to = tct_entity_jid(ev->entity);
		tct_entity_sessions(ev->entity, deliver, &d);
	}
	if (shown)
		push(m, ev, contact);
	if (step.answer || before != after)
		roster_changed(m, ev, ev->entity, contact, before, after);
	if (pass && event == SUBSCRIPTION_IN_SUBSCRIBE)
		return pass_request(ev, contact);
	return TCT_HANDLED;
}

enum tct_verdict roster_on_inbound(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza), *contact;
	enum tct_verdict verdict = TCT_HANDLED;

	/* An account that is not there is as silent as one that is offline (RFC
	 * 6121 8.5.1). */
	if (from == NULL || tct_entity_user(ev->entity)[0] == '\0' ||
		!tct_entity_exists(ev->entity))
		return TCT_HANDLED;
	contact = tct_jid_bare(from);
	if (!tct_jid_equal(contact, tct_entity_jid(ev->entity)))
		verdict = take_in(m, ev, contact);
	tct_jid_unref(contact);
	return verdict;
}

/* ---- the end of an item, and of an account ---- */

/* Ends both directions, as the contact sees it. */
static void part(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *account,
	const struct tct_jid *contact, uint32_t state)
{
	if ((state & (TCT_ROSTER_TO | TCT_ROSTER_OUT)) != 0)
		route_new(m, ev, TCT_PRESENCE_UNSUBSCRIBE, account, contact);
	if ((state & (TCT_ROSTER_FROM | TCT_ROSTER_IN)) != 0)
		route_new(m, ev, TCT_PRESENCE_UNSUBSCRIBED, account, contact);
}

void roster_remove(struct tct_mod *m, struct tct_event *ev, struct roster_item *item)
{
	struct roster *r = roster_get(m, ev->entity);
	const struct tct_jid *contact = item->jid;
	uint32_t before = item->state & ROSTER_SUBSCRIPTION;

	if ((item->own & TCT_ROSTER_IN) != 0)
		roster_request_delete(m, tct_event_txn(ev), ev->entity, contact);
	roster_set_text(item, NULL, NULL, 0);
	roster_set_source(item, NULL);
	roster_set_own(r, item, 0);
	roster_write(m, tct_event_txn(ev), ev->entity, r, item);
	part(m, ev, tct_entity_jid(ev->entity), contact, before);
	roster_push(m, ev, NULL, ev->entity, item);
	if (before != 0)
		roster_changed(m, ev, ev->entity, contact, before, 0);
}

/* What was made of rows before does not count when they were read again. Accounts that are
 * not there have no roster, and get no memory for one. */
void roster_on_loaded(struct tct_mod *m, struct tct_entity *e)
{
	if (tct_entity_exists(e))
		roster_fini(tct_entity_data(m, e));
}

void roster_on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	struct roster_data *data = tct_mod_data(m);
	struct roster *r = roster_get(m, e);
	struct tct_txn *txn = tct_txn_new(m);

	for (const struct roster_item *i = r->first; i != NULL; i = i->next)
		part(m, NULL, tct_entity_jid(e), i->jid, i->own);
	tct_kv_delete_user(txn, data->items, tct_entity_user(e));
	tct_kv_delete_user(txn, data->requests, tct_entity_user(e));
	tct_kv_delete_user(txn, data->version, tct_entity_user(e));
	tct_txn_submit(tct_mod_scope(m), txn, NULL, NULL);
	roster_fini(r);
}

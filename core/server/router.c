/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* router.c - see router.h. An event walks through phases; each phase says what comes next.
 * Nothing here calls itself: what handlers route becomes an event of its own in the turn
 * queue. */
#include "core/server/router.h"

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/entity.h"
#include "core/server/host.h"
#include "core/server/lane.h"
#include "core/server/peers.h"
#include "core/server/request.h"
#include "core/server/resolve.h"
#include "core/server/row.h"
#include "core/server/session.h"
#include "core/server/unseen.h"
#include "core/store/txn.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"

#include <stdlib.h>

/* An event that was caused by an event that was caused ...: somebody answers himself. */
#define HOPS_MAX 16

#define TOO_MUCH "too much waits for this address"

enum step { STEP_NEXT, STEP_AWAY, STEP_END };

static bool is_request(const struct tct_stanza *st)
{
	return (tct_stanza_type(st) & (TCT_IQ_GET | TCT_IQ_SET)) != 0;
}

/* Presence tells how it is now, and the next tells it anew; all else must not be lost in
 * silence. */
static bool must_arrive(const struct tct_stanza *st)
{
	return tct_stanza_kind(st) == TCT_MESSAGE || is_request(st) ||
		(tct_stanza_type(st) & TCT_TYPES_SUBSCRIPTION) != 0;
}

/* ---- answers ---- */

/* Somebody else's account answers. Whether it is there, in memory, or blocks who asks, must not
 * be learnt from the time that the answer takes, or from its place among others. Who may know is
 * not asked for: that would be another thing to be learnt. */
static bool tells_others(const struct event *ev)
{
	const struct tct_jid *from = tct_stanza_from(ev->pub.stanza);
	const struct tct_entity *e = ev->pub.entity;

	return e != NULL && ev->phase >= PHASE_INBOUND && ev->phase != PHASE_ANSWER && !ev->read &&
		ev->pub.origin.kind != TCT_MODULE_ORIGIN && from != NULL && entity_reads(e) &&
		tct_entity_user(e)[0] != '\0' && !tct_jid_equal_bare(from, e->jid);
}

/* So it leaves after a read, as one does that waits for an account to be loaded. `back`: to
 * where the event came from, else by its address. */
static void answer_later(struct event *ev, struct tct_stanza *st, bool back)
{
	struct event *answer = event_new(st, TCT_NEW);
	struct tct_stanza *full;

	answer->phase = PHASE_ANSWER;
	answer->pub.host = ev->pub.host;
	event_inherit(answer, ev);
	if (back) {
		answer->pub.origin = ev->pub.origin;
		if (answer->pub.origin.session != NULL)
			session_ref(answer->pub.origin.session);
		answer->inbound = ev->inbound; /* handled is what was answered */
		ev->inbound = NULL;
	}
	if (entity_look(ev->pub.entity, answer))
		return;
	/* As for an account that is not loaded and that too much waits for, see park(). */
	full = tct_stanza_error(ev->pub.stanza, TCT_RESOURCE_CONSTRAINT, TOO_MUCH);
	if (full != NULL) {
		tct_stanza_unref(st);
		answer->pub.stanza = full;
	}
	turn_push(&answer->item, router_run);
}

void router_route_unknown(struct tct_mod *m, struct event *ev, struct tct_stanza *st)
{
	if (tells_others(ev))
		answer_later(ev, st, false);
	else
		router_route(m, ev, st, TCT_NEW);
}

void router_answer(struct event *ev, struct tct_stanza *st)
{
	struct tct_session *s = ev->pub.origin.session;

	if (tells_others(ev)) {
		answer_later(ev, st, true);
		return;
	}
	if (s != NULL) {
		if (!s->ended)
			session_deliver(s, delivery_new(st, NULL, NULL), event_ticket(ev));
		tct_stanza_unref(st);
		return;
	}
	if (ev->pub.origin.kind == TCT_CLIENT || tct_stanza_to(st) == NULL) {
		tct_stanza_unref(st);
		return;
	}
	router_route(NULL, ev, st, TCT_NEW);
}

void router_send_error(struct event *ev, uint32_t condition, const char *text)
{
	struct tct_stanza *st = tct_stanza_error(ev->pub.stanza, condition, text);

	ev->refused = true;
	/* A refused stanza leaves nothing behind. */
	if (ev->txn != NULL) {
		txn_refuse(ev->txn);
		ev->txn = NULL;
	}
	if (st != NULL)
		router_answer(ev, st);
}

void router_refuse(struct event *ev, uint32_t condition, const char *text)
{
	router_send_error(ev, condition, text);
	event_free(ev);
}

/* ---- a set that failed after its event ended ---- */

struct watch {
	struct ticket_waiter waiter;
	struct ticket *ticket;
	struct tct_stanza *stanza;
	struct tct_session *session; /* NULL: it came from a server or a component */
};

static void watched(struct ticket_waiter *w)
{
	struct watch *watch = list_entry(w, struct watch, waiter);
	struct tct_session *s = watch->session;
	struct tct_stanza *st = NULL;

	if (ticket_state(watch->ticket) == TICKET_FAILED && (s == NULL || !s->ended))
		st = tct_stanza_error(watch->stanza, TCT_RESOURCE_CONSTRAINT,
			"it could not be stored");
	if (st != NULL && s == NULL) {
		router_route(NULL, NULL, st, TCT_NEW);
	} else if (st != NULL) {
		session_deliver(s, delivery_new(st, NULL, NULL), NULL);
		tct_stanza_unref(st);
	}
	ticket_unref(watch->ticket);
	tct_stanza_unref(watch->stanza);
	if (s != NULL)
		session_unref(s);
	free(watch);
}

/* The sender of a stanza whose writes are refused later must hear of it. */
static void watch_writes(struct event *ev)
{
	struct tct_session *s = ev->pub.origin.session;
	struct watch *watch;

	if (ev->txn == NULL || !txn_has_writes(ev->txn) || !must_arrive(ev->pub.stanza) ||
		(s == NULL && ev->flight == NULL))
		return;
	watch = mem_zalloc(sizeof *watch);
	watch->ticket = ticket_ref(txn_ticket(ev->txn));
	watch->stanza = tct_stanza_ref(ev->pub.stanza);
	watch->session = s != NULL ? session_ref(s) : NULL;
	watch->waiter.fn = watched;
	ticket_wait(watch->ticket, &watch->waiter);
}

void router_end(struct event *ev)
{
	watch_writes(ev);
	event_free(ev);
}

/* ---- chains ---- */

/* Calls the handlers of a set from the cursor on. */
static enum tct_verdict call_chain(struct event *ev, struct hook_set *set)
{
	const struct hook_ask ask = { ev->pub.stage, ev->pub.stanza->kind, ev->pub.stanza->type,
		ev->pub.cause };
	const struct hook *h;

	while ((h = hook_next(set, &ask, &ev->cursor)) != NULL) {
		struct tct_mod *m = h->mod;
		enum tct_verdict v;

		mod_enter(m);
		v = h->fn(m, &ev->pub);
		mod_leave(m);
		tct_assert(ev->suspended == (v == TCT_SUSPENDED));
		if (v != TCT_CONTINUE)
			return v;
	}
	return TCT_CONTINUE;
}

static inline enum tct_verdict run_chain(struct event *ev, uint32_t stage)
{
	/* For what leaves, and is from no host of ours: a component's. */
	struct hook_set *set = ev->pub.host != NULL ? &ev->pub.host->hooks : hook_global();

	ev->pub.stage = stage;
	return hook_none(set, stage, ev->pub.stanza->type) ? TCT_CONTINUE : call_chain(ev, set);
}

static void next_phase(struct event *ev, enum event_phase phase)
{
	ev->phase = (uint8_t)phase;
	ev->cursor = (struct hook_cursor){ 0 };
}

/* The lane stays held while its event is suspended; see router_resume. */
static enum step suspended(struct event *ev, struct lane *lane)
{
	tct_assert(ev->holding == NULL || ev->holding == lane);
	ev->holding = lane;
	lane->held = true;
	return STEP_AWAY;
}

static enum step chain_step(struct event *ev, uint32_t stage, struct lane *lane,
	enum event_phase next)
{
	switch (run_chain(ev, stage)) {
	case TCT_SUSPENDED:
		return suspended(ev, lane);
	case TCT_HANDLED:
		return STEP_END;
	default:
		next_phase(ev, next);
		return STEP_NEXT;
	}
}

/* ---- phases ---- */

static enum step park(struct event *ev, struct lane *lane)
{
	if (lane_park(lane, ev))
		return STEP_AWAY;
	if (tct_stanza_kind(ev->pub.stanza) == TCT_IQ || must_arrive(ev->pub.stanza))
		router_send_error(ev, TCT_RESOURCE_CONSTRAINT, TOO_MUCH);
	return STEP_END;
}

static enum step phase_outbound(struct event *ev)
{
	struct tct_session *s = ev->pub.origin.session;
	enum step step;

	if (ev->holding == NULL) {
		if (s->lane.held)
			return park(ev, &s->lane);
		if (!entity_ready(s->entity))
			return park(ev, &s->entity->lane);
	}
	step = chain_step(ev, TCT_OUTBOUND, &s->lane, PHASE_ADDRESS);
	if (step == STEP_NEXT && ev->holding != NULL) {
		lane_release(ev->holding);
		ev->holding = NULL;
	}
	return step;
}

/* The end of a session comes after all that its client sent. */
static enum step phase_session_end(struct event *ev)
{
	struct tct_session *s = ev->pub.origin.session;

	if (s->lane.held && lane_park(&s->lane, ev))
		return STEP_AWAY;
	/* Who must hear of the end is in the rows of the account. */
	if ((s->entity->lane.held || !entity_ready(s->entity)) &&
		lane_park(&s->entity->lane, ev))
		return STEP_AWAY;
	session_end(s);
	return STEP_END;
}

static void set_entity(struct event *ev, struct tct_host *h, struct tct_entity *e)
{
	if (e != NULL)
		entity_pin(e);
	if (ev->pub.entity != NULL)
		entity_unpin(ev->pub.entity);
	ev->pub.entity = e;
	ev->pub.host = h;
}

/* To a host with another store, whose rows no set of this one can hold. True: the stanza goes
 * on, as an event of its own, when what caused it is on disk here. */
static bool leave_store(struct event *ev)
{
	if (txn_has_writes(ev->txn)) {
		tct_txn_route(ev->txn, tct_stanza_ref(ev->pub.stanza));
		return true;
	}
	txn_close(ev->txn);
	ev->txn = NULL;
	return false;
}

static enum step phase_address(struct event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->pub.stanza);
	struct tct_host *h;

	if (to == NULL) {
		/* Presence without address is mod_presence's affair; nobody took it. */
		if (ev->pub.entity == NULL || tct_stanza_kind(ev->pub.stanza) != TCT_IQ)
			return STEP_END;
		next_phase(ev, PHASE_INBOUND);
		return STEP_NEXT;
	}
	h = host_find(span_of(tct_jid_domain(to)));
	if (h == NULL) {
		const struct tct_jid *from = tct_stanza_from(ev->pub.stanza);

		if (from == NULL)
			return STEP_END;
		if (ev->pub.host == NULL)
			ev->pub.host = host_find(span_of(tct_jid_domain(from)));
		next_phase(ev, PHASE_REMOTE);
		return STEP_NEXT;
	}
	if (ev->txn != NULL && ev->txn->env != h->env && leave_store(ev))
		return STEP_END;
	set_entity(ev, h, entity_get_jid(h, to));
	next_phase(ev, PHASE_INBOUND);
	return STEP_NEXT;
}

static enum step phase_inbound(struct event *ev)
{
	struct tct_entity *e = ev->pub.entity;

	if (ev->holding == NULL && (e->lane.held || !entity_ready(e))) {
		ev->read |= e->state != ENTITY_LOADED;
		return park(ev, &e->lane);
	}
	return chain_step(ev, TCT_INBOUND, &e->lane, PHASE_IQ);
}

static uint32_t iq_target(const struct event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->pub.stanza);

	if (to == NULL)
		return TCT_TO_SELF;
	if (tct_jid_resource(to) != NULL)
		return tct_jid_node(to) != NULL ? TCT_TO_FULL : 0;
	if (tct_jid_node(to) == NULL)
		return TCT_TO_HOST;
	return tct_jid_equal_bare(to, tct_stanza_from(ev->pub.stanza)) ? TCT_TO_SELF :
									 TCT_TO_ACCOUNT;
}

/* Who may see an account's presence may ask it things (architecture, targets of IQs). */
static bool may_ask(const struct event *ev, const struct hook_iq *owner)
{
	struct tct_host *h = ev->pub.host;

	if ((owner->targets & TCT_ACCESS_UNKNOWN) != 0)
		return true;
	if (!tct_entity_exists(ev->pub.entity))
		return false;
	if ((owner->targets & TCT_ACCESS_ANYONE) != 0)
		return true;
	return h->roster != NULL && h->roster->subscribed(h->roster_mod, ev->pub.entity,
					    tct_stanza_from(ev->pub.stanza));
}

static enum step iq_request(struct event *ev)
{
	uint32_t target = iq_target(ev);
	const struct tct_elem *payload = tct_stanza_payload(ev->pub.stanza);
	const struct hook_iq *owner = payload != NULL ?
		hook_iq_owner(&ev->pub.host->hooks, tct_stanza_type(ev->pub.stanza), target,
			payload) :
		NULL;
	struct tct_mod *m;
	enum tct_verdict v;

	if (owner == NULL && target == TCT_TO_FULL) {
		next_phase(ev, PHASE_RESOLVE);
		return STEP_NEXT;
	}
	if (owner != NULL && (target != TCT_TO_ACCOUNT || may_ask(ev, owner))) {
		m = owner->mod;
		ev->pub.stage = TCT_INBOUND;
		mod_enter(m);
		v = owner->fn(m, &ev->pub);
		mod_leave(m);
		tct_assert(v != TCT_SUSPENDED);
		if (v == TCT_HANDLED)
			return STEP_END;
		if (target == TCT_TO_FULL) {
			next_phase(ev, PHASE_RESOLVE);
			return STEP_NEXT;
		}
	}
	router_send_error(ev, TCT_SERVICE_UNAVAILABLE, NULL);
	return STEP_END;
}

static enum step phase_iq(struct event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->pub.stanza);

	if (tct_stanza_kind(ev->pub.stanza) != TCT_IQ) {
		/* The host itself has no sessions; what no module took ends here. */
		next_phase(ev, PHASE_RESOLVE);
		return STEP_NEXT;
	}
	if (is_request(ev->pub.stanza))
		return iq_request(ev);
	if (request_answered(ev->pub.stanza))
		return STEP_END;
	if (to == NULL || tct_jid_resource(to) == NULL)
		return STEP_END; /* an answer to nobody */
	next_phase(ev, PHASE_RESOLVE);
	return STEP_NEXT;
}

static enum step phase_resolve(struct event *ev)
{
	event_clear_targets(ev);
	resolve(ev);
	next_phase(ev, PHASE_RESOLVED);
	return STEP_NEXT;
}

/* The delivery for one receiver; `shared` is kept for the next when nothing differs. */
static struct delivery *delivery_for(struct event *ev, struct delivery **shared)
{
	struct delivery *d;

	if (ev->extra != NULL) {
		d = delivery_new(ev->pub.stanza, NULL, ev->extra);
	} else {
		if (*shared == NULL)
			*shared = delivery_new(ev->pub.stanza, NULL, NULL);
		d = delivery_ref(*shared);
	}
	if (ev->row != NULL)
		row_copy(ev->row, d);
	return d;
}

/* One receiver. `last`: no handler comes after it that could write something, so what has no set
 * needs none. */
static void deliver_to(struct event *ev, struct tct_session *s, struct delivery **shared,
	bool last)
{
	struct ticket *ticket;

	ev->extra = NULL;
	ev->cursor = (struct hook_cursor){ 0 };
	ev->pub.target = s;
	if (run_chain(ev, TCT_DELIVER) == TCT_HANDLED) {
		ev->delivered = true;
		return;
	}
	if (s->ended)
		return;
	ev->delivered = true;
	ticket = last && ev->txn == NULL ? NULL : event_ticket(ev);
	if (ev->extra == NULL && ev->row == NULL &&
		session_deliver_plain(s, ev->pub.stanza, ticket))
		return;
	session_deliver_routed(s, delivery_for(ev, shared), ticket,
		tct_stanza_kind(ev->pub.stanza));
	if (s->stream == NULL)
		unseen(s->entity, s, ev->pub.stanza, TCT_UNSEEN_DETACHED, ticket);
}

static enum step phase_deliver(struct event *ev)
{
	struct delivery *shared = NULL;

	/* A session that gives its copy back must not double what others have. */
	if (ev->row == NULL && ev->target_count > 1 &&
		tct_stanza_kind(ev->pub.stanza) == TCT_MESSAGE)
		ev->row = row_new(NULL, 0);
	for (uint32_t i = 0; i < ev->target_count; i++) {
		if (!ev->targets[i]->ended)
			deliver_to(ev, ev->targets[i], &shared, i + 1 == ev->target_count);
	}
	ev->pub.target = NULL;
	ev->extra = NULL;
	if (shared != NULL)
		delivery_unref(shared);
	if (ev->delivered)
		return STEP_END;
	next_phase(ev, PHASE_UNDELIVERED);
	return STEP_NEXT;
}

/* Nobody took it, and somebody has it all the same. */
static void is_kept(struct event *ev)
{
	if (!ev->refused)
		unseen(ev->pub.entity, NULL, ev->pub.stanza, TCT_UNSEEN_STORED,
			ev->txn != NULL ? txn_ticket(ev->txn) : NULL);
}

static enum step phase_undelivered(struct event *ev)
{
	enum step step = chain_step(ev, TCT_UNDELIVERED, &ev->pub.entity->lane, PHASE_END);

	if (step == STEP_END)
		is_kept(ev);
	if (step != STEP_NEXT)
		return step;
	if (is_request(ev->pub.stanza))
		router_send_error(ev, TCT_SERVICE_UNAVAILABLE, NULL);
	return STEP_END;
}

/* Only what is from here leaves, or what somebody here takes. */
static enum step phase_remote(struct event *ev)
{
	set_entity(ev, ev->pub.host, NULL);
	if (run_chain(ev, TCT_REMOTE) == TCT_CONTINUE &&
		tct_stanza_kind(ev->pub.stanza) != TCT_PRESENCE)
		router_send_error(ev, TCT_REMOTE_SERVER_NOT_FOUND, NULL);
	return STEP_END;
}

static enum step phase_answer(struct event *ev)
{
	router_answer(ev, tct_stanza_ref(ev->pub.stanza));
	return STEP_END;
}

static enum step step(struct event *ev)
{
	switch (ev->phase) {
	case PHASE_OUTBOUND:
		return phase_outbound(ev);
	case PHASE_ADDRESS:
		return phase_address(ev);
	case PHASE_INBOUND:
		return phase_inbound(ev);
	case PHASE_IQ:
		return phase_iq(ev);
	case PHASE_RESOLVE:
		return phase_resolve(ev);
	case PHASE_RESOLVED:
		return chain_step(ev, TCT_RESOLVED, &ev->pub.entity->lane, PHASE_DELIVER);
	case PHASE_DELIVER:
		return phase_deliver(ev);
	case PHASE_UNDELIVERED:
		return phase_undelivered(ev);
	case PHASE_REMOTE:
		return phase_remote(ev);
	case PHASE_ANSWER:
		return phase_answer(ev);
	case PHASE_SESSION_END:
		return phase_session_end(ev);
	default:
		return STEP_END;
	}
}

void router_run(struct turn_item *item)
{
	struct event *ev = list_entry(item, struct event, item);

	if (ev->flight != NULL)
		ev->pub.origin.stream = flight_stream(ev->flight);
	for (;;) {
		switch (step(ev)) {
		case STEP_NEXT:
			continue;
		case STEP_AWAY:
			return;
		case STEP_END:
			router_end(ev);
			return;
		}
	}
}

/* ---- entries ---- */

void router_from_session(struct tct_session *s, struct tct_stanza *st)
{
	struct event *ev;

	tct_stanza_set_from(st, s->jid);
	if (tct_stanza_to(st) == NULL && tct_stanza_kind(st) == TCT_MESSAGE)
		tct_stanza_set_to(st, s->entity->jid); /* RFC 6120 8.1.1.1 */
	if (inbound_again(&s->inbound, st)) {
		inbound_end(inbound_begin(s), NULL, NULL);
		tct_stanza_unref(st);
		return;
	}
	ev = event_new(st, TCT_NEW);
	ev->inbound = inbound_begin(s);
	event_set_session(ev, s);
	set_entity(ev, s->entity->host, s->entity);
	/* An answer that one of our own requests waits for passes all lanes, or a held lane
	 * could wait for itself. */
	if (tct_stanza_kind(st) == TCT_IQ && !is_request(st) && request_expected(st))
		ev->phase = PHASE_IQ;
	turn_push(&ev->item, router_run);
}

void router_from_peer(struct tct_stream *s, struct tct_stanza *st)
{
	struct event *ev;

	stanza_freeze(st);
	ev = event_new(st, TCT_NEW);
	ev->flight = flight_begin(s);
	ev->inbound = intake_begin(s->intake);
	ev->pub.origin.kind = s->kind == TCTI_STREAM_COMPONENT ? TCT_COMPONENT : TCT_SERVER;
	ev->pub.origin.stream = s;
	ev->phase = tct_stanza_kind(st) == TCT_IQ && !is_request(st) && request_expected(st) ?
		PHASE_IQ :
		PHASE_ADDRESS;
	turn_push(&ev->item, router_run);
}

void router_session_end(struct tct_session *s)
{
	struct event *ev = event_new(NULL, TCT_NEW);

	event_set_session(ev, s);
	ev->phase = PHASE_SESSION_END;
	turn_push(&ev->item, router_run);
}

bool router_in_circles(const struct tct_mod *m, const struct event *parent)
{
	if (parent == NULL || parent->hops < HOPS_MAX)
		return false;
	log_warn("a stanza of mod_%s goes nowhere (it goes in circles)",
		m != NULL ? m->name : "core");
	return true;
}

static struct event *route(struct tct_mod *m, struct event *parent, struct tct_stanza *st,
	uint32_t cause)
{
	struct event *ev;

	if (tct_stanza_to(st) == NULL)
		log_warn("a stanza of mod_%s goes nowhere (it has no address)",
			m != NULL ? m->name : "core");
	if (tct_stanza_to(st) == NULL || router_in_circles(m, parent)) {
		tct_stanza_unref(st);
		return NULL;
	}
	if (tct_stanza_from(st) == NULL && m != NULL && m->host != NULL)
		tct_stanza_set_from(st, m->host->jid);
	stanza_freeze(st);
	ev = event_new(st, cause);
	ev->phase = PHASE_ADDRESS;
	if (m != NULL)
		ev->pub.host = m->host;
	if (parent != NULL)
		event_inherit(ev, parent);
	turn_push(&ev->item, router_run);
	return ev;
}

void router_route(struct tct_mod *m, struct event *parent, struct tct_stanza *st, uint32_t cause)
{
	route(m, parent, st, cause);
}

void router_route_with(struct tct_mod *m, struct tct_stanza *st, struct tct_txn *txn)
{
	struct event *ev = route(m, NULL, st, TCT_NEW);

	if (ev != NULL)
		ev->txn = txn_ref(txn);
}

void router_reroute(struct tct_stanza *st, struct row *row)
{
	struct event *ev = route(NULL, NULL, st, TCT_REROUTE);

	if (ev != NULL && row != NULL)
		ev->row = row_ref(row);
}

void router_resume(struct event *ev, enum tct_verdict verdict)
{
	ev->suspended = false;
	ev->request = NULL;
	if (verdict != TCT_CONTINUE) {
		if (ev->phase == PHASE_UNDELIVERED)
			is_kept(ev);
		next_phase(ev, PHASE_END);
	}
	turn_push_front(&ev->item, router_run);
}

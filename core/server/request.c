/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* request.c - see request.h. A request keeps what an answer needs: the stanza, the asker's
 * session, a write set of its own. A suspended one owns its event as well. */
#include "core/server/request.h"

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/entity.h"
#include "core/server/host.h"
#include "core/server/lane.h"
#include "core/server/router.h"
#include "core/server/session.h"
#include "core/store/txn.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/stanza.h"

#include <stdlib.h>

#define DEADLINE_MS 30000

struct tct_request {
	struct scope_node in_mod;     /* ends with the instance: refused */
	struct scope_node in_session; /* ends with the asker: forgotten */
	struct tct_scope scope;       /* what the module starts for it */
	struct tct_timer *deadline;
	struct tct_mod *mod;
	struct event *event; /* the suspended event, or a shell that answers go through */
};

static size_t open_requests;

size_t request_count(void)
{
	return open_requests;
}

/* Ends the request itself; the event lives on, in the caller's hands. */
static struct event *finish(struct tct_request *rq)
{
	struct event *ev = rq->event;

	scope_remove(&rq->in_mod);
	scope_remove(&rq->in_session);
	scope_end(&rq->scope);
	open_requests--;
	free(rq);
	return ev;
}

static void instance_ends(struct scope_node *node)
{
	struct tct_request *rq = list_entry(node, struct tct_request, in_mod);
	bool suspended = rq->event->suspended;

	/* What it owned nobody answers now; what it held would pass if it came again. */
	router_refuse(finish(rq),
		suspended ? TCT_RESOURCE_CONSTRAINT : TCT_SERVICE_UNAVAILABLE, NULL);
}

static void asker_ends(struct scope_node *node)
{
	struct tct_request *rq = list_entry(node, struct tct_request, in_session);

	event_free(finish(rq));
}

static void too_late(struct tct_scope *scope, void *data)
{
	struct tct_request *rq = data;

	(void)scope;
	tct_log_warn(rq->mod, "no answer to a stanza within %d s: refused", DEADLINE_MS / 1000);
	router_refuse(finish(rq), TCT_RESOURCE_CONSTRAINT, "no answer in time");
}

static struct tct_request *request_new(struct tct_mod *m, struct event *ev)
{
	struct tct_request *rq = mem_zalloc(sizeof *rq);
	struct tct_session *s = ev->pub.origin.session;

	rq->mod = m;
	rq->event = ev;
	scope_init(&rq->scope, m);
	scope_add(&m->scope, &rq->in_mod, instance_ends);
	/* A suspended stanza goes on when its sender has left; a question does not. */
	if (s != NULL && !s->ended && ev->phase == PHASE_IQ)
		scope_add(&s->scope, &rq->in_session, asker_ends);
	rq->deadline = tct_timer_start(&rq->scope, DEADLINE_MS, 0, too_late, rq);
	open_requests++;
	return rq;
}

struct tct_request *tct_suspend(struct tct_mod *m, struct tct_event *pub)
{
	struct event *ev = event_of(pub);

	tct_assert(pub->stage != TCT_DELIVER && pub->stage != TCT_REMOTE);
	tct_assert(ev->phase != PHASE_IQ && !ev->suspended);
	ev->suspended = true;
	ev->request = request_new(m, ev);
	return ev->request;
}

struct tct_request *tct_defer(struct tct_mod *m, struct tct_event *pub)
{
	struct event *ev = event_of(pub), *shell;

	tct_assert((tct_stanza_type(pub->stanza) & (TCT_IQ_GET | TCT_IQ_SET)) != 0);
	/* The event ends when its handler returns; the answer goes through a shell with the
	 * same origin, place and write set. */
	shell = event_new(tct_stanza_ref(pub->stanza), pub->cause);
	shell->pub.stage = pub->stage;
	shell->pub.host = pub->host;
	shell->pub.origin = pub->origin;
	if (pub->origin.session != NULL)
		session_ref(pub->origin.session);
	shell->pub.entity = pub->entity;
	if (pub->entity != NULL)
		entity_pin(pub->entity);
	shell->phase = PHASE_IQ;
	shell->hops = ev->hops;
	shell->read = true; /* it takes its time by itself */
	shell->inbound = ev->inbound; /* handled is what was answered */
	ev->inbound = NULL;
	shell->flight = ev->flight;
	ev->flight = NULL;
	ev->deferred = true;
	return request_new(m, shell);
}

void tct_resume(struct tct_request *rq, enum tct_verdict verdict)
{
	tct_assert(rq->event->suspended && verdict != TCT_SUSPENDED);
	router_resume(finish(rq), verdict);
}

void tct_request_refuse(struct tct_request *rq, uint32_t condition, const char *text)
{
	router_refuse(finish(rq), condition, text);
}

void tct_request_answer(struct tct_request *rq, struct tct_stanza *st)
{
	struct event *ev;

	tct_assert(!rq->event->suspended);
	ev = finish(rq);
	router_answer(ev, st);
	router_end(ev);
}

struct tct_stanza *tct_request_result(const struct tct_request *rq)
{
	return tct_stanza_result(rq->event->pub.stanza);
}

struct tct_stanza *tct_request_stanza(const struct tct_request *rq)
{
	return rq->event->pub.stanza;
}

struct tct_scope *tct_request_scope(struct tct_request *rq)
{
	return &rq->scope;
}

struct tct_mod *tct_request_mod(const struct tct_request *rq)
{
	return rq->mod;
}

struct tct_entity *tct_request_entity(const struct tct_request *rq)
{
	return rq->event->pub.entity;
}

struct tct_txn *tct_request_txn(struct tct_request *rq)
{
	return event_txn(rq->event);
}

/* ---- our own IQ requests ---- */

struct asked {
	struct scope_node node;
	struct tct_scope *scope;
	struct tct_timer *deadline;
	struct tct_scope timer_scope;
	const struct tct_jid *to; /* who must answer */
	tct_answer_fn *fn;
	void *data;
	char id[21];
};

static struct map asked_by_id;

static struct asked *asked_find(const struct tct_stanza *st)
{
	const char *id = tct_stanza_id(st);
	const struct tct_jid *from = tct_stanza_from(st);
	struct asked *a = id != NULL ? map_find(&asked_by_id, id) : NULL;

	/* An answer counts only from the address that was asked (security: matched by both). */
	return a != NULL && tct_jid_equal(a->to, from) ? a : NULL;
}

static void asked_free(struct asked *a)
{
	map_remove(&asked_by_id, span_of(a->id));
	scope_remove(&a->node);
	scope_end(&a->timer_scope);
	tct_jid_unref(a->to);
	free(a);
}

static void asked_drop(struct scope_node *node)
{
	asked_free(list_entry(node, struct asked, node));
}

static void asked_end(struct asked *a, struct tct_stanza *answer)
{
	struct tct_scope *scope = a->scope;
	tct_answer_fn *fn = a->fn;
	void *data = a->data;

	asked_free(a);
	fn(scope, answer, data);
}

static void asked_late(struct tct_scope *scope, void *data)
{
	(void)scope;
	asked_end(data, NULL);
}

bool request_expected(const struct tct_stanza *st)
{
	return asked_find(st) != NULL;
}

bool request_answered(struct tct_stanza *st)
{
	struct asked *a = asked_find(st);

	if (a == NULL)
		return false;
	asked_end(a, st);
	return true;
}

void tct_iq_send(struct tct_scope *scope, struct tct_stanza *st, int64_t timeout,
	tct_answer_fn *fn, void *data)
{
	struct asked *a = mem_zalloc(sizeof *a);

	tct_assert(tct_stanza_to(st) != NULL);
	tct_random_id(a->id, sizeof a->id - 1);
	tct_stanza_set_id(st, a->id);
	a->to = tct_jid_ref(tct_stanza_to(st));
	a->scope = scope;
	a->fn = fn;
	a->data = data;
	scope_init(&a->timer_scope, NULL);
	scope_add(scope, &a->node, asked_drop);
	a->deadline = tct_timer_start(&a->timer_scope, timeout * 1000, 0, asked_late, a);
	map_put(&asked_by_id, span_of(a->id), a);
	router_route(tct_scope_mod(scope), NULL, st, TCT_NEW);
}

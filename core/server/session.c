/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* session.c - see session.h. A session ends by an event of its own in its input lane, so
 * that everything the client sent before it left is handled first: a message in the same
 * segment as the end of the stream is not lost. */
#include "core/server/session.h"

#include "core/base/assert.h"
#include "core/base/budget.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/conn.h"
#include "core/server/host.h"
#include "core/server/router.h"
#include "core/server/row.h"
#include "core/server/stream.h"
#include "core/server/turn.h"
#include "core/server/unseen.h"
#include "core/store/txn.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"

#include <stdlib.h>

static size_t count, detached_count;

struct session_limits *session_limits(void)
{
	static struct session_limits limits = { 20, 20000, 4u * 1024 * 1024 };

	return &limits;
}

size_t session_count(void)
{
	return count;
}

size_t session_detached_count(void)
{
	return detached_count;
}

static void set_detached(struct tct_session *s, bool detached)
{
	detached_count -= s->detached;
	s->detached = detached;
	detached_count += detached;
}

struct tct_session *session_ref(struct tct_session *s)
{
	s->refs++;
	return s;
}

void session_unref(struct tct_session *s)
{
	if (--s->refs > 0)
		return;
	tct_assert(s->ended);
	slots_end(&s->slots); /* what was started after the end */
	inbound_fini(&s->inbound);
	entity_unpin(s->entity);
	tct_jid_unref(s->jid);
	free(s);
}

static struct hook_set *hooks(const struct tct_session *s)
{
	return &s->entity->host->hooks;
}

/* ---- bind ---- */

static void notify_bound(void *data)
{
	struct tct_session *s = data;

	hook_session_notice(hooks(s), TCT_SESSION_BOUND, s);
}

/* The address for the resource wanted; another resource when that one is in use. */
static const struct tct_jid *choose_jid(const struct tct_entity *e, const char *resource)
{
	const struct tct_jid *jid = NULL;
	char made[17];

	if (resource != NULL) {
		jid = tct_jid_make(tct_entity_user(e), e->host->name, resource);
		if (jid == NULL || tct_entity_session_find(e, tct_jid_resource(jid)) == NULL)
			return jid;
		tct_jid_unref(jid);
	}
	tct_random_id(made, sizeof made - 1);
	return tct_jid_make(tct_entity_user(e), e->host->name, made);
}

struct tct_session *session_new(struct tct_entity *e, const struct tct_jid *jid)
{
	struct tct_session *s;

	if (jid == NULL)
		return NULL;
	s = mem_zalloc(sizeof *s);
	s->refs = 1;
	s->entity = e;
	s->jid = jid;
	s->since = tct_now();
	lane_init(&s->lane);
	inbound_init(&s->inbound);
	pipe_init(&s->pipe, s);
	scope_init(&s->scope, NULL);
	entity_pin(e);
	list_push(&e->sessions, &s->link);
	e->session_count++;
	e->host->session_count++;
	count++;
	return s;
}

int tcti_session_bind(struct tct_stream *stream, const char *resource, struct tct_session **out)
{
	struct tct_entity *e = stream->entity;
	struct tct_session *s;

	tct_assert(e != NULL && stream->session == NULL);
	if (e->session_count >= session_limits()->per_account)
		return TCT_EFULL;
	s = session_new(e, choose_jid(e, resource));
	if (s == NULL)
		return TCT_EINVAL;
	s->stream = stream;
	stream->session = s;
	stream_bound(stream);
	turn_call(&s->scope, notify_bound, s);
	*out = s;
	return TCT_OK;
}

/* ---- end ---- */

static void give_back(struct tct_session *s, struct delivery *d)
{
	struct tct_stanza *st, *error;

	(void)s;
	if (!row_returned(d))
		return;
	st = delivery_stanza(d);
	if (st == NULL)
		return;
	switch (tct_stanza_kind(st)) {
	case TCT_MESSAGE:
		router_reroute(st, row_of(d));
		return;
	case TCT_IQ:
		error = tct_stanza_error(st, TCT_RECIPIENT_UNAVAILABLE, NULL);
		if (error != NULL)
			router_route(NULL, NULL, error, TCT_NEW);
		break;
	default:
		break;
	}
	tct_stanza_unref(st);
}

void tcti_give_back(struct tct_session *s, struct delivery *d)
{
	give_back(s, d);
}

static void forget(struct event *ev, void *data)
{
	(void)data;
	event_free(ev);
}

/* All but what others are told. */
static void leave(struct tct_session *s, void (*fn)(struct tct_session *, struct delivery *))
{
	s->ended = true;
	s->entity->session_count--;
	s->entity->host->session_count--;
	count--;
	set_detached(s, false);
	slots_end(&s->slots);
	scope_end(&s->scope);
	tcti_session_set_kept(s, 0);
	pipe_fini(&s->pipe, fn);
	lane_clear(&s->lane, forget, NULL);
	tct_stanza_unref(s->presence);
	s->presence = NULL;
	session_unref(s);
}

void session_end(struct tct_session *s)
{
	struct tct_stream *stream = s->stream;
	bool counted = s->pipe_ops != NULL;

	if (s->ended)
		return;
	if (stream != NULL) {
		pipe_flush(&s->pipe);
		stream->session = NULL;
		s->stream = NULL;
	}
	/* No longer in the list: what the notices route does not come back here. */
	list_remove(&s->link);
	hook_session_notice(hooks(s), TCT_SESSION_ENDED, s);
	leave(s, give_back);
	if (stream == NULL)
		return;
	/* A client that hears that its session has ended may rely on that: one that is written
	 * down must not come back after a crash, nor may what it had; messages wait in it. */
	if (counted && stream->host->env != NULL)
		stream_finish(stream);
	else
		tcti_stream_close(stream, NULL, NULL);
}

bool session_survives(const struct tct_session *s)
{
	return !s->closing && s->resumable > 0 && s->pipe_ops != NULL &&
		s->pipe_ops->save != NULL;
}

void session_drop(struct tct_session *s)
{
	if (s->ended)
		return;
	tct_assert(s->stream == NULL);
	list_remove(&s->link);
	leave(s, NULL);
}

/* Queues the end behind all input that was read. */
static void end_later(struct tct_session *s)
{
	if (s->closing || s->ended)
		return;
	s->closing = true;
	router_session_end(s);
}

void session_finish(struct tct_session *s)
{
	end_later(s);
}

void session_lost(struct tct_session *s, bool clean)
{
	s->stream = NULL;
	if (!clean && s->resumable > 0 && !s->closing)
		tcti_session_detach(s, s->resumable, NULL);
	else
		end_later(s);
}

/* ---- detached and resumed ---- */

static void expired(struct tct_scope *scope, void *data)
{
	struct tct_session *s = data;

	(void)scope;
	s->expiry = NULL;
	end_later(s);
}

static void notify_detached(void *data)
{
	struct tct_session *s = data;

	if (s->stream == NULL)
		hook_session_notice(hooks(s), TCT_SESSION_DETACHED, s);
}

static void notify_resumed(void *data)
{
	struct tct_session *s = data;

	hook_session_notice(hooks(s), TCT_SESSION_RESUMED, s);
}

struct tct_stream *tcti_session_stream(const struct tct_session *s)
{
	return s->stream;
}

void tcti_session_set_resumable(struct tct_session *s, int64_t seconds)
{
	s->resumable = seconds;
}

void tcti_session_detach(struct tct_session *s, int64_t seconds, const char *condition)
{
	if (s->ended || s->closing)
		return;
	if (s->stream != NULL) {
		struct tct_stream *stream = s->stream;

		s->stream = NULL;
		stream->session = NULL;
		tcti_stream_close(stream, condition, NULL);
	}
	pipe_drop_raw(&s->pipe);
	if (s->expiry != NULL)
		tct_timer_stop(s->expiry);
	set_detached(s, true);
	s->expiry = tct_timer_start(&s->scope, seconds * 1000, 0, expired, s);
	turn_call(&s->scope, notify_detached, s);
}

int tcti_session_resume(struct tct_stream *stream, struct tct_session *s)
{
	if (s->ended || s->closing || stream->session != NULL)
		return TCT_ENOENT;
	if (stream->entity != s->entity)
		return TCT_EPERM;
	if (s->stream != NULL)
		return TCT_EBUSY;
	if (s->expiry != NULL)
		tct_timer_stop(s->expiry);
	s->expiry = NULL;
	set_detached(s, false);
	s->stream = stream;
	stream->session = s;
	stream_bound(stream);
	pipe_mark(&s->pipe);
	turn_call(&s->scope, notify_resumed, s);
	return TCT_OK;
}

/* ---- output ---- */

size_t session_unsent(const struct tct_session *s)
{
	return s->stream != NULL ? conn_pending(s->stream->conn) : 0;
}

static void overflowed(void *data)
{
	struct tct_session *s = data;

	log_notice("the output queue of \"%s\" is full: the session ends", tct_jid_text(s->jid));
	if (s->stream != NULL && s->key == 0) {
		struct tct_stream *stream = s->stream;

		/* What the client does not take is given back. */
		stream->session = NULL;
		s->stream = NULL;
		tcti_stream_close(stream, "resource-constraint", NULL);
	} else if (s->stream != NULL) {
		tcti_stream_close(s->stream, "resource-constraint", NULL);
	}
	end_later(s);
}

static void deliver(struct tct_session *s, struct delivery *d, struct ticket *ticket, bool behind)
{
	if (s->ended) {
		delivery_unref(d);
		return;
	}
	delivery_ref(d);
	if (!(behind ? pipe_send_behind : pipe_send)(&s->pipe, d, ticket)) {
		give_back(s, d);
		if (!s->closing)
			turn_call(&s->scope, overflowed, s);
	}
	delivery_unref(d);
}

void session_deliver(struct tct_session *s, struct delivery *d, struct ticket *ticket)
{
	deliver(s, d, ticket, false);
}

void session_deliver_routed(struct tct_session *s, struct delivery *d, struct ticket *ticket,
	uint32_t kind)
{
	deliver(s, d, ticket, s->pipe.holding && kind == TCT_MESSAGE);
}

bool session_deliver_plain(struct tct_session *s, struct tct_stanza *st,
	const struct ticket *ticket)
{
	return !(s->pipe.holding && st->kind == TCT_MESSAGE) &&
		pipe_send_plain(&s->pipe, st, ticket);
}

void tct_session_hold(struct tct_session *s)
{
	s->pipe.holding = !s->ended;
}

void tct_session_let_go(struct tct_session *s)
{
	struct ticket *ticket;
	struct delivery *d;

	s->pipe.holding = false;
	while (!s->ended && (d = pipe_take_behind(&s->pipe, &ticket)) != NULL) {
		if (session_wants(s, d)) {
			session_deliver(s, d, ticket);
		} else {
			session_leave_out(d);
			delivery_unref(d);
		}
		if (ticket != NULL)
			ticket_unref(ticket);
	}
}

void sessions_end(bool all)
{
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h)) {
		size_t at = 0;
		void *value;

		while (map_next(&h->entities, &at, NULL, &value)) {
			list_each (node, &((struct tct_entity *)value)->sessions) {
				struct tct_session *s = list_entry(node, struct tct_session, link);

				if (all || !session_survives(s))
					session_end(s);
			}
		}
	}
}

size_t session_waiting(const struct tct_session *s)
{
	return s->pipe.bytes + s->kept + session_unsent(s);
}

size_t tct_session_waiting(const struct tct_session *s)
{
	return session_waiting(s) - s->pipe.behind_bytes;
}

struct tct_session *session_largest(void)
{
	struct tct_session *largest = NULL;
	size_t most = 0;

	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h)) {
		size_t at = 0;
		void *value;

		while (map_next(&h->entities, &at, NULL, &value)) {
			list_each (node, &((struct tct_entity *)value)->sessions) {
				struct tct_session *s = list_entry(node, struct tct_session, link);

				if (s->closing || session_waiting(s) <= most)
					continue;
				largest = s;
				most = session_waiting(s);
			}
		}
	}
	return largest;
}

void tct_session_send_copy(struct tct_event *ev, struct tct_session *s, struct tct_stanza *st,
	const struct tct_overlay *overlay)
{
	struct tct_overlay o = TCT_OVERLAY_INIT;
	struct ticket *ticket;

	if (overlay != NULL)
		o = *overlay;
	if (o.to == NULL && tct_stanza_to(st) == NULL)
		o.to = s->jid;
	ticket = ev != NULL ? event_ticket(event_of(ev)) : NULL;
	session_deliver(s, delivery_new(st, &o, NULL), ticket);
	if (s->stream == NULL)
		unseen(s->entity, s, st, TCT_UNSEEN_DETACHED, ticket);
}

void tct_session_send_row(struct tct_session *s, struct tct_stanza *st,
	const struct tct_overlay *overlay, struct tct_mod *m, struct tct_archive *a, uint64_t id,
	tct_row_done_fn *done)
{
	struct tct_overlay o = TCT_OVERLAY_INIT;
	struct row *r = row_new(a, id);
	struct delivery *d;

	if (overlay != NULL)
		o = *overlay;
	if (o.to == NULL && tct_stanza_to(st) == NULL)
		o.to = s->jid;
	d = delivery_new(st, &o, NULL);
	if (done != NULL)
		row_watch(r, m, s->entity, done);
	row_copy(r, d);
	row_unref(r);
	session_deliver(s, d, NULL);
}

void tct_session_send_for(struct tct_event *ev, struct tct_session *s, struct tct_stanza *st)
{
	tct_session_send_copy(ev, s, st, NULL);
	tct_stanza_unref(st);
}

void tct_session_send(struct tct_session *s, struct tct_stanza *st)
{
	tct_session_send_for(NULL, s, st);
}

void tcti_session_set_pipe(struct tct_mod *m, struct tct_session *s,
	const struct tcti_pipe_ops *ops)
{
	s->pipe_ops = ops;
	s->pipe_mod = m;
}

void tcti_session_set_hold(struct tct_mod *m, struct tct_session *s,
	const struct tcti_hold_ops *ops)
{
	tct_assert(ops == NULL || s->hold_ops == NULL || s->hold_mod == m);
	if (ops == NULL && !s->ended)
		pipe_release(&s->pipe);
	s->hold_ops = ops;
	s->hold_mod = m;
}

size_t tcti_pipe_held(const struct tct_session *s)
{
	return s->pipe.held_count;
}

void tcti_pipe_release(struct tct_session *s)
{
	pipe_release(&s->pipe);
}

void tcti_pipe_replay(struct tct_session *s, struct delivery *d)
{
	if (!s->ended)
		pipe_write_first(&s->pipe, delivery_ref(d));
}

void tcti_pipe_wait_first(struct tct_session *s, struct tct_txn *txn)
{
	if (!s->ended)
		pipe_wait_first(&s->pipe, txn_ticket(txn));
}

void tcti_pipe_wait(struct tct_session *s, struct tct_txn *txn)
{
	if (!s->ended)
		pipe_raw(&s->pipe, span_make("", 0), txn_ticket(txn));
}

size_t tcti_pipe_unwritten(const struct tct_session *s)
{
	return pipe_unwritten(&s->pipe);
}

void tcti_delivery_taken(struct delivery *d)
{
	row_taken(d);
}

void tcti_session_set_kept(struct tct_session *s, size_t bytes)
{
	budget_sub(BUDGET_QUEUES, s->kept);
	budget_add(BUDGET_QUEUES, bytes);
	s->kept = bytes;
}

struct delivery *tcti_delivery_ref(struct delivery *d)
{
	return delivery_ref(d);
}

void tcti_delivery_unref(struct delivery *d)
{
	delivery_unref(d);
}

uint32_t tcti_delivery_type(const struct delivery *d)
{
	return delivery_type(d);
}

size_t tcti_delivery_size(const struct delivery *d)
{
	return delivery_size(d);
}

const char *tcti_delivery_children(const struct delivery *d, size_t *len)
{
	struct span bytes = delivery_children(d);

	*len = bytes.len;
	return bytes.data;
}

uint64_t tcti_delivery_sender(const struct delivery *d)
{
	uint64_t sender = delivery_sender(d);

	return sender > TCTI_HOLD ? sender : sender + 2;
}

struct tct_stanza *tcti_delivery_stanza(const struct delivery *d)
{
	return delivery_stanza(d);
}

/* ---- closing from outside ---- */

struct closing {
	struct tct_session *session;
	char *condition, *text;
};

static void close_now(void *data)
{
	struct closing *c = data;
	struct tct_session *s = c->session;

	if (s->stream != NULL)
		tcti_stream_close(s->stream, c->condition, c->text);
	end_later(s);
	session_unref(s);
	free(c->condition);
	free(c->text);
	free(c);
}

static struct tct_scope *server_scope(void)
{
	static struct tct_scope scope;

	if (scope.nodes.next == NULL)
		scope_init(&scope, NULL);
	return &scope;
}

void tct_session_close(struct tct_session *s, const char *condition, const char *text)
{
	struct closing *c;

	if (s->ended)
		return;
	c = mem_zalloc(sizeof *c);
	c->session = session_ref(s);
	c->condition = condition != NULL ? mem_strdup(condition) : NULL;
	c->text = text != NULL ? mem_strdup(text) : NULL;
	turn_call(server_scope(), close_now, c);
}

/* ---- what is asked ---- */

const struct tct_jid *tct_session_jid(const struct tct_session *s)
{
	return s->jid;
}

const char *tct_session_user(const struct tct_session *s)
{
	return tct_entity_user(s->entity);
}

struct tct_entity *tct_session_entity(const struct tct_session *s)
{
	return s->entity;
}

struct tct_scope *tct_session_scope(struct tct_mod *m, struct tct_session *s)
{
	return slots_scope(&s->slots, SLOTS_SESSION, m);
}

void *tct_session_data(struct tct_mod *m, struct tct_session *s)
{
	return slots_data(&s->slots, SLOTS_SESSION, m);
}

void *tct_session_data_peek(const struct tct_mod *m, const struct tct_session *s)
{
	return slots_peek(&s->slots, m);
}

bool tct_session_attached(const struct tct_session *s)
{
	return s->stream != NULL;
}

bool tct_session_available(const struct tct_session *s)
{
	return s->presence != NULL;
}

int tct_session_priority(const struct tct_session *s)
{
	return s->priority;
}

struct tct_stanza *tct_session_presence(const struct tct_session *s)
{
	return s->presence;
}

int64_t tct_session_presence_time(const struct tct_session *s)
{
	return s->presence_time;
}

static void notify_available(void *data)
{
	struct tct_session *s = data;

	hook_session_notice(hooks(s), TCT_SESSION_AVAILABLE, s);
}

static void notify_unavailable(void *data)
{
	struct tct_session *s = data;

	hook_session_notice(hooks(s), TCT_SESSION_UNAVAILABLE, s);
}

void tct_session_set_presence(struct tct_session *s, struct tct_stanza *st, int priority)
{
	bool was = s->presence != NULL;

	if (s->ended)
		return;
	tct_assert(priority >= -128 && priority <= 127);
	if (st != NULL)
		st = stanza_compact(st); /* it is kept as long as the session */
	tct_stanza_unref(s->presence);
	s->presence = st;
	s->priority = (int8_t)priority;
	s->presence_time = tct_now();
	if (was != (st != NULL))
		turn_call(&s->scope, st != NULL ? notify_available : notify_unavailable, s);
}

struct tct_session *tct_entity_session_find(const struct tct_entity *e, const char *resource)
{
	list_each (node, &e->sessions) {
		struct tct_session *s = list_entry(node, struct tct_session, link);

		if (strcmp(tct_jid_resource(s->jid), resource) == 0)
			return s;
	}
	return NULL;
}

void tct_entity_sessions(struct tct_entity *e, tct_entity_session_fn *fn, void *data)
{
	list_each (node, &e->sessions)
		fn(list_entry(node, struct tct_session, link), data);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_test_seams - a toy that uses every seam of the house before a real feature needs it:
 * a held lane, answers that come later, write sets and the barrier, a fan-out with overlays,
 * a session that outlives its connection, an output pipe that holds and counts. Driven by
 * tests/api; never installed. All names are in the namespace urn:tercet:test. */
#include <tercet/internal/stream.h>

#include <stdlib.h>
#include <string.h>

#define NS "urn:tercet:test"

struct seams {
	struct tct_kv *kv; /* preloaded */
};

struct seams_session {
	int64_t counted;
	bool hold; /* presence waits */
	bool newest; /* ... and only the newest of a sender */
};

/* ---- a held lane ---- */


static void go_on(struct tct_scope *scope, void *data)
{
	(void)scope;
	tct_resume(data, TCT_CONTINUE);
}

static void refuse(struct tct_scope *scope, void *data)
{
	(void)scope;
	tct_request_refuse(data, TCT_NOT_ACCEPTABLE, "refused by the test");
}

/* <hold stage='outbound|inbound|resolved|undelivered' ms='...' then='go|refuse|never'/> */
static enum tct_verdict hold_at(struct tct_mod *m, struct tct_event *ev, const char *stage)
{
	const struct tct_elem *hold = tct_child(tct_stanza_root(ev->stanza), NS, "hold");
	const char *then = tct_attr(hold, "then"), *where = tct_attr(hold, "stage");
	struct tct_request *rq;
	int64_t ms = 20;

	if (hold == NULL || where == NULL || strcmp(where, stage) != 0)
		return TCT_CONTINUE;
	if (tct_attr_int(hold, "ms", &ms) != TCT_OK)
		ms = 20;
	rq = tct_suspend(m, ev);
	if (then == NULL || strcmp(then, "go") == 0)
		tct_timer_start(tct_request_scope(rq), ms, 0, go_on, rq);
	else if (strcmp(then, "refuse") == 0)
		tct_timer_start(tct_request_scope(rq), ms, 0, refuse, rq);
	return TCT_SUSPENDED;
}

static enum tct_verdict outbound(struct tct_mod *m, struct tct_event *ev)
{
	return hold_at(m, ev, "outbound");
}

/* One with <cause to='...'/> causes another, in the same set, that is held there. */
static void cause(struct tct_mod *m, struct tct_event *ev)
{
	const char *to = tct_attr(tct_child(tct_stanza_root(ev->stanza), NS, "cause"), "to");
	const struct tct_jid *jid = to != NULL ? tct_jid_new(to) : NULL;
	struct tct_stanza *st;
	struct tct_elem *hold;

	if (jid == NULL)
		return;
	st = tct_message_new(tct_mod_jid(m), jid, "headline");
	hold = tct_add(tct_stanza_root(st), NS, "hold");
	tct_set(hold, "stage", "inbound");
	tct_set(hold, "ms", "25000");
	tct_route(m, ev, st);
	tct_jid_unref(jid);
}

/* A message with <store key='...'/> leaves a row of its sender behind. */
static enum tct_verdict outbound_store(struct tct_mod *m, struct tct_event *ev)
{
	struct seams *seams = tct_mod_data(m);
	const struct tct_elem *store = tct_child(tct_stanza_root(ev->stanza), NS, "store");
	const char *key = tct_attr(store, "key");

	if (key != NULL)
		tct_kv_put(tct_event_txn(ev), seams->kv, tct_event_user(ev), key,
			tct_string(tct_elem_text(store)));
	cause(m, ev);
	return TCT_CONTINUE;
}

static enum tct_verdict inbound(struct tct_mod *m, struct tct_event *ev)
{
	return hold_at(m, ev, "inbound");
}

static enum tct_verdict resolved(struct tct_mod *m, struct tct_event *ev)
{
	return hold_at(m, ev, "resolved");
}

static enum tct_verdict undelivered(struct tct_mod *m, struct tct_event *ev)
{
	return hold_at(m, ev, "undelivered");
}

/* Each receiver's copy says whose it is. */
static enum tct_verdict deliver(struct tct_mod *m, struct tct_event *ev)
{
	(void)m;
	if (tct_child(tct_stanza_root(ev->stanza), NS, "mark") != NULL)
		tct_set(tct_add(tct_event_extra(ev), NS, "marked"), "by",
			tct_jid_resource(tct_session_jid(ev->target)));
	return TCT_CONTINUE;
}

/* ---- IQs: the store, now and later ---- */

static enum tct_verdict on_put(struct tct_mod *m, struct tct_event *ev)
{
	struct seams *seams = tct_mod_data(m);
	const struct tct_elem *put = tct_stanza_payload(ev->stanza);
	const char *key = tct_attr(put, "key");

	if (key == NULL)
		return tct_refuse(ev, TCT_BAD_REQUEST, NULL);
	tct_kv_put(tct_event_txn(ev), seams->kv, tct_event_user(ev), key,
		tct_string(tct_elem_text(put)));
	return tct_reply(ev, tct_result(ev));
}

/* From the entity's preloaded rows. */
static enum tct_verdict on_get(struct tct_mod *m, struct tct_event *ev)
{
	struct seams *seams = tct_mod_data(m);
	const char *key = tct_attr(tct_stanza_payload(ev->stanza), "key");
	struct tct_value v;
	struct tct_stanza *st;

	if (key == NULL || !tct_entity_get(ev->entity, seams->kv, key, &v))
		return tct_refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
	st = tct_result(ev);
	tct_text(tct_add(tct_stanza_root(st), NS, "get"), v.bytes.data);
	return tct_reply(ev, st);
}

static void read_done(struct tct_scope *scope, const struct tct_kv_result *r, void *data)
{
	struct tct_request *rq = data;
	struct tct_stanza *st;

	(void)scope;
	if (r->status == TCT_ENOENT) {
		tct_request_refuse(rq, TCT_ITEM_NOT_FOUND, NULL);
		return;
	}
	if (r->status != TCT_OK) {
		tct_request_refuse(rq, TCT_INTERNAL_SERVER_ERROR, NULL);
		return;
	}
	st = tct_request_result(rq);
	tct_text(tct_add(tct_stanza_root(st), NS, "read"), r->value.bytes.data);
	tct_request_answer(rq, st);
}

/* By an asynchronous read: the answer is deferred. */
static enum tct_verdict on_read(struct tct_mod *m, struct tct_event *ev)
{
	struct seams *seams = tct_mod_data(m);
	const char *key = tct_attr(tct_stanza_payload(ev->stanza), "key");
	struct tct_request *rq;

	if (key == NULL)
		return tct_refuse(ev, TCT_BAD_REQUEST, NULL);
	rq = tct_defer(m, ev);
	tct_kv_get(tct_request_scope(rq), seams->kv, tct_event_user(ev), key, read_done, rq);
	return TCT_HANDLED;
}

/* One payload, many receivers: <fanout count='N'/> sends the asker N copies. */
static enum tct_verdict on_fanout(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_stanza *st = tct_message_new(tct_mod_jid(m), NULL, "headline");
	struct tct_overlay overlay = TCT_OVERLAY_INIT;
	char id[] = "copy-0";
	int64_t count = 1;

	if (tct_attr_int(tct_stanza_payload(ev->stanza), "count", &count) != TCT_OK || count > 9)
		count = 1;
	tct_add_text(tct_stanza_root(st), "body", "the same for all");
	overlay.to = tct_stanza_from(ev->stanza);
	overlay.id = id;
	for (int64_t i = 0; i < count; i++) {
		id[5] = (char)('0' + i);
		tct_route_copy(m, ev, st, &overlay);
	}
	tct_stanza_unref(st);
	return tct_reply(ev, tct_result(ev));
}

#define SPREAD_MAX 2000

/* More copies than a turn runs: <spread count='N'/> sends N to the asker's nurse, who has no
 * session, and one to the asker; what is sent after them comes after them. */
static enum tct_verdict on_spread(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_stanza *st = tct_message_new(tct_mod_jid(m), NULL, "headline"), *last;
	const struct tct_jid *asker = tct_stanza_from(ev->stanza), *to[SPREAD_MAX + 1];
	const struct tct_jid *nurse = tct_jid_new("nurse@localhost");
	int64_t count = 1;

	if (tct_attr_int(tct_stanza_payload(ev->stanza), "count", &count) != TCT_OK ||
		count > SPREAD_MAX)
		count = 1;
	for (int64_t i = 0; i < count; i++)
		to[i] = nurse;
	to[count] = asker;
	tct_add_text(tct_stanza_root(st), "body", "for all");
	tct_route_copies(m, ev, st, to, (size_t)count + 1);
	last = tct_message_new(tct_mod_jid(m), asker, "headline");
	tct_add_text(tct_stanza_root(last), "body", "behind them");
	tct_route(m, ev, last);
	tct_jid_unref(nurse);
	tct_stanza_unref(st);
	return tct_reply(ev, tct_result(ev));
}

static void asked(struct tct_scope *scope, struct tct_stanza *answer, void *data)
{
	struct tct_request *rq = data;
	struct tct_stanza *st = tct_request_result(rq);
	struct tct_elem *ask = tct_add(tct_stanza_root(st), NS, "ask");

	(void)scope;
	tct_set(ask, "answer", answer == NULL ? "none" :
		tct_stanza_type(answer) == TCT_IQ_RESULT ? "result" : "error");
	tct_request_answer(rq, st);
}

/* The server asks the asker: its answer passes a held lane. */
static enum tct_verdict on_ask(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_request *rq = tct_defer(m, ev);
	struct tct_stanza *st = tct_stanza_new(TCT_IQ_GET, tct_mod_jid(m),
		tct_stanza_from(ev->stanza), NULL);

	tct_add(tct_stanza_root(st), "urn:xmpp:ping", "ping");
	tct_iq_send(tct_request_scope(rq), st, 5, asked, rq);
	return TCT_HANDLED;
}

/* ---- what nobody has seen ---- */

/* <tell to='JID'/> in a message: that address hears why nobody sees it. */
static void on_unseen(struct tct_mod *m, const struct tct_unseen *u)
{
	static const char *const how[] = { "stored", "detached", "late" };
	const struct tct_elem *tell = tct_child(tct_stanza_root(u->stanza), NS, "tell");
	const char *to = tct_attr(tell, "to");
	const struct tct_jid *jid = to != NULL ? tct_jid_new(to) : NULL;
	struct tct_stanza *st;
	struct tct_elem *e;

	if (jid == NULL)
		return;
	st = tct_stanza_new(TCT_MESSAGE_HEADLINE, NULL, jid, tct_stanza_id(u->stanza));
	e = tct_add(tct_stanza_root(st), NS, "unseen");
	tct_set(e, "how", how[u->how]);
	tct_set(e, "account", tct_jid_text(tct_entity_jid(u->entity)));
	if (u->session != NULL)
		tct_set(e, "session", tct_jid_text(tct_session_jid(u->session)));
	tct_route(m, NULL, st);
	tct_jid_unref(jid);
}

static void on_heard(struct tct_mod *m, struct tct_session *s)
{
	struct tct_stanza *st;

	(void)m;
	st = tct_stanza_new(TCT_MESSAGE_HEADLINE, tct_mod_jid(m), NULL, "heard");
	tct_add(tct_stanza_root(st), NS, "heard");
	tct_session_send(s, st);
}

/* ---- a session that outlives its connection ---- */

/* <detachable seconds='...' now='...'/>: when its connection is lost, or at once. */
static enum tct_verdict on_detachable(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct tct_session *session = tcti_stream_session(s);
	int64_t seconds = 60;

	(void)m;
	if (session == NULL)
		return TCT_CONTINUE;
	if (tct_attr_int(e, "seconds", &seconds) != TCT_OK)
		seconds = 60;
	if (tct_attr(e, "now") != NULL) {
		tcti_session_detach(session, seconds, "reset");
		return TCT_HANDLED;
	}
	tcti_session_set_resumable(session, seconds);
	tcti_stream_send(s, tcti_nonza_new(NS, "detachable"));
	return TCT_HANDLED;
}

static enum tct_verdict on_resume(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct tct_entity *entity;
	struct tct_session *session = NULL;
	struct tct_elem *answer;
	const char *resource = tct_attr(e, "resource");

	if (tcti_stream_user(s) == NULL || tcti_stream_session(s) != NULL || resource == NULL)
		return TCT_CONTINUE;
	entity = tct_entity_find(tct_mod_host(m), tcti_stream_user(s));
	if (entity != NULL)
		session = tct_entity_session_find(entity, resource);
	answer = tcti_nonza_new(NS,
		session != NULL && tcti_session_resume(s, session) == TCT_OK ? "resumed" : "failed");
	tcti_stream_send(s, answer);
	return TCT_HANDLED;
}

/* ---- the output pipe ---- */

/* Presence (perhaps only the newest of a sender) and empty headlines. */
static uint64_t pipe_hold(struct tct_mod *m, struct tct_session *s, struct delivery *d)
{
	const struct seams_session *data = tct_session_data(m, s);
	size_t len;

	if (!data->hold)
		return 0;
	if (tcti_delivery_type(d) == TCT_PRESENCE_AVAILABLE)
		return data->newest ? tcti_delivery_sender(d) : TCTI_HOLD;
	tcti_delivery_children(d, &len);
	return tcti_delivery_type(d) == TCT_MESSAGE_HEADLINE && len == 0 ? TCTI_HOLD : 0;
}

static const struct tcti_hold_ops hold_ops = {
	.size = sizeof(struct tcti_hold_ops),
	.hold = pipe_hold,
};

static void pipe_count(struct tct_mod *m, struct tct_session *s, struct delivery *d)
{
	struct seams_session *data = tct_session_data(m, s);

	(void)d;
	data->counted++;
}

static const struct tcti_pipe_ops pipe_ops = {
	.size = sizeof(struct tcti_pipe_ops),
	.count = pipe_count,
};

/* <pipe hold='true|newest|false'/>: answers with what is held, and what was counted so far. */
static enum tct_verdict on_pipe(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct tct_session *session = tcti_stream_session(s);
	const char *hold = tct_attr(e, "hold");
	struct seams_session *data;
	struct tct_elem *answer;

	if (session == NULL)
		return TCT_CONTINUE;
	data = tct_session_data(m, session);
	tcti_session_set_pipe(m, session, &pipe_ops);
	tcti_session_set_hold(m, session, &hold_ops);
	data->newest = hold != NULL && strcmp(hold, "newest") == 0;
	data->hold = data->newest || (hold != NULL && strcmp(hold, "true") == 0);
	answer = tcti_nonza_new(NS, "pipe");
	tct_set_int(answer, "held", (int64_t)tcti_pipe_held(session));
	if (!data->hold)
		tcti_pipe_release(session);
	tct_set_int(answer, "counted", data->counted);
	tcti_stream_send(s, answer);
	return TCT_HANDLED;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct seams *seams = tct_mod_data(m);

	seams->kv = tct_kv_open(m, "test_seams", err);
	if (seams->kv == NULL)
		return TCT_EIO;
	tct_on_message(m, TCT_OUTBOUND, TCT_PRIO_FILTER, outbound);
	tct_on_message(m, TCT_OUTBOUND, TCT_PRIO_OBSERVE, outbound_store);
	tct_on_message(m, TCT_INBOUND, TCT_PRIO_FILTER, inbound);
	tct_on_message(m, TCT_RESOLVED, TCT_PRIO_FILTER, resolved);
	tct_on_message(m, TCT_UNDELIVERED, TCT_PRIO_FILTER, undelivered);
	tct_on_message(m, TCT_DELIVER, TCT_PRIO_OBSERVE, deliver);
	tct_on_unseen(m, on_unseen);
	tct_on_session(m, TCT_SESSION_HEARD, on_heard);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS, "put", on_put);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS, "get", on_get);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS, "read", on_read);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST | TCT_TO_SELF, NS, "fanout", on_fanout);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST | TCT_TO_SELF, NS, "spread", on_spread);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS, "ask", on_ask);
	tcti_on_nonza(m, NS, "detachable", on_detachable);
	tcti_on_nonza(m, NS, "resume", on_resume);
	tcti_on_nonza(m, NS, "pipe", on_pipe);
	tct_feature(m, NS);
	return TCT_OK;
}

TCT_MODULE_FLAGS(test_seams, TCT_INTERNAL,
	.version      = TCT_SERVER_VERSION,
	.summary      = "every seam of the server, for the tests",
	.data_size    = sizeof(struct seams),
	.session_size = sizeof(struct seams_session),
	.preload      = TCT_PRELOAD("test_seams"),
	.load         = load,
);

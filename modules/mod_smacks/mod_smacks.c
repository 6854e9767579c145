/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_smacks - stream management (XEP-0198): both sides say what they have handled, and a
 * client whose connection is lost takes its session up again.
 *
 * "Handled" by us means that the stanza's event has ended and that all it wrote is on disk;
 * core counts that, in order. What we sent is kept until the client has acknowledged it; when
 * the session ends before, it is given back: to the account's other sessions, or to whoever
 * keeps messages for later. */
#include "queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_SM "urn:xmpp:sm:3"
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

#define ID_LEN 32
#define ANSWER_MS 2000 /* an answer that waits for the disk does not wait longer */

struct smacks_config {
	int64_t hibernation_time;
	int64_t hibernated_sessions;
	int64_t max_unacked;
	int64_t ack_delay;
	int64_t ack_timeout;
	int64_t queue_count;
	int64_t queue_size;
};

/* Of a session that has it enabled (id is not empty). */
struct sm {
	char id[ID_LEN + 1];
	bool resumable;
	bool asked;  /* we asked, and no answer came yet */
	bool owes;   /* the client asked, and waits until what it sent is handled */
	bool full;   /* the session is being ended for that */
	uint32_t acked; /* what the client has acknowledged; the queue follows it */
	struct queue queue;
	struct tct_session *session;
	struct tct_timer *ask, *timeout, *answer;
	struct sm_stream *waiting; /* wants to resume, when all input is handled */
};

/* Of a stream that asked to resume. */
struct sm_stream {
	struct tct_stream *stream;
	struct sm *sm; /* for which it waits; NULL: for none */
	uint32_t h;
};

static const struct tct_option options[] = {
	TCT_OPT_PERIOD(struct smacks_config, hibernation_time, .def = "10 minutes", .min = "0 s",
		.max = "1 day",
		.doc = "How long a session whose connection was lost waits for its client to "
		       "come back. 0 s: no session is resumed."),
	TCT_OPT_INT(struct smacks_config, hibernated_sessions, .def = "10", .min = "1",
		.max = "100",
		.doc = "Sessions of one account that may wait so; with one more the oldest ends."),
	TCT_OPT_INT(struct smacks_config, max_unacked, .def = "20", .min = "1", .max = "1000",
		.doc = "After that many stanzas without an acknowledgement the client is asked "
		       "for one at once."),
	TCT_OPT_PERIOD(struct smacks_config, ack_delay, .def = "2 s", .min = "0 s", .max = "5 minutes",
		.doc = "After fewer, it is asked when that long has passed."),
	TCT_OPT_PERIOD(struct smacks_config, ack_timeout, .def = "60 s", .min = "1 s",
		.max = "1 hour",
		.doc = "A connection on which the client does not answer is lost after that."),
	TCT_OPT_INT(struct smacks_config, queue_count, .def = "5000", .min = "10",
		.max = "1000000",
		.doc = "Stanzas that are kept for a client; with more its session ends."),
	TCT_OPT_SIZE(struct smacks_config, queue_size, .def = "4 MB", .min = "64 KB",
		.max = "1 GB", .doc = "Bytes of these."),
	TCT_OPT_END
};

static bool enabled(const struct sm *sm)
{
	return sm != NULL && sm->id[0] != '\0';
}

static void stop(struct tct_timer **timer)
{
	if (*timer != NULL)
		tct_timer_stop(*timer);
	*timer = NULL;
}

static void send_count(struct tct_stream *s, const char *name, uint32_t h)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, name);

	tct_set_int(e, "h", h);
	tcti_stream_send(s, e);
}

static void send_failed(struct tct_stream *s, const char *condition)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, "failed");

	tct_add(e, NS_STANZAS, condition);
	tcti_stream_send(s, e);
}

/* ---- asking the client ---- */

static void no_answer(struct tct_scope *scope, void *data)
{
	struct sm *sm = data;
	const struct smacks_config *config = tct_mod_config(tct_scope_mod(scope));

	sm->timeout = NULL;
	if (!tct_session_attached(sm->session))
		return;
	tct_log_info(tct_scope_mod(scope), "\"%s\" does not acknowledge: its connection is lost",
		tct_jid_text(tct_session_jid(sm->session)));
	if (sm->resumable)
		tcti_session_detach(sm->session, config->hibernation_time, "connection-timeout");
	else
		tct_session_close(sm->session, "connection-timeout", NULL);
}

static void ask(struct tct_mod *m, struct sm *sm)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct tct_stream *s = tcti_session_stream(sm->session);

	stop(&sm->ask);
	if (s == NULL || sm->asked)
		return;
	sm->asked = true;
	tcti_stream_send(s, tcti_nonza_new(NS_SM, "r"));
	stop(&sm->timeout);
	sm->timeout = tct_timer_start(tct_session_scope(m, sm->session),
		config->ack_timeout * 1000, 0, no_answer, sm);
}

static void ask_now(struct tct_scope *scope, void *data)
{
	struct sm *sm = data;

	sm->ask = NULL;
	if (sm->queue.count > 0)
		ask(tct_scope_mod(scope), sm);
}

static void ask_later(struct tct_mod *m, struct sm *sm)
{
	const struct smacks_config *config = tct_mod_config(m);

	if (sm->ask == NULL && !sm->asked && tct_session_attached(sm->session))
		sm->ask = tct_timer_start(tct_session_scope(m, sm->session),
			config->ack_delay * 1000, 0, ask_now, sm);
}

/* The client has handled `h` in all. False: that is more than it was sent, and the stream
 * ends (section 4). */
static bool acknowledge(struct tct_stream *s, struct sm *sm, uint32_t h)
{
	uint32_t n = h - sm->acked;
	struct tct_elem *e;

	if (n <= sm->queue.count) {
		for (uint32_t i = 0; i < n; i++)
			tcti_delivery_taken(queue_get(&sm->queue, i));
		queue_drop(&sm->queue, n);
		sm->acked = h;
		tcti_session_set_kept(sm->session, sm->queue.bytes);
		return true;
	}
	e = tcti_nonza_new(NS_SM, "handled-count-too-high");
	tct_set_int(e, "h", h);
	tct_set_int(e, "send-count", (uint32_t)(sm->acked + sm->queue.count));
	tcti_stream_close_for(s, "undefined-condition", e);
	return false;
}

/* Nobody is asked or answered while there is no connection. */
static void rest(struct sm *sm)
{
	stop(&sm->ask);
	stop(&sm->timeout);
	stop(&sm->answer);
	sm->asked = sm->owes = false;
}

/* The number in `h`; false when it is none. */
static bool read_h(const struct tct_elem *e, uint32_t *h)
{
	int64_t value;

	if (tct_attr_int(e, "h", &value) != TCT_OK || value < 0 || value > UINT32_MAX)
		return false;
	*h = (uint32_t)value;
	return true;
}

/* ---- the output pipe ---- */

static void count(struct tct_mod *m, struct tct_session *s, struct delivery *d)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct sm *sm = tct_session_data(m, s);

	if (sm->full)
		return;
	queue_push(&sm->queue, d);
	tcti_session_set_kept(s, sm->queue.bytes);
	if (sm->queue.count > (uint32_t)config->queue_count ||
		sm->queue.bytes > (size_t)config->queue_size) {
		sm->full = true;
		tct_log_notice(m, "too much is unacknowledged by \"%s\": its session ends",
			tct_jid_text(tct_session_jid(s)));
		tct_session_close(s, "resource-constraint", "too much is unacknowledged");
		return;
	}
	/* Behind this one, not before it: the client is asked when it has been written. */
	if (sm->queue.count >= (uint32_t)config->max_unacked && !sm->asked) {
		stop(&sm->ask);
		sm->ask = tct_timer_start(tct_session_scope(m, s), 0, 0, ask_now, sm);
		return;
	}
	ask_later(m, sm);
}

/* ---- answering the client ---- */

static bool all_handled(const struct sm *sm)
{
	return tcti_session_handled(sm->session) == tcti_session_received(sm->session);
}

static void answer(struct sm *sm)
{
	struct tct_stream *s = tcti_session_stream(sm->session);

	if (s != NULL)
		send_count(s, "a", tcti_session_handled(sm->session));
}

/* What is not handled yet is acknowledged later, without being asked again. */
static void answer_anyway(struct tct_scope *scope, void *data)
{
	struct sm *sm = data;

	(void)scope;
	sm->answer = NULL;
	if (sm->owes)
		answer(sm);
}

static void finish_resume(struct tct_mod *m, struct sm *sm);

static void handled(struct tct_mod *m, struct tct_session *s)
{
	struct sm *sm = tct_session_data(m, s);

	if (!all_handled(sm))
		return;
	if (sm->waiting != NULL)
		finish_resume(m, sm);
	if (!sm->owes)
		return;
	sm->owes = false;
	stop(&sm->answer);
	answer(sm);
}

static const struct tcti_pipe_ops pipe_ops = {
	.size = sizeof(struct tcti_pipe_ops),
	.count = count,
	.handled = handled,
};

static struct sm *of_stream(struct tct_mod *m, struct tct_stream *s)
{
	struct tct_session *session = tcti_stream_session(s);
	struct sm *sm = session != NULL ? tct_session_data_peek(m, session) : NULL;

	return enabled(sm) ? sm : NULL;
}

static enum tct_verdict on_r(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct sm *sm = of_stream(m, s);

	(void)e;
	if (sm == NULL)
		return TCT_CONTINUE;
	/* One answer for all that was asked in this turn. */
	sm->owes = true;
	if (all_handled(sm))
		tcti_session_notice(sm->session);
	else if (sm->answer == NULL)
		sm->answer = tct_timer_start(tct_session_scope(m, sm->session), ANSWER_MS, 0,
			answer_anyway, sm);
	return TCT_HANDLED;
}

static enum tct_verdict on_a(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct sm *sm = of_stream(m, s);
	uint32_t h;

	if (sm == NULL)
		return TCT_CONTINUE;
	if (!read_h(e, &h)) {
		tcti_stream_close(s, "bad-format", "h is not a number");
		return TCT_HANDLED;
	}
	sm->asked = false;
	stop(&sm->timeout);
	if (acknowledge(s, sm, h) && sm->queue.count > 0)
		ask_later(m, sm);
	return TCT_HANDLED;
}

/* ---- enabling ---- */

static bool wants_resumption(const struct tct_elem *e)
{
	const char *resume = tct_attr(e, "resume");

	return resume != NULL && (strcmp(resume, "true") == 0 || strcmp(resume, "1") == 0);
}

/* The client's own limit, when it is lower. */
static int64_t hibernation(const struct smacks_config *config, const struct tct_elem *e)
{
	int64_t wanted;

	if (tct_attr_int(e, "max", &wanted) == TCT_OK && wanted > 0 &&
		wanted < config->hibernation_time)
		return wanted;
	return config->hibernation_time;
}

static enum tct_verdict on_enable(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct tct_session *session = tcti_stream_session(s);
	int64_t seconds = hibernation(config, e);
	struct tct_elem *answer;
	struct sm *sm;

	if (tcti_stream_user(s) == NULL)
		return TCT_CONTINUE;
	if (session == NULL) {
		send_failed(s, "unexpected-request");
		return TCT_HANDLED;
	}
	if (of_stream(m, s) != NULL) {
		tcti_stream_close(s, "policy-violation", "it is enabled already");
		return TCT_HANDLED;
	}
	sm = tct_session_data(m, session);
	sm->session = session;
	tct_random_id(sm->id, ID_LEN);
	answer = tcti_nonza_new(NS_SM, "enabled");
	sm->resumable = wants_resumption(e) && seconds > 0;
	if (sm->resumable) {
		tct_set(answer, "id", sm->id);
		tct_set(answer, "resume", "true");
		tct_set_int(answer, "max", seconds);
		tcti_session_set_resumable(session, seconds);
	}
	/* Behind what was sent before, and that is not counted: both sides begin here. */
	tcti_stream_send(s, answer);
	tcti_session_set_pipe(m, session, &pipe_ops);
	tcti_session_track(session);
	return TCT_HANDLED;
}

/* ---- resuming ---- */

struct search {
	struct tct_mod *mod;
	const char *id;
	struct sm *found;
	struct tct_session *oldest; /* that hibernates, and how many there are */
	uint32_t hibernated;
};

/* Compared to the end, so that its time says nothing. */
static bool same_id(const char *a, const char *b)
{
	unsigned char differs = 0;

	if (strlen(b) != ID_LEN)
		return false;
	for (size_t i = 0; i < ID_LEN; i++)
		differs |= (unsigned char)(a[i] ^ b[i]);
	return differs == 0;
}

static void look_at(struct tct_session *s, void *data)
{
	struct search *search = data;
	struct sm *sm = tct_session_data_peek(search->mod, s);

	if (!enabled(sm))
		return;
	if (search->id != NULL && sm->resumable && same_id(sm->id, search->id))
		search->found = sm;
	if (tct_session_attached(s))
		return;
	if (search->oldest == NULL)
		search->oldest = s;
	search->hibernated++;
}

static struct sm *find(struct tct_mod *m, struct tct_stream *s, const char *id)
{
	struct tct_entity *e = tct_entity_find(tct_mod_host(m), tcti_stream_user(s));
	struct search search = { m, id, NULL, NULL, 0 };

	if (e != NULL)
		tct_entity_sessions(e, look_at, &search);
	return search.found != NULL && !search.found->full ? search.found : NULL;
}

/* A stream stops waiting for its session, and may go on. */
static struct tct_stream *take_waiting(struct sm *sm)
{
	struct sm_stream *waiting = sm->waiting;

	sm->waiting = NULL;
	if (waiting == NULL)
		return NULL;
	waiting->sm = NULL;
	tcti_stream_release(waiting->stream);
	return waiting->stream;
}

/* What was written on the old connection and not acknowledged comes before what was not. */
static void replay(struct sm *sm)
{
	uint32_t written = sm->queue.count - (uint32_t)tcti_pipe_unwritten(sm->session);

	for (uint32_t i = written; i > 0; i--)
		tcti_pipe_replay(sm->session, queue_get(&sm->queue, i - 1));
}

/* All that the client sent on its old connection is handled: it gets the count, then what it
 * has not acknowledged, then what waits. */
static void finish_resume(struct tct_mod *m, struct sm *sm)
{
	uint32_t h = sm->waiting->h;
	struct tct_stream *s = take_waiting(sm);
	struct tct_elem *e;

	if (!acknowledge(s, sm, h))
		return;
	if (tcti_session_resume(s, sm->session) != TCT_OK) {
		send_failed(s, "item-not-found");
		return;
	}
	e = tcti_nonza_new(NS_SM, "resumed");
	tct_set(e, "previd", sm->id);
	tct_set_int(e, "h", tcti_session_handled(sm->session));
	tcti_stream_send_first(s, e);
	replay(sm);
	if (sm->queue.count > 0)
		ask(m, sm);
}

/* The newest try of a client counts: older connections of the session end. */
static void take_over(struct tct_mod *m, struct sm *sm)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct tct_stream *older = take_waiting(sm);

	if (older != NULL)
		tcti_stream_close(older, "conflict", NULL);
	if (tct_session_attached(sm->session))
		tcti_session_detach(sm->session, config->hibernation_time, "conflict");
	rest(sm);
}

static enum tct_verdict on_resume(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const char *previd = tct_attr(e, "previd");
	struct sm_stream *stream;
	struct sm *sm;
	uint32_t h;

	if (tcti_stream_user(s) == NULL)
		return TCT_CONTINUE;
	if (tcti_stream_session(s) != NULL) {
		send_failed(s, "unexpected-request");
		return TCT_HANDLED;
	}
	if (previd == NULL || !read_h(e, &h)) {
		send_failed(s, "bad-request");
		return TCT_HANDLED;
	}
	sm = find(m, s, previd);
	if (sm == NULL) {
		send_failed(s, "item-not-found");
		return TCT_HANDLED;
	}
	take_over(m, sm);
	stream = tcti_stream_data(m, s);
	stream->stream = s;
	stream->sm = sm;
	stream->h = h;
	sm->waiting = stream;
	tcti_stream_hold(s);
	if (all_handled(sm))
		finish_resume(m, sm);
	return TCT_HANDLED;
}

/* ---- the life of sessions and streams ---- */

static void detached(struct tct_mod *m, struct tct_session *s)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct search search = { m, NULL, NULL, NULL, 0 };
	struct sm *sm = tct_session_data_peek(m, s);

	if (!enabled(sm))
		return;
	rest(sm);
	tct_entity_sessions(tct_session_entity(s), look_at, &search);
	if (search.hibernated > (uint32_t)config->hibernated_sessions)
		tct_session_close(search.oldest, NULL, NULL);
}

/* What was written and not acknowledged; what was not written core gives back itself. */
static void ended(struct tct_mod *m, struct tct_session *s)
{
	struct sm *sm = tct_session_data_peek(m, s);
	struct tct_stream *waiting;
	size_t unwritten;

	if (!enabled(sm))
		return;
	waiting = take_waiting(sm);
	if (waiting != NULL)
		send_failed(waiting, "item-not-found");
	unwritten = tcti_pipe_unwritten(s);
	for (uint32_t i = 0; i + unwritten < sm->queue.count; i++)
		tcti_give_back(s, queue_get(&sm->queue, i));
}

static void session_end(struct tct_mod *m, void *data)
{
	struct sm *sm = data;

	queue_fini(&sm->queue);
	if (!enabled(sm))
		return;
	/* The module may go before the session. */
	take_waiting(sm);
	tcti_session_set_kept(sm->session, 0);
	tcti_session_set_pipe(m, sm->session, NULL);
	tcti_session_set_resumable(sm->session, 0);
}

static void stream_end(struct tct_mod *m, void *data)
{
	struct sm_stream *stream = data;

	(void)m;
	if (stream->sm != NULL)
		stream->sm->waiting = NULL;
}

static enum tct_verdict add_feature(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	(void)m;
	if (tcti_stream_user(s) != NULL && tcti_stream_session(s) == NULL)
		tct_add(features, NS_SM, "sm");
	return TCT_CONTINUE;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tcti_on_features(m, TCT_PRIO_HANDLE - 10, add_feature);
	tcti_on_nonza(m, NS_SM, "enable", on_enable);
	tcti_on_nonza(m, NS_SM, "resume", on_resume);
	tcti_on_nonza(m, NS_SM, "r", on_r);
	tcti_on_nonza(m, NS_SM, "a", on_a);
	tct_on_session(m, TCT_SESSION_DETACHED, detached);
	tct_on_session(m, TCT_SESSION_ENDED, ended);
	return TCT_OK;
}

TCT_MODULE_FLAGS(smacks, TCT_INTERNAL,
	.version      = TCT_SERVER_VERSION,
	.summary      = "stream management (XEP-0198)",
	.options      = options,
	.config_size  = sizeof(struct smacks_config),
	.session_size = sizeof(struct sm),
	.stream_size  = sizeof(struct sm_stream),
	.session_end  = session_end,
	.stream_end   = stream_end,
	.load         = load,
);

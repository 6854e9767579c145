/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_smacks - stream management (XEP-0198): both sides say what they have handled, and a
 * client whose connection is lost takes its session up again.
 *
 * "Handled" by us means that the stanza's event has ended and that all it wrote is on disk;
 * core counts that, in order. What we sent is kept until the client has acknowledged it; when
 * the session ends before, it is given back: to the account's other sessions, or to whoever
 * keeps messages for later. A session that may be resumed outlives the server, too. */
#include "smacks.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 2000 /* an answer that waits for the disk does not wait longer */
#define MUCH_BYTES (32 * 1024) /* unacknowledged: others wait for it to become less */

static const struct tct_option options[] = {
	TCT_OPT_PERIOD(struct smacks_config, hibernation_time, .def = "10 minutes", .min = "0 s",
		.max = "1 day",
		.doc = "How long a session whose connection was lost waits for its client to "
		       "come back. 0 s: no session is resumed."),
	TCT_OPT_INT(struct smacks_config, hibernated_sessions, .def = "10", .min = "1",
		.max = "100",
		.doc = "Sessions of one account that may wait so; with one more the oldest ends."),
	TCT_OPT_INT(struct smacks_config, max_unacked, .def = "20", .min = "1", .max = "1000",
		.doc = "After that many stanzas, or 32 KB, without an acknowledgement the client "
		       "is asked for one at once."),
	TCT_OPT_PERIOD(struct smacks_config, ack_delay, .def = "2 s", .min = "0 s", .max = "5 minutes",
		.doc = "After fewer, it is asked when that long has passed."),
	TCT_OPT_PERIOD(struct smacks_config, ack_timeout, .def = "60 s", .min = "1 s",
		.max = "1 hour",
		.doc = "A connection on which the client does not answer is lost after that."),
	TCT_OPT_PERIOD(struct smacks_config, late_after, .def = "10 s", .min = "1 s", .max = "1 hour",
		.doc = "A client that does not answer for that long, or that has lost its "
		       "connection for that long, is taken for out of reach: what it has not "
		       "acknowledged may be told by a push notification."),
	TCT_OPT_INT(struct smacks_config, queue_count, .def = "5000", .min = "10",
		.max = "1000000",
		.doc = "Stanzas that are kept for a client; with more its session ends."),
	TCT_OPT_SIZE(struct smacks_config, queue_size, .def = "4 MB", .min = "64 KB",
		.max = "1 GB", .doc = "Bytes of these."),
	TCT_OPT_STRING(struct smacks_config, location,
		.doc = "Where clients should come back to, as \"host\", \"host:port\" or an address, "
		       "an IPv6 address in brackets: for servers behind one name. Clients "
		       "are told nothing without it."),
	TCT_OPT_END
};

void sm_stop(struct tct_timer **timer)
{
	if (*timer != NULL)
		tct_timer_stop(*timer);
	*timer = NULL;
}

void sm_send_count(struct tct_stream *s, const char *name, uint32_t h)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, name);

	tct_set_int(e, "h", h);
	tcti_stream_send(s, e);
}

void sm_send_failed(struct tct_stream *s, const char *condition)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, "failed");

	tct_add(e, NS_STANZAS, condition);
	tcti_stream_send(s, e);
}

bool sm_same_id(const char *id, const char *other)
{
	unsigned char differs = 0;

	if (strlen(other) != ID_LEN)
		return false;
	for (size_t i = 0; i < ID_LEN; i++)
		differs |= (unsigned char)(id[i] ^ other[i]);
	return differs == 0;
}

/* ---- a client that does not answer ---- */

/* The newest are told only, of very many. */
#define TOLD_MAX 100

static void is_late(struct tct_scope *scope, void *data)
{
	struct sm *sm = data;
	uint32_t i = sm->queue.count > TOLD_MAX ? sm->queue.count - TOLD_MAX : 0;

	(void)scope;
	sm->lateness = NULL;
	sm->late = true;
	for (; i < sm->queue.count; i++)
		tcti_session_late(sm->session, queue_get(&sm->queue, i));
}

void sm_watch_lateness(struct tct_mod *m, struct sm *sm)
{
	const struct smacks_config *config = tct_mod_config(m);

	if (sm->lateness == NULL && !sm->late)
		sm->lateness = tct_timer_start(tct_session_scope(m, sm->session),
			config->late_after * 1000, 0, is_late, sm);
}

static void in_time(struct sm *sm)
{
	sm_stop(&sm->lateness);
	if (sm->late)
		tcti_session_heard(sm->session);
	sm->late = false;
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

void sm_ask(struct tct_mod *m, struct sm *sm)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct tct_stream *s = tcti_session_stream(sm->session);

	sm_stop(&sm->ask);
	if (s == NULL || sm->asked)
		return;
	sm->asked = true;
	tcti_stream_send(s, tcti_nonza_new(NS_SM, "r"));
	sm_watch_lateness(m, sm);
	sm_stop(&sm->timeout);
	sm->timeout = tct_timer_start(tct_session_scope(m, sm->session),
		config->ack_timeout * 1000, 0, no_answer, sm);
}

/* So much is unacknowledged that the client is asked at once. */
static bool is_much(const struct smacks_config *config, const struct sm *sm)
{
	return sm->queue.count >= (uint32_t)config->max_unacked || sm->queue.bytes >= MUCH_BYTES;
}

static void ask_now(struct tct_scope *scope, void *data)
{
	struct sm *sm = data;

	sm->ask = NULL;
	if (sm->queue.count > 0)
		sm_ask(tct_scope_mod(scope), sm);
}

static void ask_later(struct tct_mod *m, struct sm *sm)
{
	const struct smacks_config *config = tct_mod_config(m);

	if (sm->ask == NULL && !sm->asked && tct_session_attached(sm->session))
		sm->ask = tct_timer_start(tct_session_scope(m, sm->session),
			config->ack_delay * 1000, 0, ask_now, sm);
}

void sm_too_high(struct tct_stream *s, uint32_t h, uint32_t sent)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, "handled-count-too-high");

	tct_set_int(e, "h", h);
	tct_set_int(e, "send-count", sent);
	tcti_stream_close_for(s, "undefined-condition", e);
}

bool sm_acknowledge(struct tct_stream *s, struct sm *sm, uint32_t h)
{
	uint32_t n = h - sm->acked;

	if (n <= sm->queue.count) {
		for (uint32_t i = 0; i < n; i++)
			tcti_delivery_taken(queue_get(&sm->queue, i));
		queue_drop(&sm->queue, n);
		sm->acked = h;
		tcti_session_set_kept(sm->session, sm->queue.bytes);
		sm_save_look(sm);
		in_time(sm);
		return true;
	}
	sm_too_high(s, h, sm->acked + sm->queue.count);
	return false;
}

void sm_rest(struct sm *sm)
{
	sm_stop(&sm->ask);
	sm_stop(&sm->timeout);
	sm_stop(&sm->answer);
	sm->asked = sm->owes = false;
}

bool sm_read_h(const struct tct_elem *e, uint32_t *h)
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
	if (tcti_delivery_type(d) == TCT_IQ_RESULT)
		sm_save_answer(m, sm);
	queue_push(&sm->queue, d);
	tcti_session_set_kept(s, sm->queue.bytes);
	sm_save_look(sm);
	if (sm->queue.count > (uint32_t)config->queue_count ||
		sm->queue.bytes > (size_t)config->queue_size) {
		sm->full = true;
		tct_log_notice(m, "too much is unacknowledged by \"%s\": its session ends",
			tct_jid_text(tct_session_jid(s)));
		tct_session_close(s, "resource-constraint", "too much is unacknowledged");
		return;
	}
	if (sm->late && tct_session_attached(s))
		tcti_session_late(s, d);
	/* Behind this one, not before it: the client is asked when it has been written. */
	if (is_much(config, sm) && !sm->asked) {
		sm_stop(&sm->ask);
		sm->ask = tct_timer_start(tct_session_scope(m, s), 0, 0, ask_now, sm);
		return;
	}
	ask_later(m, sm);
}

static void replaced(struct tct_mod *m, struct tct_session *s, struct delivery *d,
	struct delivery *instead)
{
	struct sm *sm = tct_session_data(m, s);

	queue_replace(&sm->queue, d, instead);
	tcti_session_set_kept(s, sm->queue.bytes);
}

/* ---- answering the client ---- */

static bool all_handled(const struct sm *sm)
{
	return tcti_session_handled(sm->session) == tcti_session_received(sm->session);
}

/* Nothing waits, and a server after a crash would know it: a number that was told to the
 * client may never become smaller. What wrote nothing has to be written down for that. */
static bool settled(struct tct_mod *m, struct sm *sm)
{
	if (!all_handled(sm))
		return false;
	if (sm->key == 0 || tcti_session_durable(sm->session) == tcti_session_handled(sm->session))
		return true;
	sm_note_handled_now(m, sm);
	return false;
}

static void answer(struct sm *sm)
{
	struct tct_stream *s = tcti_session_stream(sm->session);

	if (s != NULL)
		sm_send_count(s, "a",
			sm->key != 0 ? tcti_session_durable(sm->session) :
				       tcti_session_handled(sm->session));
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

static void handled(struct tct_mod *m, struct tct_session *s)
{
	struct sm *sm = tct_session_data(m, s);

	sm_save_look(sm);
	if ((sm->waiting == NULL && !sm->owes) || !settled(m, sm))
		return;
	if (sm->waiting != NULL)
		sm_finish_resume(m, sm);
	if (!sm->owes)
		return;
	sm->owes = false;
	sm_stop(&sm->answer);
	answer(sm);
}

const struct tcti_pipe_ops sm_pipe_ops = {
	.size = sizeof(struct tcti_pipe_ops),
	.count = count,
	.replaced = replaced,
	.handled = handled,
	.note_handled = sm_note_handled,
	.note_ahead = sm_note_ahead,
	.note_state = sm_note_state,
	.marked = sm_marked,
	.save = sm_save,
};

static struct sm *of_stream(struct tct_mod *m, struct tct_stream *s)
{
	struct tct_session *session = tcti_stream_session(s);
	struct sm *sm = session != NULL ? tct_session_data_peek(m, session) : NULL;

	return sm_enabled(sm) ? sm : NULL;
}

static enum tct_verdict on_r(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct sm *sm = of_stream(m, s);

	(void)e;
	if (sm == NULL)
		return TCT_CONTINUE;
	/* One answer for all that was asked in this turn. */
	sm->owes = true;
	tcti_session_notice(sm->session);
	if (sm->answer == NULL && !all_handled(sm))
		sm->answer = tct_timer_start(tct_session_scope(m, sm->session), ANSWER_MS, 0,
			answer_anyway, sm);
	return TCT_HANDLED;
}

static enum tct_verdict on_a(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct sm *sm = of_stream(m, s);
	uint32_t h, before;

	if (sm == NULL)
		return TCT_CONTINUE;
	if (!sm_read_h(e, &h)) {
		tcti_stream_close(s, "bad-format", "h is not a number");
		return TCT_HANDLED;
	}
	sm->asked = false;
	sm_stop(&sm->timeout);
	before = sm->acked;
	if (!sm_acknowledge(s, sm, h) || sm->queue.count == 0)
		return TCT_HANDLED;
	/* Not at once when nothing has changed: that would go round and round. */
	if (sm->acked != before && is_much(config, sm))
		sm_ask(m, sm);
	else
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

/* Fills the answer; both sides count from behind it. */
static struct sm *enable(struct tct_mod *m, struct tct_session *session,
	const struct tct_elem *e, struct tct_elem *answer)
{
	const struct smacks_config *config = tct_mod_config(m);
	int64_t seconds = hibernation(config, e);
	struct sm *sm = tct_session_data(m, session);

	sm->session = session;
	sm->mod = m;
	tct_random_id(sm->id, ID_LEN);
	sm->resumable = wants_resumption(e) && seconds > 0;
	if (sm->resumable) {
		sm->max = seconds;
		tct_set(answer, "id", sm->id);
		tct_set(answer, "resume", "true");
		tct_set_int(answer, "max", seconds);
		tct_set(answer, "location", config->location);
		tcti_session_set_resumable(session, seconds);
	}
	return sm;
}

static void begin(struct tct_mod *m, struct sm *sm)
{
	sm->acked = tcti_count_from();
	tcti_session_set_pipe(m, sm->session, &sm_pipe_ops);
	tcti_session_track(sm->session, sm->acked);
	if (sm->resumable)
		sm_save_begin(m, sm);
}

/* With Bind 2 (section 6.1): nothing was sent before. */
static void on_inline(struct tct_mod *m, struct tct_session *session,
	const struct tct_elem *request, struct tct_elem *bound)
{
	struct sm *sm;

	if (!tct_elem_is(request, NS_SM, "enable") || sm_enabled(tct_session_data_peek(m, session)))
		return;
	sm = enable(m, session, request, tct_add(bound, NS_SM, "enabled"));
	begin(m, sm);
	/* Others may be asked after us: what they know then is written down, too. */
	sm->changed = true;
	tcti_session_notice(session);
}

static enum tct_verdict on_enable(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct tct_session *session = tcti_stream_session(s);
	struct tct_elem *answer;
	struct sm *sm;

	if (tcti_stream_user(s) == NULL)
		return TCT_CONTINUE;
	if (session == NULL) {
		sm_send_failed(s, "unexpected-request");
		return TCT_HANDLED;
	}
	if (of_stream(m, s) != NULL) {
		tcti_stream_close(s, "policy-violation", "it is enabled already");
		return TCT_HANDLED;
	}
	answer = tcti_nonza_new(NS_SM, "enabled");
	sm = enable(m, session, e, answer);
	/* Behind what was sent before, and that is not counted: both sides begin here. */
	tcti_stream_send(s, answer);
	begin(m, sm);
	return TCT_HANDLED;
}

/* ---- the life of sessions and streams ---- */

/* What was written and not acknowledged; what was not written core gives back itself. */
static void ended(struct tct_mod *m, struct tct_session *s)
{
	struct sm *sm = tct_session_data_peek(m, s);
	struct tct_stream *waiting;
	size_t unwritten;

	if (!sm_enabled(sm))
		return;
	waiting = sm_take_waiting(sm);
	if (waiting != NULL)
		sm_refuse(m, waiting);
	if (sm->hibernates)
		sm_save_end(m, sm);
	unwritten = tcti_pipe_unwritten(s);
	for (uint32_t i = 0; i + unwritten < sm->queue.count; i++)
		tcti_give_back(s, queue_get(&sm->queue, i));
}

static void session_end(struct tct_mod *m, void *data)
{
	struct sm *sm = data;

	queue_fini(&sm->queue);
	if (!sm_enabled(sm))
		return;
	/* The module may go before the session. */
	sm_take_waiting(sm);
	sm_restore_leave(sm);
	free(sm->sparse);
	free(sm->earlier);
	if (!sm->saved)
		sm_save_forget(m, sm);
	free(sm->ahead);
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

static const struct tcti_resume_ops resume_ops = {
	.size = sizeof(struct tcti_resume_ops),
	.resume = sm_resume_inline,
};

static int load(struct tct_mod *m, struct tct_error *err)
{
	tct_provide(m, "resumption", "smacks", &resume_ops);
	tct_on_inline(m, NS_SM, true, on_inline);
	struct smacks *smacks = tct_mod_data(m);

	smacks->kv = tct_kv_open(m, "smacks", err);
	if (smacks->kv == NULL)
		return TCT_EIO;
	tcti_on_features(m, TCT_PRIO_HANDLE - 10, add_feature);
	tcti_on_nonza(m, NS_SM, "enable", on_enable);
	tcti_on_nonza(m, NS_SM, "resume", sm_on_resume);
	tcti_on_nonza(m, NS_SM, "r", on_r);
	tcti_on_nonza(m, NS_SM, "a", on_a);
	tct_on_session(m, TCT_SESSION_DETACHED, sm_detached);
	tct_on_session(m, TCT_SESSION_ENDED, ended);
	tct_on_entity(m, TCT_ENTITY_LOADED, sm_loaded);
	tct_on_presence(m, TCT_OUTBOUND, TCT_PRIO_OBSERVE, sm_on_presence);
	tct_on_session(m, TCT_SESSION_AVAILABLE, sm_on_changed);
	tct_on_session(m, TCT_SESSION_UNAVAILABLE, sm_on_changed);
	return TCT_OK;
}

static void unload(struct tct_mod *m)
{
	free(((struct smacks *)tct_mod_data(m))->after);
}

TCT_MODULE_FLAGS(smacks, TCT_INTERNAL,
	.version      = TCT_SERVER_VERSION,
	.summary      = "stream management (XEP-0198)",
	.options      = options,
	.config_size  = sizeof(struct smacks_config),
	.data_size    = sizeof(struct smacks),
	.preload      = TCT_PRELOAD("smacks"),
	.session_size = sizeof(struct sm),
	.stream_size  = sizeof(struct sm_stream),
	.session_end  = session_end,
	.stream_end   = stream_end,
	.load         = load,
	.ready        = sm_restore_start,
	.unload       = unload,
);

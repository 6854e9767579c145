/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* resume.c - a client takes up a session whose connection was lost (XEP-0198 section 5); how
 * many sessions wait for that. */
#include "smacks.h"

#include <stdlib.h>
#include <string.h>

struct search {
	struct tct_mod *mod;
	const char *id;
	struct sm *found;
	struct tct_session *oldest; /* that hibernates, and how many there are */
	uint32_t hibernated;
};

static void look_at(struct tct_session *s, void *data)
{
	struct search *search = data;
	struct sm *sm = tct_session_data_peek(search->mod, s);

	if (!sm_enabled(sm))
		return;
	if (search->id != NULL && sm->resumable && sm_same_id(sm->id, search->id))
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

struct tct_stream *sm_take_waiting(struct sm *sm)
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

/* After a crash: what the client has is known by its own number only; from here on both sides
 * count alike again. False: it cannot have got that many, and the stream ends. */
static bool adopt(struct sm *sm, struct tct_stream *s, uint32_t h)
{
	struct sparse *sparse = sm->sparse;
	uint32_t n = 0;

	if ((int32_t)(h - sm->acked) < 0 || (int32_t)(sparse->last - h) < 0) {
		sm_too_high(s, h, sparse->last);
		return false;
	}
	while (n < sparse->count && (int32_t)(sparse->numbers[n] - h) <= 0)
		tcti_delivery_taken(queue_get(&sm->queue, n++));
	queue_drop(&sm->queue, n);
	tcti_session_set_kept(sm->session, sm->queue.bytes);
	sm->acked = h;
	free(sparse);
	sm->sparse = NULL;
	return true;
}

/* What is in the queue gets other numbers than are on disk. */
static void renumber(struct tct_mod *m, struct sm *sm)
{
	if (sm->key == 0)
		return;
	sm_save_rename(m, sm, tcti_txn_of_turn(m));
	for (uint32_t i = 0; i < sm->queue.count; i++)
		tcti_delivery_mark(sm->session, queue_get(&sm->queue, i), sm->acked + 1 + i);
}

static bool is_wanted(struct delivery *d, void *data)
{
	struct sm *sm = data;

	if (tcti_delivery_wanted(sm->session, d))
		return true;
	tcti_delivery_leave_out(d);
	return false;
}

/* What is sent again after a resumption must not be more than what the account wants now. A
 * number is nowhere in the stream: both sides count what is sent from the client's own number
 * on (section 4), so what the client has not got, as that number says, may be left out, and
 * those behind it move up. Before that number is known nothing may. */
static bool leave_out(struct sm *sm)
{
	tcti_pipe_drop_unwanted(sm->session);
	if (queue_sift(&sm->queue, is_wanted, sm) == 0)
		return false;
	tcti_session_set_kept(sm->session, sm->queue.bytes);
	return true;
}

/* ---- answers: elements of their own, or parts of another (SASL2) ---- */

static struct tct_elem *answer_new(struct tct_mod *m, struct tct_stream *s, const char *name)
{
	const struct sm_stream *stream = tcti_stream_data(m, s);

	return stream->answered != NULL ? tct_add(stream->answer, NS_SM, name) :
					  tcti_nonza_new(NS_SM, name);
}

/* `resumed`: in front of what waits in its pipe; NULL: it failed. */
static void answer_send(struct tct_mod *m, struct tct_stream *s, struct tct_elem *e,
	struct tct_session *resumed)
{
	struct sm_stream *stream = tcti_stream_data(m, s);
	tcti_resume_fn *answered = stream->answered;

	stream->answered = NULL;
	if (answered != NULL)
		answered(stream->answered_data, resumed);
	else if (resumed != NULL)
		tcti_stream_send_first(s, e);
	else
		tcti_stream_send(s, e);
}

/* `h` NULL: nothing is known of what was handled. */
static void refuse(struct tct_mod *m, struct tct_stream *s, const char *condition,
	const uint32_t *h)
{
	struct tct_elem *e = answer_new(m, s, "failed");

	if (h != NULL)
		tct_set_int(e, "h", *h);
	tct_add(e, NS_STANZAS, condition);
	answer_send(m, s, e, NULL);
}

/* All that the client sent on its old connection is handled: it gets the count, then what it
 * has not acknowledged, then what waits. */
void sm_finish_resume(struct tct_mod *m, struct sm *sm)
{
	uint32_t h = sm->waiting->h;
	bool renumbered = sm->sparse != NULL;
	struct tct_stream *s = sm_take_waiting(sm);
	struct tct_elem *e;

	if (renumbered ? !adopt(sm, s, h) : !sm_acknowledge(s, sm, h))
		return;
	renumbered |= leave_out(sm);
	if (renumbered)
		renumber(m, sm);
	if (tcti_session_resume(s, sm->session) != TCT_OK) {
		refuse(m, s, "item-not-found", NULL);
		return;
	}
	sm->hibernates = false;
	e = answer_new(m, s, "resumed");
	tct_set(e, "previd", sm->id);
	tct_set_int(e, "h", tcti_session_handled(sm->session));
	answer_send(m, s, e, sm->session);
	replay(sm);
	if (renumbered && sm->key != 0)
		tcti_pipe_wait_first(sm->session, tcti_txn_of_turn(m));
	if (sm->queue.count > 0)
		sm_ask(m, sm);
}

/* The newest try of a client counts: older connections of the session end. */
static void take_over(struct tct_mod *m, struct sm *sm)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct tct_stream *older = sm_take_waiting(sm);

	if (older != NULL)
		tcti_stream_close(older, "conflict", NULL);
	if (tct_session_attached(sm->session))
		tcti_session_detach(sm->session, config->hibernation_time, "conflict");
	sm_rest(sm);
}

/* A session that ended without its client: that knows then what it need not send again
 * (section 5). */
static void not_found(struct tct_mod *m, struct tct_stream *s, const char *id)
{
	struct tct_entity *e = tct_entity_find(tct_mod_host(m), tcti_stream_user(s));
	uint32_t h;

	refuse(m, s, "item-not-found",
		e != NULL && sm_save_ended(m, e, id, &h) ? &h : NULL);
}

void sm_resume_inline(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *request,
	struct tct_elem *answer, tcti_resume_fn *fn, void *data)
{
	struct sm_stream *stream = tcti_stream_data(m, s);

	stream->answered = fn;
	stream->answered_data = data;
	stream->answer = answer;
	sm_on_resume(m, s, request);
}

void sm_refuse(struct tct_mod *m, struct tct_stream *s)
{
	refuse(m, s, "item-not-found", NULL);
}

enum tct_verdict sm_on_resume(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const char *previd = tct_attr(e, "previd");
	struct sm_stream *stream;
	struct sm *sm;
	uint32_t h;

	if (tcti_stream_user(s) == NULL)
		return TCT_CONTINUE;
	if (tcti_stream_session(s) != NULL) {
		refuse(m, s, "unexpected-request", NULL);
		return TCT_HANDLED;
	}
	if (previd == NULL || !sm_read_h(e, &h)) {
		refuse(m, s, "bad-request", NULL);
		return TCT_HANDLED;
	}
	sm = find(m, s, previd);
	if (sm == NULL) {
		not_found(m, s, previd);
		return TCT_HANDLED;
	}
	take_over(m, sm);
	stream = tcti_stream_data(m, s);
	stream->stream = s;
	stream->sm = sm;
	stream->h = h;
	sm->waiting = stream;
	tcti_stream_hold(s);
	tcti_session_notice(sm->session);
	return TCT_HANDLED;
}

void sm_detached(struct tct_mod *m, struct tct_session *s)
{
	const struct smacks_config *config = tct_mod_config(m);
	struct search search = { m, NULL, NULL, NULL, 0 };
	struct sm *sm = tct_session_data_peek(m, s);

	if (!sm_enabled(sm))
		return;
	sm->hibernates = true;
	sm_rest(sm);
	if (sm->queue.count > 0)
		sm_watch_lateness(m, sm);
	tct_entity_sessions(tct_session_entity(s), look_at, &search);
	if (search.hibernated > (uint32_t)config->hibernated_sessions)
		tct_session_close(search.oldest, NULL, NULL);
}

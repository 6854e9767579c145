/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* sm_in.c - what another server has given us (XEP-0198): counted when it is handled, which means
 * that it was routed and all that it wrote is on disk, and acknowledged when the peer asks and now
 * and then by itself. The count of a stream that was lost is kept for a while, for the same pair of
 * domains alone: the peer resumes it, or learns how far it had come. */
#include "shared.h"
#include "sm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define ID_LEN 32
#define TELL 64         /* so many handled stanzas are acknowledged unasked */
#define TELL_MS 2000    /* and fewer after that time */
#define ANSWER_MS 2000  /* an answer waits no longer for the disk */
#define LOST_PER_DOMAIN 10

struct sm_in {
	struct sm_in *prev, *next; /* the newest first */
	char id[ID_LEN + 1];
	struct tct_mod *mod;
	char *local, *remote; /* it can be resumed by these alone */
	struct tcti_intake *intake;
	struct peer *peer;    /* whose stream is counted; NULL: it is lost */
	struct peer *waiting; /* who wants to resume it, when all is handled; NULL */
	bool resumable;
	bool ended; /* by an end of the stream: it is not resumed, but its count is told */
	bool owes;  /* the peer has asked */
	uint32_t told;
	struct tct_timer *answer, *tell, *expiry;
};

/* ---- for both directions ---- */

void sm_stop(struct tct_timer **timer)
{
	if (*timer != NULL)
		tct_timer_stop(*timer);
	*timer = NULL;
}

bool sm_read_h(const struct tct_elem *e, uint32_t *h)
{
	int64_t value;

	if (tct_attr_int(e, "h", &value) != TCT_OK || value < 0 || value > UINT32_MAX)
		return false;
	*h = (uint32_t)value;
	return true;
}

void sm_send_count(struct tct_stream *s, const char *name, uint32_t h)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, name);

	tct_set_int(e, "h", h);
	tcti_stream_send(s, e);
}

void sm_too_high(struct tct_stream *s, uint32_t h, uint32_t sent)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, "handled-count-too-high");

	tct_set_int(e, "h", h);
	tct_set_int(e, "send-count", sent);
	tcti_stream_close_for(s, "undefined-condition", e);
}

static struct tct_elem *failed(const char *condition)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, "failed");

	tct_add(e, NS_STANZAS, condition);
	return e;
}

/* ---- the life of a count ---- */

static void rest(struct sm_in *sm)
{
	sm_stop(&sm->answer);
	sm_stop(&sm->tell);
	sm->owes = false;
}

static void stop_waiting(struct sm_in *sm)
{
	if (sm->waiting == NULL)
		return;
	tcti_stream_release(sm->waiting->stream);
	sm->waiting->resumes = NULL;
	sm->waiting = NULL;
}

static void sm_free(struct sm_in *sm)
{
	struct s2s *s = s2s_of(sm->mod);

	if (sm->prev != NULL)
		sm->prev->next = sm->next;
	else
		s->sms = sm->next;
	if (sm->next != NULL)
		sm->next->prev = sm->prev;
	if (sm->peer != NULL) {
		tcti_stream_set_intake(sm->peer->stream, NULL);
		sm->peer->sm = NULL;
	}
	if (sm->waiting != NULL)
		tcti_stream_send(sm->waiting->stream, failed("item-not-found"));
	stop_waiting(sm);
	rest(sm);
	sm_stop(&sm->expiry);
	tcti_intake_free(sm->intake);
	free(sm->local);
	free(sm->remote);
	free(sm);
}

static void attach(struct sm_in *sm, struct peer *p)
{
	sm_stop(&sm->expiry);
	sm->peer = p;
	p->sm = sm;
	tcti_stream_set_intake(p->stream, sm->intake);
}

static void detach(struct sm_in *sm)
{
	rest(sm);
	tcti_stream_set_intake(sm->peer->stream, NULL);
	sm->peer->sm = NULL;
	sm->peer = NULL;
}

static void expired(struct tct_scope *scope, void *data)
{
	struct sm_in *sm = data;

	(void)scope;
	sm->expiry = NULL;
	tct_log_info(sm->mod, "the lost connection from \"%s\" to \"%s\" cannot be resumed any more",
		sm->remote, sm->local);
	sm_free(sm);
}

/* With one more lost stream the oldest goes: of that domain, or of all. */
static void bound(struct tct_mod *m, const char *remote)
{
	const struct s2s_config *config = tct_mod_config(m);
	struct sm_in *oldest = NULL, *oldest_same = NULL;
	int64_t count = 0, same = 0;

	for (struct sm_in *sm = s2s_of(m)->sms; sm != NULL; sm = sm->next) {
		if (sm->peer != NULL)
			continue;
		count++;
		oldest = sm;
		if (strcmp(sm->remote, remote) != 0)
			continue;
		same++;
		oldest_same = sm;
	}
	if (same > LOST_PER_DOMAIN)
		sm_free(oldest_same);
	else if (count > config->resumable)
		sm_free(oldest);
}

void sm_in_lost(struct tct_mod *m, struct peer *p)
{
	const struct s2s_config *config = tct_mod_config(m);
	struct sm_in *sm = p->sm;

	if (sm == NULL)
		return;
	if (!sm->resumable || config->resume_time == 0) {
		sm_free(sm);
		return;
	}
	sm->ended = tcti_stream_ended(p->stream);
	detach(sm);
	sm->expiry = tct_timer_start(tct_mod_scope(m), config->resume_time * 1000, 0, expired, sm);
	bound(m, sm->remote);
}

void sm_in_leave(struct peer *p)
{
	struct sm_in *sm = p->resumes;

	if (sm != NULL)
		sm->waiting = NULL;
	p->resumes = NULL;
	if (p->sm != NULL)
		sm_free(p->sm);
}

const char *sm_in_state(const struct peer *p)
{
	if (p->sm == NULL)
		return NULL;
	return p->sm->resumable ? "resumable" : "enabled";
}

/* ---- telling the peer ---- */

static void tell(struct sm_in *sm)
{
	rest(sm);
	sm->told = tcti_intake_handled(sm->intake);
	sm_send_count(sm->peer->stream, "a", sm->told);
}

static void tell_now(struct tct_scope *scope, void *data)
{
	struct sm_in *sm = data;

	(void)scope;
	sm->tell = NULL;
	tell(sm);
}

static void answer_anyway(struct tct_scope *scope, void *data)
{
	struct sm_in *sm = data;

	(void)scope;
	sm->answer = NULL;
	tell(sm);
}

static bool all_handled(const struct sm_in *sm)
{
	return tcti_intake_handled(sm->intake) == tcti_intake_received(sm->intake);
}

/* The former stream is resumed by this one, or its peer is told how far it had come. */
static void finish_resume(struct sm_in *sm)
{
	struct peer *p = sm->waiting;
	uint32_t h = tcti_intake_handled(sm->intake);
	struct tct_elem *e = sm->ended ? failed("item-not-found") :
					 tcti_nonza_new(NS_SM, "resumed");

	tct_set_int(e, "h", h);
	if (!sm->ended)
		tct_set(e, "previd", sm->id);
	tcti_stream_send(p->stream, e);
	stop_waiting(sm);
	if (sm->ended) {
		sm_free(sm);
		return;
	}
	attach(sm, p);
	sm->told = h;
}

static void on_handled(struct tct_mod *m, void *data)
{
	struct sm_in *sm = data;

	if (sm->waiting != NULL && all_handled(sm)) {
		finish_resume(sm);
		return;
	}
	if (sm->peer == NULL)
		return;
	if ((sm->owes && all_handled(sm)) || tcti_intake_handled(sm->intake) - sm->told >= TELL)
		tell(sm);
	else if (sm->tell == NULL)
		sm->tell = tct_timer_start(tct_mod_scope(m), TELL_MS, 0, tell_now, sm);
}

static enum tct_verdict on_r(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct peer *p = s2s_peer(m, s);
	struct sm_in *sm = p->sm;

	(void)e;
	if (p->path != NULL && p->path->sm.state == SM_ON) {
		shared_answer(p);
		return TCT_HANDLED;
	}
	if (sm == NULL)
		return TCT_CONTINUE;
	if (all_handled(sm)) {
		tell(sm);
		return TCT_HANDLED;
	}
	sm->owes = true;
	if (sm->answer == NULL)
		sm->answer = tct_timer_start(tct_mod_scope(m), ANSWER_MS, 0, answer_anyway, sm);
	return TCT_HANDLED;
}

static enum tct_verdict on_a(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct peer *p = s2s_peer(m, s);
	uint32_t h;

	if (p->path != NULL && p->path->sm.state == SM_ON) {
		sm_out_acknowledged(p->path, s, e);
		return TCT_HANDLED;
	}
	if (p->guests != NULL && p->guests->sm.state == SM_ON) {
		sm_out_acknowledged(p->guests, s, e);
		return TCT_HANDLED;
	}
	if (p->sm == NULL)
		return TCT_CONTINUE;
	/* What we send goes by another stream. */
	if (!sm_read_h(e, &h))
		tcti_stream_close(s, "bad-format", "h is not a number");
	else if (h != tcti_count_from() && !p->carried)
		sm_too_high(s, h, tcti_count_from());
	return TCT_HANDLED;
}

/* ---- enabling and resuming ---- */

static bool wants_resumption(const struct tct_elem *e)
{
	const char *resume = tct_attr(e, "resume");

	return resume != NULL && (strcmp(resume, "true") == 0 || strcmp(resume, "1") == 0);
}

/* Once on a stream, when something is proven. False: it was answered. */
static bool may_begin(struct peer *p, struct tct_stream *s)
{
	if (p->sm != NULL || p->resumes != NULL) {
		tcti_stream_close(s, "policy-violation", "it is enabled already");
		return false;
	}
	if (p->pair_count > 0)
		return true;
	tcti_stream_send(s, failed("unexpected-request"));
	return false;
}

static struct sm_in *sm_new(struct tct_mod *m, const char *local, const char *remote,
	uint32_t handled)
{
	struct s2s *s = s2s_of(m);
	struct sm_in *sm = calloc(1, sizeof *sm);

	if (sm == NULL)
		abort();
	sm->mod = m;
	sm->local = s2s_copy(local);
	sm->remote = s2s_copy(remote);
	sm->intake = tcti_intake_new(m, handled, on_handled, sm);
	sm->told = handled;
	sm->next = s->sms;
	if (sm->next != NULL)
		sm->next->prev = sm;
	s->sms = sm;
	return sm;
}

static enum tct_verdict on_enable(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const struct s2s_config *config = tct_mod_config(m);
	struct peer *p = s2s_peer(m, s);
	struct tct_elem *enabled;
	struct sm_in *sm;

	if (!may_begin(p, s))
		return TCT_HANDLED;
	sm = sm_new(m, p->pairs[0].local, p->pairs[0].remote, tcti_count_from());
	tct_random_id(sm->id, ID_LEN);
	sm->resumable = wants_resumption(e) && config->resume_time > 0;
	attach(sm, p);
	enabled = tcti_nonza_new(NS_SM, "enabled");
	if (sm->resumable) {
		tct_set(enabled, "id", sm->id);
		tct_set(enabled, "resume", "true");
		tct_set_int(enabled, "max", config->resume_time);
	}
	tcti_stream_send(s, enabled);
	return TCT_HANDLED;
}

/* All are compared to the end, so that the time says nothing. */
static struct sm_in *find(struct tct_mod *m, struct tct_stream *s, const char *id)
{
	struct sm_in *found = NULL;

	if (id == NULL || strlen(id) != ID_LEN)
		return NULL;
	for (struct sm_in *sm = s2s_of(m)->sms; sm != NULL; sm = sm->next) {
		unsigned char differs = 0;

		for (size_t i = 0; i < ID_LEN; i++)
			differs |= (unsigned char)(id[i] ^ sm->id[i]);
		if (differs == 0 && sm->resumable)
			found = sm;
	}
	return found != NULL && in_accepted(m, s, found->local, found->remote) ? found : NULL;
}

static enum tct_verdict on_resume(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct peer *p = s2s_peer(m, s), *former;
	struct sm_in *sm;

	if (!may_begin(p, s))
		return TCT_HANDLED;
	sm = find(m, s, tct_attr(e, "previd"));
	if (sm == NULL || sm->waiting != NULL) {
		tcti_stream_send(s, failed("item-not-found"));
		return TCT_HANDLED;
	}
	former = sm->peer;
	if (former != NULL) {
		detach(sm);
		tcti_stream_close(former->stream, "conflict", NULL);
	}
	sm_stop(&sm->expiry);
	sm->waiting = p;
	p->resumes = sm;
	tcti_stream_hold(s);
	/* A turn later, as all do. */
	tcti_intake_notice(sm->intake);
	return TCT_HANDLED;
}

/* Offered when stanzas may come next: after a proof that began the stream anew, or, as dialback has
 * no such thing, beside it (section 5: "when it will be possible for the other party to start
 * sending stanzas"; until then <enable/> fails, and the stream goes on). */
static enum tct_verdict add_feature(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	const struct tct_jid *from = tcti_stream_from(s);
	const char *remote = from != NULL ? tct_jid_domain(from) : NULL;

	if (tcti_stream_is_proven(s) ||
		(remote != NULL && s2s_judge(m, s, remote, NULL) &&
			s2s_certified(m, s, remote) == TCTI_PROOF_NONE))
		tct_add(features, NS_SM, "sm");
	return TCT_CONTINUE;
}

/* ---- what outlives the instance ---- */

#define ROW "streams"

static void append(struct s2s *s, const struct sm_in *sm, char *text, size_t room)
{
	int64_t seconds = ((const struct s2s_config *)tct_mod_config(s->mod))->resume_time;

	if (sm->resumable)
		snprintf(text + strlen(text), room - strlen(text), "%s %u %lld %s %s\n", sm->id,
			tcti_intake_handled(sm->intake), (long long)(tct_now() + seconds),
			sm->local, sm->remote);
}

/* Who comes back is told how far it had come, so that it need not send again what is on disk
 * here. What is not handled by now comes again. */
static void save(struct s2s *s)
{
	size_t count = 0, room;
	struct tct_txn *txn;
	char *text;

	for (const struct sm_in *sm = s->sms; sm != NULL; sm = sm->next)
		count += sm->resumable;
	if (s->kv == NULL || count == 0)
		return;
	room = 1;
	for (const struct sm_in *sm = s->sms; sm != NULL; sm = sm->next)
		room += strlen(sm->local) + strlen(sm->remote) + 80;
	text = calloc(1, room);
	if (text == NULL)
		abort();
	for (const struct sm_in *sm = s->sms; sm != NULL; sm = sm->next)
		append(s, sm, text, room);
	txn = tct_txn_new(s->mod);
	tct_kv_put(txn, s->kv, "", ROW, tct_string(text));
	tct_txn_submit(NULL, txn, NULL, NULL);
	free(text);
}

static void restore_line(struct tct_mod *m, const char *line)
{
	char id[ID_LEN + 1], local[DOMAIN_MAX + 1], remote[DOMAIN_MAX + 1];
	unsigned handled;
	long long until;
	struct sm_in *sm;

	if (sscanf(line, "%32s %u %lld %1023s %1023s", id, &handled, &until, local, remote) != 5 ||
		strlen(id) != ID_LEN || until <= tct_now())
		return;
	sm = sm_new(m, local, remote, handled);
	memcpy(sm->id, id, sizeof sm->id);
	sm->resumable = sm->ended = true;
	sm->expiry = tct_timer_start(tct_mod_scope(m), (until - tct_now()) * 1000, 0, expired, sm);
	bound(m, remote);
}

static int restore(struct tct_mod *m, struct tct_error *err)
{
	struct s2s *s = s2s_of(m);
	struct tct_value v;

	if (tct_service(m, "storage", NULL) == NULL)
		return TCT_OK;
	s->kv = tct_kv_open(m, "s2s", err);
	if (s->kv == NULL)
		return TCT_EIO;
	if (tct_kv_get_wait(s->kv, "", ROW, &v) != TCT_OK || v.kind != TCT_VALUE_STRING)
		return TCT_OK;
	for (const char *line = v.bytes.data; *line != '\0';) {
		restore_line(m, line);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return TCT_OK;
}

void sm_in_fini(struct s2s *s)
{
	save(s);
	while (s->sms != NULL)
		sm_free(s->sms);
}

int sm_load(struct tct_mod *m, struct tct_error *err)
{
	uint32_t in = TCTI_KIND(TCTI_STREAM_S2S_IN), out = TCTI_KIND(TCTI_STREAM_S2S_OUT);

	tcti_on_stream_features(m, in, TCT_PRIO_HANDLE - 20, add_feature);
	tcti_on_stream_nonza(m, in, NS_SM, "enable", on_enable);
	tcti_on_stream_nonza(m, in, NS_SM, "resume", on_resume);
	tcti_on_stream_nonza(m, in | out, NS_SM, "r", on_r);
	tcti_on_stream_nonza(m, in | out, NS_SM, "a", on_a);
	sm_out_load(m);
	return restore(m, err);
}

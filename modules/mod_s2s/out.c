/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* out.c - paths from domains of ours to others: a queue each, and a stream that is opened when
 * something is to be sent. The order is RFC 6120's: TLS when it is offered, the peer's
 * certificate when the policy wants one, then the proof of our domain, and then what waits.
 * When it fails, what waits is bounced, once, with a reason that names no host (an address may
 * be half a secret in rooms), and the reason is remembered for a while. */
#include "mux.h"
#include "outbox.h"
#include "shared.h"
#include "sm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTIONS_MAX 200
#define AGAIN_MAX 15 /* seconds */

enum { TRIED_EXTERNAL = 1, TRIED_DIALBACK = 2 };

/* ---- finding ---- */

struct between {
	const char *local, *remote;
};

static int compare(const void *item, const void *key)
{
	const struct path *p = *(struct path *const *)item;
	const struct between *b = key;
	int c = strcmp(p->remote, b->remote);

	return c != 0 ? c : strcmp(p->local, b->local);
}

static size_t place(const struct s2s *s, const char *local, const char *remote, bool *found)
{
	struct between key = { local, remote };

	return s2s_place(s->paths, s->path_count, compare, &key, found);
}

struct path *out_find(struct s2s *s, const char *local, const char *remote)
{
	bool found;
	size_t at = place(s, local, remote, &found);

	return found ? s->paths[at] : NULL;
}

static void insert(struct s2s *s, size_t at, struct path *p)
{
	if (s->path_count == s->path_room) {
		size_t room = s->path_room > 0 ? s->path_room * 2 : 16;
		struct path **more = realloc(s->paths, room * sizeof *more);

		if (more == NULL)
			abort();
		s->paths = more;
		s->path_room = room;
	}
	memmove(&s->paths[at + 1], &s->paths[at], (s->path_count - at) * sizeof *s->paths);
	s->paths[at] = p;
	s->path_count++;
}

static void take_out(struct s2s *s, struct path *p)
{
	bool found;
	size_t at = place(s, p->local, p->remote, &found);

	if (p->outlet == NULL) {
		if (p->prev != NULL)
			p->prev->next = p->next;
		else
			s->questions = p->next;
		if (p->next != NULL)
			p->next->prev = p->prev;
		s->question_count--;
	} else if (found && s->paths[at] == p) {
		s->path_count--;
		memmove(&s->paths[at], &s->paths[at + 1],
			(s->path_count - at) * sizeof *s->paths);
	}
}

/* ---- the end of a path ---- */

/* Lets go of its stream. */
void out_part(struct path *p)
{
	struct tct_stream *s = p->host == NULL && p->carrier == NULL ? p->stream : NULL;

	shared_leave(p);
	mux_leave(p);
	mux_lost(p);
	tcti_connect_end(p->connecting);
	p->connecting = NULL;
	p->stream = NULL;
	sm_out_lost(p);
	if (p->outlet != NULL)
		tcti_outlet_attach(p->outlet, NULL);
	if (s == NULL)
		return;
	s2s_peer(p->mod, s)->path = NULL;
	tcti_stream_close(s, NULL, NULL);
}

static void path_free(struct path *p)
{
	out_part(p);
	mux_orphan(p);
	out_hurry(p, false);
	outbox_leave(p);
	sm_out_fini(p);
	tcti_outlet_free(p->outlet);
	free(p->local);
	free(p->remote);
	free(p);
}

struct bounce {
	struct tct_mod *mod;
	struct outbox_pair pair;
	uint32_t cause;
};

static void bounce(struct tct_stanza *st, uint64_t tag, void *data)
{
	const struct bounce *b = data;

	outbox_bounce(b->mod, &b->pair, st, tag, b->cause);
}

void out_give_up(struct path *p, uint32_t cause, const char *reason)
{
	struct bounce b = { p->mod, { p->local, p->remote }, cause };
	struct s2s *s = s2s_of(p->mod);
	tcti_s2s_ask_fn *fn = p->fn;
	struct tct_mod *asker = p->asker;
	void *data = p->data;

	if (p->stream != NULL)
		sm_out_last_look(p); /* what has arrived is not returned */
	take_out(s, p);
	if (p->outlet == NULL) {
		tct_log_debug(p->mod, "\"%s\" cannot be asked (%s)", p->remote, reason);
		if (fn != NULL)
			fn(asker, NULL, cause_condition(cause), reason, data);
		path_free(p);
		return;
	}
	tct_log_notice(p->mod, "no connection from \"%s\" to \"%s\": %s", p->local, p->remote,
		reason);
	if (p->carrier != NULL)
		failure_mention(s, p->remote, cause, reason, p->stream);
	else
		failure_remember(s, p->remote, cause, reason, p->stream);
	mux_release(p, cause, reason);
	tcti_outlet_drain(p->outlet, bounce, &b);
	path_free(p);
}

void out_end(struct path *p)
{
	take_out(s2s_of(p->mod), p);
	path_free(p);
}

void out_fini(struct s2s *s)
{
	while (s->questions != NULL)
		out_end(s->questions);
	for (size_t i = 0; i < s->path_count; i++) {
		outbox_leave(s->paths[i]);
		outbox_save(s->paths[i]);
	}
	while (s->path_count > 0)
		out_end(s->paths[s->path_count - 1]);
	free(s->paths);
}

/* ---- connecting ---- */

static void too_late(struct tct_scope *scope, void *data)
{
	struct path *p = data;

	(void)scope;
	p->timeout = NULL;
	if (p->state == PATH_DIALLING)
		out_failed(p, CAUSE_TIMEOUT, "it could not be reached in time");
	else
		out_failed(p, CAUSE_SLOW, "it did not come to an agreement in time");
}

void out_hurry(struct path *p, bool on)
{
	const struct s2s_config *config = tct_mod_config(p->mod);
	int64_t ms = config->s2s_timeout * 1000, answer = config->login_timeout * 1000 * 2 / 3;

	if (p->outlet == NULL && answer < ms)
		ms = answer;
	if (p->timeout != NULL)
		tct_timer_stop(p->timeout);
	p->timeout = on ? tct_timer_start(tct_mod_scope(p->mod), ms, 0, too_late, p) : NULL;
}

static void connected(struct tct_mod *m, struct tct_stream *s, uint32_t reason, const char *text,
	void *data)
{
	struct path *p = data;

	if (s == NULL) {
		out_failed(p, cause_of_dial(reason), text);
		return;
	}
	p->stream = s;
	p->state = PATH_OPEN;
	s2s_peer(m, s)->path = p;
	dane_dialled(p);
}

static void is_blocked(struct tct_scope *scope, void *data)
{
	struct path *p = data;

	(void)scope;
	p->timeout = NULL;
	out_give_up(p, CAUSE_BLOCKED, "it is blocked");
}

void out_dial(struct path *p)
{
	const struct s2s_config *config = tct_mod_config(p->mod);
	const struct override *o = s2s_override(p->mod, p->remote);
	struct tcti_dial_params to = { .size = sizeof to, .domain = p->remote,
		.allow_private = config->allow_private, .timeout = config->s2s_timeout * 1000 };
	struct tcti_s2s_rule rule;

	s2s_rule(p->mod, p->remote, &rule);
	if (o != NULL) {
		to.override_host = o->address;
		to.override_port = (uint16_t)o->port;
		to.override_direct_tls = o->direct_tls;
	}
	p->state = PATH_DIALLING;
	if (tcti_streams_stopping())
		return; /* the next life does that */
	tcti_connect_end(p->connecting);
	p->connecting = NULL;
	out_hurry(p, !rule.blocked);
	if (rule.blocked)
		p->timeout = tct_timer_start(tct_mod_scope(p->mod), 0, 0, is_blocked, p);
	else
		p->connecting = tcti_connect(s2s_of(p->mod)->dialer, p->local, &to, connected,
			p);
}

static struct path *path_new(struct tct_mod *m, const char *local, const char *remote)
{
	struct path *p = calloc(1, sizeof *p);

	if (p == NULL)
		abort();
	p->mod = m;
	p->local = s2s_copy(local);
	p->remote = s2s_copy(remote);
	p->since = tct_now();
	p->used = tct_monotonic();
	return p;
}

/* ---- negotiating ---- */

static struct path *path_of(struct tct_mod *m, struct tct_stream *s)
{
	return s2s_peer(m, s)->path;
}

/* TLS is begun when it is offered, whatever is required. */
static bool begin_tls(struct peer *peer, struct tct_stream *s, const struct tct_elem *features)
{
	if (tcti_stream_secured(s) || tct_child(features, NS_TLS, "starttls") == NULL)
		return false;
	peer->tls_asked = true;
	tcti_stream_send(s, tcti_nonza_new(NS_TLS, "starttls"));
	return true;
}

/* What the peer has to show before it is told anything: true, or it is not enough and why. */
static bool is_enough(struct path *p, struct tct_stream *s, struct verdict *v)
{
	const struct s2s_config *config = tct_mod_config(p->mod);
	const char *why;

	/* Who is asked, DNS has said. */
	if (p->outlet == NULL && (tcti_stream_secured(s) || !config->s2s_require_encryption) &&
		dane_says(s2s_peer(p->mod, s), p->remote, &why) != DANE_SAYS_NO)
		return true;
	return s2s_judge(p->mod, s, p->remote, v);
}

static bool begin_proof(struct tct_mod *m, struct peer *peer, const char *service, uint8_t bit,
	const struct tct_elem *features)
{
	struct tct_mod *prover;
	const struct tcti_s2s_prover_ops *ops = tct_service(m, service, &prover);

	if ((peer->tried & bit) != 0 || ops == NULL)
		return false;
	peer->tried |= bit;
	return ops->begin(prover, peer->stream, features);
}

enum tct_verdict out_features(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct peer *peer = s2s_peer(m, s);
	struct path *p = peer->path;
	struct verdict v;

	if (p == NULL || p->state == PATH_READY)
		return TCT_HANDLED;
	if (peer->tls_asked) {
		out_failed(p, CAUSE_TLS, "it goes on in clear text where TLS should begin");
		return TCT_HANDLED;
	}
	if (begin_tls(peer, s, e))
		return TCT_HANDLED;
	peer->greeted = true;
	peer->sm_offered = tct_child(e, NS_SM, "sm") != NULL;
	mux_features(peer, e);
	if (!is_enough(p, s, &v)) {
		out_failed(p, v.cause, v.reason);
		return TCT_HANDLED;
	}
	if (p->outlet == NULL) {
		p->state = PATH_READY;
		p->fn(p->asker, s, 0, NULL, p->data);
		return TCT_HANDLED;
	}
	shared_ask(peer, e);
	if (peer->authenticated)
		out_ready(m, s, TCTI_PROOF_EXTERNAL);
	else if (!begin_proof(m, peer, "s2s_external", TRIED_EXTERNAL, e) &&
		!begin_proof(m, peer, "s2s_dialback", TRIED_DIALBACK, e))
		out_failed(p, CAUSE_NO_PROOF, "it offers no way for us to prove who we are");
	return TCT_HANDLED;
}

bool out_next(struct tct_mod *m, struct tct_stream *s)
{
	return begin_proof(m, s2s_peer(m, s), "s2s_dialback", TRIED_DIALBACK, NULL);
}

enum tct_verdict out_proceed(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct peer *peer = s2s_peer(m, s);

	(void)e;
	if (!peer->tls_asked || tcti_stream_secured(s))
		return TCT_CONTINUE;
	peer->tls_asked = false;
	tcti_stream_start_client_tls(s);
	return TCT_HANDLED;
}

enum tct_verdict out_no_tls(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct path *p = path_of(m, s);

	(void)e;
	if (p != NULL)
		out_failed(p, CAUSE_TLS, "it refuses TLS");
	return TCT_HANDLED;
}

void out_authenticated(struct tct_mod *m, struct tct_stream *s)
{
	s2s_peer(m, s)->authenticated = true;
}

void out_ready(struct tct_mod *m, struct tct_stream *s, uint32_t proof)
{
	struct path *p = path_of(m, s);

	if (p == NULL || p->state == PATH_READY || p->sm.state != SM_NONE)
		return;
	p->proof = proof;
	tcti_stream_proven(s);
	sm_out_begin(p);
}

void out_go(struct path *p)
{
	struct tct_stream *s = p->stream;

	p->state = PATH_READY;
	p->used = tct_monotonic();
	out_hurry(p, false);
	tcti_connect_end(p->connecting);
	p->connecting = NULL;
	failure_over(s2s_of(p->mod), p->remote);
	s2s_seen(p->mod, s, p->remote);
	tcti_outlet_attach(p->outlet, s);
	if (p->host == NULL)
		shared_ready(p);
	tct_log_info(p->mod, "connected from \"%s\" to \"%s\" at %s (%s, %s)", p->local, p->remote,
		tcti_stream_address(s),
		p->host != NULL                      ? "by its own connection" :
		p->carrier != NULL              ? "dialback, on a connection for others" :
		p->proof == TCTI_PROOF_EXTERNAL ? "certificate" :
						       "dialback",
		tcti_stream_secured(s) ? "TLS" : "not encrypted");
	mux_ready(p);
}

void out_refused(struct tct_mod *m, struct tct_stream *s, const char *reason)
{
	struct path *p = path_of(m, s);

	if (p != NULL)
		out_failed(p, CAUSE_UNBELIEVED, reason);
}

/* ---- what a lost stream has left ---- */

static void dial_again(struct tct_scope *scope, void *data)
{
	struct path *p = data;

	(void)scope;
	p->timeout = NULL;
	out_dial(p);
}

/* After a loss the first try is at once, the next later and later; false: it was tried for long
 * enough. */
static bool try_again(struct path *p, const char *reason)
{
	const struct s2s_config *config = tct_mod_config(p->mod);
	int64_t now = tct_monotonic();
	uint32_t seconds;

	if (now - p->lost >= config->resend_time)
		return false;
	out_part(p);
	out_hurry(p, false);
	if (p->tries++ == 0) {
		out_dial(p);
		return true;
	}
	seconds = p->tries > 5 ? AGAIN_MAX : 1u << (p->tries - 2);
	tct_log_info(p->mod, "no connection from \"%s\" to \"%s\": %s; tried again in %u s",
		p->local, p->remote, reason, seconds);
	p->state = PATH_DIALLING;
	p->timeout = tct_timer_start(tct_mod_scope(p->mod), seconds * 1000, 0, dial_again, p);
	return true;
}

/* The server stops: what waits is on disk, and the next life sends it. */
static bool is_for_later(struct path *p)
{
	if (p->outlet == NULL || !tcti_streams_stopping())
		return false;
	out_part(p);
	out_hurry(p, false);
	p->state = PATH_DIALLING;
	return true;
}

void out_failed(struct path *p, uint32_t cause, const char *reason)
{
	if (is_for_later(p))
		return;
	if (p->lost == 0 || !cause_again(cause) || !try_again(p, reason))
		out_give_up(p, cause, reason);
}

/* What waits, and what the peer has not acknowledged. */
void out_lost(struct path *p, const char *reason)
{
	if (tcti_outlet_count(p->outlet) == 0 && p->riders == NULL) {
		out_end(p);
		return;
	}
	if (p->lost == 0)
		p->lost = tct_monotonic();
	out_failed(p, CAUSE_LOST, reason);
}

void out_closed(struct tct_mod *m, struct peer *peer, const char *reason)
{
	struct path *p = peer->path;
	char text[256];

	if (p == NULL)
		return;
	sm_out_last_look(p);
	mux_lost(p);
	peer->path = NULL;
	p->stream = NULL;
	sm_out_lost(p);
	if (p->outlet != NULL && p->state == PATH_READY) {
		if (tcti_outlet_count(p->outlet) > 0)
			tct_log_info(m, "the connection from \"%s\" to \"%s\" has ended (%s)",
				p->local, p->remote, peer->error != NULL ? peer->error : reason);
		out_lost(p, reason);
		return;
	}
	/* Before the peer has said anything another of its servers may do better. */
	if (p->state == PATH_OPEN && peer->error == NULL && !peer->greeted) {
		p->state = PATH_DIALLING;
		tcti_connect_next(p->connecting, reason);
		return;
	}
	if (is_for_later(p))
		return;
	if (peer->error != NULL)
		snprintf(text, sizeof text, "it said: %s", peer->error);
	else
		snprintf(text, sizeof text, "the connection has ended (%s)", reason);
	out_give_up(p,
		peer->error == NULL ? CAUSE_LOST :
			strncmp(peer->error, "host-unknown", 12) == 0 ? CAUSE_NOT_THERE :
									CAUSE_SAID,
		text);
}

/* ---- sending ---- */

struct path *out_path(struct tct_mod *m, const char *local, const char *remote)
{
	const struct s2s_config *config = tct_mod_config(m);
	struct s2s *s = s2s_of(m);
	struct path *p;
	bool found;
	size_t at = place(s, local, remote, &found);

	if (found)
		return s->paths[at];
	p = path_new(m, local, remote);
	p->outlet = tcti_outlet_new((uint32_t)config->s2s_send_queue_size,
		(size_t)config->send_queue_bytes);
	insert(s, at, p);
	return p;
}

void out_begin(struct s2s *s)
{
	for (size_t i = 0; i < s->path_count; i++) {
		if (s->paths[i]->connecting == NULL && s->paths[i]->stream == NULL &&
			s->paths[i]->carrier == NULL)
			out_dial(s->paths[i]);
	}
}

static enum tct_verdict refuse(struct tct_event *ev, uint32_t cause)
{
	if ((tct_stanza_type(ev->stanza) & (TCT_PRESENCE_UNAVAILABLE | TCT_PRESENCE_PROBE)) != 0)
		return TCT_HANDLED;
	return tct_refuse(ev, cause_error(cause), cause_said(cause));
}

enum tct_verdict out_send(struct tct_mod *m, struct tct_event *ev)
{
	const struct s2s_config *config = tct_mod_config(m);
	const char *remote = tct_jid_domain(tct_stanza_to(ev->stanza));
	const char *local = tct_jid_domain(tct_stanza_from(ev->stanza));
	struct s2s *s = s2s_of(m);
	struct tcti_s2s_rule rule;
	const struct failure *f;
	struct peer *host;
	struct path *p, *carrier;
	bool found;
	size_t at;

	if (tcti_domain_owner(remote) != NULL)
		return TCT_CONTINUE; /* somebody here answers for it */
	if (!tcti_domain_ours(local))
		return TCT_HANDLED; /* nothing is relayed */
	at = place(s, local, remote, &found);
	if (!found) {
		s2s_rule(m, remote, &rule);
		if (rule.blocked)
			return refuse(ev, CAUSE_BLOCKED);
		host = shared_find(s, local, remote);
		carrier = host == NULL ? mux_find(s, local, remote) : NULL;
		f = failure_in_force(s, remote);
		if (f != NULL && host == NULL && carrier == NULL)
			return refuse(ev, f->cause);
		if (s->path_count >= (size_t)config->connections)
			return refuse(ev, CAUSE_CROWD);
		p = out_path(m, local, remote);
		if (host != NULL)
			shared_begin(p, host);
		else if (carrier != NULL)
			mux_begin(p, carrier);
		else if (!s->reading)
			out_dial(p);
	} else {
		p = s->paths[at];
	}
	if (tcti_outlet_send(p->outlet, ev) != TCT_OK)
		return refuse(ev, CAUSE_FULL);
	outbox_add(p, ev);
	p->stanzas++;
	p->used = tct_monotonic();
	return TCT_HANDLED;
}

/* ---- questions ---- */

struct tcti_s2s_question *out_ask(struct tct_mod *m, const char *local, const char *remote,
	const struct tct_stream *from, struct tct_mod *asker, tcti_s2s_ask_fn *fn, void *data)
{
	struct s2s *s = s2s_of(m);
	struct path *p, *carrier;

	if (s->question_count >= QUESTIONS_MAX)
		return NULL;
	p = path_new(m, local, remote);
	p->asker = asker;
	p->fn = fn;
	p->data = data;
	p->next = s->questions;
	if (p->next != NULL)
		p->next->prev = p;
	s->questions = p;
	s->question_count++;
	carrier = mux_ask(s, remote, from);
	if (carrier != NULL) {
		mux_begin_question(p, carrier);
		fn(asker, p->stream, 0, NULL, data);
	} else {
		out_dial(p);
	}
	return (struct tcti_s2s_question *)p;
}

void out_asked(struct tct_mod *m, struct tcti_s2s_question *q)
{
	struct path *p = (struct path *)q;

	(void)m;
	if (p == NULL)
		return;
	p->fn = NULL;
	out_end(p);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mux.c - see mux.h. XEP-0220 2.6 lets any further domain of ours be proven on a stream to the same
 * domain, and another domain of the peer where both lead to the same address and port; where DNS
 * leads is known only by connecting, so that are overrides here, and what the peer has proven to be
 * on a stream on which both send (XEP-0288). In any case the peer must have said that it can refuse
 * a pair and keep the stream (2.4.2), and what the stream shows must be enough for that domain.
 *
 * A refusal is the pair's alone. It is not asked for again on that stream, so the next stanza finds
 * its own way; at once where another proof is left: the stream was proven by a certificate, and
 * another one would be shown for that domain of ours, or the peer has no room (2.5). */
#include "mux.h"

#include "shared.h"
#include "sm.h"

#include <stdlib.h>
#include <string.h>

#define NS_FEATURE "urn:xmpp:features:dialback"

/* Of a stream that we opened: a pair for which a key was sent on it. */
struct claim {
	char *local, *remote;
	enum { CLAIM_ASKED, CLAIM_VALID, CLAIM_REFUSED } state;
};

void mux_features(struct peer *peer, const struct tct_elem *features)
{
	const struct tct_elem *dialback = tct_child(features, NS_FEATURE, "dialback");

	if (dialback != NULL && tct_child(dialback, NS_FEATURE, "errors") != NULL)
		peer->errors = true;
}

static struct claim *find_claim(const struct peer *peer, const char *local, const char *remote)
{
	for (uint32_t i = 0; i < peer->claim_count; i++) {
		struct claim *c = &peer->claims[i];

		if (strcmp(c->local, local) == 0 && strcmp(c->remote, remote) == 0)
			return c;
	}
	return NULL;
}

/* The first pair is that of the stream. */
static bool has_room(const struct peer *peer)
{
	const struct s2s_config *config = tct_mod_config(peer->mod);

	return peer->claim_count + 1 < (uint32_t)config->pairs_per_stream;
}

static struct claim *add_claim(struct peer *peer, const struct path *p)
{
	struct claim *more = realloc(peer->claims, (peer->claim_count + 1) * sizeof *more);

	if (more == NULL)
		abort();
	peer->claims = more;
	more[peer->claim_count] = (struct claim){ s2s_copy(p->local), s2s_copy(p->remote),
		CLAIM_ASKED };
	return &more[peer->claim_count++];
}

/* ---- whose stream ---- */

/* The same address and port. */
static bool same_override(struct tct_mod *m, const char *one, const char *other)
{
	const struct override *a = s2s_override(m, one), *b = s2s_override(m, other);

	return a != NULL && b != NULL && strcmp(a->address, b->address) == 0 &&
		a->port == b->port && a->direct_tls == b->direct_tls;
}

static bool leads_to(const struct path *c, const char *remote)
{
	return strcmp(c->remote, remote) == 0 || same_override(c->mod, c->remote, remote) ||
		in_has(c->mod, c->stream, remote);
}

/* Its own stream is in use, not `but`, and what that shows is enough for the domain. A peer that cannot
 * say no may end the stream for a domain that it does not know. */
static bool has_stream_for(const struct path *c, const char *remote, const struct tct_stream *but)
{
	return c->carrier == NULL && c->host == NULL && c->state == PATH_READY &&
		c->stream != NULL && c->stream != but && tcti_stream_is_open(c->stream) &&
		s2s_peer(c->mod, c->stream)->errors && s2s_judge(c->mod, c->stream, remote, NULL);
}

static bool may_carry(const struct path *c, const char *local, const char *remote)
{
	const struct claim *claim;
	const struct peer *peer;

	if (!has_stream_for(c, remote, NULL) || !leads_to(c, remote))
		return false;
	peer = s2s_peer(c->mod, c->stream);
	claim = find_claim(peer, local, remote);
	return claim != NULL ? claim->state == CLAIM_VALID : has_room(peer);
}

struct path *mux_find(struct s2s *s, const char *local, const char *remote)
{
	struct tct_mod *prover;

	if (s->reading || tct_service(s->mod, "s2s_dialback", &prover) == NULL)
		return NULL;
	for (size_t i = 0; i < s->path_count; i++) {
		if (may_carry(s->paths[i], local, remote))
			return s->paths[i];
	}
	return NULL;
}

/* The domain that was dialled, and was found good enough for our own stanzas, is the server that DNS
 * names: the same that a stream for the question would lead to. XEP-0288 2.2: never where the key has
 * come from. */
struct path *mux_ask(struct s2s *s, const char *remote, const struct tct_stream *asker)
{
	for (size_t i = 0; i < s->path_count; i++) {
		struct path *c = s->paths[i];

		if (strcmp(c->remote, remote) == 0 && has_stream_for(c, remote, asker))
			return c;
	}
	return NULL;
}

/* ---- riding ---- */

static void link_rider(struct path *p, struct path *carrier)
{
	p->carrier = carrier;
	p->rider_prev = NULL;
	p->rider_next = carrier->riders;
	if (p->rider_next != NULL)
		p->rider_next->rider_prev = p;
	carrier->riders = p;
}

void mux_begin_question(struct path *p, struct path *carrier)
{
	link_rider(p, carrier);
	p->stream = carrier->stream;
	p->state = PATH_READY;
	out_hurry(p, true);
}

/* From here on it has no stream. */
static void let_go(struct path *p)
{
	p->stream = NULL;
	p->state = PATH_DIALLING;
	sm_out_lost(p);
	if (p->outlet != NULL)
		tcti_outlet_attach(p->outlet, NULL);
	out_hurry(p, false);
}

void mux_leave(struct path *p)
{
	struct path *carrier = p->carrier;

	if (carrier == NULL)
		return;
	sm_out_last_look(p);
	if (p->rider_prev != NULL)
		p->rider_prev->rider_next = p->rider_next;
	else
		carrier->riders = p->rider_next;
	if (p->rider_next != NULL)
		p->rider_next->rider_prev = p->rider_prev;
	ledger_forget(&carrier->sm.ledger, p);
	p->sm.entered = 0;
	p->carrier = NULL;
	let_go(p);
}

static void go_alone(struct path *p)
{
	mux_leave(p);
	out_dial(p);
}

/* The peer believes the pair. */
static void ride(struct path *p)
{
	p->proof = TCTI_PROOF_DIALBACK;
	sm_out_ride(p);
}

static void claim_pair(struct path *p)
{
	struct peer *peer = s2s_peer(p->mod, p->carrier->stream);
	struct claim *claim = find_claim(peer, p->local, p->remote);
	struct tct_mod *prover;
	const struct tcti_s2s_prover_ops *ops = tct_service(p->mod, "s2s_dialback", &prover);

	if (claim != NULL && claim->state == CLAIM_VALID) {
		p->stream = peer->stream;
		ride(p);
		return;
	}
	if (claim != NULL || ops == NULL || !peer->errors || !has_room(peer)) {
		go_alone(p);
		return;
	}
	add_claim(peer, p);
	p->stream = peer->stream;
	p->state = PATH_OPEN;
	out_hurry(p, true);
	ops->claim(prover, peer->stream, p->local, p->remote);
}

void mux_begin(struct path *p, struct path *carrier)
{
	link_rider(p, carrier);
	p->state = PATH_DIALLING;
	if (carrier->state == PATH_READY)
		claim_pair(p);
}

void mux_ready(struct path *carrier)
{
	struct path *next;

	for (struct path *p = carrier->riders; p != NULL; p = next) {
		next = p->rider_next;
		if (tcti_outlet_count(p->outlet) > 0)
			claim_pair(p);
		else
			out_end(p); /* the peer had it all */
	}
}

bool mux_answered(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote,
	uint32_t answer, const char *reason)
{
	struct peer *peer = s2s_peer(m, s);
	struct claim *claim = find_claim(peer, local, remote);
	struct path *p;

	if (claim == NULL || claim->state != CLAIM_ASKED)
		return false;
	claim->state = answer == TCTI_ANSWER_VALID ? CLAIM_VALID : CLAIM_REFUSED;
	p = out_find(s2s_of(m), local, remote);
	if (p == NULL || p->carrier == NULL || p->stream != s || p->state != PATH_OPEN)
		return true; /* too late: nobody waits for it */
	if (answer == TCTI_ANSWER_VALID)
		ride(p);
	else if (answer == TCTI_ANSWER_FULL ||
		(answer == TCTI_ANSWER_ERROR && p->carrier->proof == TCTI_PROOF_EXTERNAL))
		go_alone(p);
	else
		out_failed(p, CAUSE_UNBELIEVED, reason);
	return true;
}

/* ---- the end of the stream ---- */

bool mux_lost(struct path *carrier)
{
	struct path *next;

	for (struct path *p = carrier->riders; p != NULL; p = next) {
		bool ready = p->state == PATH_READY;

		next = p->rider_next;
		if (p->outlet == NULL) {
			out_failed(p, CAUSE_LOST, "the connection has ended");
			continue;
		}
		sm_out_last_look(p);
		let_go(p);
		if (tcti_outlet_count(p->outlet) == 0)
			out_end(p);
		else if (ready && p->lost == 0)
			p->lost = tct_monotonic();
	}
	return carrier->riders != NULL;
}

void mux_release(struct path *carrier, uint32_t cause, const char *reason)
{
	const struct s2s_config *config = tct_mod_config(carrier->mod);
	struct path *p;

	while ((p = carrier->riders) != NULL) {
		if (p->outlet == NULL) {
			out_failed(p, cause, reason);
		} else if (tcti_outlet_count(p->outlet) == 0) {
			out_end(p);
		} else if (p->lost != 0 && tct_monotonic() - p->lost >= config->resend_time) {
			mux_leave(p);
			out_give_up(p, cause, reason);
		} else {
			go_alone(p);
		}
	}
}

void mux_orphan(struct path *carrier)
{
	while (carrier->riders != NULL)
		mux_leave(carrier->riders);
}

bool mux_rest(struct path *carrier, int64_t seconds)
{
	struct path *next;

	for (struct path *p = carrier->riders; p != NULL; p = next) {
		next = p->rider_next;
		if (p->outlet != NULL && tcti_outlet_count(p->outlet) == 0 &&
			tct_monotonic() - p->used >= seconds)
			out_end(p);
	}
	return carrier->riders == NULL;
}

void mux_end(struct peer *peer)
{
	if (peer->path != NULL) {
		for (struct path *p = peer->path->riders; p != NULL; p = p->rider_next)
			p->stream = NULL;
	}
	for (uint32_t i = 0; i < peer->claim_count; i++) {
		free(peer->claims[i].local);
		free(peer->claims[i].remote);
	}
	free(peer->claims);
	peer->claims = NULL;
	peer->claim_count = 0;
}

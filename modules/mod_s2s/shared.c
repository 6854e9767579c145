/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* shared.c - see shared.h. What a peer may send on a stream that we opened is what it may send on
 * any other: stanzas of the pairs that are accepted on it, which is the one that the stream was
 * opened for, and was judged for, before our own proof began. What we send on a stream that a peer
 * has opened is for the pairs that it has proven there, and for no other. */
#include "shared.h"

#include "mux.h"
#include "sm.h"

#define NS_BIDI "urn:xmpp:bidi"
#define NS_FEATURE "urn:xmpp:features:bidi"

static int32_t mode_of(struct tct_mod *m)
{
	const struct s2s_config *config = tct_mod_config(m);

	return config->bidi;
}

static bool is_open(const struct tct_stream *s)
{
	return tcti_stream_secured(s) || !tcti_stream_encryption_required(s);
}

/* ---- streams that were opened to us ---- */

/* With stream management the peer counts all that comes, so there is one guest, the first one. */
static bool has_room(const struct peer *p)
{
	return p->guests == NULL || p->guests->sm.state != SM_ON;
}

/* What waits for a pair leaves by the stream on which it was proven. */
static void adopt(struct peer *peer, const struct pair *pair)
{
	struct path *p = out_find(s2s_of(peer->mod), pair->local, pair->remote);

	if (p != NULL && p->state != PATH_READY && has_room(peer) && !s2s_of(peer->mod)->reading)
		shared_begin(p, peer);
}

/* Section 2.1; TLS comes first. After a proof that began the stream anew, stanzas may follow. */
static enum tct_verdict add_feature(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	struct peer *peer = s2s_peer(m, s);

	if (!tcti_stream_is_proven(s)) {
		if (mode_of(m) != BIDI_OFF && is_open(s))
			tct_add(features, NS_FEATURE, "bidi");
		return TCT_CONTINUE;
	}
	for (uint32_t i = 0; peer->bidi && i < peer->pair_count; i++)
		adopt(peer, &peer->pairs[i]);
	return TCT_CONTINUE;
}

static enum tct_verdict on_bidi(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	(void)e;
	if (mode_of(m) == BIDI_OFF || !is_open(s) || tcti_stream_is_proven(s))
		return TCT_CONTINUE;
	s2s_peer(m, s)->bidi = true;
	return TCT_HANDLED;
}

/* Behind other proofs than dialback the stream may begin anew. */
void shared_accepted(struct peer *peer, const struct pair *pair)
{
	if (peer->bidi && pair->proof == TCTI_PROOF_DIALBACK &&
		tcti_stream_kind(peer->stream) == TCTI_STREAM_S2S_IN)
		adopt(peer, pair);
}

/* ---- guests ---- */

struct peer *shared_find(const struct s2s *s, const char *local, const char *remote)
{
	for (struct peer *p = s->reading ? NULL : s->peers; p != NULL; p = p->next) {
		if (p->bidi && p->pair_count > 0 &&
			tcti_stream_kind(p->stream) == TCTI_STREAM_S2S_IN && has_room(p) &&
			tcti_stream_is_open(p->stream) &&
			in_accepted(s->mod, p->stream, local, remote))
			return p;
	}
	return NULL;
}

void shared_begin(struct path *p, struct peer *host)
{
	bool counted = host->sm != NULL && !host->carried;

	mux_release(p, CAUSE_LOST, "the connection that it shared is not needed any more");
	out_part(p);
	p->host = host;
	p->stream = host->stream;
	p->prev = NULL;
	p->next = host->guests;
	if (p->next != NULL)
		p->next->prev = p;
	host->guests = p;
	host->carried = true;
	p->proof = TCTI_PROOF_NONE; /* ours was not asked for */
	sm_out_guest(p, counted);
}

void shared_leave(struct path *p)
{
	if (p->host == NULL)
		return;
	sm_out_last_look(p);
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		p->host->guests = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	p->host = NULL;
}

void shared_lost(struct peer *peer, const char *reason)
{
	while (peer->guests != NULL) {
		struct path *p = peer->guests;

		out_part(p);
		p->state = PATH_DIALLING;
		out_lost(p, reason);
	}
}

/* One that is counted stays as long as the stream: the count goes on. */
bool shared_rest(struct peer *peer, int64_t seconds)
{
	struct path *next;
	bool used = false;

	for (struct path *p = peer->guests; p != NULL; p = next) {
		next = p->next;
		if (tcti_outlet_count(p->outlet) > 0 || tct_monotonic() - p->used < seconds)
			used = true;
		else if (p->sm.state != SM_ON)
			out_end(p);
	}
	return !used;
}

/* ---- streams that we open ---- */

void shared_ask(struct peer *peer, const struct tct_elem *features)
{
	if (mode_of(peer->mod) != BIDI_ASK || peer->bidi || peer->authenticated ||
		!is_open(peer->stream) || tct_child(features, NS_FEATURE, "bidi") == NULL)
		return;
	peer->bidi = true;
	tcti_stream_send(peer->stream, tcti_nonza_new(NS_BIDI, "bidi"));
}

void shared_ready(struct path *p)
{
	struct peer *peer = s2s_peer(p->mod, p->stream);
	uint32_t proof;

	if (!peer->bidi || in_accepted(p->mod, p->stream, p->local, p->remote))
		return;
	proof = s2s_certified(p->mod, p->stream, p->remote);
	/* Where the policy is content without a certificate, DNS has said who it is: it is the server
	 * that would be asked back. */
	if (!in_add(p->mod, peer, p->local, p->remote,
		    proof != TCTI_PROOF_NONE ? proof : TCTI_PROOF_DIALBACK) &&
		p->carrier == NULL)
		peer->bidi = false;
}

static void on_handled(struct tct_mod *m, void *data)
{
	struct peer *peer = data;

	(void)m;
	if (peer->owes)
		shared_answer(peer);
}

void shared_count(struct peer *peer)
{
	if (!peer->bidi || peer->intake != NULL)
		return;
	peer->intake = tcti_intake_new(peer->mod, tcti_count_from(), on_handled, peer);
	tcti_stream_set_intake(peer->stream, peer->intake);
}

void shared_answer(struct peer *peer)
{
	uint32_t handled = tcti_count_from();

	if (peer->intake != NULL) {
		handled = tcti_intake_handled(peer->intake);
		peer->owes = handled != tcti_intake_received(peer->intake);
		if (peer->owes)
			return;
	}
	sm_send_count(peer->stream, "a", handled);
}

void shared_end(struct peer *peer)
{
	while (peer->guests != NULL) {
		struct path *p = peer->guests;

		shared_leave(p);
		p->stream = NULL;
	}
	if (peer->intake == NULL)
		return;
	tcti_stream_set_intake(peer->stream, NULL);
	tcti_intake_free(peer->intake);
	peer->intake = NULL;
}

void shared_load(struct tct_mod *m)
{
	uint32_t in = TCTI_KIND(TCTI_STREAM_S2S_IN);

	tcti_on_stream_features(m, in, TCT_PRIO_HANDLE - 30, add_feature);
	tcti_on_stream_nonza(m, in, NS_BIDI, "bidi", on_bidi);
}

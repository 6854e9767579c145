/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dane.c - what a domain's signed zone says of its certificate (DANE: RFC 7671, RFC 7673). It is
 * asked for before anything is said to a server that we have dialled, when the whole way to it was
 * signed, and before a server that has connected may prove itself by its certificate; both wait
 * for the answer, within the time that they have anyway. It is asked once for a stream, and so
 * many times at once. How records are found and read, core knows. */
#include "s2s.h"

#include <stdlib.h>
#include <string.h>

#define ASKED_MAX 100 /* at once, for servers that have connected */

static uint32_t mode_of(struct tct_mod *m)
{
	return (uint32_t)((const struct s2s_config *)tct_mod_config(m))->use_dane;
}

/* Where nothing is validated all that is signed looks forged, and certificates are judged
 * without: unless somebody wants DANE on, whatever comes of it. */
static bool is_wanted(struct tct_mod *m)
{
	return mode_of(m) == DANE_ON ||
		(mode_of(m) == DANE_AUTO && tcti_dane_trust() != TCTI_DANE_TRUST_NONE);
}

static void ask(struct tct_mod *m, struct peer *p, const char *domain, const char *target,
	uint16_t port, tcti_dane_fn *fn)
{
	p->dane.domain = s2s_copy(domain);
	p->dane.state = TCTI_DANE_NONE;
	p->dane.asking = true;
	p->dane.question = tcti_dane_ask(tct_mod_scope(m), domain, target, port, fn, p);
}

static void answered(struct peer *p, uint32_t state)
{
	p->dane.asking = false;
	p->dane.state = (uint8_t)state;
}

void dane_end(struct peer *p)
{
	tcti_dane_end(p->dane.question);
	free(p->dane.domain);
	p->dane.question = NULL;
	p->dane.domain = NULL;
}

/* ---- streams that we opened ---- */

static void out_answered(struct tcti_dane *d, uint32_t state, void *data)
{
	struct peer *p = data;

	(void)d;
	answered(p, state);
	tcti_stream_release(p->stream);
	if (p->path == NULL)
		return;
	if (state == TCTI_DANE_BOGUS)
		out_failed(p->path, CAUSE_DANE,
			"what DNS says of its certificate is not what its owner signed (DANE)");
	else if (state == TCTI_DANE_FAILED)
		out_failed(p->path, CAUSE_DNS,
			"its zone is signed, and DNS does not say which certificate it has (DANE)");
}

void dane_dialled(struct path *p)
{
	struct peer *peer = s2s_peer(p->mod, p->stream);
	uint16_t port;
	const char *target = tcti_connect_target(p->connecting, &port);

	/* The way was signed, so that signatures do arrive. */
	if (target == NULL || mode_of(p->mod) == DANE_OFF)
		return;
	tcti_stream_hold(p->stream);
	ask(p->mod, peer, p->remote, target, port, out_answered);
}

/* ---- streams that were opened to us ---- */

static void in_answered_by_dns(struct tcti_dane *d, uint32_t state, void *data)
{
	struct peer *p = data;

	(void)d;
	if (state != TCTI_DANE_RECORDS && !is_wanted(p->mod))
		state = TCTI_DANE_NONE;
	answered(p, state);
	tcti_stream_offer(p->stream);
}

static uint32_t count_open(const struct s2s *s)
{
	uint32_t count = 0;

	for (const struct peer *p = s->peers; p != NULL; p = p->next)
		count += p->path == NULL && p->dane.asking;
	return count;
}

void dane_claimed(struct tct_mod *m, struct peer *p, const char *domain)
{
	if (p->dane.domain != NULL || tcti_stream_is_proven(p->stream) ||
		tcti_stream_peer(p->stream, NULL) == TCTI_PEER_NONE ||
		s2s_override(m, domain) != NULL || !is_wanted(m))
		return;
	if (count_open(s2s_of(m)) >= ASKED_MAX) {
		p->dane.domain = s2s_copy(domain);
		answered(p, TCTI_DANE_FAILED);
		return;
	}
	tcti_stream_wait(p->stream);
	ask(m, p, domain, NULL, 0, in_answered_by_dns);
}

/* ---- what came of it ---- */

static enum dane_says compare(struct peer *p)
{
	if (!p->dane.judged) {
		p->dane.verdict = (uint8_t)tcti_stream_dane(p->stream, p->dane.question);
		p->dane.judged = tcti_stream_secured(p->stream);
	}
	switch (p->dane.verdict) {
	case TCTI_DANE_MATCH:
		return DANE_SAYS_YES;
	case TCTI_DANE_MISMATCH:
		return DANE_SAYS_NO;
	default:
		return DANE_SAYS_NOTHING;
	}
}

enum dane_says dane_says(struct peer *p, const char *remote, const char **why)
{
	if (p->dane.domain == NULL || strcmp(p->dane.domain, remote) != 0)
		return DANE_SAYS_NOTHING;
	switch (p->dane.state) {
	case TCTI_DANE_RECORDS:
		*why = "it is not the one that its signed DNS names (DANE)";
		return compare(p);
	case TCTI_DANE_BOGUS:
		*why = "what DNS says of it is not what its owner signed (DANE)";
		return DANE_SAYS_NO;
	case TCTI_DANE_FAILED:
		*why = "its zone may be signed, and DNS does not say which one it is (DANE)";
		return DANE_SAYS_NO;
	default:
		return DANE_SAYS_NOTHING;
	}
}

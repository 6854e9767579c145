/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* in.c - streams that other servers have opened: whom they are from, which domains have been proven
 * on them, and the one check that all else rests on: each stanza's `from` and `to` are those of a
 * pair that was proven on its stream (RFC 6120 8.1.1.2, 8.1.2.2). */
#include "shared.h"

#include <stdlib.h>
#include <string.h>

static const struct pair *find_pair(const struct peer *p, const char *local, const char *remote)
{
	for (uint32_t i = 0; i < p->pair_count; i++) {
		if ((local == NULL || strcmp(p->pairs[i].local, local) == 0) &&
			strcmp(p->pairs[i].remote, remote) == 0)
			return &p->pairs[i];
	}
	return NULL;
}

/* ---- headers ---- */

static const char *check_to(const struct tct_stream *s, const struct tct_elem *root)
{
	const struct tct_jid *local = tcti_stream_local(s);

	if (tct_attr(root, "to") == NULL)
		return "improper-addressing";
	return local != NULL && tcti_domain_ours(tct_jid_domain(local)) ? NULL : "host-unknown";
}

/* Nobody outside is one of our domains. */
static const char *check_from(const struct tct_stream *s, const struct tct_elem *root)
{
	const struct tct_jid *from = tcti_stream_from(s);

	if (tct_attr(root, "from") == NULL)
		return "improper-addressing";
	return from != NULL && !tcti_domain_ours(tct_jid_domain(from)) ? NULL : "invalid-from";
}

const char *in_header(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *root)
{
	struct peer *p = s2s_peer(m, s);
	const char *problem = check_to(s, root);

	if (problem == NULL)
		problem = check_from(s, root);
	/* Who it was before the restart, it stays. */
	if (problem == NULL && p->pair_count > 0 &&
		find_pair(p, tct_jid_domain(tcti_stream_local(s)),
			tct_jid_domain(tcti_stream_from(s))) == NULL)
		problem = "invalid-from";
	if (problem == NULL && tcti_stream_secured(s))
		dane_claimed(m, p, tct_jid_domain(tcti_stream_from(s)));
	return problem;
}

/* ---- who is accepted ---- */

bool in_accepted(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote)
{
	return find_pair(s2s_peer(m, s), local, remote) != NULL;
}

static uint32_t count_streams(const struct s2s *s2s, const char *remote)
{
	uint32_t count = 0;

	for (const struct peer *p = s2s->peers; p != NULL; p = p->next)
		count += find_pair(p, NULL, remote) != NULL;
	return count;
}

bool in_add(struct tct_mod *m, struct peer *p, const char *local, const char *remote, uint32_t proof)
{
	const struct s2s_config *config = tct_mod_config(m);
	struct pair *more;

	if (p->pair_count >= PAIRS_MAX ||
		count_streams(s2s_of(m), remote) >= config->streams_per_domain)
		return false;
	more = realloc(p->pairs, (p->pair_count + 1) * sizeof *p->pairs);
	if (more == NULL)
		abort();
	p->pairs = more;
	p->pairs[p->pair_count++] = (struct pair){ s2s_copy(local), s2s_copy(remote), proof,
		tct_now() };
	return true;
}

bool in_accept(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote,
	uint32_t proof)
{
	struct peer *p = s2s_peer(m, s);

	if (find_pair(p, local, remote) != NULL)
		return true;
	if (!in_add(m, p, local, remote, proof))
		return false;
	tcti_stream_proven(s);
	tct_log_info(m, "\"%s\" has connected to \"%s\" from %s (%s, %s)", remote, local,
		tcti_stream_address(s), proof == TCTI_PROOF_EXTERNAL ? "certificate" : "dialback",
		tcti_stream_secured(s) ? "TLS" : "not encrypted");
	shared_accepted(p, &p->pairs[p->pair_count - 1]);
	return true;
}

const char *in_refuses_dialback(struct tct_mod *m, struct tct_stream *s, const char *remote)
{
	const struct s2s_config *config = tct_mod_config(m);
	struct tcti_s2s_rule rule;
	const char *why;

	if (config->s2s_require_encryption && !tcti_stream_secured(s))
		return "TLS is required";
	s2s_rule(m, remote, &rule);
	/* Behind a valid certificate the question need not be asked, and may be. */
	if (dane_says(s2s_peer(m, s), remote, &why) == DANE_SAYS_NO)
		return "DNS names another certificate";
	if (rule.certificate && s2s_certified(m, s, remote, NULL) == TCTI_PROOF_NONE)
		return "a valid certificate is required";
	return NULL;
}

void in_end(struct peer *p)
{
	for (uint32_t i = 0; i < p->pair_count; i++) {
		free(p->pairs[i].local);
		free(p->pairs[i].remote);
	}
	free(p->pairs);
	p->pairs = NULL;
	p->pair_count = 0;
}

/* ---- stanzas ---- */

/* The stream error that the stanza deserves; NULL: none. */
static const char *check_addresses(const struct peer *p, const struct tct_stanza *st,
	uint32_t problem)
{
	const struct tct_jid *from = tct_stanza_from(st), *to = tct_stanza_to(st);

	if (p->pair_count == 0)
		return "not-authorized";
	if (from == NULL)
		return problem == TCT_JID_MALFORMED ? "invalid-from" : "improper-addressing";
	if (find_pair(p, NULL, tct_jid_domain(from)) == NULL)
		return "invalid-from";
	if (to == NULL)
		return problem == TCT_JID_MALFORMED ? NULL : "improper-addressing";
	if (find_pair(p, tct_jid_domain(to), tct_jid_domain(from)) == NULL)
		return "improper-addressing";
	return NULL;
}

void in_stanza(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *st, uint32_t problem)
{
	struct peer *p = s2s_peer(m, s);
	const char *error = check_addresses(p, st, problem);

	if (error != NULL) {
		tct_log_notice(m, "a stanza from %s is not from or for a domain that was proven: "
				  "the stream ends (%s)",
			tcti_stream_address(s), error);
		tct_stanza_unref(st);
		tcti_stream_close(s, error, NULL);
		return;
	}
	p->stanzas++;
	if (problem != 0) {
		tcti_stream_count(s);
		/* One user's mistake is not the stream's. The answer is from the domain when the
		 * address is none. */
		if (tct_stanza_to(st) == NULL)
			tct_stanza_set_to(st, tcti_stream_local(s));
		tcti_bounce(m, st, problem, NULL);
		return;
	}
	tcti_stream_route(s, st);
}

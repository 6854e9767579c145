/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* in.c - streams that other servers have opened: whom they are from, which domains have been proven
 * on them, and the one check that all else rests on: each stanza's `from` and `to` are those of a
 * pair that was proven on its stream (RFC 6120 8.1.1.2, 8.1.2.2). */
#include "shared.h"

#include <stdio.h>
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

/* Who comes in the name of a domain, and is refused before it has proven it. */
static void remember(struct tct_mod *m, struct peer *p, uint32_t cause, const char *reason)
{
	const struct tct_jid *from = tcti_stream_from(p->stream);

	p->settled = true;
	if (from != NULL && !tcti_domain_ours(tct_jid_domain(from)))
		failure_note(s2s_of(m), tct_jid_domain(from), cause, reason, p->stream);
}

static const char *check_policy(struct tct_mod *m, struct peer *p)
{
	struct tcti_s2s_rule rule;
	struct verdict v;

	s2s_rule(m, tct_jid_domain(tcti_stream_from(p->stream)), &rule);
	if (!rule.blocked)
		return NULL;
	s2s_judge(m, p->stream, tct_jid_domain(tcti_stream_from(p->stream)), &v);
	remember(m, p, v.cause, v.reason);
	return "policy-violation";
}

static void note_unknown(struct tct_mod *m, struct peer *p, const struct tct_elem *root)
{
	char reason[REASON_MAX];

	snprintf(reason, sizeof reason, "it wants the domain \"%.200s\"", tct_attr(root, "to"));
	remember(m, p, CAUSE_HEADER, reason);
}

const char *in_header(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *root)
{
	struct peer *p = s2s_peer(m, s);
	const char *problem = check_to(s, root);

	if (problem != NULL && tct_attr(root, "to") != NULL)
		note_unknown(m, p, root);
	if (problem == NULL)
		problem = check_from(s, root);
	if (problem == NULL)
		problem = check_policy(m, p);
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

bool in_has(struct tct_mod *m, struct tct_stream *s, const char *remote)
{
	return find_pair(s2s_peer(m, s), NULL, remote) != NULL;
}

static uint32_t count_streams(const struct s2s *s2s, const char *remote)
{
	uint32_t count = 0;

	for (const struct peer *p = s2s->peers; p != NULL; p = p->next)
		count += find_pair(p, NULL, remote) != NULL;
	return count;
}

/* The least that one of its domains has. */
static void limit_stanzas(struct tct_mod *m, struct peer *p)
{
	const struct s2s_config *config = tct_mod_config(m);
	int64_t least = INT64_MAX;
	struct tcti_s2s_rule rule;
	bool any = false;

	for (uint32_t i = 0; i < p->pair_count; i++) {
		int64_t size = config->s2s_stanza_size_limit;

		s2s_rule(m, p->pairs[i].remote, &rule);
		any |= rule.stanza_size > 0;
		if (rule.stanza_size > 0)
			size = rule.stanza_size;
		if (size < least)
			least = size;
	}
	tcti_stream_limit_stanzas(p->stream, any ? least : 0);
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
	limit_stanzas(m, p);
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
	s2s_seen(m, s, remote);
	tct_log_info(m, "\"%s\" has connected to \"%s\" from %s (%s, %s)", remote, local,
		tcti_stream_address(s),
		proof == TCTI_PROOF_EXTERNAL ? "certificate" : s2s_proof_text(proof),
		tcti_stream_secured(s) ? "TLS" : "not encrypted");
	shared_accepted(p, &p->pairs[p->pair_count - 1]);
	return true;
}

/* What the peer is told; the rest is for us. */
static const char *told(uint32_t cause)
{
	switch (cause) {
	case CAUSE_BLOCKED:
		return "communication with that domain is not allowed here";
	case CAUSE_NO_TLS:
		return "TLS is required";
	case CAUSE_DANE:
		return "DNS names another certificate";
	case CAUSE_PIN:
		return "another key is expected";
	default:
		return "a valid certificate is required";
	}
}

const char *in_refuses_dialback(struct tct_mod *m, struct tct_stream *s, const char *remote)
{
	struct verdict v;

	/* Behind a valid certificate the question need not be asked, and may be. */
	if (s2s_judge(m, s, remote, &v))
		return NULL;
	tct_log_notice(m, "\"%s\" from %s is not accepted: %s", remote, tcti_stream_address(s),
		v.reason);
	s2s_peer(m, s)->settled = true;
	failure_note(s2s_of(m), remote, v.cause, v.reason, s);
	return told(v.cause);
}

void in_refused(struct tct_mod *m, struct tct_stream *s, const char *remote, bool forged,
	const char *reason)
{
	s2s_peer(m, s)->settled = true;
	failure_note(s2s_of(m), remote, forged ? CAUSE_FORGED : CAUSE_NOT_ASKED, reason, s);
}

void in_answered(struct tct_mod *m, struct tct_stream *s)
{
	s2s_peer(m, s)->settled = true;
}

void in_unproven(struct tct_mod *m, struct peer *p, const char *reason)
{
	const struct tct_jid *from = tcti_stream_from(p->stream);
	struct verdict v;
	char text[REASON_MAX];

	if (p->settled || from == NULL)
		return;
	if (s2s_judge(m, p->stream, tct_jid_domain(from), &v)) {
		v.cause = CAUSE_UNPROVEN;
		snprintf(text, sizeof text, "it has proven nothing, and the connection has ended (%.200s)",
			reason);
	} else {
		snprintf(text, sizeof text, "%.250s; %.50s", v.reason, reason);
	}
	remember(m, p, v.cause, text);
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

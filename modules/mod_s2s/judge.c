/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* judge.c - what the policy demands of a domain, and whether what a stream shows is enough for it:
 * the one place where that is decided, for both directions and for each domain of a stream. */
#include "s2s.h"

#include <stdio.h>
#include <string.h>

void s2s_rule(struct tct_mod *m, const char *remote, struct tcti_s2s_rule *rule)
{
	struct tct_mod *provider;
	const struct tcti_s2s_policy_ops *ops = tct_service(m, "s2s_policy", &provider);

	memset(rule, 0, sizeof *rule);
	rule->certificate = true;
	rule->why = "mod_s2s_secure is not loaded";
	if (ops != NULL)
		ops->rule(provider, remote, rule);
}

static bool not(struct verdict *v, uint32_t cause, const char *reason)
{
	if (v == NULL)
		return false;
	v->cause = cause;
	snprintf(v->reason, sizeof v->reason, "%s", reason);
	return false;
}

/* "0f1e..." as an administrator would write it into `pin`. */
void s2s_key_text(struct tct_stream *s, char text[KEY_TEXT])
{
	unsigned char key[32];

	text[0] = '\0';
	if (!tcti_stream_peer_key(s, key))
		return;
	for (size_t i = 0; i < sizeof key; i++)
		snprintf(text + 2 * i, 3, "%02x", key[i]);
}

static bool is_pinned(struct tct_stream *s, const struct tcti_s2s_rule *rule, struct verdict *v)
{
	char key[KEY_TEXT];

	s2s_key_text(s, key);
	if (key[0] == '\0')
		return not(v, CAUSE_PIN, "it has shown no certificate, and its key is pinned");
	for (const char *const *pin = rule->pins; *pin != NULL; pin++) {
		if (strcasecmp(*pin, key) == 0)
			return true;
	}
	return not(v, CAUSE_PIN, "its key is not one that is pinned");
}

static bool is_valid(struct tct_stream *s, const char *remote, struct verdict *v)
{
	const char *problem = "";
	char text[REASON_MAX];
	uint32_t flaws, trust = tcti_stream_peer(s, &problem);

	if (trust == TCTI_PEER_TRUSTED) {
		if (tcti_stream_peer_names(s, remote, "xmpp-server"))
			return true;
		return not(v, CAUSE_NAMES,
			"its certificate is not good: its certificate is for other names");
	}
	flaws = tcti_stream_peer_flaws(s);
	snprintf(text, sizeof text, "its certificate is not good: %s", problem);
	return not(v,
		(flaws & TCTI_FLAW_EXPIRED) != 0	  ? CAUSE_EXPIRED :
			(flaws & TCTI_FLAW_EARLY) != 0	  ? CAUSE_EARLY :
			(flaws & TCTI_FLAW_STRANGER) != 0 ? CAUSE_STRANGER :
							    CAUSE_CERTIFICATE,
		text);
}

static bool denied(struct verdict *v, const char *why)
{
	char text[REASON_MAX];

	snprintf(text, sizeof text, "its certificate is not good: %s", why);
	return not(v, CAUSE_DANE, text);
}

/* What proves the domain without anybody being asked; NONE: nothing, and why. */
static uint32_t proven(struct tct_mod *m, struct tct_stream *s, const char *remote,
	const struct tcti_s2s_rule *rule, struct verdict *v)
{
	const char *why;

	if (rule->pins != NULL) {
		if (!is_pinned(s, rule, v))
			return TCTI_PROOF_NONE;
		if (!rule->certificate)
			return TCTI_PROOF_PIN;
	}
	switch (dane_says(s2s_peer(m, s), remote, &why)) {
	case DANE_SAYS_YES:
		return TCTI_PROOF_DANE;
	case DANE_SAYS_NO:
		denied(v, why);
		return TCTI_PROOF_NONE;
	case DANE_SAYS_NOTHING:
		break;
	}
	return is_valid(s, remote, v) ? TCTI_PROOF_EXTERNAL : TCTI_PROOF_NONE;
}

uint32_t s2s_certified(struct tct_mod *m, struct tct_stream *s, const char *remote)
{
	struct tcti_s2s_rule rule;

	s2s_rule(m, remote, &rule);
	return rule.blocked || !tcti_stream_secured(s) ? TCTI_PROOF_NONE :
							 proven(m, s, remote, &rule, NULL);
}

/* Says which rule it was. */
static bool by_rule(struct verdict *v, const struct tcti_s2s_rule *rule, const char *what)
{
	size_t len = v != NULL ? strlen(v->reason) : 0;

	if (v == NULL)
		return false;
	if (rule->was_secure)
		v->cause = CAUSE_WAS_SECURE;
	snprintf(v->reason + len, sizeof v->reason - len, " (%s%s%s%s%s)", what, rule->why,
		rule->pattern != NULL ? " of the row \"" : "",
		rule->pattern != NULL ? rule->pattern : "", rule->pattern != NULL ? "\"" : "");
	return false;
}

bool s2s_judge(struct tct_mod *m, struct tct_stream *s, const char *remote, struct verdict *v)
{
	const struct s2s_config *config = tct_mod_config(m);
	struct tcti_s2s_rule rule;
	const char *why;

	s2s_rule(m, remote, &rule);
	if (rule.blocked) {
		not(v, CAUSE_BLOCKED, "it is blocked");
		return by_rule(v, &rule, "by ");
	}
	if (!tcti_stream_secured(s) && config->s2s_require_encryption)
		return not(v, CAUSE_NO_TLS,
			"it offers no encryption (TLS), and that is required");
	if (!rule.certificate && rule.pins == NULL)
		return dane_says(s2s_peer(m, s), remote, &why) != DANE_SAYS_NO || denied(v, why);
	if (!tcti_stream_secured(s))
		not(v, CAUSE_NO_TLS, "it offers no encryption (TLS), and no certificate");
	else if (proven(m, s, remote, &rule, v) != TCTI_PROOF_NONE)
		return true;
	return by_rule(v, &rule, rule.was_secure ? "and " : "demanded by ");
}

void s2s_seen(struct tct_mod *m, struct tct_stream *s, const char *remote)
{
	static const struct tcti_s2s_rule any = { .certificate = true };
	struct tct_mod *provider;
	const struct tcti_s2s_policy_ops *ops = tct_service(m, "s2s_policy", &provider);

	if (ops != NULL && tcti_stream_secured(s) &&
		proven(m, s, remote, &any, NULL) != TCTI_PROOF_NONE)
		ops->seen(provider, remote);
}

const char *s2s_proof_text(uint32_t proof)
{
	static const char *const texts[] = { NULL, "EXTERNAL", "dialback", "DANE",
		"pinned key" };

	return proof < sizeof texts / sizeof *texts ? texts[proof] : NULL;
}

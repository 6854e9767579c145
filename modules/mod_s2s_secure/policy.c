/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* policy.c - see policy.h. */
#include "policy.h"

#include <tercet/jid.h>

#include <string.h>
#include <time.h>

#define KEY_DIGITS 64

bool policy_matches(const char *pattern, const char *domain)
{
	size_t len = strlen(domain), tail;

	if (pattern[0] != '*')
		return strcmp(pattern, domain) == 0;
	if (pattern[1] == '\0')
		return true;
	tail = strlen(pattern + 1);
	return len > tail && strcmp(domain + len - tail, pattern + 1) == 0;
}

bool policy_is_pattern(const char *text)
{
	const char *domain = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
	const struct tct_jid *jid;
	bool good;

	if (strcmp(text, "*") == 0)
		return true;
	jid = tct_jid_new(domain);
	good = jid != NULL && strcmp(tct_jid_text(jid), domain) == 0 &&
		tct_jid_node(jid) == NULL && tct_jid_resource(jid) == NULL;
	tct_jid_unref(jid);
	return good;
}

/* `len` digits; -1: they are none. */
static int number(const char *text, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

bool policy_date(const char *text, int64_t *end)
{
	struct tm tm = { 0 }, back;
	time_t t;

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-' || number(text, 4) < 0 ||
		number(text + 5, 2) < 1 || number(text + 8, 2) < 1)
		return false;
	tm.tm_year = number(text, 4) - 1900;
	tm.tm_mon = number(text + 5, 2) - 1;
	tm.tm_mday = number(text + 8, 2);
	back = tm;
	t = timegm(&back);
	if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday)
		return false;
	*end = (int64_t)t + 86400;
	return true;
}

bool policy_is_key(const char *text)
{
	return strlen(text) == KEY_DIGITS && strspn(text, "0123456789abcdefABCDEF") == KEY_DIGITS;
}

bool policy_is_over(const struct policy_row *row, int64_t now)
{
	int64_t end;

	return row->until != NULL && policy_date(row->until, &end) && now >= end;
}

/* The exact one, then that of the longest suffix. */
static size_t exactness(const char *pattern)
{
	return pattern[0] == '*' ? strlen(pattern) : SIZE_MAX;
}

const struct policy_row *policy_row(const struct policy *p, const char *domain, int64_t now)
{
	const struct policy_row *best = NULL;

	for (size_t i = 0; i < p->row_count; i++) {
		const struct policy_row *r = &p->rows[i];

		if (policy_matches(r->domain, domain) && !policy_is_over(r, now) &&
			(best == NULL || exactness(r->domain) > exactness(best->domain)))
			best = r;
	}
	return best;
}

static bool in_list(const char *const *list, const char *domain)
{
	for (; list != NULL && *list != NULL; list++) {
		if (policy_matches(*list, domain))
			return true;
	}
	return false;
}

bool policy_certificate(const struct policy *p, const struct policy_row *row, const char *domain,
	const char **why)
{
	if (row != NULL && row->proof != POLICY_USUAL) {
		*why = "proof";
		return row->proof == POLICY_CERTIFICATE;
	}
	/* The key that it has to show says who it is. */
	if (row != NULL && row->pin[0] != NULL) {
		*why = "pin";
		return false;
	}
	if (in_list(p->secure, domain)) {
		*why = "s2s_secure_domains";
		return true;
	}
	if (in_list(p->insecure, domain)) {
		*why = "s2s_insecure_domains";
		return false;
	}
	*why = "s2s_secure_auth";
	return p->secure_auth;
}

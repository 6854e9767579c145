/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* policy.c - see policy.h. */
#include "policy.h"

#include <stddef.h>
#include <string.h>

bool policy_matches(const char *pattern, const char *domain)
{
	size_t len = strlen(domain), tail;

	if (pattern[0] != '*' || pattern[1] != '.')
		return strcmp(pattern, domain) == 0;
	tail = strlen(pattern + 1);
	return len > tail && strcmp(domain + len - tail, pattern + 1) == 0;
}

static bool in_list(const char *const *list, const char *domain)
{
	for (; list != NULL && *list != NULL; list++) {
		if (policy_matches(*list, domain))
			return true;
	}
	return false;
}

bool policy_certificate(const struct policy *p, const char *domain, const char **why)
{
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

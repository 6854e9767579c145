/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* policy.h - which domains must have a valid certificate. */
#pragma once

#include <stdbool.h>

struct policy {
	bool secure_auth;                      /* all of them, but for the insecure ones */
	const char *const *secure, *const *insecure; /* patterns, NULL-terminated */
};

/* "example.org" is that domain; "*.example.org" all below it. */
bool policy_matches(const char *pattern, const char *domain);
/* True when only a valid certificate will do; *why says which rule, a constant. What is in both
 * lists is secure. */
bool policy_certificate(const struct policy *p, const char *domain, const char **why);

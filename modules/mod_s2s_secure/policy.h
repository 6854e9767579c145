/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* policy.h - what is demanded of a domain: by its row in `domains`, else by the two lists, else by
 * the one option for all. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum policy_proof { POLICY_USUAL = 0, POLICY_CERTIFICATE, POLICY_DIALBACK };

/* Of `domains`, as it is in tercet.conf. */
struct policy_row {
	const char *domain; /* a pattern */
	int32_t proof;
	const char *const *pin;
	bool block;
	int64_t stanza_size; /* 0: none, here and below */
	struct policy_limits {
		int64_t rate, burst, domain_rate;
	} limits;
	const char *reason, *until; /* NULL */
};

struct policy {
	bool secure_auth;                      /* all of them, but for the insecure ones */
	const char *const *secure, *const *insecure; /* patterns, NULL-terminated */
	const struct policy_row *rows;
	size_t row_count;
};

/* "example.org" is that domain; "*.example.org" all below it; "*" every one. */
bool policy_matches(const char *pattern, const char *domain);
/* A pattern as above, of prepared domains. */
bool policy_is_pattern(const char *text);
/* "2026-12-31": the first second after that day (UTC). False: it is no such day. */
bool policy_date(const char *text, int64_t *end);
/* 64 hexadecimal digits. */
bool policy_is_key(const char *text);
/* Its days are over. */
bool policy_is_over(const struct policy_row *row, int64_t now);
/* Of the rows that are in force the one that names the domain most exactly; NULL. */
const struct policy_row *policy_row(const struct policy *p, const char *domain, int64_t now);
/* True when only a valid certificate will do; *why says which option, a constant. `row` may be
 * NULL. What is in both lists is secure. */
bool policy_certificate(const struct policy *p, const struct policy_row *row, const char *domain,
	const char **why);

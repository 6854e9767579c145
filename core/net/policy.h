/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* policy.h - which versions, suites and groups TLS may use: profiles, bounds and groups become
 * a priority of GnuTLS, and what has no forward secrecy or is older than TLS 1.2 is refused,
 * whoever wrote it. */
#pragma once

#include <tercet/base.h>
#include <tercet/internal/certificates.h>

#include <gnutls/gnutls.h>

/* The caller frees it with gnutls_priority_deinit. */
int policy_new(const struct tcti_tls *config, gnutls_priority_t *priority, struct tct_error *err)
	TCT_CHECKED;

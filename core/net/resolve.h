/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* resolve.h - which hosts and ports serve a domain: SRV of both kinds in one order (RFC 6120
 * section 3.2, XEP-0368), or the domain itself when there are none. Asks dns.h; does not ask
 * for addresses. Loop thread. */
#pragma once

#include "core/net/srv.h"

#include <tercet/internal/dial.h>

#define RESOLVE_TARGETS 16 /* the rest is not tried */
#define RESOLVE_STARTTLS 5269
#define RESOLVE_DIRECT_TLS 5270

struct resolve;

struct resolved {
	uint32_t reason;           /* enum tcti_dial_reason */
	const struct srv *targets; /* in order; some when reason is TCTI_DIAL_OK */
	size_t count;
	const char *text;          /* why not, for the administrator; "" */
};
/* Borrowed for the call. */
typedef void resolve_fn(const struct resolved *r, void *data);

/* `domain`: as DNS writes it (resolve_ascii). fn is called once, never inside. Without
 * `direct_tls`, _xmpps-server is not asked for. */
struct resolve *resolve_service(const char *domain, bool direct_tls, resolve_fn *fn, void *data);
void resolve_cancel(struct resolve *r); /* NULL: nothing */

/* A domain of an address as DNS writes it (RFC 5890: A-labels, lower case); NULL when it is
 * none. The caller frees it. */
char *resolve_ascii(const char *domain);
/* What a status of dns.h other than DNS_FOUND means for a dial. */
uint32_t resolve_reason(unsigned dns_status);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dane.h - what TLSA records (RFC 6698, RFC 7671, RFC 7673) say of a chain of certificates.
 * The records must come from validated answers: here nothing is asked, and nobody is
 * believed but them. */
#pragma once

#include "core/base/span.h"

#include <gnutls/x509.h>

#define DANE_RECORDS 32 /* the rest is not looked at */

enum dane_verdict {
	DANE_NONE,    /* no record that can be used: certificates are judged without them */
	DANE_MATCH,   /* the peer is who it should be, by this alone */
	DANE_MISMATCH /* it is not, whatever else is said of its certificate */
};

/* `records`: RDATA of one TLSA set. `chain`: as received, DER, the peer's own first. `names`:
 * the domain, and the target of validated SRV records, as DNS writes them, NULL at the end; one
 * of them has to be in the certificate (usages 0 to 2). `trust` may be NULL (usages 0 and 1
 * never match then). */
enum dane_verdict dane_judge(const struct span *records, size_t count,
	const gnutls_datum_t *chain, unsigned chain_len, const char *const *names,
	gnutls_x509_trust_list_t trust);

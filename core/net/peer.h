/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* peer.h - who is at the other end of a TLS session, by the certificate that it showed: is
 * the chain trusted, and which names are inside (RFC 9525, RFC 6120 section 13.7). Judges
 * nothing by itself: a handshake succeeds with any certificate, and whoever authenticates
 * by it asks here. The names of a subject (CN) are not looked at. */
#pragma once

#include "core/base/span.h"

#include <gnutls/x509.h>

#define PEER_NAMES_MAX 100 /* of a certificate; with more it has none */

struct peer;

/* `chain`: as received, DER, the peer's own first; `trust` (may be NULL: nobody is trusted)
 * is not kept. NULL when the first one is no certificate. */
struct peer *peer_new(const gnutls_datum_t *chain, unsigned count, gnutls_x509_trust_list_t trust);
void peer_free(struct peer *p); /* NULL: nothing */

/* The chain leads to somebody whom we trust, and everything in it is valid now. */
bool peer_trusted(const struct peer *p);
/* Why not, for the log; "" when it is. */
const char *peer_problem(const struct peer *p);
/* What of that is known exactly. */
enum peer_flaw {
	PEER_EXPIRED = 1 << 0,
	PEER_EARLY = 1 << 1,   /* not valid yet */
	PEER_STRANGER = 1 << 2 /* nobody whom we trust has signed it */
};
unsigned peer_flaws(const struct peer *p);
/* One of its names is this domain: an SRV-ID of `service` ("xmpp-server"; may be NULL), a
 * DNS-ID, or an xmppAddr. A wildcard is the whole left-most label and stands for one. */
bool peer_names(const struct peer *p, const char *domain, const char *service);
/* The same for a domain as DNS writes it (peer_ascii). PEER_NO, or how it is named. */
enum peer_match { PEER_NO, PEER_WILDCARD, PEER_EXACT };
enum peer_match peer_names_ascii(const struct peer *p, const char *ascii, const char *service);
/* A domain as DNS writes it, in lower case; NULL when it is none; the caller frees it. */
char *peer_ascii(const char *domain);
/* The i-th name, as written; NULL behind the last. */
const char *peer_name(const struct peer *p, size_t i);
/* Each xmppAddr (RFC 6120 section 13.7.1.4), as it is written there: to be parsed. */
typedef void peer_address_fn(const char *address, void *ctx);
void peer_addresses(const struct peer *p, peer_address_fn *fn, void *ctx);
/* Who signed it, and until when it is good. */
const char *peer_issuer(const struct peer *p);
int64_t peer_until(const struct peer *p);
/* SHA-256 of the certificate. */
const unsigned char *peer_fingerprint(const struct peer *p);
/* SHA-256 of its public key (SubjectPublicKeyInfo); NULL when it cannot be read. */
const unsigned char *peer_key(const struct peer *p);

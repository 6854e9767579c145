/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* tls_peer.h - for tests: certificates made on the spot, and a TLS client through memory. */
#pragma once

#include "core/base/str.h"
#include "core/net/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* A folder below TMPDIR for the files; removed by tls_files_remove. */
void tls_files_make(void);
void tls_files_remove(void);
/* Writes NAME.crt and NAME.key (ECDSA P-256, self-signed) for these DNS names; `names` is
 * NULL-terminated. */
void tls_files_certificate(const char *file, const char *const *names);
/* The same, valid for these seconds from now. */
void tls_files_certificate_valid(const char *file, const char *const *names, long from, long until);
/* The same with an RSA key. */
void tls_files_certificate_rsa(const char *file, const char *const *names);
/* The certificates of two of them in one file. */
void tls_files_join(const char *to, const char *first, const char *second);
/* Path of a file there, borrowed from a ring of static buffers. */
const char *tls_files_path(const char *file, const char *suffix);

struct tls_peer {
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	struct str in, out; /* what the server sent and we did not read; what we send */
	bool open;
	int error;
};
/* More flags for gnutls_init. */
extern unsigned tls_peer_flags;
/* `sni` and `alpn` may be NULL; `priority` NULL: the usual one. `ticket` (may be NULL): of
 * an earlier session. */
void tls_peer_init(struct tls_peer *p, const char *sni, const char *alpn, const char *priority,
	const gnutls_datum_t *ticket);
void tls_peer_fini(struct tls_peer *p);
/* Goes on with the handshake; false when it failed (see error). */
bool tls_peer_handshake(struct tls_peer *p);
/* Appends what can be read now; false at the end of TLS. */
bool tls_peer_read(struct tls_peer *p, struct str *plain);
void tls_peer_write(struct tls_peer *p, const char *text);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* tls.h - TLS through memory: bytes in, bytes out; GnuTLS never sees a descriptor or a
 * connection. Certificates are immutable sets that sessions pin; a new set serves new
 * sessions and old ones keep theirs. Session tickets have a key for each certificate and
 * name that a client asks for, replaced each 12 hours, so that a ticket of one host is nothing
 * to another. No early data, no renegotiation, no TLS 1.2 tickets. */
#pragma once

#include "core/base/str.h"

#include "core/net/dane.h"
#include <tercet/internal/certificates.h>

/* Process-wide state: credentials, the priority cache. */
int tls_init(struct tct_error *err) TCT_CHECKED;
void tls_fini(void);

/* ---- certificates ---- */
struct certset; /* counted, loop thread */
/* Reads and checks all: the key belongs to the certificate, the files' rights, the dates, and
 * whether a handshake succeeds. Of `old` (may be NULL) what is unchanged stays, with its
 * tickets. What is bad in the folder is logged and left out, or stays as it was in `old`.
 * What is bad of that which was configured: NULL and `err`; with `keep`, as in the folder. */
struct certset *certset_new(const struct tcti_tls *config, const struct certset *old, bool keep,
	struct tct_error *err);
struct certset *certset_ref(struct certset *set);
void certset_unref(struct certset *set); /* NULL: nothing */
/* True when a client that asks for `host` gets a certificate. */
bool certset_has(const struct certset *set, const char *host);
/* Tells the log what has become too old, once. To be called from time to time. */
void certset_tick(struct certset *set);

/* Which one, and why. */
enum certset_why {
	CERTSET_HOST,     /* configured for that host */
	CERTSET_NAMED,    /* configured, and names it */
	CERTSET_FOUND,    /* found in the folder, and names it */
	CERTSET_WILDCARD, /* found, and names it by a wildcard */
	CERTSET_DEFAULT,  /* configured, for what nothing else matches */
	CERTSET_PARENT    /* found, and names a parent domain */
};
struct certset_report {
	enum certset_why why;
	const char *certificate, *key; /* paths, borrowed from the set */
	const char *key_kind;
	unsigned key_bits;
	int64_t from, until, days;     /* days left */
	bool named, stapled;
	char *chain;         /* "complete", "self-signed", or what is wrong; the caller frees it */
	const char *problem; /* NULL: a client will like it */
};
/* False when `host` gets none (nothing is set then). */
bool certset_report(struct certset *set, const char *host, struct certset_report *report);

/* ---- sessions ---- */
enum tls_status {
	TLS_HANDSHAKE, /* under way */
	TLS_OPEN,
	TLS_WORK,      /* call tls_work, on any thread, and then tls_feed again */
	TLS_CLOSED,    /* the peer said goodbye */
	TLS_FAILED     /* see tls_problem */
};

struct tls;
/* How a session begins. Zeroed: we accept, nothing is asked for. Strings are borrowed. */
struct tls_params {
	bool client;      /* we connect; the first tls_feed, without input, makes the hello */
	bool ask;         /* server: the peer is asked for a certificate and may have none */
	const char *host; /* server: served when the client names nobody; client: the name that
			   * is asked for. May be NULL */
	const char *own;  /* client: whose certificate is shown to a server that asks; NULL: none */
	const char *alpn; /* offered; foreign ones are refused (RFC 7301). NULL: not spoken of */
};
struct tls *tls_new(struct certset *set, const struct tls_params *params);
void tls_free(struct tls *t);
/* Takes whole records from `in` (*used bytes of it; the rest is to be given again with what
 * follows), appends what must be sent to `out` and plain text to `plain`. */
enum tls_status tls_feed(struct tls *t, struct span in, size_t *used, struct str *out,
	struct str *plain);
/* The expensive part of a handshake. Until it has returned nothing else may be called for the
 * session. Touches nothing but the session and what does not change. */
void tls_work(struct tls *t);
/* Appends records with `plain` inside to `out`; false when the session is broken. */
bool tls_write(struct tls *t, struct span plain, struct str *out);
/* Appends close_notify. */
void tls_bye(struct tls *t, struct str *out);
/* Why it failed, for the log. */
const char *tls_problem(const struct tls *t);
/* Server: the certificate in use serves `host` too. Client: true. */
bool tls_serves(const struct tls *t, const char *host);
bool tls_resumed(const struct tls *t);
/* "TLS1.3 X.509 ... AES-128-GCM"; the caller frees it. */
char *tls_describe(const struct tls *t);
/* See tcti_stream_binding. */
int tls_binding(const struct tls *t, const char *type, void *out, size_t *len);
/* Who the peer is; NULL when it showed no certificate (or the handshake is not done). Made
 * when first asked for, freed with the session. See peer.h. */
struct peer;
const struct peer *tls_peer_of(struct tls *t);
/* What TLSA records say of the chain that the peer showed, see dane_judge; DANE_MISMATCH when
 * it showed none. */
enum dane_verdict tls_dane(struct tls *t, const struct span *records, size_t count,
	const char *const *names);
/* See tcti_stream_end_point and tcti_stream_tls_version. */
int tls_end_point(const struct tls *t, const char *hash, void *out, size_t *len);
uint32_t tls_version(const struct tls *t);

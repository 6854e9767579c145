/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* certset.h - the inside of certificate sets, for tls.c alone. */
#pragma once

#include "core/net/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define CERT_CHAIN_MAX 8

struct cert {
	char *host; /* NULL: default */
	gnutls_pcert_st chain[CERT_CHAIN_MAX];
	unsigned chain_count;
	gnutls_x509_crt_t leaf;
	gnutls_privkey_t key;
	gnutls_datum_t ticket_key;
	int64_t ticket_time;    /* tct_monotonic() when the key was made */
	unsigned char end_point[64]; /* RFC 5929 tls-server-end-point */
	size_t end_point_len;   /* 0: this certificate has none */
};

struct certset {
	uint32_t refs;
	size_t count;
	gnutls_priority_t priority;
	struct cert *certs;
	gnutls_x509_trust_list_t trust; /* NULL: the system's, not read yet */
};

/* The certificate for a name (NULL: none was asked for); NULL when the set is empty. */
struct cert *certset_find(struct certset *set, const char *host);
/* Whom peers may be certified by; the system's list is read when it is first asked for. */
gnutls_x509_trust_list_t certset_trust(struct certset *set);
/* The key of session tickets, made or replaced when it is due. */
const gnutls_datum_t *cert_ticket_key(struct cert *c);

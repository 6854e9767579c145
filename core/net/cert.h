/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* cert.h - one certificate of ours with its chain, key and OCSP staple, read and checked; for
 * certset.c and tls.c alone. It does not change once it is read, but for the secret of its
 * tickets; counted on the loop thread, read on others. */
#pragma once

#include "core/net/peer.h"

#include <tercet/base.h>
#include <tercet/internal/certificates.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define CERT_CHAIN_MAX 8
#define CERT_TICKET_KEY 64

struct cert {
	uint32_t refs;
	char *certificate, *key_path; /* the files */
	gnutls_pcert_st chain[CERT_CHAIN_MAX];
	unsigned chain_count;
	gnutls_x509_crt_t leaf;
	gnutls_privkey_t key;
	struct peer *names;          /* what is inside */
	unsigned char key_id[32];
	int64_t from, until;         /* tct_now() */
	unsigned char end_point[64]; /* RFC 5929 tls-server-end-point */
	size_t end_point_len;        /* 0: this certificate has none */
	gnutls_ocsp_data_st staple;  /* response.data NULL: none */
	int64_t staple_until;
	bool staple_told;            /* the log knows that it is too old */
	int64_t told_day;            /* when the log was last told that it ends soon */
	unsigned char ticket_secret[CERT_TICKET_KEY];
	int64_t ticket_time;         /* tct_monotonic() when the secret was made; 0: not yet */
};

/* Reads and checks all: rights of the files, the chain's order, that the key belongs to the
 * certificate. NULL and `err` with the file's name when anything is wrong. */
struct cert *cert_new(const struct tcti_certificate *from, struct tct_error *err);
struct cert *cert_ref(struct cert *c);
void cert_unref(struct cert *c); /* NULL: nothing */
/* The same certificate, key, chain length and staple. */
bool cert_same(const struct cert *a, const struct cert *b);
bool cert_valid(const struct cert *c, int64_t now);
/* Signing with it takes long enough to be done elsewhere. */
bool cert_is_slow(const struct cert *c);
/* The staple to show now; NULL when there is none, or it is too old. Any thread. */
const gnutls_ocsp_data_st *cert_staple(const struct cert *c);
/* The key of session tickets for clients that asked for `name` ("" for none): another one for
 * each name, so that a ticket of one is nothing to another. Its secret is replaced when due. */
void cert_ticket_key(struct cert *c, const char *name, unsigned char key[CERT_TICKET_KEY]);

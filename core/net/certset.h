/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* certset.h - the inside of certificate sets, for core/net alone. */
#pragma once

#include "core/base/vec.h"
#include "core/net/cert.h"
#include "core/net/tls.h"

struct certset_entry {
	struct cert *cert; /* counted; the sets before and after share it when it stays */
	char *host;        /* as DNS writes it: configured for this one; NULL */
	bool found;        /* in the folder, not configured one by one */
};

struct certset {
	uint32_t refs;
	VEC(struct certset_entry) entries;
	gnutls_priority_t priority;
	gnutls_x509_trust_list_t trust; /* NULL: the system's, not read yet */
};

/* The certificate for a name (NULL: none was asked for); NULL when there is none. `why` may
 * be NULL. */
struct cert *certset_find(struct certset *set, const char *host, enum certset_why *why);
/* Whom peers may be certified by; the system's list is read when it is first asked for. */
gnutls_x509_trust_list_t certset_trust(struct certset *set);
/* A handshake of the set with itself, by that certificate (tls.c). */
int tls_rehearse(struct certset *set, struct cert *c, struct tct_error *err) TCT_CHECKED;

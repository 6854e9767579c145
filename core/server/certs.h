/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* certs.h - the certificates in force: what mod_tls has configured, those that single
 * listeners have in their place, and the watch over the files of all, by which a renewed
 * certificate comes into use. Loop thread. */
#pragma once

#include "core/base/list.h"
#include "core/net/tls.h"

/* Who has certificates of his own, or those of all. */
struct certs_user {
	struct list link;
	char *certificate, *key; /* NULL: those of all */
	struct certset *own;
};
/* Copies the paths (NULL: those of all); a bad certificate is TCT_EINVAL. When nothing is configured yet it is read
 * as soon as that is. Ended by certs_leave, also after a failure. */
int certs_join(struct certs_user *u, const char *certificate, const char *key,
	struct tct_error *err) TCT_CHECKED;
void certs_leave(struct certs_user *u);
/* The set in force; NULL before any was configured. `u` NULL: that of all. */
struct certset *certs_of(const struct certs_user *u);
/* Looks at the files now; reads them when nothing was read yet (offline). `err` then. */
int certs_look(struct tct_error *err) TCT_CHECKED;
/* Nothing is read until certs_look: for tools. */
void certs_disable(void);
void certs_fini(void);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* internal/certificates.h - the certificates of the server and the rules of its TLS, which
 * mod_tls reads from the configuration and core keeps. Not installed. */
#pragma once

#include <tercet/module.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tcti_certificate {
	const char *host;   /* NULL: for the names inside, and for what nothing else matches */
	const char *certificate, *key; /* paths of PEM files */
	const char *password_file;     /* of an encrypted key; NULL */
};
enum tcti_tls_profile { TCTI_TLS_INTERMEDIATE = 0, TCTI_TLS_MODERN };
struct tcti_tls {
	uint32_t size;
	const struct tcti_certificate *certificates;
	size_t certificate_count;
	const char *folder;   /* where more are found by themselves; NULL: nowhere */
	const char *priority; /* GnuTLS priority string in the place of the next four; NULL */
	uint32_t profile;     /* enum tcti_tls_profile */
	uint32_t min_version, max_version; /* 12, 13; 0: the profile's */
	const char *const *groups;         /* in order; NULL or empty: the profile's */
	const char *trust;    /* whom peers may be certified by: "system" (NULL too), or the path
			       * of a PEM file */
};
/* Replaces the whole set of certificates and the rules of TLS. All files are read and checked
 * (key fits, name inside, handshake succeeds) before anything is replaced, and watched from
 * then on: what is renewed is used by itself. New connections use the new set; old ones keep
 * theirs. Everything is copied. */
TCT_API int tcti_tls_configure(struct tct_mod *m, const struct tcti_tls *config,
	struct tct_error *err);

#ifdef __cplusplus
}
#endif

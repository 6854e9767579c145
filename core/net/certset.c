/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* certset.c - see tls.h and certset.h: reading certificates and finding one for a name. */
#include "core/net/certset.h"

#include "core/base/log.h"
#include "core/base/mem.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICKET_KEY_SECONDS (12 * 3600)

/* TLS 1.2 and 1.3, ECDHE first, nothing without forward secrecy, AES-128-GCM first because
 * it is the fastest by far. */
#define INTERMEDIATE                                                                     \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"    \
	"+DHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"             \
	"-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

static int check_key_file(const char *path, struct tct_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return tct_error_set(err, TCT_EIO, "cannot read key \"%s\" (%s)", path,
			strerror(errno));
	if ((st.st_mode & S_IRWXO) != 0)
		return tct_error_set(err, TCT_EPERM,
			"key \"%s\" may be read or changed by everybody (mode %04o): run "
			"chmod 0640 on it",
			path, st.st_mode & 07777);
	return TCT_OK;
}

static int load_chain(struct cert *c, const char *path, struct tct_error *err)
{
	gnutls_datum_t pem = { 0 };
	gnutls_x509_crt_t list[CERT_CHAIN_MAX];
	unsigned count = CERT_CHAIN_MAX;
	int rc = gnutls_load_file(path, &pem);

	if (rc < 0)
		return tct_error_set(err, TCT_EIO, "cannot read certificate \"%s\" (%s)", path,
			gnutls_strerror(rc));
	rc = gnutls_x509_crt_list_import(list, &count, &pem, GNUTLS_X509_FMT_PEM,
		GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
	gnutls_free(pem.data);
	if (rc < 0)
		return tct_error_set(err, TCT_EINVAL,
			"\"%s\" is no chain of PEM certificates, server first (%s)", path,
			gnutls_strerror(rc));
	c->leaf = list[0];
	for (unsigned i = 0; i < count; i++) {
		if (rc >= 0)
			rc = gnutls_pcert_import_x509(&c->chain[i], list[i], 0);
		if (rc >= 0)
			c->chain_count = i + 1;
		if (i > 0)
			gnutls_x509_crt_deinit(list[i]);
	}
	return rc >= 0 ? TCT_OK :
			 tct_error_set(err, TCT_EINVAL, "cannot use certificate \"%s\" (%s)", path,
				 gnutls_strerror(rc));
}

static int load_key(struct cert *c, const char *path, struct tct_error *err)
{
	gnutls_datum_t pem = { 0 };
	int rc = check_key_file(path, err);

	if (rc != TCT_OK)
		return rc;
	rc = gnutls_load_file(path, &pem);
	if (rc >= 0)
		rc = gnutls_privkey_init(&c->key);
	if (rc >= 0)
		rc = gnutls_privkey_import_x509_raw(c->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (pem.data != NULL) {
		gnutls_memset(pem.data, 0, pem.size);
		gnutls_free(pem.data);
	}
	return rc >= 0 ? TCT_OK :
			 tct_error_set(err, TCT_EINVAL, "cannot use key \"%s\" (%s)", path,
				 gnutls_strerror(rc));
}

/* The public key of the certificate must be the key's. */
static int check_pair(const struct cert *c, const struct tcti_certificate *from,
	struct tct_error *err)
{
	unsigned char a[64], b[64];
	size_t a_len = sizeof a, b_len = sizeof b;
	gnutls_pubkey_t pub;
	int rc = gnutls_pubkey_init(&pub);

	if (rc >= 0)
		rc = gnutls_pubkey_import_privkey(pub, c->key, 0, 0);
	if (rc >= 0)
		rc = gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, a, &a_len);
	if (rc >= 0)
		rc = gnutls_x509_crt_get_key_id(c->leaf, GNUTLS_KEYID_USE_SHA256, b, &b_len);
	gnutls_pubkey_deinit(pub);
	if (rc < 0)
		return tct_error_set(err, TCT_EINVAL, "cannot compare \"%s\" and \"%s\" (%s)",
			from->certificate, from->key, gnutls_strerror(rc));
	if (a_len != b_len || memcmp(a, b, a_len) != 0)
		return tct_error_set(err, TCT_EINVAL, "key \"%s\" does not belong to certificate \"%s\"",
			from->key, from->certificate);
	return TCT_OK;
}

/* RFC 5929 4.1: the hash of the certificate's signature, SHA-256 where that is MD5 or SHA-1.
 * Signatures without a hash of their own (Ed25519) have no binding. */
static void set_end_point(struct cert *c)
{
	int sign = gnutls_x509_crt_get_signature_algorithm(c->leaf);
	gnutls_digest_algorithm_t hash =
		sign >= 0 ? gnutls_sign_get_hash_algorithm((gnutls_sign_algorithm_t)sign) :
			    GNUTLS_DIG_UNKNOWN;
	gnutls_datum_t der;

	if (sign == GNUTLS_SIGN_EDDSA_ED25519 || sign == GNUTLS_SIGN_EDDSA_ED448)
		return;
	if (hash == GNUTLS_DIG_MD5 || hash == GNUTLS_DIG_SHA1)
		hash = GNUTLS_DIG_SHA256;
	if (hash == GNUTLS_DIG_UNKNOWN ||
		gnutls_hash_get_len(hash) > sizeof c->end_point ||
		gnutls_x509_crt_export2(c->leaf, GNUTLS_X509_FMT_DER, &der) < 0)
		return;
	if (gnutls_hash_fast(hash, der.data, der.size, c->end_point) >= 0)
		c->end_point_len = gnutls_hash_get_len(hash);
	gnutls_free(der.data);
}

static void warn_about(const struct cert *c, const struct tcti_certificate *from)
{
	time_t now = time(NULL);

	if (gnutls_x509_crt_get_expiration_time(c->leaf) < now)
		log_warn("certificate \"%s\" has expired", from->certificate);
	else if (gnutls_x509_crt_get_activation_time(c->leaf) > now)
		log_warn("certificate \"%s\" is not valid yet", from->certificate);
	if (from->host != NULL && !gnutls_x509_crt_check_hostname(c->leaf, from->host))
		log_warn("certificate \"%s\" does not name the host \"%s\"", from->certificate,
			from->host);
}

static int cert_load(struct cert *c, const struct tcti_certificate *from, struct tct_error *err)
{
	int status = load_chain(c, from->certificate, err);

	if (status == TCT_OK)
		status = load_key(c, from->key, err);
	if (status == TCT_OK)
		status = check_pair(c, from, err);
	if (status != TCT_OK)
		return status;
	c->host = from->host != NULL ? mem_strdup(from->host) : NULL;
	set_end_point(c);
	warn_about(c, from);
	return TCT_OK;
}

static void cert_fini(struct cert *c)
{
	for (unsigned i = 0; i < c->chain_count; i++)
		gnutls_pcert_deinit(&c->chain[i]);
	if (c->leaf != NULL)
		gnutls_x509_crt_deinit(c->leaf);
	if (c->key != NULL)
		gnutls_privkey_deinit(c->key);
	if (c->ticket_key.data != NULL) {
		gnutls_memset(c->ticket_key.data, 0, c->ticket_key.size);
		gnutls_free(c->ticket_key.data);
	}
	free(c->host);
}

/* ---- whom we trust ---- */

static int load_trust(struct certset *set, const char *file, struct tct_error *err)
{
	int rc;

	if (gnutls_x509_trust_list_init(&set->trust, 0) < 0)
		return tct_error_set(err, TCT_EIO, "cannot make a list of trust");
	rc = gnutls_x509_trust_list_add_trust_file(set->trust, file, NULL, GNUTLS_X509_FMT_PEM, 0,
		0);
	if (rc > 0)
		return TCT_OK;
	return tct_error_set(err, TCT_EINVAL, "\"%s\" has no certificates to trust (%s)", file,
		rc < 0 ? gnutls_strerror(rc) : "there is none inside");
}

gnutls_x509_trust_list_t certset_trust(struct certset *set)
{
	if (set->trust != NULL)
		return set->trust;
	if (gnutls_x509_trust_list_init(&set->trust, 0) < 0)
		return NULL;
	if (gnutls_x509_trust_list_add_system_trust(set->trust, 0, 0) <= 0)
		log_warn("the system has no certificates to trust: install its list of "
			 "authorities, or set tls.trust");
	return set->trust;
}

/* ---- the set ---- */

static int fill(struct certset *set, const struct tcti_tls *config, struct tct_error *err)
{
	const char *priority = config->priority, *where = NULL;
	int status = TCT_OK;

	if (gnutls_priority_init(&set->priority, priority != NULL ? priority : INTERMEDIATE,
		    &where) < 0) {
		set->priority = NULL;
		return tct_error_set(err, TCT_EINVAL, "the TLS priority string is wrong at \"%s\"",
			where != NULL ? where : "");
	}
	if (config->trust != NULL && strcmp(config->trust, "system") != 0)
		status = load_trust(set, config->trust, err);
	for (size_t i = 0; status == TCT_OK && i < config->certificate_count; i++) {
		set->count = i + 1;
		status = cert_load(&set->certs[i], &config->certificates[i], err);
	}
	return status;
}

struct certset *certset_new(const struct tcti_tls *config, struct tct_error *err)
{
	struct certset *set = mem_zalloc(sizeof *set);

	set->refs = 1;
	set->certs = mem_zalloc((config->certificate_count + 1) * sizeof *set->certs);
	if (fill(set, config, err) == TCT_OK)
		return set;
	certset_unref(set);
	return NULL;
}

struct certset *certset_ref(struct certset *set)
{
	set->refs++;
	return set;
}

void certset_unref(struct certset *set)
{
	if (set == NULL || --set->refs > 0)
		return;
	for (size_t i = 0; i < set->count; i++)
		cert_fini(&set->certs[i]);
	if (set->priority != NULL)
		gnutls_priority_deinit(set->priority);
	if (set->trust != NULL)
		gnutls_x509_trust_list_deinit(set->trust, 1);
	free(set->certs);
	free(set);
}

struct cert *certset_find(struct certset *set, const char *host)
{
	for (size_t i = 0; host != NULL && i < set->count; i++) {
		if (set->certs[i].host != NULL && strcmp(set->certs[i].host, host) == 0)
			return &set->certs[i];
	}
	for (size_t i = 0; host != NULL && i < set->count; i++) {
		if (set->certs[i].host == NULL &&
			gnutls_x509_crt_check_hostname(set->certs[i].leaf, host))
			return &set->certs[i];
	}
	for (size_t i = 0; i < set->count; i++) {
		if (set->certs[i].host == NULL)
			return &set->certs[i];
	}
	/* A client that names nobody gets the first. */
	return host == NULL && set->count > 0 ? &set->certs[0] : NULL;
}

bool certset_has(const struct certset *set, const char *host)
{
	return certset_find((struct certset *)set, host) != NULL;
}

const gnutls_datum_t *cert_ticket_key(struct cert *c)
{
	int64_t now = tct_monotonic();

	if (c->ticket_key.data != NULL && now - c->ticket_time < TICKET_KEY_SECONDS)
		return &c->ticket_key;
	if (c->ticket_key.data != NULL)
		gnutls_free(c->ticket_key.data);
	c->ticket_key.data = NULL;
	c->ticket_time = now;
	return gnutls_session_ticket_key_generate(&c->ticket_key) >= 0 ? &c->ticket_key : NULL;
}

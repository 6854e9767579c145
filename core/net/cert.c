/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* cert.c - see cert.h. */
#include "core/net/cert.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/certdir.h"

#include <tercet/timer.h>

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICKET_KEY_SECONDS (12 * 3600)
#define PASSWORD_MAX 1024

/* ---- files and their rights ---- */

/* Which folder on the way cannot be entered; false: none. */
static bool closed_folder(const char *path, char *out, size_t room)
{
	for (const char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		snprintf(out, room, "%.*s", (int)(at - path), path);
		if (access(out, X_OK) != 0)
			return true;
	}
	return false;
}

static int cannot_read(const char *what, const char *path, int problem, struct tct_error *err)
{
	char *real = realpath(path, NULL), folder[4096];
	struct stat st;

	if (problem != EACCES) {
		tct_error_set(err, TCT_EIO, "cannot read the %s \"%s\" (%s)", what, path,
			strerror(problem));
	} else if (closed_folder(real != NULL ? real : path, folder, sizeof folder) ||
		closed_folder(path, folder, sizeof folder)) {
		tct_error_set(err, TCT_EPERM,
			"cannot read the %s \"%s\": user %u, whom the server runs as, may not "
			"enter \"%s\"",
			what, path, (unsigned)geteuid(), folder);
	} else if (stat(path, &st) == 0) {
		tct_error_set(err, TCT_EPERM,
			"cannot read the %s \"%s\": it belongs to user %u and group %u with mode "
			"%04o, and the server runs as user %u, group %u: run chgrp %u and chmod "
			"0640 on it",
			what, path, (unsigned)st.st_uid, (unsigned)st.st_gid, st.st_mode & 07777u,
			(unsigned)geteuid(), (unsigned)getegid(), (unsigned)getegid());
	} else {
		tct_error_set(err, TCT_EIO, "cannot read the %s \"%s\" (%s)", what, path,
			strerror(problem));
	}
	free(real);
	return err != NULL ? err->code : TCT_EIO;
}

/* The whole file; `secret`: nobody but owner and group may have rights on it. */
static int read_file(const char *what, const char *path, bool secret, gnutls_datum_t *out,
	struct tct_error *err)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	int rc;

	if (f == NULL)
		return cannot_read(what, path, errno, err);
	rc = fstat(fileno(f), &st);
	fclose(f);
	if (secret && rc == 0 && (st.st_mode & S_IRWXO) != 0)
		return tct_error_set(err, TCT_EPERM,
			"the %s \"%s\" may be read or changed by everybody (mode %04o): run "
			"chmod 0640 on it",
			what, path, st.st_mode & 07777u);
	rc = gnutls_load_file(path, out);
	return rc >= 0 ? TCT_OK :
			 tct_error_set(err, TCT_EIO, "cannot read the %s \"%s\" (%s)", what, path,
				 gnutls_strerror(rc));
}

static void forget(gnutls_datum_t *secret)
{
	if (secret->data != NULL) {
		gnutls_memset(secret->data, 0, secret->size);
		gnutls_free(secret->data);
	}
	secret->data = NULL;
}

/* ---- certificate and key ---- */

static int take_chain(struct cert *c, gnutls_x509_crt_t *list, unsigned count)
{
	int rc = 0;

	c->leaf = list[0];
	for (unsigned i = 0; i < count; i++) {
		if (rc >= 0)
			rc = gnutls_pcert_import_x509(&c->chain[i], list[i], 0);
		if (rc >= 0)
			c->chain_count = i + 1;
		if (i > 0)
			gnutls_x509_crt_deinit(list[i]);
	}
	c->from = gnutls_x509_crt_get_activation_time(c->leaf);
	c->until = gnutls_x509_crt_get_expiration_time(c->leaf);
	return rc;
}

static int load_chain(struct cert *c, struct tct_error *err)
{
	gnutls_datum_t pem = { 0 }, der;
	gnutls_x509_crt_t list[CERT_CHAIN_MAX];
	unsigned count = CERT_CHAIN_MAX;
	int rc = read_file("certificate", c->certificate, false, &pem, err);

	if (rc != TCT_OK)
		return rc;
	rc = gnutls_x509_crt_list_import(list, &count, &pem, GNUTLS_X509_FMT_PEM,
		GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
	forget(&pem); /* the key may be inside */
	if (rc < 0)
		return tct_error_set(err, TCT_EINVAL,
			"\"%s\" is no chain of PEM certificates, server first (%s)", c->certificate,
			gnutls_strerror(rc));
	rc = take_chain(c, list, count);
	if (rc >= 0)
		rc = gnutls_x509_crt_export2(c->leaf, GNUTLS_X509_FMT_DER, &der);
	if (rc < 0)
		return tct_error_set(err, TCT_EINVAL, "cannot use certificate \"%s\" (%s)",
			c->certificate, gnutls_strerror(rc));
	c->names = peer_new(&der, 1, NULL);
	gnutls_free(der.data);
	return TCT_OK;
}

/* The first line of a file that others cannot read; NULL without one. */
static int load_password(const char *path, char *out, size_t room, struct tct_error *err)
{
	gnutls_datum_t text = { 0 };
	int status = read_file("password", path, true, &text, err);
	size_t len;

	if (status != TCT_OK)
		return status;
	len = strcspn((const char *)text.data, "\r\n");
	if (len == 0 || len >= room)
		status = tct_error_set(err, TCT_EINVAL,
			"the first line of \"%s\" is no password for a key", path);
	else
		snprintf(out, room, "%.*s", (int)len, (const char *)text.data);
	forget(&text);
	return status;
}

static int import_key(struct cert *c, const gnutls_datum_t *pem, const char *password,
	struct tct_error *err)
{
	const char *text = (const char *)pem->data;
	bool locked = strstr(text, "BEGIN ENCRYPTED PRIVATE KEY") != NULL ||
		strstr(text, "Proc-Type: 4,ENCRYPTED") != NULL;
	int rc = gnutls_privkey_init(&c->key);

	if (locked && password == NULL)
		return tct_error_set(err, TCT_EINVAL,
			"the key \"%s\" is encrypted: name the file that holds its password "
			"(password_file)",
			c->key_path);
	if (rc >= 0)
		rc = gnutls_privkey_import_x509_raw(c->key, pem, GNUTLS_X509_FMT_PEM, password, 0);
	if (rc == GNUTLS_E_DECRYPTION_FAILED)
		return tct_error_set(err, TCT_EINVAL,
			"the password in password_file does not open the key \"%s\"", c->key_path);
	return rc >= 0 ? TCT_OK :
			 tct_error_set(err, TCT_EINVAL, "cannot use the key \"%s\" (%s)",
				 c->key_path, gnutls_strerror(rc));
}

static int load_key(struct cert *c, const char *password_file, struct tct_error *err)
{
	char password[PASSWORD_MAX];
	gnutls_datum_t pem = { 0 };
	int status = read_file("key", c->key_path, true, &pem, err);

	if (status == TCT_OK && password_file != NULL)
		status = load_password(password_file, password, sizeof password, err);
	if (status == TCT_OK)
		status = import_key(c, &pem, password_file != NULL ? password : NULL, err);
	forget(&pem);
	mem_wipe(password, sizeof password);
	return status;
}

/* The public key of the certificate must be the key's. */
static int check_pair(struct cert *c, struct tct_error *err)
{
	unsigned char id[sizeof c->key_id];
	size_t a = sizeof id, b = sizeof id;
	gnutls_pubkey_t pub;
	int rc = gnutls_pubkey_init(&pub);

	if (rc >= 0)
		rc = gnutls_pubkey_import_privkey(pub, c->key, 0, 0);
	if (rc >= 0)
		rc = gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, c->key_id, &a);
	if (rc >= 0)
		rc = gnutls_x509_crt_get_key_id(c->leaf, GNUTLS_KEYID_USE_SHA256, id, &b);
	gnutls_pubkey_deinit(pub);
	if (rc < 0)
		return tct_error_set(err, TCT_EINVAL, "cannot compare \"%s\" and \"%s\" (%s)",
			c->certificate, c->key_path, gnutls_strerror(rc));
	if (memcmp(id, c->key_id, sizeof id) != 0)
		return tct_error_set(err, TCT_EINVAL,
			"the key \"%s\" does not belong to the certificate \"%s\"", c->key_path,
			c->certificate);
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

/* ---- OCSP ---- */

/* What is wrong with the response; NULL: nothing. */
static const char *staple_problem(struct cert *c, gnutls_ocsp_resp_t response, int64_t now)
{
	time_t next = -1;
	unsigned status = 0, verify = 0;
	gnutls_x509_crt_t issuer = NULL;
	int rc;

	if (gnutls_ocsp_resp_get_status(response) != GNUTLS_OCSP_RESP_SUCCESSFUL)
		return "it is an error of the responder";
	if (gnutls_ocsp_resp_check_crt(response, 0, c->leaf) < 0)
		return "it is for another certificate";
	rc = gnutls_ocsp_resp_get_single(response, 0, NULL, NULL, NULL, NULL, &status, NULL, &next,
		NULL, NULL);
	if (rc < 0 || status != GNUTLS_OCSP_CERT_GOOD)
		return "it does not say that the certificate is good";
	if (next == (time_t)-1 || (int64_t)next <= now)
		return "it is too old, or does not say until when it is good";
	if (c->chain_count < 2)
		return "the certificate of the issuer is not in the chain";
	rc = gnutls_x509_crt_init(&issuer);
	if (rc >= 0)
		rc = gnutls_x509_crt_import(issuer, &c->chain[1].cert, GNUTLS_X509_FMT_DER);
	if (rc >= 0)
		rc = gnutls_ocsp_resp_verify_direct(response, issuer, &verify, 0);
	if (issuer != NULL)
		gnutls_x509_crt_deinit(issuer);
	if (rc < 0 || verify != 0)
		return "the issuer of the certificate has not signed it";
	c->staple_until = (int64_t)next;
	return NULL;
}

/* A staple that is bad or old is worse than none (RFC 6066 section 8: clients refuse it). */
static void load_staple(struct cert *c)
{
	char *path = certdir_staple(c->certificate);
	gnutls_ocsp_resp_t response = NULL;
	gnutls_datum_t der = { 0 };
	const char *problem = "it is no OCSP response";

	if (access(path, F_OK) == 0 && gnutls_load_file(path, &der) >= 0) {
		if (gnutls_ocsp_resp_init(&response) >= 0 &&
			gnutls_ocsp_resp_import(response, &der) >= 0)
			problem = staple_problem(c, response, tct_now());
		if (problem == NULL) {
			c->staple.response = der;
			c->staple.exptime = (time_t)c->staple_until;
			der.data = NULL;
		} else {
			log_warn("the OCSP response \"%s\" is not used: %s", path, problem);
		}
		if (response != NULL)
			gnutls_ocsp_resp_deinit(response);
	}
	gnutls_free(der.data);
	free(path);
}

const gnutls_ocsp_data_st *cert_staple(const struct cert *c)
{
	return c->staple.response.data != NULL && tct_now() < c->staple_until ? &c->staple : NULL;
}

/* ---- life ---- */

struct cert *cert_new(const struct tcti_certificate *from, struct tct_error *err)
{
	struct cert *c = mem_zalloc(sizeof *c);
	int status;

	c->refs = 1;
	c->certificate = mem_strdup(from->certificate);
	c->key_path = mem_strdup(from->key);
	status = load_chain(c, err);
	if (status == TCT_OK)
		status = load_key(c, from->password_file, err);
	if (status == TCT_OK)
		status = check_pair(c, err);
	if (status != TCT_OK) {
		cert_unref(c);
		return NULL;
	}
	set_end_point(c);
	load_staple(c);
	return c;
}

struct cert *cert_ref(struct cert *c)
{
	c->refs++;
	return c;
}

void cert_unref(struct cert *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	for (unsigned i = 0; i < c->chain_count; i++)
		gnutls_pcert_deinit(&c->chain[i]);
	if (c->leaf != NULL)
		gnutls_x509_crt_deinit(c->leaf);
	if (c->key != NULL)
		gnutls_privkey_deinit(c->key);
	peer_free(c->names);
	gnutls_free(c->staple.response.data);
	mem_wipe(c->ticket_secret, sizeof c->ticket_secret);
	free(c->certificate);
	free(c->key_path);
	free(c);
}

bool cert_same(const struct cert *a, const struct cert *b)
{
	if (strcmp(a->certificate, b->certificate) != 0 || strcmp(a->key_path, b->key_path) != 0 ||
		memcmp(peer_fingerprint(a->names), peer_fingerprint(b->names), 32) != 0 ||
		memcmp(a->key_id, b->key_id, sizeof a->key_id) != 0 ||
		a->chain_count != b->chain_count ||
		a->staple.response.size != b->staple.response.size)
		return false;
	for (unsigned i = 1; i < a->chain_count; i++) {
		if (a->chain[i].cert.size != b->chain[i].cert.size ||
			memcmp(a->chain[i].cert.data, b->chain[i].cert.data, a->chain[i].cert.size) != 0)
			return false;
	}
	return a->staple.response.size == 0 ||
		memcmp(a->staple.response.data, b->staple.response.data,
			a->staple.response.size) == 0;
}

bool cert_valid(const struct cert *c, int64_t now)
{
	return c->from <= now && now < c->until;
}

bool cert_is_slow(const struct cert *c)
{
	int kind = gnutls_privkey_get_pk_algorithm(c->key, NULL);

	return kind == GNUTLS_PK_RSA || kind == GNUTLS_PK_RSA_PSS;
}

void cert_ticket_key(struct cert *c, const char *name, unsigned char key[CERT_TICKET_KEY])
{
	int64_t now = tct_monotonic();

	if (c->ticket_time == 0 || now - c->ticket_time >= TICKET_KEY_SECONDS) {
		tct_random(c->ticket_secret, sizeof c->ticket_secret);
		c->ticket_time = now > 0 ? now : 1;
	}
	gnutls_hmac_fast(GNUTLS_MAC_SHA512, c->ticket_secret, sizeof c->ticket_secret, name,
		strlen(name), key);
}

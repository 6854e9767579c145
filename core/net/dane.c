/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dane.c - see dane.h. libgnutls-dane looks at the first two certificates of a chain only, and
 * at neither names nor dates of what it finds there, so the comparison is made here. */
#include "core/net/dane.h"

#include "core/net/peer.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdint.h>
#include <string.h>

#define CHAIN_MAX 16

/* RFC 7218 */
enum usage { PKIX_TA = 0, PKIX_EE = 1, DANE_TA = 2, DANE_EE = 3 };
enum selector { SELECT_CERT = 0, SELECT_SPKI = 1 };
enum matching { MATCH_FULL = 0, MATCH_SHA256 = 1, MATCH_SHA512 = 2 };

struct record {
	unsigned usage, selector, matching;
	struct span data;
};

/* What is known of the chain, made once. */
struct chain {
	gnutls_x509_crt_t list[CHAIN_MAX + 1];
	unsigned count; /* as received */
	unsigned with_root; /* and, behind it, the one that we trust */
	const char *const *names;
	gnutls_x509_trust_list_t trust;
	struct peer *peer;
};

/* RFC 7671 section 4: what nobody has defined, or cannot be, is not usable. */
static bool read_record(struct record *r, struct span rdata)
{
	const unsigned char *at = (const unsigned char *)rdata.data;

	if (rdata.len < 4)
		return false;
	r->usage = at[0];
	r->selector = at[1];
	r->matching = at[2];
	r->data = span_make(rdata.data + 3, rdata.len - 3);
	if (r->usage > DANE_EE || r->selector > SELECT_SPKI)
		return false;
	if (r->matching == MATCH_SHA256)
		return r->data.len == 32;
	if (r->matching == MATCH_SHA512)
		return r->data.len == 64;
	return r->matching == MATCH_FULL;
}

/* ---- one record and one certificate ---- */

static int selected(const struct record *r, gnutls_x509_crt_t crt, gnutls_datum_t *out)
{
	gnutls_pubkey_t key;
	int rc;

	if (r->selector == SELECT_CERT)
		return gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, out);
	rc = gnutls_pubkey_init(&key);
	if (rc < 0)
		return rc;
	rc = gnutls_pubkey_import_x509(key, crt, 0);
	if (rc >= 0)
		rc = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, out);
	gnutls_pubkey_deinit(key);
	return rc;
}

static bool matches(const struct record *r, gnutls_x509_crt_t crt)
{
	gnutls_digest_algorithm_t hash = r->matching == MATCH_SHA256 ? GNUTLS_DIG_SHA256 :
								       GNUTLS_DIG_SHA512;
	unsigned char digest[64];
	gnutls_datum_t bytes;
	bool same = false;

	if (selected(r, crt, &bytes) < 0)
		return false;
	if (r->matching == MATCH_FULL)
		same = span_equal(span_make((const char *)bytes.data, bytes.size), r->data);
	else if (gnutls_hash_fast(hash, bytes.data, bytes.size, digest) >= 0)
		same = memcmp(digest, r->data.data, r->data.len) == 0;
	gnutls_free(bytes.data);
	return same;
}

/* ---- the chain ---- */

static bool named(const struct chain *c)
{
	for (const char *const *name = c->names; *name != NULL; name++) {
		if (peer_names_ascii(c->peer, *name, "xmpp-server") != PEER_NO)
			return true;
	}
	return false;
}

/* It leads to this one, and all is valid now. */
static bool leads_to(const struct chain *c, gnutls_x509_crt_t anchor)
{
	gnutls_x509_trust_list_t list;
	gnutls_x509_crt_t certificates[CHAIN_MAX];
	unsigned status = 1;
	int rc;

	if (gnutls_x509_trust_list_init(&list, 0) < 0)
		return false;
	memcpy(certificates, c->list, c->count * sizeof *certificates);
	rc = gnutls_x509_trust_list_add_cas(list, &anchor, 1, 0);
	if (rc == 1)
		rc = gnutls_x509_trust_list_verify_crt2(list, certificates, c->count, NULL, 0,
			GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), &status, NULL);
	gnutls_x509_trust_list_deinit(list, 0);
	return rc >= 0 && status == 0;
}

/* A trust anchor that is written whole into DNS need not be sent (RFC 7671 section 5.2.2). */
static bool leads_to_record(const struct chain *c, const struct record *r)
{
	gnutls_datum_t der = { (unsigned char *)(uintptr_t)r->data.data, (unsigned)r->data.len };
	gnutls_x509_crt_t anchor;
	bool good;

	if (r->matching != MATCH_FULL || r->selector != SELECT_CERT)
		return false;
	if (gnutls_x509_crt_init(&anchor) < 0)
		return false;
	good = gnutls_x509_crt_import(anchor, &der, GNUTLS_X509_FMT_DER) >= 0 &&
		gnutls_x509_crt_equals(anchor, c->list[0]) == 0 && leads_to(c, anchor);
	gnutls_x509_crt_deinit(anchor);
	return good;
}

static bool satisfies(const struct chain *c, const struct record *r)
{
	bool pkix = r->usage == PKIX_TA || r->usage == PKIX_EE;

	if (r->usage == DANE_EE) /* names and dates do not count (RFC 7671 section 5.1) */
		return matches(r, c->list[0]);
	if (!named(c) || (pkix && !peer_trusted(c->peer)))
		return false;
	if (r->usage == PKIX_EE)
		return matches(r, c->list[0]);
	for (unsigned i = 1; i < (pkix ? c->with_root : c->count); i++) {
		if (matches(r, c->list[i]) && leads_to(c, c->list[i]))
			return true;
	}
	return !pkix && leads_to_record(c, r);
}

/* False: something in it is no certificate. */
static bool chain_read(struct chain *c, const gnutls_datum_t *chain, unsigned count)
{
	if (count == 0 || count > CHAIN_MAX)
		return false;
	for (; c->count < count; c->count++) {
		if (gnutls_x509_crt_init(&c->list[c->count]) < 0)
			return false;
		if (gnutls_x509_crt_import(c->list[c->count], &chain[c->count],
			    GNUTLS_X509_FMT_DER) < 0) {
			gnutls_x509_crt_deinit(c->list[c->count]);
			return false;
		}
	}
	c->with_root = c->count;
	if (c->trust != NULL && gnutls_x509_trust_list_get_issuer(c->trust, c->list[count - 1],
				       &c->list[count], GNUTLS_TL_GET_COPY) >= 0)
		c->with_root++;
	c->peer = peer_new(chain, count, c->trust);
	return c->peer != NULL;
}

enum dane_verdict dane_judge(const struct span *records, size_t count,
	const gnutls_datum_t *chain, unsigned chain_len, const char *const *names,
	gnutls_x509_trust_list_t trust)
{
	struct chain c = { .names = names, .trust = trust };
	enum dane_verdict verdict = DANE_NONE;
	bool read = chain_read(&c, chain, chain_len);
	struct record r;

	for (size_t i = 0; i < count && i < DANE_RECORDS && verdict != DANE_MATCH; i++) {
		if (read_record(&r, records[i]))
			verdict = read && satisfies(&c, &r) ? DANE_MATCH : DANE_MISMATCH;
	}
	for (unsigned i = 0; i < c.with_root || i < c.count; i++)
		gnutls_x509_crt_deinit(c.list[i]);
	peer_free(c.peer);
	return verdict;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* peer.c - see peer.h. */
#include "core/net/peer.h"

#include "core/base/mem.h"
#include "core/base/vec.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 16

/* SRV: RFC 4985; XMPP: RFC 6120 section 13.7.1.4. */
enum name_kind { NAME_DNS, NAME_SRV, NAME_XMPP };

struct name {
	enum name_kind kind;
	char *text;
};

struct peer {
	VEC(struct name) names;
	bool trusted;
	char *problem, *issuer;
	int64_t until;
	unsigned flaws;
	bool has_key;
	unsigned char fingerprint[32], key[32];
};

/* ---- names ---- */

/* GnuTLS opens the kinds that it knows; those that hold a NUL stay closed, and are no names. */
static void add_name(struct peer *p, unsigned type, const unsigned char *value, size_t len)
{
	struct name name;

	switch (type) {
	case GNUTLS_SAN_DNSNAME:
		name.kind = NAME_DNS;
		break;
	case GNUTLS_SAN_OTHERNAME_XMPP:
		name.kind = NAME_XMPP;
		break;
	case GNUTLS_SAN_OTHERNAME_SRV:
		name.kind = NAME_SRV;
		break;
	default:
		return;
	}
	if (len == 0 || memchr(value, '\0', len) != NULL)
		return;
	name.text = mem_strndup((const char *)value, len);
	vec_push(&p->names, name);
}

static void read_names(struct peer *p, gnutls_x509_crt_t crt)
{
	unsigned char value[2048];

	for (unsigned i = 0;; i++) {
		size_t len = sizeof value;
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, value, &len, NULL);

		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			continue; /* no address is that long */
		if (type < 0)
			return;
		if (i == PEER_NAMES_MAX) {
			while (p->names.count > 0)
				free(p->names.items[--p->names.count].text);
			return;
		}
		add_name(p, (unsigned)type, value, len);
	}
}

static void read_issuer(struct peer *p, gnutls_x509_crt_t crt)
{
	gnutls_datum_t dn;

	size_t len = sizeof p->key;

	p->until = gnutls_x509_crt_get_expiration_time(crt);
	p->has_key = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, p->key, &len) >= 0;
	if (gnutls_x509_crt_get_issuer_dn3(crt, &dn, 0) < 0)
		return;
	p->issuer = mem_strndup((const char *)dn.data, dn.size);
	gnutls_free(dn.data);
}

/* ---- the chain ---- */

static void judge(struct peer *p, gnutls_x509_crt_t *list, unsigned count,
	gnutls_x509_trust_list_t trust)
{
	unsigned status = 0;
	gnutls_datum_t text;
	int rc;

	if (trust == NULL) {
		p->problem = mem_strdup("there is nobody to trust");
		return;
	}
	rc = gnutls_x509_trust_list_verify_crt2(trust, list, count, NULL, 0,
		GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), &status, NULL);
	p->trusted = rc >= 0 && status == 0;
	p->flaws = rc < 0 ? 0 :
		((status & GNUTLS_CERT_EXPIRED) != 0 ? PEER_EXPIRED : 0) |
			((status & GNUTLS_CERT_NOT_ACTIVATED) != 0 ? PEER_EARLY : 0) |
			((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0 ? PEER_STRANGER : 0);
	if (p->trusted)
		return;
	if (rc >= 0 &&
		gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0) {
		while (text.size > 0 && text.data[text.size - 1] == ' ')
			text.size--;
		p->problem = mem_strndup((const char *)text.data, text.size);
		gnutls_free(text.data);
	} else {
		p->problem = mem_strdup(rc < 0 ? gnutls_strerror(rc) : "the chain is not trusted");
	}
}

struct peer *peer_new(const gnutls_datum_t *chain, unsigned count, gnutls_x509_trust_list_t trust)
{
	gnutls_x509_crt_t list[CHAIN_MAX];
	struct peer *p = NULL;
	unsigned n = 0;

	for (; n < count && n < CHAIN_MAX; n++) {
		if (gnutls_x509_crt_init(&list[n]) < 0)
			break;
		if (gnutls_x509_crt_import(list[n], &chain[n], GNUTLS_X509_FMT_DER) < 0) {
			gnutls_x509_crt_deinit(list[n]);
			break;
		}
	}
	if (n > 0) {
		p = mem_zalloc(sizeof *p);
		gnutls_hash_fast(GNUTLS_DIG_SHA256, chain[0].data, chain[0].size, p->fingerprint);
		read_names(p, list[0]);
		read_issuer(p, list[0]);
		if (n == count)
			judge(p, list, n, trust);
		else
			p->problem = mem_strdup("the chain is too long, or something in it is "
						"no certificate");
	}
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	return p;
}

void peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->names.count; i++)
		free(p->names.items[i].text);
	vec_fini(&p->names);
	free(p->problem);
	free(p->issuer);
	free(p);
}

/* ---- what is asked ---- */

bool peer_trusted(const struct peer *p)
{
	return p->trusted;
}

const char *peer_problem(const struct peer *p)
{
	return p->problem != NULL ? p->problem : "";
}

unsigned peer_flaws(const struct peer *p)
{
	return p->flaws;
}

const char *peer_issuer(const struct peer *p)
{
	return p->issuer != NULL ? p->issuer : "";
}

int64_t peer_until(const struct peer *p)
{
	return p->until;
}

const unsigned char *peer_fingerprint(const struct peer *p)
{
	return p->fingerprint;
}

const unsigned char *peer_key(const struct peer *p)
{
	return p->has_key ? p->key : NULL;
}

/* RFC 9525 6.3: labels are compared whole; "*" may be the left-most one, of three or more. */
static enum peer_match dns_match(const char *pattern, const char *domain)
{
	const char *dot;

	if (strncmp(pattern, "*.", 2) != 0)
		return strcasecmp(pattern, domain) == 0 ? PEER_EXACT : PEER_NO;
	dot = strchr(domain, '.');
	return dot != NULL && dot != domain && strchr(pattern + 2, '.') != NULL &&
			strcasecmp(pattern + 1, dot) == 0 ?
		PEER_WILDCARD :
		PEER_NO;
}

static enum peer_match srv_match(const char *pattern, const char *domain, const char *service)
{
	size_t len = service != NULL ? strlen(service) : 0;

	return len > 0 && pattern[0] == '_' && strncasecmp(pattern + 1, service, len) == 0 &&
			pattern[1 + len] == '.' ?
		dns_match(pattern + 2 + len, domain) :
		PEER_NO;
}

char *peer_ascii(const char *domain)
{
	gnutls_datum_t out;
	char *copy;

	if (gnutls_idna_map(domain, (unsigned)strlen(domain), &out, 0) < 0)
		return NULL;
	copy = mem_strndup((const char *)out.data, out.size);
	gnutls_free(out.data);
	for (char *c = copy; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	}
	return copy;
}

static enum peer_match xmpp_match(const char *address, const char *ascii)
{
	enum peer_match found = PEER_NO;
	char *other;

	if (strpbrk(address, "@/") != NULL)
		return PEER_NO;
	other = peer_ascii(address);
	if (other != NULL && strcmp(other, ascii) == 0)
		found = PEER_EXACT;
	free(other);
	return found;
}

enum peer_match peer_names_ascii(const struct peer *p, const char *ascii, const char *service)
{
	enum peer_match best = PEER_NO;

	for (size_t i = 0; best != PEER_EXACT && i < p->names.count; i++) {
		const struct name *n = &p->names.items[i];
		enum peer_match match;

		if (n->kind == NAME_DNS)
			match = dns_match(n->text, ascii);
		else if (n->kind == NAME_SRV)
			match = srv_match(n->text, ascii, service);
		else
			match = xmpp_match(n->text, ascii);
		if (match > best)
			best = match;
	}
	return best;
}

bool peer_names(const struct peer *p, const char *domain, const char *service)
{
	char *ascii = peer_ascii(domain);
	bool found = ascii != NULL && peer_names_ascii(p, ascii, service) != PEER_NO;

	free(ascii);
	return found;
}

const char *peer_name(const struct peer *p, size_t i)
{
	return i < p->names.count ? p->names.items[i].text : NULL;
}

void peer_addresses(const struct peer *p, peer_address_fn *fn, void *ctx)
{
	for (size_t i = 0; i < p->names.count; i++) {
		if (p->names.items[i].kind == NAME_XMPP)
			fn(p->names.items[i].text, ctx);
	}
}

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
	char *problem;
	unsigned char fingerprint[32];
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

const unsigned char *peer_fingerprint(const struct peer *p)
{
	return p->fingerprint;
}

/* RFC 9525 6.3: labels are compared whole; "*" may be the left-most one, of three or more. */
static bool dns_match(const char *pattern, const char *domain)
{
	const char *dot;

	if (strncmp(pattern, "*.", 2) != 0)
		return strcasecmp(pattern, domain) == 0;
	dot = strchr(domain, '.');
	return dot != NULL && dot != domain && strchr(pattern + 2, '.') != NULL &&
		strcasecmp(pattern + 1, dot) == 0;
}

static bool srv_match(const char *pattern, const char *domain, const char *service)
{
	size_t len = service != NULL ? strlen(service) : 0;

	return len > 0 && pattern[0] == '_' && strncasecmp(pattern + 1, service, len) == 0 &&
		pattern[1 + len] == '.' && dns_match(pattern + 2 + len, domain);
}

/* A domain as DNS writes it; the caller frees it with gnutls_free. */
static char *to_ascii(const char *domain)
{
	gnutls_datum_t out;

	if (gnutls_idna_map(domain, (unsigned)strlen(domain), &out, 0) < 0)
		return NULL;
	return (char *)out.data;
}

static bool xmpp_match(const char *address, const char *ascii)
{
	char *other;
	bool same;

	if (strpbrk(address, "@/") != NULL)
		return false;
	other = to_ascii(address);
	same = other != NULL && strcasecmp(other, ascii) == 0;
	gnutls_free(other);
	return same;
}

bool peer_names(const struct peer *p, const char *domain, const char *service)
{
	char *ascii = to_ascii(domain);
	bool found = false;

	for (size_t i = 0; ascii != NULL && !found && i < p->names.count; i++) {
		const struct name *n = &p->names.items[i];

		if (n->kind == NAME_DNS)
			found = dns_match(n->text, ascii);
		else if (n->kind == NAME_SRV)
			found = srv_match(n->text, ascii, service);
		else
			found = xmpp_match(n->text, ascii);
	}
	gnutls_free(ascii);
	return found;
}

void peer_addresses(const struct peer *p, peer_address_fn *fn, void *ctx)
{
	for (size_t i = 0; i < p->names.count; i++) {
		if (p->names.items[i].kind == NAME_XMPP)
			fn(p->names.items[i].text, ctx);
	}
}

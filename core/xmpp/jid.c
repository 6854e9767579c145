/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* jid.c - see jid.h and <tercet/jid.h>. RFC 7622 grammar with the stringprep profiles of
 * RFC 6122, which every deployed server compares by. */
#include "core/xmpp/jid.h"

#include "core/base/hash.h"
#include "core/base/mem.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>
#include <stringprep.h>
#include <strings.h>
#include <unistr.h>

#define PART_MAX 1023

struct tct_jid {
	uint32_t refs;
	uint16_t node_len, domain_len, resource_len;
	bool has_node, has_resource;
	/* "node@domain/resource" NUL "node@domain" NUL "node" NUL "domain" NUL; the resource is
	 * the tail of the first. Where the bare text is the full one it is not repeated. */
	uint16_t bare_at, node_at, domain_at;
	uint64_t node_hash; /* 0: not computed yet */
	char text[];
};

size_t jid_bare_len(const struct tct_jid *jid)
{
	return jid->domain_len + (jid->has_node ? jid->node_len + 1u : 0);
}

size_t jid_len(const struct tct_jid *jid)
{
	return jid_bare_len(jid) + (jid->has_resource ? jid->resource_len + 1u : 0);
}

struct span jid_node_span(const struct tct_jid *jid)
{
	return span_make(jid->text + jid->node_at, jid->has_node ? jid->node_len : 0);
}

uint64_t jid_node_hash(const struct tct_jid *jid)
{
	struct span node = jid_node_span(jid);

	if (jid->node_hash == 0)
		((struct tct_jid *)jid)->node_hash = hash_bytes(node.data, node.len);
	return jid->node_hash;
}

/* ---- preparing the parts ---- */

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	}
	return true;
}

/* Runs a stringprep profile over `buf` (room for PART_MAX + 1 bytes after). */
static bool profile(struct span in, const Stringprep_profile *p, char *buf, size_t room)
{
	if (in.len >= room || memchr(in.data, '\0', in.len) != NULL ||
		u8_check((const uint8_t *)in.data, in.len) != NULL)
		return false;
	memcpy(buf, in.data, in.len);
	buf[in.len] = '\0';
	return stringprep(buf, room, 0, p) == STRINGPREP_OK && *buf != '\0' &&
		strlen(buf) <= PART_MAX;
}

/* ASCII that nodeprep forbids (RFC 6122 A.5). */
static bool forbidden_in_node(unsigned char c)
{
	return c <= 0x20 || c == 0x7f || strchr("\"&'/:<>@", c) != NULL;
}

static bool prepare_node(struct span in, char *buf, size_t room)
{
	if (in.len == 0)
		return false;
	if (!is_ascii(in))
		return profile(in, stringprep_xmpp_nodeprep, buf, room);
	if (in.len > PART_MAX)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.data[i];

		if (forbidden_in_node(c))
			return false;
		buf[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	buf[in.len] = '\0';
	return true;
}

static bool prepare_resource(struct span in, char *buf, size_t room)
{
	if (in.len == 0)
		return false;
	if (!is_ascii(in))
		return profile(in, stringprep_xmpp_resourceprep, buf, room);
	if (in.len > PART_MAX)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		if ((unsigned char)in.data[i] < 0x20 || in.data[i] == 0x7f)
			return false;
	}
	memcpy(buf, in.data, in.len);
	buf[in.len] = '\0';
	return true;
}

/* Labels of letters, digits, hyphens and underscores, 1 to 63 bytes each. */
static bool plain_domain(struct span in, char *buf)
{
	size_t label = 0;

	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.data[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 32);
		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			c == '_') {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
		buf[i] = (char)c;
	}
	buf[in.len] = '\0';
	return label > 0;
}

/* "[...]" around an IPv6 address, which is left in one spelling (RFC 5952). */
static bool ipv6_literal(struct span in, char *buf)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	size_t len;

	if (in.len < 4 || in.len - 2 >= sizeof text || in.data[in.len - 1] != ']' ||
		memchr(in.data, '\0', in.len) != NULL)
		return false;
	memcpy(text, in.data + 1, in.len - 2);
	text[in.len - 2] = '\0';
	if (inet_pton(AF_INET6, text, &addr) != 1 ||
		inet_ntop(AF_INET6, &addr, text, sizeof text) == NULL)
		return false;
	len = strlen(text);
	buf[0] = '[';
	memcpy(buf + 1, text, len);
	memcpy(buf + 1 + len, "]", 2);
	return true;
}

/* True when a label may be an A-label: it is then not yet in its one spelling. */
static bool has_ace(struct span s)
{
	for (size_t i = 0; i + 4 <= s.len; i++) {
		if ((i == 0 || s.data[i - 1] == '.') && strncasecmp(s.data + i, "xn--", 4) == 0)
			return true;
	}
	return false;
}

/* The A-labels of a domain, in `buf`. The library lets pass what no label may hold, so what
 * it says goes through plain_domain. */
static bool to_ascii(const char *text, char *buf)
{
	char *ascii = NULL;
	size_t len;
	bool ok;

	if (idn2_lookup_u8((const uint8_t *)text, (uint8_t **)&ascii,
		    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	len = strlen(ascii);
	if (len > 0 && ascii[len - 1] == '.') /* any full stop */
		len--;
	ok = len <= PART_MAX && plain_domain(span_make(ascii, len), buf);
	idn2_free(ascii);
	return ok;
}

/* To A-labels, to Unicode, and to A-labels again: what IDNA cannot say is no domain, nor is
 * an A-label that stands for something that has another one; one spelling is left. */
static bool idna_domain(struct span in, char *buf)
{
	char text[PART_MAX + 2], ascii[PART_MAX + 1], *unicode = NULL;
	bool ok = false;
	size_t len;

	if (memchr(in.data, '\0', in.len) != NULL ||
		u8_check((const uint8_t *)in.data, in.len) != NULL)
		return false;
	memcpy(text, in.data, in.len);
	text[in.len] = '\0';
	if (to_ascii(text, ascii) && idn2_to_unicode_8z8z(ascii, &unicode, 0) == IDN2_OK) {
		len = strlen(unicode);
		ok = len > 0 && len <= PART_MAX && strpbrk(unicode, "@/") == NULL &&
			to_ascii(unicode, buf) && strcmp(ascii, buf) == 0;
	}
	if (ok)
		memcpy(buf, unicode, len + 1);
	idn2_free(unicode);
	return ok;
}

/* `buf` has room for PART_MAX bytes and a NUL. */
static bool prepare_domain(struct span in, char *buf)
{
	struct span root = in; /* with the dot of the root, if it has one */

	if (in.len > 0 && in.data[in.len - 1] == '.')
		in.len--;
	if (in.len == 0 || in.len > PART_MAX)
		return false;
	if (in.data[0] == '[')
		return ipv6_literal(in, buf);
	if (is_ascii(in) && !has_ace(in))
		return plain_domain(in, buf);
	return idna_domain(root, buf);
}

char *jid_prepare_domain(const char *text)
{
	char buf[PART_MAX + 1];

	return prepare_domain(span_of(text), buf) ? mem_strdup(buf) : NULL;
}

/* ---- making ---- */

static const struct tct_jid *build(const char *node, const char *domain, const char *resource)
{
	size_t node_len = node != NULL ? strlen(node) : 0, domain_len = strlen(domain);
	size_t resource_len = resource != NULL ? strlen(resource) : 0;
	size_t bare = domain_len + (node != NULL ? node_len + 1 : 0);
	size_t full = bare + (resource != NULL ? resource_len + 1 : 0);
	size_t room = full + 1 + (resource != NULL ? bare + 1 : 0) +
		(node != NULL ? node_len + 1 + domain_len + 1 : 0);
	struct tct_jid *j = mem_alloc(sizeof *j + room);
	char *at = j->text;

	j->refs = 1;
	j->node_hash = 0;
	j->node_len = (uint16_t)node_len;
	j->domain_len = (uint16_t)domain_len;
	j->resource_len = (uint16_t)resource_len;
	j->has_node = node != NULL;
	j->has_resource = resource != NULL;
	if (node != NULL) {
		memcpy(at, node, node_len);
		at += node_len;
		*at++ = '@';
	}
	memcpy(at, domain, domain_len);
	at += domain_len;
	if (resource != NULL) {
		*at++ = '/';
		memcpy(at, resource, resource_len);
		at += resource_len;
	}
	*at++ = '\0';
	j->bare_at = 0;
	if (resource != NULL) {
		j->bare_at = (uint16_t)(at - j->text);
		memcpy(at, j->text, bare);
		at += bare;
		*at++ = '\0';
	}
	j->node_at = j->domain_at = j->bare_at;
	if (node != NULL) {
		j->node_at = (uint16_t)(at - j->text);
		memcpy(at, node, node_len + 1);
		at += node_len + 1;
		j->domain_at = (uint16_t)(at - j->text);
		memcpy(at, domain, domain_len + 1);
	}
	return j;
}

static const struct tct_jid *make(const struct span *node, struct span domain,
	const struct span *resource)
{
	char n[4 * PART_MAX], d[PART_MAX + 1], r[4 * PART_MAX];

	if (node != NULL && !prepare_node(*node, n, sizeof n))
		return NULL;
	if (resource != NULL && !prepare_resource(*resource, r, sizeof r))
		return NULL;
	if (!prepare_domain(domain, d))
		return NULL;
	return build(node != NULL ? n : NULL, d, resource != NULL ? r : NULL);
}

const struct tct_jid *tct_jid_new_n(const char *text, size_t len)
{
	/* First the first '/', then the first '@' before it (security rule 32). */
	const char *slash = memchr(text, '/', len);
	size_t bare = slash != NULL ? (size_t)(slash - text) : len;
	const char *at = memchr(text, '@', bare);
	struct span node, domain = { text, bare }, resource;

	if (at != NULL) {
		node = span_make(text, (size_t)(at - text));
		domain = span_make(at + 1, bare - node.len - 1);
	}
	if (slash != NULL)
		resource = span_make(slash + 1, len - bare - 1);
	return make(at != NULL ? &node : NULL, domain, slash != NULL ? &resource : NULL);
}

const struct tct_jid *tct_jid_new(const char *text)
{
	return tct_jid_new_n(text, strlen(text));
}

const struct tct_jid *tct_jid_make(const char *node, const char *domain, const char *resource)
{
	struct span n = span_of(node), r = span_of(resource);

	return make(node != NULL ? &n : NULL, span_of(domain), resource != NULL ? &r : NULL);
}

const struct tct_jid *tct_jid_ref(const struct tct_jid *jid)
{
	if (jid != NULL)
		((struct tct_jid *)jid)->refs++;
	return jid;
}

void tct_jid_unref(const struct tct_jid *jid)
{
	if (jid != NULL && --((struct tct_jid *)jid)->refs == 0)
		free((struct tct_jid *)jid);
}

const struct tct_jid *tct_jid_bare(const struct tct_jid *jid)
{
	if (!jid->has_resource)
		return tct_jid_ref(jid);
	return build(tct_jid_node(jid), tct_jid_domain(jid), NULL);
}

/* ---- asking ---- */

const char *tct_jid_text(const struct tct_jid *jid)
{
	return jid->text;
}

const char *tct_jid_node(const struct tct_jid *jid)
{
	return jid->has_node ? jid->text + jid->node_at : NULL;
}

const char *tct_jid_domain(const struct tct_jid *jid)
{
	return jid->text + jid->domain_at;
}

const char *tct_jid_resource(const struct tct_jid *jid)
{
	return jid->has_resource ? jid->text + jid_bare_len(jid) + 1 : NULL;
}

const char *tct_jid_bare_text(const struct tct_jid *jid)
{
	return jid->text + jid->bare_at;
}

bool tct_jid_equal(const struct tct_jid *a, const struct tct_jid *b)
{
	if (a == b)
		return true;
	return a != NULL && b != NULL && jid_len(a) == jid_len(b) &&
		memcmp(a->text, b->text, jid_len(a)) == 0 && a->has_node == b->has_node &&
		jid_bare_len(a) == jid_bare_len(b);
}

bool tct_jid_equal_bare(const struct tct_jid *a, const struct tct_jid *b)
{
	if (a == b)
		return true;
	return a != NULL && b != NULL && jid_bare_len(a) == jid_bare_len(b) &&
		a->has_node == b->has_node && memcmp(a->text, b->text, jid_bare_len(a)) == 0;
}

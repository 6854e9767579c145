/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* hash.c - see hash.h. Everything is put together from pieces that are sorted by their octets
 * and joined; what an answer can hold is bounded by the size of a stanza. */
#include "modules/mod_caps/hash.h"

#include <gnutls/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_DATA "jabber:x:data"
#define NS_XML "http://www.w3.org/XML/1998/namespace"

/* ---- pieces ---- */

struct pieces {
	char **items;
	size_t count, room;
	bool twice; /* two were equal when they were joined */
};

static char *format(const char *fmt, ...) TCT_PRINTF(1, 2);
static char *format(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	return text;
}

/* Takes the text. */
static void add(struct pieces *p, char *text)
{
	if (p->count == p->room) {
		p->room = p->room > 0 ? 2 * p->room : 16;
		p->items = reallocarray(p->items, p->room, sizeof *p->items);
		if (p->items == NULL)
			abort();
	}
	p->items[p->count++] = text;
}

static int by_octets(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All pieces in order, `end` behind each; the pieces are gone then. */
static char *join(struct pieces *p, const char *end)
{
	size_t len = 1, more = strlen(end);
	char *text, *at;

	if (p->count > 0)
		qsort(p->items, p->count, sizeof *p->items, by_octets);
	for (size_t i = 0; i < p->count; i++) {
		len += strlen(p->items[i]) + more;
		if (i > 0 && strcmp(p->items[i], p->items[i - 1]) == 0)
			p->twice = true;
	}
	text = at = malloc(len);
	if (text == NULL)
		abort();
	for (size_t i = 0; i < p->count; i++) {
		size_t piece = strlen(p->items[i]);

		memcpy(at, p->items[i], piece);
		memcpy(at + piece, end, more);
		at += piece + more;
		free(p->items[i]);
	}
	*at = '\0';
	free(p->items);
	p->items = NULL;
	p->count = p->room = 0;
	return text;
}

static void drop(struct pieces *p)
{
	free(join(p, ""));
}

/* ---- the answer ---- */

static const char *attr(const struct tct_elem *e, const char *name)
{
	const char *text = tct_attr(e, name);

	return text != NULL ? text : "";
}

static const char *lang(const struct tct_elem *e)
{
	const char *text = tct_attr_ns(e, NS_XML, "lang");

	return text != NULL ? text : "";
}

static bool is_form(const struct tct_elem *e)
{
	return tct_elem_is(e, NS_DATA, "x");
}

static bool is_type_field(const struct tct_elem *field)
{
	return tct_elem_is(field, NS_DATA, "field") &&
		strcmp(attr(field, "var"), "FORM_TYPE") == 0;
}

/* XEP-0068: the one value of the hidden field FORM_TYPE; NULL: it has none. `*bad`: more. */
static const char *form_type(const struct tct_elem *form, bool *bad)
{
	const char *type = NULL;
	bool hidden = false;

	tct_elem_each (field, form) {
		if (!is_type_field(field))
			continue;
		hidden = strcmp(attr(field, "type"), "hidden") == 0;
		tct_elem_each (value, field) {
			if (!tct_elem_is(value, NS_DATA, "value"))
				continue;
			if (type != NULL && strcmp(type, tct_elem_text(value)) != 0)
				*bad = true;
			type = tct_elem_text(value);
		}
	}
	return hidden ? type : NULL;
}

/* ---- XEP-0115 ---- */

/* Between the parts of an identity while they are sorted: a byte that XML does not have. */
#define PART '\x01'

/* "/" in a part would be one of an identity with other parts. */
static bool add_identity_1(struct pieces *p, const struct tct_elem *e)
{
	const char *category = attr(e, "category"), *type = attr(e, "type"), *l = lang(e);
	const char *name = attr(e, "name");

	if (*category == '\0' || *type == '\0' || strpbrk(category, "/<") != NULL ||
		strpbrk(type, "/<") != NULL || strpbrk(l, "/<") != NULL ||
		strchr(name, '<') != NULL)
		return false;
	add(p, format("%s%c%s%c%s%c%s", category, PART, type, PART, l, PART, name));
	return true;
}

static bool add_feature_1(struct pieces *p, const struct tct_elem *e)
{
	const char *var = attr(e, "var");

	if (*var == '\0' || strchr(var, '<') != NULL)
		return false;
	add(p, format("%s", var));
	return true;
}

/* A field whose name has a colon reads like two features, and one without a value like one:
 * an answer could hide features of another in it. */
static bool add_field_1(struct pieces *fields, const struct tct_elem *field)
{
	const char *var = attr(field, "var");
	struct pieces values = { 0 };
	bool ok = *var != '\0' && strpbrk(var, "<:") == NULL;
	char *text;

	tct_elem_each (value, field) {
		if (!tct_elem_is(value, NS_DATA, "value"))
			continue;
		ok &= strchr(tct_elem_text(value), '<') == NULL;
		add(&values, format("%s", tct_elem_text(value)));
	}
	ok &= values.count > 0;
	text = join(&values, "<");
	add(fields, format("%s%c%s", var, PART, text));
	free(text);
	return ok;
}

/* A form without a type is left out (section 5.4, 3.6). */
static bool add_form_1(struct pieces *forms, struct pieces *types, const struct tct_elem *form)
{
	struct pieces fields = { 0 };
	bool bad = false;
	const char *type = form_type(form, &bad);
	char *text;

	if (bad || (type != NULL && strchr(type, '<') != NULL))
		return false;
	if (type == NULL)
		return true;
	tct_elem_each (field, form) {
		if (tct_elem_is(field, NS_DATA, "field") && !is_type_field(field))
			bad |= !add_field_1(&fields, field);
	}
	text = join(&fields, "");
	add(forms, format("%s%c%s", type, PART, text));
	add(types, format("%s", type));
	free(text);
	return !bad;
}

static void parts_become(char *text, char c)
{
	for (; *text != '\0'; text++) {
		if (*text == PART)
			*text = c;
	}
}

char *caps_text_1(const struct tct_elem *query)
{
	struct pieces identities = { 0 }, features = { 0 }, forms = { 0 }, types = { 0 };
	char *i, *f, *x, *text = NULL;
	bool ok = true;

	tct_elem_each (e, query) {
		if (tct_elem_is(e, NS_INFO, "identity"))
			ok &= add_identity_1(&identities, e);
		else if (tct_elem_is(e, NS_INFO, "feature"))
			ok &= add_feature_1(&features, e);
		else if (is_form(e))
			ok &= add_form_1(&forms, &types, e);
	}
	i = join(&identities, "<");
	f = join(&features, "<");
	x = join(&forms, "");
	drop(&types);
	parts_become(i, '/');
	parts_become(x, '<');
	if (ok && !identities.twice && !features.twice && !types.twice)
		text = format("%s%s%s", i, f, x);
	free(i);
	free(f);
	free(x);
	return text;
}

/* ---- XEP-0390 ---- */

static bool add_field_2(struct pieces *fields, const struct tct_elem *field)
{
	struct pieces values = { 0 };
	char *text;

	tct_elem_each (value, field) {
		if (tct_elem_is(value, NS_DATA, "value"))
			add(&values, format("%s\x1f", tct_elem_text(value)));
	}
	text = join(&values, "");
	add(fields, format("%s\x1f%s\x1e", attr(field, "var"), text));
	free(text);
	return true;
}

static bool add_form_2(struct pieces *forms, const struct tct_elem *form)
{
	struct pieces fields = { 0 };
	bool bad = false, ok = form_type(form, &bad) != NULL;
	char *text;

	tct_elem_each (e, form) {
		if (tct_elem_is(e, NS_DATA, "reported") || tct_elem_is(e, NS_DATA, "item"))
			bad = true;
		else if (tct_elem_is(e, NS_DATA, "field"))
			add_field_2(&fields, e);
	}
	text = join(&fields, "");
	add(forms, format("%s\x1d", text));
	free(text);
	return ok && !bad;
}

char *caps_text_2(const struct tct_elem *query)
{
	struct pieces identities = { 0 }, features = { 0 }, forms = { 0 };
	char *i, *f, *x, *text = NULL;
	bool ok = true;

	tct_elem_each (e, query) {
		if (tct_elem_is(e, NS_INFO, "identity"))
			add(&identities, format("%s\x1f%s\x1f%s\x1f%s\x1f\x1e", attr(e, "category"),
						 attr(e, "type"), lang(e), attr(e, "name")));
		else if (tct_elem_is(e, NS_INFO, "feature"))
			add(&features, format("%s\x1f", attr(e, "var")));
		else if (is_form(e))
			ok &= add_form_2(&forms, e);
		else
			ok = false;
	}
	f = join(&features, "");
	i = join(&identities, "");
	x = join(&forms, "");
	if (ok)
		text = format("%s\x1c%s\x1c%s\x1c", f, i, x);
	free(i);
	free(f);
	free(x);
	return text;
}

/* ---- hashes ---- */

static const struct {
	const char *name;
	gnutls_digest_algorithm_t digest;
} algorithms[] = {
	{ "sha-1", GNUTLS_DIG_SHA1 },
	{ "sha-256", GNUTLS_DIG_SHA256 },
	{ "sha-512", GNUTLS_DIG_SHA512 },
	{ "sha3-256", GNUTLS_DIG_SHA3_256 },
	{ "sha3-512", GNUTLS_DIG_SHA3_512 },
};
#define ALGORITHMS (sizeof algorithms / sizeof *algorithms)

static size_t find(const char *algorithm)
{
	size_t i = 0;

	while (i < ALGORITHMS && strcmp(algorithms[i].name, algorithm) != 0)
		i++;
	return i;
}

bool caps_hash_known(const char *algorithm)
{
	return find(algorithm) < ALGORITHMS;
}

bool caps_hash(const char *algorithm, const char *text, char out[CAPS_HASH_SIZE])
{
	size_t i = find(algorithm);
	unsigned char bytes[64];
	gnutls_datum_t data = { bytes, 0 }, encoded;

	if (i == ALGORITHMS || gnutls_hash_fast(algorithms[i].digest, text, strlen(text), bytes) < 0)
		return false;
	data.size = gnutls_hash_get_len(algorithms[i].digest);
	if (gnutls_base64_encode2(&data, &encoded) < 0)
		return false;
	snprintf(out, CAPS_HASH_SIZE, "%.*s", (int)encoded.size, (const char *)encoded.data);
	gnutls_free(encoded.data);
	return true;
}

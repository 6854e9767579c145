/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* write.c - see write.h. The tree is walked by its links, not by recursion. */
#include "core/xml/write.h"

#include <stdio.h>
#include <string.h>

/* What a byte is replaced by; NULL: itself. */
static const char *const escapes[256] = {
	['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['\''] = "&apos;", ['"'] = "&quot;",
	['\r'] = "&#13;",
};
static const char *const attr_escapes[256] = {
	['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['\''] = "&apos;", ['"'] = "&quot;",
	['\r'] = "&#13;", ['\n'] = "&#10;", ['\t'] = "&#9;",
};

typedef unsigned char block __attribute__((vector_size(16)));

/* True when one of the 16 bytes may have to be replaced: & ' < > " or a control character. */
static bool is_special(const char *at)
{
	block b, hit;
	uint64_t halves[2];

	memcpy(&b, at, sizeof b);
	hit = (block)((b | 1) == '\'') | (block)((b | 2) == '>') | (block)(b == '"') |
		(block)(b < 0x20);
	memcpy(halves, &hit, sizeof halves);
	return (halves[0] | halves[1]) != 0;
}

/* The first byte from `i` on that is replaced, or the end. */
static size_t find_special(struct span text, size_t i, const char *const *table)
{
	for (;;) {
		size_t stop = text.len;

		if (text.len - i >= sizeof(block)) {
			stop = i + sizeof(block);
			if (!is_special(text.data + i))
				i = stop;
		}
		for (; i < stop; i++) {
			if (table[(unsigned char)text.data[i]] != NULL)
				return i;
		}
		if (i == text.len)
			return i;
	}
}

static void escape(struct str *out, struct span text, const char *const *table)
{
	size_t from = 0;

	for (;;) {
		size_t at = find_special(text, from, table);

		str_append_n(out, text.data + from, at - from);
		if (at == text.len)
			return;
		str_append(out, table[(unsigned char)text.data[at]]);
		from = at + 1;
	}
}

void write_escaped(struct str *out, struct span text)
{
	escape(out, text, escapes);
}

void write_attr(struct str *out, const char *name, struct span value)
{
	size_t len = strlen(name);
	char *at = str_reserve(out, len + value.len + 4);

	at[0] = ' ';
	memcpy(at + 1, name, len);
	at[len + 1] = '=';
	at[len + 2] = '\'';
	out->len += len + 3;
	escape(out, value, attr_escapes);
	str_append_char(out, '\'');
}

/* The prefix that an element must have: that of streams, bound by their header, and xml,
 * whose namespace no declaration may name. NULL: it stands in the default namespace. */
static const char *prefix_of(const struct tct_elem *e)
{
	if (strcmp(e->ns, NS_STREAM) == 0)
		return "stream:";
	return strcmp(e->ns, NS_XML) == 0 ? "xml:" : NULL;
}

/* The default namespace in force where the children of `e` stand. */
static const char *default_ns(const struct tct_elem *e, const struct tct_elem *root,
	const char *around)
{
	while (prefix_of(e) != NULL) {
		if (e == root)
			return around;
		e = e->parent;
	}
	return e->ns;
}

static void write_attrs(struct str *out, const struct tct_elem *e)
{
	int prefixes = 0;

	for (const struct elem_attr *a = e->attrs; a != NULL; a = a->next) {
		struct span value = { a->value, a->value_len };
		char name[24];

		if (a->ns == NULL) {
			write_attr(out, a->name, value);
			continue;
		}
		if (strcmp(a->ns, NS_XML) == 0) {
			str_append(out, " xml:");
		} else {
			snprintf(name, sizeof name, "xmlns:a%d", prefixes);
			write_attr(out, name, span_of(a->ns));
			str_printf(out, " a%d:", prefixes++);
		}
		str_append(out, a->name);
		str_append_n(out, "='", 2);
		escape(out, value, attr_escapes);
		str_append_char(out, '\'');
	}
}

static void write_name(struct str *out, const struct tct_elem *e)
{
	const char *prefix = prefix_of(e);

	if (prefix != NULL)
		str_append(out, prefix);
	str_append(out, e->name);
}

static void open_tag(struct str *out, const struct tct_elem *e, const char *around)
{
	str_append_char(out, '<');
	write_name(out, e);
	if (e->ns != around && strcmp(e->ns, around) != 0 && prefix_of(e) == NULL)
		write_attr(out, "xmlns", span_of(e->ns));
	write_attrs(out, e);
	if (e->first == NULL)
		str_append_n(out, "/>", 2);
	else
		str_append_char(out, '>');
}

static void close_tag(struct str *out, const struct tct_elem *e)
{
	str_append_n(out, "</", 2);
	write_name(out, e);
	str_append_char(out, '>');
}

/* `root` itself and what is in it. */
static void write_tree(struct str *out, const struct tct_elem *root, const char *around)
{
	const struct tct_elem *at = root;

	for (;;) {
		if (at->name == NULL) {
			write_escaped(out, span_make(at->text, at->len));
		} else {
			open_tag(out, at,
				at == root ? around : default_ns(at->parent, root, around));
			if (at->first != NULL) {
				at = at->first;
				continue;
			}
		}
		while (at != root && at->next == NULL) {
			at = at->parent;
			close_tag(out, at);
		}
		if (at == root)
			return;
		at = at->next;
	}
}

void write_elem(struct str *out, const struct tct_elem *e, const char *ns_around)
{
	write_tree(out, e, ns_around);
}

void write_children(struct str *out, const struct tct_elem *e)
{
	for (const struct tct_elem *c = e->first; c != NULL; c = c->next)
		write_tree(out, c, e->ns);
}

void write_prefixed(struct str *out, const struct tct_elem *e, const char *prefix)
{
	str_printf(out, "<%s%s", prefix, e->name);
	write_attrs(out, e);
	if (e->first == NULL) {
		str_append_n(out, "/>", 2);
		return;
	}
	str_append_char(out, '>');
	for (const struct tct_elem *c = e->first; c != NULL; c = c->next) {
		if (c->name == NULL)
			write_escaped(out, span_make(c->text, c->len));
		else
			write_tree(out, c, "jabber:client");
	}
	str_printf(out, "</%s%s>", prefix, e->name);
}

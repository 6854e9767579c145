/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* elem.c - see elem.h and <tercet/xml.h>. */
#include "core/xml/elem.h"

#include "core/base/assert.h"
#include "core/xml/name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tct_elem *node_new(struct arena *a)
{
	struct tct_elem *e = arena_zalloc(a, sizeof *e);

	e->arena = a;
	return e;
}

static void set_name(struct tct_elem *e, const char *ns, const char *name)
{
	e->id = name_find(span_of(ns), span_of(name));
	e->ns = e->id != 0 ? name_ns(e->id) : arena_strdup(e->arena, ns);
	e->name = e->id != 0 ? name_local(e->id) : arena_strdup(e->arena, name);
}

static void append(struct tct_elem *parent, struct tct_elem *e)
{
	e->parent = parent;
	if (parent->last != NULL)
		parent->last->next = e;
	else
		parent->first = e;
	parent->last = e;
}

struct tct_elem *elem_new(struct arena *a, const char *ns, const char *name)
{
	struct tct_elem *e = node_new(a);

	set_name(e, ns, name);
	return e;
}

struct tct_elem *elem_add(struct tct_elem *parent, const char *ns, const char *name)
{
	struct tct_elem *e = node_new(parent->arena);

	if (ns == NULL || ns == parent->ns) {
		e->id = name_find(span_of(parent->ns), span_of(name));
		e->ns = parent->ns;
		e->name = e->id != 0 ? name_local(e->id) : arena_strdup(e->arena, name);
	} else {
		set_name(e, ns, name);
	}
	append(parent, e);
	return e;
}

struct arena *elem_arena(const struct tct_elem *e)
{
	return e->arena;
}

struct tct_elem *elem_walk(const struct tct_elem *root, const struct tct_elem *at, bool down)
{
	if (down && at->first != NULL)
		return at->first;
	while (at != root) {
		if (at->next != NULL)
			return at->next;
		at = at->parent;
	}
	return NULL;
}

void elem_adopt(struct tct_elem *parent, struct tct_elem *root)
{
	tct_assert(root->parent == NULL && root->arena == parent->arena);
	append(parent, root);
}

void elem_move(struct tct_elem *root, struct arena *a)
{
	for (struct tct_elem *e = root; e != NULL; e = elem_walk(root, e, true))
		e->arena = a;
}

static void copy_content(struct tct_elem *to, const struct tct_elem *from)
{
	struct elem_attr **at = &to->attrs;

	for (const struct elem_attr *x = from->attrs; x != NULL; x = x->next) {
		struct elem_attr *y = arena_alloc(to->arena, sizeof *y);

		y->next = NULL;
		y->ns = x->ns != NULL ? arena_strdup(to->arena, x->ns) : NULL;
		y->name = arena_strdup(to->arena, x->name);
		y->value = arena_strndup(to->arena, x->value, x->value_len);
		y->value_len = x->value_len;
		*at = y;
		at = &y->next;
	}
}

static struct tct_elem *copy_node(struct arena *a, struct tct_elem *parent,
	const struct tct_elem *from)
{
	struct tct_elem *e = node_new(a);

	if (from->name != NULL) {
		e->id = from->id;
		e->ns = from->id != 0 ? from->ns : arena_strdup(a, from->ns);
		e->name = from->id != 0 ? from->name : arena_strdup(a, from->name);
		copy_content(e, from);
	} else {
		e->text = arena_strndup(a, from->text, from->len);
		e->len = from->len;
	}
	if (parent != NULL)
		append(parent, e);
	return e;
}

static struct tct_elem *copy_tree(struct arena *a, struct tct_elem *parent,
	const struct tct_elem *from)
{
	struct tct_elem *root = copy_node(a, parent, from), *to = root;
	const struct tct_elem *at = from;

	/* `to` is always the copy of `at`. */
	for (;;) {
		if (at->first != NULL) {
			at = at->first;
			to = copy_node(a, to, at);
			continue;
		}
		while (at != from && at->next == NULL) {
			at = at->parent;
			to = to->parent;
		}
		if (at == from)
			return root;
		at = at->next;
		to = copy_node(a, to->parent, at);
	}
}

struct tct_elem *elem_copy(struct arena *a, const struct tct_elem *from)
{
	return copy_tree(a, NULL, from);
}

/* ---- reading ---- */

bool tct_elem_is(const struct tct_elem *e, const char *ns, const char *name)
{
	return e != NULL && e->name != NULL && strcmp(e->name, name) == 0 &&
		strcmp(e->ns, ns) == 0;
}

const char *tct_elem_name(const struct tct_elem *e)
{
	return e != NULL ? e->name : NULL;
}

const char *tct_elem_ns(const struct tct_elem *e)
{
	return e != NULL ? e->ns : NULL;
}

struct tct_elem *tct_elem_parent(const struct tct_elem *e)
{
	return e != NULL ? e->parent : NULL;
}

static struct tct_elem *element_from(struct tct_elem *e)
{
	while (e != NULL && e->name == NULL)
		e = e->next;
	return e;
}

struct tct_elem *tct_elem_first(const struct tct_elem *e)
{
	return e != NULL ? element_from(e->first) : NULL;
}

struct tct_elem *tct_elem_next(const struct tct_elem *e)
{
	return e != NULL ? element_from(e->next) : NULL;
}

struct tct_elem *tct_child(const struct tct_elem *e, const char *ns, const char *name)
{
	tct_elem_each (c, e) {
		if ((name == NULL || strcmp(c->name, name) == 0) &&
			(ns == NULL || strcmp(c->ns, ns) == 0))
			return c;
	}
	return NULL;
}

const char *tct_elem_text(const struct tct_elem *e)
{
	const struct tct_elem *only = NULL;
	size_t len = 0, parts = 0;
	char *joined, *at;

	if (e == NULL)
		return NULL;
	for (const struct tct_elem *c = e->first; c != NULL; c = c->next) {
		if (c->name != NULL)
			continue;
		only = c;
		len += c->len;
		parts++;
	}
	if (parts == 0)
		return "";
	if (parts == 1)
		return only->text;
	joined = at = arena_alloc(e->arena, len + 1);
	for (const struct tct_elem *c = e->first; c != NULL; c = c->next) {
		if (c->name != NULL)
			continue;
		memcpy(at, c->text, c->len);
		at += c->len;
	}
	*at = '\0';
	return joined;
}

const char *tct_child_text(const struct tct_elem *e, const char *ns, const char *name)
{
	return tct_elem_text(tct_child(e, ns, name));
}

static struct elem_attr *find_attr(const struct tct_elem *e, const char *ns, const char *name)
{
	if (e == NULL)
		return NULL;
	for (struct elem_attr *a = e->attrs; a != NULL; a = a->next) {
		if (strcmp(a->name, name) != 0)
			continue;
		if (ns == NULL ? a->ns == NULL : a->ns != NULL && strcmp(a->ns, ns) == 0)
			return a;
	}
	return NULL;
}

const char *tct_attr(const struct tct_elem *e, const char *name)
{
	const struct elem_attr *a = find_attr(e, NULL, name);

	return a != NULL ? a->value : NULL;
}

const char *tct_attr_ns(const struct tct_elem *e, const char *ns, const char *name)
{
	const struct elem_attr *a = find_attr(e, ns, name);

	return a != NULL ? a->value : NULL;
}

int tct_attr_int(const struct tct_elem *e, const char *name, int64_t *value)
{
	const char *text = tct_attr(e, name), *digits;
	char *end;
	long long n;

	if (text == NULL)
		return TCT_ENOENT;
	digits = *text == '-' || *text == '+' ? text + 1 : text;
	if (*digits < '0' || *digits > '9')
		return TCT_EINVAL;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (*end != '\0' || errno != 0)
		return TCT_EINVAL;
	*value = n;
	return TCT_OK;
}

/* ---- building ---- */

struct tct_elem *tct_add(struct tct_elem *parent, const char *ns, const char *name)
{
	return elem_add(parent, ns, name);
}

struct tct_elem *tct_add_text(struct tct_elem *parent, const char *name, const char *text)
{
	struct tct_elem *e = elem_add(parent, NULL, name);

	if (text != NULL)
		tct_text(e, text);
	return e;
}

/* Bytes of the character at `p` when it is one that XML 1.0 allows (2.2), else 0. */
static inline size_t allowed(const unsigned char *p, size_t len)
{
	uint32_t c;

	if (p[0] < 0x80)
		return p[0] >= 0x20 || p[0] == '\t' || p[0] == '\n' || p[0] == '\r' ? 1 : 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return len >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if ((p[0] & 0xf0) == 0xe0) {
		if (len < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		c = (uint32_t)(p[0] & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63u);
		return c >= 0x800 && (c < 0xd800 || c > 0xdfff) && c < 0xfffe ? 3 : 0;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (len < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
			(p[3] & 0xc0) != 0x80)
			return 0;
		c = (uint32_t)(p[0] & 7) << 18 | (uint32_t)(p[1] & 63) << 12 |
			(uint32_t)(p[2] & 63) << 6 | (p[3] & 63u);
		return c >= 0x10000 && c <= 0x10ffff ? 4 : 0;
	}
	return 0;
}

/* A copy in the arena in which what XML forbids is U+FFFD. */
/* How many bytes from the start on are ASCII without control characters, or a little less. */
static size_t plain(const char *text, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;

	for (; len - i >= sizeof ones; i += sizeof ones) {
		uint64_t w;

		memcpy(&w, text + i, sizeof w);
		if (((w | (w - ones * 0x20)) & ones * 0x80) != 0)
			break;
	}
	return i;
}

static const char *clean(struct arena *a, const char *text, size_t len, size_t *out_len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t bad = 0, n, at = 0;
	char *out;

	for (size_t i = plain(text, len); i < len; i += n > 0 ? n : 1) {
		n = allowed(p + i, len - i);
		bad += n == 0;
	}
	*out_len = len + 2 * bad;
	if (bad == 0)
		return arena_strndup(a, text, len);
	out = arena_alloc(a, *out_len + 1);
	for (size_t i = 0; i < len; i += n > 0 ? n : 1) {
		n = allowed(p + i, len - i);
		memcpy(out + at, n > 0 ? text + i : "\xef\xbf\xbd", n > 0 ? n : 3);
		at += n > 0 ? n : 3;
	}
	out[at] = '\0';
	return out;
}

void tct_text_n(struct tct_elem *e, const char *text, size_t len)
{
	struct tct_elem *t;
	size_t clean_len;

	if (len == 0)
		return;
	t = node_new(e->arena);
	t->text = clean(e->arena, text, len, &clean_len);
	t->len = (uint32_t)clean_len;
	append(e, t);
}

void elem_text_push(struct tct_elem *e, const char *text, size_t len)
{
	struct tct_elem *t = node_new(e->arena);

	t->text = arena_strndup(e->arena, text, len);
	t->len = (uint32_t)len;
	append(e, t);
}

void tct_text(struct tct_elem *e, const char *text)
{
	tct_text_n(e, text, strlen(text));
}

void elem_attr_push(struct tct_elem *e, const char *ns, const char *name, const char *value,
	size_t len)
{
	struct elem_attr *a = arena_alloc(e->arena, sizeof *a), **at = &e->attrs;

	*a = (struct elem_attr){ NULL, ns, name, value, (uint32_t)len };
	while (*at != NULL)
		at = &(*at)->next;
	*at = a;
}

void tct_set_ns(struct tct_elem *e, const char *ns, const char *name, const char *value)
{
	struct elem_attr *a = find_attr(e, ns, name), **at = &e->attrs;
	size_t len;

	if (value == NULL) {
		while (*at != NULL && *at != a)
			at = &(*at)->next;
		if (*at != NULL)
			*at = a->next;
		return;
	}
	value = clean(e->arena, value, strlen(value), &len);
	if (a != NULL) {
		a->value = value;
		a->value_len = (uint32_t)len;
		return;
	}
	elem_attr_push(e, ns != NULL ? arena_strdup(e->arena, ns) : NULL,
		arena_strdup(e->arena, name), value, len);
}

void tct_set(struct tct_elem *e, const char *name, const char *value)
{
	tct_set_ns(e, NULL, name, value);
}

void tct_set_int(struct tct_elem *e, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	tct_set(e, name, text);
}

struct tct_elem *tct_add_copy(struct tct_elem *parent, const struct tct_elem *from)
{
	return copy_tree(parent->arena, parent, from);
}

void tct_elem_remove(struct tct_elem *e)
{
	struct tct_elem *parent = e->parent, *before = NULL;

	tct_assert(parent != NULL);
	for (struct tct_elem *c = parent->first; c != e; c = c->next)
		before = c;
	if (before != NULL)
		before->next = e->next;
	else
		parent->first = e->next;
	if (parent->last == e)
		parent->last = before;
	e->parent = e->next = NULL;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* xml.h - elements: reading and building. An element lives in the arena of its stanza and
 * dies with it; nothing is freed singly. Strings given are copied into that arena; strings
 * returned are borrowed and live as long as the stanza. All readers accept NULL elements
 * and then return NULL or the default, so a chain of look-ups needs one check at its end. */
#pragma once

#include <tercet/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reading ---- */

/* True when `e` is not NULL and has this namespace and local name. */
TCT_API bool tct_elem_is(const struct tct_elem *e, const char *ns, const char *name);
TCT_API const char *tct_elem_name(const struct tct_elem *e);
TCT_API const char *tct_elem_ns(const struct tct_elem *e);
TCT_API struct tct_elem *tct_elem_parent(const struct tct_elem *e);
/* First child element; with tct_elem_next, text nodes are skipped. */
TCT_API struct tct_elem *tct_elem_first(const struct tct_elem *e);
TCT_API struct tct_elem *tct_elem_next(const struct tct_elem *e);
/* First child of that namespace and name; NULL for `ns` or `name` matches any. */
TCT_API struct tct_elem *tct_child(const struct tct_elem *e, const char *ns, const char *name);
/* Text of the element: all its text nodes joined, "" when it has none, NULL for NULL. */
TCT_API const char *tct_elem_text(const struct tct_elem *e);
/* tct_elem_text(tct_child(...)): NULL when there is no such child. */
TCT_API const char *tct_child_text(const struct tct_elem *e, const char *ns, const char *name);
/* Value of an attribute without namespace, NULL when absent. */
TCT_API const char *tct_attr(const struct tct_elem *e, const char *name);
/* Value of an attribute of namespace `ns` (for example the xml: namespace). */
TCT_API const char *tct_attr_ns(const struct tct_elem *e, const char *ns, const char *name);
/* Parses a whole decimal number; TCT_ENOENT absent, TCT_EINVAL not a number (*value is
 * then untouched). */
TCT_API int tct_attr_int(const struct tct_elem *e, const char *name, int64_t *value);

#define tct_elem_each(child, parent)                                                     \
	for (struct tct_elem *child = tct_elem_first(parent); child != NULL;             \
		child = tct_elem_next(child))

/* ---- building: the stanza must not be frozen ---- */

/* Appends a child element. `ns` NULL: the namespace of the parent. */
TCT_API struct tct_elem *tct_add(struct tct_elem *parent, const char *ns, const char *name);
/* tct_add(parent, NULL, name) with text inside; NULL text adds an empty element. */
TCT_API struct tct_elem *tct_add_text(struct tct_elem *parent, const char *name, const char *text);
/* Appends text to an element. Each byte that is no part of a character that XML allows
 * becomes U+FFFD. */
TCT_API void tct_text(struct tct_elem *e, const char *text);
TCT_API void tct_text_n(struct tct_elem *e, const char *text, size_t len);
/* Sets (replaces) an attribute; a NULL value removes it. */
TCT_API void tct_set(struct tct_elem *e, const char *name, const char *value);
TCT_API void tct_set_ns(struct tct_elem *e, const char *ns, const char *name, const char *value);
TCT_API void tct_set_int(struct tct_elem *e, const char *name, int64_t value);
/* Appends a deep copy of `from` (of any stanza) and returns the copy. */
TCT_API struct tct_elem *tct_add_copy(struct tct_elem *parent, const struct tct_elem *from);
/* Takes an element out of its parent. */
TCT_API void tct_elem_remove(struct tct_elem *e);

#ifdef __cplusplus
}
#endif

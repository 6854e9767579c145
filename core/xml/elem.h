/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* elem.h - the tree of elements behind <tercet/xml.h>. Nodes lie in an arena in document
 * order; nothing is freed singly. No function here calls itself: depth is the peer's. */
#pragma once

#include "core/base/arena.h"

#include <tercet/xml.h>

struct elem_attr {
	struct elem_attr *next;
	const char *ns; /* NULL: none */
	const char *name, *value;
	uint32_t value_len;
};

/* An element, or text (name NULL). */
struct tct_elem {
	struct arena *arena;
	const char *ns, *name;
	struct tct_elem *parent, *next, *first, *last;
	struct elem_attr *attrs;
	const char *text;
	uint32_t len; /* of the text */
	uint16_t id;  /* of the registry of names; 0: unknown */
};

/* A new root. The arena must outlive it and stay where it is, or be told by elem_move. */
struct tct_elem *elem_new(struct arena *a, const char *ns, const char *name);
/* A child at the end. */
struct tct_elem *elem_add(struct tct_elem *parent, const char *ns, const char *name);
/* A deep copy as a root of another arena. */
struct tct_elem *elem_copy(struct arena *a, const struct tct_elem *from);
struct arena *elem_arena(const struct tct_elem *e);
/* A root of the same arena becomes the last child of `parent`. */
void elem_adopt(struct tct_elem *parent, struct tct_elem *root);
/* The arena struct was moved to `a`: tells every node. */
void elem_move(struct tct_elem *root, struct arena *a);
/* The next node in document order inside `root`, NULL at the end; `down` false skips the
 * children of `at`. */
struct tct_elem *elem_walk(const struct tct_elem *root, const struct tct_elem *at, bool down);
/* Sets an attribute without a look for an older one of that name; strings are not copied. */
void elem_attr_push(struct tct_elem *e, const char *ns, const char *name, const char *value,
	size_t len);
/* Appends text that is known to be clean. */
void elem_text_push(struct tct_elem *e, const char *text, size_t len);

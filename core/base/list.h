/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* list.h - intrusive, circular, doubly linked list. A node that is in no list points to
 * itself, so that removing it twice is harmless. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define list_entry(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))
/* Walks the list `head`; the current node may be removed. */
#define list_each(node, head)                                                            \
	for (struct list *node = (head)->next, *node##_next_ = node->next;               \
		node != (head); node = node##_next_, node##_next_ = node->next)

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_after(struct list *at, struct list *node)
{
	node->prev = at;
	node->next = at->next;
	at->next->prev = node;
	at->next = node;
}

static inline void list_push(struct list *l, struct list *node) /* at the end */
{
	list_add_after(l->prev, node);
}

static inline void list_push_front(struct list *l, struct list *node)
{
	list_add_after(l, node);
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

static inline struct list *list_first(const struct list *l) /* NULL: empty */
{
	return list_empty(l) ? NULL : l->next;
}

static inline struct list *list_pop(struct list *l) /* NULL: empty */
{
	struct list *node = list_first(l);

	if (node != NULL)
		list_remove(node);
	return node;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

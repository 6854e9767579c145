/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* vec.h - a growable array of any type:
 *
 *	struct { int *items; size_t count, room; } v = { 0 };
 *	vec_push(&v, 42);
 *	vec_fini(&v);
 */
#pragma once

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define VEC(type)                                                                        \
	struct {                                                                         \
		type *items;                                                             \
		size_t count, room;                                                      \
	}

#define vec_reserve(v, n)                                                                \
	do {                                                                             \
		if ((n) > (v)->room) {                                                   \
			size_t room_ = (v)->room > 0 ? (v)->room * 2 : 8;                \
			if (room_ < (n))                                                 \
				room_ = (n);                                             \
			(v)->items = mem_realloc((v)->items, room_ * sizeof *(v)->items); \
			(v)->room = room_;                                               \
		}                                                                        \
	} while (0)

#define vec_push(v, item)                                                                \
	do {                                                                             \
		vec_reserve((v), (v)->count + 1);                                        \
		(v)->items[(v)->count++] = (item);                                       \
	} while (0)

/* Keeps the order of the rest. */
#define vec_remove(v, i)                                                                 \
	do {                                                                             \
		size_t at_ = (i);                                                        \
		memmove(&(v)->items[at_], &(v)->items[at_ + 1],                          \
			((v)->count - at_ - 1) * sizeof *(v)->items);                    \
		(v)->count--;                                                            \
	} while (0)

#define vec_fini(v)                                                                      \
	do {                                                                             \
		free((v)->items);                                                        \
		(v)->items = NULL;                                                       \
		(v)->count = (v)->room = 0;                                              \
	} while (0)

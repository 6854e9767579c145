/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* arena.h - memory that is freed all at once: a chain of chunks with a bump pointer. Chunks
 * of the standard size come from and go back to a free list of the thread. */
#pragma once

#include <stddef.h>

#define ARENA_CHUNK 4096 /* standard size, header included */

struct arena_chunk;
struct arena {
	struct arena_chunk *chunk; /* the newest */
	char *at, *end;
	size_t total;              /* bytes of all chunks */
};
struct arena_mark {
	struct arena_chunk *chunk;
	char *at;
};

void arena_init(struct arena *a); /* allocates nothing */
void arena_fini(struct arena *a);
/* For an arena that has allocated nothing: the first chunk has room for about `size` bytes
 * and no more, for what is small and kept for long. */
void arena_reserve(struct arena *a, size_t size);
/* Bytes that are in use, about. */
size_t arena_used(const struct arena *a);
/* 16-byte aligned, not zeroed, never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/* Unaligned, for text. */
char *arena_strndup(struct arena *a, const char *s, size_t len) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct arena_mark arena_mark(const struct arena *a);
/* Frees what was allocated since the mark. */
void arena_rewind(struct arena *a, struct arena_mark mark);
/* Frees the chunks that the calling thread keeps for later. */
void arena_trim(void);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* arena.c - see arena.h. The free list is per thread, so no lock is needed. */
#include "core/base/arena.h"

#include "core/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16
#define KEEP_MAX 256 /* chunks kept for later: 1 MiB */

struct arena_chunk {
	struct arena_chunk *older;
	size_t size; /* header included */
	_Alignas(ALIGNMENT) char bytes[];
};

static _Thread_local struct arena_chunk *kept;
static _Thread_local unsigned kept_count;

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

static void chunk_free(struct arena_chunk *c)
{
	if (c->size != ARENA_CHUNK || kept_count >= KEEP_MAX) {
		free(c);
		return;
	}
	c->older = kept;
	kept = c;
	kept_count++;
}

void arena_trim(void)
{
	while (kept != NULL) {
		struct arena_chunk *c = kept;

		kept = c->older;
		free(c);
	}
	kept_count = 0;
}

void arena_fini(struct arena *a)
{
	while (a->chunk != NULL) {
		struct arena_chunk *c = a->chunk;

		a->chunk = c->older;
		chunk_free(c);
	}
	arena_init(a);
}

static void add_chunk(struct arena *a, size_t size)
{
	size_t bytes = size + sizeof(struct arena_chunk) + ALIGNMENT;
	struct arena_chunk *c;

	if (bytes <= ARENA_CHUNK && kept != NULL) {
		c = kept;
		kept = c->older;
		kept_count--;
	} else {
		if (bytes < ARENA_CHUNK)
			bytes = ARENA_CHUNK;
		c = mem_alloc(bytes);
		c->size = bytes;
	}
	c->older = a->chunk;
	a->chunk = c;
	a->at = c->bytes;
	a->end = (char *)c + c->size;
	a->total += c->size;
}

void arena_reserve(struct arena *a, size_t size)
{
	size_t bytes = size + sizeof(struct arena_chunk) + ALIGNMENT;
	struct arena_chunk *c;

	if (bytes >= ARENA_CHUNK)
		return;
	c = mem_alloc(bytes);
	c->size = bytes;
	c->older = a->chunk;
	a->chunk = c;
	a->at = c->bytes;
	a->end = (char *)c + bytes;
	a->total += bytes;
}

size_t arena_used(const struct arena *a)
{
	return a->total - (size_t)(a->end - a->at);
}

static char *aligned(char *p)
{
	return p + (-(uintptr_t)p & (ALIGNMENT - 1));
}

void *arena_alloc(struct arena *a, size_t size)
{
	char *p = a->at != NULL ? aligned(a->at) : NULL;

	if (p == NULL || p > a->end || (size_t)(a->end - p) < size) {
		add_chunk(a, size);
		p = aligned(a->at);
	}
	a->at = p + size;
	return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p;

	if (a->at == NULL || (size_t)(a->end - a->at) < len + 1)
		add_chunk(a, len + 1);
	p = a->at;
	a->at += len + 1;
	if (len > 0)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = arena_alloc(a, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return p;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){ a->chunk, a->at };
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
	while (a->chunk != mark.chunk) {
		struct arena_chunk *c = a->chunk;

		a->total -= c->size;
		a->chunk = c->older;
		chunk_free(c);
	}
	a->at = mark.at;
	a->end = a->chunk != NULL ? (char *)a->chunk + a->chunk->size : NULL;
}

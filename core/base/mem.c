/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mem.c - see mem.h. */
#include "core/base/mem.h"

#include "core/base/log.h"

#include <gnutls/gnutls.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Noreturn void out_of_memory(size_t size)
{
	log_write(TCT_LOG_ERROR, NULL, "out of memory (%zu bytes wanted)", size);
	abort();
}

void *mem_alloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory(size);
	return p;
}

void *mem_zalloc(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory(size);
	return p;
}

void *mem_array(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory(SIZE_MAX);
	return mem_alloc(bytes);
}

void *mem_realloc(void *p, size_t size)
{
	p = realloc(p, size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory(size);
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t len)
{
	char *copy = mem_alloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void *mem_try_alloc(size_t size)
{
	return malloc(size > 0 ? size : 1);
}

void mem_wipe(void *p, size_t size)
{
	if (p != NULL && size > 0)
		gnutls_memset(p, 0, size);
}

/* ---- the heap ---- */

#define MB ((size_t)1024 * 1024)

static char *heap_start, *heap_end; /* as far as large pages were asked for; NULL: unknown */

void mem_tune(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *probe;

	mallopt(M_TRIM_THRESHOLD, 256 * MB);
	/* More than one large page, or the heap would grow by pieces that hold none. */
	mallopt(M_TOP_PAD, 4 * MB);
	mallopt(M_MMAP_THRESHOLD, 4 * MB);
	probe = mem_alloc(1);
	heap_start = (char *)(((uintptr_t)probe + page - 1) / page * page);
	free(probe);
}

/* What a connection needs lies in a dozen places of a heap of many megabytes: with small pages
 * every one of them is a miss of the TLB, too. */
void mem_large_pages(void)
{
	char *end = sbrk(0);

	if (end == heap_end || heap_start == NULL || end <= heap_start)
		return;
	heap_end = end;
	/* A kernel that has none, or gives them without being asked, is as good. */
	(void)madvise(heap_start, (size_t)(end - heap_start), MADV_HUGEPAGE);
}

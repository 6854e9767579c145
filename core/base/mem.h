/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mem.h - heap memory for what is not in an arena. Out of memory ends the process after one
 * log line: everything a peer can make us allocate is bounded beforehand, so callers never
 * check. Sizes that a peer chooses and that can be refused use the try_ variant. */
#pragma once

#include <stddef.h>

/* Never NULL; zero bytes give a valid pointer. Any thread. Free with free(). */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_array(size_t count, size_t size) __attribute__((returns_nonnull));
void *mem_realloc(void *p, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
/* NULL when there is no memory. */
void *mem_try_alloc(size_t size) __attribute__((malloc));
/* Sets malloc so that freed memory is not given back and fetched again per message. At start. */
void mem_tune(void);
/* Asks for large pages for what the heap has grown by; now and then, on the loop's thread. Costs
 * nothing when it has not grown. */
void mem_large_pages(void);
/* Overwrites with zeros in a way that the compiler keeps; for secrets. NULL: nothing. */
void mem_wipe(void *p, size_t size);

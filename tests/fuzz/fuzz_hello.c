/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fuzz_hello.c - a client's hello is read alike whole and with more behind it, and a name is
 * never longer than it may be. */
#include "tests/fuzz/fuzz.h"

#include "core/net/hello.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello a, b;
	enum hello_result r = hello_read(span_make((const char *)data, size), &a);
	char *longer = malloc(size + 7);

	fuzz_check(longer != NULL && memchr(a.name, '\0', sizeof a.name) != NULL);
	memcpy(longer, data, size);
	memcpy(longer + size, "\x16\x03\x03\0\1x", 7);
	if (r == HELLO_READ) {
		fuzz_check(hello_read(span_make(longer, size + 6), &b) == HELLO_READ);
		fuzz_check(strcmp(a.name, b.name) == 0 && a.resumes == b.resumes);
	}
	free(longer);
	return 0;
}

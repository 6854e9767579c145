/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fuzz.h - what every fuzz target includes. A target defines LLVMFuzzerTestOneInput and
 * stops the process (fuzz_check) when something does not hold. scripts/fuzz links it with
 * clang's fuzzer; `make check` links it with replay.c, which reads the committed corpus. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_check(x)                                                                    \
	do {                                                                             \
		if (!(x)) {                                                              \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x);   \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fuzz_value.c - values from the disk: what is one is encoded to something equal. */
#include "tests/fuzz/fuzz.h"

#include "core/store/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct tct_value v = { 0 }, again = { 0 };
	char *bytes = arena_strndup(&a, (const char *)data, size);

	if (value_decode(span_make(bytes, size), &v) && v.kind != TCT_VALUE_NONE) {
		struct span encoded = value_encode(&a, &v, 0);
		char *copy = arena_strndup(&a, encoded.data, encoded.len);

		fuzz_check(value_decode(span_make(copy, encoded.len), &again));
		fuzz_check(value_equal(&v, &again));
	}
	arena_fini(&a);
	return 0;
}

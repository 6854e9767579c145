/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fuzz_note.c - the reader of a module's ELF note, over files that nobody vouches for. */
#include "tests/fuzz/fuzz.h"

#include "core/mod/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tct_module_note note;

	note_find(data, size, &note);
	return 0;
}

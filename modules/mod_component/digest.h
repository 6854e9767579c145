/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* digest.h - what a component proves with that it knows its secret (XEP-0114 3). */
#pragma once

#include <stdbool.h>

#define DIGEST_TEXT 40

/* SHA-1 of the stream's id and the secret, in lower-case hexadecimal, and a NUL. */
void digest_make(const char *id, const char *secret, char out[DIGEST_TEXT + 1]);
/* `given` is that; takes the same time wherever they differ. NULL: no. */
bool digest_is(const char *id, const char *secret, const char *given);

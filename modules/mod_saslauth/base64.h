/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* base64.h - base64 of RFC 4648 section 4, decoded strictly as RFC 6120 6.4.2 asks: no
 * white space, padding complete, unused bits zero. One text for each sequence of bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define BASE64_ROOM(len) (((len) + 2) / 3 * 4 + 1) /* of the text, NUL included */
#define BASE64_BYTES(len) ((len) / 4 * 3)          /* decoded, at most */

/* Decodes into `out`, which has BASE64_BYTES(len) bytes; false when the text is not exactly
 * base64 (`out` may hold some bytes then). */
bool base64_decode(const char *text, size_t len, void *out, size_t *out_len);
/* Writes BASE64_ROOM(len) bytes at most, with a NUL; returns the length of the text. */
size_t base64_encode(const void *bytes, size_t len, char *out);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* key.h - the key of XEP-0185, made and compared. */
#pragma once

#include <stdbool.h>

#define DIALBACK_KEY 65 /* hexadecimal SHA-256 and a NUL */

/* HMAC-SHA256 over "RECEIVING ORIGINATING ID" with the lower-case hexadecimal text of
 * SHA256(secret) as its key. */
void dialback_key(const char *secret, const char *receiving, const char *originating,
	const char *id, char key[DIALBACK_KEY]);
/* True when `text`, but for white space around it, is that key; takes as long when it is not. */
bool dialback_key_is(const char *text, const char key[DIALBACK_KEY]);

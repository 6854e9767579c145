/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stanza_error.h - the conditions of RFC 6120 8.3.3 and their default types. */
#pragma once

#include <tercet/stanza.h>

/* "bad-request"; NULL for a number that is none. */
const char *stanza_error_name(uint32_t condition);
/* "modify", "cancel", "auth", "wait". */
const char *stanza_error_type(uint32_t condition);
/* 0: unknown. */
uint32_t stanza_error_find(const char *name);

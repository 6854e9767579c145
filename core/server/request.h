/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* request.h - stanzas that are answered later: deferred and suspended ones, and our own IQ
 * requests. A request ends exactly once: answered, refused, resumed, at its deadline, or
 * with its instance or asker. */
#pragma once

#include "core/server/event.h"

/* An IQ result or error that came for an address of ours: true when it answered one of our
 * own requests and was consumed (the stanza is not taken). */
bool request_answered(struct tct_stanza *st);
/* True when the stanza would be: such answers pass all lanes. */
bool request_expected(const struct tct_stanza *st);
size_t request_count(void);

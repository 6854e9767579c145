/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* inbound.h - which of a session's stanzas are done with: the event has ended (a deferred
 * question: was answered) and what it wrote is on disk. Counted in order, so that the number
 * of handled stanzas says which ones (XEP-0198's `h`); a stanza that waits holds the count of
 * those behind it, not their handling. Costs nothing until somebody tracks the session. */
#pragma once

#include "core/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct tct_session;
struct ticket;
struct inbound_token;

/* Part of a session; zeroed by its maker, then: */
struct inbound {
	struct list tokens; /* not handled yet, oldest first */
	uint32_t received, handled; /* since tracking began; they wrap */
	bool tracked;
	bool noticed; /* a call of the owner of the pipe is under way */
};
void inbound_init(struct inbound *in);
/* For a stanza that was read; NULL when the session is not tracked. */
struct inbound_token *inbound_begin(struct tct_session *s);
/* Its event has ended; `ticket` (borrowed, may be NULL) is that of its write set. The token
 * is taken; NULL does nothing. */
void inbound_end(struct inbound_token *t, struct ticket *ticket);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* handover.h - how far a stream of ours had come outlives the instance (handover.c). */
#pragma once

#include "s2s.h"

/* What was written into the stream and not acknowledged when the instance ended. */
struct handover_entry {
	uint64_t tag;
	uint32_t number; /* after sm.acked */
};
struct handover {
	uint32_t total; /* so many, with and without tags */
	uint32_t count;
	struct handover_entry entries[];
};

/* The instance ends, in order: a row of the outbox, behind the path's others, says it. */
void handover_save(struct path *p, struct tct_archive *a, const char *user);
/* The path gets it back, and rides again on whose stream it has left by. */
void handover_load(struct path *p, const struct tct_value *row);
/* The peer has handled the first `n` of these: the highest tag of them; 0: none. */
uint64_t handover_tag(const struct handover *h, uint32_t n);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* outbox.h - rows of messages that are on their way to another server (outbox.c). */
#pragma once

#include "s2s.h"

#include <tercet/internal/server.h>

/* The instance is ready: what an earlier life has left is read, then out_begin is called. */
void outbox_start(struct tct_mod *m);
void outbox_fini(struct s2s *s);
/* The stanza of the event was put into the path's outlet last. */
void outbox_add(struct path *p, struct tct_event *ev);
/* The peer has all that is tagged up to that; 0: nothing. */
void outbox_done(struct path *p, uint64_t tag);
/* The path ends: what is done has to be written down. */
void outbox_leave(struct path *p);
/* The instance ends: how far its stream had come is written down. */
void outbox_save(struct path *p);
/* Returns a stanza (taken) to its sender, with that tag. */
struct outbox_pair {
	const char *local, *remote;
};
void outbox_bounce(struct tct_mod *m, const struct outbox_pair *pair, struct tct_stanza *st,
	uint64_t tag, uint32_t cause);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mux.h - several pairs of domains on one stream that we open (XEP-0220 2.6): a path that rides
 * leaves by the stream of another one, its carrier, when dialback has proven its pair there. */
#pragma once

#include "s2s.h"

/* Features came: the peer can say no to a pair without ending the stream. */
void mux_features(struct peer *peer, const struct tct_elem *features);
/* By whose stream the pair may leave; NULL: by none. */
struct path *mux_find(struct s2s *s, const char *local, const char *remote);
/* On whose stream that domain can be asked something that has come by another one, `asker`; NULL:
 * on none. */
struct path *mux_ask(struct s2s *s, const char *remote, const struct tct_stream *asker);
/* The question is asked there; it fails with the stream. */
void mux_begin_question(struct path *p, struct path *carrier);
/* The path rides from now on: at once, or when the carrier has its stream. */
void mux_begin(struct path *p, struct path *carrier);
/* Not any more; one that does not ride: nothing. Its own stream has to be dialled. */
void mux_leave(struct path *p);
/* The carrier's stream may be used. */
void mux_ready(struct path *carrier);
/* It is gone: those that have something to send wait for the next one, the others end. True: some
 * wait. */
bool mux_lost(struct path *carrier);
/* There will be no next one: each goes alone, or ends when it has waited for long enough. */
void mux_release(struct path *carrier, uint32_t cause, const char *reason);
/* The memory of the carrier goes. */
void mux_orphan(struct path *carrier);
/* Ends those that were not used for so many seconds; true when none is left. */
bool mux_rest(struct path *carrier, int64_t seconds);
/* What the peer says to a key of such a pair; false: that was not asked. */
bool mux_answered(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote,
	uint32_t answer, const char *reason);
/* The stream's memory ends. */
void mux_end(struct peer *peer);

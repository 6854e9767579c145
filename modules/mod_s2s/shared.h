/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* shared.h - streams on which both servers send (XEP-0288). A path whose pair a peer has proven on
 * such a stream is the stream's guest: it leaves by it, and does not own it. */
#pragma once

#include "s2s.h"

void shared_load(struct tct_mod *m);
/* Features came on a stream that we opened, and the peer may be spoken to: asks for it, when both
 * want it. */
void shared_ask(struct peer *peer, const struct tct_elem *features);
/* The path's own stream may be used: from now on the peer may send by it, too, if that was agreed
 * upon. */
void shared_ready(struct path *p);
/* Stream management begins on a stream that we opened; the peer asks how much came on it. */
void shared_count(struct peer *peer);
void shared_answer(struct peer *peer);
/* A pair was accepted on a stream that was opened to us: what waits for it leaves by it. */
void shared_accepted(struct peer *peer, const struct pair *pair);
/* Whose stream takes what goes from `local` to `remote`; NULL: nobody's. */
struct peer *shared_find(const struct s2s *s, const char *local, const char *remote);
/* The path leaves by it from now on. */
void shared_begin(struct path *p, struct peer *host);
/* Not any more; one that is nobody's guest: nothing. */
void shared_leave(struct path *p);
/* The stream is gone: its guests go on without it. */
void shared_lost(struct peer *peer, const char *reason);
/* Ends guests that were not used for so many seconds; true when none is left. */
bool shared_rest(struct peer *peer, int64_t seconds);
/* The stream's memory ends. */
void shared_end(struct peer *peer);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* sm.h - stream management between servers (XEP-0198): what a peer has given us is counted and
 * acknowledged (sm_in.c); what we give a peer is kept until it has acknowledged it, or, when it
 * cannot, until its TCP has (sm_out.c). */
#pragma once

#include "s2s.h"

#define NS_SM "urn:xmpp:sm:3"

/* ---- sm_in.c ---- */
/* Registers what both files need, and remembers what an earlier life has told its peers. */
int sm_load(struct tct_mod *m, struct tct_error *err);
/* A stream that was opened to us is gone: how far it was handled is kept for a while, when the
 * peer was told so. */
void sm_in_lost(struct tct_mod *m, struct peer *p);
/* The memory of the stream ends. */
void sm_in_leave(struct peer *p);
void sm_in_fini(struct s2s *s);
/* Of a stream, for people: NULL, or what is in force. */
const char *sm_in_state(const struct peer *p);

/* The number in `h`; false: it is none. */
bool sm_read_h(const struct tct_elem *e, uint32_t *h);
void sm_send_count(struct tct_stream *s, const char *name, uint32_t h);
/* Ends the stream of a peer that says it has handled `h` when it was sent `sent` (section 6). */
void sm_too_high(struct tct_stream *s, uint32_t h, uint32_t sent);
void sm_stop(struct tct_timer **timer);

/* ---- sm_out.c ---- */
void sm_out_load(struct tct_mod *m);
/* The stream of the path is proven: out_go is called, when the peer has agreed to stream
 * management first, if it offers that. */
void sm_out_begin(struct path *p);
/* It leaves by a stream of somebody else's; `counted`: whose peer counts, and has counted nothing
 * from us yet. */
void sm_out_guest(struct path *p, bool counted);
/* The pair of a path that rides is proven on its carrier's stream: out_go is called. */
void sm_out_ride(struct path *p);
/* The stream of the path is going: what its TCP knows by now. */
void sm_out_last_look(struct path *p);
/* It is gone. */
void sm_out_lost(struct path *p);
void sm_out_fini(struct path *p);
/* An acknowledgement on a stream that we opened. */
void sm_out_acknowledged(struct path *p, struct tct_stream *s, const struct tct_elem *e);
const char *sm_out_state(const struct path *p);

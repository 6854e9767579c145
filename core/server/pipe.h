/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* pipe.h - the output of one session below DELIVER: HOLD, COUNT, WRITE. Everything enters at
 * HOLD, IQ results too, and leaves in order. HOLD may keep a delivery (client state
 * indication); COUNT sees every stanza once (stream management); WRITE is the barrier: an
 * entry whose ticket is not durable holds what is behind it, and a failed ticket drops its
 * entry. While the session is detached, entries stay. Bounded in number and bytes. */
#pragma once

#include "core/base/list.h"
#include "core/base/str.h"
#include "core/store/txn.h"
#include "core/xmpp/payload.h"

#include <tercet/internal/stream.h>

struct pipe {
	struct list items; /* at WRITE */
	struct list held;  /* at HOLD */
	struct list behind; /* before HOLD: messages that wait for older ones */
	struct list sent;  /* written, kept as rows, and not known to have left the process */
	struct list dirty;           /* in the list of pipes to write at the end of the turn */
	struct list sending;         /* in the list of those that `sent` is not empty of */
	struct ticket_waiter waiter; /* on the ticket of the first entry */
	struct tct_session *session;
	size_t behind_bytes; /* counted in `bytes`, too */
	bool holding;        /* routed messages go to `behind` */
	uint32_t count, held_count;
	bool waiting;
	size_t bytes;
};

void pipe_init(struct pipe *pipe, struct tct_session *s);
/* Drops everything; `give_back` is called first for each entry that was not written. */
void pipe_fini(struct pipe *pipe, void (*give_back)(struct tct_session *, struct delivery *));
/* Enters at HOLD. `d` is taken, `ticket` (may be NULL) is borrowed. False: the queue is
 * full, `d` was dropped and the session should end. */
bool pipe_send(struct pipe *pipe, struct delivery *d, struct ticket *ticket);
/* A stanza without more, when nobody has to keep it: neither the owners of HOLD and COUNT nor the
 * queue. It is written at once. False: nothing was done, make a delivery of it. */
bool pipe_send_plain(struct pipe *pipe, struct tct_stanza *st, const struct ticket *ticket);
/* What is held goes on, in order, if it is still wanted (session_wants). */
void pipe_release(struct pipe *pipe);
/* What is not wanted any more leaves WRITE; nothing else happens to it. */
void pipe_drop_unwanted(struct pipe *pipe);
/* A message for a session that is being sent older ones: as pipe_send, but it waits. */
bool pipe_send_behind(struct pipe *pipe, struct delivery *d, struct ticket *ticket);
/* The first of those; the caller's, with its ticket (NULL: none). NULL: there is none. */
struct delivery *pipe_take_behind(struct pipe *pipe, struct ticket **ticket);
/* To the front of WRITE, not counted and not bounded: for what COUNT has kept. `d` is taken. */
void pipe_write_first(struct pipe *pipe, struct delivery *d);
/* What waits at WRITE waits for the ticket, too. */
void pipe_wait_first(struct pipe *pipe, struct ticket *ticket);
/* Stanzas at WRITE. */
size_t pipe_unwritten(const struct pipe *pipe);
/* What is no stanza goes, for the connection that it was for is gone; but not what waits. */
void pipe_drop_raw(struct pipe *pipe);
/* Bytes that are no stanza (acknowledgements, stream end); they keep their place. */
void pipe_raw(struct pipe *pipe, struct span bytes, struct ticket *ticket);
/* Writes what may leave to the connection; at the end of the turn for all dirty ones. */
void pipe_flush(struct pipe *pipe);
void pipes_flush(void);
/* After connections were flushed: what has gone to its socket is with its client, as far as
 * anybody can know who is not told (without COUNT). */
void pipes_settle(void);
void pipe_mark(struct pipe *pipe);

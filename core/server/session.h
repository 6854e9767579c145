/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* session.h - bound resources. A session is made by bind and owns its scope, module blocks,
 * input lane and output pipe; it outlives its connection when it is detached. It is counted:
 * events and targets keep it in memory after its end, when sends to it do nothing. */
#pragma once

#include "core/server/entity.h"
#include "core/server/inbound.h"
#include "core/server/lane.h"
#include "core/server/pipe.h"
#include "core/server/slots.h"

#include <tercet/internal/stream.h>

struct loop_timer;

struct tct_session {
	struct list link; /* in entity->sessions */
	struct tct_entity *entity; /* pinned */
	const struct tct_jid *jid;
	struct tct_stream *stream; /* NULL: detached, or ended */
	struct slots slots;
	struct lane lane;
	struct inbound inbound;
	struct pipe pipe;
	const struct tcti_pipe_ops *pipe_ops; /* NULL: nobody counts */
	struct tct_mod *pipe_mod;
	const struct tcti_hold_ops *hold_ops; /* NULL: nobody holds */
	struct tct_mod *hold_mod;
	struct tct_stanza *presence; /* the last available one; NULL: unavailable */
	int64_t presence_time, since;
	uint64_t key;                /* of its marks in rows; 0: it leaves none */
	uint32_t sent;               /* stanzas that were counted for it */
	size_t kept;                 /* bytes that a module keeps for a client to come back */
	int64_t resumable;           /* seconds to wait for a lost client; 0: none */
	struct tct_timer *expiry;    /* while detached */
	struct tct_scope scope;      /* of the session's own timers and of deferred requests */
	uint32_t refs;
	int8_t priority;
	bool ended, closing, detached;
};

struct session_limits {
	uint32_t per_account; /* sessions */
	uint32_t queue_count; /* entries in an output pipe */
	size_t queue_bytes;
};
/* The limits in force; set by the server when the configuration is read. */
struct session_limits *session_limits(void);

/* Of an account, without a stream; `jid` (taken) is its full address; NULL: NULL. */
struct tct_session *session_new(struct tct_entity *e, const struct tct_jid *jid);
/* True when it can be saved when the server stops. */
bool session_survives(const struct tct_session *s);
/* Ends it without telling anybody: it comes back in another process. */
void session_drop(struct tct_session *s);
struct tct_session *session_ref(struct tct_session *s);
void session_unref(struct tct_session *s);
/* The connection of the session is gone: detach it when it may be resumed, else end it. */
void session_lost(struct tct_session *s, bool clean);
/* Ends it behind all input that was read, with the stream still attached. */
void session_finish(struct tct_session *s);
/* Ends it now: notices, unavailable, scope, what was not written is given back. */
void session_end(struct tct_session *s);
/* Bytes that its connection has not sent yet. */
size_t session_unsent(const struct tct_session *s);
/* All output that waits for it, sent to its connection already or not. */
size_t session_waiting(const struct tct_session *s);
/* Sends to the pipe; ends the session when its queue is full. `ticket` may be NULL. */
void session_deliver(struct tct_session *s, struct delivery *d, struct ticket *ticket);
/* The same for what comes from others: a message waits while the session is held. */
void session_deliver_routed(struct tct_session *s, struct delivery *d, struct ticket *ticket,
	uint32_t kind);
/* False: what has waited for it must not go out any more (tct_on_unwanted). */
bool session_wants(struct tct_session *s, const struct delivery *d);
/* It does not go out: its keeper is told that it is done with, and a request is answered as for
 * an account that is not there. */
void session_leave_out(struct delivery *d);
/* The same without a delivery, when nobody has to keep what is sent; false: nothing was done. */
bool session_deliver_plain(struct tct_session *s, struct tct_stanza *st,
	const struct ticket *ticket);
size_t session_count(void);
/* Of these, those that wait for their client. */
size_t session_detached_count(void);
/* At stop: ends all that cannot be saved; `all`: the others, too. */
void sessions_end(bool all);
/* The one that the most output waits for; NULL when none waits. Walks all. */
struct tct_session *session_largest(void);

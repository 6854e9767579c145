/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* event.h - one stanza on its way: what handlers see (struct tct_event) and what the router
 * keeps. An event has one owner at a time: the turn queue, a lane, a request (suspended), or
 * the router that runs it. It holds references of its stanza, sessions and write set. */
#pragma once

#include "core/base/arena.h"
#include "core/mod/hook.h"
#include "core/server/turn.h"

#include <tercet/module.h>

#include <stddef.h>

struct flight;
struct lane;
struct row;
struct ticket;

enum event_phase {
	PHASE_OUTBOUND,
	PHASE_ADDRESS,     /* OUTBOUND has passed: where does it go */
	PHASE_INBOUND,
	PHASE_IQ,          /* owners of IQ payloads */
	PHASE_RESOLVE,
	PHASE_RESOLVED,
	PHASE_DELIVER,
	PHASE_UNDELIVERED,
	PHASE_REMOTE,
	PHASE_ANSWER,      /* the stanza is an answer that has waited */
	PHASE_SESSION_END, /* no stanza */
	PHASE_END
};

/* What a module keeps with an event. */
struct event_note {
	struct event_note *next;
	const struct tct_mod *mod;
	size_t size;
	max_align_t data[];
};

struct event {
	struct tct_event pub; /* first: handlers get a pointer to it */
	struct turn_item item;
	struct hook_cursor cursor;
	struct tct_txn *txn;         /* counted; NULL until somebody wants it */
	struct tct_request *request; /* while suspended */
	struct inbound_token *inbound; /* of a stanza of a tracked session; else NULL */
	struct flight *flight; /* its share of a server's or component's stream; NULL: none */
	struct row *row;             /* that the message is kept as; NULL: none is known */
	struct lane *holding;        /* the lane that this event holds, NULL: none */
	struct tct_session **targets;
	uint32_t target_count, target_room;
	struct tct_session *few[4]; /* where targets points while that is enough */
	struct arena extra_arena;   /* of notes and of what `extra` points to */
	struct event_note *notes;
	struct tct_elem *extra; /* children for the receiver that is being delivered to */
	uint32_t bytes;         /* what it counts in a lane */
	uint8_t phase;
	bool suspended; /* the handler that runs has called tct_suspend */
	bool deferred;  /* ... tct_defer */
	bool delivered; /* somebody took it */
	bool refused;   /* its sender got an error */
	bool read;      /* it has waited until its addressee was read from the store */
	uint8_t hops;   /* events in a row that caused this one */
};

/* `st` is taken. Host and entity are set by the router. */
struct event *event_new(struct tct_stanza *st, uint32_t cause);
void event_free(struct event *ev); /* closes its share of the write set */
void event_set_session(struct event *ev, struct tct_session *s);
/* The event of the pointer that a handler got. */
struct event *event_of(struct tct_event *pub);
/* The write set, made now if there is none; NULL when the host has no store. */
struct tct_txn *event_txn(struct event *ev);
/* What output caused by this event waits for: borrowed from the write set; NULL: nothing. */
struct ticket *event_ticket(struct event *ev);
/* The child shares the parent's write set when that has writes already. */
void event_inherit(struct event *child, struct event *parent);
void event_add_target(struct event *ev, struct tct_session *s);
void event_clear_targets(struct event *ev);

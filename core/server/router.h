/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* router.h - the way of a stanza from stage to stage (RFC 6120 section 10, RFC 6121 section
 * 8). Owns no state but the events that are on their way. */
#pragma once

#include "core/server/event.h"

/* Runs one event as far as it goes now; for the turn queue. */
void router_run(struct turn_item *item);
/* A stanza (taken) from a bound session: enters OUTBOUND. */
void router_from_session(struct tct_session *s, struct tct_stanza *st);
/* A stanza (taken) from a server or a component, whose `from` and `to` were checked: enters where
 * its `to` is. */
void router_from_peer(struct tct_stream *s, struct tct_stanza *st);
/* A stanza (taken) made here or given back: enters where its `to` is. `parent` NULL: nobody
 * caused it. */
void router_route(struct tct_mod *m, struct event *parent, struct tct_stanza *st, uint32_t cause);
/* The same with nobody, and what it writes goes into that set (of the host that it is for), which stays the
 * caller's to close. */
void router_route_with(struct tct_mod *m, struct tct_stanza *st, struct tct_txn *txn);
/* True, and said in the log: what `parent` (may be NULL) caused was caused by itself, again and
 * again. */
bool router_in_circles(const struct tct_mod *m, const struct event *parent);
/* router_route for an answer to the sender of `ev`, see tct_route_unknown. */
void router_route_unknown(struct tct_mod *m, struct event *ev, struct tct_stanza *st);
/* A message (taken) that a session gave back. `row` is borrowed; NULL: it is kept nowhere. */
void router_reroute(struct tct_stanza *st, struct row *row);
/* Continues a suspended event. */
void router_resume(struct event *ev, enum tct_verdict verdict);
/* Answers the event's stanza with an error and ends it; ev is gone afterwards. */
void router_refuse(struct event *ev, uint32_t condition, const char *text);
/* Ends an event that has been handled: its writes are handed over, and its sender hears of
 * it when they fail. */
void router_end(struct event *ev);
/* Ends a session behind everything that its client sent. */
void router_session_end(struct tct_session *s);
/* As router_refuse without ending: for what ends elsewhere. */
void router_send_error(struct event *ev, uint32_t condition, const char *text);
/* Sends an answer (taken) to where the event came from. */
void router_answer(struct event *ev, struct tct_stanza *st);

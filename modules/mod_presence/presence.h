/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* presence.h - what the files of mod_presence share. */
#pragma once

#include <tercet/blocklist.h>
#include <tercet/module.h>
#include <tercet/presence.h>
#include <tercet/roster.h>

struct presence_config {
	int64_t delay_after;
	int64_t max_directed;
	int64_t probe_rate;
};

/* Data of the instance. */
struct presence_data {
	const struct tct_roster_ops *roster;
	struct tct_mod *roster_mod;
	struct tct_kv *last; /* one row per account: how its last resource left */
};

struct presence_probes;

/* An address that was sent directed presence: as it was written, bare or full. */
struct presence_directed {
	struct presence_directed *next;
	const struct tct_jid *jid; /* counted */
};

/* Data of a session. */
struct presence_session {
	bool broadcast; /* contacts were told that it is available */
	bool restored;  /* by a server that was started again; its client has not come back */
	struct presence_directed *directed;
	int64_t directed_count;
	struct tct_stanza *stamped; /* its presence with a delay; made on demand */
	struct presence_probes *probes; /* those that are still to be sent; NULL: none */
};

/* ---- broadcast.c ---- */

/* Routes `st` (borrowed, shared by all copies) to all who may see the account's presence,
 * and to the account's own available resources. */
void presence_broadcast(struct tct_mod *m, struct tct_event *ev, struct tct_session *s,
	struct tct_stanza *st);
/* What a session that has become available must learn: presence of the other resources of
 * the account, and of its contacts, who are probed. */
void presence_catch_up(struct tct_mod *m, struct tct_event *ev, struct tct_session *s);
/* The operations of the service. */
void presence_ask(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *to);
void presence_replace(struct tct_mod *m, struct tct_event *ev, struct tct_session *s,
	struct tct_stanza *st);
/* Tells everybody that the session is gone; `st` (borrowed) is its last presence, of type
 * unavailable. Forgets directed presence. */
void presence_farewell(struct tct_mod *m, struct tct_event *ev, struct tct_session *s,
	struct tct_stanza *st);

/* ---- contacts.c: one's own hosts and others ---- */

/* Counted addresses. */
struct presence_jids {
	const struct tct_jid **items;
	size_t count, room;
};
void presence_jids_add(struct presence_jids *v, const struct tct_jid *jid);
void presence_jids_free(struct presence_jids *v);

/* Contacts of one domain one after the other, those of our own hosts first. `fn` may route
 * and send. */
void presence_each(struct tct_mod *m, struct tct_entity *e, uint32_t mask,
	tct_roster_item_fn *fn, void *data);
/* Probes the contacts that the account of `s` may see: those of our own hosts now, others at
 * the rate that is configured. */
void presence_probe(struct tct_mod *m, struct tct_event *ev, struct tct_session *s);
/* What has not been sent is not. */
void presence_probe_stop(struct presence_session *ps);

/* ---- last.c: how an account left ---- */

/* Writes when and with which presence (borrowed) the session became unavailable, if it was
 * the account's last. */
void presence_last_write(struct tct_mod *m, struct tct_session *s, struct tct_stanza *st);
/* The operation of the service. */
int64_t presence_last(struct tct_mod *m, struct tct_entity *e, struct tct_elem *parent);
/* Adds what was written to `st`, of type unavailable, with the time (XEP-0203). */
void presence_last_add(struct tct_mod *m, struct tct_entity *e, struct tct_stanza *st);
void presence_last_delete(struct tct_mod *m, struct tct_entity *e);
/* ---- guard.c: whom the account blocks hears nothing ---- */

/* Of one account, for as long as one handler runs. */
struct presence_guard {
	struct tct_mod *m;
	struct tct_entity *entity;
	const struct tct_blocklist_ops *blocklist; /* NULL: it blocks nobody */
	struct tct_mod *blocklist_mod;
};

struct presence_guard presence_guard(struct tct_mod *m, struct tct_entity *e);
/* enum tct_blocked */
uint32_t presence_blocked(const struct presence_guard *g, const struct tct_jid *jid);
/* Routes a copy of `st` to `to`, or, when some of its resources are blocked, to the others. */
void presence_send(const struct presence_guard *g, struct tct_event *ev,
	struct tct_stanza *st, const struct tct_jid *to);

/* ---- directed.c ---- */

/* False: it remembers as many as it may. */
bool presence_directed_add(
	struct tct_mod *m, struct tct_session *s, const struct tct_jid *to);
void presence_directed_remove(
	struct tct_mod *m, struct tct_session *s, const struct tct_jid *to);
void presence_directed_clear(struct presence_session *ps);
/* True when the session has sent directed presence to an address of that bare one. */
bool presence_directed_to(
	const struct tct_mod *m, const struct tct_session *s, const struct tct_jid *who);
/* The list as a field of a record, and back. */
void presence_directed_save(const struct presence_session *ps, struct tct_record *out);
void presence_directed_restore(
	struct tct_mod *m, struct presence_session *ps, const struct tct_value *record);
/* The operation of the service. */
void presence_directed_end(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	tct_presence_match_fn *fn, void *data);

/* ---- request.c ---- */

/* IQ requests and groupchat to full addresses, of those who may not know that the resource is
 * there. */
tct_stanza_fn presence_on_request;

/* ---- probe.c ---- */

/* The presence of an available session, with the time when it was sent if that is long
 * ago. Borrowed. */
struct tct_stanza *presence_stamped(struct tct_mod *m, struct tct_session *s);
/* Answers a probe (RFC 6121 4.3.2). */
enum tct_verdict presence_on_probe(struct tct_mod *m, struct tct_event *ev);
/* Routes the presence of all available resources of the event's account to `to`. Returns
 * how many there are. */
size_t presence_show(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *to, const char *resource);
/* Routes `unavailable` of all available resources to `to`. */
void presence_hide(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *to);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* event.h - the way of a stanza: stages, handlers, answers now and later.
 *
 *   OUTBOUND     at the sender's session: limits, own blocking; `from` is stamped already
 *   INBOUND      at the addressee's entity: access, blocking
 *   (resolve)    core fills the targets by RFC 6121 section 8
 *   RESOLVED     archive, carbons, push look at the targets and may add to them
 *   DELIVER      per target, synchronous: last look at one receiver
 *   UNDELIVERED  nobody took it, or a delivery was given back
 *   REMOTE       about to leave for another server
 *
 * Handlers are never entered from inside another: what they send or route is queued and
 * handled after the current event has ended, first in, first out. */
#pragma once

#include <tercet/stanza.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tct_verdict {
	TCT_CONTINUE = 0,  /* the next handler */
	TCT_HANDLED = 1,   /* this stanza has ended here */
	TCT_SUSPENDED = 2  /* tct_suspend was called: the chain waits */
};

enum tct_stage {
	TCT_OUTBOUND = 0,
	TCT_INBOUND = 1,
	TCT_RESOLVED = 2,
	TCT_DELIVER = 3,
	TCT_UNDELIVERED = 4,
	TCT_REMOTE = 5
};
#define TCT_STAGES 6

/* Why the event exists: one bit each. Handlers are called for TCT_NEW only, unless they
 * registered for more with tct_on_cause. */
enum tct_cause {
	TCT_NEW = 1 << 0,
	TCT_REROUTE = 1 << 1, /* given back by a session that ended */
	TCT_OFFLINE = 1 << 2, /* from the offline store */
	TCT_CARBON = 1 << 3,
	TCT_REPLAY = 1 << 4
};

enum tct_origin_kind {
	TCT_CLIENT = 0,
	TCT_SERVER = 1,    /* another server, by s2s */
	TCT_COMPONENT = 2,
	TCT_MODULE_ORIGIN = 3 /* made here */
};

/* Filters call in order of priority, highest first; use offsets from these names. */
enum {
	TCT_PRIO_FILTER = 300,  /* refuse */
	TCT_PRIO_REWRITE = 200, /* change */
	TCT_PRIO_OBSERVE = 100, /* record */
	TCT_PRIO_HANDLE = 0,
	TCT_PRIO_FALLBACK = -100 /* when nobody did */
};

struct tct_origin {
	uint32_t kind;               /* enum tct_origin_kind */
	struct tct_stream *stream;   /* NULL: made here, or the stream is gone (of a server or
	                                component that is noticed) */
	struct tct_session *session; /* NULL: not from a client, or the session has ended */
};

/* Valid until the handler returns, unless deferred or suspended (then it is dead at once
 * and the request takes over). Append-only; made by the server only. */
struct tct_event {
	uint32_t size;
	uint32_t stage;
	uint32_t cause;
	struct tct_host *host;     /* the host whose handlers run; in REMOTE the sender's, or
	                              NULL when that is no host of ours */
	struct tct_entity *entity; /* OUTBOUND: the sender's; later stages: the addressee's;
	                              NULL in REMOTE */
	struct tct_origin origin;
	struct tct_stanza *stanza;
	struct tct_session *target; /* in DELIVER: the receiver; else NULL */
};

typedef enum tct_verdict tct_stanza_fn(struct tct_mod *m, struct tct_event *ev);
typedef void tct_session_fn(struct tct_mod *m, struct tct_session *s);
typedef void tct_entity_fn(struct tct_mod *m, struct tct_entity *e);

/* Whom an IQ request is for. */
enum tct_target {
	TCT_TO_HOST = 1 << 0,    /* the host's own address */
	TCT_TO_SELF = 1 << 1,    /* no `to`, or the sender's own bare address */
	TCT_TO_ACCOUNT = 1 << 2, /* somebody else's bare address */
	TCT_TO_FULL = 1 << 3,    /* a full address on this host, before delivery */
	/* for TCT_TO_ACCOUNT: who may ask; a refused asker gets what an unknown account
	 * gives. Default: those who may see the account's presence. */
	TCT_ACCESS_ANYONE = 1 << 8,
	/* the handler decides itself, and is called for accounts that are not there, too: ask
	 * tct_entity_exists. */
	TCT_ACCESS_UNKNOWN = 1 << 9
};

/* ---- registration: in load(), undone by the server at unload ---- */

/* One owner per payload, type and target on a host: a second one fails the load and names
 * both. `types`: TCT_IQ_GET | TCT_IQ_SET; `targets`: enum tct_target bits. */
TCT_API void tct_on_iq(struct tct_mod *m, uint32_t types, uint32_t targets, const char *ns,
	const char *name, tct_stanza_fn *fn);
/* Filters over all stanzas of a kind that pass a stage; they run before IQ owners, and for
 * results and errors too. */
TCT_API void tct_on_message(struct tct_mod *m, uint32_t stage, int prio, tct_stanza_fn *fn);
TCT_API void tct_on_presence(struct tct_mod *m, uint32_t stage, int prio, tct_stanza_fn *fn);
TCT_API void tct_on_iq_stage(struct tct_mod *m, uint32_t stage, int prio, tct_stanza_fn *fn);
TCT_API void tct_on_stanza(struct tct_mod *m, uint32_t stage, int prio, tct_stanza_fn *fn);
/* The same for some types alone (bits of enum tct_type): for others the handler costs nothing.
 * What only looks at a few types of a kind should say so: a presence goes to many. */
TCT_API void tct_on_types(struct tct_mod *m, uint32_t stage, uint32_t types, int prio,
	tct_stanza_fn *fn);
/* Sets the causes (bits) for which the registrations made after this call are called. */
TCT_API void tct_on_cause(struct tct_mod *m, uint32_t causes);

enum tct_session_when {
	TCT_SESSION_BOUND = 0,     /* a resource was bound */
	TCT_SESSION_AVAILABLE = 1, /* first available presence after bound or unavailable */
	TCT_SESSION_UNAVAILABLE = 2,
	TCT_SESSION_DETACHED = 3,  /* the connection is gone, the session may be resumed */
	TCT_SESSION_RESUMED = 4,
	TCT_SESSION_ENDED = 5,     /* last notice; the session's scope ends after it */
	TCT_SESSION_RESTORED = 6,  /* it was there before the server started, and its data were
	                              saved (session_save); it waits for its client */
	TCT_SESSION_HEARD = 7      /* its client has acknowledged what was TCT_UNSEEN_LATE */
};
#define TCT_SESSION_WHENS 8
TCT_API void tct_on_session(struct tct_mod *m, uint32_t when, tct_session_fn *fn);

enum tct_entity_when {
	TCT_ENTITY_LOADED = 0,  /* its preloaded stores were read */
	TCT_ENTITY_DELETED = 1  /* the account is being deleted: drop what you keep of it */
};
#define TCT_ENTITY_WHENS 2
TCT_API void tct_on_entity(struct tct_mod *m, uint32_t when, tct_entity_fn *fn);

/* Why nobody has seen a message yet. */
enum tct_unseen_how {
	TCT_UNSEEN_STORED = 0,   /* no session took it, and it was not refused: it is kept */
	TCT_UNSEEN_DETACHED = 1, /* it waits for a session that has no connection */
	TCT_UNSEEN_LATE = 2      /* a session's client has not acknowledged it in time (XEP-0198) */
};
/* Valid for the call. Append-only; made by the server only. */
struct tct_unseen {
	uint32_t size;
	uint32_t how;
	struct tct_entity *entity;   /* the account */
	struct tct_session *session; /* NULL with TCT_UNSEEN_STORED */
	struct tct_stanza *stanza;   /* as the session gets it; as it was sent when stored */
};
/* A message of type normal, chat or groupchat that an account gets, and that no human sees
 * now: for who calls people (XEP-0357). Called when what it wrote is on disk, never from
 * inside another handler, and perhaps more than once for one message. */
typedef void tct_unseen_fn(struct tct_mod *m, const struct tct_unseen *u);
TCT_API void tct_on_unseen(struct tct_mod *m, tct_unseen_fn *fn);

/* A stanza that has waited for a session, before it goes out: while its client did not look
 * (XEP-0352), behind older messages (tct_session_hold), or to be sent again on a new connection
 * (XEP-0198). Valid in the call. */
struct tct_waiting;
TCT_API const struct tct_jid *tct_waiting_from(const struct tct_waiting *w); /* NULL: none */
/* Its kind and type, enum tct_type. */
TCT_API uint32_t tct_waiting_type(const struct tct_waiting *w);
/* True when the bytes of its children hold `text`: cheaper than the next. */
TCT_API bool tct_waiting_mentions(const struct tct_waiting *w, const char *text);
/* The stanza, parsed again, one reference; NULL: it cannot be. */
TCT_API struct tct_stanza *tct_waiting_stanza(const struct tct_waiting *w);
/* True: it is not what the account wants any more, and is dropped; a request is answered as for
 * an account that is not there. Called for each of them, perhaps more than once; routes and sends nothing. */
typedef bool tct_unwanted_fn(struct tct_mod *m, struct tct_session *s, const struct tct_waiting *w);
TCT_API void tct_on_unwanted(struct tct_mod *m, tct_unwanted_fn *fn);

/* Announces a disco feature of the host and of its accounts (XEP-0030); mod_disco answers. */
TCT_API void tct_feature(struct tct_mod *m, const char *var);
/* Calls fn for each feature announced on the instance's host, in order of registration. */
typedef void tct_feature_fn(const char *var, void *data);
TCT_API void tct_feature_each(struct tct_mod *m, tct_feature_fn *fn, void *data);

/* A number for administrators (tercetctl figures): what the instance has counted since it was
 * loaded, or what there is of something now. `name` is a word or a few with underscores, `doc`
 * half a sentence; both are constants. It ends with the instance. In load(). */
struct tct_figure;
TCT_API struct tct_figure *tct_figure_new(struct tct_mod *m, const char *name, const char *doc);
TCT_API void tct_figure_add(struct tct_figure *f, int64_t n);

/* Called when the features of a client's stream are sent that is authenticated (RFC 6120
 * 4.3.2), in order of priority: adds children to `features`. */
typedef void tct_features_fn(struct tct_mod *m, struct tct_stream *s, struct tct_elem *features);
TCT_API void tct_on_features(struct tct_mod *m, int prio, tct_features_fn *fn);

/* A client that binds with Bind 2 (XEP-0386) may ask for what it wants in the same step. `fn` is
 * called when its session is bound and nothing was sent on it yet: for each element of the
 * request in namespace `ns`, or once with NULL when there is none. What it adds to `bound` the
 * client gets. `announced`: `ns` is among the features that may be asked for. In load(). */
typedef void tct_inline_fn(struct tct_mod *m, struct tct_session *s,
	const struct tct_elem *request, struct tct_elem *bound);
TCT_API void tct_on_inline(struct tct_mod *m, const char *ns, bool announced, tct_inline_fn *fn);
/* Before that, for what must be read for the answer: fn is called for the account whose client
 * is about to bind, and the client waits until each who was called has said
 * tct_inline_prepared(), once, perhaps from inside fn, or its instance has ended. What it has
 * read it keeps with the entity. In load(). */
struct tct_preparing;
typedef void tct_prepare_fn(struct tct_mod *m, struct tct_entity *e, struct tct_preparing *p);
TCT_API void tct_on_inline_prepare(struct tct_mod *m, tct_prepare_fn *fn);
TCT_API void tct_inline_prepared(struct tct_preparing *p);

/* ---- in a handler ---- */

/* The localpart of ev->entity; "" for the host itself. */
TCT_API const char *tct_event_user(const struct tct_event *ev);
/* An empty result for the IQ of the event. */
TCT_API struct tct_stanza *tct_result(const struct tct_event *ev);
/* Sends `st` (taken) back to where the event's stanza came from; returns TCT_HANDLED. */
TCT_API enum tct_verdict tct_reply(struct tct_event *ev, struct tct_stanza *st);
/* Answers with an error of this condition (nothing, when the stanza is an error or a
 * result); returns TCT_HANDLED. `text` may be NULL. */
TCT_API enum tct_verdict tct_refuse(struct tct_event *ev, uint32_t condition, const char *text);
/* The answer that an unknown account and a refused asker get: never an oracle. */
TCT_API enum tct_verdict tct_refuse_unknown(struct tct_event *ev);
/* A private copy of the stanza, put into the event; the stanza itself when nobody shares it. */
TCT_API struct tct_stanza *tct_stanza_edit(struct tct_event *ev);
/* In DELIVER: a parent for children that only this receiver's copy gets (stanza-id, delay);
 * they are written before the end tag. */
TCT_API struct tct_elem *tct_event_extra(struct tct_event *ev);

/* What `m` knows of this event: `size` bytes, zeroed at the first call, the same at each
 * later stage of it; they go when the event has ended. */
TCT_API void *tct_event_data(struct tct_mod *m, struct tct_event *ev, size_t size);

/* ---- who keeps a message until it has arrived ---- */

struct tct_archive;

/* Nobody needs the row any more, or nobody has the message: called once, never inside another
 * call of the module's, when no copy of the message is on its way and none waits to be given
 * back. `taken`: a client has it: it was acknowledged (XEP-0198), or, by a session without
 * that, written to the socket. Not taken: an event has carried it to UNDELIVERED, or the
 * server stops; the row is all there is.
 * `txn` takes what is removed over that; it is the same one for all that have arrived in this
 * turn, open until its end, and must not be submitted. A client that hears that its session has
 * ended hears it after that. */
typedef void tct_row_done_fn(struct tct_mod *m, struct tct_entity *e, uint64_t id, bool taken,
	struct tct_txn *txn);
/* The message of `ev` is kept for its addressee as row `id` of `a`, which was written in the
 * event's write set or is there already; all copies that sessions get from here on carry
 * that, and so does the event of a copy that is given back (TCT_REROUTE). One row per
 * message: a second call replaces the first. `done` may be NULL. */
TCT_API void tct_event_keep(struct tct_mod *m, struct tct_event *ev, struct tct_archive *a,
	uint64_t id, tct_row_done_fn *done);
/* The row of `a` that the event's message is kept as; 0: in none of that archive. */
TCT_API uint64_t tct_event_kept(const struct tct_event *ev, const struct tct_archive *a);
/* True when the sender is told that its stanza was handled (XEP-0198): the message must be on
 * disk until somebody has it. */
TCT_API bool tct_event_acknowledged(const struct tct_event *ev);

/* Routes `st` (taken) as made by `m`; queued, never handled inside this call. `ev` is the
 * event that caused it, or NULL: with one, both share a write set if it has writes. */
TCT_API void tct_route(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st);
/* Routes what somebody gets who may not know whether the account of `ev` is there: no sooner than
 * if it had to be read from the store first. Answers to IQs and messages are late like that by
 * themselves. From INBOUND on. */
TCT_API void tct_route_unknown(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st);
/* Routes a shared stanza (borrowed, frozen by the call) with what differs for this copy:
 * its payload is serialised once for all copies. */
TCT_API void tct_route_copy(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st,
	const struct tct_overlay *overlay);
/* The same for many who get it with another `to` and no other difference, in their order. The
 * array and its addresses are borrowed. It costs less than a call for each, in time and, because a
 * copy is made when it is its turn, in memory. */
TCT_API void tct_route_copies(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st,
	const struct tct_jid *const *to, size_t count);

/* Targets, from RESOLVED on. */
TCT_API size_t tct_targets_count(const struct tct_event *ev);
TCT_API struct tct_session *tct_targets_get(const struct tct_event *ev, size_t i);
TCT_API void tct_targets_add(struct tct_event *ev, struct tct_session *s);
TCT_API void tct_targets_remove(struct tct_event *ev, struct tct_session *s);

/* ---- answering later ---- */

/* Defers the answer to an IQ request; return TCT_HANDLED after it. The request ends with
 * the asker's session, with `m`, or refused at its deadline (30 s). */
TCT_API struct tct_request *tct_defer(struct tct_mod *m, struct tct_event *ev);
/* Holds the stanza and its lane; return TCT_SUSPENDED after it. In OUTBOUND, INBOUND,
 * RESOLVED and UNDELIVERED only. */
TCT_API struct tct_request *tct_suspend(struct tct_mod *m, struct tct_event *ev);
/* Continues a suspended chain at the next handler (TCT_CONTINUE) or ends it (TCT_HANDLED). */
TCT_API void tct_resume(struct tct_request *rq, enum tct_verdict verdict);
/* Refuses a suspended or deferred stanza. */
TCT_API void tct_request_refuse(struct tct_request *rq, uint32_t condition, const char *text);
/* Answers a deferred request; `st` is taken. */
TCT_API void tct_request_answer(struct tct_request *rq, struct tct_stanza *st);
TCT_API struct tct_stanza *tct_request_result(const struct tct_request *rq);
/* The stanza that waits; borrowed, until the request ends. */
TCT_API struct tct_stanza *tct_request_stanza(const struct tct_request *rq);
TCT_API struct tct_scope *tct_request_scope(struct tct_request *rq);
TCT_API struct tct_mod *tct_request_mod(const struct tct_request *rq);
/* The entity that the event was at; NULL when it had none. */
TCT_API struct tct_entity *tct_request_entity(const struct tct_request *rq);
/* Writes that commit with the answer. */
TCT_API struct tct_txn *tct_request_txn(struct tct_request *rq);

/* Sends an IQ request (taken; an id is set) and calls fn once with the answer, or with
 * NULL when the scope's owner still lives and `timeout` seconds passed. */
typedef void tct_answer_fn(struct tct_scope *scope, struct tct_stanza *answer, void *data);
TCT_API void tct_iq_send(struct tct_scope *scope, struct tct_stanza *st, int64_t timeout,
	tct_answer_fn *fn, void *data);

#ifdef __cplusplus
}
#endif

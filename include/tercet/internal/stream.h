/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* internal/stream.h - streams and their negotiation, for the modules that are part of the
 * server's own machinery (c2s, tls, saslauth, bind ...). Not installed; a module that
 * includes it is defined with TCT_MODULE_FLAGS(name, TCT_INTERNAL, ...) and loads only into
 * exactly this version of the server.
 *
 * A stream is one XML stream over one connection; it dies with the connection. Negotiation:
 * header, features, then nonzas (first-level elements that are no stanzas, and every
 * first-level element before a session is bound) are given to the module that registered
 * their name. A nonza that nobody registered ends the stream (unsupported-stanza-type, or
 * not-authorized before authentication). */
#pragma once

#include <tercet/module.h>

struct tcti_stream_ops;

#ifdef __cplusplus
extern "C" {
#endif

enum tcti_stream_kind { TCTI_STREAM_C2S = 0, TCTI_STREAM_S2S_IN, TCTI_STREAM_S2S_OUT, TCTI_STREAM_COMPONENT };

/* `e` is borrowed for the call. TCT_HANDLED when it was understood, TCT_CONTINUE: not mine. */
typedef enum tct_verdict tcti_nonza_fn(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e);
/* One owner per name on a host; a second one fails the load, naming both. */
TCT_API void tcti_on_nonza(struct tct_mod *m, const char *ns, const char *name, tcti_nonza_fn *fn);
/* The same for an IQ with such a payload on a stream that is not authenticated; without an owner
 * the stream ends (not-authorized). */
TCT_API void tcti_on_early_iq(struct tct_mod *m, const char *ns, const char *name, tcti_nonza_fn *fn);
/* The same for streams of these kinds, as bits; the two above are for clients' alone. */
#define TCTI_KIND(kind) (1u << (kind))
TCT_API void tcti_on_stream_nonza(struct tct_mod *m, uint32_t kinds, const char *ns,
	const char *name, tcti_nonza_fn *fn);
/* Called in order of priority (highest first) to add children to <stream:features/> of clients'
 * streams, or of streams of these kinds. A function that returns TCT_HANDLED ends the list (STARTTLS when TLS is required). */
typedef enum tct_verdict tcti_features_fn(struct tct_mod *m, struct tct_stream *s, struct tct_elem *features);
TCT_API void tcti_on_features(struct tct_mod *m, int prio, tcti_features_fn *fn);
TCT_API void tcti_on_stream_features(struct tct_mod *m, uint32_t kinds, int prio,
	tcti_features_fn *fn);

/* What is known of a stream; strings are borrowed and live as long as it. */
TCT_API uint32_t tcti_stream_kind(const struct tct_stream *s);
TCT_API struct tct_host *tcti_stream_host(const struct tct_stream *s); /* a client's `to`; NULL */
TCT_API const struct tct_jid *tcti_stream_from(const struct tct_stream *s); /* claimed; NULL */
/* Of a stream that we opened: the peer's, "" before its header. */
TCT_API const char *tcti_stream_id(const struct tct_stream *s);
TCT_API const char *tcti_stream_lang(const struct tct_stream *s); /* NULL: none */
TCT_API const char *tcti_stream_address(const struct tct_stream *s); /* the peer's, numeric */
TCT_API bool tcti_stream_loopback(const struct tct_stream *s);
TCT_API bool tcti_stream_secured(const struct tct_stream *s); /* TLS is up */
TCT_API bool tcti_stream_direct_tls(const struct tct_stream *s);
TCT_API bool tcti_stream_encryption_required(const struct tct_stream *s); /* of its listener */
/* Bytes that a first-level element may have now, and seconds until the login deadline that
 * its listener sets; 0 once the stream is authenticated. */
TCT_API int64_t tcti_stream_element_limit(const struct tct_stream *s);
TCT_API int64_t tcti_stream_login_deadline(const struct tct_stream *s);
/* Adds <limits/> (XEP-0478) to the features, so that a client or a peer need not find out by losing
 * the stream. `idle`: seconds, once there is no login deadline any more; 0: there is no bound. */
TCT_API void tcti_stream_add_limits(const struct tct_stream *s, struct tct_elem *features,
	int64_t idle);
/* The authenticated localpart; NULL before authentication. */
TCT_API const char *tcti_stream_user(const struct tct_stream *s);
/* NULL before bind. */
TCT_API struct tct_session *tcti_stream_session(const struct tct_stream *s);
TCT_API struct tct_scope *tcti_stream_scope(struct tct_mod *m, struct tct_stream *s);
/* The instance's block of stream_size bytes, zeroed on first use, freed with the stream. */
TCT_API void *tcti_stream_data(struct tct_mod *m, struct tct_stream *s);

/* A nonza to be filled with tct_add and tct_set, then given to tcti_stream_send (taken). */
TCT_API struct tct_elem *tcti_nonza_new(const char *ns, const char *name);
TCT_API void tcti_stream_send(struct tct_stream *s, struct tct_elem *nonza);
/* The same, in front of what waits in its session's pipe. */
TCT_API void tcti_stream_send_first(struct tct_stream *s, struct tct_elem *nonza);
/* Answers an IQ that came before a session was bound; `result` is taken. */
TCT_API void tcti_stream_reply(struct tct_stream *s, struct tct_stanza *answer);
/* Makes a stanza of a nonza that is an IQ (before bind); NULL when it is none. */
TCT_API struct tct_stanza *tcti_stream_stanza(struct tct_stream *s, const struct tct_elem *e);

/* While held, no further element of the peer is handled (it is read at most up to the
 * buffer's bound): for answers that come later. Calls nest. */
TCT_API void tcti_stream_hold(struct tct_stream *s);
TCT_API void tcti_stream_release(struct tct_stream *s);

/* After <proceed/> was sent: TLS takes over with the next byte; bytes of the peer that are
 * buffered already are thrown away, the stream id and claimed addresses too. False: no
 * certificate for that host. */
TCT_API bool tcti_stream_start_tls(struct tct_stream *s);
/* True when TLS could be started: a certificate for the stream's host is loaded. */
TCT_API bool tcti_stream_can_tls(const struct tct_stream *s);
/* The stream belongs to `user` of its host from now on; the peer's next element must be a
 * new header (with the same host), unless `restart` is false (SASL2). */
TCT_API void tcti_stream_authenticated(struct tct_stream *s, const char *user, bool restart);
/* Sends the features of the stream as it is now, without a header (SASL2). */
TCT_API void tcti_stream_features(struct tct_stream *s);
/* Bind 2: adds a <feature var=''/> to `list` for each tct_on_inline that is announced; false:
 * there is none. */
TCT_API bool tcti_inline_announce(const struct tct_stream *s, struct tct_elem *list);
/* Calls those of tct_on_inline_prepare for the account of an authenticated stream. True: nobody
 * reads anything; false: fn is called when all have it, never inside this call, unless `scope`
 * has ended. The entity stays in memory until then. */
typedef void tcti_prepared_fn(struct tct_scope *scope, void *data);
TCT_API bool tcti_inline_prepare(struct tct_scope *scope, struct tct_entity *e,
	tcti_prepared_fn *fn, void *data);
/* Calls the functions of tct_on_inline for a session that was bound just now. */
TCT_API void tcti_inline_run(struct tct_session *session, const struct tct_elem *request,
	struct tct_elem *bound);
/* Sends a stream error (RFC 6120 4.9.3; NULL: none) and the end tag, then closes. */
TCT_API void tcti_stream_close(struct tct_stream *s, const char *condition, const char *text);
/* The same with an application's own condition (RFC 6120 4.9.4), a nonza that is taken. */
TCT_API void tcti_stream_close_for(struct tct_stream *s, const char *condition,
	struct tct_elem *application);

/* Channel binding of the connection (RFC 9266, RFC 5929): "tls-exporter",
 * "tls-server-end-point", "tls-unique". TCT_ENOENT when this connection has none of that
 * type. Writes at most *len bytes and sets *len. */
TCT_API int tcti_stream_binding(const struct tct_stream *s, const char *type, void *out, size_t *len);
/* tls-server-end-point with another hash ("SHA256", "SHA384", "SHA512") than the one that
 * RFC 5929 derives from the certificate's signature. */
TCT_API int tcti_stream_end_point(const struct tct_stream *s, const char *hash, void *out, size_t *len);
/* 0x0303, 0x0304: the number that TLS itself uses; 0 without TLS. */
TCT_API uint32_t tcti_stream_tls_version(const struct tct_stream *s);

/* Who the peer is by the certificate that it showed in the handshake: of a listener with
 * request_certificate, or of a stream that we opened. A handshake succeeds without one and
 * with any, so whoever believes it asks here. */
enum tcti_peer { TCTI_PEER_NONE = 0, TCTI_PEER_UNTRUSTED, TCTI_PEER_TRUSTED };
/* `problem` (may be NULL): why it is not trusted; borrowed, "" when it is. */
TCT_API uint32_t tcti_stream_peer(struct tct_stream *s, const char **problem);
/* A name in it is that domain (RFC 9525): SRV-ID of `service` ("xmpp-server"; may be NULL),
 * DNS-ID or xmppAddr. Says nothing of trust. */
TCT_API bool tcti_stream_peer_names(struct tct_stream *s, const char *domain, const char *service);
/* Each xmppAddr in it (RFC 6120 13.7.1.4), as it is written there. Says nothing of trust. */
typedef void tcti_peer_address_fn(const char *address, void *data);
TCT_API void tcti_stream_peer_addresses(struct tct_stream *s, tcti_peer_address_fn *fn, void *data);
/* SHA-256 of it; false when there is none. */
TCT_API bool tcti_stream_peer_fingerprint(struct tct_stream *s, unsigned char out[32]);

/* Binds a resource for an authenticated stream: TCT_OK and the session; `resource` NULL: the
 * server makes one. A resource in use gets another one instead (RFC 6120 7.7.2.2).
 * TCT_EINVAL: not a resource; TCT_EFULL: too many sessions of the account. */
TCT_API int tcti_session_bind(struct tct_stream *s, const char *resource, struct tct_session **session);
/* The stream of an attached session; NULL while it is detached. */
TCT_API struct tct_stream *tcti_session_stream(const struct tct_session *session);
/* Takes a session from its connection, which ends with that stream error (NULL: none), and
 * keeps it for at most `seconds`; its scope, data and queue go on. What is sent to it waits;
 * nonzas that were not written are dropped. */
TCT_API void tcti_session_detach(struct tct_session *session, int64_t seconds,
	const char *condition);
/* Attaches a detached session to an authenticated stream of the same account. TCT_EPERM:
 * another account; TCT_EBUSY: the session is attached (the old stream is closed first). */
TCT_API int tcti_session_resume(struct tct_stream *s, struct tct_session *session);
/* The session may be detached instead of ended when its connection is lost. */
TCT_API void tcti_session_set_resumable(struct tct_session *session, int64_t seconds);

/* ---- what a session has sent ---- */

/* From here on its stanzas are counted: received, and handled, which is in order: that many of
 * the first ones have ended (a question: was answered) and what they wrote is on disk. Both
 * begin at `handled` and wrap at 2^32. They are equal when nothing waits. */
TCT_API void tcti_session_track(struct tct_session *s, uint32_t handled);
/* Where counting begins, in both directions: at 0; with test hooks at $TERCET_COUNT_FROM. */
TCT_API uint32_t tcti_count_from(void);
TCT_API uint32_t tcti_session_received(const struct tct_session *s);
TCT_API uint32_t tcti_session_handled(const struct tct_session *s);
/* How many are on disk as handled: what a server after a crash finds. At most what is handled,
 * and less when the last ones wrote nothing; then the owner of the pipe may write it down and
 * say so. */
TCT_API uint32_t tcti_session_durable(const struct tct_session *s);
TCT_API void tcti_session_set_durable(struct tct_session *s, uint32_t handled);
/* From here on the archive rows that the session's stanzas leave with its account, and those
 * of messages that it gets, say so: with this key (not 0), and the number of the stanza, which
 * for what it gets begins after `sent`. See tcti_row_mark. */
TCT_API void tcti_session_mark(struct tct_session *s, uint64_t key, uint32_t sent);
/* The number of the last stanza that was counted for it. */
TCT_API uint32_t tcti_session_sent(const struct tct_session *s);
/* Has the operation `handled` of the pipe's owner called at the end of this turn, once. */
TCT_API void tcti_session_notice(struct tct_session *s);

/* What is queued for sessions: one stanza for one receiver, counted; its payload is shared. */
struct delivery;

/* ---- sessions that outlive the process ---- */

/* What is needed to make the session again, but for its queue: resource, presence, what
 * modules save. */
TCT_API void tcti_session_save(const struct tct_session *s, struct tct_record *out);
/* A number for what modules would save of it now: another one when that has changed. */
TCT_API uint64_t tcti_session_state(const struct tct_session *s);
/* Makes it again, in the notice TCT_ENTITY_LOADED of its account; nobody is told, and it has no
 * stream: detach it, to say how long it waits for one. TCT_EINVAL: it cannot be made. */
TCT_API int tcti_session_restore(struct tct_entity *e, const struct tct_value *saved,
	struct tct_session **session);
/* It is whole: calls the handlers of TCT_SESSION_RESTORED. */
TCT_API void tcti_session_restored(struct tct_session *s);
/* What a message is known by that its client sends again: who it is for and its id, or what it
 * says. The same in every process. */
TCT_API uint64_t tcti_message_hash(const struct tct_stanza *st);
/* A message that was sent by a session, with this number, is done with; its client will send it
 * again. Saved with the session. */
TCT_API void tcti_session_expect_again(struct tct_session *s, uint32_t number, uint64_t hash);

/* A set of this turn's own on the host of `m`, not to be submitted: it is handed over when the
 * turn ends. */
TCT_API struct tct_txn *tcti_txn_of_turn(struct tct_mod *m);
/* True when a set that is still open has written the row: one that is submitted now could be on
 * disk before it. */
TCT_API bool tcti_row_open(const struct tct_kv *kv, const char *user, const char *key);
/* The highest id that a row of an archive has by now. */
TCT_API uint64_t tcti_rows_last(const struct tct_mod *m);

enum tcti_mark_kind {
	TCTI_MARK_SENT = 0, /* the session's client has sent it */
	TCTI_MARK_TO = 1    /* it goes to the session */
};
struct tcti_mark {
	uint64_t session; /* its key */
	uint32_t number;  /* of the stanza, in that direction */
	uint32_t floor;   /* SENT: all up to that number are done with */
	uint32_t kind;
};
struct tcti_row; /* valid in the callback */
typedef void tcti_mark_fn(struct tct_mod *m, struct tcti_row *row, const struct tcti_mark *mark,
	void *data);
typedef void tcti_marks_done_fn(struct tct_mod *m, struct tct_entity *e, int status, void *data);
/* In the notice TCT_ENTITY_LOADED: calls fn for each mark in a row of the account with that id
 * or a later one, then done; the account is not ready before. Ends with `m`. */
TCT_API void tcti_entity_marks(struct tct_mod *m, struct tct_entity *e, uint64_t from,
	tcti_mark_fn *fn, tcti_marks_done_fn *done, void *data);
TCT_API uint64_t tcti_row_id(const struct tcti_row *row);
/* The message as it was stored; one reference; NULL: it cannot be read. */
TCT_API struct tct_stanza *tcti_row_stanza(const struct tcti_row *row);
/* The copy of the row's message that a session had to get, counted, the caller's; NULL: it
 * cannot be made. */
TCT_API struct delivery *tcti_row_delivery(struct tcti_row *row, const struct tcti_mark *mark);
/* Whether the row has a mark of that session, too. */
TCT_API bool tcti_row_marked(const struct tcti_row *row, uint64_t session);
/* A client has the row's message already. */
TCT_API void tcti_row_taken(struct tcti_row *row);
/* The row that a delivery is kept as; 0: none. */
TCT_API uint64_t tcti_delivery_row(const struct delivery *d);
/* Marks that row for the session, with this number. */
TCT_API void tcti_delivery_mark(struct tct_session *s, struct delivery *d, uint32_t number);
/* Appends the stanza as it is written. */
TCT_API void tcti_delivery_save(const struct delivery *d, struct tct_record *out,
	const char *field);
/* One that was saved so; counted, the caller's; NULL: these bytes are none. */
TCT_API struct delivery *tcti_delivery_load(const struct tct_value *bytes);

/* ---- the output pipe of a session: HOLD, COUNT, WRITE ---- */

TCT_API struct delivery *tcti_delivery_ref(struct delivery *d);
TCT_API void tcti_delivery_unref(struct delivery *d);
TCT_API uint32_t tcti_delivery_type(const struct delivery *d); /* enum tct_type */
TCT_API size_t tcti_delivery_size(const struct delivery *d);   /* bytes */
/* The bytes of its children: what is between angle brackets there is an element. Borrowed. */
TCT_API const char *tcti_delivery_children(const struct delivery *d, size_t *len);
/* A number for the kind and the address it is from, the same for all deliveries that share
 * both, and, without knowing a secret of the process, for no others. Never 0 or TCTI_HOLD. */
TCT_API uint64_t tcti_delivery_sender(const struct delivery *d);
/* Parsed again, unfrozen, one reference; costs what parsing costs. NULL: it cannot be. */
TCT_API struct tct_stanza *tcti_delivery_stanza(const struct delivery *d);

/* HOLD: what may wait for a client that does not look. */
#define TCTI_HOLD 1
struct tcti_hold_ops {
	uint32_t size;
	/* 0: it may not wait, and goes on behind all that is held. Else the pipe keeps it until
	 * tcti_pipe_release or until something comes that may not wait; it counts in the
	 * session's queue. TCTI_HOLD: it is kept as it is; any other number: in place of one
	 * that is held with that number, which is dropped. */
	uint64_t (*hold)(struct tct_mod *m, struct tct_session *s, struct delivery *d);
};
/* One module per session, any other than the owner of COUNT; NULL releases what is held.
 * `ops` lives as long as the instance. */
TCT_API void tcti_session_set_hold(struct tct_mod *m, struct tct_session *s,
	const struct tcti_hold_ops *ops);
/* How many are held. */
TCT_API size_t tcti_pipe_held(const struct tct_session *s);

struct tcti_pipe_ops {
	uint32_t size;
	/* COUNT: each stanza once, in the order in which it will be written. May be NULL. */
	void (*count)(struct tct_mod *m, struct tct_session *s, struct delivery *d);
	/* `d` was counted and is not written, for what it depends on could not be stored, and its
	 * sender was told. The client counts what it gets, so that it gets `instead`, an empty
	 * message, in the same place; both are borrowed. May be NULL: it gets nothing. */
	void (*replaced)(struct tct_mod *m, struct tct_session *s, struct delivery *d,
		struct delivery *instead);
	/* tcti_session_handled has grown, or tcti_session_notice was called; once for all of a
	 * turn, at its end. May be NULL. */
	void (*handled)(struct tct_mod *m, struct tct_session *s);
	/* ---- of a session with marks; may be NULL ---- */
	/* A set that the client caused leaves no row that could be marked: writes into it that
	 * all stanzas up to `number` are handled. */
	void (*note_handled)(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn,
		uint32_t number);
	/* A row that was there before (its id) is marked as sent to the session, in that set. */
	void (*marked)(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn,
		uint64_t id);
	/* The server stops: writes down all that the session needs to come back. False: it
	 * cannot, and the session ends like others. */
	bool (*save)(struct tct_mod *m, struct tct_session *s);
	/* As note_handled, but some before `number` are not handled yet: writes into the set that
	 * this one is, by its tcti_message_hash. */
	void (*note_ahead)(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn,
		uint32_t number, uint64_t hash);
	/* Before a set says of the session what a server after a crash goes by: how far the
	 * client's stanzas are handled, or that a row was sent to it. What the session is by then
	 * must be in that set, or on disk before it. */
	void (*note_state)(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn);
};
/* The owner of COUNT, one module per session; NULL takes it off. `ops` lives as long as the instance. */
TCT_API void tcti_session_set_pipe(struct tct_mod *m, struct tct_session *s, const struct tcti_pipe_ops *ops);
/* What is held goes on to COUNT and WRITE, in order. */
TCT_API void tcti_pipe_release(struct tct_session *s);
/* Writes again what was counted and written before (after a resumption), in front of all that
 * waits at WRITE: the newest comes first. `d` is borrowed. */
TCT_API void tcti_pipe_replay(struct tct_session *s, struct delivery *d);
/* All that waits at WRITE leaves when `txn` is on disk, or has failed: what was numbered in it again
 * (tcti_delivery_mark) must not reach the client before. */
TCT_API void tcti_pipe_wait_first(struct tct_session *s, struct tct_txn *txn);
/* For the owner of COUNT, before what was counted goes out on another connection: false when it
 * must not (tct_on_unwanted). First the pipe drops those that were not written; then the owner
 * takes them, and those that were, from what it keeps, and says so of each, once. */
TCT_API bool tcti_delivery_wanted(struct tct_session *s, const struct delivery *d);
TCT_API void tcti_pipe_drop_unwanted(struct tct_session *s);
TCT_API void tcti_delivery_leave_out(struct delivery *d);
/* What is sent to the session from here on leaves when `txn` is on disk, or has failed; in COUNT:
 * the stanza too that is counted now. */
TCT_API void tcti_pipe_wait(struct tct_session *s, struct tct_txn *txn);
/* How many of the stanzas that were counted last were not written yet. */
TCT_API size_t tcti_pipe_unwritten(const struct tct_session *s);
/* For the owner of COUNT: the client has acknowledged this one. */
TCT_API void tcti_delivery_taken(struct delivery *d);
/* For the owner of COUNT, too: the client has not acknowledged this one in time (d is a
 * message; `d` is borrowed), and: it has acknowledged all of those. */
TCT_API void tcti_session_late(struct tct_session *s, struct delivery *d);
TCT_API void tcti_session_heard(struct tct_session *s);
/* What the owner of COUNT keeps for the session, in bytes, for the budget of memory. */
TCT_API void tcti_session_set_kept(struct tct_session *s, size_t bytes);
/* Nobody got it: it is routed again to the account, or bounced; `d` is borrowed. */
TCT_API void tcti_give_back(struct tct_session *s, struct delivery *d);

/* ---- listeners ---- */
struct tcti_listener {
	uint32_t size;
	uint32_t kind;             /* enum tcti_stream_kind */
	const char *address;       /* numeric, "*" for all */
	uint16_t port;             /* 0: a free one (logged and in the state folder) */
	bool direct_tls;
	bool require_encryption;   /* refuse authentication before TLS */
	bool request_certificate;  /* ask the peer for one, see tcti_stream_peer */
	/* Paths of PEM files: shown here, whatever the name, in the place of those that mod_tls
	 * knows; NULL. */
	const char *certificate, *key;
	int64_t login_deadline;    /* seconds from accept to bound */
	int64_t stanza_size;       /* bytes of one first-level element after authentication */
	int64_t close_timeout;     /* seconds to wait for the peer's end tag */
	/* ---- not for clients, see <tercet/internal/peers.h> ---- */
	const struct tcti_stream_ops *ops; /* lives as long as the instance */
	/* Streams that have proven nothing: of all, and of one address (of IPv6: of its /64); one
	 * more is closed at once. 0: no limit. */
	uint32_t unproven, unproven_per_address;
};
/* In load() of a global module: opens now, accepts when the server is ready, closes at
 * unload. The struct is copied. */
TCT_API int tcti_listen(struct tct_mod *m, const struct tcti_listener *l, struct tct_error *err);
/* Other limits for all listeners and dialers of `m` of that kind, and for what begins on their
 * streams from now on: require_encryption, login_deadline, stanza_size, close_timeout and the
 * two of the unproven are taken from `l`. */
TCT_API void tcti_listen_limits(struct tct_mod *m, const struct tcti_listener *l);
/* True for a numeric address that only this machine reaches. */
TCT_API bool tcti_address_loopback(const char *address);
/* True when every listener of that kind is on a loopback address; in load() of a host's module
 * those of the configuration are open. */
TCT_API bool tcti_listeners_loopback(uint32_t kind);

#ifdef __cplusplus
}
#endif

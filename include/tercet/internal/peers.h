/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* internal/peers.h - streams of other servers and of components, for the modules that are part
 * of the server's own machinery (s2s, dialback, component ...). Not installed; see
 * <tercet/internal/stream.h>.
 *
 * Such a stream has no session and no account. Core reads its header, elements and stanzas; the
 * module whose listener or dialer it is of (struct tcti_stream_ops) decides what is believed.
 * Its hooks are those of global instances. Whatever its content namespace is (jabber:server,
 * jabber:component:accept): elements of it are given, and to be sent, in jabber:client. */
#pragma once

#include <tercet/internal/dial.h>
#include <tercet/internal/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TCTI_NS_SERVER "jabber:server"
#define TCTI_NS_COMPONENT "jabber:component:accept"
/* What is sent in this namespace is written with the prefix db, as XEP-0220 wants it. */
#define TCTI_NS_DIALBACK "jabber:server:dialback"

/* What the owner of a stream is called for. All may be NULL but stanza. `m` is the instance
 * whose tcti_listen or tcti_dialer_new the stream is of; when that ends its streams do, too
 * (nobody is called any more then). */
struct tcti_stream_ops {
	uint32_t size;
	/* The peer's header, of the right namespaces and version; tcti_stream_local and
	 * tcti_stream_from are what it says, or NULL where it says nothing or no domain. NULL: go
	 * on (features are sent to a server that has connected); else the stream ends with that
	 * condition. */
	const char *(*header)(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *root);
	/* A first-level message, presence or iq. `st` is taken. `problem`: 0, or the condition
	 * that it is to be refused with, when an address is malformed or the type unknown. */
	void (*stanza)(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *st,
		uint32_t problem);
	/* The peer has sent a stream error, and the stream ends after this call. `text` may be
	 * NULL. */
	void (*error)(struct tct_mod *m, struct tct_stream *s, const char *condition,
		const char *text);
	/* So many bytes of the peer's were dealt with; 0: it has just connected, and nothing of it
	 * was read. To slow it down: tcti_stream_hold. */
	void (*input)(struct tct_mod *m, struct tct_stream *s, size_t bytes);
	/* The last word: the connection is gone. `reason` is for people; borrowed. */
	void (*closed)(struct tct_mod *m, struct tct_stream *s, const char *reason);
};

/* ---- the stream ---- */

/* The domain of ours that it is for (header's `to`; of one that we opened: its `from`); NULL:
 * none is known. tcti_stream_from is the peer's domain in the same way. */
TCT_API const struct tct_jid *tcti_stream_local(const struct tct_stream *s);
/* The peer has proven something: the bounds of a stanza are in force, and the deadline of the
 * listener is over. */
TCT_API void tcti_stream_proven(struct tct_stream *s);
TCT_API bool tcti_stream_is_proven(const struct tct_stream *s);
/* Headers were exchanged, none is awaited again, and it does not end: elements may be sent. */
TCT_API bool tcti_stream_is_open(const struct tct_stream *s);
/* In `header`, of a stream that was opened to us: our header and the features wait until
 * tcti_stream_offer, which is called later and once, unless the stream ends before. */
TCT_API void tcti_stream_wait(struct tct_stream *s);
TCT_API void tcti_stream_offer(struct tct_stream *s);
/* Bytes of one stanza from here on, in the place of the listener's stanza_size; 0: those again. */
TCT_API void tcti_stream_limit_stanzas(struct tct_stream *s, int64_t bytes);
/* After authentication: the peer's next element must be a header (the stream was opened by it),
 * or: we send a new one, and the peer answers with one (the stream was opened by us). */
TCT_API void tcti_stream_restart(struct tct_stream *s);
/* Of a stream that we opened, after <proceed/>: TLS begins, then our header is sent again.
 * What the peer has sent in clear text is forgotten. */
TCT_API void tcti_stream_start_client_tls(struct tct_stream *s);
/* A stanza from the peer (`st` is taken), whose `from` and `to` were checked: it enters the
 * router, with an origin of TCT_SERVER or TCT_COMPONENT. When too many of the stream's stanzas
 * are on their way it is not read for a while. */
TCT_API void tcti_stream_route(struct tct_stream *s, struct tct_stanza *st);
/* A space between elements: so that a connection that is gone is noticed, and kept by what is on
 * its way. */
TCT_API void tcti_stream_space(struct tct_stream *s);
/* Seconds since the peer was heard; and bytes that it has not taken yet. */
TCT_API int64_t tcti_stream_silence(const struct tct_stream *s);
TCT_API size_t tcti_stream_unsent(const struct tct_stream *s);
/* "TLS1.3 ...", for people; the caller frees it; NULL without TLS. */
TCT_API char *tcti_stream_describe_tls(const struct tct_stream *s);
/* Who signed the peer's certificate, and until when it is good; false: it has shown none. The
 * caller frees *issuer. */
TCT_API bool tcti_stream_peer_describe(struct tct_stream *s, char **issuer, int64_t *until);
/* SHA-256 of that certificate's public key (SubjectPublicKeyInfo); false when there is none. */
TCT_API bool tcti_stream_peer_key(struct tct_stream *s, unsigned char out[32]);
/* What is wrong with it, as far as that is known exactly; 0 says nothing. */
enum tcti_flaw {
	TCTI_FLAW_EXPIRED = 1 << 0,
	TCTI_FLAW_EARLY = 1 << 1,   /* not valid yet */
	TCTI_FLAW_STRANGER = 1 << 2 /* nobody whom we trust has signed it */
};
TCT_API uint32_t tcti_stream_peer_flaws(struct tct_stream *s);
/* Its i-th name, as written, for people; NULL behind the last. Borrowed. */
TCT_API const char *tcti_stream_peer_name(struct tct_stream *s, size_t i);

/* ---- streams that we open ---- */

struct tcti_dialer;
/* In load() of a global module: limits and callbacks of such streams: kind, ops, stanza_size,
 * login_deadline (from the connection on), close_timeout and request_certificate of `l` are
 * used. Ends with `m`. */
TCT_API int tcti_dialer_new(struct tct_mod *m, const struct tcti_listener *l,
	struct tcti_dialer **dialer, struct tct_error *err);

/* The way to the server of `to->domain`, for `local` of ours. Callbacks are called with the module of the
 * dialer. `s`: a stream to it; our header, or TLS, is on its way already. NULL: there is
 * nothing (more) to try; `reason` is of enum tcti_dial_reason, `text` for the administrator, it
 * may name addresses. */
struct tcti_connecting;
typedef void tcti_connected_fn(struct tct_mod *m, struct tct_stream *s, uint32_t reason,
	const char *text, void *data);
/* fn is called, never inside this call, once for each stream, until tcti_connect_end. */
TCT_API struct tcti_connecting *tcti_connect(struct tcti_dialer *d, const char *local,
	const struct tcti_dial_params *to, tcti_connected_fn *fn, void *data);
/* Of the stream that was given last: the target that it leads to, when each answer on the way there
 * was signed, for tcti_dane_ask; NULL: it was not, or nobody was asked. */
TCT_API const char *tcti_connect_target(const struct tcti_connecting *c, uint16_t *port);
/* The stream that was given was of no use (why): the next one. */
TCT_API void tcti_connect_next(struct tcti_connecting *c, const char *text);
/* fn is not called any more; a stream that was given stays. NULL: nothing. */
TCT_API void tcti_connect_end(struct tcti_connecting *c);

/* The server stops: nobody is to be dialled any more. */
TCT_API bool tcti_streams_stopping(void);

/* ---- domains ---- */

/* A domain that is no host of tercet.conf and that `m` answers for, from now on until it is
 * dropped or `m` ends: what is for it goes to TCT_REMOTE, where `m` takes it, and other servers
 * may open streams to it. `domain` is prepared. TCT_EEXIST: it is a host, or somebody else's. */
TCT_API int tcti_domain_add(struct tct_mod *m, const char *domain);
TCT_API void tcti_domain_drop(struct tct_mod *m, const char *domain);
/* A host, or one of those. */
TCT_API bool tcti_domain_ours(const char *domain);
/* Of those the instance that answers for it; NULL. */
TCT_API struct tct_mod *tcti_domain_owner(const char *domain);

/* ---- outlets: what leaves for another server or a component ----
 *
 * A queue, in order, bounded in number and bytes, that outlives streams. What is in it leaves when
 * a stream is attached, each entry when what its cause wrote is on disk; an entry whose write
 * failed is dropped (its sender was told). */
struct tcti_outlet;
TCT_API struct tcti_outlet *tcti_outlet_new(uint32_t count_max, size_t bytes_max);
/* What is left in it is dropped: drain it first. NULL: nothing. */
TCT_API void tcti_outlet_free(struct tcti_outlet *o);
/* The stanza of an event in TCT_REMOTE. TCT_EFULL: there is no room, or the stream does not take
 * what it was given. */
TCT_API int tcti_outlet_send(struct tcti_outlet *o, struct tct_event *ev);
/* The one that was sent last is called so (not 0); tags grow. */
TCT_API void tcti_outlet_tag(struct tcti_outlet *o, uint64_t tag);
/* A stanza (taken, unless TCT_EFULL) that was written in an earlier life: it is kept, behind others
 * of that kind and before all that is new, see tcti_outlet_rewind. */
TCT_API int tcti_outlet_put(struct tcti_outlet *o, struct tct_stanza *st, uint64_t tag);
/* From now on it leaves by this stream (NULL: by none), until that ends. */
TCT_API void tcti_outlet_attach(struct tcti_outlet *o, struct tct_stream *s);
TCT_API struct tct_stream *tcti_outlet_stream(const struct tcti_outlet *o);
/* Of all that is in it, kept or not. */
TCT_API uint32_t tcti_outlet_count(const struct tcti_outlet *o);
TCT_API size_t tcti_outlet_bytes(const struct tcti_outlet *o);
/* Takes everything out, oldest first, also what is kept. `st` is the callee's reference. */
typedef void tcti_outlet_fn(struct tct_stanza *st, uint64_t tag, void *data);
TCT_API void tcti_outlet_drain(struct tcti_outlet *o, tcti_outlet_fn *fn, void *data);

/* What is written from now on, and is of these types (bits of enum tct_type), is kept, and counts
 * in the bounds, until it is confirmed. fn (may be NULL) is called at the end of a turn in which
 * something was written, behind that and before it is sent. */
typedef void tcti_outlet_written_fn(struct tct_mod *m, struct tcti_outlet *o, void *data);
TCT_API void tcti_outlet_keep(struct tct_mod *m, struct tcti_outlet *o, uint32_t types,
	tcti_outlet_written_fn *fn, void *data);
/* How many, and (may be NULL) how many bytes are kept. */
TCT_API uint32_t tcti_outlet_kept(const struct tcti_outlet *o, size_t *bytes);
/* The n oldest of them are confirmed, and go. Returns the highest tag of these; 0: none has. */
TCT_API uint64_t tcti_outlet_confirm(struct tcti_outlet *o, uint32_t n);
/* The same for all up to that tag, and what has none among them. */
TCT_API uint64_t tcti_outlet_confirm_to(struct tcti_outlet *o, uint64_t tag);
/* Calls fn with the tag of each that is kept, oldest first. */
typedef void tcti_outlet_tag_fn(uint64_t tag, void *data);
TCT_API void tcti_outlet_kept_each(const struct tcti_outlet *o, tcti_outlet_tag_fn *fn, void *data);
/* What is kept is to be written again, before all else. */
TCT_API void tcti_outlet_rewind(struct tcti_outlet *o);

/* Answers a stanza (taken) that could not be sent, in the name of the addressee: once, and no
 * error, no result and no presence that nobody waits for. */
TCT_API void tcti_bounce(struct tct_mod *m, struct tct_stanza *st, uint32_t condition,
	const char *text);
/* The same; what the answer writes goes into that set of the sender's host, which is not taken. */
TCT_API void tcti_bounce_with(struct tct_mod *m, struct tct_stanza *st, uint32_t condition,
	const char *text, struct tct_txn *txn);

/* ---- what leaves, on disk: stores of hosts for a global instance ---- */

/* The archive of that name of a host of ours, made when it is not there; NULL: it is no host, or
 * has no store. Ask each time: it goes with the host's storage. */
TCT_API struct tct_archive *tcti_host_archive(const char *host, const char *store);
/* tct_archive_append into the set of the event; 0: that is of another store, or closed. */
TCT_API uint64_t tcti_event_append(struct tct_event *ev, struct tct_archive *a, const char *user,
	const char *with, struct tct_value value);
/* A set for such an archive; end it with tct_txn_submit. `lazy`: nobody waits for it, so that it
 * costs no flush: it is on disk with the next set that is flushed, or when none comes for a
 * second, and until then a crash takes it back. */
TCT_API struct tct_txn *tcti_archive_txn(struct tct_archive *a, bool lazy);
/* A stanza that was stored with tct_stanza_xml; one reference, unfrozen; NULL: it is none. */
TCT_API struct tct_stanza *tcti_stanza_load(const struct tct_value *v);

/* ---- what a peer has sent, counted (XEP-0198) ----
 *
 * An intake counts the stanzas that are given to tcti_stream_route while it is the stream's: those
 * received, and those handled, which is in order: that many of the first ones have ended (a
 * question: was answered) and what they wrote is on disk. It outlives the stream. */
struct tcti_intake;
/* Called once for all of a turn in which more are handled. */
typedef void tcti_intake_fn(struct tct_mod *m, void *data);
/* Both begin at `handled`. */
TCT_API struct tcti_intake *tcti_intake_new(struct tct_mod *m, uint32_t handled,
	tcti_intake_fn *fn, void *data);
/* Take it from its stream first. NULL: nothing. */
TCT_API void tcti_intake_free(struct tcti_intake *k);
TCT_API uint32_t tcti_intake_received(const struct tcti_intake *k);
TCT_API uint32_t tcti_intake_handled(const struct tcti_intake *k);
/* Has fn called, as if more were handled. */
TCT_API void tcti_intake_notice(struct tcti_intake *k);
/* From here on it counts that stream's stanzas; NULL: nobody does. */
TCT_API void tcti_stream_set_intake(struct tct_stream *s, struct tcti_intake *k);
/* A stanza that is not routed was handled. */
TCT_API void tcti_stream_count(struct tct_stream *s);
/* One of the two has ended it; false in `closed`: the connection was lost. */
TCT_API bool tcti_stream_ended(const struct tct_stream *s);
/* Bytes that the socket has taken since the connection was made, and how many of them the peer's
 * TCP has acknowledged, as far as the kernel knows. */
TCT_API uint64_t tcti_stream_written(const struct tct_stream *s, uint64_t *confirmed);

#ifdef __cplusplus
}
#endif

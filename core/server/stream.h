/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stream.h - one XML stream over one connection: header, features, negotiation, and then
 * stanzas for a session. Dies with its connection. Knows no XEP and no mechanism: modules
 * register nonzas and features (<tercet/internal/stream.h>). Those of servers and components
 * have no session; see peers.h. */
#pragma once

#include "core/net/conn.h"
#include "core/server/entity.h"
#include "core/server/slots.h"
#include "core/xml/framer.h"
#include "core/xml/parse.h"

#include <tercet/internal/stream.h>

enum stream_state {
	STREAM_HEADER,    /* the peer's header is awaited */
	STREAM_OPEN,      /* features were sent: negotiation, then stanzas */
	STREAM_SECURING,  /* <proceed/> was sent, the handshake is under way */
	STREAM_FINISHING, /* the peer has ended its stream, or we do; the session ends first */
	STREAM_CLOSING    /* our end tag was sent */
};

struct ticket;

struct tct_stream {
	struct conn *conn;
	struct stream_listener *listener;
	struct list link;           /* of all streams */
	struct list throttled;      /* whose session's lane is crowded */
	struct tct_host *host;      /* NULL before the header */
	struct tct_entity *entity;  /* the account, pinned; NULL before authentication */
	struct tct_session *session;
	struct parse_context *context; /* of the peer's header */
	struct slots slots;
	struct tct_scope scope; /* of its own reads */
	struct framer framer;
	uint32_t scanned; /* bytes of the kept input that the framer has seen */
	uint16_t held;
	uint8_t state;
	uint8_t kind; /* enum tcti_stream_kind */
	bool direct, header_sent, bound;
	const struct tct_jid *from; /* claimed in the header */
	char id[33];
	struct str error; /* that the peer is told when its session has ended */
	/* ---- of servers and components ---- */
	bool proven, waits /* with its features */;
	int64_t stanza_size;         /* 0: the listener's */
	const struct tct_jid *local; /* the domain of ours; NULL */
	char *peer_id;               /* of a stream that we opened; NULL */
	int64_t heard;               /* tct_monotonic() */
	struct flight *flight;       /* counted; NULL: none of its stanzas ever was on its way */
	struct tcti_intake *intake;  /* that counts its stanzas; NULL */
	struct list outlets;         /* that leave by it */
	struct list unproven;        /* in the listener's list; in none once it is proven */
};

/* A peer that is no client: see peers.h. */
static inline bool stream_is_peer(const struct tct_stream *s)
{
	return s->kind != TCTI_STREAM_C2S;
}
/* The domain that it is for; NULL: none is known. */
const char *stream_domain(const struct tct_stream *s);
/* The hooks for it; those of global instances when it is for no host. */
struct hook_set *stream_hooks(const struct tct_stream *s);

/* What has no language gets that of its stream. */
void stream_set_language(const struct tct_stream *s, struct tct_stanza *st);
/* The session of the stream was bound or attached: no deadline any more. */
void stream_bound(struct tct_stream *s);
/* Reads on from streams that were stopped because too much waited; at the end of a turn. */
void streams_unthrottle(void);
/* Closes all with system-shutdown. */
void streams_shutdown(const char *condition, const char *text);
/* Its session has ended. Ends it without error when all that was written over that is on disk or
 * has failed. */
void stream_finish(struct tct_stream *s);
/* tcti_stream_close with an application's own condition (borrowed; NULL: none). */
void stream_close(struct tct_stream *s, const char *condition, const char *text,
	const struct tct_elem *application);
/* Cuts all that are left; conns_flush then frees them. */
void streams_abort(void);
/* Cuts those that we have ended and whose peers do not take what is left for them; false:
 * there are none. For the budget. */
bool streams_cut_ending(void);
size_t streams_count(void);
/* Writes a serialised element; in order with what the session sends. */
void stream_write(struct tct_stream *s, struct span bytes);
/* The peer's input after it was held, or unthrottled. */
void stream_continue(struct tct_stream *s);
/* One that we opened; the header or TLS is on its way. */
struct tct_stream *stream_connected(struct stream_listener *l, int fd, const struct addr *peer,
	const struct tct_jid *local, const struct tct_jid *remote, bool direct_tls);
/* Whoever listens or dials there is gone: ends its streams. */
void streams_end_of(const struct stream_listener *l);
/* TLS begins; `host`: see tls_params. */
void stream_start_tls(struct tct_stream *s, const char *host);
/* An accepted connection. */
struct stream_listener;
void stream_accept(struct stream_listener *l, int fd, const struct addr *peer);

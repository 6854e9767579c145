/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stream.h - one XML stream over one connection: header, features, negotiation, and then
 * stanzas for a session. Dies with its connection. Knows no XEP and no mechanism: modules
 * register nonzas and features (<tercet/internal/stream.h>). */
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
	STREAM_FINISHING, /* the peer has ended its stream; the session ends first */
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
	bool direct, header_sent, bound;
	const struct tct_jid *from; /* claimed in the header */
	char id[33];
};

/* The session of the stream was bound or attached: no deadline any more. */
void stream_bound(struct tct_stream *s);
/* Reads on from streams that were stopped because too much waited; at the end of a turn. */
void streams_unthrottle(void);
/* Closes all with system-shutdown. */
void streams_shutdown(const char *condition, const char *text);
/* Ends it without error when that is on disk or has failed. */
void stream_finish(struct tct_stream *s, struct ticket *ticket);
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
/* TLS begins; `host`: see tls_params. */
void stream_start_tls(struct tct_stream *s, const char *host);
/* An accepted connection. */
struct stream_listener;
void stream_accept(struct stream_listener *l, int fd, const struct addr *peer);

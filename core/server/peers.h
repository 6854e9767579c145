/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* peers.h - the streams of servers and components: their headers, both ways, and what is done
 * with their stanzas. What is believed is decided by the module that owns the listener or the
 * dialer (<tercet/internal/peers.h>). How many stanzas of one such stream are on their way at once
 * is bounded: each event has a share of the stream's flight. */
#pragma once

#include "core/server/stream.h"

#include <tercet/internal/peers.h>

struct flight;

/* Writes our header. */
void peers_header(struct tct_stream *s, struct str *out);
/* Sends it, to a server that we have connected to. */
void peers_greet(struct tct_stream *s);
/* TLS in the role of the client. */
void peers_client_tls(struct tct_stream *s);
/* The peer's header was read: answers it, or closes. */
void peers_open(struct tct_stream *s, const struct tct_elem *root);
/* A first-level stanza; `a` is taken. */
void peers_stanza(struct tct_stream *s, struct arena *a, struct tct_elem *root);
/* A stream error of the peer's. */
void peers_error(struct tct_stream *s, const struct tct_elem *e);
/* So many bytes were dealt with; 0: it was accepted. */
void peers_input(struct tct_stream *s, size_t bytes);
/* The stream's last word. */
void peers_closed(struct tct_stream *s, const char *reason);

/* True when one more stream that has proven nothing may come from there. */
bool peers_take(struct stream_listener *l, const struct addr *peer);

/* One more stanza of the stream is on its way. */
struct flight *flight_begin(struct tct_stream *s);
/* It has arrived; NULL: nothing. */
void flight_end(struct flight *f);
/* NULL when the stream is gone. */
struct tct_stream *flight_stream(const struct flight *f);

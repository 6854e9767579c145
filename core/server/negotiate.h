/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* negotiate.h - what happens on a stream before and between stanzas: headers, features,
 * restarts, elements that modules own. */
#pragma once

#include "core/server/stream.h"

/* Writes our header. */
void negotiate_header(struct tct_stream *s, struct str *out);
/* The peer's header was read: answers with ours and the features, or closes. */
void negotiate_open(struct tct_stream *s, const struct tct_elem *root);
/* Our header and the features, to a peer that has connected. */
void negotiate_send_open(struct tct_stream *s);
/* A first-level element that is no stanza of a session. */
void negotiate_element(struct tct_stream *s, const struct tct_elem *e);

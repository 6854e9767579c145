/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* component.h - what the files of mod_component share. A component is a domain of the
 * configuration; it has a stream or has none. */
#pragma once

#include <tercet/internal/component.h>
#include <tercet/internal/peers.h>

struct endpoint {
	const char *address;
	int64_t port;
	bool tls;
	const char *certificate, *key;
};

enum conflict { CONFLICT_REFUSE = 0, CONFLICT_REPLACE };

struct component_host {
	const char *name, *type, *secret;
	int32_t conflict; /* enum conflict */
};

struct component_config {
	struct tct_groups listen;
	struct tct_groups hosts; /* struct component_host */
	bool require_encryption;
	int64_t timeout, close_timeout;
	int64_t stanza_size_limit;
	int64_t max_unauthenticated, max_unauthenticated_per_address;
	int64_t stanza_rate;
	int64_t output_queue;
	int64_t max_presences;
	int64_t keepalive, silence;
};

/* Available presence that was sent from an address of the component. */
struct seen {
	struct seen *next;
	const struct tct_jid *from, *to; /* counted */
};
#define SEEN_BUCKETS 1024

struct component {
	struct component *next;
	struct tct_mod *m;
	const char *domain;              /* own copy, prepared */
	struct tct_stream *stream;       /* NULL: it is not connected */
	struct tcti_outlet *outlet;
	int64_t since;                   /* tct_now() of the connection or of its end */
	uint64_t received, sent;         /* stanzas, since the server started */
	struct seen *seen[SEEN_BUCKETS];
	size_t seen_count;
	bool seen_full;                  /* that was logged */
	char problem[128];               /* why the last connection ended or was refused */
};

struct component_data {
	struct component *first; /* in the order of the configuration */
};

/* Of a stream. */
struct component_stream {
	struct component *component; /* NULL: it has proven nothing, or was replaced */
	int64_t second;              /* tct_monotonic() of what is counted */
	int64_t count;
};

/* ---- mod_component.c ---- */
struct component *component_find(struct tct_mod *m, const char *domain);
/* Its options; never NULL. */
const struct component_host *component_options(const struct component *c);
/* It is not connected any more: what waited for it is sent back, those who saw it learn that
 * it is gone. */
void component_lost(struct component *c, const char *why);

/* ---- handshake.c ---- */
const char *component_header(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *root);
tcti_nonza_fn component_handshake;

/* ---- stanzas.c ---- */
#define COMPONENT_GONE "the component is not connected"
void component_stanza(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *st,
	uint32_t problem);
tct_stanza_fn component_remote;

/* ---- seen.c ---- */
/* A presence from the component is on its way. */
void seen_note(struct component *c, const struct tct_stanza *st);
/* Tells all who saw an address of it that it is unavailable (RFC 6121 4.5). */
void seen_end(struct component *c);

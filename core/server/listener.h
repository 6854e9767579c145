/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* listener.h - where streams come from, and the certificates that serve them. */
#pragma once

#include "core/base/scope.h"
#include "core/base/str.h"
#include "core/net/listen.h"
#include "core/server/certs.h"

#include <tercet/internal/stream.h>

struct stream_listener {
	struct tcti_listener spec; /* address: own copy */
	struct scope_node node;    /* in the scope of the module that listens */
	struct list link;      /* in none: it dials */
	struct tct_mod *mod;   /* NULL: it is gone */
	struct list unproven;  /* streams of servers and components that have proven nothing */
	uint32_t unproven_count;
	struct certs_user certs;
	struct listen *socket; /* NULL: closed */
	uint32_t refs;         /* the streams keep its limits */
};

struct stream_listener *listener_ref(struct stream_listener *l);
void listener_unref(struct stream_listener *l);
/* The certificates in force there; NULL before any were configured. */
struct certset *listener_certset(const struct stream_listener *l);
/* Those that are open; NULL: the first, NULL at the end. */
struct stream_listener *listener_next(const struct stream_listener *l);
/* Everything is loaded: accept from now on, those opened later too. */
void listeners_start(void);
/* The server stops: nobody gets through any more, and nobody is accepted who waits to be. */
void listeners_stop(void);
/* Appends a line per listener: kind, address, port, "tls" or "starttls". */
void listeners_describe(struct str *out);
/* Listeners without sockets, certificates that are not read (offline); before modules load. */
void listeners_disable(void);
void listeners_fini(void);

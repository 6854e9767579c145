/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* conn.h - one accepted connection: its socket, TLS, what was read and not used, what waits
 * to be sent. One read per wake-up into a buffer that all connections share; output is
 * collected and sent once at the end of the turn. An idle connection owns no buffer. The
 * callbacks are called from the loop, never inside a function of this header, with one
 * exception that conn_start_tls names. Callbacks may close the connection that they are
 * for. What it holds counts in the budget. Handshakes that take long are done by a worker, in a
 * lane of their own; the connection is not read meanwhile. Loop thread. */
#pragma once

#include "core/base/str.h"
#include "core/net/addr.h"
#include "core/net/tls.h"

struct conn;

enum conn_reason {
	CONN_CLOSED,    /* the peer closed in order */
	CONN_CUT,       /* reset, or TLS without close_notify */
	CONN_TLS,       /* TLS failed */
	CONN_TIMEOUT,   /* conn_shutdown's wait was over, or conn_abort */
};
const char *conn_reason_text(enum conn_reason reason);

struct conn_callbacks {
	/* The handshake is done. */
	void (*on_secure)(struct conn *c, void *user);
	/* Plain bytes: what was not used before, then what is new. Returns the bytes used; the
	 * rest is given again. */
	size_t (*on_input)(struct conn *c, struct span in, void *user);
	/* More unused input than conn_set_input_limit allows. */
	void (*on_overflow)(struct conn *c, void *user);
	void (*on_deadline)(struct conn *c, void *user);
	/* Once, last: the connection is freed after it. */
	void (*on_closed)(struct conn *c, enum conn_reason reason, void *user);
};

/* `fd` is taken; `callbacks` must live as long as the connection. */
struct conn *conn_new(int fd, const struct addr *peer, const struct conn_callbacks *callbacks,
	void *user);
/* TLS begins with the next byte of the peer, or with ours when params->client is set; what is
 * in the output leaves in clear text first, unused input is thrown away. */
void conn_start_tls(struct conn *c, struct certset *set, const struct tls_params *params);

/* Where output is appended; marks the connection to be flushed. NULL when it is closing. */
struct str *conn_output(struct conn *c);
size_t conn_pending(const struct conn *c); /* bytes that are not sent yet */
/* Bytes that the socket has taken since it was opened, and how many of them the peer's TCP has
 * acknowledged, as far as the kernel says. */
uint64_t conn_written(const struct conn *c, uint64_t *confirmed);
/* Encrypts and sends what was collected, gives paused input again, frees what is dead; at
 * the end of each turn. */
void conns_flush(void);

/* Calls nest not: paused or not. Resuming gives unused input again in this turn's end. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
void conn_set_input_limit(struct conn *c, size_t bytes);
/* Seconds from now; 0: none. */
void conn_set_deadline(struct conn *c, int64_t seconds);

/* Sends what is collected, says goodbye, waits for the peer at most `seconds`. No input any
 * more. */
void conn_shutdown(struct conn *c, int64_t seconds);
/* Closes at the end of the turn; what is not sent is lost. */
void conn_abort(struct conn *c);

bool conn_secured(const struct conn *c);
bool conn_serves(const struct conn *c, const char *host); /* tls_serves; true without TLS */
const struct addr *conn_peer(const struct conn *c);
/* Numeric, without port; borrowed from one static buffer until the next call. */
const char *conn_address(const struct conn *c);
const struct peer *conn_peer_of(struct conn *c); /* tls_peer_of; NULL without TLS */
/* tls_dane; DANE_MISMATCH without TLS. */
enum dane_verdict conn_dane(struct conn *c, const struct span *records, size_t count,
	const char *const *names);
int conn_binding(const struct conn *c, const char *type, void *out, size_t *len);
int conn_end_point(const struct conn *c, const char *hash, void *out, size_t *len);
uint32_t conn_tls_version(const struct conn *c); /* 0 without TLS */
/* Why TLS failed; borrowed; NULL: it has not. */
const char *conn_problem(const struct conn *c);
char *conn_describe_tls(const struct conn *c); /* the caller frees it; NULL without TLS */
size_t conns_count(void);
/* Before the loop ends, when no connection is left and after job_stop: frees what they
 * shared. */
void conns_fini(void);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* conn.c - see conn.h. */
#include "core/net/conn.h"

#include "core/base/assert.h"
#include "core/base/budget.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/job.h"
#include "core/loop/loop.h"
#include "core/net/sends.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define READ_BYTES (64 * 1024)
#define HANDSHAKE_BYTES (32 * 1024) /* that a peer may send before TLS is up */
#define HANDSHAKES_AT_ONCE 2
#define HANDSHAKES_WAITING 2000
#define RAW_MAX (17 * 1024)         /* an incomplete TLS record */

enum conn_state {
	CONN_LIVE,
	CONN_ENDING, /* conn_shutdown: output only */
	CONN_DEAD    /* freed at the end of the turn */
};

/* A handshake on a worker. The connection may end meanwhile: then TLS is the worker's. */
struct handshake {
	struct conn *conn; /* NULL: it has ended */
	struct tls *tls;   /* NULL: the connection has it back */
	_Atomic bool dropped;
};

struct conn {
	struct loop_io io; /* first */
	const struct conn_callbacks *callbacks;
	void *user;
	struct tls *tls;
	struct handshake *handshake; /* NULL: no worker has `tls` */
	struct list dirty, timed;
	struct str out;  /* plain, collected in this turn */
	struct str wire; /* as it goes to the socket, not taken by it yet */
	char *kept, *raw; /* unused plain input; an incomplete TLS record; exact size */
	uint32_t kept_len, raw_len;
	uint32_t limit, handshake_bytes;
	uint64_t written;      /* bytes that the socket has taken */
	size_t queued, unused; /* as the budget counts output and input */
	int64_t deadline; /* tct_monotonic(); 0: none */
	uint8_t state, reason;
	bool secure, paused, again, said_bye;
	struct addr peer;
};

static struct list dirty = { &dirty, &dirty };
static struct list timed = { &timed, &timed };
static struct list dead = { &dead, &dead };
static size_t count;
static struct job_lane *lane; /* of handshakes */
static struct tct_scope wheel_scope;
static struct tct_timer *wheel;

/* What all connections share: one read, one decryption, one encryption at a time. */
static char read_buffer[READ_BYTES + RAW_MAX];
static struct str plain_buffer, wire_buffer;

const char *conn_reason_text(enum conn_reason reason)
{
	static const char *const texts[] = { "closed by the peer", "cut", "TLS failed",
		"timed out" };

	return texts[reason];
}

size_t conns_count(void)
{
	return count;
}

/* ---- life ---- */

static void mark(struct conn *c)
{
	if (c->state != CONN_DEAD && list_empty(&c->dirty))
		list_push(&dirty, &c->dirty);
	loop_wake();
}

static void die(struct conn *c, enum conn_reason reason)
{
	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	c->reason = (uint8_t)reason;
	loop_io_set(&c->io, 0);
	list_remove(&c->dirty);
	list_push(&dead, &c->dirty);
	loop_wake();
}

/* Tells the budget what the connection holds now. */
static void account(struct conn *c, size_t queued, size_t unused)
{
	if (c->queued == queued && c->unused == unused)
		return;
	budget_sub(BUDGET_QUEUES, c->queued);
	budget_sub(BUDGET_STREAMS, c->unused);
	c->queued = queued;
	c->unused = unused;
	budget_add(BUDGET_QUEUES, queued);
	budget_add(BUDGET_STREAMS, unused);
}

static void account_now(struct conn *c)
{
	account(c, conn_pending(c), (size_t)c->kept_len + c->raw_len);
}

static void conn_free(struct conn *c)
{
	account(c, 0, 0);
	list_remove(&c->timed);
	close(c->io.io.fd);
	if (c->handshake != NULL) {
		c->handshake->conn = NULL;
		c->handshake->dropped = true;
	} else {
		tls_free(c->tls);
	}
	str_fini(&c->out);
	str_fini(&c->wire);
	free(c->kept);
	free(c->raw);
	free(c);
	count--;
}

static void bury(void)
{
	struct list *node;

	while ((node = list_pop(&dead)) != NULL) {
		struct conn *c = list_entry(node, struct conn, dirty);

		c->callbacks->on_closed(c, c->reason, c->user);
		conn_free(c);
	}
}

/* ---- deadlines: one coarse timer for all ---- */

static void look_at_deadlines(struct tct_scope *scope, void *data)
{
	int64_t now = tct_monotonic();

	(void)scope;
	(void)data;
	list_each (node, &timed) {
		struct conn *c = list_entry(node, struct conn, timed);

		if (c->deadline >= now || c->state == CONN_DEAD) /* never early */
			continue;
		conn_set_deadline(c, 0);
		if (c->state == CONN_ENDING)
			die(c, CONN_TIMEOUT);
		else
			c->callbacks->on_deadline(c, c->user);
	}
	if (list_empty(&timed)) {
		tct_timer_stop(wheel);
		wheel = NULL;
	}
}

void conn_set_deadline(struct conn *c, int64_t seconds)
{
	list_remove(&c->timed);
	c->deadline = 0;
	if (seconds <= 0)
		return;
	c->deadline = tct_monotonic() + seconds;
	list_push(&timed, &c->timed);
	if (wheel == NULL) {
		if (wheel_scope.nodes.next == NULL)
			scope_init(&wheel_scope, NULL);
		wheel = tct_timer_start(&wheel_scope, 500, 500, look_at_deadlines, NULL);
	}
}

/* ---- output ---- */

static void want(struct conn *c)
{
	int events = 0;

	if (c->state == CONN_DEAD)
		return;
	if ((!c->paused || c->state == CONN_ENDING) && c->handshake == NULL)
		events |= EV_READ;
	if (c->wire.len > 0)
		events |= EV_WRITE;
	loop_io_set(&c->io, events);
}

/* `bytes` were given to the socket of a connection that had nothing waiting. */
static void sent(struct conn *c, struct span bytes, ssize_t result)
{
	if (result < 0) {
		die(c, CONN_CUT);
		return;
	}
	c->written += (uint64_t)result;
	if ((size_t)result < bytes.len)
		str_append_n(&c->wire, bytes.data + result, bytes.len - (size_t)result);
}

/* Sends from `bytes`; what the socket does not take is kept in wire. */
static void send_now(struct conn *c, struct span bytes)
{
	struct send_one one = { .fd = c->io.io.fd, .bytes = bytes };

	if (bytes.len == 0)
		return;
	if (c->wire.len > 0) {
		str_append_n(&c->wire, bytes.data, bytes.len);
		return;
	}
	sends_run(&one, 1);
	sent(c, bytes, one.result);
}

static void free_wire(void)
{
	if (wire_buffer.room > 256 * 1024)
		str_fini(&wire_buffer);
	str_clear(&wire_buffer);
}

/* Small buffers of output are kept for the next: a broadcast needs many for a moment. */
#define OUT_KEPT 512
#define OUT_BYTES 4096
static struct str outs[OUT_KEPT];
static unsigned out_count;

static void put_out(struct conn *c)
{
	if (out_count == OUT_KEPT || c->out.room > OUT_BYTES) {
		str_fini(&c->out);
		return;
	}
	str_clear(&c->out);
	outs[out_count++] = c->out;
	str_init(&c->out);
}

/* Connections whose bytes are in wire_buffer and leave together. No callback is called while
 * there are any. */
#define TOGETHER 64
#define TOGETHER_BYTES (64 * 1024)
static struct conn *together[TOGETHER];
static struct send_one sends[TOGETHER];
static size_t lengths[TOGETHER];
static unsigned together_count;

static void flush_ends(struct conn *c)
{
	if (c->state == CONN_ENDING && c->said_bye && c->wire.len == 0)
		shutdown(c->io.io.fd, SHUT_WR);
	want(c);
	account_now(c);
}

static void flush_together(void)
{
	const char *at = wire_buffer.data;

	for (unsigned i = 0; i < together_count; i++) {
		sends[i].fd = together[i]->io.io.fd;
		sends[i].bytes = span_make(at, lengths[i]);
		at += lengths[i];
	}
	sends_run(sends, together_count);
	for (unsigned i = 0; i < together_count; i++) {
		sent(together[i], sends[i].bytes, sends[i].result);
		flush_ends(together[i]);
	}
	together_count = 0;
	free_wire();
}

/* Everything collected goes out, goodbye behind it when we are ending; at the latest with
 * flush_together. */
static void flush(struct conn *c)
{
	size_t before = wire_buffer.len, len;

	if (c->out.len > 0 && (c->tls == NULL || c->secure)) {
		if (c->tls == NULL)
			str_append_n(&wire_buffer, c->out.data, c->out.len);
		else if (!tls_write(c->tls, str_span(&c->out), &wire_buffer))
			die(c, CONN_TLS);
		put_out(c);
	}
	if (c->state == CONN_ENDING && !c->said_bye) {
		c->said_bye = true;
		if (c->secure)
			tls_bye(c->tls, &wire_buffer);
	}
	len = wire_buffer.len - before;
	if (len == 0 || c->state == CONN_DEAD || c->wire.len > 0) {
		if (c->state != CONN_DEAD && len > 0)
			str_append_n(&c->wire, wire_buffer.data + before, len);
		wire_buffer.len = before;
		flush_ends(c);
		return;
	}
	lengths[together_count] = len;
	together[together_count++] = c;
	if (together_count == TOGETHER || wire_buffer.len >= TOGETHER_BYTES)
		flush_together();
}

static void writable(struct conn *c)
{
	struct str rest = c->wire;

	str_init(&c->wire);
	send_now(c, str_span(&rest));
	str_fini(&rest);
	if (c->state == CONN_DEAD)
		return;
	if (c->wire.len == 0)
		mark(c); /* what was collected meanwhile, and the end */
	want(c);
}

struct str *conn_output(struct conn *c)
{
	if (c->state != CONN_LIVE)
		return NULL;
	mark(c);
	if (c->out.data == NULL && out_count > 0)
		c->out = outs[--out_count];
	return &c->out;
}

uint64_t conn_written(const struct conn *c, uint64_t *confirmed)
{
	int left = 0;

	if (ioctl(c->io.io.fd, SIOCOUTQ, &left) != 0)
		left = INT_MAX;
	if (left > 0 && c->state != CONN_LIVE)
		left--; /* FIN counts as a byte */
	*confirmed = left >= 0 && (uint64_t)left <= c->written ? c->written - (uint64_t)left : 0;
	return c->written;
}

size_t conn_pending(const struct conn *c)
{
	return c->out.len + c->wire.len;
}

/* ---- input ---- */

static void keep(char **kept, uint32_t *kept_len, struct span rest)
{
	char *old = *kept;

	*kept_len = (uint32_t)rest.len;
	*kept = rest.len > 0 ? mem_strndup(rest.data, rest.len) : NULL;
	free(old); /* after the copy: `rest` may lie in it */
}

/* Gives plain bytes to the owner and keeps what it does not use. */
static void deliver(struct conn *c, struct span in)
{
	struct tls *before = c->tls;
	size_t used;

	if (c->state != CONN_LIVE)
		return;
	used = c->callbacks->on_input(c, in, c->user);
	if (c->state != CONN_LIVE || c->tls != before) {
		keep(&c->kept, &c->kept_len, span_make(NULL, 0));
		return;
	}
	tct_assert(used <= in.len);
	keep(&c->kept, &c->kept_len, span_make(in.data + used, in.len - used));
	if (c->kept_len > c->limit && !c->paused)
		c->callbacks->on_overflow(c, c->user);
}

static void take_plain(struct conn *c, struct span in)
{
	str_clear(&plain_buffer);
	str_append_n(&plain_buffer, c->kept, c->kept_len);
	str_append_n(&plain_buffer, in.data, in.len);
	deliver(c, str_span(&plain_buffer));
}

/* ---- handshakes that take long ---- */

static void take_records(struct conn *c, struct span in, size_t fresh);

static void shake(void *data)
{
	struct handshake *h = data;

	if (!h->dropped)
		tls_work(h->tls);
}

static void shaken(struct tct_scope *scope, void *data)
{
	struct handshake *h = data;
	struct conn *c = h->conn;

	(void)scope;
	if (c == NULL)
		return;
	h->conn = NULL;
	h->tls = NULL;
	c->handshake = NULL;
	if (c->state == CONN_LIVE)
		take_records(c, span_make(c->raw, c->raw_len), 0);
	want(c);
	account_now(c);
}

static void handshake_free(void *data)
{
	struct handshake *h = data;

	if (h->conn != NULL)
		h->conn->handshake = NULL;
	else
		tls_free(h->tls);
	free(h);
}

static void hand_over(struct conn *c)
{
	struct handshake *h = mem_zalloc(sizeof *h);

	h->conn = c;
	h->tls = c->tls;
	c->handshake = h;
	if (lane == NULL)
		lane = job_lane_new("handshakes", HANDSHAKES_AT_ONCE, HANDSHAKES_WAITING);
	if (job_submit(lane, NULL, shake, shaken, handshake_free, h) != TCT_OK)
		die(c, CONN_TLS);
	want(c);
}

/* TLS bytes, the last `fresh` of them new: decrypted behind what was kept, so that the owner
 * sees one span. */
static void take_records(struct conn *c, struct span in, size_t fresh)
{
	enum tls_status status;
	size_t used;
	bool was_secure = c->secure;

	if (!c->secure) {
		c->handshake_bytes += (uint32_t)fresh;
		if (c->handshake_bytes > HANDSHAKE_BYTES) {
			die(c, CONN_TLS);
			return;
		}
	}
	free_wire();
	if (plain_buffer.room > 512 * 1024)
		str_fini(&plain_buffer);
	str_clear(&plain_buffer);
	str_append_n(&plain_buffer, c->kept, c->kept_len);
	status = tls_feed(c->tls, in, &used, &wire_buffer, &plain_buffer);
	if (wire_buffer.len > 0)
		send_now(c, str_span(&wire_buffer));
	if (c->state == CONN_DEAD)
		return;
	keep(&c->raw, &c->raw_len, span_make(in.data + used, in.len - used));
	if (status == TLS_WORK) {
		hand_over(c);
		return;
	}
	if (status == TLS_FAILED) {
		log_debug("TLS with %s failed (%s)", conn_address(c), tls_problem(c->tls));
		die(c, CONN_TLS);
		return;
	}
	if (status != TLS_HANDSHAKE && !was_secure) {
		c->secure = true;
		c->callbacks->on_secure(c, c->user);
	}
	if (plain_buffer.len > c->kept_len)
		deliver(c, str_span(&plain_buffer));
	if (status == TLS_CLOSED)
		die(c, CONN_CLOSED);
}

static void readable(struct conn *c)
{
	size_t before = c->tls != NULL ? c->raw_len : 0;
	ssize_t n;

	if (before > 0)
		memcpy(read_buffer, c->raw, before);
	n = recv(c->io.io.fd, read_buffer + before, READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		die(c, n == 0 && (c->tls == NULL || c->state == CONN_ENDING) ? CONN_CLOSED :
									       CONN_CUT);
		return;
	}
	if (c->state == CONN_ENDING)
		return; /* whatever it still says */
	if (c->tls != NULL)
		take_records(c, span_make(read_buffer, before + (size_t)n), (size_t)n);
	else
		take_plain(c, span_make(read_buffer, (size_t)n));
	if (c->raw_len > RAW_MAX)
		die(c, CONN_TLS);
}

static void on_io(struct loop_io *w, int events)
{
	struct conn *c = (struct conn *)w;

	if (events & EV_WRITE)
		writable(c);
	if ((events & EV_READ) && c->state != CONN_DEAD)
		readable(c);
	if (c->state != CONN_DEAD)
		want(c);
	account_now(c);
}

void conns_flush(void)
{
	struct list again;
	struct list *node;

	list_init(&again);
	list_splice(&again, &dirty);
	free_wire();
	while ((node = list_pop(&again)) != NULL) {
		struct conn *c = list_entry(node, struct conn, dirty);

		if (c->again && !c->paused && c->state == CONN_LIVE) {
			flush_together();
			c->again = false;
			if (c->kept_len > 0)
				take_plain(c, span_make(NULL, 0));
		}
		if (c->state != CONN_DEAD)
			flush(c);
		else
			account_now(c);
	}
	flush_together();
	bury();
}

/* ---- the rest ---- */

void conns_fini(void)
{
	tct_assert(count == 0);
	if (wheel != NULL)
		tct_timer_stop(wheel);
	wheel = NULL;
	lane = NULL;
	while (out_count > 0)
		str_fini(&outs[--out_count]);
	str_fini(&plain_buffer);
	str_fini(&wire_buffer);
	sends_fini();
}

struct conn *conn_new(int fd, const struct addr *peer, const struct conn_callbacks *callbacks,
	void *user)
{
	struct conn *c = mem_zalloc(sizeof *c);
	int on = 1;

	c->callbacks = callbacks;
	c->user = user;
	c->peer = *peer;
	c->limit = 10000;
	list_init(&c->dirty);
	list_init(&c->timed);
	/* Without it short exchanges wait for delayed acknowledgements in steps of 40 ms. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	loop_io_init(&c->io, fd, on_io);
	count++;
	want(c);
	return c;
}

void conn_start_tls(struct conn *c, struct certset *set, const struct tls_params *params)
{
	struct str out = { 0 }, plain = { 0 };
	size_t used;

	tct_assert(c->tls == NULL);
	if (c->state != CONN_LIVE)
		return;
	if (c->out.len > 0)
		send_now(c, str_span(&c->out));
	str_fini(&c->out);
	if (c->state == CONN_DEAD)
		return;
	keep(&c->kept, &c->kept_len, span_make(NULL, 0));
	c->tls = tls_new(set, params);
	if (!params->client)
		return;
	/* The buffers that all share may be in use: this is called from on_input, too. */
	tls_feed(c->tls, span_make(NULL, 0), &used, &out, &plain);
	send_now(c, str_span(&out));
	str_fini(&out);
	str_fini(&plain);
	want(c);
}

void conn_pause(struct conn *c)
{
	c->paused = true;
	want(c);
}

void conn_resume(struct conn *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	c->again = true;
	mark(c);
	want(c);
}

void conn_set_input_limit(struct conn *c, size_t bytes)
{
	c->limit = (uint32_t)(bytes < UINT32_MAX ? bytes : UINT32_MAX);
}

void conn_shutdown(struct conn *c, int64_t seconds)
{
	if (c->state != CONN_LIVE)
		return;
	c->state = CONN_ENDING;
	conn_set_deadline(c, seconds > 0 ? seconds : 1);
	if (list_empty(&c->dirty))
		list_push(&dirty, &c->dirty);
	loop_wake();
}

void conn_abort(struct conn *c)
{
	die(c, CONN_TIMEOUT);
}

bool conn_secured(const struct conn *c)
{
	return c->secure;
}

bool conn_serves(const struct conn *c, const char *host)
{
	return c->tls == NULL || tls_serves(c->tls, host);
}

const struct addr *conn_peer(const struct conn *c)
{
	return &c->peer;
}

const char *conn_address(const struct conn *c)
{
	static char text[ADDR_TEXT];

	addr_text(&c->peer, text);
	return text;
}

enum dane_verdict conn_dane(struct conn *c, const struct span *records, size_t n,
	const char *const *names)
{
	return c->secure ? tls_dane(c->tls, records, n, names) : DANE_MISMATCH;
}

const struct peer *conn_peer_of(struct conn *c)
{
	return c->secure ? tls_peer_of(c->tls) : NULL;
}

int conn_binding(const struct conn *c, const char *type, void *out, size_t *len)
{
	return c->secure ? tls_binding(c->tls, type, out, len) : TCT_ENOENT;
}

int conn_end_point(const struct conn *c, const char *hash, void *out, size_t *len)
{
	return c->secure ? tls_end_point(c->tls, hash, out, len) : TCT_ENOENT;
}

uint32_t conn_tls_version(const struct conn *c)
{
	return c->secure ? tls_version(c->tls) : 0;
}

const char *conn_problem(const struct conn *c)
{
	return c->reason == CONN_TLS && c->tls != NULL && c->handshake == NULL ?
		tls_problem(c->tls) :
		NULL;
}

char *conn_describe_tls(const struct conn *c)
{
	return c->secure ? tls_describe(c->tls) : NULL;
}

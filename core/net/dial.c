/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dial.c - see dial.h. */
#include "core/net/dial.h"

#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/net/range.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT_STARTTLS 5269
#define PORT_DIRECT_TLS 5270
#define ATTEMPT_MS 10000
#define OVERALL_MS 60000
#define TEXT 96

enum family { V6, V4, FAMILIES };

struct failure {
	uint32_t reason;
	uint16_t port;
	bool direct_tls;
	char *target;
	char address[ADDR_TEXT];
	char text[TEXT];
};

/* A connection that is being made. */
struct attempt {
	struct loop_io io; /* first */
	struct list link;
	struct tcti_dial *dial;
	struct tct_timer *timer;
	struct addr addr;
	int fd;
};

struct tcti_dial {
	struct scope_node node;
	struct tct_scope scope; /* of its timers */
	tcti_dial_fn *fn;
	void *data;
	char *domain, *override_host;
	uint16_t override_port;
	bool override_direct_tls, no_direct_tls, allow_private;
	int64_t attempt_timeout, timeout;

	char *target; /* the present one; NULL before the first */
	uint16_t port;
	bool direct_tls, secure;

	/* Its addresses that are not tried yet: from next to count. */
	struct addr addresses[FAMILIES][DIAL_ADDRESSES];
	unsigned count[FAMILIES], next[FAMILIES];
	enum family last;

	struct list attempts;
	struct tct_timer *overall, *stagger;
	struct failure failures[TCTI_DIAL_ATTEMPTS];
	size_t failure_count;
	uint32_t worst; /* the reason to give when all has failed */
	char address[ADDR_TEXT]; /* of the connection that was given */
	bool given;
};

static size_t dials;

size_t dial_count(void)
{
	return dials;
}

const char *tcti_dial_reason_text(uint32_t reason)
{
	static const char *const texts[] = {
		[TCTI_DIAL_OK] = "connected",
		[TCTI_DIAL_INVALID] = "the domain is not a name that can be looked up",
		[TCTI_DIAL_NOT_FOUND] = "the domain is not in DNS, or has no address there",
		[TCTI_DIAL_NO_SERVICE] = "the domain says that it has no XMPP server",
		[TCTI_DIAL_BOGUS] = "what DNS says of the domain is not what its owner signed",
		[TCTI_DIAL_DNS] = "DNS could not say where the domain's server is",
		[TCTI_DIAL_DNS_TIMEOUT] = "DNS did not say in time where the domain's server is",
		[TCTI_DIAL_FORBIDDEN] = "the domain's server is not in the public network",
		[TCTI_DIAL_REFUSED] = "the domain's server cannot be connected to",
		[TCTI_DIAL_TIMEOUT] = "the domain's server did not answer in time",
		[TCTI_DIAL_UNUSABLE] = "the connection to the domain's server was of no use",
		[TCTI_DIAL_BUSY] = "too many servers are being connected to",
	};

	return reason < sizeof texts / sizeof *texts ? texts[reason] : "unknown";
}

/* ---- what failed ---- */

/* Of several reasons, the one that got furthest tells most; bogus answers hide nothing. */
static unsigned rank(uint32_t reason)
{
	static const unsigned char ranks[] = {
		[TCTI_DIAL_NOT_FOUND] = 1,
		[TCTI_DIAL_DNS] = 2,
		[TCTI_DIAL_DNS_TIMEOUT] = 3,
		[TCTI_DIAL_FORBIDDEN] = 4,
		[TCTI_DIAL_REFUSED] = 5,
		[TCTI_DIAL_TIMEOUT] = 6,
		[TCTI_DIAL_UNUSABLE] = 7,
		[TCTI_DIAL_INVALID] = 8,
		[TCTI_DIAL_NO_SERVICE] = 8,
		[TCTI_DIAL_BUSY] = 8,
		[TCTI_DIAL_BOGUS] = 9,
	};

	return reason < sizeof ranks ? ranks[reason] : 0;
}

static void failed(struct tcti_dial *d, uint32_t reason, const char *address, const char *text)
{
	struct failure *f;

	if (rank(reason) > rank(d->worst))
		d->worst = reason;
	if (d->failure_count == TCTI_DIAL_ATTEMPTS)
		return;
	f = &d->failures[d->failure_count++];
	f->reason = reason;
	f->port = d->port;
	f->direct_tls = d->direct_tls;
	f->target = mem_strdup(d->target != NULL ? d->target : d->domain);
	snprintf(f->address, sizeof f->address, "%s", address);
	snprintf(f->text, sizeof f->text, "%s", text);
}

static void attempt_free(struct attempt *a)
{
	loop_io_set(&a->io, 0);
	if (a->fd >= 0)
		close(a->fd);
	if (a->timer != NULL)
		tct_timer_stop(a->timer);
	list_remove(&a->link);
	free(a);
}

/* Nothing that was begun goes on. */
static void quiet(struct tcti_dial *d)
{
	list_each (node, &d->attempts)
		attempt_free(list_entry(node, struct attempt, link));
	scope_end(&d->scope);
	scope_init(&d->scope, NULL);
	d->overall = d->stagger = NULL;
	d->count[V6] = d->count[V4] = d->next[V6] = d->next[V4] = 0;
}

/* The last thing that is done with a dial in a turn: fn may end it. */
static void tell(struct tcti_dial *d, uint32_t reason, int fd)
{
	struct tcti_dial_attempt list[TCTI_DIAL_ATTEMPTS];
	struct tcti_dialled r = { .size = sizeof r, .reason = reason, .fd = fd };

	quiet(d);
	for (size_t i = 0; i < d->failure_count; i++) {
		const struct failure *f = &d->failures[i];

		list[i] = (struct tcti_dial_attempt){ .reason = f->reason, .target = f->target,
			.address = f->address, .port = f->port, .direct_tls = f->direct_tls,
			.text = f->text };
	}
	r.attempts = list;
	r.attempt_count = d->failure_count;
	d->given = reason == TCTI_DIAL_OK;
	if (d->given) {
		r.target = d->target;
		r.address = d->address;
		r.port = d->port;
		r.direct_tls = d->direct_tls;
		r.secure = d->secure;
	}
	d->fn(d, &r, d->data);
}

static void too_late(struct tct_scope *scope, void *data)
{
	struct tcti_dial *d = data;

	(void)scope;
	failed(d, TCTI_DIAL_TIMEOUT, "", "the time for everything was over");
	tell(d, TCTI_DIAL_TIMEOUT, -1);
}

/* ---- connecting ---- */

static void go_on(struct tcti_dial *d);

static void attempt_failed(struct attempt *a, uint32_t reason, const char *text)
{
	struct tcti_dial *d = a->dial;
	char address[ADDR_TEXT];

	addr_text(&a->addr, address);
	failed(d, reason, address, text);
	attempt_free(a);
	if (d->stagger != NULL)
		tct_timer_stop(d->stagger);
	d->stagger = NULL;
}

static void attempt_late(struct tct_scope *scope, void *data)
{
	struct attempt *a = data;
	struct tcti_dial *d = a->dial;

	(void)scope;
	a->timer = NULL;
	attempt_failed(a, TCTI_DIAL_TIMEOUT, "no answer in time");
	go_on(d);
}

static void connected(struct loop_io *io, int events)
{
	struct attempt *a = (struct attempt *)io;
	struct tcti_dial *d = a->dial;
	int error = 0, fd = a->fd;
	socklen_t len = sizeof error;

	(void)events;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error != 0) {
		attempt_failed(a, error == ETIMEDOUT ? TCTI_DIAL_TIMEOUT : TCTI_DIAL_REFUSED,
			strerror(error));
		go_on(d);
		return;
	}
	addr_text(&a->addr, d->address);
	a->fd = -1;
	attempt_free(a);
	tell(d, TCTI_DIAL_OK, fd);
}

static bool attempt_begin(struct tcti_dial *d, const struct addr *addr)
{
	struct attempt *a = mem_zalloc(sizeof *a);

	a->dial = d;
	a->addr = *addr;
	list_init(&a->link);
	a->fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	loop_io_init(&a->io, a->fd, connected);
	if (a->fd < 0 || (connect(a->fd, &addr->sa, addr_len(addr)) < 0 && errno != EINPROGRESS)) {
		attempt_failed(a, TCTI_DIAL_REFUSED, strerror(errno));
		return false;
	}
	list_push(&d->attempts, &a->link);
	loop_io_set(&a->io, EV_WRITE);
	a->timer = tct_timer_start(&d->scope, d->attempt_timeout, 0, attempt_late, a);
	return true;
}

static void next_attempt(struct tct_scope *scope, void *data)
{
	struct tcti_dial *d = data;

	(void)scope;
	d->stagger = NULL;
	go_on(d);
}

/* By turns; IPv6 first (RFC 8305 section 4). */
static const struct addr *next_address(struct tcti_dial *d)
{
	enum family f = d->last == V6 ? V4 : V6;

	if (d->next[f] == d->count[f])
		f = f == V6 ? V4 : V6;
	if (d->next[f] == d->count[f])
		return NULL;
	d->last = f;
	return &d->addresses[f][d->next[f]++];
}

/* Begins what can be begun now. */
static void go_on(struct tcti_dial *d)
{
	const struct addr *addr;

	while (d->stagger == NULL) {
		addr = next_address(d);
		if (addr == NULL) {
			if (!list_empty(&d->attempts))
				return;
			tell(d, d->worst, -1);
			return;
		}
		if (attempt_begin(d, addr))
			d->stagger = tct_timer_start(&d->scope, DIAL_STAGGER_MS, 0, next_attempt, d);
	}
}

/* ---- where ---- */

static void add_address(struct tcti_dial *d, const struct addr *addr)
{
	enum family f = addr->sa.sa_family == AF_INET6 ? V6 : V4;
	const char *range = d->allow_private ? NULL : range_name(addr);
	char address[ADDR_TEXT], text[TEXT];

	if (range != NULL) {
		addr_text(addr, address);
		snprintf(text, sizeof text, "%s addresses are not connected to", range);
		failed(d, TCTI_DIAL_FORBIDDEN, address, text);
	} else if (d->count[f] < DIAL_ADDRESSES) {
		d->addresses[f][d->count[f]++] = *addr;
	}
}

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]" */
static bool literal(const char *text, uint16_t port, struct addr *addr)
{
	size_t len = strlen(text);
	char inner[ADDR_TEXT];

	if (text[0] != '[')
		return addr_parse(addr, text, port);
	if (len < 4 || len > sizeof inner || text[len - 1] != ']')
		return false;
	memcpy(inner, text + 1, len - 2);
	inner[len - 2] = '\0';
	return strchr(inner, ':') != NULL && addr_parse(addr, inner, port);
}

static void set_target(struct tcti_dial *d, const char *name, uint16_t port, bool direct_tls)
{
	char *old = d->target;

	d->target = mem_strdup(name);
	d->port = port;
	d->direct_tls = direct_tls;
	d->last = V4;
	free(old);
}

static void begin(struct tct_scope *scope, void *data)
{
	struct tcti_dial *d = data;
	const char *host = d->override_host != NULL ? d->override_host : d->domain;
	struct addr addr;

	(void)scope;
	set_target(d, host, d->override_port, d->override_direct_tls);
	if (literal(host, d->port, &addr))
		add_address(d, &addr);
	else
		failed(d, TCTI_DIAL_DNS, "", "this server does not look names up");
	go_on(d);
}

static void start(struct tcti_dial *d, tct_timer_fn *fn)
{
	d->overall = tct_timer_start(&d->scope, d->timeout, 0, too_late, d);
	tct_timer_start(&d->scope, 0, 0, fn, d);
}

static void dropped(struct scope_node *node)
{
	struct tcti_dial *d = list_entry(node, struct tcti_dial, node);

	quiet(d);
	for (size_t i = 0; i < d->failure_count; i++)
		free(d->failures[i].target);
	free(d->target);
	free(d->domain);
	free(d->override_host);
	free(d);
	dials--;
}

struct tcti_dial *tcti_dial(struct tct_scope *scope, const struct tcti_dial_params *params,
	tcti_dial_fn *fn, void *data)
{
	struct tcti_dial *d = mem_zalloc(sizeof *d);

	assert_loop();
	d->fn = fn;
	d->data = data;
	d->domain = mem_strdup(params->domain);
	d->override_direct_tls = params->override_host != NULL && params->override_direct_tls;
	d->override_port = params->override_host != NULL ? params->override_port : 0;
	if (params->override_host != NULL)
		d->override_host = mem_strdup(params->override_host);
	if (d->override_port == 0)
		d->override_port = d->override_direct_tls ? PORT_DIRECT_TLS : PORT_STARTTLS;
	d->no_direct_tls = params->no_direct_tls;
	d->allow_private = params->allow_private || params->override_host != NULL;
	d->attempt_timeout = params->attempt_timeout > 0 ? params->attempt_timeout : ATTEMPT_MS;
	d->timeout = params->timeout > 0 ? params->timeout : OVERALL_MS;
	list_init(&d->attempts);
	scope_init(&d->scope, NULL);
	scope_add(scope, &d->node, dropped);
	dials++;
	start(d, begin);
	return d;
}

static void begin_next(struct tct_scope *scope, void *data)
{
	(void)scope;
	go_on(data);
}

void tcti_dial_next(struct tcti_dial *d, const char *text)
{
	assert_loop();
	if (!d->given)
		return;
	d->given = false;
	failed(d, TCTI_DIAL_UNUSABLE, d->address, text);
	start(d, begin_next);
}

void tcti_dial_end(struct tcti_dial *d)
{
	assert_loop();
	if (d == NULL)
		return;
	scope_remove(&d->node);
	dropped(&d->node);
}

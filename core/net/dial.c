/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dial.c - see dial.h. */
#include "core/net/dial.h"

#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/net/addr.h"
#include "core/net/dns.h"
#include "core/net/range.h"
#include "core/net/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

	struct resolve *resolve; /* while SRV is asked for */
	struct srv targets[RESOLVE_TARGETS];
	size_t target_count, target_next;
	char *target; /* the present one; NULL before the first */
	uint16_t port;
	bool direct_tls, secure;

	/* Its addresses: questions that are open; those not tried yet, from next to count. */
	struct dns_query *query[FAMILIES];
	bool found;
	struct addr addresses[FAMILIES][DIAL_ADDRESSES];
	unsigned count[FAMILIES], next[FAMILIES];
	enum family last;

	struct list attempts;
	struct tct_timer *overall, *stagger, *resolution;
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

static void timer_end(struct tct_timer **timer)
{
	if (*timer != NULL)
		tct_timer_stop(*timer);
	*timer = NULL;
}

/* The present target is left. */
static void leave_target(struct tcti_dial *d)
{
	list_each (node, &d->attempts)
		attempt_free(list_entry(node, struct attempt, link));
	timer_end(&d->stagger);
	timer_end(&d->resolution);
	for (int f = 0; f < FAMILIES; f++) {
		dns_cancel(d->query[f]);
		d->query[f] = NULL;
		d->count[f] = d->next[f] = 0;
	}
}

/* Nothing that was begun goes on. */
static void quiet(struct tcti_dial *d)
{
	leave_target(d);
	resolve_cancel(d->resolve);
	d->resolve = NULL;
	timer_end(&d->overall);
	scope_end(&d->scope);
	scope_init(&d->scope, NULL);
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
	bool connecting = !list_empty(&d->attempts);

	(void)scope;
	d->overall = NULL;
	failed(d, connecting ? TCTI_DIAL_TIMEOUT : TCTI_DIAL_DNS_TIMEOUT, "",
		"the time for everything was over");
	tell(d, d->worst, -1);
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
	timer_end(&d->stagger);
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

/* By turns; IPv6 first (RFC 8305 section 4), for which IPv4 waits a moment (section 3). */
static const struct addr *next_address(struct tcti_dial *d)
{
	enum family f = d->last == V6 ? V4 : V6;

	if (d->next[f] == d->count[f])
		f = f == V6 ? V4 : V6;
	if (d->next[f] == d->count[f] || (f == V4 && d->resolution != NULL))
		return NULL;
	d->last = f;
	return &d->addresses[f][d->next[f]++];
}

static bool next_target(struct tcti_dial *d);

/* Begins what can be begun now. */
static void go_on(struct tcti_dial *d)
{
	const struct addr *addr;

	while (d->stagger == NULL) {
		addr = next_address(d);
		if (addr != NULL) {
			if (attempt_begin(d, addr))
				d->stagger = tct_timer_start(&d->scope, DIAL_STAGGER_MS, 0,
					next_attempt, d);
			continue;
		}
		if (d->query[V6] != NULL || d->query[V4] != NULL || !list_empty(&d->attempts))
			return;
		if (!next_target(d)) {
			tell(d, d->worst, -1);
			return;
		}
	}
}

/* ---- addresses ---- */

static void add_address(struct tcti_dial *d, const struct addr *addr)
{
	enum family f = addr->sa.sa_family == AF_INET6 ? V6 : V4;
	const char *range = d->allow_private ? NULL : range_name(addr);
	char address[ADDR_TEXT], text[TEXT];

	d->found = true;
	if (range != NULL) {
		addr_text(addr, address);
		snprintf(text, sizeof text, "%s addresses are not connected to", range);
		failed(d, TCTI_DIAL_FORBIDDEN, address, text);
	} else if (d->count[f] < DIAL_ADDRESSES) {
		d->addresses[f][d->count[f]++] = *addr;
	}
}

static void add_record(struct tcti_dial *d, enum family f, struct span rdata)
{
	struct addr addr = { 0 };

	if (f == V6 && rdata.len == 16) {
		addr.in6.sin6_family = AF_INET6;
		addr.in6.sin6_port = htons(d->port);
		memcpy(&addr.in6.sin6_addr, rdata.data, 16);
		add_address(d, &addr);
	} else if (f == V4 && rdata.len == 4) {
		addr.in4.sin_family = AF_INET;
		addr.in4.sin_port = htons(d->port);
		memcpy(&addr.in4.sin_addr, rdata.data, 4);
		add_address(d, &addr);
	}
}

static void resolution_over(struct tct_scope *scope, void *data)
{
	struct tcti_dial *d = data;

	(void)scope;
	d->resolution = NULL;
	go_on(d);
}

static void addresses_answered(struct tcti_dial *d, enum family f, const struct dns_answer *a)
{
	d->query[f] = NULL;
	for (size_t i = 0; a->status == DNS_FOUND && i < a->count; i++)
		add_record(d, f, a->records[i]);
	if (a->status == DNS_BOGUS) {
		failed(d, TCTI_DIAL_BOGUS, "", a->text);
		leave_target(d);
	} else if (resolve_reason(a->status) != TCTI_DIAL_OK &&
		resolve_reason(a->status) != TCTI_DIAL_NOT_FOUND) {
		failed(d, resolve_reason(a->status), "", a->text);
	} else if (!d->found && d->query[V6] == NULL && d->query[V4] == NULL) {
		failed(d, TCTI_DIAL_NOT_FOUND, "", "it has no address");
	}
	if (f == V6)
		timer_end(&d->resolution);
	else if (d->query[V6] != NULL)
		d->resolution = tct_timer_start(&d->scope, DIAL_RESOLUTION_MS, 0,
			resolution_over, d);
	go_on(d);
}

static void v6_answered(const struct dns_answer *a, void *data)
{
	addresses_answered(data, V6, a);
}

static void v4_answered(const struct dns_answer *a, void *data)
{
	addresses_answered(data, V4, a);
}

/* ---- targets ---- */

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

static bool next_target(struct tcti_dial *d)
{
	const struct srv *s = &d->targets[d->target_next];
	struct addr addr;

	if (d->target_next == d->target_count)
		return false;
	d->target_next++;
	leave_target(d);
	free(d->target);
	d->target = mem_strdup(s->name);
	d->port = s->port;
	d->direct_tls = s->direct_tls;
	d->secure = s->secure;
	d->last = V4;
	d->found = false;
	if (literal(d->target, d->port, &addr)) {
		add_address(d, &addr);
	} else {
		d->query[V6] = dns_ask(d->target, DNS_AAAA, v6_answered, d);
		d->query[V4] = dns_ask(d->target, DNS_A, v4_answered, d);
	}
	return true;
}

static void resolved(const struct resolved *r, void *data)
{
	struct tcti_dial *d = data;

	d->resolve = NULL;
	if (r->reason != TCTI_DIAL_OK)
		failed(d, r->reason, "",
			*r->text != '\0' ? r->text : tcti_dial_reason_text(r->reason));
	memcpy(d->targets, r->targets, r->count * sizeof *r->targets);
	d->target_count = r->count;
	go_on(d);
}

static void one_target(struct tcti_dial *d, const char *name)
{
	struct srv *s = &d->targets[d->target_count++];

	s->port = d->override_port;
	s->direct_tls = d->override_direct_tls;
	snprintf(s->name, sizeof s->name, "%s", name);
}

/* An override, an address, or what DNS says. */
static void begin(struct tct_scope *scope, void *data)
{
	struct tcti_dial *d = data;
	const char *host = d->override_host != NULL ? d->override_host : d->domain;
	struct addr addr;
	char *ascii;

	(void)scope;
	if (strlen(host) < SRV_NAME && literal(host, 0, &addr)) {
		one_target(d, host);
		go_on(d);
		return;
	}
	ascii = resolve_ascii(host);
	if (ascii == NULL) {
		failed(d, TCTI_DIAL_INVALID, "", "it is neither a name of DNS nor an address");
		go_on(d);
	} else if (d->override_host != NULL) {
		one_target(d, ascii);
		go_on(d);
	} else {
		d->resolve = resolve_service(ascii, !d->no_direct_tls, resolved, d);
	}
	free(ascii);
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
		d->override_port = d->override_direct_tls ? RESOLVE_DIRECT_TLS : RESOLVE_STARTTLS;
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

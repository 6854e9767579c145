/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* tlsa.c - see tlsa.h. For each target: its address (RFC 7673 section 3.2: when that is not
 * signed, nobody asks on), then the records at the end of its aliases, then at its own name
 * (RFC 7671 section 7). */
#include "core/net/tlsa.h"

#include "core/base/mem.h"
#include "core/base/scope.h"
#include "core/loop/loop.h"
#include "core/net/dane.h"
#include "core/net/dns.h"
#include "core/net/resolve.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tcti_dane {
	struct scope_node node;
	struct tct_scope scope;
	tcti_dane_fn *fn;
	void *data;
	char *domain; /* NULL: it is none */
	struct resolve *resolve;
	struct dns_query *query;
	struct srv targets[RESOLVE_TARGETS];
	size_t target_count, at;
	char alias[SRV_NAME]; /* of the present target; "": none */
	const char *names[RESOLVE_TARGETS + 2];
	size_t name_count;
	struct span records[DANE_RECORDS];
	size_t count;
	uint32_t state;
};

size_t tlsa_records(const struct tcti_dane *d, const struct span **records)
{
	*records = d->records;
	return d->count;
}

const char *const *tlsa_names(const struct tcti_dane *d)
{
	return d->names;
}

static void go_on(struct tcti_dane *d);

static void tell(struct tcti_dane *d, uint32_t state)
{
	d->state = state;
	d->fn(d, state, d->data);
}

/* True: it cannot be used, and that was told. What cannot be asked could be what somebody hides
 * (RFC 7673 section 3.4). */
static bool refused(struct tcti_dane *d, const struct dns_answer *a)
{
	if (a->status == DNS_BOGUS)
		tell(d, TCTI_DANE_BOGUS);
	else if (a->status == DNS_FAILED || a->status == DNS_TIMEOUT || a->status == DNS_BUSY)
		tell(d, TCTI_DANE_FAILED);
	else
		return false;
	return true;
}

static void on_records(const struct dns_answer *a, void *data);

static void ask_records(struct tcti_dane *d, const char *host)
{
	char name[SRV_NAME + 32];

	snprintf(name, sizeof name, "_%u._tcp.%s", d->targets[d->at].port, host);
	d->query = dns_ask(name, DNS_TLSA, on_records, d);
}

static void on_records(const struct dns_answer *a, void *data)
{
	struct tcti_dane *d = data;

	d->query = NULL;
	if (refused(d, a))
		return;
	if (d->alias[0] != '\0' && (a->status != DNS_FOUND || !a->secure)) {
		d->alias[0] = '\0';
		ask_records(d, d->targets[d->at].name);
		return;
	}
	for (size_t i = 0; a->secure && i < a->count && d->count < DANE_RECORDS; i++) {
		const struct span *r = &a->records[i];

		d->records[d->count++] = span_make(
			memcpy(mem_alloc(r->len + 1), r->data, r->len), r->len);
	}
	d->at++;
	go_on(d);
}

static void on_address(const struct dns_answer *a, void *data)
{
	struct tcti_dane *d = data;
	const char *name = d->targets[d->at].name;

	d->query = NULL;
	if (refused(d, a))
		return;
	if (!a->secure) {
		d->at++;
		go_on(d);
		return;
	}
	d->alias[0] = '\0';
	if (a->status == DNS_FOUND && strcasecmp(a->name, name) != 0)
		snprintf(d->alias, sizeof d->alias, "%s", a->name);
	ask_records(d, d->alias[0] != '\0' ? d->alias : name);
}

/* The next target. Names that were not signed do not stand for the domain. */
static void go_on(struct tcti_dane *d)
{
	const struct srv *s = &d->targets[d->at];

	while (d->at < d->target_count && !s->secure)
		s = &d->targets[++d->at];
	if (d->at == d->target_count) {
		tell(d, d->count > 0 ? TCTI_DANE_RECORDS : TCTI_DANE_NONE);
		return;
	}
	if (strcmp(s->name, d->domain) != 0)
		d->names[d->name_count++] = s->name;
	d->query = dns_ask(s->name, DNS_A, on_address, d);
}

static void resolved(const struct resolved *r, void *data)
{
	struct tcti_dane *d = data;

	d->resolve = NULL;
	if (r->reason == TCTI_DIAL_BOGUS) {
		tell(d, TCTI_DANE_BOGUS);
		return;
	}
	if (r->reason == TCTI_DIAL_DNS || r->reason == TCTI_DIAL_DNS_TIMEOUT ||
		r->reason == TCTI_DIAL_BUSY) {
		tell(d, TCTI_DANE_FAILED);
		return;
	}
	memcpy(d->targets, r->targets, r->count * sizeof *r->targets);
	d->target_count = r->count;
	go_on(d);
}

static void begin(struct tct_scope *scope, void *data)
{
	struct tcti_dane *d = data;

	(void)scope;
	if (d->domain == NULL)
		tell(d, TCTI_DANE_NONE);
	else if (d->target_count > 0)
		go_on(d);
	else
		d->resolve = resolve_service(d->domain, true, resolved, d);
}

static void dropped(struct scope_node *node)
{
	struct tcti_dane *d = list_entry(node, struct tcti_dane, node);

	scope_end(&d->scope);
	resolve_cancel(d->resolve);
	dns_cancel(d->query);
	for (size_t i = 0; i < d->count; i++)
		free((char *)(uintptr_t)d->records[i].data);
	free(d->domain);
	free(d);
}

struct tcti_dane *tcti_dane_ask(struct tct_scope *scope, const char *domain, const char *target,
	uint16_t port, tcti_dane_fn *fn, void *data)
{
	struct tcti_dane *d = mem_zalloc(sizeof *d);
	char *ascii = target != NULL ? resolve_ascii(target) : NULL;

	assert_loop();
	d->fn = fn;
	d->data = data;
	d->domain = resolve_ascii(domain);
	if (target != NULL && ascii == NULL) { /* an address */
		free(d->domain);
		d->domain = NULL;
	}
	if (d->domain != NULL)
		d->names[d->name_count++] = d->domain;
	if (ascii != NULL) {
		struct srv *s = &d->targets[d->target_count++];

		s->port = port;
		s->secure = true;
		snprintf(s->name, sizeof s->name, "%s", ascii);
	}
	free(ascii);
	scope_init(&d->scope, NULL);
	scope_add(scope, &d->node, dropped);
	tct_timer_start(&d->scope, 0, 0, begin, d);
	return d;
}

uint32_t tcti_dane_trust(void)
{
	static const unsigned char trusts[] = {
		[DNS_TRUST_UNKNOWN] = TCTI_DANE_TRUST_UNKNOWN,
		[DNS_TRUST_NONE] = TCTI_DANE_TRUST_NONE,
		[DNS_TRUST_GOOD] = TCTI_DANE_TRUST_GOOD,
	};

	return trusts[dns_trust()];
}

void tcti_dane_end(struct tcti_dane *d)
{
	assert_loop();
	if (d == NULL)
		return;
	scope_remove(&d->node);
	dropped(&d->node);
}

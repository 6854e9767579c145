/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "tests/unit/dns_script.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/loop/loop.h"
#include "core/net/addr.h"
#include "tests/unit/unit.h"

struct entry {
	char name[256], alias[256];
	enum dns_type type;
	enum dns_status status;
	bool secure, hold;
	unsigned asked;
	struct {
		char bytes[300];
		size_t len;
	} records[8];
	size_t count;
};

struct dns_query {
	struct entry *entry;
	struct tct_timer *timer; /* NULL: it waits */
	dns_fn *fn;
	void *data;
};

static struct entry *entries[64];
static size_t entry_count;
static struct dns_query *queries[64];
static struct tct_scope timers;

static struct entry *find(const char *name, enum dns_type type)
{
	struct entry *e;

	for (size_t i = 0; i < entry_count; i++) {
		if (entries[i]->type == type && strcmp(entries[i]->name, name) == 0)
			return entries[i];
	}
	assert_true(entry_count < 64);
	e = mem_zalloc(sizeof *e);
	snprintf(e->name, sizeof e->name, "%s", name);
	e->type = type;
	e->status = DNS_NO_RECORD;
	entries[entry_count++] = e;
	return e;
}

static char *add(const char *name, enum dns_type type, size_t len)
{
	struct entry *e = find(name, type);

	assert_true(e->count < 8 && len < sizeof e->records->bytes);
	e->status = DNS_FOUND;
	e->records[e->count].len = len;
	return e->records[e->count++].bytes;
}

void script_srv(const char *name, uint16_t priority, uint16_t port, const char *target)
{
	size_t len = strlen(target);
	char *at = add(name, DNS_SRV, 6 + (len > 0 ? len + 2 : 1));
	char *label = at + 6;

	at[0] = (char)(priority >> 8);
	at[1] = (char)priority;
	at[4] = (char)(port >> 8);
	at[5] = (char)port;
	if (len == 0)
		return;
	memcpy(at + 7, target, len);
	for (char *c = label + 1;; c++) {
		if (*c != '.' && *c != '\0')
			continue;
		*label = (char)(c - label - 1);
		label = c;
		if (c == at + 7 + len)
			return;
	}
}

void script_address(const char *name, const char *address)
{
	struct addr a;

	assert_true(addr_parse(&a, address, 0));
	if (a.sa.sa_family == AF_INET)
		memcpy(add(name, DNS_A, 4), &a.in4.sin_addr, 4);
	else
		memcpy(add(name, DNS_AAAA, 16), &a.in6.sin6_addr, 16);
}

void script_tlsa(const char *name, const void *rdata, size_t len)
{
	memcpy(add(name, DNS_TLSA, len), rdata, len);
}

void script_alias(const char *name, enum dns_type type, const char *to)
{
	snprintf(find(name, type)->alias, sizeof find(name, type)->alias, "%s", to);
}

void script_status(const char *name, enum dns_type type, enum dns_status status)
{
	find(name, type)->status = status;
}

void script_secure(const char *name, enum dns_type type)
{
	find(name, type)->secure = true;
}

void script_hold(const char *name, enum dns_type type)
{
	find(name, type)->hold = true;
}

unsigned script_asked(const char *name, enum dns_type type)
{
	return find(name, type)->asked;
}

static void forget(struct dns_query *q)
{
	for (size_t i = 0; i < 64; i++) {
		if (queries[i] == q)
			queries[i] = NULL;
	}
	free(q);
}

static void give(struct tct_scope *scope, void *data)
{
	struct dns_query *q = data;
	struct entry *e = q->entry;
	struct dns_answer a = { .status = e->status, .secure = e->secure, .name = e->alias[0] != '\0' ? e->alias : e->name,
		.text = e->status == DNS_FOUND ? "" : "as scripted", .count = e->count };
	struct span records[8];
	dns_fn *fn = q->fn;

	for (size_t i = 0; i < e->count; i++)
		records[i] = span_make(e->records[i].bytes, e->records[i].len);
	a.records = records;
	data = q->data;
	forget(q);
	fn(&a, data);
}

void script_release(const char *name, enum dns_type type)
{
	struct entry *e = find(name, type);

	e->hold = false;
	for (size_t i = 0; i < 64; i++) {
		if (queries[i] != NULL && queries[i]->entry == e && queries[i]->timer == NULL)
			queries[i]->timer = tct_timer_start(&timers, 0, 0, give, queries[i]);
	}
}

void script_clear(void)
{
	for (size_t i = 0; i < 64; i++)
		assert_null(queries[i]); /* nobody waits for an answer */
	for (size_t i = 0; i < entry_count; i++)
		free(entries[i]);
	entry_count = 0;
}

struct dns_query *dns_ask(const char *name, enum dns_type type, dns_fn *fn, void *data)
{
	struct dns_query *q = mem_zalloc(sizeof *q);
	size_t i = 0;

	if (timers.nodes.next == NULL)
		scope_init(&timers, NULL);
	while (queries[i] != NULL)
		i++;
	queries[i] = q;
	q->entry = find(name, type);
	q->entry->asked++;
	q->fn = fn;
	q->data = data;
	if (!q->entry->hold)
		q->timer = tct_timer_start(&timers, 0, 0, give, q);
	return q;
}

void dns_cancel(struct dns_query *q)
{
	if (q == NULL)
		return;
	if (q->timer != NULL)
		tct_timer_stop(q->timer);
	forget(q);
}

enum dns_trust dns_trust(void)
{
	return DNS_TRUST_GOOD;
}

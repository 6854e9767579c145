/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* rates.c - how fast other servers may be: bytes of a connection, bytes of a domain on all that it
 * has, new connections of an address (of IPv6: of a /64). Who is faster is not read for a while,
 * so that its own TCP slows it down; nothing is lost, and no connection ends by it. New ones wait
 * while the bounds of those that have proven nothing, and their deadline, go on. The policy may have
 * other rates for a domain. */
#include "s2s.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE 60
#define ASK_MS 1000 /* a row of the policy may be over */

static const struct s2s_limits_in *usual(const struct peer *p)
{
	return &((const struct s2s_config *)tct_mod_config(p->mod))->limits.s2sin;
}

static struct bucket *find(struct bucket_table **table, uint64_t key, int64_t rate, int64_t room)
{
	if (*table == NULL)
		*table = calloc(1, sizeof **table);
	if (*table == NULL)
		abort();
	return bucket_of(*table, key, rate, room, tct_monotonic_ms());
}

static const char *domain_of(const struct peer *p)
{
	if (p->path != NULL)
		return p->path->remote;
	return p->pair_count > 0 ? p->pairs[0].remote : NULL;
}

/* What counts for the connection: by the domain that it is of, as soon as that is known. */
static const struct s2s_limits_in *limits_of(struct peer *p)
{
	const char *domain = domain_of(p);
	int64_t now = tct_monotonic_ms();
	struct tcti_s2s_rule rule = { 0 };

	if (p->rate.asked != 0 && p->rate.domain == domain && now - p->rate.asked < ASK_MS)
		return &p->rate.limits;
	p->rate.limits = *usual(p);
	p->rate.domain = domain;
	p->rate.asked = now;
	if (domain != NULL)
		s2s_rule(p->mod, domain, &rule);
	if (rule.rate > 0)
		p->rate.limits.rate = rule.rate;
	if (rule.burst > 0)
		p->rate.limits.burst = rule.burst;
	if (rule.domain_rate > 0)
		p->rate.limits.domain_rate = rule.domain_rate;
	return &p->rate.limits;
}

/* ---- bytes ---- */

static int64_t of_connection(struct peer *p, int64_t bytes)
{
	const struct s2s_limits_in *l = limits_of(p);
	int64_t wait = bucket_take(&p->rate.bucket, l->rate, l->rate * l->burst, bytes,
		tct_monotonic_ms());

	if (wait > 0 && !p->rate.bucket.told) {
		p->rate.bucket.told = true;
		tct_log_notice(p->mod, "the connection from %s sends more than its rate allows: it is "
				       "read more slowly (limits.s2sin)",
			tcti_stream_address(p->stream));
	}
	return wait;
}

/* It is the first that was proven there that is charged: with any other, one could slow down
 * somebody else. */
static int64_t of_domain(struct peer *p, int64_t bytes)
{
	const struct s2s_limits_in *l = limits_of(p);
	int64_t rate = l->domain_rate, room = rate * l->burst, wait;
	const char *domain = domain_of(p);
	struct bucket *b;

	if (domain == NULL || rate == 0)
		return 0;
	b = find(&s2s_of(p->mod)->domains, tct_hash(domain, strlen(domain)), rate, room);
	wait = bucket_take(b, rate, room, bytes, tct_monotonic_ms());
	if (wait > 0 && !b->told) {
		b->told = true;
		tct_log_notice(p->mod, "the connections of \"%s\" send more than its rate allows: they are "
				       "read more slowly (limits.s2sin)",
			domain);
	}
	return wait;
}

/* What comes on a connection from here counts, and is not held up by what others bring: it tells
 * what has arrived there (XEP-0198), and who does not tell loses the connection. */
static int64_t of_bytes(struct peer *p, int64_t bytes)
{
	int64_t own = of_connection(p, bytes), all = of_domain(p, bytes);

	if (tcti_stream_kind(p->stream) == TCTI_STREAM_S2S_OUT)
		return own;
	return own > all ? own : all;
}

/* ---- connections ---- */

static uint64_t site_of(const char *address)
{
	unsigned char bytes[16] = { 0 };
	size_t len = 0;

	if (inet_pton(AF_INET6, address, bytes) == 1)
		len = 8;
	else if (inet_pton(AF_INET, address, bytes) == 1)
		len = 4;
	return tct_hash(bytes, len);
}

/* A connection costs a minute's worth: so many of them come in a minute. */
static int64_t of_address(struct peer *p)
{
	int64_t rate = usual(p)->new_connections, room = rate * MINUTE, wait;
	const char *address = tcti_stream_address(p->stream);
	struct bucket *b;

	if (rate == 0)
		return 0;
	b = find(&s2s_of(p->mod)->addresses, site_of(address), rate, room);
	wait = bucket_take(b, rate, room, MINUTE, tct_monotonic_ms());
	if (wait > 0 && !b->told) {
		b->told = true;
		tct_log_notice(p->mod, "more connections come from %s than are allowed: they "
				       "wait (limits.s2sin)",
			address);
	}
	return wait;
}

/* ---- waiting ---- */

static void go_on(struct tct_scope *scope, void *data)
{
	struct peer *p = data;
	int64_t wait = of_bytes(p, 0);

	(void)scope;
	p->rate.timer = NULL;
	if (wait > 0)
		p->rate.timer = tct_timer_start(tct_mod_scope(p->mod), wait, 0, go_on, p);
	else
		tcti_stream_release(p->stream);
}

void rates_input(struct tct_mod *m, struct tct_stream *s, size_t bytes)
{
	struct peer *p = s2s_peer(m, s);
	int64_t wait = bytes == 0 ? of_address(p) : of_bytes(p, (int64_t)bytes);

	if (wait == 0 || p->rate.timer != NULL)
		return;
	tcti_stream_hold(s);
	p->rate.timer = tct_timer_start(tct_mod_scope(m), wait, 0, go_on, p);
}

void rates_end(struct peer *p)
{
	if (p->rate.timer != NULL)
		tct_timer_stop(p->rate.timer);
	p->rate.timer = NULL;
}

void rates_fini(struct s2s *s)
{
	free(s->domains);
	free(s->addresses);
	s->domains = s->addresses = NULL;
}

void rates_anew(struct s2s *s)
{
	rates_fini(s);
	for (struct peer *p = s->peers; p != NULL; p = p->next) {
		memset(&p->rate.bucket, 0, sizeof p->rate.bucket);
		p->rate.asked = 0;
		if (p->rate.timer == NULL)
			continue;
		rates_end(p);
		tcti_stream_release(p->stream);
	}
}

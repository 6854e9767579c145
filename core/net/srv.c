/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* srv.c - see srv.h. */
#include "core/net/srv.h"

#include <tercet/base.h>

static unsigned number(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static bool name_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* A name in wire format, which must end with the record. */
static bool read_name(char *out, const unsigned char *at, size_t len)
{
	size_t used = 0;

	while (len > 0 && *at != 0) {
		size_t label = *at;

		if (label > 63 || label + 1 >= len || used + label + 2 > SRV_NAME)
			return false;
		if (used > 0)
			out[used++] = '.';
		for (size_t i = 1; i <= label; i++) {
			unsigned char c = at[i];

			if (c >= 'A' && c <= 'Z')
				c = (unsigned char)(c + 32);
			if (!name_char(c))
				return false;
			out[used++] = (char)c;
		}
		at += label + 1;
		len -= label + 1;
	}
	out[used] = '\0';
	return len == 1;
}

bool srv_parse(struct srv *s, struct span rdata)
{
	const unsigned char *at = (const unsigned char *)rdata.data;

	if (rdata.len < 7)
		return false;
	s->priority = (uint16_t)number(at);
	s->weight = (uint16_t)number(at + 2);
	s->port = (uint16_t)number(at + 4);
	return read_name(s->name, at + 6, rdata.len - 6);
}

static uint32_t fair_dice(uint32_t most, void *data)
{
	uint64_t n;

	(void)data;
	tct_random(&n, sizeof n);
	return (uint32_t)(n % ((uint64_t)most + 1));
}

static void move_to(struct srv *list, size_t from, size_t to)
{
	struct srv one = list[from];

	for (size_t i = from; i > to; i--)
		list[i] = list[i - 1];
	list[to] = one;
}

/* Those of lower priority first; in one priority, those of weight 0 first, as the choice by
 * weight wants it. Stable. */
static void sort(struct srv *list, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		size_t to = i;

		while (to > 0 && (list[to - 1].priority > list[i].priority ||
					 (list[to - 1].priority == list[i].priority &&
						 list[to - 1].weight > 0 && list[i].weight == 0)))
			to--;
		move_to(list, i, to);
	}
}

void srv_order(struct srv *list, size_t count, srv_dice_fn *dice, void *data)
{
	if (dice == NULL)
		dice = fair_dice;
	sort(list, count);
	for (size_t at = 0; at < count; at++) {
		uint32_t sum = 0, chosen;
		size_t end = at, i;

		for (; end < count && list[end].priority == list[at].priority; end++)
			sum += list[end].weight;
		if (end - at == 1)
			continue;
		chosen = dice(sum, data);
		sum = 0;
		for (i = at; i < end - 1; i++) {
			sum += list[i].weight;
			if (sum >= chosen)
				break;
		}
		move_to(list, i, at);
	}
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* addr.c - see addr.h. */
#include "core/net/addr.h"

#include <arpa/inet.h>
#include <string.h>

bool addr_parse(struct addr *a, const char *text, uint16_t port)
{
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET, text, &a->in4.sin_addr) == 1) {
		a->in4.sin_family = AF_INET;
		a->in4.sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(port);
		return true;
	}
	return false;
}

socklen_t addr_len(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof a->in6 : sizeof a->in4;
}

uint16_t addr_port(const struct addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in4.sin_port);
}

static bool is_mapped(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);
}

void addr_text(const struct addr *a, char *out)
{
	const void *bytes = &a->in4.sin_addr;
	int family = AF_INET;

	if (is_mapped(a)) {
		bytes = &a->in6.sin6_addr.s6_addr[12];
	} else if (a->sa.sa_family == AF_INET6) {
		bytes = &a->in6.sin6_addr;
		family = AF_INET6;
	}
	if (inet_ntop(family, bytes, out, ADDR_TEXT) == NULL)
		memcpy(out, "?", 2);
}

bool addr_is_loopback(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return (ntohl(a->in4.sin_addr.s_addr) >> 24) == 127;
	if (is_mapped(a))
		return a->in6.sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

static uint32_t ipv4(const struct addr *a)
{
	uint32_t bytes;

	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr;
	memcpy(&bytes, &a->in6.sin6_addr.s6_addr[12], sizeof bytes);
	return bytes;
}

bool addr_same_site(const struct addr *a, const struct addr *b)
{
	bool four = a->sa.sa_family == AF_INET || is_mapped(a);

	if (four != (b->sa.sa_family == AF_INET || is_mapped(b)))
		return false;
	if (four)
		return ipv4(a) == ipv4(b);
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 8) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family || addr_port(a) != addr_port(b))
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof a->in6.sin6_addr) == 0;
}

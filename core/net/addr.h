/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* addr.h - socket addresses: parsing, printing, comparing. */
#pragma once

#include <tercet/base.h>

#include <netinet/in.h>
#include <sys/socket.h>

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	};
};

#define ADDR_TEXT 64

/* "127.0.0.1", "::1"; false when it is no numeric address. */
bool addr_parse(struct addr *a, const char *text, uint16_t port);
socklen_t addr_len(const struct addr *a);
uint16_t addr_port(const struct addr *a);
/* Without the port; an IPv4-mapped address as IPv4. `out` has ADDR_TEXT bytes. */
void addr_text(const struct addr *a, char *out);
bool addr_is_loopback(const struct addr *a);
/* The same machine or its neighbours: the same IPv4 address, or the same /64 of IPv6. */
bool addr_same_site(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b); /* with the port */

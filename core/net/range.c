/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* range.c - see range.h. From IANA's registries of special-purpose addresses (RFC 6890). */
#include "core/net/range.h"

#include <arpa/inet.h>
#include <string.h>

struct range {
	unsigned char prefix[16];
	unsigned char bits;
	const char *name;
};

static const struct range ranges4[] = {
	{ { 0 }, 8, "unspecified" },               /* RFC 791 3.2 */
	{ { 10 }, 8, "private" },                  /* RFC 1918 */
	{ { 100, 64 }, 10, "shared" },             /* RFC 6598 */
	{ { 127 }, 8, "loopback" },                /* RFC 1122 3.2.1.3 */
	{ { 169, 254 }, 16, "link-local" },        /* RFC 3927 */
	{ { 172, 16 }, 12, "private" },            /* RFC 1918 */
	{ { 192, 0, 0 }, 24, "reserved" },         /* RFC 6890 2.1 */
	{ { 192, 0, 2 }, 24, "documentation" },    /* RFC 5737 */
	{ { 192, 88, 99 }, 24, "reserved" },       /* RFC 7526 */
	{ { 192, 168 }, 16, "private" },           /* RFC 1918 */
	{ { 198, 18 }, 15, "benchmarking" },       /* RFC 2544 */
	{ { 198, 51, 100 }, 24, "documentation" }, /* RFC 5737 */
	{ { 203, 0, 113 }, 24, "documentation" },  /* RFC 5737 */
	{ { 224 }, 4, "multicast" },               /* RFC 5771 */
	{ { 240 }, 4, "reserved" },                /* RFC 1112 4, RFC 919 */
};

/* Only 2000::/3 is given out (RFC 4291 2.4); the last three are what is left. */
static const struct range ranges6[] = {
	{ { 0x20, 0x01 }, 23, "reserved" },                    /* RFC 2928, with Teredo */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, "documentation" },   /* RFC 3849 */
	{ { 0x3f, 0xff }, 20, "documentation" },               /* RFC 9637 */
	{ { [15] = 0 }, 128, "unspecified" },                  /* RFC 4291 2.5.2 */
	{ { [15] = 1 }, 128, "loopback" },                     /* RFC 4291 2.5.3 */
	{ { 0x01 }, 64, "reserved" },                          /* RFC 6666 */
	{ { 0xfc }, 7, "unique-local" },                       /* RFC 4193 */
	{ { 0xfe, 0x80 }, 10, "link-local" },                  /* RFC 4291 2.5.6 */
	{ { 0xfe, 0xc0 }, 10, "site-local" },                  /* RFC 3879 */
	{ { 0xff }, 8, "multicast" },                          /* RFC 4291 2.7 */
	{ { 0x00 }, 3, "reserved" },
	{ { 0x40 }, 2, "reserved" },
	{ { 0x80 }, 1, "reserved" },
};

/* Where an IPv4 address is inside; `name` is not used. */
static const struct {
	struct range range;
	unsigned char at;
} embedding[] = {
	{ { { [10] = 0xff, [11] = 0xff }, 96, NULL }, 12 },                 /* RFC 4291 2.5.5.2 */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96, NULL }, 12 },                   /* RFC 6052 */
	{ { { 0x20, 0x02 }, 16, NULL }, 2 },                                /* RFC 3056 */
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool inside(const struct range *r, const unsigned char *bytes)
{
	unsigned whole = r->bits / 8u, rest = r->bits % 8u;

	return memcmp(r->prefix, bytes, whole) == 0 &&
		(rest == 0 || ((r->prefix[whole] ^ bytes[whole]) >> (8 - rest)) == 0);
}

static const char *find(const struct range *list, size_t count, const unsigned char *bytes)
{
	for (size_t i = 0; i < count; i++) {
		if (inside(&list[i], bytes))
			return list[i].name;
	}
	return NULL;
}

const char *range_name(const struct addr *a)
{
	unsigned char bytes[16] = { 0 };

	if (a->sa.sa_family == AF_INET) {
		memcpy(bytes, &a->in4.sin_addr, 4);
		return find(ranges4, COUNT(ranges4), bytes);
	}
	memcpy(bytes, &a->in6.sin6_addr, 16);
	for (size_t i = 0; i < COUNT(embedding); i++) {
		if (inside(&embedding[i].range, bytes))
			return find(ranges4, COUNT(ranges4), bytes + embedding[i].at);
	}
	return find(ranges6, COUNT(ranges6), bytes);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* srv.h - SRV records (RFC 2782) read, and put into the order in which they are tried. */
#pragma once

#include "core/base/span.h"

#include <stdint.h>

#define SRV_NAME 254 /* bytes of a name in text, with its NUL */

struct srv {
	uint16_t priority, weight, port;
	bool direct_tls, secure;
	char name[SRV_NAME]; /* without the last dot, in lower case; "": the target is "." */
};

/* False: it is no SRV record, or its target is no host name. Sets all but direct_tls and
 * secure. */
bool srv_parse(struct srv *s, struct span rdata);
/* A number from 0 to `most`. */
typedef uint32_t srv_dice_fn(uint32_t most, void *data);
/* By priority, and by weight and luck where that is equal. `dice` NULL: the cryptographic
 * generator. */
void srv_order(struct srv *list, size_t count, srv_dice_fn *dice, void *data);

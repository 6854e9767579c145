/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dial.h - a connection to the server of a domain, see <tercet/internal/dial.h>: targets one
 * after the other, the addresses of one as RFC 8305 says: both families by turns, a new
 * attempt each 250 ms, the first that is connected wins. Bounded in targets, addresses, time,
 * and in what is remembered of failures. Speaks to nobody. Loop thread. */
#pragma once

#include <tercet/internal/dial.h>

#define DIAL_ADDRESSES 8        /* of a family, of one target */
#define DIAL_STAGGER_MS 250     /* RFC 8305 section 5 */
#define DIAL_RESOLUTION_MS 50   /* RFC 8305 section 3: IPv4 waits for the answer about IPv6 */

/* How many are under way. */
size_t dial_count(void);

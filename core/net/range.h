/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* range.h - which addresses belong to the public network. What a peer can make us connect to
 * is only those: everything else may be a machine that trusts its neighbours. */
#pragma once

#include "core/net/addr.h"

/* NULL: an address of the public network. Otherwise what it is ("loopback", "private"): static.
 * An IPv4 address inside of an IPv6 one (mapped, RFC 6052, RFC 3056) is judged for itself. */
const char *range_name(const struct addr *a);

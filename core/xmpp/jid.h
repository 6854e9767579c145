/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* jid.h - addresses behind <tercet/jid.h>: one immutable, counted block per address. Local
 * and domain part and resource are prepared (nodeprep, IDNA and nameprep, resourceprep);
 * plain ASCII takes a path without the libraries. Loop thread. */
#pragma once

#include "core/base/span.h"

#include <tercet/jid.h>

/* Lengths of the texts, for writing without strlen. */
size_t jid_len(const struct tct_jid *jid);
size_t jid_bare_len(const struct tct_jid *jid);
/* hash_bytes() of its local part ("" when there is none), computed once. */
uint64_t jid_node_hash(const struct tct_jid *jid);
/* The local part, "" when there is none. */
struct span jid_node_span(const struct tct_jid *jid);
/* The domain alone, prepared; NULL: not a domain. The caller frees it. */
char *jid_prepare_domain(const char *text);

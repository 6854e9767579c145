/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* name.h - the closed registry of (namespace, local name) pairs that core and modules know.
 * It grows when modules load and never by what a peer sends; elements of known names carry
 * the registry's strings and a small id, others carry copies and id 0. Loop thread. */
#pragma once

#include "core/base/span.h"

#include <stdint.h>

/* The id of the pair, made if need be; never 0. At most 65535 pairs. */
uint16_t name_register(const char *ns, const char *name);
/* 0: nobody registered it. */
uint16_t name_find(struct span ns, struct span name);
/* The registry's own strings: valid for ever. `id` is not 0. */
const char *name_ns(uint16_t id);
const char *name_local(uint16_t id);

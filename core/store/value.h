/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* value.h - values as bytes: a kind, then the data; records are fields of a name and a
 * value. Integers are little-endian and of fixed size, so files move between machines. What
 * is read is checked: bytes from a store are foreign bytes. */
#pragma once

#include "core/base/arena.h"
#include "core/base/span.h"
#include "core/base/str.h"

#include <tercet/store.h>

/* The encoded value, in the arena. */
struct span value_encode(struct arena *a, const struct tct_value *v);
/* False: these bytes are no value. Text is borrowed from `bytes`, which a NUL must follow. */
bool value_decode(struct span bytes, struct tct_value *v);
bool value_equal(const struct tct_value *a, const struct tct_value *b);

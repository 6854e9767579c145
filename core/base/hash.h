/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* hash.h - SipHash-1-3 with a key that is random per process: hashes of strings that a
 * peer may choose. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Any thread, after random_init. */
uint64_t hash_bytes(const void *bytes, size_t len);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* unit.h - periods and sizes as administrators write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "90 s", "12 hours", "1 day" to seconds; a bare number is not a period. */
bool unit_period(const char *text, int64_t *seconds);
/* "64 MB", "512 KiB", "100 B" to bytes, powers of 1024. */
bool unit_size(const char *text, int64_t *bytes);
/* A decimal integer, nothing else. */
bool unit_int(const char *text, int64_t *n);

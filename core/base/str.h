/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* str.h - a growable byte string that owns its bytes and is always NUL-terminated once
 * anything was appended. { 0 } is a valid empty string. */
#pragma once

#include "core/base/span.h"

#include <stdarg.h>

struct str {
	char *data; /* NULL while empty and never grown */
	size_t len, room;
};

void str_init(struct str *s);
void str_fini(struct str *s); /* frees; the string is empty afterwards */
void str_clear(struct str *s); /* keeps the memory */
/* Makes room for `extra` bytes and a NUL; returns where they go. Does not change len. */
char *str_reserve(struct str *s, size_t extra);
void str_append_n(struct str *s, const void *bytes, size_t len);
void str_append(struct str *s, const char *text);
void str_append_char(struct str *s, char c);
void str_printf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vprintf(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void str_append_int(struct str *s, long long n);
/* Removes `len` bytes at the front. */
void str_consume(struct str *s, size_t len);
/* Moves the bytes out: the caller frees them; "" when empty. */
char *str_take(struct str *s);
/* Never NULL. */
const char *str_text(const struct str *s);

static inline struct span str_span(const struct str *s)
{
	return (struct span){ s->data, s->len };
}

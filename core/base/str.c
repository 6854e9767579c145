/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* str.c - see str.h. */
#include "core/base/str.h"

#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void str_init(struct str *s)
{
	*s = (struct str){ 0 };
}

void str_fini(struct str *s)
{
	free(s->data);
	str_init(s);
}

void str_clear(struct str *s)
{
	s->len = 0;
	if (s->data != NULL)
		s->data[0] = '\0';
}

char *str_reserve(struct str *s, size_t extra)
{
	size_t need = s->len + extra + 1;

	if (need > s->room) {
		size_t room = s->room < 64 ? 64 : s->room * 2;

		if (room < need)
			room = need;
		s->data = mem_realloc(s->data, room);
		s->room = room;
	}
	return s->data + s->len;
}

void str_append_n(struct str *s, const void *bytes, size_t len)
{
	char *at = str_reserve(s, len);

	if (len > 0)
		memcpy(at, bytes, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void str_append(struct str *s, const char *text)
{
	str_append_n(s, text, strlen(text));
}

void str_append_char(struct str *s, char c)
{
	str_append_n(s, &c, 1);
}

void str_vprintf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		return;
	vsnprintf(str_reserve(s, (size_t)len), (size_t)len + 1, fmt, ap);
	s->len += (size_t)len;
}

void str_printf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(s, fmt, ap);
	va_end(ap);
}

void str_append_int(struct str *s, long long n)
{
	char digits[24];
	char *at = digits + sizeof digits;
	unsigned long long rest = n < 0 ? -(unsigned long long)n : (unsigned long long)n;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (n < 0)
		*--at = '-';
	str_append_n(s, at, (size_t)(digits + sizeof digits - at));
}

void str_consume(struct str *s, size_t len)
{
	if (len == 0)
		return;
	s->len -= len;
	memmove(s->data, s->data + len, s->len + 1);
}

char *str_take(struct str *s)
{
	char *data = s->data != NULL ? s->data : mem_zalloc(1);

	str_init(s);
	return data;
}

const char *str_text(const struct str *s)
{
	return s->data != NULL ? s->data : "";
}

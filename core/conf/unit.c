/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* unit.c - see unit.h. */
#include "core/conf/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit periods[] = {
	{ "s", 1 }, { "sec", 1 }, { "second", 1 }, { "seconds", 1 }, { "min", 60 },
	{ "minute", 60 }, { "minutes", 60 }, { "h", 3600 }, { "hour", 3600 }, { "hours", 3600 },
	{ "d", 86400 }, { "day", 86400 }, { "days", 86400 }, { "week", 604800 },
	{ "weeks", 604800 }, { "month", 2592000 }, { "months", 2592000 }, { "year", 31536000 },
	{ "years", 31536000 }, { NULL, 0 },
};

static const struct unit sizes[] = {
	{ "B", 1 }, { "bytes", 1 }, { "KB", 1024 }, { "KiB", 1024 }, { "K", 1024 },
	{ "MB", 1048576 }, { "MiB", 1048576 }, { "M", 1048576 }, { "GB", 1073741824 },
	{ "GiB", 1073741824 }, { "G", 1073741824 }, { NULL, 0 },
};

bool unit_int(const char *text, int64_t *n)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0)
		return false;
	*n = value;
	return true;
}

static bool parse(const char *text, const struct unit *units, int64_t *out)
{
	char *end;
	long long n;

	while (*text == ' ')
		text++;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0)
		return false;
	while (*end == ' ')
		end++;
	for (; units->name != NULL; units++) {
		if (strcasecmp(units->name, end) == 0)
			return !__builtin_mul_overflow((int64_t)n, units->factor, out);
	}
	return false;
}

bool unit_period(const char *text, int64_t *seconds)
{
	return parse(text, periods, seconds);
}

bool unit_size(const char *text, int64_t *bytes)
{
	return parse(text, sizes, bytes);
}

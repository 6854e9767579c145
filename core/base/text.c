/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* text.c - small public functions that give text: times and the server's version. */
#include <tercet/base.h>

#include "config.h"

#include <stdio.h>
#include <time.h>

#define SECOND INT64_C(1000000)
#define FIRST (INT64_C(-62167219200) * SECOND)           /* 0000-01-01T00:00:00Z */
#define LAST (INT64_C(253402300799) * SECOND + SECOND - 1) /* 9999-12-31T23:59:59.999999Z */

void tct_time_text(char out[TCT_TIME_SIZE], int64_t us, bool fraction)
{
	struct tm tm;
	time_t seconds;
	int64_t rest;

	us = us < FIRST ? FIRST : us > LAST ? LAST : us;
	rest = us % SECOND;
	if (rest < 0)
		rest += SECOND;
	seconds = (time_t)((us - rest) / SECOND);
	gmtime_r(&seconds, &tm);
	if (fraction)
		snprintf(out, TCT_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
			(unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
			(unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
			(unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100, (unsigned)rest % 1000000);
	else
		snprintf(out, TCT_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ",
			(unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
			(unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
			(unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

const char *tct_version(void)
{
	return PACKAGE_VERSION;
}

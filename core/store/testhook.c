/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* testhook.c - see testhook.h. */
#include "core/store/testhook.h"

#include "config.h"

#include <tercet/base.h>

#ifdef TERCET_TEST_HOOKS

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic bool stopped;
static _Atomic unsigned commits, reads;

static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static bool hangs(void)
{
	const char *file = getenv("TERCET_STORE_HANG");

	return file != NULL && access(file, F_OK) == 0;
}

void testhook_wait(void)
{
	const char *latency = getenv("TERCET_STORE_LATENCY");
	unsigned char dice;

	while (hangs() && !stopped)
		sleep_ms(10);
	if (latency == NULL)
		return;
	if (strcmp(latency, "random") == 0) {
		tct_random(&dice, 1);
		sleep_ms(dice % 51);
	} else {
		sleep_ms(strtol(latency, NULL, 10));
	}
}

/* True each N-th time, for "WHAT:N". */
static bool fails(const char *what, _Atomic unsigned *count)
{
	const char *fail = getenv("TERCET_STORE_FAIL");
	size_t len = strlen(what);
	long n;

	if (fail == NULL || strncmp(fail, what, len) != 0 || fail[len] != ':')
		return false;
	n = strtol(fail + len + 1, NULL, 10);
	return n > 0 && (*count += 1) % (unsigned)n == 0;
}

int testhook_commit(void)
{
	return fails("commit", &commits) ? TCT_EIO : TCT_OK;
}

int testhook_read(void)
{
	return fails("read", &reads) ? TCT_EIO : TCT_OK;
}

bool testhook_full(void)
{
	const char *fail = getenv("TERCET_STORE_FAIL");

	return fail != NULL && strcmp(fail, "full") == 0;
}

void testhook_stop(void)
{
	stopped = true;
}

#else

void testhook_wait(void)
{
}

int testhook_commit(void)
{
	return TCT_OK;
}

int testhook_read(void)
{
	return TCT_OK;
}

bool testhook_full(void)
{
	return false;
}

void testhook_stop(void)
{
}

#endif

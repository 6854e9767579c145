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
/* The environment, as it was found at first; NULL: not looked for, empty: not there. */
static const char *_Atomic hang_file, *_Atomic full_file, *_Atomic broken_file;
static const char *_Atomic latency_text, *_Atomic fail_text, *_Atomic single_text;

static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static const char *variable(const char *_Atomic *known, const char *name)
{
	const char *value = atomic_load(known);

	if (value == NULL) {
		value = getenv(name);
		value = value != NULL ? value : "";
		atomic_store(known, value);
	}
	return value[0] != '\0' ? value : NULL;
}

/* True while the file is there that the variable names. */
static bool asked_by_file(const char *_Atomic *known, const char *name)
{
	const char *file = variable(known, name);

	return file != NULL && access(file, F_OK) == 0;
}

static bool hangs(void)
{
	return asked_by_file(&hang_file, "TERCET_STORE_HANG");
}

void testhook_wait(void)
{
	const char *latency = variable(&latency_text, "TERCET_STORE_LATENCY");
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

static const char *failing(void)
{
	return variable(&fail_text, "TERCET_STORE_FAIL");
}

/* True each N-th time, for "WHAT:N". */
static bool fails(const char *what, _Atomic unsigned *count)
{
	const char *fail = failing();
	size_t len = strlen(what);
	long n;

	if (fail == NULL || strncmp(fail, what, len) != 0 || fail[len] != ':')
		return false;
	n = strtol(fail + len + 1, NULL, 10);
	return n > 0 && (*count += 1) % (unsigned)n == 0;
}

bool testhook_single(void)
{
	return variable(&single_text, "TERCET_STORE_SINGLE") != NULL;
}

int testhook_commit(void)
{
	return fails("commit", &commits) || asked_by_file(&broken_file, "TERCET_STORE_BROKEN") ?
		TCT_EIO : TCT_OK;
}

int testhook_read(void)
{
	return fails("read", &reads) ? TCT_EIO : TCT_OK;
}

bool testhook_full(void)
{
	const char *fail = failing();

	return (fail != NULL && strcmp(fail, "full") == 0) ||
		asked_by_file(&full_file, "TERCET_STORE_FULL");
}

void testhook_stop(void)
{
	stopped = true;
}

void testhook_forget(void)
{
	hang_file = full_file = broken_file = latency_text = fail_text = single_text =
		NULL;
}

#else

void testhook_wait(void)
{
}

bool testhook_single(void)
{
	return false;
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

void testhook_forget(void)
{
}

#endif

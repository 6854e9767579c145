/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* testhook.h - a slow, failing or hung store for the tests, around any backend; built in by
 * --enable-test-hooks only. The environment says what:
 *
 *	TERCET_STORE_LATENCY=10ms|random   before each batch of writes and each read
 *	                                   (random: up to 50 ms)
 *	TERCET_STORE_SINGLE=yes            a batch is one set
 *	TERCET_STORE_FAIL=commit:N         each N-th set fails
 *	TERCET_STORE_FAIL=read:N           each N-th read fails
 *	TERCET_STORE_FAIL=full             there is no space
 *	TERCET_STORE_FULL=FILE             there is none while the file is there
 *	TERCET_STORE_BROKEN=FILE           each set fails while the file is there
 *	TERCET_STORE_HANG=FILE             nothing comes back while the file is there
 *
 * Any store thread. */
#pragma once

#include <stdbool.h>

void testhook_wait(void);
bool testhook_single(void);
int testhook_commit(void);
int testhook_read(void);
bool testhook_full(void);
/* The server stops: what hangs goes on. */
void testhook_stop(void);
/* The environment was changed (by a test; a server looks at it once). */
void testhook_forget(void);

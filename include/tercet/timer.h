/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* timer.h - timers and jobs. Both belong to a scope and end with it. */
#pragma once

#include <tercet/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tct_timer;
typedef void tct_timer_fn(struct tct_scope *scope, void *data);
/* Calls fn after `ms` milliseconds, then each `repeat_ms` (0: once). The timer is freed
 * when it has fired for the last time, is stopped, or the scope ends. */
TCT_API struct tct_timer *tct_timer_start(struct tct_scope *scope, int64_t ms, int64_t repeat_ms,
	tct_timer_fn *fn, void *data);
TCT_API void tct_timer_stop(struct tct_timer *t);

/* `work` runs on a worker thread and may touch only `data`; it must not call the API.
 * `done` runs on the loop afterwards unless the scope has ended; `free_data` (may be NULL)
 * is called on the loop in every case, last. */
typedef void tct_work_fn(void *data);
typedef void tct_work_done_fn(struct tct_scope *scope, void *data);
TCT_API void tct_job(struct tct_scope *scope, tct_work_fn *work, tct_work_done_fn *done,
	void (*free_data)(void *data), void *data);

#ifdef __cplusplus
}
#endif

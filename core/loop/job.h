/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* job.h - work for other threads: a pool, lanes that bound how much of a kind runs at once,
 * completion on the loop. A job owns its data: when the scope ends first, a waiting job is
 * dropped, a running one is detached and its data freed when it comes back. */
#pragma once

#include "core/loop/loop.h"

struct job_lane;
/* Threads are started on first use. */
void job_init(unsigned threads);
/* Waits for what runs; drops what waits. */
void job_stop(void);
/* At most `running` at once and `queued` waiting; lives until job_stop. */
struct job_lane *job_lane_new(const char *name, unsigned running, size_t queued);
/* TCT_EFULL: too many wait (the data is freed, `done` is not called). `scope` may be NULL;
 * `done` and `free_data` too. */
int job_submit(struct job_lane *lane, struct tct_scope *scope, tct_work_fn *work,
	tct_work_done_fn *done, void (*free_data)(void *), void *data);
size_t job_count(void); /* not finished yet */

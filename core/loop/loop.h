/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* loop.h - the one libev loop: descriptors, timers, the clock, work at the end of a turn.
 * epoll is forced (the other backends lose events or gain nothing). Loop thread only, except
 * loop_post. Owns no connection and knows nothing of what it calls. */
#pragma once

#include "core/base/list.h"
#include "core/base/scope.h"

#include <tercet/timer.h>

#include <ev.h>

/* Once per process, on the thread that will run the loop. */
int loop_init(struct tct_error *err) TCT_CHECKED;
void loop_fini(void);
/* Runs until loop_stop. */
void loop_run(void);
void loop_stop(void);
/* One turn; with `wait` it may block. For tests and for draining at stop. */
void loop_turn(bool wait);

/* ---- descriptors ---- */
struct loop_io {
	ev_io io;
	void (*fn)(struct loop_io *w, int events); /* EV_READ, EV_WRITE */
};
void loop_io_init(struct loop_io *w, int fd, void (*fn)(struct loop_io *, int));
/* Waits for these events from now on; 0: for nothing. */
void loop_io_set(struct loop_io *w, int events);

/* ---- the end of a turn ---- */
/* Called before each wait, in ascending order. At most 8. */
void loop_on_prepare(int order, void (*fn)(void));
/* Work is queued: the next wait must not block. */
void loop_wake(void);

/* ---- from other threads ---- */
struct loop_message {
	struct list link;
	void (*fn)(struct loop_message *msg); /* on the loop */
};
/* Any thread; in order per thread. The message is the callee's from then on. */
void loop_post(struct loop_message *msg);
/* Runs what was posted; for stopping. */
void loop_drain(void);

/* True on the thread of the loop (or when there is none yet). */
bool loop_is_here(void);
/* Aborts with a sentence: the module API was called from a worker. */
#define assert_loop()                                                                    \
	do {                                                                             \
		if (__builtin_expect(!loop_is_here(), 0))                                \
			loop_wrong_thread(__func__);                                     \
	} while (0)
_Noreturn void loop_wrong_thread(const char *function);

/* Moves the clock and all timers forward; for tests. */
void loop_clock_advance(int64_t ms);
/* The same, by the seconds that are in the file of $TERCET_CLOCK_FILE; nothing without test hooks. */
void loop_clock_read(int signum);

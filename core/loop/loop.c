/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* loop.c - see loop.h; also the clock of <tercet/base.h> and the timers of
 * <tercet/timer.h>. */
#include "core/loop/loop.h"

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PREPARE_MAX 8

static struct ev_loop *loop;
static ev_prepare prepare;
static ev_idle idle;
static ev_async wakeup;
static bool woken;
static pthread_t thread;
static int64_t advanced_ms; /* by tests */
static int64_t fast_us;     /* the clock of the day alone, by tests */

static struct {
	int order;
	void (*fn)(void);
} prepares[PREPARE_MAX];
static unsigned prepare_count;

static pthread_mutex_t posted_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list posted = { &posted, &posted };

/* ---- the loop ---- */

static void on_prepare(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	woken = false;
	for (unsigned i = 0; i < prepare_count; i++)
		prepares[i].fn();
	if (woken && !ev_is_active(&idle))
		ev_idle_start(loop, &idle);
	else if (!woken && ev_is_active(&idle))
		ev_idle_stop(loop, &idle);
}

static void on_idle(struct ev_loop *l, ev_idle *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
}

static void on_wakeup(struct ev_loop *l, ev_async *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	loop_drain();
}

static void read_fast(void)
{
#ifdef TERCET_TEST_HOOKS
	const char *fast = getenv("TERCET_CLOCK");

	if (fast != NULL)
		fast_us = strtol(fast, NULL, 10) * 1000000;
#endif
}

int loop_init(struct tct_error *err)
{
	tct_assert(loop == NULL);
	read_fast();
	loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (loop == NULL)
		return tct_error_set(err, TCT_EIO, "cannot make an event loop (epoll is missing)");
	thread = pthread_self();
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(loop, &prepare);
	ev_idle_init(&idle, on_idle);
	ev_async_init(&wakeup, on_wakeup);
	ev_async_start(loop, &wakeup);
	return TCT_OK;
}

void loop_fini(void)
{
	if (loop == NULL)
		return;
	loop_drain();
	ev_prepare_stop(loop, &prepare);
	ev_idle_stop(loop, &idle);
	ev_async_stop(loop, &wakeup);
	ev_loop_destroy(loop);
	loop = NULL;
	prepare_count = 0;
}

void loop_run(void)
{
	ev_run(loop, 0);
}

void loop_stop(void)
{
	ev_break(loop, EVBREAK_ALL);
}

void loop_turn(bool wait)
{
	ev_run(loop, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
}

void loop_on_prepare(int order, void (*fn)(void))
{
	unsigned i = prepare_count++;

	tct_assert(prepare_count <= PREPARE_MAX);
	for (; i > 0 && prepares[i - 1].order > order; i--)
		prepares[i] = prepares[i - 1];
	prepares[i].order = order;
	prepares[i].fn = fn;
}

void loop_wake(void)
{
	woken = true;
	if (loop != NULL && !ev_is_active(&idle))
		ev_idle_start(loop, &idle);
}

/* ---- other threads ---- */

void loop_post(struct loop_message *msg)
{
	bool first;

	pthread_mutex_lock(&posted_lock);
	first = list_empty(&posted);
	list_push(&posted, &msg->link);
	pthread_mutex_unlock(&posted_lock);
	if (first && loop != NULL)
		ev_async_send(loop, &wakeup);
}

void loop_drain(void)
{
	struct list mine, *node;

	list_init(&mine);
	pthread_mutex_lock(&posted_lock);
	list_splice(&mine, &posted);
	pthread_mutex_unlock(&posted_lock);
	while ((node = list_pop(&mine)) != NULL) {
		struct loop_message *msg = list_entry(node, struct loop_message, link);

		msg->fn(msg);
	}
}

bool loop_is_here(void)
{
	return loop == NULL || pthread_equal(thread, pthread_self());
}

void loop_wrong_thread(const char *function)
{
	log_error("programming error: %s was called from a worker; a job may touch only its own "
		  "data, and calls the API in its `done` function",
		function);
	abort();
}

/* ---- descriptors ---- */

static void on_io(struct ev_loop *l, ev_io *io, int events)
{
	struct loop_io *w = (struct loop_io *)io;

	(void)l;
	w->fn(w, events);
}

void loop_io_init(struct loop_io *w, int fd, void (*fn)(struct loop_io *, int))
{
	ev_io_init(&w->io, on_io, fd, 0);
	w->fn = fn;
}

void loop_io_set(struct loop_io *w, int events)
{
	int now = ev_is_active(&w->io) ? w->io.events & (EV_READ | EV_WRITE) : 0;

	if (now == events)
		return;
	ev_io_stop(loop, &w->io);
	if (events == 0)
		return;
	ev_io_set(&w->io, w->io.fd, events);
	ev_io_start(loop, &w->io);
}

/* ---- clock ---- */

int64_t tct_now_us(void)
{
	ev_tstamp now = loop != NULL && loop_is_here() ? ev_now(loop) : ev_time();

	return (int64_t)(now * 1e6) + advanced_ms * 1000 + fast_us;
}

int64_t tct_now(void)
{
	return tct_now_us() / 1000000;
}

int64_t tct_monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + advanced_ms / 1000;
}

int64_t tct_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + advanced_ms;
}

/* ---- timers ---- */

struct tct_timer {
	ev_timer timer;
	struct scope_node node;
	struct list link; /* of all, for the clock of tests */
	tct_timer_fn *fn;
	void *data;
	bool firing, stopped;
};

static struct list timers = { &timers, &timers };

static void timer_free(struct tct_timer *t)
{
	ev_timer_stop(loop, &t->timer);
	scope_remove(&t->node);
	list_remove(&t->link);
	if (t->firing)
		t->stopped = true; /* freed when its function returns */
	else
		free(t);
}

static void on_timer(struct ev_loop *l, ev_timer *w, int events)
{
	struct tct_timer *t = (struct tct_timer *)w;

	(void)l;
	(void)events;
	t->firing = true;
	t->fn(t->node.scope, t->data);
	t->firing = false;
	if (t->stopped)
		free(t);
	else if (!ev_is_active(&t->timer))
		timer_free(t);
}

static void timer_dropped(struct scope_node *node)
{
	timer_free(list_entry(node, struct tct_timer, node));
}

struct tct_timer *tct_timer_start(struct tct_scope *scope, int64_t ms, int64_t repeat_ms,
	tct_timer_fn *fn, void *data)
{
	struct tct_timer *t = mem_zalloc(sizeof *t);

	assert_loop();
	t->fn = fn;
	t->data = data;
	ev_now_update(loop);
	ev_timer_init(&t->timer, on_timer, (double)ms / 1e3, (double)repeat_ms / 1e3);
	ev_timer_start(loop, &t->timer);
	scope_add(scope, &t->node, timer_dropped);
	list_push(&timers, &t->link);
	return t;
}

void tct_timer_stop(struct tct_timer *t)
{
	assert_loop();
	if (!t->stopped)
		timer_free(t);
}

void loop_clock_read(int signum)
{
#ifdef TERCET_TEST_HOOKS
	const char *path = getenv("TERCET_CLOCK_FILE");
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	long seconds = 0;

	if (file == NULL)
		return;
	if (fscanf(file, "%ld", &seconds) == 1)
		loop_clock_advance(seconds * 1000);
	fclose(file);
	log_notice("the clock has moved on by %ld s", seconds);
#endif
	(void)signum;
}

void loop_clock_advance(int64_t ms)
{
	advanced_ms += ms;
	list_each (node, &timers) {
		struct tct_timer *t = list_entry(node, struct tct_timer, link);
		double left = ev_timer_remaining(loop, &t->timer) - (double)ms / 1e3;

		ev_timer_stop(loop, &t->timer);
		ev_timer_set(&t->timer, left > 0 ? left : 0, t->timer.repeat);
		ev_timer_start(loop, &t->timer);
	}
}

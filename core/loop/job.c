/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* job.c - see job.h and tct_job of <tercet/timer.h>. */
#include "core/loop/job.h"

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/scope.h"
#include "core/base/vec.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define STACK_BYTES (512 * 1024)

struct job_lane {
	const char *name;
	unsigned running, running_max;
	size_t queued, queued_max;
	int64_t told; /* when the log last heard that it is full */
	struct list waiting;
};

struct job {
	struct list link; /* in the lane, or in the pool's queue */
	struct loop_message message;
	struct scope_node node;
	struct job_lane *lane;
	tct_work_fn *work;
	tct_work_done_fn *done;
	void (*free_data)(void *);
	void *data;
	bool scoped, running;
};

static VEC(struct job_lane *) lanes;
static struct job_lane *module_lane;
static pthread_t *threads;
static unsigned thread_count, threads_wanted = 2;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct list queue = { &queue, &queue };
static bool stopping;
static size_t unfinished; /* loop thread */

void job_init(unsigned count)
{
	threads_wanted = count > 0 ? count : 1;
}

size_t job_count(void)
{
	return unfinished;
}

struct job_lane *job_lane_new(const char *name, unsigned running, size_t queued)
{
	struct job_lane *lane = mem_zalloc(sizeof *lane);

	lane->name = name;
	lane->running_max = running;
	lane->queued_max = queued;
	list_init(&lane->waiting);
	vec_push(&lanes, lane);
	return lane;
}

static void *worker(void *unused)
{
	(void)unused;
	for (;;) {
		struct list *node;
		struct job *j;

		pthread_mutex_lock(&lock);
		while ((node = list_pop(&queue)) == NULL && !stopping)
			pthread_cond_wait(&more, &lock);
		pthread_mutex_unlock(&lock);
		if (node == NULL)
			return NULL;
		j = list_entry(node, struct job, link);
		j->work(j->data);
		loop_post(&j->message);
	}
}

static void start_threads(void)
{
	sigset_t all, before;
	pthread_attr_t attr;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	threads = mem_array(threads_wanted, sizeof *threads);
	for (; thread_count < threads_wanted; thread_count++)
		tct_assert(pthread_create(&threads[thread_count], &attr, worker, NULL) == 0);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void job_free(struct job *j)
{
	if (j->free_data != NULL)
		j->free_data(j->data);
	free(j);
	unfinished--;
}

static void run(struct job *j)
{
	j->running = true;
	j->lane->running++;
	if (thread_count == 0)
		start_threads();
	pthread_mutex_lock(&lock);
	list_push(&queue, &j->link);
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

static void finished(struct loop_message *msg)
{
	struct job *j = list_entry(msg, struct job, message);
	struct job_lane *lane = j->lane;
	struct tct_scope *scope = j->node.scope;
	struct list *next;

	lane->running--;
	next = list_pop(&lane->waiting);
	if (next != NULL) {
		lane->queued--;
		run(list_entry(next, struct job, link));
	}
	scope_remove(&j->node);
	if (j->done != NULL && (scope != NULL || !j->scoped))
		j->done(scope, j->data);
	job_free(j);
}

static void dropped(struct scope_node *node)
{
	struct job *j = list_entry(node, struct job, node);

	if (j->running)
		return; /* comes back without a scope: only its data is freed */
	list_remove(&j->link);
	j->lane->queued--;
	job_free(j);
}

int job_submit(struct job_lane *lane, struct tct_scope *scope, tct_work_fn *work,
	tct_work_done_fn *done, void (*free_data)(void *), void *data)
{
	struct job *j;

	assert_loop();
	if (lane->queued >= lane->queued_max) {
		if (lane->told != tct_now())
			log_warn("too many jobs wait in lane %s: they are refused", lane->name);
		lane->told = tct_now();
		if (free_data != NULL)
			free_data(data);
		return TCT_EFULL;
	}
	j = mem_zalloc(sizeof *j);
	list_init(&j->link);
	j->message.fn = finished;
	j->lane = lane;
	j->work = work;
	j->done = done;
	j->free_data = free_data;
	j->data = data;
	unfinished++;
	if (scope != NULL) {
		j->scoped = true;
		scope_add(scope, &j->node, dropped);
	}
	if (lane->running < lane->running_max) {
		run(j);
	} else {
		list_push(&lane->waiting, &j->link);
		lane->queued++;
	}
	return TCT_OK;
}

void tct_job(struct tct_scope *scope, tct_work_fn *work, tct_work_done_fn *done,
	void (*free_data)(void *), void *data)
{
	int status;

	assert_loop();
	if (module_lane == NULL)
		module_lane = job_lane_new("modules", 2, 100000);
	status = job_submit(module_lane, scope, work, done, free_data, data);
	(void)status; /* a refused job was logged; its data is freed */
}

void job_stop(void)
{
	for (size_t i = 0; i < lanes.count; i++) {
		struct list *node;

		while ((node = list_pop(&lanes.items[i]->waiting)) != NULL) {
			struct job *j = list_entry(node, struct job, link);

			scope_remove(&j->node);
			job_free(j);
		}
	}
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	threads = NULL;
	thread_count = 0;
	loop_drain();
	stopping = false;
	for (size_t i = 0; i < lanes.count; i++)
		free(lanes.items[i]);
	vec_fini(&lanes);
	module_lane = NULL;
}

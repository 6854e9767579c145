/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/loop/job.h"
#include "core/base/mem.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <semaphore.h>

/* One job of a test: waits at its gate, then says that it ran. */
struct errand {
	sem_t *gate; /* NULL: open */
	sem_t *entered;
	bool on_loop; /* where the work ran: must be false */
};

static int done_count, freed_count;
static struct tct_scope *done_scope;

static int setup(void **state)
{
	done_count = freed_count = 0;
	done_scope = NULL;
	job_init(2);
	return loop_init(NULL);
}

static int teardown(void **state)
{
	job_stop();
	loop_fini();
	return 0;
}

static void work(void *data)
{
	struct errand *e = data;

	e->on_loop = loop_is_here();
	if (e->entered != NULL)
		sem_post(e->entered);
	if (e->gate != NULL)
		sem_wait(e->gate);
}

static void done(struct tct_scope *scope, void *data)
{
	struct errand *e = data;

	assert_true(loop_is_here());
	assert_false(e->on_loop);
	done_scope = scope;
	done_count++;
}

static void free_errand(void *data)
{
	freed_count++;
	free(data);
}

static struct errand *errand_new(sem_t *gate, sem_t *entered)
{
	struct errand *e = mem_zalloc(sizeof *e);

	e->gate = gate;
	e->entered = entered;
	return e;
}

static void turn_until(const int *counter, int value)
{
	while (*counter < value)
		loop_turn(true);
}

static void the_result_comes_to_the_loop(void **state)
{
	struct tct_scope scope;

	scope_init(&scope, NULL);
	tct_job(&scope, work, done, free_errand, errand_new(NULL, NULL));
	assert_int_equal(job_count(), 1);
	turn_until(&freed_count, 1);
	assert_int_equal(done_count, 1);
	assert_ptr_equal(done_scope, &scope);
	assert_true(scope_empty(&scope));
	assert_int_equal(job_count(), 0);
}

/* The scope ends while a worker holds the job: its data lives until the worker is done, and
 * nobody is called. */
static void a_running_job_is_detached(void **state)
{
	struct tct_scope scope;
	sem_t gate, entered;

	sem_init(&gate, 0, 0);
	sem_init(&entered, 0, 0);
	scope_init(&scope, NULL);
	tct_job(&scope, work, done, free_errand, errand_new(&gate, &entered));
	sem_wait(&entered);
	scope_end(&scope);
	assert_int_equal(freed_count, 0);
	sem_post(&gate);
	turn_until(&freed_count, 1);
	assert_int_equal(done_count, 0);
	sem_destroy(&gate);
	sem_destroy(&entered);
}

static void a_waiting_job_is_dropped(void **state)
{
	struct job_lane *lane = job_lane_new("test", 1, 10);
	struct tct_scope scope;
	sem_t gate;

	sem_init(&gate, 0, 0);
	scope_init(&scope, NULL);
	assert_int_equal(job_submit(lane, NULL, work, done, free_errand, errand_new(&gate, NULL)), 0);
	assert_int_equal(job_submit(lane, &scope, work, done, free_errand, errand_new(NULL, NULL)), 0);
	scope_end(&scope);
	assert_int_equal(freed_count, 1);
	sem_post(&gate);
	turn_until(&freed_count, 2);
	assert_int_equal(done_count, 1);
	assert_null(done_scope);
	sem_destroy(&gate);
}

static void a_lane_is_bounded(void **state)
{
	struct job_lane *lane = job_lane_new("test", 1, 1);
	sem_t gate;

	sem_init(&gate, 0, 0);
	assert_int_equal(job_submit(lane, NULL, work, done, free_errand, errand_new(&gate, NULL)), 0);
	assert_int_equal(job_submit(lane, NULL, work, done, free_errand, errand_new(NULL, NULL)), 0);
	assert_int_equal(job_submit(lane, NULL, work, done, free_errand, errand_new(NULL, NULL)),
		TCT_EFULL);
	assert_int_equal(freed_count, 1);
	sem_post(&gate);
	turn_until(&freed_count, 3);
	assert_int_equal(done_count, 2);
	sem_destroy(&gate);
}

static void stopping_waits_for_what_runs(void **state)
{
	struct job_lane *lane = job_lane_new("test", 1, 10);

	for (int i = 0; i < 5; i++)
		assert_int_equal(job_submit(lane, NULL, work, done, free_errand,
					 errand_new(NULL, NULL)), 0);
	job_stop();
	assert_int_equal(freed_count, 5);
	assert_int_equal(job_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_result_comes_to_the_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(a_running_job_is_detached, setup, teardown),
		cmocka_unit_test_setup_teardown(a_waiting_job_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lane_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(stopping_waits_for_what_runs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

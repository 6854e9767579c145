/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_smacks_queue.c - the ring of what a client has not acknowledged. */
#include "modules/mod_smacks/queue.h"

#include "tests/unit/unit.h"

/* Deliveries as far as the queue knows them. */
struct delivery {
	uint32_t refs, size;
};

struct delivery *tcti_delivery_ref(struct delivery *d)
{
	d->refs++;
	return d;
}

void tcti_delivery_unref(struct delivery *d)
{
	assert_true(d->refs > 0);
	d->refs--;
}

size_t tcti_delivery_size(const struct delivery *d)
{
	return d->size;
}

#define ALL 100

/* Filled and emptied in steps that wrap around and that grow it while it is wrapped. */
static void keeps_order(void **state)
{
	struct delivery all[ALL];
	struct queue q = { 0 };
	uint32_t in = 0, out = 0;
	size_t bytes = 0;

	(void)state;
	for (uint32_t i = 0; i < ALL; i++)
		all[i] = (struct delivery){ 0, i + 1 };
	for (uint32_t step = 1; in < ALL; step = step % 13 + 1) {
		for (uint32_t i = 0; i < step && in < ALL; i++) {
			bytes += all[in].size;
			queue_push(&q, &all[in++]);
		}
		for (uint32_t i = 0; i < q.count; i++)
			assert_ptr_equal(queue_get(&q, i), &all[out + i]);
		assert_int_equal(q.bytes, bytes);
		for (uint32_t i = 0; i < step / 2; i++)
			bytes -= all[out + i].size;
		queue_drop(&q, step / 2);
		out += step / 2;
	}
	assert_int_equal(q.count, in - out);
	for (uint32_t i = 0; i < ALL; i++)
		assert_int_equal(all[i].refs, i >= out);
	queue_fini(&q);
	for (uint32_t i = 0; i < ALL; i++)
		assert_int_equal(all[i].refs, 0);
	assert_int_equal(q.bytes, 0);
}

static bool is_even(struct delivery *d, void *data)
{
	(void)data;
	return d->size % 2 == 0;
}

/* Some are left out of a ring that is wrapped; the others move up, in order. */
static void sifts(void **state)
{
	struct delivery all[ALL];
	struct queue q = { 0 };
	size_t bytes = 0;

	(void)state;
	for (uint32_t i = 0; i < ALL; i++)
		all[i] = (struct delivery){ 0, i + 1 };
	for (uint32_t i = 0; i < 60; i++)
		queue_push(&q, &all[i]);
	queue_drop(&q, 50);
	for (uint32_t i = 60; i < ALL; i++)
		queue_push(&q, &all[i]);
	assert_int_equal(queue_sift(&q, is_even, NULL), 25);
	assert_int_equal(q.count, 25);
	for (uint32_t i = 0; i < q.count; i++) {
		assert_ptr_equal(queue_get(&q, i), &all[51 + 2 * i]);
		bytes += all[51 + 2 * i].size;
	}
	assert_int_equal(q.bytes, bytes);
	for (uint32_t i = 50; i < ALL; i++)
		assert_int_equal(all[i].refs, i % 2);
	assert_int_equal(queue_sift(&q, is_even, NULL), 0);
	queue_fini(&q);
}

/* After a burst an idle client costs what it did before. */
static void gives_memory_back(void **state)
{
	struct delivery d = { 0, 10 };
	struct queue q = { 0 };

	(void)state;
	assert_null(q.ring);
	for (uint32_t i = 0; i < 50; i++)
		queue_push(&q, &d);
	queue_drop(&q, 50);
	assert_null(q.ring);
	assert_int_equal(d.refs, 0);
	queue_push(&q, &d);
	assert_ptr_equal(queue_get(&q, 0), &d);
	queue_fini(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order),
		cmocka_unit_test(sifts),
		cmocka_unit_test(gives_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

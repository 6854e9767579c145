/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* Whose stanzas a stream's number is about: against a plain list of all of them. */
#include "modules/mod_s2s/ledger.h"

#include "tests/unit/unit.h"

#include <string.h>

#define OWNERS 4
#define STEPS 20000

struct model {
	int of[STEPS * 4]; /* of each stanza: its owner; -1: gone */
	size_t first, end;
	uint32_t confirmed[OWNERS], expected[OWNERS];
};

static int owners[OWNERS];

static void confirm(void *owner, uint32_t number, uint32_t count, void *data)
{
	struct model *m = data;

	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(m->of[m->first + number + i], (int *)owner - owners);
	m->confirmed[(int *)owner - owners] += count;
}

static void look(void *owner, uint32_t number, uint32_t count, void *data)
{
	struct model *m = data;

	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(m->of[m->first + number + i], (int *)owner - owners);
}

static void take(struct ledger *l, struct model *m, uint32_t n)
{
	ledger_take(l, n, confirm, m);
	for (uint32_t i = 0; i < n && m->first < m->end; i++, m->first++) {
		if (m->of[m->first] >= 0)
			m->expected[m->of[m->first]]++;
	}
}

static void walk(void **state)
{
	static struct model m;
	struct ledger l = { 0 };
	unsigned seed = 1;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		int who = (int)(seed >> 8) % OWNERS;
		uint32_t n = (seed >> 16) % 4;

		seed = seed * 1103515245 + 12345;
		if (seed >> 28 == 0) {
			ledger_forget(&l, &owners[who]);
			for (size_t i = m.first; i < m.end; i++) {
				if (m.of[i] == who)
					m.of[i] = -1;
			}
		} else if ((seed >> 20 & 1) == 0) {
			take(&l, &m, n);
		} else {
			ledger_add(&l, &owners[who], n);
			for (uint32_t i = 0; i < n; i++)
				m.of[m.end++] = who;
		}
		assert_int_equal(l.total, m.end - m.first);
		ledger_each(&l, look, &m);
	}
	take(&l, &m, UINT32_MAX);
	assert_int_equal(l.total, 0);
	assert_memory_equal(m.confirmed, m.expected, sizeof m.confirmed);
	ledger_clear(&l);
	assert_null(l.runs);
}

/* One queue costs one run, however much it writes. */
static void one(void **state)
{
	struct ledger l = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		ledger_add(&l, &owners[0], 3);
	assert_int_equal(l.total, 3000);
	assert_int_equal(l.end - l.first, 1);
	ledger_clear(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walk),
		cmocka_unit_test(one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

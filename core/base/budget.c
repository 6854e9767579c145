/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* budget.c - see budget.h. */
#include "core/base/budget.h"

#include "core/base/assert.h"

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static size_t used[BUDGET_CLASSES], total, limit = SIZE_MAX;

static size_t machine_memory(void)
{
	size_t bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/sys/fs/cgroup/memory.max", "re");
	unsigned long long cgroup;

	if (f != NULL) {
		if (fscanf(f, "%llu", &cgroup) == 1 && cgroup < bytes)
			bytes = (size_t)cgroup;
		fclose(f);
	}
	return bytes;
}

void budget_init(size_t bytes)
{
	limit = bytes > 0 ? bytes : machine_memory() / 2;
}

void budget_add(enum budget_class class, size_t bytes)
{
	used[class] += bytes;
	total += bytes;
}

void budget_sub(enum budget_class class, size_t bytes)
{
	tct_assert(used[class] >= bytes);
	used[class] -= bytes;
	total -= bytes;
}

size_t budget_used(enum budget_class class)
{
	return used[class];
}

size_t budget_total(void)
{
	return total;
}

size_t budget_limit(void)
{
	return limit;
}

enum budget_level budget_pressure(void)
{
	if (total >= limit / 10 * 9)
		return BUDGET_FULL;
	return total >= limit / 10 * 8 ? BUDGET_HIGH : BUDGET_LOW;
}

const char *budget_name(enum budget_class class)
{
	static const char *const names[] = { "streams", "queues", "entities", "events" };

	return names[class];
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* budget.h - one limit for the memory that peers can make us hold, counted by class. Out of
 * memory may end the process only because this keeps us far from it: under pressure new
 * connections are refused and caches shrink; at the limit the largest queues are closed.
 * Loop thread. */
#pragma once

#include <stddef.h>

enum budget_class {
	BUDGET_STREAMS,  /* connections and their unused input */
	BUDGET_QUEUES,   /* output that waits */
	BUDGET_ENTITIES, /* accounts in memory */
	BUDGET_EVENTS,   /* parked in lanes */
	BUDGET_CLASSES
};

enum budget_level { BUDGET_LOW, BUDGET_HIGH /* 80 % */, BUDGET_FULL /* 90 % */ };

/* 0: half of the machine's memory, or of the control group's limit when that is less. */
void budget_init(size_t limit);
void budget_add(enum budget_class class, size_t bytes);
void budget_sub(enum budget_class class, size_t bytes);
size_t budget_used(enum budget_class class);
size_t budget_total(void);
size_t budget_limit(void);
enum budget_level budget_pressure(void);
const char *budget_name(enum budget_class class);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* figure.h - what instances count for administrators. A figure is a number in the scope of its
 * instance; nobody is asked for it, it is there. */
#pragma once

#include "core/base/list.h"
#include "core/base/scope.h"
#include "core/mod/module.h"

#include <tercet/event.h>

struct tct_figure {
	struct list link; /* among all, in order of registration */
	struct scope_node node;
	struct tct_mod *mod;
	const char *name, *doc; /* borrowed from the module */
	int64_t value;
};

void figure_each(void (*fn)(const struct tct_figure *f, void *data), void *data);

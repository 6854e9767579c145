/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* so.h - module files: found by name, checked before and after dlopen, shared by all
 * instances. */
#pragma once

#include "core/mod/module.h"

struct module_so {
	struct list link;
	struct tct_module_info info; /* of full size */
	char *name, *path;
	void *handle;
	uint32_t refs;
};

/* One reference; NULL and `err`, which says what was found, what was expected and what to
 * do. */
struct module_so *so_open(const char *name, const char *const *path, const char *version,
	struct tct_error *err);
void so_unref(struct module_so *so);

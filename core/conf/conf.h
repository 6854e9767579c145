/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* conf.h - the configuration file: libconfig's syntax, positions, every problem collected
 * and told at once. Knows nothing of what the options mean. */
#pragma once

#include "core/base/str.h"
#include "core/base/vec.h"

#include <tercet/base.h>

#include <libconfig.h>

struct conf_problems {
	VEC(char *) texts; /* "tercet.conf:14: motd.txet: no such option" */
};
void conf_problem(struct conf_problems *p, const config_setting_t *at, const char *fmt, ...)
	TCT_PRINTF(3, 4);
void conf_problems_fini(struct conf_problems *p);
/* All, one per line. */
void conf_problems_text(const struct conf_problems *p, struct str *out);

struct conf {
	config_t lib;
	char *path;   /* as given */
	char *folder; /* absolute; relative paths are against it */
};
/* NULL when the file cannot be read or has bad syntax: then `p` says where. The files of the
 * folder PATH.d that end in .conf are read as if they stood at its end, in order of their
 * names; a setting may stand only once. */
struct conf *conf_load(const char *path, struct conf_problems *p);
void conf_free(struct conf *c); /* NULL: nothing */
config_setting_t *conf_root(struct conf *c);
/* "tercet.conf:14", for messages; `out` has 512 bytes. */
const char *conf_where(const config_setting_t *at, char *out);
/* The nearest of `names` (NULL-terminated) when it is near enough, else NULL. */
const char *conf_nearest(const char *word, const char *const *names);

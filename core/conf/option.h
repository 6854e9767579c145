/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* option.h - tables of options (<tercet/option.h>) against the configuration: one read-only
 * struct comes out, or problems. Defaults and bounds go through the same parser as what the
 * administrator writes, so they cannot disagree with the documentation. */
#pragma once

#include "core/base/arena.h"
#include "core/conf/conf.h"

#include <tercet/option.h>

struct option_source {
	const char *name;   /* of the module or section, for messages and look-up */
	const char *folder; /* relative paths are against it */
	config_setting_t *host, *top; /* where groups and flat options are; `host` may be NULL */
};

/* Fills `out` (zeroed, of the table's struct) in the arena `a`. `stride` is the size of one
 * option in the module's headers. Appends to `print` (may be NULL) a text that is equal when
 * all values are. False: problems were added. */
bool option_parse(const struct tct_option *table, uint32_t stride,
	const struct option_source *source, struct arena *a, void *out,
	struct conf_problems *p, struct str *print);
/* The i-th option, copied to full size; false at the end. */
bool option_at(const struct tct_option *table, uint32_t stride, size_t i, struct tct_option *out);

/* Prepares an address or host, or returns NULL; registered by the layers above. The result
 * is malloc'ed. */
typedef char *option_prepare_fn(const char *text);
void option_set_prepare(option_prepare_fn *jid, option_prepare_fn *host);

/* The table as the body of an mdoc list, or as plain text. */
void option_describe(const struct tct_option *table, uint32_t stride, bool mdoc, struct str *out);

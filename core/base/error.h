/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* error.h - struct tct_error: a code, a text for people, and where in the configuration. */
#pragma once

#include <tercet/base.h>

struct tct_error {
	int code;
	const char *file; /* configuration position, borrowed; NULL when none */
	int line;
	char text[512];   /* cut at the end when longer */
};

/* Forgets what was set. */
void error_clear(struct tct_error *err);
/* Puts "prefix: " before the text. */
void error_prefix(struct tct_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

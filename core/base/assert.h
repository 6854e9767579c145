/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* assert.h - assertions that stay on in release builds, for programming errors at the
 * borders of the API: one line to the log, then abort. */
#pragma once

/* Logs and aborts; any thread. */
_Noreturn void assert_failed(const char *what, const char *file, int line);

#define tct_assert(cond)                                                                 \
	do {                                                                             \
		if (__builtin_expect(!(cond), 0))                                        \
			assert_failed(#cond, __FILE__, __LINE__);                        \
	} while (0)

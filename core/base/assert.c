/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* assert.c - what happens when an assertion does not hold. */
#include "core/base/assert.h"

#include "core/base/log.h"

#include <stdlib.h>

void assert_failed(const char *what, const char *file, int line)
{
	log_write(TCT_LOG_ERROR, NULL, "programming error: %s (%s:%d)", what, file, line);
	abort();
}

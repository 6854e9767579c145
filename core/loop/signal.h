/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* signal.h - signals of the process as events of the loop. */
#pragma once

#include "core/loop/loop.h"

/* Calls fn(signum) on the loop; at most 8 signals. */
void signal_on(int signum, void (*fn)(int signum));
void signal_fini(void);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* signal.h - signals of the process as events of the loop. */
#pragma once

#include "core/loop/loop.h"

/* Keeps SIGHUP, SIGINT, SIGTERM and SIGUSR1 from this thread and from all that it starts: they
 * wait for signal_on. Call it before there are threads. */
void signal_block(void);
/* Calls fn(signum) on the loop; at most 8 signals. */
void signal_on(int signum, void (*fn)(int signum));
void signal_fini(void);

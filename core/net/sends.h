/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* sends.h - bytes for many sockets at once: by one system call (io_uring) where the kernel has
 * it and lets us, else by one send for each, with the same results. To enter the kernel anew
 * for each socket of a broadcast is a quarter of what sending costs. Knows sockets, and no
 * connection. Loop thread. */
#pragma once

#include "core/base/span.h"

#include <sys/types.h>

struct send_one {
	int fd;
	struct span bytes; /* until sends_run returns */
	ssize_t result;    /* the bytes that the socket took (0: none now), or -errno */
};

/* Whether io_uring may be used; from the beginning: yes. */
void sends_allow_ring(bool allowed);
/* True when the next sends_run of so many uses it. */
bool sends_use_ring(size_t count);
/* Never waits; each socket takes what it can, and has taken it when this returns. */
void sends_run(struct send_one *sends, size_t count);
void sends_fini(void);

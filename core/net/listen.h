/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* listen.h - listening sockets: opened here or passed by systemd, accepted in bursts that
 * leave room for others, and alive when descriptors run out. */
#pragma once

#include "core/net/addr.h"

struct listen;
/* The descriptor is the callee's. */
typedef void listen_fn(void *data, int fd, const struct addr *peer);

/* Opens now; accepts after listen_start. Port 0: a free one. NULL and `err` on failure. */
struct listen *listen_open(const struct addr *at, listen_fn *fn, void *data,
	struct tct_error *err);
void listen_start(struct listen *l);
uint16_t listen_port(const struct listen *l);
void listen_close(struct listen *l);

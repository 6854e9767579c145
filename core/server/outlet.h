/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* outlet.h - what leaves for other servers and components: queues behind the barrier, see
 * <tercet/internal/peers.h>. Not the pipe of a session: nobody holds or counts here. */
#pragma once

#include "core/server/stream.h"

/* No outlet leaves by this stream any more; what is left waits for another one. */
void outlets_leave(struct tct_stream *s);
/* Writes what may leave into connections; at the end of the turn. */
void outlets_flush(void);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* events.h - whether libunbound has the libevent that it was made for. */
#pragma once

#include <stdbool.h>

/* libunbound's thread runs libevent, and libev has functions of the same names with another
 * sense. The one that was linked first is used by everybody: we link libevent first. False: that
 * is not what happened, and libunbound would destroy memory. */
bool events_are_good(void);

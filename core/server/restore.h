/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* restore.h - sessions that outlive the process: what of them is written down, and how they
 * come back: the session, and the messages that were on their way to it, which are found by
 * the marks in the rows that they are kept as. The words for it on the wire, and when, are
 * the affair of the pipe's owner. */
#pragma once

#include "core/server/session.h"

/* At stop: sessions whose pipe's owner can save them are saved, and go without anybody being
 * told. */
void sessions_save(void);

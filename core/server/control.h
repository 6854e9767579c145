/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control.h - the control socket in the state folder, and the commands of tercetctl. */
#pragma once

#include <tercet/internal/server.h>

int control_start(const char *folder, struct tct_error *err) TCT_CHECKED;
void control_stop(void);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* notify.h - telling the service manager how we are (sd_notify's protocol over its socket;
 * nothing happens without one). */
#pragma once

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

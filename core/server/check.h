/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* check.h - commands that look whether something is right: tercetctl check and explain. */
#pragma once

#include "core/server/control.h"

/* check certs: which certificate each host gets on which listener, and what is wrong. */
void check_run(struct control_call *call);
/* explain cert NAME: the same for one name, and why. */
void check_explain(struct control_call *call);

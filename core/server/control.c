/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control.c - see control.h. */
#include "core/server/control.h"

int control_start(const char *folder, struct tct_error *err)
{
	(void)folder;
	(void)err;
	return TCT_OK;
}

void control_stop(void)
{
}

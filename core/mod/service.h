/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* service.h - who provides what (<tercet/service.h>). */
#pragma once

#include "core/mod/module.h"

/* For a host (NULL: global ones only): its own provider first, then a global one. */
const void *service_find(const struct tct_host *host, const char *service,
	struct tct_mod **provider);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* banned.h - functions that must not compile: force-included by the build. Each has a
 * bounded, reentrant or checked replacement in the C library or in core/base. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets gmtime localtime asctime ctime
#pragma GCC poison atoi atol atoll strncpy strncat

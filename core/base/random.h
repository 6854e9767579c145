/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* random.h - the cryptographic generator of GnuTLS; tct_random and tct_random_id of
 * <tercet/base.h> are made here. */
#pragma once

#include <tercet/base.h>

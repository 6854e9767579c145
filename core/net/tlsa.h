/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* tlsa.h - the TLSA records of a domain's servers, found as RFC 7673 says and see
 * <tercet/internal/dial.h>: only behind answers that were validated. Loop thread. */
#pragma once

#include "core/base/span.h"

#include <tercet/internal/dial.h>

/* Valid while the question lives and after it was answered. */
size_t tlsa_records(const struct tcti_dane *d, const struct span **records);
/* The domain and the targets, NULL at the end, for dane_judge. */
const char *const *tlsa_names(const struct tcti_dane *d);

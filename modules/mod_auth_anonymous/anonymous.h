/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* anonymous.h - what the files of mod_auth_anonymous share. */
#pragma once

#include <tercet/auth.h>
#include <tercet/module.h>

struct anonymous_config {
	bool allow_anonymous_s2s;
	int64_t max_users;
};

/* Data of the instance. */
struct anonymous {
	struct tct_kv *kv; /* preloaded: user, "" -> since when */
	size_t count;      /* rows */
};

/* ---- guests.c ---- */

void anonymous_load_guests(struct tct_mod *m);

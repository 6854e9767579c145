/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* secure.h - what the files of mod_s2s_secure share. */
#pragma once

#include "memory.h"
#include "policy.h"

#include <tercet/internal/s2s.h>
#include <tercet/store.h>

struct secure_config {
	bool s2s_secure_auth;
	const char *const *s2s_secure_domains;
	const char *const *s2s_insecure_domains;
	struct tct_groups domains; /* struct policy_row */
	int64_t was_secure;        /* 0: never mind */
};

struct secure {
	struct tct_mod *mod;
	struct tct_kv *kv;    /* NULL: there is no storage */
	struct memory memory;
	bool *told;           /* for each row: it is over, and that was said */
	struct tct_timer *timer; /* until the next one is */
};

/* ---- rules.c: the service "s2s_policy" ---- */
extern const struct tcti_s2s_policy_ops rules_ops;
int rules_check(const struct secure_config *config, struct tct_error *err);
/* Rows whose days are over are reported, now and when it happens. After a change of options, too. */
void rules_watch(struct tct_mod *m);
int rules_load(struct tct_mod *m, struct tct_error *err);
void rules_fini(struct tct_mod *m);

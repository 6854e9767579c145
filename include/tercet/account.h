/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* account.h - the service "account": the life of an account beyond its credentials. Provided
 * for each host by mod_account. */
#pragma once

#include <tercet/auth.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tct_account_info {
	uint32_t size;
	uint32_t online;     /* sessions */
	int64_t last_login;  /* tct_now() of then; 0: never */
	int64_t last_logout; /* when its last session ended; 0: never */
	int64_t removal;     /* when it is deleted; 0: it is not to be */
};

/* `m` is always the provider's instance, `user` prepared. Append-only. */
struct tct_account_ops {
	uint32_t size;
	/* Of a loaded entity. */
	void (*info)(struct tct_mod *m, const struct tct_entity *e, struct tct_account_info *out);
	/* The account is deleted after the grace period, at once when there is none; until then
	 * it is disabled and can be restored. Its sessions end. TCT_ENOENT: no such account. */
	void (*remove)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		tct_auth_done_fn *fn, void *data);
	/* TCT_ENOENT: it is not to be deleted. */
	void (*restore)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		tct_auth_done_fn *fn, void *data);
	/* Disables or enables; a disabled account's sessions end. */
	void (*set_disabled)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		bool disabled, tct_auth_done_fn *fn, void *data);
	/* Of a loaded entity that does not exist: true when somebody else had the name not long
	 * ago, so that nobody may take it who only asks. */
	bool (*was_used)(struct tct_mod *m, const struct tct_entity *e);
};

#ifdef __cplusplus
}
#endif

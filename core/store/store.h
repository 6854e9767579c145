/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* store.h - key-value stores for core's own use beside <tercet/store.h>: preloading, and the
 * hooks by which the cache of entities follows writes. */
#pragma once

#include "core/store/env.h"

/* NULL when no storage service serves the host (or NULL host: globally). */
struct store_env *store_env_find(const struct tct_host *host);
/* A store that some module of the host has opened; NULL. */
struct tct_kv *store_find(const struct store_env *env, const struct tct_host *host,
	const char *name);
struct tct_host *kv_host(const struct tct_kv *kv);

struct store_row {
	size_t store; /* index into the array given */
	const char *key;
	struct tct_value value;
};
struct store_preloaded {
	int status;
	size_t count;
	const struct store_row *rows;
};
typedef void store_preload_fn(struct tct_scope *scope, const struct store_preloaded *p, void *data);
/* All rows of a user in all these stores, in one read. */
void store_preload(struct store_env *env, struct tct_kv *const *kvs, size_t count,
	const char *user, struct tct_scope *scope, store_preload_fn *fn, void *data);

/* written(kv, user, key, value): value NULL: deleted; key NULL: all of the user. */
void store_set_hooks(void (*written)(struct tct_kv *, const char *, const char *,
			     const struct tct_value *),
	void (*rolled_back)(struct tct_kv *, const char *));
void store_written(struct tct_kv *kv, const char *user, const char *key,
	const struct tct_value *value);
void store_rolled_back(struct tct_kv *kv, const char *user);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* host.h - a virtual host: its name, its registrations, its modules and its entities. */
#pragma once

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/mod/hook.h"
#include "core/mod/module.h"

#include <tercet/auth.h>
#include <tercet/module.h>
#include <tercet/roster.h>

struct store_env;

struct tct_host {
	struct module_host mh; /* what the loader needs: name, configuration, instances */
	struct list link;
	const char *name; /* prepared; own copy */
	const struct tct_jid *jid;
	struct hook_set hooks;
	struct map entities; /* localpart -> struct tct_entity */
	struct tct_entity *self;
	struct store_env *env; /* NULL: no storage service */
	VEC(struct tct_kv *) preload; /* read before the first event of an entity */
	const struct tct_auth_ops *auth;     /* NULL: no accounts here */
	struct tct_mod *auth_mod;
	const struct tct_roster_ops *roster; /* NULL: nobody may see anybody */
	struct tct_mod *roster_mod;
	VEC(const struct tct_jid *) admins;
	struct list row_sources; /* who knows how rows of archives look; see restore.c */
	size_t session_count;
	bool removed; /* by a reload: refuses everything, freed when empty */
};

/* `name` is prepared. */
struct tct_host *host_new(const char *name);
void host_free(struct tct_host *h);
struct tct_host *host_find(struct span name);
/* In the order of the configuration; NULL: the first, NULL at the end. */
struct tct_host *host_next(struct tct_host *h);
/* Looks up the services that core uses and the stores to preload; after its modules have
 * been loaded or have changed. */
void host_refresh(struct tct_host *h);
/* Prepared bare addresses, NULL-terminated; copied. */
void host_set_admins(struct tct_host *h, const char *const *list);

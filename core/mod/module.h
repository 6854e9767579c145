/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* module.h - instances of modules, and the sets of them that hosts have: finding files,
 * checking them, dependencies, options, load, reload, unload. A .so is opened once; an
 * instance is module x host, or one without host. Knows hosts only as what the layer above
 * embeds. Loop thread. */
#pragma once

#include "core/base/arena.h"
#include "core/base/scope.h"
#include "core/base/vec.h"
#include "core/conf/conf.h"

#include <tercet/module.h>

struct hook_set;
struct module_so;

struct tct_mod {
	const struct tct_module_info *info; /* of full size: what an older module lacks is 0 */
	struct module_so *so;
	const char *name;
	const char *host_name; /* NULL: a global instance */
	struct tct_host *host; /* NULL: a global instance */
	const struct tct_jid *host_jid;
	struct hook_set *hooks;
	struct tct_scope scope;
	void *data;
	void *config;
	struct arena config_arena;
	char *print;    /* of the options: equal when nothing changed */
	char *problem;  /* what a registration complained of during load */
	uint32_t rank;  /* order of loading; never used twice */
	uint32_t depth; /* calls into it that have not returned */
	uint32_t causes; /* of the registrations to come; 0: TCT_NEW */
	bool hooked, ending, running, debug;
};

static inline void mod_enter(struct tct_mod *m)
{
	m->depth++;
}

static inline void mod_leave(struct tct_mod *m)
{
	m->depth--;
}

/* A registration that cannot be: the load under way fails with this text. */
void mod_load_failed(struct tct_mod *m, int code, const char *fmt, ...) TCT_PRINTF(3, 4);

/* What the layer above gives for each host, and once for global instances. */
struct module_host {
	const char *name;      /* NULL: the global set */
	struct tct_host *host; /* NULL: the global set */
	const struct tct_jid *jid;
	struct hook_set *hooks;
	config_setting_t *conf; /* the host's group, valid during modules_plan; or NULL */
	VEC(const char *) wanted; /* names, without mod_; borrowed during modules_plan */
	VEC(const char *) unwanted; /* of the global set's: not on this host; borrowed alike */
	VEC(struct tct_mod *) instances; /* running, in order of loading */
	VEC(struct tct_mod *) planned;   /* checked, not running yet */
};

struct module_plan {
	struct module_host **hosts; /* the global one first */
	size_t host_count;
	const char *const *path; /* folders, NULL-terminated */
	const char *version;     /* of the server */
	struct conf *conf;
	struct conf_problems *problems;
};

/* Opens and checks what `wanted` names: file, descriptor, dependencies, options. Runs no
 * function of a module but `check`. A global module that the global set names is planned
 * there; any other it names is planned on every host. False: problems; nothing is kept. */
bool modules_plan(struct module_plan *plan);
/* Throws away what was planned. */
void modules_forget(struct module_plan *plan);
/* Makes what runs what was planned: instances that are gone or whose options changed and that
 * cannot take new ones end, others are told or started, in order. What depends on a restarted one
 * restarts. False: a load failed; `problems` says which; what could start runs. */
bool modules_apply(struct module_plan *plan);
/* Ends all instances, the last loaded first. */
void modules_stop(struct module_host **hosts, size_t count);
/* The running instance; NULL. */
struct tct_mod *module_find(const struct module_host *h, const char *name);
/* Reads and prints the options of one module; for --describe. */
int module_describe(const char *name, const char *const *path, bool mdoc, struct str *out,
	struct tct_error *err);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* server.h - the server as a whole: configuration, start, reload, stop. */
#pragma once

#include "core/base/arena.h"
#include "core/conf/conf.h"
#include "core/net/dns.h"

#include <tercet/base.h>

/* tct_now() of the start; 0 when offline or not started. */
int64_t server_started(void);
/* Absolute; NULL before the configuration was read. */
const char *server_state_dir(void);
/* Of the server's own timers and jobs. */
struct tct_scope *server_scope(void);
/* As it was given; borrowed. */
const char *server_config_path(void);

/* Reads and checks the configuration, starts nothing; appends the problems. Instead of a
 * server, once per process. */
int server_check(const char *config, struct str *problems);

/* ---- restart.c ---- */
bool restart_wanted(void);
/* When nothing of the server is left: becomes the program on disk. Returns when that cannot
 * be, with the exit status. */
int restart_exec(void);

/* ---- between server.c and server_conf.c ---- */
struct server_config {
	const char *state_dir;
	const char *const *module_path;
	const char *log;
	const char *const *modules;
	const char *const *modules_disabled;
	const char *const *admins;
	int64_t memory_limit, entity_cache, output_queue;
	int64_t sessions_per_account;
	const char *const *dns_servers;
	const char *dns_trust_anchor;
	int64_t dns_timeout;
	bool dns_dnssec, io_uring;
	int32_t log_level;
};
/* Its part for dns.h; borrows. */
struct dns_config server_dns(const struct server_config *c);
/* What was read from one file; checked, nothing of it in force yet. */
struct server_plan {
	struct conf *conf;
	struct conf_problems problems;
	struct arena arena;
	struct server_config config;
	VEC(const char *) names;         /* of all hosts, prepared */
	VEC(const char *) types;         /* of those without accounts */
	VEC(const char *) hosts;         /* of those with accounts */
	VEC(config_setting_t *) groups;  /* of these */
	VEC(const char *const *) admins; /* of these, prepared */
};
/* False: problems. Call server_plan_fini in any case. */
bool server_plan_read(struct server_plan *plan, const char *path);
void server_plan_fini(struct server_plan *plan);
/* The same for a tool that has started nothing. */
bool server_plan_prepare(struct server_plan *plan, const char *config);
/* Lists the modules of the i-th host (-1: the top level) into `wanted`. */
struct module_host;
void server_plan_wanted(struct server_plan *plan, int i, struct module_host *h);
/* Names that are neither options nor modules; after modules_plan. */
void server_plan_unknown(struct server_plan *plan, struct module_host **hosts, size_t count);

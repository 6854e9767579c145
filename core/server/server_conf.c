/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* server_conf.c - the server's own part of tercet.conf: its options, the list of hosts, which
 * modules each gets, and the names that nobody knows. Reads and checks; applies nothing. */
#include "core/base/error.h"
#include "core/conf/option.h"
#include "core/mod/module.h"
#include "core/server/server.h"
#include "core/xmpp/jid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const levels[] = { "error", "warn", "notice", "info", "debug", NULL };

static const struct tct_option options[] = {
	TCT_OPT_PATH(struct server_config, state_dir, .global = 1, .def = TERCET_STATEDIR,
		.doc = "Folder of everything that the server keeps: the store, the control "
		       "socket. It belongs to the server's user alone."),
	TCT_OPT_STRINGS(struct server_config, module_path, .global = 1,
		.doc = "Folders where modules are looked for, before the one that was compiled "
		       "in."),
	TCT_OPT_STRING(struct server_config, log, .global = 1, .def = "stderr",
		.doc = "\"stderr\", \"syslog\", or the path of a file."),
	TCT_OPT_ENUM(struct server_config, log_level, .global = 1, .choices = levels,
		.def = "info", .doc = "The least important messages that are written."),
	TCT_OPT_STRINGS(struct server_config, modules, .global = 1,
		.doc = "Modules for the whole server and for every host, besides the usual ones."),
	TCT_OPT_STRINGS(struct server_config, modules_disabled, .global = 1,
		.doc = "Usual modules that are not wanted."),
	TCT_OPT_STRINGS(struct server_config, admins, .global = 1,
		.doc = "Bare addresses of those who may administrate the host with their clients."),
	TCT_OPT_SIZE(struct server_config, memory_limit, .global = 1, .def = "0 B",
		.doc = "Memory that peers can make the server hold. Beyond 80 % of it new "
		       "connections are refused, beyond 90 % the largest queues are closed. "
		       "0 B: half of the machine's."),
	TCT_OPT_SIZE(struct server_config, entity_cache, .global = 1, .def = "64 MB",
		.min = "1 MB", .doc = "Memory for accounts that are not online."),
	TCT_OPT_SIZE(struct server_config, output_queue, .global = 1, .def = "4 MB",
		.min = "64 KB", .max = "1 GB",
		.doc = "What may wait for one client; with more its session ends."),
	TCT_OPT_BOOL(struct server_config, io_uring, .global = 1, .def = "true",
		.doc = "Send to many clients with one system call, where the kernel can."),
	TCT_OPT_INT(struct server_config, sessions_per_account, .global = 1, .def = "20",
		.min = "1", .max = "100000", .doc = "Resources of one account at once."),
	TCT_OPT_STRINGS(struct server_config, dns_servers, .global = 1,
		.doc = "Name servers that are asked, \"ADDRESS\" or \"ADDRESS@PORT\"; they have to "
		       "pass on the signatures of DNSSEC. None: those of /etc/resolv.conf."),
	TCT_OPT_BOOL(struct server_config, dns_dnssec, .global = 1, .def = "true",
		.doc = "Validate what DNS says where the zone is signed."),
	TCT_OPT_PATH(struct server_config, dns_trust_anchor, .global = 1, .def = DNS_ANCHOR,
		.doc = "File of the keys that validation begins with: DS or DNSKEY records."),
	TCT_OPT_PERIOD(struct server_config, dns_timeout, .global = 1, .def = "15 s",
		.min = "1 s", .max = "5 minutes", .doc = "How long one answer is waited for."),
	TCT_OPT_END
};

/* What a server is made of; modules_disabled takes single ones out, and what needs them. */
static const struct {
	const char *name, *needs;
} usual[] = { { "c2s", NULL }, { "tls", NULL }, { "saslauth", NULL }, { "sasl2", NULL },
	{ "auth_internal_hashed", NULL }, { "bind", NULL }, { "roster", NULL },
	{ "presence", NULL }, { "message", NULL }, { "iq", NULL }, { "disco", NULL },
	{ "s2s", NULL }, { "s2s_secure", "s2s" }, { "dialback", "s2s" } };

/* What core takes from the group of a host, or else from the top level. */
static const struct tct_option host_options[] = {
	TCT_OPT_STRINGS(struct server_config, admins, .global = 1, .doc = "As at the top level."),
	TCT_OPT_END
};

static void read_admins(struct server_plan *plan, config_setting_t *group)
{
	struct option_source source = { "tercet", plan->conf->folder, group, conf_root(plan->conf) };
	struct server_config config = { 0 };
	size_t count = 0;
	const char **list;

	if (!option_parse(host_options, sizeof *host_options, &source, &plan->arena, &config,
		    &plan->problems, NULL))
		return;
	while (config.admins[count] != NULL)
		count++;
	list = arena_zalloc(&plan->arena, (count + 1) * sizeof *list);
	for (size_t i = 0; i < count; i++) {
		const struct tct_jid *jid = tct_jid_new(config.admins[i]);

		if (jid == NULL || tct_jid_node(jid) == NULL || tct_jid_resource(jid) != NULL)
			conf_problem(&plan->problems, group,
				"admins: \"%s\" is not a bare address (write \"you@example.org\")",
				config.admins[i]);
		else
			list[i] = arena_strdup(&plan->arena, tct_jid_text(jid));
		tct_jid_unref(jid);
	}
	vec_push(&plan->admins, list);
}

/* Hosts without accounts belong to the module whose name is their type. */
static const char *const types[] = { "accounts", "component", NULL };

/* NULL: accounts. */
static const char *read_type(struct server_plan *plan, config_setting_t *group)
{
	config_setting_t *at = config_setting_get_member(group, "type");
	const char *type = at != NULL ? config_setting_get_string(at) : types[0], *near;

	for (size_t i = 0; type != NULL && types[i] != NULL; i++) {
		if (strcmp(types[i], type) == 0)
			return i > 0 ? types[i] : NULL;
	}
	near = type != NULL ? conf_nearest(type, types) : NULL;
	conf_problem(&plan->problems, at, "hosts: type: write \"accounts\" or \"component\"%s%s%s",
		near != NULL ? " (did you mean '" : "", near != NULL ? near : "",
		near != NULL ? "'?)" : "");
	return NULL;
}

/* The prepared name of a host, which is the plan's; NULL: a problem. */
static const char *read_name(struct server_plan *plan, config_setting_t *group)
{
	const char *name = NULL, *copy;
	char *prepared;

	if (!config_setting_is_group(group) ||
		config_setting_lookup_string(group, "name", &name) != CONFIG_TRUE) {
		conf_problem(&plan->problems, group,
			"hosts: every host is a group with a name: { name = \"example.org\"; }");
		return NULL;
	}
	prepared = jid_prepare_domain(name);
	if (prepared == NULL) {
		conf_problem(&plan->problems, group, "hosts: \"%s\" is not a host name", name);
		return NULL;
	}
	for (size_t k = 0; k < plan->names.count; k++) {
		if (strcmp(plan->names.items[k], prepared) == 0)
			conf_problem(&plan->problems, group, "hosts: \"%s\" is there twice", name);
	}
	copy = arena_strdup(&plan->arena, prepared);
	vec_push(&plan->names, copy);
	free(prepared);
	return copy;
}

static void read_hosts(struct server_plan *plan)
{
	config_setting_t *list = config_setting_get_member(conf_root(plan->conf), "hosts");

	if (list == NULL || !config_setting_is_list(list) || config_setting_length(list) == 0) {
		conf_problem(&plan->problems, list,
			"hosts: write a list of groups: hosts = ( { name = \"example.org\"; } );");
		return;
	}
	for (int i = 0; i < config_setting_length(list); i++) {
		config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		const char *name = read_name(plan, group), *type;

		if (name == NULL)
			continue;
		type = read_type(plan, group);
		if (type != NULL) {
			vec_push(&plan->types, type);
			continue;
		}
		vec_push(&plan->hosts, name);
		vec_push(&plan->groups, group);
		read_admins(plan, group);
	}
	if (plan->hosts.count == 0 && plan->problems.texts.count == 0)
		conf_problem(&plan->problems, list, "hosts: none of them has accounts");
}

struct dns_config server_dns(const struct server_config *c)
{
	return (struct dns_config){ .servers = c->dns_servers, .dnssec = c->dns_dnssec,
		.anchor = c->dns_trust_anchor, .timeout = c->dns_timeout };
}

static void check_dns(struct server_plan *plan)
{
	struct dns_config dns = server_dns(&plan->config);
	struct tct_error err = { 0 };
	const char *text = tct_error_text(&err);
	char option[32];

	if (dns_check(&dns, &err) == TCT_OK)
		return;
	snprintf(option, sizeof option, "%.*s", (int)strcspn(text, ":"), text);
	conf_problem(&plan->problems, config_setting_get_member(conf_root(plan->conf), option),
		"%s", text);
}

static void add_compiled_path(struct server_plan *plan)
{
	const char *const *given = plan->config.module_path;
	const char **path;
	size_t count = 0;

	while (given[count] != NULL)
		count++;
	path = arena_zalloc(&plan->arena, (count + 2) * sizeof *path);
	memcpy(path, given, count * sizeof *path);
	path[count] = TERCET_MODULEDIR;
	plan->config.module_path = path;
}

bool server_plan_read(struct server_plan *plan, const char *path)
{
	struct option_source source = { .name = "tercet" };

	memset(plan, 0, sizeof *plan);
	plan->conf = conf_load(path, &plan->problems);
	if (plan->conf == NULL)
		return false;
	source.folder = plan->conf->folder;
	source.top = conf_root(plan->conf);
	if (option_parse(options, sizeof *options, &source, &plan->arena, &plan->config,
		    &plan->problems, NULL)) {
		add_compiled_path(plan);
		check_dns(plan);
	}
	read_hosts(plan);
	return plan->problems.texts.count == 0;
}

void server_plan_fini(struct server_plan *plan)
{
	conf_problems_fini(&plan->problems);
	vec_fini(&plan->names);
	vec_fini(&plan->types);
	vec_fini(&plan->hosts);
	vec_fini(&plan->groups);
	vec_fini(&plan->admins);
	conf_free(plan->conf);
	arena_fini(&plan->arena);
}

static bool in_setting(const config_setting_t *list, const char *name)
{
	for (int i = 0; list != NULL && i < config_setting_length(list); i++) {
		const char *item = config_setting_get_string_elem(list, i);

		if (item != NULL && strcmp(item, name) == 0)
			return true;
	}
	return false;
}

static bool in_list(const char *const *list, const char *name)
{
	for (; *list != NULL; list++) {
		if (strcmp(*list, name) == 0)
			return true;
	}
	return false;
}

void server_plan_wanted(struct server_plan *plan, int i, struct module_host *h)
{
	const char *const *disabled = plan->config.modules_disabled;
	config_setting_t *list;

	vec_fini(&h->wanted);
	if (i < 0) {
		for (size_t u = 0; u < sizeof usual / sizeof *usual; u++) {
			if (!in_list(disabled, usual[u].name) &&
				(usual[u].needs == NULL || !in_list(disabled, usual[u].needs)))
				vec_push(&h->wanted, usual[u].name);
		}
		for (const char *const *m = plan->config.modules; *m != NULL; m++) {
			if (!in_list(disabled, *m))
				vec_push(&h->wanted, *m);
		}
		/* What serves a host is wanted by it. */
		for (size_t k = 0; k < plan->types.count; k++)
			vec_push(&h->wanted, plan->types.items[k]);
		return;
	}
	h->conf = plan->groups.items[i];
	list = config_setting_get_member(h->conf, "modules_disabled");
	vec_fini(&h->unwanted);
	for (int k = 0; list != NULL && k < config_setting_length(list); k++) {
		const char *name = config_setting_get_string_elem(list, k);

		if (name == NULL)
			conf_problem(&plan->problems, list, "modules_disabled: every item is a string");
		else
			vec_push(&h->unwanted, name);
	}
	list = config_setting_get_member(h->conf, "modules");
	for (int k = 0; list != NULL && k < config_setting_length(list); k++) {
		const char *name = config_setting_get_string_elem(list, k);

		if (name == NULL)
			conf_problem(&plan->problems, list, "modules: every item is a string");
		else if (!in_setting(config_setting_get_member(h->conf, "modules_disabled"), name))
			vec_push(&h->wanted, name);
	}
}

/* ---- names that nobody knows ---- */

struct names {
	VEC(const char *) list;
};

static void add_table(struct names *n, const struct tct_option *table, uint32_t stride)
{
	struct tct_option o;

	for (size_t i = 0; option_at(table, stride, i, &o); i++) {
		if (o.global)
			vec_push(&n->list, o.name);
	}
}

static void add_modules(struct names *n, const struct module_host *h)
{
	for (size_t i = 0; i < h->planned.count; i++) {
		const struct tct_mod *m = h->planned.items[i];

		vec_push(&n->list, m->name);
		add_table(n, m->info->options, m->info->option_size);
	}
}

static void check_names(struct server_plan *plan, config_setting_t *group, struct names *n)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		config_setting_t *c = config_setting_get_elem(group, (unsigned)i);
		const char *near;

		if (in_list(n->list.items, config_setting_name(c)))
			continue;
		near = conf_nearest(config_setting_name(c), n->list.items);
		if (near != NULL)
			conf_problem(&plan->problems, c,
				"%s: no such option or module (did you mean '%s'?)",
				config_setting_name(c), near);
		else
			conf_problem(&plan->problems, c,
				"%s: no such option, and no module of that name is loaded",
				config_setting_name(c));
	}
	vec_fini(&n->list);
}

void server_plan_unknown(struct server_plan *plan, struct module_host **hosts, size_t count)
{
	struct names n = { 0 };

	add_table(&n, options, sizeof *options);
	vec_push(&n.list, "hosts");
	for (size_t i = 0; i < count; i++)
		add_modules(&n, hosts[i]);
	vec_push(&n.list, NULL);
	check_names(plan, conf_root(plan->conf), &n);
	for (size_t i = 1; i < count; i++) {
		if (hosts[i]->conf == NULL)
			continue;
		vec_push(&n.list, "name");
		vec_push(&n.list, "type");
		vec_push(&n.list, "modules");
		vec_push(&n.list, "modules_disabled");
		add_table(&n, host_options, sizeof *host_options);
		add_modules(&n, hosts[0]);
		add_modules(&n, hosts[i]);
		vec_push(&n.list, NULL);
		check_names(plan, hosts[i]->conf, &n);
	}
}

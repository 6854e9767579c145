/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* module.c - see module.h. */
#include "core/mod/module.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/conf/option.h"
#include "core/mod/hook.h"
#include "core/mod/so.h"

#include "config.h"

#include <stdlib.h>
#include <string.h>

static uint32_t next_rank = 1;

static const char *where_of(const struct module_host *h)
{
	return h->name != NULL ? h->name : "all hosts";
}

/* ---- one instance ---- */

static void mod_free(struct tct_mod *m)
{
	arena_fini(&m->config_arena);
	free(m->data);
	free(m->print);
	free(m->problem);
	so_unref(m->so);
	free(m);
}

void mod_load_failed(struct tct_mod *m, int code, const char *fmt, ...)
{
	struct str text = { 0 };
	va_list ap;

	(void)code;
	va_start(ap, fmt);
	str_vprintf(&text, fmt, ap);
	va_end(ap);
	if (m->problem == NULL)
		m->problem = str_take(&text);
	str_fini(&text);
}

/* The options of an instance; false: problems. */
static bool parse_options(struct tct_mod *m, struct module_plan *plan, struct module_host *h)
{
	const struct tct_module_info *info = m->info;
	struct option_source source = { m->name, plan->conf->folder, h->conf,
		conf_root(plan->conf) };
	struct tct_error err;
	struct str print = { 0 };
	bool ok;

	if (info->options == NULL)
		return true;
	arena_init(&m->config_arena);
	m->config = arena_zalloc(&m->config_arena, info->config_size + 1);
	ok = option_parse(info->options, info->option_size, &source, &m->config_arena, m->config,
		plan->problems, &print);
	m->print = str_take(&print);
	error_clear(&err);
	if (ok && info->check != NULL && info->check(m->config, &err) != TCT_OK) {
		conf_problem(plan->problems, NULL, "module '%s': %s", m->name,
			tct_error_text(&err));
		ok = false;
	}
	return ok;
}

static struct tct_mod *find_in(struct tct_mod *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i]->name, name) == 0)
			return list[i];
	}
	return NULL;
}

struct tct_mod *module_find(const struct module_host *h, const char *name)
{
	return find_in(h->instances.items, h->instances.count, name);
}

/* Plans one instance; `so` is taken. */
static bool plan_instance(struct module_plan *plan, struct module_host *h, struct module_so *so)
{
	struct tct_mod *m;

	if (find_in(h->planned.items, h->planned.count, so->name) != NULL) {
		so_unref(so); /* listed twice */
		return true;
	}
	m = mem_zalloc(sizeof *m);
	m->info = &so->info;
	m->so = so;
	m->name = so->name;
	m->host_name = h->name;
	m->host = h->host;
	m->host_jid = h->jid;
	m->hooks = h->hooks;
	vec_push(&h->planned, m);
	return parse_options(m, plan, h);
}

/* ---- dependencies ---- */

/* "@auth" is provided by a module called auth, or auth_ and anything. */
static bool provides(const char *module, const char *service)
{
	size_t len = strlen(service);

	return strncmp(module, service, len) == 0 && (module[len] == '\0' || module[len] == '_');
}

static bool satisfies(const struct tct_mod *m, const char *dependency)
{
	if (*dependency == '?')
		dependency++;
	return *dependency == '@' ? provides(m->name, dependency + 1) :
				    strcmp(m->name, dependency) == 0;
}

static struct tct_mod *find_dependency(const struct module_host *h, const char *dependency)
{
	for (size_t i = 0; i < h->planned.count; i++) {
		if (satisfies(h->planned.items[i], dependency))
			return h->planned.items[i];
	}
	return NULL;
}

static bool check_dependencies(struct module_plan *plan, struct module_host *h)
{
	bool ok = true;

	for (size_t i = 0; i < h->planned.count; i++) {
		const struct tct_mod *m = h->planned.items[i];
		const char *const *d = m->info->depends;

		for (; d != NULL && *d != NULL; d++) {
			if (**d == '?' || find_dependency(h, *d) != NULL ||
				find_dependency(plan->hosts[0], *d) != NULL)
				continue;
			if (**d == '@')
				conf_problem(plan->problems, NULL,
					"module '%s' on %s needs a module that provides '%s' "
					"(its name is '%s' or begins with '%s_'): add one to modules",
					m->name, where_of(h), *d + 1, *d + 1, *d + 1);
			else
				conf_problem(plan->problems, NULL,
					"module '%s' on %s needs module '%s': add \"%s\" to modules",
					m->name, where_of(h), *d, *d);
			ok = false;
		}
	}
	return ok;
}

/* A depth-first walk that puts an instance behind what it needs. */
struct sorting {
	struct module_plan *plan;
	struct module_host *host;
	VEC(struct tct_mod *) done, open;
	bool cycle;
};

static void report_cycle(struct sorting *s, const struct tct_mod *again)
{
	struct str chain = { 0 };
	size_t i = 0;

	while (s->open.items[i] != again)
		i++;
	for (; i < s->open.count; i++)
		str_printf(&chain, "'%s' needs ", s->open.items[i]->name);
	conf_problem(s->plan->problems, NULL, "modules need each other in a circle: %s'%s'",
		str_text(&chain), again->name);
	str_fini(&chain);
	s->cycle = true;
}

static void visit(struct sorting *s, struct tct_mod *m)
{
	const char *const *d = m->info->depends;

	if (s->cycle || find_in(s->done.items, s->done.count, m->name) != NULL)
		return;
	if (find_in(s->open.items, s->open.count, m->name) != NULL) {
		report_cycle(s, m);
		return;
	}
	vec_push(&s->open, m);
	for (; d != NULL && *d != NULL; d++) {
		struct tct_mod *needed = find_dependency(s->host, *d);

		if (needed != NULL && needed != m)
			visit(s, needed);
	}
	s->open.count--;
	vec_push(&s->done, m);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct tct_mod *const *)a)->name, (*(struct tct_mod *const *)b)->name);
}

static bool sort_planned(struct module_plan *plan, struct module_host *h)
{
	struct sorting s = { .plan = plan, .host = h };

	if (h->planned.count == 0)
		return true;
	/* Ties in order of the names: the same on every start. */
	qsort(h->planned.items, h->planned.count, sizeof *h->planned.items, by_name);
	/* Whoever opens a store while it loads finds the host's own. */
	for (size_t i = 0; i < h->planned.count; i++) {
		if (provides(h->planned.items[i]->name, "storage"))
			visit(&s, h->planned.items[i]);
	}
	for (size_t i = 0; i < h->planned.count; i++)
		visit(&s, h->planned.items[i]);
	if (!s.cycle)
		memcpy(h->planned.items, s.done.items,
			h->planned.count * sizeof *h->planned.items);
	vec_fini(&s.done);
	vec_fini(&s.open);
	return !s.cycle;
}

/* ---- planning ---- */

static struct module_so *open_named(struct module_plan *plan, const char *name)
{
	struct tct_error err;
	struct module_so *so;

	error_clear(&err);
	so = so_open(name, plan->path, plan->version, &err);
	if (so == NULL)
		conf_problem(plan->problems, NULL, "modules: %s", tct_error_text(&err));
	return so;
}

static bool unwanted(const struct module_host *h, const char *name)
{
	for (size_t i = 0; i < h->unwanted.count; i++) {
		if (strcmp(h->unwanted.items[i], name) == 0)
			return true;
	}
	return false;
}

static bool plan_global(struct module_plan *plan, const char *name)
{
	struct module_so *so = open_named(plan, name);
	bool ok = true;

	if (so == NULL)
		return false;
	if ((so->info.flags & TCT_GLOBAL) != 0)
		return plan_instance(plan, plan->hosts[0], so);
	for (size_t i = 1; i < plan->host_count; i++) {
		if (unwanted(plan->hosts[i], name))
			continue;
		so->refs++;
		ok &= plan_instance(plan, plan->hosts[i], so);
	}
	so_unref(so);
	return ok;
}

static bool plan_on_host(struct module_plan *plan, struct module_host *h, const char *name)
{
	struct module_so *so = open_named(plan, name);

	if (so == NULL)
		return false;
	if ((so->info.flags & TCT_GLOBAL) == 0)
		return plan_instance(plan, h, so);
	conf_problem(plan->problems, h->conf,
		"module '%s' serves the whole server: list it in modules at the top level", name);
	so_unref(so);
	return false;
}

static void drop_planned(struct module_host *h)
{
	for (size_t i = 0; i < h->planned.count; i++)
		mod_free(h->planned.items[i]);
	vec_fini(&h->planned);
}

bool modules_plan(struct module_plan *plan)
{
	struct module_host *global = plan->hosts[0];
	bool ok = true;

	for (size_t i = 0; i < global->wanted.count; i++)
		ok &= plan_global(plan, global->wanted.items[i]);
	for (size_t i = 1; i < plan->host_count; i++) {
		struct module_host *h = plan->hosts[i];

		for (size_t k = 0; k < h->wanted.count; k++)
			ok &= plan_on_host(plan, h, h->wanted.items[k]);
	}
	/* What could not be opened would be missed by others: one problem is enough. */
	for (size_t i = 0; ok && i < plan->host_count; i++) {
		ok &= check_dependencies(plan, plan->hosts[i]);
		ok &= sort_planned(plan, plan->hosts[i]);
	}
	if (!ok)
		modules_forget(plan);
	return ok;
}

void modules_forget(struct module_plan *plan)
{
	for (size_t i = 0; i < plan->host_count; i++)
		drop_planned(plan->hosts[i]);
}

/* ---- starting and ending ---- */

static bool start(struct tct_mod *m, struct module_plan *plan)
{
	struct tct_error err;
	int status = TCT_OK;

	m->rank = next_rank++;
	scope_init(&m->scope, m);
	m->data = m->info->data_size > 0 ? mem_zalloc(m->info->data_size) : NULL;
	error_clear(&err);
	if (m->info->load != NULL) {
		mod_enter(m);
		status = m->info->load(m, &err);
		mod_leave(m);
	}
	if (status == TCT_OK && m->problem == NULL) {
		m->running = true;
		return true;
	}
	conf_problem(plan->problems, NULL, "module '%s' on %s does not load: %s", m->name,
		m->host_name != NULL ? m->host_name : "all hosts",
		m->problem != NULL	       ? m->problem :
		*tct_error_text(&err) != '\0' ? tct_error_text(&err) :
						tct_code_text(status));
	m->ending = true;
	scope_end(&m->scope);
	return false;
}

static void end(struct tct_mod *m)
{
	tct_assert(m->depth == 0);
	m->ending = true;
	if (m->info->unload != NULL)
		m->info->unload(m);
	scope_end(&m->scope);
	mod_free(m);
}

/* Ends the i-th instance. */
static void end_at(struct module_host *h, size_t i)
{
	struct tct_mod *m = h->instances.items[i];

	vec_remove(&h->instances, i);
	end(m);
}

static bool start_planned(struct module_host *h, struct module_plan *plan)
{
	bool ok = true;

	for (size_t i = 0; i < h->planned.count; i++) {
		struct tct_mod *m = h->planned.items[i];

		if (ok && start(m, plan)) {
			vec_push(&h->instances, m);
			continue;
		}
		ok = false;
		mod_free(m);
	}
	vec_fini(&h->planned);
	return ok;
}

/* ---- reload ---- */

static bool needs(const struct tct_mod *m, const struct tct_mod *other)
{
	const char *const *d = m->info->depends;

	if (other->host != NULL && other->host != m->host)
		return false;
	for (; d != NULL && *d != NULL; d++) {
		if (satisfies(other, *d))
			return true;
	}
	return false;
}

static bool same_print(const struct tct_mod *a, const struct tct_mod *b)
{
	return strcmp(a->print != NULL ? a->print : "", b->print != NULL ? b->print : "") == 0;
}

/* True when it goes on with other options. */
static bool takes_options(const struct tct_mod *m)
{
	return m->info->reconfigure != NULL || (m->info->flags & TCT_LIVE_OPTIONS) != 0;
}

/* The new options go into the running instance. */
static bool reconfigure(struct tct_mod *m, struct tct_mod *new, struct module_plan *plan)
{
	struct arena old_arena = m->config_arena;
	void *old = m->config;
	struct tct_error err;
	int status = TCT_OK;

	m->config = new->config;
	m->config_arena = new->config_arena;
	error_clear(&err);
	if (m->info->reconfigure != NULL) {
		mod_enter(m);
		status = m->info->reconfigure(m, old, &err);
		mod_leave(m);
	}
	if (status != TCT_OK) {
		m->config = old;
		m->config_arena = old_arena;
		m->ending = status == TCT_EBUSY;
		if (m->ending)
			return true;
		conf_problem(plan->problems, NULL, "module '%s' keeps its old options: %s",
			m->name, tct_error_text(&err));
		return false;
	}
	free(m->print);
	m->print = new->print;
	new->print = NULL;
	new->config = old;
	new->config_arena = old_arena;
	hook_disco_changed();
	return true;
}

/* Marks `ending` on what goes or restarts; what stays loses its planned twin. */
static bool decide(struct module_host *h, struct module_plan *plan)
{
	bool ok = true;

	for (size_t i = 0; i < h->instances.count; i++) {
		struct tct_mod *m = h->instances.items[i];
		struct tct_mod *new = find_in(h->planned.items, h->planned.count, m->name);

		if (new == NULL)
			m->ending = true;
		else if (same_print(m, new))
			continue;
		else if (!takes_options(m))
			m->ending = true;
		else
			ok &= reconfigure(m, new, plan);
	}
	return ok;
}

/* True when something that ends is needed by `m`. */
static bool needs_ending(const struct module_plan *plan, const struct tct_mod *m)
{
	for (size_t i = 0; i < plan->host_count; i++) {
		const struct module_host *h = plan->hosts[i];

		for (size_t k = 0; k < h->instances.count; k++) {
			if (h->instances.items[k]->ending && needs(m, h->instances.items[k]))
				return true;
		}
	}
	return false;
}

/* What needs something that ends, ends too, until nothing changes. */
static void spread(const struct module_plan *plan)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < plan->host_count; i++) {
			struct module_host *h = plan->hosts[i];

			for (size_t k = 0; k < h->instances.count; k++) {
				struct tct_mod *m = h->instances.items[k];

				if (!m->ending && needs_ending(plan, m))
					m->ending = more = true;
			}
		}
	}
}

static void drop_kept(struct module_host *h)
{
	for (size_t i = h->planned.count; i > 0; i--) {
		struct tct_mod *new = h->planned.items[i - 1];

		if (module_find(h, new->name) == NULL)
			continue;
		vec_remove(&h->planned, i - 1);
		mod_free(new);
	}
}

bool modules_apply(struct module_plan *plan)
{
	VEC(struct tct_mod *) new = { 0 };
	bool ok = true;

	for (size_t i = 0; i < plan->host_count; i++)
		ok &= decide(plan->hosts[i], plan);
	spread(plan);
	for (size_t i = plan->host_count; i > 0; i--) {
		struct module_host *h = plan->hosts[i - 1];

		for (size_t k = h->instances.count; k > 0; k--) {
			if (h->instances.items[k - 1]->ending)
				end_at(h, k - 1);
		}
	}
	for (size_t i = 0; i < plan->host_count; i++) {
		drop_kept(plan->hosts[i]);
		for (size_t k = 0; k < plan->hosts[i]->planned.count; k++)
			vec_push(&new, plan->hosts[i]->planned.items[k]);
	}
	for (size_t i = 0; i < plan->host_count; i++) {
		if (ok)
			ok &= start_planned(plan->hosts[i], plan);
		else
			drop_planned(plan->hosts[i]);
	}
	for (size_t i = 0; ok && i < new.count; i++) {
		if (new.items[i]->info->ready == NULL)
			continue;
		mod_enter(new.items[i]);
		new.items[i]->info->ready(new.items[i]);
		mod_leave(new.items[i]);
	}
	vec_fini(&new);
	return ok;
}

void modules_stop(struct module_host **hosts, size_t count)
{
	for (size_t i = count; i > 0; i--) {
		struct module_host *h = hosts[i - 1];

		while (h->instances.count > 0)
			end_at(h, h->instances.count - 1);
		vec_fini(&h->instances);
		drop_planned(h);
		vec_fini(&h->wanted);
	}
}

int module_describe(const char *name, const char *const *path, bool mdoc, struct str *out,
	struct tct_error *err)
{
	struct module_so *so = so_open(name, path, PACKAGE_VERSION, err);

	if (so == NULL)
		return TCT_ENOENT;
	if (so->info.options != NULL)
		option_describe(so->info.options, so->info.option_size, mdoc, out);
	so_unref(so);
	return TCT_OK;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* server.c - see server.h: the order of start and stop, reload, signals. */
#include "core/server/server.h"

#include "core/base/budget.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/conf/option.h"
#include "core/loop/job.h"
#include "core/loop/loop.h"
#include "core/loop/signal.h"
#include "core/mod/module.h"
#include "core/mod/service.h"
#include "core/net/conn.h"
#include "core/net/sends.h"
#include "core/net/tls.h"
#include "core/server/control.h"
#include "core/server/entity.h"
#include "core/server/host.h"
#include "core/server/listener.h"
#include "core/server/notify.h"
#include "core/server/outlet.h"
#include "core/server/pipe.h"
#include "core/server/restore.h"
#include "core/server/router.h"
#include "core/server/session.h"
#include "core/server/stream.h"
#include "core/server/turn.h"
#include "core/store/store.h"
#include "core/store/txn.h"
#include "core/xml/parse.h"
#include "core/xmpp/jid.h"

#include <tercet/internal/server.h>
#include <tercet/storage.h>

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define STOP_TURNS_MS 1500 /* for clients to hear of the end */

static struct module_host global;
static char *config_path, *state_dir;
static int64_t started;
static bool offline, stopping;
static struct tct_scope scope; /* of the server's own timers */

int64_t server_started(void)
{
	return started;
}

const char *server_state_dir(void)
{
	return state_dir;
}

struct tct_scope *server_scope(void)
{
	return &scope;
}

const char *server_config_path(void)
{
	return config_path;
}

const char *tct_state_dir(void)
{
	return state_dir;
}

/* ---- hosts and modules ---- */

/* All sets, the global one first; the caller frees the array. */
static struct module_host **all_hosts(size_t *count)
{
	VEC(struct module_host *) v = { 0 };

	vec_push(&v, &global);
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h))
		vec_push(&v, &h->mh);
	*count = v.count;
	return v.items;
}

static void add_host(const char *name)
{
	struct tct_host *h = host_new(name);

	h->mh.name = h->name;
	h->mh.host = h;
	h->mh.jid = h->jid;
	h->mh.hooks = &h->hooks;
}

static int index_of(const struct server_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->hosts.count; i++) {
		if (strcmp(plan->hosts.items[i], name) == 0)
			return (int)i;
	}
	return -1;
}

static void forget_wanted(struct module_host *h)
{
	vec_fini(&h->wanted);
	vec_fini(&h->unwanted);
}

/* Makes the hosts of the plan, and says which modules each wants. */
static void prepare_hosts(struct server_plan *plan)
{
	for (size_t i = 0; i < plan->hosts.count; i++) {
		if (host_find(span_of(plan->hosts.items[i])) == NULL)
			add_host(plan->hosts.items[i]);
	}
	server_plan_wanted(plan, -1, &global);
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h)) {
		int i = index_of(plan, h->name);

		if (i >= 0)
			server_plan_wanted(plan, i, &h->mh);
		else
			forget_wanted(&h->mh);
		h->removed = i < 0;
	}
}

static void forget_conf(struct module_host **hosts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hosts[i]->conf = NULL;
		forget_wanted(hosts[i]);
	}
}

/* Plans, and with `apply` starts and ends instances. False: problems are in the plan. */
static bool run_modules(struct server_plan *plan, bool apply)
{
	size_t count;
	struct module_host **hosts;
	struct module_plan mp = { .path = plan->config.module_path, .version = PACKAGE_VERSION,
		.conf = plan->conf, .problems = &plan->problems };
	bool ok;

	prepare_hosts(plan);
	hosts = all_hosts(&count);
	mp.hosts = hosts;
	mp.host_count = count;
	ok = modules_plan(&mp);
	if (ok) {
		server_plan_unknown(plan, hosts, count);
		ok = plan->problems.texts.count == 0;
	}
	if (ok && apply)
		ok = modules_apply(&mp);
	else
		modules_forget(&mp);
	forget_conf(hosts, count);
	free(hosts);
	return ok;
}

static void close_session(struct tct_session *s, void *data)
{
	(void)data;
	tct_session_close(s, "host-gone", NULL);
}

/* `plan` NULL: one that is not in force. */
static void refresh_hosts(const struct server_plan *plan)
{
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h)) {
		size_t at = 0;
		void *value;

		host_refresh(h);
		if (plan != NULL && !h->removed)
			host_set_admins(h, plan->admins.items[index_of(plan, h->name)]);
		while (h->removed && map_next(&h->entities, &at, NULL, &value))
			tct_entity_sessions(value, close_session, NULL);
		/* Read before anybody asks: a ping must not wait for the disk. */
		if (!h->removed && !offline)
			entity_ready(h->self);
	}
}

/* ---- the end of each turn ---- */

/* Near the limit of memory: accounts that nobody uses go first, then what is left for
 * connections that end, then the largest queue. */
static void relieve(void)
{
	struct tct_session *s;

	if (budget_pressure() >= BUDGET_HIGH)
		entities_evict(budget_limit() / 100);
	if (budget_pressure() < BUDGET_FULL || streams_cut_ending())
		return;
	s = session_largest();
	if (s == NULL)
		return;
	log_warn("memory is short: the session of \"%s\" ends, %zu bytes wait for it",
		tct_jid_text(s->jid), session_waiting(s));
	/* A client that does not take what is before it would not get the error either. */
	if (session_unsent(s) > 0)
		conn_abort(s->stream->conn);
	tct_session_close(s, "resource-constraint", NULL);
}

static void turn_end(void)
{
	turn_run();
	txn_turn_end();
	streams_unthrottle();
	pipes_flush();
	outlets_flush();
	conns_flush();
	pipes_settle();
	if (budget_pressure() > BUDGET_LOW)
		relieve();
	mem_large_pages();
}

static void route_late(struct tct_mod *m, struct tct_stanza *st)
{
	router_route(m, NULL, st, TCT_NEW);
}

/* ---- configuration of core itself ---- */

static char *prepare_jid(const char *text)
{
	const struct tct_jid *jid = tct_jid_new(text);
	char *copy = jid != NULL ? mem_strdup(tct_jid_text(jid)) : NULL;

	tct_jid_unref(jid);
	return copy;
}

static int open_log(const struct server_config *c, struct tct_error *err)
{
	log_set_level(c->log_level);
	if (strcmp(c->log, "stderr") == 0)
		return log_open(LOG_STDERR, NULL, err);
	if (strcmp(c->log, "syslog") == 0)
		return log_open(LOG_SYSLOG, NULL, err);
	return log_open(LOG_FILE, c->log, err);
}

static void apply_limits(const struct server_config *c)
{
	struct session_limits *limits = session_limits();
	struct dns_config dns = server_dns(c);

	limits->per_account = (uint32_t)c->sessions_per_account;
	limits->queue_bytes = (size_t)c->output_queue;
	budget_init((size_t)c->memory_limit);
	entities_init((size_t)c->entity_cache);
	sends_allow_ring(c->io_uring);
	dns_configure(&dns);
}

static int make_state_dir(struct tct_error *err)
{
	struct stat st;

	if (mkdir(state_dir, 0700) != 0 && errno != EEXIST)
		return tct_error_set(err, TCT_EIO, "cannot make the state folder \"%s\" (%s)",
			state_dir, strerror(errno));
	if (stat(state_dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return tct_error_set(err, TCT_EIO, "\"%s\" is no folder", state_dir);
	if ((st.st_mode & S_IRWXO) != 0)
		return tct_error_set(err, TCT_EPERM,
			"the state folder \"%s\" is open to everybody (mode %04o): run "
			"chmod 0700 on it",
			state_dir, st.st_mode & 07777);
	return TCT_OK;
}

/* Ports as they are, for whoever asked for free ones. */
static void write_ports(void)
{
	struct str text = { 0 }, path = { 0 };
	FILE *f;

	listeners_describe(&text);
	str_printf(&path, "%s/ports", state_dir);
	f = fopen(str_text(&path), "we");
	if (f != NULL) {
		fputs(str_text(&text), f);
		fclose(f);
	}
	str_fini(&text);
	str_fini(&path);
}

static void raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* ---- reload ---- */

struct reload {
	tcti_reload_fn *fn;
	void *data;
};

static void reload_now(void *data)
{
	struct reload *r = data;
	struct server_plan plan;
	struct str text = { 0 };
	struct tct_error err;
	bool ok;

	notify_reloading();
	ok = server_plan_read(&plan, config_path) && run_modules(&plan, true);
	if (ok) {
		error_clear(&err);
		apply_limits(&plan.config);
		ok = open_log(&plan.config, &err) == TCT_OK;
		if (!ok)
			str_append(&text, tct_error_text(&err));
	} else {
		conf_problems_text(&plan.problems, &text);
	}
	refresh_hosts(ok ? &plan : NULL);
	if (ok) {
		str_append(&text, "the configuration was read again");
		log_notice("%s", str_text(&text));
	} else {
		log_error("reload: %s", str_text(&text));
	}
	if (r->fn != NULL)
		r->fn(ok ? TCT_OK : TCT_EINVAL, str_text(&text), r->data);
	notify_ready();
	str_fini(&text);
	server_plan_fini(&plan);
	free(r);
}

void tcti_server_reload(tcti_reload_fn *fn, void *data)
{
	struct reload *r = mem_alloc(sizeof *r);

	*r = (struct reload){ fn, data };
	turn_call(&scope, reload_now, r);
}

/* ---- stop ---- */

static void stop_now(struct tct_scope *s, void *data)
{
	(void)s;
	(void)data;
	loop_stop();
}

static void look_whether_all_left(struct tct_scope *s, void *data)
{
	(void)s;
	(void)data;
	if (streams_count() == 0 && session_count() == session_detached_count())
		loop_stop();
}

void tcti_server_stop(void)
{
	if (stopping)
		return;
	stopping = true;
	listeners_stop();
	if (!offline)
		log_notice(restart_wanted() ? "stopping, to start again" : "stopping");
	if (restart_wanted())
		notify_reloading();
	else
		notify_stopping();
	streams_shutdown("system-shutdown", NULL);
	tct_timer_start(&scope, STOP_TURNS_MS, 0, stop_now, NULL);
	tct_timer_start(&scope, 1, 10, look_whether_all_left, NULL);
}

static void on_signal(int signum)
{
	switch (signum) {
	case SIGHUP:
		tcti_server_reload(NULL, NULL);
		break;
	case SIGUSR1:
		log_reopen();
		break;
	default:
		tcti_server_stop();
	}
}

/* What is under way comes to its end, and what follows from that. */
static void settle(void)
{
	do {
		while (!turn_empty())
			turn_end();
		env_settle();
	} while (!turn_empty());
}

static void stop_everything(void)
{
	size_t count;
	struct module_host **hosts = all_hosts(&count);
	struct tct_host *h;

	control_stop();
	streams_abort();
	conns_flush();
	while (!turn_empty())
		turn_end();
	sessions_end(false);
	while (!turn_empty())
		turn_end();
	sessions_save();
	sessions_end(true);
	settle();
	for (h = host_next(NULL); h != NULL; h = host_next(h))
		entities_stop(h);
	settle();
	turn_end();
	for (size_t i = 0; i < count; i++)
		hosts[i]->conf = NULL;
	modules_stop(hosts, count);
	free(hosts);
	while ((h = host_next(NULL)) != NULL)
		host_free(h);
	scope_end(&scope);
	listeners_fini();
	dns_stop();
	job_stop();
	conns_fini();
	signal_fini();
	turn_fini();
	loop_fini();
	tls_fini();
	parse_trim();
	arena_trim();
}

/* ---- start ---- */

static int start_base(struct tct_error *err)
{
	int status;

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal_block(); /* before anybody, a module too, starts a thread */
	raise_files();
	mem_tune();
	status = loop_init(err);
	if (status == TCT_OK)
		status = tls_init(err);
	if (status != TCT_OK)
		return status;
	/* Before any thread is made, so that none of them takes a signal. */
	signal_on(SIGTERM, on_signal);
	signal_on(SIGINT, on_signal);
	signal_on(SIGHUP, on_signal);
	signal_on(SIGUSR1, on_signal);
#ifdef TERCET_TEST_HOOKS
	signal_on(SIGUSR2, loop_clock_read);
#endif
	scope_init(&scope, NULL);
	global.hooks = hook_global();
	turn_init();
	job_init(2);
	option_set_prepare(prepare_jid, jid_prepare_domain);
	store_set_hooks(entity_written, entity_rolled_back);
	txn_set_router(route_late);
	loop_on_prepare(0, turn_end);
	return TCT_OK;
}

static int problems_to_error(struct server_plan *plan, struct tct_error *err)
{
	struct str text = { 0 };

	conf_problems_text(&plan->problems, &text);
	if (text.len >= sizeof err->text)
		fprintf(stderr, "%s\n", str_text(&text));
	tct_error_set(err, TCT_EINVAL, "%s", str_text(&text));
	str_fini(&text);
	return TCT_EINVAL;
}

static int start_configured(struct server_plan *plan, struct tct_error *err)
{
	int status;

	state_dir = mem_strdup(plan->config.state_dir);
	status = offline ? TCT_OK : open_log(&plan->config, err);
	if (status == TCT_OK)
		status = make_state_dir(err);
	if (status != TCT_OK)
		return status;
	apply_limits(&plan->config);
	if (!run_modules(plan, true))
		return problems_to_error(plan, err);
	refresh_hosts(plan);
	return TCT_OK;
}

static int run(struct server_plan *plan, struct tct_error *err)
{
	int status = start_configured(plan, err);

	if (status == TCT_OK)
		status = control_start(state_dir, err);
	if (status != TCT_OK)
		return status;
	started = tct_now();
	write_ports();
	listeners_start();
	log_notice("tercetd %s is ready", PACKAGE_VERSION);
	notify_ready();
	loop_run();
	log_notice("stopped");
	return TCT_OK;
}

int server_check(const char *config, struct str *problems)
{
	struct server_plan plan;
	struct tct_error err;
	int status;

	error_clear(&err);
	config_path = mem_strdup(config);
	offline = true;
	status = start_base(&err);
	if (status != TCT_OK) {
		str_append(problems, tct_error_text(&err));
		return status;
	}
	if (!server_plan_read(&plan, config) || !run_modules(&plan, false))
		status = TCT_EINVAL;
	conf_problems_text(&plan.problems, problems);
	stop_everything();
	server_plan_fini(&plan);
	free(config_path);
	return status;
}

bool server_plan_prepare(struct server_plan *plan, const char *config)
{
	option_set_prepare(prepare_jid, jid_prepare_domain);
	return server_plan_read(plan, config);
}

static int main_check(const char *config)
{
	struct str problems = { 0 };
	int status = server_check(config, &problems);

	if (status == TCT_OK)
		printf("%s: the configuration is good\n", config);
	else
		fprintf(stderr, "%s\n", str_text(&problems));
	str_fini(&problems);
	log_close();
	return status == TCT_OK ? 0 : 1;
}

int tcti_main(const char *config, bool check)
{
	struct tct_error err;
	struct server_plan plan;
	int status;

	if (check)
		return main_check(config);
	error_clear(&err);
	config_path = mem_strdup(config);
	status = start_base(&err);
	if (status != TCT_OK) {
		fprintf(stderr, "tercetd: %s\n", tct_error_text(&err));
		return 1;
	}
	if (!server_plan_read(&plan, config))
		status = problems_to_error(&plan, &err);
	else
		status = run(&plan, &err);
	stop_everything();
	server_plan_fini(&plan);
	if (status != TCT_OK)
		fprintf(stderr, "%s\n", tct_error_text(&err));
	log_close();
	free(config_path);
	free(state_dir);
	if (status == TCT_OK && restart_wanted())
		return restart_exec();
	return status == TCT_OK ? 0 : 1;
}

/* ---- without a server ---- */

struct tct_error *tcti_error_new(void)
{
	return mem_zalloc(sizeof(struct tct_error));
}

void tcti_error_free(struct tct_error *err)
{
	free(err);
}

char *tcti_state_folder(const char *config, struct tct_error *err)
{
	struct server_plan plan;
	char *folder = NULL;

	if (server_plan_prepare(&plan, config != NULL ? config :
							TERCET_SYSCONFDIR "/tercet/tercet.conf"))
		folder = mem_strdup(plan.config.state_dir);
	else
		problems_to_error(&plan, err);
	server_plan_fini(&plan);
	return folder;
}

struct begin {
	void (*fn)(void *data);
	void *data;
};

static void begin(void *data)
{
	struct begin *b = data;

	b->fn(b->data);
}

int tcti_offline(const char *config, void (*start)(void *data), void *data,
	struct tct_error *err)
{
	struct begin b = { start, data };
	struct server_plan plan;
	int status;

	offline = true;
	config_path = mem_strdup(config != NULL ? config : TERCET_SYSCONFDIR "/tercet/tercet.conf");
	log_set_level(TCT_LOG_WARN);
	listeners_disable();
	status = start_base(err);
	if (status != TCT_OK)
		return status;
	if (!server_plan_read(&plan, config_path))
		status = problems_to_error(&plan, err);
	else
		status = start_configured(&plan, err);
	if (status == TCT_OK) {
		turn_call(&scope, begin, &b);
		loop_run();
	} else if (strstr(tct_error_text(err), "is in use by process") != NULL) {
		status = TCT_EBUSY;
	}
	stop_everything();
	server_plan_fini(&plan);
	free(config_path);
	free(state_dir);
	return status;
}

/* ---- for the control socket ---- */

const void *tcti_host_service(struct tct_host *h, const char *service, struct tct_mod **provider)
{
	return service_find(h, service, provider);
}

static void each_module(const struct module_host *mh, tcti_module_fn *fn, void *data)
{
	for (size_t i = 0; i < mh->instances.count; i++) {
		const struct tct_mod *m = mh->instances.items[i];
		struct tcti_module_row row = { m->name, m->info->version, m->info->summary,
			m->host_name };

		fn(&row, data);
	}
}

void tcti_module_each(struct tct_host *only, tcti_module_fn *fn, void *data)
{
	if (only == NULL)
		each_module(&global, fn, data);
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h)) {
		if (only == NULL || only == h)
			each_module(&h->mh, fn, data);
	}
}

int tcti_describe(const char *config, const char *module, bool mdoc)
{
	const char *compiled[] = { TERCET_MODULEDIR, NULL };
	const char *const *path = compiled;
	struct server_plan plan;
	struct tct_error err;
	struct str out = { 0 };
	int status;

	error_clear(&err);
	option_set_prepare(prepare_jid, jid_prepare_domain);
	if (server_plan_read(&plan, config))
		path = plan.config.module_path;
	status = module_describe(module, path, mdoc, &out, &err);
	if (status == TCT_OK)
		fputs(str_text(&out), stdout);
	else
		fprintf(stderr, "tercetd: %s\n", tct_error_text(&err));
	str_fini(&out);
	server_plan_fini(&plan);
	return status == TCT_OK ? 0 : 1;
}

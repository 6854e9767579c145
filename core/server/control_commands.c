/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control_commands.c - what tercetctl can ask for: each command fills rows and answers, at
 * once or when the store has. */
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/mod/hook.h"
#include "core/server/check.h"
#include "core/server/host.h"
#include "core/server/server.h"
#include "core/store/store.h"
#include "core/xmpp/jid.h"

#include <tercet/account.h>
#include <tercet/internal/sasl.h>

#include <stdlib.h>
#include <string.h>

#define USERS_PAGE 500
#define IMPORT_BATCH 500

/* ---- finding who is meant ---- */

struct account {
	struct tct_host *host;
	const struct tct_auth_ops *ops;
	struct tct_mod *provider;
};

static bool find_auth(struct control_call *call, struct tct_host *h, struct account *a)
{
	a->host = h;
	a->ops = tcti_host_service(h, "auth", &a->provider);
	if (a->ops == NULL)
		control_answer(call, TCT_ENOENT, "no module of \"%s\" keeps accounts", h->name);
	return a->ops != NULL;
}

/* The account of the first argument; the caller unrefs the address. */
static const struct tct_jid *find_account(struct control_call *call, struct account *a)
{
	const struct tct_jid *jid = tct_jid_new(call->args[0]);
	struct tct_host *h;

	if (jid == NULL || tct_jid_node(jid) == NULL || tct_jid_resource(jid) != NULL) {
		control_answer(call, TCT_EINVAL, "\"%s\" is no address of an account (name@host)",
			call->args[0]);
		tct_jid_unref(jid);
		return NULL;
	}
	h = host_find(span_of(tct_jid_domain(jid)));
	if (h == NULL)
		control_answer(call, TCT_ENOENT, "\"%s\" is no host of this server",
			tct_jid_domain(jid));
	if (h == NULL || !find_auth(call, h, a)) {
		tct_jid_unref(jid);
		return NULL;
	}
	return jid;
}

/* The host of the optional argument: true and NULL without one. */
static bool find_host(struct control_call *call, struct tct_host **h)
{
	*h = NULL;
	if (call->arg_count == 0)
		return true;
	*h = host_find(span_of(call->args[0]));
	if (*h == NULL)
		control_answer(call, TCT_ENOENT, "\"%s\" is no host of this server",
			call->args[0]);
	return *h != NULL;
}

/* ---- accounts ---- */

static void done(struct control_call *call, int status, const char *what)
{
	const char *who = call->args[0];

	switch (status) {
	case TCT_OK:
		control_answer(call, TCT_OK, "%s %s", who, what);
		return;
	case TCT_EEXIST:
		control_answer(call, status, "there is an account %s already", who);
		return;
	case TCT_ENOENT:
		control_answer(call, status, "there is no account %s", who);
		return;
	case TCT_EINVAL:
		control_answer(call, status,
			"the name or the password is not acceptable (a password is not empty and "
			"has at most 1023 bytes)");
		return;
	default:
		control_answer(call, status, "it could not be stored (%s)", tct_code_text(status));
	}
}

static void added(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	done(data, status, "was added");
}

static void end_session(struct tct_session *s, void *data)
{
	tct_session_close(s, "not-authorized", data);
}

/* Whoever knew the old one does not stay. */
static void changed(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;
	const struct tct_jid *jid = status == TCT_OK ? tct_jid_new(call->args[0]) : NULL;
	struct tct_entity *e = jid != NULL ? tct_entity_find(host_find(span_of(tct_jid_domain(jid))),
						     tct_jid_node(jid)) :
					     NULL;

	(void)scope;
	if (e != NULL)
		tct_entity_sessions(e, end_session, (void *)"the password was changed");
	tct_jid_unref(jid);
	done(call, status, "has a new password");
}

static void deleted(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	done(data, status, "was deleted");
}

static void run_adduser(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL)
		a.ops->create(a.provider, call->scope, tct_jid_node(jid), call->input, added, call);
	tct_jid_unref(jid);
}

static void run_passwd(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL)
		a.ops->set_password(a.provider, call->scope, tct_jid_node(jid), call->input,
			changed, call);
	tct_jid_unref(jid);
}

static void run_deluser(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL)
		a.ops->remove(a.provider, call->scope, tct_jid_node(jid), deleted, call);
	tct_jid_unref(jid);
}

/* ---- devices ---- */

static bool find_devices(struct control_call *call, const struct tct_jid *jid,
	const struct tcti_devices_ops **ops, struct tct_mod **provider)
{
	*ops = tcti_host_service(host_find(span_of(tct_jid_domain(jid))), "devices", provider);
	if (*ops == NULL)
		control_answer(call, TCT_ENOENT, "no module of \"%s\" knows devices (sasl2 does)",
			tct_jid_domain(jid));
	return *ops != NULL;
}

static void add_device(const struct tcti_device_row *row, void *data)
{
	struct control_call *call = data;

	json_array_append_new(call->rows,
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:b}", "id", row->id, "software",
			row->software, "device", row->device, "first", (json_int_t)row->first,
			"last", (json_int_t)row->last, "token", row->token, "password",
			row->password));
}

static void devices_listed(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;
	size_t count = json_array_size(call->rows);

	(void)scope;
	if (status == TCT_OK)
		control_answer(call, TCT_OK, "%zu device%s", count, count == 1 ? "" : "s");
	else
		done(call, status, "");
}

static void run_devices(struct control_call *call)
{
	const struct tcti_devices_ops *ops;
	struct tct_mod *provider;
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL && find_devices(call, jid, &ops, &provider))
		ops->list(provider, call->scope, tct_jid_node(jid), add_device, devices_listed,
			call);
	tct_jid_unref(jid);
}

static void device_revoked(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;

	(void)scope;
	if (status == TCT_ENOENT)
		control_answer(call, status, "%s has no device %s", call->args[0], call->args[1]);
	else if (status == TCT_OK)
		control_answer(call, status, "the tokens of %s are gone; if it has the password it "
					     "can still log in", call->args[1]);
	else
		done(call, status, "");
}

static void run_revoke(struct control_call *call)
{
	const struct tcti_devices_ops *ops;
	struct tct_mod *provider;
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL && find_devices(call, jid, &ops, &provider))
		ops->revoke(provider, call->scope, tct_jid_node(jid), call->args[1],
			device_revoked, call);
	tct_jid_unref(jid);
}

/* ---- the life of an account ---- */

/* The service of its host; NULL: answered. */
static const struct tct_account_ops *find_life(struct control_call *call, const struct tct_jid *jid,
	struct tct_mod **provider)
{
	const struct tct_account_ops *ops = tcti_host_service(
		host_find(span_of(tct_jid_domain(jid))), "account", provider);

	if (ops == NULL)
		control_answer(call, TCT_ENOENT,
			"that needs the module \"account\" on the host %s", tct_jid_domain(jid));
	return ops;
}

static void disabled(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	done(data, status, "cannot log in any more");
}

static void enabled(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	done(data, status, "can log in");
}

static void switch_account(struct control_call *call, bool off)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);
	const struct tct_account_ops *ops;
	struct tct_mod *m;

	if (jid == NULL)
		return;
	ops = find_life(call, jid, &m);
	if (ops != NULL)
		ops->set_disabled(m, call->scope, tct_jid_node(jid), off, off ? disabled : enabled,
			call);
	tct_jid_unref(jid);
}

static void run_disable(struct control_call *call)
{
	switch_account(call, true);
}

static void run_enable(struct control_call *call)
{
	switch_account(call, false);
}

static void restored(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;

	(void)scope;
	if (status == TCT_ENOENT)
		control_answer(call, status, "%s is not to be deleted", call->args[0]);
	else
		done(call, status, "is as it was");
}

static void run_undelete(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);
	const struct tct_account_ops *ops;
	struct tct_mod *m;

	if (jid == NULL)
		return;
	ops = find_life(call, jid, &m);
	if (ops != NULL)
		ops->restore(m, call->scope, tct_jid_node(jid), restored, call);
	tct_jid_unref(jid);
}

static void show_account(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct control_call *call = data;
	struct tct_account_info info = { .size = sizeof info };
	const struct tct_account_ops *ops;
	const struct tct_auth_ops *auth;
	struct tct_mod *m, *auth_mod;
	int64_t made = 0;

	(void)scope;
	if (status != TCT_OK || !tct_entity_exists(e)) {
		done(call, status != TCT_OK ? status : TCT_ENOENT, "");
		return;
	}
	auth = tcti_host_service(tct_entity_host(e), "auth", &auth_mod);
	if (auth->created != NULL)
		made = auth->created(auth_mod, e);
	ops = tcti_host_service(tct_entity_host(e), "account", &m);
	if (ops != NULL)
		ops->info(m, e, &info);
	json_array_append_new(call->rows,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:i}", "jid", tct_jid_text(tct_entity_jid(e)),
			"created", (json_int_t)made, "last_login", (json_int_t)info.last_login,
			"last_logout", (json_int_t)info.last_logout, "deletion",
			(json_int_t)info.removal, "sessions", (int)info.online));
	control_answer(call, TCT_OK, "%s", call->args[0]);
}

static void run_account(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL)
		tct_entity_load(call->scope, host_find(span_of(tct_jid_domain(jid))),
			tct_jid_node(jid), show_account, call);
	tct_jid_unref(jid);
}

/* ---- users ---- */

struct listing {
	struct control_call *call;
	struct tct_host *host;
	bool one; /* of this host only */
	struct account account;
	size_t count;
};

static void list_host(struct listing *l);

static void list_page(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct listing *l = data;
	struct str jid = { 0 };

	if (rows->status != TCT_OK) {
		control_answer(l->call, TCT_EIO, "the store cannot be read");
		return;
	}
	for (size_t i = 0; i < rows->count; i++) {
		if (*rows->rows[i].user == '\0')
			continue; /* what belongs to the host itself */
		str_clear(&jid);
		str_printf(&jid, "%s@%s", rows->rows[i].user, l->host->name);
		json_array_append_new(l->call->rows, json_pack("{s:s}", "jid", str_text(&jid)));
		l->count++;
	}
	str_fini(&jid);
	if (rows->count == USERS_PAGE) {
		l->account.ops->users(l->account.provider, scope, rows->rows[rows->count - 1].user,
			USERS_PAGE, list_page, l);
		return;
	}
	l->host = l->one ? NULL : host_next(l->host);
	list_host(l);
}

static void list_host(struct listing *l)
{
	while (l->host != NULL) {
		l->account.ops = tcti_host_service(l->host, "auth", &l->account.provider);
		if (l->account.ops != NULL) {
			l->account.ops->users(l->account.provider, l->call->scope, NULL,
				USERS_PAGE, list_page, l);
			return;
		}
		l->host = l->one ? NULL : host_next(l->host);
	}
	control_answer(l->call, TCT_OK, "%zu account%s", l->count, l->count == 1 ? "" : "s");
}

static void run_users(struct control_call *call)
{
	struct listing *l;
	struct tct_host *h;

	if (!find_host(call, &h))
		return;
	l = tct_scope_alloc(call->scope, sizeof *l, NULL);
	l->call = call;
	l->one = h != NULL;
	l->host = h != NULL ? h : host_next(NULL);
	list_host(l);
}

/* ---- import ---- */

struct importing {
	struct control_call *call;
	struct account account;
	const char *at; /* the rest of the input */
	size_t count, line;
	char *names[IMPORT_BATCH], *passwords[IMPORT_BATCH];
};

static void free_batch(struct importing *im, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_wipe(im->names[i], strlen(im->names[i]));
		free(im->names[i]);
	}
}

static void import_next(struct importing *im);

static void import_done(struct tct_scope *scope, int status, void *data)
{
	struct importing *im = data;

	(void)scope;
	if (status == TCT_OK)
		import_next(im);
	else if (status == TCT_EINVAL)
		control_answer(im->call, status,
			"a name or a password near line %zu is not acceptable", im->line);
	else
		control_answer(im->call, status, "it could not be stored (%s)",
			tct_code_text(status));
}

/* Takes lines "name:password" into the batch; -1: a line has no colon. */
static int read_batch(struct importing *im)
{
	int n = 0;

	while (n < IMPORT_BATCH && *im->at != '\0') {
		size_t len = strcspn(im->at, "\n");
		char *line = mem_strndup(im->at, len), *colon = strchr(line, ':');

		im->at += len + (im->at[len] == '\n');
		im->line++;
		if (len == 0) {
			free(line);
			continue;
		}
		if (colon == NULL) {
			free(line);
			free_batch(im, (size_t)n);
			return -1;
		}
		*colon = '\0';
		im->names[n] = line;
		im->passwords[n++] = colon + 1;
	}
	return n;
}

static void import_next(struct importing *im)
{
	int n = read_batch(im);

	if (n < 0) {
		control_answer(im->call, TCT_EINVAL, "line %zu is not name:password", im->line);
		return;
	}
	if (n == 0) {
		control_answer(im->call, TCT_OK, "%zu accounts were written", im->count);
		return;
	}
	im->count += (size_t)n;
	im->account.ops->import(im->account.provider, im->call->scope,
		(const char *const *)im->names, (const char *const *)im->passwords, (size_t)n,
		import_done, im);
	free_batch(im, (size_t)n);
}

static void run_import(struct control_call *call)
{
	struct importing *im;
	struct account a;
	struct tct_host *h;

	if (!find_host(call, &h) || !find_auth(call, h, &a))
		return;
	im = tct_scope_alloc(call->scope, sizeof *im, NULL);
	im->call = call;
	im->account = a;
	im->at = call->input;
	import_next(im);
}

/* ---- what there is ---- */

static void add_session(const struct tcti_session_row *row, void *data)
{
	struct control_call *call = data;

	json_array_append_new(call->rows,
		json_pack("{s:s, s:s, s:I, s:b, s:b, s:b, s:i}", "jid", row->jid, "address",
			row->address != NULL ? row->address : "", "since", (json_int_t)row->since,
			"tls", row->secured, "attached", row->attached, "available",
			row->available, "priority", row->priority));
}

static void run_sessions(struct control_call *call)
{
	struct tct_host *h;

	if (!find_host(call, &h))
		return;
	tcti_session_each(h, add_session, call);
	control_answer(call, TCT_OK, "%zu session%s", json_array_size(call->rows),
		json_array_size(call->rows) == 1 ? "" : "s");
}

static void add_module(const struct tcti_module_row *row, void *data)
{
	struct control_call *call = data;

	json_array_append_new(call->rows,
		json_pack("{s:s, s:s, s:s, s:s}", "name", row->name, "host",
			row->host != NULL ? row->host : "", "version",
			row->version != NULL ? row->version : "", "summary",
			row->summary != NULL ? row->summary : ""));
}

static void run_modules(struct control_call *call)
{
	struct tct_host *h;

	if (!find_host(call, &h))
		return;
	tcti_module_each(h, add_module, call);
	control_answer(call, TCT_OK, "%zu instances", json_array_size(call->rows));
}

static void run_hooks(struct control_call *call)
{
	struct str text = { 0 };
	struct tct_host *h;

	if (!find_host(call, &h))
		return;
	for (struct tct_host *at = host_next(NULL); at != NULL; at = host_next(at)) {
		if (h != NULL && at != h)
			continue;
		str_printf(&text, "%s\n", at->name);
		hook_describe(&at->hooks, &text);
	}
	control_answer(call, TCT_OK, "%s", str_text(&text));
	str_fini(&text);
}

static void run_status(struct control_call *call)
{
	struct tcti_status s;

	tcti_status(&s);
	json_array_append_new(call->rows,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "version", tct_version(),
			"uptime", (json_int_t)(tct_now() - s.started), "hosts",
			(json_int_t)s.hosts, "modules", (json_int_t)s.modules, "connections",
			(json_int_t)s.connections, "sessions", (json_int_t)s.sessions, "entities",
			(json_int_t)s.entities, "sockets_max", (json_int_t)s.sockets_max, "memory",
			(json_int_t)s.memory));
	control_answer(call, TCT_OK, "running");
}

/* ---- doing ---- */

struct reloading {
	struct scope_node node;
	struct control_call *call; /* NULL: the asker has left */
};

static void reload_forgotten(struct scope_node *node)
{
	list_entry(node, struct reloading, node)->call = NULL;
}

static void reloaded(int status, const char *text, void *data)
{
	struct reloading *r = data;

	scope_remove(&r->node);
	if (r->call != NULL)
		control_answer(r->call, status, "%s", text);
	free(r);
}

static void run_reload(struct control_call *call)
{
	struct reloading *r = mem_zalloc(sizeof *r);

	r->call = call;
	scope_add(call->scope, &r->node, reload_forgotten);
	tcti_server_reload(reloaded, r);
}

static void run_restart(struct control_call *call)
{
	struct reloading *r = mem_zalloc(sizeof *r);

	r->call = call;
	scope_add(call->scope, &r->node, reload_forgotten);
	tcti_server_restart(reloaded, r);
}

/* The module that keeps the store has done it when it was opened. */
static void run_store(struct control_call *call)
{
	if (strcmp(call->args[0], "migrate") != 0)
		control_answer(call, TCT_EINVAL, "\"%s\" is nothing to do with a store: there are "
						 "new-key and migrate",
			call->args[0]);
	else if (server_started() != 0)
		control_answer(call, TCT_EBUSY, "a server uses the store: stop it first");
	else
		control_answer(call, TCT_OK, "the store is as the configuration says");
}

static void run_stop(struct control_call *call)
{
	control_answer(call, TCT_OK, "the server stops");
	tcti_server_stop();
}

static void run_log_level(struct control_call *call)
{
	int level = log_level_parse(call->args[0]);

	if (level < 0) {
		control_answer(call, TCT_EINVAL,
			"\"%s\" is no level (error, warn, notice, info, debug)", call->args[0]);
		return;
	}
	log_set_level(level);
	control_answer(call, TCT_OK, "messages from level %s on are logged, until a reload",
		call->args[0]);
}

const struct control_entry control_entries[] = {
	{ { "adduser", "JID", "add an account",
		  "The password is asked for twice, or read from standard input when that is no "
		  "terminal; it is never an argument, where others could see it.",
		  TCTI_CONTROL_OFFLINE | TCTI_CONTROL_PASSWORD, 1, 1 },
		run_adduser },
	{ { "passwd", "JID", "give an account a new password",
		  "The password is asked for as by adduser.",
		  TCTI_CONTROL_OFFLINE | TCTI_CONTROL_PASSWORD, 1, 1 },
		run_passwd },
	{ { "deluser", "JID", "delete an account and everything that is kept of it",
		  "Its sessions are ended first.", TCTI_CONTROL_OFFLINE, 1, 1 },
		run_deluser },
	{ { "devices", "JID", "list the clients of an account that say who they are",
		  "With the times of their first and last login, and whether they have a token.",
		  0, 1, 1 },
		run_devices },
	{ { "revoke", "JID DEVICE", "take its tokens from a client and end its sessions",
		  "DEVICE is an id of devices.", 0, 2, 2 },
		run_revoke },
	{ { "account", "JID", "show when an account was made and used",
		  "And when it is going to be deleted.", TCTI_CONTROL_OFFLINE, 1, 1 },
		run_account },
	{ { "disable", "JID", "end an account's sessions and let nobody log in to it",
		  "What is kept of it stays, and messages still come.", TCTI_CONTROL_OFFLINE, 1, 1 },
		run_disable },
	{ { "enable", "JID", "take that back", "", TCTI_CONTROL_OFFLINE, 1, 1 }, run_enable },
	{ { "undelete", "JID", "restore an account whose owner has deleted it",
		  "Until its grace period is over.", TCTI_CONTROL_OFFLINE, 1, 1 },
		run_undelete },
	{ { "users", "[HOST]", "list accounts", "Of one host, or of all.", TCTI_CONTROL_OFFLINE, 0,
		  1 },
		run_users },
	{ { "import-users", "HOST", "add accounts from lines name:password",
		  "Reads standard input. Accounts with the same password share one salt. A password "
		  "{SCRAM-SHA-1}ITERATIONS,SALT,STOREDKEY,SERVERKEY (also SHA-256, SHA-512) is "
		  "taken as the keys of an account that comes from elsewhere.",
		  TCTI_CONTROL_OFFLINE | TCTI_CONTROL_LINES, 1, 1 },
		run_import },
	{ { "sessions", "[HOST]", "list the resources that are bound", "Of one host, or of all.", 0,
		  0, 1 },
		run_sessions },
	{ { "modules", "[HOST]", "list the modules that are loaded",
		  "Of one host, or of the whole server.", 0, 0, 1 },
		run_modules },
	{ { "hooks", "[HOST]", "print who is called for what, in order", "For authors of modules.",
		  0, 0, 1 },
		run_hooks },
	{ { "status", "", "print figures of the running server", "", 0, 0, 0 }, run_status },
	{ { "check", "WHAT", "check \"config\", \"certs\" or \"tls\"",
		  "config: the configuration file, whether a server runs or not. certs: which "
		  "certificate each host gets on which listener, and what is wrong with it. tls: "
		  "shakes hands with each listener of the running server, for each host. Exit "
		  "status 1 when anything is wrong.",
		  TCTI_CONTROL_OFFLINE, 1, 1 },
		check_run },
	{ { "explain", "WHAT NAME", "explain \"cert\": which one a client gets, and why",
		  "explain cert NAME: of the certificate that is shown to a client that asks for "
		  "NAME.",
		  TCTI_CONTROL_OFFLINE, 2, 2 },
		check_explain },
	{ { "reload", "", "read the configuration again",
		  "All of it is checked first; with a problem anywhere nothing changes.", 0, 0, 0 },
		run_reload },
	{ { "restart", "", "start the server again, as it is on disk now",
		  "For an upgrade. The program on disk checks the configuration first; with a "
		  "problem nothing changes. Clients that can resume their sessions lose nothing. "
		  "Returns when the new server is ready.",
		  TCTI_CONTROL_RETURNS, 0, 0 },
		run_restart },
	{ { "store", "WHAT [FILE]", "\"new-key FILE\", or \"migrate\" when no server runs",
		  "new-key FILE: makes a key for an encrypted store and writes it into that new "
		  "file. migrate: makes the store what the configuration says, encrypted or not, "
		  "or with another key; the old one stays beside it. --key-file and "
		  "--old-key-file name keys.",
		  TCTI_CONTROL_OFFLINE, 1, 2 },
		run_store },
	{ { "log-level", "LEVEL", "log from this level on",
		  "error, warn, notice, info or debug; until the next reload.", 0, 1, 1 },
		run_log_level },
	{ { "stop", "", "stop the server in order", "Clients are told, output is written.", 0, 0,
		  0 },
		run_stop },
	{ { NULL, NULL, NULL, NULL, 0, 0, 0 }, NULL },
};

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control_commands.c - what tercetctl can ask for, and the commands that show what there is
 * and do something to the server; those about accounts are in control_accounts.c. Each fills
 * rows and answers, at once or when the store has. */
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/mod/hook.h"
#include "core/server/check.h"
#include "core/server/control_accounts.h"
#include "core/server/host.h"
#include "core/server/server.h"

#include <tercet/internal/component.h>

#include <stdlib.h>
#include <string.h>

bool control_find_host(struct control_call *call, struct tct_host **h)
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

	if (!control_find_host(call, &h))
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

	if (!control_find_host(call, &h))
		return;
	tcti_module_each(h, add_module, call);
	control_answer(call, TCT_OK, "%zu instances", json_array_size(call->rows));
}

static void add_component(const struct tcti_component_row *row, void *data)
{
	struct control_call *call = data;

	json_array_append_new(call->rows,
		json_pack("{s:s, s:b, s:s, s:b, s:I, s:I, s:I, s:i, s:s}", "domain", row->domain,
			"connected", row->address != NULL, "address",
			row->address != NULL ? row->address : "", "tls", row->secured, "since",
			(json_int_t)row->since, "received", (json_int_t)row->received, "sent",
			(json_int_t)row->sent, "waiting", (int)row->waiting, "problem",
			row->problem));
}

/* It is a module of the whole server: any host knows it. */
static void run_components(struct control_call *call)
{
	struct tct_mod *m;
	const struct tcti_components_ops *ops =
		tcti_host_service(host_next(NULL), "components", &m);

	if (ops != NULL)
		ops->each(m, add_component, call);
	control_answer(call, TCT_OK, "%zu component%s", json_array_size(call->rows),
		json_array_size(call->rows) == 1 ? "" : "s");
}

static void run_hooks(struct control_call *call)
{
	struct str text = { 0 };
	struct tct_host *h;

	if (!control_find_host(call, &h))
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

static void add_figure(const struct tcti_figure_row *row, void *data)
{
	struct control_call *call = data;

	json_array_append_new(call->rows,
		json_pack("{s:s, s:s, s:s, s:I, s:s}", "host", row->host != NULL ? row->host : "",
			"module", row->module, "name", row->name, "value", (json_int_t)row->value,
			"what", row->doc));
}

static void run_figures(struct control_call *call)
{
	struct tct_host *h;

	if (!control_find_host(call, &h))
		return;
	tcti_figure_each(h, add_figure, call);
	control_answer(call, TCT_OK, "%zu figures", json_array_size(call->rows));
}

static void run_status(struct control_call *call)
{
	struct tcti_status s;

	tcti_status(&s);
	json_array_append_new(call->rows,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "version", tct_version(),
			"uptime", (json_int_t)(tct_now() - s.started), "hosts",
			(json_int_t)s.hosts, "modules", (json_int_t)s.modules, "connections",
			(json_int_t)s.connections, "sessions", (json_int_t)s.sessions, "entities",
			(json_int_t)s.entities, "sockets_max", (json_int_t)s.sockets_max, "memory",
			(json_int_t)s.memory, "account_reads", (json_int_t)s.reads));
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
		accounts_add },
	{ { "passwd", "JID", "give an account a new password",
		  "The password is asked for as by adduser.",
		  TCTI_CONTROL_OFFLINE | TCTI_CONTROL_PASSWORD, 1, 1 },
		accounts_passwd },
	{ { "deluser", "JID", "delete an account and everything that is kept of it",
		  "Its sessions are ended first.", TCTI_CONTROL_OFFLINE, 1, 1 },
		accounts_delete },
	{ { "invite", "ACTION WHERE [TIME|ID [USES]]", "make, list and revoke invitations",
		  "account HOST or account NAME@HOST: a link to make an account, with that name. "
		  "contact NAME@HOST: a link to become that account's contact. Both for a TIME "
		  "(\"3 days\", \"-\": as the options say) and a number of USES (1). list HOST: "
		  "those that are open. revoke HOST ID: nobody can use that one any more.",
		  TCTI_CONTROL_OFFLINE, 2, 4 },
		control_invite },
	{ { "devices", "JID", "list the clients of an account that say who they are",
		  "With the times of their first and last login, and whether they have a token.",
		  0, 1, 1 },
		accounts_devices },
	{ { "revoke", "JID DEVICE", "take its tokens from a client and end its sessions",
		  "DEVICE is an id of devices.", 0, 2, 2 },
		accounts_revoke },
	{ { "account", "JID", "show when an account was made and used",
		  "And when it is going to be deleted.", TCTI_CONTROL_OFFLINE, 1, 1 },
		accounts_show },
	{ { "disable", "JID", "end an account's sessions and let nobody log in to it",
		  "What is kept of it stays, and messages still come.", TCTI_CONTROL_OFFLINE, 1, 1 },
		accounts_disable },
	{ { "enable", "JID", "take that back", "", TCTI_CONTROL_OFFLINE, 1, 1 }, accounts_enable },
	{ { "undelete", "JID", "restore an account whose owner has deleted it",
		  "Until its grace period is over.", TCTI_CONTROL_OFFLINE, 1, 1 },
		accounts_undelete },
	{ { "users", "[HOST]", "list accounts", "Of one host, or of all.", TCTI_CONTROL_OFFLINE, 0,
		  1 },
		accounts_list },
	{ { "import-users", "HOST", "add accounts from lines name:password",
		  "Reads standard input. Accounts with the same password share one salt. A password "
		  "{SCRAM-SHA-1}ITERATIONS,SALT,STOREDKEY,SERVERKEY (also SHA-256, SHA-512) is "
		  "taken as the keys of an account that comes from elsewhere.",
		  TCTI_CONTROL_OFFLINE | TCTI_CONTROL_LINES, 1, 1 },
		accounts_import },
	{ { "sessions", "[HOST]", "list the resources that are bound", "Of one host, or of all.", 0,
		  0, 1 },
		run_sessions },
	{ { "modules", "[HOST]", "list the modules that are loaded",
		  "Of one host, or of the whole server.", 0, 0, 1 },
		run_modules },
	{ { "components", "", "list external components and whether they are connected",
		  "With the stanzas that came from each and went to it, what waits for it, and why "
		  "its last connection ended or was refused.",
		  0, 0, 0 },
		run_components },
	{ { "hooks", "[HOST]", "print who is called for what, in order", "For authors of modules.",
		  0, 0, 1 },
		run_hooks },
	{ { "figures", "[HOST]", "print what modules count", "Since they were loaded.", 0, 0, 1 },
		run_figures },
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
	{ { "s2s", "WHAT [DOMAIN]",
		  "other servers: list, show, explain, errors, accept, close, new-key",
		  "list: all connections; show DOMAIN: those with that domain. explain DOMAIN: what is "
		  "demanded of it and by which option, how it has proven itself, what went wrong and "
		  "what can be done. errors [DOMAIN]: the last failures. accept DOMAIN: it had a "
		  "valid certificate for long and may come without. close DOMAIN: ends the "
		  "connections and tries it again at once when something is to be sent; close: "
		  "those that the policy would not let come today. new-key: makes another secret "
		  "for dialback; keys made with the one before are good for a day.",
		  0, 1, 2 },
		control_s2s },
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

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* check.c - see check.h, and tcti_check of internal/server.h: what is asked of a running
 * server, or of its files, and what a tool finds out by itself. */
#include "core/server/check.h"

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/net/probe.h"
#include "core/server/certs.h"
#include "core/server/host.h"
#include "core/server/listener.h"
#include "core/server/server.h"

#include <stdlib.h>
#include <string.h>

/* ---- certificates ---- */

static const char *const reasons[] = {
	[CERTSET_HOST] = "configured for this host",
	[CERTSET_NAMED] = "configured, and has the name",
	[CERTSET_FOUND] = "found, and has the name; the newest valid one",
	[CERTSET_WILDCARD] = "found, and has the name by a wildcard",
	[CERTSET_DEFAULT] = "configured for what nothing else matches",
	[CERTSET_PARENT] = "found, and has the name of a parent domain",
};

/* One row; false: something is wrong with what a client gets there. */
static bool add_certificate(json_t *rows, const char *host, const char *where,
	struct certset *set, const char *why)
{
	struct certset_report r = { .problem = "no certificate" };
	json_t *row = json_object();
	bool found = set != NULL && certset_report(set, host, &r);

	json_object_set_new(row, "host", json_string(host));
	json_object_set_new(row, "listener", json_string(where));
	json_object_set_new(row, "certificate", json_string(found ? r.certificate : ""));
	json_object_set_new(row, "why", json_string(!found ? "" : why != NULL ? why : reasons[r.why]));
	json_object_set_new(row, "until", json_integer(found ? r.until : 0));
	json_object_set_new(row, "days", json_integer(found ? r.days : 0));
	json_object_set_new(row, "key", json_string(found ? r.key : ""));
	json_object_set_new(row, "kind", found ? json_sprintf("%s %u", r.key_kind, r.key_bits) :
						 json_string(""));
	json_object_set_new(row, "chain", json_string(found ? r.chain : ""));
	json_object_set_new(row, "ocsp", json_boolean(found && r.stapled));
	json_object_set_new(row, "problem", json_string(r.problem != NULL ? r.problem : ""));
	json_array_append_new(rows, row);
	free(r.chain);
	return r.problem == NULL;
}

/* Everywhere, and where a listener has its own. */
static bool add_certificates(json_t *rows, const char *host)
{
	bool good = add_certificate(rows, host, "all", certs_of(NULL), NULL);
	char where[128];

	for (struct stream_listener *l = listener_next(NULL); l != NULL; l = listener_next(l)) {
		if (l->certs.certificate == NULL)
			continue;
		snprintf(where, sizeof where, "%s port %u", l->spec.address, l->spec.port);
		good &= add_certificate(rows, host, where, listener_certset(l),
			"of this listener alone");
	}
	return good;
}

static bool look(struct control_call *call)
{
	struct tct_error err = { 0 };
	int status = certs_look(&err);

	if (status != TCT_OK)
		control_answer(call, status, "%s", tct_error_text(&err));
	return status == TCT_OK;
}

void check_run(struct control_call *call)
{
	bool good = true;

	if (strcmp(call->args[0], "certs") != 0) {
		control_answer(call, TCT_EINVAL,
			"\"%s\" cannot be checked: there are config, certs and tls", call->args[0]);
		return;
	}
	if (!look(call))
		return;
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h))
		good &= add_certificates(call->rows, h->name);
	control_answer(call, good ? TCT_OK : TCT_EINVAL, "%s",
		good ? "every host has a certificate" :
		       "not every host has a certificate that is good for it");
}

void check_explain(struct control_call *call)
{
	const char *name = call->args[1];
	bool good;

	if (strcmp(call->args[0], "cert") != 0) {
		control_answer(call, TCT_EINVAL, "\"%s\" cannot be explained: there is cert",
			call->args[0]);
		return;
	}
	if (!look(call))
		return;
	good = add_certificates(call->rows, name);
	control_answer(call, good ? TCT_OK : TCT_EINVAL,
		good ? "a client that asks for \"%s\" gets a certificate that is good for it" :
		       "a client that asks for \"%s\" gets no certificate that is good for it",
		name);
}

/* ---- without asking a server ---- */

static char *answer(int status, const char *text, json_t *rows)
{
	json_t *a = json_pack("{s:i, s:s, s:o}", "status", status, "text", text, "rows", rows);
	char *line = json_dumps(a, JSON_COMPACT);

	json_decref(a);
	return line;
}

static char *check_config(const char *config)
{
	struct str problems = { 0 };
	json_t *rows = json_array();
	int status = server_check(config, &problems);
	char *line, *at = (char *)str_text(&problems), *next;

	for (; *at != '\0'; at = next) {
		size_t len = strcspn(at, "\n");

		next = at + len + (at[len] == '\n');
		if (len > 0)
			json_array_append_new(rows, json_pack("{s:o}", "problem",
							     json_stringn_nocheck(at, len)));
	}
	line = answer(status, status == TCT_OK ? "the configuration is good" :
						 "the configuration has problems",
		rows);
	str_fini(&problems);
	return line;
}

/* One line of the file "ports", for one host; false: something is wrong there. */
static bool add_handshake(json_t *rows, const char *kind, const char *address, unsigned port,
	bool direct, const char *host)
{
	bool s2s = strcmp(kind, "c2s") != 0, good;
	struct probe p = { .host = host };
	const char *problem;

	if (!addr_parse(&p.at, strcmp(address, "*") == 0 || strcmp(address, "0.0.0.0") == 0 ?
				    "127.0.0.1" :
			    strcmp(address, "::") == 0 ? "::1" :
							 address,
		    (uint16_t)port))
		return true;
	p.alpn = s2s ? "xmpp-server" : "xmpp-client";
	if (!direct)
		p.ns = s2s ? "jabber:server" : "jabber:client";
	good = probe_run(&p);
	problem = !good ? p.problem : !p.names ? "the certificate does not name the host" : "";
	json_array_append_new(rows,
		json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:s}", "host", host,
			"listener", json_sprintf("%s %s port %u %s", kind, address, port,
					    direct ? "tls" : "starttls"),
			"protocol", p.protocol, "cipher", p.cipher, "group", p.group, "signature",
			p.signature, "name", p.names ? "yes" : "no", "bindings", p.bindings,
			"until", (json_int_t)p.until, "trusted", p.trusted, "problem", problem));
	return *problem == '\0';
}

static char *check_tls(const char *config)
{
	struct server_plan plan;
	struct str path = { 0 };
	char kind[16], address[64], how[16];
	json_t *rows = json_array();
	bool good = true;
	unsigned port;
	FILE *f = NULL;

	if (server_plan_prepare(&plan, config)) {
		str_printf(&path, "%s/ports", plan.config.state_dir);
		f = fopen(str_text(&path), "re");
	}
	while (f != NULL && fscanf(f, "%15s %63s %u %15s", kind, address, &port, how) == 4) {
		if (strcmp(kind, "component") == 0)
			continue;
		for (size_t i = 0; i < plan.hosts.count; i++)
			good &= add_handshake(rows, kind, address, port, strcmp(how, "tls") == 0,
				plan.hosts.items[i]);
	}
	if (f != NULL)
		fclose(f);
	str_fini(&path);
	server_plan_fini(&plan);
	if (json_array_size(rows) == 0)
		return answer(TCT_ENOENT, "no server has noted its listeners in the state folder", rows);
	return answer(good ? TCT_OK : TCT_EINVAL,
		good ? "every listener shakes hands for every host" :
		       "not every listener shakes hands for every host",
		rows);
}

char *tcti_check(const char *config, const char *what)
{
	if (strcmp(what, "config") == 0)
		return check_config(config);
	if (strcmp(what, "tls") == 0)
		return check_tls(config);
	return NULL;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control_s2s.c - tercetctl s2s: which other servers there are connections with, why there is none,
 * and ending them; by the service "s2s". */
#include "core/base/str.h"
#include "core/mod/service.h"
#include "core/server/control.h"
#include "core/xmpp/jid.h"

#include <tercet/internal/s2s.h>

#include <stdlib.h>
#include <string.h>

struct query {
	struct control_call *call;
	const char *remote; /* NULL: all */
	struct str text;
	size_t count;
};

static bool concerns(struct query *q, const struct tcti_s2s_row *row)
{
	if (q->remote != NULL && strcmp(row->remote, q->remote) != 0)
		return false;
	q->count++;
	return true;
}

static const char *or_none(const char *text)
{
	return text != NULL ? text : "";
}

static void add_row(const struct tcti_s2s_row *row, void *data)
{
	struct query *q = data;

	if (!concerns(q, row))
		return;
	json_array_append_new(q->call->rows,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "remote", row->remote,
			"local", row->local, "direction", row->incoming ? "in" : "out", "state",
			row->state, "address", or_none(row->address), "proof",
			or_none(row->proof), "tls", or_none(row->tls), "management",
			or_none(row->management), "since", (json_int_t)row->since, "stanzas", (json_int_t)row->stanzas, "queued",
			(json_int_t)row->queued));
}

static void describe(const struct tcti_s2s_row *row, void *data)
{
	struct query *q = data;
	char until[TCT_TIME_SIZE];

	if (!concerns(q, row))
		return;
	str_printf(&q->text, "%s %s: %s", row->incoming ? "from it to" : "to it from", row->local,
		row->state);
	if (row->address != NULL)
		str_printf(&q->text, ", %s", row->address);
	str_printf(&q->text, ", %s", row->tls != NULL ? row->tls : "not encrypted");
	if (row->proof != NULL)
		str_printf(&q->text, ", proof: %s", row->proof);
	if (row->management != NULL)
		str_printf(&q->text, ", stream management: %s", row->management);
	if (row->issuer != NULL) {
		tct_time_text(until, row->until * 1000000, false);
		str_printf(&q->text, ", certificate of \"%s\" until %s", row->issuer, until);
	}
	str_append_char(&q->text, '\n');
}

static void explain(struct query *q, const struct tcti_s2s_ops *ops, struct tct_mod *provider)
{
	struct tcti_s2s_known known = { .size = sizeof known };
	char when[TCT_TIME_SIZE];

	ops->known(provider, q->remote, &known);
	str_printf(&q->text, "%s must %s%s (%s)\n", q->remote,
		known.encryption ? "use encryption, and " : "",
		known.rule.certificate ? "have a valid certificate" :
					 "prove itself by a certificate or by dialback",
		known.rule.why);
	if (known.override != NULL)
		str_printf(&q->text, "it is at %s (s2s.override)\n", known.override);
	ops->each(provider, describe, q);
	if (q->count == 0)
		str_append(&q->text, "there is no connection with it\n");
	if (known.condition != 0) {
		tct_time_text(when, known.failed * 1000000, false);
		str_printf(&q->text, "last failure (%u in a row), %s: %s\n", known.failures, when,
			known.reason);
		if (known.again > tct_now())
			str_printf(&q->text, "it is tried again in %lld s, or at once after "
					     "\"tercetctl s2s close %s\"\n",
				(long long)(known.again - tct_now()), q->remote);
	}
	control_answer(q->call, TCT_OK, "%s", str_text(&q->text));
}

static void new_key(struct query *q)
{
	struct tct_mod *m;
	const struct tcti_s2s_prover_ops *ops = service_find(NULL, "s2s_dialback", &m);

	if (ops == NULL) {
		control_answer(q->call, TCT_ENOENT, "that needs the module \"dialback\"");
		return;
	}
	ops->renew(m);
	control_answer(q->call, TCT_OK, "keys of dialback are made with another secret; those of the "
					"one before are good for a day");
}

static void run(struct query *q, const struct tcti_s2s_ops *ops, struct tct_mod *provider)
{
	const char *verb = q->call->args[0];

	if (strcmp(verb, "list") == 0 || (strcmp(verb, "show") == 0 && q->remote != NULL)) {
		ops->each(provider, add_row, q);
		control_answer(q->call, TCT_OK, "%zu connections", q->count);
	} else if (strcmp(verb, "explain") == 0 && q->remote != NULL) {
		explain(q, ops, provider);
	} else if (strcmp(verb, "new-key") == 0) {
		new_key(q);
	} else if (strcmp(verb, "close") == 0) {
		control_answer(q->call, TCT_OK, "%u were closed", ops->close(provider, q->remote));
	} else {
		control_answer(q->call, TCT_EINVAL,
			"say \"list\", \"show DOMAIN\", \"explain DOMAIN\", \"new-key\", \"close "
			"DOMAIN\", or \"close\" for those that the policy would not let come today");
	}
}

void control_s2s(struct control_call *call)
{
	struct query q = { .call = call };
	struct tct_mod *provider;
	const struct tcti_s2s_ops *ops = service_find(NULL, "s2s", &provider);
	char *remote = call->arg_count > 1 ? jid_prepare_domain(call->args[1]) : NULL;

	if (ops == NULL) {
		control_answer(call, TCT_ENOENT, "that needs the module \"s2s\"");
	} else if (call->arg_count > 1 && remote == NULL) {
		control_answer(call, TCT_EINVAL, "\"%s\" is no domain", call->args[1]);
	} else {
		q.remote = remote;
		run(&q, ops, provider);
	}
	str_fini(&q.text);
	free(remote);
}

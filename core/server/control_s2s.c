/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control_s2s.c - tercetctl s2s: which other servers there are connections with, what is demanded of
 * them, what went wrong and what can be done, and ending connections; by the services "s2s" and
 * "s2s_policy". */
#include "core/base/str.h"
#include "core/mod/service.h"
#include "core/server/control.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/stanza_error.h"

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

static const char *direction(bool incoming)
{
	return incoming ? "in" : "out";
}

static void add_row(const struct tcti_s2s_row *row, void *data)
{
	struct query *q = data;

	if (!concerns(q, row))
		return;
	json_array_append_new(q->call->rows,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}",
			"remote", row->remote, "local", row->local, "direction",
			direction(row->incoming), "state", row->state, "address",
			or_none(row->address), "proof", or_none(row->proof), "shown",
			or_none(row->shown), "tls", or_none(row->tls), "management",
			or_none(row->management), "issuer", or_none(row->issuer), "until",
			(json_int_t)(row->issuer != NULL ? row->until : 0), "since",
			(json_int_t)row->since, "stanzas", (json_int_t)row->stanzas, "queued",
			(json_int_t)row->queued, "problem", or_none(row->problem)));
}

static void add_error(const struct tcti_s2s_error *e, void *data)
{
	struct query *q = data;

	q->count++;
	json_array_append_new(q->call->rows,
		json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "remote", e->remote, "direction",
			direction(e->incoming), "last", (json_int_t)e->when, "count",
			(json_int_t)e->count, "condition", stanza_error_name(e->condition),
			"reason", e->reason, "advice", e->advice));
}

/* ---- explain ---- */

static void describe(const struct tcti_s2s_row *row, void *data)
{
	struct query *q = data;
	char when[TCT_TIME_SIZE];

	if (!concerns(q, row))
		return;
	tct_time_text(when, row->since * 1000000, false);
	str_printf(&q->text, "%s %s: %s since %s, %llu stanzas",
		row->incoming ? "from it to" : "to it from", row->local, row->state, when,
		(unsigned long long)row->stanzas);
	if (row->address != NULL)
		str_printf(&q->text, ", %s", row->address);
	str_printf(&q->text, ", %s", row->tls != NULL ? row->tls : "not encrypted");
	if (row->proof != NULL)
		str_printf(&q->text, ", proof: %s", row->proof);
	if (row->shown != NULL && !row->incoming)
		str_printf(&q->text, ", its own: %s", row->shown);
	if (row->management != NULL)
		str_printf(&q->text, ", stream management: %s", row->management);
	if (row->issuer != NULL) {
		tct_time_text(when, row->until * 1000000, false);
		str_printf(&q->text, ", certificate of \"%s\" until %s", row->issuer, when);
	}
	str_append_char(&q->text, '\n');
	if (row->problem != NULL)
		str_printf(&q->text, "\tthe policy of today would not let it come: %s; \"tercetctl "
				     "s2s close\" ends such connections\n",
			row->problem);
}

static void describe_error(const struct tcti_s2s_error *e, void *data)
{
	struct query *q = data;
	char when[TCT_TIME_SIZE];

	tct_time_text(when, e->when * 1000000, false);
	str_printf(&q->text, "%s: %s, %s: %s", when, e->incoming ? "from it" : "to it",
		stanza_error_name(e->condition), e->reason);
	if (e->count > 1)
		str_printf(&q->text, " (%u times)", e->count);
	str_printf(&q->text, "\n\twhat to do: %s\n", e->advice);
}

static void describe_rates(struct query *q, const struct tcti_s2s_rule *r)
{
	if (r->rate > 0)
		str_printf(&q->text, "a connection from it may bring %lld bytes in a second\n",
			(long long)r->rate);
	if (r->domain_rate > 0)
		str_printf(&q->text, "all its connections may bring %lld bytes in a second\n",
			(long long)r->domain_rate);
	if (r->burst > 0)
		str_printf(&q->text, "what it did not use of %lld s may come at once\n",
			(long long)r->burst);
}

static void describe_rule(struct query *q, const struct tcti_s2s_known *known)
{
	const struct tcti_s2s_rule *r = &known->rule;

	str_printf(&q->text, "%s ", q->remote);
	if (r->blocked)
		str_append(&q->text, "is blocked");
	else
		str_printf(&q->text, "must %s%s%s",
			known->encryption ? "use encryption, and " : "",
			r->pins != NULL ? "have a pinned key" : "",
			r->pins != NULL && r->certificate ? " and " : "");
	if (!r->blocked && (r->certificate || r->pins == NULL))
		str_append(&q->text,
			r->certificate ? "have a valid certificate" :
					 "prove itself by a certificate or by dialback");
	str_printf(&q->text, " (%s", r->why);
	if (r->pattern != NULL)
		str_printf(&q->text, "; row \"%s\" of s2s_secure.domains", r->pattern);
	if (r->until != NULL)
		str_printf(&q->text, ", until %s", r->until);
	if (r->reason != NULL)
		str_printf(&q->text, ", because: %s", r->reason);
	str_append(&q->text, ")\n");
	if (r->stanza_size > 0)
		str_printf(&q->text, "a stanza from it may have %lld bytes\n",
			(long long)r->stanza_size);
	describe_rates(q, r);
	if (known->override != NULL)
		str_printf(&q->text, "it is at %s (s2s.override)\n", known->override);
}

static void describe_memory(struct query *q, bool was_secure)
{
	struct tct_mod *provider;
	const struct tcti_s2s_policy_ops *ops = service_find(NULL, "s2s_policy", &provider);
	char from[TCT_TIME_SIZE], to[TCT_TIME_SIZE];
	int64_t first, last;

	if (ops == NULL || !ops->memory(provider, q->remote, &first, &last))
		return;
	tct_time_text(from, first * 86400 * 1000000, false);
	tct_time_text(to, last * 86400 * 1000000, false);
	str_printf(&q->text, "it was seen with a valid certificate from %.10s to %.10s%s\n", from, to,
		was_secure ? ", and is not believed without; \"tercetctl s2s accept\" changes that" :
			     "");
}

static void explain(struct query *q, const struct tcti_s2s_ops *ops, struct tct_mod *provider)
{
	struct tcti_s2s_known known = { .size = sizeof known };

	ops->known(provider, q->remote, &known);
	describe_rule(q, &known);
	describe_memory(q, known.rule.was_secure);
	ops->each(provider, describe, q);
	if (q->count == 0)
		str_append(&q->text, "there is no connection with it\n");
	if (known.failures > 0 && known.again > tct_now())
		str_printf(&q->text, "it could not be reached %u times; it is tried again in %lld s, "
				     "or at once after \"tercetctl s2s close %s\"\n",
			known.failures, (long long)(known.again - tct_now()), q->remote);
	ops->errors(provider, q->remote, describe_error, q);
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

/* ---- the rest ---- */

static void accept_change(struct query *q, const struct tcti_s2s_ops *ops, struct tct_mod *provider)
{
	struct tct_mod *m;
	const struct tcti_s2s_policy_ops *policy = service_find(NULL, "s2s_policy", &m);

	if (policy == NULL) {
		control_answer(q->call, TCT_ENOENT, "that needs the module \"s2s_secure\"");
	} else if (policy->accept(m, q->remote)) {
		ops->close(provider, q->remote);
		control_answer(q->call, TCT_OK, "it may come without a valid certificate, as far as "
						"the options let it");
	} else {
		control_answer(q->call, TCT_ENOENT,
			"\"%s\" was not seen with a valid certificate: there is nothing to accept",
			q->remote);
	}
}

static void run(struct query *q, const struct tcti_s2s_ops *ops, struct tct_mod *provider)
{
	const char *verb = q->call->args[0];

	if (strcmp(verb, "list") == 0 || (strcmp(verb, "show") == 0 && q->remote != NULL)) {
		ops->each(provider, add_row, q);
		control_answer(q->call, TCT_OK, "%zu connections", q->count);
	} else if (strcmp(verb, "errors") == 0) {
		ops->errors(provider, q->remote, add_error, q);
		control_answer(q->call, TCT_OK, "%zu failures", q->count);
	} else if (strcmp(verb, "explain") == 0 && q->remote != NULL) {
		explain(q, ops, provider);
	} else if (strcmp(verb, "new-key") == 0) {
		new_key(q);
	} else if (strcmp(verb, "accept") == 0 && q->remote != NULL) {
		accept_change(q, ops, provider);
	} else if (strcmp(verb, "close") == 0) {
		control_answer(q->call, TCT_OK, "%u were closed", ops->close(provider, q->remote));
	} else {
		control_answer(q->call, TCT_EINVAL,
			"say \"list\", \"show DOMAIN\", \"explain DOMAIN\", \"errors\", \"accept "
			"DOMAIN\", \"new-key\", \"close DOMAIN\", or \"close\" for those that the "
			"policy would not let come today");
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

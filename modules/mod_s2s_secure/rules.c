/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* rules.c - what is demanded of a domain, from the options and from what is remembered of it: a
 * domain that had a valid certificate for long is not believed without, whatever the options
 * say, until the administrator accepts that. The memory is in the store. */
#include "secure.h"

#include <tercet/jid.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400
#define LOOK_SECONDS (20 * DAY) /* a timer's longest wait here */

static struct policy policy_of(const struct secure_config *c)
{
	return (struct policy){ c->s2s_secure_auth, c->s2s_secure_domains,
		c->s2s_insecure_domains, c->domains.items, c->domains.count };
}

/* ---- options ---- */

static int bad(struct tct_error *err, const char *where, const char *text, const char *what)
{
	return tct_error_set(err, TCT_EINVAL, "%s: \"%s\" is %s", where, text, what);
}

static int check_list(const char *name, const char *const *list, struct tct_error *err)
{
	for (; *list != NULL; list++) {
		if (strcmp(*list, "*") == 0 || !policy_is_pattern(*list))
			return bad(err, name, *list,
				"no domain (write \"example.org\" or \"*.example.org\", in lower "
				"case)");
	}
	return TCT_OK;
}

static bool has_limits(const struct policy_row *r)
{
	const struct policy_limits *l = &r->limits;

	return r->stanza_size != 0 || l->rate != 0 || l->burst != 0 || l->domain_rate != 0;
}

static int check_row(const struct secure_config *c, size_t i, struct tct_error *err)
{
	const struct policy_row *rows = c->domains.items, *r = &rows[i];
	int64_t end;

	if (!policy_is_pattern(r->domain))
		return bad(err, "s2s_secure.domains", r->domain,
			"no domain (write \"example.org\", \"*.example.org\" or \"*\", in lower "
			"case)");
	for (size_t j = 0; j < i; j++) {
		if (strcmp(rows[j].domain, r->domain) == 0)
			return bad(err, "s2s_secure.domains", r->domain, "there twice");
	}
	for (const char *const *pin = r->pin; *pin != NULL; pin++) {
		if (!policy_is_key(*pin))
			return bad(err, "s2s_secure.domains.pin", *pin,
				"not the SHA-256 of a public key in 64 hexadecimal digits");
	}
	if (r->until != NULL && !policy_date(r->until, &end))
		return bad(err, "s2s_secure.domains.until", r->until,
			"no day (for example \"2026-12-31\")");
	if (r->proof == POLICY_DIALBACK && r->pin[0] != NULL)
		return bad(err, "s2s_secure.domains", r->domain,
			"a domain with a pinned key, which proves it: leave proof out, or demand a "
			"certificate, too");
	if (r->block && (r->proof != POLICY_USUAL || r->pin[0] != NULL || has_limits(r)))
		return bad(err, "s2s_secure.domains", r->domain,
			"blocked: nothing else can be said of it");
	return TCT_OK;
}

int rules_check(const struct secure_config *c, struct tct_error *err)
{
	int status = check_list("s2s_secure_domains", c->s2s_secure_domains, err);

	if (status == TCT_OK)
		status = check_list("s2s_insecure_domains", c->s2s_insecure_domains, err);
	for (size_t i = 0; i < c->domains.count && status == TCT_OK; i++)
		status = check_row(c, i, err);
	return status;
}

/* ---- rows whose days are over ---- */

static void look(struct tct_scope *scope, void *data)
{
	struct secure *s = data;

	(void)scope;
	s->timer = NULL;
	rules_watch(s->mod);
}

static void tell(struct tct_mod *m, const struct policy_row *r)
{
	tct_log_warn(m, "the row \"%s\" of s2s_secure.domains counts no longer: its last day was %s%s%s",
		r->domain, r->until, r->reason != NULL ? ", its reason: " : "",
		r->reason != NULL ? r->reason : "");
}

void rules_watch(struct tct_mod *m)
{
	const struct secure_config *c = tct_mod_config(m);
	const struct policy_row *rows = c->domains.items;
	struct secure *s = tct_mod_data(m);
	int64_t now = tct_now(), end, wait = 0;

	if (s->told == NULL && c->domains.count > 0) {
		s->told = calloc(c->domains.count, sizeof *s->told);
		if (s->told == NULL)
			abort();
	}
	for (size_t i = 0; i < c->domains.count; i++) {
		if (rows[i].until == NULL || s->told[i] || !policy_date(rows[i].until, &end))
			continue;
		if (now >= end) {
			tell(m, &rows[i]);
			s->told[i] = true;
		} else if (wait == 0 || end - now < wait) {
			wait = end - now;
		}
	}
	if (wait > 0)
		s->timer = tct_timer_start(tct_mod_scope(m),
			(wait < LOOK_SECONDS ? wait : LOOK_SECONDS) * 1000, 0, look, s);
}

/* ---- what was seen ---- */

static bool was_secure(struct tct_mod *m, const char *remote)
{
	const struct secure_config *c = tct_mod_config(m);
	const struct secure *s = tct_mod_data(m);

	return c->was_secure > 0 &&
		memory_is_long(&s->memory, remote, (c->was_secure + DAY - 1) / DAY);
}

static void saved(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	if (status != TCT_OK)
		tct_log_warn(data, "which domains have valid certificates could not be stored");
}

static void save(struct secure *s, const char *remote)
{
	size_t group = memory_group(remote);
	struct tct_txn *txn;
	char key[8], *text;

	if (s->kv == NULL)
		return;
	text = memory_text(&s->memory, group);
	snprintf(key, sizeof key, "%zu", group);
	txn = tct_txn_new(s->mod);
	tct_kv_put(txn, s->kv, "", key, tct_string(text));
	tct_txn_submit(tct_mod_scope(s->mod), txn, saved, s->mod);
	free(text);
}

static void seen(struct tct_mod *m, const char *remote)
{
	struct secure *s = tct_mod_data(m);

	if (memory_seen(&s->memory, remote, tct_now() / DAY))
		save(s, remote);
}

static bool recall(struct tct_mod *m, const char *remote, int64_t *first, int64_t *last)
{
	const struct secure *s = tct_mod_data(m);
	const struct memory_entry *e = memory_find(&s->memory, remote);

	if (e == NULL)
		return false;
	*first = e->first;
	*last = e->last;
	return true;
}

static bool accept_change(struct tct_mod *m, const char *remote)
{
	struct secure *s = tct_mod_data(m);

	if (!memory_forget(&s->memory, remote))
		return false;
	tct_log_notice(m, "that \"%s\" has no valid certificate any more was accepted", remote);
	save(s, remote);
	return true;
}

/* ---- what is demanded ---- */

static void rule(struct tct_mod *m, const char *remote, struct tcti_s2s_rule *r)
{
	struct policy p = policy_of(tct_mod_config(m));
	const struct policy_row *row = policy_row(&p, remote, tct_now());

	r->certificate = policy_certificate(&p, row, remote, &r->why);
	if (row != NULL) {
		r->blocked = row->block;
		r->pins = row->pin[0] != NULL ? row->pin : NULL;
		r->pattern = row->domain;
		r->reason = row->reason;
		r->until = row->until;
		r->stanza_size = row->stanza_size;
		r->rate = row->limits.rate;
		r->burst = row->limits.burst;
		r->domain_rate = row->limits.domain_rate;
		if (row->block)
			r->why = "block";
	}
	if (!r->certificate && !r->blocked && r->pins == NULL && was_secure(m, remote)) {
		r->certificate = r->was_secure = true;
		r->why = "it had a valid one for long";
	}
}

const struct tcti_s2s_policy_ops rules_ops = {
	.size = sizeof rules_ops,
	.rule = rule,
	.seen = seen,
	.memory = recall,
	.accept = accept_change,
};

int rules_load(struct tct_mod *m, struct tct_error *err)
{
	struct secure *s = tct_mod_data(m);
	struct tct_value v;
	char key[8];

	s->mod = m;
	rules_watch(m);
	if (tct_service(m, "storage", NULL) == NULL)
		return TCT_OK;
	s->kv = tct_kv_open(m, "s2s_secure", err);
	if (s->kv == NULL)
		return TCT_EIO;
	for (size_t group = 0; group < MEMORY_GROUPS; group++) {
		snprintf(key, sizeof key, "%zu", group);
		if (tct_kv_get_wait(s->kv, "", key, &v) == TCT_OK &&
			v.kind == TCT_VALUE_STRING)
			memory_read(&s->memory, group, v.bytes.data);
	}
	return TCT_OK;
}

void rules_fini(struct tct_mod *m)
{
	struct secure *s = tct_mod_data(m);

	memory_fini(&s->memory);
	free(s->told);
}

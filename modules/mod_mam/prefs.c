/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* prefs.c - XEP-0441: with whom an account wants its messages kept. One row per account that
 * has decided anything: a record of the default and two lists of addresses, each address
 * with its NUL. */
#include "modules/mod_mam/mam.h"

#include <tercet/roster.h>

#include <string.h>

#define KEY "prefs"
/* Bytes of both lists together. */
#define LISTS_MAX (64 * 1024)

const char *const mam_policies[] = { "always", "never", "roster", NULL };

struct prefs {
	int policy;                  /* enum mam_policy */
	const char *list[2];         /* always, never */
	size_t len[2];
};

static int policy_find(const char *name)
{
	for (int i = 0; name != NULL && mam_policies[i] != NULL; i++) {
		if (strcmp(mam_policies[i], name) == 0)
			return i;
	}
	return -1;
}

/* Borrowed from the entity's row. */
static struct prefs prefs_get(struct tct_mod *m, const struct tct_entity *e)
{
	const struct mam_config *config = tct_mod_config(m);
	const struct mam_data *data = tct_mod_data(m);
	struct prefs p = { .policy = config->default_policy };
	struct tct_value row, list;

	if (!config->user_preferences || !tct_entity_get(e, data->accounts, KEY, &row))
		return p;
	if (policy_find(tct_record_string(&row, "default", NULL)) >= 0)
		p.policy = policy_find(tct_record_string(&row, "default", NULL));
	for (int i = 0; i < 2; i++) {
		if (!tct_record_find(&row, mam_policies[i], &list) ||
			list.kind != TCT_VALUE_BYTES)
			continue;
		p.list[i] = list.bytes.data;
		p.len[i] = list.bytes.len;
	}
	return p;
}

/* A bare address in the list stands for all its resources. */
static bool in_list(const struct prefs *p, int which, const struct tct_jid *with)
{
	const char *end = p->list[which] + p->len[which];

	if (p->len[which] == 0)
		return false;
	for (const char *at = p->list[which]; at < end; at += strlen(at) + 1) {
		if (strcmp(at, tct_jid_text(with)) == 0 ||
			strcmp(at, tct_jid_bare_text(with)) == 0)
			return true;
	}
	return false;
}

static bool in_roster(struct tct_mod *m, struct tct_entity *e, const struct tct_jid *with)
{
	struct tct_mod *provider;
	const struct tct_roster_ops *roster = tct_service(m, "roster", &provider);

	return roster != NULL && (roster->state(provider, e, with) & TCT_ROSTER_LISTED) != 0;
}

bool mam_prefs_allow(struct tct_mod *m, struct tct_entity *e, const struct tct_jid *with)
{
	struct prefs p = prefs_get(m, e);

	if (in_list(&p, MAM_NEVER, with))
		return false;
	if (in_list(&p, MAM_ALWAYS, with))
		return true;
	return p.policy == MAM_ROSTER ? in_roster(m, e, with) : p.policy == MAM_ALWAYS;
}

/* ---- asked and set ---- */

static enum tct_verdict answer(struct tct_mod *m, struct tct_event *ev)
{
	struct prefs p = prefs_get(m, ev->entity);
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *prefs = tct_add(tct_stanza_root(st), NS_MAM, "prefs");

	tct_set(prefs, "default", mam_policies[p.policy]);
	for (int i = 0; i < 2; i++) {
		struct tct_elem *list = tct_add(prefs, NULL, mam_policies[i]);

		for (size_t at = 0; at < p.len[i]; at += strlen(p.list[i] + at) + 1)
			tct_add_text(list, "jid", p.list[i] + at);
	}
	return tct_reply(ev, st);
}

enum tct_verdict mam_on_prefs_get(struct tct_mod *m, struct tct_event *ev)
{
	return answer(m, ev);
}

/* The lists of a request, one after the other. */
struct lists {
	size_t count, len[2];
	char bytes[2][LISTS_MAX];
};

static uint32_t read_list(struct tct_mod *m, struct lists *l, int which, const struct tct_elem *list)
{
	const struct mam_config *config = tct_mod_config(m);

	tct_elem_each (e, list) {
		const struct tct_jid *jid;
		size_t len;

		if (!tct_elem_is(e, NS_MAM, "jid"))
			continue;
		jid = tct_jid_new(tct_elem_text(e));
		if (jid == NULL)
			return TCT_BAD_REQUEST;
		len = strlen(tct_jid_text(jid)) + 1;
		if (l->count++ >= (size_t)config->max_preferences ||
			l->len[0] + l->len[1] + len > LISTS_MAX) {
			tct_jid_unref(jid);
			return TCT_RESOURCE_CONSTRAINT;
		}
		memcpy(l->bytes[which] + l->len[which], tct_jid_text(jid), len);
		l->len[which] += len;
		tct_jid_unref(jid);
	}
	return 0;
}

static void write_row(struct tct_mod *m, struct tct_event *ev, const char *policy,
	const struct lists *l)
{
	const struct mam_data *data = tct_mod_data(m);
	struct tct_record *record = tct_record_new();

	tct_record_set_string(record, "default", policy);
	for (int i = 0; i < 2; i++)
		tct_record_set_bytes(record, mam_policies[i], l->bytes[i], l->len[i]);
	tct_kv_put(tct_event_txn(ev), data->accounts, tct_event_user(ev), KEY,
		tct_record_value(record));
	tct_record_free(record);
}

enum tct_verdict mam_on_prefs_set(struct tct_mod *m, struct tct_event *ev)
{
	const struct mam_config *config = tct_mod_config(m);
	const struct tct_elem *prefs = tct_stanza_payload(ev->stanza);
	const char *policy = tct_attr(prefs, "default");
	struct lists *l;
	uint32_t problem;

	if (!config->user_preferences)
		return tct_refuse(ev, TCT_NOT_ALLOWED, NULL);
	if (policy_find(policy) < 0)
		return tct_refuse(ev, TCT_BAD_REQUEST, "default: always, never or roster");
	l = tct_scope_alloc(tct_mod_scope(m), sizeof *l, NULL);
	problem = read_list(m, l, MAM_ALWAYS, tct_child(prefs, NS_MAM, "always"));
	if (problem == 0)
		problem = read_list(m, l, MAM_NEVER, tct_child(prefs, NS_MAM, "never"));
	if (problem == 0)
		write_row(m, ev, policy, l);
	tct_scope_free(l);
	return problem == 0 ? answer(m, ev) : tct_refuse(ev, problem, NULL);
}

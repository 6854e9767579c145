/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_groups.c - shared groups: accounts of a host that the configuration puts together see
 * each other, without asking. Nothing of it is stored: each account is lent its fellows when
 * it is loaded (mod_roster's service), and a changed configuration gives and takes what
 * differs, to those that are in memory. */
#include "modules/mod_groups/table.h"

#include <tercet/roster.h>

#define SOURCE "groups"

static const struct tct_option group_options[] = {
	TCT_OPT_STRING(struct group_config, name, .required = 1,
		.doc = "As which group its members see each other in their rosters."),
	TCT_OPT_STRINGS(struct group_config, members,
		.doc = "Accounts of this host, as \"romeo\" or \"romeo@example.org\"; at most 500."),
	TCT_OPT_END
};

static const struct tct_option options[] = {
	TCT_OPT_GROUPS(struct groups_config, groups, .sub = group_options,
		.sub_size = sizeof(struct group_config),
		.doc = "The groups: a list of { name = \"...\"; members = [ \"...\", ... ]; }, at most 200."),
	TCT_OPT_END
};

struct groups_data {
	const struct tct_roster_ops *roster;
	struct tct_mod *roster_mod;
	struct table *table;
};

/* One account's entity, and what is to be done about it. */
struct visit {
	struct groups_data *data;
	struct tct_entity *e;
	const struct table *other; /* what is there, too, is left out; NULL: nothing is */
	uint32_t flags;
};

static bool in_both(const struct visit *v, const struct group *group, const struct tct_jid *fellow)
{
	const struct group *same =
		v->other != NULL ? table_group(v->other, group->name) : NULL;

	return same != NULL && group_has(same, tct_entity_jid(v->e)) &&
		group_has(same, fellow);
}

static void give(const struct group *group, const struct tct_jid *fellow, void *data)
{
	struct tct_roster_gift gift = TCT_ROSTER_GIFT_INIT;
	const struct visit *v = data;

	if (in_both(v, group, fellow))
		return;
	gift.flags = v->flags;
	gift.state = TCT_ROSTER_TO | TCT_ROSTER_FROM;
	gift.source = SOURCE;
	gift.group = group->name;
	if (v->data->roster->give(v->data->roster_mod, NULL, v->e, fellow, &gift) != TCT_OK)
		tct_log_warn(v->data->roster_mod, "\"%s\" cannot be shown to \"%s\"",
			tct_jid_text(fellow), tct_jid_text(tct_entity_jid(v->e)));
}

static void take(const struct group *group, const struct tct_jid *fellow, void *data)
{
	const struct visit *v = data;

	if (!in_both(v, group, fellow))
		(void)v->data->roster->take(v->data->roster_mod, NULL, v->e, fellow, SOURCE,
			group->name);
}

/* For each account of `table` that is in memory, each fellow that `other` has not. */
static void visit_all(struct tct_mod *m, const struct table *table, const struct table *other,
	table_fellow_fn *fn)
{
	struct visit v = { tct_mod_data(m), NULL, other, 0 };
	const struct tct_jid *jid = NULL;

	if (table == NULL)
		return;
	while ((jid = table_next(table, jid)) != NULL) {
		v.e = tct_entity_find(tct_mod_host(m), tct_jid_node(jid));
		if (v.e != NULL)
			table_fellows(table, jid, fn, &v);
	}
}

/* Who is still together, in another group, was never apart: so give first. */
static void change(struct tct_mod *m, const struct table *old, const struct table *new)
{
	visit_all(m, new, old, give);
	visit_all(m, old, new, take);
}

/* ---- the module ---- */

/* Nobody has seen the account without its fellows. */
static void on_loaded(struct tct_mod *m, struct tct_entity *e)
{
	struct groups_data *data = tct_mod_data(m);
	struct visit v = { data, e, NULL, TCT_ROSTER_QUIET };

	table_fellows(data->table, tct_entity_jid(e), give, &v);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct groups_data *data = tct_mod_data(m);

	data->roster = tct_service(m, "roster", &data->roster_mod);
	if (data->roster == NULL)
		return tct_error_set(
			err, TCT_ENOENT, "no module provides the service \"roster\"");
	data->table = table_new(m, tct_mod_config(m), err);
	if (data->table == NULL)
		return TCT_EINVAL;
	tct_on_entity(m, TCT_ENTITY_LOADED, on_loaded);
	/* Who gets the name of a deleted account while it is in memory is in the group. */
	tct_on_entity(m, TCT_ENTITY_DELETED, on_loaded);
	return TCT_OK;
}

static void ready(struct tct_mod *m)
{
	struct groups_data *data = tct_mod_data(m);

	change(m, NULL, data->table);
}

static int reconfigure(struct tct_mod *m, const void *old, struct tct_error *err)
{
	struct groups_data *data = tct_mod_data(m);
	struct table *before = data->table, *after = table_new(m, tct_mod_config(m), err);

	(void)old;
	if (after == NULL)
		return TCT_EINVAL;
	data->table = after;
	change(m, before, after);
	table_free(before);
	return TCT_OK;
}

static void unload(struct tct_mod *m)
{
	struct groups_data *data = tct_mod_data(m);

	change(m, data->table, NULL);
	table_free(data->table);
	data->table = NULL;
}

TCT_MODULE(groups,
	.version     = "1.0",
	.summary     = "shared groups: accounts that see each other",
	.depends     = TCT_DEPENDS("@roster"),
	.options     = options,
	.config_size = sizeof(struct groups_config),
	.data_size   = sizeof(struct groups_data),
	.load        = load,
	.ready       = ready,
	.reconfigure = reconfigure,
	.unload      = unload,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_disco.c - XEP-0030: what the host and its accounts are and can do. Features come from
 * all modules (tct_feature), and what else they have to say (tct_on_disco). Who may not see
 * an account's presence gets what one gets who asks for an account that is not there
 * (section 8): an error to disco#info, no items to disco#items. */
#include <tercet/auth.h>
#include <tercet/module.h>
#include <tercet/roster.h>

#include <stdlib.h>
#include <string.h>

#define NS_INFO "http://jabber.org/protocol/disco#info"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"

struct disco_config {
	const char *name;
	struct tct_groups items;
};

struct disco_item {
	const char *jid, *name;
};

static const struct tct_option item_options[] = {
	TCT_OPT_JID(struct disco_item, jid, .required = true, .doc = "Address of the service."),
	TCT_OPT_STRING(struct disco_item, name, .doc = "What people see."),
	TCT_OPT_END
};

static const struct tct_option options[] = {
	TCT_OPT_STRING(struct disco_config, name, .def = "Tercet", .doc = "Name of the host's identity."),
	TCT_OPT_GROUPS(struct disco_config, items, .sub = item_options,
		.sub_size = sizeof(struct disco_item),
		.doc = "Services that are shown as items of the host."),
	TCT_OPT_END
};

/* ---- features, each once: XEP-0115 5.4 takes no other answer ---- */

struct features {
	const char **vars;
	size_t count, room;
};

static void add_var(const char *var, void *data)
{
	struct features *f = data;

	if (f->count == f->room) {
		f->room = f->room > 0 ? 2 * f->room : 64;
		f->vars = reallocarray(f->vars, f->room, sizeof *f->vars);
		if (f->vars == NULL)
			abort();
	}
	f->vars[f->count++] = var;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those of all modules and those that `answer` has already, sorted, behind the identities. */
static void add_features(struct tct_mod *m, struct tct_elem *answer)
{
	struct features f = { 0 };
	struct tct_elem *next;

	tct_feature_each(m, add_var, &f);
	for (struct tct_elem *e = tct_elem_first(answer); e != NULL; e = next) {
		next = tct_elem_next(e);
		if (!tct_elem_is(e, NS_INFO, "feature"))
			continue;
		/* The text lives as long as the stanza, in or out of the tree. */
		add_var(tct_attr(e, "var"), &f);
		tct_elem_remove(e);
	}
	qsort(f.vars, f.count, sizeof *f.vars, by_text);
	for (size_t i = 0; i < f.count; i++) {
		if (i == 0 || strcmp(f.vars[i], f.vars[i - 1]) != 0)
			tct_set(tct_add(answer, NS_INFO, "feature"), "var", f.vars[i]);
	}
	free(f.vars);
}

static void add_identity(struct tct_elem *answer, const char *category, const char *type,
	const char *name)
{
	struct tct_elem *identity = tct_add(answer, NS_INFO, "identity");

	tct_set(identity, "category", category);
	tct_set(identity, "type", type);
	tct_set(identity, "name", name);
}

/* ---- answers ---- */

/* Forms (XEP-0128) are put last, where people look for them. */
static void forms_last(struct tct_elem *answer)
{
	struct tct_elem *next, *last = NULL;

	for (struct tct_elem *e = tct_elem_first(answer); e != NULL && e != last; e = next) {
		next = tct_elem_next(e);
		if (strcmp(tct_elem_ns(e), NS_INFO) == 0)
			continue;
		if (last == NULL)
			last = tct_add_copy(answer, e);
		else
			tct_add_copy(answer, e);
		tct_elem_remove(e);
	}
}

/* XEP-0175 section 5. */
static bool anonymous(struct tct_mod *m)
{
	const struct tct_auth_ops *auth = tct_service(m, "auth", NULL);

	return auth != NULL && TCT_AUTH_HAS(auth, anonymous);
}

static void fill_info(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	const struct disco_config *config = tct_mod_config(m);

	if (q->target == TCT_TO_HOST)
		add_identity(answer, "server", "im", config->name);
	else
		add_identity(answer, "account", anonymous(m) ? "anonymous" : "registered", NULL);
	tct_disco_ask(m, q, answer);
	add_features(m, answer);
	forms_last(answer);
}

static void host_info(struct tct_mod *m, struct tct_elem *answer)
{
	struct tct_disco_query q = { .size = sizeof q, .what = TCT_DISCO_INFO,
		.target = TCT_TO_HOST };

	fill_info(m, &q, answer);
}

static void add_session(struct tct_session *s, void *data)
{
	if (tct_session_available(s))
		tct_set(tct_add(data, NS_ITEMS, "item"), "jid", tct_jid_text(tct_session_jid(s)));
}

static void fill_items(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	const struct disco_config *config = tct_mod_config(m);
	const struct disco_item *items = config->items.items;

	if (q->target != TCT_TO_HOST) {
		tct_entity_sessions(q->entity, add_session, answer);
	} else {
		for (size_t i = 0; i < config->items.count; i++) {
			struct tct_elem *item = tct_add(answer, NS_ITEMS, "item");

			tct_set(item, "jid", items[i].jid);
			tct_set(item, "name", items[i].name);
		}
	}
	tct_disco_ask(m, q, answer);
}

static enum tct_verdict answer(struct tct_mod *m, struct tct_event *ev, uint32_t what, uint32_t target)
{
	struct tct_disco_query q = { .size = sizeof q, .what = what, .target = target,
		.node = tct_attr(tct_stanza_payload(ev->stanza), "node"), .entity = ev->entity,
		.from = tct_stanza_from(ev->stanza) };
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *query = tct_add(tct_stanza_root(st),
		what == TCT_DISCO_INFO ? NS_INFO : NS_ITEMS, "query");

	tct_set(query, "node", q.node);
	if (q.node != NULL && q.node[0] == '\0')
		q.node = NULL;
	if (q.node != NULL && !tct_disco_ask(m, &q, query)) {
		tct_stanza_unref(st);
		return tct_refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
	}
	if (q.node == NULL && what == TCT_DISCO_INFO)
		fill_info(m, &q, query);
	else if (q.node == NULL)
		fill_items(m, &q, query);
	return tct_reply(ev, st);
}

static enum tct_verdict on_host_info(struct tct_mod *m, struct tct_event *ev)
{
	return answer(m, ev, TCT_DISCO_INFO, TCT_TO_HOST);
}

static enum tct_verdict on_host_items(struct tct_mod *m, struct tct_event *ev)
{
	return answer(m, ev, TCT_DISCO_ITEMS, TCT_TO_HOST);
}

static enum tct_verdict on_own_info(struct tct_mod *m, struct tct_event *ev)
{
	return answer(m, ev, TCT_DISCO_INFO, TCT_TO_SELF);
}

static enum tct_verdict on_own_items(struct tct_mod *m, struct tct_event *ev)
{
	return answer(m, ev, TCT_DISCO_ITEMS, TCT_TO_SELF);
}

/* Core has asked whether this one may see the account's presence. */
static enum tct_verdict on_account_info(struct tct_mod *m, struct tct_event *ev)
{
	return answer(m, ev, TCT_DISCO_INFO, TCT_TO_ACCOUNT);
}

static bool may_see(struct tct_mod *m, const struct tct_event *ev)
{
	struct tct_mod *roster;
	const struct tct_roster_ops *ops = tct_service(m, "roster", &roster);

	return tct_entity_exists(ev->entity) && ops != NULL &&
		ops->subscribed(roster, ev->entity, tct_stanza_from(ev->stanza));
}

/* Here the answer to the others is no error but nothing at all, XEP-0030 section 8. */
static enum tct_verdict on_account_items(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_stanza *st;
	struct tct_elem *query;

	if (may_see(m, ev))
		return answer(m, ev, TCT_DISCO_ITEMS, TCT_TO_ACCOUNT);
	st = tct_result(ev);
	query = tct_add(tct_stanza_root(st), NS_ITEMS, "query");
	tct_set(query, "node", tct_attr(tct_stanza_payload(ev->stanza), "node"));
	return tct_reply(ev, st);
}

static const struct tct_disco_ops ops = { .size = sizeof ops, .host_info = host_info };

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS_INFO, "query", on_host_info);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS_ITEMS, "query", on_host_items);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_INFO, "query", on_own_info);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_ITEMS, "query", on_own_items);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_ACCOUNT, NS_INFO, "query", on_account_info);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_ACCOUNT | TCT_ACCESS_UNKNOWN, NS_ITEMS, "query",
		on_account_items);
	tct_feature(m, NS_INFO);
	tct_feature(m, NS_ITEMS);
	tct_provide(m, "disco", "disco", &ops);
	return TCT_OK;
}

TCT_MODULE_FLAGS(disco, TCT_LIVE_OPTIONS,
	.version     = "1.1",
	.summary     = "XEP-0030: Service Discovery",
	.depends     = TCT_DEPENDS("?roster"),
	.options     = options,
	.config_size = sizeof(struct disco_config),
	.load        = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_disco.c - XEP-0030: what the host and its accounts are and can do. Features come
 * from all modules (tct_feature); accounts answer those who may see their presence, which
 * the server checks before it asks here. */
#include <tercet/module.h>

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

static void add_feature(const char *var, void *data)
{
	tct_set(tct_add(data, NULL, "feature"), "var", var);
}

/* NULL: the node is not one of ours. */
static struct tct_stanza *answer(
	const struct tct_event *ev, const char *ns, struct tct_elem **query)
{
	const char *node = tct_attr(tct_stanza_payload(ev->stanza), "node");
	struct tct_stanza *st;

	if (node != NULL && node[0] != '\0')
		return NULL;
	st = tct_result(ev);
	*query = tct_add(tct_stanza_root(st), ns, "query");
	tct_set(*query, "node", node);
	return st;
}

static enum tct_verdict info(struct tct_mod *m, struct tct_event *ev,
	const char *category, const char *type, const char *name)
{
	struct tct_elem *query, *identity;
	struct tct_stanza *st = answer(ev, NS_INFO, &query);

	if (st == NULL)
		return tct_refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
	identity = tct_add(query, NULL, "identity");
	tct_set(identity, "category", category);
	tct_set(identity, "type", type);
	tct_set(identity, "name", name);
	tct_feature_each(m, add_feature, query);
	return tct_reply(ev, st);
}

static enum tct_verdict on_host_info(struct tct_mod *m, struct tct_event *ev)
{
	const struct disco_config *config = tct_mod_config(m);

	return info(m, ev, "server", "im", config->name);
}

static enum tct_verdict on_account_info(struct tct_mod *m, struct tct_event *ev)
{
	return info(m, ev, "account", "registered", NULL);
}

static enum tct_verdict on_host_items(struct tct_mod *m, struct tct_event *ev)
{
	const struct disco_config *config = tct_mod_config(m);
	const struct disco_item *items = config->items.items;
	struct tct_elem *query;
	struct tct_stanza *st = answer(ev, NS_ITEMS, &query);

	if (st == NULL)
		return tct_refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
	for (size_t i = 0; i < config->items.count; i++) {
		struct tct_elem *item = tct_add(query, NULL, "item");

		tct_set(item, "jid", items[i].jid);
		tct_set(item, "name", items[i].name);
	}
	return tct_reply(ev, st);
}

/* Nodes of accounts are a matter of other modules: there are none yet. */
static enum tct_verdict on_account_items(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_elem *query;
	struct tct_stanza *st = answer(ev, NS_ITEMS, &query);

	(void)m;
	return st != NULL ? tct_reply(ev, st) : tct_refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	const uint32_t accounts = TCT_TO_SELF | TCT_TO_ACCOUNT;

	(void)err;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS_INFO, "query", on_host_info);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS_ITEMS, "query", on_host_items);
	tct_on_iq(m, TCT_IQ_GET, accounts, NS_INFO, "query", on_account_info);
	tct_on_iq(m, TCT_IQ_GET, accounts, NS_ITEMS, "query", on_account_items);
	tct_feature(m, NS_INFO);
	tct_feature(m, NS_ITEMS);
	return TCT_OK;
}

/* Options are looked up whenever they are needed. */
static int reconfigure(struct tct_mod *m, const void *old, struct tct_error *err)
{
	(void)m;
	(void)old;
	(void)err;
	return TCT_OK;
}

TCT_MODULE(disco,
	.version     = "1.0",
	.summary     = "XEP-0030: Service Discovery",
	.options     = options,
	.config_size = sizeof(struct disco_config),
	.load        = load,
	.reconfigure = reconfigure,
);

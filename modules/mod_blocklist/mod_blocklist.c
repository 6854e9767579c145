/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_blocklist.c - XEP-0191: what a blocked address sends does not reach the account, and
 * what the account's clients send does not reach a blocked address. To those who are blocked
 * the account looks as one that is not there. */
#include "modules/mod_blocklist/blocklist.h"

#define NS_CLIENT "jabber:client"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"

static const struct tct_option options[] = {
	TCT_OPT_INT(struct blocklist_config, max_items, .def = "1000", .min = "1", .max = "10000",
		.doc = "How many addresses an account may block."),
	TCT_OPT_SIZE(struct blocklist_config, max_size, .def = "256 KB", .min = "1 KB",
		.max = "2 MB", .doc = "How much these addresses may take together."),
	TCT_OPT_STRINGS(struct blocklist_config, report_to,
		.doc = "Addresses that get the reports of spam and abuse which clients make "
		       "when they block somebody (XEP-0377), as messages. Reports are logged "
		       "in any case."),
	TCT_OPT_INT(struct blocklist_config, max_reports, .def = "20", .min = "0",
		.max = "10000",
		.doc = "How many reports of one account are forwarded in a day. More are only "
		       "logged."),
	TCT_OPT_END
};

/* ---- the filter ---- */

/* What clients send to whom they block (XEP-0191 section 3.3): also answers stay here. */
static enum tct_verdict on_outbound(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->stanza);
	struct tct_stanza *st;

	if (to == NULL || ev->entity == NULL || !blocklist_has(m, ev->entity, to, NULL))
		return TCT_CONTINUE;
	st = tct_stanza_error(ev->stanza, TCT_NOT_ACCEPTABLE, NULL);
	if (st == NULL)
		return TCT_HANDLED;
	tct_add(tct_child(tct_stanza_root(st), NS_CLIENT, "error"), NS_ERRORS, "blocked");
	return tct_reply(ev, st);
}

/* What a conversation is answered with, and a request: as if the account were not there. What
 * was on its way already when it was blocked ends without a word. */
#define ANSWERED                                                                         \
	(TCT_MESSAGE_NORMAL | TCT_MESSAGE_CHAT | TCT_MESSAGE_GROUPCHAT | TCT_IQ_GET |    \
		TCT_IQ_SET)

/* The one question about an account that is never refused: what others get of an account that
 * is not there is an empty list (XEP-0030 section 8), and who is blocked must not see a
 * difference. */
static bool asks_items(struct tct_mod *m, const struct tct_event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->stanza);

	return tct_stanza_type(ev->stanza) == TCT_IQ_GET && to != NULL &&
		tct_jid_resource(to) == NULL &&
		tct_elem_is(tct_stanza_payload(ev->stanza), NS_ITEMS, "query") &&
		tct_service(m, "disco", NULL) != NULL;
}

static enum tct_verdict no_items(struct tct_event *ev)
{
	struct tct_stanza *st = tct_result(ev);

	tct_set(tct_add(tct_stanza_root(st), NS_ITEMS, "query"), "node",
		tct_attr(tct_stanza_payload(ev->stanza), "node"));
	return tct_reply(ev, st);
}

static enum tct_verdict on_inbound(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza);

	if (from == NULL || !blocklist_has(m, ev->entity, from, NULL))
		return TCT_CONTINUE;
	if (asks_items(m, ev))
		return no_items(ev);
	if ((ev->cause & TCT_NEW) != 0 && (tct_stanza_type(ev->stanza) & ANSWERED) != 0)
		return tct_refuse_unknown(ev);
	return TCT_HANDLED;
}

/* ---- what waits ---- */

/* Who wrote the message that is inside of a copy of it (XEP-0280), counted; NULL: it is none. */
static const struct tct_jid *copied_from(const struct tct_waiting *w)
{
	struct tct_stanza *st;
	const struct tct_elem *e;
	const char *text;
	const struct tct_jid *jid;

	if (!tct_waiting_mentions(w, NS_CARBONS))
		return NULL;
	st = tct_waiting_stanza(w);
	if (st == NULL)
		return NULL;
	e = tct_child(tct_stanza_root(st), NS_CARBONS, "received");
	text = tct_attr(tct_child(tct_child(e, NS_FORWARD, "forwarded"), NS_CLIENT, "message"),
		"from");
	jid = text != NULL ? tct_jid_new(text) : NULL;
	tct_stanza_unref(st);
	return jid;
}

/* It came before its sender was blocked, and no client has got it: none will. */
static bool on_unwanted(struct tct_mod *m, struct tct_session *s, const struct tct_waiting *w)
{
	const struct blocklist_data *data = tct_mod_data(m);
	const struct tct_jid *from = tct_waiting_from(w), *inside;
	struct tct_entity *e = tct_session_entity(s);
	bool blocked;

	if (from == NULL || tct_entity_count(e, data->rows) == 0)
		return false;
	/* Who went before the block must not stay online in the client's eyes. */
	if (tct_waiting_type(w) == TCT_PRESENCE_UNAVAILABLE)
		return false;
	if (!tct_jid_equal_bare(from, tct_entity_jid(e)))
		return blocklist_has(m, e, from, NULL);
	inside = copied_from(w);
	blocked = inside != NULL && blocklist_has(m, e, inside, NULL);
	tct_jid_unref(inside);
	return blocked;
}

/* ---- the module ---- */

/* Who blocks nobody gets no memory for it. */
static void on_loaded(struct tct_mod *m, struct tct_entity *e)
{
	const struct blocklist_data *data = tct_mod_data(m);

	if (tct_entity_count(e, data->rows) > 0)
		blocklist_forget(m, e);
}

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	struct blocklist_data *data = tct_mod_data(m);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, data->rows, tct_entity_user(e));
	tct_txn_submit(tct_mod_scope(m), txn, NULL, NULL);
	blocklist_forget(m, e);
}

static const struct tct_blocklist_ops ops = {
	.size = sizeof ops,
	.blocks = blocklist_blocks,
	.any = blocklist_any,
};

static int check(const void *config, struct tct_error *err)
{
	const struct blocklist_config *c = config;

	for (const char *const *to = c->report_to; *to != NULL; to++) {
		const struct tct_jid *jid = tct_jid_new(*to);

		if (jid == NULL)
			return tct_error_set(
				err, TCT_EINVAL, "report_to: \"%s\" is not an address", *to);
		tct_jid_unref(jid);
	}
	return TCT_OK;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct blocklist_data *data = tct_mod_data(m);

	data->rows = tct_kv_open(m, "blocklist", err);
	if (data->rows == NULL)
		return TCT_EIO;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_BLOCKING, "blocklist", blocklist_on_get);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_BLOCKING, "block", blocklist_on_block);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_BLOCKING, "unblock", blocklist_on_unblock);
	tct_on_entity(m, TCT_ENTITY_LOADED, on_loaded);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	tct_feature(m, NS_BLOCKING);
	tct_feature(m, NS_REPORTING);
	/* Before everybody else, and whatever is given back or comes out of a store. */
	tct_on_stanza(m, TCT_OUTBOUND, TCT_PRIO_FILTER + 50, on_outbound);
	tct_on_cause(m, TCT_NEW | TCT_REROUTE | TCT_OFFLINE);
	tct_on_stanza(m, TCT_INBOUND, TCT_PRIO_FILTER + 50, on_inbound);
	tct_on_unwanted(m, on_unwanted);
	tct_provide(m, "blocklist", "blocklist", &ops);
	return TCT_OK;
}

static void entity_end(struct tct_mod *m, void *data)
{
	(void)m;
	blocklist_entity_fini(data);
}

/* Over a restart of the server. */
static int session_save(struct tct_mod *m, const void *data, struct tct_record *out)
{
	const struct blocklist_session *bs = data;

	(void)m;
	tct_record_set_int(out, "interested", bs->interested);
	return TCT_OK;
}

static int session_restore(struct tct_mod *m, void *data, const struct tct_value *record)
{
	struct blocklist_session *bs = data;

	(void)m;
	bs->interested = tct_record_int(record, "interested", 0) != 0;
	return TCT_OK;
}

TCT_MODULE_FLAGS(blocklist, TCT_LIVE_OPTIONS,
	.version      = "1.0",
	.summary      = "XEP-0191: Blocking Command",
	.options      = options,
	.config_size  = sizeof(struct blocklist_config),
	.data_size    = sizeof(struct blocklist_data),
	.session_size = sizeof(struct blocklist_session),
	.entity_size  = sizeof(struct blocklist_entity),
	.preload      = TCT_PRELOAD("blocklist"),
	.check        = check,
	.load         = load,
	.entity_end   = entity_end,
	.session_save = session_save,
	.session_restore = session_restore,
);

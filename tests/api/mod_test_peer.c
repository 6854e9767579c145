/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_test_peer - other servers, played by the server itself: all domains below "peer". What
 * is sent there is told to the account that sent it, as a headline from "peer"; and
 *
 *	<message to='anything.peer'><presence xmlns='urn:tercet:test' from='...' to='...'
 *		type='...'/></message>
 *
 * comes in as if another server had sent it; so does <iq xmlns='urn:tercet:test' from='...'
 * to='...' id='...' type='...'/>, type get or set, with the payload in it, whose answer is told to
 * the account that let it in. "ours.peer" is a domain of this server, as that of a component is.
 * Never installed. */
#include <tercet/internal/peers.h>

#include <stdio.h>
#include <string.h>

#define NS "urn:tercet:test"

static const struct {
	const char *name;
	uint32_t type;
} types[] = {
	{ "available", TCT_PRESENCE_AVAILABLE },
	{ "unavailable", TCT_PRESENCE_UNAVAILABLE },
	{ "subscribe", TCT_PRESENCE_SUBSCRIBE },
	{ "subscribed", TCT_PRESENCE_SUBSCRIBED },
	{ "unsubscribe", TCT_PRESENCE_UNSUBSCRIBE },
	{ "unsubscribed", TCT_PRESENCE_UNSUBSCRIBED },
	{ "probe", TCT_PRESENCE_PROBE },
	{ "error", TCT_PRESENCE_ERROR },
};
#define TYPES (sizeof types / sizeof *types)

struct peer {
	const struct tct_jid *asker; /* who let the last request in; counted */
};

static bool is_peer(const struct tct_jid *jid)
{
	const char *domain = tct_jid_domain(jid);
	size_t len = strlen(domain);

	return len > 5 && strcmp(domain + len - 5, ".peer") == 0;
}

static void comes_in(struct tct_mod *m, const struct tct_elem *e)
{
	const char *type = tct_attr(e, "type");
	const struct tct_jid *from = tct_jid_new(tct_attr(e, "from"));
	const struct tct_jid *to = tct_jid_new(tct_attr(e, "to"));

	for (size_t i = 0; i < TYPES; i++) {
		if (from != NULL && to != NULL && type != NULL &&
			strcmp(types[i].name, type) == 0)
			tct_route(m, NULL,
				tct_stanza_new(types[i].type, from, to, tct_attr(e, "id")));
	}
	tct_jid_unref(from);
	tct_jid_unref(to);
}

static void asks(struct tct_mod *m, const struct tct_elem *e, const struct tct_jid *asker)
{
	struct peer *data = tct_mod_data(m);
	const char *type = tct_attr(e, "type");
	const struct tct_jid *from = tct_jid_new(tct_attr(e, "from"));
	const struct tct_jid *to = tct_jid_new(tct_attr(e, "to"));
	struct tct_stanza *st;

	tct_jid_unref(data->asker);
	data->asker = tct_jid_bare(asker);
	if (from != NULL && to != NULL && type != NULL && tct_elem_first(e) != NULL) {
		st = tct_stanza_new(strcmp(type, "set") == 0 ? TCT_IQ_SET : TCT_IQ_GET, from, to,
			tct_attr(e, "id"));
		tct_add_copy(tct_stanza_root(st), tct_elem_first(e));
		tct_route(m, NULL, st);
	}
	tct_jid_unref(from);
	tct_jid_unref(to);
}

static void tell(struct tct_mod *m, struct tct_event *ev, const char *what,
	const struct tct_jid *whom)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza);
	const struct tct_jid *account = tct_jid_bare(whom), *peer = tct_jid_new("peer");
	struct tct_stanza *st = tct_message_new(peer, account, "headline");
	char text[512];

	snprintf(text, sizeof text, "%s from %s to %s", what, tct_jid_text(from),
		tct_jid_text(tct_stanza_to(ev->stanza)));
	tct_stanza_set_id(st, NULL);
	tct_add_text(tct_stanza_root(st), "body", text);
	tct_route(m, NULL, st);
	tct_jid_unref(account);
	tct_jid_unref(peer);
}

/* "result", or the condition of the error. */
static void tell_answer(struct tct_mod *m, struct tct_event *ev)
{
	const struct peer *data = tct_mod_data(m);
	const struct tct_elem *e =
		tct_child(tct_stanza_root(ev->stanza), "jabber:client", "error");

	if (data->asker == NULL)
		return;
	if (tct_stanza_type(ev->stanza) == TCT_IQ_RESULT)
		tell(m, ev, "result", data->asker);
	else if (tct_stanza_type(ev->stanza) == TCT_IQ_ERROR)
		tell(m, ev, tct_elem_name(tct_elem_first(e)), data->asker);
}

static enum tct_verdict on_remote(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *root = tct_stanza_root(ev->stanza);
	const struct tct_elem *in = tct_child(root, NS, "presence");
	const struct tct_elem *iq = tct_child(root, NS, "iq");

	if (!is_peer(tct_stanza_to(ev->stanza)))
		return TCT_CONTINUE;
	if (in != NULL) {
		comes_in(m, in);
		return TCT_HANDLED;
	}
	if (iq != NULL) {
		asks(m, iq, tct_stanza_from(ev->stanza));
		return TCT_HANDLED;
	}
	tell_answer(m, ev);
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].type == tct_stanza_type(ev->stanza))
			tell(m, ev, types[i].name, tct_stanza_from(ev->stanza));
	}
	return TCT_HANDLED;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	/* Of several hosts the first has it. */
	(void)tcti_domain_add(m, "ours.peer");
	tct_on_stanza(m, TCT_REMOTE, TCT_PRIO_HANDLE, on_remote);
	return TCT_OK;
}

static void unload(struct tct_mod *m)
{
	struct peer *data = tct_mod_data(m);

	tct_jid_unref(data->asker);
}

TCT_MODULE_FLAGS(test_peer, TCT_INTERNAL,
	.version   = TCT_SERVER_VERSION,
	.summary   = "other servers, for tests",
	.data_size = sizeof(struct peer),
	.load      = load,
	.unload    = unload,
);

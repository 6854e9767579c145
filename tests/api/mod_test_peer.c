/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_test_peer - other servers, played by the server itself: all domains below "peer". What
 * is sent there is told to the account that sent it, as a headline from "peer"; and
 *
 *	<message to='anything.peer'><presence xmlns='urn:tercet:test' from='...' to='...'
 *		type='...'/></message>
 *
 * comes in as if another server had sent it. Never installed. */
#include <tercet/module.h>

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

static void tell(struct tct_mod *m, struct tct_event *ev, const char *what)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza);
	const struct tct_jid *account = tct_jid_bare(from), *peer = tct_jid_new("peer");
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

static enum tct_verdict on_remote(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *in = tct_child(tct_stanza_root(ev->stanza), NS, "presence");

	if (!is_peer(tct_stanza_to(ev->stanza)))
		return TCT_CONTINUE;
	if (in != NULL) {
		comes_in(m, in);
		return TCT_HANDLED;
	}
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].type == tct_stanza_type(ev->stanza))
			tell(m, ev, types[i].name);
	}
	return TCT_HANDLED;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_stanza(m, TCT_REMOTE, TCT_PRIO_HANDLE, on_remote);
	return TCT_OK;
}

TCT_MODULE(test_peer,
	.version = "1.0",
	.summary = "other servers, for tests",
	.load    = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* rules.c - which messages are worth keeping: what people said, and what changes or answers
 * it. XEP-0313 section 6.1.1, XEP-0334. */
#include "modules/mod_mam/mam.h"

#include <string.h>

#define NS_CLIENT "jabber:client"
#define NS_HINTS "urn:xmpp:hints"
#define NS_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

/* Besides a body; name NULL: whatever is in that namespace. */
static const struct {
	const char *ns, *name;
} kept[] = {
	{ "urn:xmpp:eme:0", "encryption" },
	{ "eu.siacs.conversations.axolotl", "encrypted" },
	{ "urn:xmpp:omemo:1", "encrypted" },
	{ "urn:xmpp:omemo:2", "encrypted" },
	{ "urn:xmpp:openpgp:0", "openpgp" },
	{ "jabber:x:encrypted", "x" },
	{ "urn:xmpp:receipts", "received" },
	{ "urn:xmpp:chat-markers:0", "received" },
	{ "urn:xmpp:chat-markers:0", "displayed" },
	{ "urn:xmpp:chat-markers:0", "acknowledged" },
	{ "urn:xmpp:jingle-message:0", NULL },
	{ "urn:xmpp:call-invites:0", NULL },
	{ "jabber:x:conference", "x" },
	{ "urn:xmpp:message-correct:0", "replace" },
	{ "urn:xmpp:reactions:0", "reactions" },
	{ "urn:xmpp:message-retract:0", NULL },
	{ "urn:xmpp:message-retract:1", NULL },
	{ "urn:xmpp:fasten:0", "apply-to" },
	{ "urn:xmpp:sfs:0", "file-sharing" },
};

static bool is_kept(const char *ns, const struct tct_elem *e)
{
	if (strcmp(ns, NS_MUC_USER) == 0)
		return tct_child(e, NS_MUC_USER, "invite") != NULL ||
			tct_child(e, NS_MUC_USER, "decline") != NULL;
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		if (strcmp(ns, kept[i].ns) == 0 &&
			(kept[i].name == NULL || strcmp(tct_elem_name(e), kept[i].name) == 0))
			return true;
	}
	return false;
}

bool mam_wanted(const struct tct_stanza *st)
{
	bool wanted = false;

	if ((tct_stanza_type(st) & (TCT_MESSAGE_CHAT | TCT_MESSAGE_NORMAL)) == 0)
		return false;
	tct_elem_each (e, tct_stanza_root(st)) {
		const char *ns = tct_elem_ns(e), *name = tct_elem_name(e);

		if (strcmp(ns, NS_CLIENT) == 0) {
			wanted |= strcmp(name, "body") == 0;
		} else if (strcmp(ns, NS_HINTS) == 0) {
			if (strcmp(name, "no-store") == 0 ||
				strcmp(name, "no-permanent-store") == 0)
				return false;
			wanted |= strcmp(name, "store") == 0;
		} else if (strcmp(ns, NS_EVENT) == 0) {
			return false;
		} else if (!wanted) {
			wanted = is_kept(ns, e);
		}
	}
	return wanted;
}

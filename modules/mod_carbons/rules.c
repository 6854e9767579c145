/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* rules.c - which messages are copied: XEP-0280 6.1, XEP-0334 4.3. */
#include "modules/mod_carbons/carbons.h"

#include <string.h>

#define NS_CLIENT "jabber:client"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

/* What a child says about the whole. */
enum sign {
	NOTHING = 0,
	BODY = 1 << 0,
	CHATTING = 1 << 1, /* what clients for people say besides words */
	INVITATION = 1 << 2,
	ROOM = 1 << 3,     /* it came from a room's occupant, or goes to one */
	NEVER = 1 << 4
};

static const struct {
	const char *ns, *name; /* NULL: any */
	enum sign sign;
} signs[] = {
	{ NS_CLIENT, "body", BODY },
	{ "urn:xmpp:receipts", NULL, CHATTING },
	{ "http://jabber.org/protocol/chatstates", NULL, CHATTING },
	{ "urn:xmpp:chat-markers:0", NULL, CHATTING },
	{ "jabber:x:conference", "x", INVITATION },
	{ NS_CARBONS, "private", NEVER },
	/* It is a copy already, or somebody wants it to look like one. */
	{ NS_CARBONS, "received", NEVER },
	{ NS_CARBONS, "sent", NEVER },
	{ "urn:xmpp:hints", "no-copy", NEVER },
};

static enum sign sign_of(const struct tct_elem *e)
{
	const char *ns = tct_elem_ns(e), *name = tct_elem_name(e);

	if (strcmp(ns, NS_MUC_USER) == 0 && strcmp(name, "x") == 0)
		return tct_child(e, NS_MUC_USER, "invite") != NULL ? INVITATION : ROOM;
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		if (strcmp(ns, signs[i].ns) == 0 &&
			(signs[i].name == NULL || strcmp(name, signs[i].name) == 0))
			return signs[i].sign;
	}
	return NOTHING;
}

bool carbons_eligible(const struct tct_stanza *st, bool received)
{
	const struct tct_jid *with = received ? tct_stanza_from(st) : tct_stanza_to(st);
	uint32_t type = tct_stanza_type(st);
	unsigned found = NOTHING;

	if ((type & (TCT_MESSAGE_GROUPCHAT | TCT_MESSAGE_ERROR)) != 0 || with == NULL)
		return false;
	tct_elem_each (e, tct_stanza_root(st))
		found |= sign_of(e);
	if ((found & NEVER) != 0)
		return false;
	if ((found & INVITATION) != 0)
		return true;
	/* A room gives a private message to all clients of its occupant itself. */
	if ((found & ROOM) != 0 && tct_jid_resource(with) != NULL)
		return !received;
	return type == TCT_MESSAGE_CHAT || (found & CHATTING) != 0 ||
		(type == TCT_MESSAGE_NORMAL && (found & BODY) != 0);
}

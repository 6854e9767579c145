/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* rules.c - what is worth calling somebody: words, encrypted ones too, calls, invitations. */
#include "modules/mod_push/push.h"

#include <string.h>

#define NS_CLIENT "jabber:client"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

static const struct {
	const char *ns, *name;
} worth[] = {
	{ "urn:xmpp:eme:0", "encryption" },
	{ "eu.siacs.conversations.axolotl", "encrypted" },
	{ "urn:xmpp:omemo:1", "encrypted" },
	{ "urn:xmpp:omemo:2", "encrypted" },
	{ "urn:xmpp:openpgp:0", "openpgp" },
	{ "urn:xmpp:jingle-message:0", "propose" },
	{ "urn:xmpp:call-invites:0", "invite" },
	{ "jabber:x:conference", "x" },
};

/* What the account's other clients sent is no news. */
static const struct tct_elem *unwrap(const struct tct_elem *message)
{
	const struct tct_elem *e = tct_child(message, NS_CARBONS, "received");

	if (tct_child(message, NS_CARBONS, "sent") != NULL)
		return NULL;
	if (e == NULL)
		return message;
	return tct_child(tct_child(e, "urn:xmpp:forward:0", "forwarded"), NS_CLIENT, "message");
}

const struct tct_elem *push_important(const struct tct_stanza *st)
{
	const struct tct_elem *message = unwrap(tct_stanza_root(st));
	const char *body = tct_child_text(message, NS_CLIENT, "body");
	const char *type = tct_attr(message, "type");

	if (message == NULL || (type != NULL && strcmp(type, "error") == 0))
		return NULL;
	/* The subject of a room is not said by anybody. */
	if (body != NULL && body[0] != '\0')
		return tct_stanza_type(st) == TCT_MESSAGE_GROUPCHAT &&
				tct_child(message, NS_CLIENT, "subject") != NULL ?
			NULL :
			message;
	if (tct_child(tct_child(message, NS_MUC_USER, "x"), NS_MUC_USER, "invite") != NULL)
		return message;
	for (size_t i = 0; i < sizeof worth / sizeof *worth; i++) {
		if (tct_child(message, worth[i].ns, worth[i].name) != NULL)
			return message;
	}
	return NULL;
}

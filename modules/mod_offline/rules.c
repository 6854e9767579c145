/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* rules.c - which messages wait for their addressee (XEP-0160 section 3, XEP-0334): what
 * people said to a person, and what answers or changes it. */
#include "modules/mod_offline/offline.h"

#include <string.h>

#define NS_CLIENT "jabber:client"
#define NS_HINTS "urn:xmpp:hints"
#define NS_EXPIRE "jabber:x:expire"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

/* Of messages without text; name NULL: whatever is in that namespace. */
static const struct {
	const char *ns, *name;
	enum offline_worth worth;
} known[] = {
	{ "urn:xmpp:receipts", "received", OFFLINE_UNARCHIVED },
	{ "urn:xmpp:chat-markers:0", "received", OFFLINE_UNARCHIVED },
	{ "urn:xmpp:chat-markers:0", "displayed", OFFLINE_UNARCHIVED },
	{ "urn:xmpp:chat-markers:0", "acknowledged", OFFLINE_UNARCHIVED },
	{ "urn:xmpp:eme:0", "encryption", OFFLINE_YES },
	{ "eu.siacs.conversations.axolotl", "encrypted", OFFLINE_YES },
	{ "urn:xmpp:omemo:1", "encrypted", OFFLINE_YES },
	{ "urn:xmpp:omemo:2", "encrypted", OFFLINE_YES },
	{ "urn:xmpp:openpgp:0", "openpgp", OFFLINE_YES },
	{ "jabber:x:encrypted", "x", OFFLINE_YES },
	{ "urn:xmpp:jingle-message:0", NULL, OFFLINE_YES },
	{ "urn:xmpp:call-invites:0", NULL, OFFLINE_YES },
	{ "jabber:x:conference", "x", OFFLINE_YES },
	{ "urn:xmpp:reactions:0", "reactions", OFFLINE_YES },
	{ "urn:xmpp:message-retract:0", NULL, OFFLINE_YES },
	{ "urn:xmpp:message-retract:1", NULL, OFFLINE_YES },
	{ "urn:xmpp:fasten:0", "apply-to", OFFLINE_YES },
	{ "urn:xmpp:sfs:0", "file-sharing", OFFLINE_YES },
};

static enum offline_worth worth_of(const char *ns, const struct tct_elem *e)
{
	if (strcmp(ns, NS_MUC_USER) == 0)
		return tct_child(e, NS_MUC_USER, "invite") != NULL ||
				tct_child(e, NS_MUC_USER, "decline") != NULL ?
			OFFLINE_YES :
			OFFLINE_NO;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(ns, known[i].ns) == 0 &&
			(known[i].name == NULL || strcmp(tct_elem_name(e), known[i].name) == 0))
			return known[i].worth;
	}
	return OFFLINE_NO;
}

/* The text of a conversation: a body or a subject that says something. */
static bool is_text(const struct tct_elem *e)
{
	const char *name = tct_elem_name(e);

	return (strcmp(name, "body") == 0 || strcmp(name, "subject") == 0) &&
		tct_elem_text(e)[0] != '\0';
}

enum offline_worth offline_worth(const struct tct_stanza *st)
{
	enum offline_worth worth = OFFLINE_NO, one;

	if ((tct_stanza_type(st) & (TCT_MESSAGE_CHAT | TCT_MESSAGE_NORMAL)) == 0)
		return OFFLINE_NO;
	tct_elem_each (e, tct_stanza_root(st)) {
		const char *ns = tct_elem_ns(e);

		if (strcmp(ns, NS_HINTS) == 0) {
			const char *hint = tct_elem_name(e);

			if (strcmp(hint, "no-store") == 0 ||
				strcmp(hint, "no-permanent-store") == 0)
				return OFFLINE_NO;
			one = strcmp(hint, "store") == 0 ? OFFLINE_YES : OFFLINE_NO;
		} else if (strcmp(ns, NS_CLIENT) == 0) {
			one = is_text(e) ? OFFLINE_YES : OFFLINE_NO;
		} else {
			one = worth != OFFLINE_YES ? worth_of(ns, e) : OFFLINE_NO;
		}
		worth = one > worth ? one : worth;
	}
	return worth;
}

int64_t offline_until(const struct tct_stanza *st)
{
	const struct tct_elem *x = tct_child(tct_stanza_root(st), NS_EXPIRE, "x");
	int64_t seconds, now = tct_now();

	if (x == NULL || tct_attr_int(x, "seconds", &seconds) != TCT_OK)
		return 0;
	if (seconds > INT64_MAX - now)
		return 0;
	/* What is over is over: a clock before 1970 is none of ours. */
	return seconds > 0 && now + seconds > 1 ? now + seconds : 1;
}

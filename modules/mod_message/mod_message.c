/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_message.c - what becomes of messages that nobody took (RFC 6121 section 8.5). Who
 * gets a message that can be delivered is decided by the server itself. An account that
 * is offline and one that does not exist look the same from outside. */
#include <tercet/module.h>

/* The groups of RFC 6121 8.5: a conversation is worth an error, the rest is not, and an
 * error is never answered. */
#define ANSWERED (TCT_MESSAGE_NORMAL | TCT_MESSAGE_CHAT | TCT_MESSAGE_GROUPCHAT)

static enum tct_verdict on_undelivered(struct tct_mod *m, struct tct_event *ev)
{
	(void)m;
	if ((tct_stanza_type(ev->stanza) & ANSWERED) == 0)
		return TCT_HANDLED;
	return tct_refuse_unknown(ev);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	/* Also what was given back by a session that ended, and found nobody else. */
	tct_on_cause(m, TCT_NEW | TCT_REROUTE);
	tct_on_message(m, TCT_UNDELIVERED, TCT_PRIO_FALLBACK, on_undelivered);
	return TCT_OK;
}

TCT_MODULE(message,
	.version = "1.0",
	.summary = "answers to messages that cannot be delivered (RFC 6121)",
	.load    = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* request.c - what tells its sender whether a resource is there: IQ requests to a full address,
 * because it answers, and messages of type groupchat, because there is an error when it is not
 * there (RFC 6121 8.5.3.2.1) and silence when it is. So only those reach it who may see that
 * (8.5.3.1): who may see the account's presence, and to whom the resource has sent directed
 * presence, as it has to a room that it is in, and by that to everybody in it. To others it is
 * like a resource that is not there. Answers always arrive: who asks shows himself. */
#include "modules/mod_presence/presence.h"

static bool may_ask(struct tct_mod *m, const struct tct_event *ev, const struct tct_jid *from)
{
	const struct presence_data *data = tct_mod_data(m);

	if (data->roster->subscribed(data->roster_mod, ev->entity, from))
		return true;
	for (size_t i = 0; i < tct_targets_count(ev); i++) {
		if (presence_directed_to(m, tct_targets_get(ev, i), from))
			return true;
	}
	return false;
}

/* What modules send in the name of this server, or of what it serves, is their affair. */
enum tct_verdict presence_on_request(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza);

	if (ev->origin.kind == TCT_MODULE_ORIGIN || tct_event_user(ev)[0] == '\0' ||
		(from != NULL && may_ask(m, ev, from)))
		return TCT_CONTINUE;
	/* On to where it ends when there is no resource for it. */
	while (tct_targets_count(ev) > 0)
		tct_targets_remove(ev, tct_targets_get(ev, 0));
	return TCT_CONTINUE;
}

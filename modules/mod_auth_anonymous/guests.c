/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* guests.c - what somebody may do whom nobody knows (XEP-0175 section 3): talk to who is there,
 * leave nothing behind, and not leave the server. */
#include "modules/mod_auth_anonymous/anonymous.h"

#include <tercet/internal/peers.h>

#define NS_HINTS "urn:xmpp:hints"

static bool is_self(const struct tct_event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->stanza);

	return to == NULL || tct_jid_equal_bare(to, tct_entity_jid(ev->entity));
}

/* Subscriptions would outlive the account in others' rosters. */
static enum tct_verdict on_presence(struct tct_mod *m, struct tct_event *ev)
{
	(void)m;
	if ((tct_stanza_type(ev->stanza) & TCT_TYPES_SUBSCRIPTION) == 0)
		return TCT_CONTINUE;
	return tct_refuse(ev, TCT_NOT_ALLOWED, "anonymous users have no contacts");
}

/* Neither archives nor messages for later: who is not there does not get it (XEP-0334). */
static enum tct_verdict on_message(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_elem *root;

	(void)m;
	if (is_self(ev) || tct_stanza_type(ev->stanza) == TCT_MESSAGE_ERROR)
		return TCT_CONTINUE;
	root = tct_stanza_root(tct_stanza_edit(ev));
	tct_elem_each (child, root) {
		if (tct_elem_is(child, NS_HINTS, "store")) {
			tct_elem_remove(child);
			break;
		}
	}
	if (tct_child(root, NS_HINTS, "no-store") == NULL)
		tct_add(root, NS_HINTS, "no-store");
	return TCT_CONTINUE;
}

/* What the host itself answers: who asks hears that there is nobody, and not nothing. */
static bool is_of_host(const struct tct_event *ev)
{
	return ev->origin.kind != TCT_CLIENT &&
		((tct_stanza_type(ev->stanza) & TCT_TYPES_ERROR) != 0 ||
			tct_jid_node(tct_stanza_from(ev->stanza)) == NULL);
}

/* A component (XEP-0114) is no other server: rooms for guests are one, more often than not. */
static enum tct_verdict on_remote(struct tct_mod *m, struct tct_event *ev)
{
	const struct anonymous_config *config = tct_mod_config(m);

	if (config->allow_anonymous_s2s || is_of_host(ev) ||
		tcti_domain_ours(tct_jid_domain(tct_stanza_to(ev->stanza))))
		return TCT_CONTINUE;
	return tct_refuse(ev, TCT_NOT_ALLOWED, "anonymous users do not reach other servers");
}

/* As if there were nobody. */
static enum tct_verdict on_inbound(struct tct_mod *m, struct tct_event *ev)
{
	const struct anonymous_config *config = tct_mod_config(m);

	if (config->allow_anonymous_s2s || ev->origin.kind != TCT_SERVER)
		return TCT_CONTINUE;
	return tct_stanza_kind(ev->stanza) == TCT_PRESENCE ? TCT_HANDLED : tct_refuse_unknown(ev);
}

void anonymous_load_guests(struct tct_mod *m)
{
	tct_on_presence(m, TCT_OUTBOUND, TCT_PRIO_FILTER, on_presence);
	tct_on_message(m, TCT_OUTBOUND, TCT_PRIO_FILTER, on_message);
	tct_on_stanza(m, TCT_REMOTE, TCT_PRIO_FILTER, on_remote);
	tct_on_stanza(m, TCT_INBOUND, TCT_PRIO_FILTER, on_inbound);
}

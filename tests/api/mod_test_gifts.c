/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_test_gifts - contacts that an account did not ask for: an account gives them to itself,
 * and takes them back, by the service of mod_roster. Never installed.
 *
 *	<give xmlns='urn:tercet:test' source='...' contact='...' name='...' group='...'
 *		stored='true' alone='true'/>	alone: not in the write set of the request
 *	<take xmlns='urn:tercet:test' source='...' contact='...' group='...' alone='true'/> */
#include <tercet/module.h>
#include <tercet/roster.h>

#define NS "urn:tercet:test"

struct gifts {
	const struct tct_roster_ops *roster;
	struct tct_mod *roster_mod;
};

static enum tct_verdict answer(struct tct_event *ev, int status)
{
	switch (status) {
	case TCT_OK:
		return tct_reply(ev, tct_result(ev));
	case TCT_ENOENT:
		return tct_refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
	case TCT_EFULL:
		return tct_refuse(ev, TCT_RESOURCE_CONSTRAINT, NULL);
	default:
		return tct_refuse(ev, TCT_BAD_REQUEST, NULL);
	}
}

static enum tct_verdict on_give(struct tct_mod *m, struct tct_event *ev)
{
	struct gifts *gifts = tct_mod_data(m);
	const struct tct_elem *e = tct_stanza_payload(ev->stanza);
	const struct tct_jid *contact = tct_jid_new(tct_attr(e, "contact"));
	struct tct_roster_gift gift = TCT_ROSTER_GIFT_INIT;
	int status;

	gift.flags = tct_attr(e, "stored") != NULL ? TCT_ROSTER_STORED : 0;
	gift.state = TCT_ROSTER_TO | TCT_ROSTER_FROM;
	gift.source = tct_attr(e, "source");
	gift.name = tct_attr(e, "name");
	gift.group = tct_attr(e, "group");
	status = gifts->roster->give(gifts->roster_mod,
		tct_attr(e, "alone") != NULL ? NULL : ev, ev->entity, contact, &gift);
	tct_jid_unref(contact);
	return answer(ev, status);
}

static enum tct_verdict on_take(struct tct_mod *m, struct tct_event *ev)
{
	struct gifts *gifts = tct_mod_data(m);
	const struct tct_elem *e = tct_stanza_payload(ev->stanza);
	const struct tct_jid *contact = tct_jid_new(tct_attr(e, "contact"));
	int status = gifts->roster->take(gifts->roster_mod,
		tct_attr(e, "alone") != NULL ? NULL : ev, ev->entity, contact,
		tct_attr(e, "source"), tct_attr(e, "group"));

	tct_jid_unref(contact);
	return answer(ev, status);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct gifts *gifts = tct_mod_data(m);

	gifts->roster = tct_service(m, "roster", &gifts->roster_mod);
	if (gifts->roster == NULL)
		return tct_error_set(err, TCT_ENOENT, "there is no roster");
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS, "give", on_give);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS, "take", on_take);
	return TCT_OK;
}

TCT_MODULE(test_gifts,
	.version   = "1.0",
	.summary   = "gifts, for tests",
	.depends   = TCT_DEPENDS("@roster"),
	.data_size = sizeof(struct gifts),
	.load      = load,
);

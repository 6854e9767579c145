/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_stanza_ids.c - XEP-0359: an id that claims to be given by an address of ours was given
 * by us, because whoever else writes one loses it before any other module looks. Ids of
 * other servers, and ids inside what is forwarded, are left alone. */
#include <tercet/module.h>

#define NS_SID "urn:xmpp:sid:0"
/* Before every filter. */
#define PRIO_FIRST (TCT_PRIO_FILTER + 1000)

/* Addresses are compared as the server prepares them, so that neither case nor the other
 * spellings of a domain hide one. What is no address at all may be read as anything. */
static bool is_forged(const struct tct_elem *e)
{
	const char *by = tct_attr(e, "by");
	const struct tct_jid *jid = by != NULL ? tct_jid_new(by) : NULL;
	bool ours = jid == NULL || tct_host_find(tct_jid_domain(jid)) != NULL;

	tct_jid_unref(jid);
	return ours;
}

static struct tct_elem *find_forged(const struct tct_stanza *st)
{
	tct_elem_each (e, tct_stanza_root(st)) {
		if (tct_elem_is(e, NS_SID, "stanza-id") && is_forged(e))
			return e;
	}
	return NULL;
}

static enum tct_verdict strip(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_elem *e, *next;

	(void)m;
	if (find_forged(ev->stanza) == NULL)
		return TCT_CONTINUE;
	e = tct_elem_first(tct_stanza_root(tct_stanza_edit(ev)));
	for (; e != NULL; e = next) {
		next = tct_elem_next(e);
		if (tct_elem_is(e, NS_SID, "stanza-id") && is_forged(e))
			tct_elem_remove(e);
	}
	return TCT_CONTINUE;
}

/* What clients send has passed OUTBOUND; what is made here may carry an id of ours. */
static enum tct_verdict on_inbound(struct tct_mod *m, struct tct_event *ev)
{
	if (ev->origin.kind != TCT_SERVER && ev->origin.kind != TCT_COMPONENT)
		return TCT_CONTINUE;
	return strip(m, ev);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_stanza(m, TCT_OUTBOUND, PRIO_FIRST, strip);
	tct_on_stanza(m, TCT_INBOUND, PRIO_FIRST, on_inbound);
	tct_feature(m, NS_SID);
	return TCT_OK;
}

TCT_MODULE(stanza_ids,
	.version = "1.0",
	.summary = "XEP-0359: forged stanza ids are removed",
	.load    = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_iq.c - the rules that every IQ must keep (RFC 6120 8.2.3), the answer when nobody
 * took one, and the session request of RFC 3921 that old clients still send. */
#include <tercet/module.h>

#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"
#define REQUESTS (TCT_IQ_GET | TCT_IQ_SET)

/* A request has one child, a result at most one; everything has an id. */
static enum tct_verdict check(struct tct_event *ev)
{
	const struct tct_elem *first = tct_stanza_payload(ev->stanza);
	const char *id = tct_stanza_id(ev->stanza);
	uint32_t type = tct_stanza_type(ev->stanza);
	bool several = first != NULL && tct_elem_next(first) != NULL;

	if ((type & REQUESTS) != 0) {
		if (id == NULL || id[0] == '\0')
			return tct_refuse(ev, TCT_BAD_REQUEST, "an IQ needs an id");
		if (first == NULL || several)
			return tct_refuse(
				ev, TCT_BAD_REQUEST, "a request has exactly one child");
		return TCT_CONTINUE;
	}
	/* Answers are never answered: a bad one is dropped. */
	if (id == NULL || (type == TCT_IQ_RESULT && several))
		return TCT_HANDLED;
	return TCT_CONTINUE;
}

static enum tct_verdict on_outbound(struct tct_mod *m, struct tct_event *ev)
{
	(void)m;
	return check(ev);
}

/* What clients of ours sent was looked at on its way out. */
static enum tct_verdict on_inbound(struct tct_mod *m, struct tct_event *ev)
{
	(void)m;
	if (ev->origin.kind != TCT_SERVER && ev->origin.kind != TCT_COMPONENT)
		return TCT_CONTINUE;
	return check(ev);
}

static enum tct_verdict on_undelivered(struct tct_mod *m, struct tct_event *ev)
{
	(void)m;
	if ((tct_stanza_type(ev->stanza) & REQUESTS) == 0)
		return TCT_HANDLED;
	/* Who was there a moment ago is no secret. */
	if ((ev->cause & TCT_REROUTE) != 0)
		return tct_refuse(ev, TCT_RECIPIENT_UNAVAILABLE, NULL);
	return tct_refuse_unknown(ev);
}

static enum tct_verdict on_session(struct tct_mod *m, struct tct_event *ev)
{
	(void)m;
	return tct_reply(ev, tct_result(ev));
}

/* Old clients ask only when it is offered; others see that they need not. */
static void add_features(
	struct tct_mod *m, struct tct_stream *s, struct tct_elem *features)
{
	(void)m;
	(void)s;
	tct_add_text(tct_add(features, NS_SESSION, "session"), "optional", NULL);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_iq_stage(m, TCT_OUTBOUND, TCT_PRIO_FILTER, on_outbound);
	tct_on_iq_stage(m, TCT_INBOUND, TCT_PRIO_FILTER, on_inbound);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF | TCT_TO_HOST, NS_SESSION, "session",
		on_session);
	tct_on_features(m, TCT_PRIO_HANDLE, add_features);
	tct_on_cause(m, TCT_NEW | TCT_REROUTE);
	tct_on_iq_stage(m, TCT_UNDELIVERED, TCT_PRIO_FALLBACK, on_undelivered);
	return TCT_OK;
}

TCT_MODULE(iq,
	.version = "1.0",
	.summary = "rules of IQs and the session request (RFC 6120, RFC 3921)",
	.load    = load,
);

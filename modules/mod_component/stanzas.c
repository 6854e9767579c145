/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stanzas.c - what comes from a component and what goes to it. A component speaks for every
 * address of its domain and for no other. Nothing is kept for one that is not connected: who
 * writes to it is told at once, and may write again. */
#include "modules/mod_component/component.h"

#include <string.h>

/* ---- from it ---- */

static void go_on(struct tct_scope *scope, void *data)
{
	(void)scope;
	tcti_stream_release(data);
}

/* What is more than the rate is not read before the second is over. */
static void count(struct component *c, struct component_stream *cs)
{
	const struct component_config *config = tct_mod_config(c->m);
	int64_t now = tct_monotonic();

	c->received++;
	if (now != cs->second) {
		cs->second = now;
		cs->count = 0;
	}
	if (++cs->count != config->stanza_rate)
		return;
	tcti_stream_hold(c->stream);
	tct_timer_start(tcti_stream_scope(c->m, c->stream), 1000, 0, go_on, c->stream);
}

static void answer_error(struct component *c, struct tct_stanza *st, uint32_t condition,
	const char *text)
{
	struct tct_stanza *error = tct_stanza_error(st, condition, text);
	const struct tct_jid *us;

	tct_stanza_unref(st);
	if (error == NULL)
		return;
	if (tct_stanza_from(error) == NULL) {
		us = tct_jid_new(c->domain);
		tct_stanza_set_from(error, us);
		tct_jid_unref(us);
	}
	tcti_stream_reply(c->stream, error);
}

/* NULL, or the stream error that it ends the stream with (RFC 6120 4.9.3). */
static const char *check_from(const struct component *c, const struct tct_jid *from)
{
	if (from == NULL)
		return "improper-addressing"; /* none, or none that is an address */
	return strcmp(tct_jid_domain(from), c->domain) == 0 ? NULL : "invalid-from";
}

void component_stanza(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *st,
	uint32_t problem)
{
	struct component_stream *cs = tcti_stream_data(m, s);
	struct component *c = cs->component;
	const char *condition = c != NULL ? check_from(c, tct_stanza_from(st)) : "not-authorized";

	if (condition != NULL) {
		if (c != NULL)
			tct_log_notice(m, "component %s sends from \"%s\", which is no address of "
					  "its domain",
				c->domain,
				tct_stanza_from(st) != NULL ?
					tct_jid_text(tct_stanza_from(st)) : "");
		tct_stanza_unref(st);
		tcti_stream_close(s, condition, NULL);
		return;
	}
	count(c, cs);
	if (problem != 0) {
		answer_error(c, st, problem, NULL);
		return;
	}
	if (tct_stanza_to(st) == NULL) {
		answer_error(c, st, TCT_BAD_REQUEST, "a stanza of a component needs a \"to\"");
		return;
	}
	if (tct_stanza_kind(st) == TCT_PRESENCE)
		seen_note(c, st);
	tcti_stream_route(s, st);
}

/* ---- to it ---- */

/* Presence that only says how things are now is not missed: it is asked for by probes. A request
 * for a subscription stands in its account's roster by now, and stays there. */
static enum tct_verdict refuse(struct component *c, struct tct_event *ev, uint32_t condition,
	const char *text)
{
	if (tct_stanza_kind(ev->stanza) != TCT_PRESENCE)
		return tct_refuse(ev, condition, text);
	if ((tct_stanza_type(ev->stanza) & TCT_TYPES_SUBSCRIPTION) != 0)
		tcti_bounce(c->m, tct_stanza_ref(ev->stanza), condition, text);
	return TCT_HANDLED;
}

/* A probe is answered for all that are not there (RFC 6121 4.3.2). */
static enum tct_verdict gone(struct component *c, struct tct_event *ev)
{
	const struct tct_stanza *st = ev->stanza;

	if (tct_stanza_type(st) != TCT_PRESENCE_PROBE)
		return refuse(c, ev, TCT_REMOTE_SERVER_TIMEOUT, COMPONENT_GONE);
	tct_route(c->m, ev, tct_stanza_new(TCT_PRESENCE_UNAVAILABLE, tct_stanza_to(st),
				    tct_stanza_from(st), NULL));
	return TCT_HANDLED;
}

enum tct_verdict component_remote(struct tct_mod *m, struct tct_event *ev)
{
	struct component *c = component_find(m, tct_jid_domain(tct_stanza_to(ev->stanza)));

	if (c == NULL)
		return TCT_CONTINUE;
	if (c->stream == NULL)
		return gone(c, ev);
	if (tcti_outlet_send(c->outlet, ev) != TCT_OK)
		return refuse(c, ev, TCT_RESOURCE_CONSTRAINT, "too much waits for the component");
	c->sent++;
	return TCT_HANDLED;
}

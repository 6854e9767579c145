/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* handshake.c - who a component is: the domain that its header names, when it knows the secret
 * of that domain (XEP-0114 3). Whether the domain is connected already is said to nobody who
 * does not. */
#include "modules/mod_component/component.h"

#include "modules/mod_component/digest.h"

#include <stdio.h>

static struct component *claimed(struct tct_mod *m, const struct tct_stream *s)
{
	const struct tct_jid *local = tcti_stream_local(s);

	return local != NULL ? component_find(m, tct_jid_domain(local)) : NULL;
}

const char *component_header(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *root)
{
	(void)root;
	return claimed(m, s) != NULL ? NULL : "host-unknown";
}

static void refuse(struct component *c, struct tct_stream *s, const char *condition,
	const char *why)
{
	/* In the form of mod_saslauth's line: one filter finds both. */
	tct_log_notice(c->m, "authentication failed: address=%s host=%s mechanism=handshake "
			     "condition=%s user=- (%s)",
		tcti_stream_address(s), c->domain, condition, why);
	if (c->stream == NULL)
		snprintf(c->problem, sizeof c->problem, "%s", why);
	tcti_stream_close(s, condition, NULL);
}

/* ---- connections that are gone ---- */

static void look(struct tct_scope *scope, void *data)
{
	struct tct_stream *s = data;
	const struct component_config *config = tct_mod_config(tct_scope_mod(scope));

	if (config->silence > 0 && tcti_stream_silence(s) >= config->silence)
		tcti_stream_close(s, "connection-timeout", "nothing was heard");
	else if (config->keepalive > 0)
		tcti_stream_space(s);
}

static void watch(struct tct_mod *m, struct tct_stream *s)
{
	const struct component_config *config = tct_mod_config(m);
	int64_t period = config->keepalive;

	if (config->silence > 0 && (period == 0 || config->silence < period))
		period = config->silence;
	if (period > 0)
		tct_timer_start(tcti_stream_scope(m, s), period * 1000,
			period * 1000, look, s);
}

static void welcome(struct component *c, struct tct_stream *s)
{
	struct component_stream *cs = tcti_stream_data(c->m, s);

	cs->component = c;
	c->stream = s;
	c->since = tct_now();
	c->problem[0] = '\0';
	tct_log_notice(c->m, "component %s connected from %s%s", c->domain, tcti_stream_address(s),
		tcti_stream_secured(s) ? " over TLS" : "");
	tcti_stream_proven(s);
	tcti_stream_send(s, tcti_nonza_new("jabber:client", "handshake"));
	tcti_outlet_attach(c->outlet, s);
	watch(c->m, s);
}

enum tct_verdict component_handshake(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct component *c = claimed(m, s);
	struct tct_stream *old;

	if (tcti_stream_is_proven(s))
		return TCT_CONTINUE; /* once */
	if (c == NULL) {
		tcti_stream_close(s, "host-unknown", NULL); /* it went with a reload */
		return TCT_HANDLED;
	}
	if (!digest_is(tcti_stream_id(s), component_options(c)->secret, tct_elem_text(e))) {
		refuse(c, s, "not-authorized", "wrong secret");
		return TCT_HANDLED;
	}
	old = c->stream;
	if (old != NULL && component_options(c)->conflict == CONFLICT_REFUSE) {
		refuse(c, s, "conflict", "it is connected already");
		return TCT_HANDLED;
	}
	if (old != NULL) {
		component_lost(c, "another connection has replaced it");
		tcti_stream_close(old, "conflict", NULL);
	}
	welcome(c, s);
	return TCT_HANDLED;
}

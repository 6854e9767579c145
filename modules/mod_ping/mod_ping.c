/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_ping.c - XEP-0199: the server answers pings to itself and to one's own account. */
#include <tercet/module.h>

#define NS_PING "urn:xmpp:ping"

static enum tct_verdict on_ping(struct tct_mod *m, struct tct_event *ev)
{
	(void)m;
	return tct_reply(ev, tct_result(ev));
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST | TCT_TO_SELF, NS_PING, "ping", on_ping);
	tct_feature(m, NS_PING);
	return TCT_OK;
}

TCT_MODULE(ping, .version = "1.0", .summary = "XEP-0199: XMPP Ping", .load = load);

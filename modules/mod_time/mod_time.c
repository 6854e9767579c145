/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_time.c - XEP-0202: the server's time and time zone. */
#include <tercet/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NS_TIME "urn:xmpp:time"

/* "+02:00", as XEP-0082 writes it. */
static void offset_text(char out[16], int64_t now)
{
	time_t seconds = (time_t)now;
	struct tm tm;
	long minutes;

	if (localtime_r(&seconds, &tm) == NULL)
		tm.tm_gmtoff = 0;
	minutes = labs(tm.tm_gmtoff) / 60;
	snprintf(out, 16, "%c%02u:%02u", tm.tm_gmtoff < 0 ? '-' : '+',
		(unsigned)(minutes / 60) % 100, (unsigned)(minutes % 60));
}

static enum tct_verdict on_time(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *e = tct_add(tct_stanza_root(st), NS_TIME, "time");
	int64_t now = tct_now();
	char zone[16], utc[TCT_TIME_SIZE];

	(void)m;
	offset_text(zone, now);
	tct_time_text(utc, now * 1000000, false);
	tct_add_text(e, "tzo", zone);
	tct_add_text(e, "utc", utc);
	return tct_reply(ev, st);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST | TCT_TO_SELF, NS_TIME, "time", on_time);
	tct_feature(m, NS_TIME);
	return TCT_OK;
}

TCT_MODULE(time, .version = "1.0", .summary = "XEP-0202: Entity Time", .load = load);

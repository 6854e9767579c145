/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* report.c - XEP-0377: a client says why it blocks somebody. The block is valid whatever the
 * report is like. Each report is one line in the log, always of the same form (without what
 * the user wrote), and a message to each address of report_to. */
#include "modules/mod_blocklist/blocklist.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_SID "urn:xmpp:sid:0"
#define TEXT_MAX 2000                 /* bytes of what the user wrote that are forwarded */
#define MESSAGES_MAX 50               /* what is named in a report that is forwarded whole */
#define DAY 86400

struct report {
	const char *kind; /* "spam", "abuse", "other" */
	const char *text; /* NULL: none */
	unsigned messages;
};

/* False: there is none, or it gives no reason (section 4: it must). */
static bool read_report(const struct tct_elem *e, struct report *r)
{
	const char *reason = tct_attr(e, "reason");

	if (e == NULL || reason == NULL)
		return false;
	r->kind = strcmp(reason, "urn:xmpp:reporting:spam") == 0 ? "spam" :
		strcmp(reason, "urn:xmpp:reporting:abuse") == 0 ? "abuse" : "other";
	r->text = tct_child_text(e, NS_REPORTING, "text");
	r->messages = 0;
	tct_elem_each (child, e)
		r->messages += tct_elem_is(child, NS_SID, "stanza-id");
	return true;
}

/* An account that reports all day must not fill somebody's inbox. */
static bool may_forward(struct tct_mod *m, struct tct_entity *e)
{
	const struct blocklist_config *config = tct_mod_config(m);
	struct blocklist_entity *be = tct_entity_data(m, e);
	int64_t now = tct_monotonic();

	if (be->reports == 0 || now - be->since >= DAY) {
		be->since = now;
		be->reports = 0;
	}
	if (be->reports >= config->max_reports)
		return false;
	be->reports++;
	return true;
}

/* Where a character ends, at or before `len`. */
static size_t whole(const char *text, size_t len)
{
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static struct tct_stanza *message(struct tct_event *ev, const struct tct_jid *to,
	const struct tct_jid *jid, const struct tct_elem *e, const struct report *r)
{
	struct tct_stanza *st = tct_message_new(
		tct_host_jid(tct_entity_host(ev->entity)), to, "normal");
	struct tct_elem *root = tct_stanza_root(st), *body = tct_add(root, NULL, "body");
	size_t len = r->text != NULL ? strlen(r->text) : 0;

	tct_text(body, tct_jid_text(tct_entity_jid(ev->entity)));
	tct_text(body, " reports ");
	tct_text(body, tct_jid_text(jid));
	tct_text(body, " for ");
	tct_text(body, r->kind);
	if (len > 0) {
		tct_text(body, ": ");
		tct_text_n(body, r->text,
			len > TEXT_MAX ? whole(r->text, TEXT_MAX) : len);
	}
	if (len <= TEXT_MAX && r->messages <= MESSAGES_MAX)
		tct_add_copy(root, e);
	return st;
}

static void forward(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *jid,
	const struct tct_elem *e, const struct report *r)
{
	const struct blocklist_config *config = tct_mod_config(m);

	if (config->report_to[0] == NULL || !may_forward(m, ev->entity))
		return;
	for (const char *const *to = config->report_to; *to != NULL; to++) {
		const struct tct_jid *address = tct_jid_new(*to);

		if (address != NULL)
			tct_route(m, ev, message(ev, address, jid, e, r));
		tct_jid_unref(address);
	}
}

void blocklist_report(struct tct_mod *m, struct tct_event *ev, const struct tct_elem *item,
	const struct tct_jid *jid)
{
	const struct tct_elem *e = tct_child(item, NS_REPORTING, "report");
	struct blocklist_data *data = tct_mod_data(m);
	struct report r;

	if (!read_report(e, &r))
		return;
	data->reports++;
	tct_log_notice(m,
		"report %" PRIu64 ": \"%s\" reports \"%s\" for %s (%u messages named)",
		data->reports, tct_jid_text(tct_entity_jid(ev->entity)), tct_jid_text(jid),
		r.kind, r.messages);
	forward(m, ev, jid, e, &r);
}

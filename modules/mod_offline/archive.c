/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* archive.c - beside an archive that clients read (XEP-0313): who reads it is not sent what it
 * finds there, and what it has found there does not wait any more. */
#include "modules/mod_offline/offline.h"

#include <string.h>

#define NS_MAM "urn:xmpp:mam:2"

bool offline_in_archive(struct tct_mod *m, const struct tct_entity *e,
	const struct offline_entry *entry)
{
	const struct offline_data *data = tct_mod_data(m);

	return entry->reference && data->archive != NULL &&
		entry->row >= data->archive_ops->floor(data->archive_mod, e);
}

/* Whatever becomes of the question: who asks knows archives. */
enum tct_verdict offline_on_query(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *payload;
	const struct tct_jid *to = tct_stanza_to(ev->stanza);

	if ((tct_stanza_type(ev->stanza) & (TCT_IQ_GET | TCT_IQ_SET)) == 0 ||
		ev->origin.session == NULL)
		return TCT_CONTINUE;
	payload = tct_stanza_payload(ev->stanza);
	if (payload == NULL || strcmp(tct_elem_ns(payload), NS_MAM) != 0 ||
		strcmp(tct_elem_name(payload), "prefs") == 0 ||
		(to != NULL && !tct_jid_equal(to, tct_entity_jid(ev->entity))))
		return TCT_CONTINUE;
	offline_reads(m, ev->origin.session);
	return TCT_CONTINUE;
}

/* What refers to these rows does not wait any more. */
static void drop(struct tct_mod *m, struct tct_entity *e, uint64_t first, uint64_t last)
{
	const struct offline_data *data = tct_mod_data(m);
	struct tct_txn *txn = NULL;
	struct offline_queue *q;

	if (!offline_has_queue(m, e))
		return;
	q = offline_queue(m, e);
	for (size_t i = q->count; i-- > 0;) {
		struct offline_entry *entry = q->entries[i];

		if (!entry->reference || entry->row < first || entry->row > last)
			continue;
		if (txn == NULL)
			txn = tct_txn_new(m);
		offline_remove(m, txn, e, entry);
		tct_figure_add(data->read, 1);
	}
	if (txn != NULL)
		tct_txn_submit(NULL, txn, NULL, NULL);
}

/* What it was sent it does not get again, nor does anybody who comes later. */
void offline_on_fetched(struct tct_mod *m, struct tct_session *s, uint64_t first, uint64_t last)
{
	struct offline_session *os = tct_session_data(m, s);

	os->session = s;
	os->fetched = last > os->fetched ? last : os->fetched;
	drop(m, tct_session_entity(s), first, last);
}

/* Who binds with Bind 2 gets from its archive what is there, and so does whoever comes later
 * (XEP-0386 3.2, "clear the offline messages"). What is nowhere else stays, and is delivered:
 * the text would have it cleared, too. */
void offline_on_inline(struct tct_mod *m, struct tct_session *s, const struct tct_elem *request,
	struct tct_elem *bound)
{
	const struct offline_data *data = tct_mod_data(m);
	struct tct_entity *e = tct_session_entity(s);

	(void)request;
	(void)bound;
	drop(m, e, data->archive_ops->floor(data->archive_mod, e), UINT64_MAX);
	offline_reads(m, s);
}

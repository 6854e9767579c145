/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* last.c - when an account was there last, and what it said when it left: what a probe is
 * answered with while nobody is there (RFC 6121 4.3.2). One row per account, written when its
 * last resource goes, in a set of its own: that everybody hears of the end must not depend
 * on a disk. Nobody waits for that set. */
#include "modules/mod_presence/presence.h"

#define NS_DELAY "urn:xmpp:delay"
#define LAST_KEY "last"
/* Of what was said; more is not kept. */
#define LAST_MAX 1024

static void count_available(struct tct_session *s, void *data)
{
	if (tct_session_available(s))
		(*(size_t *)data)++;
}

void presence_last_write(struct tct_mod *m, struct tct_session *s, struct tct_stanza *st)
{
	struct presence_data *data = tct_mod_data(m);
	struct tct_entity *e = tct_session_entity(s);
	struct tct_record *record;
	struct tct_value xml;
	struct tct_txn *txn;
	size_t others = 0;

	tct_entity_sessions(e, count_available, &others);
	if (others > 0 || !tct_entity_exists(e))
		return;
	record = tct_record_new();
	tct_record_set_int(record, "time", tct_now());
	if (tct_elem_first(tct_stanza_root(st)) != NULL) {
		xml = tct_xml(tct_stanza_root(st));
		if (xml.bytes.len <= LAST_MAX)
			tct_record_set_bytes(
				record, "xml", xml.bytes.data, xml.bytes.len);
	}
	txn = tct_txn_new(m);
	tct_txn_lazy(txn); /* a crash loses more: those who are there have no such row */
	tct_kv_put(txn, data->last, tct_entity_user(e), LAST_KEY, tct_record_value(record));
	tct_txn_submit(NULL, txn, NULL, NULL);
	tct_record_free(record);
}

int64_t presence_last(struct tct_mod *m, struct tct_entity *e, struct tct_elem *parent)
{
	struct presence_data *data = tct_mod_data(m);
	struct tct_elem *stored = NULL;
	struct tct_value row, xml;

	if (!tct_entity_get(e, data->last, LAST_KEY, &row))
		return 0;
	if (tct_record_find(&row, "xml", &xml) && xml.kind == TCT_VALUE_BYTES) {
		xml.kind = TCT_VALUE_XML;
		stored = tct_add_stored(parent, &xml);
	}
	tct_elem_each (child, stored) {
		/* The one of the server is the one that counts. */
		if (!tct_elem_is(child, NS_DELAY, "delay"))
			tct_add_copy(parent, child);
	}
	if (stored != NULL)
		tct_elem_remove(stored);
	return tct_record_int(&row, "time", 0);
}

void presence_last_add(struct tct_mod *m, struct tct_entity *e, struct tct_stanza *st)
{
	struct tct_elem *root = tct_stanza_root(st), *delay;
	int64_t time = presence_last(m, e, root);
	char stamp[TCT_TIME_SIZE];

	if (time == 0)
		return;
	delay = tct_add(root, NS_DELAY, "delay");
	tct_time_text(stamp, time * 1000000, false);
	tct_set(delay, "from", tct_jid_text(tct_entity_jid(e)));
	tct_set(delay, "stamp", stamp);
}

void presence_last_delete(struct tct_mod *m, struct tct_entity *e)
{
	struct presence_data *data = tct_mod_data(m);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, data->last, tct_entity_user(e));
	tct_txn_submit(NULL, txn, NULL, NULL);
}

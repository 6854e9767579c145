/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* quota.c - what may wait for one account. Whole messages count and have a size; a sender who
 * is no contact may take only a share, and gives way to contacts. References cost next to
 * nothing and nothing is lost with one, since the archive has the message: the oldest go. */
#include "modules/mod_offline/offline.h"

#include <string.h>

/* Beyond what may wait: what is with clients that have not acknowledged it. */
#define CROWD_COUNT 5000
#define CROWD_BYTES (4 * 1024 * 1024)

struct usage {
	int64_t count, bytes;
};

static bool same_sender(const char *a, const char *b)
{
	size_t len = strcspn(a, "/");

	return len == strcspn(b, "/") && memcmp(a, b, len) == 0;
}

/* What is in use, by all or by the sender of `like`. What has expired does not count. */
static struct usage usage_of(struct tct_mod *m, const struct offline_queue *q,
	const struct offline_entry *like, bool sender_only)
{
	struct usage u = { 0, 0 };

	for (size_t i = 0; i < q->count; i++) {
		const struct offline_entry *e = q->entries[i];

		if (e->reference != like->reference || offline_expired(m, e) ||
			(sender_only && !same_sender(e->from, like->from)))
			continue;
		u.count++;
		u.bytes += e->bytes;
	}
	return u;
}

/* At least one message. */
static int64_t share_of(const struct offline_config *config, int64_t all)
{
	int64_t share = all / 100 * config->stranger_share +
		all % 100 * config->stranger_share / 100;

	return share > 0 ? share : 1;
}

/* Rows that nobody will get. */
static void remove_expired(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e)
{
	struct offline_queue *q = offline_queue(m, e);

	for (size_t i = q->count; i-- > 0;) {
		if (offline_expired(m, q->entries[i]) && !offline_is_out(m, q->entries[i]))
			offline_remove(m, txn, e, q->entries[i]);
	}
}

/* ---- whole messages ---- */

/* As if the message had not been kept in the first place. */
static void tell_sender(struct tct_txn *txn, struct tct_entity *e,
	const struct offline_entry *entry)
{
	const struct tct_jid *from = tct_jid_new(entry->from);
	const struct tct_jid *self = tct_jid_make(tct_entity_user(e),
		tct_jid_domain(tct_entity_jid(e)), entry->resource);
	struct tct_stanza *st;

	if (from != NULL && self != NULL) {
		st = tct_stanza_new(TCT_MESSAGE_CHAT, from, self, entry->id);
		tct_txn_route(txn, tct_stanza_error(st, TCT_SERVICE_UNAVAILABLE, NULL));
		tct_stanza_unref(st);
	}
	tct_jid_unref(from);
	tct_jid_unref(self);
}

static bool gives_way(struct tct_mod *m, const struct offline_entry *entry)
{
	return !entry->reference && !entry->contact && !offline_expired(m, entry) &&
		!offline_is_out(m, entry);
}

/* Removes messages of strangers from the oldest on, until so much is free; none when all of
 * them are not enough. */
static bool push_out(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct usage needed)
{
	struct offline_data *data = tct_mod_data(m);
	struct offline_queue *q = offline_queue(m, e);
	struct usage left = needed;
	size_t end = 0;

	for (; end < q->count && (left.count > 0 || left.bytes > 0); end++) {
		if (!gives_way(m, q->entries[end]))
			continue;
		left.count--;
		left.bytes -= q->entries[end]->bytes;
	}
	if (left.count > 0 || left.bytes > 0)
		return false;
	while (end-- > 0) {
		if (!gives_way(m, q->entries[end]))
			continue;
		tell_sender(txn, e, q->entries[end]);
		data->refused++;
		tct_figure_add(data->bounced, 1);
		offline_remove(m, txn, e, q->entries[end]);
	}
	return true;
}

static bool admit_message(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	const struct offline_entry *entry)
{
	const struct offline_config *config = tct_mod_config(m);
	struct offline_queue *q = offline_queue(m, e);
	struct usage all = usage_of(m, q, entry, false), own, needed;

	needed.count = all.count + 1 - config->max_messages;
	needed.bytes = all.bytes + entry->bytes - config->max_bytes;
	if (config->max_messages == 0 || entry->bytes > config->max_bytes)
		return false;
	if (entry->contact)
		return (needed.count <= 0 && needed.bytes <= 0) || push_out(m, txn, e, needed);
	own = usage_of(m, q, entry, true);
	return needed.count <= 0 && needed.bytes <= 0 &&
		own.count < share_of(config, config->max_messages) &&
		own.bytes + entry->bytes <= share_of(config, config->max_bytes);
}

/* ---- references ---- */

/* The oldest that may go for this one: one of the same sender, or of a stranger, or any. */
static struct offline_entry *oldest(const struct offline_queue *q,
	const struct offline_entry *for_it, bool sender_only)
{
	struct offline_entry *any = NULL;

	for (size_t i = 0; i < q->count; i++) {
		struct offline_entry *e = q->entries[i];

		if (!e->reference || (sender_only && !same_sender(e->from, for_it->from)))
			continue;
		if (sender_only || !e->contact)
			return e;
		if (any == NULL && for_it->contact)
			any = e;
	}
	return any;
}

static bool admit_reference(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	const struct offline_entry *entry)
{
	const struct offline_config *config = tct_mod_config(m);
	struct offline_queue *q = offline_queue(m, e);
	struct offline_entry *gone = NULL;

	if (config->max_references == 0)
		return false;
	if (!entry->contact && usage_of(m, q, entry, true).count >=
			share_of(config, config->max_references))
		gone = oldest(q, entry, true);
	else if (usage_of(m, q, entry, false).count < config->max_references)
		return true;
	else
		gone = oldest(q, entry, false);
	if (gone == NULL)
		return false;
	offline_remove(m, txn, e, gone);
	return true;
}

bool offline_admit(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	const struct offline_entry *entry)
{
	bool admitted = entry->reference ? admit_reference(m, txn, e, entry) :
					   admit_message(m, txn, e, entry);

	if (admitted)
		remove_expired(m, txn, e);
	return admitted;
}

bool offline_crowded(struct tct_mod *m, struct tct_entity *e, size_t bytes)
{
	const struct offline_config *config = tct_mod_config(m);
	const struct offline_queue *q = offline_queue(m, e);
	int64_t sum = (int64_t)bytes;

	for (size_t i = 0; i < q->count; i++)
		sum += q->entries[i]->reference ? 0 : q->entries[i]->bytes;
	return q->count >= (size_t)(config->max_messages + config->max_references) +
				CROWD_COUNT ||
		sum > config->max_bytes + CROWD_BYTES;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* handover.c - when the server or this module ends in order, what was written into a stream and is
 * not acknowledged may be with the peer. So the id of the stream is written down, and for each
 * message its number there: the next life resumes the stream, or is told how far it had come
 * (XEP-0198 5), and nothing comes twice. What had no row is gone, and counts all the same. */
#include "handover.h"

#include <stdlib.h>

#define MOST 10000 /* more are rather sent twice than written down */
#define ENTRY_BYTES 12 /* tag and number, lowest byte first */

struct saving {
	unsigned char *bytes;
	size_t count;
	uint32_t number;
};

static void save_one(uint64_t tag, void *data)
{
	struct saving *s = data;
	unsigned char *to = s->bytes + s->count * ENTRY_BYTES;

	s->number++;
	if (tag == 0)
		return;
	for (int i = 0; i < 8; i++)
		to[i] = (unsigned char)(tag >> 8 * i);
	for (int i = 0; i < 4; i++)
		to[8 + i] = (unsigned char)(s->number >> 8 * i);
	s->count++;
}

void handover_save(struct path *p, struct tct_archive *a, const char *user)
{
	int64_t left = p->sm.state == SM_ON ? p->sm.max : p->sm.until - tct_monotonic();
	uint32_t kept = tcti_outlet_kept(p->outlet, NULL);
	struct saving s = { 0 };
	struct tct_record *record;
	struct tct_txn *txn;

	if (p->sm.id == NULL || kept == 0 || kept > MOST || left <= 0 || p->sm.before != NULL)
		return;
	s.bytes = calloc(kept, ENTRY_BYTES);
	if (s.bytes == NULL)
		abort();
	tcti_outlet_kept_each(p->outlet, save_one, &s);
	record = tct_record_new();
	tct_record_set_string(record, "id", p->sm.id);
	tct_record_set_int(record, "until", tct_now() + left);
	tct_record_set_int(record, "max", p->sm.max);
	tct_record_set_int(record, "acked", p->sm.acked);
	tct_record_set_int(record, "total", kept);
	tct_record_set_bytes(record, "numbers", s.bytes, s.count * ENTRY_BYTES);
	txn = tcti_archive_txn(a, false);
	tct_archive_append(txn, a, user, NULL, tct_record_value(record));
	tct_txn_submit(NULL, txn, NULL, NULL);
	tct_record_free(record);
	free(s.bytes);
}

static uint64_t number_at(const unsigned char *from, int bytes)
{
	uint64_t n = 0;

	for (int i = bytes - 1; i >= 0; i--)
		n = n << 8 | from[i];
	return n;
}

static struct handover *read_entries(const struct tct_value *row)
{
	struct handover *h;
	struct tct_value v;

	if (!tct_record_find(row, "numbers", &v) || v.kind != TCT_VALUE_BYTES)
		return NULL;
	h = calloc(1, sizeof *h + v.bytes.len / ENTRY_BYTES * sizeof *h->entries);
	if (h == NULL)
		abort();
	h->total = (uint32_t)tct_record_int(row, "total", 0);
	h->count = (uint32_t)(v.bytes.len / ENTRY_BYTES);
	for (uint32_t i = 0; i < h->count; i++) {
		const unsigned char *from = (const unsigned char *)v.bytes.data + i * ENTRY_BYTES;

		h->entries[i].tag = number_at(from, 8);
		h->entries[i].number = (uint32_t)number_at(from + 8, 4);
	}
	return h;
}

void handover_load(struct path *p, const struct tct_value *row)
{
	const char *id = tct_record_string(row, "id", "");
	int64_t left = tct_record_int(row, "until", 0) - tct_now();
	struct handover *h = left > 0 && id[0] != '\0' ? read_entries(row) : NULL;

	if (h == NULL)
		return;
	free(p->sm.id);
	free(p->sm.before);
	p->sm.id = s2s_copy(id);
	p->sm.until = tct_monotonic() + left;
	p->sm.max = tct_record_int(row, "max", 0);
	p->sm.acked = (uint32_t)tct_record_int(row, "acked", 0);
	p->sm.before = h;
}

uint64_t handover_tag(const struct handover *h, uint32_t n)
{
	uint64_t tag = 0;

	for (uint32_t i = 0; i < h->count && h->entries[i].number <= n; i++)
		tag = h->entries[i].tag;
	return tag;
}

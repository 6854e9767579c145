/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* handover.c - when the server or this module ends in order, what was written into a stream and is
 * not acknowledged may be with the peer. So the id of the stream is written down, and for each
 * message its number there: the next life resumes the stream, or is told how far it had come
 * (XEP-0198 5), and nothing comes twice. What had no row is gone, and counts all the same. */
#include "handover.h"

#include "mux.h"

#include <stdlib.h>
#include <string.h>

#define MOST 10000 /* more are rather sent twice than written down */
#define ENTRY_BYTES 12 /* tag and number, lowest byte first */

/* ---- writing ---- */

struct saving {
	const struct path *path;
	uint64_t *tags; /* of what the path keeps, oldest first */
	uint32_t tag_count, at;
	unsigned char *bytes;
	size_t count;
};

static void save_tag(uint64_t tag, void *data)
{
	struct saving *s = data;

	s->tags[s->tag_count++] = tag;
}

static void save_one(struct saving *s, uint64_t tag, uint32_t number)
{
	unsigned char *to = s->bytes + s->count * ENTRY_BYTES;

	if (tag == 0)
		return;
	for (int i = 0; i < 8; i++)
		to[i] = (unsigned char)(tag >> 8 * i);
	for (int i = 0; i < 4; i++)
		to[8 + i] = (unsigned char)(number >> 8 * i);
	s->count++;
}

static void save_run(void *owner, uint32_t number, uint32_t count, void *data)
{
	struct saving *s = data;

	if (owner != s->path)
		return;
	for (uint32_t i = 1; i <= count && s->at < s->tag_count; i++)
		save_one(s, s->tags[s->at++], number + i);
}

static void *room_for(size_t count, size_t size)
{
	void *room = calloc(count + 1, size);

	if (room == NULL)
		abort();
	return room;
}

static struct tct_record *record_of(const struct path *carrier, int64_t left,
	const struct saving *s)
{
	struct tct_record *record = tct_record_new();

	tct_record_set_string(record, "id", carrier->sm.id);
	tct_record_set_int(record, "until", tct_now() + left);
	tct_record_set_int(record, "max", carrier->sm.max);
	tct_record_set_int(record, "acked", carrier->sm.acked);
	tct_record_set_int(record, "total", carrier->sm.ledger.total);
	tct_record_set_bytes(record, "numbers", s->bytes, s->count * ENTRY_BYTES);
	if (carrier != s->path) {
		tct_record_set_string(record, "carrier_local", carrier->local);
		tct_record_set_string(record, "carrier_remote", carrier->remote);
	}
	return record;
}

void handover_save(struct path *p, struct tct_archive *a, const char *user)
{
	const struct path *c = p->carrier != NULL ? p->carrier : p;
	int64_t left = c->sm.state == SM_ON ? c->sm.max : c->sm.until - tct_monotonic();
	uint32_t kept = tcti_outlet_kept(p->outlet, NULL), total = c->sm.ledger.total;
	struct saving s = { .path = p };
	struct tct_record *record;
	struct tct_txn *txn;

	if (c->sm.id == NULL || total == 0 || total > MOST || left <= 0 ||
		c->sm.before != NULL || kept == 0)
		return;
	s.tags = room_for(kept, sizeof *s.tags);
	s.bytes = room_for(kept, ENTRY_BYTES);
	tcti_outlet_kept_each(p->outlet, save_tag, &s);
	ledger_each(&c->sm.ledger, save_run, &s);
	record = record_of(c, left, &s);
	txn = tcti_archive_txn(a, false);
	tct_archive_append(txn, a, user, NULL, tct_record_value(record));
	tct_txn_submit(NULL, txn, NULL, NULL);
	tct_record_free(record);
	free(s.bytes);
	free(s.tags);
}

/* ---- reading ---- */

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

static void take_stream(struct path *c, const struct tct_value *row, int64_t left)
{
	free(c->sm.id);
	c->sm.id = s2s_copy(tct_record_string(row, "id", ""));
	c->sm.until = tct_monotonic() + left;
	c->sm.max = tct_record_int(row, "max", 0);
	c->sm.acked = (uint32_t)tct_record_int(row, "acked", 0);
}

/* By whose stream the path has left; NULL: nobody is dialled for it. It may have nothing of its own
 * to say, or be no host, and so have no row. */
static struct path *carrier_of(struct path *p, const struct tct_value *row)
{
	const char *local = tct_record_string(row, "carrier_local", "");
	const char *remote = tct_record_string(row, "carrier_remote", "");
	struct path *c;

	if (!tcti_domain_ours(local) || remote[0] == '\0' || tcti_domain_ours(remote))
		return NULL;
	c = out_path(p->mod, local, remote);
	if (c == p || c->carrier != NULL || p->riders != NULL)
		return NULL;
	if (c->lost == 0)
		c->lost = tct_monotonic();
	return c;
}

void handover_load(struct path *p, const struct tct_value *row)
{
	const char *id = tct_record_string(row, "id", "");
	int64_t left = tct_record_int(row, "until", 0) - tct_now();
	struct handover *h = left > 0 && id[0] != '\0' ? read_entries(row) : NULL;
	struct path *c;

	if (h == NULL)
		return;
	free(p->sm.before);
	p->sm.before = h;
	if (tct_record_string(row, "carrier_local", "")[0] == '\0') {
		take_stream(p, row, left);
		return;
	}
	c = p->carrier == NULL ? carrier_of(p, row) : NULL;
	if (c == NULL) {
		free(p->sm.before);
		p->sm.before = NULL;
		return;
	}
	mux_begin(p, c);
	if (c->sm.before != NULL)
		return;
	take_stream(c, row, left);
	c->sm.before = room_for(1, sizeof *h);
	c->sm.before->total = h->total;
}

uint64_t handover_tag(const struct handover *h, uint32_t n)
{
	uint64_t tag = 0;

	for (uint32_t i = 0; i < h->count && h->entries[i].number <= n; i++)
		tag = h->entries[i].tag;
	return tag;
}

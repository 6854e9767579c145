/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* versions.c - versions of a roster (RFC 6121 2.6). Each change makes one; the latest are
 * kept, so that a client which has one of them is told what has changed since: every item
 * knows the version of its last change, and an item that was removed is kept as long as a
 * version before its end is known. A version as clients see it also names what was lent to
 * the account: nobody counts changes of that, so a client that knew something else gets the
 * whole roster. */
#include "modules/mod_roster/roster.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_KEY "version"
#define VERSION_BYTES 8

static int64_t version_of(const struct roster *r)
{
	return r->version_count > 0 ? r->versions[r->version_count - 1] : 0;
}

static void add(struct roster *r, int64_t version)
{
	r->versions =
		realloc(r->versions, (r->version_count + 1) * sizeof *r->versions);
	if (r->versions == NULL)
		abort(); /* bounded by max_changes */
	r->versions[r->version_count++] = version;
}

void roster_versions_read(struct tct_mod *m, struct tct_entity *e, struct roster *r)
{
	struct roster_data *data = tct_mod_data(m);
	const unsigned char *at;
	struct tct_value row;

	if (!tct_entity_get(e, data->version, VERSION_KEY, &row) ||
		row.kind != TCT_VALUE_BYTES)
		return;
	at = (const unsigned char *)row.bytes.data;
	for (size_t i = 0; i + VERSION_BYTES <= row.bytes.len; i += VERSION_BYTES) {
		uint64_t version = 0;

		for (size_t byte = 0; byte < VERSION_BYTES; byte++)
			version = version << 8 | at[i + byte];
		add(r, (int64_t)version);
	}
}

static void put(struct tct_mod *m, struct tct_txn *txn, const struct tct_entity *e,
	const struct roster *r)
{
	struct roster_data *data = tct_mod_data(m);
	size_t len = r->version_count * VERSION_BYTES;
	unsigned char *bytes = malloc(len);

	if (bytes == NULL)
		abort();
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)((uint64_t)r->versions[i / VERSION_BYTES] >>
			8 * (VERSION_BYTES - 1 - i % VERSION_BYTES));
	tct_kv_put(txn, data->version, tct_entity_user(e), VERSION_KEY,
		tct_bytes(bytes, len));
	free(bytes);
}

/* What went before the oldest version that is known, nobody asks for. */
static void forget_old(
	struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e, struct roster *r)
{
	struct roster_item *next;

	for (struct roster_item *i = r->first; i != NULL; i = next) {
		next = i->next;
		if (i->changed > 0 && i->changed <= r->versions[0] &&
			(i->own & TCT_ROSTER_LISTED) == 0)
			roster_forget(m, txn, e, r, i);
	}
}

/* Versions are times, but always rise: after an old copy of the store was put back no
 * version that a client has seen means something else. */
int64_t roster_version_next(
	struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e, struct roster *r)
{
	const struct roster_config *config = tct_mod_config(m);
	int64_t last = version_of(r), now = tct_now_us();
	size_t most = (size_t)config->max_changes + 1, drop;

	if (r->version_count == 0)
		add(r, 0); /* the roster that was empty */
	add(r, now > last ? now : last + 1);
	if (r->version_count > most) {
		drop = r->version_count - most;
		r->version_count = most;
		memmove(r->versions, r->versions + drop, most * sizeof *r->versions);
		forget_old(m, txn, e, r);
	}
	put(m, txn, e, r);
	return version_of(r);
}

static void lent_text(const struct roster *r, char out[ROSTER_VERSION_SIZE])
{
	out[0] = '\0';
	if (r->digest != 0)
		snprintf(out, ROSTER_VERSION_SIZE, "-%" PRIx64, r->digest);
}

void roster_version_text(const struct roster *r, const struct roster_item *item,
	char out[ROSTER_VERSION_SIZE])
{
	int64_t version = item != NULL && item->changed > 0 ? item->changed : version_of(r);
	char lent[ROSTER_VERSION_SIZE];

	lent_text(r, lent);
	snprintf(out, ROSTER_VERSION_SIZE, "%" PRId64 "%.20s", version, lent);
}

bool roster_version_known(const struct roster *r, const char *text, int64_t *since)
{
	char lent[ROSTER_VERSION_SIZE];
	size_t digits = strspn(text, "0123456789");

	lent_text(r, lent);
	/* Fewer digits than would overflow; no version of ours begins with a zero but "0". */
	if (digits == 0 || digits > 18 || (text[0] == '0' && digits > 1) ||
		strcmp(text + digits, lent) != 0)
		return false;
	*since = strtoll(text, NULL, 10);
	for (size_t i = r->version_count; i > 0; i--) {
		if (r->versions[i - 1] == *since)
			return true;
	}
	return *since == version_of(r);
}

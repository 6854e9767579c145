/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* list.c - is an address blocked: at most three rows are looked for, and no text is made. */
#include "modules/mod_blocklist/blocklist.h"

#include <stdlib.h>
#include <string.h>

/* Own resources never lose each other (XEP-0191 section 4), nor their server. */
static bool own(const struct tct_entity *e, const struct tct_jid *jid)
{
	const struct tct_jid *self = tct_entity_jid(e);

	if (tct_jid_node(jid) == NULL)
		return strcmp(tct_jid_domain(jid), tct_jid_domain(self)) == 0;
	return tct_jid_equal_bare(jid, self);
}

static bool has_row(const struct blocklist_data *data, const struct tct_entity *e,
	const char *text, const char *except)
{
	struct tct_value v;

	return tct_entity_get(e, data->rows, text, &v) &&
		(except == NULL || strcmp(text, except) != 0);
}

bool blocklist_any(struct tct_mod *m, struct tct_entity *e)
{
	const struct blocklist_data *data = tct_mod_data(m);

	return tct_entity_count(e, data->rows) > 0;
}

bool blocklist_has(struct tct_mod *m, const struct tct_entity *e, const struct tct_jid *jid,
	const struct tct_jid *except)
{
	const struct blocklist_data *data = tct_mod_data(m);
	const char *but = except != NULL ? tct_jid_text(except) : NULL;

	if (tct_entity_count(e, data->rows) == 0 || own(e, jid))
		return false;
	if (has_row(data, e, tct_jid_text(jid), but))
		return true;
	if (tct_jid_resource(jid) != NULL &&
		has_row(data, e, tct_jid_bare_text(jid), but))
		return true;
	return tct_jid_node(jid) != NULL && has_row(data, e, tct_jid_domain(jid), but);
}

bool blocklist_covers(const struct tct_jid *pattern, const struct tct_jid *jid)
{
	if (tct_jid_equal(pattern, jid))
		return true;
	if (tct_jid_resource(pattern) != NULL)
		return false;
	if (tct_jid_node(pattern) != NULL)
		return tct_jid_equal_bare(pattern, jid);
	return strcmp(tct_jid_domain(pattern), tct_jid_domain(jid)) == 0;
}

/* ---- full addresses ---- */

void blocklist_entity_fini(struct blocklist_entity *be)
{
	for (size_t i = 0; i < be->full_count; i++)
		free((char *)be->full[i]);
	free(be->full);
	be->full = NULL;
	be->full_count = 0;
	be->ready = false;
}

void blocklist_forget(struct tct_mod *m, struct tct_entity *e)
{
	blocklist_entity_fini(tct_entity_data(m, e));
}

static bool is_full(const char *key)
{
	const char *slash = strchr(key, '/'), *at = strchr(key, '@');

	return slash != NULL && at != NULL && at < slash;
}

static void add_full(const char *key, const struct tct_value *v, void *data)
{
	struct blocklist_entity *be = data;

	(void)v;
	if (!is_full(key))
		return;
	be->full[be->full_count] = strdup(key);
	if (be->full[be->full_count++] == NULL)
		abort(); /* the rows are bounded; as the server does */
}

/* Rows come sorted. */
static const struct blocklist_entity *full_of(struct tct_mod *m, struct tct_entity *e)
{
	const struct blocklist_data *data = tct_mod_data(m);
	struct blocklist_entity *be = tct_entity_data(m, e);

	if (be->ready)
		return be;
	be->full = calloc(tct_entity_count(e, data->rows), sizeof *be->full);
	if (be->full == NULL)
		abort();
	tct_entity_each(e, data->rows, add_full, be);
	be->ready = true;
	return be;
}

/* True when a full address of the bare one `bare` is blocked. */
static bool some_of(const struct blocklist_entity *be, const char *bare)
{
	size_t low = 0, high = be->full_count, len = strlen(bare);

	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *text = be->full[middle];
		int c = strncmp(text, bare, len);

		if (c == 0 && text[len] == '/')
			return true;
		if (c < 0 || (c == 0 && (unsigned char)text[len] < '/'))
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

uint32_t blocklist_blocks(
	struct tct_mod *m, struct tct_entity *e, const struct tct_jid *jid)
{
	const struct blocklist_data *data = tct_mod_data(m);

	if (tct_entity_count(e, data->rows) == 0 || own(e, jid))
		return TCT_BLOCKED_NOT;
	if (blocklist_has(m, e, jid, NULL))
		return TCT_BLOCKED;
	if (tct_jid_resource(jid) == NULL && tct_jid_node(jid) != NULL &&
		some_of(full_of(m, e), tct_jid_text(jid)))
		return TCT_BLOCKED_SOME;
	return TCT_BLOCKED_NOT;
}

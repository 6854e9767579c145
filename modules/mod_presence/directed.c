/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* directed.c - to whom a session has sent directed presence (RFC 6121 4.6): a short list,
 * for it is bounded and mostly empty. The address is kept as it was written, for only the
 * occupant of a room that was entered has to hear of the end. */
#include "modules/mod_presence/presence.h"

#include <stdlib.h>
#include <string.h>

static struct presence_directed **place(
	struct presence_session *ps, const struct tct_jid *jid)
{
	struct presence_directed **at = &ps->directed;

	while (*at != NULL && !tct_jid_equal((*at)->jid, jid))
		at = &(*at)->next;
	return at;
}

static bool add(
	struct tct_mod *m, struct presence_session *ps, const struct tct_jid *to)
{
	const struct presence_config *config = tct_mod_config(m);
	struct presence_directed *d;

	if (*place(ps, to) != NULL)
		return true;
	if (ps->directed_count >= config->max_directed)
		return false;
	d = calloc(1, sizeof *d);
	if (d == NULL)
		abort(); /* the list is bounded; as the server does */
	d->jid = tct_jid_ref(to);
	d->next = ps->directed;
	ps->directed = d;
	ps->directed_count++;
	return true;
}

bool presence_directed_add(
	struct tct_mod *m, struct tct_session *s, const struct tct_jid *to)
{
	return add(m, tct_session_data(m, s), to);
}

static void drop(struct presence_session *ps, struct presence_directed **at)
{
	struct presence_directed *d = *at;

	*at = d->next;
	ps->directed_count--;
	tct_jid_unref(d->jid);
	free(d);
}

void presence_directed_remove(
	struct tct_mod *m, struct tct_session *s, const struct tct_jid *to)
{
	struct presence_session *ps = tct_session_data_peek(m, s);
	struct presence_directed **at;

	if (ps == NULL || ps->directed == NULL)
		return;
	at = place(ps, to);
	if (*at != NULL)
		drop(ps, at);
}

void presence_directed_clear(struct presence_session *ps)
{
	while (ps->directed != NULL)
		drop(ps, &ps->directed);
}

bool presence_directed_to(
	const struct tct_mod *m, const struct tct_session *s, const struct tct_jid *who)
{
	const struct presence_session *ps = tct_session_data_peek(m, s);
	const struct presence_directed *d = ps != NULL ? ps->directed : NULL;

	while (d != NULL && !tct_jid_equal_bare(d->jid, who))
		d = d->next;
	return d != NULL;
}

/* ---- over a restart of the server ---- */

/* Addresses, each with its NUL. */
void presence_directed_save(const struct presence_session *ps, struct tct_record *out)
{
	size_t len = 0, at = 0;
	char *bytes;

	for (const struct presence_directed *d = ps->directed; d != NULL; d = d->next)
		len += strlen(tct_jid_text(d->jid)) + 1;
	if (len == 0)
		return;
	bytes = malloc(len);
	if (bytes == NULL)
		abort();
	for (const struct presence_directed *d = ps->directed; d != NULL; d = d->next) {
		size_t size = strlen(tct_jid_text(d->jid)) + 1;

		memcpy(bytes + at, tct_jid_text(d->jid), size);
		at += size;
	}
	tct_record_set_bytes(out, "directed", bytes, len);
	free(bytes);
}

void presence_directed_restore(
	struct tct_mod *m, struct presence_session *ps, const struct tct_value *record)
{
	struct tct_value list;

	if (!tct_record_find(record, "directed", &list) || list.kind != TCT_VALUE_BYTES ||
		list.bytes.len == 0 || list.bytes.data[list.bytes.len - 1] != '\0')
		return;
	for (size_t at = 0; at < list.bytes.len; at += strlen(list.bytes.data + at) + 1) {
		const struct tct_jid *jid = tct_jid_new(list.bytes.data + at);

		if (jid != NULL)
			add(m, ps, jid);
		tct_jid_unref(jid);
	}
}

/* ---- asked by others ---- */

struct ending {
	struct tct_mod *m;
	struct tct_event *ev;
	tct_presence_match_fn *fn;
	void *data;
};

static void end_of_session(struct tct_session *s, void *data)
{
	struct ending *e = data;
	struct presence_session *ps = tct_session_data_peek(e->m, s);
	struct presence_directed **at = ps != NULL ? &ps->directed : NULL;

	while (at != NULL && *at != NULL) {
		const struct tct_jid *to = (*at)->jid;

		if (!e->fn(to, e->data)) {
			at = &(*at)->next;
			continue;
		}
		tct_route(e->m, e->ev,
			tct_stanza_new(TCT_PRESENCE_UNAVAILABLE, tct_session_jid(s), to,
				NULL));
		drop(ps, at);
	}
}

void presence_directed_end(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	tct_presence_match_fn *fn, void *data)
{
	struct ending ending = { m, ev, fn, data };

	tct_entity_sessions(e, end_of_session, &ending);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* keep.c - a message on its way leaves a row with its sender and one with its addressee, in
 * its own write set: when it is refused, neither stays. The receivers' copies say under
 * which id it is kept; what goes to the other side never does. */
#include "modules/mod_mam/mam.h"

#include <string.h>

struct mam_note *mam_note(struct tct_mod *m, struct tct_event *ev)
{
	return tct_event_data(m, ev, sizeof(struct mam_note));
}

static uint64_t append(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *with)
{
	const struct mam_config *config = tct_mod_config(m);
	const struct mam_data *data = tct_mod_data(m);
	struct tct_value xml = tct_stanza_xml(ev->stanza);
	uint64_t id = tct_archive_append(tct_event_txn(ev), data->archive, tct_event_user(ev),
		tct_jid_text(with), xml);

	mam_ends_note(tct_entity_data(m, ev->entity), id);
	mam_expire_note(m, ev->entity, xml.bytes.len);
	if (config->tombstones)
		mam_retract(m, ev, with, id);
	return id;
}

/* ---- errors that answer what was sent ---- */

static uint32_t hash_of(const struct tct_jid *with, const char *id)
{
	const char *bare = tct_jid_bare_text(with);
	uint64_t both[2] = { tct_hash(bare, strlen(bare)), tct_hash(id, strlen(id)) };
	uint32_t h = (uint32_t)tct_hash(both, sizeof both);

	return h != 0 ? h : 1;
}

static void remember(struct tct_mod *m, struct tct_event *ev)
{
	const char *id = tct_stanza_id(ev->stanza);
	struct mam_entity *e;

	if (id == NULL)
		return;
	e = tct_entity_data(m, ev->entity);
	e->recent[e->next++ % MAM_RECENT] = hash_of(tct_stanza_to(ev->stanza), id);
}

static bool answers_ours(struct tct_mod *m, struct tct_event *ev)
{
	const char *id = tct_stanza_id(ev->stanza);
	struct mam_entity *e;
	uint32_t h;

	if (id == NULL)
		return false;
	e = tct_entity_data(m, ev->entity);
	h = hash_of(tct_stanza_from(ev->stanza), id);
	for (int i = 0; i < MAM_RECENT; i++) {
		if (e->recent[i] == h)
			return true;
	}
	return false;
}

/* ---- the way of a message ---- */

enum tct_verdict mam_on_outbound(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->stanza);

	/* What goes to oneself is kept where it arrives, once. */
	if (to == NULL || tct_jid_equal_bare(to, tct_entity_jid(ev->entity)) ||
		!mam_wanted(ev->stanza) || !mam_prefs_allow(m, ev->entity, to))
		return TCT_CONTINUE;
	mam_note(m, ev)->sent = append(m, ev, to);
	remember(m, ev);
	return TCT_CONTINUE;
}

enum tct_verdict mam_on_resolved(struct tct_mod *m, struct tct_event *ev)
{
	const struct mam_data *data = tct_mod_data(m);
	const struct tct_jid *from = tct_stanza_from(ev->stanza);
	bool error = tct_stanza_type(ev->stanza) == TCT_MESSAGE_ERROR;

	if (tct_event_user(ev)[0] == '\0' || from == NULL || !tct_entity_exists(ev->entity))
		return TCT_CONTINUE;
	if (error ? !answers_ours(m, ev) : !mam_wanted(ev->stanza))
		return TCT_CONTINUE;
	if (mam_prefs_allow(m, ev->entity, from)) {
		mam_note(m, ev)->kept = append(m, ev, from);
		tct_event_keep(m, ev, data->archive, mam_note(m, ev)->kept, NULL);
	}
	return TCT_CONTINUE;
}

enum tct_verdict mam_on_deliver(struct tct_mod *m, struct tct_event *ev)
{
	uint64_t id = mam_note(m, ev)->kept;

	if (id != 0)
		mam_add_id(m, ev->entity, id, tct_event_extra(ev));
	return TCT_CONTINUE;
}

/* The server was started again, and the message is still on its way to a client. */
tct_row_done_fn *mam_on_restored(struct tct_mod *m, struct tct_entity *e, uint64_t id,
	struct tct_elem *extra)
{
	struct tct_elem *delay;
	char stamp[TCT_TIME_SIZE];

	mam_add_id(m, e, id, extra);
	tct_time_text(stamp, (int64_t)(id >> 8), true);
	delay = tct_add(extra, "urn:xmpp:delay", "delay");
	tct_set(delay, "from", tct_jid_text(tct_mod_jid(m)));
	tct_set(delay, "stamp", stamp);
	return NULL;
}

/* What is in the archive is not lost, so its sender hears nothing. */
enum tct_verdict mam_on_undelivered(struct tct_mod *m, struct tct_event *ev)
{
	const struct mam_data *data = tct_mod_data(m);

	return tct_event_kept(ev, data->archive) != 0 ? TCT_HANDLED : TCT_CONTINUE;
}

/* Results that a session did not take are nobody else's. */
enum tct_verdict mam_on_rerouted(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza);

	(void)m;
	if (from == NULL || ev->entity == NULL ||
		!tct_jid_equal(from, tct_entity_jid(ev->entity)) ||
		tct_child(tct_stanza_root(ev->stanza), NS_MAM, "result") == NULL)
		return TCT_CONTINUE;
	return TCT_HANDLED;
}

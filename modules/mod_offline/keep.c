/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* keep.c - messages become entries of a queue, in the write set of their own event: those that
 * nobody took, and those that are on their way while their sender was told that they are safe.
 * When they have arrived, they go. */
#include "modules/mod_offline/offline.h"

#include <inttypes.h>
#include <string.h>

#define ID_MAX 128 /* longer ids of stanzas are not noted */

static bool is_contact(struct tct_mod *m, struct tct_entity *e, const struct tct_jid *from)
{
	const struct offline_data *data = tct_mod_data(m);

	if (tct_jid_equal_bare(from, tct_entity_jid(e)))
		return true;
	return data->roster != NULL &&
		(data->roster->state(data->roster_mod, e, from) &
			(TCT_ROSTER_LISTED | TCT_ROSTER_TO | TCT_ROSTER_FROM)) != 0;
}

/* True for an account that is there. */
static bool is_account(const struct tct_event *ev)
{
	return tct_event_user(ev)[0] != '\0' && tct_entity_exists(ev->entity) &&
		tct_stanza_from(ev->stanza) != NULL;
}

/* All but key and row. Borrows from the stanza. */
static struct offline_entry entry_of(struct tct_mod *m, struct tct_event *ev, size_t bytes)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza);
	const char *id = tct_stanza_id(ev->stanza);

	return (struct offline_entry){ .bytes = (int64_t)bytes,
		.until = offline_until(ev->stanza),
		.contact = is_contact(m, ev->entity, from),
		.from = tct_jid_text(from),
		.id = id != NULL && strlen(id) <= ID_MAX ? id : NULL,
		.resource = tct_jid_resource(tct_stanza_to(ev->stanza)) };
}

/* The row with the message and its entry. */
static uint64_t store(struct tct_mod *m, struct tct_event *ev, struct tct_txn *txn,
	struct offline_entry *entry, struct tct_value xml)
{
	const struct offline_data *data = tct_mod_data(m);

	entry->row = tct_archive_append(txn, data->bodies, tct_event_user(ev), entry->from, xml);
	if (entry->key == 0)
		entry->key = entry->row;
	offline_add(m, txn, ev->entity, entry);
	return entry->row;
}

/* ---- nobody took it ---- */

/* An account that is not there gives the same answer, with as little work. */
static enum tct_verdict refuse(struct tct_mod *m, struct tct_event *ev)
{
	struct offline_data *data = tct_mod_data(m);

	data->refused++;
	tct_figure_add(data->bounced, 1);
	/* Who refuses many would write much. */
	if ((data->refused & (data->refused - 1)) == 0)
		tct_log_info(m, "a message for \"%s\" was refused, the queue is full (%" PRIu64
				" refused since the start)",
			tct_event_user(ev), data->refused);
	return tct_refuse_unknown(ev);
}

/* The archive of the account has the message as `row`. */
static enum tct_verdict refer(struct tct_mod *m, struct tct_event *ev, uint64_t row)
{
	const struct offline_data *data = tct_mod_data(m);
	const struct offline_queue *q = offline_queue(m, ev->entity);
	struct tct_txn *txn = tct_event_txn(ev);
	struct offline_entry entry;
	struct tct_value xml;

	/* One of ours that came back is there still, or has become needless on its way. */
	if (offline_ids_have(&data->out, row) || offline_find(q, row) != NULL ||
		offline_worth(ev->stanza) != OFFLINE_YES)
		return TCT_CONTINUE;
	xml = tct_stanza_xml(ev->stanza);
	entry = entry_of(m, ev, xml.bytes.len);
	entry.key = entry.row = row;
	/* One that came back late may be about to go from the archive, or be gone. */
	entry.reference = row >= data->archive_ops->floor(data->archive_mod, ev->entity);
	if (offline_expired(m, &entry) || !offline_admit(m, txn, ev->entity, &entry))
		return TCT_CONTINUE;
	if (entry.reference)
		offline_add(m, txn, ev->entity, &entry);
	else
		store(m, ev, txn, &entry, xml);
	return TCT_CONTINUE;
}

static enum tct_verdict keep_new(struct tct_mod *m, struct tct_event *ev,
	struct offline_entry *entry, struct tct_value xml)
{
	struct tct_txn *txn = tct_event_txn(ev);

	if (!offline_admit(m, txn, ev->entity, entry))
		return refuse(m, ev);
	store(m, ev, txn, entry, xml);
	return TCT_HANDLED;
}

static void returned_fini(void *block)
{
	tct_stanza_unref(*(struct tct_stanza **)block);
}

static void on_returned(struct tct_scope *scope, int status, void *data)
{
	struct tct_stanza **error = data;

	if (status != TCT_OK && *error != NULL)
		tct_route(tct_scope_mod(scope), NULL, tct_stanza_ref(*error));
	tct_scope_free(error);
}

/* A message that a session gave back. Its sender's session may have ended, and nobody waits for
 * this event: when it cannot be written he is told by a message. */
static enum tct_verdict keep_returned(struct tct_mod *m, struct tct_event *ev,
	struct offline_entry *entry, struct tct_value xml)
{
	struct tct_scope *scope = tct_entity_scope(m, ev->entity);
	struct tct_txn *txn = tct_txn_new(m);
	struct tct_stanza **error;

	if (!offline_admit(m, txn, ev->entity, entry)) {
		tct_txn_drop(txn);
		return refuse(m, ev);
	}
	store(m, ev, txn, entry, xml);
	error = tct_scope_alloc(scope, sizeof *error, returned_fini);
	*error = tct_stanza_error(ev->stanza, TCT_SERVICE_UNAVAILABLE, NULL);
	tct_txn_submit(scope, txn, on_returned, error);
	return TCT_HANDLED;
}

enum tct_verdict offline_on_undelivered(struct tct_mod *m, struct tct_event *ev)
{
	const struct offline_data *data = tct_mod_data(m);
	struct offline_entry entry;
	struct tct_value xml;
	uint64_t archived;

	if (!is_account(ev))
		return TCT_CONTINUE;
	if (tct_event_kept(ev, data->bodies) != 0)
		return TCT_HANDLED; /* it stays where it is */
	archived = data->archive != NULL ? tct_event_kept(ev, data->archive) : 0;
	if (archived != 0)
		return refer(m, ev, archived);
	if (offline_worth(ev->stanza) == OFFLINE_NO)
		return TCT_CONTINUE;
	xml = tct_stanza_xml(ev->stanza);
	entry = entry_of(m, ev, xml.bytes.len);
	if (entry.until != 0 && entry.until <= tct_now())
		return TCT_HANDLED; /* XEP-0023: nobody is told */
	return ev->cause == TCT_REROUTE ? keep_returned(m, ev, &entry, xml) :
					  keep_new(m, ev, &entry, xml);
}

/* ---- somebody gets it, and has not got it yet ---- */

/* True when it waits behind older messages, where no session has it yet. */
static bool is_held(struct tct_mod *m, const struct tct_event *ev)
{
	for (size_t i = tct_targets_count(ev); i-- > 0;) {
		const struct offline_session *os =
			tct_session_data_peek(m, tct_targets_get(ev, i));

		if (os != NULL && os->held)
			return true;
	}
	return false;
}

/* Its sender will be told that it was handled (XEP-0198), so that it must be on disk until a
 * client has it. What the archive keeps, is; but if it waits, a crash must not make us forget
 * for whom. */
enum tct_verdict offline_on_resolved(struct tct_mod *m, struct tct_event *ev)
{
	struct offline_data *data = tct_mod_data(m);
	struct offline_entry entry;
	struct tct_value xml;
	uint64_t archived;

	if (!tct_event_acknowledged(ev) || tct_targets_count(ev) == 0)
		return TCT_CONTINUE;
	archived = data->archive != NULL ? tct_event_kept(ev, data->archive) : 0;
	if ((archived != 0 && !is_held(m, ev)) || !is_account(ev) ||
		offline_worth(ev->stanza) < (archived != 0 ? OFFLINE_YES : OFFLINE_UNARCHIVED))
		return TCT_CONTINUE;
	xml = tct_stanza_xml(ev->stanza);
	if (offline_crowded(m, ev->entity, xml.bytes.len))
		return refuse(m, ev);
	entry = entry_of(m, ev, xml.bytes.len);
	entry.key = entry.row = archived;
	entry.reference = archived != 0;
	if (archived != 0)
		offline_add(m, tct_event_txn(ev), ev->entity, &entry);
	else
		store(m, ev, tct_event_txn(ev), &entry, xml);
	offline_ids_add(&data->out, entry.row);
	tct_event_keep(m, ev, archived != 0 ? data->archive : data->bodies, entry.row,
		offline_row_done);
	return TCT_CONTINUE;
}

/* An entry that came back from a session is nothing for one that got it from its archive. */
enum tct_verdict offline_on_rerouted(struct tct_mod *m, struct tct_event *ev)
{
	const struct offline_data *data = tct_mod_data(m);
	uint64_t row = data->archive != NULL ? tct_event_kept(ev, data->archive) : 0;

	if (row == 0 || !offline_ids_have(&data->out, row))
		return TCT_CONTINUE;
	for (size_t i = tct_targets_count(ev); i-- > 0;) {
		struct tct_session *s = tct_targets_get(ev, i);
		const struct offline_session *os = tct_session_data_peek(m, s);

		if (os != NULL && row <= os->fetched)
			tct_targets_remove(ev, s);
	}
	return TCT_CONTINUE;
}

/* ---- the server was started again, and it is still on its way ---- */

tct_row_done_fn *offline_on_restored(struct tct_mod *m, struct tct_entity *e, uint64_t id,
	struct tct_elem *extra)
{
	struct offline_data *data = tct_mod_data(m);

	(void)e;
	offline_add_delay(m, extra, id);
	offline_ids_add(&data->out, id);
	return offline_row_done;
}

/* The archive adds what clients see. */
tct_row_done_fn *offline_on_restored_reference(struct tct_mod *m, struct tct_entity *e,
	uint64_t id, struct tct_elem *extra)
{
	struct offline_data *data = tct_mod_data(m);

	(void)extra;
	if (!offline_has(m, e, id))
		return NULL;
	offline_ids_add(&data->out, id);
	return offline_row_done;
}

/* ---- it has arrived, or has not ---- */

void offline_row_done(struct tct_mod *m, struct tct_entity *e, uint64_t id, bool taken,
	struct tct_txn *txn)
{
	struct offline_data *data = tct_mod_data(m);

	offline_ids_remove(&data->out, id);
	if (!taken) {
		offline_kick(m, e, NULL);
		return;
	}
	tct_figure_add(data->delivered, 1);
	offline_remove_row(m, txn, e, id);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_carbons - message carbons (XEP-0280): a client gets copies of what the account's other
 * clients send and receive. A copy is made when the message has passed all filters, once for
 * all clients, and leaves when what the message wrote is on disk. */
#include "modules/mod_carbons/carbons.h"

#include <tercet/archive.h>

#include <string.h>

#define NS_FORWARD "urn:xmpp:forward:0"

/* Behind what refuses, changes and records. */
#define PRIO_COPY (TCT_PRIO_HANDLE - 50)

/* Messages that are remembered of an account, for the errors that answer them. */
#define RECENT 64

struct carbons_data {
	const struct tct_archive_ops *archive; /* NULL: there is none */
	struct tct_mod *archive_mod;
};

struct carbons_session {
	bool enabled;
};

/* Hashes of who it is with and the id, of copied messages; 0: none. */
struct recent {
	uint32_t hashes[RECENT];
	uint32_t next;
};

struct carbons_entity {
	struct recent sent, received;
};

/* ---- errors that answer what was copied ---- */

static uint32_t hash_of(const struct tct_jid *with, const char *id)
{
	const char *bare = tct_jid_bare_text(with);
	uint64_t both[2] = { tct_hash(bare, strlen(bare)), tct_hash(id, strlen(id)) };
	uint32_t h = (uint32_t)tct_hash(both, sizeof both);

	return h != 0 ? h : 1;
}

static void remember(struct recent *r, const struct tct_jid *with, const char *id)
{
	if (id != NULL)
		r->hashes[r->next++ % RECENT] = hash_of(with, id);
}

static bool remembered(const struct recent *r, const struct tct_jid *with, const char *id)
{
	uint32_t h;

	if (id == NULL || with == NULL)
		return false;
	h = hash_of(with, id);
	for (int i = 0; i < RECENT; i++) {
		if (r->hashes[i] == h)
			return true;
	}
	return false;
}

/* ---- copies ---- */

struct copying {
	struct tct_mod *mod;
	struct tct_event *ev;
	struct tct_stanza *copy; /* made for the first who gets it */
	bool received;
	bool refused; /* nobody gets one */
};

/* An error is copied when what it answers was. */
static bool is_copied(struct copying *c)
{
	struct carbons_entity *e = tct_entity_data(c->mod, c->ev->entity);
	const struct tct_stanza *st = c->ev->stanza;
	const struct tct_jid *with = c->received ? tct_stanza_from(st) : tct_stanza_to(st);

	if (tct_stanza_type(st) == TCT_MESSAGE_ERROR)
		return remembered(c->received ? &e->sent : &e->received, with,
			tct_stanza_id(st));
	if (!carbons_eligible(st, c->received))
		return false;
	remember(c->received ? &e->received : &e->sent, with, tct_stanza_id(st));
	return true;
}

/* Without `to`, which is all that differs. */
static struct tct_stanza *make_copy(struct copying *c)
{
	const struct carbons_data *data = tct_mod_data(c->mod);
	struct tct_entity *e = c->ev->entity;
	struct tct_stanza *st = tct_stanza_new(tct_stanza_type(c->ev->stanza),
		tct_entity_jid(e), NULL, NULL);
	struct tct_elem *at = tct_add(tct_stanza_root(st), NS_CARBONS,
		c->received ? "received" : "sent");
	uint64_t id = 0;

	at = tct_add_stanza(tct_add(at, NS_FORWARD, "forwarded"), c->ev->stanza);
	if (data->archive != NULL)
		id = c->received ? data->archive->kept(data->archive_mod, c->ev) :
				   data->archive->sent(data->archive_mod, c->ev);
	if (id != 0)
		data->archive->add_id(data->archive_mod, e, id, at);
	return st;
}

static bool is_target(const struct tct_event *ev, const struct tct_session *s)
{
	for (size_t i = 0; i < tct_targets_count(ev); i++) {
		if (tct_targets_get(ev, i) == s)
			return true;
	}
	return false;
}

static void copy_to(struct tct_session *s, void *data)
{
	struct copying *c = data;
	const struct carbons_session *cs = tct_session_data_peek(c->mod, s);
	struct tct_overlay o = TCT_OVERLAY_INIT;

	if (cs == NULL || !cs->enabled || c->refused || s == c->ev->origin.session ||
		(c->received && is_target(c->ev, s)))
		return;
	if (c->copy == NULL) {
		c->refused = !is_copied(c);
		if (c->refused)
			return;
		c->copy = make_copy(c);
	}
	o.to = tct_session_jid(s);
	tct_session_send_copy(c->ev, s, c->copy, &o);
}

static void copy(struct tct_mod *m, struct tct_event *ev, bool received)
{
	struct copying c = { m, ev, NULL, received, false };

	tct_entity_sessions(ev->entity, copy_to, &c);
	tct_stanza_unref(c.copy);
}

static enum tct_verdict on_outbound(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->stanza);

	/* What goes to the own account is copied where it arrives, once. */
	if (to != NULL && !tct_jid_equal_bare(to, tct_entity_jid(ev->entity)))
		copy(m, ev, false);
	return TCT_CONTINUE;
}

static enum tct_verdict on_resolved(struct tct_mod *m, struct tct_event *ev)
{
	if (tct_event_user(ev)[0] != '\0')
		copy(m, ev, true);
	return TCT_CONTINUE;
}

/* A copy that a session gave back is of no use to others: they have had theirs, and nobody
 * hears of it (section 10.3). */
static enum tct_verdict on_rerouted(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza);
	const struct tct_elem *root = tct_stanza_root(ev->stanza);

	(void)m;
	if (from == NULL || ev->entity == NULL ||
		!tct_jid_equal(from, tct_entity_jid(ev->entity)))
		return TCT_CONTINUE;
	return tct_child(root, NS_CARBONS, "received") != NULL ||
			tct_child(root, NS_CARBONS, "sent") != NULL ?
		TCT_HANDLED :
		TCT_CONTINUE;
}

/* ---- who gets them ---- */

static enum tct_verdict set_enabled(struct tct_mod *m, struct tct_event *ev, bool enabled)
{
	struct carbons_session *cs;

	if (ev->origin.session == NULL)
		return tct_refuse(ev, TCT_NOT_ALLOWED, NULL);
	cs = tct_session_data(m, ev->origin.session);
	cs->enabled = enabled;
	return tct_reply(ev, tct_result(ev));
}

static enum tct_verdict on_enable(struct tct_mod *m, struct tct_event *ev)
{
	return set_enabled(m, ev, true);
}

static enum tct_verdict on_disable(struct tct_mod *m, struct tct_event *ev)
{
	return set_enabled(m, ev, false);
}

/* With Bind 2 (XEP-0386 3.2): no answer is needed, for it always succeeds. */
static void on_inline(struct tct_mod *m, struct tct_session *s, const struct tct_elem *request,
	struct tct_elem *bound)
{
	(void)bound;
	if (tct_elem_is(request, NS_CARBONS, "enable"))
		((struct carbons_session *)tct_session_data(m, s))->enabled = true;
}

static int session_save(struct tct_mod *m, const void *data, struct tct_record *out)
{
	const struct carbons_session *cs = data;

	(void)m;
	tct_record_set_int(out, "enabled", cs->enabled);
	return TCT_OK;
}

static int session_restore(struct tct_mod *m, void *data, const struct tct_value *record)
{
	struct carbons_session *cs = data;

	(void)m;
	cs->enabled = tct_record_int(record, "enabled", 0) != 0;
	return TCT_OK;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct carbons_data *data = tct_mod_data(m);

	(void)err;
	data->archive = tct_service(m, "archive", &data->archive_mod);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_CARBONS, "enable", on_enable);
	tct_on_inline(m, NS_CARBONS, true, on_inline);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_CARBONS, "disable", on_disable);
	tct_on_message(m, TCT_OUTBOUND, PRIO_COPY, on_outbound);
	tct_on_message(m, TCT_RESOLVED, PRIO_COPY, on_resolved);
	tct_on_cause(m, TCT_REROUTE);
	tct_on_message(m, TCT_INBOUND, TCT_PRIO_FILTER, on_rerouted);
	tct_feature(m, NS_CARBONS);
	tct_feature(m, "urn:xmpp:carbons:rules:0");
	return TCT_OK;
}

TCT_MODULE(carbons,
	.version         = "1.0",
	.summary         = "message carbons (XEP-0280)",
	.depends         = TCT_DEPENDS("?mam"),
	.data_size       = sizeof(struct carbons_data),
	.session_size    = sizeof(struct carbons_session),
	.entity_size     = sizeof(struct carbons_entity),
	.session_save    = session_save,
	.session_restore = session_restore,
	.load            = load,
);

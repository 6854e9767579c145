/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* register.c - enabling and disabling (XEP-0357 sections 5 and 6). */
#include "modules/mod_push/push.h"

#include <string.h>

#define NODE_MAX 1023
#define FORM_MAX 4096 /* bytes of the form as it is stored */
#define PUBLISH_OPTIONS "http://jabber.org/protocol/pubsub#publish-options"

struct search {
	const struct tct_entity *entity;
	const char *jid, *node; /* node NULL: none */
	char found[PUSH_KEY_LEN + 1];  /* "" : no such registration */
	char oldest[PUSH_KEY_LEN + 1]; /* of those whose clients are not here */
	int64_t oldest_since;
	int64_t count;
};

static bool same_node(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void look_at(const char *key, const struct tct_value *row, void *block)
{
	struct search *search = block;
	const char *resource = tct_record_string(row, "resource", "");
	int64_t since = tct_record_int(row, "since", 0);

	if (strlen(key) != PUSH_KEY_LEN)
		return;
	search->count++;
	if (strcmp(tct_record_string(row, "jid", ""), search->jid) == 0 &&
		same_node(tct_record_string(row, "node", NULL), search->node))
		memcpy(search->found, key, sizeof search->found);
	if (tct_entity_session_find(search->entity, resource) == NULL &&
		(search->oldest[0] == '\0' || since < search->oldest_since)) {
		memcpy(search->oldest, key, sizeof search->oldest);
		search->oldest_since = since;
	}
}

/* The form of an enable; false: it is none that could be published with. */
static bool read_form(const struct tct_elem *enable, const struct tct_elem **form)
{
	*form = NULL;
	tct_elem_each (e, enable) {
		if (!tct_elem_is(e, NS_DATA, "x"))
			continue;
		if (*form != NULL)
			return false;
		*form = e;
	}
	if (*form == NULL)
		return true;
	tct_elem_each (field, *form) {
		const char *var = tct_attr(field, "var");

		if (var != NULL && strcmp(var, "FORM_TYPE") == 0) {
			const char *type = tct_child_text(field, NS_DATA, "value");

			return type != NULL && strcmp(type, PUBLISH_OPTIONS) == 0;
		}
	}
	return false;
}

static void write(struct tct_mod *m, struct tct_event *ev, const char *key,
	const struct search *search, const struct tct_elem *form)
{
	const struct push_data *data = tct_mod_data(m);
	struct tct_record *r = tct_record_new();

	tct_record_set_string(r, "jid", search->jid);
	if (search->node != NULL)
		tct_record_set_string(r, "node", search->node);
	tct_record_set_string(r, "resource",
		tct_jid_resource(tct_session_jid(ev->origin.session)));
	if (form != NULL)
		tct_record_set_string(r, "form", tct_xml(form).bytes.data);
	tct_record_set_int(r, "since", tct_now());
	tct_kv_put(tct_event_txn(ev), data->kv, tct_event_user(ev), key, tct_record_value(r));
	tct_record_free(r);
}

/* A place for one more: that of the oldest whose client is not here goes. */
static bool make_room(struct tct_mod *m, struct tct_event *ev, const struct search *search)
{
	const struct push_config *config = tct_mod_config(m);
	const struct push_data *data = tct_mod_data(m);

	if (search->count < config->max_registrations)
		return true;
	if (search->oldest[0] == '\0')
		return false;
	push_forget_call(m, ev->entity, search->oldest);
	tct_kv_delete(tct_event_txn(ev), data->kv, tct_event_user(ev), search->oldest);
	return true;
}

static enum tct_verdict enable(struct tct_mod *m, struct tct_event *ev,
	const struct tct_jid *jid, const struct tct_elem *form)
{
	const struct push_data *data = tct_mod_data(m);
	struct search search = { .entity = ev->entity, .jid = tct_jid_text(jid) };

	search.node = tct_attr(tct_stanza_payload(ev->stanza), "node");
	if (search.node != NULL && strlen(search.node) > NODE_MAX)
		return tct_refuse(ev, TCT_NOT_ACCEPTABLE, "the node is too long");
	if (form != NULL && tct_xml(form).bytes.len > FORM_MAX)
		return tct_refuse(ev, TCT_NOT_ACCEPTABLE, "the form is too large");
	tct_entity_each(ev->entity, data->kv, look_at, &search);
	if (search.found[0] == '\0') {
		if (!make_room(m, ev, &search))
			return tct_refuse(ev, TCT_RESOURCE_CONSTRAINT,
				"too many clients are registered");
		tct_random_id(search.found, PUSH_KEY_LEN);
	}
	write(m, ev, search.found, &search, form);
	push_forget_call(m, ev->entity, search.found);
	return tct_reply(ev, tct_result(ev));
}

enum tct_verdict push_on_enable(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *e = tct_stanza_payload(ev->stanza), *form;
	const char *text = tct_attr(e, "jid");
	const struct tct_jid *jid;
	enum tct_verdict v;

	if (ev->origin.session == NULL)
		return tct_refuse(ev, TCT_NOT_ALLOWED, NULL);
	if (text == NULL || !read_form(e, &form))
		return tct_refuse(ev, TCT_BAD_REQUEST, NULL);
	jid = tct_jid_new(text);
	if (jid == NULL)
		return tct_refuse(ev, TCT_JID_MALFORMED, NULL);
	v = enable(m, ev, jid, form);
	tct_jid_unref(jid);
	return v;
}

/* ---- disabling ---- */

struct removal {
	const char *jid, *node; /* node NULL: whatever the node */
	size_t count;
	char keys[100][PUSH_KEY_LEN + 1]; /* as many as max_registrations can be */
};

static void find_removed(const char *key, const struct tct_value *row, void *block)
{
	struct removal *r = block;

	if (strlen(key) != PUSH_KEY_LEN || r->count == sizeof r->keys / sizeof *r->keys ||
		strcmp(tct_record_string(row, "jid", ""), r->jid) != 0 ||
		(r->node != NULL && !same_node(tct_record_string(row, "node", NULL), r->node)))
		return;
	memcpy(r->keys[r->count++], key, sizeof *r->keys);
}

enum tct_verdict push_on_disable(struct tct_mod *m, struct tct_event *ev)
{
	const struct push_data *data = tct_mod_data(m);
	const struct tct_elem *e = tct_stanza_payload(ev->stanza);
	const char *text = tct_attr(e, "jid");
	const struct tct_jid *jid = text != NULL ? tct_jid_new(text) : NULL;
	struct removal r = { .node = tct_attr(e, "node") };

	if (jid == NULL)
		return tct_refuse(ev, text == NULL ? TCT_BAD_REQUEST : TCT_JID_MALFORMED, NULL);
	r.jid = tct_jid_text(jid);
	tct_entity_each(ev->entity, data->kv, find_removed, &r);
	for (size_t i = 0; i < r.count; i++) {
		push_forget_call(m, ev->entity, r.keys[i]);
		tct_kv_delete(tct_event_txn(ev), data->kv, tct_event_user(ev), r.keys[i]);
	}
	tct_jid_unref(jid);
	return tct_reply(ev, tct_result(ev));
}

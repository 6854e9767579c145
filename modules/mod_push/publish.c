/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* publish.c - one notification to a push service (XEP-0357 section 7), and what its answer
 * means. Nothing of the message is told unless the administrator wants it. */
#include "modules/mod_push/push.h"

#include <string.h>

#define NS_CLIENT "jabber:client"
#define ANSWER_SECONDS 60
#define BODY_MAX 200 /* bytes of a body that are told */

/* In the scope of the entity, until the answer comes. */
struct publishing {
	struct tct_entity *entity;
	char key[PUSH_KEY_LEN + 1];
};

/* ---- what is told ---- */

static void add_field(struct tct_elem *form, const char *var, const char *value)
{
	struct tct_elem *field = tct_add(form, NULL, "field");

	tct_set(field, "var", var);
	tct_add_text(field, "value", value);
}

static void add_body(struct tct_elem *form, const char *body)
{
	struct tct_elem *field;
	size_t len = strlen(body);

	if (len > BODY_MAX) {
		len = BODY_MAX;
		while (len > 0 && ((unsigned char)body[len] & 0xc0) == 0x80)
			len--; /* not within a character */
	}
	field = tct_add(form, NULL, "field");
	tct_set(field, "var", "last-message-body");
	tct_text_n(tct_add(field, NULL, "value"), body, len);
}

static void add_summary(struct tct_mod *m, struct tct_elem *notification,
	const struct push_cause *cause)
{
	const struct push_config *config = tct_mod_config(m);
	const char *body = tct_child_text(cause->message, NS_CLIENT, "body");
	struct tct_elem *form;

	if (config->summary == SUMMARY_NONE)
		return;
	form = tct_add(notification, NS_DATA, "x");
	tct_set(form, "type", "submit");
	add_field(form, "FORM_TYPE", "urn:xmpp:push:summary");
	add_field(form, "message-count", "1");
	if (config->summary >= SUMMARY_SENDER && cause->from != NULL)
		add_field(form, "last-message-sender", cause->from);
	if (config->summary >= SUMMARY_BODY && body != NULL)
		add_body(form, body);
}

/* ---- what became of it ---- */

void push_put(struct tct_mod *m, struct tct_txn *txn, const char *user, const char *key,
	const struct tct_value *row, int64_t errors)
{
	static const char *const strings[] = { "jid", "node", "resource", "form" };
	const struct push_data *data = tct_mod_data(m);
	struct tct_record *r = tct_record_new();

	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		const char *text = tct_record_string(row, strings[i], NULL);

		if (text != NULL)
			tct_record_set_string(r, strings[i], text);
	}
	tct_record_set_int(r, "since", tct_record_int(row, "since", 0));
	tct_record_set_int(r, "errors", errors);
	tct_kv_put(txn, data->kv, user, key, tct_record_value(r));
	tct_record_free(r);
}

/* True for what may be better tomorrow. */
static bool is_passing(const struct tct_stanza *answer)
{
	const char *type;

	if (answer == NULL)
		return true;
	switch (tct_stanza_condition(answer)) {
	case TCT_REMOTE_SERVER_NOT_FOUND:
	case TCT_REMOTE_SERVER_TIMEOUT:
		return true;
	default:
		type = tct_attr(tct_child(tct_stanza_root(answer), NS_CLIENT, "error"), "type");
		return type != NULL && strcmp(type, "wait") == 0;
	}
}

static void failed(struct tct_mod *m, struct tct_entity *e, const char *key,
	const struct tct_value *row, bool passing)
{
	const struct push_config *config = tct_mod_config(m);
	const struct push_data *data = tct_mod_data(m);
	int64_t errors = tct_record_int(row, "errors", 0) + 1;
	struct tct_txn *txn = tct_txn_new(m);

	push_forget_call(m, e, key); /* the next message tries again, if it may */
	if (passing && errors < config->max_errors) {
		push_put(m, txn, tct_entity_user(e), key, row, errors);
	} else {
		tct_log_info(m, "the push service \"%s\" does not want what is for \"%s\": it "
				"gets no more",
			tct_record_string(row, "jid", ""), tct_jid_text(tct_entity_jid(e)));
		tct_kv_delete(txn, data->kv, tct_entity_user(e), key);
	}
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static void succeeded(struct tct_mod *m, struct tct_entity *e, const char *key,
	const struct tct_value *row)
{
	struct tct_txn *txn;

	if (tct_record_int(row, "errors", 0) == 0)
		return;
	txn = tct_txn_new(m);
	push_put(m, txn, tct_entity_user(e), key, row, 0);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static void answered(struct tct_scope *scope, struct tct_stanza *answer, void *block)
{
	struct publishing *p = block;
	struct tct_mod *m = tct_scope_mod(scope);
	const struct push_data *data = tct_mod_data(m);
	struct tct_value row;

	if (!tct_entity_get(p->entity, data->kv, p->key, &row)) {
		/* it was taken back meanwhile */
	} else if (answer != NULL && tct_stanza_type(answer) == TCT_IQ_RESULT) {
		succeeded(m, p->entity, p->key, &row);
	} else {
		failed(m, p->entity, p->key, &row, is_passing(answer));
	}
	tct_scope_free(p); /* last: it keeps the entity in memory */
}

/* ---- sending ---- */

static struct tct_stanza *make(struct tct_mod *m, const struct tct_jid *to,
	const struct tct_value *row, const struct push_cause *cause)
{
	const char *form = tct_record_string(row, "form", NULL);
	struct tct_stanza *st = tct_stanza_new(TCT_IQ_SET, tct_mod_jid(m), to, NULL);
	struct tct_elem *pubsub = tct_add(tct_stanza_root(st), NS_PUBSUB, "pubsub");
	struct tct_elem *publish = tct_add(pubsub, NULL, "publish");
	struct tct_elem *item = tct_add(publish, NULL, "item");

	tct_set(publish, "node", tct_record_string(row, "node", NULL));
	add_summary(m, tct_add(item, NS_PUSH, "notification"), cause);
	if (form != NULL) {
		struct tct_value xml = tct_string(form);

		xml.kind = TCT_VALUE_XML;
		tct_add_stored(tct_add(pubsub, NULL, "publish-options"), &xml);
	}
	return st;
}

void push_publish(struct tct_mod *m, struct tct_entity *e, const char *key,
	const struct tct_value *row, const struct push_cause *cause)
{
	const struct tct_jid *to = tct_jid_new(tct_record_string(row, "jid", ""));
	struct tct_scope *scope = tct_entity_scope(m, e);
	struct publishing *p;

	if (to == NULL)
		return;
	p = tct_scope_alloc(scope, sizeof *p, NULL);
	p->entity = e;
	memcpy(p->key, key, sizeof p->key);
	tct_iq_send(scope, make(m, to, row, cause), ANSWER_SECONDS, answered, p);
	tct_jid_unref(to);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_private.c - XEP-0049: XML that clients keep for themselves, one row for each name of an
 * element. How large each is stands in rows of its own, which are read with the entity: what
 * an account has in all is known at once. */
#include <tercet/module.h>

#include <stdio.h>
#include <string.h>

#define NS_PRIVATE "jabber:iq:private"
#define KEY_MAX 512 /* bytes of "{namespace}name" */

struct private_config {
	int64_t max_items;
	int64_t max_size;
};

struct private_data {
	struct tct_kv *rows, *sizes;
};

static const struct tct_option options[] = {
	TCT_OPT_INT(struct private_config, max_items, .def = "100", .min = "1", .max = "1000",
		.doc = "How many elements an account may keep."),
	TCT_OPT_SIZE(struct private_config, max_size, .def = "256 KB", .min = "1 KB",
		.max = "16 MB", .doc = "How large they may be together."),
	TCT_OPT_END
};

/* False: it has no namespace of its own, or names that are too long. */
static bool key_of(const struct tct_elem *e, char key[KEY_MAX])
{
	const char *ns = tct_elem_ns(e);

	if (ns == NULL || ns[0] == '\0' || strcmp(ns, NS_PRIVATE) == 0)
		return false;
	return snprintf(key, KEY_MAX, "{%s}%s", ns, tct_elem_name(e)) < KEY_MAX;
}

/* ---- get ---- */

static void answer(
	struct tct_scope *scope, const struct tct_kv_result *r, void *data)
{
	struct tct_request *rq = data;
	struct tct_stanza *st;

	(void)scope;
	if (r->status != TCT_OK) {
		tct_request_refuse(rq, TCT_RESOURCE_CONSTRAINT, NULL);
		return;
	}
	st = tct_request_result(rq);
	tct_add_stored(tct_add(tct_stanza_root(st), NS_PRIVATE, "query"), &r->value);
	tct_request_answer(rq, st);
}

static enum tct_verdict on_get(struct tct_mod *m, struct tct_event *ev)
{
	struct private_data *data = tct_mod_data(m);
	const struct tct_elem *wanted = tct_elem_first(tct_stanza_payload(ev->stanza));
	char key[KEY_MAX];
	struct tct_request *rq;
	struct tct_stanza *st;
	struct tct_value size;

	if (wanted == NULL)
		return tct_refuse(ev, TCT_BAD_REQUEST, "what is asked for?");
	if (tct_elem_next(wanted) != NULL || !key_of(wanted, key))
		return tct_refuse(
			ev, TCT_NOT_ACCEPTABLE, "one element with a namespace of its own");
	if (!tct_entity_get(ev->entity, data->sizes, key, &size)) {
		st = tct_result(ev);
		tct_add(tct_add(tct_stanza_root(st), NS_PRIVATE, "query"),
			tct_elem_ns(wanted), tct_elem_name(wanted));
		return tct_reply(ev, st);
	}
	rq = tct_defer(m, ev);
	tct_kv_get(
		tct_request_scope(rq), data->rows, tct_event_user(ev), key, answer, rq);
	return TCT_HANDLED;
}

/* ---- set ---- */

static void add_size(const char *key, const struct tct_value *v, void *data)
{
	(void)key;
	*(int64_t *)data += v->kind == TCT_VALUE_INT ? v->i : 0;
}

static bool named_before(const struct tct_elem *query, const struct tct_elem *e)
{
	tct_elem_each (other, query) {
		if (other == e)
			return false;
		if (tct_elem_is(other, tct_elem_ns(e), tct_elem_name(e)))
			return true;
	}
	return false;
}

/* 0, or the condition of the refusal. */
static uint32_t check_set(
	struct tct_mod *m, struct tct_event *ev, const struct tct_elem *query)
{
	const struct private_config *config = tct_mod_config(m);
	struct private_data *data = tct_mod_data(m);
	int64_t size = 0, count = (int64_t)tct_entity_count(ev->entity, data->sizes), added = 0;
	char key[KEY_MAX];
	struct tct_value old;

	tct_entity_each(ev->entity, data->sizes, add_size, &size);
	tct_elem_each (e, query) {
		if (!key_of(e, key))
			return TCT_NOT_ACCEPTABLE;
		if (++added > config->max_items)
			return TCT_RESOURCE_CONSTRAINT;
		if (named_before(query, e))
			return TCT_BAD_REQUEST;
		if (tct_entity_get(ev->entity, data->sizes, key, &old))
			size -= old.i;
		else
			count++;
		size += (int64_t)tct_xml(e).bytes.len;
	}
	if (added == 0)
		return TCT_NOT_ACCEPTABLE;
	return count > config->max_items || size > config->max_size ? TCT_RESOURCE_CONSTRAINT :
								      0;
}

static enum tct_verdict on_set(struct tct_mod *m, struct tct_event *ev)
{
	struct private_data *data = tct_mod_data(m);
	const struct tct_elem *query = tct_stanza_payload(ev->stanza);
	uint32_t condition = check_set(m, ev, query);
	const char *user = tct_event_user(ev);
	char key[KEY_MAX];

	if (condition != 0)
		return tct_refuse(ev, condition, NULL);
	tct_elem_each (e, query) {
		struct tct_value xml = tct_xml(e);
		int64_t size = (int64_t)xml.bytes.len;

		if (!key_of(e, key))
			continue;
		tct_kv_put(tct_event_txn(ev), data->rows, user, key, xml);
		tct_kv_put(tct_event_txn(ev), data->sizes, user, key, tct_int(size));
	}
	return tct_reply(ev, tct_result(ev));
}

/* ---- the module ---- */

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	struct private_data *data = tct_mod_data(m);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, data->rows, tct_entity_user(e));
	tct_kv_delete_user(txn, data->sizes, tct_entity_user(e));
	tct_txn_submit(tct_mod_scope(m), txn, NULL, NULL);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct private_data *data = tct_mod_data(m);

	data->rows = tct_kv_open(m, "private", err);
	data->sizes = tct_kv_open(m, "private_sizes", err);
	if (data->rows == NULL || data->sizes == NULL)
		return TCT_EIO;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_PRIVATE, "query", on_get);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_PRIVATE, "query", on_set);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	tct_feature(m, NS_PRIVATE);
	return TCT_OK;
}

TCT_MODULE_FLAGS(private, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "XEP-0049: Private XML Storage",
	.options     = options,
	.config_size = sizeof(struct private_config),
	.data_size   = sizeof(struct private_data),
	.preload     = TCT_PRELOAD("private_sizes"),
	.load        = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* card.c - vCards asked for and set (XEP-0054). An account without a card answers at once and
 * in the same words as one that does not exist (section 3.3); what was read is kept for a
 * while, oldest out first. */
#include "modules/mod_vcard/vcard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the cache ---- */

void vcard_forget(struct vcard_cached *c)
{
	struct vcard_data *data = c->data;

	if (c->xml == NULL)
		return;
	*(c->newer != NULL ? &c->newer->older : &data->newest) = c->older;
	*(c->older != NULL ? &c->older->newer : &data->oldest) = c->newer;
	c->newer = c->older = NULL;
	data->cached -= (int64_t)c->len;
	free(c->xml);
	c->xml = NULL;
}

static void cache_first(struct vcard_cached *c)
{
	struct vcard_data *data = c->data;

	c->newer = NULL;
	c->older = data->newest;
	*(c->older != NULL ? &c->older->newer : &data->oldest) = c;
	data->newest = c;
}

static void cache_put(struct tct_mod *m, struct vcard_cached *c, const struct tct_value *v)
{
	const struct vcard_config *config = tct_mod_config(m);
	struct vcard_data *data = tct_mod_data(m);

	c->data = data;
	vcard_forget(c);
	c->xml = malloc(v->bytes.len + 1);
	if (c->xml == NULL)
		return;
	memcpy(c->xml, v->bytes.data, v->bytes.len);
	c->xml[v->bytes.len] = '\0';
	c->len = v->bytes.len;
	data->cached += (int64_t)c->len;
	cache_first(c);
	while (data->cached > config->cache_size && data->oldest != NULL)
		vcard_forget(data->oldest);
}

/* ---- get ---- */

/* In the scope of the request. */
struct reading {
	struct tct_request *request;
	uint64_t change;
};

static enum tct_verdict answer_cached(struct tct_event *ev, const struct vcard_cached *c)
{
	struct tct_value v = { .kind = TCT_VALUE_XML };
	struct tct_stanza *st = tct_result(ev);

	v.bytes.data = c->xml;
	v.bytes.len = c->len;
	tct_add_stored(tct_stanza_root(st), &v);
	return tct_reply(ev, st);
}

static void loaded(struct tct_scope *scope, const struct tct_kv_result *r, void *block)
{
	struct reading *reading = block;
	struct tct_request *rq = reading->request;
	struct tct_mod *m = tct_request_mod(rq);
	struct vcard_cached *c = tct_entity_data(m, tct_request_entity(rq));
	struct tct_stanza *st;

	(void)scope;
	if (r->status != TCT_OK || r->value.kind != TCT_VALUE_XML) {
		tct_request_refuse(rq,
			r->status == TCT_EIO ? TCT_RESOURCE_CONSTRAINT :
					       TCT_SERVICE_UNAVAILABLE,
			NULL);
		return;
	}
	if (c->change == reading->change)
		cache_put(m, c, &r->value);
	st = tct_request_result(rq);
	tct_add_stored(tct_stanza_root(st), &r->value);
	tct_request_answer(rq, st);
}

enum tct_verdict vcard_on_get(struct tct_mod *m, struct tct_event *ev)
{
	struct vcard_data *data = tct_mod_data(m);
	struct vcard_cached *c;
	struct reading *reading;
	struct tct_request *rq;
	struct tct_value row;

	if (!tct_entity_get(ev->entity, data->index, ROW, &row)) {
		if (tct_jid_equal_bare(
			    tct_stanza_from(ev->stanza), tct_entity_jid(ev->entity)))
			return tct_refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
		return tct_refuse_unknown(ev);
	}
	c = tct_entity_data(m, ev->entity);
	if (c->xml != NULL)
		return answer_cached(ev, c);
	rq = tct_defer(m, ev);
	reading = tct_scope_alloc(tct_request_scope(rq), sizeof *reading, NULL);
	reading->request = rq;
	reading->change = c->change;
	tct_kv_get(tct_request_scope(rq), data->cards, tct_event_user(ev), ROW, loaded,
		reading);
	return TCT_HANDLED;
}

static void add_text(struct tct_elem *card, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		tct_add_text(card, name, text);
}

enum tct_verdict vcard_on_host_get(struct tct_mod *m, struct tct_event *ev)
{
	const struct vcard_config *config = tct_mod_config(m);
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *card = tct_add(tct_stanza_root(st), NS_VCARD, "vCard");
	bool named = config->host_name != NULL && config->host_name[0] != '\0';

	add_text(card, "FN", named ? config->host_name : tct_host_name(ev->host));
	add_text(card, "DESC", config->host_description);
	add_text(card, "URL", config->host_url);
	if (config->host_email != NULL && config->host_email[0] != '\0')
		tct_add_text(tct_add(card, NULL, "EMAIL"), "USERID", config->host_email);
	return tct_reply(ev, st);
}

/* ---- set ---- */

static void write_card(struct tct_mod *m, struct tct_event *ev, const struct tct_elem *card,
	struct tct_value xml, const char *photo)
{
	struct vcard_data *data = tct_mod_data(m);
	struct tct_txn *txn = tct_event_txn(ev);
	const char *user = tct_event_user(ev);
	struct tct_record *r;

	/* A card with nothing in it is none. */
	if (tct_elem_first(card) == NULL) {
		tct_kv_delete(txn, data->cards, user, ROW);
		tct_kv_delete(txn, data->index, user, ROW);
		return;
	}
	tct_kv_put(txn, data->cards, user, ROW, xml);
	r = tct_record_new();
	tct_record_set_string(r, "photo", photo);
	vcard_searchable(card, r);
	tct_kv_put(txn, data->index, user, ROW, tct_record_value(r));
	tct_record_free(r);
}

enum tct_verdict vcard_on_set(struct tct_mod *m, struct tct_event *ev)
{
	const struct vcard_config *config = tct_mod_config(m);
	struct vcard_data *data = tct_mod_data(m);
	const struct tct_elem *card = tct_stanza_payload(ev->stanza);
	struct tct_value xml = tct_xml(card), row;
	struct vcard_cached *c = tct_entity_data(m, ev->entity);
	char before[PHOTO_SIZE] = "", photo[PHOTO_SIZE];

	if (xml.bytes.len > (size_t)config->max_size)
		return tct_refuse(ev, TCT_NOT_ACCEPTABLE, "the vCard is too large");
	if (tct_entity_get(ev->entity, data->index, ROW, &row))
		snprintf(before, sizeof before, "%s", tct_record_string(&row, "photo", ""));
	vcard_photo(card, photo);
	write_card(m, ev, card, xml, photo);
	c->data = data;
	vcard_forget(c);
	c->change = ++data->changes;
	tct_reply(ev, tct_result(ev));
	if (strcmp(before, photo) != 0)
		vcard_announce(m, ev, photo);
	return TCT_HANDLED;
}

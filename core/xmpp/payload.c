/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* payload.c - see payload.h. */
#include "core/xmpp/payload.h"

#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/xml/elem.h"
#include "core/xml/parse.h"
#include "core/xml/write.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/stanza.h"

#include <stdlib.h>
#include <string.h>

struct delivery {
	struct payload *payload; /* counted */
	struct payload *tail;    /* counted; NULL: none */
	const struct tct_jid *from, *to; /* counted; NULL: none */
	uint32_t refs;
	uint32_t type;
	uint8_t kind;
	uint32_t id_len, lang_len, attrs_len;
	char text[]; /* id, lang, other attributes of the root as they are written */
};

/* ---- payloads ---- */

struct payload *payload_new(struct span bytes)
{
	struct payload *p = mem_alloc(sizeof *p + bytes.len + 1);

	atomic_init(&p->refs, 1);
	p->len = (uint32_t)bytes.len;
	if (bytes.len > 0)
		memcpy(p->bytes, bytes.data, bytes.len);
	p->bytes[bytes.len] = '\0';
	return p;
}

struct payload *payload_ref(struct payload *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void payload_unref(struct payload *p)
{
	if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
		free(p);
}

static struct str *scratch(void)
{
	static _Thread_local struct str buffer;

	/* One huge stanza must not keep its memory for ever. */
	if (buffer.room > 256 * 1024)
		str_fini(&buffer);
	str_clear(&buffer);
	return &buffer;
}

struct payload *stanza_payload(struct tct_stanza *st)
{
	struct str *out;

	if (st->payload != NULL)
		return st->payload;
	stanza_freeze(st);
	out = scratch();
	write_children(out, st->root);
	st->payload = payload_new(str_span(out));
	return st->payload;
}

/* ---- deliveries ---- */

static struct payload *make_tail(const struct tct_elem *extra)
{
	struct str *out;

	if (extra == NULL || extra->first == NULL)
		return NULL;
	out = scratch();
	write_children(out, extra);
	return payload_new(str_span(out));
}

/* Attributes that are not of the header, as text. */
static struct span other_attrs(const struct tct_elem *root)
{
	struct str *out = scratch();
	int prefixes = 0;

	for (const struct elem_attr *a = root->attrs; a != NULL; a = a->next) {
		if (a->ns == NULL) {
			write_attr(out, a->name, span_make(a->value, a->value_len));
			continue;
		}
		if (strcmp(a->ns, NS_XML) == 0) {
			char name[64];

			if (strlen(a->name) < sizeof name - 5) {
				memcpy(name, "xml:", 4);
				memcpy(name + 4, a->name, strlen(a->name) + 1);
				write_attr(out, name, span_make(a->value, a->value_len));
			}
			continue;
		}
		str_printf(out, " xmlns:a%d='", prefixes);
		write_escaped(out, span_of(a->ns));
		str_printf(out, "' a%d:%s='", prefixes++, a->name);
		write_escaped(out, span_make(a->value, a->value_len));
		str_append_char(out, '\'');
	}
	return str_span(out);
}

struct delivery *delivery_new(struct tct_stanza *st, const struct tct_overlay *o,
	const struct tct_elem *extra)
{
	const char *id = o != NULL && o->id != NULL ? o->id : st->id;
	struct payload *payload = stanza_payload(st), *tail = make_tail(extra);
	struct span attrs = st->root->attrs != NULL ? other_attrs(st->root) : span_make(NULL, 0);
	size_t id_len = id != NULL ? strlen(id) : 0;
	size_t lang_len = st->lang != NULL ? strlen(st->lang) : 0;
	struct delivery *d = mem_alloc(sizeof *d + id_len + lang_len + attrs.len);

	d->payload = payload_ref(payload);
	d->tail = tail;
	d->refs = 1;
	d->kind = st->kind;
	d->type = o != NULL && o->type != 0 ? o->type : st->type;
	d->from = tct_jid_ref(o != NULL && o->from != NULL ? o->from : st->from);
	d->to = tct_jid_ref(o != NULL && o->to != NULL ? o->to : st->to);
	d->id_len = (uint32_t)id_len;
	d->lang_len = (uint32_t)lang_len;
	d->attrs_len = (uint32_t)attrs.len;
	if (d->id_len > 0)
		memcpy(d->text, id, d->id_len);
	if (d->lang_len > 0)
		memcpy(d->text + d->id_len, st->lang, d->lang_len);
	if (attrs.len > 0)
		memcpy(d->text + d->id_len + d->lang_len, attrs.data, attrs.len);
	return d;
}

struct delivery *delivery_ref(struct delivery *d)
{
	d->refs++;
	return d;
}

void delivery_unref(struct delivery *d)
{
	if (--d->refs > 0)
		return;
	payload_unref(d->payload);
	if (d->tail != NULL)
		payload_unref(d->tail);
	tct_jid_unref(d->from);
	tct_jid_unref(d->to);
	free(d);
}

size_t delivery_size(const struct delivery *d)
{
	return sizeof *d + d->payload->len + (d->tail != NULL ? d->tail->len : 0) + d->id_len +
		d->lang_len + d->attrs_len;
}

uint32_t delivery_type(const struct delivery *d)
{
	return d->type;
}

static void write_jid(struct str *out, const char *name, const struct tct_jid *jid)
{
	if (jid != NULL)
		write_attr(out, name, span_make(tct_jid_text(jid), jid_len(jid)));
}

void delivery_write(const struct delivery *d, struct str *out)
{
	static const char *const names[TCT_KINDS] = { "message", "presence", "iq" };
	static const size_t name_lens[TCT_KINDS] = { 7, 8, 2 };
	const char *type = stanza_type_name(d->type);
	bool empty = d->payload->len == 0 && d->tail == NULL;

	str_reserve(out, d->payload->len + 512);
	str_append_char(out, '<');
	str_append_n(out, names[d->kind], name_lens[d->kind]);
	if (type != NULL)
		write_attr(out, "type", span_of(type));
	write_jid(out, "to", d->to);
	write_jid(out, "from", d->from);
	if (d->id_len > 0)
		write_attr(out, "id", span_make(d->text, d->id_len));
	if (d->lang_len > 0)
		write_attr(out, "xml:lang", span_make(d->text + d->id_len, d->lang_len));
	if (d->attrs_len > 0)
		str_append_n(out, d->text + d->id_len + d->lang_len, d->attrs_len);
	if (empty) {
		str_append_n(out, "/>", 2);
		return;
	}
	str_append_char(out, '>');
	str_append_n(out, d->payload->bytes, d->payload->len);
	if (d->tail != NULL)
		str_append_n(out, d->tail->bytes, d->tail->len);
	str_append_n(out, "</", 2);
	str_append_n(out, names[d->kind], name_lens[d->kind]);
	str_append_char(out, '>');
}

struct tct_stanza *delivery_stanza(const struct delivery *d)
{
	struct str bytes = { 0 };
	struct tct_stanza *st;
	struct tct_elem *root;
	struct arena a;
	uint32_t problem;
	int status;

	arena_init(&a);
	delivery_write(d, &bytes);
	status = parse_stored(str_span(&bytes), &a, &root);
	str_fini(&bytes);
	if (status != TCT_OK) {
		arena_fini(&a);
		return NULL;
	}
	st = stanza_from_elem(&a, root, &problem);
	tct_assert(problem == 0);
	return st;
}

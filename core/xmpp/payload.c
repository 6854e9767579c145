/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* payload.c - see payload.h. */
#include "core/xmpp/payload.h"

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/xml/elem.h"
#include "core/xml/parse.h"
#include "core/xml/write.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/stanza.h"

#include <stdlib.h>
#include <string.h>

struct delivery {
	const struct tct_jid *to, *from; /* counted; NULL: none */
	struct payload *head, *payload; /* counted */
	struct payload *tail;           /* counted; NULL: none */
	struct delivery_note *note;     /* counted; NULL: none */
	uint32_t refs;
	uint32_t type;
	uint8_t kind, form;
};

/* Freed deliveries are kept for the next, linked by their payload: a broadcast makes many. */
static struct delivery *spare;
static unsigned spare_count;
#define SPARE_MAX 512

static const char *const names[TCT_KINDS] = { "message", "presence", "iq" };
static const size_t name_lens[TCT_KINDS] = { 7, 8, 2 };

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

/* ---- headers ---- */

/* Attributes of the root that are not of the header. */
static void write_others(struct str *out, const struct tct_elem *root)
{
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
}

static void write_jid(struct str *out, const char *name, const struct tct_jid *jid)
{
	if (jid != NULL)
		write_attr(out, name, span_make(tct_jid_text(jid), jid_len(jid)));
}

static bool is(const struct tct_overlay *o, const struct tct_stanza *st)
{
	return o == NULL ||
		(o->id == NULL && (o->from == NULL || o->from == st->from) &&
			(o->type == 0 || o->type == st->type));
}

/* What copies share: the start of the tag with all attributes but `to`. */
static struct payload *make_head(const struct tct_stanza *st, const struct tct_overlay *o)
{
	static const struct tct_overlay none;
	struct str *out = scratch();
	const char *id, *type;

	o = o != NULL ? o : &none;
	id = o->id != NULL ? o->id : st->id;
	type = stanza_type_name(o->type != 0 ? o->type : st->type);
	str_append_char(out, '<');
	str_append_n(out, names[st->kind], name_lens[st->kind]);
	if (type != NULL)
		write_attr(out, "type", span_of(type));
	write_jid(out, "from", o->from != NULL ? o->from : st->from);
	if (id != NULL && id[0] != '\0')
		write_attr(out, "id", span_of(id));
	if (st->lang != NULL && st->lang[0] != '\0')
		write_attr(out, "xml:lang", span_of(st->lang));
	write_others(out, st->root);
	return payload_new(str_span(out));
}

struct payload *stanza_head(struct tct_stanza *st)
{
	stanza_payload(st);
	if (st->head == NULL)
		st->head = make_head(st, NULL);
	return st->head;
}

static char *put(char *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

/* The start of the tag; `room` is that of what will follow. */
static char *write_start(struct str *out, const struct tct_jid *to, const struct payload *head,
	size_t room)
{
	size_t len = to != NULL ? jid_len(to) : 0;
	char *at = str_reserve(out, head->len + len + 8 + room), *begin = at;

	at = put(at, head->bytes, head->len);
	if (to != NULL && tct_jid_resource(to) == NULL) {
		/* Nothing in a bare address has to be escaped. */
		at = put(at, " to='", 5);
		at = put(at, tct_jid_text(to), len);
		*at++ = '\'';
	}
	out->len += (size_t)(at - begin);
	if (to == NULL || tct_jid_resource(to) == NULL)
		return at;
	write_jid(out, "to", to);
	return str_reserve(out, room);
}

static void write_all(struct str *out, uint8_t kind, const struct tct_jid *to,
	const struct payload *head, const struct payload *payload, const struct payload *tail)
{
	size_t len = name_lens[kind];
	char *at = write_start(out, to, head, payload->len + (tail != NULL ? tail->len : 0) + 16);
	const char *begin = at;

	if (payload->len == 0 && tail == NULL) {
		at = put(at, "/>", 2);
	} else {
		*at++ = '>';
		at = put(at, payload->bytes, payload->len);
		if (tail != NULL)
			at = put(at, tail->bytes, tail->len);
		at = put(at, "</", 2);
		at = put(at, names[kind], len);
		*at++ = '>';
	}
	*at = '\0';
	out->len += (size_t)(at - begin);
}

size_t stanza_written(struct tct_stanza *st)
{
	return stanza_head(st)->len + st->payload->len + (st->to != NULL ? jid_len(st->to) : 0);
}

void stanza_write(struct tct_stanza *st, struct str *out)
{
	const struct payload *head = stanza_head(st);

	write_all(out, st->kind, st->to, head, st->payload, NULL);
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

struct delivery *delivery_new(struct tct_stanza *st, const struct tct_overlay *o,
	const struct tct_elem *extra)
{
	struct delivery *d = spare;

	if (d != NULL) {
		spare = (struct delivery *)d->payload;
		spare_count--;
	} else {
		d = mem_alloc(sizeof *d);
	}
	d->payload = payload_ref(stanza_payload(st));
	d->head = is(o, st) ? payload_ref(stanza_head(st)) : make_head(st, o);
	d->to = tct_jid_ref(o != NULL && o->to != NULL ? o->to : st->to);
	d->from = tct_jid_ref(o != NULL && o->from != NULL ? o->from : st->from);
	d->tail = make_tail(extra);
	d->note = NULL;
	d->form = 0;
	d->refs = 1;
	d->kind = st->kind;
	d->type = o != NULL && o->type != 0 ? o->type : st->type;
	return d;
}

struct delivery_note *delivery_note_ref(struct delivery_note *n)
{
	n->refs++;
	return n;
}

void delivery_note_unref(struct delivery_note *n)
{
	if (--n->refs == 0)
		n->end(n);
}

void delivery_set_note(struct delivery *d, struct delivery_note *n)
{
	tct_assert(d->note == NULL);
	d->note = delivery_note_ref(n);
}

struct delivery_note *delivery_get_note(const struct delivery *d)
{
	return d->note;
}

void delivery_set_form(struct delivery *d, uint8_t form)
{
	d->form = form;
}

uint8_t delivery_form(const struct delivery *d)
{
	return d->form;
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
	payload_unref(d->head);
	payload_unref(d->payload);
	if (d->tail != NULL)
		payload_unref(d->tail);
	if (d->note != NULL)
		delivery_note_unref(d->note);
	tct_jid_unref(d->to);
	tct_jid_unref(d->from);
	if (spare_count == SPARE_MAX) {
		free(d);
		return;
	}
	d->payload = (struct payload *)spare;
	spare = d;
	spare_count++;
}

size_t delivery_size(const struct delivery *d)
{
	return sizeof *d + d->head->len + d->payload->len + (d->tail != NULL ? d->tail->len : 0) +
		(d->to != NULL ? jid_len(d->to) : 0);
}

uint32_t delivery_type(const struct delivery *d)
{
	return d->type;
}

struct span delivery_children(const struct delivery *d)
{
	return span_make(d->payload->bytes, d->payload->len);
}

const struct tct_jid *delivery_from(const struct delivery *d)
{
	return d->from;
}

uint64_t delivery_sender(const struct delivery *d)
{
	struct span from = d->from != NULL ? span_make(tct_jid_text(d->from), jid_len(d->from)) :
					     span_of("");

	return hash_bytes(from.data, from.len) ^ ((uint64_t)d->kind << 32);
}

void delivery_write(const struct delivery *d, struct str *out)
{
	write_all(out, d->kind, d->to, d->head, d->payload, d->tail);
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

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* value.c - see value.h and the values and records of <tercet/store.h>.
 *
 * A value:  kind (1 byte), then an integer (8 bytes) or the bytes to the end. With the highest
 *           bit of the kind: the number of marks (1) and the marks come in between.
 * A record: fields one after another, each: length of the name (1), name, NUL, kind (1),
 *           then an integer (8), or length (4), bytes, NUL. */
#include "core/store/value.h"

#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/xml/elem.h"
#include "core/xml/parse.h"
#include "core/xml/write.h"
#include "core/xmpp/payload.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct tct_value) == 32, "struct tct_value is 32 bytes for ever");

static void put_u32(unsigned char *p, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(n >> (8 * i));
}

static uint32_t get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_i64(unsigned char *p, int64_t n)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)((uint64_t)n >> (8 * i));
}

static int64_t get_i64(const unsigned char *p)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n |= (uint64_t)p[i] << (8 * i);
	return (int64_t)n;
}

/* ---- values ---- */

struct tct_value tct_int(int64_t i)
{
	struct tct_value v = { .kind = TCT_VALUE_INT };

	v.i = i;
	return v;
}

struct tct_value tct_string(const char *text)
{
	struct tct_value v = { .kind = TCT_VALUE_STRING };

	v.bytes.data = text;
	v.bytes.len = strlen(text);
	return v;
}

struct tct_value tct_bytes(const void *data, size_t len)
{
	struct tct_value v = { .kind = TCT_VALUE_BYTES };

	v.bytes.data = data;
	v.bytes.len = len;
	return v;
}

struct tct_value tct_xml(const struct tct_elem *e)
{
	static struct str buffer;
	struct tct_value v = { .kind = TCT_VALUE_XML };

	str_clear(&buffer);
	write_elem(&buffer, e, "");
	v.bytes.data = str_text(&buffer);
	v.bytes.len = buffer.len;
	return v;
}

struct tct_value tct_stanza_xml(struct tct_stanza *st)
{
	static struct str buffer;
	struct tct_value v = { .kind = TCT_VALUE_XML };

	str_clear(&buffer);
	stanza_write(st, &buffer);
	v.bytes.data = str_text(&buffer);
	v.bytes.len = buffer.len;
	return v;
}

struct tct_elem *tct_add_stored(struct tct_elem *parent, const struct tct_value *v)
{
	struct arena *a = elem_arena(parent);
	struct arena_mark mark = arena_mark(a);
	struct tct_elem *root = NULL;

	if (v->kind != TCT_VALUE_XML)
		return NULL;
	if (parse_stored(span_make(v->bytes.data, v->bytes.len), a, &root) != TCT_OK) {
		arena_rewind(a, mark);
		return NULL;
	}
	elem_adopt(parent, root);
	return root;
}

/* ---- marks ---- */

#define HAS_MARKS 0x80u

static bool marked(struct span bytes)
{
	return bytes.len >= 2 && ((unsigned char)bytes.data[0] & HAS_MARKS) != 0 &&
		bytes.data[1] != 0;
}

/* What comes before the data. */
static size_t front(struct span bytes)
{
	return marked(bytes) ? 2 + MARK_BYTES * (size_t)(unsigned char)bytes.data[1] : 1;
}

size_t value_mark_count(struct span bytes)
{
	return marked(bytes) && front(bytes) <= bytes.len ? (unsigned char)bytes.data[1] : 0;
}

void value_mark_get(struct span bytes, size_t i, struct mark *mark)
{
	const unsigned char *p = (const unsigned char *)bytes.data + 2 + i * MARK_BYTES;

	tct_assert(i < value_mark_count(bytes));
	mark->session = (uint64_t)get_i64(p);
	mark->number = get_u32(p + 8);
	mark->floor = get_u32(p + 12);
	mark->kind = p[16];
}

void value_mark(struct arena *a, struct span *bytes, size_t *room, const struct mark *mark)
{
	size_t count = value_mark_count(*bytes), need = MARK_BYTES + (count == 0);
	unsigned char kind = (unsigned char)bytes->data[0];
	unsigned char *p;

	if (count >= MARKS_MAX)
		return;
	if (*room < need) {
		p = arena_alloc(a, bytes->len + need + MARK_ROOM);
		memcpy(p + need + MARK_ROOM, bytes->data, bytes->len);
		*bytes = span_make((char *)p + need + MARK_ROOM, bytes->len);
		*room = need + MARK_ROOM;
	}
	p = (unsigned char *)bytes->data - need;
	p[0] = (unsigned char)(kind | HAS_MARKS);
	p[1] = (unsigned char)(count + 1);
	put_i64(p + 2, (int64_t)mark->session);
	put_u32(p + 10, mark->number);
	put_u32(p + 14, mark->floor);
	p[18] = mark->kind;
	*bytes = span_make((char *)p, bytes->len + need);
	*room -= need;
}

struct span value_encode(struct arena *a, const struct tct_value *v, size_t room)
{
	size_t len = v->kind == TCT_VALUE_INT ? 9 :
		v->kind == TCT_VALUE_NONE     ? 1 :
						1 + v->bytes.len;
	unsigned char *p = (unsigned char *)arena_alloc(a, room + len) + room;

	p[0] = (unsigned char)v->kind;
	if (v->kind == TCT_VALUE_INT)
		put_i64(p + 1, v->i);
	else if (v->kind != TCT_VALUE_NONE && v->bytes.len > 0)
		memcpy(p + 1, v->bytes.data, v->bytes.len);
	return span_make((char *)p, len);
}

bool value_decode(struct span bytes, struct tct_value *v)
{
	unsigned char kind = bytes.len > 0 ? (unsigned char)bytes.data[0] : TCT_VALUE_NONE;
	size_t at = front(bytes);

	*v = (struct tct_value){ .kind = TCT_VALUE_NONE };
	if (marked(bytes))
		kind &= (unsigned char)~HAS_MARKS;
	if (kind == TCT_VALUE_NONE || kind > TCT_VALUE_RECORD || at > bytes.len)
		return false;
	if (kind == TCT_VALUE_INT) {
		if (bytes.len != at + 8)
			return false;
		v->i = get_i64((const unsigned char *)bytes.data + at);
	} else {
		v->bytes.data = bytes.data + at;
		v->bytes.len = bytes.len - at;
	}
	v->kind = kind;
	return true;
}

bool value_equal(const struct tct_value *a, const struct tct_value *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == TCT_VALUE_NONE)
		return true;
	if (a->kind == TCT_VALUE_INT)
		return a->i == b->i;
	return a->bytes.len == b->bytes.len &&
		(a->bytes.len == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.len) == 0);
}

/* ---- records ---- */

struct tct_record {
	struct str bytes;
};

struct tct_record *tct_record_new(void)
{
	return mem_zalloc(sizeof(struct tct_record));
}

void tct_record_free(struct tct_record *r)
{
	if (r == NULL)
		return;
	mem_wipe(r->bytes.data, r->bytes.room); /* records hold credentials too */
	str_fini(&r->bytes);
	free(r);
}

static void add_name(struct tct_record *r, const char *field, unsigned char kind)
{
	size_t len = strlen(field);

	tct_assert(len > 0 && len < 256);
	str_append_char(&r->bytes, (char)len);
	str_append_n(&r->bytes, field, len + 1);
	str_append_char(&r->bytes, (char)kind);
}

void tct_record_set_int(struct tct_record *r, const char *field, int64_t i)
{
	unsigned char p[8];

	add_name(r, field, TCT_VALUE_INT);
	put_i64(p, i);
	str_append_n(&r->bytes, p, sizeof p);
}

static void set_bytes(struct tct_record *r, const char *field, unsigned char kind,
	const void *data, size_t len)
{
	unsigned char p[4];

	tct_assert(len < UINT32_MAX);
	add_name(r, field, kind);
	put_u32(p, (uint32_t)len);
	str_append_n(&r->bytes, p, sizeof p);
	str_append_n(&r->bytes, data, len);
	str_append_char(&r->bytes, '\0');
}

void tct_record_set_string(struct tct_record *r, const char *field, const char *text)
{
	set_bytes(r, field, TCT_VALUE_STRING, text, strlen(text));
}

void tct_record_set_bytes(struct tct_record *r, const char *field, const void *data, size_t len)
{
	set_bytes(r, field, TCT_VALUE_BYTES, data, len);
}

struct tct_value tct_record_value(const struct tct_record *r)
{
	struct tct_value v = { .kind = TCT_VALUE_RECORD };

	v.bytes.data = str_text(&r->bytes);
	v.bytes.len = r->bytes.len;
	return v;
}

/* Reads the field at *at; false at the end or when the bytes are no record. */
static bool next_field(struct span rec, size_t *at, const char **name, struct tct_value *v)
{
	const unsigned char *p = (const unsigned char *)rec.data + *at;
	size_t left = rec.len - *at, name_len, len;

	if (left < 3)
		return false;
	name_len = p[0];
	if (left < name_len + 3 || p[1 + name_len] != '\0')
		return false;
	*name = (const char *)p + 1;
	*v = (struct tct_value){ .kind = p[2 + name_len] };
	p += name_len + 3;
	left -= name_len + 3;
	if (v->kind == TCT_VALUE_INT) {
		if (left < 8)
			return false;
		v->i = get_i64(p);
		*at = rec.len - left + 8;
		return true;
	}
	if ((v->kind != TCT_VALUE_STRING && v->kind != TCT_VALUE_BYTES) || left < 5)
		return false;
	len = get_u32(p);
	if (len > left - 5 || p[4 + len] != '\0')
		return false;
	v->bytes.data = (const char *)p + 4;
	v->bytes.len = len;
	*at = rec.len - left + 4 + len + 1;
	return true;
}

bool tct_record_find(const struct tct_value *rec, const char *field, struct tct_value *out)
{
	const char *name;
	size_t at = 0;

	if (rec->kind != TCT_VALUE_RECORD)
		return false;
	while (next_field(span_make(rec->bytes.data, rec->bytes.len), &at, &name, out)) {
		if (strcmp(name, field) == 0)
			return true;
	}
	return false;
}

int64_t tct_record_int(const struct tct_value *rec, const char *field, int64_t def)
{
	struct tct_value v;

	return tct_record_find(rec, field, &v) && v.kind == TCT_VALUE_INT ? v.i : def;
}

const char *tct_record_string(const struct tct_value *rec, const char *field, const char *def)
{
	struct tct_value v;

	return tct_record_find(rec, field, &v) && v.kind == TCT_VALUE_STRING &&
			strlen(v.bytes.data) == v.bytes.len ?
		v.bytes.data :
		def;
}

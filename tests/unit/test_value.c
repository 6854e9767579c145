/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/store/value.h"
#include "core/xml/elem.h"

#include <tercet/stanza.h>

#include "tests/unit/unit.h"

/* A copy of exactly these bytes and the NUL that always follows: reading further is a fault
 * that the sanitizer sees. */
static char *exact(const void *bytes, size_t len)
{
	char *p = malloc(len + 1);

	assert_non_null(p);
	if (len > 0)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

static void assert_round_trip(const struct tct_value *v)
{
	struct tct_value back;
	struct span bytes;
	struct arena a;
	char *copy;

	arena_init(&a);
	bytes = value_encode(&a, v, 0);
	copy = exact(bytes.data, bytes.len);
	assert_true(value_decode(span_make(copy, bytes.len), &back));
	assert_true(value_equal(v, &back));
	assert_true(value_equal(&back, v));
	if (v->kind != TCT_VALUE_INT)
		assert_int_equal(back.bytes.data[back.bytes.len], '\0');
	free(copy);
	arena_fini(&a);
}

static void values_come_back(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, 255, 256, INT64_MAX, INT64_MIN };
	struct tct_value v;

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		v = tct_int(numbers[i]);
		assert_int_equal(v.kind, TCT_VALUE_INT);
		assert_round_trip(&v);
	}
	v = tct_string("");
	assert_round_trip(&v);
	v = tct_string("Gr\xc3\xbc\xc3\x9f" "e");
	assert_round_trip(&v);
	v = tct_bytes("a\0b\0", 4);
	assert_round_trip(&v);
	v = tct_bytes(NULL, 0);
	assert_round_trip(&v);
	v.kind = TCT_VALUE_RECORD;
	assert_round_trip(&v);
}

static void equal_means_kind_and_content(void **state)
{
	struct tct_value none = { 0 }, other = { .kind = TCT_VALUE_NONE };
	struct tct_value one = tct_int(1), two = tct_int(2);
	struct tct_value text = tct_string("ab"), bytes = tct_bytes("ab", 2);
	struct tct_value longer = tct_string("abc");

	assert_true(value_equal(&none, &other));
	assert_false(value_equal(&none, &one));
	assert_false(value_equal(&one, &two));
	assert_false(value_equal(&text, &bytes));
	assert_false(value_equal(&text, &longer));
}

/* Marks are in front, in the room that was left or anew; the value stays what it is. */
static void marks_come_before_the_value(void **state)
{
	struct tct_value v = tct_string("said"), out;
	struct mark mark = { .kind = MARK_TO };
	size_t room = MARK_ROOM;
	struct span bytes;
	struct arena a;

	arena_init(&a);
	bytes = value_encode(&a, &v, room);
	assert_int_equal(value_mark_count(bytes), 0);
	for (uint32_t i = 0; i < MARKS_MAX + 3; i++) {
		uint32_t count = i < MARKS_MAX ? i + 1 : MARKS_MAX;

		mark.session = UINT64_C(0xfedcba9876543210) + i;
		mark.number = UINT32_MAX - i;
		mark.floor = i;
		value_mark(&a, &bytes, &room, &mark);
		assert_int_equal(value_mark_count(bytes), count);
		assert_true(value_decode(bytes, &out));
		assert_int_equal(out.kind, TCT_VALUE_STRING);
		assert_int_equal(out.bytes.len, 4);
		assert_memory_equal(out.bytes.data, "said", 4);
	}
	for (uint32_t i = 0; i < MARKS_MAX; i++) { /* the newest first */
		uint32_t n = MARKS_MAX - 1 - i;

		value_mark_get(bytes, i, &mark);
		assert_true(mark.session == UINT64_C(0xfedcba9876543210) + n);
		assert_int_equal(mark.number, UINT32_MAX - n);
		assert_int_equal(mark.floor, n);
		assert_int_equal(mark.kind, MARK_TO);
	}
	for (size_t len = 0; len < 2 + MARKS_MAX * MARK_BYTES; len++) {
		char *copy = exact(bytes.data, len);

		assert_false(value_decode(span_make(copy, len), &out));
		assert_int_equal(value_mark_count(span_make(copy, len)), 0);
		free(copy);
	}
	arena_fini(&a);
}

static void foreign_bytes_are_no_values(void **state)
{
	struct tct_value v;
	char bytes[12] = { 0 };

	assert_false(value_decode(span_make(bytes, 0), &v));
	assert_int_equal(v.kind, TCT_VALUE_NONE);
	for (int kind = 0; kind < 256; kind++) {
		for (size_t len = 1; len < sizeof bytes; len++) {
			bool known = kind == TCT_VALUE_INT ?
				len == 9 :
				kind > TCT_VALUE_INT && kind <= TCT_VALUE_RECORD;
			char *copy;

			bytes[0] = (char)kind;
			copy = exact(bytes, len);
			assert_int_equal(value_decode(span_make(copy, len), &v), known);
			/* What is no value says so, whoever forgets to ask. */
			assert_int_equal(v.kind, known ? kind : TCT_VALUE_NONE);
			free(copy);
		}
	}
}

/* ---- records ---- */

static struct tct_record *sample(void)
{
	struct tct_record *r = tct_record_new();

	tct_record_set_int(r, "count", -5);
	tct_record_set_string(r, "name", "Juliet");
	tct_record_set_string(r, "empty", "");
	tct_record_set_bytes(r, "salt", "\0\1\2\xff", 4);
	tct_record_set_bytes(r, "nothing", NULL, 0);
	tct_record_set_int(r, "last", INT64_MIN);
	return r;
}

static void records_come_back(void **state)
{
	struct tct_record *r = sample();
	struct tct_value v = tct_record_value(r), field;

	assert_int_equal(v.kind, TCT_VALUE_RECORD);
	assert_round_trip(&v);
	assert_int_equal(tct_record_int(&v, "count", 0), -5);
	assert_true(tct_record_int(&v, "last", 0) == INT64_MIN);
	assert_string_equal(tct_record_string(&v, "name", "?"), "Juliet");
	assert_string_equal(tct_record_string(&v, "empty", "?"), "");
	assert_true(tct_record_find(&v, "salt", &field));
	assert_int_equal(field.kind, TCT_VALUE_BYTES);
	assert_int_equal(field.bytes.len, 4);
	assert_memory_equal(field.bytes.data, "\0\1\2\xff", 4);
	assert_true(tct_record_find(&v, "nothing", &field));
	assert_int_equal(field.bytes.len, 0);
	tct_record_free(r);
	tct_record_free(NULL);
}

static void defaults_stand_in(void **state)
{
	struct tct_record *r = sample(), *hollow = tct_record_new();
	struct tct_value v = tct_record_value(r), none = tct_record_value(hollow), field;
	struct tct_value text = tct_string("count"), row = { 0 };

	assert_int_equal(tct_record_int(&v, "absent", 7), 7);
	assert_string_equal(tct_record_string(&v, "absent", "none"), "none");
	assert_null(tct_record_string(&v, "absent", NULL));
	assert_false(tct_record_find(&v, "absent", &field));
	assert_false(tct_record_find(&v, "", &field));
	assert_false(tct_record_find(&v, "nam", &field));
	/* Another kind counts as absent. */
	assert_int_equal(tct_record_int(&v, "name", 7), 7);
	assert_string_equal(tct_record_string(&v, "count", "none"), "none");
	assert_string_equal(tct_record_string(&v, "salt", "none"), "none");
	/* So does everything in what is no record. */
	assert_int_equal(tct_record_int(&none, "count", 7), 7);
	assert_int_equal(tct_record_int(&text, "count", 7), 7);
	assert_int_equal(tct_record_int(&row, "count", 7), 7);
	assert_string_equal(tct_record_string(&row, "name", "none"), "none");
	tct_record_free(r);
	tct_record_free(hollow);
}

/* Reads everything that a module could ask for. */
static void read_all(const void *bytes, size_t len)
{
	static const char *const names[] = { "count", "name", "empty", "salt", "nothing", "last",
		"absent", "" };
	char *copy = exact(bytes, len);
	struct tct_value v = { .kind = TCT_VALUE_RECORD }, field;
	volatile size_t sum = 0;

	v.bytes.data = copy;
	v.bytes.len = len;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (tct_record_find(&v, names[i], &field) && field.kind != TCT_VALUE_INT) {
			for (size_t k = 0; k <= field.bytes.len; k++)
				sum += (unsigned char)field.bytes.data[k];
			assert_int_equal(field.bytes.data[field.bytes.len], '\0');
		}
		sum += strlen(tct_record_string(&v, names[i], ""));
		sum += (size_t)tct_record_int(&v, names[i], 0);
	}
	(void)sum;
	free(copy);
}

static void a_record_cut_anywhere_is_harmless(void **state)
{
	struct tct_record *r = sample();
	struct tct_value v = tct_record_value(r), cut = v;

	for (size_t len = 0; len <= v.bytes.len; len++)
		read_all(v.bytes.data, len);
	/* What stands before the cut is still there. */
	cut.bytes.len--;
	assert_string_equal(tct_record_string(&cut, "name", "?"), "Juliet");
	assert_int_equal(tct_record_int(&cut, "last", 7), 7);
	tct_record_free(r);
}

static void hostile_bytes_are_harmless(void **state)
{
	static const unsigned char values[] = { 0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xfe, 0xff };
	struct tct_record *r = sample();
	struct tct_value v = tct_record_value(r);
	char *bytes = exact(v.bytes.data, v.bytes.len);

	for (size_t at = 0; at < v.bytes.len; at++) {
		char was = bytes[at];

		for (size_t i = 0; i < sizeof values; i++) {
			bytes[at] = (char)values[i];
			read_all(bytes, v.bytes.len);
		}
		bytes[at] = was;
	}
	/* Lengths of four bytes that wrap. */
	for (size_t at = 0; at + 4 <= v.bytes.len; at++) {
		char was[4];

		memcpy(was, bytes + at, 4);
		for (int back = 0; back < 8; back++) {
			memcpy(bytes + at, "\xff\xff\xff\xff", 4);
			bytes[at] = (char)(0xff - back);
			read_all(bytes, v.bytes.len);
		}
		memcpy(bytes + at, was, 4);
	}
	free(bytes);
	tct_record_free(r);
}

static void any_bytes_are_harmless(void **state)
{
	unsigned seed = 4711;
	char bytes[64];

	for (int round = 0; round < 20000; round++) {
		size_t len = (seed >> 8) % (sizeof bytes + 1);

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			/* Small numbers are lengths and kinds: they lead further. */
			bytes[i] = (char)((seed >> 16) % 3 != 0 ? (seed >> 20) % 6 : seed >> 18);
		}
		seed = seed * 1103515245 + 12345;
		read_all(bytes, len);
	}
}

static void a_text_with_a_nul_is_no_string(void **state)
{
	static const char bytes[] = "\1a\0\2\3\0\0\0x\0y"; /* and its NUL */
	struct tct_value v = { .kind = TCT_VALUE_RECORD }, field;

	v.bytes.data = bytes;
	v.bytes.len = sizeof bytes;
	assert_true(tct_record_find(&v, "a", &field));
	assert_int_equal(field.bytes.len, 3);
	assert_string_equal(tct_record_string(&v, "a", "none"), "none");
}

/* ---- stored elements ---- */

static void elements_come_back(void **state)
{
	struct tct_elem *from, *to, *back;
	struct tct_value v;
	struct arena a;
	char *copy;

	arena_init(&a);
	from = elem_new(&a, "urn:example", "note");
	tct_set(from, "who", "R&J's <\"quoted\">");
	tct_text(from, "a < b & c ]]> d");
	tct_add(from, "urn:other", "child");
	v = tct_xml(from);
	assert_int_equal(v.kind, TCT_VALUE_XML);
	assert_round_trip(&v);
	copy = exact(v.bytes.data, v.bytes.len);
	v.bytes.data = copy;
	to = elem_new(&a, "jabber:client", "message");
	back = tct_add_stored(to, &v);
	assert_non_null(back);
	assert_ptr_equal(tct_elem_parent(back), to);
	assert_ptr_equal(tct_elem_first(to), back);
	assert_true(tct_elem_is(back, "urn:example", "note"));
	assert_string_equal(tct_attr(back, "who"), "R&J's <\"quoted\">");
	assert_string_equal(tct_elem_text(back), "a < b & c ]]> d");
	assert_non_null(tct_child(back, "urn:other", "child"));
	free(copy);
	arena_fini(&a);
}

static void what_is_no_element_adds_nothing(void **state)
{
	static const char *const broken[] = { "", "text", "<a>", "<a></b>", "<a/><b/>", "<x:a/>",
		"<a b=1/>", "<!DOCTYPE a><a/>", "<a>&x;</a>", "<a>\xff</a>" };
	struct tct_value v = tct_string("<a xmlns='urn:example'/>");
	struct tct_elem *to;
	struct arena a;

	arena_init(&a);
	to = elem_new(&a, "jabber:client", "message");
	assert_null(tct_add_stored(to, &v)); /* a string */
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		v = tct_string(broken[i]);
		v.kind = TCT_VALUE_XML;
		assert_null(tct_add_stored(to, &v));
	}
	assert_null(tct_elem_first(to));
	arena_fini(&a);
}

static void an_element_cut_anywhere_adds_nothing(void **state)
{
	struct tct_elem *e, *to;
	struct tct_value v;
	struct arena a;

	arena_init(&a);
	e = elem_new(&a, "urn:example", "note");
	tct_set(e, "n", "1 & 2");
	tct_text(e, "t\xc3\xa4xt");
	to = elem_new(&a, "jabber:client", "message");
	v = tct_xml(e);
	for (size_t len = 0; len < v.bytes.len; len++) {
		struct tct_value cut = v;
		char *copy = exact(v.bytes.data, len);

		cut.bytes.data = copy;
		cut.bytes.len = len;
		assert_null(tct_add_stored(to, &cut));
		free(copy);
	}
	assert_null(tct_elem_first(to));
	arena_fini(&a);
}

static void a_stanza_is_kept_whole(void **state)
{
	const struct tct_jid *from = tct_jid_new("romeo@localhost/or'chard");
	const struct tct_jid *to = tct_jid_new("juliet@localhost");
	struct tct_stanza *st = tct_stanza_new(TCT_MESSAGE_CHAT, from, to, "a<1");
	struct arena a = { 0 };
	struct tct_elem *back;
	struct tct_value v;

	(void)state;
	tct_stanza_set_lang(st, "it");
	tct_set(tct_stanza_root(st), "more", "1");
	tct_add_text(tct_stanza_root(st), "body", "O & Romeo");
	tct_add(tct_stanza_root(st), "urn:other", "child");
	v = tct_stanza_xml(st);
	assert_int_equal(v.kind, TCT_VALUE_XML);
	back = tct_add_stored(elem_new(&a, "urn:xmpp:forward:0", "forwarded"), &v);
	assert_true(tct_elem_is(back, "jabber:client", "message"));
	assert_string_equal(tct_attr(back, "from"), "romeo@localhost/or'chard");
	assert_string_equal(tct_attr(back, "to"), "juliet@localhost");
	assert_string_equal(tct_attr(back, "type"), "chat");
	assert_string_equal(tct_attr(back, "id"), "a<1");
	assert_string_equal(tct_attr_ns(back, "http://www.w3.org/XML/1998/namespace", "lang"),
		"it");
	assert_string_equal(tct_attr(back, "more"), "1");
	assert_string_equal(tct_child_text(back, "jabber:client", "body"), "O & Romeo");
	assert_non_null(tct_child(back, "urn:other", "child"));
	arena_fini(&a);
	tct_stanza_unref(st);
	tct_jid_unref(from);
	tct_jid_unref(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back),
		cmocka_unit_test(equal_means_kind_and_content),
		cmocka_unit_test(marks_come_before_the_value),
		cmocka_unit_test(foreign_bytes_are_no_values),
		cmocka_unit_test(records_come_back),
		cmocka_unit_test(defaults_stand_in),
		cmocka_unit_test(a_record_cut_anywhere_is_harmless),
		cmocka_unit_test(hostile_bytes_are_harmless),
		cmocka_unit_test(any_bytes_are_harmless),
		cmocka_unit_test(a_text_with_a_nul_is_no_string),
		cmocka_unit_test(elements_come_back),
		cmocka_unit_test(what_is_no_element_adds_nothing),
		cmocka_unit_test(an_element_cut_anywhere_adds_nothing),
		cmocka_unit_test(a_stanza_is_kept_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

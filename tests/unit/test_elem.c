/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_elem.c - trees of elements: reading, building, copying, walking, and how they are
 * written where they will stand. */
#include "tests/unit/unit.h"

#include "core/xml/elem.h"
#include "core/xml/name.h"
#include "core/xml/write.h"

#define FFFD "\xef\xbf\xbd"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	memset(&arena, 0, sizeof arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static void written(const struct tct_elem *e, const char *around, const char *wanted)
{
	struct str out = { 0 };

	write_elem(&out, e, around);
	assert_string_equal(str_text(&out), wanted);
	str_fini(&out);
}

static void children_are_found(void **state)
{
	struct tct_elem *a = elem_new(&arena, "x", "a"), *b, *c;

	(void)state;
	tct_text(a, "before");
	b = tct_add(a, NULL, "b");
	tct_text(a, "between");
	c = tct_add(a, "y", "b");
	tct_add_text(c, "d", "text of d");
	assert_ptr_equal(tct_elem_first(a), b);
	assert_ptr_equal(tct_elem_next(b), c);
	assert_null(tct_elem_next(c));
	assert_ptr_equal(tct_elem_parent(c), a);
	assert_null(tct_elem_parent(a));
	assert_ptr_equal(tct_child(a, NULL, "b"), b);
	assert_ptr_equal(tct_child(a, "y", NULL), c);
	assert_ptr_equal(tct_child(a, "y", "b"), c);
	assert_null(tct_child(a, "z", "b"));
	assert_string_equal(tct_elem_text(a), "beforebetween");
	assert_string_equal(tct_elem_text(b), "");
	assert_string_equal(tct_child_text(c, "y", "d"), "text of d");
	assert_null(tct_child_text(c, "y", "e"));
	assert_true(tct_elem_is(b, "x", "b"));
	assert_false(tct_elem_is(c, "x", "b"));
	assert_string_equal(tct_elem_ns(b), "x");
	assert_string_equal(tct_elem_name(b), "b");
}

/* A chain of look-ups needs one check at its end. */
static void nothing_has_nothing(void **state)
{
	int64_t value = 7;

	(void)state;
	assert_null(tct_elem_first(NULL));
	assert_null(tct_elem_next(NULL));
	assert_null(tct_child(NULL, "x", "y"));
	assert_null(tct_elem_text(NULL));
	assert_null(tct_child_text(NULL, "x", "y"));
	assert_null(tct_attr(NULL, "x"));
	assert_null(tct_attr_ns(NULL, "x", "y"));
	assert_null(tct_elem_name(NULL));
	assert_null(tct_elem_ns(NULL));
	assert_null(tct_elem_parent(NULL));
	assert_false(tct_elem_is(NULL, "x", "y"));
	assert_int_equal(tct_attr_int(NULL, "x", &value), TCT_ENOENT);
	assert_int_equal(value, 7);
}

static void attributes_are_set_and_taken_off(void **state)
{
	struct tct_elem *a = elem_new(&arena, "x", "a");

	(void)state;
	tct_set(a, "b", "1");
	tct_set(a, "c", "2");
	tct_set_ns(a, "y", "b", "3");
	assert_string_equal(tct_attr(a, "b"), "1");
	assert_string_equal(tct_attr_ns(a, "y", "b"), "3");
	assert_null(tct_attr(a, "d"));
	assert_null(tct_attr_ns(a, "z", "b"));
	tct_set(a, "b", "4");
	assert_string_equal(tct_attr(a, "b"), "4");
	assert_string_equal(tct_attr_ns(a, "y", "b"), "3");
	tct_set(a, "b", NULL);
	assert_null(tct_attr(a, "b"));
	tct_set(a, "never", NULL);
	tct_set_ns(a, "y", "b", NULL);
	assert_null(tct_attr_ns(a, "y", "b"));
	written(a, "x", "<a c='2'/>");
}

static void numbers_are_whole(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "1x", "x", "1.0", "0x1", "+-1",
		"9223372036854775808", "-9223372036854775809", "--1" };
	struct tct_elem *a = elem_new(&arena, "x", "a");
	int64_t value = 7;

	(void)state;
	assert_int_equal(tct_attr_int(a, "b", &value), TCT_ENOENT);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		tct_set(a, "b", bad[i]);
		assert_int_equal(tct_attr_int(a, "b", &value), TCT_EINVAL);
		assert_int_equal(value, 7);
	}
	tct_set_int(a, "b", INT64_MIN);
	assert_int_equal(tct_attr_int(a, "b", &value), TCT_OK);
	assert_true(value == INT64_MIN);
	tct_set(a, "b", "9223372036854775807");
	assert_int_equal(tct_attr_int(a, "b", &value), TCT_OK);
	assert_true(value == INT64_MAX);
}

static void text_is_clean(void **state)
{
	struct tct_elem *a = elem_new(&arena, "x", "a");

	(void)state;
	tct_text(a, "ok\t\n\r");
	tct_text_n(a, "a\0b", 3);
	tct_text(a, "\x01\x1f");
	tct_text(a, "\xff");
	tct_text(a, "\xef\xbf\xbe"); /* U+FFFE: for each byte */
	assert_string_equal(tct_elem_text(a),
		"ok\t\n\ra" FFFD "b" FFFD FFFD FFFD FFFD FFFD FFFD);
	tct_set(a, "b", "\x02\xc3");
	assert_string_equal(tct_attr(a, "b"), FFFD FFFD);
}

/* Whatever is looked at at once, each byte counts at each place. */
static void a_byte_is_found_at_every_place(void **state)
{
	static const struct {
		char byte;
		const char *attr, *text;
	} all[] = {
		{ '&', "&amp;", "&amp;" }, { '<', "&lt;", "&lt;" }, { '>', "&gt;", "&gt;" },
		{ '\'', "&apos;", "&apos;" }, { '"', "&quot;", "&quot;" },
		{ '\r', "&#13;", "&#13;" }, { '\n', "&#10;", "\n" }, { '\t', "&#9;", "\t" },
		{ '\x01', "\xef\xbf\xbd", "\xef\xbf\xbd" },
		{ '\x1f', "\xef\xbf\xbd", "\xef\xbf\xbd" },
		{ '\xff', "\xef\xbf\xbd", "\xef\xbf\xbd" },
		{ ' ', " ", " " }, { '%', "%", "%" }, { '=', "=", "=" }, { '?', "?", "?" },
		{ '\x7f', "\x7f", "\x7f" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		for (size_t len = 1; len < 40; len++) {
			for (size_t at = 0; at < len; at++) {
				char value[64] = "", before[64] = "", wanted[256];
				struct tct_elem *e = elem_new(&arena, "x", "a");

				memset(value, 'o', len);
				memset(before, 'o', at);
				value[at] = all[i].byte;
				tct_set(e, "b", value);
				tct_text(e, value);
				snprintf(wanted, sizeof wanted, "<a b='%s%s%s'>%s%s%s</a>", before,
					all[i].attr, value + at + 1, before, all[i].text,
					value + at + 1);
				written(e, "x", wanted);
			}
		}
	}
}

static void a_copy_is_its_own(void **state)
{
	struct arena other = { 0 };
	struct tct_elem *a = elem_new(&arena, "x", "a"), *b = tct_add(a, "y", "b"), *copy, *again;

	(void)state;
	tct_set(b, "c", "1");
	tct_set_ns(b, "z", "c", "2");
	tct_text(b, "text");
	tct_add(b, NULL, "d");
	tct_text(a, "tail");
	copy = elem_copy(&other, a);
	again = tct_add_copy(copy, b);
	assert_ptr_equal(tct_elem_parent(again), copy);
	tct_set(b, "c", "changed");
	arena_fini(&arena);
	written(copy, "x",
		"<a><b xmlns='y' c='1' xmlns:a0='z' a0:c='2'>text<d/></b>tail"
		"<b xmlns='y' c='1' xmlns:a0='z' a0:c='2'>text<d/></b></a>");
	assert_null(tct_elem_parent(copy));
	arena_fini(&other);
}

static void an_element_is_taken_out(void **state)
{
	struct tct_elem *a = elem_new(&arena, "x", "a"), *b = tct_add(a, NULL, "b");
	struct tct_elem *c = tct_add(a, NULL, "c"), *d = tct_add(a, NULL, "d");

	(void)state;
	tct_elem_remove(c);
	written(a, "x", "<a><b/><d/></a>");
	tct_elem_remove(d);
	tct_add(a, NULL, "e");
	written(a, "x", "<a><b/><e/></a>");
	tct_elem_remove(b);
	written(a, "x", "<a><e/></a>");
	tct_elem_remove(tct_elem_first(a));
	written(a, "x", "<a/>");
	tct_add(a, NULL, "f");
	written(a, "x", "<a><f/></a>");
}

static void a_tree_is_walked_in_order(void **state)
{
	struct tct_elem *a = elem_new(&arena, "x", "a"), *b = tct_add(a, NULL, "b"), *at;
	char seen[16] = "";
	size_t count = 0;

	(void)state;
	tct_add(b, NULL, "c");
	tct_add(b, NULL, "d");
	tct_add(a, NULL, "e");
	for (at = a; at != NULL; at = elem_walk(a, at, true))
		seen[count++] = at->name[0];
	assert_string_equal(seen, "abcde");
	assert_string_equal(elem_walk(a, b, false)->name, "e");
	assert_null(elem_walk(b, tct_elem_next(tct_elem_first(b)), true)); /* not out of it */
}

static void what_is_written_fits_where_it_stands(void **state)
{
	struct tct_elem *a = elem_new(&arena, "jabber:client", "a"), *b = tct_add(a, "y", "b");
	struct tct_elem *s = elem_new(&arena, NS_STREAM, "features");
	struct str out = { 0 };

	(void)state;
	tct_add(b, "jabber:client", "c");
	tct_add(a, NULL, "d");
	written(a, "jabber:client", "<a><b xmlns='y'><c xmlns='jabber:client'/></b><d/></a>");
	written(a, "jabber:server",
		"<a xmlns='jabber:client'><b xmlns='y'><c xmlns='jabber:client'/></b><d/></a>");
	/* Without a declaration of the content namespace: it fits into a stanza of any stream. */
	write_children(&out, a);
	assert_string_equal(str_text(&out), "<b xmlns='y'><c xmlns='jabber:client'/></b><d/>");
	str_fini(&out);
	tct_add(s, "y", "b");
	tct_add(s, "jabber:client", "c");
	written(s, "jabber:client", "<stream:features><b xmlns='y'/><c/></stream:features>");
}

static void depth_costs_no_stack(void **state)
{
	struct tct_elem *a = elem_new(&arena, "x", "a"), *at = a;
	struct arena other = { 0 };
	struct str out = { 0 };

	(void)state;
	for (int i = 0; i < 300000; i++)
		at = elem_add(at, "x", "a");
	write_elem(&out, elem_copy(&other, a), "x");
	assert_int_equal(str_span(&out).len, 300000 * 7 + 4);
	str_fini(&out);
	arena_fini(&other);
}

/* The registry's ids: the same pair, the same id, and unknown is 0. */
static void names_have_ids(void **state)
{
	uint16_t id = name_register("urn:test", "a");

	(void)state;
	assert_int_not_equal(id, 0);
	assert_int_equal(name_register("urn:test", "a"), id);
	assert_int_not_equal(name_register("urn:test", "b"), id);
	assert_int_equal(name_find(span_of("urn:test"), span_of("a")), id);
	assert_int_equal(name_find(span_of("urn:test"), span_of("c")), 0);
	assert_int_equal(name_find(span_of("urn:tes"), span_of("ta")), 0);
	assert_string_equal(name_ns(id), "urn:test");
	assert_string_equal(name_local(id), "a");
	assert_int_equal(elem_new(&arena, "urn:test", "a")->id, id);
	assert_int_equal(elem_new(&arena, "urn:test", "c")->id, 0);
	assert_ptr_equal(elem_new(&arena, "urn:test", "a")->name, name_local(id));
}

/* The arena's struct moved: every node knows. */
static void a_tree_moves_with_its_arena(void **state)
{
	struct tct_elem *a = elem_new(&arena, "x", "a"), *b = tct_add(a, NULL, "b");
	struct arena moved = arena;

	(void)state;
	memset(&arena, 0, sizeof arena);
	elem_move(a, &moved);
	assert_ptr_equal(elem_arena(b), &moved);
	tct_set(b, "c", "1");
	written(a, "x", "<a><b c='1'/></a>");
	arena_fini(&moved);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(children_are_found),
		TEST(nothing_has_nothing),
		TEST(attributes_are_set_and_taken_off),
		TEST(numbers_are_whole),
		TEST(text_is_clean),
		TEST(a_byte_is_found_at_every_place),
		TEST(a_copy_is_its_own),
		TEST(an_element_is_taken_out),
		TEST(a_tree_is_walked_in_order),
		TEST(what_is_written_fits_where_it_stands),
		TEST(depth_costs_no_stack),
		TEST(names_have_ids),
		TEST(a_tree_moves_with_its_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

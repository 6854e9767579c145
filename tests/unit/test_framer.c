/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_framer.c - where the constructs of a stream end, whatever pieces it comes in: each
 * stream of the table is fed whole, in every two pieces, and byte by byte. */
#include "tests/unit/unit.h"

#include "core/xml/framer.h"

#define HEADER "<stream:stream xmlns='jabber:client' to='a>b' version='1.0'>"

/* What is found, one letter each, at the offset where it ends: H header, S stanza, s space,
 * C close, R restricted, M malformed. */
struct found {
	char what;
	size_t end;
};

static char letter(enum framer_result r)
{
	switch (r) {
	case FRAMER_HEADER:
		return 'H';
	case FRAMER_STANZA:
		return 'S';
	case FRAMER_SPACE:
		return 's';
	case FRAMER_CLOSE:
		return 'C';
	case FRAMER_RESTRICTED:
		return 'R';
	default:
		return 'M';
	}
}

#define FOUND_MAX 32

struct run {
	struct framer framer;
	struct found found[FOUND_MAX];
	size_t count, at;
	bool ended;
};

static void feed(struct run *run, const char *data, size_t len)
{
	while (len > 0 && !run->ended) {
		size_t used = 0;
		enum framer_result r = framer_feed(&run->framer, data, len, &used);

		assert_true(used <= len);
		run->at += used;
		data += used;
		len -= used;
		if (r == FRAMER_MORE) {
			assert_int_equal(len, 0);
			return;
		}
		assert_true(used > 0 || r == FRAMER_MALFORMED);
		assert_true(run->count < FOUND_MAX);
		run->found[run->count++] = (struct found){ letter(r), run->at };
		run->ended = r == FRAMER_CLOSE || r == FRAMER_RESTRICTED || r == FRAMER_MALFORMED;
	}
}

/* White space in two pieces is found twice; what counts is where the rest ends. */
static void assert_same(const struct run *a, const struct run *b)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < a->count && a->found[i].what == 's')
			i++;
		while (j < b->count && b->found[j].what == 's')
			j++;
		if (i == a->count || j == b->count)
			break;
		assert_int_equal(a->found[i].what, b->found[j].what);
		assert_int_equal(a->found[i].end, b->found[j].end);
		i++;
		j++;
	}
	assert_int_equal(i, a->count);
	assert_int_equal(j, b->count);
}

static void try_all(const char *text, bool header, const char *wanted)
{
	struct run whole = { 0 }, bytes = { 0 };
	size_t len = strlen(text);
	char seen[FOUND_MAX + 1] = "";

	framer_init(&whole.framer, header);
	feed(&whole, text, len);
	for (size_t i = 0; i < whole.count; i++)
		seen[i] = whole.found[i].what;
	if (strcmp(seen, wanted) != 0)
		print_message("in: %s\n", text);
	assert_string_equal(seen, wanted);
	framer_init(&bytes.framer, header);
	for (size_t i = 0; i < len; i++)
		feed(&bytes, text + i, 1);
	assert_same(&whole, &bytes);
	for (size_t cut = 0; cut <= len; cut++) {
		struct run two = { 0 };

		framer_init(&two.framer, header);
		feed(&two, text, cut);
		feed(&two, text + cut, len - cut);
		assert_same(&whole, &two);
	}
}

static void elements_end_at_their_end_tag(void **state)
{
	(void)state;
	try_all("<a/>", false, "S");
	try_all("<a></a>", false, "S");
	try_all("<a b='c'/><d/>", false, "SS");
	try_all("<a><a><a/></a><b/></a><c></c>", false, "SS");
	try_all("<a>text > with ] signs ' and \"</a>", false, "S");
	try_all("<a b='/>' c=\"'/>\" d='\"'></a>", false, "S");
	try_all("<a b = 'c' ></a >", false, "S");
	try_all("<a\n\tb='c'\r\n/>", false, "S");
	try_all("<a>&lt;b&gt;</a>", false, "S");
	try_all("<\xc3\xa4>\xc3\xa4</\xc3\xa4>", false, "S");
	try_all("<a>", false, "");
	try_all("<a><b></b>", false, "");
	try_all("<a b='", false, "");
}

static void character_data_hides_tags(void **state)
{
	(void)state;
	try_all("<a><![CDATA[</a><b>]]></a>", false, "S");
	try_all("<a><![CDATA[]]></a>", false, "S");
	try_all("<a><![CDATA[]]]]></a>", false, "S");
	try_all("<a><![CDATA[]] >]>]]]></a>", false, "S");
	try_all("<a><![CDATA[ ]>]]></a><b/>", false, "SS");
	try_all("<a><![CDATA[ ]]", false, "");
	try_all("<a><![CDATA] ]]></a>", false, "M");
	try_all("<a><![CDATB[ ]]></a>", false, "M");
	try_all("<![CDATA[x]]>", false, "M");
}

static void a_header_comes_first(void **state)
{
	(void)state;
	try_all(HEADER, true, "H");
	try_all("<?xml version='1.0'?>" HEADER, true, "H");
	try_all("<?xml version='1.0' encoding='UTF-8'?>\n" HEADER "<a/>", true, "HS");
	try_all(" \n" HEADER " <a/> <b/>\n", true, "HsSsSs");
	try_all(HEADER "</stream:stream>", true, "HC");
	try_all(HEADER "<a/></stream:stream>", true, "HSC");
	try_all("<stream:stream/>", true, "M");
	try_all("</stream:stream>", true, "M");
	try_all("hello", true, "M");
	try_all("<?xml version='1.0'", true, "");
	try_all("<?xml version='1.0'? >" HEADER, true, "M");
	try_all("<?xmlversion='1.0'?>" HEADER, true, "R");
	try_all("<?xsl x?>" HEADER, true, "R");
	try_all("<?xml <?>" HEADER, true, "M");
}

static void space_and_the_end(void **state)
{
	(void)state;
	try_all("  ", false, "s");
	try_all(" <a/> ", false, "sSs");
	try_all("\r\n\t <a/>", false, "sS");
	try_all("</a>", false, "C");
	try_all("<a/></stream:stream>", false, "SC");
	try_all("x", false, "M");
	try_all("<a/>x", false, "SM");
}

/* RFC 6120 11.1. */
static void what_is_restricted_is_seen_at_once(void **state)
{
	(void)state;
	try_all("<!-- -->", false, "R");
	try_all("<a><!-- --></a>", false, "R");
	try_all("<a><!-", false, "R");
	try_all("<!DOCTYPE a>", false, "R");
	try_all("<!DOCTYPE a [<!ENTITY b 'c'>]>" HEADER, true, "R");
	try_all("<!doctype", true, "R");
	try_all("<a><?b c?></a>", false, "R");
	try_all("<?xml version='1.0'?>", false, "R");
	try_all("<a/><?", false, "SR");
}

static void what_is_no_xml_ends_it(void **state)
{
	(void)state;
	try_all("<>", false, "M");
	try_all("<<a/>", false, "M");
	try_all("< a/>", false, "M");
	try_all("<a <b/>", false, "M");
	try_all("<a/ >", false, "M");
	try_all("<a/b>", false, "M");
	try_all("<a></a<b>", false, "M");
	try_all("<!ELEMENT a>", false, "M");
	try_all("<!>", false, "M");
}

/* Nothing is found any more in a framer that has ended. */
static void the_end_is_final(void **state)
{
	struct framer f;
	size_t used;

	(void)state;
	framer_init(&f, false);
	assert_int_equal(framer_feed(&f, "</a>", 4, &used), FRAMER_CLOSE);
	assert_int_equal(framer_feed(&f, "<a/>", 4, &used), FRAMER_MALFORMED);
}

static void depth_costs_no_stack(void **state)
{
	struct framer f;
	size_t used;

	(void)state;
	framer_init(&f, false);
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(framer_feed(&f, "<a>", 3, &used), FRAMER_MORE);
	for (int i = 1; i < 1000000; i++)
		assert_int_equal(framer_feed(&f, "</a>", 4, &used), FRAMER_MORE);
	assert_int_equal(framer_feed(&f, "</a>", 4, &used), FRAMER_STANZA);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_end_at_their_end_tag),
		cmocka_unit_test(character_data_hides_tags),
		cmocka_unit_test(a_header_comes_first),
		cmocka_unit_test(space_and_the_end),
		cmocka_unit_test(what_is_restricted_is_seen_at_once),
		cmocka_unit_test(what_is_no_xml_ends_it),
		cmocka_unit_test(the_end_is_final),
		cmocka_unit_test(depth_costs_no_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

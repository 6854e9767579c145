/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_parse.c - elements from bytes: the rules of namespaces, what is refused and how, and
 * that what is written from a tree is read as the same tree. */
#include "tests/unit/unit.h"

#include "core/xml/parse.h"
#include "core/xml/write.h"

static const struct parse_limits usual = { .depth = 8, .elements = 50, .attributes = 6 };

struct result {
	struct arena arena;
	struct tct_elem *root;
	enum parse_error error;
};

static bool parse_in(struct result *r, const struct parse_context *ctx, const char *text)
{
	memset(r, 0, sizeof *r);
	return parse_element(ctx, span_of(text), &usual, &r->arena, &r->root, &r->error) == TCT_OK;
}

static void expect_in(const struct parse_context *ctx, const char *text, const char *wanted)
{
	struct str out = { 0 };
	struct result r;

	if (!parse_in(&r, ctx, text))
		fail_msg("%s: %s", text, parse_error_condition(r.error));
	write_elem(&out, r.root, "jabber:client");
	assert_string_equal(str_text(&out), wanted);
	str_fini(&out);
	arena_fini(&r.arena);
}

static void expect(const char *text, const char *wanted)
{
	struct parse_context *ctx = parse_context_new("jabber:client");

	expect_in(ctx, text, wanted);
	parse_context_free(ctx);
}

static void refuse(const char *text, const char *condition)
{
	struct parse_context *ctx = parse_context_new("jabber:client");
	struct result r;

	if (parse_in(&r, ctx, text))
		fail_msg("%s was read", text);
	if (strcmp(parse_error_condition(r.error), condition) != 0)
		print_message("in: %s\n", text);
	assert_string_equal(parse_error_condition(r.error), condition);
	arena_fini(&r.arena);
	/* The next element is read as if nothing had been. */
	expect_in(ctx, "<ok/>", "<ok/>");
	parse_context_free(ctx);
}

static void names_have_namespaces(void **state)
{
	(void)state;
	expect("<a/>", "<a/>");
	expect("<a xmlns='jabber:client'/>", "<a/>");
	expect("<a xmlns='x'><b/></a>", "<a xmlns='x'><b/></a>");
	expect("<a><b xmlns='x'/><c/></a>", "<a><b xmlns='x'/><c/></a>");
	expect("<a><b xmlns=''/></a>", "<a><b xmlns=''/></a>");
	expect("<p:a xmlns:p='x'/>", "<a xmlns='x'/>");
	expect("<a xmlns:p='x'><p:b><c/><p:d/></p:b></a>",
		"<a><b xmlns='x'><c xmlns='jabber:client'/><d/></b></a>");
	expect("<p:a xmlns:p='x' xmlns='y'><b/></p:a>", "<a xmlns='x'><b xmlns='y'/></a>");
	/* A declaration holds for its element, and inside only. */
	expect("<a xmlns:p='x'><b xmlns:p='y'><p:c/></b><p:d/></a>",
		"<a><b><c xmlns='y'/></b><d xmlns='x'/></a>");
	expect("<xml:a/>", "<xml:a/>");
	expect("<a xmlns='x'><xml:b><c/></xml:b></a>", "<a xmlns='x'><xml:b><c/></xml:b></a>");
}

static void attributes_have_namespaces(void **state)
{
	(void)state;
	expect("<a b='c'/>", "<a b='c'/>");
	expect("<p:a xmlns:p='x' b='c'/>", "<a xmlns='x' b='c'/>");
	expect("<a xml:lang='de'/>", "<a xml:lang='de'/>");
	expect("<a xmlns:p='x' p:b='1' b='2'/>", "<a xmlns:a0='x' a0:b='1' b='2'/>");
	expect("<a xmlns:p='x' xmlns:q='y' p:b='1' q:b='2'/>",
		"<a xmlns:a0='x' a0:b='1' xmlns:a1='y' a1:b='2'/>");
	refuse("<a b='1' b='2'/>", "not-well-formed");
	refuse("<a xmlns:p='x' xmlns:q='x' p:b='1' q:b='2'/>", "not-well-formed");
}

static void prefixes_are_declared_rightly(void **state)
{
	(void)state;
	refuse("<p:a/>", "bad-namespace-prefix");
	refuse("<a p:b='c'/>", "bad-namespace-prefix");
	refuse("<a><b xmlns:p='x'/><p:c/></a>", "bad-namespace-prefix");
	refuse("<a xmlns:p=''/>", "bad-namespace-prefix");
	refuse("<a xmlns:xmlns='x'/>", "bad-namespace-prefix");
	refuse("<a xmlns:xml='x'/>", "bad-namespace-prefix");
	refuse("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", "bad-namespace-prefix");
	refuse("<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "bad-namespace-prefix");
	refuse("<a xmlns='http://www.w3.org/2000/xmlns/'/>", "bad-namespace-prefix");
	refuse("<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", "bad-namespace-prefix");
	refuse("<xmlns:a/>", "bad-namespace-prefix");
	refuse("<a:b:c xmlns:a='x'/>", "bad-namespace-prefix");
	refuse("<p:0 xmlns:p='x'/>", "bad-namespace-prefix");
	refuse("<a xmlns:p='x' p:-='x'/>", "bad-namespace-prefix");
	refuse("<p:\xc2\xb7 xmlns:p='x'/>", "policy-violation");
	refuse("<a xmlns:p='x' p:b:c='1'/>", "bad-namespace-prefix");
	expect("<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/>",
		"<a xml:lang='de'/>");
}

static void text_is_kept(void **state)
{
	struct parse_context *ctx = parse_context_new("jabber:client");
	struct result r;

	(void)state;
	assert_true(parse_in(&r, ctx, "<a>one\ntwo &lt;&#65;&amp;<b/>\xc3\xa4<![CDATA[<&]]></a>"));
	assert_string_equal(tct_elem_text(r.root), "one\ntwo <A&\xc3\xa4<&");
	arena_fini(&r.arena);
	parse_context_free(ctx);
	expect("<a> b </a>", "<a> b </a>");
	expect("<a>&#13;</a>", "<a>&#13;</a>");
	expect("<a b='&#10;&#9;&quot;&apos;'/>", "<a b='&#10;&#9;&quot;&apos;'/>");
	expect("<a>'\"&gt;</a>", "<a>&apos;&quot;&gt;</a>");
	expect("<a>\xf0\x9f\x98\x80</a>", "<a>\xf0\x9f\x98\x80</a>");
}

static void what_is_no_xml_is_refused(void **state)
{
	(void)state;
	refuse("<a></b>", "not-well-formed");
	refuse("<a b=c/>", "not-well-formed");
	refuse("<a b/>", "not-well-formed");
	refuse("<a b='<'/>", "not-well-formed");
	refuse("<a>&</a>", "not-well-formed");
	refuse("<a>&#0;</a>", "not-well-formed");
	refuse("<a>&#xFFFE;</a>", "not-well-formed");
	refuse("<a>]]></a>", "not-well-formed");
	refuse("<a>\x01</a>", "not-well-formed");
	refuse("<1/>", "not-well-formed");
	/* Not UTF-8: a lone byte, an overlong form, a surrogate, beyond U+10FFFF. */
	refuse("<a>\xff</a>", "not-well-formed");
	refuse("<a>\xc0\xaf</a>", "not-well-formed");
	refuse("<a>\xed\xa0\x80</a>", "not-well-formed");
	refuse("<a>\xf4\x90\x80\x80</a>", "not-well-formed");
	/* Not what the framer would have cut out. */
	refuse("<a>", "not-well-formed");
	refuse("<a/><b/>", "not-well-formed");
	refuse("<a/> ", "not-well-formed");
	refuse("", "not-well-formed");
}

/* RFC 6120 11.1: no comments, processing instructions, DTDs, entities of one's own. */
static void what_is_restricted_is_refused(void **state)
{
	(void)state;
	refuse("<a><!-- b --></a>", "restricted-xml");
	refuse("<a><?b c?></a>", "restricted-xml");
	refuse("<a>&b;</a>", "restricted-xml");
	refuse("<a b='&c;'/>", "restricted-xml");
}

static void a_tree_has_limits(void **state)
{
	struct str text = { 0 };

	(void)state;
	expect("<a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a>",
		"<a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a>");
	refuse("<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>", "policy-violation");
	expect("<a b='' c='' d='' e='' f='' g=''/>", "<a b='' c='' d='' e='' f='' g=''/>");
	refuse("<a b='' c='' d='' e='' f='' g='' h=''/>", "policy-violation");
	/* Declarations count as attributes do. */
	refuse("<a b='' c='' d='' e='' f='' g='' xmlns:p='x'/>", "policy-violation");
	str_append(&text, "<a>");
	for (int i = 0; i < 49; i++)
		str_append(&text, "<b/>");
	str_append(&text, "</a>");
	expect(str_text(&text), str_text(&text));
	str_clear(&text);
	str_append(&text, "<a>");
	for (int i = 0; i < 50; i++)
		str_append(&text, "<b/>");
	str_append(&text, "</a>");
	refuse(str_text(&text), "policy-violation");
	str_fini(&text);
}

/* More prefixes in scope at once than the table has. */
static void prefixes_have_a_limit(void **state)
{
	static const struct parse_limits wide = { .depth = 128, .elements = 200, .attributes = 8 };
	struct parse_context *ctx = parse_context_new("jabber:client");
	struct arena a = { 0 };
	struct tct_elem *root;
	struct str text = { 0 };
	enum parse_error e;

	(void)state;
	for (int i = 0; i < 65; i++)
		str_printf(&text, "<a xmlns:p%d='x%d'>", i, i);
	for (int i = 0; i < 65; i++)
		str_append(&text, "</a>");
	assert_int_equal(parse_element(ctx, str_span(&text), &wide, &a, &root, &e), TCT_EPROTO);
	assert_int_equal(e, PARSE_POLICY);
	str_fini(&text);
	arena_fini(&a);
	parse_context_free(ctx);
}

/* ---- headers ---- */

static struct parse_context *header(const char *text, enum parse_error *e)
{
	struct parse_context *ctx = NULL;
	struct arena a = { 0 };
	struct tct_elem *root = NULL;

	*e = PARSE_OK;
	if (parse_header(span_of(text), &a, &ctx, &root, e) == TCT_OK) {
		assert_non_null(root);
		assert_string_equal(tct_elem_name(root), "stream");
		assert_string_equal(tct_elem_ns(root), NS_STREAM);
	} else {
		assert_null(ctx);
	}
	arena_fini(&a);
	return ctx;
}

static void a_header_declares_for_all_that_follows(void **state)
{
	enum parse_error e;
	struct parse_context *ctx = header("<?xml version='1.0'?><s:stream xmlns='jabber:client' "
					   "xmlns:s='" NS_STREAM "' xmlns:p='x' xml:lang='de'>", &e);

	(void)state;
	assert_non_null(ctx);
	assert_string_equal(parse_context_ns(ctx), "jabber:client");
	assert_string_equal(parse_context_lang(ctx), "de");
	expect_in(ctx, "<a><p:b/></a>", "<a><b xmlns='x'/></a>");
	expect_in(ctx, "<s:error/>", "<stream:error/>");
	expect_in(ctx, "<a xmlns:p='y'><p:b/></a>", "<a><b xmlns='y'/></a>");
	expect_in(ctx, "<p:b/>", "<b xmlns='x'/>");
	parse_context_free(ctx);
	ctx = header("<stream xmlns='" NS_STREAM "'>", &e);
	assert_non_null(ctx);
	assert_string_equal(parse_context_ns(ctx), NS_STREAM);
	assert_null(parse_context_lang(ctx));
	parse_context_free(ctx);
}

static void refuse_header(const char *text, const char *condition)
{
	enum parse_error e;

	assert_null(header(text, &e));
	assert_string_equal(parse_error_condition(e), condition);
}

static void a_bad_header_is_refused(void **state)
{
	(void)state;
	refuse_header("<?xml version='1.0' encoding='ISO-8859-1'?><s:stream xmlns:s='" NS_STREAM "'>",
		"unsupported-encoding");
	refuse_header("<?xml version='1.0' encoding='UTF-16'?><s:stream xmlns:s='" NS_STREAM "'>",
		"unsupported-encoding");
	refuse_header("<s:stream>", "bad-namespace-prefix");
	refuse_header("<s:stream xmlns:s='" NS_STREAM "' a='1' a='2'>", "not-well-formed");
	refuse_header("<!DOCTYPE a []><s:stream xmlns:s='" NS_STREAM "'>", "restricted-xml");
	refuse_header("<s:stream xmlns:s='" NS_STREAM "' xmlns:a='1' xmlns:b='1' xmlns:c='1' "
		      "xmlns:d='1' xmlns:e='1' xmlns:f='1' xmlns:g='1' xmlns:h='1'>",
		"policy-violation");
	refuse_header("<s:stream xmlns:s='" NS_STREAM "'", "not-well-formed");
}

/* ---- from the store ---- */

static void what_we_wrote_is_read_again(void **state)
{
	static const char text[] =
		"<message to='romeo@localhost' xml:lang='en'><body>&lt;3 \xf0\x9f\x98\x80&#13;</body>"
		"<x xmlns='urn:x' xmlns:a0='urn:y' a0:z='&apos;'><y/>tail</x></message>";
	struct arena a = { 0 };
	struct tct_elem *root;
	struct str out = { 0 };

	(void)state;
	assert_int_equal(parse_stored(span_of(text), &a, &root), TCT_OK);
	write_elem(&out, root, "jabber:client");
	assert_string_equal(str_text(&out), text);
	str_fini(&out);
	arena_fini(&a);
	assert_int_not_equal(parse_stored(span_of("<message"), &a, &root), TCT_OK);
	arena_fini(&a);
}

/* Names that peers make up must not be kept for ever. */
static void names_are_forgotten(void **state)
{
	struct parse_context *ctx = parse_context_new("jabber:client");
	char text[64];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct result r;

		snprintf(text, sizeof text, "<name%d attribute%d=''/>", i, i);
		assert_true(parse_in(&r, ctx, text));
		arena_fini(&r.arena);
	}
	parse_context_free(ctx);
}

static int trim(void **state)
{
	(void)state;
	parse_trim();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_namespaces),
		cmocka_unit_test(attributes_have_namespaces),
		cmocka_unit_test(prefixes_are_declared_rightly),
		cmocka_unit_test(text_is_kept),
		cmocka_unit_test(what_is_no_xml_is_refused),
		cmocka_unit_test(what_is_restricted_is_refused),
		cmocka_unit_test(a_tree_has_limits),
		cmocka_unit_test(prefixes_have_a_limit),
		cmocka_unit_test(a_header_declares_for_all_that_follows),
		cmocka_unit_test(a_bad_header_is_refused),
		cmocka_unit_test(what_we_wrote_is_read_again),
		cmocka_unit_test(names_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, trim);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_jid.c - addresses: how they are split, prepared, compared, and what is none. */
#include "tests/unit/unit.h"

#include "core/base/str.h"
#include "core/xmpp/jid.h"

#include <stringprep.h>

static void reads(const char *text, const char *node, const char *domain, const char *resource)
{
	const struct tct_jid *jid = tct_jid_new(text), *again, *made;

	if (jid == NULL)
		fail_msg("'%s' was refused", text);
	if (node != NULL)
		assert_string_equal(tct_jid_node(jid), node);
	else
		assert_null(tct_jid_node(jid));
	assert_string_equal(tct_jid_domain(jid), domain);
	if (resource != NULL)
		assert_string_equal(tct_jid_resource(jid), resource);
	else
		assert_null(tct_jid_resource(jid));
	assert_int_equal(jid_len(jid), strlen(tct_jid_text(jid)));
	assert_int_equal(jid_bare_len(jid), strlen(tct_jid_bare_text(jid)));
	/* What was prepared stays as it is. */
	again = tct_jid_new(tct_jid_text(jid));
	assert_non_null(again);
	assert_string_equal(tct_jid_text(again), tct_jid_text(jid));
	assert_true(tct_jid_equal(again, jid));
	made = tct_jid_make(node, domain, resource);
	assert_non_null(made);
	assert_true(tct_jid_equal(made, jid));
	tct_jid_unref(made);
	tct_jid_unref(again);
	tct_jid_unref(jid);
}

static void refuses(const char *text)
{
	const struct tct_jid *jid = tct_jid_new(text);

	if (jid != NULL)
		fail_msg("'%s' was read as '%s'", text, tct_jid_text(jid));
}

static void an_address_has_three_parts(void **state)
{
	(void)state;
	reads("localhost", NULL, "localhost", NULL);
	reads("romeo@localhost", "romeo", "localhost", NULL);
	reads("romeo@localhost/garden", "romeo", "localhost", "garden");
	reads("localhost/garden", NULL, "localhost", "garden");
	/* The first '/' ends the bare address, and '@' behind it is the resource's. */
	reads("romeo@localhost/a/b@c", "romeo", "localhost", "a/b@c");
	reads("localhost/a@b", NULL, "localhost", "a@b");
	reads("a.b.example.org", NULL, "a.b.example.org", NULL);
	reads("romeo@127.0.0.1", "romeo", "127.0.0.1", NULL);
	reads("[::1]", NULL, "[::1]", NULL);
	reads("r@localhost/ ", "r", "localhost", " ");
}

static void parts_are_prepared(void **state)
{
	(void)state;
	reads("RoMeo@LOCALHOST/Garden", "romeo", "localhost", "Garden");
	reads("\xc3\x84rger@localhost", "\xc3\xa4rger", "localhost", NULL);     /* folded */
	reads("a\xcc\x88rger@localhost", "\xc3\xa4rger", "localhost", NULL);   /* composed */
	reads("stra\xc3\x9f" "e@localhost", "strasse", "localhost", NULL);      /* B.2 */
	reads("romeo@B\xc3\x9c" "cher.example", "romeo", "b\xc3\xbc" "cher.example", NULL);
	reads("romeo@localhost/\xc2\xb2", "romeo", "localhost", "2");           /* NFKC */
	reads("\xef\xbc\xa1@localhost", "a", "localhost", NULL);                /* fullwidth A */
	reads("localhost.", NULL, "localhost", NULL);
}

static void what_is_no_address_is_refused(void **state)
{
	(void)state;
	refuses("");
	refuses("@");
	refuses("/");
	refuses("@localhost");
	refuses("romeo@");
	refuses("romeo@/garden");
	refuses("romeo@localhost/");
	refuses("localhost/");
	refuses("a@b@localhost");
	refuses("ro meo@localhost");
	refuses("ro\"meo@localhost");
	refuses("ro&meo@localhost");
	refuses("ro'meo@localhost");
	refuses("ro:meo@localhost");
	refuses("ro<meo@localhost");
	refuses("ro>meo@localhost");
	refuses("ro\x7fmeo@localhost");
	refuses("ro\xff@localhost");
	refuses("romeo@local host");
	refuses("romeo@local..host");
	refuses("romeo@.localhost");
	refuses("romeo@localhost/a\x01");
	refuses("romeo@localhost/\xee\x80\x80"); /* private use */
	refuses("romeo@localhost/\xff");
	refuses("\xd8\xa7" "a@localhost");       /* right-to-left and left-to-right */
}

static void parts_have_a_length(void **state)
{
	const struct tct_jid *longest;
	struct str text = { 0 };

	(void)state;
	for (int i = 0; i < 1023; i++)
		str_append_char(&text, 'a');
	str_append(&text, "@localhost/");
	for (int i = 0; i < 1023; i++)
		str_append_char(&text, 'b');
	longest = tct_jid_new(str_text(&text));
	assert_non_null(longest);
	assert_int_equal(jid_len(longest), 2 * 1023 + strlen("@localhost/"));
	tct_jid_unref(longest);
	str_append_char(&text, 'b');
	refuses(str_text(&text));
	str_clear(&text);
	for (int i = 0; i < 1024; i++)
		str_append_char(&text, 'a');
	str_append(&text, "@localhost");
	refuses(str_text(&text));
	str_fini(&text);
}

static void bytes_may_end_early(void **state)
{
	const struct tct_jid *jid = tct_jid_new_n("romeo@localhost/garden", 15);

	(void)state;
	assert_string_equal(tct_jid_text(jid), "romeo@localhost");
	tct_jid_unref(jid);
	assert_null(tct_jid_new_n("romeo\0x@localhost", 17));
}

static void addresses_are_compared(void **state)
{
	const struct tct_jid *full = tct_jid_new("romeo@localhost/a");
	const struct tct_jid *other = tct_jid_new("romeo@localhost/b");
	const struct tct_jid *bare = tct_jid_bare(full), *same = tct_jid_bare(bare);
	const struct tct_jid *host = tct_jid_new("localhost");

	(void)state;
	assert_string_equal(tct_jid_text(bare), "romeo@localhost");
	assert_string_equal(tct_jid_bare_text(full), "romeo@localhost");
	assert_ptr_equal(same, bare);
	assert_false(tct_jid_equal(full, other));
	assert_false(tct_jid_equal(full, bare));
	assert_true(tct_jid_equal_bare(full, other));
	assert_true(tct_jid_equal_bare(full, bare));
	assert_false(tct_jid_equal_bare(full, host));
	assert_true(tct_jid_equal(NULL, NULL));
	assert_false(tct_jid_equal(full, NULL));
	assert_false(tct_jid_equal(NULL, full));
	assert_null(tct_jid_ref(NULL));
	tct_jid_unref(NULL);
	tct_jid_unref(host);
	tct_jid_unref(same);
	tct_jid_unref(bare);
	tct_jid_unref(other);
	tct_jid_unref(full);
}

static void parts_are_joined(void **state)
{
	const struct tct_jid *jid = tct_jid_make("Romeo", "LOCALHOST", "Garden");

	(void)state;
	assert_string_equal(tct_jid_text(jid), "romeo@localhost/Garden");
	tct_jid_unref(jid);
	assert_null(tct_jid_make("", "localhost", NULL));
	assert_null(tct_jid_make("a", "", NULL));
	assert_null(tct_jid_make("a", "localhost", ""));
	assert_null(tct_jid_make("a@b", "localhost", NULL));
	assert_null(tct_jid_make("a", "b@c", NULL));
	assert_null(tct_jid_make("a", "b/c", NULL));
}

static void a_domain_is_prepared_alone(void **state)
{
	char *domain = jid_prepare_domain("EXAMPLE.org");

	(void)state;
	assert_string_equal(domain, "example.org");
	free(domain);
	assert_null(jid_prepare_domain("a b"));
	assert_null(jid_prepare_domain(""));
	assert_null(jid_prepare_domain("a@b"));
	assert_null(jid_prepare_domain("a/b"));
}

/* Bytes without a NUL behind them. */
static void refuses_n(const char *text, size_t len)
{
	char *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, text, len);
	assert_null(tct_jid_new_n(copy, len));
	free(copy);
}

/* `len` times the character. */
static char *repeat(const char *character, size_t len)
{
	size_t size = strlen(character);
	char *text = malloc(len * size + 1);

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		memcpy(text + i * size, character, size);
	text[len * size] = '\0';
	return text;
}

/* What mapping deletes (here the soft hyphen) leaves an empty part. */
static void no_part_is_prepared_to_nothing(void **state)
{
	(void)state;
	refuses("\xc2\xad@localhost");
	refuses("romeo@localhost/\xc2\xad");
	refuses("romeo@\xc2\xad");
}

/* Parts of the wrong kind are not made whole by joining them. */
static void parts_cannot_smuggle(void **state)
{
	(void)state;
	assert_null(tct_jid_make("j@example.com", "example.net", NULL));
	assert_null(tct_jid_make("j/x", "example.net", NULL));
	assert_null(tct_jid_make(NULL, "j@example.net", NULL));
	assert_null(tct_jid_make(NULL, "example.net/r", NULL));
	/* Full-width forms of both, which preparation makes plain. */
	refuses("j\xef\xbc\xa0x@example.com");
	refuses("j\xef\xbc\x8fx@example.com");
	refuses("a\xef\xbc\xa0"
	       "example.com");
	refuses("example.com\xef\xbc\x8fr");
}

static void assert_length(
	const char *node, const char *domain, const char *resource, bool ok)
{
	const struct tct_jid *made = tct_jid_make(node, domain, resource), *read;

	assert_int_equal(made != NULL, ok);
	if (made == NULL)
		return;
	read = tct_jid_new(tct_jid_text(made));
	assert_non_null(read);
	assert_true(tct_jid_equal(made, read));
	assert_int_equal(jid_len(made), strlen(tct_jid_text(made)));
	tct_jid_unref(read);
	tct_jid_unref(made);
}

/* RFC 7622 3.1: each part is at most 1023 bytes, so an address at most 3071. */
static void a_part_has_1023_bytes(void **state)
{
	char *longest = repeat("a", 1023), *more = repeat("a", 1023 + 1);
	char *wide = repeat("\xc3\xa9", 511), *wider = repeat("\xc3\xa9", 512);
	char *huge = repeat("a", 70000), domain[1023 + 2];
	const struct tct_jid *jid;

	(void)state;
	for (size_t i = 0; i <= 1023; i++)
		domain[i] = i % 64 == 63 ? '.' : 'd';
	domain[1023 + 1] = '\0';
	domain[1023] = 'd';
	assert_length(NULL, domain, NULL, false);
	domain[1023 - 1] = 'd';
	domain[1023] = '\0';
	assert_length(NULL, domain, NULL, true);
	assert_length(longest, "d", NULL, true);
	assert_length(NULL, "d", longest, true);
	assert_length(more, "d", NULL, false);
	assert_length(NULL, "d", more, false);
	assert_length(wide, "d", wide, true);
	assert_length(wider, "d", NULL, false);
	assert_length(NULL, "d", wider, false);
	assert_length(huge, "d", NULL, false);
	assert_length(NULL, "d", huge, false);
	assert_length(NULL, huge, NULL, false);
	jid = tct_jid_make(longest, domain, longest);
	assert_non_null(jid);
	assert_int_equal(jid_len(jid), 3 * 1023 + 2);
	assert_string_equal(tct_jid_node(jid), longest);
	assert_string_equal(tct_jid_domain(jid), domain);
	assert_string_equal(tct_jid_resource(jid), longest);
	assert_int_equal(strlen(tct_jid_bare_text(jid)), 2 * 1023 + 1);
	tct_jid_unref(jid);
	free(longest);
	free(more);
	free(wide);
	free(wider);
	free(huge);
}

/* Preparation can make a part longer: the limit is of what comes out. */
static void the_limit_is_of_the_prepared_part(void **state)
{
	/* U+FDFA is three bytes and 33 after compatibility normalisation. */
	char *few = repeat("\xef\xb7\xba", 30), *many = repeat("\xef\xb7\xba", 40);
	/* Soft hyphens go: what was too long fits. */
	char *soft = repeat("\xc2\xad", 600);
	char text[1300];

	(void)state;
	assert_null(tct_jid_make(many, "d", NULL));
	assert_null(tct_jid_make(NULL, "d", many));
	/* Its spaces are forbidden in a node only. */
	assert_null(tct_jid_make(few, "d", NULL));
	assert_length(NULL, "d", few, true);
	snprintf(text, sizeof text, "a%s", soft);
	assert_length(text, "d", text, true);
	free(few);
	free(many);
	free(soft);
}

/* RFC 7622 3.3.1 and RFC 6122 A.5. */
static void a_node_has_forbidden_characters(void **state)
{
	char node[] = "a?b", text[] = "a?b@example.com";

	(void)state;
	for (int c = 1; c < 128; c++) {
		bool bad = c <= 0x20 || c == 0x7f || strchr("\"&'/:<>@", c) != NULL;
		char wanted[] = {'a', (char)(c >= 'A' && c <= 'Z' ? c + 32 : c), 'b', 0};
		const struct tct_jid *jid;

		node[1] = (char)c;
		jid = tct_jid_make(node, "example.com", NULL);
		if ((jid == NULL) != bad)
			fail_msg("character %d in a node", c);
		if (jid != NULL)
			assert_string_equal(tct_jid_node(jid), wanted);
		tct_jid_unref(jid);
		text[1] = (char)c;
		if (bad && c != '@' && c != '/')
			refuses(text);
	}
	refuses_n("a\0b@example.com", 15);
	refuses("a\xc2\xa0"
	       "b@example.com"); /* no-break space */
	refuses("a\xe3\x80\x80"
	       "b@example.com"); /* ideographic space */
	refuses("a\xe2\x80\xae"
	       "b@example.com"); /* right-to-left override */
	refuses("a\xee\x80\x80"
	       "b@example.com"); /* private use */
	refuses("a\xc2\x85"
	       "b@example.com"); /* a control character of Latin-1 */
	refuses("a\xef\xbf\xbd"
	       "b@example.com"); /* replacement character */
	refuses("a\xef\xbc\x9a"
	       "b@example.com"); /* full-width colon */
	/* Both directions in one part: RFC 3454 6. */
	refuses("\xd7\x90"
	       "a@example.com");
}

static void a_resource_has_few_forbidden_characters(void **state)
{
	char text[] = "example.com/a?b";

	(void)state;
	for (int c = 1; c < 128; c++) {
		bool bad = c < 0x20 || c == 0x7f;
		char wanted[] = {'a', (char)c, 'b', 0};

		text[13] = (char)c;
		if (bad)
			refuses(text);
		else
			reads(text, NULL, "example.com", wanted);
	}
	refuses_n("example.com/a\0b", 15);
	refuses("example.com/a\xc2\x85");
	refuses("example.com/a\xee\x80\x80");
	reads("example.com/ a ", NULL, "example.com", " a ");
	reads("example.com/\xc2\xa0", NULL, "example.com", " ");
}

static void what_is_no_utf8_is_no_address(void **state)
{
	static const char *const bad[] = {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xf8\x88\x80\x80\x80",
		"a\xc3("};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "%s@example.com", bad[i]);
		refuses(text);
		snprintf(text, sizeof text, "j@%s", bad[i]);
		refuses(text);
		snprintf(text, sizeof text, "j@%s.com", bad[i]);
		refuses(text);
		snprintf(text, sizeof text, "example.com/%s", bad[i]);
		refuses(text);
	}
}

/* RFC 7622 3.2. */
static void a_domain_is_prepared(void **state)
{
	(void)state;
	reads("example.com.", NULL, "example.com", NULL);
	reads("j@example.com./r", "j", "example.com", "r");
	reads("a_b.example-1.com", NULL, "a_b.example-1.com", NULL);
	reads("192.0.2.1", NULL, "192.0.2.1", NULL);
	reads("b\xc3\xbc"
	       "cher.example",
		NULL,
		"b\xc3\xbc"
		"cher.example",
		NULL);
	reads("B\xc3\x9c"
	       "cher.EXAMPLE",
		NULL,
		"b\xc3\xbc"
		"cher.example",
		NULL);
	reads("bu\xcc\x88"
	       "cher.example.",
		NULL,
		"b\xc3\xbc"
		"cher.example",
		NULL);
	reads("fa\xc3\x9f.example", NULL, "fa\xc3\x9f.example", NULL);
	/* A-labels in any case are the same domain. */
	reads("xn--bcher-kva.example", NULL,
		"b\xc3\xbc"
		"cher.example",
		NULL);
	reads("XN--BCHER-KVA.example", NULL,
		"b\xc3\xbc"
		"cher.example",
		NULL);
	reads("a.Xn--bcher-kva", NULL,
		"a.b\xc3\xbc"
		"cher",
		NULL);
	/* The ideographic and full-width stops are dots: RFC 7622 3.2.1. */
	reads("example\xe3\x80\x82"
	       "com",
		NULL, "example.com", NULL);
	reads("example\xef\xbc\x8e"
	       "com\xe3\x80\x82",
		NULL, "example.com", NULL);
	reads("\xef\xbd\x85xample.com", NULL, "example.com", NULL);
}

static void what_is_no_domain_is_refused(void **state)
{
	static const char *const bad[] = {".", "..", ".example.com", "example..com",
		"example.com..", "exam ple.com", " example.com", "example.com ",
		"exam\tple", "example.com:5222", "a&b", "a<b", "a'b", "a\"b", "a\\b",
		"a!b", "a%b", "*.a",
		/* What ASCII may not hold, it may not hold next to other letters either.
		 */
		"\xc3\xbc b", "\xc3\xbc&b", "\xc3\xbc<b", "\xc3\xbc\"b", "\xc3\xbc'b",
		"\xc3\xbc:b", "\xc3\xbc\\b", "\xc3\xbc..b", ".\xc3\xbc", "\xc3\xbc..",
		"\xc3\xbc\xe3\x80\x82.", "\xc3\xbc\xef\xbc\x9c", "\xc3\xbc\xef\xbc\x86",
		"\xc3\xbc\x7f", "\xc3\xbc\x01", "xn--", "xn--a", "xn--example-",
		"xn--\xc3\xbc", "xn--99999999", "\xe2\x80\xae.com", "\xe3\x80\x82"};
	char *label = repeat("a", 64), *wide = repeat("\xc3\xbc", 60), text[64 + 3];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses(bad[i]);
	refuses_n("example\0.com", 12);
	refuses_n("\xc3\xbc\0.com", 7);
	refuses(label);
	snprintf(text, sizeof text, "a.%s", label);
	refuses(text);
	reads(text + 3, NULL, text + 3, NULL);
	refuses(wide);
	free(label);
	free(wide);
}

/* RFC 7622 3.2: an IPv6 address stands in brackets; one address has one spelling. */
static void a_domain_may_be_an_ipv6_address(void **state)
{
	static const char *const bad[] = {"[]", "[::1", "::1]", "::1", "[", "[::1]x",
		"[1]", "[....]", "[:::]", "[1:2:3:4:5:6:7:8:9]", "[12345::]", "[::g]",
		"[192.0.2.1]", "[fe80::1%eth0]", "[ ::1]", "[::1]]", "[[::1]]", "x[::1]",
		"[::1]:5222"};

	(void)state;
	reads("[::1]", NULL, "[::1]", NULL);
	reads("j@[2001:db8::9]/r", "j", "[2001:db8::9]", "r");
	reads("[2001:DB8::A]", NULL, "[2001:db8::a]", NULL);
	reads("[2001:0db8:0:0:0:0:0:1]", NULL, "[2001:db8::1]", NULL);
	reads("[::ffff:192.0.2.1]", NULL, "[::ffff:192.0.2.1]", NULL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses(bad[i]);
	refuses_n("[::1\0]", 6);
	refuses_n("[\0::1]", 6);
}

/* The examples of RFC 7622 section 3.5. Where its profiles (PRECIS) and those that we compare
 * by (RFC 6122) differ, `why` says so. */
static const struct {
	const char *text;
	const char *node, *domain, *resource; /* domain NULL: no address */
	const char *why;
} rfc7622[] = {
	{ "juliet@example.com", "juliet", "example.com", NULL, NULL },
	{ "juliet@example.com/foo", "juliet", "example.com", "foo", NULL },
	{ "juliet@example.com/foo bar", "juliet", "example.com", "foo bar", NULL },
	{ "juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar", NULL },
	{ "foo\\20bar@example.com", "foo\\20bar", "example.com", NULL, NULL },
	{ "fussball@example.com", "fussball", "example.com", NULL, NULL },
	{ "fu\xc3\x9f" "ball@example.com", "fussball", "example.com", NULL,
		"nodeprep folds sharp s" },
	{ "\xcf\x80@example.com", "\xcf\x80", "example.com", NULL, NULL },
	{ "\xce\xa3@example.com/foo", "\xcf\x83", "example.com", "foo", NULL },
	{ "\xcf\x83@example.com/foo", "\xcf\x83", "example.com", "foo", NULL },
	{ "\xcf\x82@example.com/foo", "\xcf\x83", "example.com", "foo",
		"nodeprep folds the final sigma" },
	{ "king@example.com/\xe2\x99\x9a", "king", "example.com", "\xe2\x99\x9a", NULL },
	{ "example.com", NULL, "example.com", NULL, NULL },
	{ "example.com/foobar", NULL, "example.com", "foobar", NULL },
	{ "a.example.com/b@example.net", NULL, "a.example.com", "b@example.net", NULL },
	{ "\"juliet\"@example.com", NULL, NULL, NULL, NULL },
	{ "foo bar@example.com", NULL, NULL, NULL, NULL },
	{ "juliet@example.com/ foo", "juliet", "example.com", " foo",
		"resourceprep forbids no space" },
	{ "@example.com/", NULL, NULL, NULL, NULL },
	{ "henry\xe2\x85\xa3@example.com", "henryiv", "example.com", NULL,
		"nodeprep makes letters of a Roman numeral" },
	{ "\xe2\x99\x9a@example.com", "\xe2\x99\x9a", "example.com", NULL,
		"nodeprep forbids no symbols" },
	{ "juliet@", NULL, NULL, NULL, NULL },
	{ "/foobar", NULL, NULL, NULL, NULL },
};

static void the_examples_of_rfc_7622(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rfc7622 / sizeof *rfc7622; i++) {
		if (rfc7622[i].domain != NULL)
			reads(rfc7622[i].text, rfc7622[i].node, rfc7622[i].domain,
				rfc7622[i].resource);
		else
			refuses(rfc7622[i].text);
	}
}

/* One character of each table of RFC 3454 that nodeprep and resourceprep (RFC 6122 A.5, B.5)
 * forbid, between two letters. */
static void the_tables_of_rfc_3454(void **state)
{
	static const struct {
		const char *table, *character;
		bool node, resource; /* is it forbidden there */
	} tables[] = {
		{ "B.1 word joiner, deleted", "\xe2\x81\xa0", false, false },
		{ "B.1 variation selector, deleted", "\xef\xb8\x8f", false, false },
		{ "C.1.1 space", " ", true, false },
		{ "C.1.2 en quad", "\xe2\x80\x80", true, false },
		{ "C.2.1 bell", "\x07", true, true },
		{ "C.2.1 delete", "\x7f", true, true },
		{ "C.2.2 line separator", "\xe2\x80\xa8", true, true },
		{ "C.2.2 musical begin beam", "\xf0\x9d\x85\xb3", true, true },
		{ "C.3 private use", "\xee\x80\x80", true, true },
		{ "C.3 private use, plane 15", "\xf3\xb0\x80\x80", true, true },
		{ "C.4 no character", "\xef\xb7\x90", true, true },
		{ "C.4 no character at the end of a plane", "\xf0\x9f\xbf\xbe", true, true },
		{ "C.6 interlinear annotation", "\xef\xbf\xb9", true, true },
		{ "C.6 replacement character", "\xef\xbf\xbd", true, true },
		{ "C.7 ideographic description", "\xe2\xbf\xb0", true, true },
		{ "C.8 right-to-left mark", "\xe2\x80\x8f", true, true },
		{ "C.8 left-to-right override", "\xe2\x80\xad", true, true },
		{ "C.9 language tag", "\xf3\xa0\x80\x81", true, true },
		{ "not of Unicode 3.2: an emoji", "\xf0\x9f\x98\x80", false, false },
	};
	char part[16];

	(void)state;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const struct tct_jid *node, *resource;

		snprintf(part, sizeof part, "a%sb", tables[i].character);
		node = tct_jid_make(part, "example.com", NULL);
		resource = tct_jid_make(NULL, "example.com", part);
		if ((node == NULL) != tables[i].node || (resource == NULL) != tables[i].resource)
			fail_msg("%s", tables[i].table);
		tct_jid_unref(node);
		tct_jid_unref(resource);
	}
}

/* RFC 3454 section 6: what is read from right to left begins and ends so. */
static void both_directions_do_not_mix(void **state)
{
	(void)state;
	reads("\xd7\x90\xd7\x91@example.com", "\xd7\x90\xd7\x91", "example.com", NULL);
	reads("\xd7\x90" "1\xd7\x91@example.com", "\xd7\x90" "1\xd7\x91", "example.com", NULL);
	refuses("\xd7\x90" "1@example.com");
	refuses("1\xd7\x90@example.com");
	refuses("\xd7\x90" "a\xd7\x91@example.com");
	refuses("example.com/\xd7\x90" "a\xd7\x91");
	refuses("\xd7\x90" "a.example.com");
}

/* A part of plain ASCII as the library prepares it; NULL: it refuses. */
static const char *by_library(const char *part, const Stringprep_profile *profile, char *buf, size_t room)
{
	snprintf(buf, room, "%s", part);
	return stringprep(buf, room, 0, profile) == STRINGPREP_OK && *buf != '\0' ? buf : NULL;
}

static void compare_fast(const char *part)
{
	const struct tct_jid *node = tct_jid_make(part, "d", NULL);
	const struct tct_jid *resource = tct_jid_make(NULL, "d", part);
	char buf[256];
	const char *wanted = by_library(part, stringprep_xmpp_nodeprep, buf, sizeof buf);

	if ((node == NULL) != (wanted == NULL) ||
		(wanted != NULL && strcmp(tct_jid_node(node), wanted) != 0))
		fail_msg("node '%s'", part);
	wanted = by_library(part, stringprep_xmpp_resourceprep, buf, sizeof buf);
	if ((resource == NULL) != (wanted == NULL) ||
		(wanted != NULL && strcmp(tct_jid_resource(resource), wanted) != 0))
		fail_msg("resource '%s'", part);
	tct_jid_unref(node);
	tct_jid_unref(resource);
}

/* The path that plain ASCII takes prepares as the library would. */
static void the_fast_path_is_no_other(void **state)
{
	uint64_t seed = 1;
	char part[64];

	(void)state;
	for (int a = 1; a < 128; a++) {
		for (int b = 1; b < 128; b++) {
			part[0] = (char)a;
			part[1] = (char)b;
			part[2] = '\0';
			compare_fast(part);
		}
	}
	for (int i = 0; i < 2000; i++) {
		size_t len = 1 + seed % 60;

		for (size_t k = 0; k < len; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			part[k] = (char)(i % 2 == 0 ? 1 + (seed >> 33) % 127 : 33 + (seed >> 33) % 94);
		}
		part[len] = '\0';
		compare_fast(part);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_three_parts),
		cmocka_unit_test(parts_are_prepared),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(parts_have_a_length),
		cmocka_unit_test(bytes_may_end_early),
		cmocka_unit_test(addresses_are_compared),
		cmocka_unit_test(parts_are_joined),
		cmocka_unit_test(a_domain_is_prepared_alone),
		cmocka_unit_test(no_part_is_prepared_to_nothing),
		cmocka_unit_test(parts_cannot_smuggle),
		cmocka_unit_test(a_part_has_1023_bytes),
		cmocka_unit_test(the_limit_is_of_the_prepared_part),
		cmocka_unit_test(a_node_has_forbidden_characters),
		cmocka_unit_test(a_resource_has_few_forbidden_characters),
		cmocka_unit_test(what_is_no_utf8_is_no_address),
		cmocka_unit_test(a_domain_is_prepared),
		cmocka_unit_test(what_is_no_domain_is_refused),
		cmocka_unit_test(a_domain_may_be_an_ipv6_address),
		cmocka_unit_test(the_examples_of_rfc_7622),
		cmocka_unit_test(the_tables_of_rfc_3454),
		cmocka_unit_test(both_directions_do_not_mix),
		cmocka_unit_test(the_fast_path_is_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_jid.c - addresses: how they are split, prepared, compared, and what is none. */
#include "tests/unit/unit.h"

#include "core/base/str.h"
#include "core/xmpp/jid.h"

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
	struct str text = { 0 };

	(void)state;
	for (int i = 0; i < 1023; i++)
		str_append_char(&text, 'a');
	str_append(&text, "@localhost/");
	for (int i = 0; i < 1023; i++)
		str_append_char(&text, 'b');
	tct_jid_unref(tct_jid_new(str_text(&text)));
	assert_non_null(tct_jid_new(str_text(&text)));
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include "modules/mod_component/digest.h"

#include <ctype.h>
#include <string.h>

/* From two other implementations (coreutils' sha1sum, Python's hashlib). */
static void test_known(void **state)
{
	char out[DIGEST_TEXT + 1];

	(void)state;
	digest_make("3BF96D32", "test", out);
	assert_string_equal(out, "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e");
	digest_make("", "", out);
	assert_string_equal(out, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	digest_make("a", "bc", out);
	assert_string_equal(out, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void test_is(void **state)
{
	char out[DIGEST_TEXT + 2] = { 0 }, other[DIGEST_TEXT + 1];

	(void)state;
	digest_make("3BF96D32", "a secret", out);
	assert_true(digest_is("3BF96D32", "a secret", out));
	assert_false(digest_is("3BF96D33", "a secret", out));
	assert_false(digest_is("3BF96D32", "a secreT", out));
	for (size_t i = 0; i < DIGEST_TEXT; i++) {
		memcpy(other, out, sizeof other);
		other[i] = other[i] == '0' ? '1' : '0';
		assert_false(digest_is("3BF96D32", "a secret", other));
	}
}

static void test_form(void **state)
{
	char out[DIGEST_TEXT + 2] = { 0 };

	(void)state;
	assert_false(digest_is("id", "secret", NULL));
	assert_false(digest_is("id", "secret", ""));
	digest_make("id", "secret", out);
	out[DIGEST_TEXT - 1] = '\0';
	assert_false(digest_is("id", "secret", out));
	digest_make("id", "secret", out);
	out[DIGEST_TEXT] = '0';
	assert_false(digest_is("id", "secret", out));
	/* In lower case, says the XEP. */
	digest_make("id", "secret", out);
	for (size_t i = 0; i < DIGEST_TEXT; i++)
		out[i] = (char)toupper((unsigned char)out[i]);
	assert_false(digest_is("id", "secret", out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

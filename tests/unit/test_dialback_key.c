/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "modules/mod_dialback/key.h"
#include "tests/unit/unit.h"

/* The example of XEP-0220 and XEP-0185. */
static void as_in_the_text(void **state)
{
	char key[DIALBACK_KEY];

	dialback_key("s3cr3tf0rd14lb4ck", "montague.example", "capulet.example", "D60000229F", key);
	assert_string_equal(key,
		"b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3");
}

/* Nothing of it can be moved from one field into another. */
static void fields_are_apart(void **state)
{
	char a[DIALBACK_KEY], b[DIALBACK_KEY];

	dialback_key("secret", "a.example", "b.example", "1", a);
	dialback_key("secret", "b.example", "a.example", "1", b);
	assert_string_not_equal(a, b);
	dialback_key("secret", "a.exampleb", ".example", "1", b);
	assert_string_not_equal(a, b);
	dialback_key("other", "a.example", "b.example", "1", b);
	assert_string_not_equal(a, b);
}

static void compared_whole(void **state)
{
	static const char around[] =
		"\n\t b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3 \r\n";
	char key[DIALBACK_KEY], text[DIALBACK_KEY];

	dialback_key("s3cr3tf0rd14lb4ck", "montague.example", "capulet.example", "D60000229F", key);
	assert_true(dialback_key_is(key, key));
	assert_true(dialback_key_is(around, key));
	assert_false(dialback_key_is("", key));
	assert_false(dialback_key_is("b48", key));
	memcpy(text, key, sizeof text);
	text[63] ^= 1;
	assert_false(dialback_key_is(text, key));
	assert_false(dialback_key_is("b4835385f37fe2895af6c196b59097b1 "
				     "6862406db80559900d96bf6fa7d23df3",
		key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_in_the_text),
		cmocka_unit_test(fields_are_apart),
		cmocka_unit_test(compared_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

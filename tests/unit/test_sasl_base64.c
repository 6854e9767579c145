/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "modules/mod_saslauth/base64.h"
#include "tests/unit/unit.h"

static const char *const pairs[][2] = { /* RFC 4648 10 */
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }
};

static void both_ways(void **state)
{
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		char text[16], bytes[16];
		size_t len;

		assert_int_equal(base64_encode(pairs[i][0], strlen(pairs[i][0]), text),
			strlen(pairs[i][1]));
		assert_string_equal(text, pairs[i][1]);
		assert_true(base64_decode(text, strlen(text), bytes, &len));
		assert_int_equal(len, strlen(pairs[i][0]));
		assert_memory_equal(bytes, pairs[i][0], len);
	}
}

static void every_byte(void **state)
{
	unsigned char in[256], out[258];
	char text[BASE64_ROOM(256)];
	size_t len;

	for (int i = 0; i < 256; i++)
		in[i] = (unsigned char)i;
	assert_int_equal(base64_encode(in, 256, text), sizeof text - 1);
	assert_true(base64_decode(text, sizeof text - 1, out, &len));
	assert_int_equal(len, 256);
	assert_memory_equal(in, out, 256);
}

static void strict(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "=",
		"====", "Z===", "Zg==Zg==", "Zm8=Zm8=", "Zm 9v", "Zm9v\n", " Zm9v", "Zm9-", "Zm9_",
		"Zm\x80v", "Zm=v", "=m9v", "Zm9v====" };
	char out[16];
	size_t len;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(base64_decode(bad[i], strlen(bad[i]), out, &len));
	assert_false(base64_decode("Zm\0v", 4, out, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(strict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

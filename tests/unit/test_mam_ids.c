/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_mam_ids.c - ids of archives: good for one account and one key, and saying nothing. */
#include "modules/mod_mam/ids.h"

#include "tests/unit/unit.h"

#define FIRST (UINT64_C(1700000000000000) << 8)

static const uint8_t key[MAM_KEY_SIZE] = "0123456789abcde";

static void there_and_back(void **state)
{
	static const uint64_t some[] = { 1, 255, FIRST, FIRST + 1, UINT64_MAX };
	char text[MAM_ID_SIZE], again[MAM_ID_SIZE];
	struct mam_ids ids;

	(void)state;
	assert_true(mam_ids_open(&ids, key));
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		mam_id_text(&ids, "juliet", some[i], text);
		assert_int_equal(strlen(text), MAM_ID_SIZE - 1);
		assert_int_equal(strspn(text, "0123456789abcdef"), MAM_ID_SIZE - 1);
		assert_true(mam_id_parse(&ids, "juliet", text) == some[i]);
		mam_id_text(&ids, "juliet", some[i], again);
		assert_string_equal(text, again);
	}
	mam_ids_close(&ids);
}

static void others_are_known(void **state)
{
	static const char *const wrong[] = { "", "x", "0", "00000000000000000000000000000000",
		"ffffffffffffffffffffffffffffffff", "0123456789abcdef0123456789abcdeg" };
	static const uint8_t other_key[MAM_KEY_SIZE] = "0123456789abcdf";
	char text[MAM_ID_SIZE + 1];
	struct mam_ids ids, other;

	(void)state;
	assert_true(mam_ids_open(&ids, key));
	assert_true(mam_ids_open(&other, other_key));
	mam_id_text(&ids, "juliet", FIRST, text);
	assert_true(mam_id_parse(&ids, "romeo", text) == 0);
	assert_true(mam_id_parse(&other, "juliet", text) == 0);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_true(mam_id_parse(&ids, "juliet", wrong[i]) == 0);
	/* Each digit counts; it is longer or shorter; it is in capitals. */
	for (size_t i = 0; i < MAM_ID_SIZE - 1; i++) {
		char was = text[i];

		text[i] = was == '0' ? '1' : '0';
		assert_true(mam_id_parse(&ids, "juliet", text) == 0);
		text[i] = was;
	}
	text[MAM_ID_SIZE - 1] = '0';
	text[MAM_ID_SIZE] = '\0';
	assert_true(mam_id_parse(&ids, "juliet", text) == 0);
	text[MAM_ID_SIZE - 2] = '\0';
	assert_true(mam_id_parse(&ids, "juliet", text) == 0);
	mam_ids_close(&ids);
	mam_ids_close(&other);
}

/* Neighbours have nothing in common: of 128 bits about half differ. */
static void they_say_nothing(void **state)
{
	char text[2][MAM_ID_SIZE];
	struct mam_ids ids;
	int in_order = 0;

	(void)state;
	assert_true(mam_ids_open(&ids, key));
	mam_id_text(&ids, "juliet", FIRST, text[0]);
	for (uint64_t n = 1; n <= 256; n++) {
		int same = 0;

		mam_id_text(&ids, "juliet", FIRST + n, text[n % 2]);
		for (int i = 0; i < MAM_ID_SIZE - 1; i++)
			same += text[0][i] == text[1][i];
		assert_in_range(same, 0, 12);
		in_order += strcmp(text[(n + 1) % 2], text[n % 2]) < 0;
	}
	assert_in_range(in_order, 64, 192);
	mam_ids_close(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(others_are_known),
		cmocka_unit_test(they_say_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

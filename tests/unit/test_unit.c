/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/conf/unit.h"
#include "tests/unit/unit.h"

struct sample {
	const char *text;
	int64_t value; /* -1: refused */
};

static void check(const struct sample *samples, bool (*parse)(const char *, int64_t *))
{
	for (; samples->text != NULL; samples++) {
		int64_t n = -7;
		bool ok = parse(samples->text, &n);

		if (ok != (samples->value != -1) || (ok && n != samples->value))
			fail_msg("\"%s\" gives %s %lld", samples->text, ok ? "ok" : "no",
				(long long)n);
	}
}

static void periods(void **state)
{
	static const struct sample samples[] = { { "0 s", 0 }, { "90 s", 90 }, { "90s", 90 },
		{ "1 day", 86400 }, { "12 hours", 43200 }, { "2 weeks", 1209600 },
		{ "1 MINUTE", 60 }, { "90", -1 }, { "", -1 }, { "soon", -1 }, { "-1 s", -1 },
		{ "1.5 h", -1 }, { "1 s s", -1 }, { "1 fortnight", -1 }, { "s", -1 },
		{ "99999999999999999999 s", -1 }, { "9223372036854775807 days", -1 }, { NULL, 0 } };

	check(samples, unit_period);
}

static void sizes(void **state)
{
	static const struct sample samples[] = { { "0 B", 0 }, { "64 MB", 67108864 },
		{ "512 KiB", 524288 }, { "10 kb", 10240 }, { "2G", 2147483648 }, { "100", -1 },
		{ "1 MBit", -1 }, { "-1 MB", -1 }, { "9223372036854775807 KB", -1 }, { NULL, 0 } };

	check(samples, unit_size);
}

static void numbers(void **state)
{
	static const struct sample samples[] = { { "0", 0 }, { "65535", 65535 },
		{ "4294967296", 4294967296 }, { "", -1 }, { "1x", -1 }, { "0x10", -1 },
		{ "1 ", -1 }, { "99999999999999999999", -1 }, { NULL, 0 } };
	int64_t n;

	check(samples, unit_int);
	assert_true(unit_int("-5", &n));
	assert_int_equal(n, -5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods),
		cmocka_unit_test(sizes),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/srv.h"
#include "tests/unit/unit.h"

#define PARSE(s, bytes) srv_parse((s), span_make(bytes, sizeof bytes - 1))

static void records_are_read(void **state)
{
	struct srv s;

	assert_true(PARSE(&s, "\0\5\0\12\24\225\4Host\7example\0"));
	assert_int_equal(s.priority, 5);
	assert_int_equal(s.weight, 10);
	assert_int_equal(s.port, 5269);
	assert_string_equal(s.name, "host.example");
	assert_true(PARSE(&s, "\0\0\0\0\0\0\0"));
	assert_string_equal(s.name, "");
}

static void what_is_no_record_is_not(void **state)
{
	char lengthy[6 + 256] = { 0 };
	struct srv s;

	assert_false(PARSE(&s, ""));
	assert_false(PARSE(&s, "\0\0\0\0\0\0"));
	assert_false(PARSE(&s, "\0\0\0\0\0\0\4hos"));       /* cut in a label */
	assert_false(PARSE(&s, "\0\0\0\0\0\0\4host"));      /* before the end of the name */
	assert_false(PARSE(&s, "\0\0\0\0\0\0\4host\0more")); /* goes on */
	assert_false(PARSE(&s, "\0\0\0\0\0\0\300\14"));     /* compressed */
	assert_false(PARSE(&s, "\0\0\0\0\0\0\3a.b\0"));     /* no host name */
	assert_false(PARSE(&s, "\0\0\0\0\0\0\3a\0b\0"));
	assert_false(PARSE(&s, "\0\0\0\0\0\0\2\\1\0"));
	for (size_t i = 6; i + 64 <= sizeof lengthy; i += 64) {
		lengthy[i] = 62;
		memset(lengthy + i + 1, 'x', 63);
	}
	assert_false(srv_parse(&s, span_make(lengthy, sizeof lengthy)));
}

struct script {
	const uint32_t *numbers;
	size_t at;
	uint32_t most[8];
};

static uint32_t scripted(uint32_t most, void *data)
{
	struct script *d = data;

	d->most[d->at] = most;
	return d->numbers[d->at++];
}

static struct srv one(uint16_t priority, uint16_t weight, const char *name)
{
	struct srv s = { .priority = priority, .weight = weight };

	snprintf(s.name, sizeof s.name, "%s", name);
	return s;
}

static const char *order(const struct srv *list, size_t count)
{
	static char out[64];

	for (size_t i = 0; i < count; i++)
		out[i] = list[i].name[0];
	out[count] = '\0';
	return out;
}

/* RFC 2782: the sum of weights runs, and the first that reaches the number is taken. */
static void weights_and_luck(void **state)
{
	static const struct {
		uint32_t numbers[3];
		const char *order;
	} rows[] = {
		{ { 0, 0, 0 }, "zabc" },
		{ { 1, 0, 0 }, "azbc" }, /* weight 0 comes first only when the number is 0 */
		{ { 10, 1, 1 }, "abcz" },
		{ { 11, 11, 1 }, "bcaz" },
		{ { 30, 30, 30 }, "bcaz" },
		{ { 31, 30, 10 }, "cbaz" },
		{ { 60, 0, 0 }, "czab" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct srv list[] = { one(1, 10, "a"), one(1, 20, "b"), one(1, 30, "c"),
			one(1, 0, "z") };
		struct script d = { .numbers = rows[i].numbers };

		srv_order(list, 4, scripted, &d);
		assert_string_equal(order(list, 4), rows[i].order);
		assert_int_equal(d.most[0], 60);
		assert_int_equal(d.at, 3);
	}
}

static void priority_comes_first(void **state)
{
	struct srv list[] = { one(20, 65535, "d"), one(10, 1, "b"), one(5, 0, "a"),
		one(10, 65535, "c") };
	static const uint32_t numbers[] = { 1 };
	struct script d = { .numbers = numbers };

	srv_order(list, 4, scripted, &d);
	assert_string_equal(order(list, 4), "abcd");
	assert_int_equal(d.most[0], 65536);
	srv_order(list, 4, NULL, NULL);
	assert_string_equal(list[0].name, "a");
	assert_string_equal(list[3].name, "d");
	srv_order(list, 0, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read),
		cmocka_unit_test(what_is_no_record_is_not),
		cmocka_unit_test(weights_and_luck),
		cmocka_unit_test(priority_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

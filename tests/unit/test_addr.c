/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/addr.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>

static void numbers_are_addresses(void **state)
{
	struct addr a;
	char text[ADDR_TEXT];

	assert_true(addr_parse(&a, "127.0.0.1", 5222));
	addr_text(&a, text);
	assert_string_equal(text, "127.0.0.1");
	assert_int_equal(addr_port(&a), 5222);
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in));
	assert_true(addr_parse(&a, "2001:db8::1", 65535));
	addr_text(&a, text);
	assert_string_equal(text, "2001:db8::1");
	assert_int_equal(addr_port(&a), 65535);
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in6));
}

static void names_are_not(void **state)
{
	const char *const wrong[] = { "", "localhost", "127.0.0", "127.0.0.256", "1.2.3.4.5", ":",
		"::1::", "[::1]", "127.0.0.1:5222", " 127.0.0.1" };
	struct addr a;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(addr_parse(&a, wrong[i], 1));
}

static void a_mapped_address_prints_as_ipv4(void **state)
{
	struct addr a;
	char text[ADDR_TEXT];

	assert_true(addr_parse(&a, "::ffff:192.0.2.7", 1));
	addr_text(&a, text);
	assert_string_equal(text, "192.0.2.7");
}

static void loopback_is_known_in_all_its_forms(void **state)
{
	const char *const loopback[] = { "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1" };
	const char *const others[] = { "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1",
		"fe80::1" };
	struct addr a;

	for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++) {
		assert_true(addr_parse(&a, loopback[i], 0));
		assert_true(addr_is_loopback(&a));
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_true(addr_parse(&a, others[i], 0));
		assert_false(addr_is_loopback(&a));
	}
}

static void equality_counts_the_port(void **state)
{
	struct addr a, b;

	assert_true(addr_parse(&a, "::1", 5222));
	assert_true(addr_parse(&b, "0:0::1", 5222));
	assert_true(addr_equal(&a, &b));
	assert_true(addr_parse(&b, "::1", 5223));
	assert_false(addr_equal(&a, &b));
	assert_true(addr_parse(&b, "127.0.0.1", 5222));
	assert_false(addr_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_addresses),
		cmocka_unit_test(names_are_not),
		cmocka_unit_test(a_mapped_address_prints_as_ipv4),
		cmocka_unit_test(loopback_is_known_in_all_its_forms),
		cmocka_unit_test(equality_counts_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

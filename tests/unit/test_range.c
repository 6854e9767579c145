/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/range.h"
#include "tests/unit/unit.h"

static const struct {
	const char *address, *name; /* NULL: public */
} rows[] = {
	/* the first and the last of each range, and their neighbours outside */
	{ "0.0.0.0", "unspecified" }, { "0.255.255.255", "unspecified" }, { "1.0.0.0", NULL },
	{ "9.255.255.255", NULL }, { "10.0.0.0", "private" }, { "10.255.255.255", "private" },
	{ "11.0.0.0", NULL },
	{ "100.63.255.255", NULL }, { "100.64.0.0", "shared" }, { "100.127.255.255", "shared" },
	{ "100.128.0.0", NULL },
	{ "126.255.255.255", NULL }, { "127.0.0.0", "loopback" }, { "127.0.0.1", "loopback" },
	{ "127.255.255.255", "loopback" }, { "128.0.0.0", NULL },
	{ "169.253.255.255", NULL }, { "169.254.0.0", "link-local" },
	{ "169.254.169.254", "link-local" }, { "169.255.0.0", NULL },
	{ "172.15.255.255", NULL }, { "172.16.0.0", "private" }, { "172.31.255.255", "private" },
	{ "172.32.0.0", NULL },
	{ "191.255.255.255", NULL }, { "192.0.0.255", "reserved" }, { "192.0.1.0", NULL },
	{ "192.0.2.1", "documentation" }, { "192.0.3.0", NULL },
	{ "192.88.98.255", NULL }, { "192.88.99.1", "reserved" }, { "192.88.100.0", NULL },
	{ "192.167.255.255", NULL }, { "192.168.0.0", "private" },
	{ "192.168.255.255", "private" }, { "192.169.0.0", NULL },
	{ "198.17.255.255", NULL }, { "198.18.0.0", "benchmarking" },
	{ "198.19.255.255", "benchmarking" }, { "198.20.0.0", NULL },
	{ "198.51.99.255", NULL }, { "198.51.100.7", "documentation" }, { "198.51.101.0", NULL },
	{ "203.0.112.255", NULL }, { "203.0.113.9", "documentation" }, { "203.0.114.0", NULL },
	{ "223.255.255.255", NULL }, { "224.0.0.0", "multicast" },
	{ "239.255.255.255", "multicast" }, { "240.0.0.0", "reserved" },
	{ "255.255.255.255", "reserved" },

	{ "::", "unspecified" }, { "::1", "loopback" }, { "::2", "reserved" },
	{ "::127.0.0.1", "reserved" }, { "::8.8.8.8", "reserved" },
	{ "100::1", "reserved" }, { "1fff:ffff::1", "reserved" },
	{ "2000::1", NULL }, { "2001::1", "reserved" }, { "2001:1ff:ffff::1", "reserved" },
	{ "2001:200::1", NULL }, { "2001:4860:4860::8888", NULL },
	{ "2001:db7:ffff::1", NULL }, { "2001:db8::1", "documentation" },
	{ "2001:db8:ffff:ffff::1", "documentation" }, { "2001:db9::1", NULL },
	{ "2a00::1", NULL }, { "3ffe::1", NULL }, { "3fff::1", "documentation" },
	{ "3fff:fff:ffff::1", "documentation" }, { "3fff:1000::1", NULL },
	{ "4000::1", "reserved" }, { "5f00::1", "reserved" }, { "8000::1", "reserved" },
	{ "fbff::1", "reserved" }, { "fc00::1", "unique-local" },
	{ "fdff:ffff::1", "unique-local" }, { "fe00::1", "reserved" },
	{ "fe80::1", "link-local" }, { "febf:ffff::1", "link-local" },
	{ "fec0::1", "site-local" }, { "feff:ffff::1", "site-local" },
	{ "ff00::1", "multicast" }, { "ff02::1", "multicast" },

	/* an IPv4 address inside */
	{ "::ffff:127.0.0.1", "loopback" }, { "::ffff:10.1.2.3", "private" },
	{ "::ffff:169.254.169.254", "link-local" }, { "::ffff:0.0.0.0", "unspecified" },
	{ "::ffff:224.0.0.1", "multicast" }, { "::ffff:192.0.2.1", "documentation" },
	{ "::ffff:8.8.8.8", NULL },
	{ "64:ff9b::127.0.0.1", "loopback" }, { "64:ff9b::192.168.1.1", "private" },
	{ "64:ff9b::8.8.8.8", NULL }, { "64:ff9b:1::8.8.8.8", "reserved" },
	{ "2002:7f00:1::1", "loopback" }, { "2002:c0a8:101::1", "private" },
	{ "2002:808:808::1", NULL },
};

static void each_range_and_its_neighbours(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *name;
		struct addr a;

		assert_true(addr_parse(&a, rows[i].address, 5269));
		name = range_name(&a);
		if ((name == NULL) != (rows[i].name == NULL) ||
			(name != NULL && strcmp(name, rows[i].name) != 0))
			fail_msg("%s is %s", rows[i].address, name != NULL ? name : "public");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_range_and_its_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

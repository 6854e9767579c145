/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "modules/mod_saslauth/limits.h"
#include "modules/mod_saslauth/sasl.h"
#include "tests/unit/unit.h"

#include <gnutls/crypto.h>

static const struct limits_config config = { .per_account = 5, .per_address = 20,
	.overall = 1000, .delay_max = 10 };

static void an_account_waits(void **state)
{
	struct limits *l = limits_new();
	char address[32];

	for (int i = 0; i < 5; i++) {
		snprintf(address, sizeof address, "192.0.2.%d", i);
		assert_int_equal(limits_admit(l, &config, "romeo", address, 0), 0);
	}
	/* From anywhere, longer each time, up to the bound; others do not notice. */
	assert_int_equal(limits_admit(l, &config, "romeo", "198.51.100.1", 0), 10000);
	assert_int_equal(limits_admit(l, &config, "juliet", "198.51.100.1", 0), 0);
	/* A minute is enough to forget the five, and the one. */
	assert_int_equal(limits_admit(l, &config, "romeo", "192.0.2.1", 72000), 0);
	limits_free(l);
}

static void success_is_not_counted(void **state)
{
	struct limits *l = limits_new();

	for (int i = 0; i < 100; i++) {
		assert_int_equal(limits_admit(l, &config, "romeo", "192.0.2.1", 0), 0);
		limits_forgive(l, &config, "romeo", "192.0.2.1", 0);
	}
	limits_free(l);
}

static void addresses(void **state)
{
	struct limits *l = limits_new();
	char name[16], address[48];

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "user%d", i);
		snprintf(address, sizeof address, "2001:db8:1:2::%x", i);
		assert_int_equal(limits_admit(l, &config, name, address, 0), 0);
	}
	/* One /64 is one address; its neighbour is another; IPv4 counts whole. */
	assert_true(limits_admit(l, &config, "a", "2001:db8:1:2:ffff::1", 0) > 0);
	assert_int_equal(limits_admit(l, &config, "b", "2001:db8:1:3::1", 0), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "other%d", i);
		assert_int_equal(limits_admit(l, &config, name, "192.0.2.1", 0), 0);
	}
	assert_true(limits_admit(l, &config, "c", "192.0.2.1", 0) > 0);
	assert_int_equal(limits_admit(l, &config, "d", "192.0.2.2", 0), 0);
	limits_free(l);
}

static void all_together(void **state)
{
	static const struct limits_config few = { .per_account = 0, .per_address = 0,
		.overall = 10, .delay_max = 1 };
	struct limits *l = limits_new();

	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_admit(l, &few, "romeo", "192.0.2.1", 0), 0);
	assert_int_equal(limits_admit(l, &few, "juliet", "192.0.2.2", 0), 1000);
	limits_free(l);
}

/* What somebody floods is his own: names that failed often stay known. */
static void many_names(void **state)
{
	struct limits *l = limits_new();
	struct limits_config c = { .per_account = 5, .per_address = 0, .delay_max = 10 };
	char name[16];

	for (int i = 0; i < 20; i++)
		limits_admit(l, &c, "romeo", "192.0.2.1", 0);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		limits_admit(l, &c, name, "192.0.2.1", 0);
	}
	assert_true(limits_admit(l, &c, "romeo", "192.0.2.1", 0) > 0);
	limits_free(l);
}

/* The example of XEP-0474 section 5.3. */
static void offer_text(void **state)
{
	static const uint8_t expected[] = { 0x1b, 0xa9, 0x3f, 0xac, 0x12, 0xc3, 0xaa, 0x03, 0xa1,
		0x45, 0x16, 0x82, 0xba, 0xe6, 0xad, 0x48, 0x31, 0x64, 0x27, 0x4f };
	char text[SASL_OFFER_TEXT];
	uint8_t digest[20];
	size_t len = sasl_offer_text(1u << SASL_SCRAM_SHA_1 | 1u << SASL_SCRAM_SHA_1_PLUS, 3, text);

	gnutls_hash_fast(GNUTLS_DIG_SHA1, text, len, digest);
	assert_memory_equal(digest, expected, sizeof digest);
	len = sasl_offer_text((1u << SASL_MECHS) - 1, 7, text);
	assert_int_equal(len, strlen("ANONYMOUS EXTERNAL PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS "
				     "SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-512 "
				     "SCRAM-SHA-512-PLUS tls-exporter tls-server-end-point "
				     "tls-unique"));
	assert_true(len < sizeof text);
	len = sasl_offer_text(1u << SASL_SCRAM_SHA_1, 0, text);
	assert_string_equal(text, "SCRAM-SHA-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_waits), cmocka_unit_test(success_is_not_counted),
		cmocka_unit_test(addresses), cmocka_unit_test(all_together),
		cmocka_unit_test(many_names), cmocka_unit_test(offer_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

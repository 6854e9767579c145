/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/tlsa.h"
#include "core/loop/loop.h"
#include "tests/unit/dns_script.h"
#include "tests/unit/unit.h"

#define STARTTLS "_xmpp-server._tcp.example.org"
#define DIRECT_TLS "_xmpps-server._tcp.example.org"

static struct tct_scope scope;
static struct tcti_dane *dane;
static int calls;
static uint32_t state_of;

static void on_dane(struct tcti_dane *d, uint32_t state, void *data)
{
	assert_ptr_equal(d, dane);
	calls++;
	state_of = state;
}

static int setup(void **state)
{
	calls = 0;
	scope_init(&scope, NULL);
	return loop_init(NULL);
}

static int teardown(void **state)
{
	scope_end(&scope);
	script_clear();
	loop_fini();
	return 0;
}

static void ask(const char *target, uint16_t port)
{
	int before = calls;

	dane = tcti_dane_ask(&scope, "example.org", target, port, on_dane, NULL);
	assert_int_equal(calls, before);
	while (calls == before)
		loop_turn(true);
}

static void secure_address(const char *name)
{
	script_address(name, "192.0.2.1");
	script_secure(name, DNS_A);
}

static void records_of_a_target(void **state)
{
	const struct span *records;

	secure_address("host.example.net");
	script_tlsa("_5270._tcp.host.example.net", "\3\1\1one", 6);
	script_tlsa("_5270._tcp.host.example.net", "\2\0\1two", 6);
	script_secure("_5270._tcp.host.example.net", DNS_TLSA);
	ask("host.example.net", 5270);
	assert_int_equal(state_of, TCTI_DANE_RECORDS);
	assert_int_equal(tlsa_records(dane, &records), 2);
	assert_true(span_is(records[0], "\3\1\1one"));
	assert_string_equal(tlsa_names(dane)[0], "example.org");
	assert_string_equal(tlsa_names(dane)[1], "host.example.net");
	assert_null(tlsa_names(dane)[2]);
}

/* An address that is not signed ends it, and nobody is asked further. */
static void nothing_behind_unsigned_answers(void **state)
{
	const struct span *records;

	script_address("host.example.net", "192.0.2.1");
	script_tlsa("_5269._tcp.host.example.net", "\3\1\1one", 6);
	ask("host.example.net", 5269);
	assert_int_equal(state_of, TCTI_DANE_NONE);
	assert_int_equal(script_asked("_5269._tcp.host.example.net", DNS_TLSA), 0);
	tcti_dane_end(dane);

	script_secure("host.example.net", DNS_A);
	ask("host.example.net", 5269); /* the records themselves are not signed */
	assert_int_equal(state_of, TCTI_DANE_NONE);
	assert_int_equal(tlsa_records(dane, &records), 0);
}

static void what_cannot_be_believed(void **state)
{
	static const struct {
		enum dns_status address, records;
		uint32_t state;
	} rows[] = {
		{ DNS_BOGUS, DNS_FOUND, TCTI_DANE_BOGUS },
		{ DNS_FAILED, DNS_FOUND, TCTI_DANE_FAILED },
		{ DNS_TIMEOUT, DNS_FOUND, TCTI_DANE_FAILED },
		{ DNS_FOUND, DNS_BOGUS, TCTI_DANE_BOGUS },
		{ DNS_FOUND, DNS_FAILED, TCTI_DANE_FAILED },
		{ DNS_FOUND, DNS_NO_NAME, TCTI_DANE_NONE },
		{ DNS_NO_RECORD, DNS_NO_RECORD, TCTI_DANE_NONE },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		secure_address("host.example.net");
		script_status("host.example.net", DNS_A, rows[i].address);
		script_status("_5269._tcp.host.example.net", DNS_TLSA, rows[i].records);
		ask("host.example.net", 5269);
		assert_int_equal(state_of, rows[i].state);
		tcti_dane_end(dane);
		script_clear();
	}
}

/* RFC 7671 section 7: first where the alias leads, then at the name itself. */
static void aliases(void **state)
{
	const struct span *records;

	secure_address("host.example.net");
	script_alias("host.example.net", DNS_A, "real.example.com");
	script_tlsa("_5269._tcp.host.example.net", "\3\1\1own", 6);
	script_secure("_5269._tcp.host.example.net", DNS_TLSA);
	ask("host.example.net", 5269);
	assert_int_equal(state_of, TCTI_DANE_RECORDS);
	assert_int_equal(script_asked("_5269._tcp.real.example.com", DNS_TLSA), 1);
	assert_int_equal(tlsa_records(dane, &records), 1);
	assert_true(span_is(records[0], "\3\1\1own"));
	tcti_dane_end(dane);

	script_tlsa("_5269._tcp.real.example.com", "\3\1\1end", 6);
	script_secure("_5269._tcp.real.example.com", DNS_TLSA);
	ask("host.example.net", 5269);
	assert_int_equal(tlsa_records(dane, &records), 1);
	assert_true(span_is(records[0], "\3\1\1end"));
	assert_int_equal(script_asked("_5269._tcp.host.example.net", DNS_TLSA), 1);
}

/* Somebody has connected to us and says to be the domain: any of its targets may be it. */
static void all_targets_of_a_domain(void **state)
{
	const struct span *records;

	script_srv(STARTTLS, 1, 5269, "one.example.org");
	script_srv(DIRECT_TLS, 2, 5270, "two.example.org");
	script_secure(STARTTLS, DNS_SRV);
	secure_address("one.example.org");
	secure_address("two.example.org");
	script_tlsa("_5269._tcp.one.example.org", "\3\1\1one", 6);
	script_secure("_5269._tcp.one.example.org", DNS_TLSA);
	script_tlsa("_5270._tcp.two.example.org", "\3\1\1two", 6);
	script_secure("_5270._tcp.two.example.org", DNS_TLSA);
	ask(NULL, 0);
	assert_int_equal(state_of, TCTI_DANE_RECORDS);
	assert_int_equal(tlsa_records(dane, &records), 1); /* the way to the other is not signed */
	assert_true(span_is(records[0], "\3\1\1one"));
	assert_string_equal(tlsa_names(dane)[1], "one.example.org");
	assert_null(tlsa_names(dane)[2]);
	tcti_dane_end(dane);

	script_secure(DIRECT_TLS, DNS_SRV);
	ask(NULL, 0);
	assert_int_equal(tlsa_records(dane, &records), 2);
	tcti_dane_end(dane);
	script_status(DIRECT_TLS, DNS_SRV, DNS_BOGUS);
	ask(NULL, 0);
	assert_int_equal(state_of, TCTI_DANE_BOGUS);
}

static void an_address_has_no_records(void **state)
{
	ask("[2001:db8::1]", 5269);
	assert_int_equal(state_of, TCTI_DANE_NONE);
}

static void an_end_is_silent(void **state)
{
	script_hold("host.example.net", DNS_A);
	dane = tcti_dane_ask(&scope, "example.org", "host.example.net", 1, on_dane, NULL);
	tcti_dane_end(dane);
	dane = tcti_dane_ask(&scope, "example.org", "host.example.net", 1, on_dane, NULL);
	for (int i = 0; i < 5; i++)
		loop_turn(false);
	assert_int_equal(script_asked("host.example.net", DNS_A), 1);
	scope_end(&scope);
	tcti_dane_end(NULL);
	assert_int_equal(calls, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_of_a_target),
		TEST(nothing_behind_unsigned_answers),
		TEST(what_cannot_be_believed),
		TEST(aliases),
		TEST(all_targets_of_a_domain),
		TEST(an_address_has_no_records),
		TEST(an_end_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

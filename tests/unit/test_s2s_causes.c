/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_s2s_causes.c - what is returned for each cause, and whether it is tried again before. */
#include "modules/mod_s2s/s2s.h"
#include "tests/unit/unit.h"

#include <ctype.h>

static const char key[] = "0123";

void s2s_key_text(struct tct_stream *s, char text[KEY_TEXT])
{
	(void)s;
	memcpy(text, key, sizeof key);
}

#define NOT_FOUND TCT_REMOTE_SERVER_NOT_FOUND
#define TIMEOUT TCT_REMOTE_SERVER_TIMEOUT

/* RFC 6120 8.3.3.16 and 17: not found, or found and not agreed with; what will be so tomorrow, too,
 * unless somebody does something, is not waited for. */
static const struct {
	uint32_t cause, condition;
	bool again;
	const char *said;
} table[] = {
	{ CAUSE_OTHER, TIMEOUT, true, "there is no connection with the other server" },
	{ CAUSE_NO_NAME, NOT_FOUND, false, "there is no such server" },
	{ CAUSE_NO_SERVICE, NOT_FOUND, false, "that domain has no server of this kind" },
	{ CAUSE_DNS, TIMEOUT, true, "where the other server is cannot be found out now" },
	{ CAUSE_BOGUS, TIMEOUT, true,
		"what is said of where the other server is cannot be trusted" },
	{ CAUSE_FORBIDDEN, NOT_FOUND, false, "there is no such server" },
	{ CAUSE_REFUSED, TIMEOUT, true, "the other server takes no connections" },
	{ CAUSE_TIMEOUT, TIMEOUT, true, "the other server does not answer" },
	{ CAUSE_SLOW, TIMEOUT, true, "the other server did not come to an agreement in time" },
	{ CAUSE_BUSY, TCT_RESOURCE_CONSTRAINT, true, "too many other servers are looked for" },
	{ CAUSE_TLS, TIMEOUT, true, "there is no encrypted connection with the other server" },
	{ CAUSE_NO_TLS, TIMEOUT, false, "the other server offers no encryption" },
	{ CAUSE_EXPIRED, TIMEOUT, false, "the certificate of the other server has expired" },
	{ CAUSE_EARLY, TIMEOUT, false, "the certificate of the other server is not valid yet" },
	{ CAUSE_STRANGER, TIMEOUT, false, "the certificate of the other server is not trusted" },
	{ CAUSE_NAMES, TIMEOUT, false, "the certificate of the other server is for others" },
	{ CAUSE_CERTIFICATE, TIMEOUT, false, "the certificate of the other server is not good" },
	{ CAUSE_PIN, TCT_NOT_ALLOWED, false,
		"the other server has not the key that is expected here" },
	{ CAUSE_DANE, TIMEOUT, false,
		"the certificate of the other server is not the one that its domain names" },
	{ CAUSE_WAS_SECURE, TCT_NOT_ALLOWED, false,
		"the other server was secure for long, and is not any more" },
	{ CAUSE_BLOCKED, TCT_NOT_ALLOWED, false,
		"communication with that server is not allowed here" },
	{ CAUSE_UNBELIEVED, TIMEOUT, true, "the other server does not believe this one" },
	{ CAUSE_NO_PROOF, TIMEOUT, true, "the other server takes no proof that this one has" },
	{ CAUSE_SAID, TIMEOUT, true, "the other server has refused the connection" },
	{ CAUSE_NOT_THERE, NOT_FOUND, false, "the other server does not know that domain" },
	{ CAUSE_LOST, TIMEOUT, true, "the connection with the other server was lost" },
	{ CAUSE_CLOSED, TIMEOUT, true, "the connection with the other server was closed here" },
	/* Nothing is returned for what others tried to do here. */
	{ CAUSE_NOT_ASKED, TIMEOUT, true, "there is no connection with the other server" },
	{ CAUSE_FORGED, TIMEOUT, true, "there is no connection with the other server" },
	{ CAUSE_HEADER, TIMEOUT, true, "there is no connection with the other server" },
	{ CAUSE_UNPROVEN, TIMEOUT, true, "there is no connection with the other server" },
	{ CAUSE_FULL, TCT_RESOURCE_CONSTRAINT, true, "too much waits for that server" },
	{ CAUSE_CROWD, TCT_RESOURCE_CONSTRAINT, true,
		"too many connections with other servers" },
	{ CAUSE_LATE, TIMEOUT, true, "it could not be delivered in time" },
};
#define COUNT (sizeof table / sizeof *table)

static void each_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(COUNT, CAUSE_COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t lasts = table[i].again ? 0 : TCT_ERROR_LASTS;

		assert_int_equal(table[i].cause, i);
		assert_int_equal(cause_condition(i), table[i].condition);
		assert_int_equal(cause_error(i), table[i].condition | lasts);
		assert_int_equal(cause_again(i), table[i].again);
		assert_string_equal(cause_said(i), table[i].said);
	}
}

/* Words of ours, and nothing of where or with what: no name, number, address or path. */
static void none_names_anything(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		for (const char *c = cause_said(i); *c != '\0'; c++)
			assert_true(islower((unsigned char)*c) || *c == ' ' || *c == ',');
	}
}

/* What is returned for each way of dialling in vain, and whether it is tried again. */
static void each_dial_has_its_condition(void **state)
{
	static const struct {
		uint32_t reason, condition;
		bool again;
	} dials[] = {
		{ TCTI_DIAL_INVALID, NOT_FOUND, false },
		{ TCTI_DIAL_NOT_FOUND, NOT_FOUND, false },
		{ TCTI_DIAL_NO_SERVICE, NOT_FOUND, false },
		{ TCTI_DIAL_FORBIDDEN, NOT_FOUND, false },
		{ TCTI_DIAL_BOGUS, TIMEOUT, true },
		{ TCTI_DIAL_DNS, TIMEOUT, true },
		{ TCTI_DIAL_DNS_TIMEOUT, TIMEOUT, true },
		{ TCTI_DIAL_REFUSED, TIMEOUT, true },
		{ TCTI_DIAL_TIMEOUT, TIMEOUT, true },
		{ TCTI_DIAL_UNUSABLE, TIMEOUT, true },
		{ TCTI_DIAL_BUSY, TCT_RESOURCE_CONSTRAINT, true },
		{ UINT32_MAX, TIMEOUT, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof dials / sizeof *dials; i++) {
		uint32_t cause = cause_of_dial(dials[i].reason);

		assert_int_equal(cause_condition(cause), dials[i].condition);
		assert_int_equal(cause_again(cause), dials[i].again);
	}
}

/* Whoever has a cause that can be remembered has advice. */
static void each_has_advice(void **state)
{
	char advice[ADVICE_MAX];

	(void)state;
	for (uint32_t i = 0; i < CAUSE_FULL; i++) {
		cause_advice(advice, i, NULL);
		assert_true(strlen(advice) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_says_what_it_is),
		cmocka_unit_test(none_names_anything),
		cmocka_unit_test(each_dial_has_its_condition),
		cmocka_unit_test(each_has_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_subscription.c - walks all nine states, eight stanzas, with and without approval.
 * What is expected is written a second time, as rules over sets of bits, the way the RFC
 * tells it; so an error must be made twice to pass. */
#include "tests/unit/unit.h"

#include "modules/mod_roster/subscription.h"

#define TO TCT_ROSTER_TO
#define FROM TCT_ROSTER_FROM
#define BOTH (TO | FROM)
#define OUT TCT_ROSTER_OUT
#define IN TCT_ROSTER_IN
#define OK TCT_ROSTER_APPROVED

static const uint32_t states[] = { 0, OUT, IN, OUT | IN, TO, TO | IN, FROM, FROM | OUT,
	BOTH };
#define STATES (sizeof states / sizeof *states)

static struct subscription_step outbound(uint32_t s, enum subscription_event event)
{
	struct subscription_step x = { .state = s };

	switch (event) {
	case SUBSCRIPTION_OUT_SUBSCRIBE:
		x.pass = true; /* always */
		if ((s & TO) == 0)
			x.state |= OUT;
		break;
	case SUBSCRIPTION_OUT_UNSUBSCRIBE:
		x.pass = true; /* always */
		x.state &= ~(uint32_t)(TO | OUT);
		break;
	case SUBSCRIPTION_OUT_SUBSCRIBED:
		if ((s & IN) != 0) {
			x.pass = true;
			x.state = (s & ~(uint32_t)IN) | FROM;
		} else if ((s & FROM) == 0) {
			x.state |= OK;
		}
		break;
	default:
		x.pass = (s & (IN | FROM)) != 0;
		x.state &= ~(uint32_t)(IN | FROM | OK);
		break;
	}
	return x;
}

static struct subscription_step inbound(uint32_t s, enum subscription_event event)
{
	struct subscription_step x = { .state = s };

	switch (event) {
	case SUBSCRIPTION_IN_SUBSCRIBE:
		if ((s & (FROM | OK)) != 0) {
			x.answer = true;
			x.state = (s & ~(uint32_t)IN) | FROM;
		} else {
			x.pass = (s & IN) == 0;
			x.state |= IN;
		}
		break;
	case SUBSCRIPTION_IN_UNSUBSCRIBE:
		x.pass = (s & (IN | FROM)) != 0;
		x.state &= ~(uint32_t)(IN | FROM);
		break;
	case SUBSCRIPTION_IN_SUBSCRIBED:
		x.pass = (s & OUT) != 0;
		if (x.pass)
			x.state = (s & ~(uint32_t)OUT) | TO;
		break;
	default:
		x.pass = (s & (OUT | TO)) != 0;
		x.state &= ~(uint32_t)(OUT | TO);
		break;
	}
	return x;
}

static void test_all(void **data)
{
	(void)data;
	for (size_t i = 0; i < STATES * 2; i++) {
		uint32_t s = states[i % STATES] | (i < STATES ? 0 : OK);

		for (int event = 0; event < SUBSCRIPTION_EVENTS; event++) {
			struct subscription_step x, y;

			x = event < SUBSCRIPTION_IN_SUBSCRIBE
				? outbound(s, (enum subscription_event)event)
				: inbound(s, (enum subscription_event)event);
			y = subscription_step(s, (enum subscription_event)event);
			if (x.state != y.state || x.pass != y.pass ||
				x.answer != y.answer)
				fail_msg("state %#x, event %d: %#x pass %d answer %d, "
					 "not %#x %d %d",
					s, event, y.state, y.pass, y.answer, x.state,
					x.pass, x.answer);
		}
	}
}

/* No way leads out of the nine states, and each of them can be reached from none. */
static void test_closed(void **data)
{
	bool seen[32] = { [0] = true };

	(void)data;
	for (int round = 0; round < 8; round++) {
		for (uint32_t s = 0; s < 32; s++) {
			for (int event = 0; seen[s] && event < SUBSCRIPTION_EVENTS;
				event++)
				seen[subscription_step(s, (enum subscription_event)event)
						.state] = true;
		}
	}
	for (uint32_t s = 0; s < 16; s++) {
		bool known = false;

		for (size_t i = 0; i < STATES; i++)
			known = known || states[i] == s;
		assert_int_equal(seen[s], known);
	}
}

/* What cannot be counts as granted; bits of other things do not matter. */
static void test_odd(void **data)
{
	(void)data;
	assert_int_equal(
		subscription_step(TO | OUT, SUBSCRIPTION_IN_UNSUBSCRIBED).state, 0);
	assert_int_equal(
		subscription_step(FROM | IN, SUBSCRIPTION_OUT_UNSUBSCRIBED).state, 0);
	assert_int_equal(
		subscription_step(TCT_ROSTER_LISTED, SUBSCRIPTION_OUT_SUBSCRIBE).state,
		OUT);
}

static void test_words(void **data)
{
	static const uint32_t types[] = { TCT_PRESENCE_SUBSCRIBE,
		TCT_PRESENCE_UNSUBSCRIBE, TCT_PRESENCE_SUBSCRIBED,
		TCT_PRESENCE_UNSUBSCRIBED };

	(void)data;
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(subscription_event(types[i], false),
			SUBSCRIPTION_OUT_SUBSCRIBE + i);
		assert_int_equal(subscription_event(types[i], true),
			SUBSCRIPTION_IN_SUBSCRIBE + i);
	}
	for (size_t i = 0; i < STATES; i++)
		assert_int_equal(subscription_state(subscription_name(states[i])),
			states[i] & BOTH);
	assert_int_equal(subscription_state("remove"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_resolve.c - which sessions get a stanza: the table of RFC 6121 8.5, each type to
 * each kind of address with each set of sessions. */
#include "tests/unit/unit.h"

#include "core/base/list.h"
#include "core/server/resolve.h"
#include "core/server/session.h"
#include "core/xmpp/stanza.h"

#define SESSIONS 6

static struct tct_entity entity;
static struct tct_session sessions[SESSIONS];
static struct tct_stanza *presence;

/* What is said of a session: its resource, and its priority unless it is not available.
 */
struct who {
	char resource;
	bool available;
	int8_t priority;
};

static const struct who none[] = {{0}};
/* Connected, but no presence was sent. */
static const struct who silent[] = {{'a', false, 0}, {0}};
static const struct who one[] = {{'a', true, 0}, {0}};
static const struct who negative[] = {{'n', true, -1}, {'m', true, -128}, {0}};
static const struct who mixed[] = {{'a', true, 0}, {'n', true, -1}, {'s', false, 0},
	{'b', true, 127}, {'t', false, 5}, {0}};

static void people(const struct who *who)
{
	list_init(&entity.sessions);
	entity.session_count = 0;
	for (int i = 0; i < SESSIONS && who[i].resource != 0; i++) {
		struct tct_session *s = &sessions[i];
		char resource[2] = {who[i].resource, '\0'};

		memset(s, 0, sizeof *s);
		s->refs = 1;
		s->entity = &entity;
		s->jid = tct_jid_make("juliet", "localhost", resource);
		s->presence = who[i].available ? presence : NULL;
		s->priority = who[i].priority;
		list_push(&entity.sessions, &s->link);
		entity.session_count++;
	}
}

static void gone(void)
{
	struct list *node;

	while ((node = list_pop(&entity.sessions)) != NULL) {
		struct tct_session *s = list_entry(node, struct tct_session, link);

		assert_int_equal(s->refs, 1); /* targets were given back */
		tct_jid_unref(s->jid);
	}
}

/* The resources that get it, in the order of the sessions; "-" when it is ignored, "!"
 * when the sender may hear of it. */
static void outcome(char out[SESSIONS + 1], uint32_t type, const char *to)
{
	const struct tct_jid *jid = tct_jid_new(to);
	struct event *ev = event_new(tct_stanza_new(type, NULL, jid, "1"), 0);
	enum resolve_action action;
	uint32_t i;

	ev->pub.entity = &entity;
	action = resolve(ev);
	for (i = 0; i < ev->target_count; i++)
		out[i] = tct_jid_resource(ev->targets[i]->jid)[0];
	assert_int_equal(action == RESOLVE_TAKE, ev->target_count > 0);
	if (ev->target_count == 0)
		out[i++] = action == RESOLVE_SILENT ? '-' : '!';
	out[i] = '\0';
	ev->pub.entity = NULL; /* the test's: it is not pinned */
	event_free(ev);
	tct_jid_unref(jid);
}

static void expect(
	const struct who *who, const char *to, uint32_t types, const char *wanted)
{
	char got[SESSIONS + 1];

	people(who);
	for (uint32_t type = 1; type <= TCT_PRESENCE_ERROR; type <<= 1) {
		if ((types & type) == 0)
			continue;
		outcome(got, type, to);
		if (strcmp(got, wanted) != 0)
			fail_msg("type 0x%x to %s: %s instead of %s", (unsigned)type, to,
				got, wanted);
	}
	gone();
}

#define TALK (TCT_MESSAGE_NORMAL | TCT_MESSAGE_CHAT)
#define SHOWN (TCT_PRESENCE_AVAILABLE | TCT_PRESENCE_UNAVAILABLE)
#define ASKED (TCT_IQ_GET | TCT_IQ_SET)
#define ANSWERED (TCT_IQ_RESULT | TCT_IQ_ERROR)
#define ALL ((TCT_PRESENCE_ERROR << 1) - 1)
#define BARE "juliet@localhost"

/* RFC 6121 8.5.2.1.1, 8.5.2.2.1. */
static void messages_to_a_bare_address(void **state)
{
	(void)state;
	expect(mixed, BARE, TALK | TCT_MESSAGE_HEADLINE, "ab");
	expect(one, BARE, TALK | TCT_MESSAGE_HEADLINE, "a");
	/* Who has a negative priority is not asked by bare address. */
	expect(negative, BARE, TALK, "!");
	expect(silent, BARE, TALK, "!");
	expect(none, BARE, TALK, "!");
	expect(negative, BARE, TCT_MESSAGE_HEADLINE, "-");
	expect(silent, BARE, TCT_MESSAGE_HEADLINE, "-");
	expect(none, BARE, TCT_MESSAGE_HEADLINE, "-");
	expect(mixed, BARE, TCT_MESSAGE_GROUPCHAT, "!");
	expect(none, BARE, TCT_MESSAGE_GROUPCHAT, "!");
	expect(mixed, BARE, TCT_MESSAGE_ERROR, "-");
	expect(none, BARE, TCT_MESSAGE_ERROR, "-");
}

/* RFC 6121 8.5.2.1.2, 8.5.2.2.2. */
static void presence_to_a_bare_address(void **state)
{
	(void)state;
	expect(mixed, BARE, SHOWN | TCT_TYPES_SUBSCRIPTION, "anb");
	expect(negative, BARE, SHOWN | TCT_TYPES_SUBSCRIPTION, "nm");
	expect(silent, BARE, SHOWN | TCT_TYPES_SUBSCRIPTION, "-");
	expect(none, BARE, SHOWN | TCT_TYPES_SUBSCRIPTION, "-");
	/* The server answers for the account. */
	expect(mixed, BARE, TCT_PRESENCE_PROBE, "-");
	expect(mixed, BARE, TCT_PRESENCE_ERROR, "-");
	expect(none, BARE, TCT_PRESENCE_PROBE | TCT_PRESENCE_ERROR, "-");
}

/* RFC 6121 8.5.2.1.3, 8.5.2.2.3: the server answers, never a session. */
static void iqs_to_a_bare_address(void **state)
{
	static const struct who *const all[] = {none, silent, one, negative, mixed};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		expect(all[i], BARE, ASKED, "!");
		expect(all[i], BARE, ANSWERED, "-");
	}
}

/* RFC 6121 8.5.3.1: a session that is there gets all that is addressed to it, available
 * or not, whatever its priority, and nobody else gets it. */
static void a_full_address_that_is_there(void **state)
{
	(void)state;
	expect(mixed, BARE "/a", ALL, "a");
	expect(mixed, BARE "/n", ALL, "n");
	expect(mixed, BARE "/s", ALL, "s");
	expect(mixed, BARE "/t", ALL, "t");
	expect(negative, BARE "/m", ALL, "m");
	expect(silent, BARE "/a", ALL, "a");
}

/* RFC 6121 8.5.3.2. */
static void a_full_address_that_is_gone(void **state)
{
	(void)state;
	expect(mixed, BARE "/x", TALK, "ab");
	expect(one, BARE "/x", TALK, "a");
	expect(negative, BARE "/x", TALK, "!");
	expect(silent, BARE "/x", TALK, "!");
	expect(none, BARE "/x", TALK, "!");
	expect(mixed, BARE "/x", TCT_MESSAGE_GROUPCHAT, "!");
	expect(none, BARE "/x", TCT_MESSAGE_GROUPCHAT, "!");
	expect(mixed, BARE "/x", TCT_MESSAGE_HEADLINE | TCT_MESSAGE_ERROR, "-");
	expect(none, BARE "/x", TCT_MESSAGE_HEADLINE | TCT_MESSAGE_ERROR, "-");
	expect(mixed, BARE "/x", SHOWN | TCT_PRESENCE_PROBE | TCT_PRESENCE_ERROR, "-");
	expect(none, BARE "/x", SHOWN | TCT_PRESENCE_PROBE | TCT_PRESENCE_ERROR, "-");
	expect(mixed, BARE "/x", ASKED, "!");
	expect(none, BARE "/x", ASKED, "!");
	expect(mixed, BARE "/x", ANSWERED, "-");
	expect(none, BARE "/x", ANSWERED, "-");
}

/* Resources are compared as they are written. */
static void a_resource_has_its_case(void **state)
{
	(void)state;
	expect(mixed, BARE "/A", ASKED, "!");
	expect(mixed, BARE "/A", TCT_PRESENCE_AVAILABLE, "-");
	expect(mixed, BARE "/A", TCT_MESSAGE_CHAT, "ab");
	expect(mixed, BARE "/aa", ASKED, "!");
}

/* RFC 6121 8.5.1: there is nobody; handlers decide who hears of it. */
static void nobody_is_addressed(void **state)
{
	const struct tct_jid *jid = tct_jid_new("localhost");

	(void)state;
	for (uint32_t type = 1; type <= TCT_PRESENCE_ERROR; type <<= 1) {
		struct event *ev = event_new(tct_stanza_new(type, NULL, jid, "1"), 0);

		assert_int_equal(resolve(ev), RESOLVE_ERROR);
		assert_int_equal(ev->target_count, 0);
		event_free(ev);
	}
	tct_jid_unref(jid);
}

/* More receivers than an event has room for at first. */
static void many_sessions_get_it(void **state)
{
	static const struct who many[] = {{'a', true, 1}, {'b', true, 1}, {'c', true, 2},
		{'d', true, 3}, {'e', true, 0}, {'f', true, 0}, {0}};
	char got[SESSIONS + 1];

	(void)state;
	people(many);
	outcome(got, TCT_MESSAGE_CHAT, BARE);
	assert_string_equal(got, "abcdef");
	gone();
}

/* ---- the whole of section 8.5 as data ---- */

/* How things stand, and which address of them is meant; in the order of the columns below. */
static const struct {
	const char *what, *to;
	const struct who *who;
} situations[] = {
	{ "the host", "localhost", none },
	/* 8.5.1; for the table nobody is there, as in 8.5.2.2. */
	{ "no such account", BARE, none },
	{ "no such account, full", BARE "/a", none },
	/* 8.5.2.2, 8.5.3.2 */
	{ "offline", BARE, none },
	{ "offline, full", BARE "/a", none },
	{ "connected", BARE, silent },
	{ "connected, full", BARE "/a", silent },
	{ "connected, another", BARE "/x", silent },
	/* 8.5.2.1, 8.5.3.1 */
	{ "negative", BARE, negative },
	{ "negative, full", BARE "/n", negative },
	{ "negative, another", BARE "/x", negative },
	{ "one", BARE, one },
	{ "one, full", BARE "/a", one },
	{ "one, another", BARE "/x", one },
	{ "several", BARE, mixed },
	{ "several, full", BARE "/b", mixed },
	{ "several, full, negative", BARE "/n", mixed },
	{ "several, full, connected", BARE "/s", mixed },
	{ "several, another", BARE "/x", mixed },
};
#define SITUATIONS (sizeof situations / sizeof *situations)

/* What the RFC allows (table 1 of 8.5.4, and the text before it for what is no message):
 *	S ignored in silence	E an error goes back	O kept for later
 *	D to the one that is addressed	A to all that are available and not negative
 *	P to all that are available, negative too	R mod_roster decides (section 3)
 * After a ~: what is done instead, on purpose. M, the most available or all, is A here. */
static const struct {
	const char *name;
	uint32_t type;
	const char *cells[SITUATIONS];
} rules[] = {
	{ "normal", TCT_MESSAGE_NORMAL,
		{ "SE", "SE", "SE", "OE", "SE", "OE", "D", "SE", "OE", "D", "SE", "A", "D",
			"SE~A", "A", "D", "D", "D", "SE~A" } },
	{ "chat", TCT_MESSAGE_CHAT,
		{ "SE", "SE", "SE", "OE", "OE", "OE", "D", "OE", "OE", "D", "OE", "A", "D", "A",
			"A", "D", "D", "D", "A" } },
	{ "groupchat", TCT_MESSAGE_GROUPCHAT,
		{ "SE", "E", "SE", "E", "SE", "E", "D", "SE", "E", "D", "SE", "E", "D", "SE",
			"E", "D", "D", "D", "SE" } },
	{ "headline", TCT_MESSAGE_HEADLINE,
		{ "SE", "S", "SE", "S", "SE", "S", "D", "SE", "S", "D", "SE", "A", "D", "SE",
			"A", "D", "D", "D", "SE" } },
	{ "error", TCT_MESSAGE_ERROR,
		{ "S", "S", "S", "S", "S", "S", "D", "S", "S", "D", "S", "S", "D", "S", "S",
			"D", "D", "D", "S" } },
	{ "available", TCT_PRESENCE_AVAILABLE,
		{ "S", "S", "S", "S", "S", "S", "D", "S", "P", "D", "S", "P", "D", "S", "P",
			"D", "D", "D", "S" } },
	{ "unavailable", TCT_PRESENCE_UNAVAILABLE,
		{ "S", "S", "S", "S", "S", "S", "D", "S", "P", "D", "S", "P", "D", "S", "P",
			"D", "D", "D", "S" } },
	{ "subscribe", TCT_PRESENCE_SUBSCRIBE,
		{ "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R",
			"R", "R", "R", "R" } },
	{ "subscribed", TCT_PRESENCE_SUBSCRIBED,
		{ "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R",
			"R", "R", "R", "R" } },
	{ "unsubscribe", TCT_PRESENCE_UNSUBSCRIBE,
		{ "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R",
			"R", "R", "R", "R" } },
	{ "unsubscribed", TCT_PRESENCE_UNSUBSCRIBED,
		{ "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R", "R",
			"R", "R", "R", "R" } },
	/* The server answers for the account (4.3); the table has nobody for it. */
	{ "probe", TCT_PRESENCE_PROBE,
		{ "S", "S", "S", "S", "S", "S", "D", "S", "S", "D", "S", "S", "D", "S", "S",
			"D", "D", "D", "S" } },
	{ "presence error", TCT_PRESENCE_ERROR,
		{ "S", "S", "S", "S", "S", "S", "D", "S", "S", "D", "S", "S", "D", "S", "S",
			"D", "D", "D", "S" } },
	/* To a host and a bare address a module answers, or the server with an error. */
	{ "get", TCT_IQ_GET,
		{ "E", "E", "E", "E", "E", "E", "D", "E", "E", "D", "E", "E", "D", "E", "E",
			"D", "D", "D", "E" } },
	{ "set", TCT_IQ_SET,
		{ "E", "E", "E", "E", "E", "E", "D", "E", "E", "D", "E", "E", "D", "E", "E",
			"D", "D", "D", "E" } },
	{ "result", TCT_IQ_RESULT,
		{ "S", "S", "S", "S", "S", "S", "D", "S", "S", "D", "S", "S", "D", "S", "S",
			"D", "D", "D", "S" } },
	{ "iq error", TCT_IQ_ERROR,
		{ "S", "S", "S", "S", "S", "S", "D", "S", "S", "D", "S", "S", "D", "S", "S",
			"D", "D", "D", "S" } },
};

/* The receivers that a letter means, in the order of the sessions; "" for none. */
static void receivers(
	char out[SESSIONS + 1], char letter, const struct who *who, const char *to)
{
	const char *slash = strchr(to, '/');
	size_t count = 0;

	for (size_t i = 0; i < SESSIONS && who[i].resource != 0; i++) {
		bool available = who[i].available;

		if ((letter == 'D' && slash != NULL && slash[1] == who[i].resource) ||
			(letter == 'A' && available && who[i].priority >= 0) ||
			(letter == 'P' && available))
			out[count++] = who[i].resource;
	}
	out[count] = '\0';
}

static bool allowed(
	const char *cell, const char *got, const struct who *who, const char *to)
{
	const char *instead = strchr(cell, '~');
	char wanted[SESSIONS + 1];

	for (const char *c = instead != NULL ? instead + 1 : cell; *c != '\0'; c++) {
		receivers(wanted, *c, who, to);
		if (*c == 'R' || (*c == 'S' && strcmp(got, "-") == 0) ||
			((*c == 'E' || *c == 'O') && strcmp(got, "!") == 0) ||
			(wanted[0] != '\0' && strcmp(got, wanted) == 0))
			return true;
	}
	return false;
}

static void the_whole_table(void **state)
{
	uint32_t seen = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		seen |= rules[i].type;
		for (size_t at = 0; at < SITUATIONS; at++) {
			char got[SESSIONS + 1];

			people(situations[at].who);
			outcome(got, rules[i].type, situations[at].to);
			gone();
			if (!allowed(rules[i].cells[at], got, situations[at].who,
				    situations[at].to))
				fail_msg("%s to %s (%s): %s, allowed is %s", rules[i].name,
					situations[at].to, situations[at].what, got,
					rules[i].cells[at]);
		}
	}
	assert_int_equal(seen, ALL);
}

static int setup(void **state)
{
	(void)state;
	presence = tct_stanza_new(TCT_PRESENCE_AVAILABLE, NULL, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tct_stanza_unref(presence);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_to_a_bare_address),
		cmocka_unit_test(presence_to_a_bare_address),
		cmocka_unit_test(iqs_to_a_bare_address),
		cmocka_unit_test(a_full_address_that_is_there),
		cmocka_unit_test(a_full_address_that_is_gone),
		cmocka_unit_test(a_resource_has_its_case),
		cmocka_unit_test(nobody_is_addressed),
		cmocka_unit_test(many_sessions_get_it),
		cmocka_unit_test(the_whole_table),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

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
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_stanza_error.c - error answers as RFC 6120 8.3 wants them, for each condition and
 * to each type of stanza, as the sender gets them. */
#include "tests/unit/unit.h"

#include "core/xml/parse.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"
#include "core/xmpp/stanza_error.h"

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define ALL_TYPES ((TCT_PRESENCE_ERROR << 1) - 1)

static const struct tct_jid *romeo, *juliet;

static int setup(void **state)
{
	(void)state;
	romeo = tct_jid_new("romeo@localhost/garden");
	juliet = tct_jid_new("juliet@localhost");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tct_jid_unref(romeo);
	tct_jid_unref(juliet);
	parse_trim();
	return 0;
}

/* Written and read again, as its receiver sees it. */
static struct tct_stanza *received(struct tct_stanza *st)
{
	struct delivery *d = delivery_new(st, NULL, NULL);
	struct tct_stanza *again = delivery_stanza(d);

	assert_non_null(again);
	delivery_unref(d);
	tct_stanza_unref(st);
	return again;
}

static struct tct_stanza *read(const char *text)
{
	struct arena a = {0};
	struct tct_elem *root;
	uint32_t problem;

	assert_int_equal(parse_stored(span_of(text), &a, &root), TCT_OK);
	return stanza_from_elem(&a, root, &problem);
}

/* RFC 6120 8.3.2: one error, one defined condition in it, first. */
static void each_condition_is_written_and_read(void **state)
{
	(void)state;
	for (uint32_t c = TCT_BAD_REQUEST; c <= TCT_UNEXPECTED_REQUEST; c++) {
		struct tct_stanza *st =
			tct_stanza_new(TCT_MESSAGE_CHAT, romeo, juliet, "1");
		struct tct_stanza *error = received(tct_stanza_error(st, c, "why"));
		struct tct_elem *e =
			tct_child(tct_stanza_root(error), "jabber:client", "error");
		struct tct_elem *first = tct_elem_first(e), *text = tct_elem_next(first);

		assert_ptr_equal(tct_stanza_payload(error), e);
		assert_null(tct_elem_next(e));
		assert_string_equal(tct_attr(e, "type"), stanza_error_type(c));
		assert_true(tct_elem_is(first, NS_STANZAS, stanza_error_name(c)));
		assert_true(tct_elem_is(text, NS_STANZAS, "text"));
		assert_null(tct_elem_next(text));
		assert_int_equal(tct_stanza_condition(error), c);
		tct_stanza_unref(error);
		tct_stanza_unref(st);
	}
}

/* An error stanza keeps the kind of what it answers; errors and results have no answer.
 */
static void each_type_has_its_answer(void **state)
{
	(void)state;
	for (uint32_t type = 1; (type & ALL_TYPES) != 0; type <<= 1) {
		struct tct_stanza *st = tct_stanza_new(type, romeo, juliet, "1");
		struct tct_stanza *error = tct_stanza_error(st, TCT_FORBIDDEN, NULL);

		if ((type & (TCT_TYPES_ERROR | TCT_IQ_RESULT)) != 0) {
			assert_null(error);
		} else {
			assert_int_equal(tct_stanza_kind(error), tct_stanza_kind(st));
			assert_true((tct_stanza_type(error) & TCT_TYPES_ERROR) != 0);
			assert_ptr_equal(tct_stanza_from(error), juliet);
			assert_ptr_equal(tct_stanza_to(error), romeo);
			assert_string_equal(tct_stanza_id(error), "1");
			assert_string_equal(
				stanza_type_name(tct_stanza_type(error)), "error");
			assert_null(tct_stanza_error(error, TCT_FORBIDDEN, NULL));
		}
		tct_stanza_unref(error);
		tct_stanza_unref(st);
	}
}

/* RFC 6120 8.3.2: "wait" becomes "cancel", and nothing else becomes anything. */
static void what_lasts_is_not_waited_for(void **state)
{
	struct tct_stanza *st = tct_stanza_new(TCT_MESSAGE_CHAT, romeo, juliet, "1");

	(void)state;
	for (uint32_t c = TCT_BAD_REQUEST; c <= TCT_UNEXPECTED_REQUEST; c++) {
		struct tct_stanza *error = tct_stanza_error(st, c | TCT_ERROR_LASTS, NULL);
		struct tct_elem *e = tct_child(tct_stanza_root(error), NULL, "error");
		const char *type = stanza_error_type(c);

		assert_int_equal(tct_stanza_condition(error), c);
		assert_string_equal(tct_attr(e, "type"),
			strcmp(type, "wait") == 0 ? "cancel" : type);
		tct_stanza_unref(error);
	}
	tct_stanza_unref(st);
}

static void text_is_escaped(void **state)
{
	static const char text[] = "</text></error> & 'no' \"way\" <x>";
	struct tct_stanza *st =
		tct_stanza_new(TCT_PRESENCE_SUBSCRIBE, romeo, juliet, NULL);
	struct tct_stanza *error = tct_stanza_error(st, TCT_NOT_ALLOWED, text);
	struct tct_elem *e;

	(void)state;
	assert_string_equal(stanza_payload(error)->bytes,
		"<error type='cancel'><not-allowed xmlns='" NS_STANZAS "'/>"
		"<text xmlns='" NS_STANZAS
		"' xml:lang='en'>&lt;/text&gt;&lt;/error&gt; &amp; "
		"&apos;no&apos; &quot;way&quot; &lt;x&gt;</text></error>");
	error = received(error);
	e = tct_child(tct_stanza_root(error), NULL, "error");
	assert_string_equal(tct_child_text(e, NS_STANZAS, "text"), text);
	assert_null(tct_stanza_id(error));
	tct_stanza_unref(error);
	/* What XML cannot hold does not get into it. */
	error = received(tct_stanza_error(st, TCT_NOT_ALLOWED,
		"a\x01\xff"
		"b"));
	e = tct_child(tct_stanza_root(error), NULL, "error");
	assert_string_equal(tct_child_text(e, NS_STANZAS, "text"),
		"a\xef\xbf\xbd\xef\xbf\xbd"
		"b");
	tct_stanza_unref(error);
	tct_stanza_unref(st);
}

static void what_is_no_condition_is_undefined(void **state)
{
	static const uint32_t bad[] = {0, TCT_UNEXPECTED_REQUEST + 1, UINT32_MAX};
	struct tct_stanza *st = tct_stanza_new(TCT_IQ_SET, romeo, juliet, "1");

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct tct_stanza *error = tct_stanza_error(st, bad[i], NULL);

		assert_int_equal(tct_stanza_condition(error), TCT_UNDEFINED_CONDITION);
		assert_null(stanza_error_name(bad[i]));
		assert_null(stanza_error_type(bad[i]));
		tct_stanza_unref(error);
	}
	assert_int_equal(stanza_error_find(""), 0);
	assert_int_equal(stanza_error_find("text"), 0);
	assert_int_equal(stanza_error_find("Bad-Request"), 0);
	tct_stanza_unref(st);
}

static void condition_is(const char *text, uint32_t wanted)
{
	struct tct_stanza *st = read(text);

	assert_int_equal(tct_stanza_condition(st), wanted);
	tct_stanza_unref(st);
}

/* Others put their own elements into an error, RFC 6120 8.3.4. */
static void a_condition_is_found(void **state)
{
	(void)state;
	condition_is("<iq type='error' id='1'/>", 0);
	condition_is("<iq type='error' id='1'><error/></iq>", 0);
	condition_is("<iq type='error' id='1'><error xmlns='x'><gone xmlns='" NS_STANZAS
		     "'/>"
		     "</error></iq>",
		0);
	condition_is("<iq type='error' id='1'><error><gone/></error></iq>", 0);
	condition_is("<iq type='error' id='1'><error><gone xmlns='x'/></error></iq>", 0);
	condition_is("<iq type='error' id='1'><error><too-new xmlns='" NS_STANZAS
		     "'/></error>"
		     "</iq>",
		0);
	condition_is(
		"<iq type='error' id='1'><q xmlns='y'/><error><own xmlns='x'/>t<text "
		"xmlns='" NS_STANZAS "'>u</text><gone xmlns='" NS_STANZAS "'>xmpp:a@b"
		"</gone></error></iq>",
		TCT_GONE);
}

static void an_answer_may_have_nobody_to_go_to(void **state)
{
	struct tct_stanza *st = tct_stanza_new(TCT_MESSAGE_NORMAL, NULL, NULL, NULL);
	struct tct_stanza *error = tct_stanza_error(st, TCT_JID_MALFORMED, NULL);

	(void)state;
	assert_null(tct_stanza_to(error));
	assert_null(tct_stanza_from(error));
	assert_null(tct_stanza_id(error));
	/* The answer does not live on what it answers. */
	tct_stanza_unref(st);
	assert_int_equal(tct_stanza_condition(error), TCT_JID_MALFORMED);
	tct_stanza_unref(error);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_is_written_and_read),
		cmocka_unit_test(each_type_has_its_answer),
		cmocka_unit_test(what_lasts_is_not_waited_for),
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(what_is_no_condition_is_undefined),
		cmocka_unit_test(a_condition_is_found),
		cmocka_unit_test(an_answer_may_have_nobody_to_go_to),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

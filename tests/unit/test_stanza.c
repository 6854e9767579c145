/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_stanza.c - stanzas from elements, their headers, copies and views, answers to them,
 * and the bytes that receivers share. */
#include "tests/unit/unit.h"

#include "core/xml/parse.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"
#include "core/xmpp/stanza_error.h"

static const struct tct_jid *romeo, *juliet, *nurse;

static int setup(void **state)
{
	(void)state;
	romeo = tct_jid_new("romeo@localhost/garden");
	juliet = tct_jid_new("juliet@localhost/balcony");
	nurse = tct_jid_new("nurse@localhost");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tct_jid_unref(romeo);
	tct_jid_unref(juliet);
	tct_jid_unref(nurse);
	parse_trim();
	return 0;
}

static struct tct_stanza *read_problem(const char *text, uint32_t *problem)
{
	struct arena a = { 0 };
	struct tct_elem *root;

	assert_int_equal(parse_stored(span_of(text), &a, &root), TCT_OK);
	return stanza_from_elem(&a, root, problem);
}

static struct tct_stanza *read(const char *text)
{
	uint32_t problem;
	struct tct_stanza *st = read_problem(text, &problem);

	assert_int_equal(problem, 0);
	return st;
}

/* As a receiver gets it. */
static void written(struct tct_stanza *st, const struct tct_overlay *overlay, const char *wanted)
{
	struct delivery *d = delivery_new(st, overlay, NULL);
	struct str out = { 0 };

	delivery_write(d, &out);
	assert_string_equal(str_text(&out), wanted);
	assert_true(delivery_size(d) > 0);
	str_fini(&out);
	delivery_unref(d);
}

static void types_are_known(void **state)
{
	static const struct {
		const char *text;
		uint32_t kind, type;
	} all[] = {
		{ "<message/>", TCT_MESSAGE, TCT_MESSAGE_NORMAL },
		{ "<message type='normal'/>", TCT_MESSAGE, TCT_MESSAGE_NORMAL },
		{ "<message type='chat'/>", TCT_MESSAGE, TCT_MESSAGE_CHAT },
		{ "<message type='groupchat'/>", TCT_MESSAGE, TCT_MESSAGE_GROUPCHAT },
		{ "<message type='headline'/>", TCT_MESSAGE, TCT_MESSAGE_HEADLINE },
		{ "<message type='error'/>", TCT_MESSAGE, TCT_MESSAGE_ERROR },
		/* RFC 6121 5.2.2: what it does not know is normal. */
		{ "<message type='x'/>", TCT_MESSAGE, TCT_MESSAGE_NORMAL },
		{ "<presence/>", TCT_PRESENCE, TCT_PRESENCE_AVAILABLE },
		{ "<presence type='unavailable'/>", TCT_PRESENCE, TCT_PRESENCE_UNAVAILABLE },
		{ "<presence type='subscribe'/>", TCT_PRESENCE, TCT_PRESENCE_SUBSCRIBE },
		{ "<presence type='subscribed'/>", TCT_PRESENCE, TCT_PRESENCE_SUBSCRIBED },
		{ "<presence type='unsubscribe'/>", TCT_PRESENCE, TCT_PRESENCE_UNSUBSCRIBE },
		{ "<presence type='unsubscribed'/>", TCT_PRESENCE, TCT_PRESENCE_UNSUBSCRIBED },
		{ "<presence type='probe'/>", TCT_PRESENCE, TCT_PRESENCE_PROBE },
		{ "<presence type='error'/>", TCT_PRESENCE, TCT_PRESENCE_ERROR },
		{ "<iq type='get' id='1'><a xmlns='b'/></iq>", TCT_IQ, TCT_IQ_GET },
		{ "<iq type='set' id='1'><a xmlns='b'/></iq>", TCT_IQ, TCT_IQ_SET },
		{ "<iq type='result' id='1'/>", TCT_IQ, TCT_IQ_RESULT },
		{ "<iq type='error' id='1'/>", TCT_IQ, TCT_IQ_ERROR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct tct_stanza *st = read(all[i].text);

		assert_int_equal(tct_stanza_kind(st), all[i].kind);
		assert_int_equal(tct_stanza_type(st), all[i].type);
		tct_stanza_unref(st);
	}
}

static void problem_is(const char *text, uint32_t wanted)
{
	uint32_t problem = 0;
	struct tct_stanza *st = read_problem(text, &problem);

	if (problem != wanted)
		print_message("in: %s\n", text);
	assert_int_equal(problem, wanted);
	tct_stanza_unref(st);
}

static void problems_are_named(void **state)
{
	(void)state;
	problem_is("<message to='@'/>", TCT_JID_MALFORMED);
	problem_is("<message from='@'/>", TCT_JID_MALFORMED);
	problem_is("<message to=''/>", TCT_JID_MALFORMED);
	problem_is("<presence type='x'/>", TCT_BAD_REQUEST);
	problem_is("<iq id='1'><a xmlns='b'/></iq>", TCT_BAD_REQUEST);
	problem_is("<iq type='x' id='1'><a xmlns='b'/></iq>", TCT_BAD_REQUEST);
}

static void a_header_is_read_and_written(void **state)
{
	static const char text[] = "<message from='romeo@localhost/garden' "
				   "to='juliet@localhost/balcony' type='chat' id='a&lt;b' "
				   "xml:lang='it'><body>Ciao</body></message>";
	struct tct_stanza *st = read(text);

	(void)state;
	assert_string_equal(tct_jid_text(tct_stanza_from(st)), "romeo@localhost/garden");
	assert_string_equal(tct_jid_text(tct_stanza_to(st)), "juliet@localhost/balcony");
	assert_string_equal(tct_stanza_id(st), "a<b");
	assert_string_equal(tct_stanza_lang(st), "it");
	assert_string_equal(tct_child_text(tct_stanza_root(st), NULL, "body"), "Ciao");
	assert_string_equal(tct_elem_name(tct_stanza_payload(st)), "body");
	assert_null(tct_attr(tct_stanza_root(st), "id")); /* fields, not attributes */
	/* What was written once is not what is written after a change. */
	written(st, NULL, "<message type='chat' from='romeo@localhost/garden' id='a&lt;b' "
			  "xml:lang='it' to='juliet@localhost/balcony'><body>Ciao</body></message>");
	tct_stanza_set_id(st, "b");
	written(st, NULL,
		"<message type='chat' from='romeo@localhost/garden' id='b' xml:lang='it' "
		"to='juliet@localhost/balcony'><body>Ciao</body></message>");
	tct_stanza_set_id(st, NULL);
	tct_stanza_set_lang(st, NULL);
	tct_stanza_set_from(st, NULL);
	tct_stanza_set_to(st, nurse);
	written(st, NULL, "<message type='chat' to='nurse@localhost'><body>Ciao</body></message>");
	tct_stanza_unref(st);
}

/* Attributes of the root that are no header's are kept (RFC 6120 11.4 lets us). */
static void a_stanza_is_written_as_it_was_read(void **state)
{
	static const char *const all[] = {
		"<message/>",
		"<presence><show>away</show><x xmlns='urn:x'>y</x></presence>",
		"<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<message type='headline'>text<a xmlns='b'><c xmlns='jabber:client'/></a></message>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct tct_stanza *st = read(all[i]);
		struct delivery *d = delivery_new(st, NULL, NULL);
		struct tct_stanza *again = delivery_stanza(d);

		written(again, NULL, all[i]);
		assert_int_equal(delivery_type(d), tct_stanza_type(st));
		tct_stanza_unref(again);
		delivery_unref(d);
		tct_stanza_unref(st);
	}
}

static void a_copy_is_its_own(void **state)
{
	struct tct_stanza *st = read("<message to='nurse@localhost' id='1'><body>a</body></message>");
	struct tct_stanza *dup;

	(void)state;
	tct_stanza_ref(st);
	assert_true(stanza_shared(st));
	tct_stanza_unref(st);
	assert_false(stanza_shared(st));
	stanza_freeze(st);
	dup = tct_stanza_dup(st);
	assert_false(stanza_shared(dup));
	tct_add_text(tct_stanza_root(dup), "subject", "b");
	tct_stanza_set_to(dup, romeo);
	written(st, NULL,
		"<message id='1' to='nurse@localhost'><body>a</body></message>");
	tct_stanza_unref(st);
	written(dup, NULL,
		"<message id='1' "
		"to='romeo@localhost/garden'><body>a</body><subject>b</subject>"
		"</message>");
	tct_stanza_unref(dup);
}

/* What is kept for long takes no chunk of its own. */
static void a_small_stanza_is_kept_small(void **state)
{
	static const char text[] = "<presence from='romeo@localhost/garden' id='1' xml:lang='en'>"
				   "<show>away</show><x xmlns='urn:x' y='z'/></presence>";
	struct tct_stanza *st = read(text), *kept = stanza_compact(st);

	(void)state;
	assert_ptr_not_equal(kept, st);
	assert_true(stanza_size(kept) < 1500);
	assert_true(stanza_size(st) > ARENA_CHUNK);
	tct_stanza_unref(st);
	written(kept, NULL, "<presence from='romeo@localhost/garden' id='1' xml:lang='en'>"
			    "<show>away</show><x xmlns='urn:x' y='z'/></presence>");
	tct_stanza_unref(kept);
}

/* A view has a header of its own over shared children, and keeps them. */
static void a_view_differs_in_its_header(void **state)
{
	struct tct_overlay o = TCT_OVERLAY_INIT;
	struct tct_stanza *st = read("<message to='nurse@localhost' id='1'><body>a</body></message>");
	struct tct_stanza *view;
	struct payload *shared;

	(void)state;
	o.to = juliet;
	o.from = romeo;
	o.id = "2";
	o.type = TCT_MESSAGE_CHAT;
	view = stanza_view(st, &o);
	assert_true(stanza_shared(st));
	shared = stanza_payload(st);
	assert_ptr_equal(stanza_payload(view), shared);
	tct_stanza_unref(st);
	assert_int_equal(tct_stanza_type(view), TCT_MESSAGE_CHAT);
	assert_string_equal(tct_stanza_id(view), "2");
	written(view, NULL,
		"<message type='chat' from='romeo@localhost/garden' id='2' "
		"to='juliet@localhost/balcony'><body>a</body></message>");
	tct_stanza_unref(view);
}

static void receivers_share_the_payload(void **state)
{
	struct tct_overlay o = TCT_OVERLAY_INIT;
	struct tct_stanza *st = read("<message><body>a</body></message>");
	struct tct_stanza *extra = tct_message_new(NULL, NULL, NULL);
	struct str out = { 0 };
	struct delivery *d;

	(void)state;
	o.to = juliet;
	written(st, &o, "<message to='juliet@localhost/balcony'><body>a</body></message>");
	o.to = romeo;
	written(st, &o, "<message to='romeo@localhost/garden'><body>a</body></message>");
	/* Children that only one receiver gets come behind the shared ones. */
	tct_set(tct_add(tct_stanza_root(extra), "urn:xmpp:sid:0", "stanza-id"), "id", "x");
	d = delivery_new(st, &o, tct_stanza_root(extra));
	tct_stanza_unref(st);
	tct_stanza_unref(extra);
	delivery_unref(delivery_ref(d));
	delivery_write(d, &out);
	assert_string_equal(str_text(&out), "<message to='romeo@localhost/garden'><body>a</body>"
					    "<stanza-id xmlns='urn:xmpp:sid:0' id='x'/></message>");
	str_fini(&out);
	delivery_unref(d);
}

/* ---- answers ---- */

static void a_stanza_is_put_into_another(void **state)
{
	struct tct_stanza *st = read("<message xmlns='jabber:client' type='chat' id='7' "
				     "xml:lang='it' from='romeo@localhost/garden' "
				     "to='nurse@localhost'><body>a</body></message>");
	struct tct_stanza *plain = read("<message xmlns='jabber:client'/>");
	struct tct_stanza *outer = tct_stanza_new(TCT_MESSAGE_NORMAL, NULL, nurse, NULL);
	struct tct_elem *e;

	(void)state;
	e = tct_add(tct_stanza_root(outer), "urn:xmpp:forward:0", "forwarded");
	tct_text(tct_add_stanza(e, st), "b");
	tct_add_stanza(e, plain);
	written(outer, NULL,
		"<message to='nurse@localhost'><forwarded xmlns='urn:xmpp:forward:0'>"
		"<message xmlns='jabber:client' type='chat' to='nurse@localhost' "
		"from='romeo@localhost/garden' id='7' xml:lang='it'><body>a</body>b</message>"
		"<message xmlns='jabber:client'/></forwarded></message>");
	/* It is a copy. */
	written(st, NULL,
		"<message type='chat' from='romeo@localhost/garden' id='7' "
		"xml:lang='it' to='nurse@localhost'><body>a</body></message>");
	tct_stanza_unref(st);
	tct_stanza_unref(plain);
	tct_stanza_unref(outer);
}

static void a_result_goes_back(void **state)
{
	struct tct_stanza *st = tct_stanza_new(TCT_IQ_GET, romeo, juliet, "7");
	struct tct_stanza *result = tct_stanza_result(st);

	(void)state;
	written(result, NULL,
		"<iq type='result' from='juliet@localhost/balcony' id='7' "
		"to='romeo@localhost/garden'/>");
	assert_null(tct_stanza_error(result, TCT_BAD_REQUEST, NULL));
	tct_stanza_unref(result);
	tct_stanza_unref(st);
}

static void errors_say_what(void **state)
{
	struct tct_stanza *st = read("<message from='romeo@localhost/garden' to='nurse@localhost' "
				     "id='1' type='chat'><body>a</body></message>");
	struct tct_stanza *error = tct_stanza_error(st, TCT_SERVICE_UNAVAILABLE, "<no>");
	struct tct_elem *e = tct_child(tct_stanza_root(error), NULL, "error");

	(void)state;
	assert_int_equal(tct_stanza_type(error), TCT_MESSAGE_ERROR);
	assert_string_equal(tct_jid_text(tct_stanza_to(error)), "romeo@localhost/garden");
	assert_string_equal(tct_jid_text(tct_stanza_from(error)), "nurse@localhost");
	assert_string_equal(tct_stanza_id(error), "1");
	assert_string_equal(tct_attr(e, "type"), "cancel");
	assert_string_equal(
		tct_child_text(e, "urn:ietf:params:xml:ns:xmpp-stanzas", "text"), "<no>");
	assert_int_equal(tct_stanza_condition(error), TCT_SERVICE_UNAVAILABLE);
	assert_int_equal(tct_stanza_condition(st), 0);
	assert_null(tct_stanza_error(error, TCT_BAD_REQUEST, NULL)); /* RFC 6120 8.3.1 */
	tct_stanza_unref(error);
	tct_stanza_unref(st);
}

static void conditions_have_names_and_types(void **state)
{
	static const struct {
		uint32_t condition;
		const char *name, *type;
	} all[] = {
		{ TCT_BAD_REQUEST, "bad-request", "modify" },
		{ TCT_CONFLICT, "conflict", "cancel" },
		{ TCT_FEATURE_NOT_IMPLEMENTED, "feature-not-implemented", "cancel" },
		{ TCT_FORBIDDEN, "forbidden", "auth" },
		{ TCT_GONE, "gone", "cancel" },
		{ TCT_INTERNAL_SERVER_ERROR, "internal-server-error", "cancel" },
		{ TCT_ITEM_NOT_FOUND, "item-not-found", "cancel" },
		{ TCT_JID_MALFORMED, "jid-malformed", "modify" },
		{ TCT_NOT_ACCEPTABLE, "not-acceptable", "modify" },
		{ TCT_NOT_ALLOWED, "not-allowed", "cancel" },
		{ TCT_NOT_AUTHORIZED, "not-authorized", "auth" },
		{ TCT_POLICY_VIOLATION, "policy-violation", "modify" },
		{ TCT_RECIPIENT_UNAVAILABLE, "recipient-unavailable", "wait" },
		{ TCT_REDIRECT, "redirect", "modify" },
		{ TCT_REGISTRATION_REQUIRED, "registration-required", "auth" },
		{ TCT_REMOTE_SERVER_NOT_FOUND, "remote-server-not-found", "cancel" },
		{ TCT_REMOTE_SERVER_TIMEOUT, "remote-server-timeout", "wait" },
		{ TCT_RESOURCE_CONSTRAINT, "resource-constraint", "wait" },
		{ TCT_SERVICE_UNAVAILABLE, "service-unavailable", "cancel" },
		{ TCT_SUBSCRIPTION_REQUIRED, "subscription-required", "auth" },
		{ TCT_UNDEFINED_CONDITION, "undefined-condition", "cancel" },
		{ TCT_UNEXPECTED_REQUEST, "unexpected-request", "wait" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		assert_string_equal(stanza_error_name(all[i].condition), all[i].name);
		assert_string_equal(stanza_error_type(all[i].condition), all[i].type);
		assert_int_equal(stanza_error_find(all[i].name), all[i].condition);
	}
	assert_null(stanza_error_name(0));
	assert_null(stanza_error_name(TCT_UNEXPECTED_REQUEST + 1));
	assert_int_equal(stanza_error_find("no-such-condition"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_known),
		cmocka_unit_test(problems_are_named),
		cmocka_unit_test(a_header_is_read_and_written),
		cmocka_unit_test(a_stanza_is_written_as_it_was_read),
		cmocka_unit_test(a_copy_is_its_own),
		cmocka_unit_test(a_small_stanza_is_kept_small),
		cmocka_unit_test(a_view_differs_in_its_header),
		cmocka_unit_test(receivers_share_the_payload),
		cmocka_unit_test(a_stanza_is_put_into_another),
		cmocka_unit_test(a_result_goes_back),
		cmocka_unit_test(errors_say_what),
		cmocka_unit_test(conditions_have_names_and_types),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

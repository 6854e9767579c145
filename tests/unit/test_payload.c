/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_payload.c - what receivers share: the children are serialised once, whatever the
 * header, and fit into a stream of any content namespace; nothing of a header is lost. */
#include "tests/unit/unit.h"

#include "core/xml/parse.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"

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

/* As it came from a stream with that content namespace. */
static struct tct_stanza *read_in(const char *ns, const char *text)
{
	static const struct parse_limits limits = {20, 200, 20};
	struct parse_context *ctx = parse_context_new(ns);
	struct arena a = {0};
	struct tct_stanza *st;
	struct tct_elem *root;
	enum parse_error e;
	uint32_t problem;

	assert_int_equal(
		parse_element(ctx, span_of(text), &limits, &a, &root, &e), TCT_OK);
	st = stanza_from_elem(&a, root, &problem);
	assert_int_equal(problem, 0);
	parse_context_free(ctx);
	return st;
}

static struct tct_stanza *read(const char *text)
{
	return read_in("jabber:client", text);
}

/* The caller frees it. */
static char *bytes_of(struct tct_stanza *st, const struct tct_overlay *overlay)
{
	struct delivery *d = delivery_new(st, overlay, NULL);
	struct str out = {0};

	delivery_write(d, &out);
	delivery_unref(d);
	return str_take(&out);
}

static void written(struct tct_stanza *st, const char *wanted)
{
	char *text = bytes_of(st, NULL);

	assert_string_equal(text, wanted);
	free(text);
}

static void a_payload_is_counted_bytes(void **state)
{
	struct payload *p = payload_new(span_make("a\0b", 3)), *empty;

	(void)state;
	assert_int_equal(p->len, 3);
	assert_memory_equal(p->bytes, "a\0b", 4); /* a NUL follows */
	assert_ptr_equal(payload_ref(p), p);
	payload_unref(p);
	assert_memory_equal(p->bytes, "a\0b", 4);
	payload_unref(p);
	empty = payload_new(span_make(NULL, 0));
	assert_int_equal(empty->len, 0);
	assert_string_equal(empty->bytes, "");
	payload_unref(empty);
}

static void children_are_serialised_once(void **state)
{
	struct tct_stanza *st =
		read("<message to='juliet@localhost'><body>a</body></message>");
	struct tct_overlay o = TCT_OVERLAY_INIT;
	struct tct_stanza *view, *second;
	struct payload *p;
	char *text;

	(void)state;
	assert_false(st->frozen);
	p = stanza_payload(st);
	assert_true(st->frozen);
	assert_true(stanza_shared(st));
	assert_string_equal(p->bytes, "<body>a</body>");
	assert_int_equal(p->len, strlen(p->bytes));
	assert_ptr_equal(stanza_payload(st), p);
	o.to = romeo;
	o.id = "2";
	view = stanza_view(st, &o);
	second = stanza_view(view, NULL);
	assert_ptr_equal(stanza_payload(view), p);
	assert_ptr_equal(stanza_payload(second), p);
	/* Views hold their base, and by that its payload. */
	assert_int_equal(atomic_load(&p->refs), 1);
	text = bytes_of(view, NULL);
	free(text);
	assert_int_equal(atomic_load(&p->refs), 1);
	/* The last one holds what it needs of the others. */
	tct_stanza_unref(st);
	tct_stanza_unref(view);
	written(second,
		"<message id='2' to='romeo@localhost/garden'><body>a</body></message>");
	tct_stanza_unref(second);
}

static void a_sender_is_known_by_kind_and_address(void **state)
{
	/* The first two are from one; what stands in other attributes is not the address. */
	static const char *const texts[] = {
		"<presence from='romeo@localhost/garden' to='juliet@localhost'/>",
		"<presence type='unavailable' id='2' from='romeo@localhost/garden'/>",
		"<message from='romeo@localhost/garden'/>",
		"<presence from='juliet@localhost' to='romeo@localhost/a from='/>",
		"<presence to='romeo@localhost/ from=&apos;romeo@localhost/garden'/>",
	};
	uint64_t sender[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct tct_stanza *st = read(texts[i]);
		struct delivery *d = delivery_new(st, NULL, NULL);

		sender[i] = delivery_sender(d);
		assert_int_equal(delivery_children(d).len, 0);
		delivery_unref(d);
		tct_stanza_unref(st);
		for (int k = 0; k < i; k++)
			assert_int_equal(sender[k] == sender[i], k == 0 && i == 1);
	}
}

static void a_delivery_keeps_the_payload_only(void **state)
{
	struct tct_stanza *st = read("<message><body>a</body></message>");
	struct payload *p = payload_ref(stanza_payload(st));
	struct delivery *d[3];
	struct str out = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct tct_overlay o = TCT_OVERLAY_INIT;

		o.to = i == 0 ? romeo : juliet;
		o.type = i == 2 ? TCT_MESSAGE_CHAT : 0;
		d[i] = delivery_new(st, &o, NULL);
	}
	assert_int_equal(atomic_load(&p->refs), 5);
	tct_stanza_unref(st);
	assert_int_equal(atomic_load(&p->refs), 4);
	delivery_write(d[2], &out);
	assert_int_equal(delivery_type(d[2]), TCT_MESSAGE_CHAT);
	assert_string_equal(str_text(&out),
		"<message type='chat' to='juliet@localhost'><body>a</body></message>");
	assert_true(delivery_size(d[2]) >= p->len);
	str_fini(&out);
	for (int i = 0; i < 3; i++)
		delivery_unref(d[i]);
	assert_int_equal(atomic_load(&p->refs), 1);
	payload_unref(p);
}

/* What came from a server is written to a client, and the other way round: children in
 * the content namespace carry no declaration, whatever it was. */
static void a_payload_fits_any_content_namespace(void **state)
{
	static const char *const all[] = {
		"jabber:client", "jabber:server", "jabber:component:accept"};
	static const char text[] = "<message to='juliet@localhost'><body>a</body>"
				   "<x xmlns='urn:x'><y/></x></message>";
	static const char forwarded[] =
		"<message><forwarded xmlns='urn:xmpp:forward:0'><message "
		"xmlns='jabber:client'><body>a</body></message></forwarded></message>";

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct tct_stanza *st = read_in(all[i], text), *again;

		written(st, text);
		again = read_in(all[(i + 1) % (sizeof all / sizeof *all)], text);
		assert_string_equal(
			stanza_payload(again)->bytes, stanza_payload(st)->bytes);
		tct_stanza_unref(again);
		tct_stanza_unref(st);
		/* What is inside another element says its own: XEP-0297. */
		st = read_in(all[i], forwarded);
		written(st, forwarded);
		tct_stanza_unref(st);
	}
}

static void other_attributes_are_kept(void **state)
{
	struct tct_stanza *st =
		read("<message a='1&lt;' xmlns:p='urn:p&amp;' p:b='&apos;2' "
		     "xml:space='preserve' xmlns:q='urn:q' q:b='3'/>");
	struct delivery *d = delivery_new(st, NULL, NULL);
	struct tct_stanza *again = delivery_stanza(d);
	struct tct_elem *root = tct_stanza_root(again);

	(void)state;
	assert_string_equal(tct_attr(root, "a"), "1<");
	assert_string_equal(tct_attr_ns(root, "urn:p&", "b"), "'2");
	assert_string_equal(tct_attr_ns(root, "urn:q", "b"), "3");
	assert_string_equal(
		tct_attr_ns(root, "http://www.w3.org/XML/1998/namespace", "space"),
		"preserve");
	tct_stanza_unref(again);
	delivery_unref(d);
	tct_stanza_unref(st);
}

/* An answer is matched by its id (RFC 6120 8.1.3): a long one comes through whole. */
static void a_long_header_comes_through(void **state)
{
	static const size_t lens[] = {1, 65535, 65536, 70000};

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		struct tct_stanza *st =
			tct_stanza_new(TCT_IQ_RESULT, romeo, juliet, NULL);
		char *id = malloc(lens[i] + 1);
		struct delivery *d;
		struct tct_stanza *again;

		assert_non_null(id);
		memset(id, 'i', lens[i]);
		id[lens[i]] = '\0';
		tct_stanza_set_id(st, id);
		tct_stanza_set_lang(st, id);
		d = delivery_new(st, NULL, NULL);
		assert_true(delivery_size(d) > 2 * lens[i]);
		again = delivery_stanza(d);
		assert_non_null(tct_stanza_id(again));
		assert_string_equal(tct_stanza_id(again), id);
		assert_non_null(tct_stanza_lang(again));
		assert_string_equal(tct_stanza_lang(again), id);
		tct_stanza_unref(again);
		delivery_unref(d);
		tct_stanza_unref(st);
		free(id);
	}
}

static void a_header_cannot_break_out(void **state)
{
	struct tct_stanza *st =
		tct_stanza_new(TCT_MESSAGE_CHAT, NULL, NULL, "'/><x a='\n\t");
	struct tct_overlay o = TCT_OVERLAY_INIT;
	char *text;

	(void)state;
	tct_stanza_set_lang(st, "<&\"'>");
	tct_add_text(tct_stanza_root(st), "body", "</message>&");
	written(st, "<message type='chat' id='&apos;/&gt;&lt;x a=&apos;&#10;&#9;' "
		    "xml:lang='&lt;&amp;&quot;&apos;&gt;'>"
		    "<body>&lt;/message&gt;&amp;</body></message>");
	o.id = "'><";
	text = bytes_of(st, &o);
	assert_non_null(strstr(text, " id='&apos;&gt;&lt;' "));
	free(text);
	tct_stanza_unref(st);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_payload_is_counted_bytes),
		cmocka_unit_test(children_are_serialised_once),
		cmocka_unit_test(a_sender_is_known_by_kind_and_address),
		cmocka_unit_test(a_delivery_keeps_the_payload_only),
		cmocka_unit_test(a_payload_fits_any_content_namespace),
		cmocka_unit_test(other_attributes_are_kept),
		cmocka_unit_test(a_long_header_comes_through),
		cmocka_unit_test(a_header_cannot_break_out),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

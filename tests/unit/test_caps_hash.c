/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_caps_hash.c - the hashes of entity capabilities: the examples of XEP-0115 and XEP-0390,
 * and answers that must not be believed. */
#include "modules/mod_caps/hash.h"

#include "tests/unit/unit.h"

#include "core/base/arena.h"
#include "core/xml/elem.h"
#include "core/xml/parse.h"

#include <stdio.h>

/* A <query/> with these children. */
static struct tct_elem *parse(struct arena *a, const char *children)
{
	struct tct_elem *e;
	char *text;

	arena_init(a);
	assert_true(asprintf(&text, "<query xmlns='" NS_INFO "'>%s</query>", children) > 0);
	assert_int_equal(parse_stored(span_of(text), a, &e), TCT_OK);
	free(text);
	return e;
}

static void has_hash(int version, const char *algorithm, const char *wanted, const char *children)
{
	struct arena a;
	struct tct_elem *query = parse(&a, children);
	char *text = version == 1 ? caps_text_1(query) : caps_text_2(query);
	char hash[CAPS_HASH_SIZE];

	assert_non_null(text);
	assert_true(caps_hash(algorithm, text, hash));
	if (strcmp(hash, wanted) != 0)
		fail_msg("'%s' has %s", text, hash);
	free(text);
	arena_fini(&a);
}

static bool believed(int version, const char *children)
{
	struct arena a;
	struct tct_elem *query = parse(&a, children);
	char *text = version == 1 ? caps_text_1(query) : caps_text_2(query);
	bool ok = text != NULL;

	free(text);
	arena_fini(&a);
	return ok;
}

#define F(var) "<feature var='" var "'/>"
#define PC "<identity category='client' type='pc' name='x'/>"
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define TYPE(value) "<field var='FORM_TYPE' type='hidden'><value>" value "</value></field>"
#define FORM(fields) "<x xmlns='jabber:x:data' type='result'>" fields "</x>"

/* XEP-0115 sections 5.2 and 5.3. */
static void the_examples_of_0115(void **state)
{
	(void)state;
	has_hash(1, "sha-1", "QgayPKawpkPSDYmwT/WM94uAlu0=",
		"<identity category='client' type='pc' name='Exodus 0.9.1'/>"
		F("http://jabber.org/protocol/muc")
		F("http://jabber.org/protocol/caps")
		F("http://jabber.org/protocol/disco#items")
		F("http://jabber.org/protocol/disco#info"));
	has_hash(1, "sha-1", "q07IKJEyjvHSyhy//CH0CxmKi8w=",
		"<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
		"<identity xml:lang='el' category='client' name='\xce\xa8 0.11' type='pc'/>"
		F("http://jabber.org/protocol/caps")
		F("http://jabber.org/protocol/disco#info")
		F("http://jabber.org/protocol/disco#items")
		F("http://jabber.org/protocol/muc")
		FORM(FIELD("software", "Psi")
			TYPE("urn:xmpp:dataforms:softwareinfo")
			"<field var='ip_version'><value>ipv6</value><value>ipv4</value></field>"
			FIELD("os", "Mac") FIELD("os_version", "10.5.1")
			FIELD("software_version", "0.11")));
}

/* XEP-0390 section 4.5. */
#define BOMBUS                                                                           \
	"<identity category='client' name='BombusMod' type='mobile'/>"                   \
	F("http://jabber.org/protocol/si") F("http://jabber.org/protocol/bytestreams")   \
	F("http://jabber.org/protocol/chatstates")                                       \
	F("http://jabber.org/protocol/disco#info")                                       \
	F("http://jabber.org/protocol/disco#items") F("urn:xmpp:ping")                   \
	F("jabber:iq:time") F("jabber:iq:privacy") F("jabber:iq:version")                \
	F("http://jabber.org/protocol/rosterx") F("urn:xmpp:time") F("jabber:x:oob")     \
	F("http://jabber.org/protocol/ibb")                                              \
	F("http://jabber.org/protocol/si/profile/file-transfer")                         \
	F("urn:xmpp:receipts") F("jabber:iq:roster") F("jabber:iq:last")
#define J "http://jabber.org/protocol/"
#define TKABBER                                                                          \
	"<identity category='client' name='Tkabber' type='pc' xml:lang='en'/>"           \
	"<identity category='client' name='\xd0\xa2\xd0\xba\xd0\xb0\xd0\xb1\xd0\xb1\xd0\xb5\xd1\x80' " \
	"type='pc' xml:lang='ru'/>"                                                      \
	F("games:board") F(J "activity") F(J "activity+notify") F(J "bytestreams")       \
	F(J "chatstates") F(J "commands") F(J "disco#info") F(J "disco#items")           \
	F(J "evil") F(J "feature-neg") F(J "geoloc") F(J "geoloc+notify") F(J "ibb")     \
	F(J "iqibb") F(J "mood") F(J "mood+notify") F(J "rosterx") F(J "si")             \
	F(J "si/profile/file-transfer") F(J "tune")                                      \
	F("http://www.facebook.com/xmpp/messages")                                       \
	F("http://www.xmpp.org/extensions/xep-0084.html#ns-metadata+notify")             \
	F("jabber:iq:avatar") F("jabber:iq:browse") F("jabber:iq:dtcp")                  \
	F("jabber:iq:filexfer") F("jabber:iq:ibb") F("jabber:iq:inband")                 \
	F("jabber:iq:jidlink") F("jabber:iq:last") F("jabber:iq:oob")                    \
	F("jabber:iq:privacy") F("jabber:iq:roster") F("jabber:iq:time")                 \
	F("jabber:iq:version") F("jabber:x:data") F("jabber:x:event") F("jabber:x:oob")  \
	F("urn:xmpp:avatar:metadata+notify") F("urn:xmpp:ping") F("urn:xmpp:receipts")   \
	F("urn:xmpp:time")                                                               \
	FORM(TYPE("urn:xmpp:dataforms:softwareinfo") FIELD("software", "Tkabber")        \
		FIELD("software_version", "0.11.1-svn-20111216-mod (Tcl/Tk 8.6b2)")      \
		FIELD("os", "Windows") FIELD("os_version", "XP"))

static void the_examples_of_0390(void **state)
{
	(void)state;
	has_hash(2, "sha-256", "kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=", BOMBUS);
	has_hash(2, "sha3-256", "79mdYAfU9rEdTOcWDO7UEAt6E56SUzk/g6TnqUeuD9Q=", BOMBUS);
	has_hash(2, "sha-256", "u79ZroNJbdSWhdSp311mddz44oHHPsEBntQ5b1jqBSY=", TKABBER);
	has_hash(2, "sha3-256", "XpUJzLAc93258sMECZ3FJpebkzuyNXDzRNwQog8eycg=", TKABBER);
}

/* XEP-0115 section 5.4. */
static void what_is_ill_formed_is_not_believed(void **state)
{
	(void)state;
	assert_true(believed(1, PC F("a") F("b")));
	assert_false(believed(1, PC F("a") F("b") F("a")));
	assert_false(believed(1, PC PC F("a")));
	assert_false(believed(1, PC F("a") FORM(TYPE("t") FIELD("x", "1")) FORM(TYPE("t") FIELD("y", "2"))));
	assert_true(believed(1, PC F("a") FORM(TYPE("t") FIELD("x", "1")) FORM(TYPE("u") FIELD("y", "2"))));
	assert_false(believed(1, PC F("a")
		FORM("<field var='FORM_TYPE' type='hidden'><value>t</value><value>u</value></field>")));
	/* XEP-0390 section 4.1: nothing else may be there. */
	assert_true(believed(2, PC F("a") FORM(TYPE("t") FIELD("x", "1"))));
	assert_false(believed(2, PC F("a") "<other/>"));
	assert_false(believed(2, PC F("a") FORM(FIELD("x", "1"))));
	assert_false(believed(2, PC F("a") FORM(TYPE("t") "<reported/>")));
	assert_false(believed(2, PC F("a") FORM(TYPE("t") "<item/>")));
}

/* A form without a hidden FORM_TYPE is left out of the hash. */
static void a_form_without_type_does_not_count(void **state)
{
	(void)state;
	has_hash(1, "sha-1", "QgayPKawpkPSDYmwT/WM94uAlu0=",
		"<identity category='client' type='pc' name='Exodus 0.9.1'/>"
		F("http://jabber.org/protocol/caps") F("http://jabber.org/protocol/disco#info")
		F("http://jabber.org/protocol/disco#items") F("http://jabber.org/protocol/muc")
		FORM(FIELD("x", "1"))
		FORM("<field var='FORM_TYPE'><value>t</value></field>" FIELD("x", "1")));
}

/* Other answers with the text of an honest one: that of Exodus, with less in it. */
static void the_text_of_another_is_not_believed(void **state)
{
	(void)state;
	/* Two features in one. */
	assert_false(believed(1, PC F("a&lt;b")));
	/* A feature in the name of an identity, and as an identity. */
	assert_false(believed(1, "<identity category='client' type='pc' name='x&lt;a'/>" F("b")));
	assert_false(believed(1, PC "<identity category='http:' type='' xml:lang='jabber.org' "
			"name='protocol/muc'/>"));
	assert_false(believed(1, "<identity category='client/pc' type='x' name='y'/>"));
	assert_false(believed(1, "<identity category='client' type='pc/x' name='y'/>"));
	assert_false(believed(1, "<identity category='client' type='pc' xml:lang='x/y' name=''/>"));
	assert_false(believed(1, "<identity category='client' name='y'/>"));
	/* Features as the type and the fields of a form. */
	assert_false(believed(1, PC FORM(TYPE("urn:a") "<field var='b'/>")));
	assert_false(believed(1, PC FORM(TYPE("urn:a") FIELD("urn:b", "urn:c"))));
	assert_false(believed(1, PC FORM(TYPE("urn:a&lt;b"))));
	assert_false(believed(1, PC FORM(TYPE("urn:a") FIELD("b", "c&lt;d"))));
	assert_false(believed(1, PC FORM(TYPE("urn:a") FIELD("b&lt;d", "c"))));
	assert_false(believed(1, PC "<feature/>"));
	/* The other kind has separators that no XML can have. */
	assert_true(believed(2, PC F("a&lt;b")));
}

static void hashes_have_names(void **state)
{
	char hash[CAPS_HASH_SIZE];

	(void)state;
	assert_true(caps_hash_known("sha-1"));
	assert_true(caps_hash_known("sha3-512"));
	assert_false(caps_hash_known("md5"));
	assert_false(caps_hash_known("SHA-1"));
	assert_false(caps_hash("md5", "x", hash));
	assert_true(caps_hash("sha-512", "", hash));
	assert_int_equal(strlen(hash), 88);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_0115),
		cmocka_unit_test(the_examples_of_0390),
		cmocka_unit_test(what_is_ill_formed_is_not_believed),
		cmocka_unit_test(a_form_without_type_does_not_count),
		cmocka_unit_test(the_text_of_another_is_not_believed),
		cmocka_unit_test(hashes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

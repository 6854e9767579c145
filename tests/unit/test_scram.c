/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "modules/mod_saslauth/scram.h"

#include "modules/mod_saslauth/base64.h"
#include "tests/unit/unit.h"

#include <gnutls/crypto.h>

struct vector {
	uint32_t hash;
	const char *first, *nonce, *salt, *challenge, *final, *success;
};

/* RFC 5802 5, RFC 7677 3, and the same exchange with SHA-512 (computed apart). */
static const struct vector vectors[] = {
	{ TCT_SHA1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j",
		"QSXCR+Q6sek8bf92",
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
		"p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ TCT_SHA256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"W22ZaJ0SNY7soEsUEjb6gQ==",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
	{ TCT_SHA512, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"W22ZaJ0SNY7soEsUEjb6gQ==",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dyb"
		"EmDYXYTxwnYPJQ==",
		"v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq"
		"199RVG2rR7N7Zw==" },
};

static const gnutls_mac_algorithm_t macs[] = { GNUTLS_MAC_SHA1, GNUTLS_MAC_SHA256,
	GNUTLS_MAC_SHA512 };
static const gnutls_digest_algorithm_t digests[] = { GNUTLS_DIG_SHA1, GNUTLS_DIG_SHA256,
	GNUTLS_DIG_SHA512 };

/* The keys of "pencil" with 4096 iterations; `client_key` may be NULL. */
static struct tct_scram keys_of(uint32_t hash, const char *salt, uint8_t *client_key)
{
	struct tct_scram k = { .size = sizeof k, .hash = hash, .iterations = 4096, .usable = 1 };
	gnutls_datum_t password = { (unsigned char *)"pencil", 6 }, s = { k.salt, 0 };
	uint8_t salted[64], ck[64];
	size_t len;

	k.key_len = (uint32_t)scram_key_len(hash);
	assert_true(base64_decode(salt, strlen(salt), k.salt, &len));
	k.salt_len = s.size = (unsigned)len;
	assert_true(gnutls_pbkdf2(macs[hash], &password, &s, 4096, salted, k.key_len) >= 0);
	gnutls_hmac_fast(macs[hash], salted, k.key_len, "Client Key", 10, ck);
	gnutls_hash_fast(digests[hash], ck, k.key_len, k.stored_key);
	gnutls_hmac_fast(macs[hash], salted, k.key_len, "Server Key", 10, k.server_key);
	if (client_key != NULL)
		memcpy(client_key, ck, k.key_len);
	return k;
}

static void vectors_hold(void **state)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		const struct vector *v = &vectors[i];
		struct tct_scram keys = keys_of(v->hash, v->salt, NULL);
		struct scram s;

		scram_init(&s, v->hash, false, true);
		assert_int_equal(scram_first(&s, v->first, strlen(v->first)), SCRAM_OK);
		assert_string_equal(s.user, "user");
		assert_null(s.authzid);
		assert_null(s.binding);
		assert_string_equal(scram_challenge(&s, &keys, v->nonce, ""), v->challenge);
		assert_int_equal(scram_final(&s, v->final, strlen(v->final)), SCRAM_OK);
		assert_string_equal(scram_success(&s), v->success);
		scram_fini(&s);
	}
}

static enum scram_result first(struct scram *s, const char *msg, bool plus, bool offered)
{
	scram_init(s, TCT_SHA1, plus, offered);
	return scram_first(s, msg, strlen(msg));
}

static void first_messages(void **state)
{
	static const char *const bad[] = { "", "n", "n,", "n,,", "n,,n=,r=abc", "n,,n=a", "n,,n=a,",
		"n,,n=a,r=", "n,,n=a,r=\x7f", "n,,n=a,r=a b", "n,,r=abc,n=a", "n,n=a,r=abc",
		"x,,n=a,r=abc", "N,,n=a,r=abc", "p=,,n=a,r=abc", "p,,n=a,r=abc",
		"p=a b,,n=a,r=abc", "n,a=,n=a,r=abc", "n,a=b=,n=a,r=abc", "n,b=c,n=a,r=abc",
		"n,,m=x,n=a,r=abc", "n,,n=a,r=abc,m=x", "n,,n=a,r=abc,", "n,,n=a,r=abc,x",
		"n,,n=a,r=abc,x=", "n,,n=a,r=abc,1=2", "n,,n=a,r=abc,n=b", "n,,n=a=,r=abc",
		"n,,n=a=2c,r=abc", "n,,n=a=3,r=abc", "n,,n=a=41,r=abc", "n,,n=\xff,r=abc",
		"n,,n=\xc0\x80,r=abc", "n,,n=\xed\xa0\x80,r=abc", "y,,n=a", "yy,,n=a,r=abc",
		"n,,n=a,r=a\xc3\xa4", " n,,n=a,r=abc" };
	struct scram s;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(first(&s, bad[i], false, false), SCRAM_MALFORMED);
		scram_fini(&s);
	}
	assert_int_equal(first(&s, "n,a=x=2Cy,n=a=3D=2Cb\xc3\xa4,r=abc,x=1,y=2=3", false, true),
		SCRAM_OK);
	assert_string_equal(s.authzid, "x,y");
	assert_string_equal(s.user, "a=,b\xc3\xa4");
	scram_fini(&s);
	scram_init(&s, TCT_SHA1, false, false);
	assert_int_equal(scram_first(&s, "n,,n=a\0b,r=abc", 14), SCRAM_MALFORMED);
	scram_fini(&s);
}

static void flags(void **state) /* A3 */
{
	static const struct {
		const char *flag;
		bool plus, offered;
		enum scram_result result;
	} rows[] = {
		{ "n", false, false, SCRAM_OK }, { "n", false, true, SCRAM_OK },
		{ "y", false, false, SCRAM_OK }, { "y", false, true, SCRAM_BINDING },
		{ "p=tls-exporter", false, true, SCRAM_BINDING },
		{ "p=tls-exporter", true, true, SCRAM_OK }, { "n", true, true, SCRAM_BINDING },
		{ "y", true, true, SCRAM_BINDING },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char msg[64];
		struct scram s;

		snprintf(msg, sizeof msg, "%s,,n=a,r=abc", rows[i].flag);
		assert_int_equal(first(&s, msg, rows[i].plus, rows[i].offered), rows[i].result);
		if (rows[i].plus && rows[i].result == SCRAM_OK)
			assert_string_equal(s.binding, "tls-exporter");
		scram_fini(&s);
	}
}

static void sizes(void **state)
{
	static const size_t lens[] = { SCRAM_NAME_MAX, SCRAM_NAME_MAX + 1, SCRAM_MESSAGE_MAX };
	static const enum scram_result results[] = { SCRAM_OK, SCRAM_MALFORMED, SCRAM_MALFORMED };
	char msg[SCRAM_MESSAGE_MAX + 64];
	struct scram s;

	for (size_t i = 0; i < 3; i++) {
		memset(msg, 'a', sizeof msg);
		memcpy(msg, "n,,n=", 5);
		snprintf(msg + 5 + lens[i], 16, ",r=abc");
		assert_int_equal(first(&s, msg, false, false), results[i]);
		scram_fini(&s);
	}
	memset(msg, 'a', sizeof msg);
	memcpy(msg, "n,,n=a,r=", 9);
	scram_init(&s, TCT_SHA1, false, false);
	assert_int_equal(scram_first(&s, msg, 9 + SCRAM_NONCE_MAX), SCRAM_OK);
	scram_fini(&s);
	scram_init(&s, TCT_SHA1, false, false);
	assert_int_equal(scram_first(&s, msg, 9 + SCRAM_NONCE_MAX + 1), SCRAM_MALFORMED);
	scram_fini(&s);
}

/* A client's final message for `header` and `data`, proof over what is really sent. */
static void client_final(const struct scram *s, const uint8_t *client_key, const void *bind,
	size_t bind_len, const char *nonce, const char *extra, char *out, size_t room)
{
	char c[BASE64_ROOM(256)], p[BASE64_ROOM(64)], auth[4096];
	uint8_t sig[64];
	size_t n = scram_key_len(s->hash);

	base64_encode(bind, bind_len, c);
	snprintf(out, room, "c=%s,r=%s%s", c, nonce, extra);
	snprintf(auth, sizeof auth, "%s,%s,%s", s->bare, s->challenge, out);
	gnutls_hmac_fast(macs[s->hash], s->keys.stored_key, n, auth, strlen(auth), sig);
	for (size_t i = 0; i < n; i++)
		sig[i] ^= client_key[i];
	base64_encode(sig, n, p);
	snprintf(out + strlen(out), room - strlen(out), ",p=%s", p);
}

struct final_case {
	const char *bind, *nonce, *extra;
	uint32_t usable, disabled;
	enum scram_result result;
};

static void finals(void **state)
{
	static const struct final_case cases[] = {
		{ "p=tls-exporter,,DATA", "abcdef", "", 1, 0, SCRAM_OK },
		{ "p=tls-exporter,,DATA", "abcdef", ",x=1", 1, 0, SCRAM_OK },
		{ "p=tls-exporter,,DATA", "abcdef", "", 0, 0, SCRAM_DENIED },
		{ "p=tls-exporter,,DATA", "abcdef", "", 1, 1, SCRAM_DISABLED },
		{ "p=tls-exporter,,DATA", "abcdef", "", 0, 1, SCRAM_DENIED },
		{ "p=tls-exporter,,DATX", "abcdef", "", 1, 0, SCRAM_DENIED },
		{ "p=tls-exporter,,", "abcdef", "", 1, 0, SCRAM_DENIED },
		{ "p=tls-exporter,,DATAA", "abcdef", "", 1, 0, SCRAM_DENIED },
		{ "p=tls-unique,,DATA", "abcdef", "", 1, 0, SCRAM_DENIED },
		{ "n,,", "abcdef", "", 1, 0, SCRAM_DENIED },
		{ "y,,", "abcdef", "", 1, 0, SCRAM_DENIED },
		{ "p=tls-exporter,,DATA", "abcde", "", 1, 0, SCRAM_DENIED },
		{ "p=tls-exporter,,DATA", "abc", "", 1, 0, SCRAM_DENIED },
		{ "p=tls-exporter,,DATA", "abcdefg", "", 1, 0, SCRAM_DENIED },
		{ "p=tls-exporter,,DATA", "", "", 1, 0, SCRAM_DENIED },
		{ "p=tls-exporter,,DATA", "abcdef", ",m=1", 1, 0, SCRAM_MALFORMED },
		{ "p=tls-exporter,,DATA", "abcdef", ",x", 1, 0, SCRAM_MALFORMED },
		{ "p=tls-exporter,,DATA", "abcdef", ",p=AAAA", 1, 0, SCRAM_MALFORMED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct final_case *k = &cases[i];
		uint8_t ck[64];
		struct tct_scram keys = keys_of(TCT_SHA1, "QSXCR+Q6sek8bf92", ck);
		char msg[1024];
		struct scram s;

		keys.usable = k->usable;
		keys.disabled = k->disabled;
		assert_int_equal(first(&s, "p=tls-exporter,,n=a,r=abc", true, true), SCRAM_OK);
		scram_challenge(&s, &keys, "def", "");
		scram_set_binding(&s, "DATA", 4);
		client_final(&s, ck, k->bind, strlen(k->bind), k->nonce, k->extra, msg, sizeof msg);
		assert_int_equal(scram_final(&s, msg, strlen(msg)), k->result);
		scram_fini(&s);
	}
}

/* Wrong proofs and syntax; the message is one that would be right but for the change. */
static void hostile_finals(void **state)
{
	static const char *const bad[] = { "", "c=biws", "c=biws,r=abcdef", "c=biws,r=abcdef,p=",
		"c=biws,r=abcdef,p=AAAA", "c=biws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"c=biws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAB=",
		"c=biws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=,",
		"c=biws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=,x=1",
		"c=biw,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"c=bi ws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"r=abcdef,c=biws,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"m=x,c=biws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=" };
	struct tct_scram keys = keys_of(TCT_SHA1, "QSXCR+Q6sek8bf92", NULL);
	static const char zero[] = "c=biws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct scram s;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(first(&s, "n,,n=a,r=abc", false, true), SCRAM_OK);
		scram_challenge(&s, &keys, "def", "");
		assert_int_equal(scram_final(&s, bad[i], strlen(bad[i])), SCRAM_MALFORMED);
		scram_fini(&s);
	}
	assert_int_equal(first(&s, "n,,n=a,r=abc", false, true), SCRAM_OK);
	scram_challenge(&s, &keys, "def", "");
	assert_int_equal(scram_final(&s, zero, sizeof zero), SCRAM_MALFORMED); /* its NUL too */
	assert_int_equal(scram_final(&s, zero, sizeof zero - 1), SCRAM_DENIED);
	scram_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_hold), cmocka_unit_test(first_messages),
		cmocka_unit_test(flags), cmocka_unit_test(sizes), cmocka_unit_test(finals),
		cmocka_unit_test(hostile_finals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/dane.h"
#include "tests/unit/unit.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <time.h>

/* A root that is trusted, an authority below it, and what that has signed; and one that nobody
 * knows. */
enum who { ROOT, AUTHORITY, GOOD, EXPIRED, OTHER_NAME, STRANGER, WHO };

static gnutls_x509_privkey_t keys[WHO];
static gnutls_x509_crt_t crts[WHO];
static gnutls_datum_t ders[WHO];
static gnutls_x509_trust_list_t trust;
static const char *const names[] = { "example.org", "host.example.net", NULL };

static void make(enum who who, enum who by, const char *dns, int64_t until)
{
	unsigned char serial = (unsigned char)(who + 1);
	gnutls_x509_crt_t crt;

	assert_int_equal(gnutls_x509_privkey_init(&keys[who]), 0);
	assert_int_equal(gnutls_x509_privkey_generate(keys[who], GNUTLS_PK_ECDSA,
				 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 7200);
	gnutls_x509_crt_set_expiration_time(crt, (time_t)(time(NULL) + until));
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, &"ABCDEF"[who], 1);
	gnutls_x509_crt_set_key(crt, keys[who]);
	if (dns != NULL)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, dns,
			(unsigned)strlen(dns), GNUTLS_FSAN_APPEND);
	else
		gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
	assert_int_equal(gnutls_x509_crt_sign2(crt, by == who ? crt : crts[by], keys[by],
				 GNUTLS_DIG_SHA256, 0), 0);
	/* Some fields are filled when a certificate is read. */
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &ders[who]), 0);
	gnutls_x509_crt_deinit(crt);
	assert_int_equal(gnutls_x509_crt_init(&crts[who]), 0);
	assert_int_equal(gnutls_x509_crt_import(crts[who], &ders[who], GNUTLS_X509_FMT_DER), 0);
}

static int group_setup(void **state)
{
	make(ROOT, ROOT, NULL, 7200);
	make(AUTHORITY, ROOT, NULL, 7200);
	make(GOOD, AUTHORITY, "example.org", 7200);
	make(EXPIRED, AUTHORITY, "example.org", -60);
	make(OTHER_NAME, AUTHORITY, "elsewhere.example", 7200);
	make(STRANGER, STRANGER, "example.org", 7200);
	assert_int_equal(gnutls_x509_trust_list_init(&trust, 0), 0);
	assert_int_equal(gnutls_x509_trust_list_add_cas(trust, &crts[ROOT], 1, 0), 1);
	return 0;
}

static int group_teardown(void **state)
{
	gnutls_x509_trust_list_deinit(trust, 0);
	for (int i = 0; i < WHO; i++) {
		gnutls_x509_privkey_deinit(keys[i]);
		gnutls_x509_crt_deinit(crts[i]);
		gnutls_free(ders[i].data);
	}
	return 0;
}

struct tlsa {
	char bytes[2048];
	struct span rdata;
};

static void record(struct tlsa *t, unsigned usage, unsigned selector, unsigned matching, enum who of)
{
	gnutls_datum_t bytes = ders[of], spki = { NULL, 0 };
	size_t len = matching == 1 ? 32 : 64;

	if (selector == 1) {
		gnutls_pubkey_t key;

		assert_int_equal(gnutls_pubkey_init(&key), 0);
		assert_int_equal(gnutls_pubkey_import_x509(key, crts[of], 0), 0);
		assert_int_equal(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki), 0);
		gnutls_pubkey_deinit(key);
		bytes = spki;
	}
	t->bytes[0] = (char)usage;
	t->bytes[1] = (char)selector;
	t->bytes[2] = (char)matching;
	if (matching == 0) {
		len = bytes.size;
		assert_true(len + 3 <= sizeof t->bytes);
		memcpy(t->bytes + 3, bytes.data, len);
	} else {
		gnutls_hash_fast(matching == 2 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256, bytes.data,
			bytes.size, t->bytes + 3);
	}
	t->rdata = span_make(t->bytes, len + 3);
	gnutls_free(spki.data);
}

static enum dane_verdict judge(const struct tlsa *t, enum who shown)
{
	gnutls_datum_t chain[] = { ders[shown], ders[AUTHORITY] };

	return dane_judge(&t->rdata, 1, chain, shown == STRANGER ? 1 : 2, names, trust);
}

/* The certificate of the record, the one that is shown, and what that means for each usage,
 * by all selectors and ways of matching. */
static void usages(void **state)
{
	static const struct {
		enum who of, shown;
		enum dane_verdict verdict[4];
	} rows[] = {
		{ GOOD, GOOD, { DANE_MISMATCH, DANE_MATCH, DANE_MISMATCH, DANE_MATCH } },
		{ EXPIRED, EXPIRED, { DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH, DANE_MATCH } },
		{ OTHER_NAME, OTHER_NAME,
			{ DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH, DANE_MATCH } },
		{ STRANGER, STRANGER,
			{ DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH, DANE_MATCH } },
		{ GOOD, STRANGER,
			{ DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH } },
		{ AUTHORITY, GOOD, { DANE_MATCH, DANE_MISMATCH, DANE_MATCH, DANE_MISMATCH } },
		{ AUTHORITY, EXPIRED,
			{ DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH } },
		{ AUTHORITY, OTHER_NAME,
			{ DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH } },
		{ AUTHORITY, STRANGER,
			{ DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH, DANE_MISMATCH } },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (unsigned k = 0; k < 4 * 2 * 3; k++) {
			struct tlsa t;

			record(&t, k / 6, k / 3 % 2, k % 3, rows[i].of);
			if (judge(&t, rows[i].shown) != rows[i].verdict[k / 6])
				fail_msg("row %zu, %u %u %u", i, k / 6, k / 3 % 2, k % 3);
		}
	}
}

/* The root is not sent: it is known (usage 0), or it is in the record (usage 2, whole). */
static void roots_that_are_not_sent(void **state)
{
	struct tlsa t;

	record(&t, 0, 0, 1, ROOT);
	assert_int_equal(judge(&t, GOOD), DANE_MATCH);
	record(&t, 0, 0, 1, STRANGER);
	assert_int_equal(judge(&t, GOOD), DANE_MISMATCH);
	record(&t, 2, 0, 0, ROOT);
	assert_int_equal(judge(&t, GOOD), DANE_MATCH);
	assert_int_equal(judge(&t, EXPIRED), DANE_MISMATCH);
	record(&t, 2, 0, 1, ROOT);
	assert_int_equal(judge(&t, GOOD), DANE_MISMATCH);
}

/* An authority that is sent along without having signed anything proves nothing. */
static void only_who_signed_counts(void **state)
{
	gnutls_datum_t chain[] = { ders[STRANGER], ders[AUTHORITY] };
	struct tlsa t;

	for (unsigned usage = 0; usage < 3; usage += 2) {
		record(&t, usage, 0, 1, AUTHORITY);
		assert_int_equal(dane_judge(&t.rdata, 1, chain, 2, names, trust), DANE_MISMATCH);
	}
}

static void the_target_of_srv_is_a_name_too(void **state)
{
	static const char *const target[] = { "example.com", "elsewhere.example", NULL };
	static const char *const nobody[] = { NULL };
	gnutls_datum_t chain[] = { ders[OTHER_NAME], ders[AUTHORITY] };
	struct tlsa t;

	record(&t, 2, 1, 1, AUTHORITY);
	assert_int_equal(dane_judge(&t.rdata, 1, chain, 2, target, NULL), DANE_MATCH);
	assert_int_equal(dane_judge(&t.rdata, 1, chain, 2, nobody, NULL), DANE_MISMATCH);
	record(&t, 0, 1, 1, AUTHORITY);
	assert_int_equal(dane_judge(&t.rdata, 1, chain, 2, target, trust), DANE_MATCH);
	assert_int_equal(dane_judge(&t.rdata, 1, chain, 2, target, NULL), DANE_MISMATCH);
}

static void unusable_records_say_nothing(void **state)
{
	static const unsigned char wrong[][3] = { { 4, 0, 1 }, { 255, 0, 1 }, { 3, 2, 1 },
		{ 3, 0, 3 } };
	struct tlsa t, good;
	struct span both[2];
	gnutls_datum_t chain[] = { ders[GOOD], ders[AUTHORITY] };

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		record(&t, 3, 0, 1, GOOD);
		memcpy(t.bytes, wrong[i], 3);
		assert_int_equal(judge(&t, GOOD), DANE_NONE);
	}
	record(&t, 3, 0, 1, GOOD);
	t.rdata.len--;
	assert_int_equal(judge(&t, GOOD), DANE_NONE); /* no hash is that long */
	t.rdata.len = 3;
	assert_int_equal(judge(&t, GOOD), DANE_NONE);
	assert_int_equal(dane_judge(NULL, 0, chain, 2, names, trust), DANE_NONE);

	/* Beside one that can be used, they do not count. */
	record(&good, 3, 0, 1, GOOD);
	both[0] = t.rdata;
	both[1] = good.rdata;
	assert_int_equal(dane_judge(both, 2, chain, 2, names, trust), DANE_MATCH);
	record(&good, 3, 0, 1, STRANGER);
	assert_int_equal(dane_judge(both, 2, chain, 2, names, trust), DANE_MISMATCH);
}

/* One of several is enough: keys are changed that way. */
static void one_of_them_is_enough(void **state)
{
	gnutls_datum_t chain[] = { ders[GOOD], ders[AUTHORITY] };
	struct tlsa old, new;
	struct span both[2];

	record(&old, 3, 1, 1, STRANGER);
	record(&new, 3, 1, 1, GOOD);
	both[0] = new.rdata;
	both[1] = old.rdata;
	assert_int_equal(dane_judge(both, 2, chain, 2, names, NULL), DANE_MATCH);
}

static void what_is_no_certificate_does_not_match(void **state)
{
	unsigned char garbage[] = "garbage";
	gnutls_datum_t chain[] = { ders[GOOD], { garbage, sizeof garbage } };
	struct tlsa t;

	record(&t, 3, 1, 1, GOOD);
	assert_int_equal(dane_judge(&t.rdata, 1, chain, 2, names, trust), DANE_MISMATCH);
	assert_int_equal(dane_judge(&t.rdata, 1, chain, 0, names, trust), DANE_MISMATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usages),
		cmocka_unit_test(roots_that_are_not_sent),
		cmocka_unit_test(only_who_signed_counts),
		cmocka_unit_test(the_target_of_srv_is_a_name_too),
		cmocka_unit_test(unusable_records_say_nothing),
		cmocka_unit_test(one_of_them_is_enough),
		cmocka_unit_test(what_is_no_certificate_does_not_match),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

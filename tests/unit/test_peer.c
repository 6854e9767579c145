/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/peer.h"
#include "core/base/str.h"
#include "tests/unit/unit.h"

#include <gnutls/abstract.h>
#include <time.h>

#define OID_XMPP_ADDR "1.3.6.1.5.5.7.8.5"
#define OID_SRV "1.3.6.1.5.5.7.8.7"

static gnutls_x509_privkey_t ca_key, key;
static gnutls_x509_crt_t ca;
static gnutls_x509_trust_list_t trust;

static gnutls_x509_privkey_t new_key(void)
{
	gnutls_x509_privkey_t k;

	assert_int_equal(gnutls_x509_privkey_init(&k), 0);
	assert_int_equal(gnutls_x509_privkey_generate(k, GNUTLS_PK_ECDSA,
				 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	return k;
}

static gnutls_x509_crt_t new_certificate(gnutls_x509_privkey_t k, const char *cn, time_t until)
{
	static unsigned char serial;
	gnutls_x509_crt_t crt;

	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	serial++;
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 7200);
	gnutls_x509_crt_set_expiration_time(crt, until);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
		(unsigned)strlen(cn));
	assert_int_equal(gnutls_x509_crt_set_key(crt, k), 0);
	return crt;
}

static int group_setup(void **state)
{
	gnutls_datum_t der;

	ca_key = new_key();
	key = new_key();
	ca = new_certificate(ca_key, "Test CA", time(NULL) + 7200);
	gnutls_x509_crt_set_basic_constraints(ca, 1, -1);
	assert_int_equal(gnutls_x509_crt_sign2(ca, ca, ca_key, GNUTLS_DIG_SHA256, 0), 0);
	/* Some fields are filled when a certificate is read. */
	assert_int_equal(gnutls_x509_crt_export2(ca, GNUTLS_X509_FMT_DER, &der), 0);
	gnutls_x509_crt_deinit(ca);
	assert_int_equal(gnutls_x509_crt_init(&ca), 0);
	assert_int_equal(gnutls_x509_crt_import(ca, &der, GNUTLS_X509_FMT_DER), 0);
	gnutls_free(der.data);
	assert_int_equal(gnutls_x509_trust_list_init(&trust, 0), 0);
	assert_int_equal(gnutls_x509_trust_list_add_cas(trust, &ca, 1, 0), 1);
	return 0;
}

static int group_teardown(void **state)
{
	gnutls_x509_trust_list_deinit(trust, 1);
	gnutls_x509_privkey_deinit(ca_key);
	gnutls_x509_privkey_deinit(key);
	return 0;
}

static void add_dns(gnutls_x509_crt_t crt, const char *name, size_t len)
{
	assert_int_equal(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
				 (unsigned)len, GNUTLS_FSAN_APPEND), 0);
}

/* `tag`: 0x0c UTF8String, 0x16 IA5String. */
static void add_other(gnutls_x509_crt_t crt, const char *oid, unsigned char tag, const char *text,
	size_t len)
{
	unsigned char der[256] = { tag, (unsigned char)len };

	assert_true(len < 128);
	memcpy(der + 2, text, len);
	assert_int_equal(gnutls_x509_crt_set_subject_alt_othername(crt, oid, der,
				 (unsigned)len + 2, GNUTLS_FSAN_APPEND), 0);
}

/* Signed by the CA, and given to peer_new as a chain of one. */
static struct peer *judged(gnutls_x509_crt_t crt)
{
	gnutls_datum_t der;
	struct peer *p;

	assert_int_equal(gnutls_x509_crt_sign2(crt, ca, ca_key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), 0);
	p = peer_new(&der, 1, trust);
	assert_non_null(p);
	gnutls_free(der.data);
	gnutls_x509_crt_deinit(crt);
	return p;
}

static gnutls_x509_crt_t usual(const char *cn)
{
	return new_certificate(key, cn, time(NULL) + 3600);
}

static void dns_names_and_wildcards(void **state)
{
	gnutls_x509_crt_t crt = usual("cn.example");
	struct peer *p;

	add_dns(crt, "One.example", 11);
	add_dns(crt, "*.two.example", 13);
	add_dns(crt, "*.example", 9);
	add_dns(crt, "a*.three.example", 16);
	add_dns(crt, "xn--bcher-kva.example", 21);
	p = judged(crt);
	assert_true(peer_trusted(p));
	assert_string_equal(peer_problem(p), "");
	assert_true(peer_names(p, "one.example", NULL));
	assert_true(peer_names(p, "ONE.example", NULL));
	assert_false(peer_names(p, "cn.example", NULL)); /* the subject does not count */
	assert_false(peer_names(p, "x.one.example", NULL));
	assert_true(peer_names(p, "x.two.example", NULL));
	assert_false(peer_names(p, "two.example", NULL));
	assert_false(peer_names(p, "y.x.two.example", NULL));
	assert_false(peer_names(p, ".two.example", NULL));
	assert_false(peer_names(p, "four.example", NULL)); /* "*.example" is too much */
	assert_false(peer_names(p, "abc.three.example", NULL));
	assert_true(peer_names(p, "b\xc3\xbc" "cher.example", NULL));
	peer_free(p);
}

static void names_of_services(void **state)
{
	gnutls_x509_crt_t crt = usual("cn.example");
	struct peer *p;

	add_other(crt, OID_SRV, 0x16, "_xmpp-server.one.example", 24);
	add_other(crt, OID_SRV, 0x16, "_xmpp-client.two.example", 24);
	add_other(crt, OID_XMPP_ADDR, 0x0c, "three.example", 13);
	add_other(crt, OID_XMPP_ADDR, 0x0c, "romeo@four.example", 18);
	p = judged(crt);
	assert_true(peer_names(p, "one.example", "xmpp-server"));
	assert_false(peer_names(p, "one.example", "xmpp-client"));
	assert_false(peer_names(p, "one.example", NULL));
	assert_false(peer_names(p, "two.example", "xmpp-server"));
	assert_true(peer_names(p, "three.example", "xmpp-server"));
	assert_false(peer_names(p, "four.example", "xmpp-server"));
	peer_free(p);
}

static void collect(const char *address, void *ctx)
{
	str_append(ctx, address);
	str_append_char(ctx, ' ');
}

static void addresses_are_given_as_written(void **state)
{
	gnutls_x509_crt_t crt = usual("cn.example");
	struct str seen = { 0 };
	struct peer *p;

	add_other(crt, OID_XMPP_ADDR, 0x0c, "romeo@one.example", 17);
	add_other(crt, OID_XMPP_ADDR, 0x0c, "romeo\0@two.example", 18);
	add_other(crt, OID_XMPP_ADDR, 0x04, "no@text.example", 15);
	add_other(crt, OID_XMPP_ADDR, 0x0c, "juliet@one.example", 18);
	p = judged(crt);
	peer_addresses(p, collect, &seen);
	assert_string_equal(str_text(&seen), "romeo@one.example juliet@one.example ");
	str_fini(&seen);
	peer_free(p);
}

/* What is behind a NUL must not make a name of somebody else one of ours. */
static void a_nul_is_in_no_name(void **state)
{
	static const unsigned char san[] = "\x30\x1b\x82\x19one.example\0.evil.example";
	gnutls_x509_crt_t crt = usual("cn.example");
	struct peer *p;

	assert_int_equal(gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", san,
				 sizeof san - 1, 0), 0);
	p = judged(crt);
	assert_false(peer_names(p, "one.example", NULL));
	peer_free(p);
}

static void too_many_names_are_none(void **state)
{
	gnutls_x509_crt_t crt = usual("cn.example");
	struct peer *p;
	char name[32];

	for (int i = 0; i <= PEER_NAMES_MAX; i++) {
		snprintf(name, sizeof name, "n%d.example", i);
		add_dns(crt, name, strlen(name));
	}
	p = judged(crt);
	assert_false(peer_names(p, "n0.example", NULL));
	peer_free(p);
}

static void who_is_not_trusted(void **state)
{
	gnutls_x509_crt_t crt = new_certificate(key, "late", time(NULL) - 3600);
	gnutls_datum_t der;
	struct peer *p;

	add_dns(crt, "one.example", 11);
	p = judged(crt);
	assert_false(peer_trusted(p));
	assert_non_null(strstr(peer_problem(p), "expired"));
	assert_true(peer_names(p, "one.example", NULL));
	peer_free(p);

	crt = usual("self-signed");
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), 0);
	p = peer_new(&der, 1, trust);
	assert_false(peer_trusted(p));
	assert_non_null(strstr(peer_problem(p), "issuer"));
	peer_free(p);
	p = peer_new(&der, 1, NULL);
	assert_false(peer_trusted(p));
	peer_free(p);
	gnutls_free(der.data);
	gnutls_x509_crt_deinit(crt);
	der.data = (unsigned char *)"nonsense";
	der.size = 8;
	assert_null(peer_new(&der, 1, trust));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns_names_and_wildcards),
		cmocka_unit_test(names_of_services),
		cmocka_unit_test(addresses_are_given_as_written),
		cmocka_unit_test(a_nul_is_in_no_name),
		cmocka_unit_test(too_many_names_are_none),
		cmocka_unit_test(who_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

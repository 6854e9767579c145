/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* Which certificates are found, which is whose, and what happens when files change. */
#include "core/net/certset.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/net/certdir.h"
#include "core/net/policy.h"
#include "tests/unit/tls_peer.h"
#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *const one[] = { "one.example", NULL };
static const char *const wild[] = { "*.one.example", NULL };
static const char *const two[] = { "two.example", "www.two.example", NULL };

static int setup(void **state)
{
	assert_int_equal(tls_init(NULL), TCT_OK);
	tls_files_make();
	return 0;
}

static int teardown(void **state)
{
	tls_files_remove();
	tls_fini();
	return 0;
}

static struct certset *scan(const struct certset *old)
{
	struct tcti_tls config = { .folder = tls_files_path("", "") };
	struct tct_error err = { 0 };
	struct certset *set = certset_new(&config, old, true, &err);

	assert_string_equal(tct_error_text(&err), "");
	assert_non_null(set);
	return set;
}

/* The file's name without its folder and ending. */
static const char *chosen(struct certset *set, const char *host, enum certset_why *why)
{
	static char name[64];
	struct cert *c = certset_find(set, host, why);

	if (c == NULL)
		return "nothing";
	snprintf(name, sizeof name, "%s", strrchr(c->certificate, '/') + 1);
	*strrchr(name, '.') = '\0';
	return name;
}

static void move(const char *from, const char *to)
{
	char path[600];

	snprintf(path, sizeof path, "%s", tls_files_path(to, ""));
	assert_int_equal(rename(tls_files_path(from, ""), path), 0);
}

static void copy(const char *from, const char *to)
{
	FILE *in = fopen(tls_files_path(from, ""), "r"), *out = fopen(tls_files_path(to, ""), "w");
	char line[256];

	assert_non_null(in);
	assert_non_null(out);
	while (fgets(line, sizeof line, in) != NULL)
		fputs(line, out);
	fclose(in);
	fclose(out);
}

static void append(const char *from, const char *to)
{
	FILE *in = fopen(tls_files_path(from, ""), "r"), *out = fopen(tls_files_path(to, ""), "a");
	char line[256];

	while (fgets(line, sizeof line, in) != NULL)
		fputs(line, out);
	fclose(in);
	fclose(out);
}

/* ---- finding ---- */

static void all_layouts_are_found(void **state)
{
	static const char *const names[] = { "pair.example", NULL }, *const pem[] = { "pem.example",
		NULL }, *const split[] = { "split.example", NULL },
		*const certbot[] = { "certbot.example", NULL },
		*const live[] = { "live.example", NULL };
	enum certset_why why;
	struct certset *set;

	tls_files_certificate("anything", names);
	tls_files_certificate("joined", pem);
	move("joined.crt", "joined.pem");
	append("joined.key", "joined.pem");
	unlink(tls_files_path("joined", ".key"));
	tls_files_certificate("split", split);
	move("split.crt", "split.pem");
	mkdir(tls_files_path("certbot.example", ""), 0700);
	tls_files_certificate("x", certbot);
	move("x.crt", "certbot.example/fullchain.pem");
	move("x.key", "certbot.example/privkey.pem");
	mkdir(tls_files_path("live", ""), 0700);
	mkdir(tls_files_path("live/y", ""), 0700);
	tls_files_certificate("x", live);
	move("x.crt", "live/y/fullchain.pem");
	move("x.key", "live/y/privkey.pem");
	tls_files_certificate("alone", one);
	unlink(tls_files_path("alone", ".key"));
	copy("split.pem", "README");
	set = scan(NULL);
	assert_int_equal(set->entries.count, 5);
	assert_string_equal(chosen(set, "pair.example", &why), "anything");
	assert_int_equal(why, CERTSET_FOUND);
	assert_string_equal(chosen(set, "pem.example", &why), "joined");
	assert_string_equal(chosen(set, "split.example", &why), "split");
	assert_string_equal(chosen(set, "certbot.example", &why), "fullchain");
	assert_string_equal(chosen(set, "live.example", &why), "fullchain");
	assert_string_equal(chosen(set, "one.example", &why), "nothing");
	certset_unref(set);
}

static void the_newest_valid_one_wins(void **state)
{
	enum certset_why why;
	struct certset *set;

	tls_files_certificate_valid("a-old", one, -7200, 3600);
	tls_files_certificate_valid("b-new", one, -60, 1800);
	tls_files_certificate_valid("c-over", one, -30, -10);
	tls_files_certificate_valid("d-later", one, 1000, 9000);
	tls_files_certificate_valid("e-wild", wild, -5, 9000);
	set = scan(NULL);
	assert_string_equal(chosen(set, "one.example", &why), "b-new");
	assert_string_equal(chosen(set, "ONE.example", &why), "b-new");
	assert_string_equal(chosen(set, "chat.one.example", &why), "e-wild");
	assert_int_equal(why, CERTSET_WILDCARD);
	assert_string_equal(chosen(set, "a.chat.one.example", &why), "e-wild");
	assert_int_equal(why, CERTSET_PARENT);
	assert_string_equal(chosen(set, "three.example", &why), "nothing");
	certset_unref(set);
}

static void what_is_configured_goes_first(void **state)
{
	struct tcti_certificate list[2];
	struct tcti_tls config = { .certificates = list, .certificate_count = 2,
		.folder = tls_files_path("found", "") };
	enum certset_why why;
	struct certset *set;

	mkdir(tls_files_path("found", ""), 0700);
	tls_files_certificate("found/newer", two);
	tls_files_certificate_valid("older", two, -7200, 3600);
	tls_files_certificate("other", one);
	memset(list, 0, sizeof list);
	list[0].host = "host.example";
	list[0].certificate = tls_files_path("other", ".crt");
	list[0].key = tls_files_path("other", ".key");
	list[1].certificate = tls_files_path("older", ".crt");
	list[1].key = tls_files_path("older", ".key");
	set = certset_new(&config, NULL, false, NULL);
	assert_non_null(set);
	assert_string_equal(chosen(set, "host.example", &why), "other");
	assert_int_equal(why, CERTSET_HOST);
	assert_string_equal(chosen(set, "two.example", &why), "older");
	assert_int_equal(why, CERTSET_NAMED);
	assert_string_equal(chosen(set, "nobody.example", &why), "older");
	assert_int_equal(why, CERTSET_DEFAULT);
	assert_string_equal(chosen(set, NULL, &why), "older");
	certset_unref(set);
}

static void names_beyond_ascii(void **state)
{
	static const char *const names[] = { "xn--bcher-kva.example", NULL };
	enum certset_why why;
	struct certset *set;

	tls_files_certificate("books", names);
	set = scan(NULL);
	assert_string_equal(chosen(set, "b\xc3\xbc" "cher.example", &why), "books");
	assert_string_equal(chosen(set, "xn--bcher-kva.example", &why), "books");
	certset_unref(set);
}

/* ---- changing ---- */

static bool serves_new(struct certset *set, const struct cert *before)
{
	return certset_find(set, "one.example", NULL) != before;
}

/* The same file twice: by rename, by copying over it, by a link that leads elsewhere. */
static void renewed_in_three_ways(void **state)
{
	struct certset *set, *next;
	const struct cert *before;

	tls_files_certificate("one", one);
	set = scan(NULL);
	for (int way = 0; way < 3; way++) {
		before = certset_find(set, "one.example", NULL);
		tls_files_certificate("one.next", one);
		if (way == 0) {
			move("one.next.key", "one.key");
			move("one.next.crt", "one.crt");
		} else if (way == 1) {
			copy("one.next.key", "one.key");
			copy("one.next.crt", "one.crt");
		} else {
			mkdir(tls_files_path("archive.d", ""), 0700);
			move("one.next.key", "archive.d/1.key");
			move("one.next.crt", "archive.d/1.crt");
			assert_int_equal(symlink("archive.d/1.key", tls_files_path("l", "")), 0);
			move("l", "one.key");
			assert_int_equal(symlink("archive.d/1.crt", tls_files_path("l", "")), 0);
			move("l", "one.crt");
		}
		unlink(tls_files_path("one.next", ".crt"));
		unlink(tls_files_path("one.next", ".key"));
		next = scan(set);
		assert_true(serves_new(next, before));
		certset_unref(set);
		set = next;
	}
	certset_unref(set);
}

/* Same object: its tickets stay good. */
static void what_did_not_change_stays(void **state)
{
	unsigned char a[CERT_TICKET_KEY], b[CERT_TICKET_KEY];
	struct certset *set, *next;
	struct cert *c;

	tls_files_certificate("one", one);
	tls_files_certificate("two", two);
	set = scan(NULL);
	c = certset_find(set, "one.example", NULL);
	cert_ticket_key(c, "one.example", a);
	tls_files_certificate("two", two);
	next = scan(set);
	assert_ptr_equal(certset_find(next, "one.example", NULL), c);
	assert_ptr_not_equal(certset_find(next, "two.example", NULL),
		certset_find(set, "two.example", NULL));
	certset_unref(set);
	cert_ticket_key(c, "one.example", b);
	assert_memory_equal(a, b, sizeof a);
	cert_ticket_key(c, "two.example", b);
	assert_memory_not_equal(a, b, sizeof a);
	certset_unref(next);
}

static void a_bad_one_does_not_replace_a_good_one(void **state)
{
	struct certset *set, *next;
	const struct cert *before;

	tls_files_certificate("one", one);
	set = scan(NULL);
	before = certset_find(set, "one.example", NULL);
	for (int way = 0; way < 4; way++) {
		FILE *f;

		switch (way) {
		case 0: /* the key of another one */
			tls_files_certificate("x", one);
			copy("x.key", "one.key");
			unlink(tls_files_path("x", ".crt"));
			break;
		case 1: /* half of it */
			assert_int_equal(truncate(tls_files_path("one", ".crt"), 100), 0);
			break;
		case 2: /* nothing */
			f = fopen(tls_files_path("one", ".crt"), "w");
			fclose(f);
			break;
		default: /* open to everybody */
			tls_files_certificate("one", one);
			chmod(tls_files_path("one", ".key"), 0644);
		}
		next = scan(set);
		assert_false(serves_new(next, before));
		certset_unref(set);
		set = next;
	}
	chmod(tls_files_path("one", ".key"), 0600);
	next = scan(set);
	assert_true(serves_new(next, before));
	certset_unref(set);
	certset_unref(next);
}

static void what_is_gone_is_gone(void **state)
{
	struct certset *set, *next;

	tls_files_certificate("one", one);
	tls_files_certificate("two", two);
	set = scan(NULL);
	unlink(tls_files_path("one", ".crt"));
	next = scan(set);
	assert_null(certset_find(next, "one.example", NULL));
	assert_non_null(certset_find(next, "two.example", NULL));
	certset_unref(set);
	certset_unref(next);
}

static void stamps_tell_changes(void **state)
{
	struct str a = { 0 }, b = { 0 };

	tls_files_certificate("one", one);
	certdir_stamp(&a, tls_files_path("one", ".crt"));
	certdir_stamp(&b, tls_files_path("one", ".crt"));
	assert_string_equal(str_text(&a), str_text(&b));
	str_clear(&b);
	chmod(tls_files_path("one", ".crt"), 0640);
	certdir_stamp(&b, tls_files_path("one", ".crt"));
	assert_string_not_equal(str_text(&a), str_text(&b));
	str_clear(&a);
	certdir_stamp(&a, tls_files_path("missing", ".crt"));
	assert_non_null(strstr(str_text(&a), "missing"));
	str_fini(&a);
	str_fini(&b);
}

static void where_staples_are(void **state)
{
	static const char *const cases[][2] = { { "/a/one.crt", "/a/one.ocsp" },
		{ "/a.b/one.pem", "/a.b/one.ocsp" }, { "/a.b/one", "/a.b/one.ocsp" },
		{ "live/x/fullchain.pem", "live/x/fullchain.ocsp" } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *path = certdir_staple(cases[i][0]);

		assert_string_equal(path, cases[i][1]);
		free(path);
	}
}

/* A staple is shown until it is too old, and the log is told once. */
static void staples_grow_old(void **state)
{
	struct cert c = { .certificate = (char *)"x", .until = tct_now() + 864000,
		.staple = { .response = { (unsigned char *)"x", 1 } },
		.staple_until = tct_now() + 100 };
	struct certset_entry e = { .cert = &c };
	struct certset set = { .entries = { &e, 1, 1 } };

	assert_non_null(cert_staple(&c));
	certset_tick(&set);
	assert_false(c.staple_told);
	c.staple_until = tct_now() - 1;
	assert_null(cert_staple(&c));
	certset_tick(&set);
	assert_true(c.staple_told);
	assert_int_equal(c.told_day, 0);
	c.until = tct_now() + 86400;
	certset_tick(&set);
	assert_int_equal(c.told_day, tct_now() / 86400);
}

/* ---- keys ---- */

static void write_text(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static void lock_key(const char *from, const char *to, const char *password)
{
	gnutls_datum_t pem;
	gnutls_x509_privkey_t key;
	unsigned char out[4096];
	size_t len = sizeof out;

	assert_int_equal(gnutls_load_file(tls_files_path(from, ""), &pem), 0);
	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_import(key, &pem, GNUTLS_X509_FMT_PEM), 0);
	assert_int_equal(gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_PEM, password,
				 GNUTLS_PKCS_PBES2_AES_256, out, &len), 0);
	out[len] = '\0';
	write_text(tls_files_path(to, ""), (char *)out, 0600);
	gnutls_free(pem.data);
	gnutls_x509_privkey_deinit(key);
}

static void keys_with_passwords(void **state)
{
	struct tcti_certificate from = { .certificate = tls_files_path("one", ".crt"),
		.key = tls_files_path("locked", ".key") };
	struct tct_error err = { 0 };
	struct cert *c;

	tls_files_certificate("one", one);
	lock_key("one.key", "locked.key", "open sesame");
	assert_null(cert_new(&from, &err));
	assert_non_null(strstr(tct_error_text(&err), "password_file"));
	from.password_file = tls_files_path("password", "");
	write_text(from.password_file, "open barley\n", 0600);
	assert_null(cert_new(&from, &err));
	assert_non_null(strstr(tct_error_text(&err), "does not open"));
	assert_null(strstr(tct_error_text(&err), "barley"));
	write_text(from.password_file, "open sesame\n", 0644);
	assert_null(cert_new(&from, &err));
	assert_non_null(strstr(tct_error_text(&err), "chmod"));
	chmod(from.password_file, 0600);
	c = cert_new(&from, &err);
	assert_non_null(c);
	assert_false(cert_is_slow(c));
	cert_unref(c);
}

/* ---- rules ---- */

static const char *refused(const struct tcti_tls *config)
{
	static struct tct_error err;
	gnutls_priority_t priority = NULL;

	error_clear(&err);
	if (policy_new(config, &priority, &err) == TCT_OK) {
		gnutls_priority_deinit(priority);
		return "not at all";
	}
	return tct_error_text(&err);
}

static void without_forward_secrecy_nothing_starts(void **state)
{
	struct tcti_tls config = { .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2" };

	assert_non_null(strstr(refused(&config), "forward secrecy"));
	config.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH";
	assert_non_null(strstr(refused(&config), "shows no certificate"));
	config.priority = "NORMAL:-KX-ALL:+ECDHE-RSA";
	assert_non_null(strstr(refused(&config), "RFC 8996"));
	config.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA:+3DES-CBC:+SHA1";
	assert_non_null(strstr(refused(&config), "does not protect"));
	config.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL";
	assert_non_null(strstr(refused(&config), "no suite"));
	config.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA";
	assert_string_equal(refused(&config), "not at all");
}

static void profiles_versions_and_groups(void **state)
{
	static const char *const groups[] = { "x25519", "ffdhe4096", NULL },
		*const bad[] = { "P-256", "sect163k1", NULL };
	struct tcti_tls config = { .profile = TCTI_TLS_MODERN };

	assert_string_equal(refused(&config), "not at all");
	config.max_version = 12;
	assert_non_null(strstr(refused(&config), "TLS from 1.3 up to 1.2"));
	config.profile = TCTI_TLS_INTERMEDIATE;
	assert_string_equal(refused(&config), "not at all");
	config.groups = groups;
	assert_string_equal(refused(&config), "not at all");
	config.groups = bad;
	assert_non_null(strstr(refused(&config), "sect163k1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_layouts_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(the_newest_valid_one_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_configured_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(names_beyond_ascii, setup, teardown),
		cmocka_unit_test_setup_teardown(renewed_in_three_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(what_did_not_change_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bad_one_does_not_replace_a_good_one, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_gone_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(stamps_tell_changes, setup, teardown),
		cmocka_unit_test(where_staples_are),
		cmocka_unit_test(staples_grow_old),
		cmocka_unit_test_setup_teardown(keys_with_passwords, setup, teardown),
		cmocka_unit_test(without_forward_secrecy_nothing_starts),
		cmocka_unit_test(profiles_versions_and_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

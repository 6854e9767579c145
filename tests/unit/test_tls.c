/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/tls.h"
#include "core/base/error.h"
#include "core/net/peer.h"
#include "tests/unit/tls_peer.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sys/stat.h>

static struct certset *set;
static const char *const one_names[] = { "one.example", NULL };
static const char *const two_names[] = { "two.example", NULL };
static const char *const slow_names[] = { "slow.example", NULL };
static const struct tls_params for_one = { .host = "one.example" };
static const struct tls_params for_anybody = { .host = NULL };
static const struct tls_params direct = { .alpn = "xmpp-client" };

static int group_setup(void **state)
{
	assert_int_equal(tls_init(NULL), TCT_OK);
	tls_files_make();
	tls_files_certificate("one", one_names);
	tls_files_certificate("two", two_names);
	tls_files_certificate_rsa("slow", slow_names);
	return 0;
}

static int group_teardown(void **state)
{
	tls_files_remove();
	tls_fini();
	return 0;
}

static struct certset *read_set(const char *first, const char *second, struct tct_error *err)
{
	struct tcti_certificate list[2] = {
		{ .host = "one.example", .certificate = tls_files_path(first, ".crt"),
			.key = tls_files_path(first, ".key") },
		{ .host = "two.example", .certificate = tls_files_path(second, ".crt"),
			.key = tls_files_path(second, ".key") },
	};

	struct tcti_tls config = { .certificates = list, .certificate_count = 2 };

	return certset_new(&config, NULL, false, err);
}

static int setup(void **state)
{
	set = read_set("one", "two", NULL);
	assert_non_null(set);
	return 0;
}

static int teardown(void **state)
{
	certset_unref(set);
	return 0;
}

/* Bytes both ways until nobody has more to say. `piece`: how many go to the server at once. */
static enum tls_status converse(struct tls *t, struct tls_peer *p, size_t piece, struct str *plain)
{
	enum tls_status status = TLS_HANDSHAKE;
	struct str raw;
	bool talking = true;

	str_init(&raw);
	while (talking) {
		talking = false;
		if (!p->open && !tls_peer_handshake(p))
			talking = p->out.len > 0;
		while (p->out.len > 0 && status != TLS_FAILED) {
			size_t n = p->out.len < piece ? p->out.len : piece, used;

			str_append_n(&raw, p->out.data, n);
			str_consume(&p->out, n);
			status = tls_feed(t, str_span(&raw), &used, &p->in, plain);
			str_consume(&raw, used);
			talking = true;
		}
		if (status == TLS_FAILED)
			break;
	}
	str_fini(&raw);
	return status;
}

static void a_client_gets_through_in_any_pieces(void **state)
{
	static const size_t pieces[] = { 100000, 1, 7, 500 };

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct tls *t = tls_new(set, &for_one);
		struct tls_peer p;
		struct str plain, back;

		str_init(&plain);
		str_init(&back);
		tls_peer_init(&p, "one.example", NULL, NULL, NULL);
		assert_int_equal(converse(t, &p, pieces[i], &plain), TLS_OPEN);
		assert_true(p.open);
		tls_peer_write(&p, "hello");
		assert_int_equal(converse(t, &p, pieces[i], &plain), TLS_OPEN);
		assert_string_equal(str_text(&plain), "hello");
		assert_true(tls_write(t, span_of("and back"), &p.in));
		assert_true(tls_peer_read(&p, &back));
		assert_string_equal(str_text(&back), "and back");
		tls_bye(t, &p.in);
		assert_false(tls_peer_read(&p, &back));
		str_fini(&plain);
		str_fini(&back);
		tls_peer_fini(&p);
		tls_free(t);
	}
}

static void the_client_says_goodbye(void **state)
{
	struct tls *t = tls_new(set, &for_anybody);
	struct tls_peer p;
	struct str plain;

	str_init(&plain);
	tls_peer_init(&p, "two.example", NULL, NULL, NULL);
	assert_int_equal(converse(t, &p, 100000, &plain), TLS_OPEN);
	tls_peer_write(&p, "last words");
	gnutls_bye(p.session, GNUTLS_SHUT_WR);
	assert_int_equal(converse(t, &p, 100000, &plain), TLS_CLOSED);
	assert_string_equal(str_text(&plain), "last words");
	str_fini(&plain);
	tls_peer_fini(&p);
	tls_free(t);
}

static bool shows(struct tls_peer *p, const char *host)
{
	unsigned count;
	const gnutls_datum_t *der = gnutls_certificate_get_peers(p->session, &count);
	gnutls_x509_crt_t crt;
	bool same;

	assert_non_null(der);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	assert_int_equal(gnutls_x509_crt_import(crt, &der[0], GNUTLS_X509_FMT_DER), 0);
	same = gnutls_x509_crt_check_hostname(crt, host) != 0;
	gnutls_x509_crt_deinit(crt);
	return same;
}

/* The name in the hello decides; without one the host of the stream. */
static void the_right_certificate_is_shown(void **state)
{
	static const struct {
		const char *sni, *host, *shown;
	} cases[] = {
		{ "one.example", NULL, "one.example" },
		{ "two.example", "one.example", "two.example" },
		{ "TWO.example", NULL, "two.example" },
		{ NULL, "two.example", "two.example" },
		{ NULL, NULL, "one.example" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_params params = { .host = cases[i].host };
		struct tls *t = tls_new(set, &params);
		struct tls_peer p;
		struct str plain;

		str_init(&plain);
		tls_peer_init(&p, cases[i].sni, NULL, NULL, NULL);
		assert_int_equal(converse(t, &p, 100000, &plain), TLS_OPEN);
		assert_true(shows(&p, cases[i].shown));
		assert_true(tls_serves(t, cases[i].shown));
		assert_false(tls_serves(t, strcmp(cases[i].shown, "one.example") == 0 ?
						   "two.example" : "one.example"));
		str_fini(&plain);
		tls_peer_fini(&p);
		tls_free(t);
	}
}

/* ---- resumption ---- */

static gnutls_datum_t take_ticket(const char *sni)
{
	struct tls *t = tls_new(set, &for_anybody);
	struct tls_peer p;
	struct str plain;
	gnutls_datum_t ticket;

	str_init(&plain);
	tls_peer_init(&p, sni, NULL, NULL, NULL);
	assert_int_equal(converse(t, &p, 100000, &plain), TLS_OPEN);
	assert_false(tls_resumed(t));
	tls_peer_read(&p, &plain); /* the ticket comes behind the handshake */
	assert_int_equal(gnutls_session_get_data2(p.session, &ticket), 0);
	str_fini(&plain);
	tls_peer_fini(&p);
	tls_free(t);
	return ticket;
}

static struct tls *resume(struct tls_peer *p, const char *sni, const gnutls_datum_t *ticket)
{
	struct tls *t = tls_new(set, &for_anybody);
	struct str plain;

	str_init(&plain);
	tls_peer_init(p, sni, NULL, NULL, ticket);
	assert_int_equal(converse(t, p, 100000, &plain), TLS_OPEN);
	str_fini(&plain);
	return t;
}

static void bindings_agree(struct tls *t, struct tls_peer *p)
{
	unsigned char ours[64];
	gnutls_datum_t theirs;
	size_t len = sizeof ours;

	assert_int_equal(tls_binding(t, "tls-exporter", ours, &len), TCT_OK);
	assert_int_equal(gnutls_session_channel_binding(p->session, GNUTLS_CB_TLS_EXPORTER, &theirs),
		0);
	assert_int_equal(len, theirs.size);
	assert_memory_equal(ours, theirs.data, len);
	gnutls_free(theirs.data);
	len = sizeof ours;
	assert_int_equal(tls_binding(t, "tls-server-end-point", ours, &len), TCT_OK);
	assert_int_equal(len, 32);
	len = sizeof ours;
	assert_int_equal(tls_binding(t, "tls-unique", ours, &len), TCT_ENOENT);
	len = sizeof ours;
	assert_int_equal(tls_binding(t, "tls-nonsense", ours, &len), TCT_ENOENT);
}

static void a_ticket_resumes_the_same_host(void **state)
{
	gnutls_datum_t ticket = take_ticket("one.example");
	struct tls_peer p;
	struct tls *t = resume(&p, "one.example", &ticket);

	assert_true(tls_resumed(t));
	assert_true(tls_serves(t, "one.example"));
	bindings_agree(t, &p);
	tls_peer_fini(&p);
	tls_free(t);
	gnutls_free(ticket.data);
}

/* Also when one certificate is for both: whoever is asked for decides. */
static void a_ticket_is_for_one_name(void **state)
{
	static const char *const both[] = { "three.example", "four.example", NULL };
	struct tcti_certificate c = { .certificate = tls_files_path("both", ".crt"),
		.key = tls_files_path("both", ".key") };
	struct tcti_tls config = { .certificates = &c, .certificate_count = 1 };
	gnutls_datum_t ticket;
	struct tls_peer p;
	struct tls *t;

	tls_files_certificate("both", both);
	certset_unref(set);
	set = certset_new(&config, NULL, false, NULL);
	assert_non_null(set);
	ticket = take_ticket("three.example");
	t = resume(&p, "four.example", &ticket);
	assert_false(tls_resumed(t));
	bindings_agree(t, &p);
	tls_peer_fini(&p);
	tls_free(t);
	t = resume(&p, "three.example", &ticket);
	assert_true(tls_resumed(t));
	tls_peer_fini(&p);
	tls_free(t);
	gnutls_free(ticket.data);
}

/* Else the session of one host would be one of another, with the wrong certificate. */
static void a_ticket_is_nothing_to_another_host(void **state)
{
	gnutls_datum_t ticket = take_ticket("one.example");
	struct tls_peer p;
	struct tls *t = resume(&p, "two.example", &ticket);

	assert_false(tls_resumed(t));
	assert_true(shows(&p, "two.example"));
	bindings_agree(t, &p);
	tls_peer_fini(&p);
	tls_free(t);
	gnutls_free(ticket.data);
}

/* The client of an old ticket computes the binding from the old certificate. */
static void a_renewed_certificate_forgets_tickets(void **state)
{
	gnutls_datum_t ticket = take_ticket("one.example");
	struct tls_peer p;
	struct tls *t;

	certset_unref(set);
	tls_files_certificate("renewed", one_names);
	set = read_set("renewed", "two", NULL);
	assert_non_null(set);
	t = resume(&p, "one.example", &ticket);
	assert_false(tls_resumed(t));
	bindings_agree(t, &p);
	tls_peer_fini(&p);
	tls_free(t);
	gnutls_free(ticket.data);
}

static void a_session_keeps_its_set(void **state)
{
	struct tls *t = tls_new(set, &for_one);
	struct tls_peer p;
	struct str plain;

	str_init(&plain);
	tls_peer_init(&p, "one.example", NULL, NULL, NULL);
	certset_unref(set);
	set = read_set("two", "two", NULL);
	assert_int_equal(converse(t, &p, 100000, &plain), TLS_OPEN);
	assert_true(shows(&p, "one.example"));
	str_fini(&plain);
	tls_peer_fini(&p);
	tls_free(t);
}

/* ---- work for other threads ---- */

static struct certset *slow_set(const char *const *groups)
{
	struct tcti_certificate c = { .certificate = tls_files_path("slow", ".crt"),
		.key = tls_files_path("slow", ".key") };
	struct tcti_tls config = { .certificates = &c, .certificate_count = 1, .groups = groups };
	struct certset *s = certset_new(&config, NULL, false, NULL);

	assert_non_null(s);
	return s;
}

static void *work(void *t)
{
	tls_work(t);
	return NULL;
}

/* As converse, and says how often there was work; it is done by another thread. */
static int converse_working(struct tls *t, struct tls_peer *p, size_t piece, struct str *plain)
{
	struct str raw = { 0 };
	pthread_t thread;
	int works = 0;
	size_t used;

	while (p->open ? p->out.len > 0 : tls_peer_handshake(p) && p->out.len > 0) {
		while (p->out.len > 0) {
			size_t n = p->out.len < piece ? p->out.len : piece;
			enum tls_status status;

			str_append_n(&raw, p->out.data, n);
			str_consume(&p->out, n);
			status = tls_feed(t, str_span(&raw), &used, &p->in, plain);
			str_consume(&raw, used);
			if (status == TLS_WORK) {
				works++;
				assert_int_equal(pthread_create(&thread, NULL, work, t), 0);
				pthread_join(thread, NULL);
				status = tls_feed(t, str_span(&raw), &used, &p->in, plain);
				str_consume(&raw, used);
			}
			assert_true(status == TLS_HANDSHAKE || status == TLS_OPEN);
		}
	}
	str_fini(&raw);
	return works;
}

static void slow_keys_sign_elsewhere(void **state)
{
	static const size_t pieces[] = { 100000, 1, 77 };
	static const char *const priorities[] = { NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2" };
	struct certset *s = slow_set(NULL);

	for (size_t i = 0; i < 6; i++) {
		struct tls *t = tls_new(s, &for_anybody);
		struct str plain = { 0 };
		struct tls_peer p;

		tls_peer_init(&p, "slow.example", NULL, priorities[i % 2], NULL);
		assert_int_equal(converse_working(t, &p, pieces[i / 2], &plain), 1);
		assert_true(p.open);
		tls_peer_write(&p, "hello");
		assert_int_equal(converse_working(t, &p, pieces[i / 2], &plain), 0);
		assert_string_equal(str_text(&plain), "hello");
		str_fini(&plain);
		tls_peer_fini(&p);
		tls_free(t);
	}
	certset_unref(s);
}

/* The first answer is another question (HelloRetryRequest): the signature is in the second. */
static void a_second_hello_is_work_again(void **state)
{
	static const char *const groups[] = { "P-384", NULL };
	struct certset *s = slow_set(groups);
	struct tls *t = tls_new(s, &for_anybody);
	struct str plain = { 0 };
	struct tls_peer p;

	tls_peer_flags = GNUTLS_KEY_SHARE_TOP;
	tls_peer_init(&p, "slow.example", NULL,
		"NORMAL:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP384R1", NULL);
	tls_peer_flags = 0;
	assert_int_equal(converse_working(t, &p, 100000, &plain), 2);
	assert_true(p.open);
	str_fini(&plain);
	tls_peer_fini(&p);
	tls_free(t);
	certset_unref(s);
}

static void who_resumes_makes_no_work(void **state)
{
	struct certset *s = slow_set(NULL);
	struct tls *t = tls_new(s, &for_anybody);
	struct str plain = { 0 };
	gnutls_datum_t ticket, other = take_ticket("one.example");
	struct tls_peer p;

	tls_peer_init(&p, "slow.example", NULL, NULL, NULL);
	assert_int_equal(converse_working(t, &p, 100000, &plain), 1);
	tls_peer_read(&p, &plain);
	assert_int_equal(gnutls_session_get_data2(p.session, &ticket), 0);
	tls_peer_fini(&p);
	tls_free(t);
	t = tls_new(s, &for_anybody);
	tls_peer_init(&p, "slow.example", NULL, NULL, &ticket);
	assert_int_equal(converse_working(t, &p, 100000, &plain), 0);
	assert_true(tls_resumed(t));
	tls_peer_fini(&p);
	tls_free(t);
	/* Tickets of others are no way to make the loop sign. */
	for (int works = 0, i = 0; works == 0; i++) {
		assert_true(i < 100);
		t = tls_new(s, &for_anybody);
		tls_peer_init(&p, "slow.example", NULL, NULL, &other);
		works = converse_working(t, &p, 100000, &plain);
		assert_true(p.open);
		assert_false(tls_resumed(t));
		tls_peer_fini(&p);
		tls_free(t);
	}
	str_fini(&plain);
	gnutls_free(ticket.data);
	gnutls_free(other.data);
	certset_unref(s);
}

/* ---- both roles ---- */

static const struct tls_params from_two = { .client = true, .host = "one.example",
	.own = "two.example", .alpn = "xmpp-server" };
static const struct tls_params from_nobody = { .client = true, .host = "one.example" };

/* A set of ours that trusts the certificates of both. */
static struct certset *trusting_set(void)
{
	struct tcti_certificate list[2] = {
		{ .host = "one.example", .certificate = tls_files_path("one", ".crt"),
			.key = tls_files_path("one", ".key") },
		{ .host = "two.example", .certificate = tls_files_path("two", ".crt"),
			.key = tls_files_path("two", ".key") },
	};
	struct tcti_tls config = { .certificates = list, .certificate_count = 2 };

	tls_files_join("both.pem", "one", "two");
	config.trust = tls_files_path("both", ".pem");
	return certset_new(&config, NULL, false, NULL);
}

struct pair {
	struct tls *server, *client;
	struct str up, down, heard, said; /* wire to the server, to the client; plain */
	enum tls_status at_server, at_client;
};

/* Moves bytes until neither has more to say. */
static void pair_talk(struct pair *p)
{
	size_t used;

	do {
		p->at_client = tls_feed(p->client, str_span(&p->down), &used, &p->up, &p->said);
		str_consume(&p->down, used);
		if (p->at_client == TLS_FAILED && p->up.len == 0)
			return;
		p->at_server = tls_feed(p->server, str_span(&p->up), &used, &p->down, &p->heard);
		str_consume(&p->up, used);
	} while (p->down.len > 0 && p->at_server != TLS_FAILED);
}

static void pair_init(struct pair *p, struct certset *s, const struct tls_params *server,
	const struct tls_params *client)
{
	memset(p, 0, sizeof *p);
	p->server = tls_new(s, server);
	p->client = tls_new(s, client);
	pair_talk(p);
}

static void pair_fini(struct pair *p)
{
	tls_free(p->server);
	tls_free(p->client);
	str_fini(&p->up);
	str_fini(&p->down);
	str_fini(&p->heard);
	str_fini(&p->said);
}

static void we_connect_and_show_who_we_are(void **state)
{
	static const struct tls_params asking = { .ask = true, .alpn = "xmpp-server" };
	struct certset *s = trusting_set();
	unsigned char a[64], b[64];
	size_t a_len = sizeof a, b_len = sizeof b;
	struct pair p;

	pair_init(&p, s, &asking, &from_two);
	assert_int_equal(p.at_server, TLS_OPEN);
	assert_int_equal(p.at_client, TLS_OPEN);
	assert_true(tls_write(p.client, span_of("hello"), &p.up));
	assert_true(tls_write(p.server, span_of("welcome"), &p.down));
	pair_talk(&p);
	assert_string_equal(str_text(&p.heard), "hello");
	assert_string_equal(str_text(&p.said), "welcome");
	assert_true(peer_trusted(tls_peer_of(p.client)));
	assert_true(peer_names(tls_peer_of(p.client), "one.example", "xmpp-server"));
	assert_false(peer_names(tls_peer_of(p.client), "two.example", "xmpp-server"));
	assert_true(peer_trusted(tls_peer_of(p.server)));
	assert_true(peer_names(tls_peer_of(p.server), "two.example", "xmpp-server"));
	assert_false(peer_names(tls_peer_of(p.server), "one.example", "xmpp-server"));
	assert_int_equal(tls_binding(p.client, "tls-exporter", a, &a_len), TCT_OK);
	assert_int_equal(tls_binding(p.server, "tls-exporter", b, &b_len), TCT_OK);
	assert_int_equal(a_len, b_len);
	assert_memory_equal(a, b, a_len);
	pair_fini(&p);
	certset_unref(s);
}

static size_t count_records(const struct str *wire)
{
	size_t at = 0, count = 0;

	while (at < wire->len) {
		const unsigned char *h = (const unsigned char *)wire->data + at;

		at += 5 + ((size_t)h[3] << 8 | h[4]);
		count++;
	}
	assert_int_equal(at, wire->len);
	return count;
}

/* Small and large in turns, both ways: no more records than needed, and nothing that one side
 * has sent limits what it takes. */
static void records_are_as_large_as_what_is_sent(void **state)
{
	static const size_t sizes[] = { 1, 1536, 1537, 16384, 1, 40000, 200, 16385, 1536 };
	struct certset *s = trusting_set();
	static char text[40000];
	struct pair p;

	pair_init(&p, s, &(struct tls_params){ .alpn = "xmpp-server" }, &from_two);
	assert_int_equal(p.at_server, TLS_OPEN);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t len = sizes[i], back = sizes[sizeof sizes / sizeof *sizes - 1 - i];

		memset(text, 'a' + (int)i, sizeof text);
		str_clear(&p.said);
		str_clear(&p.heard);
		assert_true(tls_write(p.server, span_make(text, len), &p.down));
		assert_int_equal(count_records(&p.down), (len + 16383) / 16384);
		assert_true(tls_write(p.client, span_make(text, back), &p.up));
		assert_int_equal(count_records(&p.up), (back + 16383) / 16384);
		pair_talk(&p);
		assert_int_equal(p.said.len, len);
		assert_memory_equal(p.said.data, text, len);
		assert_int_equal(p.heard.len, back);
		assert_memory_equal(p.heard.data, text, back);
	}
	pair_fini(&p);
	certset_unref(s);
}

static void nobody_need_show_a_certificate(void **state)
{
	static const struct tls_params asking = { .ask = true };
	struct certset *s = trusting_set();
	struct pair p;

	pair_init(&p, s, &asking, &from_nobody);
	assert_int_equal(p.at_server, TLS_OPEN);
	assert_null(tls_peer_of(p.server));
	pair_fini(&p);
	/* One that is not asked for is not shown. */
	pair_init(&p, s, &for_anybody, &from_two);
	assert_int_equal(p.at_server, TLS_OPEN);
	assert_null(tls_peer_of(p.server));
	pair_fini(&p);
	certset_unref(s);
}

static void a_stranger_is_not_trusted(void **state)
{
	struct pair p;

	pair_init(&p, set, &for_anybody, &from_nobody);
	assert_int_equal(p.at_client, TLS_OPEN);
	assert_false(peer_trusted(tls_peer_of(p.client)));
	assert_true(strlen(peer_problem(tls_peer_of(p.client))) > 0);
	pair_fini(&p);
}

/* What a client has proven belongs to one connection. */
static void who_asks_for_certificates_gives_no_tickets(void **state)
{
	static const struct tls_params asking = { .ask = true };
	struct tls *t = tls_new(set, &asking);
	struct tls_peer p;
	struct str plain;

	str_init(&plain);
	tls_peer_init(&p, "one.example", NULL, NULL, NULL);
	assert_int_equal(converse(t, &p, 100000, &plain), TLS_OPEN);
	tls_peer_read(&p, &plain);
	assert_false(gnutls_session_get_flags(p.session) & GNUTLS_SFLAGS_SESSION_TICKET);
	str_fini(&plain);
	tls_peer_fini(&p);
	tls_free(t);
}

/* ---- what is refused ---- */

static void old_versions_are_refused(void **state)
{
	static const char *const old[] = { "NORMAL:-VERS-ALL:+VERS-TLS1.1",
		"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA" };

	for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
		struct tls *t = tls_new(set, &for_one);
		struct tls_peer p;
		struct str plain;

		str_init(&plain);
		tls_peer_init(&p, "one.example", NULL, old[i], NULL);
		assert_int_equal(converse(t, &p, 100000, &plain), TLS_FAILED);
		assert_true(strlen(tls_problem(t)) > 0);
		str_fini(&plain);
		tls_peer_fini(&p);
		tls_free(t);
	}
}

static void other_protocols_are_refused_on_direct_tls(void **state)
{
	static const struct {
		const char *alpn;
		enum tls_status status;
	} cases[] = {
		{ NULL, TLS_OPEN },
		{ "xmpp-client", TLS_OPEN },
		{ "h2", TLS_FAILED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls *t = tls_new(set, &direct);
		struct tls_peer p;
		struct str plain;

		str_init(&plain);
		tls_peer_init(&p, "one.example", cases[i].alpn, NULL, NULL);
		assert_int_equal(converse(t, &p, 100000, &plain), cases[i].status);
		str_fini(&plain);
		tls_peer_fini(&p);
		tls_free(t);
	}
}

static void clear_text_is_no_tls(void **state)
{
	struct tls *t = tls_new(set, &for_anybody);
	struct str out, plain;
	size_t used;

	str_init(&out);
	str_init(&plain);
	assert_int_equal(tls_feed(t, span_of("<stream:stream>"), &used, &out, &plain), TLS_FAILED);
	assert_int_equal(plain.len, 0);
	str_fini(&out);
	str_fini(&plain);
	tls_free(t);
}

/* ---- reading certificates ---- */

static void mistakes_are_explained(void **state)
{
	struct tcti_certificate c = { .certificate = tls_files_path("one", ".crt"),
		.key = tls_files_path("two", ".key") };
	struct tcti_tls config = { .certificates = &c, .certificate_count = 1 };
	struct tct_error err = { 0 };

	assert_null(certset_new(&config, NULL, false, &err));
	assert_non_null(strstr(tct_error_text(&err), "does not belong"));
	c.key = tls_files_path("missing", ".key");
	assert_null(certset_new(&config, NULL, false, &err));
	assert_non_null(strstr(tct_error_text(&err), "missing.key"));
	c.certificate = tls_files_path("one", ".key");
	c.key = tls_files_path("one", ".key");
	assert_null(certset_new(&config, NULL, false, &err));
	assert_non_null(strstr(tct_error_text(&err), "no chain"));
	c.certificate = tls_files_path("one", ".crt");
	config.priority = "NORMAL:-VERS-NONSENSE";
	assert_null(certset_new(&config, NULL, false, &err));
	assert_non_null(strstr(tct_error_text(&err), "priority string is wrong"));
	config.priority = NULL;
	config.trust = c.key;
	assert_null(certset_new(&config, NULL, false, &err));
	assert_non_null(strstr(tct_error_text(&err), "no certificates to trust"));
	config.trust = NULL;
	chmod(tls_files_path("one", ".key"), 0644);
	assert_null(certset_new(&config, NULL, false, &err));
	assert_non_null(strstr(tct_error_text(&err), "chmod"));
	chmod(tls_files_path("one", ".key"), 0600);
	set = certset_new(&config, NULL, false, &err);
	assert_non_null(set);
	assert_true(certset_has(set, "one.example"));
	certset_unref(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_client_gets_through_in_any_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(the_client_says_goodbye, setup, teardown),
		cmocka_unit_test_setup_teardown(the_right_certificate_is_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ticket_resumes_the_same_host, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ticket_is_nothing_to_another_host, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ticket_is_for_one_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_renewed_certificate_forgets_tickets, setup, teardown),
		cmocka_unit_test_setup_teardown(a_session_keeps_its_set, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_keys_sign_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_hello_is_work_again, setup, teardown),
		cmocka_unit_test_setup_teardown(who_resumes_makes_no_work, setup, teardown),
		cmocka_unit_test_setup_teardown(we_connect_and_show_who_we_are, setup, teardown),
		cmocka_unit_test_setup_teardown(records_are_as_large_as_what_is_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_need_show_a_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stranger_is_not_trusted, setup, teardown),
		cmocka_unit_test_setup_teardown(who_asks_for_certificates_gives_no_tickets, setup,
			teardown),
		cmocka_unit_test_setup_teardown(old_versions_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(other_protocols_are_refused_on_direct_tls, setup, teardown),
		cmocka_unit_test_setup_teardown(clear_text_is_no_tls, setup, teardown),
		cmocka_unit_test(mistakes_are_explained),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

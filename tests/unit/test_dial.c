/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/dial.h"
#include "core/loop/loop.h"
#include "core/net/addr.h"
#include "tests/unit/dns_script.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <unistd.h>

static struct tct_scope scope;
static struct tcti_dial *dial;
static int calls, fd;
static bool end_inside;
static struct {
	uint32_t reason;
	bool direct_tls, secure;
	uint16_t port;
	char target[64], address[64];
	size_t attempts;
	struct {
		uint32_t reason;
		uint16_t port;
		char target[64], address[64], text[128];
	} attempt[TCTI_DIAL_ATTEMPTS];
} got;

static void on_dialled(struct tcti_dial *d, const struct tcti_dialled *r, void *data)
{
	assert_ptr_equal(d, dial);
	assert_string_equal(data, "data");
	calls++;
	memset(&got, 0, sizeof got);
	got.reason = r->reason;
	fd = r->fd;
	assert_int_equal(r->reason == TCTI_DIAL_OK, r->fd >= 0);
	if (r->fd >= 0) {
		got.direct_tls = r->direct_tls;
		got.secure = r->secure;
		got.port = r->port;
		snprintf(got.target, sizeof got.target, "%s", r->target);
		snprintf(got.address, sizeof got.address, "%s", r->address);
	}
	got.attempts = r->attempt_count;
	for (size_t i = 0; i < r->attempt_count; i++) {
		got.attempt[i].reason = r->attempts[i].reason;
		got.attempt[i].port = r->attempts[i].port;
		snprintf(got.attempt[i].target, 64, "%s", r->attempts[i].target);
		snprintf(got.attempt[i].address, 64, "%s", r->attempts[i].address);
		snprintf(got.attempt[i].text, 128, "%s", r->attempts[i].text);
	}
	if (end_inside)
		tcti_dial_end(d);
}

static int setup(void **state)
{
	calls = 0;
	fd = -1;
	end_inside = false;
	scope_init(&scope, NULL);
	return loop_init(NULL);
}

static int teardown(void **state)
{
	scope_end(&scope);
	assert_int_equal(dial_count(), 0);
	script_clear();
	if (fd >= 0)
		close(fd);
	loop_fini();
	return 0;
}

static int listen_at(const char *address, uint16_t *port, int backlog)
{
	struct addr a;
	socklen_t len = sizeof a;
	int l;

	assert_true(addr_parse(&a, address, *port));
	l = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(l >= 0);
	assert_int_equal(bind(l, &a.sa, addr_len(&a)), 0);
	assert_int_equal(listen(l, backlog), 0);
	assert_int_equal(getsockname(l, &a.sa, &len), 0);
	*port = addr_port(&a);
	return l;
}

/* Whoever connects to it gets no answer: its queue is full. */
static int full_at(const char *address, uint16_t *port, int *inside)
{
	int l = listen_at(address, port, 0);
	struct addr a;

	assert_true(addr_parse(&a, address, *port));
	*inside = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*inside, &a.sa, addr_len(&a)), 0);
	return l;
}

static char data[] = "data";

static void dial_to(const struct tcti_dial_params *params)
{
	int before = calls;

	dial = tcti_dial(&scope, params, on_dialled, data);
	assert_int_equal(calls, before); /* never from inside */
}

static void wait_for(int n)
{
	while (calls < n)
		loop_turn(true);
}

static struct tcti_dial_params to_override(const char *host, uint16_t port)
{
	return (struct tcti_dial_params){ .size = sizeof(struct tcti_dial_params),
		.domain = "example.org", .override_host = host, .override_port = port };
}

static void an_override_is_connected_to(void **state)
{
	uint16_t port = 0;
	int l = listen_at("127.0.0.1", &port, 5);
	struct tcti_dial_params params = to_override("127.0.0.1", port);

	params.override_direct_tls = true;
	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	assert_true(got.direct_tls);
	assert_int_equal(got.port, port);
	assert_string_equal(got.target, "127.0.0.1");
	assert_string_equal(got.address, "127.0.0.1");
	assert_int_equal(got.attempts, 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(l);
}

static void a_refusal_is_told_with_its_address(void **state)
{
	uint16_t port = 0;
	struct tcti_dial_params params;

	close(listen_at("127.0.0.1", &port, 5));
	params = to_override("127.0.0.1", port);
	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_REFUSED);
	assert_int_equal(got.attempts, 1);
	assert_string_equal(got.attempt[0].address, "127.0.0.1");
	assert_int_equal(got.attempt[0].port, port);
	assert_string_equal(got.attempt[0].text, "Connection refused");
	assert_int_equal(calls, 1);
}

static void who_does_not_answer_is_given_up(void **state)
{
	uint16_t port = 0;
	int inside, l = full_at("127.0.0.1", &port, &inside);
	struct tcti_dial_params params = to_override("127.0.0.1", port);

	dial_to(&params);
	for (int i = 0; i < 5; i++)
		loop_turn(false);
	loop_clock_advance(9000);
	loop_turn(false);
	loop_turn(false);
	assert_int_equal(calls, 0);
	loop_clock_advance(1500);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_TIMEOUT);
	assert_int_equal(got.attempts, 1);
	close(inside);
	close(l);
}

static void everything_has_an_end(void **state)
{
	uint16_t port = 0;
	int inside, l = full_at("127.0.0.1", &port, &inside);
	struct tcti_dial_params params = to_override("127.0.0.1", port);

	params.attempt_timeout = 600000;
	params.timeout = 30000;
	dial_to(&params);
	for (int i = 0; i < 5; i++)
		loop_turn(false);
	loop_clock_advance(30001);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_TIMEOUT);
	close(inside);
	close(l);
}

static void an_end_is_silent(void **state)
{
	uint16_t port = 0;
	int inside, l = full_at("127.0.0.1", &port, &inside);
	struct tcti_dial_params params = to_override("127.0.0.1", port);

	dial_to(&params);
	tcti_dial_end(dial); /* before it has begun */
	dial_to(&params);
	for (int i = 0; i < 5; i++)
		loop_turn(false);
	tcti_dial_end(dial);
	dial_to(&params);
	for (int i = 0; i < 5; i++)
		loop_turn(false);
	scope_end(&scope); /* with the owner */
	loop_clock_advance(100000);
	for (int i = 0; i < 5; i++)
		loop_turn(false);
	assert_int_equal(calls, 0);
	tcti_dial_end(NULL);
	close(inside);
	close(l);
}

static void it_may_end_in_its_callback(void **state)
{
	uint16_t port = 0;
	int l = listen_at("127.0.0.1", &port, 5);
	struct tcti_dial_params params = to_override("127.0.0.1", port);

	end_inside = true;
	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	assert_int_equal(dial_count(), 0);
	close(fd);
	close(l);
	params = to_override("127.0.0.1", port);
	dial_to(&params);
	wait_for(2);
	assert_int_equal(got.reason, TCTI_DIAL_REFUSED);
	assert_int_equal(dial_count(), 0);
}

static void a_connection_of_no_use_was_the_only_one(void **state)
{
	uint16_t port = 0;
	int l = listen_at("127.0.0.1", &port, 5);
	struct tcti_dial_params params = to_override("127.0.0.1", port);

	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	close(fd);
	tcti_dial_next(dial, "it said nothing");
	assert_int_equal(calls, 1);
	wait_for(2);
	assert_int_equal(got.reason, TCTI_DIAL_UNUSABLE);
	assert_int_equal(got.attempts, 1);
	assert_string_equal(got.attempt[0].text, "it said nothing");
	assert_string_equal(got.attempt[0].address, "127.0.0.1");
	tcti_dial_next(dial, "again"); /* there is none to be given up */
	for (int i = 0; i < 5; i++)
		loop_turn(false);
	assert_int_equal(calls, 2);
	close(l);
}

static void an_address_as_domain_has_to_be_public(void **state)
{
	static const char *const domains[] = { "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]",
		"10.0.0.1", "169.254.169.254", "[fe80::1]", NULL };
	struct tcti_dial_params params = { .size = sizeof params };

	for (int i = 0; domains[i] != NULL; i++) {
		params.domain = domains[i];
		dial_to(&params);
		wait_for(i + 1);
		assert_int_equal(got.reason, TCTI_DIAL_FORBIDDEN);
		assert_int_equal(got.attempts, 1);
		assert_non_null(strstr(got.attempt[0].text, "not connected to"));
		tcti_dial_end(dial);
	}
}

/* ---- by DNS ---- */

#define STARTTLS "_xmpp-server._tcp.example.org"
#define DIRECT_TLS "_xmpps-server._tcp.example.org"

static struct tcti_dial_params by_dns(void)
{
	return (struct tcti_dial_params){ .size = sizeof(struct tcti_dial_params),
		.domain = "example.org", .allow_private = true };
}

/* What can be done without waiting. */
static void settle(void)
{
	for (int i = 0; i < 10; i++)
		loop_turn(false);
}

static void both_kinds_of_srv_are_one_list(void **state)
{
	uint16_t port = 0;
	int l = listen_at("127.0.0.1", &port, 5);
	struct tcti_dial_params params = by_dns();

	script_srv(STARTTLS, 10, 1, "plain.example.org");
	script_srv(DIRECT_TLS, 5, port, "Direct.example.org");
	script_secure(DIRECT_TLS, DNS_SRV);
	script_address("direct.example.org", "127.0.0.1");
	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	assert_true(got.direct_tls);
	assert_true(got.secure);
	assert_int_equal(got.port, port);
	assert_string_equal(got.target, "direct.example.org");
	assert_int_equal(script_asked("plain.example.org", DNS_A), 0);
	close(l);
}

static void the_next_target_follows(void **state)
{
	uint16_t port = 0, closed = 0;
	int l = listen_at("127.0.0.1", &port, 5);
	struct tcti_dial_params params = by_dns();

	close(listen_at("127.0.0.1", &closed, 5));
	script_srv(STARTTLS, 1, closed, "one.example.org");
	script_srv(STARTTLS, 2, 5269, "two.example.org");
	script_srv(DIRECT_TLS, 3, port, "three.example.org");
	script_srv(STARTTLS, 4, port, "four.example.org");
	script_address("one.example.org", "127.0.0.1");
	script_address("three.example.org", "127.0.0.1");
	script_address("four.example.org", "127.0.0.1");
	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	assert_string_equal(got.target, "three.example.org");
	assert_int_equal(got.attempts, 2);
	assert_int_equal(got.attempt[0].reason, TCTI_DIAL_REFUSED);
	assert_string_equal(got.attempt[0].target, "one.example.org");
	assert_int_equal(got.attempt[1].reason, TCTI_DIAL_NOT_FOUND);
	assert_string_equal(got.attempt[1].target, "two.example.org");
	assert_false(got.secure);
	close(fd);
	tcti_dial_next(dial, "no TLS");
	wait_for(2);
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	assert_string_equal(got.target, "four.example.org");
	assert_int_equal(got.attempts, 3);
	assert_int_equal(got.attempt[2].reason, TCTI_DIAL_UNUSABLE);
	assert_string_equal(got.attempt[2].target, "three.example.org");
	close(l);
}

static void without_srv_the_domain_itself(void **state)
{
	struct tcti_dial_params params = by_dns();

	params.domain = "B\xc3\xbc" "cher.example";
	params.allow_private = false;
	script_address("xn--bcher-kva.example", "127.0.0.1");
	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_FORBIDDEN);
	assert_int_equal(got.attempts, 1);
	assert_int_equal(got.attempt[0].port, 5269);
	assert_string_equal(got.attempt[0].target, "xn--bcher-kva.example");
	assert_int_equal(script_asked("_xmpp-server._tcp.xn--bcher-kva.example", DNS_SRV), 1);
	assert_int_equal(script_asked("_xmpps-server._tcp.xn--bcher-kva.example", DNS_SRV), 1);
	tcti_dial_end(dial);

	params.no_direct_tls = true;
	dial_to(&params);
	wait_for(2);
	assert_int_equal(script_asked("_xmpps-server._tcp.xn--bcher-kva.example", DNS_SRV), 1);
}

/* What SRV and the addresses say, and why there is no connection then. */
static void reasons(void **state)
{
	static const struct {
		enum dns_status starttls, direct_tls, address;
		uint32_t reason;
		const char *target; /* NULL: no SRV record, "": "." */
	} rows[] = {
		{ DNS_NO_NAME, DNS_NO_NAME, DNS_NO_NAME, TCTI_DIAL_NOT_FOUND, NULL },
		{ DNS_NO_RECORD, DNS_NO_NAME, DNS_NO_RECORD, TCTI_DIAL_NOT_FOUND, NULL },
		{ DNS_BOGUS, DNS_NO_NAME, DNS_FOUND, TCTI_DIAL_BOGUS, NULL },
		{ DNS_NO_NAME, DNS_BOGUS, DNS_FOUND, TCTI_DIAL_BOGUS, NULL },
		{ DNS_FAILED, DNS_BOGUS, DNS_FOUND, TCTI_DIAL_BOGUS, NULL },
		{ DNS_FOUND, DNS_BOGUS, DNS_FOUND, TCTI_DIAL_BOGUS, "t.example.org" },
		{ DNS_FAILED, DNS_NO_NAME, DNS_FOUND, TCTI_DIAL_DNS, NULL },
		{ DNS_NO_NAME, DNS_TIMEOUT, DNS_FOUND, TCTI_DIAL_DNS_TIMEOUT, NULL },
		{ DNS_BUSY, DNS_BUSY, DNS_FOUND, TCTI_DIAL_BUSY, NULL },
		{ DNS_FOUND, DNS_NO_NAME, DNS_BOGUS, TCTI_DIAL_BOGUS, "t.example.org" },
		{ DNS_FOUND, DNS_NO_NAME, DNS_FAILED, TCTI_DIAL_DNS, "t.example.org" },
		{ DNS_FOUND, DNS_FAILED, DNS_FOUND, TCTI_DIAL_OK, "t.example.org" },
		{ DNS_FOUND, DNS_NO_NAME, DNS_FOUND, TCTI_DIAL_NO_SERVICE, "" },
		{ DNS_FOUND, DNS_FAILED, DNS_FOUND, TCTI_DIAL_DNS, "" },
	};
	uint16_t port = 0;
	int l = listen_at("127.0.0.1", &port, 5);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tcti_dial_params params = by_dns();

		if (rows[i].target != NULL)
			script_srv(STARTTLS, 0, port, rows[i].target);
		script_address("example.org", "127.0.0.1");
		script_address("t.example.org", "127.0.0.1");
		script_status(STARTTLS, DNS_SRV, rows[i].starttls);
		script_status(DIRECT_TLS, DNS_SRV, rows[i].direct_tls);
		script_status("example.org", DNS_A, rows[i].address);
		script_status("t.example.org", DNS_A, rows[i].address);
		dial_to(&params);
		wait_for((int)i + 1);
		if (got.reason != rows[i].reason)
			fail_msg("row %zu: %s", i, tcti_dial_reason_text(got.reason));
		assert_int_equal(got.attempts, got.reason == TCTI_DIAL_OK ? 0 : 1);
		if (fd >= 0)
			close(fd);
		tcti_dial_end(dial);
		script_clear();
	}
	fd = -1;
	close(l);
}

/* XEP-0368: "." for direct TLS says nothing about STARTTLS, but there is no way back to the
 * domain's own address. */
static void a_dot_for_direct_tls_alone(void **state)
{
	uint16_t port = 0;
	int l = listen_at("127.0.0.1", &port, 5);
	struct tcti_dial_params params = by_dns();

	script_srv(DIRECT_TLS, 0, 0, "");
	script_address("example.org", "127.0.0.1");
	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_NO_SERVICE);
	tcti_dial_end(dial);
	script_srv(STARTTLS, 0, port, "example.org");
	dial_to(&params);
	wait_for(2);
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	assert_false(got.direct_tls);
	close(l);
}

static void what_is_no_name_is_not_asked(void **state)
{
	static const char *const domains[] = { "", "a..b", "a b", "a\\.b", "ex_ample.org/x",
		"\xff", NULL };
	struct tcti_dial_params params = by_dns();

	for (int i = 0; domains[i] != NULL; i++) {
		params.domain = domains[i];
		dial_to(&params);
		wait_for(i + 1);
		assert_int_equal(got.reason, TCTI_DIAL_INVALID);
		tcti_dial_end(dial);
	}
}

static bool has_ipv6(void)
{
	struct addr a;
	int s = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = s >= 0 && addr_parse(&a, "::1", 0) && bind(s, &a.sa, addr_len(&a)) == 0;

	if (s >= 0)
		close(s);
	return has;
}

/* IPv6 first; IPv4 250 ms later while that does not answer; whoever wins, the other ends. */
static void families_by_turns(void **state)
{
	uint16_t port = 0;
	int l4 = listen_at("127.0.0.1", &port, 5), l6, inside;
	struct tcti_dial_params params = by_dns();
	char byte;

	if (!has_ipv6()) {
		close(l4);
		skip();
	}
	l6 = full_at("::1", &port, &inside);
	script_srv(STARTTLS, 0, port, "both.example.org");
	script_address("both.example.org", "127.0.0.1");
	script_address("both.example.org", "::1");
	dial_to(&params);
	settle();
	loop_clock_advance(DIAL_STAGGER_MS - 100);
	settle();
	assert_int_equal(calls, 0);
	loop_clock_advance(101);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	assert_string_equal(got.address, "127.0.0.1");
	assert_int_equal(got.attempts, 0);
	close(inside);
	close(l6);

	/* One that is refused is followed at once. */
	tcti_dial_end(dial);
	close(fd);
	dial_to(&params);
	wait_for(2);
	assert_string_equal(got.address, "127.0.0.1");
	assert_int_equal(got.attempts, 1);
	assert_string_equal(got.attempt[0].address, "::1");
	tcti_dial_end(dial);
	close(fd);

	/* And when both answer, it is IPv6. */
	l6 = listen_at("::1", &port, 5);
	dial_to(&params);
	wait_for(3);
	assert_string_equal(got.address, "::1");
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	close(l6);
	close(l4);
}

/* RFC 8305 section 3: the answer about IPv4 waits a moment for that about IPv6. */
static void ipv4_waits_a_moment(void **state)
{
	uint16_t port = 0;
	int l = listen_at("127.0.0.1", &port, 5);
	struct tcti_dial_params params = by_dns();

	script_srv(STARTTLS, 0, port, "slow.example.org");
	script_address("slow.example.org", "127.0.0.1");
	script_hold("slow.example.org", DNS_AAAA);
	params.timeout = 3600000;
	dial_to(&params);
	wait_for(1); /* 50 ms, and not the end of the other question */
	assert_int_equal(got.reason, TCTI_DIAL_OK);
	assert_string_equal(got.address, "127.0.0.1");
	tcti_dial_end(dial);
	close(fd);

	/* The other way round nobody waits. */
	script_release("slow.example.org", DNS_AAAA);
	script_hold("slow.example.org", DNS_A);
	if (has_ipv6()) {
		close(l);
		l = listen_at("::1", &port, 5);
		script_address("slow.example.org", "::1");
		dial_to(&params);
		wait_for(2);
		assert_string_equal(got.address, "::1");
	}
	close(l);
}

/* One target has several addresses: of more than the bound, the rest is not tried. */
static void addresses_are_bounded(void **state)
{
	uint16_t port = 0;
	struct tcti_dial_params params = by_dns();
	char name[32];

	close(listen_at("127.0.0.1", &port, 5));
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof name, "t%d.example.org", i);
		script_srv(i < 4 ? STARTTLS : DIRECT_TLS, (uint16_t)i, port, name);
		for (int k = 1; k <= 8; k++) {
			char address[32];

			snprintf(address, sizeof address, "127.0.%d.%d", i, k);
			script_address(name, address);
		}
	}
	dial_to(&params);
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_REFUSED);
	assert_int_equal(got.attempts, TCTI_DIAL_ATTEMPTS);
	assert_string_equal(got.attempt[8].address, "127.0.1.1");
}

static void an_end_takes_the_questions_along(void **state)
{
	struct tcti_dial_params params = by_dns();

	script_hold(STARTTLS, DNS_SRV);
	dial_to(&params);
	settle();
	tcti_dial_end(dial);
	script_clear(); /* nothing waits */
	script_srv(STARTTLS, 0, 1, "t.example.org");
	script_hold("t.example.org", DNS_A);
	script_hold("t.example.org", DNS_AAAA);
	dial_to(&params);
	settle();
	assert_int_equal(script_asked("t.example.org", DNS_A), 1);
	loop_clock_advance(61000); /* for everything */
	wait_for(1);
	assert_int_equal(got.reason, TCTI_DIAL_DNS_TIMEOUT);
	script_clear();
}

static void reasons_name_nobody(void **state)
{
	for (uint32_t i = 0; i <= TCTI_DIAL_BUSY; i++)
		assert_non_null(tcti_dial_reason_text(i));
	assert_string_equal(tcti_dial_reason_text(TCTI_DIAL_BUSY + 1), "unknown");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_override_is_connected_to),
		TEST(a_refusal_is_told_with_its_address),
		TEST(who_does_not_answer_is_given_up),
		TEST(everything_has_an_end),
		TEST(an_end_is_silent),
		TEST(it_may_end_in_its_callback),
		TEST(a_connection_of_no_use_was_the_only_one),
		TEST(an_address_as_domain_has_to_be_public),
		TEST(both_kinds_of_srv_are_one_list),
		TEST(the_next_target_follows),
		TEST(without_srv_the_domain_itself),
		TEST(reasons),
		TEST(a_dot_for_direct_tls_alone),
		TEST(what_is_no_name_is_not_asked),
		TEST(families_by_turns),
		TEST(ipv4_waits_a_moment),
		TEST(addresses_are_bounded),
		TEST(an_end_takes_the_questions_along),
		TEST(reasons_name_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

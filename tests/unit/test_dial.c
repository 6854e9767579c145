/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/dial.h"
#include "core/loop/loop.h"
#include "core/net/addr.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <unistd.h>

static struct tct_scope scope;
static struct tcti_dial *dial;
static int calls, fd;
static bool end_inside;
static struct {
	uint32_t reason;
	bool direct_tls;
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
		TEST(reasons_name_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

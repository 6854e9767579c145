/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* Against a name server of the test's own, tests/lib/xt_dns.py. */
#include "core/net/dns.h"
#include "core/base/error.h"
#include "core/loop/loop.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child;
static FILE *to, *from;
static char folder[] = "/tmp/tercet-dns-XXXXXX", anchors[64], server[64];

static struct {
	int calls;
	enum dns_status status;
	bool secure;
	size_t count;
	char name[64], first[16], text[256];
	size_t first_len;
} got;

static void say(const char *line)
{
	char answer[16];

	fprintf(to, "%s\n", line);
	fflush(to);
	assert_non_null(fgets(answer, sizeof answer, from));
	assert_string_equal(answer, "ok\n");
}

static void serve(void)
{
	const char *source = getenv("TERCET_SOURCE");
	char script[4096];
	int in[2], out[2];

	snprintf(script, sizeof script, "%s/tests/lib/xt_dns.py", source != NULL ? source : "..");
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(PYTHON3, "python3", script, folder, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	to = fdopen(in[1], "w");
	from = fdopen(out[0], "r");
	assert_non_null(to);
	assert_non_null(from);
}

static int group_setup(void **state)
{
	char port[16];

	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(anchors, sizeof anchors, "%s/dns-anchors", folder);
	serve();
	if (fgets(port, sizeof port, from) == NULL)
		return -1;
	port[strcspn(port, "\n")] = '\0';
	snprintf(server, sizeof server, "127.0.0.1@%s", port);
	say("zone signed.example");
	say("add a.signed.example A 127.0.0.1");
	say("add alias.signed.example CNAME a.signed.example.");
	say("add away.signed.example CNAME a.plain.example.");
	say("add forged.signed.example A 127.0.0.2");
	say("forge forged.signed.example");
	say("add a.plain.example A 127.0.0.3");
	say("add a.plain.example A 127.0.0.4");
	say("fail broken.plain.example");
	say("mute silent.plain.example");
	for (int i = 0; i < 100; i++) {
		char line[64];

		snprintf(line, sizeof line, "add many.plain.example A 10.0.0.%d", i);
		say(line);
	}
	return 0;
}

static int group_teardown(void **state)
{
	int status;

	fclose(to);
	fclose(from);
	waitpid(child, &status, 0);
	unlink(anchors);
	rmdir(folder);
	return 0;
}

static void configure(bool dnssec)
{
	const char *servers[] = { server, NULL };
	struct dns_config config = { .servers = servers, .dnssec = dnssec, .anchor = anchors,
		.timeout = 60 };

	assert_int_equal(dns_check(&config, NULL), TCT_OK);
	dns_configure(&config);
}

static int setup(void **state)
{
	memset(&got, 0, sizeof got);
	if (loop_init(NULL) != TCT_OK)
		return -1;
	configure(true);
	return 0;
}

static int teardown(void **state)
{
	dns_stop();
	assert_int_equal(dns_open(), 0);
	loop_fini();
	return 0;
}

static void on_answer(const struct dns_answer *a, void *data)
{
	int calls = got.calls + 1;

	memset(&got, 0, sizeof got);
	got.calls = calls;
	got.status = a->status;
	got.secure = a->secure;
	got.count = a->count;
	snprintf(got.name, sizeof got.name, "%s", a->name);
	snprintf(got.text, sizeof got.text, "%s", a->text);
	if (a->count > 0 && a->records[0].len <= sizeof got.first) {
		got.first_len = a->records[0].len;
		memcpy(got.first, a->records[0].data, got.first_len);
	}
}

static void ask(const char *name, enum dns_type type)
{
	int before = got.calls;

	assert_non_null(dns_ask(name, type, on_answer, NULL));
	assert_int_equal(got.calls, before);
	while (got.calls == before)
		loop_turn(true);
}

static void records_of_an_unsigned_zone(void **state)
{
	ask("a.plain.example", DNS_A);
	assert_int_equal(got.status, DNS_FOUND);
	assert_false(got.secure);
	assert_int_equal(got.count, 2);
	assert_int_equal(got.first_len, 4);
	assert_string_equal(got.name, "a.plain.example");
	ask("a.plain.example", DNS_AAAA);
	assert_int_equal(got.status, DNS_NO_RECORD);
	assert_false(got.secure);
	ask("none.plain.example", DNS_A);
	assert_int_equal(got.status, DNS_NO_NAME);
}

static void a_signed_zone_is_validated(void **state)
{
	ask("a.signed.example", DNS_A);
	assert_int_equal(got.status, DNS_FOUND);
	assert_true(got.secure);
	assert_memory_equal(got.first, "\177\0\0\1", 4);
	ask("a.signed.example", DNS_TLSA);
	assert_int_equal(got.status, DNS_NO_RECORD);
	assert_true(got.secure);
}

static void forged_answers_are_found_out(void **state)
{
	ask("forged.signed.example", DNS_A);
	assert_int_equal(got.status, DNS_BOGUS);
	assert_false(got.secure);
	assert_int_equal(got.count, 0);
	assert_string_not_equal(got.text, "");
	/* Whoever does not want to know it is not told. */
	configure(false);
	ask("forged.signed.example", DNS_A);
	assert_int_equal(got.status, DNS_FOUND);
	assert_false(got.secure);
}

static void aliases_are_followed(void **state)
{
	ask("alias.signed.example", DNS_A);
	assert_int_equal(got.status, DNS_FOUND);
	assert_true(got.secure);
	assert_string_equal(got.name, "a.signed.example");
	ask("away.signed.example", DNS_A);
	assert_int_equal(got.status, DNS_FOUND);
	assert_false(got.secure); /* one step of the way is not signed */
	assert_string_equal(got.name, "a.plain.example");
}

static void servers_that_cannot_say(void **state)
{
	ask("broken.plain.example", DNS_A);
	assert_int_equal(got.status, DNS_FAILED);
	assert_string_not_equal(got.text, "");
}

static void answers_are_bounded(void **state)
{
	ask("many.plain.example", DNS_A); /* by TCP: it is no packet's length */
	assert_int_equal(got.status, DNS_FOUND);
	assert_int_equal(got.count, DNS_RECORDS);
}

static void silence_has_an_end(void **state)
{
	dns_ask("silent.plain.example", DNS_A, on_answer, NULL);
	for (int i = 0; i < 5; i++)
		loop_turn(false);
	assert_int_equal(got.calls, 0);
	loop_clock_advance(60001);
	while (got.calls == 0)
		loop_turn(true);
	assert_int_equal(got.status, DNS_TIMEOUT);
	assert_int_equal(dns_open(), 0);
}

static void cancelled_questions_are_not_answered(void **state)
{
	struct dns_query *q = dns_ask("silent.plain.example", DNS_A, on_answer, NULL);

	dns_cancel(q);
	dns_cancel(dns_ask("a.plain.example", DNS_A, on_answer, NULL));
	dns_cancel(NULL);
	ask("a.signed.example", DNS_A);
	assert_int_equal(got.calls, 1);
	dns_ask("silent.plain.example", DNS_A, on_answer, NULL); /* teardown ends it */
}

static void too_many_are_refused(void **state)
{
	for (size_t i = 0; i <= DNS_QUERIES; i++)
		dns_ask("silent.plain.example", DNS_A, on_answer, NULL);
	while (got.calls == 0)
		loop_turn(true);
	assert_int_equal(got.status, DNS_BUSY); /* teardown ends the others */
}

/* What is open goes on with the new servers. */
static void a_new_configuration_asks_again(void **state)
{
	const char *nobody[] = { "127.0.0.1@1", NULL };
	struct dns_config config = { .servers = nobody, .timeout = 60 };

	dns_configure(&config);
	dns_ask("a.plain.example", DNS_A, on_answer, NULL);
	loop_turn(false);
	configure(true);
	while (got.calls == 0)
		loop_turn(true);
	assert_int_equal(got.status, DNS_FOUND);
}

static void over(struct tct_scope *scope, void *data)
{
	bool *done = data;

	(void)scope;
	*done = true;
}

/* Whoever waits for the wrong event of a descriptor turns all the time. */
static void between_questions_the_loop_sleeps(void **state)
{
	struct tct_scope scope;
	bool done = false;
	int turns = 0;

	ask("a.plain.example", DNS_A);
	scope_init(&scope, NULL);
	assert_non_null(tct_timer_start(&scope, 200, 0, over, &done));
	while (!done) {
		loop_turn(true);
		turns++;
	}
	assert_in_range(turns, 1, 20);
	scope_end(&scope);
}

static void wrong_options_are_named(void **state)
{
	static const char *const wrong[] = { "example.org", "127.0.0.1:53", "127.0.0.1@",
		"127.0.0.1@0", "127.0.0.1@65536", "127.0.0.1@5x", "", "@53", NULL };
	struct dns_config config = { .dnssec = true, .anchor = "/nonexistent/key" };
	const char *servers[] = { NULL, NULL };
	struct tct_error err = { 0 };

	assert_int_equal(dns_check(&config, &err), TCT_EINVAL);
	assert_non_null(strstr(tct_error_text(&err), "dns_trust_anchor"));
	assert_non_null(strstr(tct_error_text(&err), "/nonexistent/key"));
	config.dnssec = false;
	assert_int_equal(dns_check(&config, &err), TCT_OK);
	config.servers = servers;
	for (int i = 0; wrong[i] != NULL; i++) {
		servers[0] = wrong[i];
		assert_int_equal(dns_check(&config, &err), TCT_EINVAL);
		assert_non_null(strstr(tct_error_text(&err), "dns_servers"));
	}
	servers[0] = "2001:db8::1@5353";
	assert_int_equal(dns_check(&config, &err), TCT_OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_of_an_unsigned_zone),
		TEST(a_signed_zone_is_validated),
		TEST(forged_answers_are_found_out),
		TEST(aliases_are_followed),
		TEST(servers_that_cannot_say),
		TEST(answers_are_bounded),
		TEST(silence_has_an_end),
		TEST(cancelled_questions_are_not_answered),
		TEST(too_many_are_refused),
		TEST(a_new_configuration_asks_again),
		TEST(between_questions_the_loop_sleeps),
		TEST(wrong_options_are_named),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/conn.h"
#include "core/base/budget.h"
#include "core/loop/job.h"
#include "core/loop/loop.h"
#include "tests/unit/tls_peer.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the owner of the connection under test saw and what it shall do. */
static struct {
	struct conn *conn;
	struct str seen;    /* all input, "|" after each call */
	size_t use;         /* bytes to use of each input; SIZE_MAX: all */
	bool tls_on_input;  /* start TLS when there is input */
	bool abort_on_input;
	int secured, overflows, deadlines, closed;
	enum conn_reason reason;
} owner;
static struct certset *set, *slow_set;
static const struct tls_params direct = { .alpn = "xmpp-client" };
static const struct tls_params for_anybody = { .host = NULL };
static const struct tls_params for_one = { .host = "one.example" };
static int peer; /* our end */

static void on_secure(struct conn *c, void *user)
{
	owner.secured++;
}

static size_t on_input(struct conn *c, struct span in, void *user)
{
	assert_ptr_equal(c, owner.conn);
	assert_ptr_equal(user, &owner);
	str_append_n(&owner.seen, in.data, in.len);
	str_append_char(&owner.seen, '|');
	if (owner.abort_on_input)
		conn_abort(c);
	if (owner.tls_on_input) {
		owner.tls_on_input = false;
		str_append(conn_output(c), "proceed");
		conn_start_tls(c, set, &for_one);
	}
	return owner.use < in.len ? owner.use : in.len;
}

static void on_overflow(struct conn *c, void *user)
{
	owner.overflows++;
	conn_abort(c);
}

static void on_deadline(struct conn *c, void *user)
{
	owner.deadlines++;
}

static void on_closed(struct conn *c, enum conn_reason reason, void *user)
{
	owner.closed++;
	owner.reason = reason;
	owner.conn = NULL;
}

static const struct conn_callbacks callbacks = { on_secure, on_input, on_overflow, on_deadline,
	on_closed };

static int group_setup(void **state)
{
	static const char *const names[] = { "one.example", NULL };
	struct tcti_certificate one = { .host = NULL };
	struct tcti_tls config = { .certificates = &one, .certificate_count = 1 };

	assert_int_equal(tls_init(NULL), TCT_OK);
	tls_files_make();
	tls_files_certificate("one", names);
	one.host = NULL;
	one.certificate = tls_files_path("one", ".crt");
	one.key = tls_files_path("one", ".key");
	set = certset_new(&config, NULL, false, NULL);
	assert_non_null(set);
	tls_files_certificate_rsa("slow", names);
	one.certificate = tls_files_path("slow", ".crt");
	one.key = tls_files_path("slow", ".key");
	slow_set = certset_new(&config, NULL, false, NULL);
	assert_non_null(slow_set);
	return 0;
}

static int group_teardown(void **state)
{
	certset_unref(set);
	certset_unref(slow_set);
	tls_files_remove();
	tls_fini();
	return 0;
}

static int setup(void **state)
{
	struct addr from;
	int fd[2];

	assert_int_equal(loop_init(NULL), 0);
	loop_on_prepare(0, conns_flush);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	memset(&owner, 0, sizeof owner);
	owner.use = SIZE_MAX;
	assert_true(addr_parse(&from, "192.0.2.1", 40000));
	owner.conn = conn_new(fd[0], &from, &callbacks, &owner);
	peer = fd[1];
	return 0;
}

static void turns(int count)
{
	while (count-- > 0)
		loop_turn(false);
}

static int teardown(void **state)
{
	close(peer);
	turns(3);
	if (owner.conn != NULL)
		conn_abort(owner.conn);
	turns(2);
	assert_int_equal(owner.closed, 1);
	assert_int_equal(conns_count(), 0);
	str_fini(&owner.seen);
	conns_fini();
	loop_fini();
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(send(peer, text, strlen(text), 0), strlen(text));
	turns(2);
}

static const char *hear(void)
{
	static char bytes[65536];
	ssize_t n = recv(peer, bytes, sizeof bytes - 1, 0);

	bytes[n > 0 ? n : 0] = '\0';
	return bytes;
}

static void input_comes_and_output_goes(void **state)
{
	say("hello");
	assert_string_equal(str_text(&owner.seen), "hello|");
	assert_string_equal(conn_address(owner.conn), "192.0.2.1");
	str_append(conn_output(owner.conn), "one ");
	str_append(conn_output(owner.conn), "two");
	assert_int_equal(conn_pending(owner.conn), 7);
	assert_string_equal(hear(), ""); /* at the end of the turn, at once */
	turns(1);
	assert_string_equal(hear(), "one two");
	assert_int_equal(conn_pending(owner.conn), 0);
}

static void unused_input_is_given_again(void **state)
{
	owner.use = 2;
	say("abc");
	say("de");
	assert_string_equal(str_text(&owner.seen), "abc|cde|");
	owner.use = SIZE_MAX;
	say("f");
	assert_string_equal(str_text(&owner.seen), "abc|cde|ef|");
}

static void too_much_unused_input_is_an_overflow(void **state)
{
	conn_set_input_limit(owner.conn, 8);
	owner.use = 0;
	say("12345678");
	assert_int_equal(owner.overflows, 0);
	say("9");
	assert_int_equal(owner.overflows, 1);
	turns(1);
	assert_int_equal(owner.closed, 1);
}

static void a_paused_connection_is_not_read(void **state)
{
	owner.use = 1;
	say("ab");
	conn_pause(owner.conn);
	say("c");
	assert_string_equal(str_text(&owner.seen), "ab|");
	owner.use = SIZE_MAX;
	conn_resume(owner.conn);
	turns(2);
	/* What was left is given without new input; what came meanwhile after it. */
	assert_true(strcmp(str_text(&owner.seen), "ab|b|c|") == 0 ||
		strcmp(str_text(&owner.seen), "ab|bc|") == 0);
}

static void a_callback_may_end_its_connection(void **state)
{
	owner.abort_on_input = true;
	say("x");
	assert_int_equal(owner.closed, 1);
	assert_string_equal(str_text(&owner.seen), "x|");
}

static void the_peer_closes(void **state)
{
	shutdown(peer, SHUT_WR);
	turns(2);
	assert_int_equal(owner.closed, 1);
	assert_int_equal(owner.reason, CONN_CLOSED);
}

/* A peer that does not read costs memory that can be counted, and nobody else waits. */
static void a_slow_reader_gets_everything(void **state)
{
	static char block[100000];
	size_t total = 0, want = 20 * sizeof block;

	memset(block, 'x', sizeof block);
	for (int i = 0; i < 20; i++)
		str_append_n(conn_output(owner.conn), block, sizeof block);
	turns(3);
	assert_true(conn_pending(owner.conn) > 0);
	while (total < want) {
		ssize_t n = recv(peer, block, sizeof block, 0);

		if (n > 0)
			total += (size_t)n;
		turns(1);
	}
	assert_int_equal(conn_pending(owner.conn), 0);
}

/* What it holds counts while it holds it. */
/* ---- many at once ---- */

#define MANY 150

static size_t ignore_input(struct conn *c, struct span in, void *user)
{
	return in.len;
}

static void ignore(struct conn *c, void *user)
{
}

static void count_end(struct conn *c, enum conn_reason reason, void *user)
{
	++*(int *)user;
}

static const struct conn_callbacks silent = { ignore, ignore_input, ignore, ignore, count_end };

/* Connections whose output leaves in one turn: each gets its own, also one that is slow and one
 * that ends; one that is cut harms no other. */
static void many_are_sent_to_at_once(void **state)
{
	struct conn *conns[MANY];
	static char block[4 * 1024 * 1024];
	int ends[MANY] = { 0 }, peers[MANY];
	struct str all = { 0 };
	struct addr from;
	char text[32], got[64];
	ssize_t n;

	assert_true(addr_parse(&from, "192.0.2.1", 40000));
	for (int i = 0; i < MANY; i++) {
		int fd[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
		conns[i] = conn_new(fd[0], &from, &silent, &ends[i]);
		peers[i] = fd[1];
	}
	close(peers[7]);
	str_append_n(conn_output(conns[3]), block, sizeof block);
	conn_shutdown(conns[5], 10);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++) {
			struct str *out = ends[i] == 0 ? conn_output(conns[i]) : NULL;

			if (out != NULL)
				str_printf(out, "%d for %d", round, i);
		}
		turns(1);
		for (int i = 0; i < MANY; i++) {
			if (i == 3 || i == 5 || i == 7)
				continue;
			n = recv(peers[i], got, sizeof got, 0);
			snprintf(text, sizeof text, "%d for %d", round, i);
			assert_int_equal(n, strlen(text));
			assert_memory_equal(got, text, (size_t)n);
		}
	}
	assert_int_equal(ends[7], 1);
	assert_int_equal(recv(peers[5], got, sizeof got, 0), 0);
	while (all.len < sizeof block + strlen("0 for 31 for 3")) {
		n = recv(peers[3], block, sizeof block, 0);
		if (n > 0)
			str_append_n(&all, block, (size_t)n);
		turns(1);
	}
	assert_string_equal(str_text(&all) + sizeof block, "0 for 31 for 3");
	str_fini(&all);
	for (int i = 0; i < MANY; i++) {
		if (i != 7)
			close(peers[i]);
	}
	turns(4);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(ends[i], 1);
}

static void the_budget_knows(void **state)
{
	static char block[1000000];

	owner.use = 1;
	say("abcd");
	assert_int_equal(budget_used(BUDGET_STREAMS), 3);
	owner.use = SIZE_MAX;
	say("e");
	assert_int_equal(budget_used(BUDGET_STREAMS), 0);
	str_append_n(conn_output(owner.conn), block, sizeof block);
	turns(1);
	assert_true(conn_pending(owner.conn) > 0);
	assert_int_equal(budget_used(BUDGET_QUEUES), conn_pending(owner.conn));
	while (conn_pending(owner.conn) > 0) {
		hear();
		turns(1);
	}
	assert_int_equal(budget_used(BUDGET_QUEUES), 0);
	/* It may end with both. */
	owner.use = 0;
	say("f");
	str_append_n(conn_output(owner.conn), block, sizeof block);
	turns(1);
	assert_true(budget_used(BUDGET_QUEUES) > 0);
	conn_abort(owner.conn);
	turns(1);
	assert_int_equal(owner.closed, 1);
	assert_int_equal(budget_total(), 0);
}

static void shutdown_sends_what_is_collected(void **state)
{
	str_append(conn_output(owner.conn), "bye");
	conn_shutdown(owner.conn, 5);
	assert_null(conn_output(owner.conn));
	turns(2);
	assert_string_equal(hear(), "bye");
	assert_int_equal(recv(peer, &(char){ 0 }, 1, 0), 0);
	assert_int_equal(owner.closed, 0); /* waits for the other end */
	say("too late");
	assert_string_equal(str_text(&owner.seen), "");
	shutdown(peer, SHUT_WR);
	turns(2);
	assert_int_equal(owner.closed, 1);
	assert_int_equal(owner.reason, CONN_CLOSED);
}

static void shutdown_does_not_wait_for_ever(void **state)
{
	conn_shutdown(owner.conn, 5);
	turns(2);
	assert_int_equal(owner.closed, 0);
	loop_clock_advance(6000);
	turns(3);
	assert_int_equal(owner.closed, 1);
	assert_int_equal(owner.reason, CONN_TIMEOUT);
}

static void a_deadline_comes_once(void **state)
{
	conn_set_deadline(owner.conn, 10);
	loop_clock_advance(9000);
	turns(3);
	assert_int_equal(owner.deadlines, 0);
	loop_clock_advance(3000);
	turns(3);
	loop_clock_advance(60000);
	turns(3);
	assert_int_equal(owner.deadlines, 1);
	assert_int_equal(owner.closed, 0);
}

/* ---- TLS ---- */

/* Sends at most `piece` bytes at once of what the client has to say. */
static void converse(struct tls_peer *p, size_t piece)
{
	char bytes[16384];
	bool talking = true;
	ssize_t n;

	while (talking && owner.closed == 0) {
		talking = false;
		if (!p->open && p->error == 0)
			tls_peer_handshake(p);
		if (p->out.len > 0) {
			size_t len = p->out.len < piece ? p->out.len : piece;

			assert_int_equal(send(peer, p->out.data, len, MSG_NOSIGNAL), len);
			str_consume(&p->out, len);
			talking = true;
		}
		turns(2);
		while ((n = recv(peer, bytes, sizeof bytes, 0)) > 0) {
			str_append_n(&p->in, bytes, (size_t)n);
			talking = true;
		}
	}
}

/* Clear text behind the request for TLS is thrown away: it never looks like it came through
 * TLS. */
static void tls_begins_with_the_next_byte(void **state)
{
	struct tls_peer p;

	owner.tls_on_input = true;
	owner.use = 10;
	say("<starttls/><injected/>");
	assert_string_equal(hear(), "proceed");
	owner.use = SIZE_MAX;
	str_clear(&owner.seen);
	tls_peer_init(&p, "one.example", NULL, NULL, NULL);
	converse(&p, 100000);
	assert_true(p.open);
	assert_int_equal(owner.secured, 1);
	assert_true(conn_secured(owner.conn));
	tls_peer_write(&p, "safe");
	converse(&p, 100000);
	assert_string_equal(str_text(&owner.seen), "safe|");
	tls_peer_fini(&p);
}

static void tls_in_single_bytes(void **state)
{
	struct tls_peer p;
	struct str plain;

	str_init(&plain);
	conn_start_tls(owner.conn, set, &direct);
	tls_peer_init(&p, "one.example", "xmpp-client", NULL, NULL);
	converse(&p, 1);
	assert_true(p.open);
	tls_peer_write(&p, "drip");
	converse(&p, 1);
	assert_string_equal(str_text(&owner.seen), "drip|");
	str_append(conn_output(owner.conn), "drop");
	turns(1);
	converse(&p, 1);
	assert_true(tls_peer_read(&p, &plain));
	assert_string_equal(str_text(&plain), "drop");
	str_fini(&plain);
	tls_peer_fini(&p);
}

/* Each stanza in a record of its own, all in one segment: nothing may wait for more. */
static void many_records_in_one_read(void **state)
{
	struct tls_peer p;

	conn_start_tls(owner.conn, set, &for_anybody);
	tls_peer_init(&p, "one.example", NULL, NULL, NULL);
	converse(&p, 100000);
	tls_peer_write(&p, "a");
	tls_peer_write(&p, "b");
	tls_peer_write(&p, "c");
	converse(&p, 100000);
	assert_string_equal(str_text(&owner.seen), "abc|");
	tls_peer_fini(&p);
}

static void an_end_without_goodbye_is_a_cut(void **state)
{
	struct tls_peer p;

	conn_start_tls(owner.conn, set, &for_anybody);
	tls_peer_init(&p, "one.example", NULL, NULL, NULL);
	converse(&p, 100000);
	shutdown(peer, SHUT_WR);
	turns(2);
	assert_int_equal(owner.closed, 1);
	assert_int_equal(owner.reason, CONN_CUT);
	tls_peer_fini(&p);
}

static void a_goodbye_is_an_end(void **state)
{
	struct tls_peer p;

	conn_start_tls(owner.conn, set, &for_anybody);
	tls_peer_init(&p, "one.example", NULL, NULL, NULL);
	converse(&p, 100000);
	gnutls_bye(p.session, GNUTLS_SHUT_WR);
	converse(&p, 100000);
	turns(2);
	assert_int_equal(owner.closed, 1);
	assert_int_equal(owner.reason, CONN_CLOSED);
	tls_peer_fini(&p);
}

static void clear_text_where_tls_should_be(void **state)
{
	conn_start_tls(owner.conn, set, &direct);
	say("<?xml version='1.0'?>");
	assert_int_equal(owner.closed, 1);
	assert_int_equal(owner.reason, CONN_TLS);
	assert_string_equal(str_text(&owner.seen), "");
}

/* Turns until the client is through, or nothing has come for long. */
static void converse_slowly(struct tls_peer *p, int most)
{
	char bytes[16384];
	ssize_t n;

	for (int i = 0; i < most && !p->open && owner.closed == 0; i++) {
		tls_peer_handshake(p);
		if (p->out.len > 0)
			assert_int_equal(send(peer, p->out.data, p->out.len, MSG_NOSIGNAL), p->out.len);
		str_clear(&p->out);
		loop_turn(i > 1 && job_count() > 0);
		while ((n = recv(peer, bytes, sizeof bytes, 0)) > 0)
			str_append_n(&p->in, bytes, (size_t)n);
	}
	turns(2);
}

/* An RSA key signs on a worker, and what came meanwhile is not lost. */
static void a_worker_shakes_hands(void **state)
{
	struct tls_peer p;

	conn_start_tls(owner.conn, slow_set, &direct);
	tls_peer_init(&p, "one.example", NULL, NULL, NULL);
	converse_slowly(&p, 1000);
	assert_true(p.open);
	if (p.out.len > 0)
		send(peer, p.out.data, p.out.len, MSG_NOSIGNAL);
	str_clear(&p.out);
	turns(3);
	assert_int_equal(owner.secured, 1);
	tls_peer_write(&p, "safe");
	converse(&p, 100000);
	assert_string_equal(str_text(&owner.seen), "safe|");
	tls_peer_fini(&p);
	job_stop();
}

static void the_connection_ends_while_a_worker_has_it(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct tls_peer p;

		conn_start_tls(owner.conn, slow_set, &direct);
		tls_peer_init(&p, "one.example", NULL, NULL, NULL);
		tls_peer_handshake(&p);
		assert_int_equal(send(peer, p.out.data, p.out.len, MSG_NOSIGNAL), p.out.len);
		turns(1);
		assert_int_equal(job_count(), 1);
		if (i == 0)
			conn_abort(owner.conn);
		else if (i == 1)
			conn_shutdown(owner.conn, 1);
		else
			close(peer);
		turns(2);
		job_stop();
		tls_peer_fini(&p);
		if (i < 2) {
			teardown(NULL);
			setup(NULL);
		}
	}
	peer = -1;
}

/* Our own connections: the first word is ours. */
static void we_begin_as_client(void **state)
{
	static const struct tls_params as_client = { .client = true, .host = "one.example" };
	struct tls *t = tls_new(set, &for_anybody);
	struct str in = { 0 }, out = { 0 }, plain = { 0 };
	char bytes[16384];
	ssize_t n;

	conn_start_tls(owner.conn, set, &as_client);
	for (int i = 0; i < 10; i++) {
		size_t used;

		while ((n = recv(peer, bytes, sizeof bytes, 0)) > 0)
			str_append_n(&in, bytes, (size_t)n);
		assert_int_not_equal(tls_feed(t, str_span(&in), &used, &out, &plain), TLS_FAILED);
		str_consume(&in, used);
		if (owner.secured == 1 && i == 5)
			assert_true(tls_write(t, span_of("hi"), &out));
		if (out.len > 0)
			assert_int_equal(send(peer, out.data, out.len, 0), out.len);
		str_clear(&out);
		turns(2);
	}
	assert_int_equal(owner.secured, 1);
	assert_string_equal(str_text(&owner.seen), "hi|");
	assert_non_null(conn_peer_of(owner.conn));
	assert_true(conn_serves(owner.conn, "anything.example"));
	str_fini(&in);
	str_fini(&out);
	str_fini(&plain);
	tls_free(t);
}

/* Handshake records without end are refused before they cost much. */
static void a_handshake_is_bounded(void **state)
{
	char record[5 + 1000] = { 22, 3, 3, 1000 >> 8, 1000 & 255 };

	conn_start_tls(owner.conn, set, &direct);
	for (int i = 0; i < 100 && owner.closed == 0; i++) {
		send(peer, record, sizeof record, MSG_NOSIGNAL);
		turns(2);
	}
	assert_int_equal(owner.closed, 1);
	assert_int_equal(owner.reason, CONN_TLS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(input_comes_and_output_goes),
		TEST(unused_input_is_given_again),
		TEST(too_much_unused_input_is_an_overflow),
		TEST(a_paused_connection_is_not_read),
		TEST(a_callback_may_end_its_connection),
		TEST(the_peer_closes),
		TEST(a_slow_reader_gets_everything),
		TEST(many_are_sent_to_at_once),
		TEST(the_budget_knows),
		TEST(shutdown_sends_what_is_collected),
		TEST(shutdown_does_not_wait_for_ever),
		TEST(a_deadline_comes_once),
		TEST(tls_begins_with_the_next_byte),
		TEST(tls_in_single_bytes),
		TEST(many_records_in_one_read),
		TEST(an_end_without_goodbye_is_a_cut),
		TEST(a_goodbye_is_an_end),
		TEST(clear_text_where_tls_should_be),
		TEST(a_worker_shakes_hands),
		TEST(the_connection_ends_while_a_worker_has_it),
		TEST(we_begin_as_client),
		TEST(a_handshake_is_bounded),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/net/listen.h"
#include "core/base/error.h"
#include "core/loop/loop.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static int accepted[64];
static int accepted_count;
static struct addr local;

static void on_accept(void *data, int fd, const struct addr *peer)
{
	assert_string_equal(data, "data");
	assert_true(addr_is_loopback(peer));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	accepted[accepted_count++] = fd;
}

static int setup(void **state)
{
	accepted_count = 0;
	assert_true(addr_parse(&local, "127.0.0.1", 0));
	return loop_init(NULL);
}

static int teardown(void **state)
{
	for (int i = 0; i < accepted_count; i++)
		close(accepted[i]);
	loop_fini();
	return 0;
}

static char data[] = "data";

static struct listen *open_here(void)
{
	struct listen *l = listen_open(&local, on_accept, data, NULL);

	assert_non_null(l);
	assert_true(addr_parse(&local, "127.0.0.1", listen_port(l)));
	return l;
}

static int connect_here(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &local.sa, addr_len(&local)), 0);
	return fd;
}

static void port_zero_is_a_free_one(void **state)
{
	struct listen *l = open_here();
	int fd;

	assert_int_not_equal(listen_port(l), 0);
	fd = connect_here();
	loop_turn(false);
	assert_int_equal(accepted_count, 0); /* not started */
	listen_start(l);
	loop_turn(true);
	assert_int_equal(accepted_count, 1);
	close(fd);
	listen_close(l);
}

static void all_that_wait_are_accepted_at_once(void **state)
{
	struct listen *l = open_here();
	int fd[20];

	for (int i = 0; i < 20; i++)
		fd[i] = connect_here();
	listen_start(l);
	loop_turn(true);
	assert_int_equal(accepted_count, 20);
	for (int i = 0; i < 20; i++)
		close(fd[i]);
	listen_close(l);
}

static void a_port_that_is_taken_is_named(void **state)
{
	struct listen *l = open_here();
	struct tct_error err = { 0 };
	char port[16];

	assert_null(listen_open(&local, on_accept, data, &err));
	snprintf(port, sizeof port, "%u", listen_port(l));
	assert_non_null(strstr(tct_error_text(&err), port));
	assert_non_null(strstr(tct_error_text(&err), "127.0.0.1"));
	listen_close(l);
}

/* No descriptor is left: whoever waits is refused, nothing spins, and it goes on afterwards. */
static void it_survives_without_descriptors(void **state)
{
	struct listen *l = open_here();
	struct rlimit limit, before;
	int fd = connect_here(), next;
	char c;

	listen_start(l);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	next = dup(fd); /* the lowest free number */
	assert_true(next >= 0);
	close(next);
	limit = before;
	limit.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	loop_turn(true);
	assert_int_equal(accepted_count, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);

	fd = connect_here();
	loop_turn(false);
	assert_int_equal(accepted_count, 0); /* it pauses */
	loop_clock_advance(1000);
	while (accepted_count == 0)
		loop_turn(true);
	assert_int_equal(accepted_count, 1);
	close(fd);
	listen_close(l);
}

/* systemd's socket activation: descriptors from 3 on belong to us. */
static int passed_setup(void **state)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof local;

	assert_true(addr_parse(&local, "127.0.0.1", 0));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, &local.sa, addr_len(&local)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, &local.sa, &len), 0);
	if (fd != 3) {
		assert_int_equal(dup2(fd, 3), 3);
		close(fd);
	}
	accepted_count = 0;
	return loop_init(NULL);
}

static void a_passed_socket_is_taken(void **state)
{
	struct listen *l;
	char pid[16];
	int client;

	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	l = listen_open(&local, on_accept, data, NULL);
	assert_non_null(l); /* a second socket could not have this port */
	client = connect_here();
	listen_start(l);
	loop_turn(true);
	assert_int_equal(accepted_count, 1);
	close(client);
	listen_close(l);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(port_zero_is_a_free_one, setup, teardown),
		cmocka_unit_test_setup_teardown(all_that_wait_are_accepted_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_that_is_taken_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(it_survives_without_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(a_passed_socket_is_taken, passed_setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

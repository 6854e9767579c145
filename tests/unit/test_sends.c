/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_sends.c - the same with and without io_uring; where the kernel forbids it, all of it is
 * without. */
#include "core/net/sends.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT 150 /* more than a ring takes at once */

static int ours[COUNT], theirs[COUNT];
static struct send_one sends[COUNT];
static char texts[COUNT][16];

static int setup(void **state)
{
	const bool *ring = *state;

	for (int i = 0; i < COUNT; i++) {
		int fd[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
		ours[i] = fd[0];
		theirs[i] = fd[1];
		snprintf(texts[i], sizeof texts[i], "text %d", i);
		sends[i] = (struct send_one){ .fd = fd[0], .bytes = span_of(texts[i]),
			.result = -1 };
	}
	sends_allow_ring(*ring);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT; i++) {
		close(ours[i]);
		close(theirs[i]);
	}
	sends_fini();
	return 0;
}

static void assert_got(int i)
{
	char got[64] = "";

	assert_int_equal(sends[i].result, strlen(texts[i]));
	assert_int_equal(recv(theirs[i], got, sizeof got, 0), strlen(texts[i]));
	assert_string_equal(got, texts[i]);
}

static void each_gets_its_own(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		sends_run(sends, COUNT);
		for (int i = 0; i < COUNT; i++)
			assert_got(i);
	}
	sends_run(sends, 0);
	sends_run(sends, 1);
	assert_got(0);
}

/* One that takes nothing, one that takes a part, one that has gone: the others do not notice. */
static void each_has_its_own_result(void **state)
{
	static char much[4 * 1024 * 1024];
	char block[4096];
	size_t came = 0;
	ssize_t n;

	(void)state;
	while (send(ours[1], much, sizeof much, MSG_NOSIGNAL) > 0)
		;
	sends[3].bytes = span_make(much, sizeof much);
	close(theirs[5]);
	sends_run(sends, COUNT);
	assert_int_equal(sends[1].result, 0);
	assert_true(sends[3].result > 0 && (size_t)sends[3].result < sizeof much);
	assert_int_equal(sends[5].result, -EPIPE);
	while ((n = recv(theirs[3], block, sizeof block, 0)) > 0)
		came += (size_t)n;
	assert_int_equal(came, sends[3].result);
	for (int i = 0; i < COUNT; i++) {
		if (i != 1 && i != 3 && i != 5)
			assert_got(i);
	}
	theirs[5] = dup(0);
}

/* The descriptor of the ring; -1: there is none. */
static int ring_fd(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int found = -1;

	assert_non_null(dir);
	for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
		char target[64] = "";

		if (readlinkat(dirfd(dir), d->d_name, target, sizeof target - 1) > 0 &&
			strcmp(target, "anon_inode:[io_uring]") == 0)
			found = (int)strtol(d->d_name, NULL, 10);
	}
	closedir(dir);
	return found;
}

static void a_ring_only_for_many_and_when_allowed(void **state)
{
	const bool *ring = *state;
	bool used;

	assert_false(sends_use_ring(1));
	assert_int_equal(ring_fd(), -1);
	used = sends_use_ring(COUNT);
	assert_int_equal(used, ring_fd() >= 0);
	if (!*ring)
		assert_int_equal(ring_fd(), -1);
	sends_allow_ring(false); /* the configuration was changed */
	assert_int_equal(ring_fd(), -1);
	each_gets_its_own(state);
	assert_int_equal(ring_fd(), -1);
}

static void what_the_kernel_refuses_is_done_without(void **state)
{
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_false(sends_use_ring(COUNT));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	each_gets_its_own(state);
	assert_false(sends_use_ring(COUNT)); /* it is not asked again */
}

static void a_ring_that_breaks_loses_nothing(void **state)
{
	int fd;

	sends_use_ring(COUNT);
	fd = ring_fd();
	if (fd >= 0)
		assert_int_equal(dup2(ours[0], fd), fd); /* now it is no ring */
	each_gets_its_own(state);
	assert_false(fd >= 0 && sends_use_ring(COUNT));
}

static bool with = true, without = false;

#define TEST(name, ring) { #name " (" #ring " io_uring)", name, setup, teardown, &ring }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_gets_its_own, with),
		TEST(each_gets_its_own, without),
		TEST(each_has_its_own_result, with),
		TEST(each_has_its_own_result, without),
		TEST(a_ring_only_for_many_and_when_allowed, with),
		TEST(a_ring_only_for_many_and_when_allowed, without),
		TEST(what_the_kernel_refuses_is_done_without, with),
		TEST(a_ring_that_breaks_loses_nothing, with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

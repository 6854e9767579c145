/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* listen.c - see listen.h. */
#include "core/net/listen.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024
#define BURST 64         /* accepted in one turn */
#define FULL_WAIT_MS 200 /* without descriptors: pause, do not spin */
#define FIRST_PASSED 3   /* sd_listen_fds(3) */

struct listen {
	struct loop_io io;
	struct tct_scope scope; /* of the pause */
	listen_fn *fn;
	void *data;
	int fd, spare; /* spare: given up to refuse somebody when there are no others */
	uint16_t port;
};

static int passed_fd(const struct addr *at)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long count = fds != NULL ? strtol(fds, NULL, 10) : 0;

	if (pid == NULL || strtol(pid, NULL, 10) != (long)getpid())
		return -1;
	for (int fd = FIRST_PASSED; fd < FIRST_PASSED + count; fd++) {
		struct addr a = { 0 };
		socklen_t len = sizeof a;

		if (getsockname(fd, &a.sa, &len) == 0 && addr_equal(&a, at))
			return fd;
	}
	return -1;
}

static int open_fd(const struct addr *at, struct tct_error *err)
{
	int fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	char text[ADDR_TEXT];

	addr_text(at, text);
	if (fd < 0) {
		tct_error_set(err, TCT_EIO, "cannot make a socket for \"%s\" (%s)", text,
			strerror(errno));
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* "::" is for both families. */
	if (at->sa.sa_family == AF_INET6) {
		on = 0;
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	}
	if (bind(fd, &at->sa, addr_len(at)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	tct_error_set(err, TCT_EIO, "cannot listen on \"%s\" port %u (%s)", text, addr_port(at),
		strerror(errno));
	close(fd);
	return -1;
}

static void go_on(struct tct_scope *scope, void *data)
{
	struct listen *l = data;

	(void)scope;
	loop_io_set(&l->io, EV_READ);
}

/* The one that waits is accepted with the spare descriptor and closed: it hears of it. */
static void refuse_one(struct listen *l)
{
	static int64_t said;
	int fd;

	if (tct_monotonic() - said > 60) {
		said = tct_monotonic();
		log_error("no descriptor is left: connections are refused (raise LimitNOFILE)");
	}
	close(l->spare);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop_io_set(&l->io, 0);
	tct_timer_start(&l->scope, FULL_WAIT_MS, 0, go_on, l);
}

static void readable(struct loop_io *w, int events)
{
	struct listen *l = (struct listen *)w;

	(void)events;
	for (int i = 0; i < BURST; i++) {
		struct addr peer = { 0 };
		socklen_t len = sizeof peer;
		int fd = accept4(l->fd, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			l->fn(l->data, fd, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			refuse_one(l);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

struct listen *listen_open(const struct addr *at, listen_fn *fn, void *data,
	struct tct_error *err)
{
	int fd = passed_fd(at);
	struct addr real = { 0 };
	socklen_t len = sizeof real;
	struct listen *l;

	if (fd < 0)
		fd = open_fd(at, err);
	if (fd < 0)
		return NULL;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	l = mem_zalloc(sizeof *l);
	l->fd = fd;
	l->fn = fn;
	l->data = data;
	l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	scope_init(&l->scope, NULL);
	loop_io_init(&l->io, fd, readable);
	if (getsockname(fd, &real.sa, &len) == 0)
		l->port = addr_port(&real);
	return l;
}

void listen_start(struct listen *l)
{
	loop_io_set(&l->io, EV_READ);
}

uint16_t listen_port(const struct listen *l)
{
	return l->port;
}

void listen_close(struct listen *l)
{
	scope_end(&l->scope);
	loop_io_set(&l->io, 0);
	close(l->fd);
	if (l->spare >= 0)
		close(l->spare);
	free(l);
}

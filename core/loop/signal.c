/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* signal.c - see signal.h: one signalfd, so that no handler interrupts anything. */
#include "core/loop/signal.h"

#include "core/base/assert.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct loop_io io;
static int fd = -1;
static sigset_t set;
static void (*functions[NSIG])(int);

static void readable(struct loop_io *w, int events)
{
	struct signalfd_siginfo info;

	(void)w;
	(void)events;
	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo < NSIG && functions[info.ssi_signo] != NULL)
			functions[info.ssi_signo]((int)info.ssi_signo);
	}
}

void signal_block(void)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGUSR1);
#ifdef TERCET_TEST_HOOKS
	sigaddset(&ours, SIGUSR2);
#endif
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
}

void signal_on(int signum, void (*fn)(int signum))
{
	if (fd < 0)
		sigemptyset(&set);
	functions[signum] = fn;
	sigaddset(&set, signum);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (fd >= 0) {
		signalfd(fd, &set, SFD_NONBLOCK | SFD_CLOEXEC);
		return;
	}
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	tct_assert(fd >= 0);
	loop_io_init(&io, fd, readable);
	loop_io_set(&io, EV_READ);
}

void signal_fini(void)
{
	if (fd < 0)
		return;
	loop_io_set(&io, 0);
	close(fd);
	fd = -1;
}

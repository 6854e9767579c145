/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* restart.c - the server starts itself again: the program on disk, which an upgrade may have
 * replaced, checks its configuration first; then this process stops in order and becomes that
 * program. It keeps its number, so that a service manager sees a reload. */
#include "core/server/server.h"

#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/loop/job.h"

#include <tercet/internal/server.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 4000

extern char **environ;

static char **arguments; /* main's */
static char *program, *library_path;
static bool wanted;

void tcti_restartable(char **argv)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
	const char *libraries = getenv("LD_LIBRARY_PATH");

	arguments = argv;
	if (len > 0)
		program = mem_strndup(path, (size_t)len);
	library_path = libraries != NULL ? mem_strdup(libraries) : NULL;
}

struct check {
	tcti_reload_fn *fn;
	void *data;
	char *config;
	struct str output;
	int status; /* of waitpid; -1: it did not start */
};

static void free_check(void *data)
{
	struct check *c = data;

	str_fini(&c->output);
	free(c->config);
	free(c);
}

/* What the other process finds where our modules and libraries are. */
static char **its_environment(char *setting)
{
	size_t n = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	env = mem_array(n + 2, sizeof *env);
	memcpy(env, environ, n * sizeof *env);
	env[n] = setting;
	env[n + (setting != NULL)] = NULL;
	return env;
}

static void read_output(int fd, struct str *out)
{
	char bytes[1024];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0 && out->len + (size_t)n < OUTPUT_MAX)
			str_append_n(out, bytes, (size_t)n);
	}
}

/* On a worker: "tercetd --check" of the program on disk. */
static void run_check(void *data)
{
	struct check *c = data;
	char flag[] = "--check", option[] = "--config";
	char *argv[] = { program, flag, option, c->config, NULL };
	posix_spawn_file_actions_t files;
	struct str setting = { 0 };
	char **env;
	int ends[2];
	pid_t pid;

	c->status = -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	if (library_path != NULL)
		str_printf(&setting, "LD_LIBRARY_PATH=%s", library_path);
	env = its_environment(library_path != NULL ? (char *)str_text(&setting) : NULL);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, ends[1], STDERR_FILENO);
	if (posix_spawn(&pid, program, &files, NULL, argv, env) != 0)
		pid = -1;
	close(ends[1]);
	if (pid > 0) {
		read_output(ends[0], &c->output);
		while (waitpid(pid, &c->status, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	posix_spawn_file_actions_destroy(&files);
	free(env);
	str_fini(&setting);
}

static void checked(struct tct_scope *scope, void *data)
{
	struct check *c = data;

	(void)scope;
	if (c->status == 0) {
		wanted = true;
		c->fn(TCT_OK, "the server starts again", c->data);
		tcti_server_stop();
	} else if (c->status < 0) {
		c->fn(TCT_EIO, "the program cannot be started: nothing changes", c->data);
	} else {
		while (c->output.len > 0 && c->output.data[c->output.len - 1] == '\n')
			c->output.len--;
		c->fn(TCT_EINVAL, str_text(&c->output), c->data);
	}
}

void tcti_server_restart(tcti_reload_fn *fn, void *data)
{
	struct check *c;

	if (program == NULL || wanted) {
		fn(TCT_EBUSY, wanted ? "the server starts again already" :
				       "where the program is cannot be found out",
			data);
		return;
	}
	c = mem_zalloc(sizeof *c);
	c->fn = fn;
	c->data = data;
	c->config = mem_strdup(server_config_path());
	tct_job(server_scope(), run_check, checked, free_check, c);
}

bool restart_wanted(void)
{
	return wanted;
}

int restart_exec(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (library_path != NULL)
		setenv("LD_LIBRARY_PATH", library_path, 1);
	execv(program, arguments);
	fprintf(stderr, "tercetd: cannot start \"%s\" again (%s)\n", program, strerror(errno));
	return 1;
}

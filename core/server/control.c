/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control.c - see control.h: the socket, its clients, and the same requests without a
 * server. */
#include "core/server/control.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/scope.h"
#include "core/base/str.h"
#include "core/loop/loop.h"
#include "core/server/server.h"
#include "core/server/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16

struct request {
	struct control_call call; /* first */
	struct tct_scope scope;
	json_t *json; /* arguments are borrowed from it */
	void (*done)(struct request *r, char *answer); /* takes the answer */
	void *data;
};

struct client {
	struct loop_io io; /* first */
	struct list link;
	struct str in, out;
	struct request *request;
	int fd;
};

static struct loop_io listener;
static int listen_fd = -1, folder_fd = -1;
static struct list clients = { &clients, &clients };
static unsigned client_count;

/* ---- the table ---- */

const struct tcti_control_command *tcti_control_command(size_t i)
{
	return control_entries[i].command.name != NULL ? &control_entries[i].command : NULL;
}

static const struct control_entry *find(const char *name)
{
	for (const struct control_entry *e = control_entries; e->command.name != NULL; e++) {
		if (strcmp(e->command.name, name) == 0)
			return e;
	}
	return NULL;
}

const struct tcti_control_command *tcti_control_find(const char *name)
{
	const struct control_entry *e = find(name);

	return e != NULL ? &e->command : NULL;
}

/* ---- requests ---- */

static void request_free(struct request *r)
{
	scope_end(&r->scope);
	json_decref(r->call.rows);
	json_decref(r->json);
	free(r);
}

static void answered(struct control_call *call, int status, const char *text)
{
	struct request *r = (struct request *)call;
	json_t *answer = json_pack("{s:i, s:s, s:O}", "status", status, "text", text, "rows",
		call->rows);
	char *line = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	r->done(r, line != NULL ? line : mem_strdup("{\"status\":-4,\"text\":\"\",\"rows\":[]}"));
}

void control_answer(struct control_call *call, int status, const char *fmt, ...)
{
	struct str text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(&text, fmt, ap);
	va_end(ap);
	call->answered(call, status, str_text(&text));
	str_fini(&text);
}

static bool read_args(struct request *r)
{
	json_t *args = json_object_get(r->json, "args"), *arg;
	size_t i;

	json_array_foreach (args, i, arg) {
		if (i >= sizeof r->call.args / sizeof *r->call.args || !json_is_string(arg))
			return false;
		r->call.args[r->call.arg_count++] = json_string_value(arg);
	}
	return true;
}

/* Starts the request of one line; `done` is called once, perhaps inside this call. */
static struct request *request_start(const char *line, bool offline,
	void (*done)(struct request *, char *), void *data)
{
	struct request *r = mem_zalloc(sizeof *r);
	const struct control_entry *e;
	const char *name, *input;

	scope_init(&r->scope, NULL);
	r->call.scope = &r->scope;
	r->call.rows = json_array();
	r->call.answered = answered;
	r->done = done;
	r->data = data;
	r->json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	name = json_string_value(json_object_get(r->json, "command"));
	input = json_string_value(json_object_get(r->json, "input"));
	r->call.input = input != NULL ? input : "";
	e = name != NULL ? find(name) : NULL;
	if (e == NULL || !read_args(r))
		control_answer(&r->call, TCT_EINVAL, "no such command");
	else if (r->call.arg_count < e->command.min || r->call.arg_count > e->command.max)
		control_answer(&r->call, TCT_EINVAL, "usage: %s %s", e->command.name,
			e->command.arguments);
	else if (offline && (e->command.flags & TCTI_CONTROL_OFFLINE) == 0)
		control_answer(&r->call, TCT_ENOENT, "no server is running");
	else
		e->run(&r->call);
	return r;
}

/* ---- clients ---- */

static void client_free(struct client *c)
{
	loop_io_set(&c->io, 0);
	close(c->fd);
	list_remove(&c->link);
	client_count--;
	if (c->request != NULL)
		request_free(c->request);
	mem_wipe(c->in.data, c->in.room); /* passwords came through it */
	str_fini(&c->in);
	str_fini(&c->out);
	free(c);
}

static void client_write(struct client *c)
{
	while (c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			loop_io_set(&c->io, EV_WRITE);
			return;
		}
		if (n < 0)
			break;
		str_consume(&c->out, (size_t)n);
	}
	client_free(c);
}

static void client_answer(struct request *r, char *answer)
{
	struct client *c = r->data;

	str_append(&c->out, answer);
	str_append_char(&c->out, '\n');
	free(answer);
	/* Written from the loop: the request may still be inside its first call. */
	loop_io_set(&c->io, EV_WRITE);
}

static void client_read(struct client *c)
{
	char buf[16384];
	ssize_t n = recv(c->fd, buf, sizeof buf, 0);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->in.len + (size_t)n > TCTI_CONTROL_LINE) {
		client_free(c);
		return;
	}
	str_append_n(&c->in, buf, (size_t)n);
	mem_wipe(buf, (size_t)n);
	end = memchr(c->in.data, '\n', c->in.len);
	if (end == NULL)
		return;
	*end = '\0';
	loop_io_set(&c->io, 0);
	c->request = request_start(c->in.data, false, client_answer, c);
}

static void client_io(struct loop_io *w, int events)
{
	struct client *c = (struct client *)w;

	if (events & EV_WRITE)
		client_write(c);
	else
		client_read(c);
}

static bool may_speak(int fd)
{
	struct ucred who;
	socklen_t len = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
		(who.uid == 0 || who.uid == geteuid());
}

static void on_accept(struct loop_io *w, int events)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)w;
	(void)events;
	if (fd < 0)
		return;
	if (!may_speak(fd) || client_count >= CLIENTS_MAX) {
		close(fd);
		return;
	}
	c = mem_zalloc(sizeof *c);
	c->fd = fd;
	list_push(&clients, &c->link);
	client_count++;
	loop_io_init(&c->io, fd, client_io);
	loop_io_set(&c->io, EV_READ);
}

/* ---- the socket ---- */

/* Through /proc/self/fd, for the path of a socket is limited to 107 bytes. */
static void socket_address(struct sockaddr_un *a, int folder)
{
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/%s", folder,
		TCTI_CONTROL_SOCKET);
}

int control_start(const char *folder, struct tct_error *err)
{
	struct sockaddr_un at;

	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (folder_fd < 0 || listen_fd < 0)
		return tct_error_set(err, TCT_EIO, "cannot make the control socket in \"%s\" (%s)",
			folder, strerror(errno));
	socket_address(&at, folder_fd);
	/* The store's lock says that no other server runs here. */
	unlinkat(folder_fd, TCTI_CONTROL_SOCKET, 0);
	if (bind(listen_fd, (struct sockaddr *)&at, sizeof at) != 0 ||
		fchmodat(folder_fd, TCTI_CONTROL_SOCKET, 0600, 0) != 0 ||
		listen(listen_fd, CLIENTS_MAX) != 0)
		return tct_error_set(err, TCT_EIO, "cannot listen on \"%s/%s\" (%s)", folder,
			TCTI_CONTROL_SOCKET, strerror(errno));
	loop_io_init(&listener, listen_fd, on_accept);
	loop_io_set(&listener, EV_READ);
	return TCT_OK;
}

void control_stop(void)
{
	struct list *node;

	while ((node = list_first(&clients)) != NULL) {
		struct client *c = list_entry(node, struct client, link);

		/* What is answered already is still said. */
		if (c->out.len > 0)
			client_write(c);
		else
			client_free(c);
	}
	if (listen_fd >= 0) {
		loop_io_set(&listener, 0);
		close(listen_fd);
		unlinkat(folder_fd, TCTI_CONTROL_SOCKET, 0);
	}
	if (folder_fd >= 0)
		close(folder_fd);
	listen_fd = folder_fd = -1;
}

/* ---- without a server ---- */

struct alone {
	const char *line;
	struct request *request;
	char *answer;
};

/* While there is a loop: what the request has started is ended with it. */
static void alone_end(void *data)
{
	struct alone *a = data;

	request_free(a->request);
	a->request = NULL;
	tcti_server_stop();
}

static void alone_answer(struct request *r, char *answer)
{
	struct alone *a = r->data;

	a->answer = answer;
	/* The request may still be inside its first call. */
	turn_call(server_scope(), alone_end, a);
}

static void alone_start(void *data)
{
	struct alone *a = data;

	a->request = request_start(a->line, true, alone_answer, a);
}

char *tcti_control_offline(const char *config, const char *request, int *code,
	struct tct_error *err)
{
	struct alone a = { request, NULL, NULL };

	*code = tcti_offline(config, alone_start, &a, err);
	if (a.request != NULL) {
		list_init(&a.request->scope.nodes); /* the loop and its timers are gone */
		request_free(a.request);
	}
	return a.answer;
}

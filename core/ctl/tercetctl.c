/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* tercetctl.c - asks a running server, or the store of one that does not run: one command,
 * one answer. Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no server runs. */
#include <tercet/internal/server.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define RESTART_SECONDS 60

enum { DONE = 0, REFUSED = 1, USAGE = 2, NO_SERVER = 3 };

static void print_usage(FILE *to)
{
	const struct tcti_control_command *c;

	fputs("Usage: tercetctl [OPTION]... COMMAND [ARGUMENT]...\n"
	      "Controls the XMPP server tercetd.\n"
	      "\n"
	      "  -c, --config FILE   the server's configuration (default: " TERCET_SYSCONFDIR
	      "/tercet/tercet.conf)\n"
	      "  -s, --socket PATH   the control socket (default: \"control\" in the state folder)\n"
	      "      --json          answer for programs: one JSON object\n"
	      "      --key-file FILE the key of an encrypted store, when no server runs\n"
	      "      --old-key-file FILE  of \"store migrate\": the key that it had before\n"
	      "  -h, --help          print this; with COMMAND: about the command\n"
	      "  -V, --version       print the version\n"
	      "\n"
	      "Commands:\n",
		to);
	for (size_t i = 0; (c = tcti_control_command(i)) != NULL; i++) {
		char left[64];

		snprintf(left, sizeof left, "%s %s", c->name, c->arguments);
		fprintf(to, "  %-22s %s\n", left, c->summary);
	}
	fputs("\nExit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no server runs.\n", to);
}

/* ---- what the command gets as input ---- */

static char *read_all(size_t max)
{
	size_t len = 0, room = 4096;
	char *text = malloc(room);

	while (text != NULL) {
		size_t n = fread(text + len, 1, room - len - 1, stdin);

		len += n;
		if (n == 0 || len >= max)
			break;
		if (room - len < 2) {
			room *= 2;
			text = realloc(text, room);
		}
	}
	if (text != NULL)
		text[len] = '\0';
	return text;
}

static char *ask(const char *prompt)
{
	struct termios before, quiet;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	fputs(prompt, stderr);
	tcgetattr(STDIN_FILENO, &before);
	quiet = before;
	quiet.c_lflag &= (tcflag_t)~ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	len = getline(&line, &room, stdin);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	if (len > 0 && line[len - 1] == '\n')
		line[len - 1] = '\0';
	return len > 0 ? line : NULL;
}

/* Asked twice at a terminal; else the first line of standard input. */
static char *read_password(void)
{
	char *first, *second;

	if (!isatty(STDIN_FILENO)) {
		first = read_all(4096);
		if (first != NULL)
			first[strcspn(first, "\n")] = '\0';
		return first;
	}
	first = ask("Password: ");
	second = ask("The same again: ");
	if (first == NULL || second == NULL || strcmp(first, second) != 0) {
		fputs("tercetctl: the two were not the same\n", stderr);
		return NULL;
	}
	free(second);
	return first;
}

/* ---- the server ---- */

/* -1: no server listens there. */
static int connect_to(const char *folder, const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (dir < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", dir, name);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
		close(fd);
		fd = -1;
	}
	close(dir);
	return fd;
}

static char *exchange(int fd, const char *request)
{
	FILE *f = fdopen(fd, "r+");
	char *line = NULL;
	size_t room = 0;

	if (f == NULL)
		return NULL;
	fputs(request, f);
	fputc('\n', f);
	fflush(f);
	if (getline(&line, &room, f) <= 0) {
		free(line);
		line = NULL;
	}
	fclose(f);
	return line;
}

/* The store belongs to the server's user; root becomes that user to open it. */
static bool become_owner(const char *folder)
{
	struct stat st;

	if (geteuid() != 0 || stat(folder, &st) != 0 || st.st_uid == 0)
		return true;
	return setgroups(0, NULL) == 0 && setgid(st.st_gid) == 0 && setuid(st.st_uid) == 0;
}

/* ---- printing ---- */

static bool is_time(const char *key)
{
	static const char *const times[] = { "since", "created", "password_changed", "last_login",
		"last_logout", "deletion", "until", "last" };

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		if (strcmp(key, times[i]) == 0)
			return true;
	}
	return false;
}

static void print_value(const char *key, const json_t *v)
{
	time_t when;
	struct tm tm;
	char text[64];

	if (is_time(key)) {
		when = (time_t)json_integer_value(v);
		if (when == 0) {
			putchar('-');
			return;
		}
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm));
		fputs(text, stdout);
	} else if (json_is_string(v)) {
		fputs(*json_string_value(v) != '\0' ? json_string_value(v) : "-", stdout);
	} else if (json_is_boolean(v)) {
		fputs(json_is_true(v) ? "yes" : "no", stdout);
	} else {
		printf("%lld", (long long)json_integer_value(v));
	}
}

/* One row: a line per figure; many: a line per row, the names first. */
static void print_rows(const json_t *rows)
{
	bool single = json_array_size(rows) == 1 && json_object_size(json_array_get(rows, 0)) > 7;
	size_t i;
	json_t *row, *v;
	const char *key;

	json_array_foreach (rows, i, row) {
		bool first = true;

		if (i == 0 && !single && json_object_size(row) > 1) {
			json_object_foreach (row, key, v) {
				printf("%s%s", first ? "" : "\t", key);
				first = false;
			}
			putchar('\n');
		}
		first = true;
		json_object_foreach (row, key, v) {
			if (single)
				printf("%-16s ", key);
			else if (!first)
				putchar('\t');
			print_value(key, v);
			if (single)
				putchar('\n');
			first = false;
		}
		if (!single)
			putchar('\n');
	}
}

static int print_answer(const char *line, bool as_json)
{
	json_t *answer = json_loads(line, 0, NULL);
	int status = (int)json_integer_value(json_object_get(answer, "status"));
	const char *text = json_string_value(json_object_get(answer, "text"));

	if (answer == NULL || text == NULL) {
		fputs("tercetctl: the answer makes no sense\n", stderr);
		return REFUSED;
	}
	if (as_json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_rows(json_object_get(answer, "rows"));
		if (status != 0)
			fprintf(stderr, "tercetctl: %s\n", text);
		else if (json_array_size(json_object_get(answer, "rows")) == 0)
			printf("%s\n", text);
	}
	json_decref(answer);
	return status == 0 ? DONE : REFUSED;
}

/* ---- a command ---- */

static void forget(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

static char *make_request(const struct tcti_control_command *c, char **args, int count)
{
	json_t *request = json_object(), *list = json_array();
	char *input = NULL, *line;

	if (c->flags & TCTI_CONTROL_PASSWORD)
		input = read_password();
	else if (c->flags & TCTI_CONTROL_LINES)
		input = read_all(TCTI_CONTROL_LINE);
	if ((c->flags & (TCTI_CONTROL_PASSWORD | TCTI_CONTROL_LINES)) != 0 && input == NULL) {
		json_decref(request);
		json_decref(list);
		return NULL;
	}
	for (int i = 0; i < count; i++)
		json_array_append_new(list, json_string(args[i]));
	json_object_set_new(request, "command", json_string(c->name));
	json_object_set_new(request, "args", list);
	if (input != NULL && json_object_set_new(request, "input", json_string(input)) != 0) {
		fputs("tercetctl: the input is not UTF-8\n", stderr);
		line = NULL;
	} else {
		line = json_dumps(request, JSON_COMPACT);
	}
	json_decref(request);
	forget(input);
	return line;
}

static int run_offline(const char *config, const struct tcti_control_command *c,
	const char *request, const char *folder, bool as_json, struct tct_error *err)
{
	char *answer;
	int code;

	if ((c->flags & TCTI_CONTROL_OFFLINE) == 0) {
		fputs("tercetctl: no server is running\n", stderr);
		return NO_SERVER;
	}
	if (!become_owner(folder)) {
		fprintf(stderr, "tercetctl: cannot become the owner of \"%s\" (%s)\n", folder,
			strerror(errno));
		return REFUSED;
	}
	answer = tcti_control_offline(config, request, &code, err);
	if (answer == NULL) {
		fprintf(stderr, "tercetctl: %s\n", tct_error_text(err));
		return REFUSED;
	}
	code = print_answer(answer, as_json);
	free(answer);
	return code;
}

/* Where the socket is: folder and name, the caller's. */
static void locate(const char *config, const char *socket_path, char **folder, char **name,
	struct tct_error *err)
{
	const char *slash;

	if (socket_path == NULL) {
		*folder = tcti_state_folder(config, err);
		*name = strdup(TCTI_CONTROL_SOCKET);
		return;
	}
	slash = strrchr(socket_path, '/');
	*folder = slash != NULL ? strndup(socket_path, (size_t)(slash - socket_path)) : strdup(".");
	*name = strdup(slash != NULL ? slash + 1 : socket_path);
}

/* The server has said that it starts again: until `old` (taken), a connection to it, ends, and
 * then until one answers. */
static int wait_for_server(int old, const char *folder, const char *name)
{
	struct pollfd gone = { .fd = old, .events = POLLIN };
	struct timespec pause = { 0, 20000000 };
	int left = RESTART_SECONDS * 50;

	if (poll(&gone, 1, RESTART_SECONDS * 1000) <= 0)
		left = 0;
	close(old);
	for (; left > 0; left--) {
		int fd = connect_to(folder, name);
		char *answer = fd >= 0 ? exchange(fd, "{\"command\":\"status\",\"args\":[]}") : NULL;

		if (answer != NULL) {
			free(answer);
			return DONE;
		}
		nanosleep(&pause, NULL);
	}
	fprintf(stderr, "tercetctl: the server has not come back in %d seconds: see its log\n",
		RESTART_SECONDS);
	return REFUSED;
}

static int run_online(int fd, const char *request, bool as_json)
{
	char *answer = exchange(fd, request);
	int code;

	if (answer == NULL) {
		fputs("tercetctl: the server did not answer (are you its user, or root?)\n", stderr);
		return REFUSED;
	}
	code = print_answer(answer, as_json);
	free(answer);
	return code;
}

static int run(const char *config, const char *socket_path, const struct tcti_control_command *c,
	char **args, int count, bool as_json)
{
	struct tct_error *err = tcti_error_new();
	char *folder = NULL, *name = NULL, *request = NULL, *answer;
	int fd, code = REFUSED;

	answer = strcmp(c->name, "check") == 0 ? tcti_check(config, args[0]) : NULL;
	if (answer != NULL) {
		code = print_answer(answer, as_json);
		free(answer);
		goto out;
	}
	locate(config, socket_path, &folder, &name, err);
	if (folder == NULL || name == NULL) {
		fprintf(stderr, "tercetctl: %s\n", tct_error_text(err));
		goto out;
	}
	request = make_request(c, args, count);
	if (request == NULL)
		goto out;
	fd = connect_to(folder, name);
	if (fd >= 0) {
		int watch = (c->flags & TCTI_CONTROL_RETURNS) != 0 ? connect_to(folder, name) : -1;

		code = run_online(fd, request, as_json);
		if (watch >= 0 && code == DONE)
			code = wait_for_server(watch, folder, name);
	} else if (socket_path != NULL) {
		fprintf(stderr, "tercetctl: no server listens on \"%s\"\n", socket_path);
		code = NO_SERVER;
	} else {
		code = run_offline(config, c, request, folder, as_json, err);
	}
out:
	forget(request); /* a password may be inside */
	free(folder);
	free(name);
	tcti_error_free(err);
	return code;
}

/* A key for the store: 32 random bytes in hexadecimal, in a file that was not there. */
static int new_key(const char *config, const char *path)
{
	struct tct_error *err = tcti_error_new();
	char *folder = tcti_state_folder(config, err);
	unsigned char bytes[32];
	char text[2 * sizeof bytes + 2];
	struct stat st;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	tct_random(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	text[sizeof text - 2] = '\n';
	ok = fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1 &&
		fsync(fd) == 0;
	/* The server reads it, not root. */
	if (ok && geteuid() == 0 && folder != NULL && stat(folder, &st) == 0)
		ok = fchown(fd, st.st_uid, st.st_gid) == 0;
	if (ok)
		printf("\"%s\" holds a new key: set storage_bdb.key_file, and keep a copy elsewhere\n",
			path);
	else
		fprintf(stderr, "tercetctl: cannot make \"%s\" (%s)\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	explicit_bzero(bytes, sizeof bytes);
	explicit_bzero(text, sizeof text);
	free(folder);
	tcti_error_free(err);
	return ok ? DONE : REFUSED;
}

/* Of the module that keeps the store; only paths, no keys. */
static void name_keys(const char *key, const char *old, bool migrate)
{
	if (key != NULL)
		setenv("TERCET_STORE_KEY_FILE", key, 1);
	if (old != NULL)
		setenv("TERCET_STORE_OLD_KEY_FILE", old, 1);
	if (migrate)
		setenv("TERCET_STORE_MIGRATE", "1", 1);
}

static const struct option options[] = {
	{ "key-file", required_argument, NULL, 'k' },
	{ "old-key-file", required_argument, NULL, 'o' },
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The command with its arguments; keys are where those of an encrypted store are, or NULL. */
static int begin(const char *config, const char *socket_path,
	const struct tcti_control_command *command, char **args, int count, const char *key,
	const char *old_key, bool as_json)
{
	bool store = strcmp(command->name, "store") == 0;

	if (count < (int)command->min || count > (int)command->max) {
		fprintf(stderr, "Usage: tercetctl %s %s\n", command->name, command->arguments);
		return USAGE;
	}
	if (store && count == 2 && strcmp(args[0], "new-key") == 0)
		return new_key(config, args[1]);
	name_keys(key, old_key, store);
	return run(config, socket_path, command, args, count, as_json);
}

int main(int argc, char **argv)
{
	const char *config = TERCET_SYSCONFDIR "/tercet/tercet.conf", *socket_path = NULL;
	const char *key = NULL, *old_key = NULL;
	const struct tcti_control_command *command;
	bool as_json = false, help = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:s:jVh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			config = optarg;
			break;
		case 's':
			socket_path = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 'o':
			old_key = optarg;
			break;
		case 'j':
			as_json = true;
			break;
		case 'V':
			printf("tercetctl %s\n", tct_version());
			return DONE;
		case 'h':
			help = true;
			break;
		default:
			print_usage(stderr);
			return USAGE;
		}
	}
	if (optind == argc) {
		print_usage(help ? stdout : stderr);
		return help ? DONE : USAGE;
	}
	command = tcti_control_find(argv[optind]);
	if (command == NULL) {
		fprintf(stderr, "tercetctl: no such command \"%s\" (see tercetctl --help)\n",
			argv[optind]);
		return USAGE;
	}
	if (help) {
		printf("Usage: tercetctl %s %s\n%s\n\n%s\n", command->name, command->arguments,
			command->summary, command->help);
		return DONE;
	}
	return begin(config, socket_path, command, argv + optind + 1, argc - optind - 1, key,
		old_key, as_json);
}

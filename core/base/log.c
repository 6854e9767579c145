/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* log.c - see log.h. A line is built whole and written by one system call, so lines of
 * several threads never mix. */
#include "core/base/log.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static const char *const names[] = { "error", "warn", "notice", "info", "debug" };
static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

static enum log_sink sink = LOG_STDERR;
static char *file_path;
static int file_fd = -1;
static _Atomic int threshold = TCT_LOG_INFO;

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

int log_open(enum log_sink to, const char *path, struct tct_error *err)
{
	int fd = -1;

	if (to == LOG_FILE) {
		fd = open_file(path);
		if (fd < 0)
			return tct_error_set(err, TCT_EIO, "cannot open log file \"%s\" (%s)",
				path, strerror(errno));
	}
	log_close();
	sink = to;
	if (to == LOG_FILE) {
		file_fd = fd;
		file_path = mem_strdup(path);
	} else if (to == LOG_SYSLOG) {
		openlog("tercetd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	}
	return TCT_OK;
}

void log_close(void)
{
	if (file_fd >= 0)
		close(file_fd);
	if (sink == LOG_SYSLOG)
		closelog();
	free(file_path);
	file_path = NULL;
	file_fd = -1;
	sink = LOG_STDERR;
}

void log_reopen(void)
{
	int fd;

	if (sink != LOG_FILE)
		return;
	fd = open_file(file_path);
	if (fd < 0) {
		log_error("cannot reopen log file \"%s\" (%s)", file_path, strerror(errno));
		return;
	}
	close(file_fd);
	file_fd = fd;
}

void log_set_level(int level)
{
	threshold = level;
}

int log_level(void)
{
	return threshold;
}

int log_level_parse(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

static size_t stamp(char *out, size_t room)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(out, room, "%Y-%m-%dT%H:%M:%S", &tm);
	return len + (size_t)snprintf(out + len, room - len, ".%03ldZ ", now.tv_nsec / 1000000);
}

/* Copies text, control characters as \xNN; returns the bytes written. */
static size_t escape(char *out, size_t room, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	for (; *text != '\0' && len + 4 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != 0x7f) {
			out[len++] = (char)c;
			continue;
		}
		out[len++] = '\\';
		out[len++] = 'x';
		out[len++] = hex[c >> 4];
		out[len++] = hex[c & 15];
	}
	return len;
}

void log_vwrite(int level, const char *context, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 256];
	size_t len = 0;
	ssize_t written;

	if (level > threshold)
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	if (sink != LOG_SYSLOG)
		len = stamp(line, sizeof line);
	len += (size_t)snprintf(line + len, 64, "%s: ", names[level]);
	if (context != NULL) {
		len += escape(line + len, 150, context);
		line[len++] = ':';
		line[len++] = ' ';
	}
	len += escape(line + len, sizeof line - len - 1, text);
	if (sink == LOG_SYSLOG) {
		syslog(priorities[level], "%.*s", (int)len, line);
		return;
	}
	line[len++] = '\n';
	written = write(sink == LOG_FILE ? file_fd : STDERR_FILENO, line, len);
	(void)written; /* a log that cannot be written has nowhere to say so */
}

void log_write(int level, const char *context, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(level, context, fmt, ap);
	va_end(ap);
}

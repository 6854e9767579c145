/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* log.h - levels, context, sinks. One line per message; control characters are escaped, so
 * that nothing from the network can forge a line. Any thread. tct_log of <tercet/base.h>
 * (core/mod) adds the instance and calls log_vwrite. */
#pragma once

#include <tercet/base.h>

enum log_sink { LOG_STDERR, LOG_FILE, LOG_SYSLOG };

/* Where and from which level on; `path` for LOG_FILE. Loop thread, before workers start. */
int log_open(enum log_sink sink, const char *path, struct tct_error *err) TCT_CHECKED;
void log_close(void);
/* Opens the file again after a rotation. */
void log_reopen(void);
void log_set_level(int level);
int log_level(void);
/* `context` (may be NULL) is put before the text: "example.org/roster". */
void log_write(int level, const char *context, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void log_vwrite(int level, const char *context, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
/* "error", "warn", ... to a level; -1 when unknown. */
int log_level_parse(const char *name);

#define log_error(...) log_write(TCT_LOG_ERROR, NULL, __VA_ARGS__)
#define log_warn(...) log_write(TCT_LOG_WARN, NULL, __VA_ARGS__)
#define log_notice(...) log_write(TCT_LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_write(TCT_LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)                                                                   \
	do {                                                                             \
		if (log_level() >= TCT_LOG_DEBUG)                                        \
			log_write(TCT_LOG_DEBUG, NULL, __VA_ARGS__);                     \
	} while (0)

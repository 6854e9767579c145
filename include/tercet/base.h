/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* base.h - what every other public header needs: version, attributes, error codes and
 * errors, the clock, logging, scopes. Every function of the public API belongs to the
 * loop thread unless its comment says otherwise. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A module built with major M and minor m loads into a server of major M and minor >= m. */
#define TCT_ABI_MAJOR 1
#define TCT_ABI_MINOR 0

#if defined(__GNUC__)
#define TCT_API __attribute__((visibility("default")))
#define TCT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TCT_CHECKED __attribute__((warn_unused_result))
#else
#define TCT_API
#define TCT_PRINTF(fmt, args)
#define TCT_CHECKED
#endif

struct tct_elem;
struct tct_entity;
struct tct_error;
struct tct_event;
struct tct_host;
struct tct_jid;
struct tct_mod;
struct tct_request;
struct tct_scope;
struct tct_session;
struct tct_stanza;
struct tct_stream;
struct tct_txn;

/* Results of functions that can fail: 0 or one of these. Never renumbered. */
enum tct_code {
	TCT_OK = 0,
	TCT_EINVAL = -1,    /* an argument or an option is not acceptable */
	TCT_ENOENT = -2,    /* there is no such thing */
	TCT_EEXIST = -3,    /* there is one already */
	TCT_EIO = -4,       /* the system or the store failed */
	TCT_EFULL = -5,     /* a limit, a queue or the disk is full: may work later */
	TCT_EBUSY = -6,     /* somebody else holds it */
	TCT_EPERM = -7,     /* not allowed */
	TCT_EABI = -8,      /* a module does not fit this server */
	TCT_ETIMEOUT = -9,  /* no answer in time */
	TCT_ECONFLICT = -10, /* tct_kv_expect did not hold */
	TCT_EPROTO = -11,   /* a peer broke the protocol */
	TCT_ECANCELED = -12 /* the server is stopping */
};

/* The name of a code, for logs ("no such thing"); never NULL. */
TCT_API const char *tct_code_text(int code);

/* Sets code and text of `err` (given by the server; NULL is allowed and ignored) and
 * returns `code`. Text: lower case, no full stop, what failed first. */
TCT_API int tct_error_set(struct tct_error *err, int code, const char *fmt, ...)
	TCT_PRINTF(3, 4);
/* The text last set, "" when none. Borrowed from `err`. */
TCT_API const char *tct_error_text(const struct tct_error *err);

/* Wall clock, seconds since 1970 UTC; for stamps that people read. */
TCT_API int64_t tct_now(void);
/* The same in microseconds. */
TCT_API int64_t tct_now_us(void);
/* Monotonic clock in seconds, for intervals. */
TCT_API int64_t tct_monotonic(void);
/* The same in milliseconds. */
TCT_API int64_t tct_monotonic_ms(void);

/* Writes a time (microseconds since 1970) as XEP-0082 wants it, in UTC:
 * "2026-02-03T04:05:06Z", or with `fraction` "2026-02-03T04:05:06.789012Z". A time outside
 * the years 0 to 9999 is written as the nearest one inside. Any thread. */
#define TCT_TIME_SIZE 28
TCT_API void tct_time_text(char out[TCT_TIME_SIZE], int64_t us, bool fraction);

/* The version of the running server, "1.0.2". Any thread. */
TCT_API const char *tct_version(void);

enum tct_log_level {
	TCT_LOG_ERROR = 0, /* somebody must act */
	TCT_LOG_WARN = 1,
	TCT_LOG_NOTICE = 2,
	TCT_LOG_INFO = 3,
	TCT_LOG_DEBUG = 4
};

/* True when a message of `level` would be written for `m`. */
TCT_API bool tct_log_enabled(const struct tct_mod *m, int level);
/* Writes one line; host and module of `m` (NULL: the server) are added. Control characters
 * are escaped. Never log passwords, SASL payloads, tokens or message bodies. */
TCT_API void tct_log(const struct tct_mod *m, int level, const char *fmt, ...)
	TCT_PRINTF(3, 4);

#define tct_log_error(m, ...) tct_log((m), TCT_LOG_ERROR, __VA_ARGS__)
#define tct_log_warn(m, ...) tct_log((m), TCT_LOG_WARN, __VA_ARGS__)
#define tct_log_notice(m, ...) tct_log((m), TCT_LOG_NOTICE, __VA_ARGS__)
#define tct_log_info(m, ...) tct_log((m), TCT_LOG_INFO, __VA_ARGS__)
/* The arguments are not evaluated when debug is off. */
#define tct_log_debug(m, ...)                                                            \
	do {                                                                             \
		if (tct_log_enabled((m), TCT_LOG_DEBUG))                                 \
			tct_log((m), TCT_LOG_DEBUG, __VA_ARGS__);                        \
	} while (0)

/* The instance that a scope was made for; NULL for the server's own. */
TCT_API struct tct_mod *tct_scope_mod(const struct tct_scope *scope);
/* `size` zeroed bytes that end with the scope, or earlier by tct_scope_free: what a callback
 * in that scope needs. `fini` (may be NULL) is called first, to wipe or free what is inside.
 * What was started in the scope later is cancelled before the block goes. */
TCT_API void *tct_scope_alloc(struct tct_scope *scope, size_t size, void (*fini)(void *block));
TCT_API void tct_scope_free(void *block); /* NULL: nothing */

/* Fills `len` bytes from the cryptographic generator. Any thread. */
TCT_API void tct_random(void *bytes, size_t len);
/* Writes `len` random characters of [0-9a-z] and a NUL (so `out` has len + 1 bytes). */
TCT_API void tct_random_id(char *out, size_t len);
/* A hash under a secret of the process: nobody outside can choose what collides. For tables in
 * memory; another process computes another one. Any thread. */
TCT_API uint64_t tct_hash(const void *bytes, size_t len);

#ifdef __cplusplus
}
#endif

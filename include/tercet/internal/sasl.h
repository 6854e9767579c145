/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* internal/sasl.h - the service "sasl" of mod_saslauth: mechanisms, limits and log lines for
 * whoever speaks a SASL profile (RFC 6120 section 6 in mod_saslauth itself, XEP-0388 in
 * mod_sasl2). A profile knows elements, this service knows exchanges; of one stream there is
 * one exchange at a time, whatever the profile. Not installed. */
#pragma once

#include <tercet/internal/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tcti_sasl_number { TCTI_SASL1 = 0, TCTI_SASL2 = 1 };
#define TCTI_SASL_PROFILES 2

/* Borrowed for the call. */
struct tcti_sasl_success {
	uint32_t size;
	const struct tct_jid *user; /* bare; whom the stream belongs to now */
	const char *mechanism;
	const char *data;           /* base64; NULL: none */
	bool password;              /* the client knows the password */
};

/* What a profile does with what comes out; each is the last that is done in its call. `m` is
 * the instance that began the exchange. */
struct tcti_sasl_profile {
	uint32_t size;
	uint32_t number; /* enum tcti_sasl_number */
	/* `data`: base64; NULL: empty. */
	void (*challenge)(struct tct_mod *m, struct tct_stream *s, const char *data);
	void (*success)(struct tct_mod *m, struct tct_stream *s, const struct tcti_sasl_success *ok);
	/* A condition of RFC 6120 6.5; `text` may be NULL. The stream may be ended behind it. */
	void (*failure)(struct tct_mod *m, struct tct_stream *s, const char *condition,
		const char *text);
};

/* `m` is always the provider's instance, as tct_service() gave it. Append-only. */
struct tcti_sasl_ops {
	uint32_t size;
	/* Adds a <mechanism/> for each that this stream may use, strongest first; `hashes`: bits
	 * 1 << enum tct_auth_hash. What was added is what is accepted. False: none. */
	bool (*offer)(struct tct_mod *m, struct tct_stream *s, uint32_t number, uint32_t hashes,
		struct tct_elem *list);
	/* XEP-0440, once in these features; after offer. */
	void (*add_bindings)(struct tct_mod *m, struct tct_stream *s, struct tct_elem *features);
	/* <auth/>: `initial` is base64, "=" for an empty one where the profile has that; NULL:
	 * there is none. `user` is the profile's instance. */
	void (*begin)(struct tct_mod *m, struct tct_stream *s, const struct tcti_sasl_profile *profile,
		struct tct_mod *user, const char *mechanism, const char *initial);
	void (*respond)(struct tct_mod *m, struct tct_stream *s,
		const struct tcti_sasl_profile *profile, struct tct_mod *user, const char *data);
	void (*abort)(struct tct_mod *m, struct tct_stream *s,
		const struct tcti_sasl_profile *profile, struct tct_mod *user);

	/* ---- for mechanisms of others (FAST) ---- */
	/* Channel binding data of an advertised type; TCT_ENOENT: it was not. */
	int (*binding)(struct tct_mod *m, struct tct_stream *s, const char *type, void *out,
		size_t *len);
	/* Bits of what is advertised: 1 tls-exporter, 2 tls-server-end-point, 4 tls-unique. */
	uint32_t (*bindings)(struct tct_mod *m, struct tct_stream *s);
	/* Milliseconds that an attempt for `user` has to wait; it is counted as one that fails. */
	int64_t (*admit)(struct tct_mod *m, struct tct_stream *s, const char *user);
	/* The attempt succeeded: it is not counted, and logged. */
	void (*succeeded)(struct tct_mod *m, struct tct_stream *s, const char *user,
		const char *mechanism);
	/* The attempt failed, and the peer was told: logged, counted for the stream, which may
	 * be ended by that. `user` may be NULL. */
	void (*failed)(struct tct_mod *m, struct tct_stream *s, const char *user,
		const char *mechanism, const char *condition);
};

/* ---- the service "devices" (mod_sasl2): clients of an account that say who they are ---- */

struct tcti_device_row {
	uint32_t size;
	const char *id, *software, *device; /* "": not said */
	int64_t first, last;                /* tct_now() */
	bool token;                         /* it has one that opens the account */
	bool password;                      /* it came with the password the last time */
};
typedef void tcti_device_fn(const struct tcti_device_row *row, void *data);
struct tcti_devices_ops {
	uint32_t size;
	/* Calls `row` for each, then `done`: TCT_ENOENT: no such account. */
	void (*list)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		tcti_device_fn *row, tct_done_fn *done, void *data);
	/* Its tokens are gone when `done` is called, and its sessions end. TCT_ENOENT: no such
	 * device. */
	void (*revoke)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		const char *id, tct_done_fn *done, void *data);
};

/* ---- the service "resumption" (mod_smacks): XEP-0198 inside of SASL2 ---- */

/* `answer` is filled. With a session its stream is the one that asked: what `fn` sends must be
 * sent first (tcti_stream_send_first). NULL: it failed, and nothing has changed. */
typedef void tcti_resume_fn(void *data, struct tct_session *resumed);
struct tcti_resume_ops {
	uint32_t size;
	/* For an authenticated stream without session, which lives at least until `fn` is called,
	 * or ends. `answer`: a parent for <resumed/> or <failed/>, alive as long. */
	void (*resume)(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *request,
		struct tct_elem *answer, tcti_resume_fn *fn, void *data);
};

#ifdef __cplusplus
}
#endif

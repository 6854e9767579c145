/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* engine.h - what the files of mod_saslauth share: the instance, the exchange of a stream, and
 * the service "sasl" (<tercet/internal/sasl.h>) that both profiles speak through. */
#pragma once

#include "modules/mod_saslauth/base64.h"
#include "modules/mod_saslauth/limits.h"
#include "modules/mod_saslauth/sasl.h"
#include "modules/mod_saslauth/scram.h"

#include <tercet/auth.h>
#include <tercet/internal/sasl.h>

struct sasl_config {
	const char *const *disable_sasl_mechanisms, *const *insecure_sasl_mechanisms;
	bool plain, allow_unencrypted_plain_auth, downgrade_protection;
	int32_t tls_server_end_point_hash;
	bool strict_channel_binding;
	int64_t failures_per_account, failures_per_address, failures_overall, failure_delay_max;
};

/* Choices of tls_server_end_point_hash. */
enum { END_POINT_AUTO, END_POINT_SHA256, END_POINT_SHA384, END_POINT_SHA512, END_POINT_OFF };

struct sasl {
	const struct tct_auth_ops *auth;
	struct tct_mod *provider;
	struct limits *limits;
};

enum step { EXPECT_FIRST, EXPECT_FINAL, BUSY };

/* One exchange; ends with success, failure or the stream. */
struct exchange {
	struct tct_mod *m;
	struct tct_stream *stream;
	const struct tcti_sasl_profile *profile;
	struct tct_mod *user_mod; /* the profile's instance */
	int mech;
	enum step step;
	bool admitted;
	bool unbound; /* it fails, for it has no binding of ours: no password was tried */
	struct scram scram;
	const struct tct_jid *user; /* prepared; NULL before it is known */
	char *later;                /* a message that waits to be looked at; later_len bytes */
	size_t later_len;
};

/* Per stream. */
struct sasl_stream {
	struct exchange *exchange; /* NULL: none runs */
	uint32_t offered[TCTI_SASL_PROFILES]; /* bits 1 << enum sasl_mech, as last sent */
	uint8_t bindings;                     /* bits 1 << index of sasl_bindings */
	uint8_t failures;
	bool unbound; /* the peer has tried -PLUS, with a binding that we do not have */
};

extern const struct tcti_sasl_ops engine_ops;

void exchange_end(struct sasl_stream *ss);
/* Fails the exchange; the stream stays open for another try until there were too many. */
enum tct_verdict engine_fail(struct exchange *x, const char *condition, const char *text);
void engine_succeed(struct exchange *x, const char *data);
void engine_challenge(struct exchange *x, const char *text);
/* Prepares the name and holds an authzid against it; false: the exchange has failed. */
bool engine_identify(struct exchange *x, const char *user, const char *authzid);
/* True when the attempt has to wait first: the mechanism gets the same message again then. */
bool engine_waits(struct exchange *x, const char *msg, size_t len);

/* The mechanisms: a decoded message of the client, with a NUL behind it. */
enum tct_verdict mech_scram(struct exchange *x, const char *msg, size_t len);
enum tct_verdict mech_plain(struct exchange *x, const char *msg, size_t len);
enum tct_verdict mech_external(struct exchange *x, const char *msg, size_t len);
enum tct_verdict mech_anonymous(struct exchange *x, const char *msg, size_t len);
/* True when the peer's certificate is trusted and names an account of this host. */
bool external_possible(struct tct_mod *m, struct tct_stream *s);

/* Channel binding data of a type that is offered on this stream. */
int engine_binding(struct tct_mod *m, struct tct_stream *s, const char *type, void *out, size_t *len);

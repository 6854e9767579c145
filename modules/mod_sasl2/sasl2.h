/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* sasl2.h - what the files of mod_sasl2 share: the instance, the authentication of a stream
 * from <authenticate/> to <success/>, the devices of an account and their tokens. */
#pragma once

#include <tercet/auth.h>
#include <tercet/internal/sasl.h>

#define NS_SASL2 "urn:xmpp:sasl:2"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_BIND2 "urn:xmpp:bind:0"
#define NS_FAST "urn:xmpp:fast:0"
#define NS_SM "urn:xmpp:sm:3"
#define NS_UPGRADE "urn:xmpp:sasl:upgrade:0"
#define NS_SCRAM_UPGRADE "urn:xmpp:scram-upgrade:0"
#define NS_IAP "urn:xmpp:iap:0"
#define NS_CAM "urn:xmpp:cam:0"

#define DEVICE_ID 24   /* characters of a device's id */
#define SECRET_LEN 32
#define IAP_VALUE 45   /* with its NUL */
/* Of HMAC-SHA-256 a key that is longer than the block is hashed first (RFC 2104 2): a token is
 * longer, and its hash is all that is needed to check it. */
#define TOKEN_BYTES 66
#define TOKEN_TEXT 89  /* with its NUL */

/* Mechanisms of FAST, in the order of the bits of tcti_sasl_ops.bindings; NONE is behind. */
enum { HT_EXPR, HT_ENDP, HT_UNIQ, HT_NONE, HT_MECHS };
extern const char *const ht_names[HT_MECHS];
int ht_find(const char *name); /* -1 */

struct sasl2_config {
	bool fast;
	int64_t fast_token_lifetime, fast_token_rotation, devices_forgotten_after;
	int64_t devices_per_account;
};

struct sasl2 {
	const struct tct_auth_ops *auth;
	struct tct_mod *auth_mod;
	const struct tcti_sasl_ops *sasl;
	struct tct_mod *sasl_mod;
	const struct tcti_resume_ops *resumption; /* NULL: there is none */
	struct tct_mod *resumption_mod;
	struct tct_kv *devices;
	uint8_t secret[SECRET_LEN]; /* for resources that stay the same */
};

enum flow_step { FLOW_NONE, FLOW_SASL, FLOW_TASK, FLOW_TASK_DATA, FLOW_FINISH };

/* Of a stream. */
struct flow {
	struct tct_mod *m;
	struct tct_stream *stream;
	enum flow_step step;
	char iap[IAP_VALUE];          /* as advertised last */
	uint32_t ht_offered;          /* bits 1 << HT_... */
	struct tct_stanza *held;      /* keeps a copy of <authenticate/> */
	const struct tct_elem *request;
	const struct tct_jid *user;   /* NULL before it is known */
	char *data;                   /* for <additional-data/>; NULL: none, or sent */
	bool password;
	char device[DEVICE_ID + 1];   /* "": the client has not said */
	uint32_t tasks;               /* hashes to be upgraded, 1 << enum tct_auth_hash */
	uint32_t task;                /* the one under way */
	struct tct_scram params;      /* that it was asked to use */
	/* of FAST */
	int ht;                       /* mechanism in use; -1: none */
	bool invalidate, used_new;
	char token[TOKEN_TEXT];       /* given out; "": none */
	int64_t token_expiry;
	struct tct_stanza *holder;    /* keeps <success/> while it is made */
	struct tct_elem *success;
};

/* Of a session: which device it is. */
struct sasl2_session {
	char device[DEVICE_ID + 1];
};

/* ---- mod_sasl2.c ---- */
void flow_reset(struct flow *f);
enum tct_verdict flow_fail(struct flow *f, const char *condition, const char *text);
/* Authentication proper is over: tasks, then the end. */
void flow_authenticated(struct flow *f);

/* ---- finish.c ---- */
/* Everything else, then <success/>. The stream is held. */
void flow_finish(struct flow *f);

/* ---- tasks.c (XEP-0480) ---- */
/* The upgrades that the client asked for and its account can use. */
uint32_t tasks_wanted(const struct flow *f);
void tasks_advertise(struct tct_mod *m, struct tct_stream *s, uint32_t hashes,
	struct tct_elem *authentication);
/* Asks for the next; false: there is none. */
bool tasks_next(struct flow *f);
tcti_nonza_fn on_next, on_task_data;

/* ---- fast.c (XEP-0484) ---- */
/* Tokens are given: not where accounts go with their sessions. */
bool fast_wanted(struct tct_mod *m);
void fast_advertise(struct flow *f, struct tct_elem *inline_);
/* Runs one of its mechanisms; `message` is decoded. */
void fast_begin(struct flow *f, int ht, const char *message, size_t len);

/* ---- devices.c ---- */
struct token {
	uint8_t hash[32];
	int mech;            /* -1: no token */
	int64_t made, expiry;
};
struct device {
	char software[128], device[128]; /* cut */
	int64_t first, last;   /* tct_now() */
	bool password;         /* the last time it came with the password */
	struct token current, next;
};
/* Id of the client that names itself `agent`; false: that is no id. */
bool device_id(const char *agent, char out[DEVICE_ID + 1]);
bool device_get(struct tct_mod *m, const struct tct_entity *e, const char *id, struct device *d);
/* Puts what is known of a login into `txn`: makes room for a new one. */
void device_login(struct flow *f, struct tct_entity *e, struct tct_txn *txn);
int devices_load(struct tct_mod *m, struct tct_error *err);
/* Ends the sessions of a device, but for `but` (may be NULL). */
void device_end_sessions(struct tct_mod *m, struct tct_entity *e, const char *id,
	const struct tct_session *but, const char *condition);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dialback.h - what the files of mod_dialback share. */
#pragma once

#include "key.h"

#include <tercet/internal/s2s.h>
#include <tercet/store.h>

#define SECRET_SIZE 65
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

struct dialback_config {
	int64_t secret_age;
};

/* An answer that is owed on a stream that was opened to us, until its domain's own server has been
 * asked. It lives in that stream's scope. */
struct question;

struct dialback {
	struct tct_mod *mod;
	struct tct_kv *kv;        /* NULL: there is no storage */
	char secret[SECRET_SIZE]; /* in use */
	char before[SECRET_SIZE]; /* the one before, good for a while; "": none */
	int64_t made;             /* tct_now() */
	struct question *questions;
	uint32_t question_count;
};

/* Of a stream. */
struct dialback_stream {
	bool asked;     /* our key was sent on a stream that we opened */
	uint8_t owed;   /* questions for one that was opened to us */
	uint16_t late;  /* that were asked on it, and nobody waits for their answers any more */
};

/* ---- secret.c ---- */
int secret_load(struct tct_mod *m, struct tct_error *err);
/* True when the key was made with one of our secrets. */
bool secret_made(const struct dialback *d, const char *text, const char *receiving,
	const char *originating, const char *id);
/* Another one; the one before is good for a day. */
void secret_renew(struct tct_mod *m);
void secret_wipe(struct dialback *d);

/* ---- verify.c ---- */
/* A peer says that it is `remote`: asks that domain's server whether it knows the key. */
void verify_begin(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote,
	const char *key);
/* What that has said, which may be too late; false: nobody has asked it. */
bool verify_answer(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e);

/* ---- mod_dialback.c ---- */
const struct tcti_s2s_ops *dialback_s2s(struct tct_mod *m, struct tct_mod **s2s);
/* Sends <db:result/> of a type; with a condition an error. */
void dialback_result(struct tct_stream *s, const char *local, const char *remote, const char *type,
	const char *condition, const char *text);

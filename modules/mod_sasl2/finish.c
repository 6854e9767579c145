/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* finish.c - from the proof to <success/>: the account's rows are read, what is new of the
 * device is on disk, the stream belongs to the account; then, in one turn and in one answer, an
 * old session is resumed, or a resource is bound with everything that was asked for. */
#include "modules/mod_sasl2/sasl2.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

static void authorized(struct tct_scope *scope, struct tct_entity *e, int status, void *data);

static void send_success(struct flow *f, const struct tct_jid *who, bool first)
{
	struct tct_elem *e = tcti_nonza_new(NS_SASL2, "success");
	struct tct_stream *s = f->stream;
	struct tct_elem *token;
	char time[TCT_TIME_SIZE];

	if (f->data != NULL)
		tct_add_text(e, "additional-data", f->data);
	tct_add_text(e, "authorization-identifier", tct_jid_text(who));
	tct_elem_each (child, f->success)
		tct_add_copy(e, child);
	if (f->token[0] != '\0') {
		token = tct_add(e, NS_FAST, "token");
		tct_time_text(time, f->token_expiry * 1000000, false);
		tct_set(token, "expiry", time);
		tct_set(token, "token", f->token);
	}
	if (first)
		tcti_stream_send_first(s, e);
	else
		tcti_stream_send(s, e);
	flow_reset(f);
}

/* ---- Bind 2 ---- */

/* "TAG/..." or "...": the same each time for the same client and tag, and from the outside not
 * to be connected with the client's id (XEP-0386 3.2.1). */
static void make_resource(const struct flow *f, const char *tag, char *out, size_t room)
{
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	unsigned char digest[32];
	char text[1600], id[17];

	if (f->device[0] != '\0') {
		snprintf(text, sizeof text, "%s %s %.1000s", tct_jid_node(f->user), f->device,
			tag != NULL ? tag : "");
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, sasl2->secret, SECRET_LEN, text,
			strlen(text), digest);
		for (int i = 0; i < 8; i++)
			snprintf(id + 2 * i, 3, "%02x", digest[i]);
	} else {
		tct_random_id(id, sizeof id - 1);
	}
	if (tag != NULL && *tag != '\0' && strlen(tag) <= 256)
		snprintf(out, room, "%s/%s", tag, id);
	else
		snprintf(out, room, "%s", id);
}

static void bind_resource(struct flow *f, const struct tct_elem *request)
{
	struct tct_stream *s = f->stream;
	struct tct_session *session;
	struct sasl2_session *mine;
	struct tct_elem *bound;
	char resource[512];
	int status;

	make_resource(f, tct_child_text(request, NS_BIND2, "tag"), resource, sizeof resource);
	status = tcti_session_bind(s, resource, &session);
	if (status == TCT_EINVAL) {
		make_resource(f, NULL, resource, sizeof resource); /* the tag is none */
		status = tcti_session_bind(s, resource, &session);
	}
	if (status != TCT_OK) {
		tcti_stream_close(s, "resource-constraint", "too many sessions of the account");
		return;
	}
	mine = tct_session_data(f->m, session);
	memcpy(mine->device, f->device, sizeof mine->device);
	bound = tct_add(f->success, NS_BIND2, "bound");
	tcti_inline_run(session, request, bound);
	send_success(f, tct_session_jid(session), false);
	tcti_stream_features(s);
}

static void prepared(struct tct_scope *scope, void *data)
{
	struct flow *f = data;
	struct tct_stream *s = f->stream;

	(void)scope;
	bind_resource(f, tct_child(f->request, NS_BIND2, "bind"));
	tcti_stream_release(s);
}

static void bind_or_not(struct flow *f)
{
	const struct tct_elem *request = tct_child(f->request, NS_BIND2, "bind");
	struct tct_stream *s = f->stream;
	struct tct_entity *e;

	if (request != NULL) {
		e = tct_entity_find(tct_mod_host(f->m), tct_jid_node(f->user));
		if (e != NULL &&
			!tcti_inline_prepare(tcti_stream_scope(f->m, s), e, prepared, f))
			tcti_stream_hold(s); /* until then */
		else
			bind_resource(f, request);
		return;
	}
	send_success(f, f->user, false);
	tcti_stream_features(s);
}

static void replaced(struct tct_scope *scope, void *data)
{
	struct flow *f = data;
	struct tct_stream *s = f->stream;

	(void)scope;
	bind_or_not(f);
	tcti_stream_release(s);
}

/* The client is back, and resumes none: its earlier sessions end, and their names are free when
 * it binds. */
static void replace_older(struct flow *f)
{
	struct tct_entity *e = tct_entity_find(tct_mod_host(f->m), tct_jid_node(f->user));

	if (f->device[0] == '\0' || e == NULL ||
		tct_child(f->request, NS_BIND2, "bind") == NULL) {
		bind_or_not(f);
		return;
	}
	device_end_sessions(f->m, e, f->device, NULL, "conflict");
	tcti_stream_hold(f->stream); /* until they have */
	tct_timer_start(tcti_stream_scope(f->m, f->stream), 0, 0, replaced, f);
}

/* ---- resumption goes before ---- */

static void resumed(void *data, struct tct_session *session)
{
	struct flow *f = data;
	struct sasl2_session *mine;

	if (session == NULL) {
		replace_older(f);
		return;
	}
	mine = tct_session_data(f->m, session);
	memcpy(mine->device, f->device, sizeof mine->device);
	/* No features behind it (XEP-0198 6.2). */
	send_success(f, tct_session_jid(session), true);
}

static void enter(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct flow *f = data;
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	const struct tct_elem *resume = tct_child(f->request, NS_SM, "resume");
	struct tct_stream *s = f->stream;

	if (status != TCT_OK) {
		tcti_stream_close(s, "internal-server-error", "the store cannot be read");
		tcti_stream_release(s);
		return;
	}
	f->holder = tct_message_new(NULL, NULL, NULL);
	f->success = tct_add(tct_stanza_root(f->holder), NS_SASL2, "success");
	if (resume != NULL && sasl2->resumption != NULL) {
		sasl2->resumption->resume(sasl2->resumption_mod, s, resume, f->success, resumed, f);
		tcti_stream_release(s);
		return;
	}
	replace_older(f);
	tcti_stream_release(s);
}

/* ---- the store ---- */

static void stored(struct tct_scope *scope, int status, void *data)
{
	struct flow *f = data;
	struct tct_stream *s = f->stream;

	if (status != TCT_OK && f->ht >= 0) {
		flow_fail(f, "temporary-auth-failure", NULL);
		tcti_stream_release(s);
		return;
	}
	if (status != TCT_OK)
		f->token[0] = '\0'; /* nobody would know it */
	tcti_stream_authenticated(s, tct_jid_node(f->user), false);
	tct_entity_load(scope, tct_mod_host(f->m), tct_jid_node(f->user), enter, f);
}

static void authorized(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct flow *f = data;
	struct tct_stream *s = f->stream;
	struct tct_txn *txn;

	if (status != TCT_OK) {
		flow_fail(f, "temporary-auth-failure", NULL);
		tcti_stream_release(s);
		return;
	}
	if (f->device[0] == '\0') {
		stored(scope, TCT_OK, f);
		return;
	}
	txn = tct_txn_new(f->m);
	device_login(f, e, txn);
	tct_txn_submit(scope, txn, stored, f);
}

void flow_finish(struct flow *f)
{
	f->step = FLOW_FINISH;
	tcti_stream_hold(f->stream);
	tct_entity_load(tcti_stream_scope(f->m, f->stream), tct_mod_host(f->m),
		tct_jid_node(f->user), authorized, f);
}

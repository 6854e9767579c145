/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* tasks.c - upgrades of an account's keys (XEP-0480): who has just proven that he knows the
 * password adds the keys of a hash that the account lacks, one task each. */
#include "modules/mod_sasl2/sasl2.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const task_names[TCT_AUTH_HASHES] = { "UPGR-SCRAM-SHA-1",
	"UPGR-SCRAM-SHA-256", "UPGR-SCRAM-SHA-512" };

static int task_find(const char *name)
{
	for (int h = 0; name != NULL && h < TCT_AUTH_HASHES; h++) {
		if (strcmp(task_names[h], name) == 0)
			return h;
	}
	return -1;
}

static uint32_t upgrades(const struct sasl2 *sasl2)
{
	return TCT_AUTH_HAS(sasl2->auth, upgrade) ? sasl2->auth->upgrades(sasl2->auth_mod) : 0;
}

void tasks_advertise(struct tct_mod *m, struct tct_stream *s, uint32_t hashes,
	struct tct_elem *authentication)
{
	uint32_t missing = upgrades(tct_mod_data(m)) & ~hashes;

	(void)s;
	for (int h = 0; h < TCT_AUTH_HASHES; h++) {
		if (missing & 1u << h)
			tct_text(tct_add(authentication, NS_UPGRADE, "upgrade"), task_names[h]);
	}
}

uint32_t tasks_wanted(const struct flow *f)
{
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	struct tct_entity *e = tct_entity_find(tct_mod_host(f->m), tct_jid_node(f->user));
	uint32_t wanted = 0;

	tct_elem_each (child, f->request) {
		int h = tct_elem_is(child, NS_UPGRADE, "upgrade") ? task_find(tct_elem_text(child)) :
								    -1;

		if (h >= 0)
			wanted |= 1u << h;
	}
	/* Only with the password in hand, not with a token or a certificate. */
	if (!f->password || e == NULL || wanted == 0)
		return 0;
	return wanted & upgrades(sasl2) & ~sasl2->auth->hashes_of(sasl2->auth_mod, e);
}

bool tasks_next(struct flow *f)
{
	struct tct_elem *e;
	uint32_t h = 0;

	if (f->tasks == 0)
		return false;
	while ((f->tasks & 1u << h) == 0)
		h++;
	f->task = h;
	f->step = FLOW_TASK;
	e = tcti_nonza_new(NS_SASL2, "continue");
	if (f->data != NULL)
		tct_add_text(e, "additional-data", f->data);
	tct_add_text(tct_add(e, NULL, "tasks"), "task", task_names[h]);
	tcti_stream_send(f->stream, e);
	return true;
}

static struct flow *flow_at(struct tct_mod *m, struct tct_stream *s, enum flow_step step)
{
	struct flow *f;

	if (tcti_stream_kind(s) != TCTI_STREAM_C2S || tcti_stream_user(s) != NULL)
		return NULL;
	f = tcti_stream_data(m, s);
	return f->step == step ? f : NULL;
}

static const char *encode(const void *bytes, size_t len, char *out, size_t room)
{
	gnutls_datum_t raw = { (unsigned char *)bytes, (unsigned)len }, text = { 0 };

	*out = '\0';
	if (gnutls_base64_encode2(&raw, &text) >= 0)
		snprintf(out, room, "%.*s", (int)text.size, (char *)text.data);
	gnutls_free(text.data);
	return out;
}

enum tct_verdict on_next(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	struct flow *f = flow_at(m, s, FLOW_TASK);
	struct tct_elem *answer, *salt;
	char text[TCT_AUTH_KEY_MAX * 2];

	if (f == NULL)
		return TCT_CONTINUE;
	if (task_find(tct_attr(e, "task")) != (int)f->task)
		return flow_fail(f, "malformed-request", "another task was asked for");
	sasl2->auth->salt(sasl2->auth_mod, f->task, &f->params);
	f->step = FLOW_TASK_DATA;
	answer = tcti_nonza_new(NS_SASL2, "task-data");
	salt = tct_add(answer, NS_SCRAM_UPGRADE, "salt");
	tct_set_int(salt, "iterations", f->params.iterations);
	tct_text(salt, encode(f->params.salt, f->params.salt_len, text, sizeof text));
	tcti_stream_send(s, answer);
	return TCT_HANDLED;
}

static void upgraded(struct tct_scope *scope, int status, void *data)
{
	struct flow *f = data;
	struct tct_stream *s = f->stream;

	(void)scope;
	f->tasks &= ~(1u << f->task);
	if (status != TCT_OK) {
		flow_fail(f, "temporary-auth-failure", "the keys could not be stored");
	} else {
		char *data_sent = f->data;

		f->data = NULL; /* it went with the first <continue/> */
		free(data_sent);
		if (!tasks_next(f))
			flow_finish(f);
	}
	tcti_stream_release(s);
}

enum tct_verdict on_task_data(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	struct flow *f = flow_at(m, s, FLOW_TASK_DATA);
	const char *hash = tct_child_text(e, NS_SCRAM_UPGRADE, "hash");
	gnutls_datum_t text = { (unsigned char *)hash, hash != NULL ? (unsigned)strlen(hash) : 0 };
	gnutls_datum_t salted = { 0 };
	bool ok;

	if (f == NULL)
		return TCT_CONTINUE;
	ok = text.size > 0 && gnutls_base64_decode2(&text, &salted) >= 0 &&
		salted.size == f->params.key_len;
	if (ok) {
		tcti_stream_hold(s);
		sasl2->auth->upgrade(sasl2->auth_mod, tcti_stream_scope(m, s),
			tct_jid_node(f->user), &f->params, salted.data, upgraded, f);
	}
	if (salted.data != NULL)
		gnutls_memset(salted.data, 0, salted.size);
	gnutls_free(salted.data);
	return ok ? TCT_HANDLED : flow_fail(f, "malformed-request", NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* verify.c - the receiving server's part of XEP-0220: a key is shown to the server that DNS names
 * for the domain, on a stream that we have opened to it, or open for that, and an answer counts only
 * there, for that pair of domains and that stream. A server that does not answer holds nobody up but
 * those who say to be of its domain, and what it says too late is no crime. */
#include "dialback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWED_MAX 4 /* questions of one stream */
#define QUESTIONS_MAX 200
#define QUESTIONS_SAME 20 /* of those, to one domain */
#define KEY_MAX 1024

struct question {
	struct question *prev, *next;
	struct tct_mod *mod;
	struct tct_stream *stream; /* that waits for the answer */
	struct tct_stream *asked;  /* on which it comes; NULL: not yet */
	struct tcti_s2s_question *ask;
	bool answered;
	char *local, *remote, *id, *key;
};

/* The stream that it was asked on may go on. */
static void expect_late(const struct question *q)
{
	struct dialback_stream *ds = tcti_stream_data(q->mod, q->asked);

	if (ds->late < UINT16_MAX)
		ds->late++;
}

/* Its stream is gone, or it was answered. */
static void question_end(void *block)
{
	struct question *q = block;
	struct dialback *d = tct_mod_data(q->mod);
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(q->mod, &s2s);

	if (q->prev != NULL)
		q->prev->next = q->next;
	else
		d->questions = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
	d->question_count--;
	if (q->asked != NULL && !q->answered)
		expect_late(q);
	if (q->ask != NULL && ops != NULL)
		ops->asked(s2s, q->ask);
	free(q->local);
	free(q->remote);
	free(q->id);
	free(q->key);
}

/* For the administrator. */
static void tell(struct question *q, bool forged, const char *what, const char *reason)
{
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(q->mod, &s2s);
	char text[256];

	snprintf(text, sizeof text, reason != NULL ? "%s (%.200s)" : "%s", what, reason);
	ops->unproven(s2s, q->stream, q->remote, forged, text);
}

static void done(struct question *q)
{
	((struct dialback_stream *)tcti_stream_data(q->mod, q->stream))->owed--;
	tct_scope_free(q);
}

static void answer(struct question *q, const char *type, const char *condition, const char *text)
{
	struct tct_stream *s = q->stream;

	dialback_result(s, q->local, q->remote, type, condition, text);
	done(q);
}

/* XEP-0220 2.5. */
static void answer_unasked(struct question *q, uint32_t condition)
{
	if (condition == TCT_REMOTE_SERVER_NOT_FOUND)
		answer(q, "error", "remote-server-not-found", "there is no such server");
	else if (q->asked == NULL)
		answer(q, "error", "remote-connection-failed", "your server cannot be asked");
	else
		answer(q, "error", "remote-server-timeout", "your server has not answered");
}

static void asked(struct tct_mod *m, struct tct_stream *s, uint32_t condition, const char *reason,
	void *data)
{
	struct question *q = data;
	struct tct_elem *e;

	if (s == NULL) {
		tct_log_notice(m, "\"%s\" cannot be asked whether it is it that has connected (%s)",
			q->remote, reason);
		q->ask = NULL;
		tell(q, false, "its server cannot be asked whether it is it", reason);
		answer_unasked(q, condition);
		return;
	}
	q->asked = s;
	e = tcti_nonza_new(TCTI_NS_DIALBACK, "verify");
	tct_set(e, "from", q->local);
	tct_set(e, "to", q->remote);
	tct_set(e, "id", q->id);
	tct_text(e, q->key);
	tcti_stream_send(s, e);
}

static char *copy(const char *text)
{
	char *c = strdup(text);

	if (c == NULL)
		abort();
	return c;
}

static bool has_room(const struct dialback *d, const char *remote)
{
	uint32_t same = 0;

	for (const struct question *q = d->questions; q != NULL; q = q->next)
		same += strcmp(q->remote, remote) == 0;
	return d->question_count < QUESTIONS_MAX && same < QUESTIONS_SAME;
}

void verify_begin(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote,
	const char *key)
{
	struct dialback *d = tct_mod_data(m);
	struct dialback_stream *ds = tcti_stream_data(m, s);
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(m, &s2s);
	struct question *q;

	if (ds->owed >= OWED_MAX || !has_room(d, remote) || strlen(key) > KEY_MAX) {
		dialback_result(s, local, remote, "error", "resource-constraint", NULL);
		return;
	}
	q = tct_scope_alloc(tcti_stream_scope(m, s), sizeof *q, question_end);
	q->mod = m;
	q->stream = s;
	q->local = copy(local);
	q->remote = copy(remote);
	q->id = copy(tcti_stream_id(s));
	q->key = copy(key);
	q->next = d->questions;
	if (q->next != NULL)
		q->next->prev = q;
	d->questions = q;
	d->question_count++;
	ds->owed++;
	q->ask = ops->ask(s2s, local, remote, s, m, asked, q);
	if (q->ask == NULL)
		answer(q, "error", "resource-constraint", NULL);
}

static bool is(const struct tct_elem *e, const char *name, const char *value)
{
	const char *text = tct_attr(e, name);

	return text != NULL && strcmp(text, value) == 0;
}

static struct question *find(const struct dialback *d, const struct tct_stream *s,
	const struct tct_elem *e)
{
	for (struct question *q = d->questions; q != NULL; q = q->next) {
		if (q->asked == s && is(e, "from", q->remote) && is(e, "to", q->local) &&
			is(e, "id", q->id))
			return q;
	}
	return NULL;
}

static void believe(struct question *q)
{
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(q->mod, &s2s);

	/* The certificate policy may have changed since. */
	if (ops->refuses_dialback(s2s, q->stream, q->remote) != NULL)
		answer(q, "error", "not-authorized", NULL);
	else if (!ops->accept(s2s, q->stream, q->local, q->remote, TCTI_PROOF_DIALBACK))
		answer(q, "error", "resource-constraint", "too many connections");
	else
		answer(q, "valid", NULL, NULL);
}

/* On a stream that has proven something else it is refused, and the rest goes on (2.2.1). */
static void disbelieve(struct question *q)
{
	struct tct_stream *asker = q->stream;

	tct_log_notice(q->mod, "\"%s\" says that it is not it that has connected from %s", q->remote,
		tcti_stream_address(asker));
	tell(q, true, "its server says that it is not it that has connected from",
		tcti_stream_address(asker));
	if (tcti_stream_is_proven(asker)) {
		answer(q, "error", "forbidden", "your server says that it is not you");
		return;
	}
	answer(q, "invalid", NULL, NULL);
	tcti_stream_close(asker, NULL, NULL);
}

/* The server that was asked does not know the domain. */
static bool is_unknown(const struct tct_elem *e)
{
	const struct tct_elem *error = tct_child(e, "jabber:client", "error");

	return error != NULL && tct_child(error, NS_STANZAS, "item-not-found") != NULL;
}

static void no_answer(struct question *q, uint32_t condition)
{
	tell(q, false, "its server does not say whether it is it", NULL);
	answer_unasked(q, condition);
}

bool verify_answer(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct dialback_stream *ds = tcti_stream_data(m, s);
	struct question *q = find(tct_mod_data(m), s, e);

	if (q == NULL) {
		if (ds->late == 0 || tct_attr(e, "type") == NULL)
			return false;
		ds->late--;
		return true;
	}
	q->answered = true;
	if (is(e, "type", "valid"))
		believe(q);
	else if (is(e, "type", "invalid"))
		disbelieve(q);
	else
		no_answer(q, is_unknown(e) ? TCT_REMOTE_SERVER_NOT_FOUND : 0);
	return true;
}

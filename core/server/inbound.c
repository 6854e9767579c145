/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* inbound.c - see inbound.h. A set that failed counts as handled: its sender was told. */
#include "core/server/inbound.h"

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/server/session.h"
#include "core/server/turn.h"
#include "core/store/txn.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/payload.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_MAX 1000

struct inbound_token {
	struct list link; /* in its session's list until all before it are done, too */
	struct ticket_waiter waiter;
	struct ticket *ticket; /* counted, while waited for */
	struct tct_session *session; /* counted */
	uint32_t number;
	uint32_t floor; /* that its write set says; if marked */
	bool ended, marked, done;
};

void inbound_init(struct inbound *in)
{
	list_init(&in->tokens);
}

void inbound_fini(struct inbound *in)
{
	free(in->again);
	in->again = NULL;
	in->again_count = 0;
}

struct inbound_token *inbound_begin(struct tct_session *s)
{
	struct inbound_token *t;

	if (!s->inbound.tracked)
		return NULL;
	t = mem_zalloc(sizeof *t);
	t->session = session_ref(s);
	list_push(&s->inbound.tokens, &t->link);
	t->number = ++s->inbound.received;
	return t;
}

static void notice(void *data)
{
	struct tct_session *s = data;
	const struct tcti_pipe_ops *ops = s->pipe_ops;

	s->inbound.noticed = false;
	if (ops != NULL && ops->handled != NULL)
		ops->handled(s->pipe_mod, s);
}

void tcti_session_notice(struct tct_session *s)
{
	if (s->ended || s->inbound.noticed)
		return;
	s->inbound.noticed = true;
	turn_call(&s->scope, notice, s);
}

static void done(struct inbound_token *t)
{
	struct tct_session *s = session_ref(t->session);
	struct inbound *in = &s->inbound;
	struct list *node;

	t->done = true;
	while ((node = list_first(&in->tokens)) != NULL) {
		t = list_entry(node, struct inbound_token, link);
		if (!t->done)
			break;
		list_remove(node);
		session_unref(t->session);
		free(t);
		in->handled++;
		tcti_session_notice(s);
	}
	session_unref(s);
}

/* That many are handled, says a set that is on disk. */
static void durable(struct inbound *in, uint32_t floor)
{
	if ((int32_t)(floor - in->durable) > 0)
		in->durable = floor;
}

static void ticket_done(struct ticket_waiter *w)
{
	struct inbound_token *t = list_entry(w, struct inbound_token, waiter);

	if (t->marked && ticket_state(t->ticket) == TICKET_DURABLE)
		durable(&t->session->inbound, t->floor);
	ticket_unref(t->ticket);
	t->ticket = NULL;
	done(t);
}

/* All up to this one have ended. Sets commit in order, so when the set of the last of them is
 * on disk, all are. */
static uint32_t floor_of(const struct inbound *in)
{
	list_each (node, &in->tokens) {
		const struct inbound_token *t = list_entry(node, struct inbound_token, link);

		if (!t->ended)
			return t->number - 1;
	}
	return in->received;
}

/* Writes the number into the set that the stanza is in. */
static void mark(struct inbound_token *t, struct tct_txn *txn)
{
	struct tct_session *s = t->session;
	const struct tcti_pipe_ops *ops = s->pipe_ops;
	struct mark mark = { .session = s->key, .number = t->number, .kind = MARK_SENT };

	mark.floor = t->floor = floor_of(&s->inbound);
	t->marked = txn_mark_first(txn, s->entity->host, tct_session_user(s), &mark);
	if (!t->marked && ops != NULL && ops->note_handled != NULL) {
		ops->note_handled(s->pipe_mod, s, txn, t->floor);
		t->marked = true;
	}
}

void inbound_end(struct inbound_token *t, struct tct_txn *txn)
{
	struct ticket *ticket = txn != NULL ? txn_ticket(txn) : NULL;

	if (t == NULL)
		return;
	t->ended = true;
	if (ticket == NULL || !txn_has_writes(txn) ||
		(ticket_state(ticket) != TICKET_OPEN && ticket_state(ticket) != TICKET_SUBMITTED)) {
		done(t);
		return;
	}
	if (t->session->key != 0 && !t->session->ended && ticket_state(ticket) == TICKET_OPEN)
		mark(t, txn);
	t->ticket = ticket_ref(ticket);
	t->waiter.fn = ticket_done;
	ticket_wait(ticket, &t->waiter);
}

/* ---- after a crash ---- */

/* Who it is for and its id, or what it says: a client sends the same again. */
static uint64_t hash_of(const struct tct_stanza *st)
{
	const char *to = tct_stanza_to(st) != NULL ? tct_jid_text(tct_stanza_to(st)) : "";
	const char *id = tct_stanza_id(st);
	const struct payload *p = stanza_payload((struct tct_stanza *)st);
	uint64_t parts[2] = { hash_bytes(to, strlen(to)),
		id != NULL ? hash_bytes(id, strlen(id)) : hash_bytes(p->bytes, p->len) };

	return hash_bytes(parts, sizeof parts);
}

void inbound_expect_again(struct inbound *in, const struct tct_stanza *st)
{
	if (in->again_count >= AGAIN_MAX)
		return;
	in->again = mem_realloc(in->again, (in->again_count + 1) * sizeof *in->again);
	in->again[in->again_count++] = hash_of(st);
}

bool inbound_again(struct inbound *in, const struct tct_stanza *st)
{
	uint64_t h;

	if (in->again_count == 0 || tct_stanza_kind(st) != TCT_MESSAGE)
		return false;
	h = hash_of(st);
	for (uint32_t i = 0; i < in->again_count; i++) {
		if (in->again[i] != h)
			continue;
		in->again[i] = in->again[--in->again_count];
		return true;
	}
	return false;
}

/* ---- asked by the owner of the pipe ---- */

void tcti_session_track(struct tct_session *s, uint32_t handled)
{
	struct inbound *in = &s->inbound;

	in->tracked = true;
	in->received = in->handled = in->durable = handled;
}

uint32_t tcti_session_durable(const struct tct_session *s)
{
	return s->inbound.durable;
}

void tcti_session_set_durable(struct tct_session *s, uint32_t handled)
{
	durable(&s->inbound, handled);
}

void tcti_session_mark(struct tct_session *s, uint64_t key, uint32_t sent)
{
	s->key = key;
	s->sent = sent;
}

uint32_t tcti_session_sent(const struct tct_session *s)
{
	return s->sent;
}

uint32_t tcti_session_received(const struct tct_session *s)
{
	return s->inbound.received;
}

uint32_t tcti_session_handled(const struct tct_session *s)
{
	return s->inbound.handled;
}

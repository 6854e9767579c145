/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* inbound.c - see inbound.h. A set that failed counts as handled: its sender was told. */
#include "core/server/inbound.h"

#include "core/base/mem.h"
#include "core/server/session.h"
#include "core/server/turn.h"
#include "core/store/txn.h"

#include <stdlib.h>

struct inbound_token {
	struct list link; /* in its session's list until all before it are done, too */
	struct ticket_waiter waiter;
	struct tct_session *session; /* counted */
	bool done;
};

void inbound_init(struct inbound *in)
{
	list_init(&in->tokens);
}

struct inbound_token *inbound_begin(struct tct_session *s)
{
	struct inbound_token *t;

	if (!s->inbound.tracked)
		return NULL;
	t = mem_zalloc(sizeof *t);
	t->session = session_ref(s);
	list_push(&s->inbound.tokens, &t->link);
	s->inbound.received++;
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

static void ticket_done(struct ticket_waiter *w)
{
	done(list_entry(w, struct inbound_token, waiter));
}

void inbound_end(struct inbound_token *t, struct ticket *ticket)
{
	if (t == NULL)
		return;
	if (ticket == NULL || (ticket_state(ticket) != TICKET_OPEN &&
				      ticket_state(ticket) != TICKET_SUBMITTED)) {
		done(t);
		return;
	}
	t->waiter.fn = ticket_done;
	ticket_wait(ticket, &t->waiter);
}

/* ---- asked by the owner of the pipe ---- */

void tcti_session_track(struct tct_session *s)
{
	s->inbound.tracked = true;
}

uint32_t tcti_session_received(const struct tct_session *s)
{
	return s->inbound.received;
}

uint32_t tcti_session_handled(const struct tct_session *s)
{
	return s->inbound.handled;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* unseen.c - see unseen.h. */
#include "core/server/unseen.h"

#include "core/base/mem.h"
#include "core/server/entity.h"
#include "core/server/host.h"
#include "core/server/session.h"
#include "core/server/turn.h"
#include "core/store/txn.h"
#include "core/xmpp/payload.h"

#include <stdlib.h>

#define SEEN_BY_PEOPLE (TCT_MESSAGE_NORMAL | TCT_MESSAGE_CHAT | TCT_MESSAGE_GROUPCHAT)

struct told {
	struct ticket_waiter waiter;
	struct turn_item item;
	struct ticket *ticket;       /* counted; NULL: none */
	struct tct_entity *entity;   /* pinned */
	struct tct_session *session; /* counted; NULL: none */
	struct tct_stanza *stanza;   /* counted */
	uint32_t how;
};

/* Its client may be back meanwhile, or the message be refused. */
static bool still_true(const struct told *t)
{
	if (t->ticket != NULL && ticket_state(t->ticket) == TICKET_FAILED)
		return false;
	if (t->session == NULL)
		return true;
	return !t->session->ended &&
		(t->how != TCT_UNSEEN_DETACHED || t->session->stream == NULL);
}

static void tell(struct turn_item *item)
{
	struct told *t = list_entry(item, struct told, item);
	struct tct_unseen u = { sizeof u, t->how, t->entity, t->session, t->stanza };

	if (still_true(t))
		hook_unseen(&t->entity->host->hooks, &u);
	if (t->ticket != NULL)
		ticket_unref(t->ticket);
	if (t->session != NULL)
		session_unref(t->session);
	entity_unpin(t->entity);
	tct_stanza_unref(t->stanza);
	free(t);
}

static void settled(struct ticket_waiter *w)
{
	turn_push(&list_entry(w, struct told, waiter)->item, tell);
}

bool unseen_wanted(const struct tct_entity *e)
{
	return e->host->hooks.unseen.count > 0 && tct_entity_user(e)[0] != '\0';
}

void unseen(struct tct_entity *e, struct tct_session *s, struct tct_stanza *st, uint32_t how,
	struct ticket *ticket)
{
	struct told *t;

	if ((tct_stanza_type(st) & SEEN_BY_PEOPLE) == 0 || !unseen_wanted(e))
		return;
	t = mem_zalloc(sizeof *t);
	t->entity = e;
	entity_pin(e);
	t->session = s != NULL ? session_ref(s) : NULL;
	t->stanza = tct_stanza_ref(st);
	t->how = how;
	t->ticket = ticket != NULL ? ticket_ref(ticket) : NULL;
	if (ticket != NULL && (ticket_state(ticket) == TICKET_OPEN ||
				      ticket_state(ticket) == TICKET_SUBMITTED)) {
		t->waiter.fn = settled;
		ticket_wait(ticket, &t->waiter);
		return;
	}
	turn_push(&t->item, tell);
}

/* ---- told by the owner of COUNT ---- */

void tcti_session_late(struct tct_session *s, struct delivery *d)
{
	struct tct_stanza *st;

	if ((delivery_type(d) & SEEN_BY_PEOPLE) == 0 || !unseen_wanted(s->entity))
		return;
	st = delivery_stanza(d);
	if (st == NULL)
		return;
	unseen(s->entity, s, st, TCT_UNSEEN_LATE, NULL);
	tct_stanza_unref(st);
}

static void notify_heard(void *data)
{
	struct tct_session *s = data;

	hook_session_notice(&s->entity->host->hooks, TCT_SESSION_HEARD, s);
}

void tcti_session_heard(struct tct_session *s)
{
	if (!s->ended)
		turn_call(&s->scope, notify_heard, s);
}

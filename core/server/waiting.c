/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* waiting.c - stanzas that have waited for a session, as modules see them (tct_on_unwanted):
 * deliveries by another name. Declared in session.h. */
#include "core/server/session.h"

#include "core/server/host.h"
#include "core/server/router.h"
#include "core/server/row.h"
#include "core/xmpp/payload.h"

#include <string.h>

static const struct delivery *waiting(const struct tct_waiting *w)
{
	return (const struct delivery *)w;
}

void session_leave_out(struct delivery *d)
{
	struct tct_stanza *st, *error = NULL;

	row_taken(d);
	if ((delivery_type(d) & (TCT_IQ_GET | TCT_IQ_SET)) == 0)
		return;
	st = delivery_stanza(d);
	if (st != NULL)
		error = tct_stanza_error(st, TCT_SERVICE_UNAVAILABLE, NULL);
	tct_stanza_unref(st);
	if (error != NULL)
		router_route(NULL, NULL, error, TCT_NEW);
}

bool session_wants(struct tct_session *s, const struct delivery *d)
{
	return !hook_unwanted(&s->entity->host->hooks, s, (const struct tct_waiting *)d);
}

const struct tct_jid *tct_waiting_from(const struct tct_waiting *w)
{
	return delivery_from(waiting(w));
}

uint32_t tct_waiting_type(const struct tct_waiting *w)
{
	return delivery_type(waiting(w));
}

bool tct_waiting_mentions(const struct tct_waiting *w, const char *text)
{
	struct span bytes = delivery_children(waiting(w));

	return memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;
}

struct tct_stanza *tct_waiting_stanza(const struct tct_waiting *w)
{
	return delivery_stanza(waiting(w));
}

bool tcti_delivery_wanted(struct tct_session *s, const struct delivery *d)
{
	return session_wants(s, d);
}

void tcti_delivery_leave_out(struct delivery *d)
{
	session_leave_out(d);
}

void tcti_pipe_drop_unwanted(struct tct_session *s)
{
	pipe_drop_unwanted(&s->pipe);
}

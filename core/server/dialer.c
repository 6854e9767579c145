/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dialer.c - streams that we open: see <tercet/internal/peers.h>. A dialer is a listener without
 * a socket: what it has in common with one is all that a stream needs to know. */
#include "core/base/budget.h"
#include "core/base/mem.h"
#include "core/mod/module.h"
#include "core/net/addr.h"
#include "core/net/dial.h"
#include "core/server/listener.h"
#include "core/server/stream.h"
#include "core/server/turn.h"
#include "core/xmpp/jid.h"

#include <tercet/internal/peers.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_MAX 256

struct tcti_connecting {
	struct scope_node node; /* in the scope of the dialer's module */
	struct tct_scope scope; /* of the dial */
	struct tcti_dial *dial;
	struct stream_listener *listener;
	struct tct_mod *mod;
	const struct tct_jid *local, *remote;
	char *target; /* that was connected to, when the way to it was signed; NULL */
	uint16_t port;
	tcti_connected_fn *fn;
	void *data;
};

static void dropped(struct scope_node *node)
{
	struct tcti_connecting *c = list_entry(node, struct tcti_connecting, node);

	scope_end(&c->scope);
	listener_unref(c->listener);
	tct_jid_unref(c->local);
	tct_jid_unref(c->remote);
	free(c->target);
	free(c);
}

void tcti_connect_end(struct tcti_connecting *c)
{
	if (c == NULL)
		return;
	scope_remove(&c->node);
	dropped(&c->node);
}

const char *tcti_connect_target(const struct tcti_connecting *c, uint16_t *port)
{
	*port = c->port;
	return c->target;
}

void tcti_connect_next(struct tcti_connecting *c, const char *text)
{
	tcti_dial_next(c->dial, text);
}

static void report(struct tcti_connecting *c, struct tct_stream *s, uint32_t reason,
	const char *text)
{
	struct tct_mod *m = c->mod;

	mod_enter(m);
	c->fn(m, s, reason, text, c->data);
	mod_leave(m);
}

/* The reason, and what was tried last. */
static void report_failure(struct tcti_connecting *c, const struct tcti_dialled *r)
{
	const struct tcti_dial_attempt *last =
		r->attempt_count > 0 ? &r->attempts[r->attempt_count - 1] : NULL;
	char text[TEXT_MAX];

	if (last == NULL)
		snprintf(text, sizeof text, "%s", tcti_dial_reason_text(r->reason));
	else
		snprintf(text, sizeof text, "%s (%.80s %.60s port %u: %.80s)",
			tcti_dial_reason_text(r->reason), last->target, last->address,
			last->port, last->text);
	report(c, NULL, r->reason, text);
}

static void dialled(struct tcti_dial *d, const struct tcti_dialled *r, void *data)
{
	struct tcti_connecting *c = data;
	struct addr addr;

	(void)d;
	free(c->target);
	c->target = NULL;
	if (tcti_streams_stopping()) {
		/* What waits is for the next life: nobody is told that there is no way. */
		if (r->reason == TCTI_DIAL_OK)
			close(r->fd);
		return;
	}
	if (r->reason != TCTI_DIAL_OK) {
		report_failure(c, r);
		return;
	}
	if (budget_pressure() >= BUDGET_HIGH || !addr_parse(&addr, r->address, r->port) ||
		listener_certset(c->listener) == NULL) {
		close(r->fd);
		report(c, NULL, TCTI_DIAL_BUSY, "memory is short, or there is no certificate");
		return;
	}
	c->target = r->secure ? mem_strdup(r->target) : NULL;
	c->port = r->port;
	report(c, stream_connected(c->listener, r->fd, &addr, c->local, c->remote, r->direct_tls),
		TCTI_DIAL_OK, "");
}

struct tcti_connecting *tcti_connect(struct tcti_dialer *dialer, const char *local,
	const struct tcti_dial_params *to, tcti_connected_fn *fn, void *data)
{
	struct stream_listener *l = (struct stream_listener *)dialer;
	struct tcti_connecting *c = mem_zalloc(sizeof *c);

	c->listener = listener_ref(l);
	c->mod = l->mod;
	c->local = tct_jid_new(local);
	c->remote = tct_jid_new(to->domain);
	c->fn = fn;
	c->data = data;
	scope_init(&c->scope, l->mod);
	scope_add(&l->mod->scope, &c->node, dropped);
	c->dial = tcti_dial(&c->scope, to, dialled, c);
	return c;
}

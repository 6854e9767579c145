/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fanout.c - see fanout.h. */
#include "core/server/fanout.h"

#include "core/base/mem.h"
#include "core/mod/module.h"
#include "core/server/host.h"
#include "core/server/router.h"
#include "core/store/txn.h"
#include "core/xmpp/stanza.h"

#include <stdlib.h>

struct fanout {
	struct turn_item item;
	struct tct_host *host; /* of the instance that routes; NULL: of none */
	struct tct_stanza *stanza; /* counted */
	struct tct_txn *txn;   /* counted; NULL: what caused it has written nothing */
	size_t next, count;
	uint8_t hops;
	const struct tct_jid *to[]; /* counted, but for those that are done */
};

static void end(struct fanout *f)
{
	if (f->txn != NULL)
		txn_close(f->txn);
	tct_stanza_unref(f->stanza);
	free(f);
}

static void run(struct turn_item *item)
{
	struct fanout *f = list_entry(item, struct fanout, item);

	while (f->next < f->count) {
		struct tct_overlay overlay = TCT_OVERLAY_INIT;
		struct event *ev;

		if (!turn_spend()) {
			turn_push_front(&f->item, run);
			return;
		}
		overlay.to = f->to[f->next++];
		ev = event_new(stanza_view(f->stanza, &overlay), TCT_NEW);
		tct_jid_unref(overlay.to);
		ev->phase = PHASE_ADDRESS;
		ev->pub.host = f->host;
		ev->hops = f->hops;
		ev->txn = f->txn != NULL ? txn_ref(f->txn) : NULL;
		router_run(&ev->item);
	}
	end(f);
}

void fanout_route(struct tct_mod *m, struct event *parent, struct tct_stanza *st,
	const struct tct_jid *const *to, size_t count)
{
	struct fanout *f;

	if (count == 0 || router_in_circles(m, parent))
		return;
	f = mem_zalloc(sizeof *f + count * sizeof *f->to);
	if (tct_stanza_from(st) == NULL && m != NULL && m->host != NULL)
		tct_stanza_set_from(st, m->host->jid);
	stanza_freeze(st);
	f->stanza = tct_stanza_ref(st);
	f->host = m != NULL ? m->host : NULL;
	f->hops = parent != NULL ? (uint8_t)(parent->hops + 1) : 0;
	if (parent != NULL && parent->txn != NULL && txn_has_writes(parent->txn))
		f->txn = txn_ref(parent->txn);
	f->count = count;
	for (size_t i = 0; i < count; i++)
		f->to[i] = tct_jid_ref(to[i]);
	turn_push(&f->item, run);
}

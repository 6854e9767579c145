/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* outbox.c - stores of hosts for the global instance that keeps on disk what leaves them; see
 * <tercet/internal/peers.h>. What is in the rows is the affair of that instance. */
#include "core/server/event.h"
#include "core/server/host.h"
#include "core/store/store.h"
#include "core/store/txn.h"

#include <tercet/internal/peers.h>

struct tct_archive *tcti_host_archive(const char *host, const char *store)
{
	struct tct_host *h = host_find(span_of(host));
	struct store_env *env = NULL;

	/* In ready() of a module hosts have not looked yet. */
	if (h != NULL && !h->removed)
		env = h->env != NULL ? h->env : store_env_find(h);
	if (env == NULL)
		return NULL;
	return (struct tct_archive *)env_table(env, h, h->name, store, TCT_TABLE_ARCHIVE, NULL);
}

uint64_t tcti_event_append(struct tct_event *pub, struct tct_archive *a, const char *user,
	const char *with, struct tct_value value)
{
	struct tct_txn *txn = event_txn(event_of(pub));

	if (txn == NULL || txn->env != a->kv.env || txn->ticket->state != TICKET_OPEN)
		return 0;
	return tct_archive_append(txn, a, user, with, value);
}

struct tct_txn *tcti_archive_txn(struct tct_archive *a, bool lazy)
{
	struct tct_txn *txn = txn_new(a->kv.env);

	if (lazy)
		tct_txn_lazy(txn);
	return txn;
}

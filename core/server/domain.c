/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* domain.c - domains that are no hosts, and that modules answer for: see
 * <tercet/internal/peers.h>. */
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/mod/module.h"
#include "core/server/host.h"

#include <tercet/internal/peers.h>

#include <stdlib.h>

struct domain {
	struct scope_node node; /* in the scope of its owner */
	struct tct_mod *mod;
	char *name;
};

static struct map domains;

static void domain_free(struct domain *d)
{
	map_remove(&domains, span_of(d->name));
	if (domains.count == 0)
		map_fini(&domains);
	free(d->name);
	free(d);
}

static void owner_ends(struct scope_node *node)
{
	domain_free(list_entry(node, struct domain, node));
}

int tcti_domain_add(struct tct_mod *m, const char *name)
{
	struct domain *d;

	if (tcti_domain_ours(name))
		return TCT_EEXIST;
	d = mem_zalloc(sizeof *d);
	d->mod = m;
	d->name = mem_strdup(name);
	map_put(&domains, span_of(d->name), d);
	scope_add(&m->scope, &d->node, owner_ends);
	return TCT_OK;
}

void tcti_domain_drop(struct tct_mod *m, const char *name)
{
	struct domain *d = map_find(&domains, name);

	if (d == NULL || d->mod != m)
		return;
	scope_remove(&d->node);
	domain_free(d);
}

bool tcti_domain_ours(const char *name)
{
	const struct tct_host *h = host_find(span_of(name));

	return (h != NULL && !h->removed) || map_find(&domains, name) != NULL;
}

struct tct_mod *tcti_domain_owner(const char *name)
{
	const struct domain *d = map_find(&domains, name);

	return d != NULL ? d->mod : NULL;
}

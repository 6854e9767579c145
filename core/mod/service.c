/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* service.c - see service.h. */
#include "core/mod/service.h"

#include "core/base/mem.h"
#include "core/base/vec.h"

#include <stdlib.h>
#include <string.h>

struct provided {
	struct scope_node node;
	struct list link;
	struct tct_mod *mod;
	const char *service, *impl; /* the provider's */
	const void *ops;
};

static struct list all = { &all, &all };

static void drop(struct scope_node *node)
{
	struct provided *p = list_entry(node, struct provided, node);

	list_remove(&p->link);
	free(p);
}

static struct provided *find(const struct tct_host *host, const char *service)
{
	list_each (node, &all) {
		struct provided *p = list_entry(node, struct provided, link);

		if (p->mod->host == host && strcmp(p->service, service) == 0 && !p->mod->ending)
			return p;
	}
	return NULL;
}

void tct_provide(struct tct_mod *m, const char *service, const char *impl, const void *ops)
{
	struct provided *p = find(m->host, service);

	if (p != NULL) {
		mod_load_failed(m, TCT_EEXIST,
			"service '%s' is provided by mod_%s already: load only one of the two",
			service, p->mod->name);
		return;
	}
	p = mem_zalloc(sizeof *p);
	p->mod = m;
	p->service = service;
	p->impl = impl;
	p->ops = ops;
	list_push(&all, &p->link);
	scope_add(&m->scope, &p->node, drop);
}

const void *service_find(const struct tct_host *host, const char *service,
	struct tct_mod **provider)
{
	struct provided *p = find(host, service);

	if (p == NULL && host != NULL)
		p = find(NULL, service);
	if (provider != NULL)
		*provider = p != NULL ? p->mod : NULL;
	return p != NULL ? p->ops : NULL;
}

const void *tct_service(struct tct_mod *m, const char *service, struct tct_mod **provider)
{
	return service_find(m->host, service, provider);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* host.c - see host.h. */
#include "core/server/host.h"

#include "core/base/mem.h"
#include "core/mod/service.h"
#include "core/server/entity.h"
#include "core/store/store.h"
#include "core/xmpp/jid.h"

#include <stdlib.h>
#include <string.h>

static struct map by_name;
static struct tct_host *found; /* last: most servers have one that all ask for */
static size_t found_len;       /* of its name */
static struct list hosts = { &hosts, &hosts };

void host_set_admins(struct tct_host *h, const char *const *list)
{
	for (size_t i = 0; i < h->admins.count; i++)
		tct_jid_unref(h->admins.items[i]);
	vec_fini(&h->admins);
	for (; list != NULL && *list != NULL; list++)
		vec_push(&h->admins, tct_jid_new(*list));
}

bool tct_host_admin(const struct tct_host *h, const struct tct_jid *who)
{
	for (size_t i = 0; i < h->admins.count; i++) {
		/* The whole bare address: a namesake of another host is nobody here. */
		if (tct_jid_equal_bare(h->admins.items[i], who))
			return true;
	}
	return false;
}

struct tct_host *host_new(const char *name)
{
	struct tct_host *h = mem_zalloc(sizeof *h);

	h->name = mem_strdup(name);
	h->jid = tct_jid_make(NULL, name, NULL);
	hook_set_init(&h->hooks, h->name);
	list_init(&h->row_sources);
	list_push(&hosts, &h->link);
	map_put(&by_name, span_of(h->name), h);
	h->self = entity_get(h, span_of(""));
	return h;
}

void host_free(struct tct_host *h)
{
	entities_drop(h);
	map_fini(&h->entities);
	map_remove(&by_name, span_of(h->name));
	found = NULL;
	list_remove(&h->link);
	hook_set_fini(&h->hooks);
	vec_fini(&h->preload);
	host_set_admins(h, NULL);
	tct_jid_unref(h->jid);
	free((char *)h->name);
	free(h);
}

struct tct_host *host_find(struct span name)
{
	struct tct_host *h;

	if (found != NULL && name.len == found_len && memcmp(found->name, name.data, name.len) == 0)
		return found;
	h = map_get(&by_name, name);
	if (h != NULL) {
		found = h;
		found_len = name.len;
	}
	return h;
}

struct tct_host *host_next(struct tct_host *h)
{
	struct list *next = h != NULL ? h->link.next : hosts.next;

	return next == &hosts ? NULL : list_entry(next, struct tct_host, link);
}

struct tct_host *tct_host_find(const char *name)
{
	return host_find(span_of(name));
}

const char *tct_host_name(const struct tct_host *h)
{
	return h->name;
}

const struct tct_jid *tct_host_jid(const struct tct_host *h)
{
	return h->jid;
}

struct tct_host *tct_mod_host(const struct tct_mod *m)
{
	return m->host;
}

/* The stores that the instances of a set want to have preloaded. */
static void add_preloads(struct tct_host *h, const struct module_host *mh)
{
	for (size_t i = 0; i < mh->instances.count; i++) {
		const char *const *name = mh->instances.items[i]->info->preload;

		for (; name != NULL && *name != NULL; name++) {
			struct tct_kv *kv = store_find(h->env, h, *name);
			bool known = kv == NULL;

			for (size_t k = 0; k < h->preload.count; k++)
				known |= h->preload.items[k] == kv;
			if (known)
				continue;
			kv->preload_at = (uint32_t)h->preload.count;
			vec_push(&h->preload, kv);
		}
	}
}

void host_refresh(struct tct_host *h)
{
	struct tct_kv **before = h->preload.items;
	size_t count = h->preload.count;
	bool same;

	h->env = store_env_find(h);
	h->auth = service_find(h, "auth", &h->auth_mod);
	h->roster = service_find(h, "roster", &h->roster_mod);
	h->preload.items = NULL;
	h->preload.count = h->preload.room = 0;
	if (h->env != NULL)
		add_preloads(h, &h->mh);
	same = count == h->preload.count &&
		(count == 0 || memcmp(before, h->preload.items, count * sizeof *before) == 0);
	free(before);
	if (!same)
		entities_reload(h);
}

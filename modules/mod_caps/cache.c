/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* cache.c - what is known of clients, bounded in bytes, least recently used goes first; and
 * what a presence says of its sender. Keys come from peers: they are in a balanced tree, so
 * nobody can make it slow. */
#include "modules/mod_caps/caps.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPS_MAX (64 << 10) /* bytes of one client's features */
#define SAID_MAX 512        /* bytes of a hash, an algorithm, a node */

/* ---- what a client can do ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *feature_of(const struct tct_elem *e)
{
	return tct_elem_is(e, NS_INFO, "feature") ? tct_attr(e, "var") : NULL;
}

struct tct_caps *caps_new(const struct tct_elem *query)
{
	size_t count = 0, bytes = sizeof(struct tct_caps);
	struct tct_caps *caps;
	char *at;

	tct_elem_each (e, query) {
		if (feature_of(e) == NULL)
			continue;
		count++;
		bytes += sizeof *caps->features + strlen(feature_of(e)) + 1;
	}
	if (bytes > CAPS_MAX)
		return NULL;
	caps = malloc(bytes);
	if (caps == NULL)
		abort();
	caps->refs = 1;
	caps->bytes = bytes;
	caps->count = 0;
	at = (char *)&caps->features[count];
	tct_elem_each (e, query) {
		const char *var = feature_of(e);

		if (var == NULL)
			continue;
		memcpy(at, var, strlen(var) + 1);
		caps->features[caps->count++] = at;
		at += strlen(var) + 1;
	}
	qsort(caps->features, caps->count, sizeof *caps->features, by_text);
	return caps;
}

void caps_unref(struct tct_caps *caps)
{
	if (caps != NULL && --caps->refs == 0)
		free(caps);
}

bool caps_has(const struct tct_caps *caps, const char *feature)
{
	return bsearch(&feature, caps->features, caps->count, sizeof *caps->features, by_text) !=
		NULL;
}

void caps_each(const struct tct_caps *caps, tct_feature_fn *fn, void *data)
{
	for (size_t i = 0; i < caps->count; i++)
		fn(caps->features[i], data);
}

/* ---- what a presence says ---- */

static char *format(const char *fmt, const char *a, const char *b, const char *c)
{
	char *text;

	if (asprintf(&text, fmt, a, b, c) < 0)
		abort();
	return text;
}

static bool fits(const char *text)
{
	return text != NULL && *text != '\0' && strlen(text) <= SAID_MAX;
}

/* XEP-0390: the first hash that we can check. */
static bool read_2(struct caps_said *said, const struct tct_elem *c)
{
	tct_elem_each (hash, c) {
		const char *algorithm = tct_attr(hash, "algo");

		if (!tct_elem_is(hash, NS_HASHES, "hash") || algorithm == NULL ||
			strcmp(algorithm, "sha-1") == 0 || !caps_hash_known(algorithm) ||
			!fits(tct_elem_text(hash)))
			continue;
		said->version = 2;
		said->algorithm = algorithm;
		said->hash = tct_elem_text(hash);
		said->node = format("%s#%s.%s", NS_CAPS2, said->algorithm, said->hash);
		return true;
	}
	return false;
}

/* XEP-0115; the format without a hash is of another age, and says nothing that is checkable. */
static bool read_1(struct caps_said *said, const struct tct_elem *c)
{
	const char *node = tct_attr(c, "node");

	said->algorithm = tct_attr(c, "hash");
	said->hash = tct_attr(c, "ver");
	if (!fits(said->algorithm) || !fits(said->hash) || !fits(node))
		return false;
	said->version = 1;
	said->node = format("%s#%s%s", node, said->hash, "");
	return true;
}

bool caps_said_read(struct caps_said *said, const struct tct_stanza *presence)
{
	const struct tct_elem *root = tct_stanza_root(presence);

	*said = (struct caps_said){ .from = tct_stanza_from(presence) };
	if (said->from == NULL || tct_jid_resource(said->from) == NULL)
		return false;
	if (!read_2(said, tct_child(root, NS_CAPS2, "c")) &&
		!read_1(said, tct_child(root, NS_CAPS, "c")))
		return false;
	if (caps_hash_known(said->algorithm))
		said->key = format(said->version == 1 ? "1 %s %s%s" : "2 %s %s%s", said->algorithm,
			said->hash, "");
	said->own = format("own %s %s%s", tct_jid_text(said->from), said->node, "");
	return true;
}

void caps_said_fini(struct caps_said *said)
{
	free(said->node);
	free(said->key);
	free(said->own);
}

/* ---- entries ---- */

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct caps_entry *)a)->key, ((const struct caps_entry *)b)->key);
}

struct caps_entry *caps_find(struct caps *caps, const char *key)
{
	struct caps_entry wanted = { .key = (char *)key };
	struct caps_entry *const *found = tfind(&wanted, &caps->tree, by_key);

	return found != NULL ? *found : NULL;
}

struct caps_entry *caps_add(struct tct_mod *m, const char *key)
{
	struct caps *caps = tct_mod_data(m);
	struct caps_entry *entry = calloc(1, sizeof *entry);

	if (entry == NULL || (entry->key = strdup(key)) == NULL ||
		tsearch(entry, &caps->tree, by_key) == NULL)
		abort();
	entry->m = m;
	entry->waiters.next = entry->waiters.prev = &entry->waiters;
	return entry;
}

static size_t size_of(const struct caps_entry *entry)
{
	return entry->caps->bytes + sizeof *entry + strlen(entry->key) + 1;
}

void caps_remove(struct caps *caps, struct caps_entry *entry)
{
	tdelete(entry, &caps->tree, by_key);
	if (entry->caps != NULL) {
		TAILQ_REMOVE(&caps->known, entry, used);
		caps->bytes -= size_of(entry);
	}
	caps_unref(entry->caps);
	tct_jid_unref(entry->asked);
	free(entry->algorithm);
	free(entry->hash);
	free(entry->key);
	free(entry);
}

void caps_keep(struct tct_mod *m, struct caps_entry *entry, struct tct_caps *what)
{
	struct caps *caps = tct_mod_data(m);

	entry->caps = what;
	TAILQ_INSERT_TAIL(&caps->known, entry, used);
	caps->bytes += size_of(entry);
}

void caps_used(struct caps *caps, struct caps_entry *entry)
{
	TAILQ_REMOVE(&caps->known, entry, used);
	TAILQ_INSERT_TAIL(&caps->known, entry, used);
}

void caps_shrink(struct tct_mod *m)
{
	const struct caps_config *config = tct_mod_config(m);
	struct caps *caps = tct_mod_data(m);

	while (caps->bytes > (size_t)config->cache && !TAILQ_EMPTY(&caps->known))
		caps_remove(caps, TAILQ_FIRST(&caps->known));
}

/* Who still waits is not called: its module is ending, or has been told so. */
void caps_free(struct caps *caps)
{
	while (caps->tree != NULL) {
		struct caps_entry *entry = *(struct caps_entry *const *)caps->tree;
		struct caps_link *w = entry->waiters.next, *next;

		for (; w != &entry->waiters; w = next) {
			next = w->next;
			w->next = w->prev = w;
		}
		caps_remove(caps, entry);
	}
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* caps.h - what the files of mod_caps share: the instance, what a presence says of its sender,
 * and the entries of what is known or being asked. */
#pragma once

#include "modules/mod_caps/hash.h"

#include <tercet/caps.h>
#include <tercet/module.h>

#include <sys/queue.h>

#define NS_CAPS "http://jabber.org/protocol/caps"
#define NS_CAPS2 "urn:xmpp:caps"
#define NS_HASHES "urn:xmpp:hashes:2"

struct caps_config {
	const char *node;
	int64_t cache;
	int64_t timeout;
};

/* What a client can do: sorted features in one block. Counted. */
struct tct_caps {
	uint32_t refs;
	size_t bytes, count;
	const char *features[];
};
/* The features of an answer to disco#info; NULL: too large to be kept. */
struct tct_caps *caps_new(const struct tct_elem *query);
void caps_unref(struct tct_caps *caps); /* NULL: nothing */
bool caps_has(const struct tct_caps *caps, const char *feature);
void caps_each(const struct tct_caps *caps, tct_feature_fn *fn, void *data);

/* What a presence says. Texts are in `text`. */
struct caps_said {
	int version; /* 1: XEP-0115, 2: XEP-0390 */
	const char *algorithm, *hash;
	const struct tct_jid *from; /* borrowed from the presence */
	char *node; /* to be asked for */
	char *key;  /* of the entry for all who say this; NULL: the hash cannot be checked */
	char *own;  /* of the entry for this sender alone */
};
/* False: it says nothing. Then and later caps_said_fini. */
bool caps_said_read(struct caps_said *said, const struct tct_stanza *presence);
void caps_said_fini(struct caps_said *said);

struct caps_link {
	struct caps_link *next, *prev;
};

struct caps_entry {
	char *key; /* first: the tree is sorted by it */
	TAILQ_ENTRY(caps_entry) used; /* in the list of what is known */
	struct tct_caps *caps;        /* NULL: it is being asked for */
	struct caps_link waiters;
	struct tct_mod *m;
	int version;
	char *algorithm, *hash;
	const struct tct_jid *asked; /* whom, while it is asked */
};

TAILQ_HEAD(caps_list, caps_entry);

struct caps {
	void *tree; /* of all entries, tsearch(3) */
	struct caps_list known; /* least recently used first */
	size_t bytes, asking;
	/* The host's own. */
	uint32_t changes;
	bool computed;
	char ver[CAPS_HASH_SIZE];
	char hashes[2][CAPS_HASH_SIZE];
};

/* ---- cache.c ---- */
struct caps_entry *caps_find(struct caps *caps, const char *key);
/* A new entry without waiters; `key` is copied. */
struct caps_entry *caps_add(struct tct_mod *m, const char *key);
void caps_remove(struct caps *caps, struct caps_entry *entry);
/* Keeps what is known now (taken), within the bounds. */
void caps_keep(struct tct_mod *m, struct caps_entry *entry, struct tct_caps *what);
void caps_used(struct caps *caps, struct caps_entry *entry);
/* Until it fits into the bounds. */
void caps_shrink(struct tct_mod *m);
void caps_free(struct caps *caps);

/* ---- ask.c: the service ---- */
const struct tct_caps *caps_peek(struct tct_mod *m, const struct tct_stanza *presence);
void caps_ask(struct tct_mod *m, struct tct_scope *scope, const struct tct_stanza *presence,
	tct_caps_fn *fn, void *data);

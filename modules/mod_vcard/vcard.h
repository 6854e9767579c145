/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* vcard.h - what the files of mod_vcard share. A card is one row of the store "vcard", as the
 * client sent it, read when somebody asks. What must be known at once is a row of
 * "vcard_index", read with the entity: that there is a card, the hash of its photo, and what
 * may be searched for. */
#pragma once

#include <tercet/module.h>
#include <tercet/presence.h>

#define NS_VCARD "vcard-temp"
#define NS_UPDATE "vcard-temp:x:update"
#define NS_SEARCH "jabber:iq:search"
#define NS_FORM "jabber:x:data"
#define ROW "card" /* the key in both stores */

#define PHOTO_SIZE 41 /* SHA-1 in hex, with its NUL */

struct vcard_config {
	int64_t max_size;
	int64_t cache_size;
	int64_t requests_per_minute;
	const char *host_name, *host_description, *host_url, *host_email;
	bool search;
	bool search_remote;
	int64_t search_results;
};

/* How much somebody may still ask. */
struct bucket {
	uint64_t key;
	int64_t tokens, since; /* tokens are sixtieths of a request */
};
#define BUCKETS 1024

struct vcard_cached;

/* Data of the instance. */
struct vcard_data {
	struct tct_kv *cards, *index;
	uint64_t seed;
	struct bucket buckets[BUCKETS];
	struct vcard_cached *newest, *oldest;
	int64_t cached;   /* bytes */
	uint64_t changes; /* counted, so that an old read is not kept as new */
	unsigned searches;
};

/* Data of an entity whose card was asked for or set. */
struct vcard_cached {
	struct vcard_data *data;
	struct vcard_cached *newer, *older;
	char *xml; /* NULL: not in the cache */
	size_t len;
	uint64_t change;
};

/* ---- card.c ---- */

tct_stanza_fn vcard_on_get, vcard_on_set, vcard_on_host_get;
/* Out of the cache. */
void vcard_forget(struct vcard_cached *c);

/* ---- photo.c ---- */

/* The hash of the photo in a card, "" when there is none. */
void vcard_photo(const struct tct_elem *card, char out[PHOTO_SIZE]);
/* Presence on its way out gets the hash (XEP-0153). */
tct_stanza_fn vcard_on_presence;
/* The photo has changed: all available resources say so. */
void vcard_announce(struct tct_mod *m, struct tct_event *ev, const char *photo);

/* ---- rate.c ---- */

/* Refuses what asks too often. */
tct_stanza_fn vcard_on_request;

/* ---- search.c ---- */

tct_stanza_fn vcard_on_search_get, vcard_on_search_set;
/* Adds what may be found of a card whose owner wants to be found. */
void vcard_searchable(const struct tct_elem *card, struct tct_record *r);

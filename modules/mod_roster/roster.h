/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* roster.h - what the files of mod_roster share. The rows of an account are in three
 * preloaded stores: "roster" (one per contact), "roster_pending" (requests that wait for
 * an answer, with their stanza) and "roster_version". They are parsed once into a map
 * that belongs to the entity and changes together with the rows; when the server has to
 * give up rows, it drops the map too, and the next use makes it again. */
#pragma once

#include <tercet/module.h>
#include <tercet/roster.h>

#define NS_ROSTER "jabber:iq:roster"
#define ROSTER_NAME_MAX 1023 /* bytes of a name, and of the name of a group */
/* Bytes of a request that waits; a larger one loses its children. */
#define ROSTER_REQUEST_MAX 8192

struct roster_config {
	int64_t max_contacts;
	int64_t max_groups;
	int64_t max_item_size;
	int64_t max_requests;
};

/* Data of the instance. */
struct roster_data {
	struct tct_kv *items, *requests, *version;
	struct roster_watch *watches;
};

/* Data of a session. */
struct roster_session {
	bool interested; /* has asked for the roster: gets pushes */
	bool versioned;  /* ... and for versions */
};

/* One contact. */
struct roster_item {
	struct roster_item *chain;        /* in its bucket */
	struct roster_item *next, **prev; /* of all */
	const struct tct_jid *jid;        /* bare; counted */
	char *name;                       /* NULL: none */
	char *groups;                     /* each with its NUL, one after the other */
	size_t groups_len;
	uint32_t state; /* enum tct_roster_state, LISTED too */
	int64_t asked;  /* with TCT_ROSTER_IN: when, in microseconds */
	uint64_t hash;
};

/* Data of an entity: all zero until it is first used. */
struct roster {
	struct roster_item **buckets;
	size_t bucket_count, count;
	size_t listed, requests;
	struct roster_item *first, **last;
	uint64_t seed;
	int64_t version; /* 0: never changed */
	bool ready;
};

/* ---- items.c: the map ---- */

/* The roster of an entity, made from its rows when that was not done yet. */
struct roster *roster_get(struct tct_mod *m, struct tct_entity *e);
/* Frees what is in it: all zero afterwards. */
void roster_fini(struct roster *r);
/* The contact's item, or NULL; `jid` may be full. */
struct roster_item *roster_find(const struct roster *r, const struct tct_jid *jid);
/* An empty item for a contact that has none; `jid` may be full. */
struct roster_item *roster_add(struct roster *r, const struct tct_jid *jid);
/* Changes bits and keeps the counts; an item without any bit is freed. */
void roster_set_state(struct roster *r, struct roster_item *item, uint32_t state);
/* `name` and `groups` are copied. */
void roster_set_text(
	struct roster_item *item, const char *name, const char *groups, size_t len);
/* Writes the item's row as it is now, or deletes it, and counts the version up. */
void roster_write(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct roster *r, const struct roster_item *item);
/* The version as text. */
#define ROSTER_VERSION_SIZE 24
void roster_version_text(const struct roster *r, char out[ROSTER_VERSION_SIZE]);

/* ---- query.c: what clients ask, and pushes ---- */

tct_stanza_fn roster_on_get, roster_on_set;
/* Tells the sessions that asked for the roster of an item; `removed`: that it is gone. */
void roster_push(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct roster_item *item, bool removed);
/* True when `s` has asked for the roster. */
bool roster_interested(const struct tct_mod *m, const struct tct_session *s);

/* ---- flow.c: subscriptions ---- */

tct_stanza_fn roster_on_outbound, roster_on_inbound;
/* Removes an item: ends what there is in both directions, tells the contact and the
 * watchers, and pushes. */
void roster_remove(struct tct_mod *m, struct tct_event *ev, struct roster_item *item);
/* Sends the requests that wait to a session that has become available. */
void roster_on_available(struct tct_mod *m, struct tct_session *s);
void roster_on_loaded(struct tct_mod *m, struct tct_entity *e);
/* Tells all contacts that the account ends, and deletes its rows. */
void roster_on_deleted(struct tct_mod *m, struct tct_entity *e);

/* ---- watch.c: who wants to know of changes ---- */

void roster_watch(struct tct_mod *m, struct tct_mod *user, tct_roster_changed_fn *fn);
void roster_changed(struct tct_mod *m, struct tct_event *ev,
	const struct tct_jid *contact, uint32_t before, uint32_t after);

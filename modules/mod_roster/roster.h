/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* roster.h - what the files of mod_roster share. The rows of an account are in three
 * preloaded stores: "roster" (one per contact, and one per contact that was removed not long
 * ago), "roster_pending" (requests that wait for an answer, with their stanza) and
 * "roster_version". They are parsed once into a map that belongs to the entity and changes
 * together with the rows; when the server has to give up rows, it drops the map too, and the
 * next use makes it again. What others have lent an account is in the map alone. */
#pragma once

#include <tercet/blocklist.h>
#include <tercet/module.h>
#include <tercet/roster.h>

#define NS_ROSTER "jabber:iq:roster"
#define ROSTER_NAME_MAX 1023 /* bytes of a name, and of the name of a group */
/* Bytes of a request that waits; a larger one loses its children. */
#define ROSTER_REQUEST_MAX 8192
/* What of a state is about seeing each other. */
#define ROSTER_SUBSCRIPTION                                                              \
	(TCT_ROSTER_TO | TCT_ROSTER_FROM | TCT_ROSTER_OUT | TCT_ROSTER_IN |              \
		TCT_ROSTER_APPROVED)

struct roster_config {
	int64_t max_contacts;
	int64_t max_groups;
	int64_t max_item_size;
	int64_t max_requests;
	int64_t max_changes;
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

/* What a source has lent: see tct_roster_gift. */
struct roster_gift {
	struct roster_gift *next;
	char *source, *name, *group; /* name and group may be NULL */
	uint32_t state;              /* TO, FROM */
};

/* One contact; or one that was removed, as long as clients may have to hear of that: then
 * `state` is 0 and `changed` is not. */
struct roster_item {
	struct roster_item *chain;        /* in its bucket */
	struct roster_item *next, **prev; /* of all */
	const struct tct_jid *jid;        /* bare; counted */
	char *name;                       /* the account's own; NULL: none */
	char *groups;                     /* the account's own, each with its NUL */
	size_t groups_len;
	char *source;              /* who made it, if not the account; NULL */
	struct roster_gift *gifts; /* what was lent */
	uint32_t own;    /* bits of enum tct_roster_state that are in the rows */
	uint32_t state;  /* those and what was lent: what counts */
	int64_t asked;   /* with TCT_ROSTER_IN: when, in microseconds */
	int64_t changed; /* the version that this item's last change made; 0: none yet */
	uint64_t hash;
	bool held; /* not freed, even if nothing is left of it */
};

/* Data of an entity: all zero until it is first used. */
struct roster {
	struct roster_item **buckets;
	size_t bucket_count, count;
	size_t listed, requests; /* of the account's own */
	struct roster_item *first, **last;
	uint64_t seed;
	int64_t *versions; /* known ones, the newest last; NULL: never changed */
	size_t version_count;
	uint64_t digest; /* of all that was lent; 0: nothing */
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
/* Changes the account's own bits and keeps the counts; an item of which nothing is left is
 * freed. */
void roster_set_own(struct roster *r, struct roster_item *item, uint32_t own);
/* `name` and `groups` are copied. */
void roster_set_text(
	struct roster_item *item, const char *name, const char *groups, size_t len);
/* The item stays, whatever is changed, until it is let go: then it is freed if nothing is
 * left of it. */
void roster_hold(struct roster_item *item);
void roster_unhold(struct roster *r, struct roster_item *item);
/* Copied; NULL: none. */
void roster_set_source(struct roster_item *item, const char *source);
/* Takes the gift; one of the same source and group is replaced. */
void roster_lend(struct roster *r, struct roster_item *item, struct roster_gift *gift);
/* Frees the gifts of that source and group (NULL: all of the source); the item, too, when
 * nothing is left of it. True when there was one. */
bool roster_unlend(
	struct roster *r, struct roster_item *item, const char *source, const char *group);
/* What was lent of TO and FROM. */
uint32_t roster_lent(const struct roster_item *item);
/* Writes the item's row as it is now, or that it was removed, and counts the version up. */
void roster_write(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct roster *r, struct roster_item *item);
/* For roster_write: the row of an item that was removed is needed no more. */
void roster_forget(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct roster *r, struct roster_item *item);

/* ---- versions.c: what has changed since (RFC 6121 2.6) ---- */

void roster_versions_read(struct tct_mod *m, struct tct_entity *e, struct roster *r);
/* The next version; it and those before it are written. */
int64_t roster_version_next(
	struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e, struct roster *r);
/* The version as text, as of now, or as it was when this item changed last. */
#define ROSTER_VERSION_SIZE 40
void roster_version_text(const struct roster *r, const struct roster_item *item,
	char out[ROSTER_VERSION_SIZE]);
/* True when `text` is a version since which all changes are known: *since is what
 * `changed` of items is compared with. */
bool roster_version_known(const struct roster *r, const char *text, int64_t *since);

/* ---- query.c: what clients ask, and pushes ---- */

tct_stanza_fn roster_on_get, roster_on_set;
/* Tells the sessions that asked for the roster of an item, or that it is gone (it is not
 * listed). The pushes leave when what `ev` or `txn` writes is on disk; both may be NULL. */
void roster_push(struct tct_mod *m, struct tct_event *ev, struct tct_txn *txn,
	struct tct_entity *e, const struct roster_item *item);
/* True when `s` has asked for the roster. */
bool roster_interested(const struct tct_mod *m, const struct tct_session *s);

/* ---- flow.c: subscriptions ---- */

tct_stanza_fn roster_on_outbound, roster_on_inbound;
/* Deletes the row of a request that waits. */
void roster_request_delete(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	const struct tct_jid *contact);
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
void roster_changed(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, uint32_t before, uint32_t after);

/* ---- gifts.c: contacts that an account did not ask for itself ---- */

int roster_give(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, const struct tct_roster_gift *gift);
int roster_take(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, const char *source, const char *group);
int roster_introduce(struct tct_mod *m, struct tct_entity *a, struct tct_entity *b,
	const char *source);

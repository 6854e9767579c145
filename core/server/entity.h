/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* entity.h - bare addresses on our hosts: a cache of what modules need of them, a lane that
 * keeps the order of what is addressed to them, and the list of their sessions. An entity
 * is loaded (all preloaded stores in one read) before the first event of it runs; absent
 * accounts are kept too, so that asking for them costs no read each time. Entities that
 * nobody uses leave, oldest first, when the cache is over its budget. */
#pragma once

#include "core/base/list.h"
#include "core/base/span.h"
#include "core/base/vec.h"
#include "core/server/lane.h"
#include "core/server/slots.h"

#include <tercet/session.h>

enum entity_state { ENTITY_COLD, ENTITY_LOADING, ENTITY_LOADED };

struct entity_row; /* one row of a preloaded store */
struct entity_rows {
	struct entity_row **items; /* sorted by key */
	uint32_t count, room;
};

struct tct_entity {
	struct tct_host *host;
	const struct tct_jid *jid;
	struct list lru;      /* in the cache's list, oldest first */
	struct list sessions; /* struct tct_session link, oldest first */
	struct list waiters;  /* of tct_entity_load */
	struct list orphans;  /* rows whose keepers have ended; see row.h */
	struct lane lane;
	struct lane looks; /* answers that wait for a read that nobody needs; held while there is one */
	struct slots slots;
	struct entity_rows *rows; /* one per store of host->preload; NULL unless loaded */
	struct entity_write *late; /* writes seen while a read was under way */
	struct tct_scope scope;    /* of its own reads */
	uint32_t row_sets;
	uint32_t pins;    /* events, sessions, waiters: it stays while not 0 */
	uint32_t session_count;
	uint32_t bytes;   /* of rows, for the budget */
	uint16_t holds;   /* of those who are not done with what was loaded */
	uint8_t state;
	bool exists;
	bool stale; /* a set failed: read again as soon as possible */
};

void entities_init(size_t budget);
/* Never NULL; made cold when it is not in memory. `user` is prepared, "" for the host. */
struct tct_entity *entity_get(struct tct_host *h, struct span user);
/* The same for an address of that host. */
struct tct_entity *entity_get_jid(struct tct_host *h, const struct tct_jid *jid);
struct tct_entity *entity_find(const struct tct_host *h, struct span user); /* or NULL */
void entity_pin(struct tct_entity *e);
void entity_unpin(struct tct_entity *e);
/* False: there is nothing to read, accounts need no store. */
bool entity_reads(const struct tct_entity *e);
/* The event (taken) goes on when the rows of the entity have been read once more, for nothing: as
 * late as it would if it had to be loaded. False: too much waits; it is the caller's. */
bool entity_look(struct tct_entity *e, struct event *ev);
/* True when it is loaded. Otherwise its lane is held and a read is under way: park there. */
bool entity_ready(struct tct_entity *e);
/* In the notice TCT_ENTITY_LOADED: it is not ready before entity_release was called as often. */
void entity_hold(struct tct_entity *e);
void entity_release(struct tct_entity *e);
/* Frees all entities of a host that is going. */
void entities_drop(struct tct_host *h);
/* The server stops: reads that are under way are given up and refuse what waits for them,
 * and the modules that were asked about accounts are no longer asked. */
void entities_stop(struct tct_host *h);
/* After a change of the host's preloaded stores: everything is read again. */
void entities_reload(struct tct_host *h);
/* Drops what can be dropped until `bytes` are free; for the memory budget. */
void entities_evict(size_t bytes);
size_t entities_count(void);
size_t entities_bytes(void);
/* For the store: a row was put (value), deleted (value NULL), or all of the user (key NULL)
 * in a set; and: a set that had touched this user failed. */
void entity_written(struct tct_kv *kv, const char *user, const char *key,
	const struct tct_value *value);
void entity_rolled_back(struct tct_kv *kv, const char *user);

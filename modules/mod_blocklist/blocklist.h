/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* blocklist.h - what the files of mod_blocklist share. A block is a row of the store
 * "blocklist", which is read with the entity: its key is the address, prepared. Whether a
 * stanza is blocked is asked of the rows themselves; only blocked full addresses are kept in
 * the entity's block, too, to tell that some resources of a contact are blocked. */
#pragma once

#include <tercet/blocklist.h>
#include <tercet/module.h>
#include <tercet/presence.h>
#include <tercet/roster.h>

#define NS_BLOCKING "urn:xmpp:blocking"
#define NS_ERRORS "urn:xmpp:blocking:errors"
#define NS_REPORTING "urn:xmpp:reporting:1"

struct blocklist_config {
	int64_t max_items;
	int64_t max_size;
	const char *const *report_to;
	int64_t max_reports;
};

/* Data of the instance. */
struct blocklist_data {
	struct tct_kv *rows;
	uint64_t reports; /* since the start */
};

/* Data of a session. */
struct blocklist_session {
	bool interested; /* has asked for the list: gets pushes */
};

/* Data of an entity that blocks or reports somebody. */
struct blocklist_entity {
	bool ready;         /* `full` is made */
	const char **full;  /* blocked addresses with node and resource, sorted; copies */
	size_t full_count;
	int64_t reports, since; /* forwarded since then (monotonic) */
};

/* ---- list.c ---- */

/* True when the address, or what it belongs to, is blocked by a row other than that of
 * `except` (NULL: any). The account itself and its host never are. */
bool blocklist_has(struct tct_mod *m, const struct tct_entity *e, const struct tct_jid *jid,
	const struct tct_jid *except);
/* True when blocking `pattern` blocks `jid` (XEP-0191 section 5). */
bool blocklist_covers(const struct tct_jid *pattern, const struct tct_jid *jid);
/* The operations of the service. */
bool blocklist_any(struct tct_mod *m, struct tct_entity *e);
uint32_t blocklist_blocks(
	struct tct_mod *m, struct tct_entity *e, const struct tct_jid *jid);
/* The rows have changed. */
void blocklist_forget(struct tct_mod *m, struct tct_entity *e);
void blocklist_entity_fini(struct blocklist_entity *be);

/* ---- query.c ---- */

tct_stanza_fn blocklist_on_get, blocklist_on_block, blocklist_on_unblock;

/* ---- report.c ---- */

/* Logs, counts and forwards the report inside an item, if there is one (XEP-0377). */
void blocklist_report(struct tct_mod *m, struct tct_event *ev, const struct tct_elem *item,
	const struct tct_jid *jid);

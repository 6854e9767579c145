/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* invites.h - what the files of mod_invites share. All invitations of a host are rows of the
 * host's own entity, in the preloaded store "invites", under the hash of their token. */
#pragma once

#include <tercet/command.h>
#include <tercet/invite.h>
#include <tercet/module.h>
#include <tercet/roster.h>

#define INVITE_TOKEN 26 /* characters of [0-9a-z]: 134 bits */
#define INVITE_KEY 64   /* characters: SHA-256 of the token */

struct invites_config {
	bool allow_contact_invites, allow_user_invites;
	int64_t invite_expiry;
	int64_t max_open, max_open_all;
	const char *invites_page;
};

/* Data of the instance. */
struct invites {
	struct tct_kv *kv;
	const struct tct_roster_ops *roster;
	struct tct_mod *roster_mod;
};

/* A row as it was read; strings are borrowed from it. */
struct invite_row {
	struct tct_invite is; /* without id */
	char key[INVITE_KEY + 1];
	char id[TCT_INVITE_ID_SIZE];
};

/* ---- rows.c ---- */

/* SHA-256 of a token, in hexadecimal. */
void invite_key(const char *token, char out[INVITE_KEY + 1]);
/* The row of that key, or whose id that is; `host` is the host's entity. False: none. What was
 * used up and whose time is over is a row until it is swept. */
bool invite_get(struct tct_mod *m, const struct tct_entity *host, const char *key,
	struct invite_row *row);
bool invite_by_id(struct tct_mod *m, const struct tct_entity *host, const char *id,
	struct invite_row *row);
bool invite_open(const struct invite_row *row);
void invite_put(struct tct_mod *m, struct tct_txn *txn, const struct invite_row *row);
void invite_delete(struct tct_mod *m, struct tct_txn *txn, const struct invite_row *row);
/* One use less; the last one takes the row. */
void invite_spend(struct tct_mod *m, struct tct_txn *txn, struct invite_row *row);
/* Calls fn for each open one. */
typedef void invite_row_fn(const struct invite_row *row, void *data);
void invite_each(struct tct_mod *m, const struct tct_entity *host, invite_row_fn *fn, void *data);
/* An open one for the account of that name; `except` (may be NULL) is the id of another. */
bool invite_reserved(struct tct_mod *m, const struct tct_entity *host, const char *name,
	const char *except);
/* Writes a new one, if there is room for it: TCT_OK and its token; TCT_EFULL. */
int invite_add(struct tct_mod *m, struct tct_txn *txn, const struct tct_entity *host,
	const struct tct_invite *what, struct invite_row *row, char token[INVITE_TOKEN + 1]);
/* Deletes those whose time is long over, and all of an inviter (may be NULL). */
void invite_sweep(struct tct_mod *m, const struct tct_entity *host, const char *inviter);

/* ---- link.c ---- */

/* The caller wipes and frees both; *page is NULL without a page. */
void invite_link(struct tct_mod *m, const struct invite_row *row, const char *token, char **uri,
	char **page);
void invite_wipe(char *text); /* NULL: nothing; frees it */

/* ---- commands.c ---- */

int invites_offer(struct tct_mod *m, struct tct_error *err);
/* Somebody makes accounts by invitation. It may be loaded later than this module. */
bool invites_registration(struct tct_mod *m);
/* The bits of an invitation that a user makes. */
uint32_t invites_flags_of_users(struct tct_mod *m);

/* ---- service.c ---- */

extern const struct tct_invite_ops invites_ops;

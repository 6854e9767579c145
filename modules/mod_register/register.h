/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* register.h - what the files of mod_register share. */
#pragma once

#include <tercet/account.h>
#include <tercet/invite.h>
#include <tercet/internal/stream.h>

#define NS_REGISTER "jabber:iq:register"

struct register_config {
	bool allow_registration, registration_invite_only;
	int64_t per_address, per_host, taken_names;
	const char *instructions;
};

/* What was done in this hour, by address: registrations, and names that were somebody's. An
 * address that finds no place shares that of another one. */
#define REGISTER_SLOTS 1024
struct register_counts {
	int64_t since; /* tct_monotonic(); 0: nothing was done yet */
	uint32_t all;
	uint16_t by_address[REGISTER_SLOTS], taken[REGISTER_SLOTS];
};

/* Data of the instance. */
struct registrar {
	const struct tct_auth_ops *auth;
	const struct tct_account_ops *account; /* NULL: not there */
	struct tct_mod *auth_mod, *account_mod;
	struct register_counts counts;
};

/* Data of a stream that is not logged in. */
struct register_stream {
	char invite[TCT_INVITE_ID_SIZE]; /* that it has shown; "": none */
	bool named;                      /* it says the name of the account */
	uint32_t wrong;                  /* tokens that were none */
};

/* ---- limits.c ---- */

/* Takes one of the registrations that this address may make now; false: there is none left. */
bool register_take(struct tct_mod *m, const char *address);
/* Whoever has an invitation learns which names are taken: `taken`: he has; else: false when this
 * address has learned enough of them. */
bool register_guess(struct tct_mod *m, const char *address, bool taken);

/* ---- before.c: from streams that are not logged in ---- */

void register_load_before(struct tct_mod *m);
/* Anybody may make an account; or who has an invitation. Not on this stream as it is: false. */
bool register_open(struct tct_mod *m, const struct tct_stream *s);
bool register_invites(struct tct_mod *m, const struct tct_stream *s);
/* The service "invites"; NULL: nobody provides it now. It may come later than this module. */
const struct tct_invite_ops *register_invitations(struct tct_mod *m, struct tct_mod **provider);
void register_refuse(struct tct_stream *s, struct tct_stanza *iq, uint32_t condition,
	const char *text);

/* ---- preauth.c: a token comes first (XEP-0445) ---- */

void register_load_preauth(struct tct_mod *m);

/* ---- mod_register.c ---- */

/* The fields of a registration, for who asks; `to` may be NULL. */
void register_add_form(struct tct_mod *m, struct tct_elem *query);

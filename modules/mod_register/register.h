/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* register.h - what the files of mod_register share. */
#pragma once

#include <tercet/account.h>
#include <tercet/internal/stream.h>

#define NS_REGISTER "jabber:iq:register"

struct register_config {
	bool allow_registration;
	int64_t per_address, per_host;
	const char *instructions;
};

/* How many registrations of this hour are taken, by address. An address that finds no place
 * shares that of another one. */
#define REGISTER_SLOTS 1024
struct register_counts {
	int64_t hour;
	uint32_t all;
	uint16_t by_address[REGISTER_SLOTS];
};

/* Data of the instance. */
struct registrar {
	const struct tct_auth_ops *auth;
	const struct tct_account_ops *account;
	struct tct_mod *auth_mod, *account_mod;
	struct register_counts counts;
};

/* ---- limits.c ---- */

/* Takes one of the registrations that this address may make now; false: there is none left. */
bool register_take(struct tct_mod *m, const char *address);

/* ---- before.c: from streams that are not logged in ---- */

void register_load_before(struct tct_mod *m);

/* ---- mod_register.c ---- */

/* The fields of a registration, for who asks; `to` may be NULL. */
void register_add_form(struct tct_mod *m, struct tct_elem *query);

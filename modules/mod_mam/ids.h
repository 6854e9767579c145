/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* ids.h - archive ids as clients see them: the row's id and the account's name, encrypted as
 * one block with a key that never leaves the store. They reveal neither time nor number, and
 * one that was not made here for this account is known without any read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAM_KEY_SIZE 16
#define MAM_ID_SIZE 33 /* 32 hexadecimal digits and a NUL */

struct mam_ids {
	void *cipher;
};

/* False when the library cannot. The key is not kept outside the cipher. */
bool mam_ids_open(struct mam_ids *ids, const uint8_t key[MAM_KEY_SIZE]);
void mam_ids_close(struct mam_ids *ids);
void mam_id_text(const struct mam_ids *ids, const char *user, uint64_t id, char out[MAM_ID_SIZE]);
/* The row's id; 0 when the text is not an id of this account's. */
uint64_t mam_id_parse(const struct mam_ids *ids, const char *user, const char *text);

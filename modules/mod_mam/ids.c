/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* ids.c - see ids.h. One block of AES is a permutation of 16 bytes; CBC with an empty vector
 * is that, once. */
#include "modules/mod_mam/ids.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define BLOCK 16

bool mam_ids_open(struct mam_ids *ids, const uint8_t key[MAM_KEY_SIZE])
{
	gnutls_datum_t k = { (unsigned char *)key, MAM_KEY_SIZE };
	uint8_t zero[BLOCK] = { 0 };
	gnutls_datum_t iv = { zero, sizeof zero };
	gnutls_cipher_hd_t cipher;

	if (gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_128_CBC, &k, &iv) < 0)
		return false;
	ids->cipher = cipher;
	return true;
}

void mam_ids_close(struct mam_ids *ids)
{
	if (ids->cipher != NULL)
		gnutls_cipher_deinit(ids->cipher);
	ids->cipher = NULL;
}

/* Which account: FNV-1a. Nobody gains by another name with the same hash, because the row
 * is looked for in the archive of the one who asks. */
static uint64_t hash_of(const char *user)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *user != '\0'; user++)
		h = (h ^ (unsigned char)*user) * UINT64_C(1099511628211);
	return h;
}

static void put(uint8_t *out, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(n >> (8 * i));
}

static uint64_t get(const uint8_t *in)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n |= (uint64_t)in[i] << (8 * i);
	return n;
}

static void start(const struct mam_ids *ids)
{
	uint8_t zero[BLOCK] = { 0 };

	gnutls_cipher_set_iv(ids->cipher, zero, sizeof zero);
}

void mam_id_text(const struct mam_ids *ids, const char *user, uint64_t id, char out[MAM_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t plain[BLOCK], block[BLOCK] = { 0 };

	put(plain, id);
	put(plain + 8, hash_of(user));
	start(ids);
	gnutls_cipher_encrypt2(ids->cipher, plain, sizeof plain, block, sizeof block);
	for (int i = 0; i < BLOCK; i++) {
		out[2 * i] = digits[block[i] >> 4];
		out[2 * i + 1] = digits[block[i] & 15];
	}
	out[2 * BLOCK] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint64_t mam_id_parse(const struct mam_ids *ids, const char *user, const char *text)
{
	uint8_t block[BLOCK], plain[BLOCK] = { 0 };

	if (strlen(text) != 2 * BLOCK)
		return 0;
	for (int i = 0; i < BLOCK; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return 0;
		block[i] = (uint8_t)(high << 4 | low);
	}
	start(ids);
	if (gnutls_cipher_decrypt2(ids->cipher, block, sizeof block, plain, sizeof plain) < 0 ||
		get(plain + 8) != hash_of(user))
		return 0;
	return get(plain);
}

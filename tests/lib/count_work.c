/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* count_work.c - preloaded into the server by a test: counts the calls of GnuTLS's HMACs,
 * hashes and PBKDF2 (by rounds), in the file COUNT_WORK_FILE. What GnuTLS does inside for TLS
 * does not come here. */
#include <dlfcn.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HMACS, HASHES, ROUNDS, DERIVATIONS, COUNTS };

static void count(int what, uint64_t n)
{
	static _Atomic uint64_t *counts;
	const char *path = getenv("COUNT_WORK_FILE");

	if (counts == NULL && path != NULL) {
		int fd = open(path, O_RDWR);
		void *at = fd >= 0 ? mmap(NULL, COUNTS * sizeof *counts, PROT_READ | PROT_WRITE,
					     MAP_SHARED, fd, 0) :
				     MAP_FAILED;

		if (fd >= 0)
			close(fd);
		if (at == MAP_FAILED)
			abort();
		counts = at;
	}
	if (counts != NULL)
		counts[what] += n;
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

int gnutls_hmac_init(gnutls_hmac_hd_t *h, gnutls_mac_algorithm_t mac, const void *key, size_t len)
{
	count(HMACS, 1);
	return REAL(gnutls_hmac_init)(h, mac, key, len);
}

int gnutls_hmac_fast(gnutls_mac_algorithm_t mac, const void *key, size_t key_len,
	const void *text, size_t len, void *digest)
{
	count(HMACS, 1);
	return REAL(gnutls_hmac_fast)(mac, key, key_len, text, len, digest);
}

int gnutls_hash_fast(gnutls_digest_algorithm_t hash, const void *text, size_t len, void *digest)
{
	count(HASHES, 1);
	return REAL(gnutls_hash_fast)(hash, text, len, digest);
}

int gnutls_pbkdf2(gnutls_mac_algorithm_t mac, const gnutls_datum_t *key,
	const gnutls_datum_t *salt, unsigned rounds, void *out, size_t len)
{
	count(DERIVATIONS, 1);
	count(ROUNDS, rounds);
	return REAL(gnutls_pbkdf2)(mac, key, salt, rounds, out, len);
}

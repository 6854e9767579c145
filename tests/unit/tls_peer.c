/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* tls_peer.c - see tls_peer.h. */
#include "tests/unit/tls_peer.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[256];
unsigned tls_peer_flags;

void tls_files_make(void)
{
	const char *top = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/tercet-tls.XXXXXX", top != NULL ? top : "/tmp");
	assert_non_null(mkdtemp(folder));
}

const char *tls_files_path(const char *file, const char *suffix)
{
	static char ring[32][600];
	static unsigned next;
	char *path = ring[next++ % 32];

	snprintf(path, sizeof ring[0], "%s/%s%s", folder, file, suffix);
	return path;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

void tls_files_remove(void)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_pem(const char *path, gnutls_datum_t *pem)
{
	FILE *f;

	umask(077);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(pem->data, 1, pem->size, f), pem->size);
	fclose(f);
	gnutls_free(pem->data);
}

static void make(const char *file, const char *const *names, long from, long until, bool rsa)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;

	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
				 rsa ? 2048 : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) + from);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + until);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, names[0],
		(unsigned)strlen(names[0]));
	for (size_t i = 0; names[i] != NULL; i++)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, names[i],
			(unsigned)strlen(names[i]), GNUTLS_FSAN_APPEND);
	assert_int_equal(gnutls_x509_crt_set_key(crt, key), 0);
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	write_pem(tls_files_path(file, ".crt"), &pem);
	assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
	write_pem(tls_files_path(file, ".key"), &pem);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

void tls_files_certificate(const char *file, const char *const *names)
{
	make(file, names, -60, 3600, false);
}

void tls_files_certificate_valid(const char *file, const char *const *names, long from, long until)
{
	make(file, names, from, until, false);
}

void tls_files_certificate_rsa(const char *file, const char *const *names)
{
	make(file, names, -60, 3600, true);
}

void tls_files_join(const char *to, const char *first, const char *second)
{
	const char *const from[] = { first, second };
	FILE *out = fopen(tls_files_path(to, ""), "w");
	char line[256];

	assert_non_null(out);
	for (size_t i = 0; i < 2; i++) {
		FILE *in = fopen(tls_files_path(from[i], ".crt"), "r");

		assert_non_null(in);
		while (fgets(line, sizeof line, in) != NULL)
			fputs(line, out);
		fclose(in);
	}
	fclose(out);
}

static ssize_t peer_push(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
	struct tls_peer *p = ptr;

	str_append_n(&p->out, bytes, len);
	return (ssize_t)len;
}

static ssize_t peer_pull(gnutls_transport_ptr_t ptr, void *bytes, size_t len)
{
	struct tls_peer *p = ptr;

	if (p->in.len == 0) {
		gnutls_transport_set_errno(p->session, EAGAIN);
		return -1;
	}
	if (len > p->in.len)
		len = p->in.len;
	memcpy(bytes, p->in.data, len);
	str_consume(&p->in, len);
	return (ssize_t)len;
}

void tls_peer_init(struct tls_peer *p, const char *sni, const char *alpn, const char *priority,
	const gnutls_datum_t *ticket)
{
	memset(p, 0, sizeof *p);
	assert_int_equal(gnutls_init(&p->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK |
				 tls_peer_flags), 0);
	gnutls_certificate_allocate_credentials(&p->credentials);
	gnutls_credentials_set(p->session, GNUTLS_CRD_CERTIFICATE, p->credentials);
	if (priority != NULL)
		assert_int_equal(gnutls_priority_set_direct(p->session, priority, NULL), 0);
	else
		gnutls_set_default_priority(p->session);
	if (sni != NULL)
		gnutls_server_name_set(p->session, GNUTLS_NAME_DNS, sni, strlen(sni));
	if (alpn != NULL) {
		gnutls_datum_t protocol = { (unsigned char *)(uintptr_t)alpn,
			(unsigned)strlen(alpn) };

		gnutls_alpn_set_protocols(p->session, &protocol, 1, 0);
	}
	if (ticket != NULL)
		assert_int_equal(gnutls_session_set_data(p->session, ticket->data, ticket->size), 0);
	gnutls_transport_set_ptr(p->session, p);
	gnutls_transport_set_push_function(p->session, peer_push);
	gnutls_transport_set_pull_function(p->session, peer_pull);
	gnutls_handshake_set_timeout(p->session, 0);
}

void tls_peer_fini(struct tls_peer *p)
{
	gnutls_deinit(p->session);
	gnutls_certificate_free_credentials(p->credentials);
	str_fini(&p->in);
	str_fini(&p->out);
}

bool tls_peer_handshake(struct tls_peer *p)
{
	int rc;

	do {
		rc = gnutls_handshake(p->session);
	} while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
	p->open = rc == 0;
	p->error = rc == GNUTLS_E_AGAIN ? 0 : rc;
	return rc == 0 || rc == GNUTLS_E_AGAIN;
}

bool tls_peer_read(struct tls_peer *p, struct str *plain)
{
	char bytes[4096];

	for (;;) {
		ssize_t n = gnutls_record_recv(p->session, bytes, sizeof bytes);

		if (n > 0)
			str_append_n(plain, bytes, (size_t)n);
		else if (n == 0 || gnutls_error_is_fatal((int)n))
			return false;
		else if (n == GNUTLS_E_AGAIN && p->in.len == 0)
			return true; /* it says so after a ticket, too */
	}
}

void tls_peer_write(struct tls_peer *p, const char *text)
{
	assert_int_equal(gnutls_record_send(p->session, text, strlen(text)), strlen(text));
}

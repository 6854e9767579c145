/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* tls.c - see tls.h. */
#include "core/net/tls.h"

#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/net/certset.h"
#include "core/net/hello.h"
#include "core/net/peer.h"

#include <tercet/base.h>

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_HEADER 5
#define RECORD_MAX (16384 + 256)
#define SMALL_RECORD 1536 /* most stanzas are */
#define LARGE_RECORD 16384
#define STRANGERS_A_SECOND 8

struct tls {
	gnutls_session_t session;
	struct certset *set; /* counted */
	struct cert *cert;   /* ours: chosen by the client's hello, or by params.own */
	char *host;          /* of the stream, when the client names none */
	struct peer *peer;   /* made when asked for */
	struct span in;      /* during tls_feed */
	struct str *out;     /* during a call */
	int error;
	bool open, client, ask;
	bool heard;          /* the hello was looked at */
	bool resumes, slow;  /* it has a ticket; what comes is better done elsewhere */
	/* What tls_work gets and makes. */
	struct str work_in, work_out;
	enum tls_status worked;
	bool working;
	bool small; /* GnuTLS sends records of at most SMALL_RECORD bytes */
};

static gnutls_certificate_credentials_t credentials;
static struct {
	int64_t second;
	unsigned count;
} strangers;

/* ---- what GnuTLS calls ---- */

static ssize_t push(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
	struct tls *t = ptr;

	str_append_n(t->out, bytes, len);
	return (ssize_t)len;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *bytes, size_t len)
{
	struct tls *t = ptr;

	if (t->in.len == 0) {
		gnutls_transport_set_errno(t->session, EAGAIN);
		return -1;
	}
	if (len > t->in.len)
		len = t->in.len;
	memcpy(bytes, t->in.data, len);
	t->in.data += len;
	t->in.len -= len;
	return (ssize_t)len;
}

static int retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **certs, unsigned *count, gnutls_ocsp_data_st **ocsp,
	unsigned *ocsp_count, gnutls_privkey_t *key, unsigned *flags)
{
	struct tls *t = gnutls_session_get_ptr(session);

	(void)info;
	if (t->cert == NULL)
		return t->client ? 0 : -1; /* a client need not have one */
	*certs = t->cert->chain;
	*count = t->cert->chain_count;
	*key = t->cert->key;
	*ocsp = (gnutls_ocsp_data_st *)cert_staple(t->cert);
	*ocsp_count = *ocsp != NULL ? 1 : 0;
	*flags = 0; /* the set frees them, not GnuTLS */
	return 0;
}

/* ---- the client's hello ---- */

/* Who says that it resumes and does not is not believed for the rest of the second: else the
 * loop would sign for all who write so. */
static bool believes_tickets(int64_t now)
{
	return strangers.second != now || strangers.count < STRANGERS_A_SECOND;
}

static void count_stranger(const struct tls *t)
{
	int64_t now = tct_monotonic();

	if (!t->resumes || gnutls_session_is_resumed(t->session) != 0)
		return;
	if (strangers.second != now)
		strangers.count = 0;
	strangers.second = now;
	strangers.count++;
}

/* Whose certificate and whose ticket key. Looked at once: a second hello (RFC 8446 4.1.4) has
 * the same name, or it gets nothing by another. */
static int choose(struct tls *t, const struct hello *hello)
{
	const char *asked = hello->name[0] != '\0' ? hello->name : t->host;
	unsigned char bytes[CERT_TICKET_KEY];
	gnutls_datum_t key = { bytes, sizeof bytes };

	if (hello->name[0] != '\0' && t->cert == NULL)
		t->cert = certset_find(t->set, hello->name, NULL);
	if (t->cert == NULL)
		t->cert = certset_find(t->set, t->host, NULL);
	if (t->cert == NULL)
		return GNUTLS_E_UNRECOGNIZED_NAME;
	t->resumes = hello->resumes && !t->ask && believes_tickets(tct_monotonic());
	t->slow = !t->resumes && cert_is_slow(t->cert);
	/* What a client has proven belongs to one connection: no tickets then. */
	if (t->ask)
		return 0;
	cert_ticket_key(t->cert, asked != NULL ? asked : "", bytes);
	gnutls_session_ticket_enable_server(t->session, &key);
	gnutls_memset(bytes, 0, sizeof bytes);
	return 0;
}

/* ---- life ---- */

int tls_init(struct tct_error *err)
{
	int rc = gnutls_certificate_allocate_credentials(&credentials);

	if (rc < 0)
		return tct_error_set(err, TCT_EIO, "cannot start TLS (%s)", gnutls_strerror(rc));
	gnutls_certificate_set_retrieve_function3(credentials, retrieve);
	return TCT_OK;
}

void tls_fini(void)
{
	if (credentials != NULL)
		gnutls_certificate_free_credentials(credentials);
	credentials = NULL;
}

static void begin_server(struct tls *t)
{
	gnutls_certificate_server_set_request(t->session,
		t->ask ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
}

static void begin_client(struct tls *t, const struct tls_params *p)
{
	if (p->host != NULL)
		gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, p->host, strlen(p->host));
	if (p->own != NULL)
		t->cert = certset_find(t->set, p->own, NULL);
}

struct tls *tls_new(struct certset *set, const struct tls_params *p)
{
	struct tls *t = mem_zalloc(sizeof *t);
	unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;

	flags |= p->client ? GNUTLS_CLIENT | GNUTLS_NO_TICKETS :
			     GNUTLS_SERVER | GNUTLS_NO_TICKETS_TLS12;
	tct_assert(gnutls_init(&t->session, flags) == 0);
	t->set = certset_ref(set);
	t->client = p->client;
	t->ask = p->ask;
	t->host = p->host != NULL ? mem_strdup(p->host) : NULL;
	gnutls_session_set_ptr(t->session, t);
	gnutls_priority_set(t->session, set->priority);
	gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_ptr(t->session, t);
	gnutls_transport_set_push_function(t->session, push);
	gnutls_transport_set_pull_function(t->session, pull);
	gnutls_handshake_set_timeout(t->session, 0);
	if (p->alpn != NULL) {
		gnutls_datum_t protocol = { (unsigned char *)p->alpn, (unsigned)strlen(p->alpn) };

		gnutls_alpn_set_protocols(t->session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
	}
	if (p->client)
		begin_client(t, p);
	else
		begin_server(t);
	return t;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	gnutls_deinit(t->session);
	str_fini(&t->work_in);
	str_fini(&t->work_out);
	peer_free(t->peer);
	certset_unref(t->set);
	free(t->host);
	free(t);
}

/* ---- bytes ---- */

/* How much of `in` is whole records; SIZE_MAX: this is no TLS. */
static size_t whole_records(struct span in)
{
	size_t at = 0;

	while (in.len - at >= RECORD_HEADER) {
		const unsigned char *h = (const unsigned char *)in.data + at;
		size_t len = (size_t)h[3] << 8 | h[4];

		if (h[0] < 20 || h[0] > 24 || h[1] != 3 || len > RECORD_MAX)
			return SIZE_MAX;
		if (in.len - at - RECORD_HEADER < len)
			break;
		at += RECORD_HEADER + len;
	}
	return at;
}

static enum tls_status fail(struct tls *t, int rc)
{
	t->error = rc;
	/* The peer should hear why, where the protocol has a word for it. */
	gnutls_alert_send_appropriate(t->session, rc);
	return TLS_FAILED;
}

static enum tls_status handshake(struct tls *t)
{
	int rc;

	do {
		rc = gnutls_handshake(t->session);
	} while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
	if (rc == GNUTLS_E_AGAIN)
		return TLS_HANDSHAKE;
	if (rc < 0)
		return fail(t, rc);
	t->open = true;
	free(t->host);
	t->host = NULL;
	return TLS_OPEN;
}

static enum tls_status receive(struct tls *t, struct str *plain)
{
	for (;;) {
		char *at = str_reserve(plain, RECORD_MAX);
		ssize_t n = gnutls_record_recv(t->session, at, RECORD_MAX);

		if (n > 0) {
			plain->len += (size_t)n;
			plain->data[plain->len] = '\0';
		} else if (n == 0) {
			return TLS_CLOSED;
		} else if (n == GNUTLS_E_AGAIN) {
			if (t->in.len == 0)
				return TLS_OPEN;
		} else if (n == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal((int)n)) {
			return fail(t, (int)n);
		}
	}
}

/* The hello, when it is whole. TLS_OPEN: go on. */
static enum tls_status hear(struct tls *t, struct span records, size_t *used)
{
	struct hello hello;
	int rc;

	if (t->client || t->heard)
		return TLS_OPEN;
	switch (hello_read(records, &hello)) {
	case HELLO_MORE:
		*used = 0;
		return TLS_HANDSHAKE;
	case HELLO_NONE:
		break; /* GnuTLS says what is wrong with it */
	case HELLO_READ:
		rc = choose(t, &hello);
		if (rc < 0)
			return fail(t, rc);
	}
	t->heard = true;
	return TLS_OPEN;
}

void tls_work(struct tls *t)
{
	t->in = str_span(&t->work_in);
	t->out = &t->work_out;
	t->worked = handshake(t);
	t->out = NULL;
}

/* What was done elsewhere comes in; TLS_OPEN and TLS_HANDSHAKE: go on. */
static enum tls_status absorb(struct tls *t, struct str *plain)
{
	enum tls_status status = t->worked;

	t->working = false;
	str_append_n(t->out, t->work_out.data, t->work_out.len);
	/* After a HelloRetryRequest the signature is still to come. */
	t->slow = status == TLS_HANDSHAKE &&
		gnutls_handshake_get_last_out(t->session) == GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST;
	if (status == TLS_OPEN)
		status = receive(t, plain);
	str_fini(&t->work_out);
	str_fini(&t->work_in);
	return status;
}

/* Whole records in t->in. */
static enum tls_status take(struct tls *t, struct str *plain)
{
	enum tls_status status = TLS_OPEN;

	if (!t->open && t->slow && t->in.len > 0) {
		str_append_n(&t->work_in, t->in.data, t->in.len);
		t->working = true;
		return TLS_WORK;
	}
	if (!t->open) {
		status = handshake(t);
		if (status == TLS_OPEN)
			count_stranger(t);
	}
	return status == TLS_OPEN ? receive(t, plain) : status;
}

enum tls_status tls_feed(struct tls *t, struct span in, size_t *used, struct str *out,
	struct str *plain)
{
	size_t whole = whole_records(in);
	enum tls_status status = TLS_OPEN;

	*used = whole;
	if (whole == SIZE_MAX) {
		*used = in.len;
		t->error = GNUTLS_E_UNSUPPORTED_VERSION_PACKET;
		return TLS_FAILED;
	}
	t->out = out;
	if (t->working)
		status = absorb(t, plain);
	t->in = span_make(in.data, whole);
	if (status == TLS_OPEN || status == TLS_HANDSHAKE)
		status = hear(t, t->in, used);
	if (status == TLS_OPEN)
		status = take(t, plain);
	t->out = NULL;
	return status;
}

/* GnuTLS takes memory for the largest record it may send, whatever it sends: 17 KB from the heap,
 * which has to be searched for them, for each small stanza. So it is told what comes. */
static void expect(struct tls *t, size_t len)
{
	bool small = len <= SMALL_RECORD;

	if (small == t->small)
		return;
	if (gnutls_record_set_max_size(t->session, small ? SMALL_RECORD : LARGE_RECORD) == 0)
		t->small = small;
}

bool tls_write(struct tls *t, struct span plain, struct str *out)
{
	expect(t, plain.len);
	t->out = out;
	while (plain.len > 0) {
		ssize_t n = gnutls_record_send(t->session, plain.data, plain.len);

		if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
			continue;
		if (n < 0) {
			t->error = (int)n;
			t->out = NULL;
			return false;
		}
		plain.data += n;
		plain.len -= (size_t)n;
	}
	t->out = NULL;
	return true;
}

void tls_bye(struct tls *t, struct str *out)
{
	t->out = out;
	if (t->open)
		gnutls_bye(t->session, GNUTLS_SHUT_WR);
	t->out = NULL;
}

/* ---- what is asked ---- */

const char *tls_problem(const struct tls *t)
{
	return t->error != 0 ? gnutls_strerror(t->error) : "no error";
}

bool tls_serves(const struct tls *t, const char *host)
{
	return t->client || (t->cert != NULL && certset_find(t->set, host, NULL) == t->cert);
}

bool tls_resumed(const struct tls *t)
{
	return gnutls_session_is_resumed(t->session) != 0;
}

char *tls_describe(const struct tls *t)
{
	char *text = gnutls_session_get_desc(t->session);
	char *copy = mem_strdup(text != NULL ? text : "TLS");

	gnutls_free(text);
	return copy;
}

static int from_gnutls(const struct tls *t, gnutls_channel_binding_t type, void *out, size_t *len)
{
	gnutls_datum_t cb = { 0 };
	int status = TCT_OK;

	if (gnutls_session_channel_binding(t->session, type, &cb) < 0)
		return TCT_ENOENT;
	if (cb.size > *len) {
		status = TCT_EINVAL;
	} else {
		memcpy(out, cb.data, cb.size);
		*len = cb.size;
	}
	gnutls_memset(cb.data, 0, cb.size);
	gnutls_free(cb.data);
	return status;
}

int tls_binding(const struct tls *t, const char *type, void *out, size_t *len)
{
	bool is_13;

	if (!t->open)
		return TCT_ENOENT;
	is_13 = gnutls_protocol_get_version(t->session) == GNUTLS_TLS1_3;
	if (strcmp(type, "tls-server-end-point") == 0) {
		/* Computed by ourselves: GnuTLS has no certificate in a resumed session. */
		if (t->client || t->cert->end_point_len == 0 || t->cert->end_point_len > *len)
			return TCT_ENOENT;
		memcpy(out, t->cert->end_point, t->cert->end_point_len);
		*len = t->cert->end_point_len;
		return TCT_OK;
	}
	if (strcmp(type, "tls-exporter") == 0) {
		if (!is_13 && !gnutls_session_ext_master_secret_status(t->session))
			return TCT_ENOENT;
		return from_gnutls(t, GNUTLS_CB_TLS_EXPORTER, out, len);
	}
	if (strcmp(type, "tls-unique") == 0 && !is_13)
		return from_gnutls(t, GNUTLS_CB_TLS_UNIQUE, out, len);
	return TCT_ENOENT;
}

const struct peer *tls_peer_of(struct tls *t)
{
	const gnutls_datum_t *chain;
	unsigned count = 0;

	if (t->peer != NULL || !t->open)
		return t->peer;
	chain = gnutls_certificate_get_peers(t->session, &count);
	if (chain != NULL && count > 0)
		t->peer = peer_new(chain, count, certset_trust(t->set));
	return t->peer;
}

enum dane_verdict tls_dane(struct tls *t, const struct span *records, size_t count,
	const char *const *names)
{
	const gnutls_datum_t *chain;
	unsigned len = 0;

	if (!t->open)
		return DANE_MISMATCH;
	chain = gnutls_certificate_get_peers(t->session, &len);
	if (chain == NULL || len == 0)
		return DANE_MISMATCH;
	return dane_judge(records, count, chain, len, names, certset_trust(t->set));
}

/* ---- a handshake with ourselves ---- */

/* Bytes from one to the other, until neither has more to say. */
static bool shake(struct tls *server, struct tls *client)
{
	struct str up = { 0 }, down = { 0 }, plain = { 0 };
	enum tls_status a = TLS_HANDSHAKE, b = TLS_HANDSHAKE;
	size_t used;

	while (a != TLS_FAILED && b != TLS_FAILED && (a != TLS_OPEN || b != TLS_OPEN)) {
		b = tls_feed(client, str_span(&down), &used, &up, &plain);
		str_consume(&down, used);
		if (up.len == 0)
			break;
		a = tls_feed(server, str_span(&up), &used, &down, &plain);
		str_consume(&up, used);
		if (a != TLS_WORK)
			continue;
		tls_work(server);
		a = tls_feed(server, str_span(&up), &used, &down, &plain);
	}
	str_fini(&up);
	str_fini(&down);
	str_fini(&plain);
	return server->open && client->open;
}

int tls_rehearse(struct certset *set, struct cert *c, struct tct_error *err)
{
	static const struct tls_params as_server = { .client = false },
				       as_client = { .client = true };
	struct tls *server = tls_new(set, &as_server), *client = tls_new(set, &as_client);
	int status = TCT_OK;

	server->cert = c;
	if (!shake(server, client))
		status = tct_error_set(err, TCT_EINVAL,
			"no handshake succeeds with certificate \"%s\" and key \"%s\" (%s)",
			c->certificate, c->key_path,
			server->error != 0 ? tls_problem(server) : tls_problem(client));
	tls_free(server);
	tls_free(client);
	return status;
}

int tls_end_point(const struct tls *t, const char *hash, void *out, size_t *len)
{
	gnutls_digest_algorithm_t digest = gnutls_digest_get_id(hash);

	if (!t->open || t->cert == NULL || digest == GNUTLS_DIG_UNKNOWN ||
		gnutls_hash_get_len(digest) > *len ||
		gnutls_x509_crt_get_fingerprint(t->cert->leaf, digest, out, len) < 0)
		return TCT_ENOENT;
	return TCT_OK;
}

uint32_t tls_version(const struct tls *t)
{
	if (!t->open)
		return 0;
	switch (gnutls_protocol_get_version(t->session)) {
	case GNUTLS_TLS1_3:
		return 0x0304;
	case GNUTLS_TLS1_2:
		return 0x0303;
	default:
		return 0;
	}
}

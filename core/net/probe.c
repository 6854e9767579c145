/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* probe.c - see probe.h. */
#include "core/net/probe.h"

#include "core/base/str.h"
#include "core/net/peer.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_SECONDS 5
#define HEAD_MAX 16384
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"

#define FAIL(p, ...) (snprintf((p)->problem, sizeof (p)->problem, __VA_ARGS__), false)

static int connect_to(struct probe *p)
{
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
	int fd = socket(p->at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, &p->at.sa, addr_len(&p->at)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool say(int fd, const char *text)
{
	size_t len = strlen(text);

	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Until one of the two has come; true: it was the first. */
static bool hear(int fd, const char *good, const char *bad)
{
	char text[HEAD_MAX + 1];
	size_t len = 0;

	while (len < HEAD_MAX) {
		ssize_t n = recv(fd, text + len, HEAD_MAX - len, 0);

		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = '\0';
		if (strstr(text, good) != NULL)
			return true;
		if (strstr(text, bad) != NULL)
			return false;
	}
	return false;
}

/* RFC 6120 section 5. */
static bool start_tls(struct probe *p, int fd)
{
	struct str head = { 0 };
	bool ok;

	str_printf(&head,
		"<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='%s' "
		"xmlns:stream='http://etherx.jabber.org/streams'>",
		p->host, p->ns);
	ok = say(fd, str_text(&head));
	str_fini(&head);
	if (!ok || !hear(fd, NS_TLS, "</stream:"))
		return FAIL(p, "it does not offer STARTTLS for this host");
	if (!say(fd, "<starttls xmlns='" NS_TLS "'/>") || !hear(fd, "<proceed", "<failure"))
		return FAIL(p, "it does not begin TLS");
	return true;
}

static void list_bindings(struct probe *p, gnutls_session_t s)
{
	static const struct {
		const char *name;
		gnutls_channel_binding_t type;
	} types[] = {
		{ "tls-exporter", GNUTLS_CB_TLS_EXPORTER },
		{ "tls-server-end-point", GNUTLS_CB_TLS_SERVER_END_POINT },
		{ "tls-unique", GNUTLS_CB_TLS_UNIQUE },
	};
	bool is_13 = gnutls_protocol_get_version(s) == GNUTLS_TLS1_3;
	size_t at = 0;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		gnutls_datum_t value;

		/* RFC 9266 section 3: not in TLS 1.3; and the exporter wants RFC 7627 before it. */
		if (types[i].type == GNUTLS_CB_TLS_UNIQUE && is_13)
			continue;
		if (types[i].type == GNUTLS_CB_TLS_EXPORTER && !is_13 &&
			!gnutls_session_ext_master_secret_status(s))
			continue;
		if (gnutls_session_channel_binding(s, types[i].type, &value) < 0)
			continue;
		gnutls_free(value.data);
		at += (size_t)snprintf(p->bindings + at, sizeof p->bindings - at, "%s%s",
			at > 0 ? " " : "", types[i].name);
	}
}

static void copy_name(char *out, size_t room, const char *name)
{
	snprintf(out, room, "%s", name != NULL ? name : "-");
}

static void look_at_certificate(struct probe *p, gnutls_session_t s)
{
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(s, &count);
	gnutls_x509_trust_list_t trust;
	gnutls_x509_crt_t crt;
	struct peer *peer;

	if (chain == NULL || count == 0 || gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) >= 0)
		p->until = gnutls_x509_crt_get_expiration_time(crt);
	gnutls_x509_crt_deinit(crt);
	if (gnutls_x509_trust_list_init(&trust, 0) < 0)
		return;
	gnutls_x509_trust_list_add_system_trust(trust, 0, 0);
	peer = peer_new(chain, count, trust);
	if (peer != NULL) {
		p->trusted = peer_trusted(peer);
		p->names = peer_names(peer, p->host, "xmpp-client");
	}
	peer_free(peer);
	gnutls_x509_trust_list_deinit(trust, 1);
}

static bool shake(struct probe *p, int fd, gnutls_session_t s)
{
	gnutls_datum_t protocol = { (unsigned char *)p->alpn,
		p->alpn != NULL ? (unsigned)strlen(p->alpn) : 0 };
	char *ascii = peer_ascii(p->host);
	int rc;

	if (ascii != NULL)
		gnutls_server_name_set(s, GNUTLS_NAME_DNS, ascii, strlen(ascii));
	free(ascii);
	if (p->ns == NULL && p->alpn != NULL)
		gnutls_alpn_set_protocols(s, &protocol, 1, 0);
	gnutls_set_default_priority(s);
	gnutls_transport_set_int(s, fd);
	gnutls_handshake_set_timeout(s, PATIENCE_SECONDS * 1000);
	do {
		rc = gnutls_handshake(s);
	} while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc < 0)
		return FAIL(p, "the handshake failed (%s)", gnutls_strerror(rc));
	copy_name(p->protocol, sizeof p->protocol,
		gnutls_protocol_get_name(gnutls_protocol_get_version(s)));
	copy_name(p->cipher, sizeof p->cipher, gnutls_cipher_get_name(gnutls_cipher_get(s)));
	copy_name(p->group, sizeof p->group, gnutls_group_get_name(gnutls_group_get(s)));
	copy_name(p->signature, sizeof p->signature,
		gnutls_sign_get_name((gnutls_sign_algorithm_t)gnutls_sign_algorithm_get(s)));
	list_bindings(p, s);
	look_at_certificate(p, s);
	gnutls_bye(s, GNUTLS_SHUT_WR);
	return true;
}

bool probe_run(struct probe *p)
{
	gnutls_certificate_credentials_t credentials = NULL;
	gnutls_session_t s = NULL;
	int fd = connect_to(p);
	bool ok;

	if (fd < 0)
		return FAIL(p, "it cannot be reached (%s)", strerror(errno));
	ok = p->ns == NULL || start_tls(p, fd);
	if (ok && (gnutls_certificate_allocate_credentials(&credentials) < 0 ||
			  gnutls_init(&s, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0))
		ok = FAIL(p, "TLS cannot be used here");
	if (ok) {
		gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, credentials);
		ok = shake(p, fd, s);
	}
	if (s != NULL)
		gnutls_deinit(s);
	if (credentials != NULL)
		gnutls_certificate_free_credentials(credentials);
	close(fd);
	return ok;
}

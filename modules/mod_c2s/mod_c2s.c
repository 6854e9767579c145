/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_c2s - listens for clients: STARTTLS and direct TLS (XEP-0368), with the limits of a
 * client's stream, which it announces (XEP-0478). Everything else of a stream is core's and other modules'. */
#include <tercet/internal/stream.h>

#include <stdlib.h>


struct endpoint {
	const char *address;
	int64_t port;
	bool tls;
	bool request_client_cert;
	const char *certificate;
	const char *key;
};

struct c2s_config {
	struct tct_groups listen;
	bool c2s_require_encryption;
	int64_t c2s_timeout;
	int64_t c2s_close_timeout;
	int64_t c2s_stanza_size_limit;
};

static const struct tct_option endpoint_options[] = {
	TCT_OPT_STRING(struct endpoint, address, .def = "*",
		.doc = "Numeric address to listen on; \"*\" is every address of the machine, "
		       "IPv4 and IPv6."),
	TCT_OPT_INT(struct endpoint, port, .required = true, .min = "0", .max = "65535",
		.doc = "TCP port; 5222 is usual for STARTTLS, 5223 for direct TLS. 0 takes a "
		       "free port and logs it."),
	TCT_OPT_BOOL(struct endpoint, tls, .def = "false",
		.doc = "TLS from the first byte (XEP-0368) instead of STARTTLS."),
	TCT_OPT_BOOL(struct endpoint, request_client_cert, .def = "false",
		.doc = "Ask clients for a certificate, with which they may log in (SASL "
		       "EXTERNAL); those without one get in as always. Such a listener gives no "
		       "tickets to resume TLS with."),
	TCT_OPT_PATH(struct endpoint, certificate,
		.doc = "PEM file of the certificate that is shown here, whatever the name, in the "
		       "place of those that mod_tls knows."),
	TCT_OPT_PATH(struct endpoint, key,
		.doc = "PEM file of its key; without it the key is in the file of the "
		       "certificate."),
	TCT_OPT_END
};

static const struct tct_option options[] = {
	TCT_OPT_GROUPS(struct c2s_config, listen, .sub = endpoint_options,
		.sub_size = sizeof(struct endpoint),
		.doc = "Where clients connect: a list of groups. Without it: port 5222 with "
		       "STARTTLS and port 5223 with direct TLS, on every address."),
	TCT_OPT_BOOL(struct c2s_config, c2s_require_encryption, .global = 1, .def = "true",
		.doc = "Refuse authentication before TLS. Switching it off sends passwords and "
		       "messages in clear text; it is accepted on loopback addresses only."),
	TCT_OPT_PERIOD(struct c2s_config, c2s_timeout, .global = 1, .def = "60 s", .min = "1 s",
		.max = "1 hour",
		.doc = "From the connection to a bound resource, TLS handshake included; a "
		       "client that is slower is disconnected."),
	TCT_OPT_PERIOD(struct c2s_config, c2s_close_timeout, .global = 1, .def = "5 s",
		.min = "1 s", .max = "5 minutes",
		.doc = "How long to wait for the client's end of stream after ours."),
	TCT_OPT_SIZE(struct c2s_config, c2s_stanza_size_limit, .global = 1, .def = "256 KB",
		.min = "10 KB", .max = "16 MB",
		.doc = "Bytes of one stanza; a longer one ends the stream with "
		       "policy-violation. Before authentication the limit is 10,000 bytes."),
	TCT_OPT_END
};

static const struct endpoint usual[] = {
	{ .address = "*", .port = 5222 },
	{ .address = "*", .port = 5223, .tls = true },
};

static int check(const void *data, struct tct_error *err)
{
	const struct c2s_config *config = data;
	const struct endpoint *e = config->listen.items;

	if (config->c2s_require_encryption)
		return TCT_OK;
	for (size_t i = 0; i < config->listen.count; i++) {
		if (!tcti_address_loopback(e[i].address))
			return tct_error_set(err, TCT_EINVAL,
				"c2s_require_encryption can be switched off only when every "
				"listener is on a loopback address, and one is on \"%s\"",
				e[i].address);
	}
	if (config->listen.count == 0)
		return tct_error_set(err, TCT_EINVAL,
			"c2s_require_encryption can be switched off only when every listener "
			"is on a loopback address (c2s.listen is not set)");
	return TCT_OK;
}

static int listen_at(struct tct_mod *m, const struct endpoint *e, struct tct_error *err)
{
	const struct c2s_config *config = tct_mod_config(m);
	struct tcti_listener l = { .size = sizeof l, .kind = TCTI_STREAM_C2S };

	l.address = e->address;
	l.port = (uint16_t)e->port;
	l.direct_tls = e->tls;
	l.certificate = e->certificate;
	l.key = e->key;
	l.request_certificate = e->request_client_cert;
	l.require_encryption = config->c2s_require_encryption;
	l.login_deadline = config->c2s_timeout;
	l.close_timeout = config->c2s_close_timeout;
	l.stanza_size = config->c2s_stanza_size_limit;
	return tcti_listen(m, &l, err);
}

static enum tct_verdict add_limits(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	(void)m;
	tcti_stream_add_limits(s, features, 0);
	return TCT_CONTINUE;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	const struct c2s_config *config = tct_mod_config(m);
	const struct endpoint *list = config->listen.items;
	size_t count = config->listen.count;
	int status;

	/* First of all: mod_tls may end the list. */
	tcti_on_features(m, TCT_PRIO_FILTER + 1, add_limits);
	if (count == 0) {
		list = usual;
		count = sizeof usual / sizeof *usual;
	}
	for (size_t i = 0; i < count; i++) {
		status = listen_at(m, &list[i], err);
		if (status != TCT_OK)
			return status;
	}
	return TCT_OK;
}

TCT_MODULE_FLAGS(c2s, TCT_GLOBAL | TCT_INTERNAL,
	.version     = TCT_SERVER_VERSION,
	.summary     = "connections of clients (RFC 6120, XEP-0368, XEP-0478)",
	.options     = options,
	.config_size = sizeof(struct c2s_config),
	.check       = check,
	.load        = load,
);

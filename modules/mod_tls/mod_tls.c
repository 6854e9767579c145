/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_tls - STARTTLS (RFC 6120 section 5), and which certificate serves which host. The
 * cryptography is core's; this module knows files and options. A global instance: the set
 * of certificates belongs to the process. */
#include <tercet/internal/stream.h>
#include <tercet/internal/server.h>

#include <stdlib.h>
#include <string.h>

#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"

struct certificate {
	const char *host;
	const char *certificate;
	const char *key;
};

struct tls_config {
	struct tct_groups certificates;
	int32_t tls_profile;
	const char *priority;
	const char *trust;
};

static const char *const profiles[] = { "intermediate", "modern", NULL };

static const struct tct_option certificate_options[] = {
	TCT_OPT_HOST(struct certificate, host,
		.doc = "The host that it serves; without it the certificate is the default for "
		       "hosts that have none of their own."),
	TCT_OPT_PATH(struct certificate, certificate, .required = true,
		.doc = "PEM file with the certificate, followed by its intermediates."),
	TCT_OPT_PATH(struct certificate, key, .required = true,
		.doc = "PEM file with the key; it must not be readable by others. ECDSA P-256 "
		       "keys cost a seventh of RSA keys in each handshake."),
	TCT_OPT_END
};

static const struct tct_option options[] = {
	TCT_OPT_GROUPS(struct tls_config, certificates, .sub = certificate_options,
		.sub_size = sizeof(struct certificate),
		.doc = "The certificates: a list of groups."),
	TCT_OPT_ENUM(struct tls_config, tls_profile, .global = 1, .choices = profiles,
		.def = "intermediate",
		.doc = "\"intermediate\": TLS 1.2 and 1.3; \"modern\": TLS 1.3 only. Both always "
		       "have forward secrecy. The older profiles of other servers are not "
		       "offered: nothing that is maintained needs them."),
	TCT_OPT_STRING(struct tls_config, priority,
		.doc = "A GnuTLS priority string in place of the profile's, for experts."),
	TCT_OPT_PATH(struct tls_config, trust,
		.doc = "PEM file with the authorities that certificates of others must lead to; "
		       "without it the system's list."),
	TCT_OPT_END
};

#define MODERN "NORMAL:-VERS-ALL:+VERS-TLS1.3"

static int configure(struct tct_mod *m, struct tct_error *err)
{
	const struct tls_config *config = tct_mod_config(m);
	const struct certificate *items = config->certificates.items;
	size_t count = config->certificates.count;
	struct tcti_certificate *list = calloc(count + 1, sizeof *list);
	struct tcti_tls tls = { .size = sizeof tls, .certificate_count = count };
	int status;

	if (list == NULL)
		return tct_error_set(err, TCT_EFULL, "no memory for %zu certificates", count);
	for (size_t i = 0; i < count; i++) {
		list[i].host = items[i].host;
		list[i].certificate = items[i].certificate;
		list[i].key = items[i].key;
	}
	tls.certificates = list;
	tls.trust = config->trust;
	tls.priority = config->priority;
	if (tls.priority == NULL && config->tls_profile == 1)
		tls.priority = MODERN;
	status = tcti_tls_configure(m, &tls, err);
	free(list);
	return status;
}

static int reconfigure(struct tct_mod *m, const void *old, struct tct_error *err)
{
	(void)old;
	return configure(m, err);
}

/* When TLS is required nothing that belongs to an account is offered before it. */
static enum tct_verdict add_feature(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	struct tct_elem *starttls;

	(void)m;
	if (tcti_stream_secured(s) || !tcti_stream_can_tls(s))
		return TCT_CONTINUE;
	starttls = tct_add(features, NS_TLS, "starttls");
	if (!tcti_stream_encryption_required(s))
		return TCT_CONTINUE;
	tct_add(starttls, NULL, "required");
	return TCT_HANDLED;
}

static enum tct_verdict on_starttls(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	(void)m;
	(void)e;
	if (tcti_stream_secured(s) || tcti_stream_user(s) != NULL)
		return TCT_CONTINUE; /* no TLS inside TLS */
	if (!tcti_stream_can_tls(s)) {
		tcti_stream_send(s, tcti_nonza_new(NS_TLS, "failure"));
		tcti_stream_close(s, NULL, NULL);
		return TCT_HANDLED;
	}
	tcti_stream_send(s, tcti_nonza_new(NS_TLS, "proceed"));
	tcti_stream_start_tls(s);
	return TCT_HANDLED;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	tcti_on_features(m, TCT_PRIO_FILTER, add_feature);
	tcti_on_nonza(m, NS_TLS, "starttls", on_starttls);
	return configure(m, err);
}

TCT_MODULE_FLAGS(tls, TCT_GLOBAL | TCT_INTERNAL,
	.version     = TCT_SERVER_VERSION,
	.summary     = "STARTTLS and certificates (RFC 6120 section 5)",
	.options     = options,
	.config_size = sizeof(struct tls_config),
	.load        = load,
	.reconfigure = reconfigure,
);

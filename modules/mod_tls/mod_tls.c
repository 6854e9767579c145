/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_tls - STARTTLS (RFC 6120 section 5), and which certificate serves which host. The
 * cryptography is core's; this module knows files and options. A global instance: the set
 * of certificates belongs to the process. */
#include <tercet/internal/peers.h>
#include <tercet/internal/certificates.h>
#include <tercet/internal/server.h>

#include <stdlib.h>
#include <string.h>

#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
/* Streams that others open. */
#define ACCEPTED (TCTI_KIND(TCTI_STREAM_C2S) | TCTI_KIND(TCTI_STREAM_S2S_IN))

struct certificate {
	const char *host;
	const char *certificate;
	const char *key;
	const char *password_file;
};

struct tls_config {
	const char *certificates;
	struct tct_groups host_certificates;
	int32_t tls_profile;
	int32_t min_version;
	int32_t max_version;
	const char *const *groups;
	const char *priority;
	const char *trust;
};

enum profile { PROFILE_INTERMEDIATE, PROFILE_MODERN, PROFILE_OLD, PROFILE_LEGACY };
static const char *const profiles[] = { "intermediate", "modern", "old", "legacy", NULL };
enum version { VERSION_PROFILE, VERSION_12, VERSION_13 };
static const char *const versions[] = { "profile", "1.2", "1.3", NULL };

static const struct tct_option certificate_options[] = {
	TCT_OPT_HOST(struct certificate, host,
		.doc = "The host that it serves; without it the certificate serves the names "
		       "inside, and hosts that have no certificate of their own."),
	TCT_OPT_PATH(struct certificate, certificate, .required = true,
		.doc = "PEM file with the certificate, followed by its intermediates."),
	TCT_OPT_PATH(struct certificate, key, .required = true,
		.doc = "PEM file with the key; it must not be readable by others. ECDSA P-256 "
		       "keys cost a seventh of RSA keys in each handshake."),
	TCT_OPT_PATH(struct certificate, password_file,
		.doc = "File whose first line is the password of an encrypted key; it must not "
		       "be readable by others."),
	TCT_OPT_END
};

static const char *const trusts[] = { "system", NULL };

static const struct tct_option options[] = {
	TCT_OPT_PATH(struct tls_config, certificates, .global = 1,
		.doc = "Folder in which certificates are found by themselves, see CERTIFICATES."),
	TCT_OPT_GROUPS(struct tls_config, host_certificates, .sub = certificate_options,
		.sub_size = sizeof(struct certificate),
		.doc = "Certificates that are named one by one: a list of groups. They go before "
		       "those of the folder, and must be good for the server to start."),
	TCT_OPT_ENUM(struct tls_config, tls_profile, .global = 1, .choices = profiles,
		.def = "intermediate",
		.doc = "\"intermediate\": TLS 1.2 and 1.3; \"modern\": TLS 1.3 only. Both have "
		       "forward secrecy always. \"old\" and \"legacy\" of other servers are "
		       "refused with an explanation."),
	TCT_OPT_ENUM(struct tls_config, min_version, .choices = versions, .def = "profile",
		.doc = "The least version of TLS, in the place of the profile's."),
	TCT_OPT_ENUM(struct tls_config, max_version, .choices = versions, .def = "profile",
		.doc = "The greatest version of TLS, in the place of the profile's."),
	TCT_OPT_STRINGS(struct tls_config, groups,
		.doc = "Groups for the exchange of keys, the best first, in the place of the "
		       "profile's: X25519, P-256, P-384, P-521, X448, and of RFC 7919 "
		       "ffdhe2048, ffdhe3072, ffdhe4096. Profile \"intermediate\" has X25519, "
		       "P-256, P-384, ffdhe2048 and ffdhe3072, \"modern\" the first three."),
	TCT_OPT_STRING(struct tls_config, priority,
		.doc = "A GnuTLS priority string in the place of the profile, the versions and "
		       "the groups, for experts. A suite without forward secrecy or a version "
		       "before TLS 1.2 in it is refused."),
	TCT_OPT_PATH(struct tls_config, trust, .choices = trusts, .def = "system",
		.doc = "PEM file with the authorities that certificates of others must lead to; "
		       "\"system\" is the list of the machine's."),
	TCT_OPT_END
};

static uint32_t version_of(int32_t choice)
{
	return choice == VERSION_12 ? 12 : choice == VERSION_13 ? 13 : 0;
}

static int check(const void *data, struct tct_error *err)
{
	const struct tls_config *c = data;

	if (c->tls_profile == PROFILE_OLD || c->tls_profile == PROFILE_LEGACY)
		return tct_error_set(err, TCT_EINVAL,
			"tls_profile \"%s\" stands for versions of TLS that are broken (RFC 8996): "
			"take \"intermediate\", with which every client since 2014 can speak",
			profiles[c->tls_profile]);
	if (c->priority != NULL && (c->min_version != VERSION_PROFILE ||
					   c->max_version != VERSION_PROFILE || c->groups[0] != NULL))
		return tct_error_set(err, TCT_EINVAL,
			"tls.priority says everything by itself: take tls.min_version, "
			"tls.max_version and tls.groups away, or tls.priority");
	return TCT_OK;
}

static int configure(struct tct_mod *m, struct tct_error *err)
{
	const struct tls_config *config = tct_mod_config(m);
	const struct certificate *items = config->host_certificates.items;
	size_t count = config->host_certificates.count;
	struct tcti_certificate *list = calloc(count + 1, sizeof *list);
	struct tcti_tls tls = { .size = sizeof tls, .certificate_count = count };
	int status;

	if (list == NULL)
		return tct_error_set(err, TCT_EFULL, "no memory for %zu certificates", count);
	for (size_t i = 0; i < count; i++) {
		list[i].host = items[i].host;
		list[i].certificate = items[i].certificate;
		list[i].key = items[i].key;
		list[i].password_file = items[i].password_file;
	}
	tls.certificates = list;
	tls.folder = config->certificates;
	tls.trust = config->trust;
	tls.priority = config->priority;
	tls.profile = config->tls_profile == PROFILE_MODERN ? TCTI_TLS_MODERN :
							      TCTI_TLS_INTERMEDIATE;
	tls.min_version = version_of(config->min_version);
	tls.max_version = version_of(config->max_version);
	tls.groups = config->groups;
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
	if (tcti_stream_secured(s) || tcti_stream_user(s) != NULL || tcti_stream_is_proven(s))
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
	tcti_on_stream_features(m, ACCEPTED, TCT_PRIO_FILTER, add_feature);
	tcti_on_stream_nonza(m, ACCEPTED, NS_TLS, "starttls", on_starttls);
	return configure(m, err);
}

TCT_MODULE_FLAGS(tls, TCT_GLOBAL | TCT_INTERNAL,
	.version     = TCT_SERVER_VERSION,
	.summary     = "STARTTLS and certificates (RFC 6120 section 5)",
	.options     = options,
	.config_size = sizeof(struct tls_config),
	.check       = check,
	.load        = load,
	.reconfigure = reconfigure,
);

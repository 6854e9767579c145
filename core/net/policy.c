/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* policy.c - see policy.h. */
#include "core/net/policy.h"

#include "core/base/error.h"
#include "core/base/str.h"

#include <strings.h>

/* Elliptic curves first, nothing without forward secrecy, AEAD alone; AES-128-GCM first
 * because it is the fastest by far. */
#define SUITES                                                                           \
	"-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:-CIPHER-ALL:+AES-128-GCM:"             \
	"+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

static const struct group {
	const char *name, *word;
	bool modern;       /* of the profile "modern" */
	bool intermediate; /* of the profile "intermediate" */
} groups[] = {
	{ "X25519", "X25519", true, true },
	{ "P-256", "SECP256R1", true, true },
	{ "P-384", "SECP384R1", true, true },
	{ "P-521", "SECP521R1", false, false },
	{ "X448", "X448", false, false },
	/* RFC 7919: for DHE without a file of parameters. */
	{ "ffdhe2048", "FFDHE2048", false, true },
	{ "ffdhe3072", "FFDHE3072", false, true },
	{ "ffdhe4096", "FFDHE4096", false, false },
};
#define GROUPS (sizeof groups / sizeof *groups)

static int add_groups(const struct tcti_tls *config, struct str *out, struct tct_error *err)
{
	const char *const *wanted = config->groups;

	str_append(out, ":-GROUP-ALL");
	for (size_t i = 0; (wanted == NULL || *wanted == NULL) && i < GROUPS; i++) {
		if (config->profile == TCTI_TLS_MODERN ? groups[i].modern : groups[i].intermediate)
			str_printf(out, ":+GROUP-%s", groups[i].word);
	}
	for (; wanted != NULL && *wanted != NULL; wanted++) {
		size_t i = 0;

		while (i < GROUPS && strcasecmp(groups[i].name, *wanted) != 0)
			i++;
		if (i == GROUPS)
			return tct_error_set(err, TCT_EINVAL,
				"\"%s\" is no group for TLS (there are X25519, P-256, P-384, "
				"P-521, X448, ffdhe2048, ffdhe3072 and ffdhe4096)",
				*wanted);
		str_printf(out, ":+GROUP-%s", groups[i].word);
	}
	return TCT_OK;
}

static int compose(const struct tcti_tls *config, struct str *out, struct tct_error *err)
{
	uint32_t min = config->min_version, max = config->max_version;

	if (min == 0)
		min = config->profile == TCTI_TLS_MODERN ? 13 : 12;
	if (max == 0)
		max = 13;
	if (min > max)
		return tct_error_set(err, TCT_EINVAL,
			"TLS from 1.%u up to 1.%u is nothing: the least version is above the "
			"greatest (profile, min_version, max_version)",
			min - 10, max - 10);
	str_append(out, "NORMAL:-VERS-ALL");
	if (max == 13)
		str_append(out, ":+VERS-TLS1.3");
	if (min == 12)
		str_append(out, ":+VERS-TLS1.2");
	str_append(out, ":" SUITES);
	return add_groups(config, out, err);
}

static bool has_forward_secrecy(gnutls_kx_algorithm_t kx)
{
	/* TLS 1.3 suites name no key exchange, and all have it. */
	return kx == GNUTLS_KX_UNKNOWN || kx == GNUTLS_KX_ECDHE_ECDSA ||
		kx == GNUTLS_KX_ECDHE_RSA || kx == GNUTLS_KX_DHE_RSA;
}

static int check_suites(gnutls_priority_t priority, struct tct_error *err)
{
	unsigned usable = 0, index;
	int rc;

	for (unsigned i = 0;; i++) {
		gnutls_kx_algorithm_t kx;
		gnutls_cipher_algorithm_t cipher;
		const char *name;

		rc = gnutls_priority_get_cipher_suite_index(priority, i, &index);
		if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (rc == GNUTLS_E_UNKNOWN_CIPHER_SUITE)
			continue;
		name = gnutls_cipher_suite_info(index, NULL, &kx, &cipher, NULL, NULL);
		usable++;
		if (!has_forward_secrecy(kx))
			return tct_error_set(err, TCT_EINVAL,
				"the suite %s has no forward secrecy, or shows no certificate: "
				"take its key exchange %s out of tls.priority",
				name, gnutls_kx_get_name(kx));
		if (cipher == GNUTLS_CIPHER_NULL || cipher == GNUTLS_CIPHER_ARCFOUR_128 ||
			cipher == GNUTLS_CIPHER_3DES_CBC)
			return tct_error_set(err, TCT_EINVAL,
				"the suite %s does not protect: take its cipher %s out of "
				"tls.priority",
				name, gnutls_cipher_get_name(cipher));
	}
	return usable > 0 ? TCT_OK :
			    tct_error_set(err, TCT_EINVAL, "tls.priority leaves no suite");
}

static int check_versions(gnutls_priority_t priority, struct tct_error *err)
{
	const unsigned *list;
	int count = gnutls_priority_protocol_list(priority, &list);

	for (int i = 0; i < count; i++) {
		if (list[i] != GNUTLS_TLS1_2 && list[i] != GNUTLS_TLS1_3 &&
			list[i] < GNUTLS_DTLS_VERSION_MIN)
			return tct_error_set(err, TCT_EINVAL,
				"%s is broken (RFC 8996): take it out of tls.priority",
				gnutls_protocol_get_name((gnutls_protocol_t)list[i]));
	}
	return TCT_OK;
}

int policy_new(const struct tcti_tls *config, gnutls_priority_t *priority, struct tct_error *err)
{
	struct str text = { 0 };
	const char *where = NULL;
	int status = TCT_OK;

	if (config->priority == NULL)
		status = compose(config, &text, err);
	else
		str_append(&text, config->priority);
	if (status == TCT_OK && gnutls_priority_init(priority, str_text(&text), &where) < 0)
		status = tct_error_set(err, TCT_EINVAL, "the TLS priority string is wrong at \"%s\"",
			where != NULL ? where : "");
	str_fini(&text);
	if (status != TCT_OK)
		return status;
	status = check_versions(*priority, err);
	if (status == TCT_OK)
		status = check_suites(*priority, err);
	if (status != TCT_OK)
		gnutls_priority_deinit(*priority);
	return status;
}

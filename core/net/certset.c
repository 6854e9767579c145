/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* certset.c - see tls.h and certset.h: which certificates there are, and which is whose. */
#include "core/net/certset.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/certdir.h"
#include "core/net/policy.h"

#include <tercet/base.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPIRY_DAYS 7 /* a certificate that ends earlier is worth a line each day */

/* ---- whom we trust ---- */

static int load_trust(struct certset *set, const char *file, struct tct_error *err)
{
	int rc;

	if (gnutls_x509_trust_list_init(&set->trust, 0) < 0)
		return tct_error_set(err, TCT_EIO, "cannot make a list of trust");
	rc = gnutls_x509_trust_list_add_trust_file(set->trust, file, NULL, GNUTLS_X509_FMT_PEM, 0,
		0);
	if (rc > 0)
		return TCT_OK;
	return tct_error_set(err, TCT_EINVAL, "\"%s\" has no certificates to trust (%s)", file,
		rc < 0 ? gnutls_strerror(rc) : "there is none inside");
}

gnutls_x509_trust_list_t certset_trust(struct certset *set)
{
	if (set->trust != NULL)
		return set->trust;
	if (gnutls_x509_trust_list_init(&set->trust, 0) < 0)
		return NULL;
	if (gnutls_x509_trust_list_add_system_trust(set->trust, 0, 0) <= 0)
		log_warn("the system has no certificates to trust: install its list of "
			 "authorities, or set tls.trust");
	return set->trust;
}

/* ---- filling a set ---- */

static void warn_about(const struct cert *c, const char *host)
{
	int64_t now = tct_now();

	if (c->until <= now)
		log_warn("certificate \"%s\" has expired", c->certificate);
	else if (c->from > now)
		log_warn("certificate \"%s\" is not valid yet", c->certificate);
	if (host != NULL && !peer_names(c->names, host, "xmpp-client"))
		log_warn("certificate \"%s\" does not name the host \"%s\"", c->certificate, host);
}

static struct cert *old_one(const struct certset *old, const char *certificate)
{
	for (size_t i = 0; old != NULL && i < old->entries.count; i++) {
		if (strcmp(old->entries.items[i].cert->certificate, certificate) == 0)
			return old->entries.items[i].cert;
	}
	return NULL;
}

static void push(struct certset *set, struct cert *c, const char *host, bool found)
{
	struct certset_entry e = { c, host != NULL ? peer_ascii(host) : NULL, found };

	if (host != NULL && e.host == NULL)
		e.host = mem_strdup(host);
	vec_push(&set->entries, e);
}

static void announce(const struct cert *c)
{
	char text[32];
	time_t until = (time_t)c->until;
	struct tm tm;

	strftime(text, sizeof text, "%Y-%m-%d", gmtime_r(&until, &tm));
	log_info("certificate \"%s\" is in use, valid until %s", c->certificate, text);
}

/* Read, compared with the one before, tried out. NULL and `err`: not to be used. */
static struct cert *load(struct certset *set, const struct tcti_certificate *from,
	const struct certset *old, struct tct_error *err)
{
	struct cert *before = old_one(old, from->certificate), *c = cert_new(from, err);

	if (c == NULL)
		return NULL;
	if (before != NULL && cert_same(before, c)) {
		cert_unref(c);
		return cert_ref(before);
	}
	if (tls_rehearse(set, c, err) != TCT_OK) {
		cert_unref(c);
		return NULL;
	}
	warn_about(c, from->host);
	announce(c);
	return c;
}

/* A bad certificate in the place of a good one: the good one stays. */
static struct cert *load_or_keep(struct certset *set, const struct tcti_certificate *from,
	const struct certset *old, struct tct_error *err)
{
	struct cert *c = load(set, from, old, err), *before;

	if (c != NULL)
		return c;
	before = old_one(old, from->certificate);
	if (before == NULL) {
		log_error("a certificate is not used: %s", tct_error_text(err));
		return NULL;
	}
	log_error("the new certificate is not used, the one before it stays in use: %s",
		tct_error_text(err));
	return cert_ref(before);
}

static int add_configured(struct certset *set, const struct tcti_tls *config,
	const struct certset *old, bool keep, struct tct_error *err)
{
	for (size_t i = 0; i < config->certificate_count; i++) {
		const struct tcti_certificate *from = &config->certificates[i];
		struct cert *c = keep ? load_or_keep(set, from, old, err) :
					load(set, from, old, err);

		if (c == NULL && !keep)
			return TCT_EINVAL;
		if (c != NULL)
			push(set, c, from->host, false);
	}
	return TCT_OK;
}

static int add_found(struct certset *set, const char *folder, const struct certset *old,
	struct tct_error *err)
{
	struct certdir dir;
	int status = certdir_scan(&dir, folder, err);

	for (size_t i = 0; i < dir.items.count; i++) {
		struct tcti_certificate from = { .certificate = dir.items.items[i].certificate,
			.key = dir.items.items[i].key };
		struct tct_error problem = { 0 };
		struct cert *c = load_or_keep(set, &from, old, &problem);

		if (c != NULL)
			push(set, c, NULL, true);
	}
	for (size_t i = 0; old == NULL && i < dir.lonely.count; i++)
		log_info("certificate \"%s\" has no key beside it and is not used",
			dir.lonely.items[i]);
	certdir_fini(&dir);
	return status;
}

/* The folder went away while it was in use: what was in it stays. */
static void keep_found(struct certset *set, const struct certset *old)
{
	for (size_t i = 0; i < old->entries.count; i++) {
		if (old->entries.items[i].found)
			push(set, cert_ref(old->entries.items[i].cert), NULL, true);
	}
}

struct certset *certset_new(const struct tcti_tls *config, const struct certset *old, bool keep,
	struct tct_error *err)
{
	struct certset *set = mem_zalloc(sizeof *set);
	int status;

	set->refs = 1;
	status = policy_new(config, &set->priority, err);
	if (status != TCT_OK)
		set->priority = NULL;
	if (status == TCT_OK && config->trust != NULL && strcmp(config->trust, "system") != 0)
		status = load_trust(set, config->trust, err);
	if (status == TCT_OK)
		status = add_configured(set, config, old, keep, err);
	if (status == TCT_OK && config->folder != NULL) {
		status = add_found(set, config->folder, old, err);
		if (status != TCT_OK && keep && old != NULL) {
			log_error("%s: the certificates from it stay in use", tct_error_text(err));
			keep_found(set, old);
			status = TCT_OK;
		}
	}
	if (status == TCT_OK)
		return set;
	certset_unref(set);
	return NULL;
}

struct certset *certset_ref(struct certset *set)
{
	set->refs++;
	return set;
}

void certset_unref(struct certset *set)
{
	if (set == NULL || --set->refs > 0)
		return;
	for (size_t i = 0; i < set->entries.count; i++) {
		cert_unref(set->entries.items[i].cert);
		free(set->entries.items[i].host);
	}
	vec_fini(&set->entries);
	if (set->priority != NULL)
		gnutls_priority_deinit(set->priority);
	if (set->trust != NULL)
		gnutls_x509_trust_list_deinit(set->trust, 1);
	free(set);
}

/* ---- which is whose ---- */

static enum peer_match names(const struct cert *c, const char *ascii)
{
	enum peer_match client = peer_names_ascii(c->names, ascii, "xmpp-client");

	return client != PEER_NO ? client : peer_names_ascii(c->names, ascii, "xmpp-server");
}

/* Configured for that host, or configured and naming it. */
static struct cert *find_configured(struct certset *set, const char *ascii, enum certset_why *why)
{
	for (size_t i = 0; i < set->entries.count; i++) {
		struct certset_entry *e = &set->entries.items[i];

		*why = CERTSET_HOST;
		if (e->host != NULL && strcmp(e->host, ascii) == 0)
			return e->cert;
	}
	for (size_t i = 0; i < set->entries.count; i++) {
		struct certset_entry *e = &set->entries.items[i];

		*why = CERTSET_NAMED;
		if (e->host == NULL && !e->found && names(e->cert, ascii) != PEER_NO)
			return e->cert;
	}
	return NULL;
}

/* Valid before not valid, the name itself before a wildcard, newer before older. */
static bool is_better(const struct cert *c, enum peer_match match, const struct cert *than,
	enum peer_match than_match, int64_t now)
{
	bool a = cert_valid(c, now), b = cert_valid(than, now);

	if (a != b)
		return a;
	if (match != than_match)
		return match > than_match;
	if (c->from != than->from)
		return c->from > than->from;
	return c->until > than->until;
}

static struct cert *find_found(struct certset *set, const char *ascii, enum certset_why *why)
{
	enum peer_match best_match = PEER_NO;
	struct cert *best = NULL;
	int64_t now = tct_now();

	for (size_t i = 0; i < set->entries.count; i++) {
		struct cert *c = set->entries.items[i].cert;
		enum peer_match match = set->entries.items[i].found ? names(c, ascii) : PEER_NO;

		if (match != PEER_NO && (best == NULL || is_better(c, match, best, best_match, now))) {
			best = c;
			best_match = match;
		}
	}
	*why = best_match == PEER_WILDCARD ? CERTSET_WILDCARD : CERTSET_FOUND;
	return best;
}

static struct cert *find_default(struct certset *set, enum certset_why *why)
{
	*why = CERTSET_DEFAULT;
	for (size_t i = 0; i < set->entries.count; i++) {
		if (set->entries.items[i].host == NULL && !set->entries.items[i].found)
			return set->entries.items[i].cert;
	}
	return NULL;
}

/* Nothing names it: a parent's is closer to the truth than none (two labels at least). */
static struct cert *find_parent(struct certset *set, const char *ascii, enum certset_why *why)
{
	const char *at = strchr(ascii, '.');
	struct cert *c = NULL;

	for (; c == NULL && at != NULL && strchr(at + 1, '.') != NULL; at = strchr(at + 1, '.'))
		c = find_found(set, at + 1, why);
	*why = CERTSET_PARENT;
	return c;
}

struct cert *certset_find(struct certset *set, const char *host, enum certset_why *why)
{
	char *ascii = host != NULL ? peer_ascii(host) : NULL;
	enum certset_why unused;
	struct cert *c = NULL;

	if (why == NULL)
		why = &unused;
	if (ascii != NULL) {
		c = find_configured(set, ascii, why);
		if (c == NULL)
			c = find_found(set, ascii, why);
	}
	if (c == NULL)
		c = find_default(set, why);
	if (c == NULL && ascii != NULL)
		c = find_parent(set, ascii, why);
	/* A client that names nobody gets the first. */
	if (c == NULL && host == NULL && set->entries.count > 0)
		c = set->entries.items[0].cert;
	free(ascii);
	return c;
}

bool certset_has(const struct certset *set, const char *host)
{
	return certset_find((struct certset *)set, host, NULL) != NULL;
}

/* ---- time goes by ---- */

void certset_tick(struct certset *set)
{
	int64_t now = tct_now();

	for (size_t i = 0; i < set->entries.count; i++) {
		struct cert *c = set->entries.items[i].cert;
		int64_t days = (c->until - now) / 86400;

		if (c->staple.response.data != NULL && !c->staple_told && cert_staple(c) == NULL) {
			c->staple_told = true;
			log_warn("the OCSP response of certificate \"%s\" is too old, and is not "
				 "shown any more",
				c->certificate);
		}
		if (days >= EXPIRY_DAYS || c->told_day == now / 86400)
			continue;
		c->told_day = now / 86400;
		if (now >= c->until)
			log_error("certificate \"%s\" has expired", c->certificate);
		else
			log_warn("certificate \"%s\" ends in %lld days", c->certificate,
				(long long)days);
	}
}

/* ---- reports ---- */

/* Whether the chain leads to somebody whom we trust. */
static char *judge_chain(struct certset *set, const struct cert *c)
{
	gnutls_datum_t chain[CERT_CHAIN_MAX];
	struct peer *p;
	char *text;

	for (unsigned i = 0; i < c->chain_count; i++)
		chain[i] = c->chain[i].cert;
	p = peer_new(chain, c->chain_count, certset_trust(set));
	if (p == NULL || peer_trusted(p))
		text = mem_strdup("complete");
	else if (gnutls_x509_crt_check_issuer(c->leaf, c->leaf) != 0)
		text = mem_strdup("self-signed");
	else
		text = mem_strdup(peer_problem(p));
	peer_free(p);
	return text;
}

static const char *problem_of(const struct certset_report *r, const struct cert *c, int64_t now)
{
	if (c->until <= now)
		return "it has expired";
	if (c->from > now)
		return "it is not valid yet";
	if (!r->named)
		return "it does not name the host";
	if (strcmp(r->chain, "complete") != 0 && strcmp(r->chain, "self-signed") != 0)
		return "its chain is not complete";
	return NULL;
}

bool certset_report(struct certset *set, const char *host, struct certset_report *r)
{
	struct cert *c = certset_find(set, host, &r->why);
	char *ascii = peer_ascii(host);
	int64_t now = tct_now();
	int kind;

	if (c == NULL || ascii == NULL) {
		free(ascii);
		return false;
	}
	kind = gnutls_privkey_get_pk_algorithm(c->key, &r->key_bits);
	r->certificate = c->certificate;
	r->key = c->key_path;
	r->key_kind = gnutls_pk_get_name((gnutls_pk_algorithm_t)kind);
	r->from = c->from;
	r->until = c->until;
	r->days = (c->until - now) / 86400;
	r->named = names(c, ascii) != PEER_NO;
	r->stapled = cert_staple(c) != NULL;
	r->chain = judge_chain(set, c);
	r->problem = problem_of(r, c, now);
	free(ascii);
	return true;
}

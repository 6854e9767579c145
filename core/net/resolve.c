/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* resolve.c - see resolve.h. */
#include "core/net/resolve.h"

#include "core/base/mem.h"
#include "core/net/dns.h"
#include "core/net/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { STARTTLS, DIRECT_TLS, KINDS };

struct resolve {
	char *domain;
	resolve_fn *fn;
	void *data;
	struct dns_query *query[KINDS];
	enum dns_status status[KINDS];
	bool secure[KINDS];
	char *text; /* of the first failure; NULL */
	bool none;  /* a target "." */
	struct srv targets[2 * DNS_RECORDS];
	size_t count;
};

uint32_t resolve_reason(unsigned dns_status)
{
	static const unsigned char reasons[] = {
		[DNS_FOUND] = TCTI_DIAL_OK,
		[DNS_NO_RECORD] = TCTI_DIAL_NOT_FOUND,
		[DNS_NO_NAME] = TCTI_DIAL_NOT_FOUND,
		[DNS_BOGUS] = TCTI_DIAL_BOGUS,
		[DNS_FAILED] = TCTI_DIAL_DNS,
		[DNS_TIMEOUT] = TCTI_DIAL_DNS_TIMEOUT,
		[DNS_BUSY] = TCTI_DIAL_BUSY,
	};

	return reasons[dns_status];
}

/* Labels of at most 63 bytes, of letters, digits, hyphens and underscores. */
static bool valid(const char *name)
{
	size_t label = 0;

	if (strlen(name) >= SRV_NAME)
		return false;
	for (const char *c = name;; c++) {
		if (*c == '\0' || *c == '.') {
			if (label == 0 || label > 63)
				return false;
			if (*c == '\0')
				return true;
			label = 0;
		} else if ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' ||
			*c == '_') {
			label++;
		} else {
			return false;
		}
	}
}

char *resolve_ascii(const char *domain)
{
	char *name = peer_ascii(domain);

	if (name != NULL && !valid(name)) {
		free(name);
		name = NULL;
	}
	return name;
}

static void resolve_free(struct resolve *r)
{
	free(r->domain);
	free(r->text);
	free(r);
}

/* ---- both answers are there ---- */

/* Without SRV the domain's own addresses; only when DNS is sure that there is none. */
static void fall_back(struct resolve *r)
{
	struct srv *s = &r->targets[r->count++];

	*s = (struct srv){ .port = RESOLVE_STARTTLS,
		.secure = r->secure[STARTTLS] && r->secure[DIRECT_TLS] };
	snprintf(s->name, sizeof s->name, "%s", r->domain);
}

static bool absent(enum dns_status status)
{
	return status == DNS_NO_RECORD || status == DNS_NO_NAME;
}

/* Bogus answers hide nothing (RFC 7673 section 3.1): nobody is connected to. */
static uint32_t judge(struct resolve *r)
{
	enum dns_status failed = absent(r->status[STARTTLS]) || r->status[STARTTLS] == DNS_FOUND ?
		r->status[DIRECT_TLS] :
		r->status[STARTTLS];

	if (r->status[STARTTLS] == DNS_BOGUS || r->status[DIRECT_TLS] == DNS_BOGUS)
		return TCTI_DIAL_BOGUS;
	if (r->count > 0)
		return TCTI_DIAL_OK;
	if (!absent(failed) && failed != DNS_FOUND)
		return resolve_reason(failed);
	if (r->none)
		return TCTI_DIAL_NO_SERVICE;
	if (r->status[STARTTLS] == DNS_FOUND || r->status[DIRECT_TLS] == DNS_FOUND) {
		r->text = mem_strdup("its SRV records are not usable");
		return TCTI_DIAL_NOT_FOUND;
	}
	fall_back(r);
	return TCTI_DIAL_OK;
}

static void finish(struct resolve *r)
{
	struct resolved out = { .reason = judge(r), .targets = r->targets, .text = "" };

	if (out.reason == TCTI_DIAL_OK) {
		srv_order(r->targets, r->count, NULL, NULL);
		out.count = r->count < RESOLVE_TARGETS ? r->count : RESOLVE_TARGETS;
	} else if (r->text != NULL) {
		out.text = r->text;
	}
	r->fn(&out, r->data);
	resolve_free(r);
}

/* ---- answers ---- */

static void add_targets(struct resolve *r, const struct dns_answer *a, enum kind kind)
{
	for (size_t i = 0; i < a->count; i++) {
		struct srv *s = &r->targets[r->count];

		if (!srv_parse(s, a->records[i]))
			continue;
		if (s->name[0] == '\0') {
			r->none = true;
			continue;
		}
		if (s->port == 0)
			continue;
		s->direct_tls = kind == DIRECT_TLS;
		s->secure = a->secure;
		r->count++;
	}
}

static void answered(struct resolve *r, const struct dns_answer *a, enum kind kind)
{
	r->query[kind] = NULL;
	r->status[kind] = a->status;
	r->secure[kind] = a->secure;
	if (a->status == DNS_FOUND)
		add_targets(r, a, kind);
	else if (!absent(a->status) && (r->text == NULL || a->status == DNS_BOGUS)) {
		free(r->text);
		r->text = mem_strdup(a->text);
	}
	if (r->query[STARTTLS] == NULL && r->query[DIRECT_TLS] == NULL)
		finish(r);
}

static void starttls_answered(const struct dns_answer *a, void *data)
{
	answered(data, a, STARTTLS);
}

static void direct_tls_answered(const struct dns_answer *a, void *data)
{
	answered(data, a, DIRECT_TLS);
}

struct resolve *resolve_service(const char *domain, bool direct_tls, resolve_fn *fn, void *data)
{
	struct resolve *r = mem_zalloc(sizeof *r);
	char name[SRV_NAME + 32];

	r->domain = mem_strdup(domain);
	r->fn = fn;
	r->data = data;
	snprintf(name, sizeof name, "_xmpp-server._tcp.%s", domain);
	r->query[STARTTLS] = dns_ask(name, DNS_SRV, starttls_answered, r);
	r->status[DIRECT_TLS] = DNS_NO_RECORD;
	r->secure[DIRECT_TLS] = true;
	if (direct_tls) {
		snprintf(name, sizeof name, "_xmpps-server._tcp.%s", domain);
		r->query[DIRECT_TLS] = dns_ask(name, DNS_SRV, direct_tls_answered, r);
	}
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (r == NULL)
		return;
	dns_cancel(r->query[STARTTLS]);
	dns_cancel(r->query[DIRECT_TLS]);
	resolve_free(r);
}

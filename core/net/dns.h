/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dns.h - questions to DNS by libunbound, which validates (DNSSEC), follows aliases and keeps
 * answers and refusals for as long as they say, within bounds. It runs on a thread of its
 * own, from the first question on; answers come from the loop. Owns the one context and the
 * questions that are open; knows nothing of what is asked. Loop thread. */
#pragma once

#include "core/base/span.h"

#include <tercet/base.h>

#define DNS_QUERIES 512 /* open at once */
#define DNS_RECORDS 32  /* of an answer; the rest is not looked at */

#define DNS_ANCHOR "/usr/share/dns/root.key" /* of Debian's dns-root-data */

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_DNSKEY = 48, DNS_TLSA = 52 };

enum dns_status {
	DNS_FOUND,
	DNS_NO_RECORD, /* the name has none of that type */
	DNS_NO_NAME,   /* there is no such name */
	DNS_BOGUS,     /* signatures that must be there are missing or wrong */
	DNS_FAILED,    /* name servers could not say */
	DNS_TIMEOUT,
	DNS_BUSY       /* DNS_QUERIES are open */
};

struct dns_answer {
	enum dns_status status;
	bool secure;              /* validated, also that there is nothing */
	const char *name;         /* where the records are, behind aliases; without the last dot */
	const struct span *records; /* RDATA, names in it not compressed */
	size_t count;
	const char *text;         /* what went wrong, for the administrator; "" */
};

/* Everything in `a` is borrowed for the call. */
typedef void dns_fn(const struct dns_answer *a, void *data);

struct dns_config {
	const char *const *servers; /* "192.0.2.1", "192.0.2.1@5353"; none: those of the system */
	bool dnssec;                /* validate; needs `anchor` */
	const char *anchor;         /* path of a file of DS or DNSKEY records */
	int64_t timeout;            /* seconds for a question */
};
/* Are the addresses and the file good? The text of `err` begins with the name of an option. */
int dns_check(const struct dns_config *config, struct tct_error *err) TCT_CHECKED;
/* What dns_check has found good, and copies it: before the first question, and again at a
 * reload, when what is open is asked again. Starts nothing. */
void dns_configure(const struct dns_config *config);
enum dns_trust {
	DNS_TRUST_UNKNOWN, /* not yet: nothing was asked, or no answer has come */
	DNS_TRUST_NONE,    /* signatures are not looked at, or do not arrive here */
	DNS_TRUST_GOOD     /* the keys of the root, and what they have signed, were validated */
};
/* Whether validation works. Where it did not it is tried again, a minute later at the earliest, by
 * whoever asks here. */
enum dns_trust dns_trust(void);
/* Drops what is open, ends the thread, forgets the configuration. */
void dns_stop(void);

struct dns_query;
/* `name`: ASCII, as DNS writes it. fn is called once, never inside this function. */
struct dns_query *dns_ask(const char *name, enum dns_type type, dns_fn *fn, void *data);
/* fn is not called. NULL: nothing. */
void dns_cancel(struct dns_query *q);
size_t dns_open(void);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* internal/dial.h - the way to the server of another domain: where it is (SRV of RFC 6120 3.2
 * and XEP-0368, RFC 2782, addresses), and a connection to it (RFC 8305), with
 * the reason of each failure. No XMPP and no TLS is spoken here. For machinery modules; not
 * installed.
 *
 * A dial is one search for one domain. It gives a connection at a time: when that is of no
 * use (TLS fails), tcti_dial_next goes on with what was not tried yet. Everything is
 * asynchronous: callbacks come from the loop, never from inside a function of this header.
 * All of it is bounded: targets, addresses, attempts and time. */
#pragma once

#include <tercet/module.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tcti_dial;

/* Why there is no connection. */
enum tcti_dial_reason {
	TCTI_DIAL_OK = 0,
	TCTI_DIAL_INVALID,    /* no name that DNS could know, and no address */
	TCTI_DIAL_NOT_FOUND,  /* there is no such domain, or it has no address */
	TCTI_DIAL_NO_SERVICE, /* it says that it has no XMPP server (target ".", RFC 2782) */
	TCTI_DIAL_BOGUS,      /* its zone is signed, and the answer was not what was signed */
	TCTI_DIAL_DNS,        /* name servers could not say */
	TCTI_DIAL_DNS_TIMEOUT, /* name servers did not say in time */
	TCTI_DIAL_FORBIDDEN,  /* only addresses where nobody is connected to, see allow_private */
	TCTI_DIAL_REFUSED,    /* every address was refused or cannot be reached */
	TCTI_DIAL_TIMEOUT,    /* the addresses, or the last of them, did not answer in time */
	TCTI_DIAL_UNUSABLE,   /* tcti_dial_next, and there was no other target */
	TCTI_DIAL_BUSY        /* too many searches are under way */
};
/* In lower case, about "the domain": names no host, so that it can be sent to anybody. */
TCT_API const char *tcti_dial_reason_text(uint32_t reason);

/* One thing that was tried, for the administrator alone: it names hosts and addresses. */
struct tcti_dial_attempt {
	uint32_t reason;      /* never TCTI_DIAL_OK */
	const char *target;   /* as DNS writes it; never NULL */
	const char *address;  /* numeric; "" when it is about the name itself */
	uint16_t port;        /* 0: no address yet */
	bool direct_tls;
	const char *text;     /* "Connection refused" */
};

struct tcti_dialled {
	uint32_t size;
	uint32_t reason;      /* enum tcti_dial_reason; the rest is for TCTI_DIAL_OK */
	int fd;               /* connected, non-blocking, close-on-exec: the callee's; or -1 */
	bool direct_tls;      /* TLS begins at once, with ALPN "xmpp-server" (XEP-0368) */
	bool secure;          /* each answer on the way to the target was signed and is valid:
			       * its name may stand for the domain (RFC 7673) */
	uint16_t port;
	const char *target;   /* as DNS writes it; an override's or literal's: the address */
	const char *address;  /* numeric, without port */
	/* What failed before it, the oldest first; at most TCTI_DIAL_ATTEMPTS. */
	const struct tcti_dial_attempt *attempts;
	size_t attempt_count;
};
#define TCTI_DIAL_ATTEMPTS 16

/* Everything in `r` is borrowed for the call, but fd. The dial may be ended in it. */
typedef void tcti_dial_fn(struct tcti_dial *d, const struct tcti_dialled *r, void *data);

struct tcti_dial_params {
	uint32_t size;
	/* Prepared, as in an address: UTF-8 or ASCII; an IP literal ("192.0.2.1", "[2001:db8::1]")
	 * is connected to on port 5269. */
	const char *domain;
	/* Where it is instead, without a look at SRV; NULL: DNS says it. A host name or a numeric
	 * address, and its port (0: 5269, or 5270 for direct TLS). */
	const char *override_host;
	uint16_t override_port;
	bool override_direct_tls;
	bool no_direct_tls;   /* _xmpps-server is not asked for */
	/* Addresses that are not of the public network are connected to: loopback, private,
	 * link-local, unique-local, and all others of core/net/range.c. Those of override_host
	 * are always, the administrator wrote it. */
	bool allow_private;
	/* Milliseconds. 0: 10,000 for each address, 60,000 for everything. The latter runs
	 * while no connection is given: it is stopped in the callback and begins again in
	 * tcti_dial_next. */
	int64_t attempt_timeout, timeout;
};
/* Begins; params are copied. fn is called once, and once more for each tcti_dial_next; when it
 * has said anything but TCTI_DIAL_OK, there is nothing more to try. The dial lives until
 * tcti_dial_end or the end of the scope; a connection that was given stays. */
TCT_API struct tcti_dial *tcti_dial(struct tct_scope *scope, const struct tcti_dial_params *params,
	tcti_dial_fn *fn, void *data);
/* The connection that was given is of no use (the caller closes it): `text` says why, for the
 * list of attempts ("TLS handshake failed"), and the next target is looked for. Only after
 * TCTI_DIAL_OK, otherwise nothing. */
TCT_API void tcti_dial_next(struct tcti_dial *d, const char *text);
/* fn is not called any more; what was begun is cancelled. NULL: nothing. */
TCT_API void tcti_dial_end(struct tcti_dial *d);

/* ---- what a domain's zone says of its servers' certificates (DANE) ---- */

struct tcti_dane;

enum tcti_dane_state {
	TCTI_DANE_NONE = 0, /* nothing that was signed: certificates are judged without it */
	TCTI_DANE_RECORDS,  /* there are records: tcti_stream_dane */
	TCTI_DANE_BOGUS,    /* signatures are wrong or missing: nobody is believed */
	TCTI_DANE_FAILED    /* a signed zone did not say, which is the same (RFC 7673 3.4) */
};
typedef void tcti_dane_fn(struct tcti_dane *d, uint32_t state, void *data);
/* The TLSA records of a target that was connected to, with `secure` of tcti_dialled or the
 * domain itself as target; `target` NULL: of all targets that the domain has, for somebody who
 * has connected to us and says to be it. fn is called once, never inside. Lives until
 * tcti_dane_end or the end of the scope. */
TCT_API struct tcti_dane *tcti_dane_ask(struct tct_scope *scope, const char *domain,
	const char *target, uint16_t port, tcti_dane_fn *fn, void *data);
TCT_API void tcti_dane_end(struct tcti_dane *d); /* NULL: nothing */

/* Whether what name servers say is validated here: not known before the first question was
 * answered; where it is not, no domain can be hurt by what it has not signed. */
enum tcti_dane_trust { TCTI_DANE_TRUST_UNKNOWN = 0, TCTI_DANE_TRUST_NONE, TCTI_DANE_TRUST_GOOD };
TCT_API uint32_t tcti_dane_trust(void);

enum tcti_dane_verdict {
	TCTI_DANE_UNUSABLE = 0, /* no record that can be used: as TCTI_DANE_NONE */
	TCTI_DANE_MATCH,        /* the peer is the domain, whatever else is said of it */
	TCTI_DANE_MISMATCH      /* it is not, or it has shown no certificate */
};
/* After TCTI_DANE_RECORDS. */
TCT_API uint32_t tcti_stream_dane(struct tct_stream *s, const struct tcti_dane *d);

#ifdef __cplusplus
}
#endif

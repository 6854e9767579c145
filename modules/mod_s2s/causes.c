/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* causes.c - why there is no connection with another server: what those are told whose stanzas come
 * back (a text that names no host: an address may be half a secret in rooms), and what the
 * administrator can do. */
#include "s2s.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 5

static const struct {
	uint32_t condition; /* of what is returned */
	bool again;         /* the next attempt may do better without anybody's doing: what a lost
			     * connection has left waits for it */
	const char *said;   /* with it; NULL: as of others, because nothing is returned for it */
	const char *advice; /* NULL: the administrator does not hear of it */
} causes[] = {
	[CAUSE_OTHER] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"there is no connection with the other server",
		"look at the log, and ask the administrator of that server" },
	[CAUSE_NO_NAME] = { TCT_REMOTE_SERVER_NOT_FOUND, false,
		"there is no such server",
		"if the domain is right: its DNS has neither an SRV record _xmpp-server._tcp nor "
		"an address; \"s2s.override\" says where a server is that DNS does not know" },
	[CAUSE_NO_SERVICE] = { TCT_REMOTE_SERVER_NOT_FOUND, false,
		"that domain has no server of this kind",
		"its DNS says that it has no XMPP server (SRV target \".\"); only its owner can "
		"change that" },
	[CAUSE_DNS] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"where the other server is cannot be found out now",
		"look whether the name servers of this machine answer (\"dns_servers\"); if they "
		"do, those of the domain are out of order" },
	[CAUSE_BOGUS] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"what is said of where the other server is cannot be trusted",
		"its signed DNS zone (DNSSEC) gives answers with wrong signatures: its owner must "
		"mend that; if it is so with many domains, look at this machine's clock and "
		"\"dns_trust_anchor\"" },
	/* What is in private networks, nobody learns by asking. */
	[CAUSE_FORBIDDEN] = { TCT_REMOTE_SERVER_NOT_FOUND, false,
		"there is no such server",
		"its addresses are not of the public network; \"s2s.allow_private\", or "
		"\"s2s.override\" for this domain, lets this server connect there" },
	[CAUSE_REFUSED] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"the other server takes no connections",
		"nobody listens there, or a firewall refuses: look whether this machine may "
		"connect to that port, and whether SRV records name the right one" },
	[CAUSE_TIMEOUT] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"the other server does not answer",
		"it does not answer: it is down, or a firewall on the way (perhaps ours) swallows "
		"what is sent to that port" },
	[CAUSE_SLOW] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"the other server did not come to an agreement in time",
		"it answers too slowly for \"s2s_timeout\"; with dialback: look whether it can "
		"connect to the port for servers here" },
	[CAUSE_BUSY] = { TCT_RESOURCE_CONSTRAINT, true,
		"too many other servers are looked for",
		"too much is looked for at once here; it will be tried again" },
	[CAUSE_TLS] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"there is no encrypted connection with the other server",
		"both sides must share a version of TLS (1.2 or 1.3) and a cipher; what is listened "
		"to there may also be something else than an XMPP server" },
	[CAUSE_NO_TLS] = { TCT_REMOTE_SERVER_TIMEOUT, false,
		"the other server offers no encryption",
		"its administrator must switch TLS on; \"s2s_require_encryption\" demands it of "
		"all" },
	[CAUSE_EXPIRED] = { TCT_REMOTE_SERVER_TIMEOUT, false,
		"the certificate of the other server has expired",
		"its administrator must renew the certificate (look at the clock of this machine, "
		"too); until then a row of \"s2s_secure.domains\" with pin and until can excuse it" },
	[CAUSE_EARLY] = { TCT_REMOTE_SERVER_TIMEOUT, false,
		"the certificate of the other server is not valid yet",
		"its certificate is of the future: look at the clock of this machine first, then "
		"of that one" },
	[CAUSE_STRANGER] = { TCT_REMOTE_SERVER_TIMEOUT, false,
		"the certificate of the other server is not trusted",
		"it is self-signed, or its chain is not complete, or its authority is not in "
		"\"tls.trust\"; a row of \"s2s_secure.domains\" can pin its key or allow dialback" },
	[CAUSE_NAMES] = { TCT_REMOTE_SERVER_TIMEOUT, false,
		"the certificate of the other server is for others",
		"its administrator must get a certificate that names the domain" },
	[CAUSE_CERTIFICATE] = { TCT_REMOTE_SERVER_TIMEOUT, false,
		"the certificate of the other server is not good",
		"its administrator must get another certificate; a row of \"s2s_secure.domains\" "
		"can pin its key or allow dialback" },
	[CAUSE_PIN] = { TCT_NOT_ALLOWED, false,
		"the other server has not the key that is expected here",
		"ask its administrator, by another way, whether the key was changed, and then write "
		"the new one into pin of the row in \"s2s_secure.domains\"" },
	[CAUSE_DANE] = { TCT_REMOTE_SERVER_TIMEOUT, false,
		"the certificate of the other server is not the one that its domain names",
		"its TLSA records in DNS must be those of its certificate: its administrator must "
		"mend them; \"use_dane\" off, or a pin in a row of \"s2s_secure.domains\", goes "
		"around it" },
	[CAUSE_WAS_SECURE] = { TCT_NOT_ALLOWED, false,
		"the other server was secure for long, and is not any more",
		"for long it had a valid certificate: somebody may be in between. Ask its "
		"administrator, by another way; if the change is meant: \"tercetctl s2s accept "
		"DOMAIN\"" },
	[CAUSE_BLOCKED] = { TCT_NOT_ALLOWED, false,
		"communication with that server is not allowed here",
		"the row of \"s2s_secure.domains\" with block says so" },
	[CAUSE_UNBELIEVED] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"the other server does not believe this one",
		"look at our certificate (\"tercetctl check certs\": the domain must be in it, and "
		"an authority that it trusts must have issued it) and, for dialback, at our DNS and "
		"whether it can connect to the port for servers here" },
	[CAUSE_NO_PROOF] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"the other server takes no proof that this one has",
		"it wants a certificate of ours that it trusts (\"tercetctl check certs\"), and "
		"\"dialback\" is not loaded here or not offered there" },
	[CAUSE_SAID] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"the other server has refused the connection",
		"that is what the other server says; its log tells more" },
	[CAUSE_NOT_THERE] = { TCT_REMOTE_SERVER_NOT_FOUND, false,
		"the other server does not know that domain",
		"the server that its DNS leads to does not know it: its records are wrong, or its "
		"administrator has to add it" },
	[CAUSE_LOST] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"the connection with the other server was lost",
		"it ends connections without a word: its log may tell why" },
	[CAUSE_CLOSED] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		"the connection with the other server was closed here",
		"nothing: it was meant" },
	[CAUSE_NOT_ASKED] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		NULL,
		"it has connected to us, and we cannot connect to it to ask back: look at its DNS, "
		"and whether this machine may connect to it" },
	[CAUSE_FORGED] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		NULL,
		"somebody else says to be that domain, or its servers do not share a secret" },
	[CAUSE_HEADER] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		NULL,
		"it is no host of this server: look at DNS records that lead here, and at the "
		"hosts of tercet.conf" },
	[CAUSE_UNPROVEN] = { TCT_REMOTE_SERVER_TIMEOUT, true,
		NULL,
		"it has connected and gone before it was believed: its log may tell why" },
	/* What is returned without any attempt: */
	[CAUSE_FULL] = { TCT_RESOURCE_CONSTRAINT, true, "too much waits for that server", NULL },
	[CAUSE_CROWD] = { TCT_RESOURCE_CONSTRAINT, true,
		"too many connections with other servers", NULL },
	[CAUSE_LATE] = { TCT_REMOTE_SERVER_TIMEOUT, true, "it could not be delivered in time", NULL },
};

uint32_t cause_condition(uint32_t cause)
{
	return causes[cause].condition;
}

bool cause_again(uint32_t cause)
{
	return causes[cause].again;
}

/* RFC 6120 8.3.3.17: "wait", unless the other server cannot be authenticated or violates what is
 * demanded of it. */
uint32_t cause_error(uint32_t cause)
{
	return causes[cause].condition | (causes[cause].again ? 0 : TCT_ERROR_LASTS);
}

const char *cause_said(uint32_t cause)
{
	return causes[causes[cause].said != NULL ? cause : CAUSE_OTHER].said;
}

uint32_t cause_told(uint32_t cause)
{
	switch (cause) {
	case CAUSE_NOT_ASKED:
		return TCT_REMOTE_SERVER_TIMEOUT;
	case CAUSE_HEADER:
		return TCT_ITEM_NOT_FOUND;
	case CAUSE_FORGED:
	case CAUSE_UNPROVEN:
		return TCT_NOT_AUTHORIZED;
	default:
		return TCT_POLICY_VIOLATION;
	}
}

uint32_t cause_of_dial(uint32_t reason)
{
	static const uint8_t of[] = {
		[TCTI_DIAL_INVALID] = CAUSE_NO_NAME,
		[TCTI_DIAL_NOT_FOUND] = CAUSE_NO_NAME,
		[TCTI_DIAL_NO_SERVICE] = CAUSE_NO_SERVICE,
		[TCTI_DIAL_BOGUS] = CAUSE_BOGUS,
		[TCTI_DIAL_DNS] = CAUSE_DNS,
		[TCTI_DIAL_DNS_TIMEOUT] = CAUSE_DNS,
		[TCTI_DIAL_FORBIDDEN] = CAUSE_FORBIDDEN,
		[TCTI_DIAL_REFUSED] = CAUSE_REFUSED,
		[TCTI_DIAL_TIMEOUT] = CAUSE_TIMEOUT,
		[TCTI_DIAL_UNUSABLE] = CAUSE_TLS,
		[TCTI_DIAL_BUSY] = CAUSE_BUSY,
	};

	return reason < sizeof of ? of[reason] : CAUSE_OTHER;
}

static size_t add_names(char *out, size_t size, struct tct_stream *s)
{
	size_t len = 0;
	const char *name;

	for (size_t i = 0; i <= NAMES_SHOWN; i++) {
		name = tcti_stream_peer_name(s, i);
		if (name == NULL || len >= size)
			break;
		len += (size_t)snprintf(out + len, size - len, "%s%.100s", i > 0 ? ", " : "",
			i < NAMES_SHOWN ? name : "...");
	}
	return len;
}

/* What this stream shows and the advice is about. */
static size_t describe(char out[ADVICE_MAX], uint32_t cause, struct tct_stream *s)
{
	char text[TCT_TIME_SIZE], key[KEY_TEXT], *issuer = NULL;
	int64_t until;
	size_t len = 0;

	if (cause == CAUSE_NAMES) {
		len = (size_t)snprintf(out, ADVICE_MAX, "it is for: ");
		len += add_names(out + len, ADVICE_MAX - len, s);
	} else if (cause == CAUSE_PIN) {
		s2s_key_text(s, key);
		if (key[0] != '\0')
			len = (size_t)snprintf(out, ADVICE_MAX, "it shows the key %s", key);
	} else if (cause == CAUSE_EXPIRED && tcti_stream_peer_describe(s, &issuer, &until)) {
		tct_time_text(text, until * 1000000, false);
		len = (size_t)snprintf(out, ADVICE_MAX, "it was good until %s", text);
		free(issuer);
	}
	if (len >= ADVICE_MAX)
		len = ADVICE_MAX - 1;
	if (len > 0)
		len += (size_t)snprintf(out + len, ADVICE_MAX - len, "; ");
	return len < ADVICE_MAX ? len : ADVICE_MAX - 1;
}

void cause_advice(char out[ADVICE_MAX], uint32_t cause, struct tct_stream *s)
{
	size_t len = s != NULL ? describe(out, cause, s) : 0;

	snprintf(out + len, ADVICE_MAX - len, "%s", causes[cause].advice);
}

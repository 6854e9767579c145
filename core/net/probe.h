/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* probe.h - shakes hands with a server as a client does, and says what came of it. It blocks:
 * for tools, never on the loop. */
#pragma once

#include "core/net/addr.h"

struct probe {
	/* Asked: */
	struct addr at;
	const char *host; /* the name that is asked for */
	const char *ns;   /* of the stream: "jabber:client"; NULL: TLS from the first byte */
	const char *alpn; /* of direct TLS */
	/* Answered: */
	char protocol[16], cipher[64], group[32], signature[32];
	char bindings[96];    /* types of channel binding, with spaces between */
	int64_t until;        /* of the certificate */
	bool names, trusted;  /* the certificate names the host; the system trusts it */
	char problem[256];    /* "": the handshake succeeded */
};

/* False: see `problem`. */
bool probe_run(struct probe *p);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* hello.h - what a TLS client asks for in its first message, before any of it is handled: so
 * that the certificate is chosen, and the thread that shall sign with it. Decides nothing. */
#pragma once

#include "core/base/span.h"

struct hello {
	char name[256]; /* server_name (RFC 6066 section 3), in lower case; "": none */
	bool resumes;   /* pre_shared_key is there (RFC 8446 4.2.11): it has a ticket */
};

enum hello_result {
	HELLO_MORE, /* not whole yet */
	HELLO_READ,
	HELLO_NONE  /* something else */
};
/* `records`: whole TLS records, from the first. */
enum hello_result hello_read(struct span records, struct hello *hello);

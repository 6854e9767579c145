/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* resolve.h - RFC 6121 section 8.5: which sessions of the addressee get a stanza. A table as
 * data, so that a test can walk it. */
#pragma once

#include "core/server/event.h"

enum resolve_action {
	RESOLVE_TAKE,     /* targets are filled */
	RESOLVE_ERROR,    /* nobody: an error may go back (UNDELIVERED) */
	RESOLVE_SILENT    /* nobody: ignored (UNDELIVERED, without fallback error) */
};

/* Fills ev->targets for ev->entity. */
enum resolve_action resolve(struct event *ev);

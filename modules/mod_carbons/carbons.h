/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* carbons.h - what the files of mod_carbons share. */
#pragma once

#include <tercet/module.h>

#define NS_CARBONS "urn:xmpp:carbons:2"

/* True when other clients of the account get a copy of this message (XEP-0280 6.1), which its
 * clients get (`received`) or send. Not for errors: what they answer decides. */
bool carbons_eligible(const struct tct_stanza *st, bool received);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* hash.h - the texts that entity capabilities are hashes of: of an answer to disco#info, by
 * the rules of XEP-0115 section 5.1 and of XEP-0390 section 4.1. Pure functions. */
#pragma once

#include <tercet/xml.h>

#define NS_INFO "http://jabber.org/protocol/disco#info"
#define CAPS_HASH_SIZE 96 /* base64 of the longest hash, with its NUL */

/* What is hashed, malloc'ed; NULL: the answer is ill-formed (XEP-0115 section 5.4, XEP-0390
 * section 4.1), or, of the first kind, one of those that can be made to have the hash of
 * another: a text with the separator in it, or parts that read like parts of another kind. */
char *caps_text_1(const struct tct_elem *query);
char *caps_text_2(const struct tct_elem *query);
/* The hash of a text in base64; `algorithm` as in XEP-0300 ("sha-256"). False: unknown. */
bool caps_hash(const char *algorithm, const char *text, char out[CAPS_HASH_SIZE]);
/* True for the algorithms that `caps_hash` has. */
bool caps_hash_known(const char *algorithm);

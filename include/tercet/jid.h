/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* jid.h - XMPP addresses (RFC 7622; prepared by the stringprep profiles of RFC 6122).
 * A tct_jid is one immutable, prepared, counted block: equal addresses have equal text. */
#pragma once

#include <tercet/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Parses and prepares; NULL when the text is no address. The caller holds one reference.
 * The text is split at the first '/', then at the first '@' before it; each part is at
 * most 1023 bytes after preparation. */
TCT_API const struct tct_jid *tct_jid_new(const char *text);
TCT_API const struct tct_jid *tct_jid_new_n(const char *text, size_t len);
/* From parts: `node` and `resource` may be NULL. */
TCT_API const struct tct_jid *tct_jid_make(const char *node, const char *domain, const char *resource);
TCT_API const struct tct_jid *tct_jid_ref(const struct tct_jid *jid); /* NULL: NULL */
TCT_API void tct_jid_unref(const struct tct_jid *jid);                /* NULL: nothing */
/* The bare form: a reference of the caller's (the same object when it is bare already). */
TCT_API const struct tct_jid *tct_jid_bare(const struct tct_jid *jid);

/* Borrowed; node and resource are NULL when absent. */
TCT_API const char *tct_jid_text(const struct tct_jid *jid);
TCT_API const char *tct_jid_node(const struct tct_jid *jid);
TCT_API const char *tct_jid_domain(const struct tct_jid *jid);
TCT_API const char *tct_jid_resource(const struct tct_jid *jid);
/* "node@domain" or "domain", NUL-terminated. */
TCT_API const char *tct_jid_bare_text(const struct tct_jid *jid);

/* NULL equals only NULL. */
TCT_API bool tct_jid_equal(const struct tct_jid *a, const struct tct_jid *b);
TCT_API bool tct_jid_equal_bare(const struct tct_jid *a, const struct tct_jid *b);

#ifdef __cplusplus
}
#endif

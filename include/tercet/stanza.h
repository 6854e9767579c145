/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stanza.h - messages, presence and IQs. A stanza is one counted object with one arena. It
 * may be changed while its maker holds the only reference and has not sent it; sending
 * freezes it. The header (kind, type, id, from, to, lang) is kept in fields, not among the
 * attributes of the root element. Functions that end a stanza's life for the caller say so
 * by their verb: send, reply, answer, route take the reference they are given. */
#pragma once

#include <tercet/jid.h>
#include <tercet/xml.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tct_kind { TCT_MESSAGE = 0, TCT_PRESENCE = 1, TCT_IQ = 2 };
#define TCT_KINDS 3

/* Types: one bit each, so that handlers can name several. Never renumbered. */
enum tct_type {
	TCT_IQ_GET = 1 << 0,
	TCT_IQ_SET = 1 << 1,
	TCT_IQ_RESULT = 1 << 2,
	TCT_IQ_ERROR = 1 << 3,
	TCT_MESSAGE_NORMAL = 1 << 4,
	TCT_MESSAGE_CHAT = 1 << 5,
	TCT_MESSAGE_GROUPCHAT = 1 << 6,
	TCT_MESSAGE_HEADLINE = 1 << 7,
	TCT_MESSAGE_ERROR = 1 << 8,
	TCT_PRESENCE_AVAILABLE = 1 << 9,
	TCT_PRESENCE_UNAVAILABLE = 1 << 10,
	TCT_PRESENCE_SUBSCRIBE = 1 << 11,
	TCT_PRESENCE_SUBSCRIBED = 1 << 12,
	TCT_PRESENCE_UNSUBSCRIBE = 1 << 13,
	TCT_PRESENCE_UNSUBSCRIBED = 1 << 14,
	TCT_PRESENCE_PROBE = 1 << 15,
	TCT_PRESENCE_ERROR = 1 << 16
};
#define TCT_TYPES_ERROR (TCT_IQ_ERROR | TCT_MESSAGE_ERROR | TCT_PRESENCE_ERROR)
#define TCT_TYPES_SUBSCRIPTION                                                           \
	(TCT_PRESENCE_SUBSCRIBE | TCT_PRESENCE_SUBSCRIBED | TCT_PRESENCE_UNSUBSCRIBE |   \
		TCT_PRESENCE_UNSUBSCRIBED)

/* The conditions of RFC 6120 8.3.3. Never renumbered. */
enum tct_condition {
	TCT_BAD_REQUEST = 1,
	TCT_CONFLICT,
	TCT_FEATURE_NOT_IMPLEMENTED,
	TCT_FORBIDDEN,
	TCT_GONE,
	TCT_INTERNAL_SERVER_ERROR,
	TCT_ITEM_NOT_FOUND,
	TCT_JID_MALFORMED,
	TCT_NOT_ACCEPTABLE,
	TCT_NOT_ALLOWED,
	TCT_NOT_AUTHORIZED,
	TCT_POLICY_VIOLATION,
	TCT_RECIPIENT_UNAVAILABLE,
	TCT_REDIRECT,
	TCT_REGISTRATION_REQUIRED,
	TCT_REMOTE_SERVER_NOT_FOUND,
	TCT_REMOTE_SERVER_TIMEOUT,
	TCT_RESOURCE_CONSTRAINT,
	TCT_SERVICE_UNAVAILABLE,
	TCT_SUBSCRIPTION_REQUIRED,
	TCT_UNDEFINED_CONDITION,
	TCT_UNEXPECTED_REQUEST
};
/* With a condition of an error answer: its type is "cancel" in the place of "wait", because waiting
 * does not help. */
#define TCT_ERROR_LASTS (1u << 8)

/* New stanzas, one reference, unfrozen. `from` and `to` are borrowed (the stanza keeps
 * references of its own) and may be NULL. */
TCT_API struct tct_stanza *tct_stanza_new(uint32_t type, const struct tct_jid *from,
	const struct tct_jid *to, const char *id);
/* `type` "chat", "normal", "headline" ...; NULL or unknown is "normal". Gets a random id. */
TCT_API struct tct_stanza *tct_message_new(const struct tct_jid *from, const struct tct_jid *to,
	const char *type);
/* Deep, unfrozen copy. */
TCT_API struct tct_stanza *tct_stanza_dup(const struct tct_stanza *st);
TCT_API struct tct_stanza *tct_stanza_ref(struct tct_stanza *st);
TCT_API void tct_stanza_unref(struct tct_stanza *st); /* NULL: nothing */

TCT_API uint32_t tct_stanza_kind(const struct tct_stanza *st); /* enum tct_kind */
TCT_API uint32_t tct_stanza_type(const struct tct_stanza *st); /* one bit of enum tct_type */
TCT_API const char *tct_stanza_id(const struct tct_stanza *st); /* NULL: none */
TCT_API const char *tct_stanza_lang(const struct tct_stanza *st); /* NULL: none */
TCT_API const struct tct_jid *tct_stanza_from(const struct tct_stanza *st); /* NULL: none */
TCT_API const struct tct_jid *tct_stanza_to(const struct tct_stanza *st); /* NULL: none */
TCT_API struct tct_elem *tct_stanza_root(const struct tct_stanza *st);
/* The first child element: for an IQ request its payload. */
TCT_API struct tct_elem *tct_stanza_payload(const struct tct_stanza *st);

/* Appends the stanza, with its header, as an element of its own namespace; a deep copy. */
TCT_API struct tct_elem *tct_add_stanza(struct tct_elem *parent, const struct tct_stanza *st);

TCT_API void tct_stanza_set_from(struct tct_stanza *st, const struct tct_jid *from);
TCT_API void tct_stanza_set_to(struct tct_stanza *st, const struct tct_jid *to);
TCT_API void tct_stanza_set_id(struct tct_stanza *st, const char *id);
TCT_API void tct_stanza_set_lang(struct tct_stanza *st, const char *lang);

/* An error answer to `st` (from and to swapped, id kept, RFC 6120 8.3) with the default
 * type of the condition (or TCT_ERROR_LASTS); NULL when `st` is itself an error, or an IQ result: those are
 * never answered. `text` may be NULL. */
TCT_API struct tct_stanza *tct_stanza_error(const struct tct_stanza *st, uint32_t condition,
	const char *text);
/* An empty IQ result, from and to swapped. */
TCT_API struct tct_stanza *tct_stanza_result(const struct tct_stanza *st);
/* The condition in an error stanza; 0 when there is none that we know. */
TCT_API uint32_t tct_stanza_condition(const struct tct_stanza *st);

/* What differs per receiver of a shared stanza: it is not an edit. Fields that are NULL
 * keep the stanza's own. Set `size` with TCT_OVERLAY_INIT. */
struct tct_overlay {
	uint32_t size;
	uint32_t type; /* 0: keep */
	const struct tct_jid *from, *to;
	const char *id;
};
#define TCT_OVERLAY_INIT { sizeof(struct tct_overlay), 0, NULL, NULL, NULL }

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stanza_error.c - see stanza_error.h, and the error functions of <tercet/stanza.h>. */
#include "core/xmpp/stanza_error.h"

#include <string.h>

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

static const struct {
	const char *name, *type;
} conditions[] = {
	[TCT_BAD_REQUEST] = { "bad-request", "modify" },
	[TCT_CONFLICT] = { "conflict", "cancel" },
	[TCT_FEATURE_NOT_IMPLEMENTED] = { "feature-not-implemented", "cancel" },
	[TCT_FORBIDDEN] = { "forbidden", "auth" },
	[TCT_GONE] = { "gone", "cancel" },
	[TCT_INTERNAL_SERVER_ERROR] = { "internal-server-error", "cancel" },
	[TCT_ITEM_NOT_FOUND] = { "item-not-found", "cancel" },
	[TCT_JID_MALFORMED] = { "jid-malformed", "modify" },
	[TCT_NOT_ACCEPTABLE] = { "not-acceptable", "modify" },
	[TCT_NOT_ALLOWED] = { "not-allowed", "cancel" },
	[TCT_NOT_AUTHORIZED] = { "not-authorized", "auth" },
	[TCT_POLICY_VIOLATION] = { "policy-violation", "modify" },
	[TCT_RECIPIENT_UNAVAILABLE] = { "recipient-unavailable", "wait" },
	[TCT_REDIRECT] = { "redirect", "modify" },
	[TCT_REGISTRATION_REQUIRED] = { "registration-required", "auth" },
	[TCT_REMOTE_SERVER_NOT_FOUND] = { "remote-server-not-found", "cancel" },
	[TCT_REMOTE_SERVER_TIMEOUT] = { "remote-server-timeout", "wait" },
	[TCT_RESOURCE_CONSTRAINT] = { "resource-constraint", "wait" },
	[TCT_SERVICE_UNAVAILABLE] = { "service-unavailable", "cancel" },
	[TCT_SUBSCRIPTION_REQUIRED] = { "subscription-required", "auth" },
	[TCT_UNDEFINED_CONDITION] = { "undefined-condition", "cancel" },
	[TCT_UNEXPECTED_REQUEST] = { "unexpected-request", "wait" },
};
#define COUNT (sizeof conditions / sizeof *conditions)

const char *stanza_error_name(uint32_t condition)
{
	return condition < COUNT ? conditions[condition].name : NULL;
}

const char *stanza_error_type(uint32_t condition)
{
	return condition < COUNT ? conditions[condition].type : NULL;
}

uint32_t stanza_error_find(const char *name)
{
	for (uint32_t i = 1; i < COUNT; i++) {
		if (strcmp(conditions[i].name, name) == 0)
			return i;
	}
	return 0;
}

static uint32_t error_type(const struct tct_stanza *st)
{
	switch (tct_stanza_kind(st)) {
	case TCT_MESSAGE:
		return TCT_MESSAGE_ERROR;
	case TCT_PRESENCE:
		return TCT_PRESENCE_ERROR;
	default:
		return TCT_IQ_ERROR;
	}
}

struct tct_stanza *tct_stanza_error(const struct tct_stanza *st, uint32_t condition,
	const char *text)
{
	struct tct_stanza *answer;
	struct tct_elem *error, *t;
	bool lasts = (condition & TCT_ERROR_LASTS) != 0;
	const char *type;

	condition &= ~TCT_ERROR_LASTS;
	if ((tct_stanza_type(st) & (TCT_TYPES_ERROR | TCT_IQ_RESULT)) != 0)
		return NULL;
	if (stanza_error_name(condition) == NULL)
		condition = TCT_UNDEFINED_CONDITION;
	answer = tct_stanza_new(error_type(st), tct_stanza_to(st), tct_stanza_from(st),
		tct_stanza_id(st));
	error = tct_add(tct_stanza_root(answer), NULL, "error");
	type = stanza_error_type(condition);
	tct_set(error, "type", lasts && strcmp(type, "wait") == 0 ? "cancel" : type);
	tct_add(error, NS_STANZAS, stanza_error_name(condition));
	if (text != NULL) {
		t = tct_add(error, NS_STANZAS, "text");
		tct_set_ns(t, "http://www.w3.org/XML/1998/namespace", "lang", "en");
		tct_text(t, text);
	}
	return answer;
}

uint32_t tct_stanza_condition(const struct tct_stanza *st)
{
	const struct tct_elem *root = tct_stanza_root(st);
	const struct tct_elem *error = tct_child(root, tct_elem_ns(root), "error");

	tct_elem_each (c, error) {
		uint32_t condition = strcmp(tct_elem_ns(c), NS_STANZAS) == 0 ?
			stanza_error_find(tct_elem_name(c)) :
			0;

		if (condition != 0)
			return condition;
	}
	return 0;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* resolve.c - see resolve.h. The table has one line per kind of addressee and stanza type;
 * RFC 6121 8.5.2 for bare, 8.5.3 for full addresses. One deviation on purpose: a message of
 * type normal to a full address that is gone is treated like chat (8.5.3.2.1 allows an error
 * or silence), because clients send text in both. */
#include "core/server/resolve.h"

#include "core/server/entity.h"
#include "core/server/session.h"

enum who {
	NOBODY,
	NON_NEGATIVE,   /* all available with priority 0 or more */
	AVAILABLE       /* all available, negative priority too */
};

struct rule {
	uint32_t types;
	uint8_t bare;      /* enum who, for a bare address */
	uint8_t bare_none; /* enum resolve_action when that is nobody */
	uint8_t full_none; /* a full address that matches no session: NON_NEGATIVE, NOBODY */
	uint8_t full_none_action;
};

static const struct rule rules[] = {
	{ TCT_MESSAGE_NORMAL | TCT_MESSAGE_CHAT, NON_NEGATIVE, RESOLVE_ERROR, NON_NEGATIVE,
		RESOLVE_ERROR },
	{ TCT_MESSAGE_GROUPCHAT, NOBODY, RESOLVE_ERROR, NOBODY, RESOLVE_ERROR },
	{ TCT_MESSAGE_HEADLINE, NON_NEGATIVE, RESOLVE_SILENT, NOBODY, RESOLVE_SILENT },
	{ TCT_MESSAGE_ERROR, NOBODY, RESOLVE_SILENT, NOBODY, RESOLVE_SILENT },
	{ TCT_PRESENCE_AVAILABLE | TCT_PRESENCE_UNAVAILABLE, AVAILABLE, RESOLVE_SILENT, NOBODY,
		RESOLVE_SILENT },
	{ TCT_TYPES_SUBSCRIPTION, AVAILABLE, RESOLVE_SILENT, AVAILABLE, RESOLVE_SILENT },
	{ TCT_PRESENCE_PROBE | TCT_PRESENCE_ERROR, NOBODY, RESOLVE_SILENT, NOBODY,
		RESOLVE_SILENT },
	{ TCT_IQ_GET | TCT_IQ_SET, NOBODY, RESOLVE_ERROR, NOBODY, RESOLVE_ERROR },
	{ TCT_IQ_RESULT | TCT_IQ_ERROR, NOBODY, RESOLVE_SILENT, NOBODY, RESOLVE_SILENT },
};

static const struct rule *rule_of(uint32_t type)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		if ((rules[i].types & type) != 0)
			return &rules[i];
	}
	return &rules[sizeof rules / sizeof *rules - 1];
}

static void add(struct event *ev, enum who who)
{
	if (who == NOBODY)
		return;
	list_each (node, &ev->pub.entity->sessions) {
		struct tct_session *s = list_entry(node, struct tct_session, link);

		if (s->presence != NULL && (who == AVAILABLE || s->priority >= 0))
			event_add_target(ev, s);
	}
}

enum resolve_action resolve(struct event *ev)
{
	const struct tct_stanza *st = ev->pub.stanza;
	const char *resource = tct_jid_resource(tct_stanza_to(st));
	const struct rule *rule = rule_of(tct_stanza_type(st));
	struct tct_session *s;

	if (ev->pub.entity == NULL)
		return RESOLVE_ERROR;
	if (resource != NULL) {
		s = tct_entity_session_find(ev->pub.entity, resource);
		if (s != NULL)
			event_add_target(ev, s);
		else
			add(ev, rule->full_none);
		return ev->target_count > 0 ? RESOLVE_TAKE : rule->full_none_action;
	}
	add(ev, rule->bare);
	return ev->target_count > 0 ? RESOLVE_TAKE : rule->bare_none;
}

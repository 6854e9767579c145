/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* subscription.c - see subscription.h. */
#include "modules/mod_roster/subscription.h"

#include <string.h>

#define NONE 0
#define TO TCT_ROSTER_TO
#define FROM TCT_ROSTER_FROM
#define BOTH (TO | FROM)
#define OUT TCT_ROSTER_OUT
#define IN TCT_ROSTER_IN
#define STATES 9

enum {
	PASS = 1,    /* routed or delivered */
	ANSWER = 2,  /* "subscribed" goes back */
	APPROVE = 4, /* the approval is kept for later */
	CANCEL = 8   /* an approval kept is dropped */
};

struct cell {
	uint8_t state, act;
};

/* One column more than there are events: a request that was approved before it came. */
enum { IN_APPROVED = SUBSCRIPTION_EVENTS, COLUMNS };

static const struct row {
	uint8_t state;
	struct cell cells[COLUMNS];
} table[STATES] = {
	{ NONE, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { OUT, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { NONE, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { NONE, APPROVE },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { NONE, CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { IN, PASS },
		[IN_APPROVED] = { FROM, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { NONE, 0 },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { NONE, 0 },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { NONE, 0 } } },
	{ OUT, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { OUT, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { NONE, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { OUT, APPROVE },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { OUT, CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { OUT | IN, PASS },
		[IN_APPROVED] = { FROM | OUT, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { OUT, 0 },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { TO, PASS },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { NONE, PASS } } },
	{ IN, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { OUT | IN, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { IN, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { FROM, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { NONE, PASS | CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { IN, 0 },
		[IN_APPROVED] = { FROM, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { NONE, PASS },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { IN, 0 },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { IN, 0 } } },
	{ OUT | IN, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { OUT | IN, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { IN, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { FROM | OUT, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { OUT, PASS | CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { OUT | IN, 0 },
		[IN_APPROVED] = { FROM | OUT, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { OUT, PASS },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { TO | IN, PASS },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { IN, PASS } } },
	{ TO, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { TO, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { NONE, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { TO, APPROVE },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { TO, CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { TO | IN, PASS },
		[IN_APPROVED] = { BOTH, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { TO, 0 },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { TO, 0 },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { NONE, PASS } } },
	{ TO | IN, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { TO | IN, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { IN, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { BOTH, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { TO, PASS | CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { TO | IN, 0 },
		[IN_APPROVED] = { BOTH, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { TO, PASS },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { TO | IN, 0 },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { IN, PASS } } },
	{ FROM, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { FROM | OUT, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { FROM, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { FROM, 0 },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { NONE, PASS | CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { FROM, ANSWER },
		[IN_APPROVED] = { FROM, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { NONE, PASS },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { FROM, 0 },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { FROM, 0 } } },
	{ FROM | OUT, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { FROM | OUT, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { FROM, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { FROM | OUT, 0 },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { OUT, PASS | CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { FROM | OUT, ANSWER },
		[IN_APPROVED] = { FROM | OUT, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { OUT, PASS },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { BOTH, PASS },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { FROM, PASS } } },
	{ BOTH, {
		[SUBSCRIPTION_OUT_SUBSCRIBE] = { BOTH, PASS },
		[SUBSCRIPTION_OUT_UNSUBSCRIBE] = { FROM, PASS },
		[SUBSCRIPTION_OUT_SUBSCRIBED] = { BOTH, 0 },
		[SUBSCRIPTION_OUT_UNSUBSCRIBED] = { TO, PASS | CANCEL },
		[SUBSCRIPTION_IN_SUBSCRIBE] = { BOTH, ANSWER },
		[IN_APPROVED] = { BOTH, ANSWER },
		[SUBSCRIPTION_IN_UNSUBSCRIBE] = { TO, PASS },
		[SUBSCRIPTION_IN_SUBSCRIBED] = { BOTH, 0 },
		[SUBSCRIPTION_IN_UNSUBSCRIBED] = { FROM, PASS } } },
};

static const struct row *row_of(uint32_t state)
{
	state &= BOTH | OUT | IN;
	if ((state & TO) != 0)
		state &= ~(uint32_t)OUT;
	if ((state & FROM) != 0)
		state &= ~(uint32_t)IN;
	for (size_t i = 0; i < STATES; i++) {
		if (table[i].state == state)
			return &table[i];
	}
	return &table[0];
}

struct subscription_step subscription_step(uint32_t state, enum subscription_event event)
{
	bool approved = (state & TCT_ROSTER_APPROVED) != 0;
	size_t column = event == SUBSCRIPTION_IN_SUBSCRIBE && approved ? IN_APPROVED : event;
	struct cell cell = row_of(state)->cells[column];
	struct subscription_step step = {
		.state = cell.state,
		.pass = (cell.act & PASS) != 0,
		.answer = (cell.act & ANSWER) != 0,
	};

	if ((cell.act & APPROVE) != 0 || (approved && (cell.act & CANCEL) == 0))
		step.state |= TCT_ROSTER_APPROVED;
	return step;
}

enum subscription_event subscription_event(uint32_t type, bool inbound)
{
	switch (type) {
	case TCT_PRESENCE_SUBSCRIBE:
		return inbound ? SUBSCRIPTION_IN_SUBSCRIBE : SUBSCRIPTION_OUT_SUBSCRIBE;
	case TCT_PRESENCE_SUBSCRIBED:
		return inbound ? SUBSCRIPTION_IN_SUBSCRIBED : SUBSCRIPTION_OUT_SUBSCRIBED;
	case TCT_PRESENCE_UNSUBSCRIBE:
		return inbound ? SUBSCRIPTION_IN_UNSUBSCRIBE : SUBSCRIPTION_OUT_UNSUBSCRIBE;
	default:
		return inbound ? SUBSCRIPTION_IN_UNSUBSCRIBED : SUBSCRIPTION_OUT_UNSUBSCRIBED;
	}
}

const char *subscription_name(uint32_t state)
{
	static const char *const names[] = { "none", "to", "from", "both" };

	return names[((state & TO) != 0 ? 1 : 0) + ((state & FROM) != 0 ? 2 : 0)];
}

uint32_t subscription_state(const char *name)
{
	return strcmp(name, "both") == 0 ? BOTH :
		strcmp(name, "to") == 0 ? TO :
		strcmp(name, "from") == 0 ? FROM : NONE;
}

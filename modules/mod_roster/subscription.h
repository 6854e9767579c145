/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* subscription.h - the state machine of RFC 6121 appendix A as a table: how an account
 * and a contact stand to each other after a stanza, and what happens to that stanza.
 * Pure. */
#pragma once

#include <tercet/roster.h>

/* OUT: sent by one of the account's sessions. IN: sent by the contact. */
enum subscription_event {
	SUBSCRIPTION_OUT_SUBSCRIBE,
	SUBSCRIPTION_OUT_UNSUBSCRIBE,
	SUBSCRIPTION_OUT_SUBSCRIBED,
	SUBSCRIPTION_OUT_UNSUBSCRIBED,
	SUBSCRIPTION_IN_SUBSCRIBE,
	SUBSCRIPTION_IN_UNSUBSCRIBE,
	SUBSCRIPTION_IN_SUBSCRIBED,
	SUBSCRIPTION_IN_UNSUBSCRIBED
};
#define SUBSCRIPTION_EVENTS 8

struct subscription_step {
	uint32_t state; /* TO, FROM, OUT, IN and APPROVED of enum tct_roster_state */
	bool pass;      /* out: routed to the contact; in: delivered to the account */
	bool answer;    /* in: the server answers "subscribed" in the account's name */
};

/* `state`: bits of enum tct_roster_state; those that do not concern a subscription are
 * ignored, and what cannot be (asked and granted at once) counts as granted. */
struct subscription_step subscription_step(uint32_t state, enum subscription_event event);
/* The event of a stanza of type `type` (one bit of TCT_TYPES_SUBSCRIPTION). */
enum subscription_event subscription_event(uint32_t type, bool inbound);
/* "none", "to", "from", "both". */
const char *subscription_name(uint32_t state);
/* The bits of such a name; 0 for anything else. */
uint32_t subscription_state(const char *name);

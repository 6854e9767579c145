/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* roster.h - the service "roster": who may see whom (RFC 6121 sections 2 and 3). Provided
 * for each host by mod_roster. It answers at once for every entity that is given to a
 * handler or callback, online or not. Addresses may be full: only their bare part counts. */
#pragma once

#include <tercet/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How an account and a contact stand to each other: a set of bits. The nine states of RFC
 * 6121 appendix A are TO, FROM, OUT and IN; OUT excludes TO, IN excludes FROM. */
enum tct_roster_state {
	TCT_ROSTER_TO = 1 << 0,   /* the account sees the contact's presence */
	TCT_ROSTER_FROM = 1 << 1, /* the contact sees the account's presence */
	TCT_ROSTER_OUT = 1 << 2,  /* the account has asked to see, and has no answer ("ask") */
	TCT_ROSTER_IN = 1 << 3,   /* the contact has asked, and has no answer */
	TCT_ROSTER_APPROVED = 1 << 4, /* the contact may see as soon as it asks */
	TCT_ROSTER_LISTED = 1 << 5    /* there is an item in the roster */
};

/* `jid` is bare. It and what is behind it are valid for the call. */
typedef void tct_roster_item_fn(const struct tct_jid *jid, uint32_t state, void *data);
/* The state of a contact was written (in the event's own write set) and what has to be said
 * about it is on its way. `before` equals `after` when nothing changed, but the contact was
 * told again that it may see. Called for the instance that was given to watch(), after what
 * the contact must hear first was routed; the entity is the account's. */
typedef void tct_roster_changed_fn(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, uint32_t before, uint32_t after);

/* `m` is always the provider's instance, as tct_service() gave it. Append-only. */
struct tct_roster_ops {
	uint32_t size;
	/* True when `who` may see the presence of `e`: it is the account itself, or the
	 * account's subscription is "from" or "both". */
	bool (*subscribed)(struct tct_mod *m, struct tct_entity *e, const struct tct_jid *who);
	/* Bits of enum tct_roster_state; 0: a stranger. */
	uint32_t (*state)(struct tct_mod *m, struct tct_entity *e, const struct tct_jid *contact);
	/* All contacts that have one of the bits of `mask`. `fn` may route and send, and must
	 * not cause changes of the roster inside the call. */
	void (*each)(struct tct_mod *m, struct tct_entity *e, uint32_t mask,
		tct_roster_item_fn *fn, void *data);
	/* Calls fn for `user` at each change, until the scope of `user` ends. In load(). */
	void (*watch)(struct tct_mod *m, struct tct_mod *user, tct_roster_changed_fn *fn);
};

#ifdef __cplusplus
}
#endif

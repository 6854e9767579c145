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
 * the contact must hear first was routed; the entity is the account's. `ev` is NULL when no
 * stanza caused it; what was written is on disk then. */
typedef void tct_roster_changed_fn(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, uint32_t before, uint32_t after);

enum tct_roster_gift_flags {
	/* Written into the roster, as if the account had asked for it: its clients may rename
	 * and remove the contact. Without this it is lent: it lasts until it is taken back or
	 * the entity leaves memory, so that the source gives it again at each
	 * TCT_ENTITY_LOADED; clients may rename the contact, and can neither remove it nor end
	 * what was lent. */
	TCT_ROSTER_STORED = 1 << 0,
	/* Nobody is told: it was so before, and the entity was read again. */
	TCT_ROSTER_QUIET = 1 << 1
};

/* A contact that an account did not ask for itself: of a shared group, of an invitation. */
struct tct_roster_gift {
	uint32_t size;
	uint32_t flags;
	uint32_t state;     /* TCT_ROSTER_TO, TCT_ROSTER_FROM; a stored one also
	                       TCT_ROSTER_OUT (the caller sends the request), and
	                       TCT_ROSTER_APPROVED (a request is answered as if by the account) */
	const char *source; /* who gives, for example "groups": with that it is taken back */
	const char *name;   /* shown unless the account has given one; may be NULL */
	const char *group;  /* a group in which the contact is shown, too; may be NULL */
};
#define TCT_ROSTER_GIFT_INIT { sizeof(struct tct_roster_gift), 0, 0, NULL, NULL, NULL }

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
	/* Gives a contact; who asked for the roster and who watches is told, in the write set
	 * of `ev`, or, when that is NULL, of one of its own. A gift of the same source and
	 * group is replaced. The other side is the caller's affair: whoever lets one see gives
	 * the other FROM. TCT_OK; TCT_EINVAL: no contact for this account, or a text that is
	 * not acceptable; TCT_EFULL: the roster is full (stored gifts only). */
	int (*give)(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
		const struct tct_jid *contact, const struct tct_roster_gift *gift);
	/* Takes back what the source has given (group NULL: in whatever group). A stored
	 * contact that has been answered, asked or renamed by the account since is the
	 * account's own and stays. TCT_ENOENT: nothing was there to be taken. */
	int (*take)(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
		const struct tct_jid *contact, const char *source, const char *group);
	/* Two accounts of the host become contacts that see each other, stored, in one write set
	 * of its own. TCT_OK; TCT_EINVAL: they are one; TCT_EFULL: one of the rosters is full,
	 * and nothing has changed. */
	int (*introduce)(struct tct_mod *m, struct tct_entity *a, struct tct_entity *b,
		const char *source);
};

#ifdef __cplusplus
}
#endif

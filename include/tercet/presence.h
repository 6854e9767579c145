/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* presence.h - the service "presence": showing and hiding an account's resources (RFC 6121
 * section 4). Provided for each host by mod_presence. What is routed shares the write set of
 * the event when that has writes already. */
#pragma once

#include <tercet/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True for the addresses that are meant. */
typedef bool tct_presence_match_fn(const struct tct_jid *jid, void *data);

/* `m` is always the provider's instance, as tct_service() gave it. Append-only. */
struct tct_presence_ops {
	uint32_t size;
	/* Routes the presence of all available resources to `to` (but not to whom the account
	 * blocks), or `unavailable` of each of them. Who may see is the caller's affair. */
	void (*show)(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
		const struct tct_jid *to);
	void (*hide)(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
		const struct tct_jid *to);
	/* Asks for the presence of `to` in the name of each available resource (RFC 6121 4.3):
	 * the caller knows that the account may see it. */
	void (*probe)(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
		const struct tct_jid *to);
	/* Ends directed presence to the addresses that `fn` is true for: they are told that
	 * the resource is unavailable, and not told again when it ends. */
	void (*end_directed)(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
		tct_presence_match_fn *fn, void *data);
	/* Other children for the presence of an available session: `st` (taken) takes its
	 * place, and all who were told are told again. */
	void (*replace)(struct tct_mod *m, struct tct_event *ev, struct tct_session *s,
		struct tct_stanza *st);
	/* When the account's last resource became unavailable (seconds since 1970; 0: never),
	 * and what it said then: its children are appended to `parent`. */
	int64_t (*last)(struct tct_mod *m, struct tct_entity *e, struct tct_elem *parent);
};

#ifdef __cplusplus
}
#endif

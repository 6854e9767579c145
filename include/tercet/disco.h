/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* disco.h - service discovery (XEP-0030): what modules add to the answers about the host and
 * its accounts. mod_disco answers, and has asked whether the asker may know. */
#pragma once

#include <tercet/event.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tct_disco_what { TCT_DISCO_INFO = 0, TCT_DISCO_ITEMS = 1 };

/* Who asks what of whom; valid for the call. Append-only. */
struct tct_disco_query {
	uint32_t size;
	uint32_t what;             /* enum tct_disco_what */
	uint32_t target;           /* one of TCT_TO_HOST, TCT_TO_SELF, TCT_TO_ACCOUNT */
	const char *node;          /* NULL: the address itself */
	struct tct_entity *entity; /* who is asked about; NULL: the host, outside of an event */
	const struct tct_jid *from; /* who asks; NULL: anybody (the host's own capabilities) */
};

/* Adds children to `answer`, the <query/> of the result: identities, features and forms
 * (XEP-0128), or items. Returns true when it knows the node; without a node it is not looked
 * at. A feature that is there twice is said once. What disco#info says of the host must not
 * depend on who asks: its hash is announced (XEP-0115). */
typedef bool tct_disco_fn(struct tct_mod *m, const struct tct_disco_query *q,
	struct tct_elem *answer);

/* In load(). `targets`: bits of enum tct_target. `node` NULL: for what is said of the address
 * itself; "*": for any node; else for that one. Several modules may know one node. */
TCT_API void tct_on_disco(struct tct_mod *m, uint32_t targets, const char *node, tct_disco_fn *fn);
/* Calls all that are registered for that, in the order of loading. True: one of them knows
 * the node. */
TCT_API bool tct_disco_ask(struct tct_mod *m, const struct tct_disco_query *q,
	struct tct_elem *answer);
/* Another number whenever the answers may have changed: modules came, went, or got other
 * options. */
TCT_API uint32_t tct_disco_changes(void);

/* The service "disco", provided for each host by mod_disco. `m` is always the provider's
 * instance, as tct_service() gave it. Append-only. */
struct tct_disco_ops {
	uint32_t size;
	/* Adds to `answer` what disco#info says of the host, for an asker who is nobody in
	 * particular. */
	void (*host_info)(struct tct_mod *m, struct tct_elem *answer);
};

#ifdef __cplusplus
}
#endif

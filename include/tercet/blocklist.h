/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* blocklist.h - the service "blocklist": with whom an account does not want to communicate
 * (XEP-0191). Provided for each host by mod_blocklist, which keeps from the account what
 * blocked addresses send, and from them what its clients send. Who sends something in an
 * account's name, or keeps something for it, asks here:
 *
 *	ops = tct_service(m, "blocklist", &provider);
 *	if (ops != NULL && ops->blocks(provider, e, contact) == TCT_BLOCKED) ...
 *
 * It answers at once for every entity that is given to a handler or callback. Asked for at
 * each use, it needs no dependency, and may come and go. */
#pragma once

#include <tercet/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tct_blocked {
	TCT_BLOCKED_NOT = 0,
	TCT_BLOCKED_SOME = 1, /* some full addresses of this bare one are */
	TCT_BLOCKED = 2
};

/* `m` is always the provider's instance, as tct_service() gave it. Append-only. */
struct tct_blocklist_ops {
	uint32_t size;
	/* enum tct_blocked. The account itself, its resources and its own host never are. */
	uint32_t (*blocks)(struct tct_mod *m, struct tct_entity *e, const struct tct_jid *jid);
	/* False: the account blocks nobody, so that `blocks` need not be asked for each of many. */
	bool (*any)(struct tct_mod *m, struct tct_entity *e);
};

#ifdef __cplusplus
}
#endif

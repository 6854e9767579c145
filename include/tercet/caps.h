/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* caps.h - the service "caps": what clients can do (XEP-0115, XEP-0390), asked of them when
 * somebody wants to know it, and believed of others only when the hash was checked. Provided
 * for each host by mod_caps. */
#pragma once

#include <tercet/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What one sender of presence can do; borrowed for the call or the callback. */
struct tct_caps;

/* TCT_OK and what the sender can do; TCT_ENOENT: its presence does not say, or it refused to
 * tell; TCT_ETIMEOUT: no answer; TCT_EFULL: too much is asked already. `caps` is NULL then. */
typedef void tct_caps_fn(struct tct_scope *scope, int status, const struct tct_caps *caps, void *data);

/* `m` is always the provider's instance, as tct_service() gave it. `presence` is an available
 * presence with a full `from`: tct_session_presence(), or one that came in. Append-only. */
struct tct_caps_ops {
	uint32_t size;
	/* What is known already; NULL: nothing, and nobody is asked. */
	const struct tct_caps *(*peek)(struct tct_mod *m, const struct tct_stanza *presence);
	/* Asks the sender if need be, then calls fn once, never inside this call. */
	void (*find)(struct tct_mod *m, struct tct_scope *scope, const struct tct_stanza *presence,
		tct_caps_fn *fn, void *data);
	bool (*has)(const struct tct_caps *caps, const char *feature);
	/* All features, sorted. */
	void (*each)(const struct tct_caps *caps, tct_feature_fn *fn, void *data);
};

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* service.h - what modules offer each other: a table of functions under a name. The first
 * member of every table is its size. A user depends on "@NAME" and so is loaded after the
 * provider and unloaded before it. */
#pragma once

#include <tercet/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In load(). `impl` names the provider ("internal_hashed"); `ops` must live as long as the
 * instance. A second provider of a service on one host fails the load, naming both. */
TCT_API void tct_provide(struct tct_mod *m, const char *service, const char *impl, const void *ops);
/* The table, and in *provider (may be NULL) the instance to pass to its functions; NULL
 * when nobody provides it on the host of `m` or globally. */
TCT_API const void *tct_service(struct tct_mod *m, const char *service, struct tct_mod **provider);

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* slots.h - what a module keeps per owner (a stream, a session, an entity): one block of
 * zeroed bytes of the size in its descriptor, and one scope. Made on first use, ended with
 * the owner or with the instance, whichever comes first: scope first, then the module's
 * destructor, then the memory. Owners have few of them, so a list is the fastest map. */
#pragma once

#include "core/base/scope.h"
#include "core/mod/module.h"

enum slots_kind { SLOTS_STREAM, SLOTS_SESSION, SLOTS_ENTITY };

struct slot;
struct slots {
	struct slot *first;
};

/* { 0 } is an empty set. */
void *slots_data(struct slots *slots, enum slots_kind kind, struct tct_mod *m);
/* NULL when there is no block yet. */
void *slots_peek(const struct slots *slots, const struct tct_mod *m);
struct tct_scope *slots_scope(struct slots *slots, enum slots_kind kind, struct tct_mod *m);
/* What the modules save of their blocks of a session, in fields "m.NAME". */
void slots_save(const struct slots *slots, struct tct_record *out);
/* The block of `m` as it was saved; nothing when it saved none. */
int slots_restore(struct slots *slots, enum slots_kind kind, struct tct_mod *m,
	const struct tct_value *saved);
/* True when some scope has something in it. */
bool slots_busy(const struct slots *slots);
/* Ends all, newest first. */
void slots_end(struct slots *slots);
/* Destroys the data blocks and keeps the scopes: what was derived from rows that were
 * rolled back. The next use finds a zeroed block. */
void slots_forget(struct slots *slots);

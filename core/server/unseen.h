/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* unseen.h - messages that no human sees now: those that are kept because no session took
 * them, and those that wait for a session whose client is away. Modules are told when what
 * the message wrote is on disk. Costs nothing while nobody asks for it. */
#pragma once

#include <tercet/session.h>

struct ticket;

/* All is borrowed; `s` is NULL with TCT_UNSEEN_STORED, `ticket` when there is nothing to wait
 * for. */
void unseen(struct tct_entity *e, struct tct_session *s, struct tct_stanza *st, uint32_t how,
	struct ticket *ticket);
/* True when somebody would be told. */
bool unseen_wanted(const struct tct_entity *e);

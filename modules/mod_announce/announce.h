/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* announce.h - what the files of mod_announce share. */
#pragma once

#include <tercet/command.h>
#include <tercet/module.h>

#include <sys/queue.h>

#define NS_ADMIN "http://jabber.org/protocol/admin"
#define NS_DATA "jabber:x:data"

struct announce_config {
	int64_t rate;
	int64_t size;
};

struct announcement;

struct announce {
	struct tct_kv *kv; /* "", id -> what goes to all and is not done */
	TAILQ_HEAD(, announcement) running;
	size_t count;
};

/* ---- send.c ---- */
/* Begins to send. TCT_EFULL: too many are on their way; TCT_ENOENT: nobody lists accounts. */
int announce_begin(struct tct_mod *m, const struct tct_jid *by, const char *subject,
	const char *text, bool all);
/* Adds an item to the form for each that is on its way. */
void announce_list(struct tct_mod *m, struct tct_elem *form);
/* Goes on with those that the last server was busy with. */
void announce_resume(struct tct_mod *m);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* push.h - what the files of mod_push share. A registration is a row of the store "push",
 * under a key of its own: the service's address and node, the form that goes with what is
 * published there, the resource of the client that registered, how often publishing failed. */
#pragma once

#include <tercet/module.h>

#define NS_PUSH "urn:xmpp:push:0"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_DATA "jabber:x:data"

#define PUSH_KEY_LEN 16

enum push_summary { SUMMARY_NONE, SUMMARY_COUNT, SUMMARY_SENDER, SUMMARY_BODY };

struct push_config {
	int64_t max_registrations;
	int64_t max_errors;
	int32_t summary;
};

struct push_data {
	struct tct_kv *kv; /* preloaded */
};

/* A registration whose client was called and has not come back since; known while its account
 * is in memory. */
struct push_called {
	struct push_called *next;
	char key[PUSH_KEY_LEN + 1];
};

struct push_entity {
	struct push_called *called;
};

/* ---- mod_push.c ---- */
/* The client of that registration is back, or there is no such registration any more. */
void push_forget_call(struct tct_mod *m, struct tct_entity *e, const char *key);

/* ---- register.c: what clients ask for ---- */
tct_stanza_fn push_on_enable, push_on_disable;

/* ---- rules.c ---- */
/* The message that is worth calling somebody: this one, or the one that it is a copy of;
 * NULL: it is not. */
const struct tct_elem *push_important(const struct tct_stanza *st);

/* ---- publish.c ---- */
/* What somebody is called for. */
struct push_cause {
	const struct tct_elem *message;
	const char *from; /* NULL: not known */
};
/* Calls the client of the registration `key`, whose row is `row`. */
void push_publish(struct tct_mod *m, struct tct_entity *e, const char *key,
	const struct tct_value *row, const struct push_cause *cause);
/* The row with another number of errors. */
void push_put(struct tct_mod *m, struct tct_txn *txn, const char *user, const char *key,
	const struct tct_value *row, int64_t errors);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* ask.c - the service: whoever wants to know what the sender of a presence can do waits for
 * the entry of what that presence says. One of those who say it is asked; when its answer has
 * the hash, that is what all of them can do (XEP-0115 section 5.4, XEP-0390 section 4.4). When
 * it has not, it is what that one can do, and the next one is asked. */
#include "modules/mod_caps/caps.h"

#include <stdlib.h>
#include <string.h>

#define ASKING_MAX 1000 /* questions that are open at once */

struct waiter {
	struct caps_link link; /* first; alone: in no list */
	const struct tct_jid *jid;
	char *node, *own;
	struct tct_scope *scope;
	tct_caps_fn *fn;
	void *data;
	/* When it is known already, and only has to be said later. */
	int status;
	struct tct_caps *caps;
};

static void ask_next(struct tct_mod *m, struct caps_entry *entry);

static void unlink_waiter(struct waiter *w)
{
	w->link.prev->next = w->link.next;
	w->link.next->prev = w->link.prev;
	w->link.next = w->link.prev = &w->link;
}

static void waiter_fini(void *block)
{
	struct waiter *w = block;

	unlink_waiter(w);
	caps_unref(w->caps);
	tct_jid_unref(w->jid);
	free(w->node);
	free(w->own);
}

static struct waiter *waiter_new(struct tct_scope *scope, tct_caps_fn *fn, void *data)
{
	struct waiter *w = tct_scope_alloc(scope, sizeof *w, waiter_fini);

	w->link.next = w->link.prev = &w->link;
	w->scope = scope;
	w->fn = fn;
	w->data = data;
	return w;
}

/* The last that is heard of the waiter. */
static void tell(struct waiter *w, int status, struct tct_caps *caps)
{
	struct tct_scope *scope = w->scope;
	tct_caps_fn *fn = w->fn;
	void *data = w->data;

	if (caps != NULL)
		caps->refs++;
	tct_scope_free(w);
	fn(scope, status, caps, data);
	caps_unref(caps);
}

static void tell_now(struct tct_scope *scope, void *data)
{
	struct waiter *w = data;

	(void)scope;
	tell(w, w->status, w->caps);
}

static void tell_later(struct tct_scope *scope, int status, struct tct_caps *caps, tct_caps_fn *fn,
	void *data)
{
	struct waiter *w = waiter_new(scope, fn, data);

	w->status = status;
	w->caps = caps;
	if (caps != NULL)
		caps->refs++;
	tct_timer_start(scope, 0, 0, tell_now, w);
}

/* ---- the answer ---- */

/* Does the answer have the hash that was announced? */
static bool verified(const struct caps_entry *entry, const struct tct_elem *query)
{
	char *text = entry->version == 1 ? caps_text_1(query) : caps_text_2(query);
	char hash[CAPS_HASH_SIZE];
	bool ok = text != NULL && caps_hash(entry->algorithm, text, hash) &&
		strcmp(hash, entry->hash) == 0;

	free(text);
	return ok;
}

static void tell_all(struct tct_mod *m, struct caps_entry *entry, struct tct_caps *caps)
{
	struct caps_link all = { &all, &all };

	if (entry->waiters.next != &entry->waiters) {
		all = entry->waiters;
		all.next->prev = all.prev->next = &all;
		entry->waiters.next = entry->waiters.prev = &entry->waiters;
	}
	caps_keep(m, entry, caps);
	caps->refs++; /* what is told may push the entry out */
	caps_shrink(m);
	while (all.next != &all)
		tell((struct waiter *)all.next, TCT_OK, caps);
	caps_unref(caps);
}

/* What one says that cannot be checked is believed of itself alone. */
static void keep_own(struct tct_mod *m, const char *own, struct tct_caps *caps)
{
	struct caps *data = tct_mod_data(m);
	struct caps_entry *entry = caps_find(data, own);

	if (entry != NULL && entry->caps == NULL)
		return;
	if (entry != NULL)
		caps_remove(data, entry);
	entry = caps_add(m, own);
	caps->refs++;
	caps_keep(m, entry, caps);
	caps_shrink(m);
}

/* The waiters for the one that was asked; the others go on waiting. */
static void tell_asked(struct tct_mod *m, struct caps_entry *entry, int status, struct tct_caps *caps)
{
	struct caps_link mine = { &mine, &mine }, *next;

	for (struct caps_link *l = entry->waiters.next; l != &entry->waiters; l = next) {
		struct waiter *w = (struct waiter *)l;

		next = l->next;
		if (!tct_jid_equal(w->jid, entry->asked))
			continue;
		unlink_waiter(w);
		l->prev = mine.prev;
		l->next = &mine;
		mine.prev->next = l;
		mine.prev = l;
	}
	while (mine.next != &mine) {
		struct waiter *w = (struct waiter *)mine.next;

		if (caps != NULL)
			keep_own(m, w->own, caps);
		tell(w, status, caps);
	}
}

static void answered(struct tct_scope *scope, struct tct_stanza *answer, void *data)
{
	struct tct_mod *m = tct_scope_mod(scope);
	struct caps_entry *entry = data;
	const struct tct_elem *query = NULL;
	struct tct_caps *known;

	if (answer != NULL && tct_stanza_type(answer) == TCT_IQ_RESULT)
		query = tct_child(tct_stanza_root(answer), NS_INFO, "query");
	known = query != NULL ? caps_new(query) : NULL;
	((struct caps *)tct_mod_data(m))->asking--;
	/* What cannot be checked has an entry of this sender's own. */
	if (known != NULL && (entry->hash == NULL || verified(entry, query))) {
		tell_all(m, entry, known);
		return;
	}
	if (known != NULL)
		tct_log_debug(m, "the capabilities of '%s' do not have the hash it announced",
			tct_jid_text(entry->asked));
	tell_asked(m, entry, known != NULL ? TCT_OK : answer != NULL ? TCT_ENOENT : TCT_ETIMEOUT,
		known);
	caps_unref(known);
	ask_next(m, entry);
}

/* ---- the question ---- */

/* Asks for the one that has waited longest; an entry for which nobody waits goes. */
static void ask_next(struct tct_mod *m, struct caps_entry *entry)
{
	const struct caps_config *config = tct_mod_config(m);
	struct caps *caps = tct_mod_data(m);
	struct waiter *w = (struct waiter *)entry->waiters.next;
	struct tct_stanza *st;
	struct tct_elem *query;

	if (entry->waiters.next == &entry->waiters) {
		caps_remove(caps, entry);
		return;
	}
	caps->asking++;
	tct_jid_unref(entry->asked);
	entry->asked = tct_jid_ref(w->jid);
	st = tct_stanza_new(TCT_IQ_GET, tct_mod_jid(m), w->jid, NULL);
	query = tct_add(tct_stanza_root(st), NS_INFO, "query");
	tct_set(query, "node", w->node);
	tct_iq_send(tct_mod_scope(m), st, config->timeout, answered, entry);
}

static struct caps_entry *look_up(struct caps *caps, const struct caps_said *said)
{
	struct caps_entry *entry = said->key != NULL ? caps_find(caps, said->key) : NULL;

	if (entry == NULL || entry->caps == NULL) {
		struct caps_entry *own = caps_find(caps, said->own);

		if (own != NULL && (own->caps != NULL || entry == NULL))
			return own;
	}
	return entry;
}

const struct tct_caps *caps_peek(struct tct_mod *m, const struct tct_stanza *presence)
{
	struct caps *caps = tct_mod_data(m);
	struct caps_entry *entry = NULL;
	struct caps_said said;

	if (caps_said_read(&said, presence))
		entry = look_up(caps, &said);
	caps_said_fini(&said);
	if (entry == NULL || entry->caps == NULL)
		return NULL;
	caps_used(caps, entry);
	return entry->caps;
}

static struct caps_entry *entry_for(struct tct_mod *m, const struct caps_said *said)
{
	struct caps_entry *entry = caps_add(m, said->key != NULL ? said->key : said->own);

	entry->version = said->version;
	if (said->key == NULL)
		return entry;
	entry->algorithm = strdup(said->algorithm);
	entry->hash = strdup(said->hash);
	if (entry->algorithm == NULL || entry->hash == NULL)
		abort();
	return entry;
}

static void wait_for(struct caps_entry *entry, struct waiter *w, struct caps_said *said)
{
	struct caps_link *l = &w->link;

	w->jid = tct_jid_ref(said->from);
	w->node = said->node;
	w->own = said->own;
	said->node = said->own = NULL;
	l->prev = entry->waiters.prev;
	l->next = &entry->waiters;
	entry->waiters.prev->next = l;
	entry->waiters.prev = l;
}

void caps_ask(struct tct_mod *m, struct tct_scope *scope, const struct tct_stanza *presence,
	tct_caps_fn *fn, void *data)
{
	struct caps *caps = tct_mod_data(m);
	struct caps_entry *entry;
	struct caps_said said;
	bool ask = false;

	if (!caps_said_read(&said, presence)) {
		tell_later(scope, TCT_ENOENT, NULL, fn, data);
	} else if ((entry = look_up(caps, &said)) != NULL && entry->caps != NULL) {
		caps_used(caps, entry);
		tell_later(scope, TCT_OK, entry->caps, fn, data);
	} else if (entry == NULL && caps->asking >= ASKING_MAX) {
		tell_later(scope, TCT_EFULL, NULL, fn, data);
	} else {
		ask = entry == NULL;
		if (ask)
			entry = entry_for(m, &said);
		wait_for(entry, waiter_new(scope, fn, data), &said);
		if (ask)
			ask_next(m, entry);
	}
	caps_said_fini(&said);
}

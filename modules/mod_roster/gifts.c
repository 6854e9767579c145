/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* gifts.c - contacts that an account did not ask for itself: what is lent (shared groups)
 * changes the map alone, what is stored (invitations) the rows too. Either way those who
 * asked for the roster get a push, and who watches is told. */
#include "modules/mod_roster/roster.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_BITS (TCT_ROSTER_TO | TCT_ROSTER_FROM)
#define STORED_BITS (SEEN_BITS | TCT_ROSTER_OUT | TCT_ROSTER_APPROVED)
#define SOURCE_MAX 64

/* What is done about one gift. */
struct change {
	struct tct_mod *m;
	struct tct_event *ev;
	struct tct_txn *txn; /* of one's own; NULL when `ev` is there or nothing is written */
	struct tct_entity *e;
	struct roster *roster;
	const struct tct_jid *contact; /* bare; counted */
	uint32_t before;
	bool quiet;
};

static char *copy_of(const char *text)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (text != NULL && copy == NULL)
		abort();
	return copy;
}

static void change_begin(struct change *c, struct tct_mod *m, struct tct_event *ev,
	struct tct_entity *e, const struct tct_jid *contact)
{
	const struct roster_item *item;

	*c = (struct change){ .m = m, .ev = ev, .e = e, .roster = roster_get(m, e),
		.contact = tct_jid_bare(contact) };
	item = roster_find(c->roster, c->contact);
	c->before = (item != NULL ? item->state : 0) & ROSTER_SUBSCRIPTION;
}

/* Where the rows of a change go. */
static struct tct_txn *change_txn(struct change *c)
{
	if (c->ev != NULL)
		return tct_event_txn(c->ev);
	if (c->txn == NULL)
		c->txn = tct_txn_new(c->m);
	return c->txn;
}

/* ---- after it was written ---- */

struct told {
	struct tct_mod *m;
	struct tct_entity *e;
	const struct tct_jid *contact;
	uint32_t before, after;
	struct told *other; /* of the other account, in its own scope; NULL */
};

static void told_fini(void *block)
{
	struct told *t = block;

	tct_jid_unref(t->contact);
}

static void on_disk(struct tct_scope *scope, int status, void *data)
{
	struct told *t = data;

	if (t->other != NULL)
		on_disk(scope, status, t->other);
	if (status == TCT_OK && t->before != t->after)
		roster_changed(t->m, NULL, t->e, t->contact, t->before, t->after);
	tct_scope_free(t);
}

static struct told *told_new(const struct change *c, uint32_t after)
{
	struct tct_scope *scope = tct_entity_scope(c->m, c->e);
	struct told *t = tct_scope_alloc(scope, sizeof *t, told_fini);

	t->m = c->m;
	t->e = c->e;
	t->contact = tct_jid_ref(c->contact);
	t->before = c->before;
	t->after = after;
	return t;
}

static void submit(struct change *c, uint32_t after)
{
	tct_txn_submit(tct_entity_scope(c->m, c->e), c->txn, on_disk, told_new(c, after));
}

/* Tells everybody; `shown`: the item that clients see may differ. */
static void change_end(struct change *c, bool shown)
{
	struct roster_item *item = roster_find(c->roster, c->contact);
	uint32_t after = (item != NULL ? item->state : 0) & ROSTER_SUBSCRIPTION;

	if (shown && !c->quiet && item != NULL)
		roster_push(c->m, c->ev, c->txn, c->e, item);
	if (c->txn != NULL && c->quiet)
		tct_txn_submit(NULL, c->txn, NULL, NULL);
	else if (c->txn != NULL)
		submit(c, after);
	else if (c->before != after && !c->quiet)
		roster_changed(c->m, c->ev, c->e, c->contact, c->before, after);
	tct_jid_unref(c->contact);
}

/* ---- giving ---- */

static bool acceptable(const struct tct_entity *e, const struct tct_jid *contact,
	const struct tct_roster_gift *g)
{
	uint32_t bits = (g->flags & TCT_ROSTER_STORED) != 0 ? STORED_BITS : SEEN_BITS;

	return g->size >= sizeof *g && g->source != NULL && g->source[0] != '\0' &&
		strlen(g->source) <= SOURCE_MAX && (g->state & ~bits) == 0 &&
		(g->name == NULL || strlen(g->name) <= ROSTER_NAME_MAX) &&
		(g->group == NULL ||
			(g->group[0] != '\0' && strlen(g->group) <= ROSTER_NAME_MAX)) &&
		!tct_jid_equal_bare(contact, tct_entity_jid(e)) &&
		tct_entity_user(e)[0] != '\0';
}

static void lend(struct change *c, const struct tct_roster_gift *from)
{
	struct roster_item *item = roster_find(c->roster, c->contact);
	struct roster_gift *gift = calloc(1, sizeof *gift);

	if (gift == NULL)
		abort();
	gift->source = copy_of(from->source);
	gift->name = copy_of(from->name);
	gift->group = copy_of(from->group);
	gift->state = from->state;
	if (item == NULL)
		item = roster_add(c->roster, c->contact);
	roster_lend(c->roster, item, gift);
}

static void add_group(struct roster_item *item, const char *group)
{
	size_t len = strlen(group) + 1;
	char *groups;

	for (size_t at = 0; at < item->groups_len; at += strlen(item->groups + at) + 1) {
		if (strcmp(item->groups + at, group) == 0)
			return;
	}
	groups = realloc(item->groups, item->groups_len + len);
	if (groups == NULL)
		abort();
	memcpy(groups + item->groups_len, group, len);
	item->groups = groups;
	item->groups_len += len;
}

static bool has_room(const struct change *c)
{
	const struct roster_config *config = tct_mod_config(c->m);
	const struct roster_item *item = roster_find(c->roster, c->contact);

	return (item != NULL && (item->own & TCT_ROSTER_LISTED) != 0) ||
		c->roster->listed < (size_t)config->max_contacts;
}

static int store(struct change *c, const struct tct_roster_gift *gift)
{
	struct roster_item *item = roster_find(c->roster, c->contact);
	uint32_t own = item != NULL ? item->own : 0, after;

	if (!has_room(c))
		return TCT_EFULL;
	if (item == NULL)
		item = roster_add(c->roster, c->contact);
	after = own | gift->state | TCT_ROSTER_LISTED;
	if ((after & TCT_ROSTER_TO) != 0)
		after &= ~(uint32_t)TCT_ROSTER_OUT;
	if ((after & TCT_ROSTER_FROM) != 0)
		after &= ~(uint32_t)TCT_ROSTER_IN;
	if ((own & ~after & TCT_ROSTER_IN) != 0)
		roster_request_delete(c->m, change_txn(c), c->e, c->contact);
	/* A contact that was there already stays the account's own. */
	if ((own & TCT_ROSTER_LISTED) == 0)
		roster_set_source(item, gift->source);
	if (item->name == NULL && gift->name != NULL)
		item->name = copy_of(gift->name);
	if (gift->group != NULL)
		add_group(item, gift->group);
	roster_set_own(c->roster, item, after);
	roster_write(c->m, change_txn(c), c->e, c->roster, item);
	return TCT_OK;
}

int roster_give(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, const struct tct_roster_gift *gift)
{
	struct change c;
	int status = TCT_OK;

	if (!acceptable(e, contact, gift))
		return TCT_EINVAL;
	change_begin(&c, m, ev, e, contact);
	c.quiet = (gift->flags & TCT_ROSTER_QUIET) != 0;
	if ((gift->flags & TCT_ROSTER_STORED) == 0)
		lend(&c, gift);
	else
		status = store(&c, gift);
	change_end(&c, status == TCT_OK);
	return status;
}

/* ---- two accounts ---- */

/* Stores it, and pushes; says what is to be told. */
static struct told *join(struct change *c, struct tct_txn *txn,
	const struct tct_roster_gift *gift)
{
	const struct roster_item *item;

	c->txn = txn;
	store(c, gift);
	item = roster_find(c->roster, c->contact);
	roster_push(c->m, NULL, txn, c->e, item);
	return told_new(c, item->state & ROSTER_SUBSCRIPTION);
}

int roster_introduce(struct tct_mod *m, struct tct_entity *a, struct tct_entity *b,
	const char *source)
{
	struct tct_roster_gift gift = TCT_ROSTER_GIFT_INIT;
	struct change of_a, of_b;
	int status = TCT_EFULL;

	gift.flags = TCT_ROSTER_STORED;
	gift.state = SEEN_BITS;
	gift.source = source;
	if (!acceptable(a, tct_entity_jid(b), &gift) || !acceptable(b, tct_entity_jid(a), &gift))
		return TCT_EINVAL;
	change_begin(&of_a, m, NULL, a, tct_entity_jid(b));
	change_begin(&of_b, m, NULL, b, tct_entity_jid(a));
	if (has_room(&of_a) && has_room(&of_b)) {
		struct tct_txn *txn = tct_txn_new(m);
		struct told *told = join(&of_a, txn, &gift);

		told->other = join(&of_b, txn, &gift);
		tct_txn_submit(tct_entity_scope(m, a), txn, on_disk, told);
		status = TCT_OK;
	}
	tct_jid_unref(of_a.contact);
	tct_jid_unref(of_b.contact);
	return status;
}

/* ---- taking back ---- */

static bool take_stored(struct change *c, const char *source)
{
	struct roster_item *item = roster_find(c->roster, c->contact);

	if (item == NULL || item->source == NULL || strcmp(item->source, source) != 0)
		return false;
	roster_set_text(item, NULL, NULL, 0);
	roster_set_source(item, NULL);
	roster_set_own(c->roster, item, item->own & TCT_ROSTER_IN);
	roster_write(c->m, change_txn(c), c->e, c->roster, item);
	return true;
}

int roster_take(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, const char *source, const char *group)
{
	struct roster_item *item;
	struct change c;
	bool found;

	change_begin(&c, m, ev, e, contact);
	item = roster_find(c.roster, c.contact);
	if (item == NULL) {
		tct_jid_unref(c.contact);
		return TCT_ENOENT;
	}
	/* Kept while it is looked at, and until its end was pushed. */
	roster_hold(item);
	found = roster_unlend(c.roster, item, source, group);
	found = take_stored(&c, source) || found;
	change_end(&c, found);
	roster_unhold(c.roster, item);
	return found ? TCT_OK : TCT_ENOENT;
}

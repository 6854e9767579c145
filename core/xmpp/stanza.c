/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stanza.c - see stanza.h and <tercet/stanza.h>. */
#include "core/xmpp/stanza.h"

#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/xmpp/payload.h"

#include <stdlib.h>
#include <string.h>

#define NS_CLIENT "jabber:client"
#define NS_XML "http://www.w3.org/XML/1998/namespace"

static const char *const kind_names[TCT_KINDS] = { "message", "presence", "iq" };

static const struct {
	uint32_t type;
	uint8_t kind;
	const char *name; /* NULL: no attribute */
} types[] = {
	{ TCT_MESSAGE_CHAT, TCT_MESSAGE, "chat" },
	{ TCT_MESSAGE_NORMAL, TCT_MESSAGE, NULL },
	{ TCT_MESSAGE_NORMAL, TCT_MESSAGE, "normal" },
	{ TCT_MESSAGE_GROUPCHAT, TCT_MESSAGE, "groupchat" },
	{ TCT_MESSAGE_HEADLINE, TCT_MESSAGE, "headline" },
	{ TCT_MESSAGE_ERROR, TCT_MESSAGE, "error" },
	{ TCT_PRESENCE_AVAILABLE, TCT_PRESENCE, NULL },
	{ TCT_PRESENCE_UNAVAILABLE, TCT_PRESENCE, "unavailable" },
	{ TCT_PRESENCE_SUBSCRIBE, TCT_PRESENCE, "subscribe" },
	{ TCT_PRESENCE_SUBSCRIBED, TCT_PRESENCE, "subscribed" },
	{ TCT_PRESENCE_UNSUBSCRIBE, TCT_PRESENCE, "unsubscribe" },
	{ TCT_PRESENCE_UNSUBSCRIBED, TCT_PRESENCE, "unsubscribed" },
	{ TCT_PRESENCE_PROBE, TCT_PRESENCE, "probe" },
	{ TCT_PRESENCE_ERROR, TCT_PRESENCE, "error" },
	{ TCT_IQ_GET, TCT_IQ, "get" },
	{ TCT_IQ_SET, TCT_IQ, "set" },
	{ TCT_IQ_RESULT, TCT_IQ, "result" },
	{ TCT_IQ_ERROR, TCT_IQ, "error" },
};
#define TYPES (sizeof types / sizeof *types)

const char *stanza_type_name(uint32_t type)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].type == type)
			return types[i].name;
	}
	return NULL;
}

static uint8_t kind_of(uint32_t type)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].type == type)
			return types[i].kind;
	}
	tct_assert(!"a stanza type");
	return 0;
}

/* 0: no such type for that kind. */
static uint32_t type_find(uint8_t kind, const char *name)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].kind != kind)
			continue;
		if (name == NULL ? types[i].name == NULL :
				   types[i].name != NULL && strcmp(types[i].name, name) == 0)
			return types[i].type;
	}
	return 0;
}

/* ---- making ---- */

struct tct_stanza *tct_stanza_new(uint32_t type, const struct tct_jid *from,
	const struct tct_jid *to, const char *id)
{
	struct tct_stanza *st = mem_zalloc(sizeof *st);

	st->refs = 1;
	st->type = type;
	st->kind = kind_of(type);
	st->from = tct_jid_ref(from);
	st->to = tct_jid_ref(to);
	st->root = elem_new(&st->arena, NS_CLIENT, kind_names[st->kind]);
	if (id != NULL)
		st->id = arena_strdup(&st->arena, id);
	return st;
}

struct tct_stanza *tct_message_new(const struct tct_jid *from, const struct tct_jid *to,
	const char *type)
{
	uint32_t t = type != NULL ? type_find(TCT_MESSAGE, type) : 0;
	char id[17];

	tct_random_id(id, sizeof id - 1);
	return tct_stanza_new(t != 0 ? t : TCT_MESSAGE_NORMAL, from, to, id);
}

/* Takes an attribute without namespace out of the root. */
static const char *take_attr(struct tct_elem *root, const char *ns, const char *name)
{
	for (struct elem_attr **at = &root->attrs; *at != NULL; at = &(*at)->next) {
		struct elem_attr *a = *at;

		if (strcmp(a->name, name) != 0 || (a->ns == NULL) != (ns == NULL) ||
			(ns != NULL && strcmp(a->ns, ns) != 0))
			continue;
		*at = a->next;
		return a->value;
	}
	return NULL;
}

static const struct tct_jid *take_jid(struct tct_elem *root, const char *name, uint32_t *problem)
{
	const char *text = take_attr(root, NULL, name);
	const struct tct_jid *jid;

	if (text == NULL)
		return NULL;
	jid = tct_jid_new(text);
	if (jid == NULL)
		*problem = TCT_JID_MALFORMED;
	return jid;
}

struct tct_stanza *stanza_from_elem(struct arena *a, struct tct_elem *root, uint32_t *problem)
{
	struct tct_stanza *st = mem_zalloc(sizeof *st);
	const char *type;

	*problem = 0;
	st->refs = 1;
	st->arena = *a;
	arena_init(a);
	elem_move(root, &st->arena);
	st->root = root;
	for (st->kind = 0; st->kind < TCT_KINDS; st->kind++) {
		if (strcmp(tct_elem_name(root), kind_names[st->kind]) == 0)
			break;
	}
	tct_assert(st->kind < TCT_KINDS);
	type = take_attr(root, NULL, "type");
	st->type = type_find(st->kind, type);
	if (st->type == 0 && st->kind == TCT_MESSAGE)
		st->type = TCT_MESSAGE_NORMAL; /* RFC 6121 5.2.2 */
	if (st->type == 0) {
		*problem = TCT_BAD_REQUEST;
		st->type = st->kind == TCT_IQ ? TCT_IQ_GET : TCT_PRESENCE_AVAILABLE;
	}
	st->id = (char *)take_attr(root, NULL, "id");
	st->lang = (char *)take_attr(root, NS_XML, "lang");
	st->from = take_jid(root, "from", problem);
	st->to = take_jid(root, "to", problem);
	return st;
}

/* Freed views are kept for the next, linked by their base. */
static struct tct_stanza *spare;
static unsigned spare_count;
#define SPARE_MAX 1024

static struct tct_stanza *view_new(void)
{
	struct tct_stanza *v = spare;

	if (v == NULL)
		return mem_zalloc(sizeof *v);
	spare = v->base;
	spare_count--;
	memset(v, 0, sizeof *v);
	return v;
}

static void view_free(struct tct_stanza *v)
{
	if (spare_count == SPARE_MAX) {
		free(v);
		return;
	}
	v->base = spare;
	spare = v;
	spare_count++;
}

/* Whose header is the same but for `to`: written once for all. */
static bool same_head(const struct tct_stanza *v, const struct tct_stanza *st, const char *id)
{
	return id == NULL && v->from == st->from && v->type == st->type;
}

struct tct_stanza *stanza_view(struct tct_stanza *st, const struct tct_overlay *o)
{
	struct tct_stanza *base = st->base != NULL ? st->base : st, *v;
	const char *id = o != NULL ? o->id : NULL;

	stanza_freeze(st);
	stanza_payload(st); /* made once, on the base */
	v = view_new();
	v->refs = 1;
	v->frozen = true;
	v->base = tct_stanza_ref(base);
	v->root = st->root;
	v->payload = base->payload;
	v->type = o != NULL && o->type != 0 ? o->type : st->type;
	v->kind = st->kind;
	v->from = tct_jid_ref(o != NULL && o->from != NULL ? o->from : st->from);
	v->to = tct_jid_ref(o != NULL && o->to != NULL ? o->to : st->to);
	v->lang = st->lang;
	v->id = st->id;
	v->own_id = id != NULL || (st->own_id && st->id != NULL);
	if (v->own_id)
		v->id = mem_strdup(id != NULL ? id : st->id);
	if (same_head(v, st, id))
		v->head = payload_ref(stanza_head(st));
	return v;
}

static struct tct_stanza *copy_into(const struct tct_stanza *st, size_t room)
{
	struct tct_stanza *copy = mem_zalloc(sizeof *copy);

	if (room > 0)
		arena_reserve(&copy->arena, room);
	copy->refs = 1;
	copy->type = st->type;
	copy->kind = st->kind;
	copy->from = tct_jid_ref(st->from);
	copy->to = tct_jid_ref(st->to);
	copy->root = elem_copy(&copy->arena, st->root);
	if (st->id != NULL)
		copy->id = arena_strdup(&copy->arena, st->id);
	if (st->lang != NULL)
		copy->lang = arena_strdup(&copy->arena, st->lang);
	return copy;
}

struct tct_stanza *tct_stanza_dup(const struct tct_stanza *st)
{
	return copy_into(st, 0);
}

struct tct_stanza *stanza_compact(struct tct_stanza *st)
{
	size_t used = arena_used(elem_arena(st->root));
	struct tct_stanza *copy;

	if (used >= ARENA_CHUNK / 2) {
		stanza_freeze(st);
		return tct_stanza_ref(st);
	}
	copy = copy_into(st, used);
	stanza_freeze(copy);
	return copy;
}

struct tct_stanza *tct_stanza_ref(struct tct_stanza *st)
{
	st->refs++;
	return st;
}

void tct_stanza_unref(struct tct_stanza *st)
{
	if (st == NULL || --st->refs > 0)
		return;
	tct_jid_unref(st->from);
	tct_jid_unref(st->to);
	if (st->payload != NULL && st->base == NULL)
		payload_unref(st->payload);
	if (st->head != NULL)
		payload_unref(st->head);
	if (st->base != NULL) {
		if (st->own_id)
			free(st->id);
		tct_stanza_unref(st->base); /* a base is no view: one step */
		view_free(st);
		return;
	}
	arena_fini(&st->arena);
	free(st);
}

void stanza_freeze(struct tct_stanza *st)
{
	st->frozen = true;
}

bool stanza_shared(const struct tct_stanza *st)
{
	return st->refs > 1 || st->base != NULL || st->payload != NULL;
}

size_t stanza_size(const struct tct_stanza *st)
{
	return sizeof *st + st->arena.total;
}

/* ---- header ---- */

uint32_t tct_stanza_kind(const struct tct_stanza *st)
{
	return st->kind;
}

uint32_t tct_stanza_type(const struct tct_stanza *st)
{
	return st->type;
}

const char *tct_stanza_id(const struct tct_stanza *st)
{
	return st->id;
}

const char *tct_stanza_lang(const struct tct_stanza *st)
{
	return st->lang;
}

const struct tct_jid *tct_stanza_from(const struct tct_stanza *st)
{
	return st->from;
}

const struct tct_jid *tct_stanza_to(const struct tct_stanza *st)
{
	return st->to;
}

struct tct_elem *tct_stanza_root(const struct tct_stanza *st)
{
	return st->root;
}

struct tct_elem *tct_stanza_payload(const struct tct_stanza *st)
{
	return tct_elem_first(st->root);
}

/* A header that was written already is not this one any more. */
static void forget_head(struct tct_stanza *st)
{
	if (st->head != NULL)
		payload_unref(st->head);
	st->head = NULL;
}

static void replace(const struct tct_jid **field, const struct tct_jid *jid)
{
	tct_jid_ref(jid);
	tct_jid_unref(*field);
	*field = jid;
}

void tct_stanza_set_from(struct tct_stanza *st, const struct tct_jid *from)
{
	forget_head(st);
	replace(&st->from, from);
}

void tct_stanza_set_to(struct tct_stanza *st, const struct tct_jid *to)
{
	replace(&st->to, to);
}

void tct_stanza_set_id(struct tct_stanza *st, const char *id)
{
	tct_assert(st->base == NULL);
	forget_head(st);
	st->id = id != NULL ? arena_strdup(&st->arena, id) : NULL;
}

void tct_stanza_set_lang(struct tct_stanza *st, const char *lang)
{
	tct_assert(st->base == NULL);
	forget_head(st);
	st->lang = lang != NULL ? arena_strdup(&st->arena, lang) : NULL;
}

struct tct_elem *tct_add_stanza(struct tct_elem *parent, const struct tct_stanza *st)
{
	struct tct_elem *e = tct_add_copy(parent, st->root);

	tct_set(e, "type", stanza_type_name(st->type));
	tct_set(e, "to", st->to != NULL ? tct_jid_text(st->to) : NULL);
	tct_set(e, "from", st->from != NULL ? tct_jid_text(st->from) : NULL);
	tct_set(e, "id", st->id);
	tct_set_ns(e, NS_XML, "lang", st->lang);
	return e;
}

struct tct_stanza *tct_stanza_result(const struct tct_stanza *st)
{
	tct_assert(st->kind == TCT_IQ);
	return tct_stanza_new(TCT_IQ_RESULT, st->to, st->from, st->id);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* slots.c - see slots.h. */
#include "core/server/slots.h"

#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	struct slot *next;
	struct slots *owner;
	struct tct_mod *mod;
	struct scope_node in_mod; /* in the instance's scope: unload ends the slot */
	struct tct_scope scope;
	uint8_t kind;
	bool has_data;
	_Alignas(16) char data[];
};

static size_t data_size(enum slots_kind kind, const struct tct_mod *m)
{
	switch (kind) {
	case SLOTS_STREAM:
		return m->info->stream_size;
	case SLOTS_SESSION:
		return m->info->session_size;
	case SLOTS_ENTITY:
		return m->info->entity_size;
	}
	return 0;
}

static void destroy(struct slot *s)
{
	void (*end)(struct tct_mod *, void *) = NULL;

	if (s->kind == SLOTS_STREAM)
		end = s->mod->info->stream_end;
	else if (s->kind == SLOTS_SESSION)
		end = s->mod->info->session_end;
	else
		end = s->mod->info->entity_end;
	scope_remove(&s->in_mod);
	scope_end(&s->scope);
	if (s->has_data && end != NULL) {
		mod_enter(s->mod);
		end(s->mod, s->data);
		mod_leave(s->mod);
	}
	free(s);
}

static void instance_ends(struct scope_node *node)
{
	struct slot *s = list_entry(node, struct slot, in_mod);
	struct slot **at = &s->owner->first;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	destroy(s);
}

static struct slot *find(const struct slots *slots, const struct tct_mod *m)
{
	struct slot *s = slots->first;

	while (s != NULL && s->mod != m)
		s = s->next;
	return s;
}

static struct slot *get(struct slots *slots, enum slots_kind kind, struct tct_mod *m)
{
	struct slot *s = find(slots, m);

	if (s != NULL)
		return s;
	s = mem_zalloc(sizeof *s + data_size(kind, m));
	s->owner = slots;
	s->mod = m;
	s->kind = (uint8_t)kind;
	s->next = slots->first;
	slots->first = s;
	scope_init(&s->scope, m);
	scope_add(&m->scope, &s->in_mod, instance_ends);
	return s;
}

void *slots_data(struct slots *slots, enum slots_kind kind, struct tct_mod *m)
{
	struct slot *s = get(slots, kind, m);

	s->has_data = true;
	return s->data;
}

void *slots_peek(const struct slots *slots, const struct tct_mod *m)
{
	struct slot *s = find(slots, m);

	return s != NULL && s->has_data ? s->data : NULL;
}

struct tct_scope *slots_scope(struct slots *slots, enum slots_kind kind, struct tct_mod *m)
{
	return &get(slots, kind, m)->scope;
}

static void field_name(const struct tct_mod *m, char name[64])
{
	snprintf(name, 64, "m.%s", m->name);
}

void slots_save(const struct slots *slots, struct tct_record *out)
{
	for (const struct slot *s = slots->first; s != NULL; s = s->next) {
		struct tct_record *r;
		struct tct_value v;
		char name[64];

		if (!s->has_data || s->mod->info->session_save == NULL)
			continue;
		r = tct_record_new();
		mod_enter(s->mod);
		if (s->mod->info->session_save(s->mod, s->data, r) == TCT_OK) {
			field_name(s->mod, name);
			v = tct_record_value(r);
			tct_record_set_bytes(out, name, v.bytes.data, v.bytes.len);
		}
		mod_leave(s->mod);
		tct_record_free(r);
	}
}

int slots_restore(struct slots *slots, enum slots_kind kind, struct tct_mod *m,
	const struct tct_value *saved)
{
	struct tct_value v;
	char name[64];
	void *data;
	int status;

	field_name(m, name);
	if (m->info->session_restore == NULL || !tct_record_find(saved, name, &v))
		return TCT_OK;
	v.kind = TCT_VALUE_RECORD;
	data = slots_data(slots, kind, m);
	mod_enter(m);
	status = m->info->session_restore(m, data, &v);
	mod_leave(m);
	return status;
}

bool slots_busy(const struct slots *slots)
{
	for (const struct slot *s = slots->first; s != NULL; s = s->next) {
		if (!scope_empty(&s->scope))
			return true;
	}
	return false;
}

void slots_end(struct slots *slots)
{
	while (slots->first != NULL) {
		struct slot *s = slots->first;

		slots->first = s->next;
		destroy(s);
	}
}

void slots_forget(struct slots *slots)
{
	for (struct slot *s = slots->first; s != NULL; s = s->next) {
		void (*end)(struct tct_mod *, void *) = s->mod->info->entity_end;

		if (!s->has_data)
			continue;
		if (end != NULL && s->kind == SLOTS_ENTITY)
			end(s->mod, s->data);
		memset(s->data, 0, data_size(s->kind, s->mod));
		s->has_data = false;
	}
}

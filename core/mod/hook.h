/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* hook.h - who is called for what: one set of registrations per host, and one for global
 * instances whose registrations count for every host. The public registration functions of
 * <tercet/event.h> and <tercet/internal/stream.h> are made here; the server layer asks
 * "who is next". A registration belongs to its instance: when the instance's scope ends,
 * all of its registrations go. Knows sessions, entities and streams only as names.
 *
 * A chain is an array sorted by priority (highest first), module rank, order of
 * registration. A dispatch keeps a cursor, not the array (engineering: suspended chains
 * outlive reloads): when nothing changed it is an index, otherwise the place behind the
 * handler called last is looked up again. Loop thread. */
#pragma once

#include "core/base/list.h"
#include "core/base/vec.h"

#include <tercet/disco.h>
#include <tercet/internal/stream.h>

struct hook {
	struct tct_mod *mod;
	tct_stanza_fn *fn;
	uint32_t causes, types;
	int prio;
	uint32_t rank, seq;
};

struct hook_iq {
	struct tct_mod *mod;
	tct_stanza_fn *fn;
	uint32_t types, targets; /* targets with the bits of access */
	const char *ns, *name;   /* of the registry of names */
};

struct hook_notice {
	struct tct_mod *mod;
	union {
		tct_session_fn *session;
		tct_entity_fn *entity;
		tct_unseen_fn *unseen;
		tct_unwanted_fn *unwanted;
		tct_prepare_fn *prepare;
	};
	uint32_t rank, seq;
};

struct hook_nonza {
	struct tct_mod *mod;
	tcti_nonza_fn *fn;
	const char *ns, *name;
	uint32_t kinds; /* of streams, TCTI_KIND */
};

struct hook_features {
	struct tct_mod *mod;
	tcti_features_fn *fn;    /* NULL with `client` */
	tct_features_fn *client; /* for authenticated streams of clients only */
	uint32_t kinds;          /* of streams, TCTI_KIND */
	int prio;
	uint32_t rank, seq;
};

struct hook_feature {
	struct tct_mod *mod;
	const char *var; /* own copy */
};

struct hook_disco {
	struct tct_mod *mod;
	tct_disco_fn *fn;
	const char *node; /* own copy, or NULL */
	uint32_t targets;
	uint32_t rank, seq;
};

struct hook_inline {
	struct tct_mod *mod;
	tct_inline_fn *fn;
	const char *ns; /* of the registry of names */
	bool announced;
};

struct hook_set {
	struct list link; /* in the list of all sets of hosts */
	const char *host; /* for messages; "*" for the global one */
	uint32_t generation;
	VEC(struct hook) chains[TCT_STAGES][TCT_KINDS];
	uint32_t types[TCT_STAGES]; /* that somebody is called for */
	VEC(struct hook_iq) iqs; /* sorted by ns, name */
	VEC(struct hook_notice) sessions[TCT_SESSION_WHENS];
	VEC(struct hook_notice) entities[TCT_ENTITY_WHENS];
	VEC(struct hook_notice) unseen;
	VEC(struct hook_notice) unwanted;
	VEC(struct hook_nonza) nonzas;
	VEC(struct hook_features) stream_features;
	VEC(struct hook_feature) features;
	VEC(struct hook_disco) disco;
	VEC(struct hook_inline) inlines;
	VEC(struct hook_notice) prepares;
};

/* Where a dispatch stands; { 0 } with hook_cursor_start. */
struct hook_cursor {
	uint32_t generation;
	uint32_t index; /* of the handler to call next, while the generation is the same */
	int prio;       /* of the handler called last */
	uint32_t rank, seq;
	bool started;
};

/* A new host's set starts with what global instances registered. `name` is borrowed. */
void hook_set_init(struct hook_set *set, const char *name);
void hook_set_fini(struct hook_set *set);
/* The set of global instances; made on first use. */
struct hook_set *hook_global(void);

/* What a chain is asked for. */
struct hook_ask {
	uint32_t stage, kind, type, cause;
};
/* The next handler for this stage, type and cause, or NULL at the end. The pointer is
 * valid until the next registration. Instances that are ending are skipped. */
const struct hook *hook_next(struct hook_set *set, const struct hook_ask *ask,
	struct hook_cursor *cursor);
/* True when no handler at all is registered there: the stage need not be entered. */
static inline bool hook_none(const struct hook_set *set, uint32_t stage, uint32_t type)
{
	return (set->types[stage] & type) == 0;
}
/* The owner of an IQ payload, or NULL. `target` is one bit of enum tct_target. */
const struct hook_iq *hook_iq_owner(const struct hook_set *set, uint32_t type, uint32_t target,
	const struct tct_elem *payload);
/* `kinds`: bits, TCTI_KIND; one that the owner knows is enough. */
const struct hook_nonza *hook_nonza_owner(const struct hook_set *set, uint32_t kinds,
	const char *ns, const char *name);
/* Calls the notices in order, entering and leaving each instance. */
void hook_session_notice(struct hook_set *set, uint32_t when, struct tct_session *s);
void hook_entity_notice(struct hook_set *set, uint32_t when, struct tct_entity *e);
/* What the answers of service discovery are made of has changed. */
void hook_disco_changed(void);
void hook_unseen(struct hook_set *set, const struct tct_unseen *u);
/* True when a module does not want the session to get what waited for it. */
bool hook_unwanted(const struct hook_set *set, struct tct_session *s, const struct tct_waiting *w);
/* Calls `each` for those who prepare something before a client binds. */
void hook_prepare(struct hook_set *set, void (*each)(const struct hook_notice *n, void *data),
	void *data);
/* Writes the chains as text for `tercetctl hooks`: one line per handler. */
struct str;
void hook_describe(const struct hook_set *set, struct str *out);

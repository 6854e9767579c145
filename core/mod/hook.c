/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* hook.c - see hook.h. A registration of a global instance is put into the global set and
 * into the set of every host. Arrays are edited in place: whoever walks one holds a cursor
 * that notices the new generation. */
#include "core/mod/hook.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/mod/module.h"
#include "core/xml/name.h"

#include <string.h>

static struct hook_set global_set;
static struct list host_sets;
static uint32_t next_seq;
static uint32_t disco_changes;

static const char *const stage_names[TCT_STAGES] = { "outbound", "inbound", "resolved",
	"deliver", "undelivered", "remote" };
/* The types of a kind. */
static const uint32_t kind_types[TCT_KINDS] = {
	TCT_MESSAGE_NORMAL | TCT_MESSAGE_CHAT | TCT_MESSAGE_GROUPCHAT | TCT_MESSAGE_HEADLINE |
		TCT_MESSAGE_ERROR,
	TCT_PRESENCE_AVAILABLE | TCT_PRESENCE_UNAVAILABLE | TCT_TYPES_SUBSCRIPTION |
		TCT_PRESENCE_PROBE | TCT_PRESENCE_ERROR,
	TCT_IQ_GET | TCT_IQ_SET | TCT_IQ_RESULT | TCT_IQ_ERROR,
};
static const char *const kind_names[TCT_KINDS] = { "message", "presence", "iq" };

struct hook_set *hook_global(void)
{
	if (global_set.host == NULL) {
		global_set.host = "*";
		list_init(&global_set.link);
		list_init(&host_sets);
	}
	return &global_set;
}

/* ---- sets ---- */

#define copy_all(to, from)                                                               \
	do {                                                                             \
		for (size_t i_ = 0; i_ < (from)->count; i_++)                            \
			vec_push((to), (from)->items[i_]);                               \
	} while (0)

void hook_set_init(struct hook_set *set, const char *name)
{
	struct hook_set *all = hook_global();

	memset(set, 0, sizeof *set);
	set->host = name;
	for (int s = 0; s < TCT_STAGES; s++) {
		for (int k = 0; k < TCT_KINDS; k++)
			copy_all(&set->chains[s][k], &all->chains[s][k]);
		set->types[s] = all->types[s];
	}
	copy_all(&set->iqs, &all->iqs);
	for (int w = 0; w < TCT_SESSION_WHENS; w++)
		copy_all(&set->sessions[w], &all->sessions[w]);
	for (int w = 0; w < TCT_ENTITY_WHENS; w++)
		copy_all(&set->entities[w], &all->entities[w]);
	copy_all(&set->unseen, &all->unseen);
	copy_all(&set->unwanted, &all->unwanted);
	copy_all(&set->nonzas, &all->nonzas);
	copy_all(&set->stream_features, &all->stream_features);
	copy_all(&set->inlines, &all->inlines);
	copy_all(&set->prepares, &all->prepares);
	for (size_t i = 0; i < all->features.count; i++) {
		struct hook_feature f = all->features.items[i];

		f.var = mem_strdup(f.var);
		vec_push(&set->features, f);
	}
	for (size_t i = 0; i < all->disco.count; i++) {
		struct hook_disco d = all->disco.items[i];

		d.node = d.node != NULL ? mem_strdup(d.node) : NULL;
		vec_push(&set->disco, d);
	}
	list_push(&host_sets, &set->link);
}

void hook_set_fini(struct hook_set *set)
{
	list_remove(&set->link);
	for (int s = 0; s < TCT_STAGES; s++) {
		for (int k = 0; k < TCT_KINDS; k++)
			vec_fini(&set->chains[s][k]);
	}
	vec_fini(&set->iqs);
	for (int w = 0; w < TCT_SESSION_WHENS; w++)
		vec_fini(&set->sessions[w]);
	for (int w = 0; w < TCT_ENTITY_WHENS; w++)
		vec_fini(&set->entities[w]);
	vec_fini(&set->unseen);
	vec_fini(&set->unwanted);
	vec_fini(&set->nonzas);
	vec_fini(&set->stream_features);
	vec_fini(&set->inlines);
	vec_fini(&set->prepares);
	for (size_t i = 0; i < set->features.count; i++)
		free((char *)set->features.items[i].var);
	vec_fini(&set->features);
	for (size_t i = 0; i < set->disco.count; i++)
		free((char *)set->disco.items[i].node);
	vec_fini(&set->disco);
}

/* ---- taking everything of an instance out ---- */

#define remove_of(v, m)                                                                  \
	do {                                                                             \
		size_t kept_ = 0;                                                        \
		for (size_t i_ = 0; i_ < (v)->count; i_++) {                             \
			if ((v)->items[i_].mod != (m))                                   \
				(v)->items[kept_++] = (v)->items[i_];                    \
		}                                                                        \
		(v)->count = kept_;                                                      \
	} while (0)

/* Which types somebody is still called for. */
static void look_at_types(struct hook_set *set)
{
	for (int s = 0; s < TCT_STAGES; s++) {
		set->types[s] = 0;
		for (int k = 0; k < TCT_KINDS; k++) {
			for (size_t i = 0; i < set->chains[s][k].count; i++)
				set->types[s] |= set->chains[s][k].items[i].types;
		}
	}
}

static void set_remove(struct hook_set *set, const struct tct_mod *m)
{
	for (int s = 0; s < TCT_STAGES; s++) {
		for (int k = 0; k < TCT_KINDS; k++)
			remove_of(&set->chains[s][k], m);
	}
	look_at_types(set);
	remove_of(&set->iqs, m);
	for (int w = 0; w < TCT_SESSION_WHENS; w++)
		remove_of(&set->sessions[w], m);
	for (int w = 0; w < TCT_ENTITY_WHENS; w++)
		remove_of(&set->entities[w], m);
	remove_of(&set->unseen, m);
	remove_of(&set->unwanted, m);
	remove_of(&set->nonzas, m);
	remove_of(&set->stream_features, m);
	remove_of(&set->inlines, m);
	remove_of(&set->prepares, m);
	for (size_t i = 0; i < set->features.count; i++) {
		if (set->features.items[i].mod == m)
			free((char *)set->features.items[i].var);
	}
	remove_of(&set->features, m);
	for (size_t i = 0; i < set->disco.count; i++) {
		if (set->disco.items[i].mod == m)
			free((char *)set->disco.items[i].node);
	}
	remove_of(&set->disco, m);
	set->generation++;
	hook_disco_changed();
}

struct registration {
	struct scope_node node;
	struct tct_mod *mod;
};

static void drop_all(struct scope_node *node)
{
	struct registration *r = list_entry(node, struct registration, node);

	set_remove(hook_global(), r->mod);
	list_each (l, &host_sets)
		set_remove(list_entry(l, struct hook_set, link), r->mod);
	r->mod->hooked = false;
	free(r);
}

/* One node per instance, made with its first registration. */
static void own(struct tct_mod *m)
{
	struct registration *r;

	if (m->hooked)
		return;
	m->hooked = true;
	r = mem_zalloc(sizeof *r);
	r->mod = m;
	scope_add(&m->scope, &r->node, drop_all);
}

/* Calls `body` for each set that a registration of `m` goes into. */
#define each_set(set, m)                                                                 \
	for (struct hook_set *set = first_set(m); set != NULL; set = next_set(m, set))

static struct hook_set *first_set(struct tct_mod *m)
{
	own(m);
	return m->hooks;
}

static struct hook_set *next_set(const struct tct_mod *m, struct hook_set *set)
{
	struct list *next;

	if (m->hooks != hook_global())
		return NULL;
	next = set == hook_global() ? host_sets.next : set->link.next;
	return next == &host_sets ? NULL : list_entry(next, struct hook_set, link);
}

/* Inserts so that the order (prio descending, rank, seq) holds. */
#define insert_sorted(v, item, higher)                                                   \
	do {                                                                             \
		size_t at_;                                                              \
		vec_push((v), (item));                                                   \
		for (at_ = (v)->count - 1; at_ > 0 && (higher(&(item), &(v)->items[at_ - 1])); at_--) \
			(v)->items[at_] = (v)->items[at_ - 1];                           \
		(v)->items[at_] = (item);                                                \
	} while (0)

static int order(int prio_a, uint32_t rank_a, uint32_t seq_a, int prio_b, uint32_t rank_b,
	uint32_t seq_b)
{
	if (prio_a != prio_b)
		return prio_a > prio_b ? -1 : 1;
	if (rank_a != rank_b)
		return rank_a < rank_b ? -1 : 1;
	return seq_a < seq_b ? -1 : seq_a > seq_b;
}

static bool hook_before(const struct hook *a, const struct hook *b)
{
	return order(a->prio, a->rank, a->seq, b->prio, b->rank, b->seq) < 0;
}

static bool features_before(const struct hook_features *a, const struct hook_features *b)
{
	return order(a->prio, a->rank, a->seq, b->prio, b->rank, b->seq) < 0;
}

static bool notice_before(const struct hook_notice *a, const struct hook_notice *b)
{
	return order(0, a->rank, a->seq, 0, b->rank, b->seq) < 0;
}

/* ---- registration: the public functions ---- */

static void on_kind(struct tct_mod *m, uint32_t stage, uint32_t kind, uint32_t types, int prio,
	tct_stanza_fn *fn)
{
	struct hook h = { m, fn, m->causes != 0 ? m->causes : TCT_NEW, types & kind_types[kind],
		prio, m->rank, next_seq++ };

	tct_assert(stage < TCT_STAGES);
	if (h.types == 0)
		return;
	each_set (set, m) {
		insert_sorted(&set->chains[stage][kind], h, hook_before);
		set->types[stage] |= h.types;
		set->generation++;
	}
}

void tct_on_types(struct tct_mod *m, uint32_t stage, uint32_t types, int prio, tct_stanza_fn *fn)
{
	for (uint32_t kind = 0; kind < TCT_KINDS; kind++)
		on_kind(m, stage, kind, types, prio, fn);
}

void tct_on_message(struct tct_mod *m, uint32_t stage, int prio, tct_stanza_fn *fn)
{
	tct_on_types(m, stage, kind_types[TCT_MESSAGE], prio, fn);
}

void tct_on_presence(struct tct_mod *m, uint32_t stage, int prio, tct_stanza_fn *fn)
{
	tct_on_types(m, stage, kind_types[TCT_PRESENCE], prio, fn);
}

void tct_on_iq_stage(struct tct_mod *m, uint32_t stage, int prio, tct_stanza_fn *fn)
{
	tct_on_types(m, stage, kind_types[TCT_IQ], prio, fn);
}

void tct_on_stanza(struct tct_mod *m, uint32_t stage, int prio, tct_stanza_fn *fn)
{
	tct_on_types(m, stage, UINT32_MAX, prio, fn);
}

void tct_on_cause(struct tct_mod *m, uint32_t causes)
{
	m->causes = causes;
}

static int iq_compare(const struct hook_iq *a, const char *ns, const char *name)
{
	int c = strcmp(a->ns, ns);

	return c != 0 ? c : strcmp(a->name, name);
}

static bool iq_before(const struct hook_iq *a, const struct hook_iq *b)
{
	return iq_compare(a, b->ns, b->name) < 0;
}

#define TARGET_BITS (TCT_TO_HOST | TCT_TO_SELF | TCT_TO_ACCOUNT | TCT_TO_FULL)

void tct_on_iq(struct tct_mod *m, uint32_t types, uint32_t targets, const char *ns,
	const char *name, tct_stanza_fn *fn)
{
	struct hook_iq iq = { m, fn, types, targets, name_ns(name_register(ns, name)),
		name_local(name_register(ns, name)) };

	each_set (set, m) {
		for (size_t i = 0; i < set->iqs.count; i++) {
			const struct hook_iq *o = &set->iqs.items[i];

			if (iq_compare(o, ns, name) == 0 && (o->types & types) != 0 &&
				(o->targets & targets & TARGET_BITS) != 0) {
				mod_load_failed(m, TCT_EEXIST,
					"iq payload <%s xmlns='%s'/> on host '%s' is owned by "
					"mod_%s already: load only one of the two",
					name, ns, set->host, o->mod->name);
				return;
			}
		}
		insert_sorted(&set->iqs, iq, iq_before);
	}
}

void tct_on_session(struct tct_mod *m, uint32_t when, tct_session_fn *fn)
{
	struct hook_notice n = { .mod = m, .session = fn, .rank = m->rank, .seq = next_seq++ };

	tct_assert(when < TCT_SESSION_WHENS);
	each_set (set, m) {
		insert_sorted(&set->sessions[when], n, notice_before);
		set->generation++;
	}
}

void tct_on_entity(struct tct_mod *m, uint32_t when, tct_entity_fn *fn)
{
	struct hook_notice n = { .mod = m, .entity = fn, .rank = m->rank, .seq = next_seq++ };

	tct_assert(when < TCT_ENTITY_WHENS);
	each_set (set, m) {
		insert_sorted(&set->entities[when], n, notice_before);
		set->generation++;
	}
}

void tct_on_unseen(struct tct_mod *m, tct_unseen_fn *fn)
{
	struct hook_notice n = { .mod = m, .unseen = fn, .rank = m->rank, .seq = next_seq++ };

	each_set (set, m) {
		insert_sorted(&set->unseen, n, notice_before);
		set->generation++;
	}
}

void tct_on_unwanted(struct tct_mod *m, tct_unwanted_fn *fn)
{
	struct hook_notice n = { .mod = m, .unwanted = fn, .rank = m->rank, .seq = next_seq++ };

	each_set (set, m) {
		insert_sorted(&set->unwanted, n, notice_before);
		set->generation++;
	}
}

/* ---- service discovery ---- */

void hook_disco_changed(void)
{
	disco_changes++;
}

uint32_t tct_disco_changes(void)
{
	return disco_changes;
}

void tct_feature(struct tct_mod *m, const char *var)
{
	hook_disco_changed();
	each_set (set, m) {
		struct hook_feature f = { m, mem_strdup(var) };

		vec_push(&set->features, f);
	}
}

void tct_feature_each(struct tct_mod *m, tct_feature_fn *fn, void *data)
{
	for (size_t i = 0; i < m->hooks->features.count; i++)
		fn(m->hooks->features.items[i].var, data);
}

static bool disco_before(const struct hook_disco *a, const struct hook_disco *b)
{
	return order(0, a->rank, a->seq, 0, b->rank, b->seq) < 0;
}

void tct_on_disco(struct tct_mod *m, uint32_t targets, const char *node, tct_disco_fn *fn)
{
	uint32_t seq = next_seq++;

	hook_disco_changed();
	each_set (set, m) {
		struct hook_disco d = { m, fn, node != NULL ? mem_strdup(node) : NULL, targets,
			m->rank, seq };

		insert_sorted(&set->disco, d, disco_before);
	}
}

static bool disco_matches(const struct hook_disco *d, const struct tct_disco_query *q)
{
	if ((d->targets & q->target) == 0 || d->mod->ending)
		return false;
	if (d->node == NULL || q->node == NULL)
		return d->node == q->node;
	return strcmp(d->node, "*") == 0 || strcmp(d->node, q->node) == 0;
}

bool tct_disco_ask(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	bool known = false;

	for (size_t i = 0; i < m->hooks->disco.count; i++) {
		struct hook_disco d = m->hooks->disco.items[i];

		if (!disco_matches(&d, q))
			continue;
		mod_enter(d.mod);
		known |= d.fn(d.mod, q, answer);
		mod_leave(d.mod);
	}
	return known;
}

/* ---- negotiation ---- */

void tcti_on_nonza(struct tct_mod *m, const char *ns, const char *name, tcti_nonza_fn *fn)
{
	tcti_on_stream_nonza(m, TCTI_KIND(TCTI_STREAM_C2S), ns, name, fn);
}

void tcti_on_stream_nonza(struct tct_mod *m, uint32_t kinds, const char *ns, const char *name,
	tcti_nonza_fn *fn)
{
	struct hook_nonza n = { m, fn, name_ns(name_register(ns, name)),
		name_local(name_register(ns, name)), kinds };

	each_set (set, m) {
		const struct hook_nonza *o = hook_nonza_owner(set, kinds, ns, name);

		if (o != NULL) {
			mod_load_failed(m, TCT_EEXIST,
				"<%s xmlns='%s'/> on host '%s' is owned by mod_%s already: "
				"load only one of the two",
				name, ns, set->host, o->mod->name);
			return;
		}
		vec_push(&set->nonzas, n);
	}
}

static void add_features(struct tct_mod *m, const struct hook_features *f)
{
	each_set (set, m) {
		insert_sorted(&set->stream_features, *f, features_before);
		set->generation++;
	}
}

void tcti_on_features(struct tct_mod *m, int prio, tcti_features_fn *fn)
{
	tcti_on_stream_features(m, TCTI_KIND(TCTI_STREAM_C2S), prio, fn);
}

void tcti_on_stream_features(struct tct_mod *m, uint32_t kinds, int prio, tcti_features_fn *fn)
{
	struct hook_features f = { m, fn, NULL, kinds, prio, m->rank, next_seq++ };

	add_features(m, &f);
}

void tct_on_features(struct tct_mod *m, int prio, tct_features_fn *fn)
{
	struct hook_features f = { m, NULL, fn, TCTI_KIND(TCTI_STREAM_C2S), prio, m->rank,
		next_seq++ };

	add_features(m, &f);
}

void tct_on_inline(struct tct_mod *m, const char *ns, bool announced, tct_inline_fn *fn)
{
	struct hook_inline in = { m, fn, name_ns(name_register(ns, "bind")), announced };

	each_set (set, m)
		vec_push(&set->inlines, in);
}

void tct_on_inline_prepare(struct tct_mod *m, tct_prepare_fn *fn)
{
	struct hook_notice n = { .mod = m, .prepare = fn, .rank = m->rank, .seq = next_seq++ };

	each_set (set, m)
		insert_sorted(&set->prepares, n, notice_before);
}

/* ---- asking ---- */

/* The index of the first handler behind the one called last. */
static uint32_t index_after(const struct hook *items, size_t count, const struct hook_cursor *c)
{
	uint32_t i = 0;

	while (i < count && order(items[i].prio, items[i].rank, items[i].seq, c->prio, c->rank,
				    c->seq) <= 0)
		i++;
	return i;
}

const struct hook *hook_next(struct hook_set *set, const struct hook_ask *ask,
	struct hook_cursor *cursor)
{
	const struct hook *items = set->chains[ask->stage][ask->kind].items;
	size_t count = set->chains[ask->stage][ask->kind].count;

	if (cursor->started && cursor->generation != set->generation)
		cursor->index = index_after(items, count, cursor);
	else if (!cursor->started)
		cursor->index = 0;
	cursor->generation = set->generation;
	while (cursor->index < count) {
		const struct hook *h = &items[cursor->index++];

		if ((h->types & ask->type) == 0 || (h->causes & ask->cause) == 0 || h->mod->ending)
			continue;
		cursor->started = true;
		cursor->prio = h->prio;
		cursor->rank = h->rank;
		cursor->seq = h->seq;
		return h;
	}
	cursor->started = true;
	return NULL;
}

const struct hook_iq *hook_iq_owner(const struct hook_set *set, uint32_t type, uint32_t target,
	const struct tct_elem *payload)
{
	const char *ns = tct_elem_ns(payload), *name = tct_elem_name(payload);
	size_t low = 0, high = set->iqs.count;

	if (ns == NULL || name == NULL)
		return NULL;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (iq_compare(&set->iqs.items[middle], ns, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < set->iqs.count; low++) {
		const struct hook_iq *o = &set->iqs.items[low];

		if (iq_compare(o, ns, name) != 0)
			break;
		if ((o->types & type) != 0 && (o->targets & target) != 0 && !o->mod->ending)
			return o;
	}
	return NULL;
}

const struct hook_nonza *hook_nonza_owner(const struct hook_set *set, uint32_t kinds,
	const char *ns, const char *name)
{
	for (size_t i = 0; i < set->nonzas.count; i++) {
		const struct hook_nonza *n = &set->nonzas.items[i];

		if ((n->kinds & kinds) != 0 && strcmp(n->name, name) == 0 &&
			strcmp(n->ns, ns) == 0 && !n->mod->ending)
			return n;
	}
	return NULL;
}

/* The notice behind the one called last, looked up again each time: a notice may unload. */
static const struct hook_notice *notice_after(const struct hook_notice *items, size_t count,
	bool started, uint32_t rank, uint32_t seq)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i].mod->ending)
			continue;
		if (!started || order(0, items[i].rank, items[i].seq, 0, rank, seq) > 0)
			return &items[i];
	}
	return NULL;
}

void hook_session_notice(struct hook_set *set, uint32_t when, struct tct_session *s)
{
	const struct hook_notice *at;
	struct hook_notice n = { 0 };

	for (bool started = false;; started = true) {
		at = notice_after(set->sessions[when].items, set->sessions[when].count, started,
			n.rank, n.seq);
		if (at == NULL)
			return;
		n = *at;
		mod_enter(n.mod);
		n.session(n.mod, s);
		mod_leave(n.mod);
	}
}

void hook_entity_notice(struct hook_set *set, uint32_t when, struct tct_entity *e)
{
	const struct hook_notice *at;
	struct hook_notice n = { 0 };

	for (bool started = false;; started = true) {
		at = notice_after(set->entities[when].items, set->entities[when].count, started,
			n.rank, n.seq);
		if (at == NULL)
			return;
		n = *at;
		mod_enter(n.mod);
		n.entity(n.mod, e);
		mod_leave(n.mod);
	}
}

void hook_unseen(struct hook_set *set, const struct tct_unseen *u)
{
	const struct hook_notice *at;
	struct hook_notice n = { 0 };

	for (bool started = false;; started = true) {
		at = notice_after(set->unseen.items, set->unseen.count, started, n.rank, n.seq);
		if (at == NULL)
			return;
		n = *at;
		mod_enter(n.mod);
		n.unseen(n.mod, u);
		mod_leave(n.mod);
	}
}

bool hook_unwanted(const struct hook_set *set, struct tct_session *s, const struct tct_waiting *w)
{
	for (size_t i = 0; i < set->unwanted.count; i++) {
		const struct hook_notice *n = &set->unwanted.items[i];
		bool unwanted;

		mod_enter(n->mod);
		unwanted = n->unwanted(n->mod, s, w);
		mod_leave(n->mod);
		if (unwanted)
			return true;
	}
	return false;
}

void hook_prepare(struct hook_set *set, void (*each)(const struct hook_notice *n, void *data),
	void *data)
{
	const struct hook_notice *at;
	struct hook_notice n = { 0 };

	for (bool started = false;; started = true) {
		at = notice_after(set->prepares.items, set->prepares.count, started, n.rank, n.seq);
		if (at == NULL)
			return;
		n = *at;
		mod_enter(n.mod);
		each(&n, data);
		mod_leave(n.mod);
	}
}

void hook_describe(const struct hook_set *set, struct str *out)
{
	for (int s = 0; s < TCT_STAGES; s++) {
		for (int k = 0; k < TCT_KINDS; k++) {
			for (size_t i = 0; i < set->chains[s][k].count; i++) {
				const struct hook *h = &set->chains[s][k].items[i];

				str_printf(out, "%s %s %d mod_%s\n", stage_names[s],
					kind_names[k], h->prio, h->mod->name);
			}
		}
	}
	for (size_t i = 0; i < set->iqs.count; i++)
		str_printf(out, "iq %s %s mod_%s\n", set->iqs.items[i].ns,
			set->iqs.items[i].name, set->iqs.items[i].mod->name);
}

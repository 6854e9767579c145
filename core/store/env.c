/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* env.c - see env.h. Threads share the queues under one mutex; a set or a read belongs to
 * one side at a time. */
#include "core/store/env.h"

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/mod/module.h"
#include "core/store/testhook.h"
#include "core/store/txn.h"
#include "core/store/value.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READERS 2
#define RETRIES 20                          /* of a set after a deadlock */
#define QUEUE_BYTES (16u * 1024 * 1024)     /* beyond it clients are not read */
#define LAZY_BYTES (256u * 1024)            /* of lazy sets that wait for others */
#define TOUCHED_MAX 4096                    /* users remembered before a clean-up */
#define FULL_SECONDS 5                      /* a server that stops waits for room */
#define TIDY_ROWS 250                       /* hidden rows that go in one piece */
#define TIDY_MS 100                         /* the writer is busy: a piece that often */

struct touched {
	uint64_t seq;
	char user[];
};

struct store_env {
	struct list link;
	struct scope_node node; /* in the provider's scope */
	struct tct_mod *mod;
	const struct tct_storage_ops *ops;
	struct tct_storage_ops own_ops; /* what an older backend lacks is NULL */
	struct list tables;
	/* loop */
	struct map touched; /* user -> struct touched */
	size_t open;        /* sets that the writer has, or has done and not told of */
	uint64_t seq, last_id;
	/* shared, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, reading;
	struct list sets, reads; /* queued */
	struct list seen;        /* reads that are done and saw what may not be durable yet */
	uint64_t begun, applied, durable; /* the last set of a batch that came as far */
	size_t queued_bytes;
	bool hurry; /* what is queued must not wait for more */
	bool writer_done;
	_Atomic bool stopping;
	_Atomic bool full;
	bool started;
	_Atomic bool untidy; /* there may be hidden rows to remove */
	int64_t tidied;      /* writer: when, ms */
	bool unflushed;      /* writer: of lazy sets */
	pthread_t writer, readers[READERS];
};

/* A batch of sets that are durable or failed, on its way to the loop. */
struct batch {
	struct loop_message message;
	struct store_env *env;
	struct list sets;
};

static struct list envs = { &envs, &envs };
static uint64_t reads_started;

struct tct_mod *env_mod(const struct store_env *env)
{
	return env->mod;
}

const struct tct_storage_ops *env_ops(const struct store_env *env)
{
	return env->ops;
}

/* ---- the writer ---- */

static int apply_once(struct store_env *env, const struct tct_txn *txn)
{
	void *t = NULL;
	int status = testhook_commit();

	if (status == TCT_OK)
		status = env->ops->begin(env->mod, &t);
	if (status != TCT_OK)
		return status;
	for (const struct op *op = txn->first; op != NULL && status == TCT_OK; op = op->next) {
		status = env_apply_op(env, t, op);
		if (status == TCT_ENOENT) /* what should go is not there */
			status = TCT_OK;
	}
	if (status != TCT_OK) {
		env->ops->abort(env->mod, t);
		return status;
	}
	return env->ops->commit(env->mod, t);
}

/* A deadlock with a reader aborts the set: it is data, so it is simply applied again. */
static int apply(struct store_env *env, const struct tct_txn *txn)
{
	int status = TCT_EBUSY;

	for (int i = 0; i < RETRIES && status == TCT_EBUSY; i++)
		status = apply_once(env, txn);
	return status == TCT_EBUSY ? TCT_EIO : status;
}

static void finish_batch(struct loop_message *msg)
{
	struct batch *b = list_entry(msg, struct batch, message);
	struct list *node;

	while ((node = list_pop(&b->sets)) != NULL) {
		b->env->open--;
		txn_finished(list_entry(node, struct tct_txn, link));
	}
	free(b);
}

/* The last batch is on disk: so is all that was read meanwhile. */
static void let_reads_go(struct store_env *env)
{
	struct list seen;
	struct list *node;

	list_init(&seen);
	pthread_mutex_lock(&env->lock);
	env->durable = env->begun;
	list_splice(&seen, &env->seen);
	pthread_mutex_unlock(&env->lock);
	while ((node = list_pop(&seen)) != NULL)
		loop_post(&list_entry(node, struct read, link)->message);
}

/* What was committed cannot be undone: a full disk is waited for, a while only when the server
 * shall stop; people can read meanwhile. Anything else ends the server, for pages may be lost. */
static void flush(struct store_env *env)
{
	struct timespec second = { 1, 0 };
	int status = env->ops->flush(env->mod);

	if (status == TCT_EFULL)
		log_error("the disk of the store is full: what was written waits for room");
	for (int left = FULL_SECONDS; status == TCT_EFULL && left > 0; left -= env->stopping) {
		env->full = true;
		let_reads_go(env);
		nanosleep(&second, NULL);
		status = env->ops->flush(env->mod);
	}
	env->unflushed = false;
	if (status != TCT_OK) {
		log_error("the store cannot be flushed (%s): the server stops, so that nothing is "
			  "acknowledged that is not on disk",
			tct_code_text(status));
		abort();
	}
}

/* `late`: they have waited long enough to be flushed, lazy or not. */
static void write_batch(struct store_env *env, struct list *sets, bool late)
{
	struct batch *b = mem_zalloc(sizeof *b);
	bool urgent = late;
	uint64_t last = list_entry(sets->prev, struct tct_txn, link)->seq;

	testhook_wait();
	list_init(&b->sets);
	b->message.fn = finish_batch;
	b->env = env;
	pthread_mutex_lock(&env->lock);
	env->begun = last;
	pthread_mutex_unlock(&env->lock);
	list_each (node, sets) {
		struct tct_txn *txn = list_entry(node, struct tct_txn, link);

		txn->status = txn->adds && env->full ? TCT_EFULL : apply(env, txn);
		urgent |= txn->status == TCT_OK && !txn->lazy;
		env->unflushed |= txn->status == TCT_OK;
		if (txn->hides)
			env->untidy = true;
	}
	pthread_mutex_lock(&env->lock);
	env->applied = last;
	pthread_cond_broadcast(&env->reading);
	pthread_mutex_unlock(&env->lock);
	if (urgent)
		flush(env);
	let_reads_go(env);
	list_splice(&b->sets, sets);
	loop_post(&b->message);
}

/* Removes a piece of what is hidden when nobody waits, and now and then when somebody always
 * does. True: there is more to do, and time for it. */
static bool tidy(struct store_env *env, bool idle)
{
	struct timespec ts;
	bool more = false;
	int64_t now;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	if (!env->untidy || (!idle && now - env->tidied < TIDY_MS))
		return false;
	env->tidied = now;
	env->untidy = false;
	status = env->ops->tidy(env->mod, TIDY_ROWS, &more);
	if (status != TCT_OK || more)
		env->untidy = true;
	return status == TCT_OK && more;
}

/* All that is queued. */
static void take_sets(struct store_env *env, struct list *sets)
{
	if (testhook_single() && !list_empty(&env->sets))
		list_push(sets, list_pop(&env->sets));
	else
		list_splice(sets, &env->sets);
	env->hurry = !list_empty(&env->sets);
	if (!env->hurry)
		env->queued_bytes = 0;
}

/* Waits for sets that somebody waits for, for a second at most: there is space to look at, and
 * lazy sets (`late`). */
static bool next_sets(struct store_env *env, struct list *sets, bool wait, bool *late)
{
	struct timespec until;
	bool stop;

	*late = false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	pthread_mutex_lock(&env->lock);
	while (wait && !env->hurry && !env->stopping && !*late)
		*late = pthread_cond_timedwait(&env->work, &env->lock, &until) != 0;
	take_sets(env, sets);
	stop = list_empty(sets) && env->stopping;
	if (stop) {
		env->writer_done = true;
		pthread_cond_broadcast(&env->reading);
	}
	pthread_mutex_unlock(&env->lock);
	return !stop;
}

static void *writer(void *arg)
{
	struct store_env *env = arg;
	struct list sets;
	bool busy = false, late;

	list_init(&sets);
	while (next_sets(env, &sets, !busy, &late)) {
		bool idle = list_empty(&sets), waited = !busy;

		env->full = testhook_full() || env->ops->space(env->mod) == TCT_EFULL;
		if (!idle)
			write_batch(env, &sets, late);
		else if (waited && env->unflushed)
			flush(env); /* lazy sets, when nothing came for a while */
		busy = tidy(env, idle) || !idle;
	}
	if (env->unflushed)
		flush(env);
	arena_trim(); /* marks of rows */
	return NULL;
}

/* ---- readers ---- */

static char *copy_text(struct arena *a, const char *text)
{
	return text != NULL ? arena_strdup(a, text) : NULL;
}

struct row_target {
	struct read *read;
	uint32_t store;
};

static bool add_row(void *ctx, const char *user, const char *key, const void *bytes, size_t len)
{
	struct row_target *to = ctx;
	struct read *r = to->read;
	struct read_row row = { .store = to->store, .user = copy_text(&r->arena, user),
		.key = copy_text(&r->arena, key) };

	if (bytes != NULL)
		row.bytes = span_make(arena_strndup(&r->arena, bytes, len), len);
	vec_push(&r->rows, row);
	return true;
}

static bool add_archive_row(void *ctx, uint64_t id, const char *with, const void *bytes, size_t len)
{
	struct read *r = ctx;
	struct read_row row = { .id = id, .with = copy_text(&r->arena, with),
		.bytes = span_make(arena_strndup(&r->arena, bytes, len), len) };

	vec_push(&r->rows, row);
	r->bytes += len;
	return true;
}

/* The page may hold so many bytes and no more: rows go from the end that is further from
 * where reading began. */
static void trim_page(struct read *r)
{
	size_t first = 0, count = r->rows.count;

	while (r->query.bytes > 0 && count > 1 && r->bytes > r->query.bytes) {
		r->bytes -= r->rows.items[r->query.reverse ? first++ : first + count - 1].bytes.len;
		count--;
		r->complete = false;
	}
	if (first > 0)
		memmove(r->rows.items, r->rows.items + first, count * sizeof *r->rows.items);
	r->rows.count = count;
}

static int find_page(struct store_env *env, struct read *r)
{
	int status = env->ops->find(env->mod, r->tables[0], r->users[0], &r->query,
		add_archive_row, r, &r->complete);

	trim_page(r);
	return status;
}

static int find_ids(struct store_env *env, struct read *r)
{
	struct tct_archive_query one = { .size = sizeof one, .limit = 1 };
	int status = TCT_OK;
	bool complete;

	r->complete = true;
	for (uint32_t i = 0; i < r->query.limit && status == TCT_OK && r->complete; i++) {
		if (r->ids[i] == 0 || r->ids[i] == UINT64_MAX)
			continue;
		one.after = r->ids[i] - 1;
		one.before = r->ids[i] + 1;
		status = env->ops->find(env->mod, r->tables[0], r->users[0], &one,
			add_archive_row, r, &complete);
		trim_page(r);
	}
	return status;
}

static int count_rows(struct store_env *env, struct read *r)
{
	return env->ops->count(env->mod, r->tables[0], r->users[0], &r->query, &r->counted,
		&r->complete);
}

static int run_read(struct store_env *env, struct read *r)
{
	const struct tct_storage_ops *ops = env->ops;
	struct row_target to = { r, 0 };
	int status = TCT_OK, one;

	switch (r->kind) {
	case READ_GET:
		return ops->get(env->mod, r->tables[0], r->users[0], r->key, add_row, &to);
	case READ_MANY:
		for (size_t i = 0; i < r->user_count && status == TCT_OK; i++) {
			one = ops->get(env->mod, r->tables[0], r->users[i], r->key, add_row, &to);
			status = one == TCT_ENOENT ? TCT_OK : one;
		}
		return status;
	case READ_EACH:
	case READ_PRELOAD:
		for (size_t i = 0; i < r->table_count && status == TCT_OK; i++) {
			to.store = (uint32_t)i;
			one = ops->each(env->mod, r->tables[i], r->users[0], add_row, &to);
			status = one == TCT_ENOENT ? TCT_OK : one;
		}
		return status;
	case READ_USERS:
		return ops->users(env->mod, r->tables[0], r->after, r->limit, add_row, &to);
	case READ_FIND:
		return find_page(env, r);
	case READ_IDS:
		return find_ids(env, r);
	case READ_COUNT:
		return count_rows(env, r);
	}
	return TCT_EIO;
}

static void read_done(struct loop_message *msg)
{
	struct read *r = list_entry(msg, struct read, message);
	struct tct_scope *scope = r->node.scope;

	scope_remove(&r->node);
	if (scope != NULL)
		r->done(scope, r);
	read_free(r);
}

/* The first read whose user's last set has been applied. */
static struct read *ready_read(struct store_env *env)
{
	list_each (node, &env->reads) {
		struct read *r = list_entry(node, struct read, link);

		if (r->min_seq > env->applied && !env->writer_done)
			continue;
		list_remove(&r->link);
		return r;
	}
	return NULL;
}

/* What was read may be of a batch that was committed and is not flushed: a power cut could take
 * it back, so nobody hears of it before. */
static void read_ended(struct store_env *env, struct read *r)
{
	bool durable;

	pthread_mutex_lock(&env->lock);
	durable = env->durable == env->begun;
	if (!durable)
		list_push(&env->seen, &r->link);
	pthread_mutex_unlock(&env->lock);
	if (durable)
		loop_post(&r->message);
}

static void *reader(void *arg)
{
	struct store_env *env = arg;

	for (;;) {
		struct read *r;

		pthread_mutex_lock(&env->lock);
		while ((r = ready_read(env)) == NULL &&
			!(env->writer_done && list_empty(&env->reads)))
			pthread_cond_wait(&env->reading, &env->lock);
		pthread_mutex_unlock(&env->lock);
		if (r == NULL) {
			arena_trim();
			return NULL;
		}
		testhook_wait();
		r->status = testhook_read();
		for (int i = 0; r->status == TCT_OK && i < RETRIES; i++) {
			r->rows.count = 0;
			r->bytes = 0;
			r->status = run_read(env, r);
			if (r->status != TCT_EBUSY)
				break;
			r->status = i + 1 < RETRIES ? TCT_OK : TCT_EIO;
		}
		read_ended(env, r);
	}
}

struct read *read_new(struct store_env *env, enum read_kind kind)
{
	struct read *r = mem_zalloc(sizeof *r);

	r->env = env;
	r->kind = kind;
	arena_init(&r->arena);
	list_init(&r->link);
	return r;
}

void read_free(struct read *r)
{
	vec_fini(&r->rows);
	arena_fini(&r->arena);
	free(r);
}

/* The read goes on; its result is thrown away. */
static void read_dropped(struct scope_node *node)
{
	(void)node;
}

static uint64_t touched_seq(struct store_env *env, const char *user)
{
	const struct touched *t = map_find(&env->touched, user);

	return t != NULL ? t->seq : 0;
}

static void start_threads(struct store_env *env);

/* Under the lock. */
static void hurry(struct store_env *env)
{
	if (list_empty(&env->sets))
		return;
	env->hurry = true;
	pthread_cond_signal(&env->work);
}

uint64_t env_reads(void)
{
	return reads_started;
}

void read_start(struct read *r, struct tct_scope *scope)
{
	struct store_env *env = r->env;

	for (size_t i = 0; i < r->user_count; i++) {
		uint64_t seq = touched_seq(env, r->users[i]);

		if (seq > r->min_seq)
			r->min_seq = seq;
	}
	if (r->kind == READ_USERS)
		r->min_seq = env->seq;
	r->message.fn = read_done;
	scope_add(scope, &r->node, read_dropped);
	start_threads(env);
	reads_started += r->user_count == 1 && r->users[0][0] != '\0';
	txn_turn_end(); /* a set of this turn that it waits for must be on its way */
	pthread_mutex_lock(&env->lock);
	if (r->min_seq > env->applied)
		hurry(env);
	list_push(&env->reads, &r->link);
	pthread_cond_signal(&env->reading);
	pthread_mutex_unlock(&env->lock);
}

/* ---- handing over ---- */

static void start_threads(struct store_env *env)
{
	sigset_t all, before;

	if (env->started)
		return;
	env->started = true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	tct_assert(pthread_create(&env->writer, NULL, writer, env) == 0);
	for (int i = 0; i < READERS; i++)
		tct_assert(pthread_create(&env->readers[i], NULL, reader, env) == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

uint64_t env_next_seq(struct store_env *env)
{
	return ++env->seq;
}

static void forget_applied(struct store_env *env)
{
	uint64_t applied;
	struct span key;
	size_t at = 0;
	void *value;

	pthread_mutex_lock(&env->lock);
	applied = env->applied;
	pthread_mutex_unlock(&env->lock);
	while (map_next(&env->touched, &at, &key, &value)) {
		if (((struct touched *)value)->seq > applied)
			continue;
		map_remove(&env->touched, key);
		free(value);
	}
}

void env_touch(struct store_env *env, const char *user, uint64_t seq)
{
	struct touched *t = map_find(&env->touched, user);
	size_t len = strlen(user);

	if (t != NULL) {
		t->seq = seq;
		return;
	}
	if (env->touched.count >= TOUCHED_MAX)
		forget_applied(env);
	t = mem_alloc(sizeof *t + len + 1);
	t->seq = seq;
	memcpy(t->user, user, len + 1);
	map_put(&env->touched, span_make(t->user, len), t);
}

void env_submit(struct store_env *env, struct tct_txn *txn)
{
	start_threads(env);
	env->open++;
	pthread_mutex_lock(&env->lock);
	list_push(&env->sets, &txn->link);
	env->queued_bytes += txn->bytes;
	if (!txn->lazy || env->queued_bytes > LAZY_BYTES)
		hurry(env);
	pthread_mutex_unlock(&env->lock);
}

bool env_has_space(const struct store_env *env)
{
	return !env->full;
}

bool env_crowded(const struct store_env *env)
{
	struct store_env *e = (struct store_env *)env;
	size_t bytes;

	pthread_mutex_lock(&e->lock);
	bytes = e->queued_bytes;
	pthread_mutex_unlock(&e->lock);
	return bytes > QUEUE_BYTES;
}

/* Microseconds, eight bits for what comes in the same one; never one twice, never back. */
uint64_t env_next_id(struct store_env *env)
{
	uint64_t now = (uint64_t)tct_now_us() << 8;

	env->last_id = now > env->last_id ? now : env->last_id + 1;
	return env->last_id;
}

uint64_t env_last_id(const struct store_env *env)
{
	return env->last_id;
}

/* ---- tables ---- */

struct tct_kv *env_find(const struct store_env *env, const struct tct_host *host,
	const char *store)
{
	list_each (node, &env->tables) {
		struct tct_kv *kv = list_entry(node, struct tct_kv, link);

		if (kv->host == host && strcmp(kv->name, store) == 0)
			return kv;
	}
	return NULL;
}

struct tct_kv *env_table(struct store_env *env, struct tct_host *host, const char *host_name,
	const char *store, uint32_t kind, struct tct_error *err)
{
	struct tct_kv *kv = env_find(env, host, store);
	bool archive = kind == TCT_TABLE_ARCHIVE;
	uint64_t id = 0;
	void *table;

	if (kv != NULL && kv->archive == archive)
		return kv;
	if (kv != NULL) {
		tct_error_set(err, TCT_EINVAL, "store '%s' is of another kind already", store);
		return NULL;
	}
	if (env->ops->table(env->mod, host_name, store, kind, &table, err) != TCT_OK)
		return NULL;
	if (archive && env->ops->last_id(env->mod, table, &id) == TCT_OK && id > env->last_id)
		env->last_id = id;
	env->untidy = true; /* perhaps the last server was stopped over it */
	kv = mem_zalloc(sizeof(struct tct_archive));
	kv->env = env;
	kv->host = host;
	kv->table = table;
	kv->archive = archive;
	kv->name = mem_strdup(store);
	list_push(&env->tables, &kv->link);
	return kv;
}

/* ---- life ---- */

static bool all_told(void)
{
	list_each (node, &envs)
		if (list_entry(node, struct store_env, link)->open > 0)
			return false;
	return true;
}

void env_settle(void)
{
	struct timespec ms = { 0, 1000000 };

	testhook_stop();
	txn_turn_end();
	list_each (node, &envs) {
		struct store_env *env = list_entry(node, struct store_env, link);

		pthread_mutex_lock(&env->lock);
		hurry(env);
		pthread_mutex_unlock(&env->lock);
	}
	for (int left = FULL_SECONDS * 1000; left > 0 && !all_told(); left--) {
		nanosleep(&ms, NULL);
		loop_drain();
	}
}

static void stop_threads(struct store_env *env)
{
	txn_turn_end(); /* a set of this turn may be the first */
	if (!env->started)
		return;
	testhook_stop();
	pthread_mutex_lock(&env->lock);
	env->stopping = true;
	pthread_cond_broadcast(&env->work);
	pthread_cond_broadcast(&env->reading);
	pthread_mutex_unlock(&env->lock);
	pthread_join(env->writer, NULL);
	for (int i = 0; i < READERS; i++)
		pthread_join(env->readers[i], NULL);
	loop_drain();
}

static void env_ends(struct scope_node *node)
{
	struct store_env *env = list_entry(node, struct store_env, node);
	struct list *at;
	struct span key;
	size_t i = 0;
	void *value;

	stop_threads(env);
	env->ops->close(env->mod);
	while ((at = list_pop(&env->tables)) != NULL) {
		struct tct_kv *kv = list_entry(at, struct tct_kv, link);

		free(kv->name);
		free(kv);
	}
	while (map_next(&env->touched, &i, &key, &value))
		free(value);
	map_fini(&env->touched);
	list_remove(&env->link);
	pthread_mutex_destroy(&env->lock);
	pthread_cond_destroy(&env->work);
	pthread_cond_destroy(&env->reading);
	free(env);
}

struct store_env *env_of(struct tct_mod *provider, const struct tct_storage_ops *ops)
{
	struct store_env *env;

	list_each (node, &envs) {
		env = list_entry(node, struct store_env, link);
		if (env->mod == provider)
			return env;
	}
	env = mem_zalloc(sizeof *env);
	env->mod = provider;
	memcpy(&env->own_ops, ops, ops->size < sizeof *ops ? ops->size : sizeof *ops);
	env->ops = &env->own_ops;
	list_init(&env->tables);
	list_init(&env->sets);
	list_init(&env->reads);
	list_init(&env->seen);
	pthread_mutex_init(&env->lock, NULL);
	pthread_cond_init(&env->work, NULL);
	pthread_cond_init(&env->reading, NULL);
	list_push(&envs, &env->link);
	scope_add(&provider->scope, &env->node, env_ends);
	return env;
}

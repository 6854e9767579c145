/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* apply.c - one operation of a set, as a backend does it; on the writer's thread. */
#include "core/store/env.h"
#include "core/store/txn.h"
#include "core/store/value.h"

#include <string.h>

static bool keep_row(void *ctx, const char *user, const char *key, const void *bytes, size_t len)
{
	struct str *out = ctx;

	(void)user;
	(void)key;
	str_append_n(out, bytes, len);
	return true;
}

static int expect(struct store_env *env, void *t, const struct op *op)
{
	struct str row = { 0 };
	struct tct_value now = { 0 }, wanted = { 0 };
	int status = env_ops(env)->txn_get(env_mod(env), t, op->kv->table, op->user, op->key, keep_row,
		&row);
	bool same;

	if (status != TCT_OK && status != TCT_ENOENT) {
		str_fini(&row);
		return status;
	}
	if (status == TCT_OK && !value_decode(str_span(&row), &now)) {
		str_fini(&row);
		return TCT_EIO;
	}
	value_decode(op->bytes, &wanted);
	same = value_equal(&now, &wanted);
	str_fini(&row);
	return same ? TCT_OK : TCT_ECONFLICT;
}

static bool keep_archive_row(void *ctx, uint64_t id, const char *with, const void *bytes,
	size_t len)
{
	(void)id;
	(void)with;
	str_append_n(ctx, bytes, len);
	return true;
}

static int mark_row(struct store_env *env, void *t, const struct op *op)
{
	struct str row = { 0 };
	struct arena a;
	struct mark mark;
	struct span bytes;
	size_t room = 0;
	int status = env_ops(env)->archive_get(env_mod(env), t, op->kv->table, op->user, op->id,
		keep_archive_row, &row);

	if (status == TCT_OK && row.len > 0) {
		arena_init(&a);
		memcpy(&mark, op->bytes.data, sizeof mark);
		bytes = str_span(&row);
		value_mark(&a, &bytes, &room, &mark);
		status = env_ops(env)->replace(env_mod(env), t, op->kv->table, op->user, op->id,
			bytes.data, bytes.len);
		arena_fini(&a);
	}
	str_fini(&row);
	return status;
}

static int apply_archive_op(struct store_env *env, void *t, const struct op *op)
{
	const struct tct_storage_ops *ops = env_ops(env);
	struct tct_mod *m = env_mod(env);
	void *table = op->kv->table;

	switch ((enum op_kind)op->kind) {
	case OP_APPEND:
		return ops->append(m, t, table, op->user, op->id, op->with, op->bytes.data,
			op->bytes.len);
	case OP_REPLACE:
		return ops->replace(m, t, table, op->user, op->id, op->bytes.data, op->bytes.len);
	case OP_ARCHIVE_DELETE:
		return ops->archive_del(m, t, table, op->user, op->id);
	case OP_TRIM:
		return ops->trim(m, t, table, op->user, op->id);
	case OP_PURGE:
		return ops->purge(m, t, table, op->user);
	case OP_EXPIRE:
		return ops->expire(m, t, table, op->id);
	case OP_MARK:
		return mark_row(env, t, op);
	default:
		return TCT_EIO;
	}
}

int env_apply_op(struct store_env *env, void *t, const struct op *op)
{
	const struct tct_storage_ops *ops = env_ops(env);
	struct tct_mod *m = env_mod(env);

	switch ((enum op_kind)op->kind) {
	case OP_PUT:
		return ops->put(m, t, op->kv->table, op->user, op->key, op->bytes.data,
			op->bytes.len);
	case OP_DELETE:
		return ops->del(m, t, op->kv->table, op->user, op->key);
	case OP_DELETE_USER:
		return ops->del_user(m, t, op->kv->table, op->user);
	case OP_EXPECT:
		return expect(env, t, op);
	default:
		return apply_archive_op(env, t, op);
	}
}

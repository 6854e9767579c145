/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* expire.c - messages go: those that are too old, the oldest of an archive that is too large,
 * and all of an account that was deleted. Always from the oldest on, so that an archive has
 * no holes. What is too old is invisible at once (mam_floor); the store is told now and then,
 * once for all accounts. */
#include "modules/mod_mam/mam.h"

#include <inttypes.h>
#include <string.h>

#define WALK 100       /* rows of a read, to find where an archive is too large */
#define PAUSE_MS 5     /* between two accounts */
#define FIRST_MS 60000 /* after the start */
#define USERS 100      /* of one read */
#define JOBS_MAX 10000

/* An account whose archive is measured. In the scope of the instance. */
struct mam_job {
	struct mam_job *next;
	struct tct_mod *m;
	uint64_t cursor; /* rows below it are left to look at */
	uint64_t up_to;  /* this one and all before it are too many */
	int64_t count, bytes;
	char user[];
};

static void next_job(struct tct_scope *scope, void *data);

static bool has_limit(const struct mam_config *config)
{
	return config->max_messages > 0 || config->max_bytes > 0;
}

/* ---- age ---- */

/* Microseconds since 1970; 0: nothing is too old. */
static int64_t oldest_of(const struct mam_config *config)
{
	int64_t oldest = tct_now_us() - config->expire_after * 1000000;

	return config->expire_after > 0 && oldest > 0 ? oldest : 0;
}

uint64_t mam_floor(struct tct_mod *m)
{
	return (uint64_t)oldest_of(tct_mod_config(m)) << 8;
}

static void expired(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	if (status == TCT_OK)
		tct_log_debug(data, "messages that are too old have gone");
	else
		tct_log_warn(data, "messages that are too old stay for now (%s)",
			tct_code_text(status));
}

/* Nobody needs what is older than `block` says. */
static void expire_now(struct tct_mod *m, void *block, bool ok)
{
	struct mam_data *data = tct_mod_data(m);
	int64_t *oldest = block;
	struct tct_txn *txn;

	data->expiring = false;
	if (ok) {
		txn = tct_txn_new(m);
		tct_archive_expire(txn, data->archive, *oldest);
		tct_txn_submit(tct_mod_scope(m), txn, expired, m);
	} else {
		tct_log_warn(m, "messages that are too old stay for now (some are needed)");
	}
	tct_scope_free(oldest);
}

static void expire(struct tct_mod *m)
{
	struct mam_data *data = tct_mod_data(m);
	int64_t oldest = oldest_of(tct_mod_config(m)), *block;

	if (oldest == 0 || data->expiring)
		return;
	data->expiring = true;
	block = tct_scope_alloc(tct_mod_scope(m), sizeof *block, NULL);
	*block = oldest;
	mam_leave(m, NULL, ((uint64_t)oldest << 8) - 1, expire_now, block);
}

/* ---- one account after the other is measured ---- */

static void start(struct tct_mod *m, int64_t ms)
{
	struct mam_data *data = tct_mod_data(m);

	if (data->sweeping)
		return;
	data->sweeping = true;
	tct_timer_start(tct_mod_scope(m), ms, 0, next_job, m);
}

static void add_job(struct tct_mod *m, const char *user)
{
	struct mam_data *data = tct_mod_data(m);
	size_t len = strlen(user) + 1;
	struct mam_job *job;

	if (data->job_count >= JOBS_MAX)
		return; /* the next pass finds it */
	for (job = data->jobs; job != NULL; job = job->next) {
		if (strcmp(job->user, user) == 0)
			return;
	}
	job = tct_scope_alloc(tct_mod_scope(m), sizeof *job + len, NULL);
	job->m = m;
	memcpy(job->user, user, len);
	*data->last_job = job;
	data->last_job = &job->next;
	data->job_count++;
	start(m, 0);
}

static void end_job(struct mam_job *job)
{
	struct tct_mod *m = job->m;
	struct mam_data *data = tct_mod_data(m);

	data->sweeping = false;
	tct_scope_free(job);
	if (data->jobs != NULL || data->passing)
		start(m, PAUSE_MS);
}

static bool job_failed(struct mam_job *job, int status)
{
	if (status == TCT_OK)
		return false;
	tct_log_warn(job->m, "the archive of \"%s\" stays too large for now (%s)", job->user,
		tct_code_text(status));
	end_job(job);
	return true;
}

static void trimmed(struct tct_scope *scope, int status, void *data)
{
	struct mam_job *job = data;

	(void)scope;
	if (job_failed(job, status))
		return;
	tct_log_info(job->m, "the oldest messages of \"%s\" have gone, %" PRId64 " are left",
		job->user, job->count - 1);
	end_job(job);
}

static void trim(struct tct_mod *m, void *data, bool ok)
{
	const struct mam_data *mam = tct_mod_data(m);
	struct mam_job *job = data;
	struct tct_txn *txn;

	if (job_failed(job, ok ? TCT_OK : TCT_EBUSY))
		return;
	txn = tct_txn_new(m);
	tct_archive_trim(txn, mam->archive, job->user, job->up_to);
	tct_txn_submit(tct_mod_scope(m), txn, trimmed, job);
}

static void walk(struct mam_job *job);

static void on_walked(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct mam_job *job = data;
	const struct mam_config *config = tct_mod_config(job->m);

	(void)scope;
	if (job_failed(job, page->status))
		return;
	for (size_t i = page->count; i-- > 0;) {
		job->count++;
		job->bytes += (int64_t)page->rows[i].value.bytes.len;
		job->cursor = page->rows[i].id;
		if ((config->max_messages > 0 && job->count > config->max_messages) ||
			(config->max_bytes > 0 && job->bytes > config->max_bytes)) {
			job->up_to = job->cursor;
			mam_leave(job->m, job->user, job->up_to, trim, job);
			return;
		}
	}
	if (page->complete != 0 || page->count == 0)
		end_job(job);
	else
		walk(job);
}

/* From the newest row back. */
static void walk(struct mam_job *job)
{
	const struct mam_data *mam = tct_mod_data(job->m);
	struct tct_archive_query q = { .size = sizeof q, .before = job->cursor, .limit = WALK,
		.reverse = 1 };

	tct_archive_find(tct_mod_scope(job->m), mam->archive, job->user, &q, on_walked, job);
}

/* ---- all accounts ---- */

static void on_users(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = data;
	struct mam_data *mam = tct_mod_data(m);

	(void)scope;
	mam->sweeping = false;
	mam->passing = rows->status == TCT_OK && rows->count == USERS;
	for (size_t i = 0; i < rows->count; i++)
		add_job(m, rows->rows[i].user);
	tct_scope_free(mam->after);
	mam->after = NULL;
	if (mam->passing) {
		const char *last = rows->rows[rows->count - 1].user;

		mam->after = tct_scope_alloc(tct_mod_scope(m), strlen(last) + 1, NULL);
		memcpy(mam->after, last, strlen(last) + 1);
	}
	if (mam->jobs != NULL || mam->passing)
		start(m, PAUSE_MS);
}

static void next_job(struct tct_scope *scope, void *data)
{
	struct tct_mod *m = data;
	struct mam_data *mam = tct_mod_data(m);
	struct mam_job *job = mam->jobs;

	if (job == NULL) {
		tct_archive_users(scope, mam->archive, mam->after, USERS, on_users, m);
		return;
	}
	mam->jobs = job->next;
	if (mam->jobs == NULL)
		mam->last_job = &mam->jobs;
	mam->job_count--;
	walk(job);
}

static void on_time(struct tct_scope *scope, void *data)
{
	struct tct_mod *m = data;
	struct mam_data *mam = tct_mod_data(m);

	(void)scope;
	expire(m);
	if (mam->passing || !has_limit(tct_mod_config(m)))
		return;
	mam->passing = true;
	start(m, 0);
}

void mam_expire_start(struct tct_mod *m)
{
	const struct mam_config *config = tct_mod_config(m);
	struct mam_data *data = tct_mod_data(m);
	int64_t interval = config->expire_interval * 1000;

	if (data->expiry != NULL)
		tct_timer_stop(data->expiry);
	if (data->last_job == NULL)
		data->last_job = &data->jobs;
	data->expiry = tct_timer_start(tct_mod_scope(m), interval < FIRST_MS ? interval : FIRST_MS,
		interval, on_time, m);
}

/* An archive that has grown by an eighth of what it may be is looked at. */
void mam_expire_note(struct tct_mod *m, struct tct_entity *e, size_t bytes)
{
	const struct mam_config *config = tct_mod_config(m);
	struct mam_entity *data;

	if (!has_limit(config))
		return;
	data = tct_entity_data(m, e);
	data->count++;
	data->bytes += (int64_t)bytes;
	if ((config->max_messages == 0 || data->count * 8 < config->max_messages) &&
		(config->max_bytes == 0 || data->bytes * 8 < config->max_bytes))
		return;
	data->count = 0;
	data->bytes = 0;
	add_job(m, tct_entity_user(e));
}

/* ---- accounts that are deleted ---- */

void mam_on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	const struct mam_data *data = tct_mod_data(m);
	const char *user = tct_entity_user(e);
	struct tct_txn *txn = tct_txn_new(m);

	tct_archive_delete_user(txn, data->archive, user);
	tct_kv_delete_user(txn, data->accounts, user);
	tct_kv_delete_user(txn, data->pending, user);
	tct_txn_submit(NULL, txn, NULL, NULL);
	mam_retract_forget(m, user);
}

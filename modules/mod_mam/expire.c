/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* expire.c - messages go: those that are too old, the oldest of an archive that is too large,
 * and all of an account that was deleted. Always from the oldest on, so that an archive has
 * no holes. What is too old is invisible at once (mam_floor); the store loses it later, in
 * small write sets, one account after the other. */
#include "modules/mod_mam/mam.h"

#include <inttypes.h>
#include <string.h>

/* A row of "mam_account": ids below it belonged to an account of that name that was deleted. */
#define KEY_PURGED "purged"
#define CHUNK 200                /* rows of a write set */
#define WALK 100                 /* rows of a read, to find where an archive is too large */
#define PAUSE_MS 5               /* between two write sets */
#define FIRST_MS 60000           /* after the start */
#define USERS 100                /* of one read */
#define JOBS_MAX 10000

/* An account whose archive is looked at. In the scope of the instance. */
struct mam_job {
	struct mam_job *next;
	struct tct_mod *m;
	uint64_t floor;    /* rows below it go */
	int64_t purged;    /* as it was read, 0: none */
	uint64_t cursor;   /* of the walk */
	int64_t count, bytes;
	size_t removed;
	bool measured;
	char user[];
};

static void next_job(struct tct_scope *scope, void *data);
static void remove_rows(struct tct_scope *scope, void *data);

/* ---- what is visible ---- */

static uint64_t age_floor(const struct mam_config *config)
{
	int64_t oldest = tct_now_us() - config->expire_after * 1000000;

	return config->expire_after > 0 && oldest > 0 ? (uint64_t)oldest << 8 : 0;
}

uint64_t mam_floor(struct tct_mod *m, const struct tct_entity *e)
{
	const struct mam_data *data = tct_mod_data(m);
	uint64_t floor = age_floor(tct_mod_config(m));
	struct tct_value purged;

	if (tct_entity_get(e, data->accounts, KEY_PURGED, &purged) &&
		purged.kind == TCT_VALUE_INT && (uint64_t)purged.i > floor)
		floor = (uint64_t)purged.i;
	return floor;
}

/* ---- one account after the other ---- */

static void start(struct tct_mod *m, int64_t ms)
{
	struct mam_data *data = tct_mod_data(m);

	if (data->sweeping)
		return;
	data->sweeping = true;
	tct_timer_start(tct_mod_scope(m), ms, 0, next_job, m);
}

static void add_job(struct tct_mod *m, const char *user, uint64_t floor)
{
	struct mam_data *data = tct_mod_data(m);
	size_t len = strlen(user) + 1;
	struct mam_job *job;

	if (data->job_count >= JOBS_MAX)
		return; /* the next pass finds it */
	for (job = data->jobs; job != NULL; job = job->next) {
		if (strcmp(job->user, user) != 0)
			continue;
		job->floor = job->floor > floor ? job->floor : floor;
		return;
	}
	job = tct_scope_alloc(tct_mod_scope(m), sizeof *job + len, NULL);
	job->m = m;
	job->floor = floor;
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

	if (job->removed > 0)
		tct_log_info(m, "%zu messages removed from the archive of \"%s\"", job->removed,
			job->user);
	data->sweeping = false;
	tct_scope_free(job);
	if (data->jobs != NULL || data->passing)
		start(m, PAUSE_MS);
}

static bool job_failed(struct mam_job *job, int status)
{
	if (status == TCT_OK)
		return false;
	tct_log_warn(job->m, "old messages of \"%s\" stay for now (%s)", job->user,
		tct_code_text(status));
	end_job(job);
	return true;
}

/* ---- rows go ---- */

static void cleared(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	/* When the account was deleted once more meanwhile, its row is another. */
	(void)status;
	end_job(data);
}

/* Nothing is below the floor any more: what said so goes, too. */
static void clear_purged(struct mam_job *job)
{
	const struct mam_data *data = tct_mod_data(job->m);
	struct tct_txn *txn;

	if (job->purged == 0) {
		end_job(job);
		return;
	}
	txn = tct_txn_new(job->m);
	tct_kv_expect(txn, data->accounts, job->user, KEY_PURGED, tct_int(job->purged));
	tct_kv_delete(txn, data->accounts, job->user, KEY_PURGED);
	tct_txn_submit(tct_mod_scope(job->m), txn, cleared, job);
}

static void removed(struct tct_scope *scope, int status, void *data)
{
	if (!job_failed(data, status))
		tct_timer_start(scope, PAUSE_MS, 0, remove_rows, data);
}

static void measure(struct mam_job *job);

static void on_old(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct mam_job *job = data;
	const struct mam_data *mam = tct_mod_data(job->m);
	struct tct_txn *txn;

	if (job_failed(job, page->status))
		return;
	if (page->count == 0) {
		measure(job);
		return;
	}
	txn = tct_txn_new(job->m);
	for (size_t i = 0; i < page->count; i++)
		tct_archive_delete(txn, mam->archive, job->user, page->rows[i].id);
	job->removed += page->count;
	tct_txn_submit(scope, txn, removed, job);
}

static void remove_rows(struct tct_scope *scope, void *data)
{
	struct mam_job *job = data;
	const struct mam_data *mam = tct_mod_data(job->m);
	struct tct_archive_query q = { .size = sizeof q, .before = job->floor, .limit = CHUNK };

	if (job->floor == 0)
		measure(job);
	else
		tct_archive_find(scope, mam->archive, job->user, &q, on_old, job);
}

/* ---- how large an archive is ---- */

static void walk(struct mam_job *job);

static void on_walked(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct mam_job *job = data;
	const struct mam_config *config = tct_mod_config(job->m);

	if (job_failed(job, page->status))
		return;
	for (size_t i = page->count; i-- > 0;) {
		job->count++;
		job->bytes += (int64_t)page->rows[i].value.bytes.len;
		job->cursor = page->rows[i].id;
		if ((config->max_messages > 0 && job->count > config->max_messages) ||
			(config->max_bytes > 0 && job->bytes > config->max_bytes)) {
			job->floor = page->rows[i].id + 1;
			remove_rows(scope, job);
			return;
		}
	}
	if (page->complete != 0 || page->count == 0)
		clear_purged(job);
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

static void measure(struct mam_job *job)
{
	const struct mam_config *config = tct_mod_config(job->m);

	if (job->measured || (config->max_messages == 0 && config->max_bytes == 0)) {
		clear_purged(job);
		return;
	}
	job->measured = true;
	walk(job);
}

static void on_purged(struct tct_scope *scope, const struct tct_kv_result *r, void *data)
{
	struct mam_job *job = data;
	uint64_t floor = age_floor(tct_mod_config(job->m));

	if (r->status != TCT_ENOENT && job_failed(job, r->status))
		return;
	if (r->status == TCT_OK && r->value.kind == TCT_VALUE_INT)
		job->purged = r->value.i;
	if ((uint64_t)job->purged > floor)
		floor = (uint64_t)job->purged;
	if (floor > job->floor)
		job->floor = floor;
	remove_rows(scope, job);
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
		add_job(m, rows->rows[i].user, 0);
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
	tct_kv_get(scope, mam->accounts, job->user, KEY_PURGED, on_purged, job);
}

static void on_time(struct tct_scope *scope, void *data)
{
	struct tct_mod *m = data;
	struct mam_data *mam = tct_mod_data(m);

	(void)scope;
	if (mam->passing)
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

	if (config->max_messages == 0 && config->max_bytes == 0)
		return;
	data = tct_entity_data(m, e);
	data->count++;
	data->bytes += (int64_t)bytes;
	if ((config->max_messages == 0 || data->count * 8 < config->max_messages) &&
		(config->max_bytes == 0 || data->bytes * 8 < config->max_bytes))
		return;
	data->count = 0;
	data->bytes = 0;
	add_job(m, tct_entity_user(e), 0);
}

/* ---- accounts that are deleted ---- */

/* The id of a row that is never there says which rows were before. */
void mam_on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	const struct mam_data *data = tct_mod_data(m);
	const char *user = tct_entity_user(e);
	struct tct_txn *txn = tct_txn_new(m);
	uint64_t id = tct_archive_append(txn, data->archive, user, "", tct_int(0));

	tct_archive_delete(txn, data->archive, user, id);
	tct_kv_delete_user(txn, data->accounts, user);
	tct_kv_delete_user(txn, data->pending, user);
	tct_kv_put(txn, data->accounts, user, KEY_PURGED, tct_int((int64_t)id));
	tct_txn_submit(NULL, txn, NULL, NULL);
	mam_retract_forget(m, user);
	add_job(m, user, id);
}

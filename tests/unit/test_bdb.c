/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_bdb.c - core/store over mod_storage_bdb: what any store does, and what only one on
 * disk does: it is there after a new start and after a kill, it has one user, it says no
 * before the disk is full. */
#include "tests/unit/store_kit.h"

#include "modules/mod_storage_bdb/env.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern const struct tct_module_info tct_module_storage_bdb;
const struct tct_module_info *const backend_info = &tct_module_storage_bdb;

static char folder[64], path[96];
static int stores;
static bool keep; /* the next start opens the same store again */
static int64_t reserve;

const void *backend_config(void)
{
	static struct bdb_config config;

	if (!keep)
		snprintf(path, sizeof path, "%s/%d", folder, ++stores);
	keep = false;
	config = (struct bdb_config){ .path = path, .cache_size = 1 << 20,
		.checkpoint_size = 1 << 20, .store_reserve = reserve };
	return &config;
}

static void start_again(void **state)
{
	kit_teardown(state);
	keep = true;
	assert_int_equal(kit_start(NULL, NULL), 0);
}

static void rows_are_there_after_a_restart(void **state)
{
	struct tct_archive_query all = { .size = sizeof all, .limit = 10 };
	struct tct_txn *txn = tct_txn_new(&user);
	uint64_t first, second;

	tct_kv_put(txn, kv, "juliet", "name", tct_string("Juliet"));
	first = tct_archive_append(txn, archive, "juliet", "romeo@b", tct_string("one"));
	assert_int_equal(commit(txn), TCT_OK);
	start_again(state);
	assert_string_equal(get("juliet", "name"), "Juliet");
	txn = tct_txn_new(&user);
	second = tct_archive_append(txn, archive, "juliet", "romeo@b", tct_string("two"));
	assert_true(second > first);
	assert_int_equal(commit(txn), TCT_OK);
	find("juliet", &all);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.rows[0].text, "one");
	assert_int_equal(seen.rows[0].id, first);
	assert_string_equal(seen.rows[1].text, "two");
}

/* Writes for ever, and says which rows were reported as durable. */
static void write_for_ever(int out)
{
	char key[16];

	if (kit_start(NULL, NULL) != 0)
		_exit(1);
	for (int i = 0;; i++) {
		struct tct_txn *txn = tct_txn_new(&user);

		snprintf(key, sizeof key, "%d", i);
		tct_kv_put(txn, kv, "juliet", key, tct_string(key));
		tct_archive_append(txn, archive, "juliet", "romeo@b", tct_string(key));
		if (commit(txn) != TCT_OK || write(out, &i, sizeof i) != sizeof i)
			_exit(1);
	}
}

static void a_kill_loses_nothing(void **state)
{
	struct tct_archive_query last = { .size = sizeof last, .limit = 1, .reverse = 1 };
	int ends[2], i = -1, acked = -1, status;
	char key[16];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof path, "%s/%d", folder, ++stores);
	child = fork();
	keep = true;
	if (child == 0)
		write_for_ever(ends[1]);
	close(ends[1]);
	while (acked < 200 && read(ends[0], &i, sizeof i) == sizeof i)
		acked = i;
	assert_int_equal(acked, 200);
	kill(child, SIGKILL);
	while (read(ends[0], &i, sizeof i) == sizeof i)
		acked = i;
	close(ends[0]);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(kit_start(NULL, NULL), 0);
	for (i = 0; i <= acked; i++) {
		snprintf(key, sizeof key, "%d", i);
		assert_string_equal(get("juliet", key), key);
	}
	/* One more may be there, and then in both: a set is whole or not at all. */
	snprintf(key, sizeof key, "%d", acked + 1);
	if (get("juliet", key) == NULL)
		snprintf(key, sizeof key, "%d", acked);
	find("juliet", &last);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.rows[0].text, key);
}

static void refused(const char *what)
{
	struct bdb_config config = { .cache_size = 1 << 20, .checkpoint_size = 1 << 20 };
	struct tct_error err = { 0 };
	struct bdb other = { 0 };

	assert_int_not_equal(bdb_open(&other, path, &config, &err), TCT_OK);
	assert_non_null(strstr(tct_error_text(&err), what));
	assert_non_null(strstr(tct_error_text(&err), path));
	error_clear(&err);
}

static void it_has_one_user(void **state)
{
	char wanted[64];

	(void)state;
	snprintf(wanted, sizeof wanted, "in use by process %ld", (long)getpid());
	refused(wanted);
	put("juliet", "name", "Juliet");
	assert_string_equal(get("juliet", "name"), "Juliet");
}

static void others_may_not_look_in(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "%s/%d", folder, ++stores);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0750), 0);
	refused("open to others (mode 0750)");
}

static void another_format_is_left_alone(void **state)
{
	char file[128];
	int fd;

	(void)state;
	snprintf(path, sizeof path, "%s/%d", folder, ++stores);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(file, sizeof file, "%s/FORMAT", path);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "tercet store 7\n", 15), 15);
	close(fd);
	refused("has format \"tercet store 7\", this server knows \"tercet store 1\"");
}

static void files_are_private(void **state)
{
	char file[128];
	struct stat st;

	(void)state;
	put("juliet", "name", "Juliet");
	get("juliet", "name");
	snprintf(file, sizeof file, "%s/kv--things.db", path);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* No disk is as large as this reserve. */
static int setup_full(void **state)
{
	reserve = INT64_C(1) << 60;
	return kit_setup(state);
}

static void a_full_disk_takes_nothing_new(void **state)
{
	struct tct_txn *txn = tct_txn_new(&user);

	(void)state;
	reserve = 0;
	tct_kv_put(txn, kv, "juliet", "name", tct_string("Juliet"));
	assert_int_equal(commit(txn), TCT_EFULL);
	assert_null(get("juliet", "name"));
	assert_int_equal(seen.status, TCT_ENOENT);
	txn = tct_txn_new(&user);
	tct_kv_delete(txn, kv, "juliet", "name");
	assert_int_equal(commit(txn), TCT_OK);
}

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(name);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test_setup_teardown(rows_are_there_after_a_restart, kit_setup,
			kit_teardown),
		cmocka_unit_test_teardown(a_kill_loses_nothing, kit_teardown),
		cmocka_unit_test_setup_teardown(it_has_one_user, kit_setup, kit_teardown),
		cmocka_unit_test(others_may_not_look_in),
		cmocka_unit_test(another_format_is_left_alone),
		cmocka_unit_test_setup_teardown(files_are_private, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_takes_nothing_new, setup_full,
			kit_teardown),
	};
	int failed;

	snprintf(folder, sizeof folder, "test_bdb.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	failed = store_suite_run(more, sizeof more / sizeof *more);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return failed;
}

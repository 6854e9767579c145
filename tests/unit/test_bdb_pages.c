/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_bdb_pages.c - a folder whose files have larger pages than we make, and archives without
 * marks of full addresses, as the first servers have left them: it is read and written on, and
 * what is made anew has our pages. */
#include "tests/unit/store_kit.h"

#include "modules/mod_storage_bdb/archive.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_BYTES 8192
#define ROWS 300
#define DAY_MS INT64_C(86400000)

extern const struct tct_module_info tct_module_storage_bdb;
const struct tct_module_info *const backend_info = &tct_module_storage_bdb;

static char path[64];

const void *backend_config(void)
{
	static struct bdb_config config;

	config = (struct bdb_config){ .path = path, .cache_size = 1 << 20,
		.checkpoint_size = 1 << 20 };
	return &config;
}

static DB *open_file(const char *name, u_int32_t flags, u_int32_t bytes)
{
	DB *db;

	assert_int_equal(db_create(&db, NULL, 0), 0);
	if (bytes != 0)
		assert_int_equal(db->set_pagesize(db, bytes), 0);
	assert_int_equal(db->open(db, NULL, name, NULL, DB_BTREE, flags, 0600), 0);
	return db;
}

/* Marks of full addresses and what says that they are there are no part of the copy. */
static bool is_old(const char *name, const DBT *k, const unsigned char *party)
{
	const unsigned char *key = k->data;

	if (strstr(name, "/ar-") == NULL)
		return true;
	if (k->size == 1 && key[0] == 'f')
		return false;
	return k->size != RUN_KEY || key[8] != 0 || memcmp(key + 9, party, 8) != 0;
}

static void copy_file(const char *name)
{
	unsigned char party[8];
	char copy[512];
	DBT k, v;
	DB *from, *to;
	DBC *c;

	snprintf(copy, sizeof copy, "%s.new", name);
	from = open_file(name, DB_RDONLY, 0);
	to = open_file(copy, DB_CREATE | DB_EXCL, OLD_BYTES);
	memset(&k, 0, sizeof k);
	memset(&v, 0, sizeof v);
	put_u64(party, full_hash("romeo@b/phone"));
	assert_int_equal(from->cursor(from, NULL, &c, 0), 0);
	while (c->get(c, &k, &v, DB_NEXT) == 0) {
		if (is_old(name, &k, party))
			assert_int_equal(to->put(to, NULL, &k, &v, 0), 0);
	}
	c->close(c);
	assert_int_equal(from->close(from, 0), 0);
	assert_int_equal(to->close(to, 0), 0);
	assert_int_equal(rename(copy, name), 0);
}

/* All files of the store, which is at rest; the log knows the ones that were there before. */
static int make_old(const char *name, const struct stat *st, int kind, struct FTW *walk)
{
	const char *last = name + walk->base;

	(void)st;
	if (kind != FTW_F)
		return 0;
	if (strncmp(last, "log.", 4) == 0)
		return remove(name);
	if (strlen(last) > 3 && strcmp(last + strlen(last) - 3, ".db") == 0)
		copy_file(name);
	return 0;
}

static void assert_page_size(const char *start, u_int32_t bytes, int files)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[512];

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		u_int32_t found;
		DB *db;

		if (strncmp(entry->d_name, start, strlen(start)) != 0)
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		db = open_file(name, DB_RDONLY, 0);
		assert_int_equal(db->get_pagesize(db, &found), 0);
		db->close(db, 0);
		assert_int_equal(found, bytes);
		files--;
	}
	closedir(dir);
	assert_int_equal(files, 0);
}

static void fill(int rows, const char *with)
{
	char text[300] = "";
	struct tct_txn *txn = tct_txn_new(&user);

	memset(text, 'x', sizeof text - 1);
	for (int i = 0; i < rows; i++)
		tct_archive_append(txn, archive, "juliet", i % 10 == 0 ? "nurse@b" : with,
			tct_string(text));
	tct_kv_put(txn, kv, "juliet", with, tct_string(text));
	assert_int_equal(commit(txn), TCT_OK);
}

static size_t count(const char *with, uint32_t flags)
{
	struct tct_archive_query q = { .size = sizeof q, .limit = 50, .with = with, .flags = flags };
	size_t total = 0;

	do {
		find("juliet", &q);
		assert_int_equal(seen.status, TCT_OK);
		total += seen.count;
		if (seen.count > 0)
			q.after = seen.rows[seen.count - 1].id;
	} while (!seen.complete);
	return total;
}

/* The last page, which may be of both kinds of rows. */
static void assert_last(const char *with, size_t rows)
{
	struct tct_archive_query q = { .size = sizeof q, .limit = 50, .with = with, .reverse = 1 };

	find("juliet", &q);
	assert_int_equal(seen.count, rows);
	for (size_t i = 0; i < seen.count; i++)
		assert_string_equal(seen.rows[i].with, with);
}

static void an_old_store_is_read_and_written_on(void **state)
{
	fill(ROWS, "romeo@b/phone");
	kit_teardown(state);
	assert_int_equal(nftw(path, make_old, 8, FTW_PHYS), 0);
	assert_page_size("ar-", OLD_BYTES, 2);
	assert_page_size("kv-", OLD_BYTES, 1);
	assert_int_equal(kit_start(NULL, NULL), 0);
	assert_int_equal(count(NULL, 0), ROWS);
	assert_int_equal(count("romeo@b", TCT_ARCHIVE_BARE), ROWS * 9 / 10);
	assert_int_equal(count("romeo@b/phone", 0), ROWS * 9 / 10);
	assert_non_null(get("juliet", "romeo@b/phone"));
	fill(30, "romeo@b/phone");
	fill(20, "romeo@b/desk");
	kit_teardown(state);
	assert_int_equal(kit_start(NULL, NULL), 0);
	assert_int_equal(count(NULL, 0), ROWS + 50);
	assert_int_equal(count("romeo@b/phone", 0), ROWS * 9 / 10 + 27);
	assert_int_equal(count("romeo@b/desk", 0), 18);
	assert_last("romeo@b/phone", 50);
	assert_last("romeo@b/desk", 18);
	loop_clock_advance(40 * DAY_MS);
	fill(20, "romeo@b/desk");
	assert_int_equal(count("romeo@b/desk", 0), 36);
	loop_clock_advance(-40 * DAY_MS);
	kit_teardown(state);
	/* A month, and its catalog, as they were; and a new month. */
	assert_page_size("kv-", OLD_BYTES, 1);
	assert_page_size("ar--history.db", OLD_BYTES, 1);
	assert_int_equal(kit_start(NULL, NULL), 0);
}

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(name);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_old_store_is_read_and_written_on, kit_setup,
			kit_teardown),
	};
	int failed;

	snprintf(path, sizeof path, "test_bdb_pages.XXXXXX");
	if (mkdtemp(path) == NULL)
		return 99;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return failed;
}

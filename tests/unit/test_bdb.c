/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_bdb.c - core/store over mod_storage_bdb: what any store does, and what only one on
 * disk does: it is there after a new start and after a kill, it has one user, it says no
 * before the disk is full. */
#include "tests/unit/store_kit.h"

#include "modules/mod_storage_bdb/archive.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern const struct tct_module_info tct_module_storage_bdb;
const struct tct_module_info *const backend_info = &tct_module_storage_bdb;

static char folder[64], path[96];
static int stores;
static bool keep; /* the next start opens the same store again */
static int64_t reserve, checkpoint = 1 << 20;

const void *backend_config(void)
{
	static struct bdb_config config;

	if (!keep)
		snprintf(path, sizeof path, "%s/%d", folder, ++stores);
	keep = false;
	config = (struct bdb_config){ .path = path, .cache_size = 1 << 20,
		.checkpoint_size = checkpoint, .store_reserve = reserve };
	return &config;
}

/* ---- what Berkeley DB and we ask of the system comes through here ---- */

static _Atomic bool log_is_full; /* the log can take nothing */
static _Atomic int refusals;
static _Atomic bool log_hangs, log_waits; /* it is not synced; and somebody wants it to be */
static _Atomic unsigned named; /* the newest log file when the folder was synced last */

static unsigned newest_log(void)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned n, newest = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (sscanf(entry->d_name, "log.%u", &n) == 1 && n > newest)
			newest = n;
	}
	if (dir != NULL)
		closedir(dir);
	return newest;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		named = newest_log();
	return real(fd);
}

static bool is_log(int fd)
{
	char link[64], name[256];
	ssize_t len;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, name, sizeof name - 1);
	name[len > 0 ? len : 0] = '\0';
	return strstr(name, "/log.0") != NULL;
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");

	while (log_hangs && is_log(fd)) {
		log_waits = true;
		usleep(1000);
	}
	return real(fd);
}

static bool refuses(int fd)
{
	if (!log_is_full || !is_log(fd))
		return false;
	refusals++;
	errno = ENOSPC;
	return true;
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *bytes, size_t len)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");

	return refuses(fd) ? -1 : real(fd, bytes, len);
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *bytes, size_t len,
	off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");

	return refuses(fd) ? -1 : real(fd, bytes, len, at);
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

/* ---- archives on disk ---- */

#define DAY_MS INT64_C(86400000)

static uint64_t append(const char *who, const char *with)
{
	struct tct_txn *txn = tct_txn_new(&user);
	uint64_t id = tct_archive_append(txn, archive, who, with, tct_string("x"));

	submit(txn);
	return id;
}

/* Ids are never used again: not after a deletion of the last ones, and not when the clock is
 * put back meanwhile. */
static void ids_rise_over_restarts(void **state)
{
	struct tct_txn *txn;
	uint64_t id, last;

	loop_clock_advance(3 * DAY_MS);
	last = append("juliet", "romeo@b");
	txn = tct_txn_new(&user);
	tct_archive_delete_user(txn, archive, "juliet");
	assert_int_equal(commit(txn), TCT_OK);
	loop_clock_advance(-3 * DAY_MS);
	start_again(state);
	id = append("juliet", "romeo@b");
	assert_true(id > last);
	/* After a clean stop it goes on right behind. */
	assert_true(id - last < UINT64_C(1000000) << 8);
	start_again(state);
	assert_true(append("juliet", "romeo@b") > id);
}

/* The writer has lost its memory of who wrote last: searches do not notice. */
static void runs_go_on_after_a_restart(void **state)
{
	struct tct_archive_query q = { .size = sizeof q, .limit = 60, .with = "r@b" };

	append("juliet", "r@b");
	append("juliet", "n@b");
	start_again(state);
	append("juliet", "n@b");
	append("juliet", "r@b");
	start_again(state);
	append("juliet", "r@b");
	find("juliet", &q);
	assert_int_equal(seen.count, 3);
	q.reverse = 1;
	q.limit = 2;
	find("juliet", &q);
	assert_int_equal(seen.count, 2);
	assert_false(seen.complete);
}

/* Keys in the monthly files of the archives. */
static size_t keys_on_disk(int *files)
{
	struct bdb *bdb = provider.data;
	size_t keys = 0;

	*files = 0;
	for (const struct bdb_table *t = bdb->tables; t != NULL; t = t->next) {
		for (uint32_t n = 0; t->archive != NULL; *files += 1) {
			DB_BTREE_STAT *stat;
			struct month *m;

			assert_int_equal(month_take(t->archive, n, false, &m), TCT_OK);
			if (m == NULL)
				break;
			n = m->number + 1;
			assert_int_equal(m->db->stat(m->db, NULL, &stat, 0), 0);
			keys += stat->bt_nkeys;
			free(stat);
			month_put(t->archive, m);
		}
	}
	return keys;
}

static void wait_for_keys(size_t keys, int files)
{
	int n;

	txn_turn_end();
	for (int i = 0; keys_on_disk(&n) != keys || n != files; i++) {
		struct timespec ms = { 0, 1000000 };

		if (i >= 5000)
			print_error("%zu keys in %d files, not %zu in %d\n", keys_on_disk(&n), n, keys, files);
		assert_true(i < 5000);
		nanosleep(&ms, NULL);
	}
}

static void fill(const char *who, int rows)
{
	struct tct_txn *txn = tct_txn_new(&user);

	while (rows-- > 0)
		tct_archive_append(txn, archive, who, "r@b", tct_string("text"));
	assert_int_equal(commit(txn), TCT_OK);
}

/* In small pieces, between other sets, and the rest after a restart. */
static void space_of_a_user_comes_back(void **state)
{
	struct tct_txn *txn;
	uint64_t last;

	fill("juliet", 3000);
	fill("romeo", 1000);
	loop_clock_advance(40 * DAY_MS);
	fill("juliet", 1000);
	last = append("juliet", "r@b");
	append("juliet", "r@b");
	wait_for_keys(5002 + 47 + 16 + 16, 2); /* a run each 64 rows */
	txn = tct_txn_new(&user);
	tct_archive_trim(txn, archive, "juliet", last);
	assert_int_equal(commit(txn), TCT_OK);
	/* Runs go with the whole month only. */
	wait_for_keys(1000 + 16 + 1 + 16, 2);
	txn = tct_txn_new(&user);
	tct_archive_delete_user(txn, archive, "romeo");
	assert_int_equal(commit(txn), TCT_OK);
	start_again(state);
	append("juliet", "r@b");
	wait_for_keys(1 + 16 + 2, 2);
	loop_clock_advance(-40 * DAY_MS);
}

/* ---- what a query reads ---- */

#define EACH 1000    /* one row in so many is of somebody, or some resource, else */
#define FEW 5        /* of these in the small archive */
#define PAGE 20

static uint64_t pages_read(void)
{
	struct bdb *bdb = provider.data;
	DB_MPOOL_STAT *stat;
	uint64_t pages;

	assert_int_equal(bdb->env->memp_stat(bdb->env, &stat, NULL, 0), 0);
	pages = stat->st_cache_hit + stat->st_cache_miss;
	free(stat);
	return pages;
}

static uint64_t cost(struct tct_archive_query q, size_t rows)
{
	uint64_t before;

	q.size = sizeof q;
	q.limit = PAGE;
	before = pages_read();
	find("juliet", &q);
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, rows);
	return pages_read() - before;
}

/* A long conversation with one resource; another one, and somebody else, say little. */
static uint64_t fill_with_one_in(int rows, uint64_t *middle)
{
	char text[200] = "";
	uint64_t id = 0;

	memset(text, 'x', sizeof text - 1);
	for (int i = 0; i < rows;) {
		struct tct_txn *txn = tct_txn_new(&user);

		for (int n = 0; n < EACH; n++, i++) {
			id = tct_archive_append(txn, archive, "juliet",
				n == 500 ? "romeo@b/watch" : n == 700 ? "nurse@b/hall" : "romeo@b/phone",
				tct_string(text));
			if (i == rows / 2)
				*middle = id;
		}
		assert_int_equal(commit(txn), TCT_OK);
	}
	return id;
}

struct costs {
	uint64_t pages[24];
	size_t count;
};

/* All that clients may ask for (XEP-0313 4.1), and how it is asked here. */
static void ask_all(struct costs *c, uint64_t middle, uint64_t last, size_t few)
{
	static const char *const with[] = { NULL, "romeo@b", "romeo@b/phone", "romeo@b/watch",
		"nurse@b", "nurse@b/hall", "nurse@b/nowhere", "tybalt@b" };
	int64_t time = (int64_t)(middle >> 8);

	for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
		bool bare = with[i] != NULL && strchr(with[i], '/') == NULL;
		size_t rows = i < 3 ? PAGE : i < 6 ? few : 0;
		struct tct_archive_query q = { .with = with[i],
			.flags = bare ? TCT_ARCHIVE_BARE : 0 };

		c->pages[c->count++] = cost(q, rows);
		q.reverse = 1;
		c->pages[c->count++] = cost(q, rows);
	}
	c->pages[c->count++] = cost((struct tct_archive_query){ .start = time }, PAGE);
	c->pages[c->count++] = cost((struct tct_archive_query){ .end = time, .reverse = 1 }, PAGE);
	c->pages[c->count++] = cost((struct tct_archive_query){ .after = middle }, PAGE);
	c->pages[c->count++] = cost(
		(struct tct_archive_query){ .before = middle, .reverse = 1 }, PAGE);
	c->pages[c->count++] = cost((struct tct_archive_query){ .after = last }, 0);
	c->pages[c->count++] = cost((struct tct_archive_query){ .after = middle,
		.with = "romeo@b/phone" }, PAGE);
}

/* By what is read: as much in an archive that is ten times as large, but for the height of the
 * tree and where pages end. Those that find few find ten times as many there, a page of them. */
static void no_query_reads_it_all(void **state)
{
	struct costs small = { .count = 0 }, large = { .count = 0 };
	uint64_t middle = 0, last;

	last = fill_with_one_in(FEW * EACH, &middle);
	ask_all(&small, middle, last, FEW);
	kit_teardown(state);
	assert_int_equal(kit_start(NULL, NULL), 0);
	last = fill_with_one_in(10 * FEW * EACH, &middle);
	ask_all(&large, middle, last, PAGE);
	for (size_t i = 0; i < large.count; i++) {
		/* A page of few is more rows, each in its own place. */
		uint64_t more = i >= 6 && i < 12 ? PAGE / FEW : 1;

		print_message("query %zu: %llu pages, %llu\n", i,
			(unsigned long long)small.pages[i], (unsigned long long)large.pages[i]);
		assert_true(large.pages[i] <= more * small.pages[i] + 30);
	}
}

static bool there(const char *file)
{
	char name[sizeof path + 64];

	snprintf(name, sizeof name, "%s/%.63s", path, file);
	return access(name, F_OK) == 0;
}

static void month_file(char out[64], int64_t time)
{
	time_t t = (time_t)(time / 1000000);
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(out, 64, "ar--history-%04d%02d.db", tm.tm_year + 1900, tm.tm_mon + 1);
}

static void a_month_goes_as_a_file(void **state)
{
	char file[3][64];
	struct tct_txn *txn;
	int64_t time[3];

	for (int i = 0; i < 3; i++) {
		uint64_t id = append(i == 1 ? "juliet" : "romeo", "n@b");

		time[i] = (int64_t)(id >> 8);
		month_file(file[i], time[i]);
		turn_until(&done_calls, i + 1);
		assert_true(there(file[i]));
		loop_clock_advance(32 * DAY_MS);
	}
	wait_for_keys(6, 3);
	txn = tct_txn_new(&user);
	tct_archive_expire(txn, archive, time[2]);
	assert_int_equal(commit(txn), TCT_OK);
	wait_for_keys(2, 1);
	for (int i = 0; there(file[0]) || there(file[1]); i++) {
		assert_true(i < 20000);
		wait_for_keys(2, 1);
	}
	assert_true(there(file[2]));
	start_again(state);
	find("juliet", &(struct tct_archive_query){ .size = sizeof(struct tct_archive_query) });
	assert_int_equal(seen.count, 0);
	find("romeo", &(struct tct_archive_query){ .size = sizeof(struct tct_archive_query) });
	assert_int_equal(seen.count, 1);
	loop_clock_advance(-96 * DAY_MS);
}

static void months_are_those_of_the_calendar(void **state)
{
	uint32_t number = 0;

	(void)state;
	for (time_t day = 0; day < 3000 * 365; day++) {
		uint64_t id = (uint64_t)day * 86400000000 << 8, end = id + (UINT64_C(86400000000) << 8);
		time_t t = day * 86400;
		struct tm tm;

		gmtime_r(&t, &tm);
		number = (uint32_t)((tm.tm_year - 70) * 12 + tm.tm_mon);
		if (end < id)
			break;
		assert_int_equal(month_of(id), number);
		assert_int_equal(month_of(end - 1), number);
		if (tm.tm_mday == 1)
			assert_true(month_first(number) == id);
	}
	assert_true(number > 2200 * 12);
	assert_true(month_first(month_of(UINT64_MAX)) < UINT64_MAX);
	assert_true(month_first(month_of(UINT64_MAX) + 1) == UINT64_MAX);
}

/* ---- kills, locks, folders ---- */

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

/* Holds the lock of a store in the name of `pid` for a moment. */
static void hold_lock(pid_t pid, int out)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	static const struct timespec moment = { 0, 200000000 };
	char file[128];
	int fd;

	snprintf(file, sizeof file, "%s/LOCK", path);
	fd = open(file, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) != 0 || dprintf(fd, "%ld\n", (long)pid) < 0)
		_exit(1);
	if (write(out, "", 1) == 1)
		nanosleep(&moment, NULL);
	_exit(0);
}

/* After a SIGKILL while a thread waits for the disk. */
static void an_ending_user_is_waited_for(void **state)
{
	pid_t ending, holder;
	siginfo_t info;
	int ends[2];
	char c;

	(void)state;
	snprintf(path, sizeof path, "%s/%d", folder, ++stores);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(pipe(ends), 0);
	ending = fork();
	if (ending == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)ending, &info, WEXITED | WNOWAIT), 0);
	holder = fork();
	if (holder == 0)
		hold_lock(ending, ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	keep = true;
	assert_int_equal(kit_start(NULL, NULL), 0);
	waitpid(ending, NULL, 0);
	waitpid(holder, NULL, 0);
	close(ends[0]);
	close(ends[1]);
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

/* What was committed and cannot be flushed is pending: neither refused nor acknowledged. */
static void a_full_log_is_waited_for(void **state)
{
	struct tct_archive_query all = { .size = sizeof all };
	struct tct_txn *txn = tct_txn_new(&user);
	int calls;

	tct_kv_put(txn, kv, "juliet", "name", tct_string("Juliet"));
	assert_int_equal(commit(txn), TCT_OK);
	log_is_full = true;
	/* This needs a new file first, and that fails before anything is committed. */
	txn = tct_txn_new(&user);
	tct_archive_append(txn, archive, "juliet", "romeo@b", tct_string("zero"));
	assert_int_equal(commit(txn), TCT_EFULL);
	log_is_full = false;
	append("juliet", "romeo@b");
	turn_until(&done_calls, calls = 3);
	assert_int_equal(done_status, TCT_OK);
	refusals = 0;
	log_is_full = true;
	txn = tct_txn_new(&user);
	tct_kv_put(txn, kv, "juliet", "house", tct_string("Capulet"));
	tct_archive_append(txn, archive, "juliet", "romeo@b", tct_string("y"));
	submit(txn);
	txn_turn_end();
	while (refusals < 3)
		loop_turn(false);
	assert_int_equal(done_calls, calls);
	log_is_full = false;
	turn_until(&done_calls, calls + 1);
	assert_int_equal(done_status, TCT_OK);
	start_again(state);
	find("juliet", &all);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.rows[1].text, "y");
	assert_string_equal(get("juliet", "house"), "Capulet");
}

/* What is committed and not synced could be gone after a power cut. */
static void what_is_read_is_on_disk(void **state)
{
	int calls = seen.calls, ends = done_calls, heard, ended;
	struct tct_txn *txn = tct_txn_new(&user);

	(void)state;
	log_hangs = true;
	tct_kv_put(txn, kv, "juliet", "name", tct_string("Juliet"));
	submit(txn);
	txn_turn_end();
	while (!log_waits)
		usleep(1000);
	CALL(tct_kv_get(&scope, kv, "juliet", "name", on_get, NULL));
	CALL(tct_kv_get(&scope, kv, "romeo", "name", on_get, NULL));
	for (int i = 0; i < 50; i++) {
		usleep(1000);
		loop_turn(false);
	}
	heard = seen.calls;
	ended = done_calls;
	log_hangs = false;
	assert_int_equal(heard, calls);
	assert_int_equal(ended, ends);
	turn_until(&seen.calls, calls + 2);
	turn_until(&done_calls, ends + 1);
	assert_string_equal(get("juliet", "name"), "Juliet");
}

/* Checkpoints would write log of their own. */
static int setup_log(void **state)
{
	checkpoint = INT64_C(1) << 30;
	return kit_setup(state);
}

static int teardown_log(void **state)
{
	checkpoint = 1 << 20;
	return kit_teardown(state);
}

static void a_new_log_file_has_a_name_on_disk(void **state)
{
	size_t len = 1000000;
	char *text = malloc(len + 1);

	(void)state;
	memset(text, 'x', len);
	text[len] = '\0';
	for (int i = 0; i < 40; i++) {
		struct tct_txn *txn = tct_txn_new(&user);

		tct_kv_put(txn, kv, "juliet", "text", tct_string(text));
		assert_int_equal(commit(txn), TCT_OK);
		assert_int_equal(newest_log(), named);
	}
	assert_true(newest_log() >= 3);
	free(text);
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
		cmocka_unit_test_setup_teardown(ids_rise_over_restarts, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(runs_go_on_after_a_restart, kit_setup,
			kit_teardown),
		cmocka_unit_test_setup_teardown(space_of_a_user_comes_back, kit_setup,
			kit_teardown),
		cmocka_unit_test_setup_teardown(no_query_reads_it_all, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(a_month_goes_as_a_file, kit_setup, kit_teardown),
		cmocka_unit_test(months_are_those_of_the_calendar),
		cmocka_unit_test_teardown(a_kill_loses_nothing, kit_teardown),
		cmocka_unit_test_setup_teardown(it_has_one_user, kit_setup, kit_teardown),
		cmocka_unit_test_teardown(an_ending_user_is_waited_for, kit_teardown),
		cmocka_unit_test(others_may_not_look_in),
		cmocka_unit_test(another_format_is_left_alone),
		cmocka_unit_test_setup_teardown(files_are_private, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_takes_nothing_new, setup_full,
			kit_teardown),
		cmocka_unit_test_setup_teardown(a_full_log_is_waited_for, kit_setup, kit_teardown),
		cmocka_unit_test_setup_teardown(what_is_read_is_on_disk, setup_log, teardown_log),
		cmocka_unit_test_setup_teardown(a_new_log_file_has_a_name_on_disk, setup_log,
			teardown_log),
	};
	int failed;

	snprintf(folder, sizeof folder, "test_bdb.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	failed = store_suite_run(more, sizeof more / sizeof *more);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return failed;
}

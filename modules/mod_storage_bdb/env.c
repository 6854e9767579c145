/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* env.c - see env.h. */
#include "env.h"

#include "archive.h"
#include "crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define FORMAT "tercet store 1\n"
#define FORMAT_ENCRYPTED "tercet store 1 encrypted\n"
#define LOG_FILE_BYTES (16u * 1024 * 1024)
#define CHECKPOINT_SECONDS 60
#define LOCK_WAIT_MS 5000
#define LOCK_PAUSE_MS 5
#define BULK_BYTES (256u * 1024)

const char *const bdb_durabilities[] = { "full", "relaxed", NULL };

int bdb_status(int rc)
{
	switch (rc) {
	case 0:
		return TCT_OK;
	case DB_NOTFOUND:
	case DB_KEYEMPTY:
		return TCT_ENOENT;
	case DB_LOCK_DEADLOCK:
	case DB_LOCK_NOTGRANTED:
		return TCT_EBUSY;
	case ENOSPC:
	case EDQUOT:
		return TCT_EFULL;
	default:
		return TCT_EIO;
	}
}

/* ---- memory of threads ---- */

static void free_thread(void *data)
{
	struct bdb_thread *t = data;

	free(t->bulk);
	free(t->kept);
	free(t->rows);
	free(t);
}

struct bdb_thread *bdb_thread(struct bdb *bdb)
{
	struct bdb_thread *t = pthread_getspecific(bdb->key_of_threads);

	if (t != NULL)
		return t;
	t = calloc(1, sizeof *t);
	if (t == NULL || pthread_setspecific(bdb->key_of_threads, t) != 0)
		abort();
	return t;
}

char *bdb_buffer(struct bdb *bdb, size_t len)
{
	struct bdb_thread *t = bdb_thread(bdb);

	/* One large value does not keep its memory for ever. */
	if (len > t->bulk_size || t->bulk_size > 8 * BULK_BYTES) {
		free(t->bulk);
		t->bulk_size = len > BULK_BYTES ? (len + 1023) / 1024 * 1024 : BULK_BYTES;
		t->bulk = malloc(t->bulk_size);
		if (t->bulk == NULL)
			abort();
	}
	return t->bulk;
}

/* ---- the folder ---- */

/* The folder's own name: it may be new, now or since a start that did not come as far as here. */
static int sync_parent(const struct bdb *bdb, struct tct_error *err)
{
	int fd = openat(bdb->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 ? fsync(fd) : -1;

	if (rc != 0)
		tct_error_set(err, TCT_EIO, "cannot sync the folder above \"%s\" (%s)", bdb->path,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc == 0 ? TCT_OK : TCT_EIO;
}

static int check_folder(struct bdb *bdb, struct tct_error *err)
{
	struct stat st;

	if (mkdir(bdb->path, 0700) != 0 && errno != EEXIST)
		return tct_error_set(err, TCT_EIO, "cannot make the store's folder \"%s\" (%s)",
			bdb->path, strerror(errno));
	bdb->folder_fd = open(bdb->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bdb->folder_fd < 0 || fstat(bdb->folder_fd, &st) != 0)
		return tct_error_set(err, TCT_EIO, "cannot open the store's folder \"%s\" (%s)",
			bdb->path, strerror(errno));
	if (st.st_uid != geteuid())
		return tct_error_set(err, TCT_EPERM,
			"the store's folder \"%s\" belongs to user %lu, and the server runs as "
			"user %lu: chown it",
			bdb->path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return tct_error_set(err, TCT_EPERM,
			"the store's folder \"%s\" is open to others (mode %04o): run chmod 0700 "
			"on it",
			bdb->path, st.st_mode & 07777);
	return sync_parent(bdb, err);
}

/* Killed, and not gone yet: a thread of it may wait for the disk still. */
static bool is_ending(long pid)
{
	char path[64], text[256] = "";
	const char *state;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return errno == ENOENT && access("/proc/self/stat", F_OK) == 0;
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	state = strrchr(text, ')');
	return state != NULL && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

static void read_holder(const struct bdb *bdb, char *text, size_t room)
{
	ssize_t len = pread(bdb->lock_fd, text, room - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* False: another process holds it. One that ends is waited for. */
static bool lock_store(const struct bdb *bdb, char *holder, size_t room)
{
	static const struct timespec pause = { 0, LOCK_PAUSE_MS * 1000000 };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int64_t waited = 0;

	while (fcntl(bdb->lock_fd, F_OFD_SETLK, &lock) != 0) {
		read_holder(bdb, holder, room);
		if (waited >= LOCK_WAIT_MS || !is_ending(strtol(holder, NULL, 10)))
			return false;
		nanosleep(&pause, NULL);
		waited += LOCK_PAUSE_MS;
	}
	return true;
}

/* The lock is held for the life of the process; its text tells others who we are. */
static int take_lock(struct bdb *bdb, struct tct_error *err)
{
	char text[64] = "";
	ssize_t len;

	bdb->lock_fd = openat(bdb->folder_fd, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (bdb->lock_fd < 0)
		return tct_error_set(err, TCT_EIO, "cannot open \"%s/LOCK\" (%s)", bdb->path,
			strerror(errno));
	if (!lock_store(bdb, text, sizeof text))
		return tct_error_set(err, TCT_EBUSY,
			"the store \"%s\" is in use by process %s: use tercetctl while the server "
			"runs, or stop it first",
			bdb->path, *text != '\0' ? text : "?");
	len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(bdb->lock_fd, 0) != 0 || pwrite(bdb->lock_fd, text, (size_t)len, 0) != len)
		tct_log_debug(NULL, "the lock file has no text (%s)", strerror(errno));
	return TCT_OK;
}

int bdb_write_format(struct bdb *bdb, struct tct_error *err)
{
	const char *text = bdb->key != NULL ? FORMAT_ENCRYPTED : FORMAT;
	int fd = openat(bdb->folder_fd, "FORMAT", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
		fsync(fd) == 0 && fsync(bdb->folder_fd) == 0;

	if (!ok)
		tct_error_set(err, TCT_EIO, "cannot write \"%s/FORMAT\" (%s)", bdb->path,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok ? TCT_OK : TCT_EIO;
}

/* A new folder is what the configuration wants. */
static int check_format(struct bdb *bdb, struct tct_error *err)
{
	char text[64] = "";
	int fd = openat(bdb->folder_fd, "FORMAT", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ssize_t len;

	if (fd < 0)
		return tct_error_set(err, TCT_EIO, "cannot open \"%s/FORMAT\" (%s)", bdb->path,
			strerror(errno));
	len = read(fd, text, sizeof text - 1);
	close(fd);
	bdb->encrypted = bdb->key != NULL;
	if (len == 0 && bdb->key != NULL && crypt_check(bdb->path, bdb->key, true, err) != TCT_OK)
		return TCT_EIO;
	if (len == 0)
		return bdb_write_format(bdb, err);
	bdb->encrypted = strcmp(text, FORMAT_ENCRYPTED) == 0;
	if (bdb->encrypted || strcmp(text, FORMAT) == 0)
		return TCT_OK;
	text[strcspn(text, "\n")] = '\0';
	return tct_error_set(err, TCT_EINVAL,
		"the store \"%s\" has format \"%s\", this server knows \"%.*s\": use the "
		"server that made it",
		bdb->path, text, (int)strlen(FORMAT) - 1, FORMAT);
}

static int take_key(struct bdb *bdb, const struct bdb_config *config, struct tct_error *err)
{
	const char *file = getenv(CRYPT_ENV_KEY);

	if (file == NULL)
		file = config->key_file;
	if (file == NULL)
		return TCT_OK;
	bdb->key = crypt_key_new(file, err);
	return bdb->key != NULL ? TCT_OK : TCT_EINVAL;
}

/* What is there must be what the configuration says, or become it when a tool asks for that. */
static int check_key(struct bdb *bdb, const struct bdb_config *config, struct tct_error *err)
{
	const char *old_file = getenv(CRYPT_ENV_OLD_KEY);
	char *old = NULL;
	int status = TCT_OK;

	if (getenv(CRYPT_ENV_MIGRATE) != NULL &&
		((bdb->key != NULL) != bdb->encrypted || (bdb->encrypted && old_file != NULL))) {
		if (bdb->encrypted && old_file == NULL)
			return tct_error_set(err, TCT_EINVAL,
				"the store \"%s\" is encrypted: name its key (--old-key-file)",
				bdb->path);
		if (bdb->encrypted)
			old = crypt_key_new(old_file, err);
		status = bdb->encrypted && old == NULL ? TCT_EINVAL :
							 crypt_migrate(bdb, old, config, err);
		crypt_key_free(old);
		bdb->encrypted = bdb->key != NULL;
		return status;
	}
	if (bdb->encrypted && bdb->key == NULL)
		return tct_error_set(err, TCT_EINVAL,
			"the store \"%s\" is encrypted, and no key is configured: name the file "
			"with its key (storage_bdb.key_file; --key-file of tercetctl)",
			bdb->path);
	if (!bdb->encrypted && bdb->key != NULL)
		return tct_error_set(err, TCT_EINVAL,
			"a key is configured, and the store \"%s\" is not encrypted: stop the "
			"server and run \"tercetctl store migrate\"",
			bdb->path);
	return TCT_OK;
}

/* ---- the reserve ---- */

static int64_t free_bytes(const struct bdb *bdb)
{
	struct statvfs fs;

	if (fstatvfs(bdb->folder_fd, &fs) != 0)
		return INT64_MAX;
	return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

/* Below it new data is refused. What is queued then, and deletions, still have room. */
static int64_t low_water(const struct bdb *bdb)
{
	return bdb->reserve / 2 + 2 * (int64_t)LOG_FILE_BYTES;
}

/* Made where new data would still be taken beside it: it must not be what fills the disk. */
static void make_reserve(struct bdb *bdb)
{
	int fd, rc = -1;

	if (bdb->has_reserve || free_bytes(bdb) - bdb->reserve < low_water(bdb))
		return;
	fd = openat(bdb->folder_fd, "RESERVE", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		rc = posix_fallocate(fd, 0, bdb->reserve);
		close(fd);
	}
	bdb->has_reserve = rc == 0;
	if (rc != 0)
		unlinkat(bdb->folder_fd, "RESERVE", 0);
	if (rc != 0 && !bdb->said)
		tct_log_error(NULL, "cannot set aside %lld MB in \"%s\" (%s)",
			(long long)(bdb->reserve >> 20), bdb->path,
			strerror(rc < 0 ? errno : rc));
	bdb->said = rc != 0;
}

/* Recovery writes: without room the environment would not open at all. */
static void look_for_reserve(struct bdb *bdb)
{
	struct stat st;

	/* Holes are no reserve, so its blocks are looked at. */
	if (free_bytes(bdb) < 2 * (int64_t)LOG_FILE_BYTES + bdb->checkpoint_bytes &&
		unlinkat(bdb->folder_fd, "RESERVE", 0) == 0)
		tct_log_warn(NULL, "the disk of \"%s\" is full: the reserve is used to start",
			bdb->path);
	bdb->has_reserve = bdb->reserve == 0 ||
		(fstatat(bdb->folder_fd, "RESERVE", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			(int64_t)st.st_blocks * 512 >= bdb->reserve);
}

/* There must be clearly more room before new data is taken again than when it was refused,
 * or it would be taken and refused in turn. */
int bdb_space(struct bdb *bdb)
{
	int64_t room = free_bytes(bdb);
	bool full = room < low_water(bdb) || !bdb->has_reserve;

	if (bdb->full && room < bdb->reserve + 4 * (int64_t)LOG_FILE_BYTES)
		full = true;
	if (full && !bdb->full)
		tct_log_error(NULL, "the disk of \"%s\" has %lld MB left: new data is refused",
			bdb->path, (long long)(room >> 20));
	if (!full && bdb->full)
		tct_log_warn(NULL, "the disk of \"%s\" has room again: new data is taken",
			bdb->path);
	bdb->full = full;
	return full ? TCT_EFULL : TCT_OK;
}

/* ---- the environment ---- */

static void on_error(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env;
	(void)prefix;
	tct_log_error(NULL, "berkeley db: %s", text);
}

/* What was not written may be lost, and everything fails from here on: only a start helps. */
static void on_event(DB_ENV *env, u_int32_t event, void *info)
{
	(void)env;
	if (event != DB_EVENT_PANIC)
		return;
	tct_log_error(NULL, "the store cannot go on (%s): the server stops",
		db_strerror(*(int *)info));
	abort();
}

int bdb_open_env(struct bdb *bdb, const struct bdb_config *config, struct tct_error *err)
{
	const u_int32_t flags = DB_CREATE | DB_RECOVER | DB_PRIVATE | DB_THREAD | DB_INIT_TXN |
		DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL;
	DB_ENV *env;
	int rc;

	if (bdb->key != NULL && crypt_check(bdb->path, bdb->key, false, err) != TCT_OK)
		return TCT_EPERM;
	rc = db_env_create(&env, 0);
	if (rc != 0)
		return tct_error_set(err, TCT_EIO, "cannot make an environment (%s)",
			db_strerror(rc));
	bdb->env = env;
	env->set_errcall(env, on_error);
	env->set_event_notify(env, on_event);
	env->set_cachesize(env, (u_int32_t)(config->cache_size >> 30),
		(u_int32_t)(config->cache_size & ((1 << 30) - 1)), 1);
	env->set_lg_max(env, LOG_FILE_BYTES);
	env->set_lg_bsize(env, 4 * 1024 * 1024);
	env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1);
	/* Readers lose: the writer must not be aborted by them. */
	env->set_lk_detect(env, DB_LOCK_MINWRITE);
	env->set_lk_max_lockers(env, 20000);
	env->set_lk_max_locks(env, 200000);
	env->set_lk_max_objects(env, 200000);
	env->set_tx_max(env, 64);
	if (bdb->key != NULL)
		rc = env->set_encrypt(env, bdb->key, DB_ENCRYPT_AES);
	bdb->encrypted = bdb->key != NULL;
	if (rc == 0)
		rc = env->open(env, bdb->path, flags, 0600);
	if (rc != 0)
		return tct_error_set(err, TCT_EIO, "cannot open the store \"%s\" (%s)", bdb->path,
			db_strerror(rc));
	return TCT_OK;
}

/* Berkeley DB syncs its files and never the folder that names them: after a power cut a new
 * log file could have no name, and what was acknowledged in it would be gone. */
static int sync_folder(struct bdb *bdb)
{
	DB_LOG_STAT *stat;
	uint32_t file;

	if (bdb->env->log_stat(bdb->env, &stat, 0) != 0)
		return TCT_EIO;
	file = stat->st_cur_file;
	free(stat);
	if (file == bdb->log_file)
		return TCT_OK;
	if (fsync(bdb->folder_fd) != 0)
		return TCT_EIO;
	bdb->log_file = file;
	return TCT_OK;
}

static int flush_log(struct bdb *bdb)
{
	int status = bdb_status(bdb->env->log_flush(bdb->env, NULL));

	return status == TCT_OK ? sync_folder(bdb) : status;
}

/* When it is relaxed, the thread of checkpoints flushes each second. */
int bdb_flush(struct bdb *bdb)
{
	return bdb->relaxed ? TCT_OK : flush_log(bdb);
}

/* ---- checkpoints, on a thread of their own: they write what is dirty ---- */

static void *checkpoints(void *arg)
{
	struct bdb *bdb = arg;
	time_t last = time(NULL);
	bool stop = false;
	int written;

	while (!stop) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 1;
		pthread_mutex_lock(&bdb->lock);
		while (!bdb->stopping &&
			pthread_cond_timedwait(&bdb->wake, &bdb->lock, &until) == 0)
			;
		stop = bdb->stopping;
		pthread_mutex_unlock(&bdb->lock);
		if (bdb->relaxed)
			flush_log(bdb);
		bdb->env->memp_trickle(bdb->env, 20, &written);
		/* By log volume; and once a minute whatever was written. */
		bdb->env->txn_checkpoint(bdb->env,
			time(NULL) - last >= CHECKPOINT_SECONDS ?
				0 :
				(u_int32_t)(bdb->checkpoint_bytes / 1024),
			0, 0);
		if (time(NULL) - last >= CHECKPOINT_SECONDS)
			last = time(NULL);
		make_reserve(bdb);
	}
	return NULL;
}

/* The folder, its lock, and what it holds. A migration has put another folder in its place. */
static int enter(struct bdb *bdb, const struct bdb_config *config, struct tct_error *err)
{
	int status = check_folder(bdb, err);
	int before;

	if (status == TCT_OK)
		status = take_lock(bdb, err);
	if (status == TCT_OK)
		status = take_key(bdb, config, err);
	if (status == TCT_OK)
		status = check_format(bdb, err);
	before = bdb->folder_fd;
	if (status == TCT_OK)
		status = check_key(bdb, config, err);
	if (status == TCT_OK && getenv(CRYPT_ENV_MIGRATE) != NULL) {
		close(bdb->lock_fd);
		close(before);
		bdb->lock_fd = bdb->folder_fd = -1;
		status = check_folder(bdb, err);
		if (status == TCT_OK)
			status = take_lock(bdb, err);
	}
	return status;
}

int bdb_open(struct bdb *bdb, const char *path, const struct bdb_config *config,
	struct tct_error *err)
{
	static const struct rlimit none = { 0, 0 };
	int status;

	bdb->path = strdup(path);
	bdb->lock_fd = bdb->folder_fd = -1;
	bdb->reserve = config->store_reserve;
	bdb->checkpoint_bytes = config->checkpoint_size;
	bdb->relaxed = config->durability == 1;
	bdb->have_key = pthread_key_create(&bdb->key_of_threads, free_thread) == 0;
	pthread_mutex_init(&bdb->lock, NULL);
	pthread_cond_init(&bdb->wake, NULL);
	status = bdb->have_key ? enter(bdb, config, err) :
				 tct_error_set(err, TCT_EFULL, "no more keys of threads");
	if (status == TCT_OK) {
		look_for_reserve(bdb);
		status = bdb_open_env(bdb, config, err);
	}
	/* A core dump would hold the pages and the key in clear text. */
	if (status == TCT_OK && bdb->encrypted)
		setrlimit(RLIMIT_CORE, &none);
	crypt_key_free(bdb->key);
	bdb->key = NULL;
	if (status != TCT_OK) {
		bdb_close(bdb);
		return status;
	}
	/* Recovery has ended with a checkpoint: logs that are not needed have made room. */
	make_reserve(bdb);
	bdb->running = pthread_create(&bdb->thread, NULL, checkpoints, bdb) == 0;
	return TCT_OK;
}

static void stop_thread(struct bdb *bdb)
{
	if (!bdb->running)
		return;
	pthread_mutex_lock(&bdb->lock);
	bdb->stopping = true;
	pthread_cond_signal(&bdb->wake);
	pthread_mutex_unlock(&bdb->lock);
	pthread_join(bdb->thread, NULL);
	bdb->running = false;
}

void bdb_close(struct bdb *bdb)
{
	if (bdb->path == NULL)
		return; /* closed before */
	stop_thread(bdb);
	while (bdb->tables != NULL) {
		struct bdb_table *t = bdb->tables;

		bdb->tables = t->next;
		if (t->archive != NULL)
			archive_close(t->archive);
		else
			t->db->close(t->db, 0);
		free(t);
	}
	if (bdb->env != NULL) {
		bdb->env->txn_checkpoint(bdb->env, 0, 0, DB_FORCE);
		bdb->env->close(bdb->env, 0);
	}
	if (bdb->lock_fd >= 0)
		close(bdb->lock_fd);
	if (bdb->folder_fd >= 0)
		close(bdb->folder_fd);
	pthread_mutex_destroy(&bdb->lock);
	pthread_cond_destroy(&bdb->wake);
	if (bdb->have_key) {
		/* Other threads have ended, and theirs with them. */
		if (pthread_getspecific(bdb->key_of_threads) != NULL)
			free_thread(pthread_getspecific(bdb->key_of_threads));
		pthread_key_delete(bdb->key_of_threads);
	}
	free(bdb->path);
	memset(bdb, 0, sizeof *bdb);
}

/* ---- tables ---- */

/* Letters, digits and dots of a name as they are, anything else as %XX. */
static void escape(char *out, size_t room, const char *name)
{
	size_t len = 0;

	for (; *name != '\0' && len + 4 < room; name++) {
		unsigned char c = (unsigned char)*name;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_')
			out[len++] = (char)c;
		else
			len += (size_t)snprintf(out + len, room - len, "%%%02x", c);
	}
	out[len] = '\0';
}

int bdb_open_file(struct bdb *bdb, const char *file, bool create, DB **out)
{
	u_int32_t flags = DB_AUTO_COMMIT | DB_THREAD | (create ? DB_CREATE : 0);
	DB *db;
	int rc = db_create(&db, bdb->env, 0);

	if (rc != 0)
		return rc;
	db->set_pagesize(db, BDB_PAGE_BYTES);
	if (bdb->encrypted)
		db->set_flags(db, DB_ENCRYPT);
	rc = db->open(db, NULL, file, NULL, DB_BTREE, flags, 0600);
	if (rc != 0)
		db->close(db, 0);
	else
		*out = db;
	return rc;
}

int bdb_table(struct bdb *bdb, const char *host, const char *store, uint32_t kind, void **table,
	struct tct_error *err)
{
	char file[BDB_FILE_MAX], stem[BDB_FILE_MAX - 32], h[500], s[300];
	struct bdb_table *t = calloc(1, sizeof *t);
	int rc, status = TCT_OK;

	if (t == NULL)
		abort();
	escape(h, sizeof h, host);
	escape(s, sizeof s, store);
	snprintf(stem, sizeof stem, "%s-%s-%s", kind == TCT_TABLE_ARCHIVE ? "ar" : "kv", h, s);
	snprintf(file, sizeof file, "%s.db", stem);
	if (kind == TCT_TABLE_ARCHIVE) {
		status = archive_open(bdb, stem, &t->archive, err);
	} else {
		rc = bdb_open_file(bdb, file, true, &t->db);
		if (rc != 0)
			status = tct_error_set(err, TCT_EIO, "cannot open \"%s/%s\" (%s)",
				bdb->path, file, db_strerror(rc));
	}
	if (status != TCT_OK) {
		free(t);
		return status;
	}
	if (t->archive != NULL)
		t->db = t->archive->catalog;
	t->next = bdb->tables;
	bdb->tables = t;
	fsync(bdb->folder_fd);
	*table = t;
	return TCT_OK;
}

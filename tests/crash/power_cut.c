/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* power_cut.c - a library to preload: writes down what a process does to the folder "store" in
 * POWER_CUT_FOLDER and what it syncs of it, so that afterwards (disk.py) the folder can be put
 * back to what a disk would hold whose power was cut. A SIGKILL alone leaves the page cache.
 *
 * POWER_CUT_JOURNAL is a file that is there: a sequence of struct entry, each with `len` bytes
 * behind it. A sync has a beginning and an end; what was written before its beginning is on
 * disk at its end. The names in a folder are on disk when the folder was synced. No disk is
 * really synced; a sync takes up to POWER_CUT_DELAY microseconds.
 *
 * What is written past us (stdio, a writable mapping) would be missing in the journal: a
 * mapping ends the process, and the test compares journal and folder after a clean end. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))real(#name))
#define NAME_MAX_LEN 255
#define MAGIC UINT32_C(0x7263757a)

enum what {
	WHAT_BASE = 1,   /* id: is there already; a: its folder; the name */
	WHAT_CREATE,     /* the same; b: 1 for a folder */
	WHAT_WRITE,      /* id; a: where; b: 1 when the file is written synchronously; bytes */
	WHAT_LENGTH,     /* id; a: has this length from now on */
	WHAT_ALLOCATE,   /* id; a: is at least so long */
	WHAT_SYNC,       /* id; a: number of the sync, which begins */
	WHAT_SYNCED,     /* a: it has ended */
	WHAT_UNLINK,     /* a: folder; name */
	WHAT_RENAME,     /* a: folder; old name, NUL, new name */
	WHAT_BEGUN,      /* all that is there already was said */
};

struct entry {
	uint32_t magic, what, id, len;
	uint64_t a, b;
};

/* A name in a folder of ours; id 0 is the folder above, of which only "store" counts. */
struct name {
	uint32_t folder, id;
	char text[NAME_MAX_LEN + 1];
};

struct inode {
	dev_t dev;
	ino_t ino;
	uint32_t id;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[4096];
static int journal = -1;
static struct name *names;
static size_t name_count, inode_count;
static struct inode *inodes;
static uint32_t last_id;
static uint64_t last_sync;

static void *real(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (fn == NULL)
		abort();
	return fn;
}

static void die(const char *text)
{
	fprintf(stderr, "power_cut: %s\n", text);
	abort();
}

/* ---- the journal; under the lock ---- */

static void note(enum what what, uint32_t id, uint64_t a, uint64_t b, const void *bytes, size_t len)
{
	static ssize_t (*fn)(int, const struct iovec *, int);
	struct entry entry = { MAGIC, what, id, (uint32_t)len, a, b };
	struct iovec parts[] = { { &entry, sizeof entry }, { (void *)bytes, len } };

	if (fn == NULL)
		fn = REAL(writev);
	if (fn(journal, parts, 2) != (ssize_t)(sizeof entry + len))
		die("the journal cannot be written");
}

/* ---- names and files; under the lock ---- */

static struct name *find_name(uint32_t folder, const char *text, size_t len)
{
	for (size_t i = 0; i < name_count; i++) {
		if (names[i].folder == folder && strncmp(names[i].text, text, len) == 0 &&
			names[i].text[len] == '\0')
			return &names[i];
	}
	return NULL;
}

static void drop_name(struct name *name)
{
	*name = names[--name_count];
}

static void add_name(uint32_t folder, const char *text, uint32_t id)
{
	names = realloc(names, (name_count + 1) * sizeof *names);
	if (names == NULL)
		abort();
	names[name_count].folder = folder;
	names[name_count].id = id;
	snprintf(names[name_count++].text, sizeof names->text, "%s", text);
}

static struct inode *find_inode(const struct stat *st)
{
	for (size_t i = 0; i < inode_count; i++) {
		if (inodes[i].ino == st->st_ino && inodes[i].dev == st->st_dev)
			return &inodes[i];
	}
	return NULL;
}

/* A number that is used again belongs to a new file: nobody has the old one open. */
static void add_inode(const struct stat *st, uint32_t id)
{
	struct inode *inode = find_inode(st);

	if (inode == NULL) {
		inodes = realloc(inodes, (inode_count + 1) * sizeof *inodes);
		if (inodes == NULL)
			abort();
		inode = &inodes[inode_count++];
	}
	*inode = (struct inode){ st->st_dev, st->st_ino, id };
}

/* False: not one of ours. */
static int of_fd(int fd, uint32_t *id)
{
	struct inode *inode;
	int saved = errno;
	struct stat st;

	if (journal < 0 || fd < 0 || fstat(fd, &st) != 0) {
		errno = saved;
		return 0;
	}
	pthread_mutex_lock(&lock);
	inode = find_inode(&st);
	if (inode != NULL)
		*id = inode->id;
	pthread_mutex_unlock(&lock);
	return inode != NULL;
}

/* Where a path leads: the folder's id and the last part. */
static int locate(int at, const char *path, uint32_t *folder, const char **leaf)
{
	size_t len = strlen(root);
	struct inode *inode;
	struct name *name;
	struct stat st;
	const char *end;

	if (journal < 0)
		return 0;
	*folder = 0;
	if (path[0] == '/') {
		if (strncmp(path, root, len) != 0 || path[len] != '/')
			return 0;
		path += len + 1;
	} else {
		if (at == AT_FDCWD || fstat(at, &st) != 0 || (inode = find_inode(&st)) == NULL)
			return 0;
		*folder = inode->id;
	}
	while ((end = strchr(path, '/')) != NULL) {
		if (end != path) {
			name = find_name(*folder, path, (size_t)(end - path));
			if (name == NULL)
				return 0;
			*folder = name->id;
		}
		path = end + 1;
	}
	*leaf = path;
	return *path != '\0' && strcmp(path, ".") != 0 && strcmp(path, "..") != 0 && strlen(path) <= NAME_MAX_LEN &&
		(*folder != 0 || strcmp(path, "store") == 0);
}

/* ---- the beginning: what is there already ---- */

static void scan(uint32_t folder, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char below[8192];
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || (folder == 0 && strcmp(entry->d_name, "store") != 0))
			continue;
		snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
		if (stat(below, &st) != 0)
			continue;
		add_name(folder, entry->d_name, ++last_id);
		add_inode(&st, last_id);
		note(WHAT_BASE, last_id, folder, S_ISDIR(st.st_mode), entry->d_name,
			strlen(entry->d_name));
		if (S_ISDIR(st.st_mode))
			scan(last_id, below);
	}
	if (dir != NULL)
		closedir(dir);
}

__attribute__((constructor)) static void begin(void)
{
	const char *folder = getenv("POWER_CUT_FOLDER"), *file = getenv("POWER_CUT_JOURNAL");
	struct stat st;

	if (folder == NULL || file == NULL || realpath(folder, root) == NULL || stat(root, &st) != 0)
		return;
	journal = REAL(open)(file, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (journal < 0)
		die("the journal cannot be opened");
	add_inode(&st, 0);
	scan(0, root);
	note(WHAT_BEGUN, 0, 0, 0, NULL, 0);
}

/* ---- opening and names ---- */

/* Whether a name is new is known before the call, and that it has come after it. */
static int open_as(int at, const char *path, int flags, mode_t mode)
{
	int (*fn)(int, const char *, int, ...) = REAL(openat);
	const char *leaf;
	uint32_t folder, id;
	struct stat st;
	int fd, ours, fresh;

	pthread_mutex_lock(&lock);
	ours = locate(at, path, &folder, &leaf);
	fresh = ours && find_name(folder, leaf, strlen(leaf)) == NULL;
	fd = fn(at, path, flags, mode);
	if (fresh && fd >= 0 && fstat(fd, &st) == 0) {
		id = ++last_id;
		add_name(folder, leaf, id);
		add_inode(&st, id);
		note(WHAT_CREATE, id, folder, 0, leaf, strlen(leaf));
	} else if (ours && !fresh && fd >= 0 && (flags & O_TRUNC) != 0) {
		note(WHAT_LENGTH, find_name(folder, leaf, strlen(leaf))->id, 0, 0, NULL, 0);
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

static mode_t mode_of(int flags, va_list *args)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(*args, mode_t) : 0;
}

#define OPEN_LIKE(name, before, at) \
	PUBLIC int name(before const char *path, int flags, ...) \
	{ \
		va_list args; \
		mode_t mode; \
\
		va_start(args, flags); \
		mode = mode_of(flags, &args); \
		va_end(args); \
		return open_as(at, path, flags, mode); \
	} \
	int __##name##_2(before const char *path, int flags); \
	PUBLIC int __##name##_2(before const char *path, int flags) \
	{ \
		return open_as(at, path, flags, 0); \
	}
#define NOTHING
#define FOLDER int folder,
OPEN_LIKE(open, NOTHING, AT_FDCWD)
OPEN_LIKE(open64, NOTHING, AT_FDCWD)
OPEN_LIKE(openat, FOLDER, folder)
OPEN_LIKE(openat64, FOLDER, folder)

PUBLIC int creat(const char *path, mode_t mode)
{
	return open_as(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

PUBLIC int mkdirat(int at, const char *path, mode_t mode)
{
	const char *leaf;
	uint32_t folder;
	struct stat st;
	int rc, ours;

	pthread_mutex_lock(&lock);
	ours = locate(at, path, &folder, &leaf);
	rc = REAL(mkdirat)(at, path, mode);
	if (ours && rc == 0 && fstatat(at, path, &st, 0) == 0) {
		add_name(folder, leaf, ++last_id);
		add_inode(&st, last_id);
		note(WHAT_CREATE, last_id, folder, 1, leaf, strlen(leaf));
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

PUBLIC int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

PUBLIC int unlinkat(int at, const char *path, int flags)
{
	struct name *name;
	const char *leaf;
	uint32_t folder;
	int rc, ours;

	pthread_mutex_lock(&lock);
	ours = locate(at, path, &folder, &leaf);
	rc = REAL(unlinkat)(at, path, flags);
	if (ours && rc == 0) {
		note(WHAT_UNLINK, 0, folder, 0, leaf, strlen(leaf));
		name = find_name(folder, leaf, strlen(leaf));
		if (name != NULL)
			drop_name(name);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

PUBLIC int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

PUBLIC int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

PUBLIC int remove(const char *path)
{
	int rc = unlinkat(AT_FDCWD, path, 0);

	return rc != 0 && errno == EISDIR ? rmdir(path) : rc;
}

PUBLIC int renameat(int from_at, const char *from, int to_at, const char *to)
{
	char both[2 * NAME_MAX_LEN + 2];
	const char *old_leaf, *new_leaf;
	uint32_t folder, other;
	struct name *name;
	int rc, ours;

	pthread_mutex_lock(&lock);
	ours = locate(from_at, from, &folder, &old_leaf);
	if (ours != locate(to_at, to, &other, &new_leaf) || (ours && folder != other))
		die("a file is moved from one folder to another");
	rc = REAL(renameat)(from_at, from, to_at, to);
	if (ours && rc == 0) {
		size_t len = strlen(old_leaf) + 1;

		memcpy(both, old_leaf, len);
		memcpy(both + len, new_leaf, strlen(new_leaf));
		note(WHAT_RENAME, 0, folder, 0, both, len + strlen(new_leaf));
		name = find_name(folder, new_leaf, strlen(new_leaf));
		if (name != NULL)
			drop_name(name);
		name = find_name(folder, old_leaf, strlen(old_leaf));
		if (name != NULL)
			snprintf(name->text, sizeof name->text, "%s", new_leaf);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

PUBLIC int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* ---- bytes ---- */

static int is_synchronous(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && (flags & (O_SYNC | O_DSYNC)) != 0;
}

PUBLIC ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	static ssize_t (*fn)(int, const void *, size_t, off_t);
	uint32_t id;
	ssize_t n;

	if (fn == NULL)
		fn = REAL(pwrite);
	if (!of_fd(fd, &id))
		return fn(fd, bytes, len, at);
	pthread_mutex_lock(&lock);
	n = fn(fd, bytes, len, at);
	if (n > 0)
		note(WHAT_WRITE, id, (uint64_t)at, (uint64_t)is_synchronous(fd), bytes, (size_t)n);
	pthread_mutex_unlock(&lock);
	return n;
}

PUBLIC ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	return pwrite(fd, bytes, len, at);
}

PUBLIC ssize_t write(int fd, const void *bytes, size_t len)
{
	static ssize_t (*fn)(int, const void *, size_t);
	uint32_t id;
	off_t at;
	ssize_t n;

	if (fn == NULL)
		fn = REAL(write);
	if (!of_fd(fd, &id))
		return fn(fd, bytes, len);
	pthread_mutex_lock(&lock);
	n = fn(fd, bytes, len);
	at = lseek(fd, 0, SEEK_CUR);
	if (n > 0)
		note(WHAT_WRITE, id, (uint64_t)(at - n), (uint64_t)is_synchronous(fd), bytes,
			(size_t)n);
	pthread_mutex_unlock(&lock);
	return n;
}

/* Not as one piece: what is written may be torn anywhere. */
PUBLIC ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	ssize_t n, total = 0;

	for (int i = 0; i < count; i++) {
		n = pwrite(fd, parts[i].iov_base, parts[i].iov_len, at + total);
		if (n < 0)
			return total > 0 ? total : -1;
		total += n;
		if ((size_t)n < parts[i].iov_len)
			break;
	}
	return total;
}

PUBLIC ssize_t writev(int fd, const struct iovec *parts, int count)
{
	ssize_t n, total = 0;
	uint32_t id;

	if (!of_fd(fd, &id))
		return REAL(writev)(fd, parts, count);
	for (int i = 0; i < count; i++) {
		n = write(fd, parts[i].iov_base, parts[i].iov_len);
		if (n < 0)
			return total > 0 ? total : -1;
		total += n;
		if ((size_t)n < parts[i].iov_len)
			break;
	}
	return total;
}

PUBLIC int ftruncate(int fd, off_t len)
{
	uint32_t id;
	int rc;

	if (!of_fd(fd, &id))
		return REAL(ftruncate)(fd, len);
	pthread_mutex_lock(&lock);
	rc = REAL(ftruncate)(fd, len);
	if (rc == 0)
		note(WHAT_LENGTH, id, (uint64_t)len, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	return rc;
}

PUBLIC int ftruncate64(int fd, off64_t len)
{
	return ftruncate(fd, len);
}

PUBLIC int truncate(const char *path, off_t len)
{
	int rc = -1, fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		rc = ftruncate(fd, len);
		close(fd);
	}
	return rc;
}

static void allocated(int fd, off_t end)
{
	uint32_t id;

	if (!of_fd(fd, &id))
		return;
	pthread_mutex_lock(&lock);
	note(WHAT_ALLOCATE, id, (uint64_t)end, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
}

PUBLIC int posix_fallocate(int fd, off_t at, off_t len)
{
	int rc = REAL(posix_fallocate)(fd, at, len);

	if (rc == 0)
		allocated(fd, at + len);
	return rc;
}

PUBLIC int posix_fallocate64(int fd, off64_t at, off64_t len)
{
	return posix_fallocate(fd, at, len);
}

PUBLIC int fallocate(int fd, int mode, off_t at, off_t len)
{
	uint32_t id;
	int rc;

	if (mode != 0 && of_fd(fd, &id))
		die("a file gets a hole");
	rc = REAL(fallocate)(fd, mode, at, len);
	if (rc == 0)
		allocated(fd, at + len);
	return rc;
}

PUBLIC int fallocate64(int fd, int mode, off64_t at, off64_t len)
{
	return fallocate(fd, mode, at, len);
}

PUBLIC void *mmap(void *where, size_t len, int protection, int flags, int fd, off_t at)
{
	static void *(*fn)(void *, size_t, int, int, int, off_t);
	uint32_t id;

	if (fn == NULL)
		fn = REAL(mmap);
	if ((flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 && of_fd(fd, &id))
		die("a file of the store is mapped for writing");
	return fn(where, len, protection, flags, fd, at);
}

PUBLIC void *mmap64(void *where, size_t len, int protection, int flags, int fd, off64_t at)
{
	return mmap(where, len, protection, flags, fd, at);
}

/* ---- syncs ---- */

static void take_time(uint64_t number)
{
	const char *delay = getenv("POWER_CUT_DELAY");
	unsigned long most = delay != NULL ? strtoul(delay, NULL, 10) : 0;
	struct timespec time = { 0 };

	number = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	time.tv_nsec = most > 0 ? (long)((number >> 33) % most * 1000) : 0;
	nanosleep(&time, NULL);
}

static int sync_fd(int fd, const char *name)
{
	int (*fn)(int) = (int (*)(int))real(name);
	uint64_t number;
	uint32_t id;

	if (!of_fd(fd, &id))
		return fn(fd);
	pthread_mutex_lock(&lock);
	number = ++last_sync;
	note(WHAT_SYNC, id, number, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	take_time(number);
	pthread_mutex_lock(&lock);
	note(WHAT_SYNCED, 0, number, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	return 0;
}

PUBLIC int fsync(int fd)
{
	return sync_fd(fd, "fsync");
}

PUBLIC int fdatasync(int fd)
{
	return sync_fd(fd, "fdatasync");
}

/* Promises nothing about lengths and names, so it promises nothing here. */
PUBLIC int sync_file_range(int fd, off64_t at, off64_t len, unsigned int flags)
{
	uint32_t id;

	return of_fd(fd, &id) ? 0 : REAL(sync_file_range)(fd, at, len, flags);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* small_disk.c - a library to preload: the files of one folder are on a disk of their own, and
 * the test says how large it is. SMALL_DISK_FOLDER is the folder, SMALL_DISK_SIZE a file with
 * the number of bytes, which is read each time. Files take what their length is. What would
 * make them longer than the disk gets ENOSPC, and statvfs says what is left. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))
#define BLOCK 4096

static void *real(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (fn == NULL)
		abort();
	return fn;
}

/* Bytes that are left; INT64_MAX: as many as the real disk has. */
static int64_t left(void)
{
	const char *folder = getenv("SMALL_DISK_FOLDER"), *size = getenv("SMALL_DISK_SIZE");
	FILE *file = size != NULL ? fopen(size, "re") : NULL;
	struct dirent *entry;
	long long bytes = 0;
	struct stat st;
	DIR *dir;

	if (file == NULL || fscanf(file, "%lld", &bytes) != 1)
		bytes = INT64_MAX;
	if (file != NULL)
		fclose(file);
	dir = bytes != INT64_MAX && folder != NULL ? opendir(folder) : NULL;
	if (dir == NULL)
		return INT64_MAX;
	while ((entry = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			bytes -= st.st_size;
	}
	closedir(dir);
	return bytes > 0 ? bytes : 0;
}

static int on_disk(int fd)
{
	const char *folder = getenv("SMALL_DISK_FOLDER");
	size_t len = folder != NULL ? strlen(folder) : 0;
	char link[64], path[4096];
	ssize_t n;

	if (len == 0)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* False, with errno: the file cannot be so long. */
static int fits(int fd, int64_t end)
{
	int saved = errno, fit;
	struct stat st;

	fit = !on_disk(fd) || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || end <= st.st_size ||
		end - st.st_size <= left();
	errno = fit ? saved : ENOSPC;
	return fit;
}

PUBLIC ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t (*fn)(int, const void *, size_t, off_t) = real("pwrite");

	return fits(fd, at + (int64_t)len) ? fn(fd, bytes, len, at) : -1;
}

PUBLIC ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	ssize_t (*fn)(int, const void *, size_t, off64_t) = real("pwrite64");

	return fits(fd, at + (int64_t)len) ? fn(fd, bytes, len, at) : -1;
}

PUBLIC ssize_t write(int fd, const void *bytes, size_t len)
{
	ssize_t (*fn)(int, const void *, size_t) = real("write");
	off_t at = on_disk(fd) ? lseek(fd, 0, SEEK_CUR) : -1;

	return at < 0 || fits(fd, at + (int64_t)len) ? fn(fd, bytes, len) : -1;
}

PUBLIC int posix_fallocate(int fd, off_t at, off_t len)
{
	int (*fn)(int, off_t, off_t) = real("posix_fallocate");

	return fits(fd, at + len) ? fn(fd, at, len) : ENOSPC;
}

PUBLIC int posix_fallocate64(int fd, off64_t at, off64_t len)
{
	int (*fn)(int, off64_t, off64_t) = real("posix_fallocate64");

	return fits(fd, at + len) ? fn(fd, at, len) : ENOSPC;
}

PUBLIC int fstatvfs(int fd, struct statvfs *fs)
{
	int (*fn)(int, struct statvfs *) = real("fstatvfs");
	int64_t bytes = on_disk(fd) ? left() : INT64_MAX;
	int rc = fn(fd, fs);

	if (rc == 0 && bytes != INT64_MAX) {
		fs->f_bsize = fs->f_frsize = BLOCK;
		fs->f_bfree = fs->f_bavail = (fsblkcnt_t)(bytes / BLOCK);
	}
	return rc;
}

PUBLIC int fstatvfs64(int fd, struct statvfs64 *fs)
{
	int (*fn)(int, struct statvfs64 *) = real("fstatvfs64");
	int64_t bytes = on_disk(fd) ? left() : INT64_MAX;
	int rc = fn(fd, fs);

	if (rc == 0 && bytes != INT64_MAX) {
		fs->f_bsize = fs->f_frsize = BLOCK;
		fs->f_bfree = fs->f_bavail = (fsblkcnt64_t)(bytes / BLOCK);
	}
	return rc;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* certdir.c - see certdir.h. */
#include "core/net/certdir.h"

#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 20000

static char *join(const char *folder, const char *name, const char *suffix)
{
	struct str path = { 0 };

	str_printf(&path, "%s/%s%s", folder, name, suffix);
	return str_take(&path);
}

static bool exists(const char *path)
{
	/* A link that leads nowhere, or where we may not look, is there: it is to be reported. */
	struct stat st;

	return lstat(path, &st) == 0;
}

/* PEM files hold either, or both. When it cannot be read, loading it says why. */
static bool holds_key(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];
	bool found = f == NULL;

	while (!found && fgets(line, sizeof line, f) != NULL)
		found = strstr(line, "PRIVATE KEY-----") != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

static void add(struct certdir *dir, char *certificate, char *key)
{
	struct certdir_item item = { certificate, key };

	vec_push(&dir->items, item);
}

/* "NAME" of "NAME.ext" when it has that ending; the caller frees it. */
static char *stem(const char *name, const char *ending)
{
	size_t len = strlen(name), tail = strlen(ending);

	return len > tail && strcmp(name + len - tail, ending) == 0 ?
		mem_strndup(name, len - tail) :
		NULL;
}

static void look_at_pair(struct certdir *dir, const char *folder, const char *name)
{
	char *base = stem(name, ".crt"), *path = join(folder, name, ""), *key;
	bool pem = base == NULL;

	if (pem)
		base = stem(name, ".pem");
	key = base != NULL ? join(folder, base, ".key") : NULL;
	if (key != NULL && exists(key)) {
		add(dir, path, key);
		path = key = NULL;
	} else if (key != NULL && pem && holds_key(path)) {
		add(dir, path, mem_strdup(path));
		path = NULL;
	} else if (key != NULL && !pem) {
		vec_push(&dir->lonely, path);
		path = NULL;
	}
	free(base);
	free(path);
	free(key);
}

static int read_names(const char *folder, char ***names, size_t *count)
{
	struct dirent **list;
	int n = scandir(folder, &list, NULL, alphasort);

	*count = 0;
	if (n < 0)
		return errno;
	*names = mem_array((size_t)n + 1, sizeof **names);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.' && i < ENTRIES_MAX)
			(*names)[(*count)++] = mem_strdup(list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One folder of certbot: NAME/fullchain.pem and NAME/privkey.pem. */
static void look_inside(struct certdir *dir, const char *folder)
{
	char *chain = join(folder, "fullchain", ".pem"), *key = join(folder, "privkey", ".pem");

	vec_push(&dir->folders, mem_strdup(folder));
	if (exists(chain) && exists(key)) {
		add(dir, chain, key);
		return;
	}
	free(chain);
	free(key);
}

static void look_at_live(struct certdir *dir, const char *folder)
{
	char **names;
	size_t count;

	if (read_names(folder, &names, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		char *path = join(folder, names[i], "");

		if (is_folder(path))
			look_inside(dir, path);
		free(path);
		free(names[i]);
	}
	free(names);
}

int certdir_scan(struct certdir *dir, const char *folder, struct tct_error *err)
{
	char **names;
	size_t count;
	int problem;

	memset(dir, 0, sizeof *dir);
	problem = read_names(folder, &names, &count);
	if (problem != 0)
		return tct_error_set(err, TCT_EIO,
			"cannot read the folder of certificates \"%s\" (%s)", folder,
			strerror(problem));
	vec_push(&dir->folders, mem_strdup(folder));
	for (size_t i = 0; i < count; i++) {
		char *path = join(folder, names[i], "");

		if (!is_folder(path))
			look_at_pair(dir, folder, names[i]);
		else
			look_inside(dir, path);
		if (strcmp(names[i], "live") == 0)
			look_at_live(dir, path);
		free(path);
		free(names[i]);
	}
	free(names);
	return TCT_OK;
}

void certdir_fini(struct certdir *dir)
{
	for (size_t i = 0; i < dir->items.count; i++) {
		free(dir->items.items[i].certificate);
		free(dir->items.items[i].key);
	}
	for (size_t i = 0; i < dir->lonely.count; i++)
		free(dir->lonely.items[i]);
	for (size_t i = 0; i < dir->folders.count; i++)
		free(dir->folders.items[i]);
	vec_fini(&dir->items);
	vec_fini(&dir->lonely);
	vec_fini(&dir->folders);
}

void certdir_stamp(struct str *out, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		str_printf(out, "%s %d\n", path, errno);
		return;
	}
	str_printf(out, "%s %llx %llx %llx %o %lld.%09ld %lld.%09ld\n", path,
		(unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
		(unsigned long long)st.st_size, (unsigned)st.st_mode,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
		st.st_ctim.tv_nsec);
}

char *certdir_staple(const char *certificate)
{
	const char *name = strrchr(certificate, '/'), *dot;
	struct str path = { 0 };

	name = name != NULL ? name + 1 : certificate;
	dot = strrchr(name, '.');
	str_append_n(&path, certificate,
		dot != NULL ? (size_t)(dot - certificate) : strlen(certificate));
	str_append(&path, ".ocsp");
	return str_take(&path);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* crypt.c - see crypt.h. */
#include "crypt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MIN 43 /* 32 bytes in base64 */
#define KEY_MAX 1024
#define BATCH 1000

/* ---- the key ---- */

char *crypt_key_new(const char *file, struct tct_error *err)
{
	char line[KEY_MAX + 2] = "", *key = NULL;
	FILE *f = fopen(file, "re");
	struct stat st;
	size_t len;

	if (f == NULL) {
		tct_error_set(err, TCT_EIO, "cannot read the store's key \"%s\" (%s)", file,
			strerror(errno));
		return NULL;
	}
	setvbuf(f, NULL, _IONBF, 0); /* no copy of it in a buffer */
	if (fstat(fileno(f), &st) != 0 || (st.st_mode & S_IRWXO) != 0) {
		tct_error_set(err, TCT_EPERM,
			"the store's key \"%s\" may be read or changed by everybody (mode %04o): "
			"run chmod 0600 on it",
			file, st.st_mode & 07777u);
	} else {
		len = fgets(line, sizeof line, f) != NULL ? strcspn(line, "\r\n") : 0;
		line[len] = '\0';
		if (len < KEY_MIN || len > KEY_MAX)
			tct_error_set(err, TCT_EINVAL,
				"the first line of \"%s\" is no key of a store: make one with "
				"\"tercetctl store new-key FILE\"",
				file);
		else
			key = strdup(line);
	}
	explicit_bzero(line, sizeof line);
	fclose(f);
	return key;
}

void crypt_key_free(char *key)
{
	if (key != NULL)
		explicit_bzero(key, strlen(key));
	free(key);
}

static void silent(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env;
	(void)prefix;
	(void)text;
}

int crypt_check(const char *folder, const char *key, bool make, struct tct_error *err)
{
	char path[BDB_PATH_MAX + 16], bytes[8] = "";
	DBT k = { .data = (void *)"key", .size = 3 };
	DBT v = { .data = bytes, .size = 4, .ulen = sizeof bytes, .flags = DB_DBT_USERMEM };
	DB *db = NULL;
	int rc = db_create(&db, NULL, 0);

	snprintf(path, sizeof path, "%s/KEYCHECK", folder);
	if (make)
		unlink(path); /* of a beginning that a power cut has ended */
	memcpy(bytes, "good", 4);
	if (rc == 0) {
		db->set_errcall(db, silent);
		rc = db->set_encrypt(db, key, DB_ENCRYPT_AES);
	}
	if (rc == 0)
		rc = db->open(db, NULL, path, NULL, DB_BTREE, make ? DB_CREATE : DB_RDONLY, 0600);
	if (rc == 0)
		rc = make ? db->put(db, NULL, &k, &v, 0) : db->get(db, NULL, &k, &v, 0);
	if (rc == 0 && make)
		rc = db->sync(db, 0);
	if (db != NULL)
		db->close(db, 0);
	if (rc == 0)
		return TCT_OK;
	if (make || rc == ENOENT)
		return tct_error_set(err, TCT_EIO, "cannot %s \"%s\" (%s)", make ? "make" : "read",
			path, db_strerror(rc));
	return tct_error_set(err, TCT_EPERM,
		"the key that is configured is not the one of the store \"%s\"", folder);
}

/* ---- from one store to another ---- */

struct row {
	DBT k, v;
};

/* Up to BATCH rows in one transaction; *more: there are others. */
static int copy_some(struct bdb *to, DB *out, DBC *in, struct row *row, int *rc)
{
	DB_TXN *txn = NULL;
	int status = to->env->txn_begin(to->env, NULL, &txn, DB_TXN_NOSYNC);

	for (int i = 0; status == 0 && *rc == 0 && i < BATCH; i++) {
		status = out->put(out, txn, &row->k, &row->v, 0);
		if (status == 0)
			*rc = in->get(in, &row->k, &row->v, DB_NEXT);
	}
	if (txn == NULL)
		return status;
	if (status != 0) {
		txn->abort(txn);
		return status;
	}
	return txn->commit(txn, DB_TXN_NOSYNC);
}

static int copy_file(struct bdb *from, struct bdb *to, const char *file)
{
	struct row row = { { .flags = DB_DBT_REALLOC }, { .flags = DB_DBT_REALLOC } };
	DB *in = NULL, *out = NULL;
	DBC *c = NULL;
	int status = bdb_open_file(from, file, false, &in), rc = DB_NOTFOUND;

	if (status == 0)
		status = bdb_open_file(to, file, true, &out);
	if (status == 0)
		status = in->cursor(in, NULL, &c, 0);
	if (status == 0)
		rc = c->get(c, &row.k, &row.v, DB_FIRST);
	while (status == 0 && rc == 0)
		status = copy_some(to, out, c, &row, &rc);
	if (status == 0 && rc != DB_NOTFOUND)
		status = rc;
	if (c != NULL)
		c->close(c);
	if (out != NULL)
		out->close(out, 0);
	if (in != NULL)
		in->close(in, 0);
	free(row.k.data);
	free(row.v.data);
	return status;
}

static int copy_files(struct bdb *from, struct bdb *to, struct tct_error *err)
{
	DIR *d = opendir(from->path);
	const struct dirent *e;
	int rc = d == NULL ? errno : 0;

	while (rc == 0 && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len < 4 || strcmp(e->d_name + len - 3, ".db") != 0)
			continue;
		rc = copy_file(from, to, e->d_name);
		if (rc != 0)
			tct_error_set(err, TCT_EIO, "cannot copy \"%s/%s\" (%s)", from->path,
				e->d_name, db_strerror(rc));
	}
	if (d == NULL)
		return tct_error_set(err, TCT_EIO, "cannot read \"%s\" (%s)", from->path,
			strerror(rc));
	closedir(d);
	return rc == 0 ? TCT_OK : TCT_EIO;
}

static void close_env(struct bdb *bdb)
{
	if (bdb->env == NULL)
		return;
	bdb->env->txn_checkpoint(bdb->env, 0, 0, DB_FORCE);
	bdb->env->close(bdb->env, 0);
	bdb->env = NULL;
}

static int swap_folders(struct bdb *bdb, const char *made, const char *old, struct tct_error *err)
{
	char *slash, *parent = strdup(bdb->path);
	int fd, rc;

	if (parent == NULL)
		abort();
	rc = rename(bdb->path, old);
	if (rc == 0 && rename(made, bdb->path) != 0) {
		rc = -1;
		if (rename(old, bdb->path) != 0)
			tct_log_error(NULL, "the store is now \"%s\": rename it back", old);
	}
	if (rc != 0)
		tct_error_set(err, TCT_EIO, "cannot rename \"%s\" (%s)", bdb->path, strerror(errno));
	slash = strrchr(parent, '/');
	if (slash != NULL)
		*slash = '\0';
	fd = open(slash != NULL && *parent != '\0' ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(parent);
	return rc == 0 ? TCT_OK : TCT_EIO;
}

int crypt_migrate(struct bdb *bdb, const char *from_key, const struct bdb_config *config,
	struct tct_error *err)
{
	struct bdb from = { .path = bdb->path, .key = (char *)from_key },
		   to = { .key = bdb->key, .folder_fd = -1 };
	char made[BDB_PATH_MAX], old[BDB_PATH_MAX];
	int status = TCT_OK;

	snprintf(made, sizeof made, "%s.new", bdb->path);
	snprintf(old, sizeof old, "%s.old", bdb->path);
	to.path = made;
	if (access(old, F_OK) == 0 || mkdir(made, 0700) != 0)
		return tct_error_set(err, TCT_EEXIST,
			"\"%s\" or \"%s\" is there, from an earlier migration: look at it, and take "
			"it away",
			made, old);
	status = bdb_open_env(&from, config, err);
	if (status == TCT_OK && to.key != NULL)
		status = crypt_check(made, to.key, true, err);
	if (status == TCT_OK)
		status = bdb_open_env(&to, config, err);
	if (status == TCT_OK)
		status = copy_files(&from, &to, err);
	close_env(&from);
	close_env(&to);
	if (status == TCT_OK) {
		to.folder_fd = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		status = bdb_write_format(&to, err);
	}
	if (to.folder_fd >= 0)
		close(to.folder_fd);
	return status == TCT_OK ? swap_folders(bdb, made, old, err) : status;
}

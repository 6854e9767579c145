/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* certs.c - see certs.h. */
#include "core/server/certs.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/certdir.h"
#include "core/net/watch.h"

#include <stdlib.h>
#include <string.h>

static struct arena memory; /* of the configuration */
static struct tcti_tls config;
static bool configured, disabled;
static struct certset *all;
static struct list users = { &users, &users };
static struct watch *watch;
static char *stamp; /* of all files, as they were before they were read */

/* ---- the configuration ---- */

static const char *copy(struct arena *a, const char *text)
{
	return text != NULL ? arena_strdup(a, text) : NULL;
}

static struct tcti_tls copy_config(struct arena *a, const struct tcti_tls *from)
{
	struct tcti_tls to = *from;
	struct tcti_certificate *list =
		arena_zalloc(a, (from->certificate_count + 1) * sizeof *list);
	size_t groups = 0;

	for (size_t i = 0; i < from->certificate_count; i++) {
		list[i].host = copy(a, from->certificates[i].host);
		list[i].certificate = copy(a, from->certificates[i].certificate);
		list[i].key = copy(a, from->certificates[i].key);
		list[i].password_file = copy(a, from->certificates[i].password_file);
	}
	to.certificates = list;
	to.folder = copy(a, from->folder);
	to.priority = copy(a, from->priority);
	to.trust = copy(a, from->trust);
	while (from->groups != NULL && from->groups[groups] != NULL)
		groups++;
	if (groups > 0) {
		const char **names = arena_zalloc(a, (groups + 1) * sizeof *names);

		for (size_t i = 0; i < groups; i++)
			names[i] = copy(a, from->groups[i]);
		to.groups = names;
	}
	return to;
}

/* ---- sets ---- */

static struct certset *own_set(const struct certs_user *u, const struct tcti_tls *of, bool keep,
	struct tct_error *err)
{
	struct tcti_certificate one = { .certificate = u->certificate, .key = u->key };
	struct tcti_tls only = *of;

	only.certificates = &one;
	only.certificate_count = 1;
	only.folder = NULL;
	return certset_new(&only, u->own, keep, err);
}

/* All sets anew by that configuration; nothing is replaced when one is bad. */
static int read_all(const struct tcti_tls *of, bool keep, struct tct_error *err)
{
	struct certset *set = certset_new(of, all, keep, err);
	VEC(struct certset *) own = { 0 };
	bool ok = set != NULL;
	size_t i = 0;

	list_each (node, &users) {
		struct certs_user *u = list_entry(node, struct certs_user, link);
		struct certset *s = ok && u->certificate != NULL ? own_set(u, of, keep, err) : NULL;

		ok = ok && (s != NULL || u->certificate == NULL);
		vec_push(&own, s);
	}
	list_each (node, &users) {
		struct certs_user *u = list_entry(node, struct certs_user, link);
		struct certset *s = own.items[i++];

		if (ok) {
			certset_unref(u->own);
			u->own = s;
		} else {
			certset_unref(s);
		}
	}
	vec_fini(&own);
	if (!ok) {
		certset_unref(set);
		return TCT_EINVAL;
	}
	certset_unref(all);
	all = set;
	return TCT_OK;
}

/* ---- the files ---- */

static void stamp_one(struct str *out, const char *certificate, const char *key)
{
	char *staple = certdir_staple(certificate);

	certdir_stamp(out, certificate);
	certdir_stamp(out, key);
	certdir_stamp(out, staple);
	free(staple);
}

static char *stamp_of_files(const struct tcti_tls *of)
{
	struct str out = { 0 };
	struct certdir dir;

	for (size_t i = 0; i < of->certificate_count; i++)
		stamp_one(&out, of->certificates[i].certificate, of->certificates[i].key);
	list_each (node, &users) {
		const struct certs_user *u = list_entry(node, struct certs_user, link);

		if (u->certificate != NULL)
			stamp_one(&out, u->certificate, u->key);
	}
	if (of->folder != NULL) {
		if (certdir_scan(&dir, of->folder, NULL) != TCT_OK)
			str_append(&out, "no folder\n");
		for (size_t i = 0; i < dir.items.count; i++)
			stamp_one(&out, dir.items.items[i].certificate, dir.items.items[i].key);
		certdir_fini(&dir);
	}
	return str_take(&out);
}

static void watch_files(void)
{
	struct certdir dir;

	watch_clear(watch);
	for (size_t i = 0; i < config.certificate_count; i++) {
		watch_add_file(watch, config.certificates[i].certificate);
		watch_add_file(watch, config.certificates[i].key);
	}
	list_each (node, &users) {
		const struct certs_user *u = list_entry(node, struct certs_user, link);

		if (u->certificate != NULL) {
			watch_add_file(watch, u->certificate);
			watch_add_file(watch, u->key);
		}
	}
	if (config.folder == NULL)
		return;
	watch_add_file(watch, config.folder);
	if (certdir_scan(&dir, config.folder, NULL) != TCT_OK)
		log_debug("the folder \"%s\" cannot be watched", config.folder);
	for (size_t i = 0; i < dir.folders.count; i++)
		watch_add(watch, dir.folders.items[i], NULL);
	for (size_t i = 0; i < dir.items.count; i++) {
		watch_add_file(watch, dir.items.items[i].certificate);
		watch_add_file(watch, dir.items.items[i].key);
	}
	certdir_fini(&dir);
}

static void look(void *unused)
{
	char *now = stamp_of_files(&config);
	struct tct_error err = { 0 };

	(void)unused;
	if (all != NULL)
		certset_tick(all);
	if (stamp != NULL && strcmp(stamp, now) == 0) {
		free(now);
		return;
	}
	free(stamp);
	stamp = now;
	if (read_all(&config, true, &err) != TCT_OK)
		log_error("the certificates stay as they were: %s", tct_error_text(&err));
	if (watch != NULL)
		watch_files();
}

int certs_look(struct tct_error *err)
{
	if (!configured)
		return tct_error_set(err, TCT_ENOENT, "no certificates are configured (mod_tls)");
	if (all == NULL)
		return read_all(&config, false, err);
	look(NULL);
	return TCT_OK;
}

/* ---- for others ---- */

int tcti_tls_configure(struct tct_mod *m, const struct tcti_tls *wanted, struct tct_error *err)
{
	struct arena a;
	struct tcti_tls next;
	char *before;

	(void)m;
	arena_init(&a);
	next = copy_config(&a, wanted);
	before = stamp_of_files(&next); /* what changes while it is read is seen later */
	if (!disabled && read_all(&next, false, err) != TCT_OK) {
		arena_fini(&a);
		free(before);
		return TCT_EINVAL;
	}
	if (configured)
		arena_fini(&memory);
	memory = a;
	config = next;
	configured = true;
	free(stamp);
	stamp = before;
	if (disabled)
		return TCT_OK;
	if (watch == NULL)
		watch = watch_new(look, NULL);
	watch_files();
	return TCT_OK;
}

int certs_join(struct certs_user *u, const char *certificate, const char *key,
	struct tct_error *err)
{
	list_push(&users, &u->link);
	if (certificate == NULL)
		return TCT_OK;
	u->certificate = mem_strdup(certificate);
	u->key = mem_strdup(key != NULL ? key : certificate);
	if (!configured || disabled)
		return TCT_OK;
	u->own = own_set(u, &config, false, err);
	watch_files();
	return u->own != NULL ? TCT_OK : TCT_EINVAL;
}

void certs_leave(struct certs_user *u)
{
	list_remove(&u->link);
	certset_unref(u->own);
	free(u->certificate);
	free(u->key);
	u->own = NULL;
	u->certificate = u->key = NULL;
}

struct certset *certs_of(const struct certs_user *u)
{
	return u != NULL && u->certificate != NULL ? u->own : all;
}

void certs_disable(void)
{
	disabled = true;
}

void certs_fini(void)
{
	watch_free(watch);
	watch = NULL;
	certset_unref(all);
	all = NULL;
	free(stamp);
	stamp = NULL;
	if (configured)
		arena_fini(&memory);
	configured = disabled = false;
}

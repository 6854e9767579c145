/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* so.c - see so.h. The note is compared first: nothing of a module that does not fit runs,
 * not even its constructors. */
#include "core/mod/so.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/loop/job.h"
#include "core/mod/note.h"

#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct list all = { &all, &all };

/* ---- finding ---- */

static bool find_file(const char *name, const char *const *path, char *out)
{
	for (; *path != NULL; path++) {
		snprintf(out, PATH_MAX, "%s/mod_%s.so", *path, name);
		if (access(out, F_OK) == 0)
			return true;
	}
	return false;
}

/* "no module 'rooster' in /usr/lib/... (did you mean 'roster'?)" */
static int not_found(const char *name, const char *const *path, struct tct_error *err)
{
	VEC(const char *) names = { 0 };
	struct str folders = { 0 };
	const char *near;
	int status;

	for (const char *const *p = path; *p != NULL; p++) {
		DIR *d = opendir(*p);
		struct dirent *e;

		str_printf(&folders, "%s%s", folders.len > 0 ? ", " : "", *p);
		while (d != NULL && (e = readdir(d)) != NULL) {
			size_t len = strlen(e->d_name);

			if (len > 7 && strncmp(e->d_name, "mod_", 4) == 0 &&
				strcmp(e->d_name + len - 3, ".so") == 0)
				vec_push(&names, mem_strndup(e->d_name + 4, len - 7));
		}
		if (d != NULL)
			closedir(d);
	}
	vec_push(&names, NULL);
	near = conf_nearest(name, names.items);
	status = near != NULL ?
		tct_error_set(err, TCT_ENOENT, "no module '%s' in %s (did you mean '%s'?)", name,
			str_text(&folders), near) :
		tct_error_set(err, TCT_ENOENT, "no module '%s' in %s", name, str_text(&folders));
	for (size_t i = 0; i + 1 < names.count; i++)
		free((char *)names.items[i]);
	vec_fini(&names);
	str_fini(&folders);
	return status;
}

/* ---- checking ---- */

static int check_abi(const char *path, uint16_t major, uint16_t minor, uint32_t env,
	struct tct_error *err)
{
	if (major != TCT_ABI_MAJOR)
		return tct_error_set(err, TCT_EABI,
			"\"%s\" was built for ABI %u.%u, this server has %u.%u: rebuild it against "
			"tercet with ABI %u",
			path, major, minor, TCT_ABI_MAJOR, TCT_ABI_MINOR, TCT_ABI_MAJOR);
	if (minor > TCT_ABI_MINOR)
		return tct_error_set(err, TCT_EABI,
			"\"%s\" was built for ABI %u.%u, this server has %u.%u: upgrade the "
			"server, or rebuild the module against this one",
			path, major, minor, TCT_ABI_MAJOR, TCT_ABI_MINOR);
	if (env != TCT_ENV)
		return tct_error_set(err, TCT_EABI,
			"\"%s\" was built in another environment (%08x, this server has %08x): "
			"rebuild it on this machine",
			path, env, TCT_ENV);
	return TCT_OK;
}

static int check_note(const char *name, const char *path, struct tct_error *err)
{
	struct tct_module_note note;
	int status = note_read(path, &note, err);

	if (status == TCT_OK)
		status = check_abi(path, note.abi_major, note.abi_minor, note.env, err);
	if (status == TCT_OK && note.size > sizeof(struct tct_module_info))
		status = tct_error_set(err, TCT_EABI,
			"\"%s\" has a descriptor of %u bytes, this server knows %zu: rebuild it "
			"against this server",
			path, note.size, sizeof(struct tct_module_info));
	if (status == TCT_OK && strcmp(note.module, name) != 0)
		status = tct_error_set(err, TCT_EABI,
			"\"%s\" calls itself '%s', and by its file name it is '%s': name the file "
			"mod_%s.so",
			path, note.module, name, note.module);
	return status;
}

static int check_info(const struct tct_module_info *info, const char *name, const char *path,
	const char *version, struct tct_error *err)
{
	int status;

	if (info->magic != TCT_MODULE_MAGIC)
		return tct_error_set(err, TCT_EABI,
			"\"%s\" has the magic number %08x, a module has %08x: define it with "
			"TCT_MODULE",
			path, info->magic, TCT_MODULE_MAGIC);
	status = check_abi(path, info->abi_major, info->abi_minor, info->env, err);
	if (status != TCT_OK)
		return status;
	if (info->size > sizeof *info || info->size < offsetof(struct tct_module_info, depends))
		return tct_error_set(err, TCT_EABI,
			"\"%s\" has a descriptor of %u bytes, this server knows %zu: rebuild it "
			"against this server",
			path, info->size, sizeof *info);
	if (info->name == NULL || strcmp(info->name, name) != 0)
		return tct_error_set(err, TCT_EABI,
			"\"%s\" calls itself '%s', and by its file name it is '%s'", path,
			info->name != NULL ? info->name : "", name);
	if ((info->flags & TCT_INTERNAL) != 0 &&
		(info->version == NULL || strcmp(info->version, version) != 0))
		return tct_error_set(err, TCT_EABI,
			"\"%s\" is a part of the server of version %s, this server is %s: install "
			"both from one build",
			path, info->version != NULL ? info->version : "?", version);
	return TCT_OK;
}

static struct module_so *open_checked(const char *name, const char *path, const char *version,
	struct tct_error *err)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct tct_module_info *info;
	struct module_so *so;

	if (handle == NULL) {
		tct_error_set(err, TCT_EABI, "cannot load \"%s\" (%s)", path, dlerror());
		return NULL;
	}
	info = dlsym(handle, "tct_module_info");
	if (info == NULL) {
		tct_error_set(err, TCT_EABI, "\"%s\" has no descriptor: define it with TCT_MODULE",
			path);
		dlclose(handle);
		return NULL;
	}
	if (check_info(info, name, path, version, err) != TCT_OK) {
		dlclose(handle);
		return NULL;
	}
	so = mem_zalloc(sizeof *so);
	memcpy(&so->info, info, info->size);
	so->name = mem_strdup(name);
	so->path = mem_strdup(path);
	so->handle = handle;
	list_push(&all, &so->link);
	return so;
}

struct module_so *so_open(const char *name, const char *const *path, const char *version,
	struct tct_error *err)
{
	struct module_so *so;
	char file[PATH_MAX];

	list_each (node, &all) {
		so = list_entry(node, struct module_so, link);
		if (strcmp(so->name, name) == 0) {
			so->refs++;
			return so;
		}
	}
	if (!find_file(name, path, file)) {
		not_found(name, path, err);
		return NULL;
	}
	if (check_note(name, file, err) != TCT_OK)
		return NULL;
	so = open_checked(name, file, version, err);
	if (so != NULL)
		so->refs = 1;
	return so;
}

void so_unref(struct module_so *so)
{
	if (--so->refs > 0)
		return;
	list_remove(&so->link);
#ifndef TERCET_SANITIZERS
	/* Code that a worker still runs, or that asked to stay, stays. */
	if ((so->info.flags & TCT_RESIDENT) == 0 && job_count() == 0) {
		dlclose(so->handle);
		if (dlopen(so->path, RTLD_NOW | RTLD_NOLOAD) != NULL)
			log_notice("module '%s' is still mapped after unload: a new file is used "
				   "after a restart of the server",
				so->name);
	}
#endif
	free(so->name);
	free(so->path);
	free(so);
}

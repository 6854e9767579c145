/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* watch.c - see watch.h. */
#include "core/net/watch.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define QUIET_MS 300
#define MINUTE_MS 60000
#define EVENTS                                                                           \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct folder {
	int wd;
	char *name; /* NULL: every entry counts */
};

struct watch {
	struct loop_io io; /* first */
	int fd;            /* -1: no inotify */
	VEC(struct folder) folders;
	struct tct_scope scope;
	struct tct_timer *quiet;
	watch_fn *fn;
	void *data;
};

static void tell(struct tct_scope *scope, void *data)
{
	struct watch *w = data;

	(void)scope;
	w->quiet = NULL;
	w->fn(w->data);
}

static void each_minute(struct tct_scope *scope, void *data)
{
	struct watch *w = data;

	(void)scope;
	w->fn(w->data);
}

static bool counts(const struct watch *w, const struct inotify_event *e)
{
	if ((e->mask & IN_IGNORED) != 0)
		return false;
	for (size_t i = 0; i < w->folders.count; i++) {
		const struct folder *f = &w->folders.items[i];

		if (f->wd == e->wd &&
			(f->name == NULL || e->len == 0 || strcmp(f->name, e->name) == 0))
			return true;
	}
	return (e->mask & IN_Q_OVERFLOW) != 0;
}

static void on_event(struct loop_io *io, int events)
{
	struct watch *w = (struct watch *)io;
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false;
	ssize_t n;

	(void)events;
	while ((n = read(w->fd, bytes, sizeof bytes)) > 0) {
		for (char *at = bytes; at < bytes + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(void *)at;

			changed = changed || counts(w, e);
			at += sizeof *e + e->len;
		}
	}
	if (!changed)
		return;
	if (w->quiet != NULL)
		tct_timer_stop(w->quiet);
	w->quiet = tct_timer_start(&w->scope, QUIET_MS, 0, tell, w);
}

struct watch *watch_new(watch_fn *fn, void *data)
{
	struct watch *w = mem_zalloc(sizeof *w);

	w->fn = fn;
	w->data = data;
	scope_init(&w->scope, NULL);
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		log_notice("changed files are noticed within a minute, not at once (%s)",
			strerror(errno));
	} else {
		loop_io_init(&w->io, w->fd, on_event);
		loop_io_set(&w->io, EV_READ);
	}
	tct_timer_start(&w->scope, MINUTE_MS, MINUTE_MS, each_minute, w);
	return w;
}

void watch_clear(struct watch *w)
{
	for (size_t i = 0; i < w->folders.count; i++) {
		inotify_rm_watch(w->fd, w->folders.items[i].wd);
		free(w->folders.items[i].name);
	}
	w->folders.count = 0;
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	watch_clear(w);
	vec_fini(&w->folders);
	scope_end(&w->scope);
	if (w->fd >= 0) {
		loop_io_set(&w->io, 0);
		close(w->fd);
	}
	free(w);
}

void watch_add(struct watch *w, const char *folder, const char *name)
{
	struct folder f = { .name = NULL };

	if (w->fd < 0)
		return;
	f.wd = inotify_add_watch(w->fd, *folder != '\0' ? folder : "/", EVENTS);
	if (f.wd < 0)
		return;
	for (size_t i = 0; i < w->folders.count; i++) {
		const struct folder *other = &w->folders.items[i];

		if (other->wd == f.wd && (other->name == NULL ||
						 (name != NULL && strcmp(other->name, name) == 0)))
			return;
	}
	f.name = name != NULL ? mem_strdup(name) : NULL;
	vec_push(&w->folders, f);
}

static void add_parent(struct watch *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash != NULL ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");

	watch_add(w, folder, slash != NULL ? slash + 1 : path);
	free(folder);
}

void watch_add_file(struct watch *w, const char *path)
{
	char *real = realpath(path, NULL);

	add_parent(w, path);
	if (real != NULL && strcmp(real, path) != 0)
		add_parent(w, real);
	free(real);
}

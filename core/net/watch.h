/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* watch.h - tells when something in folders may have changed: by inotify, some time after the
 * last change, so that what is being copied is whole; and each minute in any case, because
 * not every file system tells. Whoever asks finds out what it was. Loop thread. */
#pragma once

#include <stddef.h>

struct watch;
typedef void watch_fn(void *data);

struct watch *watch_new(watch_fn *fn, void *data);
void watch_free(struct watch *w); /* NULL: nothing */
/* One folder more; `name` (may be NULL): only that entry of it. A folder that is not there is
 * left to the minute. */
void watch_add(struct watch *w, const char *folder, const char *name);
/* The folder of a file, and the folder of what it is a link to. */
void watch_add_file(struct watch *w, const char *path);
/* Forgets all folders. */
void watch_clear(struct watch *w);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* events.c - see events.h. A file of its own, because the headers of libevent and of libev have
 * an EV_READ of different values: a watcher for reading would wait for writing. */
#include "core/net/events.h"

#include <dlfcn.h>
#include <event2/event.h>
#include <stddef.h>

bool events_are_good(void)
{
	Dl_info used, wanted;
	void *add = dlsym(RTLD_DEFAULT, "event_add");
	void *number = dlsym(RTLD_DEFAULT, "event_get_version_number");

	return add != NULL && number != NULL && event_get_version_number() != 0 &&
		dladdr(add, &used) != 0 && dladdr(number, &wanted) != 0 &&
		used.dli_fbase == wanted.dli_fbase;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* figures.c - what an administrator may see of the running server: hosts, instances,
 * sessions, figures (<tercet/internal/server.h>). Only reads. */
#include "core/mod/figure.h"
#include "core/server/entity.h"
#include "core/server/host.h"
#include "core/server/server.h"
#include "core/server/session.h"
#include "core/server/stream.h"
#include "core/store/env.h"

#include <tercet/internal/server.h>

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

void tcti_host_each(tcti_host_fn *fn, void *data)
{
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h))
		fn(h, data);
}

static void session_row(struct tct_session *s, tcti_session_row_fn *fn, void *data)
{
	struct tcti_session_row row = {
		.jid = tct_jid_text(s->jid),
		.address = s->stream != NULL ? tcti_stream_address(s->stream) : NULL,
		.since = s->since,
		.secured = s->stream != NULL && tcti_stream_secured(s->stream),
		.attached = s->stream != NULL,
		.available = s->presence != NULL,
		.priority = s->priority,
	};

	fn(&row, data);
}

void tcti_session_each(struct tct_host *only, tcti_session_row_fn *fn, void *data)
{
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h)) {
		size_t at = 0;
		void *value;

		if (only != NULL && h != only)
			continue;
		while (map_next(&h->entities, &at, NULL, &value)) {
			struct tct_entity *e = value;

			list_each (node, &e->sessions)
				session_row(list_entry(node, struct tct_session, link), fn, data);
		}
	}
}

void tct_host_sessions(struct tct_host *h, tct_host_session_fn *fn, void *data)
{
	size_t at = 0;
	void *value;

	while (map_next(&h->entities, &at, NULL, &value)) {
		struct tct_entity *e = value;

		list_each (node, &e->sessions)
			fn(list_entry(node, struct tct_session, link), data);
	}
}

struct figure_walk {
	const struct tct_host *only;
	tcti_figure_fn *fn;
	void *data;
};

static void figure_row(const struct tct_figure *f, void *data)
{
	const struct figure_walk *walk = data;
	struct tcti_figure_row row = { f->mod->host_name, f->mod->name, f->name, f->doc, f->value };

	if (walk->only == NULL || walk->only == f->mod->host)
		walk->fn(&row, walk->data);
}

void tcti_figure_each(struct tct_host *h, tcti_figure_fn *fn, void *data)
{
	struct figure_walk walk = { h, fn, data };

	figure_each(figure_row, &walk);
}

static uint64_t resident_bytes(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void count_module(const struct tcti_module_row *row, void *data)
{
	(void)row;
	(*(uint64_t *)data)++;
}

void tcti_status(struct tcti_status *status)
{
	struct rlimit files = { 0 };

	*status = (struct tcti_status){ 0 };
	getrlimit(RLIMIT_NOFILE, &files);
	status->started = server_started();
	for (struct tct_host *h = host_next(NULL); h != NULL; h = host_next(h))
		status->hosts++;
	tcti_module_each(NULL, count_module, &status->modules);
	status->connections = streams_count();
	status->sessions = session_count();
	status->entities = entities_count();
	status->sockets_max = files.rlim_cur;
	status->memory = resident_bytes();
	status->reads = env_reads();
}

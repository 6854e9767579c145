/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* entity_delete.c - deleting an account: its sessions end, its data is loaded, every module
 * of the host is told, then the caller goes on. */
#include "core/base/mem.h"
#include "core/server/entity.h"
#include "core/server/host.h"
#include "core/server/session.h"

#include <stdlib.h>

struct deletion {
	struct scope_node node;
	struct tct_scope scope; /* of the wait for the sessions' ends */
	struct tct_mod *mod;
	tct_done_fn *fn;
	void *data;
	char *user;
};

static void deletion_free(struct deletion *d)
{
	scope_remove(&d->node);
	scope_end(&d->scope);
	free(d->user);
	free(d);
}

static void dropped(struct scope_node *node)
{
	deletion_free(list_entry(node, struct deletion, node));
}

static void finish(struct deletion *d, int status)
{
	struct tct_scope *scope = d->node.scope;
	tct_done_fn *fn = d->fn;
	void *data = d->data;

	deletion_free(d);
	if (fn != NULL)
		fn(scope, status, data);
}

static void close_session(struct tct_session *s, void *data)
{
	(void)data;
	tct_session_close(s, "not-authorized", "the account was deleted");
}

static void look_again(struct tct_scope *scope, void *data);

static void loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct deletion *d = data;

	(void)scope;
	if (status != TCT_OK) {
		finish(d, status);
		return;
	}
	if (e->session_count > 0) {
		/* Their ends are queued behind what they sent; look again after that. */
		tct_entity_sessions(e, close_session, NULL);
		tct_timer_start(&d->scope, 1, 0, look_again, d);
		return;
	}
	hook_entity_notice(&e->host->hooks, TCT_ENTITY_DELETED, e);
	finish(d, TCT_OK);
}

static void look_again(struct tct_scope *scope, void *data)
{
	struct deletion *d = data;

	tct_entity_load(scope, d->mod->host, d->user, loaded, d);
}

void tct_entity_delete(struct tct_mod *m, struct tct_scope *scope, const char *user,
	tct_done_fn *fn, void *data)
{
	struct deletion *d = mem_zalloc(sizeof *d);

	d->mod = m;
	d->fn = fn;
	d->data = data;
	d->user = mem_strdup(user);
	scope_init(&d->scope, m);
	scope_add(scope, &d->node, dropped);
	tct_entity_load(&d->scope, m->host, user, loaded, d);
}

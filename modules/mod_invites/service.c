/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* service.c - the service "invites": what others do with invitations. Each operation reads the
 * host's entity first; one that writes ends when that is on disk. */
#include "modules/mod_invites/invites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One operation, in its caller's scope; the strings are copies. */
struct op {
	struct tct_mod *m;
	union {
		tct_invite_made_fn *made;
		tct_invite_fn *invite;
		tct_done_fn *done;
	} fn;
	void *data;
	tct_invite_row_fn *row;
	struct tct_invite what;
	char *name, *inviter, *token, *user;
	char id[TCT_INVITE_ID_SIZE];
	bool made;
	int status;
};

static void op_fini(void *block)
{
	struct op *op = block;

	free(op->name);
	free(op->inviter);
	invite_wipe(op->token);
	free(op->user);
}

static char *copy_of(const char *text)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (text != NULL && copy == NULL)
		abort();
	return copy;
}

static struct op *op_new(struct tct_mod *m, struct tct_scope *scope, const char *id, void *data)
{
	struct op *op = tct_scope_alloc(scope, sizeof *op, op_fini);

	op->m = m;
	op->data = data;
	snprintf(op->id, sizeof op->id, "%s", id != NULL ? id : "");
	return op;
}

/* What it says of the row stays when the row changes. */
static void op_keep(struct op *op, const struct tct_invite *what)
{
	op->what = *what;
	op->name = copy_of(what->name);
	op->inviter = copy_of(what->inviter);
	op->what.name = op->name;
	op->what.inviter = op->inviter;
	op->what.id = op->id;
}

static void load_host(struct op *op, struct tct_scope *scope, tct_entity_load_fn *fn)
{
	tct_entity_load(scope, tct_mod_host(op->m), "", fn, op);
}

static void end(struct tct_scope *scope, struct op *op, int status)
{
	tct_done_fn *fn = op->fn.done;
	void *data = op->data;

	tct_scope_free(op);
	if (fn != NULL)
		fn(scope, status, data);
}

static void written(struct tct_scope *scope, int status, void *data)
{
	end(scope, data, status);
}

/* ---- making ---- */

static void end_made(struct tct_scope *scope, struct op *op, int status,
	const struct tct_invite_link *link)
{
	op->fn.made(scope, status, link, op->data);
	tct_scope_free(op);
}

static void made(struct tct_scope *scope, int status, void *data)
{
	struct op *op = data;
	struct invite_row row = { .is = op->what };
	struct tct_invite_link link = { .size = sizeof link, .id = op->id,
		.until = op->what.until };
	char *uri, *page;

	if (status != TCT_OK) {
		end_made(scope, op, status, NULL);
		return;
	}
	invite_link(op->m, &row, op->token, &uri, &page);
	link.uri = uri;
	link.page = page;
	end_made(scope, op, TCT_OK, &link);
	invite_wipe(uri);
	invite_wipe(page);
}

static void make_in(struct tct_scope *scope, struct tct_entity *host, int status, void *data)
{
	struct op *op = data;
	struct invite_row row;
	struct tct_txn *txn;

	if (status == TCT_OK && op->name != NULL &&
		invite_reserved(op->m, host, op->name, NULL))
		status = TCT_EEXIST;
	if (status != TCT_OK) {
		end_made(scope, op, status, NULL);
		return;
	}
	op->token = calloc(1, INVITE_TOKEN + 1);
	if (op->token == NULL)
		abort();
	txn = tct_txn_new(op->m);
	status = invite_add(op->m, txn, host, &op->what, &row, op->token);
	if (status != TCT_OK) {
		tct_txn_drop(txn);
		end_made(scope, op, status, NULL);
		return;
	}
	op->what.until = row.is.until;
	memcpy(op->id, row.id, sizeof op->id);
	tct_txn_submit(scope, txn, made, op);
}

static void name_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;

	if (status == TCT_OK && tct_entity_exists(e))
		status = TCT_EEXIST;
	if (status != TCT_OK)
		end_made(scope, op, status, NULL);
	else
		load_host(op, scope, make_in);
}

static void inviter_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;

	if (status == TCT_OK && !tct_entity_exists(e))
		status = TCT_ENOENT;
	if (status != TCT_OK)
		end_made(scope, op, status, NULL);
	else if (op->name != NULL)
		tct_entity_load(scope, tct_mod_host(op->m), op->name, name_loaded, op);
	else
		load_host(op, scope, make_in);
}

static int sensible(struct tct_mod *m, const struct tct_invite *what)
{
	const struct invites *invites = tct_mod_data(m);
	bool account = (what->flags & TCT_INVITE_ACCOUNT) != 0;
	bool contact = (what->flags & TCT_INVITE_CONTACT) != 0;
	bool friends = (what->flags & TCT_INVITE_FRIENDS) != 0;

	if (what->uses < 1 || what->uses > TCT_INVITE_USES_MAX || (!account && !contact) ||
		((contact || friends) && what->inviter == NULL) ||
		(what->name != NULL && (!account || contact || what->uses > 1)) ||
		(what->until != 0 && (what->until <= tct_now() ||
			what->until > tct_now() + TCT_INVITE_TIME_MAX)))
		return TCT_EINVAL;
	if ((account && !invites_registration(m)) ||
		((contact || friends) && invites->roster == NULL))
		return TCT_EPERM;
	return TCT_OK;
}

static void refused(struct tct_scope *scope, void *data)
{
	struct op *op = data;

	end_made(scope, op, op->status, NULL);
}

static void make(struct tct_mod *m, struct tct_scope *scope, const struct tct_invite *what,
	tct_invite_made_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, NULL, data);

	op->fn.made = fn;
	op->status = sensible(m, what);
	op_keep(op, what);
	if (op->status != TCT_OK) {
		tct_timer_start(scope, 0, 0, refused, op);
	} else if (op->inviter != NULL) {
		tct_entity_load(scope, tct_mod_host(m), op->inviter, inviter_loaded, op);
	} else if (op->name != NULL) {
		tct_entity_load(scope, tct_mod_host(m), op->name, name_loaded, op);
	} else {
		load_host(op, scope, make_in);
	}
}

/* ---- listing and revoking ---- */

static void list_row(const struct invite_row *row, void *data)
{
	const struct op *op = data;
	struct tct_invite is = row->is;

	is.id = row->id;
	op->row(&is, op->data);
}

static void list_in(struct tct_scope *scope, struct tct_entity *host, int status, void *data)
{
	struct op *op = data;

	if (status == TCT_OK)
		invite_each(op->m, host, list_row, op);
	end(scope, op, status);
}

static void list(struct tct_mod *m, struct tct_scope *scope, tct_invite_row_fn *row,
	tct_done_fn *done, void *data)
{
	struct op *op = op_new(m, scope, NULL, data);

	op->fn.done = done;
	op->row = row;
	load_host(op, scope, list_in);
}

static void revoke_in(struct tct_scope *scope, struct tct_entity *host, int status, void *data)
{
	struct op *op = data;
	struct invite_row row;
	struct tct_txn *txn;

	if (status == TCT_OK && !invite_by_id(op->m, host, op->id, &row))
		status = TCT_ENOENT;
	if (status != TCT_OK) {
		end(scope, op, status);
		return;
	}
	txn = tct_txn_new(op->m);
	invite_delete(op->m, txn, &row);
	tct_txn_submit(scope, txn, written, op);
}

static void revoke(struct tct_mod *m, struct tct_scope *scope, const char *id, tct_done_fn *fn,
	void *data)
{
	struct op *op = op_new(m, scope, id, data);

	op->fn.done = fn;
	load_host(op, scope, revoke_in);
}

/* ---- registration ---- */

static void end_invite(struct tct_scope *scope, struct op *op, int status,
	const struct tct_invite *is)
{
	op->fn.invite(scope, status, status == TCT_OK ? is : NULL, op->data);
	tct_scope_free(op);
}

static void check_in(struct tct_scope *scope, struct tct_entity *host, int status, void *data)
{
	struct op *op = data;
	char key[INVITE_KEY + 1];
	struct invite_row row;

	invite_key(op->token, key);
	if (status == TCT_OK && (!invite_get(op->m, host, key, &row) || !invite_open(&row) ||
					(row.is.flags & TCT_INVITE_ACCOUNT) == 0))
		status = TCT_ENOENT;
	if (status == TCT_OK)
		row.is.id = row.id;
	end_invite(scope, op, status, &row.is);
}

static void check(struct tct_mod *m, struct tct_scope *scope, const char *token,
	tct_invite_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, NULL, data);

	op->fn.invite = fn;
	op->token = copy_of(token);
	load_host(op, scope, check_in);
}

static void claimed(struct tct_scope *scope, int status, void *data)
{
	struct op *op = data;

	end_invite(scope, op, status, &op->what);
}

static int may_claim(const struct op *op, const struct tct_entity *host, struct invite_row *row)
{
	const char *id = op->id[0] != '\0' ? op->id : NULL;

	if (id != NULL && (!invite_by_id(op->m, host, id, row) || row->is.uses < 1))
		return TCT_ENOENT;
	if (id != NULL && row->is.name != NULL && strcmp(row->is.name, op->user) != 0)
		return TCT_EPERM;
	return invite_reserved(op->m, host, op->user, id) ? TCT_EEXIST : TCT_OK;
}

/* The use is on disk before there is an account: whoever leaves in between has not won one. */
static void claim_in(struct tct_scope *scope, struct tct_entity *host, int status, void *data)
{
	struct op *op = data;
	struct invite_row row;
	struct tct_txn *txn;

	if (status == TCT_OK)
		status = may_claim(op, host, &row);
	if (status != TCT_OK || op->id[0] == '\0') {
		end_invite(scope, op, status, NULL);
		return;
	}
	op_keep(op, &row.is);
	row.is.uses--;
	txn = tct_txn_new(op->m);
	invite_put(op->m, txn, &row);
	tct_txn_submit(scope, txn, claimed, op);
}

static void claim(struct tct_mod *m, struct tct_scope *scope, const char *id, const char *user,
	tct_invite_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, id, data);

	op->fn.invite = fn;
	op->user = copy_of(user);
	load_host(op, scope, claim_in);
}

/* ---- afterwards ---- */

static void new_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;
	const struct invites *invites = tct_mod_data(op->m);
	struct tct_entity *inviter = tct_entity_find(tct_mod_host(op->m), op->inviter);

	if (status == TCT_OK && inviter != NULL && tct_entity_exists(inviter))
		status = invites->roster->introduce(invites->roster_mod, inviter, e, "invites");
	if (status != TCT_OK)
		tct_log_warn(op->m, "'%s' and '%s' could not be made contacts (%s)", op->inviter,
			op->user, tct_code_text(status));
	end(scope, op, TCT_OK);
}

static void friend_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;

	if (status == TCT_OK && tct_entity_exists(e))
		tct_entity_load(scope, tct_mod_host(op->m), op->user, new_loaded, op);
	else
		end(scope, op, TCT_OK);
}

static void settled(struct tct_scope *scope, int status, void *data)
{
	struct op *op = data;
	const struct invites *invites = tct_mod_data(op->m);

	/* Without that it stays as a row that cannot be used, until its time is over. */
	(void)status;
	if (op->made && (op->what.flags & TCT_INVITE_FRIENDS) != 0 && op->inviter != NULL &&
		invites->roster != NULL)
		tct_entity_load(scope, tct_mod_host(op->m), op->inviter, friend_loaded, op);
	else
		end(scope, op, TCT_OK);
}

static void settle_in(struct tct_scope *scope, struct tct_entity *host, int status, void *data)
{
	struct op *op = data;
	struct invite_row row;
	struct tct_txn *txn;

	/* It was revoked meanwhile. */
	if (status != TCT_OK || !invite_by_id(op->m, host, op->id, &row)) {
		end(scope, op, status);
		return;
	}
	op_keep(op, &row.is);
	if (op->made && row.is.uses > 0) {
		settled(scope, TCT_OK, op);
		return;
	}
	txn = tct_txn_new(op->m);
	row.is.uses++;
	if (op->made)
		invite_delete(op->m, txn, &row);
	else
		invite_put(op->m, txn, &row);
	tct_txn_submit(scope, txn, settled, op);
}

static void settle(struct tct_mod *m, struct tct_scope *scope, const char *id, const char *user,
	bool was_made, tct_done_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, id, data);

	op->fn.done = fn;
	op->user = copy_of(user);
	op->made = was_made;
	load_host(op, scope, settle_in);
}

const struct tct_invite_ops invites_ops = {
	.size = sizeof invites_ops,
	.make = make,
	.list = list,
	.revoke = revoke,
	.check = check,
	.claim = claim,
	.settle = settle,
};

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control_accounts.c - see control_accounts.h. What an account is, only the services "auth",
 * "account" and "devices" of its host know. */
#include "core/server/control_accounts.h"

#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/server/host.h"
#include "core/xmpp/jid.h"

#include <tercet/account.h>
#include <tercet/internal/sasl.h>

#include <stdlib.h>
#include <string.h>

#define USERS_PAGE 500
#define IMPORT_BATCH 500

/* ---- finding who is meant ---- */

struct account {
	struct tct_host *host;
	const struct tct_auth_ops *ops;
	struct tct_mod *provider;
};

static bool find_auth(struct control_call *call, struct tct_host *h, struct account *a)
{
	a->host = h;
	a->ops = tcti_host_service(h, "auth", &a->provider);
	if (a->ops == NULL)
		control_answer(call, TCT_ENOENT, "no module of \"%s\" keeps accounts", h->name);
	return a->ops != NULL;
}

/* The account of the first argument; the caller unrefs the address. */
static const struct tct_jid *find_account(struct control_call *call, struct account *a)
{
	const struct tct_jid *jid = tct_jid_new(call->args[0]);
	struct tct_host *h;

	if (jid == NULL || tct_jid_node(jid) == NULL || tct_jid_resource(jid) != NULL) {
		control_answer(call, TCT_EINVAL, "\"%s\" is no address of an account (name@host)",
			call->args[0]);
		tct_jid_unref(jid);
		return NULL;
	}
	h = host_find(span_of(tct_jid_domain(jid)));
	if (h == NULL)
		control_answer(call, TCT_ENOENT, "\"%s\" is no host of this server",
			tct_jid_domain(jid));
	if (h == NULL || !find_auth(call, h, a)) {
		tct_jid_unref(jid);
		return NULL;
	}
	return jid;
}

/* ---- accounts ---- */

static void done(struct control_call *call, int status, const char *what)
{
	const char *who = call->args[0];

	switch (status) {
	case TCT_OK:
		control_answer(call, TCT_OK, "%s %s", who, what);
		return;
	case TCT_EEXIST:
		control_answer(call, status, "there is an account %s already", who);
		return;
	case TCT_ENOENT:
		control_answer(call, status, "there is no account %s", who);
		return;
	case TCT_EINVAL:
		control_answer(call, status,
			"the name or the password is not acceptable (a password is not empty and "
			"has at most 1023 bytes)");
		return;
	default:
		control_answer(call, status, "it could not be stored (%s)", tct_code_text(status));
	}
}

static void added(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	done(data, status, "was added");
}

static void end_session(struct tct_session *s, void *data)
{
	tct_session_close(s, "not-authorized", data);
}

/* Whoever knew the old one does not stay. */
static void changed(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;
	const struct tct_jid *jid = status == TCT_OK ? tct_jid_new(call->args[0]) : NULL;
	struct tct_entity *e = jid != NULL ? tct_entity_find(host_find(span_of(tct_jid_domain(jid))),
						     tct_jid_node(jid)) :
					     NULL;

	(void)scope;
	if (e != NULL)
		tct_entity_sessions(e, end_session, (void *)"the password was changed");
	tct_jid_unref(jid);
	done(call, status, "has a new password");
}

static void deleted(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	done(data, status, "was deleted");
}

/* A host whose accounts come and go by themselves has none of these operations. */
static bool by_hand(struct control_call *call, const struct account *a)
{
	if (TCT_AUTH_HAS(a->ops, create) && TCT_AUTH_HAS(a->ops, set_password) &&
		TCT_AUTH_HAS(a->ops, remove) && TCT_AUTH_HAS(a->ops, import))
		return true;
	control_answer(call, TCT_EPERM, "accounts of \"%s\" are not made by hand", a->host->name);
	return false;
}

void accounts_add(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL && by_hand(call, &a))
		a.ops->create(a.provider, call->scope, tct_jid_node(jid), call->input, added, call);
	tct_jid_unref(jid);
}

void accounts_passwd(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL && by_hand(call, &a))
		a.ops->set_password(a.provider, call->scope, tct_jid_node(jid), call->input,
			changed, call);
	tct_jid_unref(jid);
}

void accounts_delete(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL && by_hand(call, &a))
		a.ops->remove(a.provider, call->scope, tct_jid_node(jid), deleted, call);
	tct_jid_unref(jid);
}

/* ---- devices ---- */

static bool find_devices(struct control_call *call, const struct tct_jid *jid,
	const struct tcti_devices_ops **ops, struct tct_mod **provider)
{
	*ops = tcti_host_service(host_find(span_of(tct_jid_domain(jid))), "devices", provider);
	if (*ops == NULL)
		control_answer(call, TCT_ENOENT, "no module of \"%s\" knows devices (sasl2 does)",
			tct_jid_domain(jid));
	return *ops != NULL;
}

static void add_device(const struct tcti_device_row *row, void *data)
{
	struct control_call *call = data;

	json_array_append_new(call->rows,
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:b}", "id", row->id, "software",
			row->software, "device", row->device, "first", (json_int_t)row->first,
			"last", (json_int_t)row->last, "token", row->token, "password",
			row->password));
}

static void devices_listed(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;
	size_t count = json_array_size(call->rows);

	(void)scope;
	if (status == TCT_OK)
		control_answer(call, TCT_OK, "%zu device%s", count, count == 1 ? "" : "s");
	else
		done(call, status, "");
}

void accounts_devices(struct control_call *call)
{
	const struct tcti_devices_ops *ops;
	struct tct_mod *provider;
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL && find_devices(call, jid, &ops, &provider))
		ops->list(provider, call->scope, tct_jid_node(jid), add_device, devices_listed,
			call);
	tct_jid_unref(jid);
}

static void device_revoked(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;

	(void)scope;
	if (status == TCT_ENOENT)
		control_answer(call, status, "%s has no device %s", call->args[0], call->args[1]);
	else if (status == TCT_OK)
		control_answer(call, status, "the tokens of %s are gone; if it has the password it "
					     "can still log in", call->args[1]);
	else
		done(call, status, "");
}

void accounts_revoke(struct control_call *call)
{
	const struct tcti_devices_ops *ops;
	struct tct_mod *provider;
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL && find_devices(call, jid, &ops, &provider))
		ops->revoke(provider, call->scope, tct_jid_node(jid), call->args[1],
			device_revoked, call);
	tct_jid_unref(jid);
}

/* ---- the life of an account ---- */

/* The service of its host; NULL: answered. */
static const struct tct_account_ops *find_life(struct control_call *call, const struct tct_jid *jid,
	struct tct_mod **provider)
{
	const struct tct_account_ops *ops = tcti_host_service(
		host_find(span_of(tct_jid_domain(jid))), "account", provider);

	if (ops == NULL)
		control_answer(call, TCT_ENOENT,
			"that needs the module \"account\" on the host %s", tct_jid_domain(jid));
	return ops;
}

static void disabled(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	done(data, status, "cannot log in any more");
}

static void enabled(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	done(data, status, "can log in");
}

static void switch_account(struct control_call *call, bool off)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);
	const struct tct_account_ops *ops;
	struct tct_mod *m;

	if (jid == NULL)
		return;
	ops = find_life(call, jid, &m);
	if (ops != NULL)
		ops->set_disabled(m, call->scope, tct_jid_node(jid), off, off ? disabled : enabled,
			call);
	tct_jid_unref(jid);
}

void accounts_disable(struct control_call *call)
{
	switch_account(call, true);
}

void accounts_enable(struct control_call *call)
{
	switch_account(call, false);
}

static void restored(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;

	(void)scope;
	if (status == TCT_ENOENT)
		control_answer(call, status, "%s is not to be deleted", call->args[0]);
	else
		done(call, status, "is as it was");
}

void accounts_undelete(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);
	const struct tct_account_ops *ops;
	struct tct_mod *m;

	if (jid == NULL)
		return;
	ops = find_life(call, jid, &m);
	if (ops != NULL)
		ops->restore(m, call->scope, tct_jid_node(jid), restored, call);
	tct_jid_unref(jid);
}

static void show_account(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct control_call *call = data;
	struct tct_account_info info = { .size = sizeof info };
	const struct tct_account_ops *ops;
	const struct tct_auth_ops *auth;
	struct tct_mod *m, *auth_mod;
	int64_t made = 0, changed = 0;
	bool off = false;

	(void)scope;
	if (status != TCT_OK || !tct_entity_exists(e)) {
		done(call, status != TCT_OK ? status : TCT_ENOENT, "");
		return;
	}
	auth = tcti_host_service(tct_entity_host(e), "auth", &auth_mod);
	if (TCT_AUTH_HAS(auth, created))
		made = auth->created(auth_mod, e);
	if (TCT_AUTH_HAS(auth, password_changed))
		changed = auth->password_changed(auth_mod, e);
	if (TCT_AUTH_HAS(auth, disabled))
		off = auth->disabled(auth_mod, e);
	ops = tcti_host_service(tct_entity_host(e), "account", &m);
	if (ops != NULL)
		ops->info(m, e, &info);
	json_array_append_new(call->rows,
		json_pack("{s:s, s:I, s:I, s:b, s:I, s:I, s:I, s:i}", "jid",
			tct_jid_text(tct_entity_jid(e)), "created", (json_int_t)made,
			"password_changed", (json_int_t)changed, "disabled", off, "last_login",
			(json_int_t)info.last_login, "last_logout", (json_int_t)info.last_logout,
			"deletion", (json_int_t)info.removal, "sessions", (int)info.online));
	control_answer(call, TCT_OK, "%s", call->args[0]);
}

void accounts_show(struct control_call *call)
{
	struct account a;
	const struct tct_jid *jid = find_account(call, &a);

	if (jid != NULL)
		tct_entity_load(call->scope, host_find(span_of(tct_jid_domain(jid))),
			tct_jid_node(jid), show_account, call);
	tct_jid_unref(jid);
}

/* ---- users ---- */

struct listing {
	struct control_call *call;
	struct tct_host *host;
	bool one; /* of this host only */
	struct account account;
	size_t count;
};

static void list_host(struct listing *l);

static void list_page(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct listing *l = data;
	struct str jid = { 0 };

	if (rows->status != TCT_OK) {
		control_answer(l->call, TCT_EIO, "the store cannot be read");
		return;
	}
	for (size_t i = 0; i < rows->count; i++) {
		if (*rows->rows[i].user == '\0')
			continue; /* what belongs to the host itself */
		str_clear(&jid);
		str_printf(&jid, "%s@%s", rows->rows[i].user, l->host->name);
		json_array_append_new(l->call->rows, json_pack("{s:s}", "jid", str_text(&jid)));
		l->count++;
	}
	str_fini(&jid);
	if (rows->count == USERS_PAGE) {
		l->account.ops->users(l->account.provider, scope, rows->rows[rows->count - 1].user,
			USERS_PAGE, list_page, l);
		return;
	}
	l->host = l->one ? NULL : host_next(l->host);
	list_host(l);
}

static void list_host(struct listing *l)
{
	while (l->host != NULL) {
		l->account.ops = tcti_host_service(l->host, "auth", &l->account.provider);
		if (l->account.ops != NULL) {
			l->account.ops->users(l->account.provider, l->call->scope, NULL,
				USERS_PAGE, list_page, l);
			return;
		}
		l->host = l->one ? NULL : host_next(l->host);
	}
	control_answer(l->call, TCT_OK, "%zu account%s", l->count, l->count == 1 ? "" : "s");
}

void accounts_list(struct control_call *call)
{
	struct listing *l;
	struct tct_host *h;

	if (!control_find_host(call, &h))
		return;
	l = tct_scope_alloc(call->scope, sizeof *l, NULL);
	l->call = call;
	l->one = h != NULL;
	l->host = h != NULL ? h : host_next(NULL);
	list_host(l);
}

/* ---- import ---- */

struct importing {
	struct control_call *call;
	struct account account;
	const char *at; /* the rest of the input */
	size_t count, line;
	char *names[IMPORT_BATCH], *passwords[IMPORT_BATCH];
};

static void free_batch(struct importing *im, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_wipe(im->names[i], strlen(im->names[i]));
		free(im->names[i]);
	}
}

static void import_next(struct importing *im);

static void import_done(struct tct_scope *scope, int status, void *data)
{
	struct importing *im = data;

	(void)scope;
	if (status == TCT_OK)
		import_next(im);
	else if (status == TCT_EINVAL)
		control_answer(im->call, status,
			"a name or a password near line %zu is not acceptable", im->line);
	else
		control_answer(im->call, status, "it could not be stored (%s)",
			tct_code_text(status));
}

/* Takes lines "name:password" into the batch; -1: a line has no colon. */
static int read_batch(struct importing *im)
{
	int n = 0;

	while (n < IMPORT_BATCH && *im->at != '\0') {
		size_t len = strcspn(im->at, "\n");
		char *line = mem_strndup(im->at, len), *colon = strchr(line, ':');

		im->at += len + (im->at[len] == '\n');
		im->line++;
		if (len == 0) {
			free(line);
			continue;
		}
		if (colon == NULL) {
			free(line);
			free_batch(im, (size_t)n);
			return -1;
		}
		*colon = '\0';
		im->names[n] = line;
		im->passwords[n++] = colon + 1;
	}
	return n;
}

static void import_next(struct importing *im)
{
	int n = read_batch(im);

	if (n < 0) {
		control_answer(im->call, TCT_EINVAL, "line %zu is not name:password", im->line);
		return;
	}
	if (n == 0) {
		control_answer(im->call, TCT_OK, "%zu accounts were written", im->count);
		return;
	}
	im->count += (size_t)n;
	im->account.ops->import(im->account.provider, im->call->scope,
		(const char *const *)im->names, (const char *const *)im->passwords, (size_t)n,
		import_done, im);
	free_batch(im, (size_t)n);
}

void accounts_import(struct control_call *call)
{
	struct importing *im;
	struct account a;
	struct tct_host *h;

	if (!control_find_host(call, &h) || !find_auth(call, h, &a) ||
		!by_hand(call, &a))
		return;
	im = tct_scope_alloc(call->scope, sizeof *im, NULL);
	im->call = call;
	im->account = a;
	im->at = call->input;
	import_next(im);
}

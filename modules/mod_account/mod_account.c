/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_account.c - the life of accounts: when they were used, deletion that can be taken back
 * for a while, and names that are not given to others. Whether a password is right is the
 * affair of the service "auth". */
#include <tercet/account.h>
#include <tercet/module.h>

#include <string.h>

#define LOOK_MS (10 * 60 * 1000) /* for accounts whose time has come */
#define AT_ONCE 100

struct account_config {
	int64_t registration_delete_grace_period;
	int64_t reserve_names;
};

static const struct tct_option options[] = {
	TCT_OPT_PERIOD(struct account_config, registration_delete_grace_period, .global = 1,
		.def = "7 days", .min = "0 s", .max = "366 days",
		.doc = "An account whose owner deletes it is disabled for that long, and can be "
		       "restored by an administrator; then it is deleted with everything that is "
		       "kept of it. 0 s: at once."),
	TCT_OPT_PERIOD(struct account_config, reserve_names, .def = "366 days", .min = "0 s",
		.doc = "For that long nobody can register the name of an account that was deleted: "
		       "he would get what is meant for somebody else. Administrators can add it."),
	TCT_OPT_END
};

struct account {
	struct tct_kv *kv;       /* preloaded: "login", "logout", "removal", "gone" -> time */
	struct tct_kv *removals; /* user -> time, of those that are to be deleted */
	const struct tct_auth_ops *auth;
	struct tct_mod *auth_mod;
	struct tct_timer *timer;
	uint32_t looking; /* accounts that are being looked at */
};

static int64_t time_of(struct tct_mod *m, const struct tct_entity *e, const char *key)
{
	const struct account *account = tct_mod_data(m);
	struct tct_value v;

	return tct_entity_get(e, account->kv, key, &v) && v.kind == TCT_VALUE_INT ? v.i : 0;
}

static void put_time(struct tct_mod *m, struct tct_txn *txn, const char *user, const char *key)
{
	const struct account *account = tct_mod_data(m);

	tct_kv_put(txn, account->kv, user, key, tct_int(tct_now()));
}

/* ---- when it was used ---- */

static void write_time(struct tct_mod *m, struct tct_session *s, const char *key)
{
	struct tct_txn *txn = tct_txn_new(m);

	put_time(m, txn, tct_session_user(s), key);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static void on_bound(struct tct_mod *m, struct tct_session *s)
{
	/* Many logins in a second are one time; so are those of clients that fail and try. */
	if (tct_now() != time_of(m, tct_session_entity(s), "login"))
		write_time(m, s, "login");
}

static void count_session(struct tct_session *s, void *data)
{
	(void)s;
	++*(uint32_t *)data;
}

static uint32_t sessions_of(const struct tct_entity *e)
{
	uint32_t count = 0;

	tct_entity_sessions((struct tct_entity *)e, count_session, &count);
	return count;
}

static void on_ended(struct tct_mod *m, struct tct_session *s)
{
	const struct tct_entity *e = tct_session_entity(s);

	if (tct_entity_exists(e) && sessions_of(e) == 0)
		write_time(m, s, "logout");
}

static void info(struct tct_mod *m, const struct tct_entity *e, struct tct_account_info *out)
{
	struct tct_account_info i = { .size = out->size, .online = sessions_of(e),
		.last_login = time_of(m, e, "login"), .last_logout = time_of(m, e, "logout"),
		.removal = time_of(m, e, "removal") };

	memcpy(out, &i, out->size < sizeof i ? out->size : sizeof i);
}

/* ---- operations that end sessions ---- */

static void end_session(struct tct_session *s, void *data)
{
	tct_session_close(s, "not-authorized", data);
}

/* One operation on an account, in its caller's scope. */
struct work {
	struct tct_mod *mod;
	struct tct_entity *entity;
	tct_auth_done_fn *fn;
	void *data;
	bool disabled;
	char user[];
};

static struct work *work_new(struct tct_mod *m, struct tct_scope *scope, const char *user,
	tct_auth_done_fn *fn, void *data)
{
	size_t len = strlen(user) + 1;
	struct work *w = tct_scope_alloc(scope, sizeof *w + len, NULL);

	w->mod = m;
	w->fn = fn;
	w->data = data;
	memcpy(w->user, user, len);
	return w;
}

static void work_done(struct tct_scope *scope, int status, struct work *w)
{
	tct_auth_done_fn *fn = w->fn;
	void *data = w->data;

	tct_scope_free(w);
	fn(scope, status, data);
}

static void switched(struct tct_scope *scope, int status, void *data)
{
	struct work *w = data;
	struct tct_entity *e = tct_entity_find(tct_mod_host(w->mod), w->user);

	if (status == TCT_OK && w->disabled && e != NULL)
		tct_entity_sessions(e, end_session, (void *)"the account is disabled");
	work_done(scope, status, w);
}

/* Accounts of that kind have no such state. */
static void impossible(struct tct_scope *scope, void *data)
{
	work_done(scope, TCT_EPERM, data);
}

static void set_disabled(struct tct_mod *m, struct tct_scope *scope, const char *user,
	bool disabled, tct_auth_done_fn *fn, void *data)
{
	const struct account *account = tct_mod_data(m);
	struct work *w = work_new(m, scope, user, fn, data);

	w->disabled = disabled;
	if (!TCT_AUTH_HAS(account->auth, set_disabled)) {
		tct_timer_start(scope, 1, 0, impossible, w);
		return;
	}
	account->auth->set_disabled(account->auth_mod, scope, user, disabled, switched, w);
}

/* ---- deletion ---- */

static void removed(struct tct_scope *scope, int status, void *data)
{
	work_done(scope, status, data);
}

/* It cannot log in any more; when it is deleted is on disk. */
static void put_off(struct tct_scope *scope, int status, void *data)
{
	struct work *w = data;
	const struct account *account = tct_mod_data(w->mod);
	const struct account_config *config = tct_mod_config(w->mod);
	struct tct_entity *e = tct_entity_find(tct_mod_host(w->mod), w->user);
	struct tct_value when = tct_int(tct_now() + config->registration_delete_grace_period);
	struct tct_txn *txn;

	if (status != TCT_OK) {
		work_done(scope, status, w);
		return;
	}
	if (e != NULL)
		tct_entity_sessions(e, end_session, (void *)"the account is deleted");
	txn = tct_txn_new(w->mod);
	tct_kv_put(txn, account->kv, w->user, "removal", when);
	tct_kv_put(txn, account->removals, w->user, "", when);
	tct_txn_submit(scope, txn, removed, w);
}

static void remove_account(struct tct_mod *m, struct tct_scope *scope, const char *user,
	tct_auth_done_fn *fn, void *data)
{
	const struct account *account = tct_mod_data(m);
	const struct account_config *config = tct_mod_config(m);
	struct work *w;

	if (!TCT_AUTH_HAS(account->auth, set_disabled)) {
		tct_timer_start(scope, 1, 0, impossible, work_new(m, scope, user, fn, data));
		return;
	}
	if (config->registration_delete_grace_period == 0) {
		account->auth->remove(account->auth_mod, scope, user, fn, data);
		return;
	}
	w = work_new(m, scope, user, fn, data);
	account->auth->set_disabled(account->auth_mod, scope, user, true, put_off, w);
}

static void forget_removal(struct tct_mod *m, struct tct_txn *txn, const char *user)
{
	const struct account *account = tct_mod_data(m);

	tct_kv_delete(txn, account->kv, user, "removal");
	tct_kv_delete(txn, account->removals, user, "");
}

static void enabled(struct tct_scope *scope, int status, void *data)
{
	struct work *w = data;
	struct tct_txn *txn;

	if (status != TCT_OK) {
		work_done(scope, status, w);
		return;
	}
	txn = tct_txn_new(w->mod);
	forget_removal(w->mod, txn, w->user);
	tct_txn_submit(scope, txn, removed, w);
}

static void loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct work *w = data;
	const struct account *account = tct_mod_data(w->mod);

	if (status == TCT_OK && time_of(w->mod, e, "removal") == 0)
		status = TCT_ENOENT;
	if (status != TCT_OK)
		work_done(scope, status, w);
	else
		account->auth->set_disabled(account->auth_mod, scope, w->user, false, enabled, w);
}

static void restore(struct tct_mod *m, struct tct_scope *scope, const char *user,
	tct_auth_done_fn *fn, void *data)
{
	tct_entity_load(scope, tct_mod_host(m), user, loaded, work_new(m, scope, user, fn, data));
}

/* What is kept of it goes; that there was one stays. */
static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	const struct account *account = tct_mod_data(m);
	const char *user = tct_entity_user(e);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, account->kv, user);
	tct_kv_delete(txn, account->removals, user, "");
	put_time(m, txn, user, "gone");
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static bool was_used(struct tct_mod *m, const struct tct_entity *e)
{
	const struct account_config *config = tct_mod_config(m);
	int64_t gone = time_of(m, e, "gone");

	return gone != 0 && tct_now() - gone < config->reserve_names;
}

/* ---- whose time has come ---- */

static void gone(struct tct_scope *scope, int status, void *data)
{
	struct tct_mod *m = tct_scope_mod(scope);
	struct account *account = tct_mod_data(m);

	(void)data;
	if (status != TCT_OK && status != TCT_ENOENT)
		tct_log_warn(m, "an account that is to be deleted could not be (%s): it is tried "
				"again later",
			tct_code_text(status));
	account->looking--;
}

static void got_due(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = tct_scope_mod(scope);
	struct account *account = tct_mod_data(m);

	(void)data;
	if (rows->status == TCT_OK) {
		for (size_t i = 0; i < rows->count; i++) {
			const struct tct_kv_row *row = &rows->rows[i];

			if (row->value.kind != TCT_VALUE_INT || row->value.i > tct_now())
				continue;
			account->looking++;
			tct_log_info(m, "deleting the account '%s': its owner has asked for it",
				row->user);
			account->auth->remove(account->auth_mod, scope, row->user, gone, NULL);
		}
	}
	account->looking--;
}

static void got_users(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = tct_scope_mod(scope);
	struct account *account = tct_mod_data(m);
	const char *users[AT_ONCE];

	(void)data;
	for (size_t i = 0; i < rows->count && i < AT_ONCE; i++)
		users[i] = rows->rows[i].user;
	if (rows->status == TCT_OK && rows->count > 0) {
		account->looking++;
		tct_kv_get_many(scope, account->removals, users, rows->count, "", got_due, NULL);
		if (rows->count == AT_ONCE) {
			account->looking++;
			tct_kv_users(scope, account->removals, users[AT_ONCE - 1], AT_ONCE,
				got_users, NULL);
		}
	}
	account->looking--;
}

static void look(struct tct_scope *scope, void *data)
{
	struct account *account = tct_mod_data(data);

	if (account->looking > 0)
		return;
	account->looking = 1;
	tct_kv_users(scope, account->removals, NULL, AT_ONCE, got_users, NULL);
}

/* ---- loading ---- */

static const struct tct_account_ops ops = {
	.size = sizeof ops,
	.info = info,
	.remove = remove_account,
	.restore = restore,
	.set_disabled = set_disabled,
	.was_used = was_used,
};

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct account *account = tct_mod_data(m);

	account->auth = tct_service(m, "auth", &account->auth_mod);
	account->kv = tct_kv_open(m, "account", err);
	account->removals = tct_kv_open(m, "account_removal", err);
	if (account->kv == NULL || account->removals == NULL)
		return TCT_EIO;
	tct_provide(m, "account", "account", &ops);
	tct_on_session(m, TCT_SESSION_BOUND, on_bound);
	tct_on_session(m, TCT_SESSION_ENDED, on_ended);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	account->timer = tct_timer_start(tct_mod_scope(m), 1, LOOK_MS, look, m);
	return TCT_OK;
}

TCT_MODULE_FLAGS(account, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "the life of accounts: last use, deletion with a grace period, reserved names",
	.depends     = TCT_DEPENDS("@auth"),
	.options     = options,
	.config_size = sizeof(struct account_config),
	.data_size   = sizeof(struct account),
	.preload     = TCT_PRELOAD("account"),
	.load        = load,
);

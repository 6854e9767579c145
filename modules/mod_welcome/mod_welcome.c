/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_welcome.c - greets an account at its first login. Accounts that are older than the
 * module's first start on this host are no newcomers. */
#include <tercet/auth.h>
#include <tercet/module.h>

struct welcome_config {
	const char *text, *subject;
};

static const struct tct_option options[] = {
	TCT_OPT_STRING(struct welcome_config, text,
		.doc = "The greeting. Without one, nobody gets any."),
	TCT_OPT_STRING(struct welcome_config, subject, .doc = "Its subject."),
	TCT_OPT_END
};

struct welcome {
	struct tct_kv *greeted; /* user, "greeted" -> when; "", "since" -> the first start */
	int64_t since;
};

static bool is_new(struct tct_mod *m, const struct tct_entity *e)
{
	struct welcome *welcome = tct_mod_data(m);
	struct tct_mod *auth;
	const struct tct_auth_ops *ops = tct_service(m, "auth", &auth);
	struct tct_value v;

	if (tct_entity_get(e, welcome->greeted, "greeted", &v) || ops == NULL ||
		ops->size < offsetof(struct tct_auth_ops, created) + sizeof ops->created ||
		ops->created == NULL)
		return false;
	return ops->created(auth, e) >= welcome->since;
}

static void on_available(struct tct_mod *m, struct tct_session *s)
{
	const struct welcome_config *config = tct_mod_config(m);
	struct welcome *welcome = tct_mod_data(m);
	struct tct_stanza *st;
	struct tct_txn *txn;

	if (config->text == NULL || *config->text == '\0' || tct_session_priority(s) < 0 ||
		!is_new(m, tct_session_entity(s)))
		return;
	st = tct_message_new(tct_mod_jid(m), tct_session_jid(s), "normal");
	if (config->subject != NULL)
		tct_add_text(tct_stanza_root(st), "subject", config->subject);
	tct_add_text(tct_stanza_root(st), "body", config->text);
	tct_session_send(s, st);
	txn = tct_txn_new(m);
	tct_kv_put(txn, welcome->greeted, tct_session_user(s), "greeted", tct_int(tct_now()));
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	struct welcome *welcome = tct_mod_data(m);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, welcome->greeted, tct_entity_user(e));
	tct_txn_submit(NULL, txn, NULL, NULL);
}

/* When the module was here first. */
static int find_since(struct tct_mod *m, struct welcome *welcome, struct tct_error *err)
{
	struct tct_value v;
	struct tct_txn *txn;
	int status = tct_kv_get_wait(welcome->greeted, "", "since", &v);

	if (status == TCT_OK && v.kind == TCT_VALUE_INT) {
		welcome->since = v.i;
		return TCT_OK;
	}
	if (status != TCT_OK && status != TCT_ENOENT)
		return tct_error_set(err, status, "cannot read when the module was here first");
	welcome->since = tct_now();
	txn = tct_txn_new(m);
	tct_kv_put(txn, welcome->greeted, "", "since", tct_int(welcome->since));
	tct_txn_submit(NULL, txn, NULL, NULL);
	return TCT_OK;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct welcome *welcome = tct_mod_data(m);

	welcome->greeted = tct_kv_open(m, "welcome", err);
	if (welcome->greeted == NULL)
		return TCT_EIO;
	tct_on_session(m, TCT_SESSION_AVAILABLE, on_available);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	return find_since(m, welcome, err);
}

TCT_MODULE_FLAGS(welcome, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "A greeting at the first login",
	.depends     = TCT_DEPENDS("presence", "@auth"),
	.options     = options,
	.config_size = sizeof(struct welcome_config),
	.data_size   = sizeof(struct welcome),
	.preload     = TCT_PRELOAD("welcome"),
	.load        = load,
);

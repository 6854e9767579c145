/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_push - push notifications (XEP-0357): calls a client that is away when somebody wants
 * something of its owner and nobody sees it; once, until the client is back. */
#include "modules/mod_push/push.h"

#include <stdlib.h>
#include <string.h>

static const char *const summaries[] = { "none", "count", "sender", "body", NULL };

static const struct tct_option options[] = {
	TCT_OPT_INT(struct push_config, max_registrations, .def = "10", .min = "1", .max = "100",
		.doc = "Clients of an account that may be registered. One more takes the place "
		       "of the oldest whose client is not connected."),
	TCT_OPT_INT(struct push_config, max_errors, .def = "10", .min = "1", .max = "1000",
		.doc = "After that many errors in a row, of those that may pass, a registration "
		       "ends; after one that will not, at once."),
	TCT_OPT_ENUM(struct push_config, summary, .choices = summaries, .def = "none",
		.doc = "What the push service is told besides that there is something: nothing; "
		       "how many messages; also who sent the latest; also how it begins. Push "
		       "services, and those that they use, are other people's."),
	TCT_OPT_END
};

/* ---- who was called ---- */

static struct push_called **find_call(struct push_entity *pe, const char *key)
{
	struct push_called **at = &pe->called;

	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return at;
}

void push_forget_call(struct tct_mod *m, struct tct_entity *e, const char *key)
{
	struct push_called **at = find_call(tct_entity_data(m, e), key), *c = *at;

	if (c == NULL)
		return;
	*at = c->next;
	free(c);
}

/* False: it was called already. */
static bool remember_call(struct tct_mod *m, struct tct_entity *e, const char *key)
{
	struct push_called **at = find_call(tct_entity_data(m, e), key);

	if (*at != NULL)
		return false;
	*at = calloc(1, sizeof **at);
	if (*at == NULL)
		abort();
	memcpy((*at)->key, key, sizeof (*at)->key);
	return true;
}

static void entity_end(struct tct_mod *m, void *data)
{
	struct push_entity *pe = data;
	struct push_called *c;

	(void)m;
	while ((c = pe->called) != NULL) {
		pe->called = c->next;
		free(c);
	}
}

struct returning {
	struct tct_mod *mod;
	struct tct_entity *entity;
	const char *resource;
};

static void look_whose(const char *key, const struct tct_value *row, void *block)
{
	const struct returning *r = block;

	if (strlen(key) == PUSH_KEY_LEN &&
		strcmp(tct_record_string(row, "resource", ""), r->resource) == 0)
		push_forget_call(r->mod, r->entity, key);
}

static void on_back(struct tct_mod *m, struct tct_session *s)
{
	const struct push_data *data = tct_mod_data(m);
	struct returning r = { m, tct_session_entity(s), tct_jid_resource(tct_session_jid(s)) };

	tct_entity_each(r.entity, data->kv, look_whose, &r);
}

/* ---- who is called ---- */

struct calling {
	struct tct_mod *mod;
	const struct tct_unseen *unseen;
	struct push_cause cause;
	bool somebody; /* another client of the account is there, and may have seen it */
};

static void is_there(struct tct_session *s, void *block)
{
	struct calling *c = block;

	if (s != c->unseen->session && tct_session_attached(s) && tct_session_available(s))
		c->somebody = true;
}

/* Its client is the one that does not see the message; or it has no connection, and nobody
 * else sees the message either. */
static bool concerns(const struct calling *c, const char *resource)
{
	const struct tct_session *s = tct_entity_session_find(c->unseen->entity, resource);

	if (s != NULL && s == c->unseen->session)
		return true;
	if (s != NULL && tct_session_attached(s))
		return false;
	return c->unseen->how == TCT_UNSEEN_STORED || !c->somebody;
}

static void call(const char *key, const struct tct_value *row, void *block)
{
	const struct calling *c = block;

	if (strlen(key) == PUSH_KEY_LEN &&
		concerns(c, tct_record_string(row, "resource", "")) &&
		remember_call(c->mod, c->unseen->entity, key))
		push_publish(c->mod, c->unseen->entity, key, row, &c->cause);
}

static void on_unseen(struct tct_mod *m, const struct tct_unseen *u)
{
	const struct push_data *data = tct_mod_data(m);
	const struct tct_elem *message = push_important(u->stanza);
	const struct tct_jid *from = tct_stanza_from(u->stanza);
	struct calling c = { m, u, { message, from != NULL ? tct_jid_text(from) : NULL }, false };

	if (message == NULL)
		return;
	if (message != tct_stanza_root(u->stanza))
		c.cause.from = tct_attr(message, "from"); /* of what is copied */
	tct_entity_sessions(u->entity, is_there, &c);
	tct_entity_each(u->entity, data->kv, call, &c);
}

/* ---- the life of accounts and of the module ---- */

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	const struct push_data *data = tct_mod_data(m);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, data->kv, tct_entity_user(e));
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct push_data *data = tct_mod_data(m);

	data->kv = tct_kv_open(m, "push", err);
	if (data->kv == NULL)
		return TCT_EIO;
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_PUSH, "enable", push_on_enable);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_PUSH, "disable", push_on_disable);
	tct_on_unseen(m, on_unseen);
	tct_on_session(m, TCT_SESSION_BOUND, on_back);
	tct_on_session(m, TCT_SESSION_RESUMED, on_back);
	tct_on_session(m, TCT_SESSION_HEARD, on_back);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	tct_feature(m, NS_PUSH);
	return TCT_OK;
}

TCT_MODULE_FLAGS(push, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "push notifications (XEP-0357)",
	.options     = options,
	.config_size = sizeof(struct push_config),
	.data_size   = sizeof(struct push_data),
	.entity_size = sizeof(struct push_entity),
	.preload     = TCT_PRELOAD("push"),
	.load        = load,
	.entity_end  = entity_end,
);

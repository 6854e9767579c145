/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_offline.c - messages wait for those who are not there (XEP-0160): options, registration,
 * what is too old, accounts that go. */
#include "modules/mod_offline/offline.h"

#define FIRST_MS 60000     /* after the start */
#define INTERVAL_MS 3600000

static const struct tct_option options[] = {
	TCT_OPT_INT(struct offline_config, max_messages, .def = "100", .min = "0",
		.max = "10000",
		.doc = "Messages that may wait for one account, without those that its archive "
		       "has; with more the sender gets an error. 0: none waits."),
	TCT_OPT_SIZE(struct offline_config, max_bytes, .def = "1 MB", .min = "0 B",
		.max = "100 MB", .doc = "Their size, in all."),
	TCT_OPT_INT(struct offline_config, stranger_share, .def = "25", .min = "1",
		.max = "100",
		.doc = "What one sender who is not in the account's roster may take of that, "
		       "in per cent. What strangers have sent gives way to what contacts send."),
	TCT_OPT_INT(struct offline_config, max_references, .def = "1000", .min = "0",
		.max = "10000",
		.doc = "Messages of the archive that may wait for one account, for clients that "
		       "do not read archives; with more the oldest are only in the archive."),
	TCT_OPT_PERIOD(struct offline_config, expire_after, .def = "30 days", .min = "0 s",
		.doc = "Age at which a message does not wait any longer. 0 s: it waits for "
		       "ever."),
	TCT_OPT_PERIOD(struct offline_config, archive_wait, .def = "3 s", .min = "0 s",
		.max = "1 hour",
		.doc = "How long messages that the archive has are held back from a client "
		       "that has become available, to see whether it asks its archive."),
	TCT_OPT_END
};

/* ---- what is too old ---- */

/* Entries are looked at when their account is; messages go for all accounts at once. */
static void expire(struct tct_scope *scope, void *data)
{
	struct tct_mod *m = data;
	const struct offline_config *config = tct_mod_config(m);
	const struct offline_data *offline = tct_mod_data(m);
	int64_t oldest = tct_now_us() - config->expire_after * 1000000;
	struct tct_txn *txn;

	(void)scope;
	if (config->expire_after == 0 || oldest <= 0)
		return;
	txn = tct_txn_new(m);
	tct_archive_expire(txn, offline->bodies, oldest);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

/* ---- accounts that go ---- */

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	const struct offline_data *data = tct_mod_data(m);
	const char *user = tct_entity_user(e);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, data->entries, user);
	tct_archive_delete_user(txn, data->bodies, user);
	tct_txn_submit(NULL, txn, NULL, NULL);
	offline_queue_fini(tct_entity_data(m, e));
}

/* ---- sessions that are there before the module is ---- */

static void on_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	(void)scope;
	if (status == TCT_OK)
		offline_kick(data, e, NULL);
}

/* Whether it has asked its archive nobody knows: what is there it is not sent. */
static void look_at_session(struct tct_session *s, void *block)
{
	struct tct_mod *m = block;
	const struct offline_data *data = tct_mod_data(m);

	if (data->archive != NULL)
		offline_reads(m, s);
	if (tct_session_available(s))
		tct_entity_load(tct_session_scope(m, s), tct_mod_host(m), tct_session_user(s),
			on_loaded, m);
}

static void look_at_sessions(struct tct_scope *scope, void *data)
{
	(void)scope;
	tct_host_sessions(tct_mod_host(data), look_at_session, data);
}

/* ---- life ---- */

static int find_services(struct tct_mod *m, struct tct_error *err)
{
	struct offline_data *data = tct_mod_data(m);

	data->roster = tct_service(m, "roster", &data->roster_mod);
	data->archive_ops = tct_service(m, "archive", &data->archive_mod);
	if (data->archive_ops == NULL)
		return TCT_OK;
	data->archive = tct_archive_open(m, "mam", err);
	if (data->archive == NULL)
		return TCT_EIO;
	tct_on_row(m, data->archive, offline_on_restored_reference);
	data->archive_ops->watch(data->archive_mod, m, offline_on_fetched);
	data->archive_ops->guard(data->archive_mod, m, offline_on_leaving);
	tct_on_iq_stage(m, TCT_OUTBOUND, TCT_PRIO_OBSERVE, offline_on_query);
	tct_on_inline(m, "urn:xmpp:mam:2", false, offline_on_inline);
	return TCT_OK;
}

static void add_figures(struct tct_mod *m)
{
	struct offline_data *data = tct_mod_data(m);

	data->stored = tct_figure_new(m, "stored", "messages that began to wait");
	data->delivered = tct_figure_new(m, "delivered", "messages that a client got then");
	data->read = tct_figure_new(m, "read", "messages that a client has in its archive instead");
	data->bounced = tct_figure_new(m, "bounced", "messages that found no room");
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct offline_data *data = tct_mod_data(m);

	data->bodies = tct_archive_open(m, "offline", err);
	data->entries = tct_kv_open(m, "offline_queue", err);
	if (data->bodies == NULL || data->entries == NULL || find_services(m, err) != TCT_OK)
		return TCT_EIO;
	add_figures(m);
	tct_on_row(m, data->bodies, offline_on_restored);
	tct_on_presence(m, TCT_OUTBOUND, TCT_PRIO_OBSERVE, offline_on_presence);
	tct_on_session(m, TCT_SESSION_UNAVAILABLE, offline_on_gone);
	tct_on_session(m, TCT_SESSION_RESUMED, offline_on_resumed);
	tct_on_session(m, TCT_SESSION_RESTORED, offline_on_session_restored);
	tct_on_session(m, TCT_SESSION_ENDED, offline_on_gone);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	/* After the archive, which may keep the message. */
	tct_on_message(m, TCT_RESOLVED, TCT_PRIO_OBSERVE - 50, offline_on_resolved);
	tct_on_cause(m, TCT_REROUTE);
	tct_on_message(m, TCT_RESOLVED, TCT_PRIO_OBSERVE - 50, offline_on_rerouted);
	tct_on_cause(m, TCT_NEW | TCT_REROUTE);
	/* Before the archive, which is content with what it has. */
	tct_on_message(m, TCT_UNDELIVERED, TCT_PRIO_FALLBACK + 60, offline_on_undelivered);
	tct_timer_start(tct_mod_scope(m), 0, 0, look_at_sessions, m);
	data->expiry = tct_timer_start(tct_mod_scope(m), FIRST_MS, INTERVAL_MS, expire, m);
	tct_feature(m, "msgoffline");
	return TCT_OK;
}

static void unload(struct tct_mod *m)
{
	offline_ids_fini(&((struct offline_data *)tct_mod_data(m))->out);
}

/* The module may go before the session. */
static void session_end(struct tct_mod *m, void *data)
{
	struct offline_session *os = data;

	(void)m;
	if (os->session != NULL)
		tct_session_let_go(os->session);
}

static int session_save(struct tct_mod *m, const void *data, struct tct_record *out)
{
	const struct offline_session *os = data;

	(void)m;
	tct_record_set_int(out, "reads", os->reads);
	return TCT_OK;
}

static int session_restore(struct tct_mod *m, void *data, const struct tct_value *record)
{
	struct offline_session *os = data;

	(void)m;
	os->reads = tct_record_int(record, "reads", 0) != 0;
	return TCT_OK;
}

static void entity_end(struct tct_mod *m, void *data)
{
	(void)m;
	offline_queue_fini(data);
}

TCT_MODULE_FLAGS(offline, TCT_LIVE_OPTIONS,
	.version      = "1.0",
	.summary      = "messages for those who are offline (XEP-0160)",
	.depends      = TCT_DEPENDS("?mam", "?roster"),
	.options      = options,
	.config_size  = sizeof(struct offline_config),
	.data_size    = sizeof(struct offline_data),
	.session_size = sizeof(struct offline_session),
	.entity_size  = sizeof(struct offline_queue),
	.preload      = TCT_PRELOAD("offline_queue"),
	.load         = load,
	.unload       = unload,
	.session_save = session_save,
	.session_restore = session_restore,
	.session_end  = session_end,
	.entity_end   = entity_end,
);

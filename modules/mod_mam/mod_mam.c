/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_mam.c - the archives of accounts (XEP-0313): options, registration, the key of ids. */
#include "modules/mod_mam/mam.h"

#include <gnutls/gnutls.h>
#include <string.h>

#define NS_RETRACT "urn:xmpp:message-retract:1"
#define KEY_OF_IDS "ids"

static const struct tct_option options[] = {
	TCT_OPT_INT(struct mam_config, page_size, .def = "50", .min = "1", .max = "250",
		.doc = "How many messages a client gets in one answer at most. Fewer, when they "
		       "are large."),
	TCT_OPT_ENUM(struct mam_config, default_policy, .choices = mam_policies, .def = "always",
		.doc = "Whose messages are kept for an account that has not decided: always "
		       "everybody's, never anybody's, or those of contacts in its roster."),
	TCT_OPT_BOOL(struct mam_config, user_preferences, .def = "true",
		.doc = "Whether accounts may decide with whom their messages are kept."),
	TCT_OPT_INT(struct mam_config, max_preferences, .def = "200", .min = "0", .max = "2000",
		.doc = "How many addresses an account may name in its preferences."),
	TCT_OPT_BOOL(struct mam_config, tombstones, .def = "true",
		.doc = "Whether a message that its author takes back is replaced in the archive "
		       "by what says so. Takes effect at the next start."),
	TCT_OPT_PERIOD(struct mam_config, expire_after, .def = "0 s", .min = "0 s",
		.doc = "Age at which messages go. 0 s: never. The law may know a longest time "
		       "for personal data, or a shortest one."),
	TCT_OPT_INT(struct mam_config, max_messages, .def = "0", .min = "0",
		.doc = "Messages in the archive of an account; more make the oldest go. 0: no "
		       "limit. An archive may be an eighth larger for a while."),
	TCT_OPT_SIZE(struct mam_config, max_bytes, .def = "0 B", .min = "0 B",
		.doc = "The same in bytes. 0 B: no limit."),
	TCT_OPT_PERIOD(struct mam_config, expire_interval, .def = "1 hour", .min = "1 s",
		.doc = "How often all archives are looked through for messages that go. Those "
		       "that are too old are not shown before, either."),
	TCT_OPT_END
};

/* The key is made once for a host. Its row commits before any row of the archive. */
static int open_ids(struct tct_mod *m, struct tct_error *err)
{
	struct mam_data *data = tct_mod_data(m);
	struct tct_kv *keys = tct_kv_open(m, "mam_keys", err);
	uint8_t key[MAM_KEY_SIZE];
	struct tct_value row;
	struct tct_txn *txn;
	int status;

	if (keys == NULL)
		return TCT_EIO;
	status = tct_kv_get_wait(keys, "", KEY_OF_IDS, &row);
	if (status == TCT_OK && row.kind == TCT_VALUE_BYTES && row.bytes.len == sizeof key) {
		memcpy(key, row.bytes.data, sizeof key);
	} else if (status == TCT_ENOENT) {
		tct_random(key, sizeof key);
		txn = tct_txn_new(m);
		tct_kv_put(txn, keys, "", KEY_OF_IDS, tct_bytes(key, sizeof key));
		tct_txn_submit(NULL, txn, NULL, NULL);
	} else {
		return tct_error_set(err, TCT_EIO, "the key of archive ids cannot be read");
	}
	status = mam_ids_open(&data->ids, key) ? TCT_OK :
		tct_error_set(err, TCT_EIO, "no AES in the library of cryptography");
	gnutls_memset(key, 0, sizeof key);
	return status;
}

static void register_handlers(struct tct_mod *m)
{
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_MAM, "query", mam_on_query);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_MAM, "query", mam_on_form);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_MAM, "metadata", mam_on_metadata);
	tct_on_inline_prepare(m, mam_ends_prepare);
	tct_on_inline(m, NS_MAM, false, mam_ends_inline);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_MAM, "prefs", mam_on_prefs_get);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_MAM, "prefs", mam_on_prefs_set);
	tct_on_message(m, TCT_OUTBOUND, TCT_PRIO_OBSERVE, mam_on_outbound);
	tct_on_message(m, TCT_RESOLVED, TCT_PRIO_OBSERVE, mam_on_resolved);
	tct_on_message(m, TCT_DELIVER, TCT_PRIO_OBSERVE, mam_on_deliver);
	tct_on_entity(m, TCT_ENTITY_DELETED, mam_on_deleted);
	/* Also what was given back by a session that ended, and found nobody else. */
	tct_on_cause(m, TCT_NEW | TCT_REROUTE);
	tct_on_message(m, TCT_UNDELIVERED, TCT_PRIO_FALLBACK + 50, mam_on_undelivered);
	tct_on_cause(m, TCT_REROUTE);
	tct_on_message(m, TCT_INBOUND, TCT_PRIO_FILTER, mam_on_rerouted);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct mam_data *data = tct_mod_data(m);

	data->archive = tct_archive_open(m, "mam", err);
	data->accounts = tct_kv_open(m, "mam_account", err);
	data->pending = tct_kv_open(m, "mam_retract", err);
	if (data->archive == NULL || data->accounts == NULL || data->pending == NULL ||
		open_ids(m, err) != TCT_OK)
		return TCT_EIO;
	register_handlers(m);
	tct_on_row(m, data->archive, mam_on_restored);
	mam_provide(m);
	mam_expire_start(m);
	mam_retract_start(m);
	tct_feature(m, NS_MAM);
	tct_feature(m, NS_MAM "#extended");
	tct_feature(m, NS_MAM "#groupchat-field");
	if (((const struct mam_config *)tct_mod_config(m))->tombstones)
		tct_feature(m, NS_RETRACT "#tombstone");
	return TCT_OK;
}

static void unload(struct tct_mod *m)
{
	mam_ids_close(&((struct mam_data *)tct_mod_data(m))->ids);
}

static void session_end(struct tct_mod *m, void *data)
{
	(void)m;
	mam_queue_unref(((struct mam_session *)data)->queue);
}

/* The other options are looked up whenever they are needed. */
static int reconfigure(struct tct_mod *m, const void *old, struct tct_error *err)
{
	(void)old;
	(void)err;
	mam_expire_start(m);
	return TCT_OK;
}

TCT_MODULE(mam,
	.version      = "1.0",
	.summary      = "XEP-0313: Message Archive Management",
	.depends      = TCT_DEPENDS("stanza_ids", "?roster"),
	.options      = options,
	.config_size  = sizeof(struct mam_config),
	.data_size    = sizeof(struct mam_data),
	.session_size = sizeof(struct mam_session),
	.entity_size  = sizeof(struct mam_entity),
	.preload      = TCT_PRELOAD("mam_account"),
	.load         = load,
	.unload       = unload,
	.reconfigure  = reconfigure,
	.session_end  = session_end,
);

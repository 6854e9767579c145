/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_vcard.c - vCards (XEP-0054), their photos in presence (XEP-0153), and a directory of
 * those who want to be in it (XEP-0055): options and registration. */
#include "modules/mod_vcard/vcard.h"

static const struct tct_option options[] = {
	TCT_OPT_SIZE(struct vcard_config, max_size, .def = "64 KB", .min = "1 KB", .max = "1 MB",
		.doc = "How large a vCard may be, with its photo."),
	TCT_OPT_SIZE(struct vcard_config, cache_size, .def = "4 MB", .min = "0 B", .max = "1 GB",
		.doc = "Memory for vCards that were asked for."),
	TCT_OPT_INT(struct vcard_config, requests_per_minute, .def = "600", .min = "1",
		.max = "100000",
		.doc = "How often the accounts of another server, or one account of this one, "
		       "may ask for vCards of others. Searches count too."),
	TCT_OPT_STRING(struct vcard_config, host_name,
		.doc = "Name in the vCard of the host itself. Without it, the host's address."),
	TCT_OPT_STRING(struct vcard_config, host_description, .doc = "Description in it."),
	TCT_OPT_STRING(struct vcard_config, host_url, .doc = "Web page in it."),
	TCT_OPT_STRING(struct vcard_config, host_email, .doc = "Address of mail in it."),
	TCT_OPT_BOOL(struct vcard_config, search, .def = "false",
		.doc = "A directory (XEP-0055) of the accounts whose vCard has the class PUBLIC."),
	TCT_OPT_BOOL(struct vcard_config, search_remote, .def = "false",
		.doc = "The directory also answers accounts of other servers."),
	TCT_OPT_INT(struct vcard_config, search_results, .def = "50", .min = "1", .max = "1000",
		.doc = "How many accounts a search finds at most."),
	TCT_OPT_END
};

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	struct vcard_data *data = tct_mod_data(m);
	struct vcard_cached *c = tct_entity_data(m, e);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, data->cards, tct_entity_user(e));
	tct_kv_delete_user(txn, data->index, tct_entity_user(e));
	tct_txn_submit(tct_mod_scope(m), txn, NULL, NULL);
	c->data = data;
	vcard_forget(c);
	c->change = ++data->changes;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	const struct vcard_config *config = tct_mod_config(m);
	struct vcard_data *data = tct_mod_data(m);

	data->cards = tct_kv_open(m, "vcard", err);
	data->index = tct_kv_open(m, "vcard_index", err);
	if (data->cards == NULL || data->index == NULL)
		return TCT_EIO;
	tct_random(&data->seed, sizeof data->seed);
	tct_on_iq_stage(m, TCT_INBOUND, TCT_PRIO_FILTER - 10, vcard_on_request);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF | TCT_TO_ACCOUNT | TCT_ACCESS_ANYONE, NS_VCARD,
		"vCard", vcard_on_get);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_VCARD, "vCard", vcard_on_set);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS_VCARD, "vCard", vcard_on_host_get);
	tct_on_presence(m, TCT_OUTBOUND, TCT_PRIO_REWRITE, vcard_on_presence);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	tct_feature(m, NS_VCARD);
	if (!config->search)
		return TCT_OK;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS_SEARCH, "query", vcard_on_search_get);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_HOST, NS_SEARCH, "query", vcard_on_search_set);
	tct_feature(m, NS_SEARCH);
	return TCT_OK;
}

static void entity_end(struct tct_mod *m, void *data)
{
	struct vcard_cached *c = data;

	(void)m;
	if (c->data != NULL)
		vcard_forget(c);
}

TCT_MODULE(vcard,
	.version     = "1.0",
	.summary     = "XEP-0054: vcard-temp, with avatars in presence (XEP-0153)",
	.options     = options,
	.config_size = sizeof(struct vcard_config),
	.data_size   = sizeof(struct vcard_data),
	.entity_size = sizeof(struct vcard_cached),
	.preload     = TCT_PRELOAD("vcard_index"),
	.load        = load,
	.entity_end  = entity_end,
);

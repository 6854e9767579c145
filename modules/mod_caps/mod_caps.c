/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_caps.c - entity capabilities, XEP-0115 and XEP-0390: the host's own in the features of
 * streams, so that clients need not ask at each login; and the service "caps". The host's are
 * computed again when modules have changed. */
#include "modules/mod_caps/caps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tct_option options[] = {
	TCT_OPT_STRING(struct caps_config, node,
		.def = "urn:uuid:60d1eedb-7be0-4f6d-abc8-0c91a1a6240a",
		.doc = "URI that names the software to clients, best of a page about it. The default "
		       "is a name that no other software has, and leads nowhere."),
	TCT_OPT_SIZE(struct caps_config, cache, .def = "4 MB", .min = "16 KB", .max = "1 GB",
		.doc = "Memory for what clients can do. What has not been used for the longest "
		       "time goes first, and is asked again when it is needed."),
	TCT_OPT_PERIOD(struct caps_config, timeout, .def = "30 s", .min = "1 s", .max = "10 minutes",
		.doc = "How long a client may take to answer."),
	TCT_OPT_END
};

/* The hashes of the host's own, XEP-0300 demands both. */
static const char *const own_algorithms[2] = { "sha-256", "sha3-256" };

static void compute(struct tct_mod *m)
{
	struct caps *caps = tct_mod_data(m);
	struct tct_mod *disco;
	const struct tct_disco_ops *ops = tct_service(m, "disco", &disco);
	struct tct_stanza *st;
	struct tct_elem *query;
	char *text[2];

	if (ops == NULL || (caps->computed && caps->changes == tct_disco_changes()))
		return;
	st = tct_stanza_new(TCT_IQ_RESULT, NULL, NULL, NULL);
	query = tct_add(tct_stanza_root(st), NS_INFO, "query");
	ops->host_info(disco, query);
	text[0] = caps_text_1(query);
	text[1] = caps_text_2(query);
	/* A text that cannot be hashed (of a module's making) is not announced. */
	caps->ver[0] = caps->hashes[0][0] = caps->hashes[1][0] = '\0';
	if (text[0] != NULL)
		caps_hash("sha-1", text[0], caps->ver);
	for (int i = 0; i < 2 && text[1] != NULL; i++)
		caps_hash(own_algorithms[i], text[1], caps->hashes[i]);
	free(text[0]);
	free(text[1]);
	tct_stanza_unref(st);
	caps->computed = true;
	caps->changes = tct_disco_changes();
}

/* XEP-0115 section 6.3, XEP-0390 section 3.3. */
static void on_features(struct tct_mod *m, struct tct_stream *s, struct tct_elem *features)
{
	const struct caps_config *config = tct_mod_config(m);
	struct caps *caps = tct_mod_data(m);
	struct tct_elem *c;

	(void)s;
	compute(m);
	if (caps->ver[0] != '\0') {
		c = tct_add(features, NS_CAPS, "c");
		tct_set(c, "hash", "sha-1");
		tct_set(c, "node", config->node);
		tct_set(c, "ver", caps->ver);
	}
	if (caps->hashes[0][0] == '\0')
		return;
	c = tct_add(features, NS_CAPS2, "c");
	for (int i = 0; i < 2; i++) {
		struct tct_elem *hash = tct_add(c, NS_HASHES, "hash");

		tct_set(hash, "algo", own_algorithms[i]);
		tct_text(hash, caps->hashes[i]);
	}
}

static bool is_ours(struct tct_mod *m, const char *node)
{
	const struct caps_config *config = tct_mod_config(m);
	struct caps *caps = tct_mod_data(m);
	char own[2048];

	compute(m);
	if (caps->ver[0] != '\0') {
		snprintf(own, sizeof own, "%s#%s", config->node, caps->ver);
		if (strcmp(node, own) == 0)
			return true;
	}
	for (int i = 0; i < 2 && caps->hashes[i][0] != '\0'; i++) {
		snprintf(own, sizeof own, "%s#%s.%s", NS_CAPS2, own_algorithms[i], caps->hashes[i]);
		if (strcmp(node, own) == 0)
			return true;
	}
	return false;
}

static bool on_disco(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	struct tct_mod *disco;
	const struct tct_disco_ops *ops = tct_service(m, "disco", &disco);

	if (q->what != TCT_DISCO_INFO || ops == NULL || !is_ours(m, q->node))
		return false;
	ops->host_info(disco, answer);
	return true;
}

/* It is the host that has capabilities (XEP-0115 section 7); its accounts have none. */
static bool on_host(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	(void)m;
	if (q->what != TCT_DISCO_INFO)
		return true;
	tct_set(tct_add(answer, NULL, "feature"), "var", NS_CAPS);
	tct_set(tct_add(answer, NULL, "feature"), "var", NS_CAPS2);
	return true;
}

static int check(const void *data, struct tct_error *err)
{
	const struct caps_config *config = data;

	if (config->node[0] == '\0' || strlen(config->node) > 1000 ||
		strpbrk(config->node, "#<> \t\r\n") != NULL)
		return tct_error_set(err, TCT_EINVAL,
			"node: \"%s\" is not a URI without fragment", config->node);
	return TCT_OK;
}

static const struct tct_caps_ops ops = { .size = sizeof ops, .peek = caps_peek,
	.find = caps_ask, .has = caps_has, .each = caps_each };

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct caps *caps = tct_mod_data(m);

	(void)err;
	TAILQ_INIT(&caps->known);
	tct_on_features(m, 0, on_features);
	tct_on_disco(m, TCT_TO_HOST, "*", on_disco);
	tct_on_disco(m, TCT_TO_HOST, NULL, on_host);
	tct_provide(m, "caps", "caps", &ops);
	return TCT_OK;
}

static int reconfigure(struct tct_mod *m, const void *old, struct tct_error *err)
{
	(void)old;
	(void)err;
	caps_shrink(m);
	return TCT_OK;
}

static void unload(struct tct_mod *m)
{
	caps_free(tct_mod_data(m));
}

TCT_MODULE(caps,
	.version     = "1.0",
	.summary     = "XEP-0115 and XEP-0390: Entity Capabilities",
	.depends     = TCT_DEPENDS("disco"),
	.options     = options,
	.config_size = sizeof(struct caps_config),
	.data_size   = sizeof(struct caps),
	.check       = check,
	.load        = load,
	.reconfigure = reconfigure,
	.unload      = unload,
);

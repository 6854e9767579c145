/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_version.c - XEP-0092: name and version of the server. */
#include <tercet/module.h>

#include <sys/utsname.h>

#define NS_VERSION "jabber:iq:version"

struct version_config {
	bool hide_version;
	bool hide_os;
};

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct version_config, hide_version, .def = "false",
		.doc = "Leave out the number of the version."),
	TCT_OPT_BOOL(struct version_config, hide_os, .def = "true",
		.doc = "Leave out the name of the operating system. Its version is never told."),
	TCT_OPT_END
};

static enum tct_verdict on_version(struct tct_mod *m, struct tct_event *ev)
{
	const struct version_config *config = tct_mod_config(m);
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *query = tct_add(tct_stanza_root(st), NS_VERSION, "query");
	struct utsname system;

	tct_add_text(query, "name", "Tercet");
	/* XEP-0092 wants the element in any case. */
	tct_add_text(query, "version", config->hide_version ? "" : tct_version());
	if (!config->hide_os && uname(&system) == 0)
		tct_add_text(query, "os", system.sysname);
	return tct_reply(ev, st);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST | TCT_TO_SELF, NS_VERSION, "query",
		on_version);
	tct_feature(m, NS_VERSION);
	return TCT_OK;
}

TCT_MODULE_FLAGS(version, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "XEP-0092: Software Version",
	.options     = options,
	.config_size = sizeof(struct version_config),
	.load        = load,
);

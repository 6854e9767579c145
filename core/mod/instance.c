/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* instance.c - what an instance may ask about itself, and its log. */
#include "core/base/log.h"
#include "core/mod/module.h"

#include <stdio.h>

void *tct_mod_data(const struct tct_mod *m)
{
	return m->data;
}

const void *tct_mod_config(const struct tct_mod *m)
{
	return m->config;
}

const char *tct_mod_name(const struct tct_mod *m)
{
	return m->name;
}

const struct tct_jid *tct_mod_jid(const struct tct_mod *m)
{
	return m->host_jid;
}

struct tct_scope *tct_mod_scope(struct tct_mod *m)
{
	return &m->scope;
}

bool tct_log_enabled(const struct tct_mod *m, int level)
{
	return level <= log_level() || (m != NULL && m->debug);
}

void tct_log(const struct tct_mod *m, int level, const char *fmt, ...)
{
	char context[200];
	va_list ap;

	if (!tct_log_enabled(m, level))
		return;
	va_start(ap, fmt);
	if (m == NULL) {
		log_vwrite(level, NULL, fmt, ap);
	} else {
		snprintf(context, sizeof context, "%s%s%s", m->host_name != NULL ? m->host_name : "",
			m->host_name != NULL ? "/" : "", m->name);
		log_vwrite(level, context, fmt, ap);
	}
	va_end(ap);
}

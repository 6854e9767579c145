/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_announce.c - administrators send a message to everybody who is online, or to every
 * account, by ad-hoc commands (XEP-0133 section 4.23). Messages go out at a pace, so that a
 * large host goes on serving; how far it is can be asked, and is told at the end. */
#include "modules/mod_announce/announce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tct_option options[] = {
	TCT_OPT_INT(struct announce_config, rate, .def = "500", .min = "1", .max = "100000",
		.doc = "Accounts that are sent to in a second."),
	TCT_OPT_SIZE(struct announce_config, size, .def = "10 KB", .min = "100 B", .max = "64 KB",
		.doc = "What subject and text of one announcement may have together."),
	TCT_OPT_END
};

/* ---- forms ---- */

static struct tct_elem *add_field(struct tct_elem *form, const char *var, const char *type,
	const char *label)
{
	struct tct_elem *field = tct_add(form, NULL, "field");

	tct_set(field, "var", var);
	tct_set(field, "type", type);
	tct_set(field, "label", label);
	return field;
}

static struct tct_elem *add_form(struct tct_elem *reply, const char *type, const char *title)
{
	struct tct_elem *form = tct_add(reply, NS_DATA, "x");

	tct_set(form, "type", type);
	tct_add_text(form, "title", title);
	tct_add_text(add_field(form, "FORM_TYPE", "hidden", NULL), "value", NS_ADMIN);
	return form;
}

/* The lines of a field, joined; the caller frees it. NULL: there is no such field. */
static char *read_field(const struct tct_elem *form, const char *var)
{
	size_t len = 0, at = 0;
	char *text;

	tct_elem_each (field, form) {
		const char *name = tct_attr(field, "var");

		if (!tct_elem_is(field, NS_DATA, "field") || name == NULL || strcmp(name, var) != 0)
			continue;
		tct_elem_each (value, field)
			len += strlen(tct_elem_text(value)) + 1;
		text = malloc(len + 1);
		if (text == NULL)
			abort();
		tct_elem_each (value, field) {
			if (at > 0)
				text[at++] = '\n';
			len = strlen(tct_elem_text(value));
			memcpy(text + at, tct_elem_text(value), len);
			at += len;
		}
		text[at] = '\0';
		return text;
	}
	return NULL;
}

/* Nothing but white space is no announcement. */
static bool says_something(const char *text)
{
	return text != NULL && text[strspn(text, " \t\r\n")] != '\0';
}

static enum tct_command_result ask(struct tct_command_call *call, const char *title)
{
	struct tct_elem *form = add_form(call->reply, "form", title);

	add_field(form, "subject", "text-single", "Subject");
	tct_add(add_field(form, "announcement", "text-multi", "Announcement"), NULL, "required");
	return TCT_COMMAND_LAST;
}

static void note(struct tct_command_call *call, const char *type, const char *text)
{
	tct_set(tct_add_text(call->reply, "note", text), "type", type);
}

static enum tct_command_result announce(struct tct_mod *m, struct tct_command_call *call, bool all)
{
	const struct announce_config *config = tct_mod_config(m);
	char *subject, *text;
	enum tct_command_result result = TCT_COMMAND_AGAIN;
	size_t size;

	if (call->step == 0)
		return ask(call, all ? "Announcement to all accounts" :
				       "Announcement to all who are online");
	subject = read_field(call->form, "subject");
	text = read_field(call->form, "announcement");
	size = (subject != NULL ? strlen(subject) : 0) + (text != NULL ? strlen(text) : 0);
	if (says_something(text) && size <= (size_t)config->size) {
		result = TCT_COMMAND_DONE;
		switch (announce_begin(m, tct_stanza_from(call->ev->stanza), subject, text, all)) {
		case TCT_OK:
			note(call, "info", "the announcement is on its way");
			break;
		case TCT_EFULL:
			note(call, "error", "too many announcements are on their way: try later");
			break;
		default:
			note(call, "error", "the accounts of this host cannot be listed");
		}
	}
	free(subject);
	free(text);
	return result;
}

static enum tct_command_result announce_online(struct tct_mod *m, struct tct_command_call *call)
{
	return announce(m, call, false);
}

static enum tct_command_result announce_all(struct tct_mod *m, struct tct_command_call *call)
{
	return announce(m, call, true);
}

static enum tct_command_result announce_status(struct tct_mod *m, struct tct_command_call *call)
{
	struct tct_elem *form = add_form(call->reply, "result", "Announcements on their way");
	struct tct_elem *reported = tct_add(form, NULL, "reported");

	add_field(reported, "by", "jid-single", "By");
	add_field(reported, "to", "text-single", "To");
	add_field(reported, "sent", "text-single", "Sent");
	announce_list(m, form);
	return TCT_COMMAND_DONE;
}

static const struct tct_command commands[] = {
	{ sizeof commands[0], TCT_COMMAND_ADMIN, NS_ADMIN "#announce",
		"Send an announcement to all who are online", announce_online },
	{ sizeof commands[0], TCT_COMMAND_ADMIN, NS_ADMIN "#announce-all",
		"Send an announcement to all accounts", announce_all },
	{ sizeof commands[0], TCT_COMMAND_ADMIN, NS_ADMIN "#announce-status",
		"See how far announcements are", announce_status },
};

/* ---- instance ---- */

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct announce *announce = tct_mod_data(m);
	struct tct_mod *provider;
	const struct tct_command_ops *ops = tct_service(m, "commands", &provider);

	TAILQ_INIT(&announce->running);
	announce->kv = tct_kv_open(m, "announce", err);
	if (announce->kv == NULL)
		return TCT_EIO;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (ops->offer(provider, m, &commands[i]) != TCT_OK)
			return tct_error_set(err, TCT_EEXIST,
				"another module offers the command '%s'", commands[i].node);
	}
	return TCT_OK;
}

TCT_MODULE_FLAGS(announce, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "Announcements of administrators, XEP-0133",
	.depends     = TCT_DEPENDS("adhoc", "@auth"),
	.options     = options,
	.config_size = sizeof(struct announce_config),
	.data_size   = sizeof(struct announce),
	.load        = load,
	.ready       = announce_resume,
);

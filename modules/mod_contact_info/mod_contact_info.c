/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_contact_info.c - XEP-0157: whom to write to about this server, as a form in the host's
 * disco#info. Knows addresses as URIs only. */
#include <tercet/module.h>

#include <string.h>

#define NS_DATA "jabber:x:data"
#define FORM_TYPE "http://jabber.org/network/serverinfo"

struct contact_config {
	const char *const *abuse, *const *admin, *const *feedback, *const *sales;
	const char *const *security, *const *status, *const *support;
};

static const struct tct_option options[] = {
	TCT_OPT_STRINGS(struct contact_config, abuse,
		.doc = "Where to report abuse: URIs, for example \"mailto:abuse@example.org\" and "
		       "\"xmpp:abuse@example.org\"."),
	TCT_OPT_STRINGS(struct contact_config, admin, .doc = "Who runs the server."),
	TCT_OPT_STRINGS(struct contact_config, feedback, .doc = "Praise and complaint."),
	TCT_OPT_STRINGS(struct contact_config, sales, .doc = "Whom to pay."),
	TCT_OPT_STRINGS(struct contact_config, security, .doc = "Where to report a hole."),
	TCT_OPT_STRINGS(struct contact_config, status,
		.doc = "Where it is said whether the server works, and when it does not."),
	TCT_OPT_STRINGS(struct contact_config, support, .doc = "Who helps."),
	TCT_OPT_END
};

static const struct {
	const char *field;
	size_t offset;
} fields[] = {
	{ "abuse-addresses", offsetof(struct contact_config, abuse) },
	{ "admin-addresses", offsetof(struct contact_config, admin) },
	{ "feedback-addresses", offsetof(struct contact_config, feedback) },
	{ "sales-addresses", offsetof(struct contact_config, sales) },
	{ "security-addresses", offsetof(struct contact_config, security) },
	{ "status-addresses", offsetof(struct contact_config, status) },
	{ "support-addresses", offsetof(struct contact_config, support) },
};
#define FIELDS (sizeof fields / sizeof *fields)

static const char *const *list_of(const struct contact_config *config, size_t i)
{
	return *(const char *const *const *)((const char *)config + fields[i].offset);
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 3986 3: a scheme, a colon, something, and no character that a URI cannot have. */
static bool is_uri(const char *text)
{
	size_t scheme = strcspn(text, ":");

	if (!letter(text[0]) || text[scheme] == '\0' || text[scheme + 1] == '\0')
		return false;
	for (size_t i = 0; i < scheme; i++) {
		if (!letter(text[i]) && strchr("0123456789+-.", text[i]) == NULL)
			return false;
	}
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text >= 0x7f || strchr("\"<>\\^`{|}", *text) != NULL)
			return false;
	}
	return true;
}

static int check(const void *data, struct tct_error *err)
{
	for (size_t i = 0; i < FIELDS; i++) {
		for (const char *const *text = list_of(data, i); *text != NULL; text++) {
			if (!is_uri(*text))
				return tct_error_set(err, TCT_EINVAL,
					"%.*s: \"%s\" is not a URI (write \"mailto:%s\" or "
					"\"xmpp:%s\")",
					(int)strcspn(fields[i].field, "-"), fields[i].field,
					*text, *text, *text);
		}
	}
	return TCT_OK;
}

static bool on_info(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	const struct contact_config *config = tct_mod_config(m);
	struct tct_elem *form = NULL, *field;

	for (size_t i = 0; q->what == TCT_DISCO_INFO && i < FIELDS; i++) {
		const char *const *text = list_of(config, i);

		if (*text == NULL)
			continue;
		if (form == NULL) {
			form = tct_add(answer, NS_DATA, "x");
			tct_set(form, "type", "result");
			field = tct_add(form, NULL, "field");
			tct_set(field, "var", "FORM_TYPE");
			tct_set(field, "type", "hidden");
			tct_add_text(field, "value", FORM_TYPE);
		}
		field = tct_add(form, NULL, "field");
		tct_set(field, "var", fields[i].field);
		tct_set(field, "type", "list-multi");
		for (; *text != NULL; text++)
			tct_add_text(field, "value", *text);
	}
	return true;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_disco(m, TCT_TO_HOST, NULL, on_info);
	return TCT_OK;
}

TCT_MODULE_FLAGS(contact_info, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "XEP-0157: Contact Addresses for XMPP Services",
	.depends     = TCT_DEPENDS("disco"),
	.options     = options,
	.config_size = sizeof(struct contact_config),
	.check       = check,
	.load        = load,
);

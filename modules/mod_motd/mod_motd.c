/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_motd.c - the message of the day: who comes online gets it, at most once in a while; and
 * at once when it is another text than the one that was seen. */
#include <tercet/module.h>

struct motd_config {
	const char *text, *subject;
	int64_t interval;
};

static const struct tct_option options[] = {
	TCT_OPT_STRING(struct motd_config, text, .doc = "The message. Without one, nobody gets any."),
	TCT_OPT_STRING(struct motd_config, subject, .doc = "Its subject."),
	TCT_OPT_PERIOD(struct motd_config, interval, .def = "1 day", .min = "0 s",
		.doc = "An account gets the same message at most once in this time; 0 s: each "
		       "time that one of its clients comes online."),
	TCT_OPT_END
};

struct motd {
	struct tct_kv *seen; /* user, "last" -> when, and the mark of what */
};

/* FNV-1a: to tell the administrator's texts apart. */
static int64_t mark_of(const struct motd_config *config)
{
	const char *parts[] = { config->subject != NULL ? config->subject : "", config->text };
	uint64_t mark = 14695981039346656037u;

	for (int i = 0; i < 2; i++) {
		for (const char *at = parts[i];; at++) {
			mark = (mark ^ (unsigned char)*at) * 1099511628211u;
			if (*at == '\0')
				break;
		}
	}
	return (int64_t)mark;
}

static void remember(struct tct_mod *m, const char *user, int64_t mark)
{
	struct motd *motd = tct_mod_data(m);
	struct tct_record *r = tct_record_new();
	struct tct_txn *txn = tct_txn_new(m);

	tct_record_set_int(r, "time", tct_now());
	tct_record_set_int(r, "mark", mark);
	tct_kv_put(txn, motd->seen, user, "last", tct_record_value(r));
	tct_record_free(r);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static void on_available(struct tct_mod *m, struct tct_session *s)
{
	const struct motd_config *config = tct_mod_config(m);
	struct motd *motd = tct_mod_data(m);
	struct tct_value last;
	struct tct_stanza *st;
	int64_t mark, passed;

	/* A resource of negative priority wants no messages to the account. */
	if (config->text == NULL || *config->text == '\0' || tct_session_priority(s) < 0)
		return;
	mark = mark_of(config);
	if (config->interval > 0 &&
		tct_entity_get(tct_session_entity(s), motd->seen, "last", &last) &&
		tct_record_int(&last, "mark", 0) == mark) {
		passed = tct_now() - tct_record_int(&last, "time", 0);
		if (passed >= 0 && passed < config->interval)
			return;
	}
	st = tct_message_new(tct_mod_jid(m), tct_session_jid(s), "headline");
	if (config->subject != NULL)
		tct_add_text(tct_stanza_root(st), "subject", config->subject);
	tct_add_text(tct_stanza_root(st), "body", config->text);
	tct_session_send(s, st);
	if (config->interval > 0)
		remember(m, tct_session_user(s), mark);
}

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	struct motd *motd = tct_mod_data(m);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, motd->seen, tct_entity_user(e));
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct motd *motd = tct_mod_data(m);

	motd->seen = tct_kv_open(m, "motd", err);
	if (motd->seen == NULL)
		return TCT_EIO;
	tct_on_session(m, TCT_SESSION_AVAILABLE, on_available);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	return TCT_OK;
}

TCT_MODULE_FLAGS(motd, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "Message of the day",
	.depends     = TCT_DEPENDS("presence"),
	.options     = options,
	.config_size = sizeof(struct motd_config),
	.data_size   = sizeof(struct motd),
	.preload     = TCT_PRELOAD("motd"),
	.load        = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_csi - client state indication (XEP-0352): while a client says that nobody looks at it,
 * what can wait is held back in its output pipe: presence, of which the newest of each sender
 * counts, chat states, and events of pubsub services. It comes with the first stanza that
 * cannot wait, or when somebody looks again. A module of the server's own machinery. */
#include <tercet/internal/server.h>
#include <tercet/internal/stream.h>

#include <string.h>

#define NS_CSI "urn:xmpp:csi:0"
#define NS_CLIENT "jabber:client"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_STATES "http://jabber.org/protocol/chatstates"
#define NS_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

#define SHOWN (TCT_PRESENCE_AVAILABLE | TCT_PRESENCE_UNAVAILABLE)
#define MESSAGES (TCT_MESSAGE_NORMAL | TCT_MESSAGE_CHAT | TCT_MESSAGE_GROUPCHAT | TCT_MESSAGE_HEADLINE)

struct csi_config {
	bool hold_presence;
	bool hold_chat_states;
	bool hold_events;
	int64_t max_held;
};

struct csi_session {
	struct tct_session *session; /* while inactive; NULL: it was restored */
	bool inactive;
};

struct csi_stream {
	bool said; /* the client has said on this stream how it is */
};

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct csi_config, hold_presence, .def = "true",
		.doc = "Whether presence waits. Only the newest of each sender is kept."),
	TCT_OPT_BOOL(struct csi_config, hold_chat_states, .def = "true",
		.doc = "Whether messages wait that say nothing but that somebody types."),
	TCT_OPT_BOOL(struct csi_config, hold_events, .def = "true",
		.doc = "Whether notifications of personal eventing and of other pubsub "
		       "services wait."),
	TCT_OPT_INT(struct csi_config, max_held, .def = "500", .min = "1", .max = "5000",
		.doc = "How many stanzas wait for a client; with one more, all go out."),
	TCT_OPT_END
};

/* ---- what may wait ---- */

/* What accompanies a chat state without being worth anything itself. */
static bool is_wrapping(const struct tct_elem *e)
{
	static const char *const spaces[] = { "urn:xmpp:hints", "urn:xmpp:sid:0",
		"urn:xmpp:delay" };

	if (tct_elem_is(e, NS_CLIENT, "thread"))
		return true;
	/* An occupant's mark is empty; with something in it, it is an invitation, or an answer. */
	if (tct_elem_is(e, NS_MUC_USER, "x"))
		return tct_elem_first(e) == NULL;
	for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
		if (strcmp(tct_elem_ns(e), spaces[i]) == 0)
			return true;
	}
	return false;
}

static bool only_chat_state(const struct tct_elem *message)
{
	bool found = false;

	tct_elem_each (e, message) {
		if (strcmp(tct_elem_ns(e), NS_STATES) == 0)
			found = true;
		else if (!is_wrapping(e))
			return false;
	}
	return found;
}

/* The message that a carbon is a copy of; NULL: it is none. */
static const struct tct_elem *copied(const struct tct_elem *message)
{
	const struct tct_elem *e = tct_child(message, NS_CARBONS, "received");

	if (e == NULL)
		e = tct_child(message, NS_CARBONS, "sent");
	return tct_child(tct_child(e, NS_FORWARD, "forwarded"), NS_CLIENT, "message");
}

/* What has a body somewhere inside is not looked at closer. */
static bool has_body(const struct delivery *d)
{
	size_t len;
	const char *bytes = tcti_delivery_children(d, &len);

	return memmem(bytes, len, "<body", 5) != NULL;
}

static uint64_t hold_message(const struct csi_config *config, struct delivery *d)
{
	const struct tct_elem *root, *copy;
	struct tct_stanza *st;
	uint64_t key = 0;

	if (has_body(d))
		return 0;
	st = tcti_delivery_stanza(d);
	if (st == NULL)
		return 0;
	root = tct_stanza_root(st);
	copy = copied(root);
	if (config->hold_chat_states && only_chat_state(copy != NULL ? copy : root))
		key = copy != NULL ? TCTI_HOLD : tcti_delivery_sender(d);
	else if (config->hold_events && tct_child(root, NS_EVENT, "event") != NULL)
		key = TCTI_HOLD;
	tct_stanza_unref(st);
	return key;
}

static uint64_t hold(struct tct_mod *m, struct tct_session *s, struct delivery *d)
{
	const struct csi_config *config = tct_mod_config(m);
	uint32_t type = tcti_delivery_type(d);

	if (tcti_pipe_held(s) >= (size_t)config->max_held)
		return 0;
	if ((type & SHOWN) != 0)
		return config->hold_presence ? tcti_delivery_sender(d) : 0;
	return (type & MESSAGES) != 0 ? hold_message(config, d) : 0;
}

static const struct tcti_hold_ops hold_ops = {
	.size = sizeof(struct tcti_hold_ops),
	.hold = hold,
};

/* ---- what clients say ---- */

static void begin(struct tct_mod *m, struct csi_session *cs, struct tct_session *s)
{
	cs->inactive = true;
	cs->session = s;
	tcti_session_set_hold(m, s, &hold_ops);
}

static void end(struct tct_mod *m, struct csi_session *cs)
{
	if (cs->session != NULL)
		tcti_session_set_hold(m, cs->session, NULL);
	cs->session = NULL;
	cs->inactive = false;
}

static enum tct_verdict said(struct tct_mod *m, struct tct_stream *s, bool inactive)
{
	struct tct_session *session = tcti_stream_session(s);
	struct csi_session *cs;

	if (tcti_stream_user(s) == NULL)
		return TCT_CONTINUE;
	if (session == NULL)
		return TCT_HANDLED; /* nothing could be held yet */
	((struct csi_stream *)tcti_stream_data(m, s))->said = true;
	cs = tct_session_data(m, session);
	if (inactive)
		begin(m, cs, session);
	else
		end(m, cs);
	return TCT_HANDLED;
}

static enum tct_verdict on_active(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	(void)e;
	return said(m, s, false);
}

static enum tct_verdict on_inactive(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	(void)e;
	return said(m, s, true);
}

/* With Bind 2 (XEP-0386 3.2): the session begins in that state. */
static void on_inline(struct tct_mod *m, struct tct_session *s, const struct tct_elem *request,
	struct tct_elem *bound)
{
	(void)bound;
	if (tct_elem_is(request, NS_CSI, "inactive"))
		begin(m, tct_session_data(m, s), s);
}

static void add_feature(struct tct_mod *m, struct tct_stream *s, struct tct_elem *features)
{
	(void)m;
	(void)s;
	tct_add(features, NS_CSI, "csi");
}

/* ---- sessions that come back ---- */

/* A resumed stream begins as active (section 5.2), whatever it was; the client may have said
 * something on it since. */
static void on_resumed(struct tct_mod *m, struct tct_session *s)
{
	struct csi_session *cs = tct_session_data_peek(m, s);
	struct tct_stream *stream = tcti_session_stream(s);

	if (cs == NULL || stream == NULL ||
		((struct csi_stream *)tcti_stream_data(m, stream))->said)
		return;
	end(m, cs);
}

static void on_restored(struct tct_mod *m, struct tct_session *s)
{
	struct csi_session *cs = tct_session_data_peek(m, s);

	if (cs != NULL && cs->inactive)
		begin(m, cs, s);
}

static int session_save(struct tct_mod *m, const void *data, struct tct_record *out)
{
	const struct csi_session *cs = data;

	(void)m;
	tct_record_set_int(out, "inactive", cs->inactive);
	return TCT_OK;
}

static int session_restore(struct tct_mod *m, void *data, const struct tct_value *record)
{
	struct csi_session *cs = data;

	(void)m;
	cs->inactive = tct_record_int(record, "inactive", 0) != 0;
	return TCT_OK;
}

static void session_end(struct tct_mod *m, void *data)
{
	end(m, data); /* the module may go before the session */
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_features(m, TCT_PRIO_HANDLE - 20, add_feature);
	tct_on_inline(m, NS_CSI, true, on_inline);
	tcti_on_nonza(m, NS_CSI, "active", on_active);
	tcti_on_nonza(m, NS_CSI, "inactive", on_inactive);
	tct_on_session(m, TCT_SESSION_RESUMED, on_resumed);
	tct_on_session(m, TCT_SESSION_RESTORED, on_restored);
	return TCT_OK;
}

TCT_MODULE_FLAGS(csi, TCT_INTERNAL | TCT_LIVE_OPTIONS,
	.version         = TCT_SERVER_VERSION,
	.summary         = "client state indication (XEP-0352)",
	.options         = options,
	.config_size     = sizeof(struct csi_config),
	.session_size    = sizeof(struct csi_session),
	.stream_size     = sizeof(struct csi_stream),
	.session_end     = session_end,
	.session_save    = session_save,
	.session_restore = session_restore,
	.load            = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_bind - RFC 6120 section 7: the resource of an authenticated stream. */
#include <tercet/internal/stream.h>

#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"

static enum tct_verdict add_feature(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	(void)m;
	if (tcti_stream_user(s) == NULL || tcti_stream_session(s) != NULL)
		return TCT_CONTINUE;
	tct_add(features, NS_BIND, "bind");
	return TCT_CONTINUE;
}

static void refuse(struct tct_stream *s, struct tct_stanza *iq, uint32_t condition)
{
	struct tct_stanza *error = tct_stanza_error(iq, condition, NULL);

	if (error != NULL)
		tcti_stream_reply(s, error);
}

static void bind_resource(struct tct_stream *s, struct tct_stanza *iq)
{
	const struct tct_elem *request = tct_stanza_payload(iq);
	const char *wanted = tct_child_text(request, NS_BIND, "resource");
	struct tct_session *session;
	struct tct_stanza *result;
	struct tct_elem *bound;
	int status;

	if (wanted != NULL && *wanted == '\0')
		wanted = NULL;
	status = tcti_session_bind(s, wanted, &session);
	if (status == TCT_EINVAL) {
		refuse(s, iq, TCT_BAD_REQUEST);
		return;
	}
	if (status != TCT_OK) {
		refuse(s, iq, TCT_RESOURCE_CONSTRAINT);
		return;
	}
	result = tct_stanza_result(iq);
	bound = tct_add(tct_stanza_root(result), NS_BIND, "bind");
	tct_add_text(bound, "jid", tct_jid_text(tct_session_jid(session)));
	tcti_stream_reply(s, result);
}

/* Before a session is bound every IQ comes here; only a bind request is understood. */
static enum tct_verdict on_iq(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct tct_stanza *iq;

	(void)m;
	if (tcti_stream_user(s) == NULL || tcti_stream_session(s) != NULL)
		return TCT_CONTINUE;
	iq = tcti_stream_stanza(s, e);
	if (iq == NULL)
		return TCT_CONTINUE;
	if (tct_stanza_type(iq) == TCT_IQ_SET &&
		tct_elem_is(tct_stanza_payload(iq), NS_BIND, "bind"))
		bind_resource(s, iq);
	else
		refuse(s, iq, TCT_NOT_ALLOWED);
	tct_stanza_unref(iq);
	return TCT_HANDLED;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tcti_on_features(m, TCT_PRIO_HANDLE, add_feature);
	tcti_on_nonza(m, "jabber:client", "iq", on_iq);
	return TCT_OK;
}

TCT_MODULE_FLAGS(bind, TCT_INTERNAL,
	.version = TCT_SERVER_VERSION,
	.summary = "resource binding (RFC 6120 section 7)",
	.load    = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_bind - RFC 6120 section 7: the resource of an authenticated stream. A resource that
 * another session has is a conflict (section 7.7.2.2); where the older session has to go, the
 * stream waits until it has. */
#include <tercet/internal/stream.h>
#include <tercet/timer.h>

#include <string.h>
#include <sys/queue.h>

#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"

enum conflict { CONFLICT_ANOTHER, CONFLICT_REPLACE, CONFLICT_REFUSE };

struct bind_config {
	int32_t conflict; /* enum conflict */
};

/* Data of a stream that waits for a resource. */
struct bind_stream {
	TAILQ_ENTRY(bind_stream) link;
	struct tct_stream *stream;
	struct tct_stanza *iq;     /* its request; NULL: it does not wait */
	const struct tct_jid *jid; /* what it wants; counted */
};

/* Data of the instance. */
struct bind {
	TAILQ_HEAD(, bind_stream) waiting;
};

static const char *const conflicts[] = { "another", "replace", "refuse", NULL };

static const struct tct_option options[] = {
	TCT_OPT_ENUM(struct bind_config, conflict, .choices = conflicts, .def = "another",
		.doc = "When a client asks for a resource that another session of its account has: "
		       "it gets another resource, or the older session is ended to make room "
		       "(replace), or it is refused. A session whose connection was lost always "
		       "makes room: its client is back, and what waited there comes first."),
	TCT_OPT_END
};

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

static void bind_resource(struct tct_stream *s, struct tct_stanza *iq, const char *wanted)
{
	struct tct_session *session;
	struct tct_stanza *result;
	struct tct_elem *bound;
	int status = tcti_session_bind(s, wanted, &session);

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

/* ---- conflicts ---- */

static struct tct_session *who_has(struct tct_mod *m, const struct tct_jid *jid)
{
	struct tct_entity *e = jid != NULL ? tct_entity_find(tct_mod_host(m), tct_jid_node(jid)) : NULL;

	return e != NULL ? tct_entity_session_find(e, tct_jid_resource(jid)) : NULL;
}

static void stop_waiting(struct tct_mod *m, struct bind_stream *bs)
{
	struct bind *bind = tct_mod_data(m);

	if (bs->iq == NULL)
		return;
	TAILQ_REMOVE(&bind->waiting, bs, link);
	tct_stanza_unref(bs->iq);
	tct_jid_unref(bs->jid);
	bs->iq = NULL;
	bs->jid = NULL;
}

/* Nothing more of the stream is handled until the older session has ended: what that gives
 * back comes to the new one. */
static void wait_for(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *iq,
	const struct tct_jid *jid, struct tct_session *older)
{
	struct bind *bind = tct_mod_data(m);
	struct bind_stream *bs = tcti_stream_data(m, s);

	bs->stream = s;
	bs->iq = tct_stanza_ref(iq);
	bs->jid = tct_jid_ref(jid);
	TAILQ_INSERT_TAIL(&bind->waiting, bs, link);
	tcti_stream_hold(s);
	tct_session_close(older, "conflict", "another client has taken the resource");
}

static void request(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *iq)
{
	const struct bind_config *config = tct_mod_config(m);
	const char *wanted = tct_child_text(tct_stanza_payload(iq), NS_BIND, "resource");
	const struct tct_jid *jid = NULL;
	struct tct_session *older;

	if (wanted != NULL && *wanted == '\0')
		wanted = NULL;
	if (wanted != NULL)
		jid = tct_jid_make(tcti_stream_user(s), tct_host_name(tct_mod_host(m)), wanted);
	older = who_has(m, jid);
	if (older == NULL)
		bind_resource(s, iq, wanted);
	else if (!tct_session_attached(older) || config->conflict == CONFLICT_REPLACE)
		wait_for(m, s, iq, jid, older);
	else if (config->conflict == CONFLICT_REFUSE)
		refuse(s, iq, TCT_CONFLICT);
	else
		bind_resource(s, iq, wanted);
	tct_jid_unref(jid);
}

static void again(struct tct_scope *scope, void *data)
{
	struct tct_mod *m = tct_scope_mod(scope);
	struct bind_stream *bs = data;
	struct tct_stanza *iq;

	if (bs->iq == NULL)
		return;
	iq = tct_stanza_ref(bs->iq);
	stop_waiting(m, bs);
	tcti_stream_release(bs->stream);
	request(m, bs->stream, iq);
	tct_stanza_unref(iq);
}

/* It counts as a session of the account until all have heard of its end. */
static void on_ended(struct tct_mod *m, struct tct_session *s)
{
	struct bind *bind = tct_mod_data(m);
	struct bind_stream *bs;

	TAILQ_FOREACH(bs, &bind->waiting, link) {
		if (tct_jid_equal(bs->jid, tct_session_jid(s)))
			tct_timer_start(tcti_stream_scope(m, bs->stream), 0, 0, again, bs);
	}
}

static void stream_end(struct tct_mod *m, void *data)
{
	stop_waiting(m, data);
}

/* ---- requests ---- */

/* Before a session is bound every IQ comes here; only a bind request is understood. */
static enum tct_verdict on_iq(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct tct_stanza *iq;

	if (tcti_stream_user(s) == NULL || tcti_stream_session(s) != NULL)
		return TCT_CONTINUE;
	iq = tcti_stream_stanza(s, e);
	if (iq == NULL)
		return TCT_CONTINUE;
	if (tct_stanza_type(iq) == TCT_IQ_SET &&
		tct_elem_is(tct_stanza_payload(iq), NS_BIND, "bind"))
		request(m, s, iq);
	else
		refuse(s, iq, TCT_NOT_ALLOWED);
	tct_stanza_unref(iq);
	return TCT_HANDLED;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct bind *bind = tct_mod_data(m);

	(void)err;
	TAILQ_INIT(&bind->waiting);
	tcti_on_features(m, TCT_PRIO_HANDLE, add_feature);
	tcti_on_nonza(m, "jabber:client", "iq", on_iq);
	tct_on_session(m, TCT_SESSION_ENDED, on_ended);
	return TCT_OK;
}

TCT_MODULE_FLAGS(bind, TCT_INTERNAL | TCT_LIVE_OPTIONS,
	.version     = TCT_SERVER_VERSION,
	.summary     = "resource binding (RFC 6120 section 7)",
	.options     = options,
	.config_size = sizeof(struct bind_config),
	.data_size   = sizeof(struct bind),
	.stream_size = sizeof(struct bind_stream),
	.stream_end  = stream_end,
	.load        = load,
);

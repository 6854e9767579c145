/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stream.c - see stream.h. Input: the connection gives bytes, the framer finds where a
 * header, an element or the end stops, the parser makes a tree of it, and the element goes
 * to a session, or to the module that owns its name. */
#include "core/server/stream.h"

#include "core/base/assert.h"
#include "core/base/budget.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/addr.h"
#include "core/server/host.h"
#include "core/server/listener.h"
#include "core/server/negotiate.h"
#include "core/server/outlet.h"
#include "core/server/peers.h"
#include "core/server/router.h"
#include "core/server/session.h"
#include "core/server/turn.h"
#include "core/store/txn.h"
#include "core/xml/write.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/stanza.h"

#include <stdlib.h>
#include <unistd.h>

/* security: before authentication a first-level element has at most 10,000 bytes. */
#define UNAUTHENTICATED_BYTES 10000
/* Stanzas of another server that are not handled yet. */
#define UNDER_WAY_MAX 128
/* What a stream takes with its connection and TLS session, for the budget. */
#define STREAM_BYTES (14 * 1024)
#define LANG_MAX 63

static struct list streams = { &streams, &streams };
static struct list throttled = { &throttled, &throttled };
static size_t count;
static bool stopping; /* nobody is waited for long any more */

size_t streams_count(void)
{
	return count;
}

const char *stream_domain(const struct tct_stream *s)
{
	if (s->host != NULL)
		return s->host->name;
	return s->local != NULL ? tct_jid_domain(s->local) : NULL;
}

struct hook_set *stream_hooks(const struct tct_stream *s)
{
	return s->host != NULL ? &s->host->hooks : hook_global();
}

/* ---- output ---- */

void stream_write(struct tct_stream *s, struct span bytes)
{
	struct str *out;

	if (s->session != NULL) {
		pipe_raw(&s->session->pipe, bytes, NULL);
		return;
	}
	out = conn_output(s->conn);
	if (out != NULL)
		str_append_n(out, bytes.data, bytes.len);
}

static void write_error(struct str *out, const char *condition, const char *text,
	const struct tct_elem *application)
{
	str_printf(out, "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>",
		condition);
	if (text != NULL) {
		str_append(out, "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>");
		write_escaped(out, span_of(text));
		str_append(out, "</text>");
	}
	if (application != NULL)
		write_elem(out, application, "jabber:client");
	str_append(out, "</stream:error>");
}

/* The rest of what its session may send now, then the end; nothing more is read. */
static void send_end(struct tct_stream *s, const char *condition, const char *text,
	const struct tct_elem *application)
{
	struct str *out = conn_output(s->conn);

	if (out == NULL)
		return;
	if (!s->header_sent)
		negotiate_header(s, out);
	if (condition != NULL)
		write_error(out, condition, text, application);
	else if (s->error.len > 0)
		str_append_n(out, s->error.data, s->error.len);
	str_append(out, "</stream:stream>");
}

/* The session is written down: its client hears the error when that is no more, as after an end
 * of its own. A store that hangs does not hold the connection for ever. */
static void end_behind_session(struct tct_stream *s, const char *condition, const char *text,
	const struct tct_elem *application)
{
	if (condition != NULL)
		write_error(&s->error, condition, text, application);
	s->state = STREAM_FINISHING;
	conn_set_deadline(s->conn, s->listener->spec.close_timeout);
	session_finish(s->session);
}

void stream_close(struct tct_stream *s, const char *condition, const char *text,
	const struct tct_elem *application)
{
	struct tct_session *session = s->session;

	if (s->state == STREAM_CLOSING)
		return;
	if (condition != NULL)
		log_debug("stream %s of %s ends: %s", s->id, tcti_stream_address(s), condition);
	if (session != NULL && session->key != 0 && s->state == STREAM_OPEN && !stopping) {
		end_behind_session(s, condition, text, application);
		return;
	}
	if (session != NULL) {
		pipe_flush(&session->pipe);
		s->session = NULL;
		session_lost(session, true);
	}
	outlets_leave(s);
	if (s->state != STREAM_SECURING)
		send_end(s, condition, text, application);
	s->state = STREAM_CLOSING;
	conn_shutdown(s->conn, stopping ? 1 : s->listener->spec.close_timeout);
}

void tcti_stream_close(struct tct_stream *s, const char *condition, const char *text)
{
	stream_close(s, condition, text, NULL);
}

static void is_on_disk(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	(void)status;
	tcti_stream_close(data, NULL, NULL);
}

static void all_heard(void *data)
{
	struct tct_stream *s = data;

	txn_after_turn(s->host->env, &s->scope, is_on_disk, s);
}

/* Keepers of messages hear of what the session had, behind this. */
void stream_finish(struct tct_stream *s)
{
	turn_call(&s->scope, all_heard, s);
}

/* Its client will come back to the session: for it the connection is lost, and no stream has
 * ended (XEP-0198 5: what was closed cannot be resumed). */
static void leave(struct tct_stream *s)
{
	struct tct_session *session = s->session;

	pipe_flush(&session->pipe);
	s->session = NULL;
	s->state = STREAM_CLOSING;
	session_lost(session, false);
	conn_shutdown(s->conn, 1);
}

void streams_shutdown(const char *condition, const char *text)
{
	stopping = true;
	list_each (node, &streams) {
		struct tct_stream *s = list_entry(node, struct tct_stream, link);

		if (s->session != NULL && session_survives(s->session))
			leave(s);
		else
			tcti_stream_close(s, condition, text);
	}
}

bool tcti_streams_stopping(void)
{
	return stopping;
}

void streams_abort(void)
{
	list_each (node, &streams)
		conn_abort(list_entry(node, struct tct_stream, link)->conn);
}

bool streams_cut_ending(void)
{
	bool any = false;

	list_each (node, &streams) {
		struct tct_stream *s = list_entry(node, struct tct_stream, link);

		if (s->state != STREAM_CLOSING || conn_pending(s->conn) == 0)
			continue;
		conn_abort(s->conn);
		any = true;
	}
	return any;
}

/* ---- elements ---- */

static const struct parse_limits *limits_of(const struct tct_stream *s)
{
	static const struct parse_limits before = { .depth = 16, .elements = 64, .attributes = 32 };
	static const struct parse_limits after = { .depth = 128, .elements = 20000,
		.attributes = 256 };

	return s->entity != NULL || s->proven ? &after : &before;
}

/* The most bytes of one construct. The connection's limit bounds what is not complete; one
 * that came whole in a read is measured by this. */
static size_t bytes_of(const struct tct_stream *s)
{
	if (s->entity == NULL && !s->proven)
		return UNAUTHENTICATED_BYTES;
	return (size_t)(s->stanza_size > 0 ? s->stanza_size : s->listener->spec.stanza_size);
}

int64_t tcti_stream_element_limit(const struct tct_stream *s)
{
	return (int64_t)bytes_of(s);
}

/* RFC 6120 8.1.5: what has no language has that of its stream. One longer than any tag of
 * RFC 5646 is none. */
void stream_set_language(const struct tct_stream *s, struct tct_stanza *st)
{
	const char *lang = parse_context_lang(s->context);

	if (lang != NULL && tct_stanza_lang(st) == NULL && lang[0] != '\0' &&
		strlen(lang) <= LANG_MAX)
		tct_stanza_set_lang(st, lang);
}

/* So much of what it gave waits that it is not read on. Of another server's, before the lane of an
 * account could overflow: that is answered with errors, which its senders may not be there to see. */
static bool is_crowded(const struct tct_stream *s)
{
	if (s->session != NULL)
		return lane_crowded(&s->session->lane);
	return s->intake != NULL && tcti_intake_received(s->intake) -
			tcti_intake_handled(s->intake) >= UNDER_WAY_MAX;
}

static void throttle(struct tct_stream *s)
{
	if (!is_crowded(s) || !list_empty(&s->throttled))
		return;
	list_push(&throttled, &s->throttled);
	tcti_stream_hold(s);
}

/* A first-level element of a bound stream that is a stanza. `a` is taken. */
static void take_stanza(struct tct_stream *s, struct arena *a, struct tct_elem *root)
{
	struct tct_session *session = s->session;
	const struct tct_jid *from;
	struct tct_stanza *st, *error;
	uint32_t problem;

	st = stanza_from_elem(a, root, &problem);
	if (problem != 0) {
		error = tct_stanza_error(st, problem, NULL);
		if (error != NULL) {
			if (tct_stanza_from(error) == NULL)
				tct_stanza_set_from(error, session->entity->jid);
			tct_session_send(session, error);
		}
		inbound_end(inbound_begin(session), NULL, NULL);
		tct_stanza_unref(st);
		return;
	}
	from = tct_stanza_from(st);
	if (from != NULL && (!tct_jid_equal_bare(from, session->jid) ||
				    (tct_jid_resource(from) != NULL &&
					    !tct_jid_equal(from, session->jid)))) {
		tct_stanza_unref(st);
		tcti_stream_close(s, "invalid-from", NULL);
		return;
	}
	stream_set_language(s, st);
	router_from_session(session, st);
	throttle(s);
}

static bool is_stanza_name(const char *name)
{
	return strcmp(name, "message") == 0 || strcmp(name, "presence") == 0 ||
		strcmp(name, "iq") == 0;
}

static void take_element(struct tct_stream *s, struct arena *a, struct tct_elem *root)
{
	const char *ns = tct_elem_ns(root), *name = tct_elem_name(root);

	if (strcmp(ns, NS_STREAM) == 0) {
		if (strcmp(name, "error") == 0) {
			peers_error(s, root);
			tcti_stream_close(s, NULL, NULL);
		} else if (s->kind == TCTI_STREAM_S2S_OUT && strcmp(name, "features") == 0) {
			negotiate_element(s, root);
		} else {
			tcti_stream_close(s, "unsupported-stanza-type", NULL);
		}
	} else if (stream_is_peer(s) && strcmp(ns, "jabber:client") == 0 && is_stanza_name(name)) {
		peers_stanza(s, a, root);
		throttle(s);
		return;
	} else if (is_stanza_name(name) && strcmp(ns, "jabber:client") != 0 &&
		strncmp(ns, "jabber:", 7) == 0) {
		tcti_stream_close(s, "invalid-namespace", NULL);
	} else if (s->session != NULL && strcmp(ns, "jabber:client") == 0 &&
		is_stanza_name(name)) {
		take_stanza(s, a, root);
		return;
	} else {
		negotiate_element(s, root);
	}
	arena_fini(a);
}

static void parse_failed(struct tct_stream *s, enum parse_error e)
{
	tcti_stream_close(s, parse_error_condition(e), NULL);
}

static void on_element(struct tct_stream *s, struct span bytes)
{
	enum parse_error e = PARSE_OK;
	struct tct_elem *root;
	struct arena a;

	arena_init(&a);
	if (parse_element(s->context, bytes, limits_of(s), &a, &root, &e) != TCT_OK) {
		arena_fini(&a);
		parse_failed(s, e);
		return;
	}
	take_element(s, &a, root);
}

static void on_header(struct tct_stream *s, struct span bytes)
{
	struct parse_context *ctx = NULL;
	enum parse_error e = PARSE_OK;
	struct tct_elem *root;
	struct arena a;

	arena_init(&a);
	if (parse_header(bytes, &a, &ctx, &root, &e) != TCT_OK) {
		parse_failed(s, e);
	} else {
		parse_context_free(s->context);
		s->context = ctx;
		if (stream_is_peer(s))
			peers_open(s, root);
		else
			negotiate_open(s, root);
	}
	arena_fini(&a);
}

/* The peer's end tag: what it sent before is handled first. */
static void on_close(struct tct_stream *s)
{
	if (s->session == NULL) {
		tcti_stream_close(s, NULL, NULL);
		return;
	}
	s->state = STREAM_FINISHING;
	session_finish(s->session);
}

static bool reads(const struct tct_stream *s)
{
	return s->held == 0 && (s->state == STREAM_HEADER || s->state == STREAM_OPEN);
}

/* One construct ended: `bytes` is all of it. */
static void on_construct(struct tct_stream *s, enum framer_result r, struct span bytes)
{
	switch (r) {
	case FRAMER_HEADER:
		on_header(s, bytes);
		return;
	case FRAMER_STANZA:
		on_element(s, bytes);
		return;
	case FRAMER_CLOSE:
		on_close(s);
		return;
	case FRAMER_RESTRICTED:
		tcti_stream_close(s, "restricted-xml", NULL);
		return;
	case FRAMER_MALFORMED:
		tcti_stream_close(s, "not-well-formed", NULL);
		return;
	case FRAMER_SPACE:
	case FRAMER_MORE:
		return;
	}
}

static void on_overflow(struct conn *c, void *user)
{
	(void)c;
	tcti_stream_close(user, "policy-violation", "too many bytes in one element");
}

static size_t on_input(struct conn *c, struct span in, void *user)
{
	struct tct_stream *s = user;
	size_t start = 0, at = s->scanned, used;

	s->heard = tct_monotonic();
	while (at < in.len && reads(s)) {
		enum framer_result r =
			framer_feed(&s->framer, in.data + at, in.len - at, &used);

		at += used;
		if (r == FRAMER_MORE)
			break;
		if (at - start > bytes_of(s)) {
			on_overflow(c, s);
			break;
		}
		on_construct(s, r, span_make(in.data + start, at - start));
		start = at;
	}
	if (s->state == STREAM_CLOSING || s->state == STREAM_FINISHING) {
		s->scanned = 0;
		return in.len;
	}
	s->scanned = (uint32_t)(at - start);
	if (start > 0 && stream_is_peer(s))
		peers_input(s, start);
	return start;
}

/* ---- life ---- */

static void on_secure(struct conn *c, void *user)
{
	struct tct_stream *s = user;

	(void)c;
	if (s->state == STREAM_CLOSING)
		return; /* it was to end before the handshake was whole */
	s->state = STREAM_HEADER;
	if (s->kind == TCTI_STREAM_S2S_OUT)
		peers_greet(s);
}

static void on_deadline(struct conn *c, void *user)
{
	struct tct_stream *s = user;

	(void)c;
	if (s->state == STREAM_CLOSING || s->state == STREAM_SECURING)
		conn_abort(s->conn);
	else if (s->state == STREAM_FINISHING)
		tcti_stream_close(s, NULL, NULL);
	else
		tcti_stream_close(s,
			s->entity == NULL && !s->proven ? "connection-timeout" :
							  "policy-violation",
			"too slow");
}

static void on_closed(struct conn *c, enum conn_reason reason, void *user)
{
	struct tct_stream *s = user;
	struct tct_session *session = s->session;

	(void)c;
	log_debug("connection of stream %s is gone (%s)", s->id, conn_reason_text(reason));
	s->session = NULL;
	if (session != NULL)
		session_lost(session, s->state == STREAM_FINISHING);
	if (stream_is_peer(s))
		peers_closed(s, conn_reason_text(reason));
	scope_end(&s->scope);
	slots_end(&s->slots);
	parse_context_free(s->context);
	tct_jid_unref(s->from);
	tct_jid_unref(s->local);
	free(s->peer_id);
	str_fini(&s->error);
	if (s->entity != NULL)
		entity_unpin(s->entity);
	list_remove(&s->throttled);
	list_remove(&s->link);
	count--;
	budget_sub(BUDGET_STREAMS, STREAM_BYTES);
	listener_unref(s->listener);
	free(s);
}

static const struct conn_callbacks callbacks = {
	.on_secure = on_secure,
	.on_input = on_input,
	.on_overflow = on_overflow,
	.on_deadline = on_deadline,
	.on_closed = on_closed,
};

/* The protocol's name on direct TLS (XEP-0368); a STARTTLS client has said it in XML. */
void stream_start_tls(struct tct_stream *s, const char *host)
{
	struct tls_params params = { .host = host, .ask = s->listener->spec.request_certificate };

	/* For components there is no such name. */
	if (s->direct && s->kind != TCTI_STREAM_COMPONENT)
		params.alpn = s->kind == TCTI_STREAM_C2S ? "xmpp-client" : "xmpp-server";
	conn_start_tls(s->conn, listener_certset(s->listener), &params);
}

static struct tct_stream *stream_new(struct stream_listener *l, int fd, const struct addr *peer,
	bool direct_tls)
{
	struct tct_stream *s = mem_zalloc(sizeof *s);

	s->listener = listener_ref(l);
	s->kind = (uint8_t)l->spec.kind;
	s->direct = direct_tls;
	s->state = s->direct ? STREAM_SECURING : STREAM_HEADER;
	s->heard = tct_monotonic();
	scope_init(&s->scope, NULL);
	list_init(&s->throttled);
	list_init(&s->outlets);
	list_init(&s->unproven);
	list_push(&streams, &s->link);
	count++;
	budget_add(BUDGET_STREAMS, STREAM_BYTES);
	framer_init(&s->framer, true);
	s->conn = conn_new(fd, peer, &callbacks, s);
	conn_set_input_limit(s->conn, UNAUTHENTICATED_BYTES);
	conn_set_deadline(s->conn, l->spec.login_deadline);
	return s;
}

void stream_accept(struct stream_listener *l, int fd, const struct addr *peer)
{
	struct tct_stream *s;

	if (!peers_take(l, peer)) {
		close(fd);
		return;
	}
	s = stream_new(l, fd, peer, l->spec.direct_tls);
	if (stream_is_peer(s)) {
		list_push(&l->unproven, &s->unproven);
		l->unproven_count++;
	}
	if (s->direct)
		stream_start_tls(s, NULL);
	if (stream_is_peer(s))
		peers_input(s, 0);
}

struct tct_stream *stream_connected(struct stream_listener *l, int fd, const struct addr *peer,
	const struct tct_jid *local, const struct tct_jid *remote, bool direct_tls)
{
	struct tct_stream *s = stream_new(l, fd, peer, direct_tls);

	s->local = tct_jid_ref(local);
	s->from = tct_jid_ref(remote);
	if (direct_tls)
		peers_client_tls(s);
	else
		peers_greet(s);
	return s;
}

void streams_end_of(const struct stream_listener *l)
{
	list_each (node, &streams) {
		struct tct_stream *s = list_entry(node, struct tct_stream, link);

		if (s->listener == l && stream_is_peer(s))
			tcti_stream_close(s, "system-shutdown", NULL);
	}
}

void stream_bound(struct tct_stream *s)
{
	s->bound = true;
	conn_set_deadline(s->conn, 0);
}

void tcti_stream_hold(struct tct_stream *s)
{
	s->held++;
	conn_pause(s->conn);
}

void stream_continue(struct tct_stream *s)
{
	if (s->held == 0)
		conn_resume(s->conn);
}

void tcti_stream_release(struct tct_stream *s)
{
	tct_assert(s->held > 0);
	s->held--;
	stream_continue(s);
}

void streams_unthrottle(void)
{
	list_each (node, &throttled) {
		struct tct_stream *s = list_entry(node, struct tct_stream, throttled);

		if (is_crowded(s))
			continue;
		list_remove(&s->throttled);
		tcti_stream_release(s);
	}
}

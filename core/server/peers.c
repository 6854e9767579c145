/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* peers.c - see peers.h. RFC 6120 4.7, 4.8; XEP-0114 for the header of components. */
#include "core/server/peers.h"

#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/mod/module.h"
#include "core/net/addr.h"
#include "core/net/peer.h"
#include "core/server/inbound.h"
#include "core/server/listener.h"
#include "core/server/negotiate.h"
#include "core/server/outlet.h"
#include "core/server/router.h"
#include "core/xml/elem.h"
#include "core/xml/write.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"

#include <stdlib.h>
#include <string.h>

#define PEER_ID_MAX 1024
/* Stanzas of one stream that are on their way: at the first it is not read, until it is the
 * second. */
#define FLIGHT_MAX 256
#define FLIGHT_AGAIN 128

/* ---- how many stanzas are on their way ---- */

struct flight {
	struct tct_stream *stream; /* NULL: gone */
	uint32_t count;
	bool held;
};

struct flight *flight_begin(struct tct_stream *s)
{
	if (s->flight == NULL) {
		s->flight = mem_zalloc(sizeof *s->flight);
		s->flight->stream = s;
	}
	if (++s->flight->count >= FLIGHT_MAX && !s->flight->held) {
		s->flight->held = true;
		tcti_stream_hold(s);
	}
	return s->flight;
}

void flight_end(struct flight *f)
{
	if (f == NULL)
		return;
	f->count--;
	if (f->stream == NULL) {
		if (f->count == 0)
			free(f);
		return;
	}
	if (f->held && f->count <= FLIGHT_AGAIN) {
		f->held = false;
		tcti_stream_release(f->stream);
	}
}

static void flight_leave(struct tct_stream *s)
{
	struct flight *f = s->flight;

	s->flight = NULL;
	if (f == NULL)
		return;
	f->stream = NULL;
	if (f->count == 0)
		free(f);
}

struct tct_stream *flight_stream(const struct flight *f)
{
	return f->stream;
}

/* ---- the owner ---- */

static struct tct_mod *owner_of(const struct tct_stream *s, const struct tcti_stream_ops **ops)
{
	struct tct_mod *m = s->listener->mod;

	*ops = s->listener->spec.ops;
	return m != NULL && !m->ending ? m : NULL;
}

void peers_error(struct tct_stream *s, const struct tct_elem *e)
{
	const struct tcti_stream_ops *ops;
	struct tct_mod *m = owner_of(s, &ops);
	const char *condition = "undefined-condition";

	if (!stream_is_peer(s) || m == NULL || ops->error == NULL)
		return;
	tct_elem_each (child, e) {
		if (strcmp(tct_elem_ns(child), "urn:ietf:params:xml:ns:xmpp-streams") == 0 &&
			strcmp(tct_elem_name(child), "text") != 0)
			condition = tct_elem_name(child);
	}
	mod_enter(m);
	ops->error(m, s, condition,
		tct_child_text(e, "urn:ietf:params:xml:ns:xmpp-streams", "text"));
	mod_leave(m);
}

void peers_input(struct tct_stream *s, size_t bytes)
{
	const struct tcti_stream_ops *ops;
	struct tct_mod *m = owner_of(s, &ops);

	if (m == NULL || ops->input == NULL)
		return;
	mod_enter(m);
	ops->input(m, s, bytes);
	mod_leave(m);
}

void peers_closed(struct tct_stream *s, const char *reason)
{
	const struct tcti_stream_ops *ops;
	struct tct_mod *m = owner_of(s, &ops);
	const char *problem = conn_problem(s->conn);

	flight_leave(s);
	outlets_leave(s);
	if (!list_empty(&s->unproven)) {
		list_remove(&s->unproven);
		s->listener->unproven_count--;
	}
	if (m == NULL || ops->closed == NULL)
		return;
	mod_enter(m);
	ops->closed(m, s, problem != NULL ? problem : reason);
	mod_leave(m);
}

void peers_stanza(struct tct_stream *s, struct arena *a, struct tct_elem *root)
{
	const struct tcti_stream_ops *ops;
	struct tct_mod *m = owner_of(s, &ops);
	struct tct_stanza *st;
	uint32_t problem;

	if (m == NULL) {
		arena_fini(a);
		return;
	}
	st = stanza_from_elem(a, root, &problem);
	stream_set_language(s, st);
	mod_enter(m);
	ops->stanza(m, s, st, problem);
	mod_leave(m);
}

/* ---- headers ---- */

static const char *content_ns(const struct tct_stream *s)
{
	return s->kind == TCTI_STREAM_COMPONENT ? TCTI_NS_COMPONENT : TCTI_NS_SERVER;
}

static void write_domain(struct str *out, const char *name, const struct tct_jid *jid)
{
	if (jid != NULL)
		write_attr(out, name, span_of(tct_jid_text(jid)));
}

void peers_header(struct tct_stream *s, struct str *out)
{
	str_printf(out, "<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='" NS_STREAM "'",
		content_ns(s));
	write_domain(out, "from", s->local);
	if (s->kind != TCTI_STREAM_COMPONENT) {
		str_append(out, " xmlns:db='" TCTI_NS_DIALBACK "' version='1.0' xml:lang='en'");
		write_domain(out, "to", s->from);
	}
	if (s->kind != TCTI_STREAM_S2S_OUT) {
		tct_random_id(s->id, sizeof s->id - 1);
		write_attr(out, "id", span_of(s->id));
	}
	str_append_char(out, '>');
	s->header_sent = true;
}

void peers_greet(struct tct_stream *s)
{
	struct str *out = conn_output(s->conn);

	if (out != NULL)
		peers_header(s, out);
	s->state = STREAM_HEADER;
}

/* A domain without anything before or behind it; NULL: none, or no domain. */
static const struct tct_jid *domain_of(const struct tct_elem *root, const char *name)
{
	const char *text = tct_attr(root, name);
	const struct tct_jid *jid = text != NULL ? tct_jid_new(text) : NULL;

	if (jid == NULL || (tct_jid_node(jid) == NULL && tct_jid_resource(jid) == NULL))
		return jid;
	tct_jid_unref(jid);
	return NULL;
}

static const char *check_names(const struct tct_stream *s, const struct tct_elem *root)
{
	const char *version = tct_attr(root, "version");

	if (strcmp(tct_elem_ns(root), NS_STREAM) != 0)
		return "invalid-namespace";
	if (strcmp(tct_elem_name(root), "stream") != 0)
		return "bad-format";
	if (strcmp(parse_context_ns(s->context), content_ns(s)) != 0)
		return "invalid-namespace";
	if (s->kind != TCTI_STREAM_COMPONENT &&
		(version == NULL || strncmp(version, "1.", 2) != 0))
		return "unsupported-version";
	return NULL;
}

static const char *take_answer(struct tct_stream *s, const struct tct_elem *root)
{
	const struct tct_jid *from = domain_of(root, "from");
	const char *id = tct_attr(root, "id");
	bool other = (from == NULL && tct_attr(root, "from") != NULL) ||
		(from != NULL && !tct_jid_equal(from, s->from));

	tct_jid_unref(from);
	if (other)
		return "invalid-from";
	if (id == NULL || strlen(id) > PEER_ID_MAX)
		return "bad-format";
	free(s->peer_id);
	s->peer_id = mem_strdup(id);
	return NULL;
}

static const char *take_header(struct tct_stream *s, const struct tct_elem *root)
{
	const struct tcti_stream_ops *ops;
	struct tct_mod *m = owner_of(s, &ops);
	const char *problem = check_names(s, root);

	if (problem != NULL)
		return problem;
	if (m == NULL)
		return "system-shutdown";
	if (s->kind == TCTI_STREAM_S2S_OUT) {
		problem = take_answer(s, root);
	} else {
		tct_jid_unref(s->local);
		tct_jid_unref(s->from);
		s->local = domain_of(root, "to");
		s->from = domain_of(root, "from");
		/* TLS was made for a name, and its certificate must be this domain's too; a
		 * component connects to the server that it knows. */
		if (s->kind != TCTI_STREAM_COMPONENT && s->local != NULL && !conn_serves(s->conn, tct_jid_domain(s->local)))
			problem = "host-unknown";
	}
	if (problem != NULL || ops->header == NULL)
		return problem;
	mod_enter(m);
	problem = ops->header(m, s, root);
	mod_leave(m);
	return problem;
}

void peers_open(struct tct_stream *s, const struct tct_elem *root)
{
	const char *problem = take_header(s, root);
	struct str *out;

	if (problem != NULL) {
		/* A domain that is not ours is not said to be. */
		if (strcmp(problem, "host-unknown") == 0 && s->kind != TCTI_STREAM_S2S_OUT) {
			tct_jid_unref(s->local);
			s->local = NULL;
		}
		tcti_stream_close(s, problem, NULL);
		return;
	}
	parse_context_neutral(s->context);
	switch (s->kind) {
	case TCTI_STREAM_S2S_IN:
		if (s->waits)
			tcti_stream_hold(s);
		else
			negotiate_send_open(s);
		return;
	case TCTI_STREAM_COMPONENT:
		out = conn_output(s->conn);
		if (out != NULL)
			peers_header(s, out);
		break;
	default:
		break;
	}
	if (s->state == STREAM_HEADER)
		s->state = STREAM_OPEN;
}

void tcti_stream_wait(struct tct_stream *s)
{
	tct_assert(s->kind == TCTI_STREAM_S2S_IN && s->state == STREAM_HEADER);
	s->waits = true;
}

void tcti_stream_offer(struct tct_stream *s)
{
	if (!s->waits)
		return;
	s->waits = false;
	if (s->state == STREAM_HEADER)
		negotiate_send_open(s);
	tcti_stream_release(s);
}

/* ---- TLS as a client ---- */

void peers_client_tls(struct tct_stream *s)
{
	char *ascii = peer_ascii(tct_jid_domain(s->from));
	struct tls_params params = { .client = true, .host = ascii };

	params.own = tct_jid_domain(s->local);
	params.alpn = s->direct ? "xmpp-server" : NULL;
	s->state = STREAM_SECURING;
	conn_start_tls(s->conn, listener_certset(s->listener), &params);
	free(ascii);
}

/* What the peer has said so far is forgotten. */
static void begin_again(struct tct_stream *s)
{
	free(s->peer_id);
	s->peer_id = NULL;
	s->header_sent = false;
	s->scanned = 0;
	framer_init(&s->framer, true);
}

void tcti_stream_start_client_tls(struct tct_stream *s)
{
	tct_assert(s->kind == TCTI_STREAM_S2S_OUT && !conn_secured(s->conn));
	if (s->state == STREAM_CLOSING)
		return;
	begin_again(s);
	peers_client_tls(s);
}

void tcti_stream_restart(struct tct_stream *s)
{
	tct_assert(stream_is_peer(s));
	if (s->state == STREAM_CLOSING)
		return;
	begin_again(s);
	s->state = STREAM_HEADER;
	if (s->kind == TCTI_STREAM_S2S_OUT)
		peers_greet(s);
}

/* ---- streams that have proven nothing ---- */

bool peers_take(struct stream_listener *l, const struct addr *peer)
{
	uint32_t same = 0;

	if (l->spec.unproven != 0 && l->unproven_count >= l->spec.unproven)
		return false;
	if (l->spec.unproven_per_address == 0)
		return true;
	list_each (node, &l->unproven) {
		const struct tct_stream *s = list_entry(node, struct tct_stream, unproven);

		same += addr_same_site(conn_peer(s->conn), peer);
	}
	return same < l->spec.unproven_per_address;
}

void tcti_stream_proven(struct tct_stream *s)
{
	if (s->proven)
		return;
	s->proven = true;
	if (!list_empty(&s->unproven)) {
		list_remove(&s->unproven);
		s->listener->unproven_count--;
	}
	conn_set_input_limit(s->conn, (size_t)tcti_stream_element_limit(s));
	stream_bound(s);
}

void tcti_stream_limit_stanzas(struct tct_stream *s, int64_t bytes)
{
	s->stanza_size = bytes;
	if (s->proven)
		conn_set_input_limit(s->conn, (size_t)tcti_stream_element_limit(s));
}

bool tcti_stream_is_proven(const struct tct_stream *s)
{
	return s->proven;
}

bool tcti_stream_is_open(const struct tct_stream *s)
{
	return s->state == STREAM_OPEN;
}

void tcti_stream_space(struct tct_stream *s)
{
	if (s->state == STREAM_OPEN)
		stream_write(s, span_of(" "));
}

/* ---- for the owner ---- */

const struct tct_jid *tcti_stream_local(const struct tct_stream *s)
{
	return s->local;
}

void tcti_stream_route(struct tct_stream *s, struct tct_stanza *st)
{
	router_from_peer(s, st);
}

void tcti_stream_set_intake(struct tct_stream *s, struct tcti_intake *k)
{
	s->intake = k;
}

void tcti_stream_count(struct tct_stream *s)
{
	inbound_end(intake_begin(s->intake), NULL, NULL);
}

bool tcti_stream_ended(const struct tct_stream *s)
{
	return s->state == STREAM_CLOSING;
}

uint64_t tcti_stream_written(const struct tct_stream *s, uint64_t *confirmed)
{
	return conn_written(s->conn, confirmed);
}

int64_t tcti_stream_silence(const struct tct_stream *s)
{
	return tct_monotonic() - s->heard;
}

size_t tcti_stream_unsent(const struct tct_stream *s)
{
	return conn_pending(s->conn);
}

char *tcti_stream_describe_tls(const struct tct_stream *s)
{
	return conn_describe_tls(s->conn);
}

bool tcti_stream_peer_describe(struct tct_stream *s, char **issuer, int64_t *until)
{
	const struct peer *p = conn_peer_of(s->conn);

	if (p == NULL)
		return false;
	*issuer = mem_strdup(peer_issuer(p));
	*until = peer_until(p);
	return true;
}

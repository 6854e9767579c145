/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* negotiate.c - see negotiate.h. RFC 6120 sections 4 to 7, without the mechanisms. */
#include "core/server/negotiate.h"

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/addr.h"
#include "core/net/peer.h"
#include "core/net/tlsa.h"
#include "core/server/host.h"
#include "core/server/listener.h"
#include "core/server/peers.h"
#include "core/server/session.h"
#include "core/xml/elem.h"
#include "core/xml/write.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- our header and features ---- */

void negotiate_header(struct tct_stream *s, struct str *out)
{
	if (stream_is_peer(s)) {
		peers_header(s, out);
		return;
	}
	tct_random_id(s->id, sizeof s->id - 1);
	str_append(out, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
			"xmlns:stream='" NS_STREAM "' version='1.0' xml:lang='en' id='");
	str_append(out, s->id);
	str_append_char(out, '\'');
	if (s->host != NULL) {
		str_append(out, " from='");
		write_escaped(out, span_of(s->host->name));
		str_append_char(out, '\'');
	}
	/* The claimed address goes back only where nobody can read along (RFC 6120 4.7.2). */
	if (s->from != NULL && tcti_stream_secured(s)) {
		str_append(out, " to='");
		write_escaped(out, span_of(tct_jid_text(s->from)));
		str_append_char(out, '\'');
	}
	str_append_char(out, '>');
	s->header_sent = true;
}

static void add_features(struct tct_stream *s, struct tct_elem *features)
{
	struct hook_set *set = stream_hooks(s);

	for (size_t i = 0; i < set->stream_features.count; i++) {
		struct hook_features f = set->stream_features.items[i];
		enum tct_verdict v;

		if (f.mod->ending || (f.kinds & TCTI_KIND(s->kind)) == 0)
			continue;
		mod_enter(f.mod);
		v = TCT_CONTINUE;
		if (f.fn != NULL)
			v = f.fn(f.mod, s, features);
		else if (s->entity != NULL)
			f.client(f.mod, s, features);
		mod_leave(f.mod);
		if (v == TCT_HANDLED)
			return;
	}
}

void negotiate_send_open(struct tct_stream *s)
{
	struct tct_elem *features = tcti_nonza_new(NS_STREAM, "features");
	struct str *out = conn_output(s->conn);

	if (out != NULL)
		negotiate_header(s, out);
	add_features(s, features);
	tcti_stream_send(s, features);
	s->state = STREAM_OPEN;
}

void tcti_stream_features(struct tct_stream *s)
{
	struct tct_elem *features = tcti_nonza_new(NS_STREAM, "features");

	add_features(s, features);
	tcti_stream_send(s, features);
}

/* ---- the peer's header ---- */

static const char *check_header(struct tct_stream *s, const struct tct_elem *root,
	struct tct_host **host)
{
	const char *to = tct_attr(root, "to"), *version = tct_attr(root, "version");
	const struct tct_jid *jid;

	if (strcmp(tct_elem_ns(root), NS_STREAM) != 0)
		return "invalid-namespace";
	if (strcmp(tct_elem_name(root), "stream") != 0)
		return "bad-format";
	if (strcmp(parse_context_ns(s->context), "jabber:client") != 0)
		return "invalid-namespace";
	jid = to != NULL ? tct_jid_new(to) : NULL;
	*host = jid != NULL && tct_jid_node(jid) == NULL && tct_jid_resource(jid) == NULL ?
		host_find(span_of(tct_jid_domain(jid))) :
		NULL;
	tct_jid_unref(jid);
	if (*host == NULL || (*host)->removed)
		return "host-unknown";
	if (version == NULL || strncmp(version, "1.", 2) != 0)
		return "unsupported-version";
	/* TLS was made for a name, and its certificate must be this host's too. */
	if (!conn_serves(s->conn, (*host)->name))
		return "host-unknown";
	/* A restart cannot change the host (CVE-2018-10847). */
	if (s->entity != NULL && s->entity->host != *host)
		return "host-unknown";
	return NULL;
}

static void entity_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct tct_stream *s = data;

	(void)scope;
	(void)e;
	if (status != TCT_OK) {
		s->held = 0;
		tcti_stream_close(s, "internal-server-error", "the store cannot be read");
		return;
	}
	negotiate_send_open(s);
	tcti_stream_release(s);
}

/* Whose rows are needed before features can be sent: of an account whose data was dropped
 * meanwhile, or of the one that the client says it will log in as (XEP-0388 2.1: mechanisms may
 * depend on it). */
static const char *user_to_load(const struct tct_stream *s)
{
	if (s->entity != NULL)
		return !entity_ready(s->entity) ? tct_entity_user(s->entity) : NULL;
	return tcti_stream_kind(s) == TCTI_STREAM_C2S && tcti_stream_secured(s) &&
			s->from != NULL && tct_jid_node(s->from) != NULL &&
			strcmp(tct_jid_domain(s->from), s->host->name) == 0 ?
		tct_jid_node(s->from) : NULL;
}

void negotiate_open(struct tct_stream *s, const struct tct_elem *root)
{
	struct tct_host *host = NULL;
	const char *problem = check_header(s, root, &host);
	const char *from = tct_attr(root, "from"), *user;

	if (problem != NULL && strcmp(problem, "host-unknown") != 0)
		s->host = host;
	if (problem != NULL) {
		tcti_stream_close(s, problem, NULL);
		return;
	}
	s->host = host;
	tct_jid_unref(s->from);
	s->from = from != NULL ? tct_jid_new(from) : NULL;
	user = user_to_load(s);
	if (user != NULL) {
		tcti_stream_hold(s);
		tct_entity_load(&s->scope, host, user, entity_loaded, s);
		return;
	}
	negotiate_send_open(s);
}

/* ---- elements of modules ---- */

static bool is_stanza(const struct tct_elem *e)
{
	return tct_elem_is(e, "jabber:client", "message") ||
		tct_elem_is(e, "jabber:client", "presence") ||
		tct_elem_is(e, "jabber:client", "iq");
}

/* Under this name those are registered who take an IQ before authentication: no element has
 * a slash in its name. */
#define EARLY_NAME 64
static void early_name(char name[EARLY_NAME], const char *payload)
{
	snprintf(name, EARLY_NAME, "iq/%s", payload);
}

/* No stanza before authentication (RFC 6120 4.9.3.12), but what somebody waits for. */
static const struct hook_nonza *early_owner(const struct tct_stream *s, const struct tct_elem *e)
{
	char name[EARLY_NAME];

	if (!tct_elem_is(e, "jabber:client", "iq"))
		return NULL;
	tct_elem_each (payload, e) {
		early_name(name, tct_elem_name(payload));
		return hook_nonza_owner(&s->host->hooks, TCTI_KIND(TCTI_STREAM_C2S),
			tct_elem_ns(payload), name);
	}
	return NULL;
}

void tcti_on_early_iq(struct tct_mod *m, const char *ns, const char *name, tcti_nonza_fn *fn)
{
	char early[EARLY_NAME];

	early_name(early, name);
	tcti_on_nonza(m, ns, early, fn);
}

void negotiate_element(struct tct_stream *s, const struct tct_elem *e)
{
	const struct hook_nonza *n = is_stanza(e) && s->entity == NULL ?
		early_owner(s, e) :
		hook_nonza_owner(stream_hooks(s), TCTI_KIND(s->kind), tct_elem_ns(e),
			tct_elem_name(e));
	enum tct_verdict v;
	struct tct_mod *m;

	if (n != NULL) {
		m = n->mod;
		mod_enter(m);
		v = n->fn(m, s, e);
		mod_leave(m);
		if (v != TCT_CONTINUE)
			return;
	}
	tcti_stream_close(s,
		(s->entity == NULL && !s->proven) || is_stanza(e) ? "not-authorized" :
								    "unsupported-stanza-type",
		NULL);
}

/* ---- for modules ---- */

struct nonza {
	struct arena arena; /* first: the element's arena is the nonza */
};

struct tct_elem *tcti_nonza_new(const char *ns, const char *name)
{
	struct nonza *n = mem_alloc(sizeof *n);

	arena_init(&n->arena);
	return elem_new(&n->arena, ns, name);
}

static void nonza_free(struct tct_elem *e)
{
	struct nonza *n = (struct nonza *)elem_arena(e);

	arena_fini(&n->arena);
	free(n);
}

void tcti_stream_send(struct tct_stream *s, struct tct_elem *e)
{
	struct str out = { 0 };

	if (s->state != STREAM_CLOSING) {
		if (stream_is_peer(s) && strcmp(e->ns, TCTI_NS_DIALBACK) == 0)
			write_prefixed(&out, e, "db:");
		else
			write_elem(&out, e, "jabber:client");
		stream_write(s, str_span(&out));
	}
	str_fini(&out);
	nonza_free(e);
}

void tcti_stream_send_first(struct tct_stream *s, struct tct_elem *e)
{
	struct str *out = s->state != STREAM_CLOSING ? conn_output(s->conn) : NULL;

	if (out != NULL)
		write_elem(out, e, "jabber:client");
	nonza_free(e);
}

void tcti_stream_close_for(struct tct_stream *s, const char *condition,
	struct tct_elem *application)
{
	stream_close(s, condition, NULL, application);
	nonza_free(application);
}

struct tct_stanza *tcti_stream_stanza(struct tct_stream *s, const struct tct_elem *e)
{
	struct tct_stanza *st;
	struct tct_elem *copy;
	struct arena a;
	uint32_t problem;

	(void)s;
	if (!is_stanza(e))
		return NULL;
	arena_init(&a);
	copy = elem_copy(&a, e);
	st = stanza_from_elem(&a, copy, &problem);
	if (problem != 0) {
		tct_stanza_unref(st);
		return NULL;
	}
	return st;
}

void tcti_stream_reply(struct tct_stream *s, struct tct_stanza *answer)
{
	struct delivery *d = delivery_new(answer, NULL, NULL);
	struct str out = { 0 };

	delivery_write(d, &out);
	stream_write(s, str_span(&out));
	str_fini(&out);
	delivery_unref(d);
	tct_stanza_unref(answer);
}

bool tcti_stream_can_tls(const struct tct_stream *s)
{
	struct certset *set = listener_certset(s->listener);
	const char *domain = stream_domain(s);

	return !tcti_stream_secured(s) && domain != NULL && set != NULL &&
		certset_has(set, domain);
}

bool tcti_stream_start_tls(struct tct_stream *s)
{
	if (!tcti_stream_can_tls(s))
		return false;
	/* Everything that was said in clear text is forgotten (security rule 18). */
	tct_jid_unref(s->from);
	s->from = NULL;
	s->header_sent = false;
	s->scanned = 0;
	framer_init(&s->framer, true);
	s->state = STREAM_SECURING;
	stream_start_tls(s, stream_domain(s));
	s->host = NULL;
	tct_jid_unref(s->local);
	s->local = NULL;
	return true;
}

static void account_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct tct_stream *s = data;

	(void)scope;
	(void)e;
	if (status != TCT_OK) {
		s->held = 0;
		tcti_stream_close(s, "internal-server-error", "the store cannot be read");
		return;
	}
	tcti_stream_release(s);
}

void tcti_stream_authenticated(struct tct_stream *s, const char *user, bool restart)
{
	tct_assert(s->entity == NULL);
	s->entity = entity_get(s->host, span_of(user));
	entity_pin(s->entity);
	conn_set_input_limit(s->conn, (size_t)s->listener->spec.stanza_size);
	if (restart) {
		s->state = STREAM_HEADER;
		s->header_sent = false;
		s->scanned = 0;
		framer_init(&s->framer, true);
	}
	if (!entity_ready(s->entity)) {
		tcti_stream_hold(s);
		tct_entity_load(&s->scope, s->host, user, account_loaded, s);
	}
}

/* ---- what is asked ---- */

uint32_t tcti_stream_kind(const struct tct_stream *s)
{
	return s->kind;
}

struct tct_host *tcti_stream_host(const struct tct_stream *s)
{
	return s->host;
}

const struct tct_jid *tcti_stream_from(const struct tct_stream *s)
{
	return s->from;
}

const char *tcti_stream_id(const struct tct_stream *s)
{
	if (s->kind == TCTI_STREAM_S2S_OUT)
		return s->peer_id != NULL ? s->peer_id : "";
	return s->id;
}

const char *tcti_stream_lang(const struct tct_stream *s)
{
	return s->context != NULL ? parse_context_lang(s->context) : NULL;
}

const char *tcti_stream_address(const struct tct_stream *s)
{
	return conn_address(s->conn);
}

bool tcti_stream_loopback(const struct tct_stream *s)
{
	return addr_is_loopback(conn_peer(s->conn));
}

bool tcti_stream_secured(const struct tct_stream *s)
{
	return conn_secured(s->conn);
}

bool tcti_stream_direct_tls(const struct tct_stream *s)
{
	return s->direct;
}

bool tcti_stream_encryption_required(const struct tct_stream *s)
{
	return s->listener->spec.require_encryption;
}

int64_t tcti_stream_login_deadline(const struct tct_stream *s)
{
	return s->entity == NULL && !s->proven ? s->listener->spec.login_deadline : 0;
}

void tcti_stream_add_limits(const struct tct_stream *s, struct tct_elem *features, int64_t idle)
{
	struct tct_elem *limits = tct_add(features, "urn:xmpp:stream-limits:0", "limits");
	int64_t deadline = tcti_stream_login_deadline(s), seconds = deadline != 0 ? deadline : idle;
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)tcti_stream_element_limit(s));
	tct_add_text(limits, "max-bytes", text);
	if (seconds <= 0)
		return;
	snprintf(text, sizeof text, "%lld", (long long)seconds);
	tct_add_text(limits, "idle-seconds", text);
}

const char *tcti_stream_user(const struct tct_stream *s)
{
	return s->entity != NULL ? tct_entity_user(s->entity) : NULL;
}

struct tct_session *tcti_stream_session(const struct tct_stream *s)
{
	return s->session;
}

struct tct_scope *tcti_stream_scope(struct tct_mod *m, struct tct_stream *s)
{
	return slots_scope(&s->slots, SLOTS_STREAM, m);
}

void *tcti_stream_data(struct tct_mod *m, struct tct_stream *s)
{
	return slots_data(&s->slots, SLOTS_STREAM, m);
}

int tcti_stream_binding(const struct tct_stream *s, const char *type, void *out, size_t *len)
{
	return conn_binding(s->conn, type, out, len);
}

uint32_t tcti_stream_peer(struct tct_stream *s, const char **problem)
{
	const struct peer *p = conn_peer_of(s->conn);

	if (problem != NULL)
		*problem = p != NULL ? peer_problem(p) : "it has shown no certificate";
	if (p == NULL)
		return TCTI_PEER_NONE;
	return peer_trusted(p) ? TCTI_PEER_TRUSTED : TCTI_PEER_UNTRUSTED;
}

uint32_t tcti_stream_dane(struct tct_stream *s, const struct tcti_dane *d)
{
	const struct span *records;
	size_t count = tlsa_records(d, &records);

	switch (conn_dane(s->conn, records, count, tlsa_names(d))) {
	case DANE_NONE:
		return TCTI_DANE_UNUSABLE;
	case DANE_MATCH:
		return TCTI_DANE_MATCH;
	case DANE_MISMATCH:
		break;
	}
	return TCTI_DANE_MISMATCH;
}

bool tcti_stream_peer_names(struct tct_stream *s, const char *domain, const char *service)
{
	const struct peer *p = conn_peer_of(s->conn);

	return p != NULL && peer_names(p, domain, service);
}

void tcti_stream_peer_addresses(struct tct_stream *s, tcti_peer_address_fn *fn, void *data)
{
	const struct peer *p = conn_peer_of(s->conn);

	if (p != NULL)
		peer_addresses(p, fn, data);
}

bool tcti_stream_peer_fingerprint(struct tct_stream *s, unsigned char out[32])
{
	const struct peer *p = conn_peer_of(s->conn);

	if (p != NULL)
		memcpy(out, peer_fingerprint(p), 32);
	return p != NULL;
}

bool tcti_stream_peer_key(struct tct_stream *s, unsigned char out[32])
{
	const struct peer *p = conn_peer_of(s->conn);
	const unsigned char *key = p != NULL ? peer_key(p) : NULL;

	if (key != NULL)
		memcpy(out, key, 32);
	return key != NULL;
}

uint32_t tcti_stream_peer_flaws(struct tct_stream *s)
{
	const struct peer *p = conn_peer_of(s->conn);

	return p != NULL ? peer_flaws(p) : 0;
}

const char *tcti_stream_peer_name(struct tct_stream *s, size_t i)
{
	const struct peer *p = conn_peer_of(s->conn);

	return p != NULL ? peer_name(p, i) : NULL;
}

int tcti_stream_end_point(const struct tct_stream *s, const char *hash, void *out, size_t *len)
{
	return conn_end_point(s->conn, hash, out, len);
}

uint32_t tcti_stream_tls_version(const struct tct_stream *s)
{
	return conn_tls_version(s->conn);
}

/* ---- Bind 2 ---- */

bool tcti_inline_announce(const struct tct_stream *s, struct tct_elem *list)
{
	const struct hook_set *set = &s->host->hooks;
	bool any = false;

	for (size_t i = 0; i < set->inlines.count; i++) {
		if (!set->inlines.items[i].announced || set->inlines.items[i].mod->ending)
			continue;
		tct_set(tct_add(list, NULL, "feature"), "var", set->inlines.items[i].ns);
		any = true;
	}
	return any;
}

void tcti_inline_run(struct tct_session *session, const struct tct_elem *request,
	struct tct_elem *bound)
{
	struct hook_set *set = &session->entity->host->hooks;

	for (size_t i = 0; i < set->inlines.count; i++) {
		struct hook_inline in = set->inlines.items[i];
		bool any = false;

		if (in.mod->ending)
			continue;
		mod_enter(in.mod);
		tct_elem_each (child, request) {
			if (strcmp(tct_elem_ns(child), in.ns) != 0)
				continue;
			in.fn(in.mod, session, child, bound);
			any = true;
		}
		if (!any)
			in.fn(in.mod, session, NULL, bound);
		mod_leave(in.mod);
	}
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_s2s - talks to other servers (RFC 6120): listens for them, opens streams to them, takes what
 * is for other domains. Who proves what is the affair of provers, what is demanded that of the policy:
 * see <tercet/internal/s2s.h>. */
#include "mux.h"
#include "outbox.h"
#include "shared.h"
#include "sm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_MS 5000
#define STUCK_SECONDS 60
#define ERROR_MAX 200

struct endpoint {
	const char *address;
	int64_t port;
	bool tls;
};

static const struct tct_option endpoint_options[] = {
	TCT_OPT_STRING(struct endpoint, address, .def = "*",
		.doc = "Numeric address to listen on; \"*\" is every address of the machine, "
		       "IPv4 and IPv6."),
	TCT_OPT_INT(struct endpoint, port, .required = true, .min = "0", .max = "65535",
		.doc = "TCP port; 5269 is usual for STARTTLS, 5270 for direct TLS. 0 takes a "
		       "free port and logs it."),
	TCT_OPT_BOOL(struct endpoint, tls, .def = "false",
		.doc = "TLS from the first byte (XEP-0368) instead of STARTTLS."),
	TCT_OPT_END
};

static const struct tct_option override_options[] = {
	TCT_OPT_HOST(struct override, domain, .required = true, .doc = "The other domain."),
	TCT_OPT_STRING(struct override, address, .required = true,
		.doc = "Name or numeric address of its server."),
	TCT_OPT_INT(struct override, port, .def = "5269", .min = "1", .max = "65535",
		.doc = "Its TCP port."),
	TCT_OPT_BOOL(struct override, direct_tls, .def = "false",
		.doc = "TLS from the first byte instead of STARTTLS."),
	TCT_OPT_END
};

static const struct tct_option in_options[] = {
	TCT_OPT_SIZE(struct s2s_limits_in, rate, .def = "30 KB", .max = "1 GB",
		.doc = "Bytes in a second on one connection; one that sends more is not read for a "
		       "while. 0 B: no limit, here and below."),
	TCT_OPT_PERIOD(struct s2s_limits_in, burst, .def = "2 s", .min = "1 s", .max = "1 minute",
		.doc = "What was not used of so long may come at once."),
	TCT_OPT_SIZE(struct s2s_limits_in, domain_rate, .def = "120 KB", .max = "1 GB",
		.doc = "The same for one domain, on all its connections."),
	TCT_OPT_INT(struct s2s_limits_in, new_connections, .def = "60", .min = "0",
		.max = "100000",
		.doc = "Connections that one address (of IPv6: a /64) may open in a minute; more have "
		       "to wait. 0: no limit."),
	TCT_OPT_END
};

static const struct tct_option limits_options[] = {
	TCT_OPT_GROUP(struct s2s_limits, s2sin, .sub = in_options,
		.doc = "Other servers, as far as s2s_secure.domains says nothing else of one."),
	TCT_OPT_END
};

static const char *const dane_modes[] = { "auto", "on", "off", NULL };

static const char *const bidis[] = { "off", "offer", "ask", NULL };

static const struct tct_option options[] = {
	TCT_OPT_GROUPS(struct s2s_config, listen, .sub = endpoint_options,
		.sub_size = sizeof(struct endpoint),
		.doc = "Where other servers connect: a list of groups. Without it: port 5269 with "
		       "STARTTLS, on every address."),
	TCT_OPT_GROUPS(struct s2s_config, override, .sub = override_options,
		.sub_size = sizeof(struct override),
		.doc = "Domains whose servers are not looked up: a list of groups. For closed "
		       "networks."),
	TCT_OPT_BOOL(struct s2s_config, s2s_require_encryption, .global = 1, .def = "true",
		.doc = "Refuse servers that do not use TLS, in both directions."),
	TCT_OPT_BOOL(struct s2s_config, allow_private, .def = "false",
		.doc = "Connect to addresses that are not of the public network (loopback, private, "
		       "link-local), if a domain's DNS leads there. Those of overrides are always "
		       "connected to."),
	TCT_OPT_PERIOD(struct s2s_config, s2s_timeout, .global = 1, .def = "90 s", .min = "1 s",
		.max = "10 minutes",
		.doc = "From the first stanza for another server until the connection to it can be "
		       "used; what waits longer is returned."),
	TCT_OPT_PERIOD(struct s2s_config, s2s_close_timeout, .global = 1, .def = "5 s",
		.min = "1 s", .max = "5 minutes",
		.doc = "How long to wait for the other server's end of stream after ours."),
	TCT_OPT_SIZE(struct s2s_config, s2s_stanza_size_limit, .global = 1, .def = "512 KB",
		.min = "10 KB", .max = "16 MB",
		.doc = "Bytes of one stanza from another server; a longer one ends the stream with "
		       "policy-violation. Before the server has proven who it is the limit is "
		       "10,000 bytes. Announced (XEP-0478)."),
	TCT_OPT_INT(struct s2s_config, s2s_send_queue_size, .global = 1, .def = "32768",
		.min = "1", .max = "1000000",
		.doc = "Stanzas that may wait for one other server; more are returned with "
		       "resource-constraint."),
	TCT_OPT_SIZE(struct s2s_config, send_queue_bytes, .def = "4 MB", .min = "64 KB",
		.max = "1 GB", .doc = "The same in bytes."),
	TCT_OPT_PERIOD(struct s2s_config, login_timeout, .def = "30 s", .min = "1 s",
		.max = "10 minutes",
		.doc = "From the connection of another server until it has proven who it is; one "
		       "that is slower is disconnected. Announced (XEP-0478)."),
	TCT_OPT_PERIOD(struct s2s_config, idle_timeout, .def = "14 minutes", .min = "10 s",
		.max = "1 day",
		.doc = "A connection to another server on which nothing was sent for so long is "
		       "closed; one from another server after twice the time."),
	TCT_OPT_PERIOD(struct s2s_config, retry, .def = "10 s", .min = "1 s", .max = "1 hour",
		.doc = "After a failure the other server is not tried again for so long: what is "
		       "for it is returned at once, with the reason of the failure. Doubles with "
		       "each failure in a row."),
	TCT_OPT_PERIOD(struct s2s_config, retry_max, .def = "10 minutes", .min = "1 s",
		.max = "1 day", .doc = "The longest such time."),
	TCT_OPT_INT(struct s2s_config, connections, .def = "5000", .min = "1", .max = "1000000",
		.doc = "Connections to other servers at once."),
	TCT_OPT_INT(struct s2s_config, unproven, .def = "500", .min = "1", .max = "100000",
		.doc = "Connections from servers that have proven nothing yet, at once and for each "
		       "listener; one more is closed without a word."),
	TCT_OPT_INT(struct s2s_config, unproven_per_address, .def = "20", .min = "1",
		.max = "100000",
		.doc = "The same for one address (of IPv6: for one /64)."),
	TCT_OPT_INT(struct s2s_config, streams_per_domain, .def = "20", .min = "1",
		.max = "10000", .doc = "Connections from one domain at once."),
	TCT_OPT_INT(struct s2s_config, pairs_per_stream, .def = "20", .min = "1", .max = "100",
		.doc = "So many pairs of domains may leave by one connection to another server that "
		       "can refuse a pair without ending it (XEP-0220). 1: each has its own."),
	TCT_OPT_PERIOD(struct s2s_config, ack_timeout, .def = "60 s", .min = "1 s",
		.max = "1 hour",
		.doc = "A connection to a server that does not acknowledge what it was sent for so "
		       "long, though it was asked, is closed (XEP-0198)."),
	TCT_OPT_PERIOD(struct s2s_config, resume_time, .def = "10 minutes", .min = "0 s",
		.max = "1 day",
		.doc = "So long a lost connection between servers may be resumed, so that nothing "
		       "comes twice. 0 s: never."),
	TCT_OPT_INT(struct s2s_config, resumable, .def = "1000", .min = "1", .max = "100000",
		.doc = "Lost connections from servers that may be resumed; with one more the oldest "
		       "is forgotten. Of one domain: 10."),
	TCT_OPT_PERIOD(struct s2s_config, resend_time, .def = "2 minutes", .min = "0 s",
		.max = "1 day",
		.doc = "What was sent on a connection that was lost, and was not acknowledged, is "
		       "tried again for so long, and what waits behind it; then it is returned."),
	TCT_OPT_GROUP(struct s2s_config, limits, .global = 1, .sub = limits_options,
		.doc = "How fast others may be: a group."),
	TCT_OPT_ENUM(struct s2s_config, use_dane, .global = 1, .choices = dane_modes,
		.def = "auto",
		.doc = "Believe a server whose certificate is named by its signed DNS (DANE, RFC "
		       "7673), and no other that says to be that domain: \"off\"; \"on\"; or "
		       "\"auto\", which is on unless what DNS says cannot be validated here."),
	TCT_OPT_PERIOD(struct s2s_config, outbox_age, .def = "1 day", .min = "1 s",
		.max = "30 days",
		.doc = "A message that waits on disk for another server when this one starts, and "
		       "is older, is returned."),
	TCT_OPT_ENUM(struct s2s_config, bidi, .choices = bidis, .def = "offer",
		.doc = "Connections on which both servers send (XEP-0288): never (off), when a "
		       "server that has connected asks for it (offer), or also asked for on "
		       "connections that we open (ask), which then cannot be resumed when they are "
		       "lost (XEP-0198)."),
	TCT_OPT_END
};

static const struct endpoint usual[] = { { .address = "*", .port = 5269 } };

struct s2s *s2s_of(struct tct_mod *m)
{
	return tct_mod_data(m);
}

size_t s2s_place(const void *items, size_t count, s2s_compare_fn *compare, const void *key,
	bool *found)
{
	const void *const *all = items;
	size_t low = 0, high = count;

	*found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int c = compare(&all[middle], key);

		if (c == 0) {
			*found = true;
			return middle;
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

char *s2s_copy(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		abort();
	return copy;
}

const struct override *s2s_override(struct tct_mod *m, const char *remote)
{
	const struct s2s_config *config = tct_mod_config(m);
	const struct override *o = config->override.items;

	for (size_t i = 0; i < config->override.count; i++) {
		if (strcmp(o[i].domain, remote) == 0)
			return &o[i];
	}
	return NULL;
}

/* ---- streams ---- */

static void sweep_later(struct tct_mod *m);

struct peer *s2s_peer(struct tct_mod *m, struct tct_stream *s)
{
	struct s2s *s2s = s2s_of(m);
	struct peer *p = tcti_stream_data(m, s);

	if (p->stream != NULL)
		return p;
	p->mod = m;
	p->stream = s;
	p->since = tct_now();
	sweep_later(m);
	p->next = s2s->peers;
	if (p->next != NULL)
		p->next->prev = p;
	s2s->peers = p;
	return p;
}

static void stream_end(struct tct_mod *m, void *data)
{
	struct peer *p = data;

	if (p->stream == NULL)
		return;
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		s2s_of(m)->peers = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	mux_end(p);
	if (p->path != NULL)
		p->path->stream = NULL;
	sm_in_leave(p);
	shared_end(p);
	in_end(p);
	dane_end(p);
	rates_end(p);
	free(p->error);
}

static const char *on_header(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *root)
{
	return tcti_stream_kind(s) == TCTI_STREAM_S2S_IN ? in_header(m, s, root) : NULL;
}

static void on_stanza(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *st,
	uint32_t problem)
{
	if (tcti_stream_kind(s) == TCTI_STREAM_S2S_IN || s2s_peer(m, s)->bidi) {
		in_stanza(m, s, st, problem);
		return;
	}
	/* The way back is another stream. */
	tct_stanza_unref(st);
	tcti_stream_close(s, "not-authorized", NULL);
}

static void on_error(struct tct_mod *m, struct tct_stream *s, const char *condition,
	const char *text)
{
	struct peer *p = s2s_peer(m, s);
	char line[ERROR_MAX];

	free(p->error);
	snprintf(line, sizeof line, text != NULL ? "%s (%s)" : "%s", condition, text);
	p->error = s2s_copy(line);
}

static void on_closed(struct tct_mod *m, struct tct_stream *s, const char *reason)
{
	struct peer *p = s2s_peer(m, s);

	if (p->pair_count > 0)
		tct_log_info(m, "the connection from \"%s\" has ended (%s)", p->pairs[0].remote,
			p->error != NULL ? p->error : reason);
	else if (tcti_stream_kind(s) == TCTI_STREAM_S2S_IN)
		in_unproven(m, p, p->error != NULL ? p->error : reason);
	shared_lost(p, reason);
	sm_in_lost(m, p);
	out_closed(m, p, reason);
}

static const struct tcti_stream_ops stream_ops = {
	.size = sizeof stream_ops,
	.header = on_header,
	.stanza = on_stanza,
	.error = on_error,
	.input = rates_input,
	.closed = on_closed,
};

static enum tct_verdict add_limits(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	const struct s2s_config *config = tct_mod_config(m);

	tcti_stream_add_limits(s, features, 2 * config->idle_timeout);
	return TCT_CONTINUE;
}

/* ---- what is idle, and who does not read ---- */

static bool is_stuck(struct peer *p)
{
	size_t unsent = tcti_stream_unsent(p->stream);

	if (unsent == 0 || unsent < p->unsent)
		p->stuck = 0;
	else if (p->stuck == 0)
		p->stuck = tct_monotonic();
	p->unsent = unsent;
	return p->stuck != 0 && tct_monotonic() - p->stuck >= STUCK_SECONDS;
}

static bool is_idle(struct peer *p, int64_t seconds)
{
	if (!shared_rest(p, seconds) ||
		(p->bidi && tcti_stream_silence(p->stream) < seconds))
		return false;
	if (p->path != NULL)
		return mux_rest(p->path, seconds) && p->path->state == PATH_READY && p->path->outlet != NULL &&
			tcti_outlet_count(p->path->outlet) == 0 &&
			tct_monotonic() - p->path->used >= seconds;
	return p->pair_count > 0 && tcti_stream_silence(p->stream) >= 2 * seconds;
}

static void sweep(struct tct_scope *scope, void *data)
{
	struct tct_mod *m = data;
	const struct s2s_config *config = tct_mod_config(m);
	struct peer *next;

	(void)scope;
	s2s_of(m)->sweep = NULL;
	if (s2s_of(m)->peers != NULL)
		sweep_later(m);
	for (struct peer *p = s2s_of(m)->peers; p != NULL; p = next) {
		next = p->next;
		if (is_stuck(p))
			tcti_stream_close(p->stream, "connection-timeout", NULL);
		else if (!is_idle(p, config->idle_timeout))
			continue;
		else if (p->path != NULL)
			out_end(p->path);
		else
			tcti_stream_close(p->stream, NULL, NULL);
	}
}

/* A server that talks to no other is not woken. */
static void sweep_later(struct tct_mod *m)
{
	struct s2s *s = s2s_of(m);

	if (s->sweep == NULL)
		s->sweep = tct_timer_start(tct_mod_scope(m), SWEEP_MS, 0, sweep, m);
}

/* ---- for people ---- */

static bool is_shared(const struct path *p)
{
	return p->host != NULL || (p->carrier == NULL && p->stream != NULL && s2s_peer(p->mod, p->stream)->bidi);
}

/* What the stream of a row shows, and whether it may go on; the caller frees both strings. */
static void show_stream(struct tct_mod *m, struct tct_stream *s, struct tcti_s2s_row *row,
	struct verdict *v, char **tls, char **issuer)
{
	row->address = tcti_stream_address(s);
	row->tls = *tls = tcti_stream_describe_tls(s);
	row->issuer = NULL;
	if (tcti_stream_peer_describe(s, issuer, &row->until))
		row->issuer = *issuer;
	row->shown = s2s_proof_text(s2s_certified(m, s, row->remote));
	row->problem = s2s_judge(m, s, row->remote, v) ? NULL : v->reason;
}

static void show_path(const struct path *p, tcti_s2s_row_fn *fn, void *data)
{
	static const char *const states[] = { "connecting", "negotiating", "ready",
		"ready, in both directions", "ready, with others" };
	struct tcti_s2s_row row = { .size = sizeof row, .local = p->local, .remote = p->remote,
		.state = states[p->state != PATH_READY ? p->state :
				p->carrier != NULL     ? PATH_READY + 2 :
							 PATH_READY + is_shared(p)],
		.proof = s2s_proof_text(p->proof), .since = p->since, .stanzas = p->stanzas,
		.queued = tcti_outlet_count(p->outlet),
		.management = sm_out_state(p) };
	char *tls = NULL, *issuer = NULL;
	struct verdict v;

	if (p->stream != NULL)
		show_stream(p->mod, p->stream, &row, &v, &tls, &issuer);
	if (p->state != PATH_READY)
		row.problem = NULL;
	fn(&row, data);
	free(tls);
	free(issuer);
}

static void show_pair(struct tct_mod *m, struct peer *p, const struct pair *pair,
	tcti_s2s_row_fn *fn, void *data)
{
	struct tcti_s2s_row row = { .size = sizeof row, .incoming = true,
		.state = p->bidi ? "ready, in both directions" : "ready",
		.local = pair->local, .remote = pair->remote, .since = pair->since,
		.proof = s2s_proof_text(pair->proof), .stanzas = p->stanzas,
		.management = sm_in_state(p) };
	char *tls = NULL, *issuer = NULL;
	struct verdict v;

	show_stream(m, p->stream, &row, &v, &tls, &issuer);
	fn(&row, data);
	free(tls);
	free(issuer);
}

static void show_peer(struct tct_mod *m, struct peer *p, tcti_s2s_row_fn *fn, void *data)
{
	for (uint32_t i = 0; i < p->pair_count; i++)
		show_pair(m, p, &p->pairs[i], fn, data);
}

static void each(struct tct_mod *m, tcti_s2s_row_fn *fn, void *data)
{
	struct s2s *s = s2s_of(m);

	for (size_t i = 0; i < s->path_count; i++)
		show_path(s->paths[i], fn, data);
	for (struct peer *p = s->peers; p != NULL; p = p->next)
		show_peer(m, p, fn, data);
}

static void known(struct tct_mod *m, const char *remote, struct tcti_s2s_known *k)
{
	const struct s2s_config *config = tct_mod_config(m);
	const struct failure *f = failure_find(s2s_of(m), remote);
	const struct override *o = s2s_override(m, remote);

	s2s_rule(m, remote, &k->rule);
	k->encryption = config->s2s_require_encryption;
	k->override = o != NULL ? o->address : NULL;
	if (f == NULL || f->count == 0)
		return;
	k->again = tct_now() + (f->again - tct_monotonic());
	k->failures = f->count;
}

static void errors(struct tct_mod *m, const char *remote, tcti_s2s_error_fn *fn, void *data)
{
	failures_each(s2s_of(m), remote, fn, data);
}

/* `remote` NULL: what the policy of today would not let come as it is. */
static bool is_wanted(struct tct_mod *m, const struct peer *p, const char *remote)
{
	for (uint32_t i = 0; i < p->pair_count; i++) {
		if (remote != NULL ? strcmp(p->pairs[i].remote, remote) == 0 :
				     !s2s_judge(m, p->stream, p->pairs[i].remote, NULL))
			return true;
	}
	return false;
}

static uint32_t close_streams(struct tct_mod *m, const char *remote)
{
	struct s2s *s = s2s_of(m);
	uint32_t count = 0;

	for (struct peer *p = s->peers; p != NULL; p = p->next) {
		if (!is_wanted(m, p, remote))
			continue;
		tcti_stream_close(p->stream, NULL, NULL);
		count++;
	}
	for (size_t i = s->path_count; i > 0; i--) {
		struct path *p = s->paths[i - 1];

		if (remote != NULL ? strcmp(p->remote, remote) != 0 :
				     p->stream == NULL || p->state != PATH_READY ||
					     s2s_judge(m, p->stream, p->remote, NULL))
			continue;
		out_give_up(p, CAUSE_CLOSED, "closed by the administrator");
		count++;
		if (i > s->path_count + 1)
			i = s->path_count + 1; /* others went with it */
	}
	if (remote != NULL)
		failure_over(s, remote);
	return count;
}

static bool is_bidi(struct tct_mod *m, struct tct_stream *s)
{
	return s2s_peer(m, s)->bidi;
}

static void policy_changed(struct tct_mod *m)
{
	rates_anew(s2s_of(m));
}

static const struct tcti_s2s_ops ops = {
	.size = sizeof ops,
	.accept = in_accept,
	.accepted = in_accepted,
	.certified = s2s_certified,
	.refuses_dialback = in_refuses_dialback,
	.bidi = is_bidi,
	.unproven = in_refused,
	.answered = in_answered,
	.authenticated = out_authenticated,
	.ready = out_ready,
	.claimed = mux_answered,
	.refused = out_refused,
	.next = out_next,
	.ask = out_ask,
	.asked = out_asked,
	.each = each,
	.known = known,
	.errors = errors,
	.close = close_streams,
	.changed = policy_changed,
};

/* ---- load ---- */

static struct tcti_listener limits_of(struct tct_mod *m, uint32_t kind)
{
	const struct s2s_config *config = tct_mod_config(m);

	return (struct tcti_listener){
		.size = sizeof(struct tcti_listener),
		.kind = kind,
		.require_encryption = config->s2s_require_encryption,
		.request_certificate = true,
		.login_deadline = kind == TCTI_STREAM_S2S_IN ? config->login_timeout :
							       config->s2s_timeout,
		.stanza_size = config->s2s_stanza_size_limit,
		.close_timeout = config->s2s_close_timeout,
		.ops = &stream_ops,
		.unproven = (uint32_t)config->unproven,
		.unproven_per_address = (uint32_t)config->unproven_per_address,
	};
}

static int listen_all(struct tct_mod *m, struct tct_error *err)
{
	const struct s2s_config *config = tct_mod_config(m);
	const struct endpoint *list = config->listen.items;
	size_t count = config->listen.count;

	if (count == 0) {
		list = usual;
		count = sizeof usual / sizeof *usual;
	}
	for (size_t i = 0; i < count; i++) {
		struct tcti_listener l = limits_of(m, TCTI_STREAM_S2S_IN);
		int status;

		l.address = list[i].address;
		l.port = (uint16_t)list[i].port;
		l.direct_tls = list[i].tls;
		status = tcti_listen(m, &l, err);
		if (status != TCT_OK)
			return status;
	}
	return TCT_OK;
}

static bool same_endpoints(const struct s2s_config *a, const struct s2s_config *b)
{
	const struct endpoint *x = a->listen.items, *y = b->listen.items;

	if (a->listen.count != b->listen.count)
		return false;
	for (size_t i = 0; i < a->listen.count; i++) {
		if (strcmp(x[i].address, y[i].address) != 0 || x[i].port != y[i].port ||
			x[i].tls != y[i].tls)
			return false;
	}
	return true;
}

/* Streams stay, unless there are other listeners. */
static int reconfigure(struct tct_mod *m, const void *old, struct tct_error *err)
{
	struct tcti_listener in = limits_of(m, TCTI_STREAM_S2S_IN);
	struct tcti_listener out = limits_of(m, TCTI_STREAM_S2S_OUT);

	(void)err;
	if (!same_endpoints(old, tct_mod_config(m)))
		return TCT_EBUSY;
	rates_anew(s2s_of(m));
	tcti_listen_limits(m, &in);
	tcti_listen_limits(m, &out);
	return TCT_OK;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct tcti_listener out = limits_of(m, TCTI_STREAM_S2S_OUT);
	uint32_t kind = TCTI_KIND(TCTI_STREAM_S2S_OUT);
	int status;

	s2s_of(m)->mod = m;
	s2s_of(m)->reading = true;
	tcti_on_stream_features(m, TCTI_KIND(TCTI_STREAM_S2S_IN), TCT_PRIO_FILTER + 1, add_limits);
	tcti_on_stream_nonza(m, kind, NS_STREAMS, "features", out_features);
	tcti_on_stream_nonza(m, kind, NS_TLS, "proceed", out_proceed);
	tcti_on_stream_nonza(m, kind, NS_TLS, "failure", out_no_tls);
	shared_load(m);
	tct_on_cause(m, TCT_NEW | TCT_REROUTE | TCT_OFFLINE | TCT_CARBON | TCT_REPLAY);
	tct_on_stanza(m, TCT_REMOTE, TCT_PRIO_HANDLE, out_send);
	tct_provide(m, "s2s", "s2s", &ops);
	status = sm_load(m, err);
	if (status == TCT_OK)
		status = tcti_dialer_new(m, &out, &s2s_of(m)->dialer, err);
	if (status == TCT_OK)
		status = listen_all(m, err);
	return status;
}

static void unload(struct tct_mod *m)
{
	outbox_fini(s2s_of(m));
	sm_in_fini(s2s_of(m));
	for (struct peer *p = s2s_of(m)->peers; p != NULL; p = p->next) {
		dane_end(p);
		rates_end(p);
	}
	rates_fini(s2s_of(m));
	out_fini(s2s_of(m));
	failures_fini(s2s_of(m));
}

TCT_MODULE_FLAGS(s2s, TCT_GLOBAL | TCT_INTERNAL,
	.version     = TCT_SERVER_VERSION,
	.summary     = "connections with other servers (RFC 6120, XEP-0198, XEP-0288, XEP-0368, XEP-0478)",
	.options     = options,
	.config_size = sizeof(struct s2s_config),
	.data_size   = sizeof(struct s2s),
	.stream_size = sizeof(struct peer),
	.load        = load,
	.ready       = outbox_start,
	.unload      = unload,
	.reconfigure = reconfigure,
	.stream_end  = stream_end,
);

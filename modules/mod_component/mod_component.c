/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_component.c - external components (XEP-0114, jabber:component:accept): options, where
 * they connect, which domains are theirs, and what is shown of them. The secret of a domain is
 * in its group of hosts; the listeners are one for all. */
#include "modules/mod_component/component.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_ITEMS "http://jabber.org/protocol/disco#items"

/* In elements: bytes are bounded by output_queue. */
#define OUTPUT_COUNT 100000

static const char *const conflicts[] = { "refuse", "replace", NULL };

static const struct tct_option endpoint_options[] = {
	TCT_OPT_STRING(struct endpoint, address, .def = "127.0.0.1",
		.doc = "Numeric address to listen on; \"*\" is every address of the machine."),
	TCT_OPT_INT(struct endpoint, port, .def = "5347", .min = "0", .max = "65535",
		.doc = "TCP port. 0 takes a free port and logs it."),
	TCT_OPT_BOOL(struct endpoint, tls, .def = "false",
		.doc = "TLS from the first byte. XEP-0114 has no stream features, and so no "
		       "STARTTLS."),
	TCT_OPT_PATH(struct endpoint, certificate,
		.doc = "PEM file of the certificate that is shown here, in the place of those that "
		       "mod_tls knows."),
	TCT_OPT_PATH(struct endpoint, key,
		.doc = "PEM file of its key; without it the key is in the file of the "
		       "certificate."),
	TCT_OPT_END
};

static const struct tct_option host_options[] = {
	TCT_OPT_HOST(struct component_host, name, .required = true,
		.doc = "The domain of the component."),
	TCT_OPT_STRING(struct component_host, type, .required = true,
		.doc = "\"component\"."),
	TCT_OPT_SECRET(struct component_host, secret, .required = true,
		.doc = "What the component proves that it knows, at least 16 bytes: write { file = "
		       "\"...\"; } for a file that others cannot read."),
	TCT_OPT_ENUM(struct component_host, conflict, .choices = conflicts, .def = "refuse",
		.doc = "What becomes of a second connection that knows the secret: it is refused, "
		       "or it replaces the first, for a component whose old connection may hang "
		       "unnoticed."),
	TCT_OPT_END
};

static const struct tct_option options[] = {
	TCT_OPT_GROUPS(struct component_config, listen, .sub = endpoint_options,
		.sub_size = sizeof(struct endpoint),
		.doc = "Where components connect. Without it: port 5347 on 127.0.0.1. Nothing is "
		       "opened while there is no component."),
	TCT_OPT_GROUPS(struct component_config, hosts, .hosts = 1, .sub = host_options,
		.sub_size = sizeof(struct component_host),
		.doc = "The components: hosts of the type \"component\"."),
	TCT_OPT_BOOL(struct component_config, require_encryption, .def = "true",
		.doc = "Refuse a listener without TLS on an address that is not a loopback "
		       "address. Switching it off sends what components and users say in clear "
		       "text, and lets whoever reads it guess secrets."),
	TCT_OPT_PERIOD(struct component_config, timeout, .def = "10 s", .min = "1 s",
		.max = "1 hour",
		.doc = "From the connection to the handshake, TLS included; a component that is "
		       "slower is disconnected."),
	TCT_OPT_PERIOD(struct component_config, close_timeout, .def = "5 s", .min = "1 s",
		.max = "5 minutes",
		.doc = "How long to wait for the component's end of stream after ours."),
	TCT_OPT_SIZE(struct component_config, stanza_size_limit, .def = "512 KB", .min = "10 KB",
		.max = "16 MB",
		.doc = "Bytes of one stanza; a longer one ends the stream with policy-violation. "
		       "Before the handshake the limit is 10,000 bytes."),
	TCT_OPT_INT(struct component_config, max_unauthenticated, .def = "50", .min = "1",
		.max = "100000",
		.doc = "Connections that have shown no secret yet; more are closed at once."),
	TCT_OPT_INT(struct component_config, max_unauthenticated_per_address, .def = "10",
		.min = "1", .max = "100000",
		.doc = "The same from one address; from an IPv6 network (/64) together."),
	TCT_OPT_INT(struct component_config, stanza_rate, .def = "10000", .min = "1",
		.max = "10000000",
		.doc = "Stanzas that a component may send in a second; what is more waits in its "
		       "connection."),
	TCT_OPT_SIZE(struct component_config, output_queue, .def = "16 MB", .min = "64 KB",
		.max = "1 GB",
		.doc = "What may wait for a component that is connected and reads slowly; with "
		       "more, senders get an error."),
	TCT_OPT_PERIOD(struct component_config, keepalive, .def = "60 s", .min = "0 s",
		.max = "1 hour",
		.doc = "White space is sent to a component so often, so that a connection that is "
		       "gone is noticed. 0 s: never. Counts for connections that begin."),
	TCT_OPT_PERIOD(struct component_config, silence, .def = "0 s", .min = "0 s",
		.max = "1 day",
		.doc = "A component that was not heard for so long, not even white space, is "
		       "disconnected. 0 s: never. Counts for connections that begin."),
	TCT_OPT_INT(struct component_config, max_presences, .def = "20000", .min = "0",
		.max = "10000000",
		.doc = "How many pairs of an address of the component and somebody who sees it "
		       "available are remembered, so that they learn when the component is gone."),
	TCT_OPT_END
};

static const struct endpoint usual = { .address = "127.0.0.1", .port = 5347 };

/* ---- components ---- */

struct component *component_find(struct tct_mod *m, const char *domain)
{
	const struct component_data *data = tct_mod_data(m);

	for (struct component *c = data->first; c != NULL; c = c->next) {
		if (strcmp(c->domain, domain) == 0)
			return c;
	}
	return NULL;
}

static const struct component_host *options_of(const struct component_config *config,
	const char *domain)
{
	const struct component_host *h = config->hosts.items;

	for (size_t i = 0; i < config->hosts.count; i++) {
		if (strcmp(h[i].name, domain) == 0)
			return &h[i];
	}
	return NULL;
}

const struct component_host *component_options(const struct component *c)
{
	return options_of(tct_mod_config(c->m), c->domain);
}

static int add(struct tct_mod *m, const char *domain, struct tct_error *err)
{
	const struct component_config *config = tct_mod_config(m);
	struct component_data *data = tct_mod_data(m);
	struct component **at = &data->first, *c;

	if (tcti_domain_add(m, domain) != TCT_OK)
		return tct_error_set(err, TCT_EEXIST, "\"%s\" is a host with accounts still: "
						      "restart the server",
			domain);
	c = calloc(1, sizeof *c);
	if (c == NULL)
		abort(); /* the configuration is bounded; as the server does */
	c->m = m;
	c->domain = strdup(domain);
	c->outlet = tcti_outlet_new(OUTPUT_COUNT, (size_t)config->output_queue);
	while (*at != NULL)
		at = &(*at)->next;
	*at = c;
	return TCT_OK;
}

static void give_back(struct tct_stanza *st, uint64_t tag, void *data)
{
	struct component *c = data;

	(void)tag;
	if (tct_stanza_type(st) == TCT_PRESENCE_AVAILABLE)
		tct_stanza_unref(st);
	else
		tcti_bounce(c->m, st, TCT_REMOTE_SERVER_TIMEOUT, COMPONENT_GONE);
}

void component_lost(struct component *c, const char *why)
{
	if (c->stream == NULL)
		return;
	((struct component_stream *)tcti_stream_data(c->m, c->stream))->component = NULL;
	c->stream = NULL;
	c->since = tct_now();
	snprintf(c->problem, sizeof c->problem, "%s", why);
	tct_log_notice(c->m, "component %s disconnected (%s)", c->domain, why);
	tcti_outlet_attach(c->outlet, NULL);
	tcti_outlet_drain(c->outlet, give_back, c);
	seen_end(c);
}

/* Takes it out of the list. */
static void drop(struct component **at, const char *condition)
{
	struct component *c = *at;
	struct tct_stream *s = c->stream;

	*at = c->next;
	component_lost(c, "it is not served any more");
	if (s != NULL)
		tcti_stream_close(s, condition, NULL);
	tcti_domain_drop(c->m, c->domain);
	tcti_outlet_free(c->outlet);
	free((char *)c->domain);
	free(c);
}

static void closed(struct tct_mod *m, struct tct_stream *s, const char *reason)
{
	struct component_stream *cs = tcti_stream_data(m, s);

	if (cs->component != NULL)
		component_lost(cs->component, reason);
}

static const struct tcti_stream_ops stream_ops = {
	.size = sizeof stream_ops,
	.header = component_header,
	.stanza = component_stanza,
	.closed = closed,
};

/* ---- options ---- */

static int check(const void *data, struct tct_error *err)
{
	const struct component_config *config = data;
	const struct component_host *h = config->hosts.items;
	const struct endpoint *e = config->listen.items;

	for (size_t i = 0; i < config->listen.count; i++) {
		if (config->require_encryption && !e[i].tls && !tcti_address_loopback(e[i].address))
			return tct_error_set(err, TCT_EINVAL,
				"a listener on \"%s\" needs tls = true: only one on a loopback "
				"address may do without (or component.require_encryption = false)",
				e[i].address);
	}
	for (size_t i = 0; i < config->hosts.count; i++) {
		if (h[i].secret != NULL && strlen(h[i].secret) < 16)
			return tct_error_set(err, TCT_EINVAL,
				"the secret of \"%s\" has less than 16 bytes: make one, for example "
				"with \"openssl rand -hex 32\"",
				h[i].name);
	}
	return TCT_OK;
}

static int listen_at(struct tct_mod *m, const struct endpoint *e, struct tct_error *err)
{
	const struct component_config *config = tct_mod_config(m);
	struct tcti_listener l = { .size = sizeof l, .kind = TCTI_STREAM_COMPONENT };

	l.address = e->address;
	l.port = (uint16_t)e->port;
	l.direct_tls = e->tls;
	l.certificate = e->certificate;
	l.key = e->key;
	l.login_deadline = config->timeout;
	l.close_timeout = config->close_timeout;
	l.stanza_size = config->stanza_size_limit;
	l.unproven = (uint32_t)config->max_unauthenticated;
	l.unproven_per_address = (uint32_t)config->max_unauthenticated_per_address;
	l.ops = &stream_ops;
	return tcti_listen(m, &l, err);
}

static int listen_all(struct tct_mod *m, struct tct_error *err)
{
	const struct component_config *config = tct_mod_config(m);
	const struct endpoint *list = config->listen.items;
	size_t count = config->listen.count;
	int status = TCT_OK;

	if (count == 0) {
		list = &usual;
		count = 1;
	}
	for (size_t i = 0; i < count && status == TCT_OK; i++)
		status = listen_at(m, &list[i], err);
	return status;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_listeners(const struct component_config *a, const struct component_config *b)
{
	const struct endpoint *x = a->listen.items, *y = b->listen.items;

	if (a->listen.count != b->listen.count ||
		a->timeout != b->timeout || a->close_timeout != b->close_timeout ||
		a->stanza_size_limit != b->stanza_size_limit ||
		a->max_unauthenticated != b->max_unauthenticated ||
		a->max_unauthenticated_per_address != b->max_unauthenticated_per_address ||
		a->output_queue != b->output_queue ||
		(a->hosts.count == 0) != (b->hosts.count == 0))
		return false;
	for (size_t i = 0; i < a->listen.count; i++) {
		if (strcmp(x[i].address, y[i].address) != 0 || x[i].port != y[i].port ||
			x[i].tls != y[i].tls || !same_text(x[i].certificate, y[i].certificate) ||
			!same_text(x[i].key, y[i].key))
			return false;
	}
	return true;
}

static int add_all(struct tct_mod *m, struct tct_error *err)
{
	const struct component_config *config = tct_mod_config(m);
	const struct component_host *h = config->hosts.items;
	int status = TCT_OK;

	for (size_t i = 0; i < config->hosts.count && status == TCT_OK; i++) {
		if (component_find(m, h[i].name) == NULL)
			status = add(m, h[i].name, err);
	}
	return status;
}

/* Components come, go and change their secrets while others stay connected; with other
 * listeners or limits all of them have to come again. */
static int reconfigure(struct tct_mod *m, const void *old, struct tct_error *err)
{
	const struct component_config *config = tct_mod_config(m);
	struct component_data *data = tct_mod_data(m);
	struct component **at = &data->first;

	if (!same_listeners(old, config))
		return TCT_EBUSY;
	while (*at != NULL) {
		if (options_of(config, (*at)->domain) == NULL)
			drop(at, "host-gone");
		else
			at = &(*at)->next;
	}
	return add_all(m, err);
}

/* ---- what is shown ---- */

/* The host of ours that it is a subdomain of; NULL: of none. */
static const struct tct_host *parent_of(const struct component *c)
{
	const struct tct_host *h = NULL;

	for (const char *at = strchr(c->domain, '.'); at != NULL && h == NULL;
		at = strchr(at + 1, '.'))
		h = tct_host_find(at + 1);
	return h;
}

/* The administrator may have put it into disco.items, with a name. */
static bool listed(const struct tct_elem *answer, const char *domain)
{
	tct_elem_each (item, answer) {
		const char *jid = tct_attr(item, "jid");

		if (jid != NULL && strcmp(jid, domain) == 0 && tct_attr(item, "node") == NULL)
			return true;
	}
	return false;
}

static bool add_items(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	const struct component_data *data = tct_mod_data(m);

	if (q->what != TCT_DISCO_ITEMS || q->entity == NULL)
		return false;
	for (const struct component *c = data->first; c != NULL; c = c->next) {
		const struct tct_host *parent = parent_of(c);

		if (parent != NULL && parent != tct_entity_host(q->entity))
			continue;
		if (!listed(answer, c->domain))
			tct_set(tct_add(answer, NS_ITEMS, "item"), "jid", c->domain);
	}
	return false;
}

static void each(struct tct_mod *m, tcti_component_fn *fn, void *data)
{
	const struct component_data *components = tct_mod_data(m);

	for (const struct component *c = components->first; c != NULL; c = c->next) {
		struct tcti_component_row row = { .size = sizeof row, .domain = c->domain,
			.since = c->since, .received = c->received, .sent = c->sent,
			.waiting = tcti_outlet_count(c->outlet), .problem = c->problem };

		if (c->stream != NULL) {
			row.address = tcti_stream_address(c->stream);
			row.secured = tcti_stream_secured(c->stream);
		}
		fn(&row, data);
	}
}

static const struct tcti_components_ops components_ops = {
	.size = sizeof components_ops,
	.each = each,
};

/* ---- life ---- */

static void unload(struct tct_mod *m)
{
	struct component_data *data = tct_mod_data(m);

	while (data->first != NULL)
		drop(&data->first, "system-shutdown");
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	const struct component_config *config = tct_mod_config(m);
	int status = add_all(m, err);

	tcti_on_stream_nonza(m, TCTI_KIND(TCTI_STREAM_COMPONENT), "jabber:client", "handshake",
		component_handshake);
	tct_on_stanza(m, TCT_REMOTE, TCT_PRIO_HANDLE, component_remote);
	tct_on_disco(m, TCT_TO_HOST, NULL, add_items);
	tct_provide(m, "components", "component", &components_ops);
	if (status == TCT_OK && config->hosts.count > 0)
		status = listen_all(m, err);
	if (status != TCT_OK)
		unload(m);
	return status;
}

TCT_MODULE_FLAGS(component, TCT_GLOBAL | TCT_INTERNAL,
	.version     = TCT_SERVER_VERSION,
	.summary     = "XEP-0114: Jabber Component Protocol",
	.options     = options,
	.config_size = sizeof(struct component_config),
	.data_size   = sizeof(struct component_data),
	.stream_size = sizeof(struct component_stream),
	.check       = check,
	.load        = load,
	.reconfigure = reconfigure,
	.unload      = unload,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dns.c - see dns.h. */
#include "core/net/dns.h"

#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/net/addr.h"
#include "core/net/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>
#include <unistd.h>

#define CLASS_IN 1
#define SERVERS_MAX 8
#define RESOLV_CONF "/etc/resolv.conf"
#define HOSTS "/etc/hosts"
#define TIMEOUT 15
#define PROBE_AGAIN 60 /* seconds */

struct dns_query {
	struct list link;
	char *name;
	enum dns_type type;
	int id;                  /* libunbound's; -1: it has not got it */
	enum dns_status refused; /* then why */
	struct tct_timer *timer;
	dns_fn *fn;
	void *data;
};

static struct ub_ctx *ctx;
static struct loop_io io;
static struct tct_scope scope;
static struct list open_queries = { &open_queries, &open_queries };
static size_t open_count;
static char *servers[SERVERS_MAX + 1];
static char *anchor; /* NULL: nothing is validated */
static int64_t timeout_ms = TIMEOUT * 1000;
static enum dns_trust trust;
static struct dns_query *probe; /* of the root, while it is open */
static int64_t probed;          /* tct_monotonic() */

/* ---- answers ---- */

static void query_free(struct dns_query *q)
{
	if (q->timer != NULL)
		tct_timer_stop(q->timer);
	list_remove(&q->link);
	open_count--;
	free(q->name);
	free(q);
}

/* The question is gone before fn is called: it may ask again, or end who asked. */
static void answer(struct dns_query *q, const struct dns_answer *a)
{
	dns_fn *fn = q->fn;
	void *data = q->data;

	query_free(q);
	fn(a, data);
}

static enum dns_status status_of(int err, const struct ub_result *r)
{
	if (err != 0 || r == NULL)
		return DNS_FAILED;
	if (r->bogus)
		return DNS_BOGUS;
	if (r->havedata)
		return DNS_FOUND;
	if (r->nxdomain)
		return DNS_NO_NAME;
	return r->rcode == 0 ? DNS_NO_RECORD : DNS_FAILED;
}

static void take_result(struct dns_query *q, int err, const struct ub_result *r)
{
	struct dns_answer a = { .status = status_of(err, r), .text = "" };
	struct span records[DNS_RECORDS];
	char *name = NULL;
	size_t len;

	if (a.status == DNS_BOGUS)
		a.text = r->why_bogus != NULL ? r->why_bogus : "signatures are wrong or missing";
	else if (a.status == DNS_FAILED)
		a.text = err != 0 ? ub_strerror(err) : "the name servers could not say";
	else
		a.secure = r->secure;
	for (int i = 0; a.status == DNS_FOUND && r->data[i] != NULL && i < DNS_RECORDS; i++)
		records[a.count++] = span_make(r->data[i], (size_t)r->len[i]);
	a.records = records;
	name = mem_strdup(r != NULL && r->canonname != NULL ? r->canonname : q->name);
	len = strlen(name);
	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	a.name = name;
	answer(q, &a);
	free(name);
}

static void on_result(void *data, int err, struct ub_result *r)
{
	take_result(data, err, r);
	ub_resolve_free(r);
}

static void readable(struct loop_io *w, int events)
{
	(void)w;
	(void)events;
	ub_process(ctx);
}

static void give_up(struct tct_scope *s, void *data)
{
	struct dns_query *q = data;
	struct dns_answer a = { .status = DNS_TIMEOUT, .name = "", .text = "no answer in time" };

	(void)s;
	q->timer = NULL;
	if (q->id >= 0)
		ub_cancel(ctx, q->id);
	answer(q, &a);
}

static void refuse(struct tct_scope *s, void *data)
{
	struct dns_query *q = data;
	struct dns_answer a = { .status = q->refused, .name = "" };

	(void)s;
	q->timer = NULL;
	a.text = q->refused == DNS_BUSY ? "too many questions are open" : "DNS is not set up";
	answer(q, &a);
}

/* ---- the context ---- */

static void set(const char *option, const char *value)
{
	int rc = ub_ctx_set_option(ctx, option, value);

	if (rc != 0)
		log_warn("DNS: libunbound does not know %s %s (%s)", option, value,
			ub_strerror(rc));
}

static void set_servers(void)
{
	int rc;

	for (size_t i = 0; servers[i] != NULL; i++) {
		rc = ub_ctx_set_fwd(ctx, servers[i]);
		if (rc != 0)
			log_warn("DNS: \"%s\" cannot be used (%s)", servers[i], ub_strerror(rc));
	}
	if (servers[0] != NULL)
		return;
	rc = ub_ctx_resolvconf(ctx, RESOLV_CONF);
	if (rc != 0)
		log_notice("DNS: no name server in \"" RESOLV_CONF "\" (%s): those of the root "
			   "are asked", ub_strerror(rc));
	ub_ctx_hosts(ctx, HOSTS);
}

static void on_root(const struct dns_answer *a, void *data)
{
	(void)data;
	probe = NULL;
	trust = a->status == DNS_FOUND && a->secure ? DNS_TRUST_GOOD : DNS_TRUST_NONE;
	if (a->status == DNS_BOGUS)
		log_warn("DNS: the name servers do not pass signatures on, so that everything "
			 "looks forged and no other server is found (%s): set dns_servers to "
			 "some that do, or dns_dnssec = false", a->text);
}

static void ask_root(void)
{
	probed = tct_monotonic();
	probe = dns_ask(".", DNS_DNSKEY, on_root, NULL);
}

static void set_anchor(void)
{
	trust = DNS_TRUST_NONE;
	if (anchor == NULL)
		return;
	if (access(anchor, R_OK) != 0) {
		log_notice("DNS: answers are not validated, because there is no \"%s\" (%s); on "
			   "Debian: apt-get install dns-root-data", anchor, strerror(errno));
		return;
	}
	ub_ctx_add_ta_file(ctx, anchor);
	trust = DNS_TRUST_UNKNOWN;
}

static bool context_open(void)
{
	if (ctx != NULL)
		return true;
	if (!events_are_good()) {
		log_error("DNS: this program was linked with libev before libevent, so that "
			  "libunbound cannot be used");
		return false;
	}
	ctx = ub_ctx_create();
	if (ctx == NULL) {
		log_error("DNS: libunbound cannot be started (%s)", strerror(errno));
		return false;
	}
	ub_ctx_debugout(ctx, NULL); /* what it has to say is in the results */
	ub_ctx_async(ctx, 1);
	set("msg-cache-size:", "4m");
	set("rrset-cache-size:", "8m");
	set("key-cache-size:", "2m");
	set("neg-cache-size:", "1m");
	set("cache-max-ttl:", "86400");
	set("cache-max-negative-ttl:", "300");
	set("do-not-query-localhost:", "no"); /* a resolver of the machine's own */
	set_servers();
	set_anchor();
	loop_io_init(&io, ub_fd(ctx), readable);
	loop_io_set(&io, EV_READ);
	if (trust == DNS_TRUST_UNKNOWN && probe == NULL)
		ask_root();
	return true;
}

static void context_close(void)
{
	if (ctx == NULL)
		return;
	list_each (node, &open_queries) {
		struct dns_query *q = list_entry(node, struct dns_query, link);

		if (q->id >= 0)
			ub_cancel(ctx, q->id);
		q->id = -1;
	}
	loop_io_set(&io, 0);
	ub_ctx_delete(ctx);
	ctx = NULL;
	trust = DNS_TRUST_UNKNOWN;
}

/* ---- questions ---- */

static void submit(struct dns_query *q)
{
	int rc;

	q->id = -1;
	q->refused = DNS_FAILED;
	if (open_count > DNS_QUERIES) {
		q->refused = DNS_BUSY;
	} else if (context_open()) {
		rc = ub_resolve_async(ctx, q->name, q->type, CLASS_IN, q, on_result, &q->id);
		if (rc == 0) {
			q->timer = tct_timer_start(&scope, timeout_ms, 0, give_up, q);
			return;
		}
		q->id = -1;
		log_debug("DNS: a question cannot be asked (%s)", ub_strerror(rc));
	}
	q->timer = tct_timer_start(&scope, 0, 0, refuse, q);
}

struct dns_query *dns_ask(const char *name, enum dns_type type, dns_fn *fn, void *data)
{
	struct dns_query *q = mem_zalloc(sizeof *q);

	assert_loop();
	if (scope.nodes.next == NULL)
		scope_init(&scope, NULL);
	q->name = mem_strdup(name);
	q->type = type;
	q->fn = fn;
	q->data = data;
	list_push(&open_queries, &q->link);
	open_count++;
	submit(q);
	return q;
}

void dns_cancel(struct dns_query *q)
{
	if (q == NULL)
		return;
	if (q->id >= 0)
		ub_cancel(ctx, q->id);
	query_free(q);
}

enum dns_trust dns_trust(void)
{
	assert_loop();
	if (anchor == NULL)
		return DNS_TRUST_NONE;
	if (ctx != NULL && trust == DNS_TRUST_NONE && probe == NULL &&
		tct_monotonic() - probed >= PROBE_AGAIN)
		ask_root();
	return trust;
}

size_t dns_open(void)
{
	return open_count;
}

/* ---- configuration ---- */

static bool server_valid(const char *text)
{
	const char *at = strchr(text, '@');
	char address[ADDR_TEXT], *end;
	size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
	struct addr a;
	long port = 53;

	if (len == 0 || len >= sizeof address)
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (at != NULL) {
		port = strtol(at + 1, &end, 10);
		if (at[1] < '0' || at[1] > '9' || *end != '\0')
			return false;
	}
	return port > 0 && port < 65536 && addr_parse(&a, address, 53);
}

int dns_check(const struct dns_config *config, struct tct_error *err)
{
	const char *path = config->dnssec ? config->anchor : NULL;
	size_t count = 0;

	for (; config->servers != NULL && config->servers[count] != NULL; count++) {
		if (!server_valid(config->servers[count]))
			return tct_error_set(err, TCT_EINVAL,
				"dns_servers: \"%s\" is no address (write \"192.0.2.1\" or "
				"\"192.0.2.1@5353\")", config->servers[count]);
		if (count == SERVERS_MAX)
			return tct_error_set(err, TCT_EINVAL, "dns_servers: more than %d",
				SERVERS_MAX);
	}
	if (path != NULL && strcmp(path, DNS_ANCHOR) != 0 && access(path, R_OK) != 0)
		return tct_error_set(err, TCT_EINVAL, "dns_trust_anchor: cannot read \"%s\" (%s)",
			path, strerror(errno));
	return TCT_OK;
}

static void forget(void)
{
	for (size_t i = 0; servers[i] != NULL; i++) {
		free(servers[i]);
		servers[i] = NULL;
	}
	free(anchor);
	anchor = NULL;
}

static bool same(const struct dns_config *config, const char *path)
{
	size_t i = 0;

	for (; servers[i] != NULL && config->servers != NULL && config->servers[i] != NULL; i++) {
		if (strcmp(servers[i], config->servers[i]) != 0)
			return false;
	}
	if (servers[i] != NULL || (config->servers != NULL && config->servers[i] != NULL))
		return false;
	return (anchor == NULL) == (path == NULL) && (path == NULL || strcmp(anchor, path) == 0);
}

void dns_configure(const struct dns_config *config)
{
	const char *path = config->dnssec ? config->anchor : NULL;

	timeout_ms = (config->timeout > 0 ? config->timeout : TIMEOUT) * 1000;
	if (same(config, path))
		return;
	context_close();
	forget();
	for (size_t i = 0; config->servers != NULL && config->servers[i] != NULL; i++)
		servers[i] = mem_strdup(config->servers[i]);
	anchor = path != NULL ? mem_strdup(path) : NULL;
	list_each (node, &open_queries) {
		struct dns_query *q = list_entry(node, struct dns_query, link);

		if (q->timer != NULL)
			tct_timer_stop(q->timer);
		submit(q);
	}
}

void dns_stop(void)
{
	list_each (node, &open_queries)
		dns_cancel(list_entry(node, struct dns_query, link));
	probe = NULL;
	context_close();
	forget();
	if (scope.nodes.next != NULL)
		scope_end(&scope);
	timeout_ms = TIMEOUT * 1000;
}

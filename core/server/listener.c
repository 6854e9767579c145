/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* listener.c - see listener.h. */
#include "core/server/listener.h"

#include "core/base/budget.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/mod/module.h"
#include "core/server/stream.h"

#include <tercet/internal/peers.h>

#include <stdlib.h>
#include <unistd.h>

static struct list listeners = { &listeners, &listeners };
static struct list dialers = { &dialers, &dialers };
static bool started, disabled;

struct certset *listener_certset(const struct stream_listener *l)
{
	return certs_of(&l->certs);
}

struct stream_listener *listener_ref(struct stream_listener *l)
{
	l->refs++;
	return l;
}

void listener_unref(struct stream_listener *l)
{
	if (--l->refs > 0)
		return;
	certs_leave(&l->certs);
	free((char *)l->spec.address);
	free(l);
}

static void accepted(void *data, int fd, const struct addr *peer)
{
	struct stream_listener *l = data;

	/* Near the limit of memory what is there is kept alive and nobody new comes in. */
	if (budget_pressure() >= BUDGET_HIGH || (l->spec.direct_tls && listener_certset(l) == NULL)) {
		close(fd);
		return;
	}
	stream_accept(l, fd, peer);
}

static void module_ends(struct scope_node *node)
{
	struct stream_listener *l = list_entry(node, struct stream_listener, node);

	l->mod = NULL;
	streams_end_of(l);
	list_remove(&l->link);
	list_remove(&l->certs.link); /* its streams keep what it has, and nobody renews it */
	if (l->socket != NULL)
		listen_close(l->socket);
	l->socket = NULL;
	listener_unref(l);
}

/* "*" is both families, or IPv4 alone where the machine has no IPv6. */
static struct listen *open_socket(struct stream_listener *l, struct tct_error *err)
{
	struct listen *socket = NULL;
	struct addr at;

	if (strcmp(l->spec.address, "*") == 0) {
		if (addr_parse(&at, "::", l->spec.port))
			socket = listen_open(&at, accepted, l, err);
		if (socket == NULL && addr_parse(&at, "0.0.0.0", l->spec.port))
			socket = listen_open(&at, accepted, l, err);
		return socket;
	}
	if (!addr_parse(&at, l->spec.address, l->spec.port)) {
		tct_error_set(err, TCT_EINVAL, "\"%s\" is no numeric address", l->spec.address);
		return NULL;
	}
	return listen_open(&at, accepted, l, err);
}

static struct stream_listener *listener_new(struct tct_mod *m, const struct tcti_listener *spec)
{
	struct stream_listener *l = mem_zalloc(sizeof *l);

	l->refs = 1;
	l->mod = m;
	l->spec = *spec;
	l->spec.address = mem_strdup(spec->address != NULL ? spec->address : "");
	list_init(&l->link);
	list_init(&l->unproven);
	return l;
}

int tcti_dialer_new(struct tct_mod *m, const struct tcti_listener *spec,
	struct tcti_dialer **dialer, struct tct_error *err)
{
	struct stream_listener *l = listener_new(m, spec);
	int status = certs_join(&l->certs, NULL, NULL, err);

	if (status != TCT_OK) {
		listener_unref(l);
		return status;
	}
	list_push(&dialers, &l->link);
	scope_add(&m->scope, &l->node, module_ends);
	*dialer = (struct tcti_dialer *)l;
	return TCT_OK;
}

static void take_limits(struct list *list, const struct tct_mod *m, const struct tcti_listener *spec)
{
	list_each (node, list) {
		struct stream_listener *l = list_entry(node, struct stream_listener, link);

		if (l->mod != m || l->spec.kind != spec->kind)
			continue;
		l->spec.require_encryption = spec->require_encryption;
		l->spec.login_deadline = spec->login_deadline;
		l->spec.stanza_size = spec->stanza_size;
		l->spec.close_timeout = spec->close_timeout;
		l->spec.unproven = spec->unproven;
		l->spec.unproven_per_address = spec->unproven_per_address;
	}
}

void tcti_listen_limits(struct tct_mod *m, const struct tcti_listener *spec)
{
	assert_loop();
	take_limits(&listeners, m, spec);
	take_limits(&dialers, m, spec);
}

int tcti_listen(struct tct_mod *m, const struct tcti_listener *spec, struct tct_error *err)
{
	struct stream_listener *l = listener_new(m, spec);
	int status;

	status = certs_join(&l->certs, spec->certificate, spec->key, err);
	if (status == TCT_OK && !disabled)
		l->socket = open_socket(l, err);
	if (l->socket == NULL && !(status == TCT_OK && disabled)) {
		listener_unref(l);
		return status != TCT_OK ? status : TCT_EIO;
	}
	if (l->socket != NULL)
		l->spec.port = listen_port(l->socket);
	list_push(&listeners, &l->link);
	scope_add(&m->scope, &l->node, module_ends);
	if (disabled)
		return TCT_OK;
	log_info("listening on %s port %u (%s)", l->spec.address, l->spec.port,
		l->spec.direct_tls ? "direct TLS" :
		l->spec.kind == TCTI_STREAM_COMPONENT ? "components, without TLS" : "STARTTLS");
	if (started)
		listen_start(l->socket);
	return TCT_OK;
}

struct stream_listener *listener_next(const struct stream_listener *l)
{
	const struct list *next = l != NULL ? l->link.next : listeners.next;

	return next != &listeners ? list_entry(next, struct stream_listener, link) : NULL;
}

bool tcti_address_loopback(const char *address)
{
	struct addr at;

	return addr_parse(&at, address, 0) && addr_is_loopback(&at);
}

bool tcti_listeners_loopback(uint32_t kind)
{
	list_each (node, &listeners) {
		const struct stream_listener *l = list_entry(node, struct stream_listener, link);

		if (l->spec.kind == kind && !tcti_address_loopback(l->spec.address))
			return false;
	}
	return true;
}

void listeners_start(void)
{
	started = true;
	list_each (node, &listeners)
		listen_start(list_entry(node, struct stream_listener, link)->socket);
}

void listeners_stop(void)
{
	started = false;
	list_each (node, &listeners) {
		struct stream_listener *l = list_entry(node, struct stream_listener, link);

		if (l->socket != NULL)
			listen_close(l->socket);
		l->socket = NULL;
	}
}

void listeners_describe(struct str *out)
{
	static const char *const kinds[] = { "c2s", "s2s", "s2s", "component" };

	list_each (node, &listeners) {
		const struct stream_listener *l = list_entry(node, struct stream_listener, link);

		str_printf(out, "%s %s %u %s\n", kinds[l->spec.kind], l->spec.address,
			l->spec.port, l->spec.direct_tls ? "tls" : "starttls");
	}
}

void listeners_disable(void)
{
	disabled = true;
	certs_disable();
}

void listeners_fini(void)
{
	certs_fini();
	started = disabled = false;
}

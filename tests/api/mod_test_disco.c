/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_test_disco.c - adds to service discovery whatever can be added, and asks the service
 * "caps" what a client can do: <caps xmlns='urn:tercet:test-disco' jid='...' feature='...'/>
 * to the host; `peek` for what is known without asking; the answer's `count` says how many
 * features. Offers a command of two forms to all accounts of the host. */
#include <tercet/caps.h>
#include <tercet/command.h>
#include <tercet/module.h>

#include <string.h>

#define NS "urn:tercet:test-disco"
#define NS_DATA "jabber:x:data"

static void add_form(struct tct_elem *answer, const char *type)
{
	struct tct_elem *form = tct_add(answer, NS_DATA, "x"), *field;

	tct_set(form, "type", "result");
	field = tct_add(form, NULL, "field");
	tct_set(field, "var", "FORM_TYPE");
	tct_set(field, "type", "hidden");
	tct_add_text(field, "value", type);
	field = tct_add(form, NULL, "field");
	tct_set(field, "var", "weather");
	tct_add_text(field, "value", "fine");
}

static bool on_address(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	struct tct_elem *e;

	(void)m;
	if (q->what == TCT_DISCO_ITEMS) {
		e = tct_add(answer, NULL, "item");
		tct_set(e, "jid", q->target == TCT_TO_HOST ? "rooms.localhost" :
							     tct_jid_text(tct_entity_jid(q->entity)));
		tct_set(e, "node", q->target == TCT_TO_HOST ? NULL : "shelf");
		return true;
	}
	add_form(answer, NS);
	e = tct_add(answer, NULL, "identity");
	tct_set(e, "category", "pubsub");
	tct_set(e, "type", q->target == TCT_TO_HOST ? "service" : "pep");
	tct_set(tct_add(answer, NULL, "feature"), "var", NS);
	tct_set(tct_add(answer, NULL, "feature"), "var", NS "#more");
	return true;
}

static bool on_shelf(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	struct tct_elem *e = tct_add(answer, NULL, q->what == TCT_DISCO_INFO ? "identity" : "item");

	(void)m;
	tct_set(e, "category", q->what == TCT_DISCO_INFO ? "hierarchy" : NULL);
	tct_set(e, "type", q->what == TCT_DISCO_INFO ? "leaf" : NULL);
	tct_set(e, "jid", q->what == TCT_DISCO_INFO ? NULL : "book.localhost");
	return true;
}

/* Any node; knows those that begin with "box". */
static bool on_any(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	(void)m;
	if (strncmp(q->node, "box", 3) != 0)
		return false;
	tct_set(tct_add(answer, NULL, q->what == TCT_DISCO_INFO ? "feature" : "item"),
		q->what == TCT_DISCO_INFO ? "var" : "jid", tct_jid_text(q->from));
	return true;
}

static void count(const char *var, void *data)
{
	(void)var;
	(*(int64_t *)data)++;
}

static struct tct_stanza *answer_to(struct tct_request *rq, const struct tct_caps *caps)
{
	struct tct_mod *caps_mod;
	const struct tct_caps_ops *ops = tct_service(tct_request_mod(rq), "caps", &caps_mod);
	const struct tct_elem *asked = tct_stanza_payload(tct_request_stanza(rq));
	struct tct_stanza *st = tct_request_result(rq);
	struct tct_elem *e = tct_add(tct_stanza_root(st), NS, "caps");
	const char *feature = tct_attr(asked, "feature");
	int64_t n = 0;

	if (caps == NULL) {
		tct_set(e, "known", "no");
		return st;
	}
	ops->each(caps, count, &n);
	tct_set_int(e, "count", n);
	if (feature != NULL)
		tct_set(e, "has", ops->has(caps, feature) ? "yes" : "no");
	return st;
}

static void found(struct tct_scope *scope, int status, const struct tct_caps *caps, void *data)
{
	struct tct_request *rq = data;

	(void)scope;
	if (status == TCT_OK)
		tct_request_answer(rq, answer_to(rq, caps));
	else
		tct_request_refuse(rq, status == TCT_ETIMEOUT ? TCT_REMOTE_SERVER_TIMEOUT :
							       TCT_ITEM_NOT_FOUND, NULL);
}

static enum tct_verdict on_caps(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *asked = tct_stanza_payload(ev->stanza);
	const struct tct_jid *jid = tct_jid_new(tct_attr(asked, "jid"));
	struct tct_entity *e = tct_entity_find(tct_mod_host(m), tct_jid_node(jid));
	struct tct_session *s = tct_entity_session_find(e, tct_jid_resource(jid));
	struct tct_stanza *presence = tct_session_presence(s);
	struct tct_mod *caps_mod;
	const struct tct_caps_ops *ops = tct_service(m, "caps", &caps_mod);
	struct tct_request *rq = tct_defer(m, ev);

	tct_jid_unref(jid);
	if (tct_attr(asked, "peek") != NULL)
		tct_request_answer(rq, answer_to(rq, ops->peek(caps_mod, presence)));
	else
		ops->find(caps_mod, tct_request_scope(rq), presence, found, rq);
	return TCT_HANDLED;
}

/* First a form, then another, then the end; "no" in a form is not acceptable. */
static enum tct_command_result on_walk(struct tct_mod *m, struct tct_command_call *call)
{
	const char *value = tct_child_text(tct_child(call->form, NS_DATA, "field"), NS_DATA, "value");

	(void)m;
	if (call->step > 0 && value != NULL && strcmp(value, "no") == 0)
		return TCT_COMMAND_AGAIN;
	if (call->step == 2) {
		tct_set(tct_add_text(call->reply, "note", "arrived"), "type", "info");
		return TCT_COMMAND_DONE;
	}
	tct_set(tct_add(call->reply, NS_DATA, "x"), "type", "form");
	return call->step == 0 ? TCT_COMMAND_NEXT : TCT_COMMAND_LAST;
}

static const struct tct_command walk = { sizeof walk, TCT_COMMAND_LOCAL, "walk", "Take a walk",
	on_walk };

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct tct_mod *provider;
	const struct tct_command_ops *ops = tct_service(m, "commands", &provider);

	if (ops->offer(provider, m, &walk) != TCT_OK)
		return tct_error_set(err, TCT_EEXIST, "there is a walk already");
	tct_on_disco(m, TCT_TO_HOST | TCT_TO_SELF | TCT_TO_ACCOUNT, NULL, on_address);
	tct_on_disco(m, TCT_TO_SELF | TCT_TO_ACCOUNT, "shelf", on_shelf);
	tct_on_disco(m, TCT_TO_HOST | TCT_TO_SELF, "*", on_any);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS, "caps", on_caps);
	tct_feature(m, NS);
	tct_feature(m, NS);
	return TCT_OK;
}

TCT_MODULE(test_disco,
	.version = "1.0",
	.summary = "all of service discovery and of capabilities, for the tests",
	.depends = TCT_DEPENDS("caps", "adhoc"),
	.load    = load,
);

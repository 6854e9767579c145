/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_adhoc.c - XEP-0050: ad-hoc commands of the host. Keeps the list of commands that other
 * modules offer and the executions that wait for a form; asks at each step whether the one
 * who sends it may. Knows nothing of what a command does. */
#include <tercet/command.h>
#include <tercet/module.h>

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define NS_COMMANDS "http://jabber.org/protocol/commands"
#define NS_INFO "http://jabber.org/protocol/disco#info"
#define NS_DATA "jabber:x:data"

#define EXECUTIONS_MAX 1000
#define EXECUTIONS_OF_ONE 5

struct adhoc_config {
	int64_t timeout;
};

static const struct tct_option options[] = {
	TCT_OPT_PERIOD(struct adhoc_config, timeout, .def = "10 minutes", .min = "1 s",
		.max = "1 day", .doc = "How long a form may be open before it is forgotten."),
	TCT_OPT_END
};

/* A command that is offered; in the scope of who offers it. */
struct offer {
	TAILQ_ENTRY(offer) link;
	struct adhoc *adhoc;
	struct tct_mod *user;
	const struct tct_command *command;
};

/* One that has begun and waits for the next step. */
struct execution {
	TAILQ_ENTRY(execution) link; /* oldest first */
	const struct offer *offer;
	const struct tct_jid *jid; /* full */
	int64_t since;             /* tct_monotonic() of the last step */
	uint32_t step;
	bool last;
	char id[17];
};

struct adhoc {
	TAILQ_HEAD(, offer) offers;
	TAILQ_HEAD(, execution) executions;
	size_t count;
};

/* ---- executions ---- */

static void forget(struct adhoc *adhoc, struct execution *x)
{
	TAILQ_REMOVE(&adhoc->executions, x, link);
	adhoc->count--;
	tct_jid_unref(x->jid);
	free(x);
}

static void forget_old(struct tct_mod *m)
{
	const struct adhoc_config *config = tct_mod_config(m);
	struct adhoc *adhoc = tct_mod_data(m);
	struct execution *x;

	while ((x = TAILQ_FIRST(&adhoc->executions)) != NULL &&
		tct_monotonic() - x->since >= config->timeout)
		forget(adhoc, x);
}

/* The oldest of an account goes when it has too many, or the host has. */
static void make_room(struct adhoc *adhoc, const struct tct_jid *jid)
{
	struct execution *oldest = NULL, *x;
	size_t own = 0;

	TAILQ_FOREACH (x, &adhoc->executions, link) {
		if (!tct_jid_equal_bare(x->jid, jid))
			continue;
		if (oldest == NULL)
			oldest = x;
		own++;
	}
	if (own >= EXECUTIONS_OF_ONE)
		forget(adhoc, oldest);
	else if (adhoc->count >= EXECUTIONS_MAX)
		forget(adhoc, TAILQ_FIRST(&adhoc->executions));
}

static struct execution *begin(struct adhoc *adhoc, const struct offer *offer,
	const struct tct_jid *jid)
{
	struct execution *x = calloc(1, sizeof *x);

	if (x == NULL)
		abort();
	make_room(adhoc, jid);
	x->offer = offer;
	x->jid = tct_jid_ref(jid);
	tct_random_id(x->id, sizeof x->id - 1);
	TAILQ_INSERT_TAIL(&adhoc->executions, x, link);
	adhoc->count++;
	return x;
}

/* The one of that id, when it is this sender's and of this command. */
static struct execution *find(struct adhoc *adhoc, const struct offer *offer, const char *id,
	const struct tct_jid *jid)
{
	struct execution *x;

	TAILQ_FOREACH (x, &adhoc->executions, link) {
		if (strcmp(x->id, id) == 0 && x->offer == offer && tct_jid_equal(x->jid, jid))
			return x;
	}
	return NULL;
}

/* ---- commands ---- */

static void withdraw(void *block)
{
	struct offer *o = block;
	struct execution *x, *next;

	for (x = TAILQ_FIRST(&o->adhoc->executions); x != NULL; x = next) {
		next = TAILQ_NEXT(x, link);
		if (x->offer == o)
			forget(o->adhoc, x);
	}
	TAILQ_REMOVE(&o->adhoc->offers, o, link);
}

static struct offer *offer_find(struct adhoc *adhoc, const char *node)
{
	struct offer *o;

	TAILQ_FOREACH (o, &adhoc->offers, link) {
		if (strcmp(o->command->node, node) == 0)
			return o;
	}
	return NULL;
}

static int offer(struct tct_mod *m, struct tct_mod *user, const struct tct_command *command)
{
	struct adhoc *adhoc = tct_mod_data(m);
	struct offer *o;

	if (offer_find(adhoc, command->node) != NULL)
		return TCT_EEXIST;
	o = tct_scope_alloc(tct_mod_scope(user), sizeof *o, withdraw);
	o->adhoc = adhoc;
	o->user = user;
	o->command = command;
	TAILQ_INSERT_TAIL(&adhoc->offers, o, link);
	return TCT_OK;
}

/* Whole bare addresses, with their host: at each step (CVE-2020-8086). */
static bool may(struct tct_mod *m, const struct offer *o, const struct tct_jid *who)
{
	if (who == NULL)
		return false;
	if (o->command->access == TCT_COMMAND_LOCAL)
		return tct_jid_node(who) != NULL &&
			strcmp(tct_jid_domain(who), tct_host_name(tct_mod_host(m))) == 0;
	return tct_host_admin(tct_mod_host(m), who);
}

/* ---- answers ---- */

/* XEP-0050 section 4.4: the general condition with the one of commands beside it. */
static enum tct_verdict refuse(struct tct_event *ev, uint32_t condition, const char *specific)
{
	struct tct_stanza *st = tct_stanza_error(ev->stanza, condition, NULL);

	if (st == NULL)
		return TCT_HANDLED;
	if (specific != NULL)
		tct_add(tct_child(tct_stanza_root(st), NULL, "error"), NS_COMMANDS, specific);
	return tct_reply(ev, st);
}

static struct tct_elem *add_command(struct tct_stanza *st, const struct offer *o)
{
	struct tct_elem *command = tct_add(tct_stanza_root(st), NS_COMMANDS, "command");

	tct_set(command, "node", o->command->node);
	return command;
}

static enum tct_verdict cancel(struct tct_mod *m, struct tct_event *ev, struct execution *x)
{
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *command = add_command(st, x->offer);

	tct_set(command, "sessionid", x->id);
	tct_set(command, "status", "canceled");
	forget(tct_mod_data(m), x);
	return tct_reply(ev, st);
}

static void add_actions(struct tct_elem *command, bool last)
{
	const char *name = last ? "complete" : "next";
	struct tct_elem *actions = tct_add(command, NULL, "actions");

	tct_set(actions, "execute", name);
	tct_add(actions, NULL, name);
}

/* Runs a step and says what follows. `x` NULL: the first. */
static enum tct_verdict run(struct tct_mod *m, struct tct_event *ev, const struct offer *o,
	struct execution *x)
{
	struct adhoc *adhoc = tct_mod_data(m);
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *command = add_command(st, o);
	struct tct_command_call call = { .size = sizeof call, .step = x != NULL ? x->step : 0,
		.ev = ev, .form = tct_child(tct_stanza_payload(ev->stanza), NS_DATA, "x"),
		.reply = command };
	enum tct_command_result result = o->command->fn(o->user, &call);

	if (result == TCT_COMMAND_AGAIN) {
		tct_stanza_unref(st);
		return refuse(ev, TCT_BAD_REQUEST, "bad-payload");
	}
	if (result == TCT_COMMAND_DONE) {
		char id[17];

		tct_random_id(id, sizeof id - 1);
		tct_set(command, "sessionid", x != NULL ? x->id : id);
		tct_set(command, "status", "completed");
		if (x != NULL)
			forget(adhoc, x);
		return tct_reply(ev, st);
	}
	if (x == NULL)
		x = begin(adhoc, o, tct_stanza_from(ev->stanza));
	x->step++;
	x->last = result == TCT_COMMAND_LAST;
	x->since = tct_monotonic();
	TAILQ_REMOVE(&adhoc->executions, x, link);
	TAILQ_INSERT_TAIL(&adhoc->executions, x, link);
	tct_set(command, "sessionid", x->id);
	tct_set(command, "status", "executing");
	add_actions(command, x->last);
	return tct_reply(ev, st);
}

/* "execute" is what the step has as its default (section 3.3). */
static bool understood(const char *action)
{
	static const char *const known[] = { "execute", "next", "complete", "prev", "cancel" };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(action, known[i]) == 0)
			return true;
	}
	return false;
}

static bool fits(const char *action, const struct execution *x)
{
	if (strcmp(action, "execute") == 0 || (x != NULL && strcmp(action, "cancel") == 0))
		return true;
	return x != NULL && strcmp(action, x->last ? "complete" : "next") == 0;
}

static enum tct_verdict on_command(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *asked = tct_stanza_payload(ev->stanza);
	const struct tct_jid *from = tct_stanza_from(ev->stanza);
	const char *node = tct_attr(asked, "node"), *id = tct_attr(asked, "sessionid");
	const char *action = tct_attr(asked, "action");
	struct adhoc *adhoc = tct_mod_data(m);
	struct execution *x = NULL;
	struct offer *o;

	if (node == NULL)
		return refuse(ev, TCT_BAD_REQUEST, NULL);
	o = offer_find(adhoc, node);
	if (o == NULL)
		return refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
	if (!may(m, o, from))
		return refuse(ev, TCT_FORBIDDEN, NULL);
	forget_old(m);
	if (id != NULL) {
		x = find(adhoc, o, id, from);
		if (x == NULL)
			return refuse(ev, TCT_BAD_REQUEST, "bad-sessionid");
	}
	if (action == NULL)
		action = "execute";
	if (!understood(action))
		return refuse(ev, TCT_BAD_REQUEST, "malformed-action");
	if (!fits(action, x))
		return refuse(ev, TCT_BAD_REQUEST, "bad-action");
	if (strcmp(action, "cancel") == 0)
		return cancel(m, ev, x);
	return run(m, ev, o, x);
}

/* ---- service discovery, section 2.2 ---- */

static void add_identity(struct tct_elem *answer, const char *type, const char *name)
{
	struct tct_elem *identity = tct_add(answer, NULL, "identity");

	tct_set(identity, "category", "automation");
	tct_set(identity, "type", type);
	tct_set(identity, "name", name);
}

/* Each asker sees the commands that it may execute. */
static bool on_list(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	struct adhoc *adhoc = tct_mod_data(m);
	struct offer *o;

	if (q->what == TCT_DISCO_INFO) {
		add_identity(answer, "command-list", "Commands");
		tct_set(tct_add(answer, NULL, "feature"), "var", NS_COMMANDS);
		return true;
	}
	TAILQ_FOREACH (o, &adhoc->offers, link) {
		struct tct_elem *item;

		if (!may(m, o, q->from))
			continue;
		item = tct_add(answer, NULL, "item");
		tct_set(item, "jid", tct_host_name(tct_mod_host(m)));
		tct_set(item, "node", o->command->node);
		tct_set(item, "name", o->command->name);
	}
	return true;
}

static bool on_node(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	const struct offer *o = offer_find(tct_mod_data(m), q->node);

	if (o == NULL || !may(m, o, q->from))
		return false;
	if (q->what == TCT_DISCO_ITEMS)
		return true;
	add_identity(answer, "command-node", o->command->name);
	tct_set(tct_add(answer, NULL, "feature"), "var", NS_COMMANDS);
	tct_set(tct_add(answer, NULL, "feature"), "var", NS_DATA);
	return true;
}

/* The host has commands; accounts have none. */
static bool on_host(struct tct_mod *m, const struct tct_disco_query *q, struct tct_elem *answer)
{
	(void)m;
	if (q->what == TCT_DISCO_INFO)
		tct_set(tct_add(answer, NULL, "feature"), "var", NS_COMMANDS);
	return true;
}

static const struct tct_command_ops ops = { .size = sizeof ops, .offer = offer };

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct adhoc *adhoc = tct_mod_data(m);

	(void)err;
	TAILQ_INIT(&adhoc->offers);
	TAILQ_INIT(&adhoc->executions);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_HOST, NS_COMMANDS, "command", on_command);
	tct_on_disco(m, TCT_TO_HOST, NULL, on_host);
	tct_on_disco(m, TCT_TO_HOST, NS_COMMANDS, on_list);
	tct_on_disco(m, TCT_TO_HOST, "*", on_node);
	tct_provide(m, "commands", "adhoc", &ops);
	return TCT_OK;
}

/* Those who offer are gone already. */
static void unload(struct tct_mod *m)
{
	struct adhoc *adhoc = tct_mod_data(m);

	while (!TAILQ_EMPTY(&adhoc->executions))
		forget(adhoc, TAILQ_FIRST(&adhoc->executions));
}

TCT_MODULE_FLAGS(adhoc, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "XEP-0050: Ad-Hoc Commands",
	.depends     = TCT_DEPENDS("disco"),
	.options     = options,
	.config_size = sizeof(struct adhoc_config),
	.data_size   = sizeof(struct adhoc),
	.load        = load,
	.unload      = unload,
);

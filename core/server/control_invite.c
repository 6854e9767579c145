/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control_invite.c - tercetctl invite: makes, lists and revokes invitations by the service
 * "invites" of a host. */
#include "core/base/str.h"
#include "core/conf/unit.h"
#include "core/server/control.h"
#include "core/server/host.h"

#include <tercet/invite.h>

#include <string.h>

/* Whom or what the second argument names. */
struct place {
	const struct tct_jid *jid; /* counted */
	const struct tct_invite_ops *ops;
	struct tct_mod *provider;
};

/* False: answered. */
static bool find_place(struct control_call *call, struct place *p)
{
	struct tct_host *h;

	p->jid = tct_jid_new(call->args[1]);
	if (p->jid == NULL || tct_jid_resource(p->jid) != NULL) {
		control_answer(call, TCT_EINVAL, "\"%s\" is neither a host nor an address",
			call->args[1]);
		return false;
	}
	h = host_find(span_of(tct_jid_domain(p->jid)));
	p->ops = h != NULL ? tcti_host_service(h, "invites", &p->provider) : NULL;
	if (h == NULL)
		control_answer(call, TCT_ENOENT, "\"%s\" is no host of this server",
			tct_jid_domain(p->jid));
	else if (p->ops == NULL)
		control_answer(call, TCT_ENOENT,
			"that needs the module \"invites\" on the host %s", h->name);
	return p->ops != NULL;
}

static void refuse(struct control_call *call, int status)
{
	switch (status) {
	case TCT_EINVAL:
		control_answer(call, status,
			"that cannot be: an invitation with a name has one use, others at most %d; "
			"it lasts at most 366 days", TCT_INVITE_USES_MAX);
		return;
	case TCT_EPERM:
		control_answer(call, status,
			"nobody could use it: that needs the module \"register\" (\"roster\" for "
			"contacts) on the host");
		return;
	case TCT_ENOENT:
		control_answer(call, status, "there is no account %s", call->args[1]);
		return;
	case TCT_EEXIST:
		control_answer(call, status, "%s has an account or an invitation already",
			call->args[1]);
		return;
	case TCT_EFULL:
		control_answer(call, status, "too many invitations are open");
		return;
	default:
		control_answer(call, status, "it could not be stored (%s)", tct_code_text(status));
	}
}

static void made(struct tct_scope *scope, int status, const struct tct_invite_link *link,
	void *data)
{
	struct control_call *call = data;

	(void)scope;
	if (status != TCT_OK) {
		refuse(call, status);
		return;
	}
	json_array_append_new(call->rows,
		json_pack("{s:s, s:I, s:s, s:s}", "id", link->id, "until", (json_int_t)link->until,
			"uri", link->uri, "page", link->page != NULL ? link->page : ""));
	control_answer(call, TCT_OK, "%s", link->uri);
}

/* "7 days", and how often; "-": as the options say. */
static bool read_bounds(struct control_call *call, struct tct_invite *what)
{
	int64_t seconds;

	if (call->arg_count > 2 && strcmp(call->args[2], "-") != 0) {
		if (!unit_period(call->args[2], &seconds) || seconds < 1 ||
			seconds > TCT_INVITE_TIME_MAX) {
			control_answer(call, TCT_EINVAL,
				"\"%s\" is no time of at most 366 days (\"7 days\")", call->args[2]);
			return false;
		}
		what->until = tct_now() + seconds;
	}
	if (call->arg_count > 3 && (!unit_int(call->args[3], &what->uses) || what->uses < 1 ||
					   what->uses > TCT_INVITE_USES_MAX)) {
		control_answer(call, TCT_EINVAL, "\"%s\" is no number from 1 to %d", call->args[3],
			TCT_INVITE_USES_MAX);
		return false;
	}
	return true;
}

static void make(struct control_call *call, const struct place *p, bool contact)
{
	struct tct_invite what = TCT_INVITE_INIT;
	const char *name = tct_jid_node(p->jid);

	if (contact && name == NULL) {
		control_answer(call, TCT_EINVAL, "\"%s\" is no address of an account (name@host)",
			call->args[1]);
		return;
	}
	if (!read_bounds(call, &what))
		return;
	what.flags = contact ? TCT_INVITE_CONTACT : TCT_INVITE_ACCOUNT;
	what.name = contact ? NULL : name;
	what.inviter = contact ? name : NULL;
	p->ops->make(p->provider, call->scope, &what, made, call);
}

static void add_row(const struct tct_invite *invite, void *data)
{
	struct control_call *call = data;
	bool account = (invite->flags & TCT_INVITE_ACCOUNT) != 0;
	bool contact = (invite->flags & TCT_INVITE_CONTACT) != 0;

	json_array_append_new(call->rows,
		json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "id", invite->id, "for",
			!contact ? "account" : account ? "contact or account" : "contact", "name",
			invite->name != NULL ? invite->name : "", "by",
			invite->inviter != NULL ? invite->inviter : "", "uses",
			(json_int_t)invite->uses, "until", (json_int_t)invite->until));
}

static void listed(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;

	(void)scope;
	if (status != TCT_OK)
		control_answer(call, status, "it could not be read (%s)", tct_code_text(status));
	else
		control_answer(call, TCT_OK, "%zu invitation%s", json_array_size(call->rows),
			json_array_size(call->rows) == 1 ? "" : "s");
}

static void revoked(struct tct_scope *scope, int status, void *data)
{
	struct control_call *call = data;

	(void)scope;
	if (status == TCT_ENOENT)
		control_answer(call, status, "there is no invitation %s on %s", call->args[2],
			call->args[1]);
	else if (status != TCT_OK)
		control_answer(call, status, "it could not be stored (%s)", tct_code_text(status));
	else
		control_answer(call, TCT_OK, "nobody can use it any more");
}

void control_invite(struct control_call *call)
{
	const char *action = call->args[0];
	struct place p = { 0 };

	if (strcmp(action, "account") != 0 && strcmp(action, "contact") != 0 &&
		strcmp(action, "list") != 0 && strcmp(action, "revoke") != 0)
		control_answer(call, TCT_EINVAL,
			"\"%s\" is nothing to do with invitations: there are account, contact, list "
			"and revoke", action);
	else if (!find_place(call, &p))
		;
	else if (strcmp(action, "list") == 0)
		p.ops->list(p.provider, call->scope, add_row, listed, call);
	else if (strcmp(action, "revoke") != 0)
		make(call, &p, strcmp(action, "contact") == 0);
	else if (call->arg_count < 3)
		control_answer(call, TCT_EINVAL, "which one? See invite list");
	else
		p.ops->revoke(p.provider, call->scope, call->args[2], revoked, call);
	tct_jid_unref(p.jid);
}

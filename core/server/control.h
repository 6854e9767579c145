/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control.h - the control socket in the state folder: one request, a JSON object in one
 * line, and one answer, another:
 *
 *	{ "command": "adduser", "args": ["romeo@example.org"], "input": "password" }
 *	{ "status": 0, "text": "...", "rows": [ { ... } ] }
 *
 * Only the server's own user and root may speak on it; requests are bounded. */
#pragma once

#include <tercet/internal/server.h>

#include <jansson.h>

/* Opens FOLDER/control, mode 0600; a socket that nobody listens on is replaced. */
int control_start(const char *folder, struct tct_error *err) TCT_CHECKED;
void control_stop(void);

/* One request that is being answered. Commands keep what they start in its scope. */
struct control_call {
	struct tct_scope *scope;
	const char *args[4];
	size_t arg_count;
	const char *input; /* "" when none came */
	json_t *rows;      /* to be filled; becomes part of the answer */
	/* of control.c */
	void (*answered)(struct control_call *call, int status, const char *text);
};

typedef void control_fn(struct control_call *call);
struct control_entry {
	struct tcti_control_command command;
	control_fn *run;
};
/* The table, ended by a NULL name (control_commands.c). */
extern const struct control_entry control_entries[];

/* tercetctl invite (control_invite.c). */
void control_invite(struct control_call *call);
/* tercetctl s2s (control_s2s.c). */
void control_s2s(struct control_call *call);

/* Ends the call with an answer; once, from `run` or later. */
void control_answer(struct control_call *call, int status, const char *fmt, ...)
	TCT_PRINTF(3, 4);
/* The host of the optional first argument: true and NULL without one; false: answered. */
struct tct_host;
bool control_find_host(struct control_call *call, struct tct_host **h);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* command.h - the service "commands": ad-hoc commands of the host (XEP-0050), provided for
 * each host by mod_adhoc. A command is a function that is called once for each step: the
 * first without a form, the others with the one that was submitted. Between two steps
 * the server keeps nothing but the number of the step. */
#pragma once

#include <tercet/event.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tct_command_access {
	TCT_COMMAND_ADMIN = 0, /* the host's administrators (tct_host_admin), at each step */
	TCT_COMMAND_LOCAL = 1  /* accounts of the host */
};

enum tct_command_result {
	TCT_COMMAND_DONE = 0,  /* it has ended, well or (with a note of type error) not */
	TCT_COMMAND_NEXT = 1,  /* `reply` has a form to be filled in; then the next step */
	TCT_COMMAND_LAST = 2,  /* the same, and what is submitted completes the command */
	TCT_COMMAND_AGAIN = 3  /* the form cannot be accepted (bad-payload): the step stays */
};

/* Valid for the call. Append-only; made by the server only. */
struct tct_command_call {
	uint32_t size;
	uint32_t step;               /* 0: the first */
	struct tct_event *ev;
	const struct tct_elem *form; /* the submitted jabber:x:data; NULL: none */
	struct tct_elem *reply;      /* the <command/> of the answer: add a form or notes */
};

typedef enum tct_command_result tct_command_fn(struct tct_mod *m, struct tct_command_call *call);

struct tct_command {
	uint32_t size;
	uint32_t access;  /* enum tct_command_access */
	const char *node; /* of the command */
	const char *name; /* for people */
	tct_command_fn *fn;
};

/* `m` is always the provider's instance, as tct_service() gave it. Append-only. */
struct tct_command_ops {
	uint32_t size;
	/* Offers a command of `user` until the scope of `user` ends. In load(). `command` and
	 * its strings must live as long. TCT_EEXIST: there is one with that node. */
	int (*offer)(struct tct_mod *m, struct tct_mod *user, const struct tct_command *command);
};

#ifdef __cplusplus
}
#endif

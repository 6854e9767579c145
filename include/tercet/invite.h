/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* invite.h - the service "invites": invitations to make an account, or to become somebody's
 * contact, by a link (XEP-0401). Provided for each host by mod_invites. Only the hash of the
 * token in a link is kept, so a link is shown once, to who makes it. */
#pragma once

#include <tercet/session.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TCT_INVITE_ID_SIZE 17 /* with its NUL */
#define TCT_INVITE_TIME_MAX (366 * 24 * 60 * 60)
#define TCT_INVITE_USES_MAX 1000

enum tct_invite_flags {
	TCT_INVITE_ACCOUNT = 1 << 0, /* who has it may make an account */
	TCT_INVITE_CONTACT = 1 << 1, /* `inviter` accepts who asks with it (XEP-0379) */
	TCT_INVITE_FRIENDS = 1 << 2  /* the new account and `inviter` become contacts */
};

/* Append-only. Strings may be NULL; those that the service gives are valid for the call. */
struct tct_invite {
	uint32_t size;
	uint32_t flags;      /* enum tct_invite_flags */
	const char *name;    /* localpart of the account, prepared; NULL: any */
	const char *inviter; /* localpart; NULL: an administrator, on no account of his own */
	int64_t until;       /* tct_now(); to make one: 0: as the options say */
	int64_t uses;        /* that are left; to make one: 1 to TCT_INVITE_USES_MAX */
	int64_t created;
	const char *id;      /* for lists and to revoke it; tells nothing of the token */
};
#define TCT_INVITE_INIT { sizeof(struct tct_invite), 0, NULL, NULL, 0, 1, 0, NULL }

/* What the invited person gets; valid for the call, and wiped after it. */
struct tct_invite_link {
	uint32_t size;
	const char *uri;  /* xmpp:, as XEP-0401 and XEP-0445 write it */
	const char *page; /* a landing page; NULL: none is configured */
	const char *id;
	int64_t until;
};

/* `status` other than TCT_OK: `link`, `invite` is NULL. */
typedef void tct_invite_made_fn(struct tct_scope *scope, int status,
	const struct tct_invite_link *link, void *data);
typedef void tct_invite_fn(struct tct_scope *scope, int status, const struct tct_invite *invite,
	void *data);
typedef void tct_invite_row_fn(const struct tct_invite *invite, void *data);

/* The service "registration": whoever makes accounts by invitation provides it, and so says that
 * such invitations have a use. */
struct tct_registration_ops {
	uint32_t size;
};

/* `m` is always the provider's instance. Callbacks never run inside the call. Append-only. */
struct tct_invite_ops {
	uint32_t size;
	/* TCT_EINVAL: it makes no sense; TCT_EPERM: nobody on this host registers accounts;
	 * TCT_ENOENT: no such inviter; TCT_EEXIST: the name is taken or reserved; TCT_EFULL:
	 * too many are open; TCT_EIO. */
	void (*make)(struct tct_mod *m, struct tct_scope *scope, const struct tct_invite *what,
		tct_invite_made_fn *fn, void *data);
	/* Those that are open: `row` for each, then `done`. */
	void (*list)(struct tct_mod *m, struct tct_scope *scope, tct_invite_row_fn *row,
		tct_done_fn *done, void *data);
	/* TCT_ENOENT: there is none with that id. */
	void (*revoke)(struct tct_mod *m, struct tct_scope *scope, const char *id,
		tct_done_fn *fn, void *data);

	/* ---- for who registers accounts (XEP-0445) ---- */
	/* TCT_OK: an account can be made with that token now; TCT_ENOENT. */
	void (*check)(struct tct_mod *m, struct tct_scope *scope, const char *token,
		tct_invite_fn *fn, void *data);
	/* Before the account `user` is made: with an invitation (its id), of which one use is
	 * taken; its time does not count any more. NULL: without. TCT_OK, and `invite` what it
	 * was (NULL without one); TCT_ENOENT: the invitation was used or revoked meanwhile;
	 * TCT_EPERM: it is for another name; TCT_EEXIST: the name is reserved for somebody. */
	void (*claim)(struct tct_mod *m, struct tct_scope *scope, const char *id,
		const char *user, tct_invite_fn *fn, void *data);
	/* After that, once: the account was made, or not, and then the use is given back. `fn`
	 * when contacts are what they shall be; may be NULL. */
	void (*settle)(struct tct_mod *m, struct tct_scope *scope, const char *id,
		const char *user, bool made, tct_done_fn *fn, void *data);
};

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* archive.h - the service "archive": under which id a message is kept in the archive of an
 * account (XEP-0313). Provided for each host by mod_mam. The rows are in the store "mam",
 * which others may open too (tct_archive_open): the row's id, the full address of the other
 * party, and a value that `add_row` reads. */
#pragma once

#include <tercet/session.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TCT_ARCHIVE_ID_SIZE 33 /* with its NUL */

/* A session was sent all rows with ids from `first` to `last` that its account has. */
typedef void tct_archive_fetched_fn(struct tct_mod *m, struct tct_session *s, uint64_t first,
	uint64_t last);

/* Rows are about to go for good: those of `user` (NULL: of all accounts) up to and with this
 * id. They do not before let_go() was called with `leave`, once and never inside this call; if
 * that says false, they stay for now. */
struct tct_archive_leave;
typedef void tct_archive_leaving_fn(struct tct_mod *m, const char *user, uint64_t up_to,
	struct tct_archive_leave *leave);

/* `m` is always the provider's instance, as tct_service() gave it. Append-only. */
struct tct_archive_ops {
	uint32_t size;
	/* The id of the row that the message of this event has left in the archive of its
	 * sender (after OUTBOUND, priority OBSERVE) or its addressee (after RESOLVED, the same);
	 * 0: it is in none. The row is in the event's own write set. */
	uint64_t (*sent)(struct tct_mod *m, struct tct_event *ev);
	uint64_t (*kept)(struct tct_mod *m, struct tct_event *ev);
	/* The id as clients see it, for the account `user`, and back; 0: it is not one of that
	 * account's. A row may be gone all the same. */
	void (*id_text)(struct tct_mod *m, const char *user, uint64_t id,
		char out[TCT_ARCHIVE_ID_SIZE]);
	uint64_t (*id_parse)(struct tct_mod *m, const char *user, const char *text);
	/* Adds <stanza-id/> to a copy of the message that goes to clients of `e`. */
	void (*add_id)(struct tct_mod *m, const struct tct_entity *e, uint64_t id,
		struct tct_elem *parent);
	/* Appends the message of a row to `parent`; NULL: it cannot be read. */
	struct tct_elem *(*add_row)(struct tct_mod *m, struct tct_elem *parent,
		const struct tct_value *row);
	/* Rows below this id are no longer there for clients, whether or not the store has them
	 * still; 0: all are. */
	uint64_t (*floor)(struct tct_mod *m, const struct tct_entity *e);
	/* Calls fn for `user` when a page has been sent that leaves nothing out, until the
	 * scope of `user` ends. In load(). */
	void (*watch)(struct tct_mod *m, struct tct_mod *user, tct_archive_fetched_fn *fn);
	/* Calls fn for `user` before rows go, unless their account does, until the scope of
	 * `user` ends: for who refers to rows. In load(). */
	void (*guard)(struct tct_mod *m, struct tct_mod *user, tct_archive_leaving_fn *fn);
	void (*let_go)(struct tct_mod *m, struct tct_archive_leave *leave, bool ok);
};

#ifdef __cplusplus
}
#endif

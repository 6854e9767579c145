/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* inbound.h - which of a session's stanzas are done with: the event has ended (a deferred
 * question: was answered) and what it wrote is on disk. Counted in order, so that the number
 * of handled stanzas says which ones (XEP-0198's `h`); a stanza that waits holds the count of
 * those behind it, not their handling. Costs nothing until somebody tracks the session, or
 * counts what a stream of another server gives (tcti_stream_set_intake).
 *
 * For a session that outlives the process the number is written down with what its stanzas
 * write: in the archive row that a stanza leaves with its sender, or by the owner of the pipe.
 * After a crash the highest number that is on disk is how far the session had come; of messages
 * that were handled ahead of others the numbers are there, too. */
#pragma once

#include "core/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct tct_record;
struct tct_session;
struct tct_stanza;
struct tct_txn;
struct tct_value;
struct inbound_token;

struct inbound_done {
	uint64_t hash; /* of the message */
	uint32_t number; /* that it had, or when it has come again, has now */
	bool came;       /* again; another crash may take back that it is handled */
};

/* Part of a session; zeroed by its maker, then: */
struct inbound {
	struct list tokens; /* not handled yet, oldest first */
	uint32_t received, handled; /* since tracking began; they wrap */
	uint32_t durable; /* so many are on disk as handled, as far as is known */
	bool tracked;
	bool stuck;   /* nothing more counts, see inbound_forget */
	bool noticed; /* a call of the owner of the pipe is under way */
	/* What was handled beyond `handled` before a crash, in no order: its client sends it
	 * again. See inbound_again. */
	struct inbound_done *again;
	uint32_t again_count;
};
void inbound_init(struct inbound *in);
void inbound_fini(struct inbound *in);
/* For a stanza that was read; NULL when the session is not tracked. */
struct inbound_token *inbound_begin(struct tct_session *s);
/* The same for a stream of another server; NULL: nobody counts. */
struct tcti_intake;
struct inbound_token *intake_begin(struct tcti_intake *k);
/* Its event has ended; `txn` and `st` (borrowed, may be NULL) are its write set and its stanza.
 * The token is taken; NULL does nothing. */
void inbound_end(struct inbound_token *t, struct tct_txn *txn, const struct tct_stanza *st);
/* Of a stanza of another server's stream: it ends without having been handled, and from here on
 * nothing of that stream counts as handled. False: it is another's, or NULL, and was not taken. */
bool inbound_forget(struct inbound_token *t);
/* True, once, when this message, the next one that is read, was handled already before a crash.
 * Clients send again in order, so it has the number that it had, or a lower one when not all
 * came again; what comes later is another. */
bool inbound_again(struct inbound *in, const struct tct_stanza *st);
/* What will be sent again, so that a server after yet another crash knows of it. */
void inbound_save(const struct inbound *in, struct tct_record *out);
void inbound_restore(struct inbound *in, const struct tct_value *saved);

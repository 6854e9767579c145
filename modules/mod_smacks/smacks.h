/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* smacks.h - what the files of mod_smacks share. A session that has it enabled has a `struct
 * sm`; one that may be resumed has a key, too, under which it is written down in the store
 * "smacks", so that it outlives the server (save.c). */
#pragma once

#include "queue.h"

#include <tercet/internal/sasl.h>

#define NS_SM "urn:xmpp:sm:3"
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

#define ID_LEN 32

/* Of what is handled ahead of others only so many are kept in mind. */
#define AHEAD_MAX 1000

struct smacks_config {
	int64_t hibernation_time;
	int64_t hibernated_sessions;
	int64_t max_unacked;
	int64_t ack_delay;
	int64_t ack_timeout;
	int64_t late_after;
	int64_t queue_count;
	int64_t queue_size;
	const char *location;
};

/* Data of the instance. */
struct smacks {
	struct tct_kv *kv; /* preloaded; see save.c */
	char *after;       /* restore.c: sessions of users up to this one have been looked for */
	size_t loading;
};

/* Of a session that has it enabled (id is not empty). */
struct sm {
	char id[ID_LEN + 1];
	bool resumable;
	bool asked;  /* we asked, and no answer came yet */
	bool owes;   /* the client asked, and waits until what it sent is handled */
	bool late;   /* it does not answer for some time */
	bool full;   /* the session is being ended for that */
	bool noting; /* how far it is handled is being written down */
	bool hibernates; /* its connection was lost */
	bool changed; /* its presence: it is written down before that is acknowledged */
	bool writing; /* the set that it was written into last may be open still */
	bool saved;  /* the server stops: what is written down stays */
	bool keep_low; /* the next record looks as far back as the one before */
	uint32_t acked; /* what the client has acknowledged; the queue follows it */
	struct queue queue;
	struct tct_session *session;
	struct tct_mod *mod;
	struct tct_timer *ask, *timeout, *answer, *lateness, *save;
	struct sm_stream *waiting; /* wants to resume, when all input is handled */
	/* save.c; key 0: it is not written down */
	uint64_t key, low;
	struct earlier *earlier; /* keys that it had; NULL: none */
	uint64_t state; /* of what modules have saved in the record */
	int64_t max; /* seconds to wait for its client */
	uint32_t ceiling, saved_acked, saved_handled;
	uint32_t *ahead; /* numbers of the rows of what was handled ahead; NULL: none */
	uint32_t ahead_count;
	/* restore.c: how its client has counted since is not known; NULL: it is. */
	struct sparse *sparse;
	struct restoring *restoring; /* while its rows are looked for */
};

/* With another key, marks of an old one say that the client has the message: what it had not got
 * was marked with the new key. Of older ones the messages have gone from the disk by then. */
#define EARLIER_MAX 8
struct earlier {
	uint32_t count;
	uint64_t keys[EARLIER_MAX]; /* the newest first */
};

/* A session that came back after a crash: what its client was sent that is kept as rows, with
 * the numbers of then; what was sent between these is gone. */
struct sparse {
	uint32_t last; /* the highest number that its client may have got */
	uint32_t count;
	uint32_t numbers[]; /* of the first entries of the queue; others come after `last` */
};

/* Of a stream that asked to resume. */
struct sm_stream {
	struct tct_stream *stream;
	struct sm *sm; /* for which it waits; NULL: for none */
	uint32_t h;
	tcti_resume_fn *answered; /* inside of SASL2: what is called with the answer; else NULL */
	void *answered_data;
	struct tct_elem *answer;
};

static inline bool sm_enabled(const struct sm *sm)
{
	return sm != NULL && sm->id[0] != '\0';
}

/* ---- mod_smacks.c ---- */
extern const struct tcti_pipe_ops sm_pipe_ops;
void sm_stop(struct tct_timer **timer);
void sm_ask(struct tct_mod *m, struct sm *sm);
void sm_send_count(struct tct_stream *s, const char *name, uint32_t h);
void sm_send_failed(struct tct_stream *s, const char *condition);
/* The number in `h`; false when it is none. */
bool sm_read_h(const struct tct_elem *e, uint32_t *h);
/* The client has handled `h` in all. False: that is more than it was sent, and the stream
 * ends (section 4). */
bool sm_acknowledge(struct tct_stream *s, struct sm *sm, uint32_t h);
/* Ends the stream of a client that says it has handled `h` when it was sent `sent`. */
void sm_too_high(struct tct_stream *s, uint32_t h, uint32_t sent);
/* If it does not answer in time, others are told what that concerns. */
void sm_watch_lateness(struct tct_mod *m, struct sm *sm);
/* Nobody is asked or answered while there is no connection. */
void sm_rest(struct sm *sm);

/* Compared to the end, so that its time says nothing. */
bool sm_same_id(const char *id, const char *other);

/* ---- resume.c ---- */
tcti_nonza_fn sm_on_resume;
/* See struct tcti_resume_ops. */
void sm_resume_inline(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *request,
	struct tct_elem *answer, tcti_resume_fn *fn, void *data);
/* The session for which this stream waited is gone. */
void sm_refuse(struct tct_mod *m, struct tct_stream *s);
tct_session_fn sm_detached;
void sm_finish_resume(struct tct_mod *m, struct sm *sm);
/* A stream stops waiting for its session, and may go on; NULL: none waits. */
struct tct_stream *sm_take_waiting(struct sm *sm);

/* ---- save.c ---- */
/* It may be resumed: from here on it is written down. */
void sm_save_begin(struct tct_mod *m, struct sm *sm);
/* The client was sent, or has acknowledged or sent, one more. */
void sm_save_look(struct sm *sm);
/* An answer to a question of the client is being sent. */
void sm_save_answer(struct tct_mod *m, struct sm *sm);
/* Into a set. */
void sm_save_write(struct tct_mod *m, struct sm *sm, struct tct_txn *txn);
/* Gets a new key: what is marked with the old one is not found any more. */
void sm_save_rename(struct tct_mod *m, struct sm *sm, struct tct_txn *txn);
/* Into a set that says something of the session. */
void sm_save_state(struct tct_mod *m, struct sm *sm, struct tct_txn *txn);
/* Writes down how far the session's stanzas are handled, then says so to the session. */
void sm_note_handled_now(struct tct_mod *m, struct sm *sm);
/* Its client did not come back in time: how far its stanzas were handled is kept. */
void sm_save_end(struct tct_mod *m, struct sm *sm);
/* What was kept so for the session of that id; false: nothing. */
bool sm_save_ended(struct tct_mod *m, const struct tct_entity *e, const char *id, uint32_t *h);
/* It is over. */
void sm_save_forget(struct tct_mod *m, struct sm *sm);
/* A row says that this number was handled ahead of others. */
void sm_ahead_add(struct sm *sm, uint32_t number);
/* These rows go. */
void sm_ahead_forget(struct tct_mod *m, struct sm *sm, struct tct_txn *txn);
/* The number of such a row of the session with this key; false: it is none. */
bool sm_ahead_number(const char *row, uint64_t key, uint32_t *number);
/* Operations of the pipe. */
void sm_note_handled(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn,
	uint32_t number);
void sm_note_ahead(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn, uint32_t number,
	uint64_t hash);
void sm_note_state(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn);
void sm_marked(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn, uint64_t id);
bool sm_save(struct tct_mod *m, struct tct_session *s);
tct_stanza_fn sm_on_presence;
void sm_on_changed(struct tct_mod *m, struct tct_session *s);

#define SM_KEY_SIZE 18 /* of a row: a letter, 16 digits, NUL */
void sm_row_key(char letter, uint64_t key, char out[SM_KEY_SIZE]);

/* Reads the keys that the session of a record had before; NULL: none. */
struct earlier *sm_earlier_read(const struct tct_value *record);
bool sm_earlier_has(const struct earlier *e, uint64_t key);

/* ---- restore.c ---- */
tct_entity_fn sm_loaded;
/* All accounts that have something written down are loaded, one after the other. */
void sm_restore_start(struct tct_mod *m);
/* Forgets the session, which ends while its rows are looked for. */
void sm_restore_leave(struct sm *sm);

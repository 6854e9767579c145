/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* save.c - what is written down of a session that may be resumed, so that it outlives the
 * server. Rows of the account in the store "smacks", with the session's key in hexadecimal:
 *
 *   sKEY  what the session is, how far both sides had come, the first id of the rows that its
 *         queue is kept as, and the keys that it had before. Written when it begins, when what
 *         modules know of it has changed, and again now and then
 *   hKEY  how many of the client's stanzas are handled, when nothing else says so
 *   aKEYNUMBER  what this one says (tcti_message_hash), which is handled while one before it is
 *         not, when nothing else says so; until hKEY or sKEY does
 *   eID   with the id that the client knows: a session whose client did not come back
 *   qKEY  only by a server that stops: what of its queue is kept as no row
 *
 * The messages of the queue are found by the marks that core leaves in their rows (archive,
 * offline store); so a message costs no row of its own. What a crash loses is presence and
 * questions that were under way. */
#include "smacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAVE_MS 1000
/* Of the queue's bytes that are kept as no rows; presence and answers. */
#define INLINE_BYTES (1024u * 1024)
/* An event that has left a row may still be on its way to the session. */
#define MARGIN_IDS (UINT64_C(60000000) << 8)

/* How far sessions were handled whose clients did not come back. */
#define ENDED_KEY (1 + ID_LEN + 1)
#define ENDED_MAX 10
#define ENDED_SECONDS (7 * 86400)

void sm_row_key(char letter, uint64_t key, char out[SM_KEY_SIZE])
{
	snprintf(out, SM_KEY_SIZE, "%c%016llx", letter, (unsigned long long)key);
}

static const char *user_of(const struct sm *sm)
{
	return tct_session_user(sm->session);
}

static struct tct_kv *kv_of(const struct tct_mod *m)
{
	return ((const struct smacks *)tct_mod_data(m))->kv;
}

/* ---- keys that it had ---- */

static void earlier_add(struct sm *sm)
{
	struct earlier *e = sm->earlier;

	if (e == NULL)
		e = sm->earlier = calloc(1, sizeof *e);
	if (e == NULL)
		abort();
	memmove(e->keys + 1, e->keys, (EARLIER_MAX - 1) * sizeof *e->keys);
	e->keys[0] = sm->key;
	if (e->count < EARLIER_MAX)
		e->count++;
}

bool sm_earlier_has(const struct earlier *e, uint64_t key)
{
	for (uint32_t i = 0; e != NULL && i < e->count; i++) {
		if (e->keys[i] == key)
			return true;
	}
	return false;
}

static void earlier_write(const struct sm *sm, struct tct_record *r)
{
	char text[EARLIER_MAX * 16 + 1] = "";

	for (uint32_t i = 0; sm->earlier != NULL && i < sm->earlier->count; i++)
		snprintf(text + i * 16, 17, "%016llx", (unsigned long long)sm->earlier->keys[i]);
	if (text[0] != '\0')
		tct_record_set_string(r, "earlier", text);
}

struct earlier *sm_earlier_read(const struct tct_value *record)
{
	const char *text = tct_record_string(record, "earlier", "");
	struct earlier *e = text[0] != '\0' ? calloc(1, sizeof *e) : NULL;
	char one[17] = "";

	for (; e != NULL && e->count < EARLIER_MAX && strlen(text) >= 16; text += 16) {
		memcpy(one, text, 16);
		e->keys[e->count++] = strtoull(one, NULL, 16);
	}
	return e;
}

/* Numbers up to here may be used before the record is written again. */
static uint32_t reserve(const struct smacks_config *config)
{
	return 2 * (uint32_t)config->queue_count + 1000;
}

static uint64_t lowest_row(struct tct_mod *m, const struct sm *sm)
{
	uint64_t now = tcti_rows_last(m), low = now > MARGIN_IDS ? now - MARGIN_IDS : 1;

	for (uint32_t i = 0; i < sm->queue.count; i++) {
		uint64_t id = tcti_delivery_row(queue_get(&sm->queue, i));

		if (id != 0 && id < low)
			low = id;
	}
	return low;
}

/* ---- ahead of others ---- */

#define AHEAD_KEY (SM_KEY_SIZE + 8)

static void ahead_key(uint64_t key, uint32_t number, char out[AHEAD_KEY])
{
	snprintf(out, AHEAD_KEY, "a%016llx%08x", (unsigned long long)key, (unsigned)number);
}

bool sm_ahead_number(const char *row, uint64_t key, uint32_t *number)
{
	char start[SM_KEY_SIZE];

	sm_row_key('a', key, start);
	if (strncmp(row, start, SM_KEY_SIZE - 1) != 0 || strlen(row) != AHEAD_KEY - 1)
		return false;
	*number = (uint32_t)strtoul(row + SM_KEY_SIZE - 1, NULL, 16);
	return true;
}

void sm_ahead_add(struct sm *sm, uint32_t number)
{
	if ((sm->ahead_count & (sm->ahead_count - 1)) == 0) {
		uint32_t room = sm->ahead_count > 0 ? 2 * sm->ahead_count : 1;

		sm->ahead = realloc(sm->ahead, room * sizeof *sm->ahead);
		if (sm->ahead == NULL)
			abort();
	}
	sm->ahead[sm->ahead_count++] = number;
}

void sm_ahead_forget(struct tct_mod *m, struct sm *sm, struct tct_txn *txn)
{
	char key[AHEAD_KEY];

	for (uint32_t i = 0; i < sm->ahead_count; i++) {
		ahead_key(sm->key, sm->ahead[i], key);
		tct_kv_delete(txn, kv_of(m), user_of(sm), key);
	}
	free(sm->ahead);
	sm->ahead = NULL;
	sm->ahead_count = 0;
}

/* This set says that all up to `handled` are. */
static void forget_ahead(struct tct_mod *m, struct sm *sm, struct tct_txn *txn, uint32_t handled)
{
	for (uint32_t i = 0; i < sm->ahead_count; i++) {
		if ((int32_t)(sm->ahead[i] - handled) > 0)
			return;
	}
	sm_ahead_forget(m, sm, txn);
}

void sm_note_ahead(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn, uint32_t number,
	uint64_t hash)
{
	struct sm *sm = tct_session_data(m, s);
	char key[AHEAD_KEY];

	if (sm->key == 0 || sm->ahead_count >= AHEAD_MAX)
		return;
	ahead_key(sm->key, number, key);
	tct_kv_put(txn, kv_of(m), user_of(sm), key, tct_int((int64_t)hash));
	sm_ahead_add(sm, number);
}

/* ---- the record ---- */

static void put_record(struct tct_mod *m, struct sm *sm, struct tct_txn *txn, bool clean)
{
	uint32_t handled = clean ? tcti_session_handled(sm->session) :
				   tcti_session_durable(sm->session);
	struct tct_record *r = tct_record_new();
	char key[SM_KEY_SIZE];

	sm->changed = false;
	sm->writing = true;
	sm->state = tcti_session_state(sm->session);
	/* Rows that the client turned out to have go from the disk a little later. */
	if (!sm->keep_low || lowest_row(m, sm) < sm->low)
		sm->low = lowest_row(m, sm);
	sm->keep_low = false;
	sm->ceiling = (sm->sparse != NULL ? sm->sparse->last : tcti_session_sent(sm->session)) +
		reserve(tct_mod_config(m));
	sm->saved_acked = sm->acked;
	sm->saved_handled = tcti_session_handled(sm->session);
	tct_record_set_string(r, "id", sm->id);
	tct_record_set_int(r, "max", sm->max);
	tct_record_set_int(r, "acked", sm->acked);
	tct_record_set_int(r, "sent", tcti_session_sent(sm->session));
	tct_record_set_int(r, "ceiling", sm->ceiling);
	/* A server that stops writes this behind all that its clients have caused. */
	tct_record_set_int(r, "handled", handled);
	forget_ahead(m, sm, txn, handled);
	tct_record_set_int(r, "low", (int64_t)sm->low);
	tct_record_set_int(r, "clean", clean);
	earlier_write(sm, r);
	tcti_session_save(sm->session, r);
	sm_row_key('s', sm->key, key);
	tct_kv_put(txn, kv_of(m), user_of(sm), key, tct_record_value(r));
	tct_record_free(r);
}

void sm_save_write(struct tct_mod *m, struct sm *sm, struct tct_txn *txn)
{
	sm_stop(&sm->save);
	put_record(m, sm, txn, false);
}

/* A set that was closed is on disk before this one; one that is open is joined with it when both
 * write the record. */
void sm_save_state(struct tct_mod *m, struct sm *sm, struct tct_txn *txn)
{
	char key[SM_KEY_SIZE];

	if (sm->writing) {
		sm_row_key('s', sm->key, key);
		sm->writing = tcti_row_open(kv_of(m), user_of(sm), key);
	}
	if (sm->changed || sm->writing || sm->save != NULL)
		sm_save_write(m, sm, txn);
}

void sm_note_state(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn)
{
	struct sm *sm = tct_session_data(m, s);

	if (sm->key != 0 && (sm->changed || sm->writing))
		sm_save_state(m, sm, txn);
}

static void save_now(struct tct_scope *scope, void *data)
{
	struct sm *sm = data;
	struct tct_mod *m = tct_scope_mod(scope);

	sm->save = NULL;
	sm_save_write(m, sm, tcti_txn_of_turn(m));
}

static void save_in(struct sm *sm, int64_t ms)
{
	if (sm->key == 0 || (sm->save != NULL && ms > 0))
		return;
	sm_stop(&sm->save);
	sm->save = tct_timer_start(tct_session_scope(sm->mod, sm->session), ms, 0, save_now, sm);
}

void sm_save_look(struct sm *sm)
{
	const struct smacks_config *config = tct_mod_config(sm->mod);
	uint32_t left = sm->ceiling - tcti_session_sent(sm->session);

	if (sm->key != 0 && sm->changed)
		sm_save_write(sm->mod, sm, tcti_txn_of_turn(sm->mod));
	if (sm->key == 0 || sm->save != NULL)
		return;
	if (left < (uint32_t)config->queue_count + 500)
		save_in(sm, 0);
	else if (sm->acked - sm->saved_acked >= 64 ||
		tcti_session_handled(sm->session) - sm->saved_handled >= 1000)
		save_in(sm, SAVE_MS);
}

static uint64_t new_key(void)
{
	uint64_t key;

	do
		tct_random(&key, sizeof key);
	while (key == 0);
	return key;
}

void sm_save_begin(struct tct_mod *m, struct sm *sm)
{
	sm->key = new_key();
	tcti_session_mark(sm->session, sm->key, sm->acked);
	sm_save_write(m, sm, tcti_txn_of_turn(m));
}

static void delete_rows(struct tct_mod *m, struct sm *sm, struct tct_txn *txn)
{
	static const char letters[] = "shq";
	char key[SM_KEY_SIZE];

	for (const char *c = letters; *c != '\0'; c++) {
		sm_row_key(*c, sm->key, key);
		tct_kv_delete(txn, kv_of(m), user_of(sm), key);
	}
	sm_ahead_forget(m, sm, txn);
}

void sm_save_rename(struct tct_mod *m, struct sm *sm, struct tct_txn *txn)
{
	delete_rows(m, sm, txn);
	earlier_add(sm);
	sm->keep_low = true;
	sm->key = new_key();
	tcti_session_mark(sm->session, sm->key, sm->acked + sm->queue.count);
	sm_save_write(m, sm, txn);
}

void sm_save_forget(struct tct_mod *m, struct sm *sm)
{
	if (sm->key != 0)
		delete_rows(m, sm, tcti_txn_of_turn(m));
	sm->key = 0;
}

/* ---- after its end ---- */

struct kept {
	const char *id;
	int64_t now, oldest; /* seconds */
	char oldest_key[ENDED_KEY];
	uint32_t count, h;
	bool found;
};

/* The row of an ended session: when it ended, and how far it was handled. */
static void look_at_ended(const char *key, const struct tct_value *v, void *data)
{
	struct kept *k = data;
	int64_t when = v->kind == TCT_VALUE_INT ? v->i >> 32 : 0;

	if (key[0] != 'e' || strlen(key) != ENDED_KEY - 1)
		return;
	if (k->id != NULL && sm_same_id(key + 1, k->id) && k->now - when < ENDED_SECONDS) {
		k->found = true;
		k->h = (uint32_t)v->i;
	}
	k->count++;
	if (k->count == 1 || when < k->oldest) {
		k->oldest = when;
		memcpy(k->oldest_key, key, ENDED_KEY);
	}
}

bool sm_save_ended(struct tct_mod *m, const struct tct_entity *e, const char *id, uint32_t *h)
{
	struct kept k = { .id = id, .now = tct_now() };

	tct_entity_each(e, kv_of(m), look_at_ended, &k);
	*h = k.h;
	return k.found;
}

void sm_save_end(struct tct_mod *m, struct sm *sm)
{
	struct kept k = { .now = tct_now() };
	struct tct_txn *txn = tcti_txn_of_turn(m);
	char key[ENDED_KEY];

	if (sm->key == 0)
		return;
	tct_entity_each(tct_session_entity(sm->session), kv_of(m), look_at_ended, &k);
	if (k.count >= ENDED_MAX)
		tct_kv_delete(txn, kv_of(m), user_of(sm), k.oldest_key);
	snprintf(key, sizeof key, "e%s", sm->id);
	tct_kv_put(txn, kv_of(m), user_of(sm), key,
		tct_int(k.now << 32 | tcti_session_handled(sm->session)));
}

/* ---- how far the client's stanzas are handled ---- */

static void put_handled(struct tct_mod *m, struct sm *sm, struct tct_txn *txn, uint32_t number)
{
	char key[SM_KEY_SIZE];

	sm_row_key('h', sm->key, key);
	tct_kv_put(txn, kv_of(m), user_of(sm), key, tct_int(number));
	forget_ahead(m, sm, txn, number);
}

void sm_note_handled(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn,
	uint32_t number)
{
	struct sm *sm = tct_session_data(m, s);

	if (sm->key != 0)
		put_handled(m, sm, txn, number);
}

struct note {
	struct sm *sm;
	uint32_t number;
};

/* On a full disk the client is answered all the same: the worst that can happen then is that
 * it sends again what changed nothing. */
static void noted(struct tct_scope *scope, int status, void *data)
{
	struct note *note = data;
	struct sm *sm = note->sm;

	(void)scope;
	(void)status;
	sm->noting = false;
	tcti_session_set_durable(sm->session, note->number);
	tct_scope_free(note);
	tcti_session_notice(sm->session);
}

void sm_note_handled_now(struct tct_mod *m, struct sm *sm)
{
	struct tct_scope *scope = tct_session_scope(m, sm->session);
	struct tct_txn *txn;
	struct note *note;

	if (sm->noting)
		return;
	sm->noting = true;
	note = tct_scope_alloc(scope, sizeof *note, NULL);
	note->sm = sm;
	note->number = tcti_session_handled(sm->session);
	txn = tct_txn_new(m);
	sm_save_state(m, sm, txn);
	put_handled(m, sm, txn, note->number);
	tct_txn_submit(scope, txn, noted, note);
}

/* ---- when it is written again ---- */

/* An old row was marked: the next server has to look so far back. */
void sm_marked(struct tct_mod *m, struct tct_session *s, struct tct_txn *txn, uint64_t id)
{
	struct sm *sm = tct_session_data(m, s);

	if (sm->key != 0 && id < sm->low)
		sm_save_write(m, sm, txn);
}

/* Of a stanza about the session itself. */
static struct sm *asker(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_session *s = ev->origin.session;
	struct sm *sm = s != NULL ? tct_session_data_peek(m, s) : NULL;

	return sm_enabled(sm) && tct_stanza_to(ev->stanza) == NULL ? sm : NULL;
}

/* The first presence and the last: core knows of it now. */
void sm_on_changed(struct tct_mod *m, struct tct_session *s)
{
	struct sm *sm = tct_session_data_peek(m, s);

	if (!sm_enabled(sm))
		return;
	sm->changed = true;
	tcti_session_notice(s);
}

enum tct_verdict sm_on_presence(struct tct_mod *m, struct tct_event *ev)
{
	struct sm *sm = asker(m, ev);

	if (sm != NULL)
		sm->changed = true;
	return TCT_CONTINUE;
}

/* What modules know of a session changes by questions of its client (carbons, roster): a client
 * that has the answer relies on it. */
void sm_save_answer(struct tct_mod *m, struct sm *sm)
{
	struct tct_txn *txn;

	if (sm->key == 0 || tcti_session_state(sm->session) == sm->state)
		return;
	txn = tcti_txn_of_turn(m);
	sm_save_write(m, sm, txn);
	tcti_pipe_wait(sm->session, txn);
}

/* ---- the server stops ---- */

/* What is no row, with its place in the queue. */
static void put_queue(struct tct_mod *m, struct sm *sm, struct tct_txn *txn)
{
	struct tct_record *r = tct_record_new();
	size_t bytes = 0;
	char key[SM_KEY_SIZE], field[16];
	bool any = false;

	for (uint32_t i = 0; i < sm->queue.count; i++) {
		struct delivery *d = queue_get(&sm->queue, i);

		if (tcti_delivery_row(d) != 0)
			continue;
		bytes += tcti_delivery_size(d);
		if (bytes > INLINE_BYTES)
			break;
		snprintf(field, sizeof field, "%u", i);
		tcti_delivery_save(d, r, field);
		any = true;
	}
	sm_row_key('q', sm->key, key);
	if (any)
		tct_kv_put(txn, kv_of(m), user_of(sm), key, tct_record_value(r));
	else
		tct_kv_delete(txn, kv_of(m), user_of(sm), key);
	tct_record_free(r);
}

bool sm_save(struct tct_mod *m, struct tct_session *s)
{
	struct sm *sm = tct_session_data_peek(m, s);
	struct tct_txn *txn;

	if (!sm_enabled(sm) || sm->key == 0 || sm->full)
		return false;
	txn = tcti_txn_of_turn(m);
	sm_stop(&sm->save);
	put_record(m, sm, txn, sm->sparse == NULL);
	put_queue(m, sm, txn);
	sm->saved = true;
	return true;
}

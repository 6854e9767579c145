/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* inbound.c - see inbound.h. A set that failed counts as handled: its sender was told. */
#include "core/server/inbound.h"

#include "core/base/mem.h"
#include "core/base/scope.h"
#include "core/base/str.h"
#include "core/mod/module.h"
#include "core/server/session.h"
#include "core/server/turn.h"
#include "core/store/txn.h"
#include "core/xmpp/jid.h"
#include "core/xmpp/payload.h"

#include "config.h"

#include <tercet/internal/peers.h>

#include <stdlib.h>
#include <string.h>

#define AGAIN_MAX 1000

struct inbound_token {
	struct list link; /* in its session's list until all before it are done, too */
	struct ticket_waiter waiter;
	struct ticket *ticket; /* counted, while waited for */
	struct tct_session *session; /* counted; NULL: */
	struct tcti_intake *intake;  /* counted */
	uint32_t number;
	uint32_t floor; /* that its write set says; if marked */
	bool ended, marked, done;
};

void inbound_init(struct inbound *in)
{
	list_init(&in->tokens);
}

void inbound_fini(struct inbound *in)
{
	free(in->again);
	in->again = NULL;
	in->again_count = 0;
}

struct inbound_token *inbound_begin(struct tct_session *s)
{
	struct inbound_token *t;

	if (!s->inbound.tracked)
		return NULL;
	t = mem_zalloc(sizeof *t);
	t->session = session_ref(s);
	list_push(&s->inbound.tokens, &t->link);
	t->number = ++s->inbound.received;
	return t;
}

static void notice(void *data)
{
	struct tct_session *s = data;
	const struct tcti_pipe_ops *ops = s->pipe_ops;

	s->inbound.noticed = false;
	if (ops != NULL && ops->handled != NULL)
		ops->handled(s->pipe_mod, s);
}

void tcti_session_notice(struct tct_session *s)
{
	if (s->ended || s->inbound.noticed)
		return;
	s->inbound.noticed = true;
	turn_call(&s->scope, notice, s);
}

/* ---- of a stream of another server: whoever counts outlives the stream ---- */

struct tcti_intake {
	struct inbound inbound;
	struct tct_scope scope; /* of calls of fn */
	struct tct_mod *mod;
	tcti_intake_fn *fn;
	void *data;
	uint32_t refs; /* the owner's, and of each token */
};

struct tcti_intake *tcti_intake_new(struct tct_mod *m, uint32_t handled, tcti_intake_fn *fn,
	void *data)
{
	struct tcti_intake *k = mem_zalloc(sizeof *k);

	inbound_init(&k->inbound);
	k->inbound.received = k->inbound.handled = handled;
	scope_init(&k->scope, m);
	k->mod = m;
	k->fn = fn;
	k->data = data;
	k->refs = 1;
	return k;
}

static void intake_unref(struct tcti_intake *k)
{
	if (--k->refs == 0)
		free(k);
}

void tcti_intake_free(struct tcti_intake *k)
{
	if (k == NULL)
		return;
	scope_end(&k->scope);
	k->fn = NULL;
	intake_unref(k);
}

uint32_t tcti_intake_received(const struct tcti_intake *k)
{
	return k->inbound.received;
}

uint32_t tcti_intake_handled(const struct tcti_intake *k)
{
	return k->inbound.handled;
}

struct inbound_token *intake_begin(struct tcti_intake *k)
{
	struct inbound_token *t;

	if (k == NULL)
		return NULL;
	t = mem_zalloc(sizeof *t);
	t->intake = k;
	k->refs++;
	list_push(&k->inbound.tokens, &t->link);
	t->number = ++k->inbound.received;
	return t;
}

static void intake_notice(void *data)
{
	struct tcti_intake *k = data;
	struct tct_mod *m = k->mod;

	k->inbound.noticed = false;
	mod_enter(m);
	k->fn(m, k->data); /* may free it */
	mod_leave(m);
}

void tcti_intake_notice(struct tcti_intake *k)
{
	if (k->fn == NULL || k->inbound.noticed)
		return;
	k->inbound.noticed = true;
	turn_call(&k->scope, intake_notice, k);
}

static void notice_owner(const struct inbound_token *t)
{
	if (t->session != NULL)
		tcti_session_notice(t->session);
	else
		tcti_intake_notice(t->intake);
}

static void token_free(struct inbound_token *t)
{
	list_remove(&t->link);
	if (t->session != NULL)
		session_unref(t->session);
	else
		intake_unref(t->intake);
	free(t);
}

/* ---- in order ---- */

static struct inbound *inbound_of(struct inbound_token *t)
{
	return t->session != NULL ? &t->session->inbound : &t->intake->inbound;
}

/* The owner may go with the last of its tokens. */
static void done(struct inbound_token *t)
{
	struct inbound *in = inbound_of(t);
	struct inbound_token *next;

	t->done = true;
	for (t = list_entry(in->tokens.next, struct inbound_token, link); t->done; t = next) {
		bool last = t->link.next == &in->tokens;

		next = list_entry(t->link.next, struct inbound_token, link);
		if (!in->stuck) {
			in->handled++;
			notice_owner(t);
		}
		token_free(t);
		if (last)
			return;
	}
}

bool inbound_forget(struct inbound_token *t)
{
	if (t == NULL || t->intake == NULL)
		return false;
	t->intake->inbound.stuck = true;
	token_free(t);
	return true;
}

/* That many are handled, says a set that is on disk. */
static void durable(struct inbound *in, uint32_t floor)
{
	if ((int32_t)(floor - in->durable) > 0)
		in->durable = floor;
}

static void ticket_done(struct ticket_waiter *w)
{
	struct inbound_token *t = list_entry(w, struct inbound_token, waiter);

	if (t->marked && ticket_state(t->ticket) == TICKET_DURABLE)
		durable(&t->session->inbound, t->floor);
	ticket_unref(t->ticket);
	t->ticket = NULL;
	done(t);
}

/* An event that has ended may have caused another, which still writes into their set. */
static bool is_closed(const struct inbound_token *t, const struct ticket *ticket)
{
	return t->ended && (t->ticket == NULL || t->ticket == ticket ||
				   ticket_state(t->ticket) != TICKET_OPEN);
}

/* All up to this one have ended, and the sets of all are this one or closed. Sets commit in the
 * order in which they are closed, so when this one is on disk, all are. */
static uint32_t floor_of(const struct inbound *in, const struct ticket *ticket)
{
	list_each (node, &in->tokens) {
		const struct inbound_token *t = list_entry(node, struct inbound_token, link);

		if (!is_closed(t, ticket))
			return t->number - 1;
	}
	return in->received;
}

/* Writes the number into the set that the stanza is in. */
static void mark(struct inbound_token *t, struct tct_txn *txn, const struct tct_stanza *st)
{
	struct tct_session *s = t->session;
	const struct tcti_pipe_ops *ops = s->pipe_ops;
	struct mark mark = { .session = s->key, .number = t->number, .kind = MARK_SENT };

	if (ops != NULL && ops->note_state != NULL)
		ops->note_state(s->pipe_mod, s, txn);
	mark.floor = t->floor = floor_of(&s->inbound, txn_ticket(txn));
	t->marked = txn_mark_first(txn, s->entity->host, tct_session_user(s), &mark);
	if (t->marked || ops == NULL)
		return;
	if ((int32_t)(t->floor - t->number) >= 0) {
		if (ops->note_handled != NULL)
			ops->note_handled(s->pipe_mod, s, txn, t->floor);
		t->marked = ops->note_handled != NULL;
	} else if (ops->note_ahead != NULL && st != NULL && tct_stanza_kind(st) == TCT_MESSAGE) {
		ops->note_ahead(s->pipe_mod, s, txn, t->number, tcti_message_hash(st));
	}
}

void inbound_end(struct inbound_token *t, struct tct_txn *txn, const struct tct_stanza *st)
{
	struct ticket *ticket = txn != NULL ? txn_ticket(txn) : NULL;

	if (t == NULL)
		return;
	t->ended = true;
	if (ticket == NULL || !txn_has_writes(txn) ||
		(ticket_state(ticket) != TICKET_OPEN && ticket_state(ticket) != TICKET_SUBMITTED)) {
		done(t);
		return;
	}
	if (t->session != NULL && t->session->key != 0 && !t->session->ended &&
		ticket_state(ticket) == TICKET_OPEN)
		mark(t, txn, st);
	t->ticket = ticket_ref(ticket);
	t->waiter.fn = ticket_done;
	ticket_wait(ticket, &t->waiter);
}

/* ---- after a crash ---- */

/* FNV-1a: it is written down, so the next process must know it, and the process's own keys are
 * new each time. Who finds two messages alike loses one of his own. */
static uint64_t add_bytes(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *in = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ in[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Who it is for and its id, or what it says: a client sends the same again. */
uint64_t tcti_message_hash(const struct tct_stanza *st)
{
	const char *to = tct_stanza_to(st) != NULL ? tct_jid_text(tct_stanza_to(st)) : "";
	const char *id = tct_stanza_id(st);
	const struct payload *p = stanza_payload((struct tct_stanza *)st);
	uint64_t h = add_bytes(UINT64_C(0xcbf29ce484222325), to, strlen(to) + 1);

	return id != NULL ? add_bytes(h, id, strlen(id)) : add_bytes(h, p->bytes, p->len);
}

static void add_again(struct inbound *in, uint32_t number, uint64_t hash)
{
	for (uint32_t i = 0; i < in->again_count; i++) {
		if (in->again[i].number == number && in->again[i].hash == hash)
			return;
	}
	if (in->again_count >= AGAIN_MAX)
		return;
	in->again = mem_realloc(in->again, (in->again_count + 1) * sizeof *in->again);
	in->again[in->again_count++] = (struct inbound_done){ .hash = hash, .number = number };
}

/* What has come again is needed until that is on disk, what has not until its number has passed. */
static bool is_needed(const struct inbound *in, const struct inbound_done *d, uint32_t passed)
{
	return (int32_t)(d->number - (d->came ? in->durable : passed)) > 0;
}

static void forget_needless(struct inbound *in)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < in->again_count; i++) {
		if (is_needed(in, &in->again[i], in->received))
			in->again[left++] = in->again[i];
	}
	in->again_count = left;
}

bool inbound_again(struct inbound *in, const struct tct_stanza *st)
{
	uint64_t h;

	if (in->again_count == 0)
		return false;
	forget_needless(in);
	if (in->again_count == 0 || tct_stanza_kind(st) != TCT_MESSAGE)
		return false;
	h = tcti_message_hash(st);
	for (uint32_t i = 0; i < in->again_count; i++) {
		struct inbound_done *d = &in->again[i];

		if (d->came || d->hash != h)
			continue;
		d->came = true;
		d->number = in->received + 1;
		return true;
	}
	return false;
}

#define DONE_BYTES 12 /* number and hash, lowest byte first */

void inbound_save(const struct inbound *in, struct tct_record *out)
{
	struct str bytes = { 0 };

	for (uint32_t i = 0; i < in->again_count; i++) {
		const struct inbound_done *d = &in->again[i];
		char one[DONE_BYTES];

		if (!is_needed(in, d, in->handled))
			continue;
		for (int k = 0; k < 4; k++)
			one[k] = (char)(d->number >> 8 * k);
		for (int k = 0; k < 8; k++)
			one[4 + k] = (char)(d->hash >> 8 * k);
		str_append_n(&bytes, one, sizeof one);
	}
	if (bytes.len > 0)
		tct_record_set_bytes(out, "again", bytes.data, bytes.len);
	str_fini(&bytes);
}

void inbound_restore(struct inbound *in, const struct tct_value *saved)
{
	struct tct_value v;

	if (!tct_record_find(saved, "again", &v) || v.kind != TCT_VALUE_BYTES)
		return;
	for (size_t at = 0; at + DONE_BYTES <= v.bytes.len; at += DONE_BYTES) {
		const unsigned char *one = (const unsigned char *)v.bytes.data + at;
		uint32_t number = 0;
		uint64_t hash = 0;

		for (int k = 3; k >= 0; k--)
			number = number << 8 | one[k];
		for (int k = 7; k >= 0; k--)
			hash = hash << 8 | one[4 + k];
		add_again(in, number, hash);
	}
}

/* ---- asked by the owner of the pipe ---- */

uint32_t tcti_count_from(void)
{
#ifdef TERCET_TEST_HOOKS
	const char *text = getenv("TERCET_COUNT_FROM");

	if (text != NULL)
		return (uint32_t)strtoul(text, NULL, 10);
#endif
	return 0;
}

void tcti_session_track(struct tct_session *s, uint32_t handled)
{
	struct inbound *in = &s->inbound;

	in->tracked = true;
	in->received = in->handled = in->durable = handled;
}

void tcti_session_expect_again(struct tct_session *s, uint32_t number, uint64_t hash)
{
	add_again(&s->inbound, number, hash);
}

uint32_t tcti_session_durable(const struct tct_session *s)
{
	return s->inbound.durable;
}

void tcti_session_set_durable(struct tct_session *s, uint32_t handled)
{
	durable(&s->inbound, handled);
}

void tcti_session_mark(struct tct_session *s, uint64_t key, uint32_t sent)
{
	s->key = key;
	s->sent = sent;
}

uint32_t tcti_session_sent(const struct tct_session *s)
{
	return s->sent;
}

uint32_t tcti_session_received(const struct tct_session *s)
{
	return s->inbound.received;
}

uint32_t tcti_session_handled(const struct tct_session *s)
{
	return s->inbound.handled;
}

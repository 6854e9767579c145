/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* sm_out.c - what was given to another server stays in the outlet until that server has it. With
 * XEP-0198 it says so itself, and after a lost stream says how far it had come (resumption, section
 * 5), so that nothing comes twice. Without it the kernel knows what the peer's TCP has
 * acknowledged; that is asked for messages only. Where a lost stream may be resumed is found as any
 * stream is, by DNS or an override: a `location` of the peer's is not followed.
 *
 * The peer counts a stream. Where several paths leave by one (mux.h) the number is the carrier's, and
 * its ledger says whose stanzas they were. */
#include "handover.h"
#include "mux.h"
#include "outbox.h"
#include "shared.h"
#include "sm.h"

#include <stdlib.h>
#include <string.h>

#define ASK_MS 1000    /* after the first that is not acknowledged */
#define MUCH 32        /* so many are asked for at once */
#define MUCH_BYTES (64 * 1024)
#define LOOK_MS 250    /* at a peer without it */
#define ID_MAX 4000    /* section 5 */
#define ALL_TYPES UINT32_MAX
#define MESSAGES                                                                         \
	(TCT_MESSAGE_NORMAL | TCT_MESSAGE_CHAT | TCT_MESSAGE_GROUPCHAT |                 \
		TCT_MESSAGE_HEADLINE | TCT_MESSAGE_ERROR)

static void forget_id(struct path *p)
{
	free(p->sm.id);
	p->sm.id = NULL;
	free(p->sm.before);
	p->sm.before = NULL;
}

/* Who counts what the path sends. */
static struct path *counter_of(struct path *p)
{
	return p->carrier != NULL ? p->carrier : p;
}

static void rest(struct path *p)
{
	sm_stop(&p->sm.ask);
	sm_stop(&p->sm.timeout);
	p->sm.asked = false;
	p->sm.mark_count = 0;
}

void sm_out_fini(struct path *p)
{
	rest(p);
	forget_id(p);
	ledger_clear(&p->sm.ledger);
}

const char *sm_out_state(const struct path *p)
{
	if (p->carrier != NULL)
		p = p->carrier;
	if (p->sm.state != SM_ON)
		return NULL;
	return p->sm.id != NULL ? "resumable" : "enabled";
}

static void confirm(struct path *p, uint32_t n)
{
	if (n == 0)
		return;
	outbox_done(p, tcti_outlet_confirm(p->outlet, n));
	p->lost = 0;
	p->tries = 0;
}

static void confirm_run(void *owner, uint32_t number, uint32_t n, void *data)
{
	struct path *p = owner;

	(void)number;
	(void)data;
	p->sm.entered -= n;
	confirm(p, n);
}

/* Of what an earlier life has written into the stream, the first `n`. */
static void confirm_before(struct path *p, uint32_t n)
{
	uint64_t tag = p->sm.before != NULL ? handover_tag(p->sm.before, n) : 0;

	free(p->sm.before);
	p->sm.before = NULL;
	if (tag == 0)
		return;
	outbox_done(p, tcti_outlet_confirm_to(p->outlet, tag));
	p->lost = 0;
	p->tries = 0;
}

/* ---- asking ---- */

static void no_answer(struct tct_scope *scope, void *data)
{
	struct path *p = data;

	p->sm.timeout = NULL;
	tct_log_notice(tct_scope_mod(scope),
		"\"%s\" does not acknowledge what it is sent: the connection to it is closed",
		p->remote);
	tcti_stream_close(p->stream, "connection-timeout", NULL);
}

static void ask(struct path *p)
{
	const struct s2s_config *config = tct_mod_config(p->mod);

	sm_stop(&p->sm.ask);
	if (p->sm.asked)
		return;
	p->sm.asked = true;
	tcti_stream_send(p->stream, tcti_nonza_new(NS_SM, "r"));
	p->sm.timeout = tct_timer_start(tct_mod_scope(p->mod), config->ack_timeout * 1000, 0,
		no_answer, p);
}

static void ask_now(struct tct_scope *scope, void *data)
{
	struct path *p = data;

	(void)scope;
	p->sm.ask = NULL;
	if (p->stream != NULL && p->sm.ledger.total > 0)
		ask(p);
}

static void ask_later(struct path *p)
{
	if (p->sm.ask == NULL && !p->sm.asked)
		p->sm.ask = tct_timer_start(tct_mod_scope(p->mod), ASK_MS, 0, ask_now, p);
}

/* ---- a peer without it ---- */

static void look(struct path *p)
{
	uint64_t confirmed, written = tcti_stream_written(p->stream, &confirmed);

	if ((p->sm.mark_count == 0 || confirmed >= written) &&
		tcti_stream_unsent(p->stream) == 0) {
		p->sm.mark_count = tcti_outlet_kept(p->outlet, NULL);
		p->sm.mark_bytes = written;
	}
	if (p->sm.mark_count > 0 && confirmed >= p->sm.mark_bytes) {
		confirm(p, p->sm.mark_count);
		p->sm.mark_count = 0;
	}
}

static void look_now(struct tct_scope *scope, void *data)
{
	struct path *p = data;

	(void)scope;
	p->sm.ask = NULL;
	if (p->stream == NULL)
		return;
	look(p);
	if (tcti_outlet_kept(p->outlet, NULL) > 0)
		p->sm.ask = tct_timer_start(tct_mod_scope(p->mod), LOOK_MS, 0, look_now, p);
}

static void on_written(struct tct_mod *m, struct tcti_outlet *o, void *data)
{
	struct path *p = data, *counter = counter_of(p);
	size_t bytes;
	uint32_t kept = tcti_outlet_kept(o, &bytes);

	if (kept == 0 || p->stream == NULL)
		return;
	if (counter->sm.state != SM_ON) {
		if (p->sm.ask == NULL)
			p->sm.ask = tct_timer_start(tct_mod_scope(m), LOOK_MS, 0, look_now, p);
		return;
	}
	/* Outlets write one after the other, and each says so at once. */
	ledger_add(&counter->sm.ledger, p, kept - p->sm.entered);
	p->sm.entered = kept;
	if (counter->sm.ledger.total >= MUCH || bytes >= MUCH_BYTES)
		ask(counter);
	else
		ask_later(counter);
}

void sm_out_lost(struct path *p)
{
	rest(p);
	if (p->sm.state == SM_ON)
		p->sm.until = tct_monotonic() + p->sm.max;
	p->sm.state = SM_NONE;
}

void sm_out_last_look(struct path *p)
{
	if (p->outlet != NULL && p->state == PATH_READY && p->stream != NULL &&
		counter_of(p)->sm.state != SM_ON)
		look(p);
}

/* ---- enabling and resuming ---- */

/* All that is not acknowledged goes first. */
static void write_again(struct path *p)
{
	bool counted = counter_of(p)->sm.state == SM_ON;

	if (tcti_outlet_kept(p->outlet, NULL) == 0)
		p->lost = 0;
	tcti_outlet_keep(p->mod, p->outlet, counted ? ALL_TYPES : MESSAGES, on_written, p);
	tcti_outlet_rewind(p->outlet);
	p->sm.entered = 0;
	out_go(p);
}

static void go(struct path *p)
{
	/* What was in it is written again, by this path and by those that ride on it. */
	ledger_clear(&p->sm.ledger);
	write_again(p);
}

void sm_out_ride(struct path *p)
{
	free(p->sm.before);
	p->sm.before = NULL;
	write_again(p);
}

static void enable(struct path *p)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, "enable");

	forget_id(p);
	if (!s2s_peer(p->mod, p->stream)->bidi)
		tct_set(e, "resume", "true");
	p->sm.state = SM_ENABLING;
	tcti_stream_send(p->stream, e);
}

static void resume(struct path *p)
{
	struct tct_elem *e = tcti_nonza_new(NS_SM, "resume");

	tct_set(e, "previd", p->sm.id);
	tct_set_int(e, "h", 0); /* nothing comes back on this stream */
	p->sm.state = SM_RESUMING;
	tcti_stream_send(p->stream, e);
}

void sm_out_guest(struct path *p, bool counted)
{
	forget_id(p);
	p->sm.acked = tcti_count_from();
	p->sm.state = counted ? SM_ON : SM_NONE;
	go(p);
}

void sm_out_begin(struct path *p)
{
	if (!s2s_peer(p->mod, p->stream)->sm_offered) {
		p->sm.state = SM_NONE;
		forget_id(p);
		go(p);
	} else if (p->sm.id != NULL && tct_monotonic() < p->sm.until &&
		(p->sm.ledger.total > 0 || p->sm.before != NULL)) {
		resume(p);
	} else {
		enable(p);
	}
}

/* That of which something is awaited; else NULL. */
static struct path *awaiting(struct tct_mod *m, struct tct_stream *s, uint8_t state)
{
	struct path *p = s2s_peer(m, s)->path;

	return p != NULL && p->outlet != NULL && p->state != PATH_READY && p->sm.state == state ?
		p :
		NULL;
}

static bool is_true(const char *text)
{
	return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

static enum tct_verdict on_enabled(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const struct s2s_config *config = tct_mod_config(m);
	struct path *p = awaiting(m, s, SM_ENABLING);
	const char *id = tct_attr(e, "id");
	int64_t max;

	if (p == NULL)
		return TCT_CONTINUE;
	p->sm.max = config->resume_time;
	if (tct_attr_int(e, "max", &max) == TCT_OK && max > 0 && max < p->sm.max)
		p->sm.max = max;
	if (is_true(tct_attr(e, "resume")) && id != NULL && id[0] != '\0' &&
		strlen(id) <= ID_MAX && p->sm.max > 0)
		p->sm.id = s2s_copy(id);
	p->sm.acked = tcti_count_from();
	p->sm.state = SM_ON;
	shared_count(s2s_peer(m, s));
	go(p);
	return TCT_HANDLED;
}

/* The peer has handled `h`; false: that is more than it was sent, and the stream ends. */
static bool acknowledge(struct path *p, struct tct_stream *s, uint32_t h)
{
	uint32_t n = h - p->sm.acked, total = p->sm.ledger.total;

	if (p->sm.before != NULL)
		total = p->sm.before->total;
	if (n > total) {
		forget_id(p);
		sm_too_high(s, h, p->sm.acked + total);
		return false;
	}
	p->sm.acked = h;
	ledger_take(&p->sm.ledger, n, confirm_run, NULL);
	confirm_before(p, n);
	for (struct path *rider = p->riders; rider != NULL; rider = rider->rider_next)
		confirm_before(rider, n);
	return true;
}

static enum tct_verdict on_resumed(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct path *p = awaiting(m, s, SM_RESUMING);
	const char *id = tct_attr(e, "previd");
	uint32_t h;

	if (p == NULL)
		return TCT_CONTINUE;
	if (id == NULL || strcmp(id, p->sm.id) != 0 || !sm_read_h(e, &h)) {
		forget_id(p);
		tcti_stream_close(s, "bad-format", "previd or h is not what it has to be");
		return TCT_HANDLED;
	}
	if (!acknowledge(p, s, h))
		return TCT_HANDLED;
	p->sm.state = SM_ON;
	go(p);
	return TCT_HANDLED;
}

/* It may say all the same how far it had come. */
static enum tct_verdict on_failed(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct path *p = awaiting(m, s, SM_RESUMING);
	uint32_t h;

	if (p != NULL) {
		if (sm_read_h(e, &h) && !acknowledge(p, s, h))
			return TCT_HANDLED;
		enable(p);
		return TCT_HANDLED;
	}
	p = awaiting(m, s, SM_ENABLING);
	if (p == NULL)
		return TCT_CONTINUE;
	p->sm.state = SM_NONE;
	go(p);
	return TCT_HANDLED;
}

void sm_out_acknowledged(struct path *p, struct tct_stream *s, const struct tct_elem *e)
{
	uint32_t before = p->sm.acked, h;
	size_t bytes;

	if (!sm_read_h(e, &h)) {
		tcti_stream_close(s, "bad-format", "h is not a number");
		return;
	}
	p->sm.asked = false;
	sm_stop(&p->sm.timeout);
	if (!acknowledge(p, s, h))
		return;
	tcti_outlet_kept(p->outlet, &bytes);
	if (p->sm.ledger.total == 0)
		return;
	/* Not at once when nothing has changed: that would go round and round. */
	if (h != before && (p->sm.ledger.total >= MUCH || bytes >= MUCH_BYTES))
		ask(p);
	else
		ask_later(p);
}

void sm_out_load(struct tct_mod *m)
{
	uint32_t out = TCTI_KIND(TCTI_STREAM_S2S_OUT);

	tcti_on_stream_nonza(m, out, NS_SM, "enabled", on_enabled);
	tcti_on_stream_nonza(m, out, NS_SM, "resumed", on_resumed);
	tcti_on_stream_nonza(m, out, NS_SM, "failed", on_failed);
}

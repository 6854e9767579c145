/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* s2s.h - what the files of mod_s2s share: streams from servers (in.c), paths to them (out.c), what
 * the policy says of them (judge.c), what was seen to fail (failures.c), and why (causes.c). */
#pragma once

#include "bucket.h"
#include "ledger.h"

#include <tercet/internal/s2s.h>

#include <stddef.h>

#define NS_STREAMS "http://etherx.jabber.org/streams"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define DOMAIN_MAX 1023
#define PAIRS_MAX 100 /* domains that are accepted on one stream */
#define REASON_MAX 320
#define ADVICE_MAX 512
#define NOTES_MAX 3 /* last failures of a domain, in each direction */
#define KEY_TEXT 65

struct override {
	const char *domain;
	const char *address;
	int64_t port;
	bool direct_tls;
};

/* `limits` at the top level. */
struct s2s_limits {
	struct s2s_limits_in {
		int64_t rate;
		int64_t burst;
		int64_t domain_rate;
		int64_t new_connections;
	} s2sin;
};

struct s2s_config {
	struct tct_groups listen;
	struct tct_groups override;
	bool s2s_require_encryption;
	bool allow_private;
	int64_t s2s_timeout;
	int64_t s2s_close_timeout;
	int64_t s2s_stanza_size_limit;
	int64_t s2s_send_queue_size;
	int64_t send_queue_bytes;
	int64_t login_timeout;
	int64_t idle_timeout;
	int64_t retry;
	int64_t retry_max;
	int64_t connections;
	int64_t unproven;
	int64_t unproven_per_address;
	int64_t streams_per_domain;
	int64_t pairs_per_stream;
	int64_t ack_timeout;
	int64_t resume_time;
	int64_t resumable;
	int64_t resend_time;
	int32_t use_dane; /* enum dane_mode */
	int64_t outbox_age;
	struct s2s_limits limits;
	int32_t bidi;     /* enum s2s_bidi */
};

enum s2s_bidi { BIDI_OFF, BIDI_OFFER, BIDI_ASK };

/* A domain that is accepted on a stream, for one of ours. */
struct pair {
	char *local, *remote;
	uint32_t proof;
	int64_t since;
};

enum path_state { PATH_DIALLING, PATH_OPEN /* negotiates */, PATH_READY };

/* What is known of what was given to the peer; see sm_out.c. */
enum sm_state { SM_NONE, SM_ENABLING, SM_RESUMING, SM_ON };
struct sm_out {
	uint8_t state;  /* enum sm_state */
	bool asked;     /* and no answer came yet */
	uint32_t acked; /* the peer's last h; what the outlet keeps follows it */
	char *id;       /* by which the stream can be resumed; NULL: it cannot */
	int64_t max;    /* seconds for that, after it is lost */
	int64_t until;  /* tct_monotonic(), when it is lost */
	struct tct_timer *ask, *timeout;
	struct ledger ledger; /* of the stream: paths whose stanzas it does not have yet */
	uint32_t entered;     /* of what the outlet keeps is in the ledger of its stream */
	/* Without XEP-0198: when so many bytes of the stream are acknowledged, so many of what is
	 * kept are. */
	uint64_t mark_bytes;
	uint32_t mark_count;
	struct handover *before; /* of an earlier life; NULL: the outlet knows all itself */
};

/* From a domain of ours to another: a queue, and the stream that it leaves by. */
struct path {
	char *local, *remote;
	struct tct_mod *mod;
	struct tcti_outlet *outlet; /* NULL: it is for a question */
	struct tcti_connecting *connecting; /* while other targets may be tried */
	struct tct_stream *stream;
	struct tct_timer *timeout;
	uint8_t state;
	uint32_t proof;
	int64_t since, used; /* tct_now(), tct_monotonic() */
	uint64_t stanzas;
	struct sm_out sm;
	int64_t lost; /* tct_monotonic(): a stream that was ready was lost, and since then nothing
		       * was confirmed; 0 */
	uint32_t tries; /* since then */
	bool old;       /* an earlier life has left something */
	uint64_t done, trimmed; /* rows that the peer has, and that are known to go */
	struct peer *host; /* by whose stream it leaves, which was opened for something else; NULL */
	/* ---- see mux.h ---- */
	struct path *carrier; /* by whose stream it leaves, one that we open; NULL */
	struct path *riders, *rider_prev, *rider_next; /* of this one, and in that list */
	/* ---- of a question ---- */
	struct tct_mod *asker;
	tcti_s2s_ask_fn *fn;
	void *data;
	struct path *prev, *next; /* in the list of questions, or of its host's guests */
};

/* What DNS was asked of a peer's certificate; see dane.c. */
enum dane_mode { DANE_AUTO, DANE_ON, DANE_OFF };
struct dane {
	struct tcti_dane *question;
	char *domain; /* NULL: nothing was asked */
	bool asking, judged;
	uint8_t state;   /* enum tcti_dane_state, when it was answered */
	uint8_t verdict; /* enum tcti_dane_verdict, when it was judged */
};

/* Of each stream. */
struct peer {
	struct tct_mod *mod;
	struct tct_stream *stream;
	struct peer *prev, *next; /* in the list of all */
	struct path *path;        /* of one that we opened; NULL: it is given up */
	struct pair *pairs;       /* what the peer may send */
	uint32_t pair_count;
	uint64_t stanzas;
	int64_t since;
	size_t unsent; /* when it was looked at last */
	int64_t stuck; /* since when the peer takes nothing; 0: it does */
	bool tls_asked, greeted /* TLS is up, if it is to be, and its features came */, authenticated;
	uint8_t tried; /* provers */
	bool settled;  /* of one that was opened to us: it was told what is wrong, or has what it
			  came for */
	char *error;   /* that the peer has sent */
	bool sm_offered;
	bool errors; /* it can refuse a pair of domains and keep the stream (XEP-0220 2.4.2) */
	struct claim *claims; /* see mux.c */
	uint32_t claim_count;
	struct sm_in *sm; /* of one that was opened to us: who counts; NULL */
	struct sm_in *resumes; /* for which it waits; NULL */
	/* ---- see shared.h ---- */
	bool bidi;                  /* both send (XEP-0288) */
	bool carried;               /* a guest has left by it */
	bool owes;                  /* the peer has asked how much came on one that we opened */
	struct path *guests;
	struct tcti_intake *intake; /* of one that we opened: what came on it; NULL */
	struct dane dane;
	struct {
		struct bucket bucket;
		struct tct_timer *timer; /* while it is not read */
		struct s2s_limits_in limits; /* with what the policy says of its domain */
		const char *domain;          /* for which that was asked, and when; NULL: none */
		int64_t asked;               /* 0: never */
	} rate;
};

enum s2s_cause {
	CAUSE_OTHER = 0,
	CAUSE_NO_NAME,
	CAUSE_NO_SERVICE,
	CAUSE_DNS,
	CAUSE_BOGUS,
	CAUSE_FORBIDDEN,
	CAUSE_REFUSED,
	CAUSE_TIMEOUT,
	CAUSE_SLOW,
	CAUSE_BUSY,
	CAUSE_TLS,         /* the handshake */
	CAUSE_NO_TLS,
	CAUSE_EXPIRED,     /* its certificate: */
	CAUSE_EARLY,
	CAUSE_STRANGER,    /* nobody known has signed it */
	CAUSE_NAMES,       /* it is for others */
	CAUSE_CERTIFICATE, /* anything else of it */
	CAUSE_PIN,
	CAUSE_DANE,        /* its signed DNS names another one */
	CAUSE_WAS_SECURE,
	CAUSE_BLOCKED,
	CAUSE_UNBELIEVED,  /* it does not believe us */
	CAUSE_NO_PROOF,    /* it offers us no way to prove who we are */
	CAUSE_SAID,        /* a stream error of its own */
	CAUSE_NOT_THERE,   /* it does not know the domain */
	CAUSE_LOST,
	CAUSE_CLOSED,      /* by the administrator */
	CAUSE_NOT_ASKED,   /* dialback: its server cannot be asked */
	CAUSE_FORGED,      /* dialback: its server says that it was not it */
	CAUSE_HEADER,      /* it wants a domain that is not here */
	CAUSE_UNPROVEN,
	CAUSE_FULL,  /* its queue */
	CAUSE_CROWD, /* too many paths */
	CAUSE_LATE,  /* too old */
	CAUSE_COUNT
};

/* Why something is not enough. */
struct verdict {
	uint32_t cause;
	char reason[REASON_MAX];
};

struct note {
	int64_t when; /* tct_now_us() */
	uint32_t cause, count;
	char *reason, *advice;
};

/* Of a domain. */
struct failure {
	char *remote;
	uint32_t cause, count; /* of the last attempts to reach it, all of which failed; 0 */
	int64_t when, again;   /* tct_now_us() of anything, tct_monotonic() */
	struct note notes[2][NOTES_MAX]; /* of those (0) and of what came from it (1), newest
					    first. Apart, so that those who come in another's
					    name do not hide what happened to us */
};

struct s2s {
	struct tct_mod *mod;
	struct tcti_dialer *dialer;
	struct path **paths; /* sorted by remote, then local */
	size_t path_count, path_room;
	struct path *questions;
	size_t question_count;
	struct sm_in *sms;
	struct tct_kv *kv; /* where these outlive the instance; NULL: nowhere */
	bool reading; /* what an earlier life has left: nothing is sent before */
	struct reading *readings;
	struct tct_timer *trim;
	struct peer *peers;
	struct tct_timer *sweep; /* while there are some */
	struct bucket_table *domains, *addresses; /* NULL: nothing came yet */
	struct failure **failures; /* sorted by remote */
	size_t failure_count;
};

/* ---- mod_s2s.c ---- */
struct s2s *s2s_of(struct tct_mod *m);
const struct override *s2s_override(struct tct_mod *m, const char *remote);
/* Of this module, for the stream; made on first use. */
struct peer *s2s_peer(struct tct_mod *m, struct tct_stream *s);
char *s2s_copy(const char *text);
/* Where `key` is in a sorted array of pointers, or would be. `item` of compare: the address of
 * such a pointer. */
typedef int s2s_compare_fn(const void *item, const void *key);
size_t s2s_place(const void *items, size_t count, s2s_compare_fn *compare, const void *key,
	bool *found);

/* ---- rates.c ---- */
void rates_input(struct tct_mod *m, struct tct_stream *s, size_t bytes);
void rates_end(struct peer *p);
/* Other rates: what waits goes on, and is measured from here. */
void rates_anew(struct s2s *s);
void rates_fini(struct s2s *s);

/* ---- dane.c ---- */
enum dane_says { DANE_SAYS_NOTHING, DANE_SAYS_YES, DANE_SAYS_NO };
/* A path has got its stream: it waits until DNS has said what it knows, or fails. */
void dane_dialled(struct path *p);
/* A peer says to be that domain, on a stream with TLS: its features may have to wait. In `header`. */
void dane_claimed(struct tct_mod *m, struct peer *p, const char *domain);
/* Whether the peer's certificate is the one that the domain's signed zone names; of NO: why, a
 * constant. */
enum dane_says dane_says(struct peer *p, const char *remote, const char **why);
void dane_end(struct peer *p);

/* ---- judge.c ---- */
void s2s_rule(struct tct_mod *m, const char *remote, struct tcti_s2s_rule *rule);
/* What the stream shows is enough for the domain, but for a proof by dialback where that will
 * do; else `v` (may be NULL) says why not. */
bool s2s_judge(struct tct_mod *m, struct tct_stream *s, const char *remote, struct verdict *v);
/* What proves the domain without anybody being asked; TCTI_PROOF_NONE: nothing. */
uint32_t s2s_certified(struct tct_mod *m, struct tct_stream *s, const char *remote);
/* The domain was accepted, or has accepted us: its certificate is remembered, if it is valid. */
void s2s_seen(struct tct_mod *m, struct tct_stream *s, const char *remote);
/* NULL for TCTI_PROOF_NONE. */
const char *s2s_proof_text(uint32_t proof);
/* The peer's key as it is written into `pin`; "" without one. */
void s2s_key_text(struct tct_stream *s, char text[KEY_TEXT]);

/* ---- causes.c ---- */
uint32_t cause_of_dial(uint32_t reason); /* enum tcti_dial_reason */
/* Of the stanzas that are returned; the same as tct_refuse takes it, with whether it lasts; and the
 * text that goes with it. */
uint32_t cause_condition(uint32_t cause);
uint32_t cause_error(uint32_t cause);
const char *cause_said(uint32_t cause);
/* The next attempt may do better. Not so where our policy refuses, or there is nobody. */
bool cause_again(uint32_t cause);
/* What those are told who have connected. */
uint32_t cause_told(uint32_t cause);
/* What can be done. `s` (may be NULL): the stream that it is about. */
void cause_advice(char out[ADVICE_MAX], uint32_t cause, struct tct_stream *s);

/* ---- in.c ---- */
const char *in_header(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *root);
void in_stanza(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *st, uint32_t problem);
bool in_accept(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote,
	uint32_t proof);
bool in_accepted(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote);
/* The same for any domain of ours. */
bool in_has(struct tct_mod *m, struct tct_stream *s, const char *remote);
const char *in_refuses_dialback(struct tct_mod *m, struct tct_stream *s, const char *remote);
/* The peer may send for that pair, too; false: there are too many. */
bool in_add(struct tct_mod *m, struct peer *p, const char *local, const char *remote,
	uint32_t proof);
void in_refused(struct tct_mod *m, struct tct_stream *s, const char *remote, bool forged,
	const char *reason);
void in_answered(struct tct_mod *m, struct tct_stream *s);
/* It has ended, and nothing was proven. */
void in_unproven(struct tct_mod *m, struct peer *p, const char *reason);
void in_end(struct peer *p);

/* ---- out.c ---- */
enum tct_verdict out_send(struct tct_mod *m, struct tct_event *ev);
enum tct_verdict out_features(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e);
enum tct_verdict out_proceed(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e);
enum tct_verdict out_no_tls(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e);
/* The stream of a path is gone. */
void out_closed(struct tct_mod *m, struct peer *p, const char *reason);
void out_authenticated(struct tct_mod *m, struct tct_stream *s);
void out_ready(struct tct_mod *m, struct tct_stream *s, uint32_t proof);
void out_refused(struct tct_mod *m, struct tct_stream *s, const char *reason);
bool out_next(struct tct_mod *m, struct tct_stream *s);
struct tcti_s2s_question *out_ask(struct tct_mod *m, const char *local, const char *remote,
	const struct tct_stream *from, struct tct_mod *asker, tcti_s2s_ask_fn *fn, void *data);
void out_asked(struct tct_mod *m, struct tcti_s2s_question *q);
/* Finds or makes one, which is not dialled yet. */
struct path *out_path(struct tct_mod *m, const char *local, const char *remote);
/* Its own stream is dialled. */
void out_dial(struct path *p);
/* From now on it has s2s_timeout to be ready (a question: less than who waits for its answer), or
 * (false) all the time. */
void out_hurry(struct path *p, bool on);
/* All that wait for it are dialled. */
void out_begin(struct s2s *s);
/* The stream of a path may be used. */
void out_go(struct path *p);
/* The stream of a path, which was used, is gone: what waits goes by another. */
void out_lost(struct path *p, const char *reason);
/* The path between two domains; NULL. */
struct path *out_find(struct s2s *s, const char *local, const char *remote);
/* Its stream will not come: it has another one. */
void out_part(struct path *p);
/* Of this time nothing came: what a lost stream has left is tried again, or the path ends. */
void out_failed(struct path *p, uint32_t cause, const char *reason);
/* Ends a path: what waits is bounced. */
void out_give_up(struct path *p, uint32_t cause, const char *reason);
/* The queue is empty and nothing came for a while: it ends without a word. */
void out_end(struct path *p);
/* All, without bouncing: the module ends. */
void out_fini(struct s2s *s);

/* ---- failures.c ---- */
/* An attempt to reach the domain has failed; `stream` (may be NULL): what came of it. */
void failure_remember(struct s2s *s, const char *remote, uint32_t cause, const char *reason,
	struct tct_stream *stream);
/* The same, and it may be tried at once. */
void failure_mention(struct s2s *s, const char *remote, uint32_t cause, const char *reason,
	struct tct_stream *stream);
/* What came from it, or in its name, was refused. */
void failure_note(struct s2s *s, const char *remote, uint32_t cause, const char *reason,
	struct tct_stream *stream);
/* It is reached, or to be tried at once: what was is history. */
void failure_over(struct s2s *s, const char *remote);
/* NULL: nothing is known. */
const struct failure *failure_find(const struct s2s *s, const char *remote);
/* The same, while it is not to be tried again. */
const struct failure *failure_in_force(const struct s2s *s, const char *remote);
void failures_each(struct s2s *s, const char *remote, tcti_s2s_error_fn *fn, void *data);
void failures_fini(struct s2s *s);

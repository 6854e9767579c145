/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* internal/s2s.h - what the modules of federation offer each other: mod_s2s owns streams, paths
 * and queues; provers (mod_s2s_secure by certificate, mod_dialback by asking back) say who a peer is,
 * and prove who we are; the policy says what is demanded of a domain. Domains are prepared
 * strings. Services of global instances. */
#pragma once

#include <tercet/internal/peers.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tcti_s2s_proof {
	TCTI_PROOF_NONE = 0,
	TCTI_PROOF_EXTERNAL, /* a valid certificate */
	TCTI_PROOF_DIALBACK,
	TCTI_PROOF_DANE,     /* a certificate that its signed DNS names */
	TCTI_PROOF_PIN       /* a key that the policy names for the domain */
};

/* ---- service "s2s_policy" ---- */
/* What is demanded of a domain. Strings are borrowed until options change. */
struct tcti_s2s_rule {
	bool blocked;     /* nothing goes to it or comes from it */
	bool certificate; /* only a valid certificate that names the domain will do */
	bool was_secure;  /* that, because it had one for long; else it would not be demanded */
	const char *const *pins; /* its key must be one of these (SHA-256 of
			     SubjectPublicKeyInfo in hex; NULL-terminated), and that proves it
			     when no certificate is demanded; NULL: any */
	const char *why;     /* which option says so, for people; never NULL */
	const char *pattern; /* of the row in it; NULL: it has no rows */
	const char *reason;  /* that the administrator has written there; NULL */
	const char *until;   /* the last day on which the row counts, as there; NULL */
	int64_t stanza_size; /* bytes of one stanza from it; 0: as for others, here and below */
	int64_t rate;        /* bytes in a second on one connection from it */
	int64_t burst;       /* what was not used of so many seconds may come at once */
	int64_t domain_rate; /* bytes in a second on all of its connections */
};
/* Without this service every domain needs a certificate. */
struct tcti_s2s_policy_ops {
	uint32_t size;
	void (*rule)(struct tct_mod *m, const char *remote, struct tcti_s2s_rule *rule);
	/* It was connected to, or has connected, with a valid certificate (or what DNSSEC says
	 * is as good). */
	void (*seen)(struct tct_mod *m, const char *remote);
	/* When that was, first and last, as days since 1970; false: never, as far as is known. */
	bool (*memory)(struct tct_mod *m, const char *remote, int64_t *first, int64_t *last);
	/* It comes without from now on, and that is meant: forgotten. False: there was nothing. */
	bool (*accept)(struct tct_mod *m, const char *remote);
};

/* ---- services "s2s_external" and "s2s_dialback" ---- */
struct tcti_s2s_prover_ops {
	uint32_t size;
	/* A stream that we opened has got its features, and the peer may be spoken to. True: the
	 * proof of our domain has begun, and ends with authenticated, ready or refused. */
	bool (*begin)(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *features);
	/* Of dialback: one more pair of domains is to be proven on a stream that we opened and that
	 * is in use. Ends with `claimed`. */
	void (*claim)(struct tct_mod *m, struct tct_stream *s, const char *local,
		const char *remote);
	/* Of dialback: from now on keys are made with another secret; those that were made with
	 * the one before are good for a while. */
	void (*renew)(struct tct_mod *m);
};

/* What a peer says to a key: that pair is believed, it is forged, it is not believed, or there is
 * no room for it on that stream. */
enum tcti_s2s_answer {
	TCTI_ANSWER_VALID,
	TCTI_ANSWER_INVALID,
	TCTI_ANSWER_ERROR,
	TCTI_ANSWER_FULL
};

/* ---- service "s2s", of mod_s2s ---- */
struct tcti_s2s_question;
/* `s`: a stream to the domain, on which something may be asked; NULL: there is none (any more),
 * and why: a condition of stanza errors, and for the administrator. */
typedef void tcti_s2s_ask_fn(struct tct_mod *m, struct tct_stream *s, uint32_t condition,
	const char *reason, void *data);

/* What is said of a connection, for people. Append-only. */
struct tcti_s2s_row {
	uint32_t size;
	const char *local, *remote;
	bool incoming;
	const char *state;   /* "ready", "connecting" ... */
	const char *address; /* NULL: none yet */
	const char *tls;     /* NULL: none */
	const char *proof;   /* NULL: none yet */
	const char *issuer;  /* of the peer's certificate; NULL: it has shown none */
	int64_t until;       /* of that */
	int64_t since;       /* tct_now() */
	uint64_t stanzas;    /* since then */
	uint32_t queued;     /* of a path out: what waits, and what is not acknowledged */
	const char *management; /* XEP-0198: "enabled", "resumable"; NULL: none */
	const char *shown;   /* what proves the other domain by itself: "EXTERNAL" (a valid
			     certificate), "DANE", "pinned key"; NULL: nothing does */
	const char *problem; /* why the policy of today would not let it come; NULL: it would */
};
typedef void tcti_s2s_row_fn(const struct tcti_s2s_row *row, void *data);

/* What is known of a domain. Append-only. */
struct tcti_s2s_known {
	uint32_t size;
	struct tcti_s2s_rule rule;
	bool encryption;       /* is demanded */
	const char *override;  /* where it is dialled; NULL: it is looked up */
	int64_t again;         /* tct_now() from when on it is tried again */
	uint32_t failures;     /* in a row; 0: the last attempt was good, or there was none */
};

/* One of the last failures of a domain. */
struct tcti_s2s_error {
	uint32_t size;
	const char *remote;
	bool incoming;       /* it has connected to us, or somebody in its name */
	int64_t when;        /* tct_now(), of the last one that was alike */
	uint32_t count;      /* of those that were alike */
	uint32_t condition;  /* what stanzas are returned with, or what it was told */
	const char *reason;
	const char *advice;  /* what the administrator can do */
};
typedef void tcti_s2s_error_fn(const struct tcti_s2s_error *error, void *data);

struct tcti_s2s_ops {
	uint32_t size;
	/* On a stream that was opened to us, `remote` has proven itself for `local`. False: there
	 * are too many already. */
	bool (*accept)(struct tct_mod *m, struct tct_stream *s, const char *local,
		const char *remote, uint32_t proof);
	/* True when `remote` is accepted for `local` there already. */
	bool (*accepted)(struct tct_mod *m, struct tct_stream *s, const char *local,
		const char *remote);
	/* What proves the domain on this stream, of either kind, without anybody being asked, as
	 * the policy has it; TCTI_PROOF_NONE: nothing. */
	uint32_t (*certified)(struct tct_mod *m, struct tct_stream *s, const char *remote);
	/* Why the domain cannot be proven on this stream by asking back: it is refused, and that
	 * is remembered. NULL: it can. A constant. */
	const char *(*refuses_dialback)(struct tct_mod *m, struct tct_stream *s,
		const char *remote);
	/* Of a stream that we opened: its peer may send, and prove more domains of its own. */
	bool (*bidi)(struct tct_mod *m, struct tct_stream *s);
	/* The domain was not proven, for another reason (`forged`: its server says that it is not it). */
	void (*unproven)(struct tct_mod *m, struct tct_stream *s, const char *remote, bool forged,
		const char *reason);
	/* The peer came to ask something, and got its answer. */
	void (*answered)(struct tct_mod *m, struct tct_stream *s);
	/* Of a stream that we opened: we are believed when it was restarted (call
	 * tcti_stream_restart after it), we are believed, or we are not. */
	void (*authenticated)(struct tct_mod *m, struct tct_stream *s);
	void (*ready)(struct tct_mod *m, struct tct_stream *s, uint32_t proof);
	void (*refused)(struct tct_mod *m, struct tct_stream *s, const char *reason);
	/* Of such a stream: the answer to `claim`, with words for the administrator. False: it was
	 * not asked there, or is answered already. */
	bool (*claimed)(struct tct_mod *m, struct tct_stream *s, const char *local,
		const char *remote, uint32_t answer, const char *reason);
	/* What is left to try after a proof that failed; false: nothing. */
	bool (*next)(struct tct_mod *m, struct tct_stream *s);
	/* A stream to the domain for a question that `from` has brought up: one that we have opened
	 * to it and that is in use (never `from`), or one of its own without any proof. `fn` is
	 * called with it, perhaps before this returns, and with NULL, later, when it ends, cannot be
	 * had, or nobody has ended the question in time; `m` of fn is `asker`. NULL: there are too
	 * many. */
	struct tcti_s2s_question *(*ask)(struct tct_mod *m, const char *local,
		const char *remote, const struct tct_stream *from, struct tct_mod *asker,
		tcti_s2s_ask_fn *fn, void *data);
	/* Ends it, with its own stream; fn is not called any more. */
	void (*asked)(struct tct_mod *m, struct tcti_s2s_question *q);
	/* ---- for people ---- */
	void (*each)(struct tct_mod *m, tcti_s2s_row_fn *fn, void *data);
	/* Strings are borrowed until the next call. */
	void (*known)(struct tct_mod *m, const char *remote, struct tcti_s2s_known *known);
	/* The last failures of a domain (NULL: of all), the newest first. */
	void (*errors)(struct tct_mod *m, const char *remote, tcti_s2s_error_fn *fn, void *data);
	/* Closes all streams with the domain (NULL: those that the policy would not let come
	 * today), and tries it again when something is to be sent. How many. */
	uint32_t (*close)(struct tct_mod *m, const char *remote);
	/* ---- for the policy ---- */
	/* It is another one: what is measured by it is measured anew. */
	void (*changed)(struct tct_mod *m);
};

#ifdef __cplusplus
}
#endif

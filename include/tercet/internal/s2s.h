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

enum tcti_s2s_proof { TCTI_PROOF_NONE = 0, TCTI_PROOF_EXTERNAL, TCTI_PROOF_DIALBACK, TCTI_PROOF_DANE };

/* ---- service "s2s_policy" ---- */
struct tcti_s2s_rule {
	bool certificate; /* only a valid certificate that names the domain will do */
	const char *why;  /* which rule says so, for people; a constant */
};
/* Without this service every domain needs a certificate. */
struct tcti_s2s_policy_ops {
	uint32_t size;
	void (*rule)(struct tct_mod *m, const char *remote, struct tcti_s2s_rule *rule);
};

/* ---- services "s2s_external" and "s2s_dialback" ---- */
struct tcti_s2s_prover_ops {
	uint32_t size;
	/* A stream that we opened has got its features, and the peer may be spoken to. True: the
	 * proof of our domain has begun, and ends with authenticated, ready or refused. */
	bool (*begin)(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *features);
	/* Of dialback: from now on keys are made with another secret; those that were made with
	 * the one before are good for a while. */
	void (*renew)(struct tct_mod *m);
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
};
typedef void tcti_s2s_row_fn(const struct tcti_s2s_row *row, void *data);

/* What is known of a domain. Append-only. */
struct tcti_s2s_known {
	uint32_t size;
	struct tcti_s2s_rule rule;
	bool encryption;       /* is demanded */
	const char *override;  /* where it is dialled; NULL: it is looked up */
	uint32_t condition;    /* of the last failure; 0: none is known */
	const char *reason;    /* of that */
	int64_t failed, again; /* tct_now() of it, and when it is tried again */
	uint32_t failures;     /* in a row */
};

struct tcti_s2s_ops {
	uint32_t size;
	/* On a stream that was opened to us, `remote` has proven itself for `local`. False: there
	 * are too many already. */
	bool (*accept)(struct tct_mod *m, struct tct_stream *s, const char *local,
		const char *remote, uint32_t proof);
	/* True when `remote` is accepted for `local` there already. */
	bool (*accepted)(struct tct_mod *m, struct tct_stream *s, const char *local,
		const char *remote);
	/* Why the domain cannot be proven on this stream by anything but a certificate; NULL: it
	 * can. A constant. */
	const char *(*refuses_dialback)(struct tct_mod *m, struct tct_stream *s,
		const char *remote);
	/* Of a stream that we opened: its peer may send, and prove more domains of its own. */
	bool (*bidi)(struct tct_mod *m, struct tct_stream *s);
	/* Of a stream that we opened: we are believed when it was restarted (call
	 * tcti_stream_restart after it), we are believed, or we are not. */
	void (*authenticated)(struct tct_mod *m, struct tct_stream *s);
	void (*ready)(struct tct_mod *m, struct tct_stream *s, uint32_t proof);
	void (*refused)(struct tct_mod *m, struct tct_stream *s, const char *reason);
	/* What is left to try after a proof that failed; false: nothing. */
	bool (*next)(struct tct_mod *m, struct tct_stream *s);
	/* A stream of its own to the domain, without any proof, for a question: `fn` is called
	 * with it, and with NULL when it ends or cannot be had; `m` of fn is `asker`. NULL: there
	 * are too many. */
	struct tcti_s2s_question *(*ask)(struct tct_mod *m, const char *local,
		const char *remote, struct tct_mod *asker, tcti_s2s_ask_fn *fn, void *data);
	/* Ends it, with its stream; fn is not called any more. */
	void (*asked)(struct tct_mod *m, struct tcti_s2s_question *q);
	/* ---- for people ---- */
	void (*each)(struct tct_mod *m, tcti_s2s_row_fn *fn, void *data);
	/* Strings are borrowed until the next call. */
	void (*known)(struct tct_mod *m, const char *remote, struct tcti_s2s_known *known);
	/* Closes all streams with the domain (NULL: those that the policy would not let come
	 * today), and forgets its failures. How many. */
	uint32_t (*close)(struct tct_mod *m, const char *remote);
	/* What proves the domain on this stream without anybody being asked: TCTI_PROOF_EXTERNAL,
	 * TCTI_PROOF_DANE, or TCTI_PROOF_NONE. */
	uint32_t (*certified)(struct tct_mod *m, struct tct_stream *s, const char *remote);
};

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* bench_stanza.c - the hot path without sockets: a typical message of 350 bytes is framed and
 * parsed; one like it is built, and serialised for a receiver. Prints nanoseconds for each;
 * ledger.py counts the instructions of the functions named op_*.
 *
 *	bench_stanza [COUNT]      COUNT times each (200,000) */
#include "core/base/str.h"
#include "core/xml/framer.h"
#include "core/xml/parse.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char message[] =
	"<message from='romeo@montague.example/orchard' to='juliet@capulet.example/balcony' "
	"type='chat' id='c0ffee-4711-2208-ab' xml:lang='en'><body>Neither, fair saint, if either "
	"thee dislike; but the night is dark &amp; full</body>"
	"<request xmlns='urn:xmpp:receipts'/><active xmlns='http://jabber.org/protocol/chatstates'/>"
	"<origin-id xmlns='urn:xmpp:sid:0' id='c0ffee-4711-2208-ab'/></message>";

static struct parse_context *ctx;
static const struct tct_jid *romeo, *juliet;
static const struct parse_limits limits = { 128, 20000, 512 };

int main(int argc, char **argv);
/* Not inlined, so that they can be found by name. */
struct tct_stanza *op_parse(void);
struct tct_stanza *op_build(void);
void op_serialise(struct tct_stanza *st, struct str *out);

__attribute__((noinline)) struct tct_stanza *op_parse(void)
{
	struct framer f;
	struct arena a = { 0 };
	struct tct_elem *root;
	enum parse_error e;
	uint32_t problem;
	size_t used;

	framer_init(&f, false);
	if (framer_feed(&f, message, sizeof message - 1, &used) != FRAMER_STANZA ||
		parse_element(ctx, span_make(message, used), &limits, &a, &root, &e) != TCT_OK)
		abort();
	return stanza_from_elem(&a, root, &problem);
}

__attribute__((noinline)) struct tct_stanza *op_build(void)
{
	struct tct_stanza *st = tct_stanza_new(TCT_MESSAGE_CHAT, romeo, juliet, "c0ffee-4711");
	struct tct_elem *root = tct_stanza_root(st);

	tct_add_text(root, "body", "Neither, fair saint, if either thee dislike");
	tct_add(root, "urn:xmpp:receipts", "request");
	tct_add(root, "http://jabber.org/protocol/chatstates", "active");
	tct_set(tct_add(root, "urn:xmpp:sid:0", "origin-id"), "id", "c0ffee-4711-2208-ab");
	return st;
}

__attribute__((noinline)) void op_serialise(struct tct_stanza *st, struct str *out)
{
	struct delivery *d = delivery_new(st, NULL, NULL);

	delivery_write(d, out);
	delivery_unref(d);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void say(const char *name, double began, long count)
{
	printf("%-22s %6.0f ns\n", name, (now() - began) / (double)count);
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 200000;
	struct str out = { 0 };
	double began;

	if (count < 1) {
		fprintf(stderr, "usage: bench_stanza [COUNT]\n");
		return 2;
	}
	ctx = parse_context_new("jabber:client");
	romeo = tct_jid_new("romeo@montague.example/orchard");
	juliet = tct_jid_new("juliet@capulet.example/balcony");
	began = now();
	for (long i = 0; i < count; i++)
		tct_stanza_unref(op_parse());
	say("parse", began, count);
	began = now();
	for (long i = 0; i < count; i++)
		tct_stanza_unref(op_build());
	say("build", began, count);
	began = now();
	for (long i = 0; i < count; i++) {
		struct tct_stanza *st = op_build();

		str_clear(&out);
		op_serialise(st, &out);
		tct_stanza_unref(st);
	}
	say("build and serialise", began, count);
	str_fini(&out);
	tct_jid_unref(romeo);
	tct_jid_unref(juliet);
	parse_context_free(ctx);
	parse_trim();
	return 0;
}

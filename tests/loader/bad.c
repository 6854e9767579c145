/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* bad.c - one wrong module after the other, by -DBAD_...; NAME is the module's name. Used by
 * loader.py, which says what each has to look like from outside. */
#include <stdlib.h>
#include <tercet/module.h>

#ifndef NAME
#define NAME bad
#endif

/* What the module says of itself, changed before the macro writes it down. */
#ifdef BAD_MAJOR
#undef TCT_ABI_MAJOR
#define TCT_ABI_MAJOR 99
#endif
#ifdef BAD_MINOR
#undef TCT_ABI_MINOR
#define TCT_ABI_MINOR 99
/* Nothing of it may run: the server would not survive this. */
__attribute__((constructor)) static void run_too_early(void)
{
	abort();
}
#endif
#ifdef BAD_ENV
#undef TCT_ENV
#define TCT_ENV 0x00040404u
#endif
#ifdef BAD_MAGIC
#undef TCT_MODULE_MAGIC
#define TCT_MODULE_MAGIC 0x12345678u
#endif
#ifdef BAD_SIZE
#define SIZE_FIELD .size = 16,
#else
#define SIZE_FIELD
#endif

#ifdef BAD_DEPENDS
#define DEPENDS_FIELD .depends = TCT_DEPENDS(BAD_DEPENDS),
#else
#define DEPENDS_FIELD
#endif

#ifdef BAD_SYMBOL
extern int tct_from_the_future(void);
#endif

#ifdef BAD_NO_DESCRIPTOR
int not_a_module(void);
int not_a_module(void)
{
	return 0;
}
#else

static enum tct_verdict on_iq(struct tct_mod *m, struct tct_event *ev)
{
	return tct_reply(ev, tct_result(ev));
}

static void on_timer(struct tct_scope *scope, void *data)
{
	tct_log_notice(tct_scope_mod(scope), "the timer fired");
}

static void work(void *data)
{
#ifdef BAD_WORKER
	struct tct_mod *m = data;

	tct_timer_start(tct_mod_scope(m), 1, 0, on_timer, NULL); /* not on a worker */
#endif
}

static void ready(struct tct_mod *m)
{
#ifdef BAD_WORKER
	tct_job(tct_mod_scope(m), work, NULL, NULL, m);
#endif
}

static int load(struct tct_mod *m, struct tct_error *err)
{
#ifdef BAD_LOAD
	return tct_error_set(err, TCT_EIO, "it is not my day");
#endif
#ifdef BAD_OWNER
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, "urn:example:owned", "query", on_iq);
#endif
#ifdef BAD_SERVICE
	static const uint32_t ops = sizeof ops;

	tct_provide(m, "example", "bad", &ops);
#endif
#ifdef BAD_TIMER
	/* Started and forgotten: fires each 50 ms, and never after unload. */
	tct_timer_start(tct_mod_scope(m), 50, 50, on_timer, NULL);
#endif
#ifdef BAD_SYMBOL
	return tct_from_the_future();
#endif
	(void)on_iq;
	(void)on_timer;
	(void)work;
	return TCT_OK;
}

#ifdef BAD_INTERNAL
#define FLAGS TCT_INTERNAL
#else
#define FLAGS TCT_PER_HOST
#endif

#define DEFINE(name, ...) TCT_MODULE_FLAGS(name, FLAGS, __VA_ARGS__)

#pragma GCC diagnostic ignored "-Woverride-init"
DEFINE(NAME,
	SIZE_FIELD DEPENDS_FIELD
	.version = "0.0.0-other",
	.summary = "a bad module",
	.load    = load,
	.ready   = ready,
);
#endif

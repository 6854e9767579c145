/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/mod/hook.h"
#include "core/mod/module.h"
#include "core/mod/service.h"
#include "core/xml/name.h"
#include "tests/unit/unit.h"

#define MODS 4

static struct hook_set host;
static struct tct_mod mods[MODS], everywhere;
static struct tct_module_info info;
static char host_object; /* stands for a struct tct_host: only its address counts */

static void mod_make(struct tct_mod *m, const char *name, uint32_t rank, struct hook_set *hooks)
{
	memset(m, 0, sizeof *m);
	m->info = &info;
	m->name = name;
	m->rank = rank;
	m->hooks = hooks;
	m->host = hooks == hook_global() ? NULL : (struct tct_host *)(void *)&host_object;
	scope_init(&m->scope, m);
}

static int setup(void **state)
{
	static const char *const names[MODS] = { "a", "b", "c", "d" };

	hook_set_init(&host, "host.example");
	for (uint32_t i = 0; i < MODS; i++)
		mod_make(&mods[i], names[i], i + 1, &host);
	mod_make(&everywhere, "everywhere", 100, hook_global());
	return 0;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < MODS; i++) {
		scope_end(&mods[i].scope);
		free(mods[i].problem);
	}
	scope_end(&everywhere.scope);
	hook_set_fini(&host);
	return 0;
}

static enum tct_verdict fn(struct tct_mod *m, struct tct_event *ev)
{
	return TCT_CONTINUE;
}

static uint32_t type_of(uint32_t kind)
{
	static const uint32_t types[TCT_KINDS] = { TCT_MESSAGE_CHAT, TCT_PRESENCE_AVAILABLE,
		TCT_IQ_GET };

	return types[kind];
}

/* The names of who is called, in order. */
static const char *chain(struct hook_set *set, uint32_t stage, uint32_t kind, uint32_t cause)
{
	static char text[200];
	struct hook_ask ask = { stage, kind, type_of(kind), cause };
	struct hook_cursor c = { 0 };
	const struct hook *h;

	text[0] = '\0';
	while ((h = hook_next(set, &ask, &c)) != NULL)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", h->mod->name);
	return text;
}

static void the_order_is_priority_rank_registration(void **state)
{
	tct_on_message(&mods[2], TCT_INBOUND, 0, fn);
	tct_on_message(&mods[1], TCT_INBOUND, TCT_PRIO_FILTER, fn);
	tct_on_message(&mods[0], TCT_INBOUND, 0, fn);
	tct_on_message(&mods[3], TCT_INBOUND, TCT_PRIO_FALLBACK, fn);
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_MESSAGE, TCT_NEW), "b a c d ");
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_PRESENCE, TCT_NEW), "");
	assert_string_equal(chain(&host, TCT_OUTBOUND, TCT_MESSAGE, TCT_NEW), "");
	assert_true(hook_none(&host, TCT_OUTBOUND, TCT_MESSAGE_CHAT));
	assert_false(hook_none(&host, TCT_INBOUND, TCT_MESSAGE_CHAT));
}

static void causes_are_asked_for(void **state)
{
	tct_on_message(&mods[0], TCT_INBOUND, 0, fn);
	tct_on_cause(&mods[1], TCT_NEW | TCT_REROUTE);
	tct_on_message(&mods[1], TCT_INBOUND, 0, fn);
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_MESSAGE, TCT_NEW), "a b ");
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_MESSAGE, TCT_REROUTE), "b ");
}

/* Nobody is called for other types than it named, and a stage that none is called for is known
 * as that, also when who was called has gone. */
static void types_are_asked_for(void **state)
{
	struct hook_ask ask = { TCT_INBOUND, TCT_PRESENCE, TCT_PRESENCE_PROBE, TCT_NEW };
	struct hook_cursor c = { 0 };

	tct_on_types(&mods[0], TCT_INBOUND, TCT_PRESENCE_PROBE | TCT_IQ_GET, 0, fn);
	tct_on_types(&everywhere, TCT_INBOUND, TCT_PRESENCE_ERROR, 0, fn);
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_PRESENCE, TCT_NEW), "");
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_IQ, TCT_NEW), "a ");
	assert_ptr_equal(hook_next(&host, &ask, &c)->mod, &mods[0]);
	assert_null(hook_next(&host, &ask, &c));
	assert_true(hook_none(&host, TCT_INBOUND, TCT_PRESENCE_AVAILABLE));
	assert_false(hook_none(&host, TCT_INBOUND, TCT_PRESENCE_ERROR));
	assert_false(hook_none(&host, TCT_INBOUND, TCT_PRESENCE_PROBE));
	scope_end(&mods[0].scope);
	assert_true(hook_none(&host, TCT_INBOUND, TCT_PRESENCE_PROBE));
	assert_false(hook_none(&host, TCT_INBOUND, TCT_PRESENCE_ERROR));
}

/* A chain that waits goes on behind its handler in what is registered then. */
static void a_cursor_survives_changes(void **state)
{
	const struct hook_ask ask = { TCT_INBOUND, TCT_MESSAGE, TCT_MESSAGE_CHAT, TCT_NEW };
	struct hook_cursor c = { 0 };

	tct_on_message(&mods[0], TCT_INBOUND, 200, fn);
	tct_on_message(&mods[1], TCT_INBOUND, 100, fn);
	tct_on_message(&mods[3], TCT_INBOUND, 0, fn);
	assert_ptr_equal(hook_next(&host, &ask, &c)->mod, &mods[0]);
	assert_ptr_equal(hook_next(&host, &ask, &c)->mod, &mods[1]);
	scope_end(&mods[1].scope); /* the one that was called goes away */
	tct_on_message(&mods[2], TCT_INBOUND, 50, fn);
	assert_ptr_equal(hook_next(&host, &ask, &c)->mod, &mods[2]);
	scope_end(&mods[0].scope);
	assert_ptr_equal(hook_next(&host, &ask, &c)->mod, &mods[3]);
	assert_null(hook_next(&host, &ask, &c));
}

static void who_is_ending_is_not_called(void **state)
{
	tct_on_message(&mods[0], TCT_INBOUND, 0, fn);
	tct_on_message(&mods[1], TCT_INBOUND, 0, fn);
	mods[0].ending = true;
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_MESSAGE, TCT_NEW), "b ");
}

static void everything_of_an_instance_goes_with_it(void **state)
{
	tct_on_stanza(&mods[0], TCT_DELIVER, 0, fn);
	tct_on_iq(&mods[0], TCT_IQ_GET, TCT_TO_HOST, "urn:x", "q", fn);
	tct_feature(&mods[0], "urn:x");
	scope_end(&mods[0].scope);
	for (uint32_t k = 0; k < TCT_KINDS; k++)
		assert_string_equal(chain(&host, TCT_DELIVER, k, TCT_NEW), "");
	/* The payload is free again. */
	tct_on_iq(&mods[1], TCT_IQ_GET, TCT_TO_HOST, "urn:x", "q", fn);
	assert_null(mods[1].problem);
}

static void a_payload_has_one_owner(void **state)
{
	tct_on_iq(&mods[0], TCT_IQ_GET | TCT_IQ_SET, TCT_TO_SELF, "urn:x", "q", fn);
	tct_on_iq(&mods[1], TCT_IQ_GET, TCT_TO_HOST, "urn:x", "q", fn);
	tct_on_iq(&mods[1], TCT_IQ_GET, TCT_TO_SELF, "urn:x", "other", fn);
	assert_null(mods[1].problem);
	tct_on_iq(&mods[2], TCT_IQ_SET, TCT_TO_SELF, "urn:x", "q", fn);
	assert_non_null(mods[2].problem);
	assert_non_null(strstr(mods[2].problem, "mod_a"));
	assert_non_null(strstr(mods[2].problem, "urn:x"));
	assert_non_null(strstr(mods[2].problem, "host.example"));
}

/* ---- global instances ---- */

static void unseen(struct tct_mod *m, const struct tct_unseen *u)
{
	*(int *)u->stanza += 1;
}

static bool unwanted(struct tct_mod *m, struct tct_session *s, const struct tct_waiting *w)
{
	return true;
}

static void what_waits_is_told_on_later_hosts_too(void **state)
{
	struct hook_set later;
	int count = 0;
	struct tct_unseen u = { .size = sizeof u, .stanza = (struct tct_stanza *)(void *)&count };

	tct_on_unseen(&everywhere, unseen);
	tct_on_unwanted(&everywhere, unwanted);
	hook_set_init(&later, "later.example");
	hook_unseen(&later, &u);
	assert_int_equal(count, 1);
	assert_true(hook_unwanted(&later, NULL, NULL));
	scope_end(&everywhere.scope);
	hook_unseen(&later, &u);
	assert_int_equal(count, 1);
	assert_false(hook_unwanted(&later, NULL, NULL));
	hook_set_fini(&later);
}

static void a_global_instance_counts_on_every_host(void **state)
{
	struct hook_set later;

	tct_on_message(&mods[0], TCT_INBOUND, 0, fn);
	tct_on_message(&everywhere, TCT_INBOUND, 100, fn);
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_MESSAGE, TCT_NEW), "everywhere a ");
	hook_set_init(&later, "later.example");
	assert_string_equal(chain(&later, TCT_INBOUND, TCT_MESSAGE, TCT_NEW), "everywhere ");
	scope_end(&everywhere.scope);
	assert_string_equal(chain(&later, TCT_INBOUND, TCT_MESSAGE, TCT_NEW), "");
	assert_string_equal(chain(&host, TCT_INBOUND, TCT_MESSAGE, TCT_NEW), "a ");
	hook_set_fini(&later);
}

/* ---- services ---- */

static void a_service_has_one_provider_on_a_host(void **state)
{
	static const size_t ops = sizeof ops, other = sizeof other;
	struct tct_mod *provider;

	assert_null(tct_service(&mods[0], "auth", &provider));
	assert_null(provider);
	tct_provide(&mods[1], "auth", "one", &ops);
	assert_ptr_equal(tct_service(&mods[0], "auth", &provider), &ops);
	assert_ptr_equal(provider, &mods[1]);
	tct_provide(&mods[2], "auth", "two", &other);
	assert_non_null(strstr(mods[2].problem, "mod_b"));
	assert_ptr_equal(tct_service(&mods[0], "auth", NULL), &ops);
	scope_end(&mods[1].scope);
	assert_null(tct_service(&mods[0], "auth", NULL));
}

static void a_host_s_provider_comes_before_a_global_one(void **state)
{
	static const size_t ops = sizeof ops, other = sizeof other;

	tct_provide(&everywhere, "storage", "all", &ops);
	assert_ptr_equal(tct_service(&mods[0], "storage", NULL), &ops);
	tct_provide(&mods[1], "storage", "here", &other);
	assert_null(mods[1].problem);
	assert_ptr_equal(tct_service(&mods[0], "storage", NULL), &other);
	assert_ptr_equal(service_find(NULL, "storage", NULL), &ops);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_order_is_priority_rank_registration),
		TEST(causes_are_asked_for),
		TEST(types_are_asked_for),
		TEST(a_cursor_survives_changes),
		TEST(who_is_ending_is_not_called),
		TEST(everything_of_an_instance_goes_with_it),
		TEST(a_payload_has_one_owner),
		TEST(a_global_instance_counts_on_every_host),
		TEST(what_waits_is_told_on_later_hosts_too),
		TEST(a_service_has_one_provider_on_a_host),
		TEST(a_host_s_provider_comes_before_a_global_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

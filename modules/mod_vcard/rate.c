/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* rate.c - how often cards of others are asked for: a bucket for each other server, and one
 * for each own account. It is looked at before anybody knows whether the account that is
 * asked for exists. The table has a fixed size; who is new takes the place of who has asked
 * least. */
#include "modules/mod_vcard/vcard.h"

#include <string.h>

#define TRIES 8
#define ONE 60 /* a request, in tokens: a second brings requests_per_minute tokens */

/* FNV-1a with a start that nobody outside knows. */
static uint64_t hash_of(const struct vcard_data *data, const char *text)
{
	uint64_t h = data->seed;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	h ^= h >> 29;
	return h != 0 ? h : 1;
}

static void fill(struct bucket *b, int64_t rate, int64_t now)
{
	int64_t seconds = now - b->since;

	b->since = now;
	b->tokens = seconds >= ONE ? rate * ONE : b->tokens + seconds * rate;
	if (b->tokens > rate * ONE)
		b->tokens = rate * ONE;
}

static bool take(struct tct_mod *m, const char *who)
{
	const struct vcard_config *config = tct_mod_config(m);
	struct vcard_data *data = tct_mod_data(m);
	int64_t rate = config->requests_per_minute, now = tct_monotonic();
	uint64_t key = hash_of(data, who);
	struct bucket *found = NULL;

	for (unsigned i = 0; i < TRIES; i++) {
		struct bucket *b = &data->buckets[(key + i) % BUCKETS];

		if (b->key == key) {
			found = b;
			break;
		}
		if (b->key != 0)
			fill(b, rate, now);
		if (found == NULL || b->key == 0 ||
			(found->key != 0 && b->tokens > found->tokens))
			found = b;
	}
	if (found->key != key)
		*found = (struct bucket){ .key = key, .tokens = rate * ONE, .since = now };
	fill(found, rate, now);
	if (found->tokens < ONE)
		return false;
	found->tokens -= ONE;
	return true;
}

static bool counts(const struct tct_event *ev)
{
	const struct tct_elem *payload = tct_stanza_payload(ev->stanza);
	const struct tct_jid *to = tct_stanza_to(ev->stanza);
	const struct tct_jid *from = tct_stanza_from(ev->stanza);

	if (to == NULL || from == NULL || tct_jid_equal_bare(to, from))
		return false;
	if (tct_stanza_type(ev->stanza) == TCT_IQ_SET)
		return tct_elem_is(payload, NS_SEARCH, "query");
	return tct_stanza_type(ev->stanza) == TCT_IQ_GET && tct_jid_node(to) != NULL &&
		tct_jid_resource(to) == NULL && tct_elem_is(payload, NS_VCARD, "vCard");
}

enum tct_verdict vcard_on_request(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *from = tct_stanza_from(ev->stanza);

	if (!counts(ev))
		return TCT_CONTINUE;
	if (take(m,
		    tct_host_find(tct_jid_domain(from)) != NULL ? tct_jid_bare_text(from) :
								  tct_jid_domain(from)))
		return TCT_CONTINUE;
	return tct_refuse(ev, TCT_RESOURCE_CONSTRAINT, "too many requests");
}

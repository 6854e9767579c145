/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fuzz_jid.c - what is an address stays the same when it is read again, and when it is made
 * from its parts. */
#include "tests/fuzz/fuzz.h"

#include "core/xmpp/jid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tct_jid *jid = tct_jid_new_n((const char *)data, size), *again, *made, *bare;

	if (jid == NULL)
		return 0;
	fuzz_check(jid_len(jid) <= 3 * 1023 + 2);
	again = tct_jid_new(tct_jid_text(jid));
	fuzz_check(again != NULL && tct_jid_equal(jid, again));
	made = tct_jid_make(tct_jid_node(jid), tct_jid_domain(jid), tct_jid_resource(jid));
	fuzz_check(made != NULL && tct_jid_equal(jid, made));
	bare = tct_jid_bare(jid);
	fuzz_check(strcmp(tct_jid_text(bare), tct_jid_bare_text(jid)) == 0);
	fuzz_check(tct_jid_equal_bare(bare, jid));
	tct_jid_unref(bare);
	tct_jid_unref(made);
	tct_jid_unref(again);
	tct_jid_unref(jid);
	return 0;
}

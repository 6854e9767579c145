/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fuzz_xml.c - a header or an element from foreign bytes; what was read is written, read
 * again, and written the same. The first byte: bit 0 says header. */
#include "tests/fuzz/fuzz.h"

#include "core/xml/parse.h"
#include "core/xml/write.h"

static const struct parse_limits limits = { .depth = 128, .elements = 20000, .attributes = 512 };

static void read_header(struct span bytes)
{
	struct parse_context *ctx = NULL;
	struct arena a = { 0 };
	struct tct_elem *root;
	enum parse_error e = PARSE_OK;

	if (parse_header(bytes, &a, &ctx, &root, &e) == TCT_OK) {
		fuzz_check(root != NULL && parse_context_ns(ctx) != NULL);
		parse_context_free(ctx);
	} else {
		fuzz_check(e != PARSE_OK && parse_error_condition(e) != NULL);
	}
	arena_fini(&a);
}

static void write_again(const struct parse_context *ctx, const struct str *once)
{
	struct arena a = { 0 };
	struct str twice = { 0 };
	struct tct_elem *root;
	enum parse_error e;

	/* Escapes and declarations can only be more: the limits hold of what a peer sends. */
	fuzz_check(parse_element(ctx, str_span(once), &limits, &a, &root, &e) == TCT_OK ||
		e == PARSE_POLICY);
	if (e != PARSE_POLICY) {
		write_elem(&twice, root, "jabber:client");
		fuzz_check(strcmp(str_text(once), str_text(&twice)) == 0);
	}
	str_fini(&twice);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parse_context *ctx;
	struct arena a = { 0 };
	struct str once = { 0 };
	struct tct_elem *root;
	enum parse_error e = PARSE_OK;
	struct span bytes;

	if (size < 1)
		return 0;
	bytes = span_make((const char *)data + 1, size - 1);
	if ((data[0] & 1) != 0) {
		read_header(bytes);
		return 0;
	}
	ctx = parse_context_new("jabber:client");
	if (parse_element(ctx, bytes, &limits, &a, &root, &e) == TCT_OK) {
		write_elem(&once, root, "jabber:client");
		/* The prefix stream: is declared by a header only. */
		if (strstr(str_text(&once), "stream:") == NULL)
			write_again(ctx, &once);
	}
	str_fini(&once);
	arena_fini(&a);
	parse_context_free(ctx);
	return 0;
}

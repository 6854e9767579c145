/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fuzz_framer.c - the framer against expat, and against itself in pieces. The first byte says
 * whether a header comes first (bit 0) and where the input is cut. */
#include "tests/fuzz/fuzz.h"

#include "core/xml/framer.h"

#include <expat.h>

struct view {
	char found[64]; /* one letter per construct that is no white space */
	size_t ends[64], count, at;
	bool ended;
};

static void feed(struct framer *f, struct view *v, const char *data, size_t len)
{
	while (len > 0 && !v->ended && v->count < sizeof v->found) {
		size_t used = 0;
		enum framer_result r = framer_feed(f, data, len, &used);

		fuzz_check(used <= len);
		v->at += used;
		data += used;
		len -= used;
		if (r == FRAMER_MORE) {
			fuzz_check(len == 0);
			return;
		}
		fuzz_check(used > 0 || r == FRAMER_MALFORMED);
		if (r == FRAMER_SPACE)
			continue;
		v->found[v->count] = (char)('a' + (int)r);
		v->ends[v->count++] = v->at;
		v->ended = r == FRAMER_CLOSE || r == FRAMER_RESTRICTED || r == FRAMER_MALFORMED;
	}
}

struct seen {
	int depth, elements;
};

static void on_start(void *data, const char *name, const char **attrs)
{
	struct seen *seen = data;

	(void)name;
	(void)attrs;
	seen->depth++;
	seen->elements++;
}

static void on_end(void *data, const char *name)
{
	struct seen *seen = data;

	(void)name;
	seen->depth--;
}

/* What the framer calls a whole element is one for expat too, or is refused: by an error, or
 * by an end that does not come (a broken character before the '>'). */
static void ask_expat(const char *data, size_t len)
{
	XML_Parser p = XML_ParserCreate("UTF-8");
	struct seen seen = { 0, 0 };

	XML_SetElementHandler(p, on_start, on_end);
	XML_SetUserData(p, &seen);
	XML_Parse(p, "<s>", 3, 0);
	if (XML_Parse(p, data, (int)len, 0) == XML_STATUS_OK && seen.depth == 1 &&
		seen.elements > 1)
		fuzz_check(XML_Parse(p, "</s>", 4, 1) == XML_STATUS_OK);
	XML_ParserFree(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct framer f;
	struct view whole = { 0 }, cut = { 0 };
	const char *text;
	size_t at, from = 0;
	bool header;

	if (size < 2)
		return 0;
	header = (data[0] & 1) != 0;
	text = (const char *)data + 1;
	size--;
	at = (size_t)(data[0] >> 1) * size / 128;
	framer_init(&f, header);
	feed(&f, &whole, text, size);
	framer_init(&f, header);
	feed(&f, &cut, text, at);
	feed(&f, &cut, text + at, size - at);
	fuzz_check(whole.count == cut.count);
	for (size_t i = 0; i < whole.count; i++) {
		fuzz_check(whole.found[i] == cut.found[i] && whole.ends[i] == cut.ends[i]);
		if (whole.found[i] == 'a' + FRAMER_STANZA)
			ask_expat(text + from, whole.ends[i] - from);
		from = whole.ends[i];
	}
	return 0;
}

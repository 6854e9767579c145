/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* framer.c - see framer.h. */
#include "core/xml/framer.h"

#include <string.h>

enum state {
	OUTSIDE,   /* between first-level elements, or before the header */
	CONTENT,   /* text inside an element */
	LESS,      /* after '<' */
	START_TAG, /* in a start tag, outside values */
	VALUE,     /* in a value */
	SLASH,     /* after '/' in a start tag */
	END_TAG,
	BANG,      /* after "<!" */
	CDATA_OPEN,
	CDATA,
	DECLARATION_NAME, /* after "<?" before the header */
	DECLARATION,
	DECLARATION_END,  /* after '?' */
	BROKEN
};

#define KEEP_GOING ((enum framer_result)-1)

void framer_init(struct framer *f, bool header)
{
	memset(f, 0, sizeof *f);
	f->header = header;
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static enum framer_result fail(struct framer *f, enum framer_result r)
{
	f->state = BROKEN;
	return r;
}

/* The '>' of a start tag. */
static enum framer_result start_ends(struct framer *f, bool empty)
{
	if (f->header) {
		if (empty)
			return fail(f, FRAMER_MALFORMED);
		f->header = false;
		f->state = OUTSIDE;
		return FRAMER_HEADER;
	}
	if (!empty)
		f->depth++;
	if (f->depth == 0) {
		f->state = OUTSIDE;
		return FRAMER_STANZA;
	}
	f->state = CONTENT;
	return KEEP_GOING;
}

static enum framer_result end_ends(struct framer *f)
{
	if (f->depth == 0) {
		f->state = BROKEN;
		return FRAMER_CLOSE;
	}
	f->depth--;
	f->state = f->depth == 0 ? OUTSIDE : CONTENT;
	return f->depth == 0 ? FRAMER_STANZA : KEEP_GOING;
}

static enum framer_result after_less(struct framer *f, unsigned char c)
{
	switch (c) {
	case '/':
		if (f->header)
			return fail(f, FRAMER_MALFORMED);
		f->state = END_TAG;
		return KEEP_GOING;
	case '!':
		f->state = BANG;
		return KEEP_GOING;
	case '?':
		if (!f->header)
			return fail(f, FRAMER_RESTRICTED);
		f->state = DECLARATION_NAME;
		f->match = 0;
		return KEEP_GOING;
	case '>':
	case '<':
		return fail(f, FRAMER_MALFORMED);
	default:
		if (is_space(c))
			return fail(f, FRAMER_MALFORMED);
		f->state = START_TAG;
		return KEEP_GOING;
	}
}

static enum framer_result after_bang(struct framer *f, unsigned char c)
{
	if (c == '-' || c == 'D' || c == 'd')
		return fail(f, FRAMER_RESTRICTED);
	if (c != '[' || f->depth == 0)
		return fail(f, FRAMER_MALFORMED);
	f->state = CDATA_OPEN;
	f->match = 1;
	return KEEP_GOING;
}

/* Only an XML declaration may begin with "<?", and only before the header. */
static enum framer_result declaration_name(struct framer *f, unsigned char c)
{
	if (f->match < 3) {
		if (c != (unsigned char)"xml"[f->match])
			return fail(f, FRAMER_RESTRICTED);
		f->match++;
		return KEEP_GOING;
	}
	if (!is_space(c))
		return fail(f, FRAMER_RESTRICTED);
	f->state = DECLARATION;
	return KEEP_GOING;
}

static enum framer_result one(struct framer *f, unsigned char c)
{
	switch (f->state) {
	case LESS:
		return after_less(f, c);
	case START_TAG:
		if (c == '>')
			return start_ends(f, false);
		if (c == '<')
			return fail(f, FRAMER_MALFORMED);
		if (c == '/')
			f->state = SLASH;
		if (c == '\'' || c == '"') {
			f->state = VALUE;
			f->quote = c;
		}
		return KEEP_GOING;
	case SLASH:
		return c == '>' ? start_ends(f, true) : fail(f, FRAMER_MALFORMED);
	case END_TAG:
		if (c == '<')
			return fail(f, FRAMER_MALFORMED);
		return c == '>' ? end_ends(f) : KEEP_GOING;
	case BANG:
		return after_bang(f, c);
	case CDATA_OPEN:
		if (c != (unsigned char)"[CDATA["[f->match])
			return fail(f, FRAMER_MALFORMED);
		if (++f->match == 7) {
			f->state = CDATA;
			f->match = 0;
		}
		return KEEP_GOING;
	case CDATA:
		if (c == ']') {
			if (f->match < 2)
				f->match++;
		} else if (c == '>' && f->match == 2) {
			f->state = CONTENT;
		} else {
			f->match = 0;
		}
		return KEEP_GOING;
	case DECLARATION_NAME:
		return declaration_name(f, c);
	case DECLARATION:
		if (c == '<')
			return fail(f, FRAMER_MALFORMED);
		if (c == '?')
			f->state = DECLARATION_END;
		return KEEP_GOING;
	case DECLARATION_END:
		f->state = OUTSIDE;
		return c == '>' ? KEEP_GOING : fail(f, FRAMER_MALFORMED);
	default:
		return fail(f, FRAMER_MALFORMED);
	}
}

/* Between first-level elements: white space, or the '<' of the next construct. */
static enum framer_result outside(struct framer *f, const char *data, size_t len, size_t *at)
{
	size_t start = *at;

	while (*at < len && is_space((unsigned char)data[*at]))
		(*at)++;
	/* White space before the header belongs to the header. */
	if (*at > start && !f->header)
		return FRAMER_SPACE;
	if (*at == len)
		return KEEP_GOING;
	if (data[*at] != '<')
		return fail(f, FRAMER_MALFORMED);
	(*at)++;
	f->state = LESS;
	return KEEP_GOING;
}

enum framer_result framer_feed(struct framer *f, const char *data, size_t len, size_t *used)
{
	enum framer_result r = KEEP_GOING;
	size_t at = 0;
	const char *found;

	while (at < len && r == KEEP_GOING) {
		switch (f->state) {
		case OUTSIDE:
			r = outside(f, data, len, &at);
			break;
		case CONTENT:
			found = memchr(data + at, '<', len - at);
			at = found != NULL ? (size_t)(found - data) + 1 : len;
			if (found != NULL)
				f->state = LESS;
			break;
		case VALUE:
			found = memchr(data + at, f->quote, len - at);
			at = found != NULL ? (size_t)(found - data) + 1 : len;
			if (found != NULL)
				f->state = START_TAG;
			break;
		default:
			r = one(f, (unsigned char)data[at++]);
			break;
		}
	}
	*used = at;
	return r == KEEP_GOING ? FRAMER_MORE : r;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* parse.c - see parse.h.
 *
 * The namespace rules, kept for every element (Namespaces in XML 1.0):
 *   - a prefix in a name must be declared; xml is always declared, xmlns is no prefix of
 *     elements or attributes other than declarations;
 *   - a name has at most one colon, with something on both sides;
 *   - xmlns:xml may name only the XML namespace, nothing else may; xmlns:xmlns and the xmlns
 *     namespace may not be declared; a prefix cannot be undeclared;
 *   - xmlns='' undeclares the default namespace; attributes without prefix have none;
 *   - no two attributes of an element have the same name after expansion. */
#include "core/xml/parse.h"

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/vec.h"
#include "core/xml/name.h"
#include "core/xml/write.h"

#include "config.h"

#include <expat.h>
#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

#define NS_CLIENT "jabber:client"
#define NS_XMLNS "http://www.w3.org/2000/xmlns/"

#define CONTEXT_PREFIXES 8
#define BINDINGS_MAX 64         /* prefixes in scope at once */
#define PREFIXED_MAX 32         /* attributes with a prefix on one element */
#define PARSER_BYTES_MAX 131072 /* what a parser may keep between elements */

struct binding {
	const char *prefix; /* "" for the default namespace */
	const char *uri;    /* "" for none */
	uint32_t depth;     /* of the element that declared it; 0: the stream header */
};

struct parse_context {
	char *ns, *lang;
	bool neutral; /* elements in ns are given in jabber:client */
	unsigned count;
	struct binding prefixes[]; /* without the default; strings are its own */
};

/* The one parse that is under way on this thread. */
struct job {
	const struct parse_context *ctx;
	const struct parse_limits *limits;
	struct arena *arena;
	struct tct_elem *root, *at; /* at: the element that is open */
	enum parse_error error;
	uint32_t depth, elements, binding_count;
	bool header, done;
	XML_Index base, end; /* of the construct, in the parser's count of bytes */
	struct binding bindings[BINDINGS_MAX];
};

static _Thread_local XML_Parser shared;
static _Thread_local struct job job;
static _Thread_local size_t parser_bytes;
static _Thread_local XML_Index fed;

/* ---- memory of the parser, counted ---- */

union block {
	size_t size;
	max_align_t align;
};

static void *count_malloc(size_t size)
{
	union block *b = mem_alloc(sizeof *b + size);

	b->size = size;
	parser_bytes += size;
	return b + 1;
}

static void *count_realloc(void *p, size_t size)
{
	union block *b = p != NULL ? (union block *)p - 1 : NULL;

	if (b != NULL)
		parser_bytes -= b->size;
	b = mem_realloc(b, sizeof *b + size);
	b->size = size;
	parser_bytes += size;
	return b + 1;
}

static void count_free(void *p)
{
	if (p == NULL)
		return;
	parser_bytes -= ((union block *)p - 1)->size;
	free((union block *)p - 1);
}

static const XML_Memory_Handling_Suite suite = { count_malloc, count_realloc, count_free };

/* ---- errors and contexts ---- */

const char *parse_error_condition(enum parse_error e)
{
	switch (e) {
	case PARSE_RESTRICTED:
		return "restricted-xml";
	case PARSE_BAD_PREFIX:
		return "bad-namespace-prefix";
	case PARSE_BAD_FORMAT:
		return "bad-format";
	case PARSE_POLICY:
		return "policy-violation";
	case PARSE_ENCODING:
		return "unsupported-encoding";
	case PARSE_NAMESPACE:
		return "invalid-namespace";
	default:
		return "not-well-formed";
	}
}

struct parse_context *parse_context_new(const char *ns)
{
	struct parse_context *ctx = mem_zalloc(sizeof *ctx);

	ctx->ns = mem_strdup(ns);
	return ctx;
}

void parse_context_free(struct parse_context *ctx)
{
	if (ctx == NULL)
		return;
	for (unsigned i = 0; i < ctx->count; i++) {
		free((char *)ctx->prefixes[i].prefix);
		free((char *)ctx->prefixes[i].uri);
	}
	free(ctx->ns);
	free(ctx->lang);
	free(ctx);
}

const char *parse_context_ns(const struct parse_context *ctx)
{
	return ctx->ns;
}

void parse_context_neutral(struct parse_context *ctx)
{
	ctx->neutral = true;
}

const char *parse_context_lang(const struct parse_context *ctx)
{
	return ctx->lang;
}

static void stop(enum parse_error e)
{
	if (job.error == PARSE_OK)
		job.error = e;
	XML_StopParser(shared, XML_FALSE);
}

/* ---- prefixes ---- */

/* Declares a prefix on the element that is being opened; "" is the default namespace. */
static bool declare(const char *prefix, const char *uri)
{
	bool is_xml = strcmp(prefix, "xml") == 0;

	if (strcmp(prefix, "xmlns") == 0 || strcmp(uri, NS_XMLNS) == 0 ||
		is_xml != (strcmp(uri, NS_XML) == 0) || (*prefix != '\0' && *uri == '\0') ||
		strchr(prefix, ':') != NULL) {
		stop(PARSE_BAD_PREFIX);
		return false;
	}
	if (is_xml)
		return true;
	if (job.binding_count == BINDINGS_MAX) {
		stop(PARSE_POLICY);
		return false;
	}
	job.bindings[job.binding_count++] = (struct binding){ arena_strdup(job.arena, prefix),
		arena_strdup(job.arena, uri), job.depth + 1 };
	return true;
}

/* NULL: not declared. */
static const char *lookup(const char *prefix, size_t len)
{
	if (len == 3 && memcmp(prefix, "xml", 3) == 0)
		return NS_XML;
	for (uint32_t i = job.binding_count; i > 0; i--) {
		const struct binding *b = &job.bindings[i - 1];

		if (strncmp(b->prefix, prefix, len) == 0 && b->prefix[len] == '\0')
			return b->uri;
	}
	for (unsigned i = 0; job.ctx != NULL && i < job.ctx->count; i++) {
		const struct binding *b = &job.ctx->prefixes[i];

		if (strncmp(b->prefix, prefix, len) == 0 && b->prefix[len] == '\0')
			return b->uri;
	}
	return NULL;
}

/* The default namespace where a new element stands. */
static const char *default_ns(void)
{
	for (uint32_t i = job.binding_count; i > 0; i--) {
		if (*job.bindings[i - 1].prefix == '\0')
			return job.bindings[i - 1].uri;
	}
	return job.ctx != NULL ? job.ctx->ns : "";
}

/* Splits "p:local"; *ns is NULL without prefix. False: stopped. */
static bool expand(const char *qname, const char **ns, const char **local)
{
	const char *colon = strchr(qname, ':');

	*ns = NULL;
	*local = qname;
	if (colon == NULL)
		return true;
	if (colon == qname || colon[1] == '\0' || strchr(colon + 1, ':') != NULL) {
		stop(PARSE_BAD_PREFIX);
		return false;
	}
	/* What follows is a name of its own. Beyond ASCII that is a long table, for something
	 * that no protocol has. */
	if ((colon[1] & 0x80) != 0 || strchr("-.0123456789", colon[1]) != NULL) {
		stop((colon[1] & 0x80) != 0 ? PARSE_POLICY : PARSE_BAD_PREFIX);
		return false;
	}
	*local = colon + 1;
	*ns = lookup(qname, (size_t)(colon - qname));
	if (*ns == NULL) {
		stop(PARSE_BAD_PREFIX);
		return false;
	}
	return true;
}

/* ---- building the tree ---- */

static bool is_declaration(const char *name)
{
	return strncmp(name, "xmlns", 5) == 0 && (name[5] == '\0' || name[5] == ':');
}

static bool add_declarations(const char **attrs)
{
	for (; *attrs != NULL; attrs += 2) {
		if (!is_declaration(attrs[0]))
			continue;
		if (attrs[0][5] == ':' && attrs[0][6] == '\0') {
			stop(PARSE_BAD_PREFIX);
			return false;
		}
		if (!declare(attrs[0][5] == ':' ? attrs[0] + 6 : "", attrs[1]))
			return false;
	}
	return true;
}

static bool is_duplicate(const struct tct_elem *e, const char *ns, const char *local)
{
	for (const struct elem_attr *a = e->attrs; a != NULL; a = a->next) {
		if (a->ns != NULL && strcmp(a->name, local) == 0 && strcmp(a->ns, ns) == 0)
			return true;
	}
	return false;
}

static void add_attrs(struct tct_elem *e, const char **attrs)
{
	struct elem_attr **at = &e->attrs;
	uint32_t count = 0, prefixed = 0;

	for (; *attrs != NULL; attrs += 2) {
		const char *ns, *local;
		struct elem_attr *a;
		size_t len;

		if (++count > job.limits->attributes) {
			stop(PARSE_POLICY);
			return;
		}
		if (is_declaration(attrs[0]))
			continue;
		if (!expand(attrs[0], &ns, &local))
			return;
		if (ns != NULL && ++prefixed > PREFIXED_MAX) {
			stop(PARSE_POLICY);
			return;
		}
		if (ns != NULL && is_duplicate(e, ns, local)) {
			stop(PARSE_NOT_WELL_FORMED);
			return;
		}
		len = strlen(attrs[1]);
		a = arena_alloc(job.arena, sizeof *a);
		a->next = NULL;
		a->ns = ns == NULL || strcmp(ns, NS_XML) == 0 ? (ns != NULL ? NS_XML : NULL) :
								arena_strdup(job.arena, ns);
		a->name = arena_strdup(job.arena, local);
		a->value = arena_strndup(job.arena, attrs[1], len);
		a->value_len = (uint32_t)len;
		*at = a;
		at = &a->next;
	}
}

/* The namespace of an element as it is given; see parse_context_neutral. */
static const char *neutral(const char *ns)
{
	if (job.ctx == NULL || !job.ctx->neutral)
		return ns;
	if (strcmp(ns, job.ctx->ns) == 0)
		return NS_CLIENT;
	if (job.at == NULL && strcmp(ns, NS_CLIENT) == 0) {
		stop(PARSE_NAMESPACE);
		return NULL;
	}
	return ns;
}

static void on_start(void *data, const char *qname, const char **attrs)
{
	const char *ns, *local;
	struct tct_elem *e;

	(void)data;
	if (job.error != PARSE_OK)
		return;
	if (job.done || job.depth >= job.limits->depth || ++job.elements > job.limits->elements) {
		stop(job.done ? PARSE_NOT_WELL_FORMED : PARSE_POLICY);
		return;
	}
	if (*attrs != NULL && !add_declarations(attrs))
		return;
	if (!expand(qname, &ns, &local))
		return;
	if (ns == NULL)
		ns = default_ns();
	ns = neutral(ns);
	if (ns == NULL)
		return;
	if (job.at == NULL)
		e = job.root = elem_new(job.arena, ns, local);
	else
		e = elem_add(job.at, ns, local);
	job.at = e;
	job.depth++;
	if (*attrs != NULL)
		add_attrs(e, attrs);
	if (job.header) {
		job.done = true;
		job.end = XML_GetCurrentByteIndex(shared) + XML_GetCurrentByteCount(shared);
	}
}

static void on_end(void *data, const char *qname)
{
	(void)data;
	(void)qname;
	if (job.error != PARSE_OK || job.depth == 0)
		return;
	while (job.binding_count > 0 && job.bindings[job.binding_count - 1].depth >= job.depth)
		job.binding_count--;
	job.at = job.at->parent;
	if (--job.depth == 0) {
		job.done = true;
		job.end = XML_GetCurrentByteIndex(shared) + XML_GetCurrentByteCount(shared);
	}
}

static void on_text(void *data, const char *text, int len)
{
	struct tct_elem *last;

	(void)data;
	if (job.error != PARSE_OK || job.at == NULL)
		return;
	/* expat gives a text in pieces (at lines, entities); adjacent ones become one node when
	 * the arena lets the first grow in place. */
	last = job.at->last;
	if (last != NULL && last->name == NULL && last->text + last->len + 1 == job.arena->at &&
		(size_t)(job.arena->end - job.arena->at) > (size_t)len) {
		char *at = job.arena->at - 1;

		memcpy(at, text, (size_t)len);
		at[len] = '\0';
		job.arena->at += len;
		last->len += (uint32_t)len;
		return;
	}
	elem_text_push(job.at, text, (size_t)len);
}

/* ---- what is refused ---- */

static void on_doctype(void *data, const char *name, const char *sysid, const char *pubid, int sub)
{
	(void)data;
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)sub;
	stop(PARSE_RESTRICTED);
}

static void on_pi(void *data, const char *target, const char *text)
{
	(void)data;
	(void)target;
	(void)text;
	stop(PARSE_RESTRICTED);
}

static void on_comment(void *data, const char *text)
{
	(void)data;
	(void)text;
	stop(PARSE_RESTRICTED);
}

static void on_declaration(void *data, const char *version, const char *encoding, int standalone)
{
	(void)data;
	(void)version;
	(void)standalone;
	if (encoding != NULL && strcasecmp(encoding, "utf-8") != 0)
		stop(PARSE_ENCODING);
}

/* ---- parsers ---- */

static XML_Parser parser_new(void)
{
	XML_Parser p = XML_ParserCreate_MM("UTF-8", &suite, NULL);
	unsigned long salt;

	tct_random(&salt, sizeof salt);
	XML_SetHashSalt(p, salt | 1);
#ifdef HAVE_XML_SETREPARSEDEFERRALENABLED
	/* Otherwise a whole element may wait for the next bytes. */
	XML_SetReparseDeferralEnabled(p, XML_FALSE);
#endif
	XML_SetElementHandler(p, on_start, on_end);
	XML_SetCharacterDataHandler(p, on_text);
	XML_SetStartDoctypeDeclHandler(p, on_doctype);
	XML_SetProcessingInstructionHandler(p, on_pi);
	XML_SetCommentHandler(p, on_comment);
	XML_SetXmlDeclHandler(p, on_declaration);
	return p;
}

void parse_trim(void)
{
	if (shared != NULL)
		XML_ParserFree(shared);
	shared = NULL;
	fed = 0;
}

/* Leaves the shared parser inside an element that stands for every stream's. */
static void make_shared(void)
{
	static const char around[] = "<s>";

	job.error = PARSE_BAD_FORMAT; /* the handlers do nothing */
	shared = parser_new();
	XML_Parse(shared, around, sizeof around - 1, 0);
	fed = sizeof around - 1;
	job.error = PARSE_OK;
}

static enum parse_error expat_error(void)
{
	if (job.error != PARSE_OK)
		return job.error;
	switch (XML_GetErrorCode(shared)) {
	case XML_ERROR_UNDEFINED_ENTITY:
	case XML_ERROR_ENTITY_DECLARED_IN_PE:
		return PARSE_RESTRICTED;
	case XML_ERROR_UNKNOWN_ENCODING:
	case XML_ERROR_INCORRECT_ENCODING:
		return PARSE_ENCODING;
	default:
		return PARSE_NOT_WELL_FORMED;
	}
}

static void job_start(const struct parse_context *ctx, const struct parse_limits *limits,
	struct arena *a)
{
	job.ctx = ctx;
	job.limits = limits;
	job.arena = a;
	job.root = job.at = NULL;
	job.error = PARSE_OK;
	job.depth = job.elements = job.binding_count = 0;
	job.header = job.done = false;
	job.end = 0;
}

int parse_element(const struct parse_context *ctx, struct span bytes,
	const struct parse_limits *limits, struct arena *a, struct tct_elem **root,
	enum parse_error *e)
{
	enum XML_Status status;

	job_start(ctx, limits, a);
	if (shared == NULL)
		make_shared();
	status = XML_Parse(shared, bytes.data, (int)bytes.len, 0);
	fed += (XML_Index)bytes.len;
	/* expat must agree with the framer: one element, and nothing behind it. */
	if (status != XML_STATUS_OK || job.error != PARSE_OK || !job.done || job.end != fed) {
		*e = expat_error();
		parse_trim();
		return TCT_EPROTO;
	}
	if (parser_bytes > PARSER_BYTES_MAX)
		parse_trim();
	*root = job.root;
	return TCT_OK;
}

/* What the header declares, kept for the stream; NULL: too many prefixes. */
static struct parse_context *context_of(const struct tct_elem *root)
{
	struct parse_context *ctx;
	const char *lang = tct_attr_ns(root, NS_XML, "lang");
	const char *ns = default_ns();

	ctx = mem_zalloc(sizeof *ctx + CONTEXT_PREFIXES * sizeof *ctx->prefixes);
	ctx->ns = mem_strdup(ns);
	ctx->lang = lang != NULL ? mem_strdup(lang) : NULL;
	for (uint32_t i = 0; i < job.binding_count; i++) {
		const struct binding *b = &job.bindings[i];

		if (*b->prefix == '\0')
			continue;
		if (ctx->count == CONTEXT_PREFIXES) {
			parse_context_free(ctx);
			return NULL;
		}
		ctx->prefixes[ctx->count++] =
			(struct binding){ mem_strdup(b->prefix), mem_strdup(b->uri), 0 };
	}
	return mem_realloc(ctx, sizeof *ctx + ctx->count * sizeof *ctx->prefixes);
}

int parse_header(struct span bytes, struct arena *a, struct parse_context **ctx,
	struct tct_elem **root, enum parse_error *e)
{
	static const struct parse_limits limits = { 1, 1, 32 };
	XML_Parser kept = shared;
	enum XML_Status status;

	job_start(NULL, &limits, a);
	job.header = true;
	shared = parser_new();
	status = XML_Parse(shared, bytes.data, (int)bytes.len, 0);
	*e = PARSE_OK;
	if (status != XML_STATUS_OK || job.error != PARSE_OK || !job.done ||
		job.end != (XML_Index)bytes.len)
		*e = expat_error();
	XML_ParserFree(shared);
	shared = kept;
	if (*e != PARSE_OK)
		return TCT_EPROTO;
	*ctx = context_of(job.root);
	if (*ctx == NULL) {
		*e = PARSE_POLICY;
		return TCT_EPROTO;
	}
	*root = job.root;
	return TCT_OK;
}

int parse_stored(struct span bytes, struct arena *a, struct tct_elem **root)
{
	static const struct parse_limits limits = { 256, 100000, 512 };
	struct parse_context ctx = { .ns = (char *)"jabber:client" };
	enum parse_error e;

	return parse_element(&ctx, bytes, &limits, a, root, &e);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* option.h - options of a module as a table: the server parses, checks, documents and frees.
 * Defaults and bounds are written as the administrator would write them. */
#pragma once

#include <tercet/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds and the C type of their field. Never renumbered. */
enum tct_option_kind {
	TCT_OPTION_BOOL = 1,    /* bool */
	TCT_OPTION_INT = 2,     /* int64_t */
	TCT_OPTION_PERIOD = 3,  /* int64_t, seconds; written "90 s", "12 hours", "1 day" */
	TCT_OPTION_SIZE = 4,    /* int64_t, bytes; written "64 MB" (powers of 1024) */
	TCT_OPTION_STRING = 5,  /* const char * */
	TCT_OPTION_STRINGS = 6, /* const char *const *, NULL-terminated, never NULL */
	TCT_OPTION_ENUM = 7,    /* int32_t, index into choices */
	TCT_OPTION_JID = 8,     /* const char *, prepared */
	TCT_OPTION_HOST = 9,    /* const char *, prepared */
	TCT_OPTION_PATH = 10,   /* const char *, made absolute against the file */
	TCT_OPTION_SECRET = 11, /* const char *, a value or { file = "..." }; never logged */
	TCT_OPTION_GROUP = 12,  /* a struct, described by `sub` */
	TCT_OPTION_GROUPS = 13  /* struct tct_groups */
};

/* A list of groups: `count` structs of the size given in the table. */
struct tct_groups {
	const void *items;
	size_t count;
};

/* One option. Append-only; the server walks a table with the stride of the descriptor. */
struct tct_option {
	const char *name;
	uint32_t kind;
	uint32_t offset;
	uint8_t required;
	uint8_t global;            /* looked up flat at the top level or in the host */
	uint8_t hosts;             /* of a list of groups, in a global module: it is not written, but
	                              made of those groups of `hosts` whose `type` is the module's
	                              name; `sub` has `name` and `type`, too */
	uint8_t reserved[5];
	const char *def;           /* NULL: false, 0, NULL, empty */
	const char *min, *max;     /* NULL: unbounded */
	const char *const *choices; /* NULL-terminated, for enums; of a path: words that are none */
	const struct tct_option *sub;
	size_t sub_size;           /* size of the struct of a group */
	const char *doc;           /* one or more sentences, for manual pages */
};

#ifndef __cplusplus
#define TCT_OPT_FIELD(kind_, type, field, ctype, ...)                                    \
	{                                                                                \
		.name = #field, .kind = (kind_),                                         \
		.offset = (uint32_t)(offsetof(type, field) +                             \
			0 * sizeof(_Generic(&((type *)0)->field, ctype * : 1))),         \
		__VA_ARGS__                                                              \
	}
#define TCT_OPT_BOOL(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_BOOL, type, field, bool, __VA_ARGS__)
#define TCT_OPT_INT(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_INT, type, field, int64_t, __VA_ARGS__)
#define TCT_OPT_PERIOD(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_PERIOD, type, field, int64_t, __VA_ARGS__)
#define TCT_OPT_SIZE(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_SIZE, type, field, int64_t, __VA_ARGS__)
#define TCT_OPT_STRING(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_STRING, type, field, const char *, __VA_ARGS__)
#define TCT_OPT_STRINGS(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_STRINGS, type, field, const char *const *, __VA_ARGS__)
#define TCT_OPT_ENUM(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_ENUM, type, field, int32_t, __VA_ARGS__)
#define TCT_OPT_JID(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_JID, type, field, const char *, __VA_ARGS__)
#define TCT_OPT_HOST(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_HOST, type, field, const char *, __VA_ARGS__)
#define TCT_OPT_PATH(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_PATH, type, field, const char *, __VA_ARGS__)
#define TCT_OPT_SECRET(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_SECRET, type, field, const char *, __VA_ARGS__)
/* The field is a struct, which `.sub` describes. */
#define TCT_OPT_GROUP(type, field, ...)                                                  \
	{                                                                                \
		.name = #field, .kind = TCT_OPTION_GROUP,                                \
		.offset = (uint32_t)offsetof(type, field), __VA_ARGS__                   \
	}
#define TCT_OPT_GROUPS(type, field, ...) TCT_OPT_FIELD(TCT_OPTION_GROUPS, type, field, struct tct_groups, __VA_ARGS__)
#define TCT_OPT_END { .name = NULL }
#endif

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* module.h - the one header that a module includes: the descriptor and everything else. A
 * .so is opened once; an instance is module x host (or one global instance). Every call
 * takes the instance. No mutable file-scope variables: state is in tct_mod_data and the
 * blocks per stream, session and entity. Life of an instance: options checked, data
 * allocated (zeroed), load, ready, ..., unload, scope ends (all registrations, timers,
 * requests go), data freed. A load that fails leaves nothing behind. */
#pragma once

#include <tercet/disco.h>
#include <tercet/event.h>
#include <tercet/option.h>
#include <tercet/service.h>
#include <tercet/session.h>
#include <tercet/store.h>
#include <tercet/timer.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TCT_MODULE_MAGIC 0x54435431u /* "TCT1" */

/* What must agree between the compilers of module and server besides the ABI number. */
#define TCT_ENV                                                                          \
	((uint32_t)(sizeof(void *) << 16 | sizeof(long) << 8 | sizeof(enum tct_code)))

enum tct_module_flags {
	TCT_PER_HOST = 0,      /* one instance per host that lists it (default) */
	TCT_GLOBAL = 1 << 0,   /* one instance, without host */
	TCT_RESIDENT = 1 << 1, /* never unmapped */
	TCT_INTERNAL = 1 << 2, /* uses <tercet/internal/...>: exactly the server's version */
	/* Asks tct_mod_config() whenever it needs an option, and keeps none: a reload gives the
	 * running instance its new options, and there is nothing for `reconfigure` to do. */
	TCT_LIVE_OPTIONS = 1 << 3
};

/* Append-only. The first five fields never move. */
struct tct_module_info {
	uint32_t magic;
	uint16_t abi_major, abi_minor;
	uint32_t env;
	uint32_t size; /* of this struct in the module's headers */
	const char *name, *version, *summary, *license;
	uint32_t flags;
	uint32_t option_size;
	const char *const *depends; /* "roster", soft "?disco", a service "@auth"; NULL-terminated */
	const struct tct_option *options;
	size_t config_size;
	size_t data_size, stream_size, session_size, entity_size;
	const char *const *preload; /* stores whose rows of an entity are read before its events */
	int (*check)(const void *config, struct tct_error *err);
	int (*load)(struct tct_mod *m, struct tct_error *err);
	void (*ready)(struct tct_mod *m);
	/* Other options, after a reload; `old` is what they were. An error: they stay, and the
	 * administrator is told. TCT_EBUSY: a running instance cannot take these; it is ended,
	 * and another one begins with them. */
	int (*reconfigure)(struct tct_mod *m, const void *old, struct tct_error *err);
	void (*unload)(struct tct_mod *m);
	void (*stream_end)(struct tct_mod *m, void *data);
	void (*session_end)(struct tct_mod *m, void *data);
	void (*entity_end)(struct tct_mod *m, void *data);
	int (*session_save)(struct tct_mod *m, const void *data, struct tct_record *out);
	int (*session_restore)(struct tct_mod *m, void *data, const struct tct_value *record);
};

/* The block of data_size bytes; NULL when that is 0. */
TCT_API void *tct_mod_data(const struct tct_mod *m);
/* The checked options, valid until the handler returns; NULL without options. */
TCT_API const void *tct_mod_config(const struct tct_mod *m);
TCT_API const char *tct_mod_name(const struct tct_mod *m);
/* The host's address; NULL for a global instance. */
TCT_API const struct tct_jid *tct_mod_jid(const struct tct_mod *m);
/* Ends at unload. */
TCT_API struct tct_scope *tct_mod_scope(struct tct_mod *m);

#ifndef __cplusplus
#define TCT_DEPENDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define TCT_PRELOAD(...) ((const char *const[]){ __VA_ARGS__, NULL })

#ifdef TCT_STATIC_MODULE
#define TCT_MODULE_SYMBOL(name) tct_module_##name
#else
#define TCT_MODULE_SYMBOL(name) tct_module_info
#endif

/* The note lets the loader read name and ABI from the file, before dlopen runs anything. */
struct tct_module_note {
	uint32_t namesz, descsz, type;
	char name[8]; /* "Tercet" */
	uint16_t abi_major, abi_minor;
	uint32_t env, size, flags;
	char module[48];
};
#define TCT_MODULE_NOTE_TYPE 1

/* TCT_MODULE(ping, .version = "1.0", .summary = "XEP-0199: XMPP Ping", .load = load); */
#define TCT_MODULE(name_, ...) TCT_MODULE_FLAGS(name_, TCT_PER_HOST, __VA_ARGS__)
#define TCT_MODULE_FLAGS(name_, flags_, ...)                                             \
	extern const struct tct_module_info TCT_MODULE_SYMBOL(name_);                    \
	static const struct tct_module_note tct_module_note_##name_                      \
		__attribute__((section(".note.tercet"), used, aligned(4))) = {           \
			sizeof("Tercet") + 1, sizeof(struct tct_module_note) - 20,       \
			TCT_MODULE_NOTE_TYPE, "Tercet", TCT_ABI_MAJOR, TCT_ABI_MINOR,    \
			TCT_ENV, (uint32_t)sizeof(struct tct_module_info), (flags_),     \
			#name_                                                           \
		};                                                                       \
	TCT_API const struct tct_module_info TCT_MODULE_SYMBOL(name_) = {                \
		.magic = TCT_MODULE_MAGIC, .abi_major = TCT_ABI_MAJOR,                   \
		.abi_minor = TCT_ABI_MINOR, .env = TCT_ENV,                              \
		.size = (uint32_t)sizeof(struct tct_module_info), .name = #name_,        \
		.license = "MIT", .flags = (flags_),                                     \
		.option_size = (uint32_t)sizeof(struct tct_option), __VA_ARGS__          \
	}
#endif

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* internal/server.h - the running server as a whole, for its control socket, for tercetctl
 * and for machinery modules: hosts, modules, sessions and figures to be listed, reload and
 * stop, the server without listeners (offline), and the table of control commands. Not
 * installed. Loop thread; strings in rows are borrowed for the call. */
#pragma once

#include <tercet/session.h>

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TCT_SERVER_VERSION
#error "TCT_SERVER_VERSION must be the version of the server, as the build of the tree sets it"
#endif

/* ---- the process ---- */

/* Runs the server in the foreground until it is told to stop; with `check` reads and checks
 * the configuration only. Prints problems on standard error. Returns the exit status. */
TCT_API int tcti_main(const char *config, bool check);
/* Prints the options of a module, as text or as an mdoc list. Returns the exit status. */
TCT_API int tcti_describe(const char *config, const char *module, bool mdoc);

/* ---- walking what there is ---- */

/* All hosts, in the order of the configuration. */
typedef void tcti_host_fn(struct tct_host *h, void *data);
TCT_API void tcti_host_each(tcti_host_fn *fn, void *data);

/* As tct_service, asked for a host instead of an instance: the table, and in *provider the
 * instance to pass to its functions. NULL when nobody provides it there. */
TCT_API const void *tcti_host_service(struct tct_host *h, const char *service,
	struct tct_mod **provider);

struct tcti_module_row {
	const char *name, *version, *summary;
	const char *host; /* NULL: a global instance */
};
typedef void tcti_module_fn(const struct tcti_module_row *row, void *data);
/* Loaded instances in order of loading. `h` NULL: the global ones, then those of all hosts. */
TCT_API void tcti_module_each(struct tct_host *h, tcti_module_fn *fn, void *data);

struct tcti_session_row {
	const char *jid;     /* full */
	const char *address; /* the peer's, numeric; NULL while detached */
	int64_t since;       /* tct_now() of bind */
	bool secured;        /* TLS */
	bool attached;
	bool available;      /* has sent available presence */
	int priority;
};
typedef void tcti_session_row_fn(const struct tcti_session_row *row, void *data);
/* Bound sessions, attached or detached. `h` NULL: of all hosts. */
TCT_API void tcti_session_each(struct tct_host *h, tcti_session_row_fn *fn, void *data);

struct tcti_status {
	int64_t started;         /* tct_now() of the start; 0 when offline */
	uint64_t hosts, modules; /* instances */
	uint64_t connections;    /* accepted and not closed yet */
	uint64_t sessions;
	uint64_t entities;       /* in memory */
	uint64_t sockets_max;    /* descriptors that the process may have */
	uint64_t memory;         /* resident bytes */
	uint64_t reads;          /* of the rows of one account, since the start */
};
TCT_API void tcti_status(struct tcti_status *status);

struct tcti_figure_row {
	const char *host; /* NULL: of a global instance */
	const char *module, *name, *doc;
	int64_t value;
};
typedef void tcti_figure_fn(const struct tcti_figure_row *row, void *data);
/* What the instances of modules count, in order of loading. `h` NULL: of all. */
TCT_API void tcti_figure_each(struct tct_host *h, tcti_figure_fn *fn, void *data);

/* ---- reload and stop ---- */

/* `text` says what was done, or each problem on a line of its own (nothing was changed
 * then). Borrowed. */
typedef void tcti_reload_fn(int status, const char *text, void *data);
/* As SIGHUP: reads and checks the whole configuration, then applies it. `fn` (may be NULL)
 * is called once, never inside this call; never when the server stops before. */
TCT_API void tcti_server_reload(tcti_reload_fn *fn, void *data);
/* As SIGTERM: begins an orderly stop after the current turn of the loop, in which output
 * that is already queued is written. */
TCT_API void tcti_server_stop(void);
/* Before anything else: where the program is, how it was called, and where its libraries are,
 * so that it can be started again. `argv` is main's. */
TCT_API void tcti_restartable(char **argv);
/* Has the program on disk check the configuration; when it is good, the server stops in order
 * and becomes that program: sessions that may be resumed are there again. fn is called once,
 * before it stops; TCT_EINVAL: the text says what is wrong, and nothing changes. */
TCT_API void tcti_server_restart(tcti_reload_fn *fn, void *data);

/* ---- without a server ---- */

/* The absolute state folder that the configuration file names (the compiled-in one when it
 * names none); the caller frees it. NULL `config`: the default file. NULL and `err` when the
 * file cannot be read. Needs no loop and starts nothing. */
TCT_API char *tcti_state_folder(const char *config, struct tct_error *err);

/* Loads the configuration, the storage and the auth modules of all hosts, and no listener;
 * then calls `start` on the loop and runs until tcti_server_stop; then flushes the stores,
 * unloads and returns TCT_OK. TCT_EBUSY: a server (or another tool) holds the store, `err`
 * says who; other codes with `err` set when the start failed (`start` was not called). Once
 * per process. `err` is made with tcti_error_new. */
TCT_API int tcti_offline(const char *config, void (*start)(void *data), void *data,
	struct tct_error *err) TCT_CHECKED;

/* ---- for programs that link libtercet: struct tct_error is opaque to them ---- */
TCT_API struct tct_error *tcti_error_new(void);
TCT_API void tcti_error_free(struct tct_error *err);

/* ---- the control socket (core/server/control.c) ---- */

#define TCTI_CONTROL_SOCKET "control" /* its name in the state folder */
#define TCTI_CONTROL_LINE (2u << 20)  /* bytes of a request or answer line at most */

enum tcti_control_flags {
	TCTI_CONTROL_OFFLINE = 1 << 0,  /* works on the store when no server runs */
	TCTI_CONTROL_PASSWORD = 1 << 1, /* takes a password as "input" */
	TCTI_CONTROL_LINES = 1 << 2,    /* takes lines of standard input as "input" */
	TCTI_CONTROL_RETURNS = 1 << 3   /* the server goes and comes back: that is waited for */
};
struct tcti_control_command {
	const char *name;
	const char *arguments; /* "JID", "[HOST]"; "" for none */
	const char *summary;   /* one line */
	const char *help;      /* some sentences, for --help */
	uint32_t flags;
	uint32_t min, max;     /* number of arguments */
};
/* The i-th command; NULL after the last. Any time, before the server starts too. */
TCT_API const struct tcti_control_command *tcti_control_command(size_t i);
TCT_API const struct tcti_control_command *tcti_control_find(const char *name);

/* What a tool finds out without asking a server: "config" (the file is good), "tls"
 * (handshakes with the listeners that a server has noted in its state folder). An answer line
 * like that of a request (the caller frees it); NULL: nothing of that name. Blocks; "config"
 * instead of anything else in this process. */
TCT_API char *tcti_check(const char *config, const char *what);
/* Runs one request (a JSON object in one line, see control.h) with the server offline and
 * returns the answer line (the caller frees it), or NULL and `err` with the code of
 * tcti_offline. */
TCT_API char *tcti_control_offline(const char *config, const char *request, int *code,
	struct tct_error *err);

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* session.h - hosts, entities and sessions. A session is a bound resource; it may outlive
 * its connection. An entity is a bare address on one of our hosts: an account or the host
 * itself; it is there whether or not a session is. Pointers are valid in the handler or
 * callback that got them; a callback in a scope of theirs is never called after their end. */
#pragma once

#include <tercet/event.h>
#include <tercet/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- hosts ---- */
TCT_API const char *tct_host_name(const struct tct_host *h);
TCT_API const struct tct_jid *tct_host_jid(const struct tct_host *h);
/* The host of an instance; NULL for a global one. */
TCT_API struct tct_host *tct_mod_host(const struct tct_mod *m);
/* The host of that (prepared) name; NULL when it is not ours. */
TCT_API struct tct_host *tct_host_find(const char *name);
/* True when the bare form of `who` is one of the addresses of `admins` in tercet.conf, that of
 * the host or else that of the top level. Ask it at each step: the list may have changed. */
TCT_API bool tct_host_admin(const struct tct_host *h, const struct tct_jid *who);
/* The sessions of all accounts of the host, in no order. `fn` must not end them. */
typedef void tct_host_session_fn(struct tct_session *s, void *data);
TCT_API void tct_host_sessions(struct tct_host *h, tct_host_session_fn *fn, void *data);

/* ---- sessions ---- */
TCT_API const struct tct_jid *tct_session_jid(const struct tct_session *s); /* full */
TCT_API const char *tct_session_user(const struct tct_session *s);          /* localpart */
TCT_API struct tct_entity *tct_session_entity(const struct tct_session *s);
/* Ends with the session or with the instance, whichever is first. */
TCT_API struct tct_scope *tct_session_scope(struct tct_mod *m, struct tct_session *s);
/* The instance's block of session_size bytes: zeroed on first use. */
TCT_API void *tct_session_data(struct tct_mod *m, struct tct_session *s);
/* The block when there is one already, else NULL: never makes one. */
TCT_API void *tct_session_data_peek(const struct tct_mod *m, const struct tct_session *s);
/* Sends `st` (taken) to this session as it is, with the session's address as `to` when it
 * has none; it enters the output pipe at once and skips the stages. */
TCT_API void tct_session_send(struct tct_session *s, struct tct_stanza *st);
/* As above, caused by `ev`: it leaves when the event's writes are on disk. */
TCT_API void tct_session_send_for(struct tct_event *ev, struct tct_session *s, struct tct_stanza *st);
/* Sends a shared stanza (borrowed) with what differs; `ev` may be NULL. */
TCT_API void tct_session_send_copy(struct tct_event *ev, struct tct_session *s,
	struct tct_stanza *st, const struct tct_overlay *overlay);
/* As tct_session_send_copy, for a message that is kept as row `id` of `a` until a client has
 * it: see tct_event_keep. */
TCT_API void tct_session_send_row(struct tct_session *s, struct tct_stanza *st,
	const struct tct_overlay *overlay, struct tct_mod *m, struct tct_archive *a, uint64_t id,
	tct_row_done_fn *done);
/* After a restart of the server, or when the instance that had kept it has ended: a message that
 * is kept as row `id` of an archive is on its way to a session whose client has not acknowledged
 * it (or has, by now). Adds to `extra` what clients see beside the message (its id, its time);
 * returns what is called when it has arrived, as in tct_event_keep, or NULL. All who registered
 * for the archive are asked. */
typedef tct_row_done_fn *tct_row_restored_fn(struct tct_mod *m, struct tct_entity *e, uint64_t id,
	struct tct_elem *extra);
/* In load(): the rows of `a` are messages, as tct_stanza_xml gives them. */
TCT_API void tct_on_row(struct tct_mod *m, struct tct_archive *a, tct_row_restored_fn *fn);
/* Messages that are routed to the session from now on wait behind what is sent to it by the
 * functions above, until it is let go. Who holds must let go, also when it is unloaded; for
 * messages that are older than whatever may come. */
TCT_API void tct_session_hold(struct tct_session *s);
TCT_API void tct_session_let_go(struct tct_session *s);
/* Ends the session with a stream error of RFC 6120 4.9.3, for example "conflict"; NULL: a
 * clean end. Takes effect after the current handler. */
TCT_API void tct_session_close(struct tct_session *s, const char *condition, const char *text);
/* Bytes of output that wait for this session: what its connection has not sent yet, too, but not
 * what is held (tct_session_hold). For those that send much: with more than the output_queue of
 * tercet.conf the session ends. */
TCT_API size_t tct_session_waiting(const struct tct_session *s);
TCT_API bool tct_session_attached(const struct tct_session *s);

/* Presence of the resource, kept by core because resolve needs it; set by mod_presence. */
TCT_API bool tct_session_available(const struct tct_session *s);
TCT_API int tct_session_priority(const struct tct_session *s); /* -128..127 */
/* The last available presence stanza, borrowed; NULL when unavailable. */
TCT_API struct tct_stanza *tct_session_presence(const struct tct_session *s);
TCT_API int64_t tct_session_presence_time(const struct tct_session *s); /* tct_now() of it */
/* `st` (borrowed, a reference is kept) NULL: unavailable. Notices follow after the event. */
TCT_API void tct_session_set_presence(struct tct_session *s, struct tct_stanza *st, int priority);

/* ---- entities ---- */
TCT_API struct tct_host *tct_entity_host(const struct tct_entity *e);
TCT_API const struct tct_jid *tct_entity_jid(const struct tct_entity *e); /* bare */
TCT_API const char *tct_entity_user(const struct tct_entity *e); /* "" for the host */
/* True when the account exists (asked of the host's "auth" service); true for the host. */
TCT_API bool tct_entity_exists(const struct tct_entity *e);
TCT_API void *tct_entity_data(struct tct_mod *m, struct tct_entity *e);
/* Ends when the entity leaves memory or with the instance; for work that must outlive the
 * asker. Keeps the entity in memory while anything is in it. */
TCT_API struct tct_scope *tct_entity_scope(struct tct_mod *m, struct tct_entity *e);
/* Sessions of the account, attached or detached, oldest first. `fn` must not end them. */
typedef void tct_entity_session_fn(struct tct_session *s, void *data);
TCT_API void tct_entity_sessions(struct tct_entity *e, tct_entity_session_fn *fn, void *data);
TCT_API struct tct_session *tct_entity_session_find(const struct tct_entity *e, const char *resource);
/* A row of a preloaded store, as of now, writes of this turn included. Borrowed until the
 * next write to that row. False: no such row. */
TCT_API bool tct_entity_get(const struct tct_entity *e, const struct tct_kv *kv, const char *key,
	struct tct_value *value);
typedef void tct_entity_row_fn(const char *key, const struct tct_value *value, void *data);
TCT_API void tct_entity_each(const struct tct_entity *e, const struct tct_kv *kv,
	tct_entity_row_fn *fn, void *data);
/* How many rows of that store there are. Cheap: what most accounts have none of need not be
 * looked for. */
TCT_API size_t tct_entity_count(const struct tct_entity *e, const struct tct_kv *kv);
/* Reads the entity's preloaded stores if need be, then calls fn on the loop (never inside
 * this call). `status` TCT_OK, or why the store could not be read (then `e` is NULL). */
typedef void tct_entity_load_fn(struct tct_scope *scope, struct tct_entity *e, int status, void *data);
TCT_API void tct_entity_load(struct tct_scope *scope, struct tct_host *h, const char *user,
	tct_entity_load_fn *fn, void *data);
/* The entity when it is in memory and loaded, else NULL. */
TCT_API struct tct_entity *tct_entity_find(struct tct_host *h, const char *user);
/* For the "auth" service of a host, before it deletes the account's own row: ends the
 * account's sessions (stream error not-authorized), loads the entity if need be and calls
 * the TCT_ENTITY_DELETED handlers of all modules of the host of `m`, so that no data of the
 * account is left. Then fn, never inside this call: TCT_OK, or why the entity could not be
 * loaded (nobody was told then). */
TCT_API void tct_entity_delete(struct tct_mod *m, struct tct_scope *scope, const char *user,
	tct_done_fn *fn, void *data);

#ifdef __cplusplus
}
#endif

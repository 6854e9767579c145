/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* devices.c - what is known of the clients of an account that say who they are (user-agent id,
 * XEP-0388 2.2): names, times, tokens. One row for each in the store "devices", by a hash of the
 * id; listed to the user and revoked by him (XEP-0494), and by administrators. */
#include "modules/mod_sasl2/sasl2.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

bool device_id(const char *agent, char out[DEVICE_ID + 1])
{
	unsigned char digest[32];
	size_t len = strlen(agent);

	if (len < 8 || len > 128 ||
		gnutls_hash_fast(GNUTLS_DIG_SHA256, agent, len, digest) < 0)
		return false;
	for (int i = 0; i < DEVICE_ID / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return true;
}

static void read_token(const struct tct_value *v, const char *slot, struct token *t)
{
	struct tct_value hash;
	char name[24];

	memset(t, 0, sizeof *t);
	t->mech = -1;
	snprintf(name, sizeof name, "%s_hash", slot);
	if (!tct_record_find(v, name, &hash) || hash.kind != TCT_VALUE_BYTES ||
		hash.bytes.len != sizeof t->hash)
		return;
	memcpy(t->hash, hash.bytes.data, sizeof t->hash);
	snprintf(name, sizeof name, "%s_mech", slot);
	t->mech = (int)tct_record_int(v, name, -1);
	snprintf(name, sizeof name, "%s_made", slot);
	t->made = tct_record_int(v, name, 0);
	snprintf(name, sizeof name, "%s_expiry", slot);
	t->expiry = tct_record_int(v, name, 0);
}

static void write_token(struct tct_record *r, const char *slot, const struct token *t)
{
	char name[24];

	if (t->mech < 0)
		return;
	snprintf(name, sizeof name, "%s_hash", slot);
	tct_record_set_bytes(r, name, t->hash, sizeof t->hash);
	snprintf(name, sizeof name, "%s_mech", slot);
	tct_record_set_int(r, name, t->mech);
	snprintf(name, sizeof name, "%s_made", slot);
	tct_record_set_int(r, name, t->made);
	snprintf(name, sizeof name, "%s_expiry", slot);
	tct_record_set_int(r, name, t->expiry);
}

static void decode(const struct tct_value *v, struct device *d)
{
	memset(d, 0, sizeof *d);
	snprintf(d->software, sizeof d->software, "%s", tct_record_string(v, "software", ""));
	snprintf(d->device, sizeof d->device, "%s", tct_record_string(v, "device", ""));
	d->first = tct_record_int(v, "first", 0);
	d->last = tct_record_int(v, "last", 0);
	d->password = tct_record_int(v, "password", 0) != 0;
	read_token(v, "current", &d->current);
	read_token(v, "next", &d->next);
}

bool device_get(struct tct_mod *m, const struct tct_entity *e, const char *id, struct device *d)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	struct tct_value v = { 0 };
	bool known = tct_entity_get(e, sasl2->devices, id, &v);

	decode(&v, d);
	return known;
}

static void put(struct tct_mod *m, struct tct_txn *txn, const char *user, const char *id,
	const struct device *d)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	struct tct_record *r = tct_record_new();

	tct_record_set_string(r, "software", d->software);
	tct_record_set_string(r, "device", d->device);
	tct_record_set_int(r, "first", d->first);
	tct_record_set_int(r, "last", d->last);
	tct_record_set_int(r, "password", d->password);
	write_token(r, "current", &d->current);
	write_token(r, "next", &d->next);
	tct_kv_put(txn, sasl2->devices, user, id, tct_record_value(r));
	tct_record_free(r);
}

/* ---- a login ---- */

static void new_token(struct flow *f, struct device *d, int mech)
{
	const struct sasl2_config *config = tct_mod_config(f->m);
	unsigned char bytes[TOKEN_BYTES];
	gnutls_datum_t raw = { bytes, sizeof bytes }, text = { 0 };

	tct_random(bytes, sizeof bytes);
	if (gnutls_base64_encode2(&raw, &text) < 0)
		return;
	snprintf(f->token, sizeof f->token, "%.*s", (int)text.size, (char *)text.data);
	gnutls_memset(text.data, 0, text.size);
	gnutls_free(text.data);
	gnutls_memset(bytes, 0, sizeof bytes);
	/* One that was given and never used goes (section 3.5). */
	d->next.mech = mech;
	d->next.made = tct_now();
	d->next.expiry = f->token_expiry = tct_now() + config->fast_token_lifetime;
	gnutls_hash_fast(GNUTLS_DIG_SHA256, f->token, strlen(f->token), d->next.hash);
}

/* The token that was used stays until the one that it is replaced by was used, because links
 * break; then the older goes. */
static void tokens(struct flow *f, struct device *d)
{
	const struct sasl2_config *config = tct_mod_config(f->m);
	int wanted = ht_find(tct_attr(tct_child(f->request, NS_FAST, "request-token"), "mechanism"));
	bool due = false;

	if (f->ht >= 0 && f->used_new) {
		d->current = d->next;
		d->next.mech = -1;
	}
	if (f->ht >= 0 && f->invalidate) {
		d->current.mech = -1;
		d->next.mech = -1;
	} else if (f->ht >= 0) {
		due = d->current.made + config->fast_token_rotation <= tct_now();
	}
	if (!config->fast)
		return;
	if (wanted >= 0 && (f->ht_offered & 1u << wanted) != 0)
		new_token(f, d, wanted);
	else if (due)
		new_token(f, d, f->ht);
}

struct oldest {
	int64_t before; /* forget those that came last before */
	size_t count, forgotten;
	char id[DEVICE_ID + 1];
	int64_t last;
	char ids[16][DEVICE_ID + 1];
};

static void look_at_age(const char *key, const struct tct_value *value, void *data)
{
	struct oldest *o = data;
	int64_t last = tct_record_int(value, "last", 0);

	if (last < o->before && o->forgotten < 16) {
		snprintf(o->ids[o->forgotten++], sizeof o->ids[0], "%s", key);
		return;
	}
	o->count++;
	if (o->id[0] == '\0' || last < o->last) {
		snprintf(o->id, sizeof o->id, "%s", key);
		o->last = last;
	}
}

static void make_room(struct flow *f, struct tct_entity *e, struct tct_txn *txn, bool known)
{
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	const struct sasl2_config *config = tct_mod_config(f->m);
	struct oldest o = { .before = tct_now() - config->devices_forgotten_after };

	tct_entity_each(e, sasl2->devices, look_at_age, &o);
	for (size_t i = 0; i < o.forgotten; i++)
		tct_kv_delete(txn, sasl2->devices, tct_entity_user(e), o.ids[i]);
	if (!known && o.count >= (size_t)config->devices_per_account)
		tct_kv_delete(txn, sasl2->devices, tct_entity_user(e), o.id);
}

static void take_text(const struct tct_elem *agent, const char *name, char *out, size_t room)
{
	const char *text = tct_child_text(agent, NS_SASL2, name);

	if (text == NULL || *text == '\0')
		return;
	snprintf(out, room, "%s", text);
	/* No half of a character. */
	for (size_t n = strlen(out); strlen(text) >= room && n > 0; n--) {
		bool begins = (out[n - 1] & 0xc0) != 0x80;

		out[n - 1] = '\0';
		if (begins)
			break;
	}
}

void device_login(struct flow *f, struct tct_entity *e, struct tct_txn *txn)
{
	const struct tct_elem *agent = tct_child(f->request, NS_SASL2, "user-agent");
	struct device d;
	bool known = device_get(f->m, e, f->device, &d);

	make_room(f, e, txn, known);
	take_text(agent, "software", d.software, sizeof d.software);
	take_text(agent, "device", d.device, sizeof d.device);
	d.last = tct_now();
	if (!known)
		d.first = d.last;
	d.password = f->ht < 0 && f->password;
	tokens(f, &d);
	put(f->m, txn, tct_entity_user(e), f->device, &d);
	gnutls_memset(&d, 0, sizeof d);
}

/* ---- sessions of a device ---- */

struct ending {
	struct tct_mod *m;
	const char *id, *condition;
	const struct tct_session *but;
	bool any, end;
};

static void look_at_session(struct tct_session *s, void *data)
{
	struct ending *x = data;
	const struct sasl2_session *mine = tct_session_data_peek(x->m, s);

	if (mine == NULL || s == x->but || strcmp(mine->device, x->id) != 0)
		return;
	x->any = true;
	if (x->end)
		tct_session_close(s, x->condition, NULL);
}

void device_end_sessions(struct tct_mod *m, struct tct_entity *e, const char *id,
	const struct tct_session *but, const char *condition)
{
	struct ending x = { m, id, condition, but, false, true };

	tct_entity_sessions(e, look_at_session, &x);
}

static bool connected(struct tct_mod *m, struct tct_entity *e, const char *id)
{
	struct ending x = { m, id, NULL, NULL, false, false };

	tct_entity_sessions(e, look_at_session, &x);
	return x.any;
}

/* ---- XEP-0494 ---- */

struct listing {
	struct tct_mod *m;
	struct tct_entity *e;
	struct tct_elem *list;
};

static bool has_token(const struct device *d)
{
	int64_t now = tct_now();

	return (d->current.mech >= 0 && d->current.expiry >= now) ||
		(d->next.mech >= 0 && d->next.expiry >= now);
}

static struct tct_elem *add_client(struct tct_elem *list, const char *id, bool is_connected,
	bool password, bool token)
{
	struct tct_elem *c = tct_add(list, NULL, "client"), *auth;

	tct_set(c, "connected", is_connected ? "true" : "false");
	tct_set(c, "id", id);
	tct_set(c, "type", "session");
	auth = tct_add(c, NULL, "auth");
	if (password)
		tct_add(auth, NULL, "password");
	if (token)
		tct_add(auth, NULL, "fast");
	tct_set(tct_add(c, NULL, "permission"), "status", "unrestricted");
	return c;
}

static void add_time(struct tct_elem *parent, const char *name, int64_t seconds)
{
	char text[TCT_TIME_SIZE];

	tct_time_text(text, seconds * 1000000, false);
	tct_add_text(parent, name, text);
}

static void add_device(const char *key, const struct tct_value *value, void *data)
{
	struct listing *l = data;
	struct tct_elem *c, *agent;
	struct device d;

	decode(value, &d);
	c = add_client(l->list, key, connected(l->m, l->e, key), d.password, has_token(&d));
	add_time(c, "first-seen", d.first);
	add_time(c, "last-seen", d.last);
	agent = tct_add(c, NULL, "user-agent");
	if (d.software[0] != '\0')
		tct_add_text(agent, "software", d.software);
	if (d.device[0] != '\0')
		tct_add_text(agent, "device", d.device);
	gnutls_memset(&d, 0, sizeof d);
}

/* A client that has not said who it is has this session and nothing else. */
static void add_session(struct tct_session *s, void *data)
{
	struct listing *l = data;
	const struct sasl2_session *mine = tct_session_data_peek(l->m, s);
	char id[DEVICE_ID + 1];

	if (mine != NULL && mine->device[0] != '\0')
		return;
	if (device_id(tct_jid_text(tct_session_jid(s)), id))
		add_client(l->list, id, true, true, false);
}

static enum tct_verdict on_list(struct tct_mod *m, struct tct_event *ev)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	struct tct_stanza *st = tct_result(ev);
	struct listing l = { m, ev->entity, NULL };

	l.list = tct_add(tct_stanza_root(st), NS_CAM, "clients");
	tct_entity_each(ev->entity, sasl2->devices, add_device, &l);
	tct_entity_sessions(ev->entity, add_session, &l);
	return tct_reply(ev, st);
}

/* Who came with the password the last time may come with it again. */
static enum tct_verdict refuse_password(struct tct_event *ev)
{
	struct tct_stanza *st = tct_stanza_error(ev->stanza, TCT_SERVICE_UNAVAILABLE, NULL);
	struct tct_elem *error = tct_child(tct_stanza_root(st), NULL, "error");

	tct_add(error, NS_CAM, "password-reset-required");
	return tct_reply(ev, st);
}

static enum tct_verdict on_revoke(struct tct_mod *m, struct tct_event *ev)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	const char *id = tct_attr(tct_stanza_payload(ev->stanza), "id");
	struct device d;
	bool password;

	if (id == NULL)
		return tct_refuse(ev, TCT_BAD_REQUEST, "which client is meant?");
	if (strlen(id) != DEVICE_ID || !device_get(m, ev->entity, id, &d))
		return tct_refuse(ev, TCT_ITEM_NOT_FOUND, NULL);
	password = d.password;
	gnutls_memset(&d, 0, sizeof d);
	/* Tokens and sessions go in any case. */
	if (!password) {
		tct_kv_delete(tct_event_txn(ev), sasl2->devices, tct_event_user(ev), id);
	} else {
		device_get(m, ev->entity, id, &d);
		d.current.mech = d.next.mech = -1;
		put(m, tct_event_txn(ev), tct_event_user(ev), id, &d);
	}
	device_end_sessions(m, ev->entity, id, ev->origin.session, "not-authorized");
	return password ? refuse_password(ev) : tct_reply(ev, tct_result(ev));
}

/* ---- administrators ---- */

struct query {
	struct tct_mod *m;
	tcti_device_fn *row;
	tct_done_fn *done;
	void *data;
	char id[DEVICE_ID + 1];
};

static void query_row(const char *key, const struct tct_value *value, void *data)
{
	struct query *q = data;
	struct tcti_device_row row = { .size = sizeof row, .id = key };
	struct device d;

	decode(value, &d);
	row.software = d.software;
	row.device = d.device;
	row.first = d.first;
	row.last = d.last;
	row.token = has_token(&d);
	row.password = d.password;
	q->row(&row, q->data);
	gnutls_memset(&d, 0, sizeof d);
}

static void query_end(struct tct_scope *scope, struct query *q, int status)
{
	struct query copy = *q;

	tct_scope_free(q);
	copy.done(scope, status, copy.data);
}

static void query_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct query *q = data;
	const struct sasl2 *sasl2 = tct_mod_data(q->m);

	if (status == TCT_OK && !sasl2->auth->exists(sasl2->auth_mod, e))
		status = TCT_ENOENT;
	if (status == TCT_OK)
		tct_entity_each(e, sasl2->devices, query_row, q);
	query_end(scope, q, status);
}

static struct query *query_new(struct tct_mod *m, struct tct_scope *scope, tct_done_fn *done,
	void *data)
{
	struct query *q = tct_scope_alloc(scope, sizeof *q, NULL);

	q->m = m;
	q->done = done;
	q->data = data;
	return q;
}

static void list_devices(struct tct_mod *m, struct tct_scope *scope, const char *user,
	tcti_device_fn *row, tct_done_fn *done, void *data)
{
	struct query *q = query_new(m, scope, done, data);

	q->row = row;
	tct_entity_load(scope, tct_mod_host(m), user, query_loaded, q);
}

static void revoked(struct tct_scope *scope, int status, void *data)
{
	query_end(scope, data, status);
}

static void revoke_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct query *q = data;
	const struct sasl2 *sasl2 = tct_mod_data(q->m);
	struct tct_txn *txn;
	struct tct_value v;

	if (status == TCT_OK && !tct_entity_get(e, sasl2->devices, q->id, &v))
		status = TCT_ENOENT;
	if (status != TCT_OK) {
		query_end(scope, q, status);
		return;
	}
	txn = tct_txn_new(q->m);
	tct_kv_delete(txn, sasl2->devices, tct_entity_user(e), q->id);
	device_end_sessions(q->m, e, q->id, NULL, "not-authorized");
	tct_txn_submit(scope, txn, revoked, q);
}

static void revoke_device(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const char *id, tct_done_fn *done, void *data)
{
	struct query *q = query_new(m, scope, done, data);

	snprintf(q->id, sizeof q->id, "%s", id);
	tct_entity_load(scope, tct_mod_host(m), user, revoke_loaded, q);
}

static const struct tcti_devices_ops devices_ops = {
	.size = sizeof(struct tcti_devices_ops),
	.list = list_devices,
	.revoke = revoke_device,
};

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	struct tct_txn *txn = tct_txn_new(m);

	tct_kv_delete_user(txn, sasl2->devices, tct_entity_user(e));
	tct_txn_submit(NULL, txn, NULL, NULL);
}

int devices_load(struct tct_mod *m, struct tct_error *err)
{
	(void)err;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_CAM, "list", on_list);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_CAM, "revoke", on_revoke);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	tct_provide(m, "devices", "sasl2", &devices_ops);
	return TCT_OK;
}

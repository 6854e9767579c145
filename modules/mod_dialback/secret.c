/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* secret.c - the secret that keys are made with. Kept in the store, so that a key that a server
 * gave before a restart is still its own; replaced after a while, and then the old one is good
 * for one more day. */
#include "dialback.h"

#include <gnutls/gnutls.h>

#include <stdio.h>
#include <string.h>

#define ROW "secret"
#define OLD_SECONDS 86400
#define LOOK_MS 3600000

static void make(struct dialback *d)
{
	snprintf(d->before, sizeof d->before, "%s", d->secret);
	tct_random_id(d->secret, sizeof d->secret - 1);
	d->made = tct_now();
}

static void saved(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	if (status != TCT_OK)
		tct_log_warn(data, "the secret could not be stored: keys will not outlive a restart");
}

static void save(struct dialback *d)
{
	struct tct_record *record;
	struct tct_txn *txn;

	if (d->kv == NULL)
		return;
	record = tct_record_new();
	tct_record_set_string(record, "secret", d->secret);
	tct_record_set_string(record, "before", d->before);
	tct_record_set_int(record, "made", d->made);
	txn = tct_txn_new(d->mod);
	tct_kv_put(txn, d->kv, "", ROW, tct_record_value(record));
	tct_record_free(record);
	tct_txn_submit(tct_mod_scope(d->mod), txn, saved, d->mod);
}

void secret_renew(struct tct_mod *m)
{
	struct dialback *d = tct_mod_data(m);

	make(d);
	save(d);
}

static void look(struct tct_scope *scope, void *data)
{
	struct tct_mod *m = data;
	const struct dialback_config *config = tct_mod_config(m);
	struct dialback *d = tct_mod_data(m);

	(void)scope;
	if (tct_now() - d->made < config->secret_age && d->made <= tct_now())
		return;
	secret_renew(m);
}

static void restore(struct dialback *d)
{
	struct tct_value v;

	if (tct_kv_get_wait(d->kv, "", ROW, &v) != TCT_OK)
		return;
	snprintf(d->secret, sizeof d->secret, "%s", tct_record_string(&v, "secret", ""));
	snprintf(d->before, sizeof d->before, "%s", tct_record_string(&v, "before", ""));
	d->made = tct_record_int(&v, "made", 0);
}

int secret_load(struct tct_mod *m, struct tct_error *err)
{
	struct dialback *d = tct_mod_data(m);

	if (tct_service(m, "storage", NULL) != NULL) {
		d->kv = tct_kv_open(m, "dialback", err);
		if (d->kv == NULL)
			return TCT_EIO;
		restore(d);
	}
	if (d->secret[0] == '\0') {
		secret_renew(m);
	}
	look(NULL, m);
	tct_timer_start(tct_mod_scope(m), LOOK_MS, LOOK_MS, look, m);
	return TCT_OK;
}

bool secret_made(const struct dialback *d, const char *text, const char *receiving,
	const char *originating, const char *id)
{
	char key[DIALBACK_KEY];
	bool made;

	dialback_key(d->secret, receiving, originating, id, key);
	made = dialback_key_is(text, key);
	if (!made && d->before[0] != '\0' && tct_now() - d->made < OLD_SECONDS) {
		dialback_key(d->before, receiving, originating, id, key);
		made = dialback_key_is(text, key);
	}
	gnutls_memset(key, 0, sizeof key);
	return made;
}

void secret_wipe(struct dialback *d)
{
	gnutls_memset(d->secret, 0, sizeof d->secret);
	gnutls_memset(d->before, 0, sizeof d->before);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* photo.c - XEP-0153: contacts learn from presence which photo an account has. What a client
 * says itself stays, unless it says nothing or something that is not so; in presence that it
 * directs to somebody, a room for example, it may also say nothing on purpose. */
#include "modules/mod_vcard/vcard.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the hash ---- */

/* Without white space, which means nothing in base64. */
static char *packed(const char *text, size_t *len)
{
	char *out = malloc(strlen(text) + 1), *to = out;

	if (out == NULL)
		abort(); /* a stanza is bounded; as the server does */
	for (; *text != '\0'; text++) {
		if (strchr(" \t\r\n", *text) == NULL)
			*to++ = *text;
	}
	*to = '\0';
	*len = (size_t)(to - out);
	return out;
}

void vcard_photo(const struct tct_elem *card, char out[PHOTO_SIZE])
{
	const char *text = tct_child_text(
		tct_child(card, NS_VCARD, "PHOTO"), NS_VCARD, "BINVAL");
	gnutls_datum_t encoded, data = { NULL, 0 };
	uint8_t digest[20];
	size_t len;
	char *copy;

	out[0] = '\0';
	if (text == NULL)
		return;
	copy = packed(text, &len);
	encoded.data = (unsigned char *)copy;
	encoded.size = (unsigned)len;
	if (len > 0 && gnutls_base64_decode2(&encoded, &data) == 0 && data.size > 0 &&
		gnutls_hash_fast(GNUTLS_DIG_SHA1, data.data, data.size, digest) == 0) {
		for (size_t i = 0; i < sizeof digest; i++)
			snprintf(out + 2 * i, 3, "%02x", digest[i]);
	}
	gnutls_free(data.data);
	free(copy);
}

/* ---- presence ---- */

static void set_photo(struct tct_stanza *st, const char *photo)
{
	struct tct_elem *root = tct_stanza_root(st), *x;

	while ((x = tct_child(root, NS_UPDATE, "x")) != NULL)
		tct_elem_remove(x);
	x = tct_add(root, NS_UPDATE, "x");
	tct_add_text(x, "photo", photo[0] != '\0' ? photo : NULL);
}

enum tct_verdict vcard_on_presence(struct tct_mod *m, struct tct_event *ev)
{
	struct vcard_data *data = tct_mod_data(m);
	const struct tct_elem *x;
	const char *photo, *said;
	struct tct_value row;

	if (tct_stanza_type(ev->stanza) != TCT_PRESENCE_AVAILABLE || ev->entity == NULL ||
		!tct_entity_get(ev->entity, data->index, ROW, &row))
		return TCT_CONTINUE;
	x = tct_child(tct_stanza_root(ev->stanza), NS_UPDATE, "x");
	if (x != NULL && tct_stanza_to(ev->stanza) != NULL)
		return TCT_CONTINUE;
	photo = tct_record_string(&row, "photo", "");
	said = tct_child_text(x, NS_UPDATE, "photo");
	if (said == NULL || strcasecmp(said, photo) != 0)
		set_photo(tct_stanza_edit(ev), photo);
	return TCT_CONTINUE;
}

struct announcement {
	struct tct_event *ev;
	const struct tct_presence_ops *presence;
	struct tct_mod *presence_mod;
	const char *photo;
};

static void announce(struct tct_session *s, void *data)
{
	struct announcement *a = data;
	struct tct_stanza *st;

	if (!tct_session_available(s))
		return;
	st = tct_stanza_dup(tct_session_presence(s));
	set_photo(st, a->photo);
	a->presence->replace(a->presence_mod, a->ev, s, st);
}

void vcard_announce(struct tct_mod *m, struct tct_event *ev, const char *photo)
{
	struct announcement a = { .ev = ev, .photo = photo };

	a.presence = tct_service(m, "presence", &a.presence_mod);
	if (a.presence != NULL)
		tct_entity_sessions(ev->entity, announce, &a);
}

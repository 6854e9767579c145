/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* link.c - an invitation as a link: the xmpp: URI (RFC 5122, XEP-0401, XEP-0445) and the
 * address of a page that shows it in a browser. */
#include "modules/mod_invites/invites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void invite_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* What RFC 3986 2.3 leaves unreserved stays as it is. */
static void put_escaped(FILE *f, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL)
			fputc(*text, f);
		else
			fprintf(f, "%%%02X", (unsigned char)*text);
	}
}

static void put_uri(FILE *f, const char *host, const struct invite_row *row, const char *token)
{
	bool contact = (row->is.flags & TCT_INVITE_CONTACT) != 0;
	const char *local = contact ? row->is.inviter : row->is.name;

	fputs("xmpp:", f);
	if (local != NULL) {
		put_escaped(f, local);
		fputc('@', f);
	}
	put_escaped(f, host);
	fprintf(f, "?%s;preauth=%s", contact ? "roster" : "register", token);
	if (contact && (row->is.flags & TCT_INVITE_ACCOUNT) != 0)
		fputs(";ibr=y", f);
}

/* The template with "{token}", "{host}" and "{uri}" replaced. */
static void put_page(FILE *f, const char *page, const char *host, const char *token,
	const char *uri)
{
	static const char *const names[] = { "{token}", "{host}", "{uri}" };
	const char *const texts[] = { token, host, uri };

	while (*page != '\0') {
		size_t i = 0;

		while (i < 3 && strncmp(page, names[i], strlen(names[i])) != 0)
			i++;
		if (i == 3) {
			fputc(*page++, f);
			continue;
		}
		put_escaped(f, texts[i]);
		page += strlen(names[i]);
	}
}

static FILE *open_text(char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	if (f == NULL)
		abort();
	return f;
}

void invite_link(struct tct_mod *m, const struct invite_row *row, const char *token, char **uri,
	char **page)
{
	const struct invites_config *config = tct_mod_config(m);
	const char *host = tct_host_name(tct_mod_host(m));
	size_t len;
	FILE *f = open_text(uri, &len);

	put_uri(f, host, row, token);
	if (fclose(f) != 0)
		abort();
	*page = NULL;
	if (config->invites_page == NULL)
		return;
	f = open_text(page, &len);
	put_page(f, config->invites_page, host, token, *uri);
	if (fclose(f) != 0)
		abort();
}

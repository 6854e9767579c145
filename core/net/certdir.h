/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* certdir.h - certificates in a folder, found by the names of the files alone:
 *
 *	NAME.crt and NAME.key
 *	NAME.pem, with the key inside, or with NAME.key
 *	NAME/fullchain.pem and NAME/privkey.pem (also below a folder "live", as certbot has it)
 *
 * Reads no certificate; what NAME is does not matter. And whether files have changed. */
#pragma once

#include "core/base/str.h"
#include "core/base/vec.h"

#include <tercet/base.h>

struct certdir_item {
	char *certificate, *key;
};
struct certdir {
	VEC(struct certdir_item) items; /* in the order of their names */
	VEC(char *) lonely;  /* certificates without a key beside them */
	VEC(char *) folders; /* that were looked into, for who wants to watch them */
};

/* Fails when the folder cannot be read. Ended by certdir_fini in any case. */
int certdir_scan(struct certdir *dir, const char *folder, struct tct_error *err) TCT_CHECKED;
void certdir_fini(struct certdir *dir);

/* Where the OCSP response of a certificate is looked for: the file's name with ".ocsp" in the
 * place of its ending. The caller frees it. */
char *certdir_staple(const char *certificate);
/* Appends what tells whether the file was changed or replaced, links followed. */
void certdir_stamp(struct str *out, const char *path);

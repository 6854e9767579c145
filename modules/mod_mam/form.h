/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* form.h - what a client asks of an archive: the data form of XEP-0313 section 4.1 and the
 * page of XEP-0059, read into numbers. */
#pragma once

#include <tercet/module.h>

#define NS_MAM "urn:xmpp:mam:2"
#define MAM_IDS_MAX 100 /* in the field "ids" */

struct mam_ids;

struct mam_query {
	const struct tct_jid *with; /* counted; NULL: anybody */
	int64_t start, end;         /* microseconds since 1970, inclusive; 0: open */
	/* Rows that the client has named: each must be there. 0: none. */
	uint64_t after, before;           /* of the page */
	uint64_t after_field, before_field; /* of the form */
	uint64_t ids[MAM_IDS_MAX];        /* rising, each once */
	size_t id_count;
	bool by_ids;   /* only those in `ids` */
	int64_t max;   /* -1: as many as the server likes */
	bool backward; /* the last rows, not the first */
	bool flip;     /* they come newest first */
};

/* Reads <query/> of an account. 0, or the condition of the error that it deserves: then and
 * later the caller frees with mam_query_fini. */
uint32_t mam_query_read(struct mam_query *q, const struct tct_elem *query,
	const struct mam_ids *ids, const char *user);
void mam_query_fini(struct mam_query *q);
/* Adds the form that says what may be asked. */
void mam_form_add(struct tct_elem *query);

/* Reads a time of XEP-0082 ("2026-02-03T04:05:06.789Z", "...+01:00"); false: it is none. */
bool mam_time_read(const char *text, int64_t *us);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* form.c - see form.h. */
#include "modules/mod_mam/form.h"

#include "modules/mod_mam/mam.h"

#include <stdlib.h>
#include <string.h>

#define NS_DATA "jabber:x:data"
#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate"

/* ---- times ---- */

/* Exactly `count` digits, and what follows them. */
static bool digits(const char **at, int count, int64_t *n)
{
	*n = 0;
	for (; count > 0; count--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*n = *n * 10 + (**at - '0');
	}
	return true;
}

static bool sign(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01. */
static bool days_of(int64_t year, int64_t month, int64_t day, int64_t *days)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
	int64_t past = year - 1;

	if (year < 1 || month < 1 || month > 12 || day < 1 ||
		day > before[month] - before[month - 1] + (month == 2 && is_leap(year)))
		return false;
	*days = past * 365 + past / 4 - past / 100 + past / 400 + before[month - 1] +
		(month > 2 && is_leap(year)) + day - 1 - 719162;
	return true;
}

static bool zone(const char **at, int64_t *seconds)
{
	int64_t hours, minutes;
	bool west = **at == '-';

	*seconds = 0;
	if (sign(at, 'Z'))
		return true;
	if (!sign(at, west ? '-' : '+') || !digits(at, 2, &hours) || !sign(at, ':') ||
		!digits(at, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*seconds = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

/* More digits than six are too fine for us. */
static bool fraction(const char **at, int64_t *us)
{
	int64_t unit = 100000;

	*us = 0;
	if (!sign(at, '.'))
		return true;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		*us += (**at - '0') * unit;
		unit /= 10;
	}
	return true;
}

bool mam_time_read(const char *text, int64_t *us)
{
	const char *at = text;
	int64_t year, month, day, hour, minute, second, part, offset, days;

	if (!digits(&at, 4, &year) || !sign(&at, '-') || !digits(&at, 2, &month) ||
		!sign(&at, '-') || !digits(&at, 2, &day) || !sign(&at, 'T') ||
		!digits(&at, 2, &hour) || !sign(&at, ':') || !digits(&at, 2, &minute) ||
		!sign(&at, ':') || !digits(&at, 2, &second) || !fraction(&at, &part) ||
		!zone(&at, &offset) || *at != '\0')
		return false;
	if (hour > 23 || minute > 59 || second > 60 || !days_of(year, month, day, &days))
		return false;
	*us = ((days * 24 + hour) * 3600 + minute * 60 + second - offset) * 1000000 + part;
	return true;
}

/* ---- numbers and ids ---- */

static bool number(const char *text, int64_t *n)
{
	size_t len = strlen(text);

	if (len == 0 || len > 18)
		return false;
	return digits(&text, (int)len, n);
}

struct reading {
	struct mam_query *q;
	const struct mam_ids *ids;
	const char *user;
};

static uint32_t read_id(const struct reading *r, const char *text, uint64_t *id)
{
	*id = mam_id_parse(r->ids, r->user, text);
	return *id != 0 ? 0 : TCT_ITEM_NOT_FOUND;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint32_t read_ids(const struct reading *r, const struct tct_elem *field)
{
	struct mam_query *q = r->q;
	size_t unique = 0;

	q->by_ids = true;
	tct_elem_each (value, field) {
		uint32_t problem;

		if (!tct_elem_is(value, NS_DATA, "value"))
			continue;
		if (q->id_count == MAM_IDS_MAX)
			return TCT_POLICY_VIOLATION;
		problem = read_id(r, tct_elem_text(value), &q->ids[q->id_count++]);
		if (problem != 0)
			return problem;
	}
	qsort(q->ids, q->id_count, sizeof *q->ids, by_value);
	for (size_t i = 0; i < q->id_count; i++) {
		if (unique == 0 || q->ids[i] != q->ids[unique - 1])
			q->ids[unique++] = q->ids[i];
	}
	q->id_count = unique;
	return 0;
}

/* ---- the form ---- */

static uint32_t read_with(const struct reading *r, const char *text)
{
	const struct tct_jid *jid = tct_jid_new(text);

	if (jid == NULL)
		return TCT_BAD_REQUEST;
	tct_jid_unref(r->q->with);
	r->q->with = jid;
	return 0;
}

/* Times before 1970 are before every row, and 0 means "open". */
static uint32_t read_time(const char *text, int64_t *us)
{
	if (!mam_time_read(text, us))
		return TCT_BAD_REQUEST;
	if (*us < 1)
		*us = 1;
	return 0;
}

static uint32_t read_field(const struct reading *r, const struct tct_elem *field)
{
	const char *var = tct_attr(field, "var"), *value = tct_child_text(field, NS_DATA, "value");
	struct mam_query *q = r->q;

	if (var == NULL)
		return TCT_BAD_REQUEST;
	if (strcmp(var, "FORM_TYPE") == 0)
		return value != NULL && strcmp(value, NS_MAM) == 0 ? 0 : TCT_BAD_REQUEST;
	if (strcmp(var, "ids") == 0)
		return read_ids(r, field);
	if (value != NULL && value[0] == '\0')
		value = NULL; /* as clients say that a field is not set */
	if (strcmp(var, "with") == 0)
		return value != NULL ? read_with(r, value) : 0;
	if (strcmp(var, "start") == 0)
		return value != NULL ? read_time(value, &q->start) : 0;
	if (strcmp(var, "end") == 0)
		return value != NULL ? read_time(value, &q->end) : 0;
	if (strcmp(var, "after-id") == 0)
		return value != NULL ? read_id(r, value, &q->after_field) : 0;
	if (strcmp(var, "before-id") == 0)
		return value != NULL ? read_id(r, value, &q->before_field) : 0;
	if (strcmp(var, "include-groupchat") == 0)
		return 0; /* there are none */
	return TCT_FEATURE_NOT_IMPLEMENTED;
}

static uint32_t read_form(const struct reading *r, const struct tct_elem *x)
{
	const char *type = tct_attr(x, "type");
	bool typed = false;

	if (type == NULL || strcmp(type, "submit") != 0)
		return TCT_BAD_REQUEST;
	tct_elem_each (field, x) {
		const char *var = tct_attr(field, "var");

		typed |= tct_elem_is(field, NS_DATA, "field") && var != NULL &&
			strcmp(var, "FORM_TYPE") == 0;
	}
	if (!typed)
		return TCT_BAD_REQUEST;
	tct_elem_each (field, x) {
		uint32_t problem =
			tct_elem_is(field, NS_DATA, "field") ? read_field(r, field) : 0;

		if (problem != 0)
			return problem;
	}
	return 0;
}

/* ---- the page ---- */

static uint32_t read_page(const struct reading *r, const struct tct_elem *set)
{
	const char *max = tct_child_text(set, NS_RSM, "max");
	const char *after = tct_child_text(set, NS_RSM, "after");
	const char *before = tct_child_text(set, NS_RSM, "before");
	struct mam_query *q = r->q;
	uint32_t problem = 0;

	if (tct_child(set, NS_RSM, "index") != NULL)
		return TCT_FEATURE_NOT_IMPLEMENTED;
	if (max != NULL && !number(max, &q->max))
		return TCT_BAD_REQUEST;
	q->backward = before != NULL;
	if (after != NULL && after[0] != '\0')
		problem = read_id(r, after, &q->after);
	if (problem == 0 && before != NULL && before[0] != '\0')
		problem = read_id(r, before, &q->before);
	return problem;
}

uint32_t mam_query_read(struct mam_query *q, const struct tct_elem *query,
	const struct mam_ids *ids, const char *user)
{
	struct reading r = { q, ids, user };
	const struct tct_elem *x = tct_child(query, NS_DATA, "x");
	const struct tct_elem *set = tct_child(query, NS_RSM, "set");
	uint32_t problem = 0;

	memset(q, 0, sizeof *q);
	q->max = -1;
	q->flip = tct_child(query, NS_MAM, "flip-page") != NULL;
	if (tct_attr(query, "node") != NULL)
		return TCT_ITEM_NOT_FOUND; /* nodes are archives of pubsub services */
	if (x != NULL)
		problem = read_form(&r, x);
	if (problem == 0 && set != NULL)
		problem = read_page(&r, set);
	return problem;
}

void mam_query_fini(struct mam_query *q)
{
	tct_jid_unref(q->with);
	q->with = NULL;
}

/* ---- what may be asked ---- */

static struct tct_elem *add_field(struct tct_elem *x, const char *type, const char *var)
{
	struct tct_elem *field = tct_add(x, NULL, "field");

	tct_set(field, "type", type);
	tct_set(field, "var", var);
	return field;
}

void mam_form_add(struct tct_elem *query)
{
	struct tct_elem *x = tct_add(query, NS_DATA, "x"), *ids;

	tct_set(x, "type", "form");
	tct_add_text(add_field(x, "hidden", "FORM_TYPE"), "value", NS_MAM);
	add_field(x, "jid-single", "with");
	add_field(x, "text-single", "start");
	add_field(x, "text-single", "end");
	add_field(x, "text-single", "before-id");
	add_field(x, "text-single", "after-id");
	ids = tct_add(add_field(x, "list-multi", "ids"), NS_VALIDATE, "validate");
	tct_set(ids, "datatype", "xs:string");
	tct_add(ids, NULL, "open");
	add_field(x, "boolean", "include-groupchat");
}

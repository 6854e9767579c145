/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* search.c - XEP-0055: finding those who want to be found. A card says so by itself, with
 * <CLASS><PUBLIC/></CLASS>; what can be found is kept in the index, so that no card is read.
 * A search walks over the accounts that have a card, page by page, to a bound. */
#include "modules/mod_vcard/vcard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FIELD_MAX 256 /* bytes of a field, in a card and in a search */
#define PAGE 200
#define WALK_MAX 50000 /* accounts looked at */
#define SEARCHES_MAX 4 /* at once */
#define FIELDS 4

static const char *const fields[FIELDS] = { "first", "last", "nick", "email" };
static const char *const labels[FIELDS] = { "Given Name", "Family Name", "Nickname",
	"Email Address" };

/* ---- what may be found ---- */

static const char *of_card(const struct tct_elem *card, size_t field)
{
	const struct tct_elem *name = tct_child(card, NS_VCARD, "N");

	switch (field) {
	case 0:
		return tct_child_text(name, NS_VCARD, "GIVEN");
	case 1:
		return tct_child_text(name, NS_VCARD, "FAMILY");
	case 2:
		return tct_child_text(card, NS_VCARD, "NICKNAME");
	default:
		return tct_child_text(
			tct_child(card, NS_VCARD, "EMAIL"), NS_VCARD, "USERID");
	}
}

void vcard_searchable(const struct tct_elem *card, struct tct_record *r)
{
	const struct tct_elem *class = tct_child(card, NS_VCARD, "CLASS");

	if (tct_child(class, NS_VCARD, "PUBLIC") == NULL)
		return;
	tct_record_set_int(r, "public", 1);
	for (size_t i = 0; i < FIELDS; i++) {
		const char *text = of_card(card, i);

		if (text != NULL && text[0] != '\0' && strlen(text) < FIELD_MAX)
			tct_record_set_string(r, fields[i], text);
	}
}

/* ---- the form ---- */

static void add_field(struct tct_elem *form, const char *var, const char *label,
	const char *type, const char *value)
{
	struct tct_elem *field = tct_add(form, NULL, "field");

	tct_set(field, "var", var);
	tct_set(field, "label", label);
	tct_set(field, "type", type);
	if (value != NULL)
		tct_add_text(field, "value", value);
}

static bool allowed(struct tct_mod *m, const struct tct_event *ev)
{
	const struct vcard_config *config = tct_mod_config(m);
	const struct tct_jid *from = tct_stanza_from(ev->stanza);

	return config->search_remote || tct_host_find(tct_jid_domain(from)) != NULL;
}

enum tct_verdict vcard_on_search_get(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_stanza *st;
	struct tct_elem *query, *form;

	if (!allowed(m, ev))
		return tct_refuse_unknown(ev);
	st = tct_result(ev);
	query = tct_add(tct_stanza_root(st), NS_SEARCH, "query");
	tct_add_text(query, "instructions", "Fill in what you know of the person.");
	for (size_t i = 0; i < FIELDS; i++)
		tct_add(query, NULL, fields[i]);
	form = tct_add(query, NS_FORM, "x");
	tct_set(form, "type", "form");
	tct_add_text(form, "instructions", "Fill in what you know of the person.");
	add_field(form, "FORM_TYPE", NULL, "hidden", NS_SEARCH);
	for (size_t i = 0; i < FIELDS; i++)
		add_field(form, fields[i], labels[i], "text-single", NULL);
	return tct_reply(ev, st);
}

/* ---- a search ---- */

/* In the scope of the request. */
struct search {
	struct tct_mod *m;
	struct tct_request *request;
	struct tct_stanza *answer;
	struct tct_elem *list; /* where what is found is added */
	bool form;
	int64_t found, walked;
	bool last; /* the page that is read is the last */
	char after[1024];
	char wanted[FIELDS][FIELD_MAX]; /* "": not asked for */
};

static void search_fini(void *block)
{
	struct search *s = block;
	struct vcard_data *data = tct_mod_data(s->m);

	data->searches--;
	tct_stanza_unref(s->answer);
}

static void finish(struct search *s)
{
	struct tct_stanza *answer = s->answer;

	s->answer = NULL;
	tct_request_answer(s->request, answer);
}

/* ASCII letters of either case are the same. */
static bool contains(const char *text, const char *part)
{
	size_t len = strlen(part);

	for (; *text != '\0'; text++) {
		if (strncasecmp(text, part, len) == 0)
			return true;
	}
	return false;
}

static bool matches(const struct search *s, const struct tct_value *row)
{
	if (tct_record_int(row, "public", 0) == 0)
		return false;
	for (size_t i = 0; i < FIELDS; i++) {
		if (s->wanted[i][0] != '\0' &&
			!contains(tct_record_string(row, fields[i], ""), s->wanted[i]))
			return false;
	}
	return true;
}

static void add_found(struct search *s, const char *user, const struct tct_value *row)
{
	const struct tct_jid *jid =
		tct_jid_make(user[0] != '\0' ? user : NULL,
			tct_jid_domain(tct_mod_jid(s->m)), NULL);
	struct tct_elem *item;

	if (jid == NULL)
		return;
	item = tct_add(s->list, NULL, "item");
	if (s->form)
		add_field(item, "jid", NULL, NULL, tct_jid_text(jid));
	else
		tct_set(item, "jid", tct_jid_text(jid));
	for (size_t i = 0; i < FIELDS; i++) {
		const char *text = tct_record_string(row, fields[i], "");

		if (s->form)
			add_field(item, fields[i], NULL, NULL, text);
		else
			tct_add_text(item, fields[i], text);
	}
	s->found++;
	tct_jid_unref(jid);
}

static void next_page(struct search *s);

static void on_rows(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct search *s = data;
	const struct vcard_config *config = tct_mod_config(s->m);

	(void)scope;
	if (rows->status != TCT_OK) {
		tct_request_refuse(s->request, TCT_RESOURCE_CONSTRAINT, NULL);
		return;
	}
	for (size_t i = 0; i < rows->count && s->found < config->search_results; i++) {
		if (matches(s, &rows->rows[i].value))
			add_found(s, rows->rows[i].user, &rows->rows[i].value);
	}
	if (s->last || s->found >= config->search_results || s->walked >= WALK_MAX)
		finish(s);
	else
		next_page(s);
}

static void on_users(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct search *s = data;
	struct vcard_data *vd = tct_mod_data(s->m);
	const char *users[PAGE];

	if (rows->status != TCT_OK || rows->count == 0) {
		finish(s);
		return;
	}
	for (size_t i = 0; i < rows->count && i < PAGE; i++)
		users[i] = rows->rows[i].user;
	s->last = rows->count < PAGE ||
		strlen(rows->rows[rows->count - 1].user) >= sizeof s->after;
	if (!s->last)
		snprintf(s->after, sizeof s->after, "%s",
			rows->rows[rows->count - 1].user);
	s->walked += (int64_t)rows->count;
	tct_kv_get_many(scope, vd->index, users, rows->count, ROW, on_rows, s);
}

static void next_page(struct search *s)
{
	struct vcard_data *data = tct_mod_data(s->m);

	tct_kv_users(tct_request_scope(s->request), data->index,
		s->after[0] != '\0' ? s->after : NULL, PAGE, on_users, s);
}

/* The value of a field: of the form when there is one. */
static const char *wanted(const struct tct_elem *query, const struct tct_elem *form, size_t i)
{
	if (form == NULL)
		return tct_child_text(query, NS_SEARCH, fields[i]);
	tct_elem_each (field, form) {
		const char *var = tct_attr(field, "var");

		if (var != NULL && strcmp(var, fields[i]) == 0)
			return tct_child_text(field, NS_FORM, "value");
	}
	return NULL;
}

/* 0, or the condition of the refusal: at least one field is needed. */
static uint32_t read_search(const struct tct_elem *query, struct search *s)
{
	const struct tct_elem *form = tct_child(query, NS_FORM, "x");
	bool any = false;

	s->form = form != NULL;
	for (size_t i = 0; i < FIELDS; i++) {
		const char *text = wanted(query, form, i);

		if (text == NULL || text[0] == '\0')
			continue;
		if (strlen(text) >= FIELD_MAX)
			return TCT_NOT_ACCEPTABLE;
		memcpy(s->wanted[i], text, strlen(text) + 1);
		any = true;
	}
	return any ? 0 : TCT_BAD_REQUEST;
}

static void begin_answer(struct search *s)
{
	struct tct_elem *query, *reported;

	s->answer = tct_request_result(s->request);
	query = tct_add(tct_stanza_root(s->answer), NS_SEARCH, "query");
	s->list = query;
	if (!s->form)
		return;
	s->list = tct_add(query, NS_FORM, "x");
	tct_set(s->list, "type", "result");
	add_field(s->list, "FORM_TYPE", NULL, "hidden", NS_SEARCH);
	reported = tct_add(s->list, NULL, "reported");
	add_field(reported, "jid", "Address", "jid-single", NULL);
	for (size_t i = 0; i < FIELDS; i++)
		add_field(reported, fields[i], labels[i], "text-single", NULL);
}

enum tct_verdict vcard_on_search_set(struct tct_mod *m, struct tct_event *ev)
{
	struct vcard_data *data = tct_mod_data(m);
	struct search *s, first = { .m = m };
	uint32_t condition;

	if (!allowed(m, ev))
		return tct_refuse_unknown(ev);
	condition = read_search(tct_stanza_payload(ev->stanza), &first);
	if (condition == 0 && data->searches >= SEARCHES_MAX)
		condition = TCT_RESOURCE_CONSTRAINT;
	if (condition != 0)
		return tct_refuse(ev, condition, NULL);
	first.request = tct_defer(m, ev);
	s = tct_scope_alloc(tct_request_scope(first.request), sizeof *s, search_fini);
	*s = first;
	data->searches++;
	begin_answer(s);
	next_page(s);
	return TCT_HANDLED;
}

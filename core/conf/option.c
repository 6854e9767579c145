/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* option.c - see option.h. */
#include "core/conf/option.h"

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/conf/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_MAX 4096

static option_prepare_fn *prepare_jid, *prepare_host;

void option_set_prepare(option_prepare_fn *jid, option_prepare_fn *host)
{
	prepare_jid = jid;
	prepare_host = host;
}

bool option_at(const struct tct_option *table, uint32_t stride, size_t i, struct tct_option *out)
{
	const char *at = (const char *)table + i * stride;

	memset(out, 0, sizeof *out);
	if (table == NULL)
		return false;
	memcpy(out, at, stride < sizeof *out ? stride : sizeof *out);
	return out->name != NULL;
}

/* One value being parsed: where it goes and how to complain. */
struct job {
	const struct option_source *source;
	const struct tct_option *o;
	config_setting_t *at; /* NULL: the default */
	struct arena *arena;
	struct conf_problems *problems;
	struct str *print;
	uint32_t stride;
	char *out; /* the field */
};

#define COMPLAIN(job, ...)                                                               \
	(conf_problem((job)->problems, (job)->at, __VA_ARGS__), false)

static bool within(struct job *j, int64_t n, bool (*parse)(const char *, int64_t *))
{
	int64_t bound;

	if (j->o->min != NULL && parse(j->o->min, &bound) && n < bound)
		return COMPLAIN(j, "%s.%s: the least is %s", j->source->name, j->o->name,
			j->o->min);
	if (j->o->max != NULL && parse(j->o->max, &bound) && n > bound)
		return COMPLAIN(j, "%s.%s: the most is %s", j->source->name, j->o->name,
			j->o->max);
	return true;
}

static bool set_number(struct job *j, const char *text, bool (*parse)(const char *, int64_t *),
	const char *what, const char *example)
{
	int64_t n = 0;

	if (text == NULL || !parse(text, &n))
		return COMPLAIN(j, "%s.%s: \"%s\" is not %s (for example %s)", j->source->name,
			j->o->name, text != NULL ? text : "this", what, example);
	if (!within(j, n, parse))
		return false;
	memcpy(j->out, &n, sizeof n);
	return true;
}

static bool set_text(struct job *j, const char *text)
{
	const char *copy = text != NULL ? arena_strdup(j->arena, text) : NULL;

	memcpy(j->out, &copy, sizeof copy);
	return true;
}

static bool set_prepared(struct job *j, const char *text, option_prepare_fn *prepare,
	const char *what)
{
	char *prepared = prepare != NULL ? prepare(text) : mem_strdup(text);
	bool ok = prepared != NULL;

	if (ok)
		set_text(j, prepared);
	free(prepared);
	return ok ? true :
		    COMPLAIN(j, "%s.%s: \"%s\" is not %s", j->source->name, j->o->name, text,
			    what);
}

static bool is_word(const struct tct_option *o, const char *text)
{
	for (size_t i = 0; o->choices != NULL && o->choices[i] != NULL; i++) {
		if (strcmp(o->choices[i], text) == 0)
			return true;
	}
	return false;
}

static bool set_path(struct job *j, const char *text)
{
	if (is_word(j->o, text) || *text == '/' || *text == '\0' || j->source->folder == NULL)
		return set_text(j, text);
	return set_text(j, arena_printf(j->arena, "%s/%s", j->source->folder, text));
}

static bool set_enum(struct job *j, const char *text)
{
	const char *near;
	int32_t i = 0;

	for (; j->o->choices[i] != NULL; i++) {
		if (strcmp(j->o->choices[i], text) == 0) {
			memcpy(j->out, &i, sizeof i);
			return true;
		}
	}
	near = conf_nearest(text, j->o->choices);
	if (near != NULL)
		return COMPLAIN(j, "%s.%s: \"%s\" is not known (did you mean '%s'?)",
			j->source->name, j->o->name, text, near);
	return COMPLAIN(j, "%s.%s: \"%s\" is not known (the first of the choices is \"%s\")",
		j->source->name, j->o->name, text, j->o->choices[0]);
}

static bool set_bool(struct job *j, bool value)
{
	memcpy(j->out, &value, sizeof value);
	return true;
}

/* A secret is a value in a file that others cannot read, or the name of such a file. */
static bool set_secret_file(struct job *j, const char *file)
{
	const char *path = *file == '/' ? file :
					  arena_printf(j->arena, "%s/%s", j->source->folder, file);
	char buf[SECRET_MAX];
	struct stat st;
	FILE *f = fopen(path, "re");
	size_t len;

	if (f == NULL)
		return COMPLAIN(j, "%s.%s: cannot read \"%s\" (%s)", j->source->name, j->o->name,
			path, strerror(errno));
	if (fstat(fileno(f), &st) == 0 && (st.st_mode & S_IRWXO) != 0) {
		fclose(f);
		return COMPLAIN(j, "%s.%s: \"%s\" may be read by everybody (mode %04o): run "
				   "chmod 0640 on it",
			j->source->name, j->o->name, path, st.st_mode & 07777u);
	}
	len = fread(buf, 1, sizeof buf - 1, f);
	fclose(f);
	while (len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == '\r'))
		len--;
	buf[len] = '\0';
	set_text(j, buf);
	/* So that a reload knows another one in the same file. */
	if (j->print != NULL)
		str_printf(j->print, "%016llx\n", (unsigned long long)hash_bytes(buf, len));
	mem_wipe(buf, sizeof buf);
	return true;
}

static bool set_secret(struct job *j)
{
	const char *text = config_setting_get_string(j->at), *file = NULL;
	const char *conf = config_setting_source_file(j->at);
	struct stat st;

	if (config_setting_is_group(j->at)) {
		if (config_setting_lookup_string(j->at, "file", &file) != CONFIG_TRUE)
			return COMPLAIN(j, "%s.%s: write a string or { file = \"...\"; }",
				j->source->name, j->o->name);
		return set_secret_file(j, file);
	}
	if (text == NULL)
		return COMPLAIN(j, "%s.%s: write a string or { file = \"...\"; }",
			j->source->name, j->o->name);
	if (conf != NULL && stat(conf, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
		return COMPLAIN(j, "%s.%s: a secret in a file that everybody may read (mode "
				   "%04o): run chmod 0640 on \"%s\"",
			j->source->name, j->o->name, st.st_mode & 07777u, conf);
	return set_text(j, text);
}

static bool set_strings(struct job *j)
{
	int count = j->at != NULL ? config_setting_length(j->at) : 0;
	const char **list;

	if (j->at != NULL && !config_setting_is_aggregate(j->at))
		return COMPLAIN(j, "%s.%s: write a list: [ \"one\", \"two\" ]", j->source->name,
			j->o->name);
	list = arena_zalloc(j->arena, ((size_t)count + 1) * sizeof *list);
	for (int i = 0; i < count; i++) {
		const char *text = config_setting_get_string_elem(j->at, i);

		if (text == NULL)
			return COMPLAIN(j, "%s.%s: every item is a string", j->source->name,
				j->o->name);
		list[i] = arena_strdup(j->arena, text);
	}
	memcpy(j->out, &list, sizeof list);
	return true;
}

static bool parse_group(const struct tct_option *table, uint32_t stride,
	const struct option_source *source, config_setting_t *group, struct arena *a, void *out,
	struct conf_problems *p, struct str *print);

static bool set_group(struct job *j)
{
	if (j->at != NULL && !config_setting_is_group(j->at))
		return COMPLAIN(j, "%s.%s: write a group: { ... }", j->source->name, j->o->name);
	return parse_group(j->o->sub, j->stride, j->source, j->at, j->arena, j->out, j->problems,
		j->print);
}

static bool set_groups(struct job *j)
{
	int count = j->at != NULL ? config_setting_length(j->at) : 0;
	struct tct_groups groups = { NULL, (size_t)count };
	bool ok = true;
	char *items;

	if (j->at != NULL && !config_setting_is_list(j->at))
		return COMPLAIN(j, "%s.%s: write a list of groups: ( { ... }, { ... } )",
			j->source->name, j->o->name);
	items = arena_zalloc(j->arena, ((size_t)count + 1) * j->o->sub_size);
	groups.items = items;
	for (int i = 0; i < count; i++) {
		config_setting_t *group = config_setting_get_elem(j->at, (unsigned)i);

		if (!config_setting_is_group(group)) {
			conf_problem(j->problems, group, "%s.%s: every item is a group: { ... }",
				j->source->name, j->o->name);
			ok = false;
			continue;
		}
		ok &= parse_group(j->o->sub, j->stride, j->source, group, j->arena,
			items + (size_t)i * j->o->sub_size, j->problems, j->print);
	}
	memcpy(j->out, &groups, sizeof groups);
	return ok;
}

static bool is_of_type(config_setting_t *group, const char *type)
{
	const char *is = NULL;

	return config_setting_is_group(group) &&
		config_setting_lookup_string(group, "type", &is) == CONFIG_TRUE &&
		strcmp(is, type) == 0;
}

/* The groups of `hosts` that are of the type of this name. */
static bool set_hosts(struct job *j)
{
	config_setting_t *list = config_setting_get_member(j->source->top, "hosts");
	int length = list != NULL && config_setting_is_list(list) ? config_setting_length(list) : 0;
	struct tct_groups groups = { NULL, 0 };
	char *items = arena_zalloc(j->arena, ((size_t)length + 1) * j->o->sub_size);
	bool ok = true;

	for (int i = 0; i < length; i++) {
		config_setting_t *group = config_setting_get_elem(list, (unsigned)i);

		if (!is_of_type(group, j->source->name))
			continue;
		ok &= parse_group(j->o->sub, j->stride, j->source, group, j->arena,
			items + groups.count++ * j->o->sub_size, j->problems, j->print);
	}
	groups.items = items;
	memcpy(j->out, &groups, sizeof groups);
	return ok;
}

/* Text of a scalar: what was written, or the default. NULL: neither is a string. */
static const char *scalar_text(struct job *j, char *number, size_t room)
{
	if (j->at == NULL)
		return j->o->def;
	switch (config_setting_type(j->at)) {
	case CONFIG_TYPE_STRING:
		return config_setting_get_string(j->at);
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(number, room, "%lld", (long long)config_setting_get_int64(j->at));
		return number;
	default:
		return NULL;
	}
}

static bool set_value(struct job *j)
{
	char number[32];
	const char *text = scalar_text(j, number, sizeof number);

	switch (j->o->kind) {
	case TCT_OPTION_BOOL:
		if (j->at != NULL && config_setting_type(j->at) != CONFIG_TYPE_BOOL)
			return COMPLAIN(j, "%s.%s: write true or false", j->source->name,
				j->o->name);
		return set_bool(j, j->at != NULL ? config_setting_get_bool(j->at) :
						   strcmp(j->o->def, "true") == 0);
	case TCT_OPTION_INT:
		return set_number(j, text, unit_int, "a number", "10");
	case TCT_OPTION_PERIOD:
		return set_number(j, text, unit_period, "a period", "\"1 day\"");
	case TCT_OPTION_SIZE:
		return set_number(j, text, unit_size, "a size", "\"64 MB\"");
	case TCT_OPTION_SECRET:
		return set_secret(j);
	default:
		break;
	}
	if (text == NULL || (j->at != NULL && config_setting_type(j->at) != CONFIG_TYPE_STRING))
		return COMPLAIN(j, "%s.%s: write a string: \"...\"", j->source->name, j->o->name);
	switch (j->o->kind) {
	case TCT_OPTION_ENUM:
		return set_enum(j, text);
	case TCT_OPTION_JID:
		return set_prepared(j, text, prepare_jid, "an address");
	case TCT_OPTION_HOST:
		return set_prepared(j, text, prepare_host, "a host name");
	case TCT_OPTION_PATH:
		return set_path(j, text);
	default:
		return set_text(j, text);
	}
}

/* What the value is, for telling whether a reload changes it. */
static void print_setting(const config_setting_t *at, struct str *out)
{
	switch (config_setting_type(at)) {
	case CONFIG_TYPE_STRING:
		str_printf(out, "\"%s\"", config_setting_get_string(at));
		return;
	case CONFIG_TYPE_BOOL:
		str_append(out, config_setting_get_bool(at) ? "true" : "false");
		return;
	case CONFIG_TYPE_FLOAT:
		str_printf(out, "%.17g", config_setting_get_float(at));
		return;
	case CONFIG_TYPE_GROUP:
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY:
		str_append_char(out, '(');
		for (int i = 0; i < config_setting_length(at); i++) {
			const config_setting_t *c = config_setting_get_elem(at, (unsigned)i);

			if (config_setting_name(c) != NULL)
				str_printf(out, "%s=", config_setting_name(c));
			print_setting(c, out);
			str_append_char(out, ';');
		}
		str_append_char(out, ')');
		return;
	default:
		str_append_int(out, config_setting_get_int64(at));
	}
}

static bool set_option(struct job *j)
{
	if (j->print != NULL && j->at != NULL) {
		str_printf(j->print, "%s=", j->o->name);
		print_setting(j->at, j->print);
		str_append_char(j->print, '\n');
	}
	switch (j->o->kind) {
	case TCT_OPTION_STRINGS:
		return set_strings(j);
	case TCT_OPTION_GROUP:
		return set_group(j);
	case TCT_OPTION_GROUPS:
		return j->o->hosts ? set_hosts(j) : set_groups(j);
	default:
		break;
	}
	if (j->at == NULL && j->o->def == NULL) {
		if (j->o->required)
			return COMPLAIN(j, "%s.%s: it must be set", j->source->name, j->o->name);
		return true; /* zeroed */
	}
	return set_value(j);
}

static bool known(const struct tct_option *table, uint32_t stride, const char *name)
{
	struct tct_option o;

	for (size_t i = 0; option_at(table, stride, i, &o); i++) {
		if (strcmp(o.name, name) == 0 && !o.hosts)
			return true;
	}
	return false;
}

static bool check_members(const struct tct_option *table, uint32_t stride, const char *name,
	config_setting_t *group, struct conf_problems *p)
{
	const char *names[64] = { NULL };
	struct tct_option o;
	bool ok = true;

	for (size_t i = 0, n = 0; n < 63 && option_at(table, stride, i, &o); i++) {
		if (!o.hosts)
			names[n++] = o.name;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		config_setting_t *c = config_setting_get_elem(group, (unsigned)i);
		const char *member = config_setting_name(c), *near;

		if (known(table, stride, member))
			continue;
		near = conf_nearest(member, names);
		if (near != NULL)
			conf_problem(p, c, "%s.%s: no such option (did you mean '%s'?)", name,
				member, near);
		else
			conf_problem(p, c, "%s.%s: no such option", name, member);
		ok = false;
	}
	return ok;
}

static bool parse_group(const struct tct_option *table, uint32_t stride,
	const struct option_source *source, config_setting_t *group, struct arena *a, void *out,
	struct conf_problems *p, struct str *print)
{
	struct tct_option o;
	bool ok = group == NULL || check_members(table, stride, source->name, group, p);

	for (size_t i = 0; option_at(table, stride, i, &o); i++) {
		struct job j = { source, &o,
			group != NULL ? config_setting_get_member(group, o.name) : NULL, a, p,
			print, stride, (char *)out + o.offset };

		ok &= set_option(&j);
	}
	return ok;
}

static config_setting_t *group_of(config_setting_t *in, const char *name)
{
	return in != NULL ? config_setting_get_member(in, name) : NULL;
}

static config_setting_t *member_of(config_setting_t *group, const char *name)
{
	return group != NULL && config_setting_is_group(group) ?
		config_setting_get_member(group, name) :
		NULL;
}

bool option_parse(const struct tct_option *table, uint32_t stride,
	const struct option_source *source, struct arena *a, void *out,
	struct conf_problems *p, struct str *print)
{
	config_setting_t *host = group_of(source->host, source->name);
	config_setting_t *top = group_of(source->top, source->name);
	config_setting_t *groups[2] = { host, top };
	struct tct_option o;
	bool ok = true;

	for (int i = 0; i < 2; i++) {
		if (groups[i] == NULL)
			continue;
		if (!config_setting_is_group(groups[i])) {
			conf_problem(p, groups[i], "%s: write a group: %s: { ... };",
				source->name, source->name);
			ok = false;
		} else {
			ok &= check_members(table, stride, source->name, groups[i], p);
		}
	}
	for (size_t i = 0; option_at(table, stride, i, &o); i++) {
		struct job j = { source, &o, member_of(host, o.name), a, p, print, stride,
			(char *)out + o.offset };

		if (j.at == NULL && o.global)
			j.at = group_of(source->host, o.name);
		if (j.at == NULL)
			j.at = member_of(top, o.name);
		if (j.at == NULL && o.global)
			j.at = group_of(source->top, o.name);
		ok &= set_option(&j);
	}
	return ok;
}

/* ---- documentation ---- */

static const char *const kind_words[] = { "", "Boolean", "Number", "Period", "Size", "String",
	"List of strings", "Choice", "Address", "Host name", "Path", "Secret", "Group",
	"List of groups" };

static void describe_one(const struct tct_option *o, bool mdoc, struct str *out)
{
	str_printf(out, mdoc ? ".It Ic %s\n%s" : "%s\n    %s", o->name,
		o->hosts ? "Groups of hosts at the top level" : kind_words[o->kind]);
	if (o->global)
		str_append(out, ", at the top level or in a host");
	str_append(out, mdoc ? ".\n" : ". ");
	str_append(out, o->doc != NULL ? o->doc : "");
	if (o->choices != NULL) {
		const char *these = o->kind == TCT_OPTION_PATH ? "Or the word" : "One of";

		str_printf(out, "%c%s", mdoc ? '\n' : ' ', these);
		for (size_t i = 0; o->choices[i] != NULL; i++)
			str_printf(out, "%s \"%s\"", i > 0 ? "," : "", o->choices[i]);
		str_append_char(out, '.');
	}
	if (o->required)
		str_append(out, mdoc ? "\nRequired." : " Required.");
	else if (o->def != NULL)
		str_printf(out, mdoc ? "\nDefault: %s." : " Default: %s.", o->def);
	if (o->min != NULL)
		str_printf(out, " At least %s.", o->min);
	if (o->max != NULL)
		str_printf(out, " At most %s.", o->max);
	str_append_char(out, '\n');
}

void option_describe(const struct tct_option *table, uint32_t stride, bool mdoc, struct str *out)
{
	struct tct_option o;

	for (size_t i = 0; option_at(table, stride, i, &o); i++) {
		describe_one(&o, mdoc, out);
		if (o.sub == NULL)
			continue;
		if (mdoc)
			str_append(out, ".Bl -tag -width Ds\n");
		option_describe(o.sub, stride, mdoc, out);
		if (mdoc)
			str_append(out, ".El\n");
	}
}

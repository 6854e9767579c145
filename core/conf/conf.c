/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* conf.c - see conf.h. */
#include "core/conf/conf.h"

#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- problems ---- */

const char *conf_where(const config_setting_t *at, char *out)
{
	const char *file = at != NULL ? config_setting_source_file(at) : NULL;
	const char *base = file != NULL ? strrchr(file, '/') : NULL;

	if (base != NULL)
		file = base + 1;
	if (at == NULL)
		*out = '\0';
	else
		snprintf(out, 512, "%s:%u", file != NULL ? file : "tercet.conf",
			(unsigned)config_setting_source_line(at));
	return out;
}

void conf_problem(struct conf_problems *p, const config_setting_t *at, const char *fmt, ...)
{
	struct str text = { 0 };
	char where[512];
	va_list ap;

	conf_where(at, where);
	if (*where != '\0')
		str_printf(&text, "%s: ", where);
	va_start(ap, fmt);
	str_vprintf(&text, fmt, ap);
	va_end(ap);
	vec_push(&p->texts, str_take(&text));
}

void conf_problems_fini(struct conf_problems *p)
{
	for (size_t i = 0; i < p->texts.count; i++)
		free(p->texts.items[i]);
	vec_fini(&p->texts);
}

void conf_problems_text(const struct conf_problems *p, struct str *out)
{
	for (size_t i = 0; i < p->texts.count; i++)
		str_printf(out, "%s%s", i > 0 ? "\n" : "", p->texts.items[i]);
}

/* ---- did you mean ---- */

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Edit distance; words are short. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= 63 || strlen(a) >= 63)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
				diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

const char *conf_nearest(const char *word, const char *const *names)
{
	size_t best = strlen(word) / 3 + 2;
	const char *found = NULL;

	for (; *names != NULL; names++) {
		size_t d = distance(word, *names);

		if (d < best) {
			best = d;
			found = *names;
		}
	}
	return found;
}

/* ---- reading ---- */

static char *folder_of(const char *path)
{
	char *full = realpath(path, NULL), *slash, *folder;

	if (full == NULL)
		return mem_strdup(".");
	slash = strrchr(full, '/');
	folder = slash == full ? mem_strdup("/") : mem_strndup(full, (size_t)(slash - full));
	free(full);
	return folder;
}

static int is_conf(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 5 && e->d_name[0] != '.' && strcmp(e->d_name + len - 5, ".conf") == 0;
}

/* The files of FILE.d in order of their names: as if they stood at the end of FILE. */
static void add_folder(const char *path, struct str *text)
{
	struct str folder = { 0 };
	struct dirent **entries;
	int count;

	str_printf(&folder, "%s.d", path);
	count = scandir(str_text(&folder), &entries, is_conf, alphasort);
	for (int i = 0; i < count; i++) {
		str_printf(text, "@include \"%s/%s\"\n", str_text(&folder), entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	str_fini(&folder);
}

struct conf *conf_load(const char *path, struct conf_problems *p)
{
	struct conf *c = mem_zalloc(sizeof *c);
	FILE *f = fopen(path, "re");
	struct str text = { 0 };
	bool ok;

	if (f == NULL) {
		conf_problem(p, NULL, "cannot read configuration \"%s\" (%s)", path,
			strerror(errno));
		free(c);
		return NULL;
	}
	fclose(f);
	c->path = mem_strdup(path);
	c->folder = folder_of(path);
	config_init(&c->lib);
	str_printf(&text, "@include \"%s\"\n", path);
	add_folder(path, &text);
	config_set_include_dir(&c->lib, *path == '/' ? "" : ".");
	ok = config_read_string(&c->lib, str_text(&text)) == CONFIG_TRUE;
	str_fini(&text);
	if (!ok) {
		const char *file = config_error_file(&c->lib);
		const char *base = file != NULL ? strrchr(file, '/') : NULL;

		conf_problem(p, NULL, "%s:%d: %s",
			base != NULL ? base + 1 : file != NULL ? file : path,
			config_error_line(&c->lib), config_error_text(&c->lib));
		conf_free(c);
		return NULL;
	}
	return c;
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	config_destroy(&c->lib);
	free(c->path);
	free(c->folder);
	free(c);
}

config_setting_t *conf_root(struct conf *c)
{
	return config_root_setting(&c->lib);
}

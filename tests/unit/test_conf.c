/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/conf/conf.h"
#include "core/base/arena.h"
#include "core/conf/option.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256], file[300];
static struct conf *conf;
static struct conf_problems problems;
static struct arena arena;
static struct str text;

static int group_setup(void **state)
{
	const char *top = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/tercet-conf.XXXXXX", top != NULL ? top : "/tmp");
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof file, "%s/tercet.conf", folder);
	return 0;
}

static int group_teardown(void **state)
{
	unlink(file);
	return rmdir(folder);
}

static int setup(void **state)
{
	conf = NULL;
	memset(&problems, 0, sizeof problems);
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	conf_free(conf);
	conf_problems_fini(&problems);
	arena_fini(&arena);
	str_fini(&text);
	return 0;
}

static void write_to(const char *path, const char *content, unsigned mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

/* Instead of what was loaded before. */
static void load(const char *content)
{
	write_to(file, content, 0600);
	conf_free(conf);
	conf = conf_load(file, &problems);
}

static const char *told(void)
{
	str_clear(&text);
	conf_problems_text(&problems, &text);
	return str_text(&text);
}

static void contains(const char *whole, const char *part)
{
	if (strstr(whole, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, whole);
}

/* ---- the file ---- */

static void settings_are_read(void **state)
{
	load("answer = 42;\nhosts = ( { name = \"a.example\"; } );\n");
	assert_non_null(conf);
	assert_int_equal(config_setting_get_int(config_setting_get_member(conf_root(conf), "answer")),
		42);
	assert_true(conf->folder[0] == '/');
}

static void a_syntax_error_has_a_place(void **state)
{
	load("a = 1;\nb = ;\n");
	assert_null(conf);
	contains(told(), "tercet.conf:2: ");
}

static void a_missing_file_is_named(void **state)
{
	conf = conf_load("/nonexistent/tercet.conf", &problems);
	assert_null(conf);
	contains(told(), "/nonexistent/tercet.conf");
	contains(told(), "No such file");
}

static void the_folder_beside_is_read_in_order(void **state)
{
	char sub[320], one[360], two[360], other[360];

	snprintf(sub, sizeof sub, "%s.d", file);
	snprintf(one, sizeof one, "%s/10-first.conf", sub);
	snprintf(two, sizeof two, "%s/20-second.conf", sub);
	snprintf(other, sizeof other, "%s/30-not.txt", sub);
	assert_int_equal(mkdir(sub, 0700), 0);
	write_to(one, "first = 1;\n", 0600);
	write_to(two, "\nsecond = ;\n", 0600);
	write_to(other, "this is no configuration", 0600);
	load("a = 1;\n");
	assert_null(conf);
	contains(told(), "20-second.conf:2: ");
	write_to(two, "\nsecond = 2;\n", 0600);
	conf = conf_load(file, &problems);
	assert_non_null(conf);
	assert_non_null(config_setting_get_member(conf_root(conf), "second"));
	unlink(one);
	unlink(two);
	unlink(other);
	rmdir(sub);
}

static void the_nearest_word_is_meant(void **state)
{
	static const char *const names[] = { "text", "interval", "roster", NULL };

	assert_string_equal(conf_nearest("txet", names), "text");
	assert_string_equal(conf_nearest("rooster", names), "roster");
	assert_null(conf_nearest("zebra", names));
	assert_null(conf_nearest("", names));
}

/* ---- options ---- */

static const char *const colours[] = { "red", "green", NULL };

static const char *const places[] = { "nowhere", NULL };

struct sub {
	const char *name;
	int64_t port;
};

struct all {
	bool on;
	int64_t count, period, size;
	const char *word, *jid, *host, *path, *store, *secret;
	const char *const *words;
	int32_t colour;
	struct tct_groups subs;
	bool flat;
};

static const struct tct_option sub_options[] = {
	TCT_OPT_STRING(struct sub, name, .required = true, .doc = "x"),
	TCT_OPT_INT(struct sub, port, .def = "5222", .min = "1", .max = "65535", .doc = "x"),
	TCT_OPT_END
};

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct all, on, .def = "true", .doc = "Whether."),
	TCT_OPT_INT(struct all, count, .def = "3", .min = "1", .max = "10", .doc = "How many."),
	TCT_OPT_PERIOD(struct all, period, .def = "1 day", .min = "1 s", .doc = "How long."),
	TCT_OPT_SIZE(struct all, size, .def = "1 MB", .max = "1 GB", .doc = "How big."),
	TCT_OPT_STRING(struct all, word, .doc = "What."),
	TCT_OPT_STRINGS(struct all, words, .doc = "Which."),
	TCT_OPT_ENUM(struct all, colour, .def = "red", .choices = colours, .doc = "Colour."),
	TCT_OPT_JID(struct all, jid, .doc = "Who."),
	TCT_OPT_HOST(struct all, host, .doc = "Where."),
	TCT_OPT_PATH(struct all, path, .doc = "File."),
	TCT_OPT_PATH(struct all, store, .choices = places, .def = "nowhere", .doc = "File."),
	TCT_OPT_SECRET(struct all, secret, .doc = "Secret."),
	TCT_OPT_GROUPS(struct all, subs, .sub = sub_options, .sub_size = sizeof(struct sub),
		.doc = "Groups."),
	TCT_OPT_BOOL(struct all, flat, .global = 1, .def = "false", .doc = "Flat."),
	TCT_OPT_END
};

static bool parse(struct all *out, config_setting_t *host, struct str *print)
{
	struct option_source source = { "test", conf->folder, host, conf_root(conf) };

	memset(out, 0, sizeof *out);
	return option_parse(options, sizeof *options, &source, &arena, out, &problems, print);
}

static void defaults_go_through_the_parser(void **state)
{
	struct all all;

	load("a = 1;\n");
	assert_true(parse(&all, NULL, NULL));
	assert_true(all.on);
	assert_int_equal(all.count, 3);
	assert_int_equal(all.period, 86400);
	assert_int_equal(all.size, 1048576);
	assert_null(all.word);
	assert_non_null(all.words);
	assert_null(all.words[0]);
	assert_int_equal(all.colour, 0);
	assert_int_equal(all.subs.count, 0);
	assert_false(all.flat);
	assert_string_equal(all.store, "nowhere");
}

static void values_are_taken(void **state)
{
	struct all all;
	const struct sub *subs;

	load("test: { on = false; count = 7; period = \"2 hours\"; size = \"3 KB\"; word = \"w\";\n"
	     "words = [ \"a\", \"b\" ]; colour = \"green\"; path = \"sub/file\"; secret = \"s\";\n"
	     "subs = ( { name = \"x\"; }, { name = \"y\"; port = 5; } ); };\nflat = true;\n");
	assert_non_null(conf);
	assert_true(parse(&all, NULL, NULL));
	assert_false(all.on);
	assert_int_equal(all.count, 7);
	assert_int_equal(all.period, 7200);
	assert_int_equal(all.size, 3072);
	assert_string_equal(all.word, "w");
	assert_string_equal(all.words[1], "b");
	assert_null(all.words[2]);
	assert_int_equal(all.colour, 1);
	assert_true(all.path[0] == '/');
	contains(all.path, "/sub/file");
	assert_string_equal(all.secret, "s");
	assert_int_equal(all.subs.count, 2);
	subs = all.subs.items;
	assert_string_equal(subs[1].name, "y");
	assert_int_equal(subs[0].port, 5222);
	assert_int_equal(subs[1].port, 5);
	assert_true(all.flat);
	/* A word that is no path stays one; what only looks like it does not. */
	load("test: { store = \"nowhere\"; path = \"nowhere\"; };\n");
	assert_true(parse(&all, NULL, NULL));
	assert_string_equal(all.store, "nowhere");
	contains(all.path, "/nowhere");
	load("test: { store = \"nowhere/else\"; };\n");
	assert_true(parse(&all, NULL, NULL));
	assert_true(all.store[0] == '/');
}

static void a_host_overrides_option_by_option(void **state)
{
	struct all all;
	config_setting_t *host;

	load("test: { count = 7; word = \"top\"; };\nflat = true;\n"
	     "hosts = ( { name = \"h\"; test: { word = \"host\"; }; flat = false; } );\n");
	host = config_setting_get_elem(config_setting_get_member(conf_root(conf), "hosts"), 0);
	assert_true(parse(&all, host, NULL));
	assert_int_equal(all.count, 7);
	assert_string_equal(all.word, "host");
	assert_false(all.flat);
}

/* Everything that is wrong is told at once, each with its line. */
static void all_mistakes_are_told(void **state)
{
	static const char *const wanted[] = {
		"tercet.conf:2: test.on: write true or false",
		"tercet.conf:3: test.count: the most is 10",
		"tercet.conf:4: test.period: \"soon\" is not a period (for example \"1 day\")",
		"tercet.conf:5: test.size: \"many\" is not a size",
		"tercet.conf:6: test.wrod: no such option (did you mean 'word'?)",
		"tercet.conf:7: test.colour: \"gren\" is not known (did you mean 'green'?)",
		"tercet.conf:8: test.words: write a list",
		"test.port: the least is 1",
		"test.name: it must be set",
	};
	struct all all;

	load("test: {\non = \"yes\";\ncount = 11;\nperiod = \"soon\";\nsize = \"many\";\n"
	     "wrod = \"x\";\ncolour = \"gren\";\nwords = \"a\";\nsubs = ( { port = 0; } );\n};\n");
	assert_non_null(conf);
	assert_false(parse(&all, NULL, NULL));
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		contains(told(), wanted[i]);
	assert_int_equal(problems.texts.count, sizeof wanted / sizeof *wanted);
}

static void the_print_tells_whether_a_value_changed(void **state)
{
	struct str one = { 0 }, two = { 0 }, three = { 0 };
	struct all all;

	load("test: { count = 7; };\n");
	assert_true(parse(&all, NULL, &one));
	load("# a comment\nother = 1;\ntest: { count = 7; };\n");
	assert_true(parse(&all, NULL, &two));
	load("test: { count = 8; };\n");
	assert_true(parse(&all, NULL, &three));
	assert_string_equal(str_text(&one), str_text(&two));
	assert_string_not_equal(str_text(&one), str_text(&three));
	str_fini(&one);
	str_fini(&two);
	str_fini(&three);
}

static void a_secret_wants_a_private_file(void **state)
{
	char path[320];
	struct all all;

	snprintf(path, sizeof path, "%s/secret", folder);
	write_to(path, "xyzzy\n", 0600);
	load("test: { secret = { file = \"secret\"; }; };\n");
	assert_true(parse(&all, NULL, NULL));
	assert_string_equal(all.secret, "xyzzy");
	chmod(path, 0644);
	assert_false(parse(&all, NULL, NULL));
	contains(told(), "chmod");
	assert_null(strstr(told(), "xyzzy"));
	unlink(path);
	/* In the configuration itself the same holds for that file. */
	conf_free(conf);
	write_to(file, "test: { secret = \"hush\"; };\n", 0644);
	conf = conf_load(file, &problems);
	assert_false(parse(&all, NULL, NULL));
	assert_null(strstr(told(), "hush"));
}

static char *lower(const char *in)
{
	char *out = strdup(in);

	if (strchr(in, ' ') != NULL) {
		free(out);
		return NULL;
	}
	for (char *c = out; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return out;
}

static void addresses_are_prepared(void **state)
{
	struct all all;

	option_set_prepare(lower, lower);
	load("test: { jid = \"Romeo@EXAMPLE\"; host = \"EXAMPLE\"; };\n");
	assert_true(parse(&all, NULL, NULL));
	assert_string_equal(all.jid, "romeo@example");
	assert_string_equal(all.host, "example");
	load("test: { jid = \"two words\"; };\n");
	assert_false(parse(&all, NULL, NULL));
	contains(told(), "\"two words\" is not an address");
	option_set_prepare(NULL, NULL);
}

/* A module built with a newer header has a longer option: the tables are walked by its
 * stride. */
static void a_longer_table_is_walked_by_its_stride(void **state)
{
	struct {
		struct tct_option o;
		const char *more;
	} table[3] = { { .o = { .name = "one" }, .more = "x" }, { .o = { .name = "two" } }, { { 0 }, NULL } };
	struct tct_option o;

	assert_true(option_at(&table[0].o, sizeof table[0], 1, &o));
	assert_string_equal(o.name, "two");
	assert_false(option_at(&table[0].o, sizeof table[0], 2, &o));
}

static void a_table_describes_itself(void **state)
{
	option_describe(options, sizeof *options, false, &text);
	contains(str_text(&text), "count");
	contains(str_text(&text), "How many.");
	contains(str_text(&text), "Default: 3.");
	contains(str_text(&text), "At most 10.");
	contains(str_text(&text), "\"red\", \"green\"");
	str_clear(&text);
	option_describe(options, sizeof *options, true, &text);
	contains(str_text(&text), ".It Ic count\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settings_are_read),
		TEST(a_syntax_error_has_a_place),
		TEST(a_missing_file_is_named),
		TEST(the_folder_beside_is_read_in_order),
		TEST(the_nearest_word_is_meant),
		TEST(defaults_go_through_the_parser),
		TEST(values_are_taken),
		TEST(a_host_overrides_option_by_option),
		TEST(all_mistakes_are_told),
		TEST(the_print_tells_whether_a_value_changed),
		TEST(a_secret_wants_a_private_file),
		TEST(addresses_are_prepared),
		TEST(a_longer_table_is_walked_by_its_stride),
		TEST(a_table_describes_itself),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

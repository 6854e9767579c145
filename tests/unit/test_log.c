/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/tercet-test-log-XXXXXX";
static char path[64], moved[64];

static char *read_file(const char *name)
{
	static char text[8192];
	int fd = open(name, O_RDONLY);
	ssize_t len;

	assert_true(fd >= 0);
	len = read(fd, text, sizeof text - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static int make_folder(void **state)
{
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/log", folder);
	snprintf(moved, sizeof moved, "%s/log.1", folder);
	return 0;
}

static int remove_folder(void **state)
{
	log_close();
	unlink(path);
	unlink(moved);
	return rmdir(folder);
}

static void lines_cannot_be_forged(void **state)
{
	struct tct_error err;
	const char *text;

	assert_int_equal(log_open(LOG_FILE, path, &err), TCT_OK);
	log_write(TCT_LOG_WARN, "example.org/roster", "user '%s'", "a\nerror: forged\x1b[31m");
	text = read_file(path);
	assert_non_null(strstr(text, "warn: example.org/roster: user 'a\\x0aerror: forged\\x1b[31m'\n"));
	assert_null(strchr(strchr(text, '\n') + 1, '\n'));
}

static void levels_are_kept(void **state)
{
	log_set_level(TCT_LOG_WARN);
	log_info("not to be seen");
	log_error("to be seen");
	log_set_level(TCT_LOG_INFO);
	assert_null(strstr(read_file(path), "not to be seen"));
	assert_non_null(strstr(read_file(path), "error: to be seen\n"));
	assert_int_equal(log_level_parse("debug"), TCT_LOG_DEBUG);
	assert_int_equal(log_level_parse("loud"), -1);
}

static void reopens_after_rotation(void **state)
{
	assert_int_equal(rename(path, moved), 0);
	log_reopen();
	log_info("after rotation");
	assert_non_null(strstr(read_file(path), "after rotation"));
	assert_null(strstr(read_file(moved), "after rotation"));
}

static void a_folder_that_is_missing_is_named(void **state)
{
	struct tct_error err;

	error_clear(&err);
	assert_int_equal(log_open(LOG_FILE, "/nonexistent/log", &err), TCT_EIO);
	assert_non_null(strstr(tct_error_text(&err), "\"/nonexistent/log\""));
}

static void long_lines_are_cut(void **state)
{
	char text[5000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	log_info("%s", text);
	assert_true(strlen(read_file(path)) < 4000);
}

static void errors_have_code_and_text(void **state)
{
	struct tct_error err;

	error_clear(&err);
	assert_string_equal(tct_error_text(&err), "");
	assert_int_equal(tct_error_set(&err, TCT_EINVAL, "bad \"%s\"", "x"), TCT_EINVAL);
	error_prefix(&err, "module %s", "y");
	assert_string_equal(tct_error_text(&err), "module y: bad \"x\"");
	assert_int_equal(err.code, TCT_EINVAL);
	assert_int_equal(tct_error_set(NULL, TCT_EIO, "nobody listens"), TCT_EIO);
	for (int code = 0; code >= -12; code--)
		assert_string_not_equal(tct_code_text(code), "unknown error");
	assert_string_equal(tct_code_text(-99), "unknown error");
}

static void random_ids_differ(void **state)
{
	char a[21], b[21];

	tct_random_id(a, 20);
	tct_random_id(b, 20);
	assert_int_equal(strlen(a), 20);
	assert_int_equal(strspn(a, "0123456789abcdefghijklmnopqrstuvwxyz"), 20);
	assert_string_not_equal(a, b);
}

static void wiping_wipes(void **state)
{
	char secret[16] = "secret";

	mem_wipe(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		assert_int_equal(secret[i], 0);
	mem_wipe(NULL, 5);
}

static void a_failed_assertion_aborts(void **state)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		close(STDERR_FILENO);
		tct_assert(1 + 1 == 3);
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_cannot_be_forged),
		cmocka_unit_test(levels_are_kept),
		cmocka_unit_test(reopens_after_rotation),
		cmocka_unit_test(a_folder_that_is_missing_is_named),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(errors_have_code_and_text),
		cmocka_unit_test(random_ids_differ),
		cmocka_unit_test(wiping_wipes),
		cmocka_unit_test(a_failed_assertion_aborts),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

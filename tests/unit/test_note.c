/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/mod/note.h"
#include "core/base/error.h"
#include "tests/unit/unit.h"

#include <elf.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that is just enough of a module: header, one segment, the note. */
struct module_file {
	ElfW(Ehdr) e;
	ElfW(Phdr) p;
	struct tct_module_note note;
};

static struct module_file good(void)
{
	struct module_file f;

	memset(&f, 0, sizeof f);
	memcpy(f.e.e_ident, ELFMAG, SELFMAG);
	f.e.e_phentsize = sizeof f.p;
	f.e.e_phoff = offsetof(struct module_file, p);
	f.e.e_phnum = 1;
	f.p.p_type = PT_NOTE;
	f.p.p_offset = offsetof(struct module_file, note);
	f.p.p_filesz = sizeof f.note;
	f.note.namesz = 8;
	f.note.descsz = sizeof f.note - 20;
	f.note.type = TCT_MODULE_NOTE_TYPE;
	memcpy(f.note.name, "Tercet\0", 8);
	f.note.abi_major = 1;
	memcpy(f.note.module, "ping", 5);
	return f;
}

static bool find(const struct module_file *f, size_t len, struct tct_module_note *note)
{
	/* A copy of exactly that length: reading behind it is an error of the sanitizer. */
	unsigned char *bytes = malloc(len + 1);
	bool found;

	memcpy(bytes, f, len);
	found = note_find(bytes, len, note);
	free(bytes);
	return found;
}

static void a_note_is_found(void **state)
{
	struct module_file f = good();
	struct tct_module_note note;

	assert_true(find(&f, sizeof f, &note));
	assert_string_equal(note.module, "ping");
	assert_int_equal(note.abi_major, 1);
}

static void a_cut_file_has_none(void **state)
{
	struct module_file f = good();
	struct tct_module_note note;

	for (size_t len = 0; len < offsetof(struct module_file, note) + sizeof f.note; len++)
		assert_false(find(&f, len, &note));
}

static void offsets_are_not_believed(void **state)
{
	static const uint64_t wild[] = { 0, 1, sizeof(struct module_file), UINT32_MAX,
		(uint64_t)INT64_MAX, UINT64_MAX, UINT64_MAX - 16 };
	struct tct_module_note note;

	for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
		struct module_file f = good();

		f.e.e_phoff = (ElfW(Off))wild[i];
		find(&f, sizeof f, &note);
		f = good();
		f.p.p_offset = (ElfW(Off))wild[i];
		find(&f, sizeof f, &note);
		f = good();
		f.p.p_filesz = wild[i];
		find(&f, sizeof f, &note);
		f = good();
		f.note.namesz = (uint32_t)wild[i];
		find(&f, sizeof f, &note);
		f = good();
		f.note.descsz = (uint32_t)wild[i];
		find(&f, sizeof f, &note);
		f = good();
		f.e.e_phnum = (uint16_t)wild[i];
		find(&f, sizeof f, &note);
	}
}

static void the_name_ends(void **state)
{
	struct module_file f = good();
	struct tct_module_note note;

	memset(f.note.module, 'x', sizeof f.note.module);
	assert_true(find(&f, sizeof f, &note));
	assert_int_equal(strlen(note.module), sizeof note.module - 1);
}

static void other_notes_are_passed(void **state)
{
	struct module_file f = good();
	struct tct_module_note note;

	f.note.type = 7;
	assert_false(find(&f, sizeof f, &note));
	f = good();
	f.note.name[0] = 'X';
	assert_false(find(&f, sizeof f, &note));
	f = good();
	f.p.p_type = PT_LOAD;
	assert_false(find(&f, sizeof f, &note));
}

/* ---- the file ---- */

static void who_may_change_it_is_checked(void **state)
{
	const char *top = getenv("TMPDIR");
	struct module_file f = good();
	struct tct_module_note note;
	struct tct_error err = { 0 };
	char path[300];
	int fd;

	snprintf(path, sizeof path, "%s/tercet-note.XXXXXX", top != NULL ? top : "/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(note_read(path, &note, &err), TCT_EABI); /* empty */
	assert_int_equal(write(fd, &f, sizeof f), sizeof f);
	assert_int_equal(note_read(path, &note, &err), TCT_OK);
	assert_int_equal(fchmod(fd, 0622), 0);
	assert_int_equal(note_read(path, &note, &err), TCT_EPERM);
	assert_non_null(strstr(tct_error_text(&err), "chmod go-w"));
	assert_int_equal(fchmod(fd, 0644), 0);
	if (geteuid() == 0 && fchown(fd, 12345, 12345) == 0) {
		assert_int_equal(note_read(path, &note, &err), TCT_EPERM);
		assert_non_null(strstr(tct_error_text(&err), "12345"));
	}
	unlink(path);
	close(fd);
	assert_int_equal(note_read(path, &note, &err), TCT_ENOENT);
	assert_int_equal(note_read("/tmp", &note, &err), TCT_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_is_found),
		cmocka_unit_test(a_cut_file_has_none),
		cmocka_unit_test(offsets_are_not_believed),
		cmocka_unit_test(the_name_ends),
		cmocka_unit_test(other_notes_are_passed),
		cmocka_unit_test(who_may_change_it_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* note.c - see note.h. Every offset comes from the file and is checked before it is used. */
#include "core/mod/note.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_SEGMENTS 64
#define ALIGN4(n) (((n) + 3) & ~(size_t)3)

/* The notes of one segment. */
static bool scan(const unsigned char *at, size_t len, struct tct_module_note *note)
{
	while (len >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) h;
		size_t name, desc, whole;

		memcpy(&h, at, sizeof h);
		name = ALIGN4((size_t)h.n_namesz);
		desc = ALIGN4((size_t)h.n_descsz);
		if (name > len || desc > len || sizeof h + name > len - desc)
			return false;
		whole = sizeof h + name + desc;
		if (h.n_type == TCT_MODULE_NOTE_TYPE && h.n_namesz == 8 &&
			memcmp(at + sizeof h, "Tercet\0", 8) == 0 && whole >= sizeof *note) {
			memcpy(note, at, sizeof *note);
			note->module[sizeof note->module - 1] = '\0';
			return true;
		}
		at += whole;
		len -= whole;
	}
	return false;
}

bool note_find(const unsigned char *bytes, size_t len, struct tct_module_note *note)
{
	ElfW(Ehdr) e;

	if (len < sizeof e)
		return false;
	memcpy(&e, bytes, sizeof e);
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_phentsize != sizeof(ElfW(Phdr)) ||
		e.e_phoff > len)
		return false;
	for (unsigned i = 0; i < e.e_phnum && i < NOTE_SEGMENTS; i++) {
		size_t at = (size_t)e.e_phoff + i * sizeof(ElfW(Phdr));
		ElfW(Phdr) p;

		if (at > len || len - at < sizeof p)
			return false;
		memcpy(&p, bytes + at, sizeof p);
		if (p.p_type != PT_NOTE || p.p_offset > len || p.p_filesz > len - p.p_offset)
			continue;
		if (scan(bytes + p.p_offset, (size_t)p.p_filesz, note))
			return true;
	}
	return false;
}

static int check_file(int fd, const char *path, struct stat *st, struct tct_error *err)
{
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
		return tct_error_set(err, TCT_EINVAL, "\"%s\" is no regular file", path);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return tct_error_set(err, TCT_EPERM,
			"\"%s\" may be changed by others (mode %04o): run chmod go-w on it", path,
			st->st_mode & 07777);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return tct_error_set(err, TCT_EPERM,
			"\"%s\" belongs to user %lu: it must belong to root or to the server's "
			"user",
			path, (unsigned long)st->st_uid);
	return TCT_OK;
}

int note_read(const char *path, struct tct_module_note *note, struct tct_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status;
	struct stat st;
	void *bytes;
	bool found;

	if (fd < 0)
		return tct_error_set(err, errno == ENOENT ? TCT_ENOENT : TCT_EIO,
			"cannot read module \"%s\" (%s)", path, strerror(errno));
	status = check_file(fd, path, &st, err);
	if (status != TCT_OK || st.st_size == 0) {
		close(fd);
		return status != TCT_OK ? status :
					  tct_error_set(err, TCT_EABI, "\"%s\" is empty", path);
	}
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return tct_error_set(err, TCT_EIO, "cannot read module \"%s\" (%s)", path,
			strerror(errno));
	found = note_find(bytes, (size_t)st.st_size, note);
	munmap(bytes, (size_t)st.st_size);
	if (!found)
		return tct_error_set(err, TCT_EABI,
			"\"%s\" is no module of this server (it has no TCT_MODULE)", path);
	return TCT_OK;
}

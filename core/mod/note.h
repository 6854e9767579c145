/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* note.h - the ELF note that TCT_MODULE leaves in a module, read from the file before any of
 * it runs: a module for another server must be refused by us, not by the dynamic linker, and
 * its constructors must not have run. */
#pragma once

#include <tercet/module.h>

/* Checks owner and mode of the file (nobody else may write it) and finds the note. TCT_OK,
 * or TCT_EABI, TCT_EPERM, TCT_EIO, TCT_ENOENT with `err` set. */
int note_read(const char *path, struct tct_module_note *note, struct tct_error *err) TCT_CHECKED;
/* The same over bytes; for the fuzzer. False: no note. */
bool note_find(const unsigned char *bytes, size_t len, struct tct_module_note *note);

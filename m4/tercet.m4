dnl SPDX-FileCopyrightText: 2026 The Tercet authors
dnl SPDX-License-Identifier: MIT
dnl tercet.m4 - for modules of Tercet that are built with autotools.
dnl serial 1

dnl TCT_PREREQ([VERSION]) - the server's headers, at least of that version; sets
dnl TERCET_CFLAGS and TERCET_MODULEDIR for AC_SUBST.
AC_DEFUN([TCT_PREREQ], [
	AC_REQUIRE([PKG_PROG_PKG_CONFIG])
	PKG_CHECK_MODULES([TERCET], [tercet >= $1])
	TCT_MODULE_DIR
])

dnl TCT_MODULE_DIR - the folder that the server loads modules from; --with-tercet-moduledir
dnl overrides it.
AC_DEFUN([TCT_MODULE_DIR], [
	AC_REQUIRE([PKG_PROG_PKG_CONFIG])
	AC_ARG_WITH([tercet-moduledir],
		[AS_HELP_STRING([--with-tercet-moduledir=DIR], [where the module is installed])],
		[TERCET_MODULEDIR=$withval],
		[TERCET_MODULEDIR=`$PKG_CONFIG --variable=moduledir tercet`])
	AC_SUBST([TERCET_MODULEDIR])
])

dnl SPDX-FileCopyrightText: 2026 The Tercet authors
dnl SPDX-License-Identifier: MIT
dnl tercet-build.m4 - what our own configure.ac needs; not installed.

dnl TERCET_CHECK_MISSING(WHAT, DEBIAN-PACKAGE): collects, so that all are named at once.
AC_DEFUN([TERCET_CHECK_MISSING], [
	AC_MSG_WARN([$1 is missing; on Debian: apt-get install $2])
	tercet_missing="$tercet_missing $2"
])

AC_DEFUN([TERCET_CHECK_LIB_HEADER], [dnl NAME, HEADER, LIB, FUNCTION, VARIABLE, PACKAGE
	AC_CHECK_HEADER([$2], [
		tercet_save_LIBS=$LIBS
		AC_CHECK_LIB([$3], [$4], [$5_LIBS=-l$3], [TERCET_CHECK_MISSING([$1], [$6])])
		LIBS=$tercet_save_LIBS
	], [TERCET_CHECK_MISSING([$1], [$6])])
	AC_SUBST([$5_LIBS])
])

AC_DEFUN([TERCET_CHECK_LIBRARIES], [
	tercet_missing=
	TERCET_CHECK_LIB_HEADER([libev], [ev.h], [ev], [ev_run], [EV], [libev-dev])
	PKG_CHECK_MODULES([GNUTLS], [gnutls >= 3.7.3], [], [TERCET_CHECK_MISSING([GnuTLS], [libgnutls28-dev])])
	PKG_CHECK_MODULES([EXPAT], [expat >= 2.5], [], [TERCET_CHECK_MISSING([expat], [libexpat1-dev])])
	PKG_CHECK_MODULES([CONFIG], [libconfig >= 1.5], [], [TERCET_CHECK_MISSING([libconfig], [libconfig-dev])])
	PKG_CHECK_MODULES([IDN], [libidn], [], [TERCET_CHECK_MISSING([libidn], [libidn-dev])])
	PKG_CHECK_MODULES([IDN2], [libidn2], [], [TERCET_CHECK_MISSING([libidn2], [libidn2-dev])])
	PKG_CHECK_MODULES([JANSSON], [jansson], [], [TERCET_CHECK_MISSING([jansson], [libjansson-dev])])
	TERCET_CHECK_LIB_HEADER([libevent], [event2/event.h], [event], [event_get_version_number], [EVENT], [libevent-dev])
	TERCET_CHECK_LIB_HEADER([libunbound], [unbound.h], [unbound], [ub_ctx_create], [UNBOUND], [libunbound-dev])
	TERCET_CHECK_LIB_HEADER([libunistring], [unistr.h], [unistring], [u8_check], [UNISTRING], [libunistring-dev])
	AC_CHECK_HEADERS([db5.3/db.h], [], [AC_CHECK_HEADERS([db.h])])
	AC_CHECK_LIB([db-5.3], [db_env_create], [DB_LIBS=-ldb-5.3],
		[AC_CHECK_LIB([db], [db_env_create], [DB_LIBS=-ldb],
			[TERCET_CHECK_MISSING([Berkeley DB 5.3], [libdb5.3-dev])])])
	AC_SUBST([DB_LIBS])
	PKG_CHECK_MODULES([CMOCKA], [cmocka], [have_cmocka=yes], [have_cmocka=no
		AC_MSG_WARN([cmocka is missing: no unit tests; on Debian: apt-get install libcmocka-dev])])
	AM_CONDITIONAL([HAVE_CMOCKA], [test "$have_cmocka" = yes])
	AS_IF([test -n "$tercet_missing"], [
		AC_MSG_ERROR([libraries are missing; on Debian: apt-get install$tercet_missing])
	])
	tercet_save_LIBS=$LIBS
	LIBS="$LIBS $EXPAT_LIBS"
	AC_CHECK_FUNCS([XML_SetReparseDeferralEnabled])
	LIBS=$tercet_save_LIBS
])

AC_DEFUN([TERCET_CHECK_TRY_CFLAG], [
	AC_MSG_CHECKING([whether $CC takes $1])
	tercet_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $1"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])
		WARN_CFLAGS="$WARN_CFLAGS $1"], [AC_MSG_RESULT([no])])
	CFLAGS=$tercet_save_CFLAGS
])

AC_DEFUN([TERCET_CHECK_COMPILER], [
	WARN_CFLAGS=
	m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
		-Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wno-unused-parameter],
		[TERCET_CHECK_TRY_CFLAG(flag)])
	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors (for developers)])],
		[AS_IF([test "$enableval" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])])
	AC_SUBST([WARN_CFLAGS])
])

AC_DEFUN([TERCET_CHECK_SANITIZERS], [
	AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers=LIST],
		[build with -fsanitize=LIST, for example address,undefined])], [], [enable_sanitizers=no])
	SANITIZE_FLAGS=
	AS_IF([test "$enable_sanitizers" != no], [
		SANITIZE_FLAGS="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=undefined"
		AC_DEFINE([TERCET_SANITIZERS], [1], [modules stay mapped, for symbols in reports])
	])
	AC_SUBST([SANITIZE_FLAGS])
	AM_CONDITIONAL([SANITIZERS], [test "$enable_sanitizers" != no])
])

AC_DEFUN([TERCET_CHECK_TEST_HOOKS], [
	AC_ARG_ENABLE([test-hooks], [AS_HELP_STRING([--enable-test-hooks],
		[a slow, failing or hanging store and a settable clock, for the tests])])
	AS_IF([test "$enable_test_hooks" = yes], [
		AC_DEFINE([TERCET_TEST_HOOKS], [1], [hooks for the tests are built in])
	])
	AM_CONDITIONAL([TEST_HOOKS], [test "$enable_test_hooks" = yes])
])

dnl The tests want the system's Python, whose packages (slixmpp) they use.
AC_DEFUN([TERCET_CHECK_PYTHON], [
	AC_PATH_PROGS([PYTHON3], [python3], [no], [/usr/bin$PATH_SEPARATOR$PATH])
	AS_IF([test "$PYTHON3" = no], [
		AC_MSG_WARN([python3 is missing: no protocol tests; on Debian: apt-get install python3])])
	AM_CONDITIONAL([HAVE_PYTHON], [test "$PYTHON3" != no])
])

dnl Where the unit goes: asked of systemd only when nothing is said and the prefix is the
dnl system's own, so that an installation below a home folder stays there.
AC_DEFUN([TERCET_CHECK_SYSTEMD], [
	AC_ARG_WITH([systemdsystemunitdir],
		[AS_HELP_STRING([--with-systemdsystemunitdir=DIR], [folder of systemd's units, or no])],
		[], [with_systemdsystemunitdir=auto])
	AS_IF([test "$with_systemdsystemunitdir" = auto], [
		with_systemdsystemunitdir=no
		AS_IF([test "$prefix" = /usr], [
			with_systemdsystemunitdir=`$PKG_CONFIG --variable=systemdsystemunitdir systemd 2>/dev/null`
			test -n "$with_systemdsystemunitdir" || with_systemdsystemunitdir=/lib/systemd/system
		])
	])
	AS_IF([test "$with_systemdsystemunitdir" = yes], [
		with_systemdsystemunitdir='${prefix}/lib/systemd/system'
	])
	AS_IF([test "$with_systemdsystemunitdir" != no], [
		AC_SUBST([systemdsystemunitdir], [$with_systemdsystemunitdir])
	])
	AM_CONDITIONAL([HAVE_SYSTEMDSYSTEMUNITDIR], [test "$with_systemdsystemunitdir" != no])
])

# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# common.sh - sourced by the scripts: where the source is, how to say something, how a tree
# is built. Needs nothing but bash, coreutils and make.

set -euo pipefail

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
NAME=${0##*/}

say()
{
	printf '%s: %s\n' "$NAME" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# The comment at the head of the calling script, from its first line after the licence.
help_text()
{
	awk 'NR > 1 && !/^#/ { exit } NR > 1 && !/SPDX-/ { sub(/^# ?/, ""); print }' "$0" |
		sed -e '/./,$!d'
}

processors()
{
	nproc 2>/dev/null || echo 1
}

# Nobody else's make in our environment: job servers and flags of an outer make.
clean_make()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES make "$@"
}

# compiler CC: with ccache in front where it is installed.
compiler()
{
	if command -v ccache >/dev/null 2>&1; then
		# The same file in another build folder is the same object.
		export CCACHE_BASEDIR=$SOURCE CCACHE_NOHASHDIR=1
		echo "ccache $1"
	else
		echo "$1"
	fi
}

# build_tree FOLDER CC [CONFIGURE-ARGUMENT...]: configures once (again when the arguments
# changed), builds $BUILD_TARGET, or all. The output goes to FOLDER/build.log; its end is shown on failure.
build_tree()
{
	local folder=$1 cc=$2 wanted
	shift 2
	mkdir -p "$folder"
	if [ ! -e "$SOURCE/configure" ]; then
		"$SOURCE/autogen.sh" >"$folder/build.log" 2>&1 || build_failed "$folder" autogen.sh
	fi
	cc=$(compiler "$cc")
	[ "${cc#ccache }" = "$cc" ] || export CCACHE_BASEDIR=$SOURCE CCACHE_NOHASHDIR=1
	wanted="$cc $*"
	if [ ! -e "$folder/config.status" ] || [ "$(cat "$folder/.configured" 2>/dev/null)" != "$wanted" ]; then
		(cd "$folder" && "$SOURCE/configure" CC="$cc" "$@") >"$folder/build.log" 2>&1 ||
			build_failed "$folder" configure
		echo "$wanted" >"$folder/.configured"
	fi
	clean_make -C "$folder" -j"$(processors)" ${BUILD_TARGET:-all} >"$folder/build.log" 2>&1 ||
		build_failed "$folder" make
}

build_failed()
{
	tail -n 40 "$1/build.log" >&2
	die "$2 failed (all of its output: $1/build.log)"
}

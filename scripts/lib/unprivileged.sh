# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# unprivileged.sh - sourced after common.sh: the server and the tests never run as root.
#
#   not root              as is
#   root by sudo          the user who called sudo
#   plain root            the owner of the folder in question, unless that is root too;
#                         else the system user tercet-dev, which is made when it is missing
#
# That user may be kept out of the folder that holds the build (a clone in /root): what is
# needed is then copied to /var/tmp/tercet-stage-UID.

UNPRIV_UID=
UNPRIV_GID=
UNPRIV_NAME=tercet-dev

# unpriv_pick [FOLDER]: decides; sets UNPRIV_UID and UNPRIV_GID (empty: no change of user).
unpriv_pick()
{
	local folder=${1:-} owner=0

	UNPRIV_UID= UNPRIV_GID=
	[ "$(id -u)" = 0 ] || return 0
	command -v setpriv >/dev/null || die "setpriv is missing (Debian package util-linux)"
	if [ -n "$folder" ] && [ -d "$folder" ]; then
		owner=$(stat -c %u "$folder")
	fi
	if [ "${SUDO_UID:-0}" != 0 ]; then
		UNPRIV_UID=$SUDO_UID
		UNPRIV_GID=${SUDO_GID:-$(id -g "$SUDO_UID")}
	elif [ "$owner" != 0 ]; then
		UNPRIV_UID=$owner
		UNPRIV_GID=$(stat -c %g "$folder")
	else
		unpriv_account
	fi
}

unpriv_account()
{
	if ! id "$UNPRIV_NAME" >/dev/null 2>&1; then
		(
			# Two scripts may come here at once.
			flock 9
			id "$UNPRIV_NAME" >/dev/null 2>&1 && exit 0
			say "making the system user '$UNPRIV_NAME': nothing of Tercet runs as root"
			useradd --system --user-group --no-create-home --home-dir /nonexistent \
				--shell /usr/sbin/nologin "$UNPRIV_NAME" >&2
		) 9>/run/lock/tercet-dev.useradd || die "cannot make the system user '$UNPRIV_NAME'"
	fi
	UNPRIV_UID=$(id -u "$UNPRIV_NAME")
	UNPRIV_GID=$(id -g "$UNPRIV_NAME")
}

# unpriv_run COMMAND [ARGUMENT...]: as the user that unpriv_pick decided on.
unpriv_run()
{
	if [ -n "$UNPRIV_UID" ]; then
		setpriv --reuid "$UNPRIV_UID" --regid "$UNPRIV_GID" --clear-groups \
			--no-new-privs -- "$@"
	else
		"$@"
	fi
}

# unpriv_exec: the same, in the place of this process.
unpriv_exec()
{
	if [ -n "$UNPRIV_UID" ]; then
		exec setpriv --reuid "$UNPRIV_UID" --regid "$UNPRIV_GID" --clear-groups \
			--no-new-privs -- "$@"
	else
		exec "$@"
	fi
}

# unpriv_own PATH...: gives them to that user.
unpriv_own()
{
	[ -z "$UNPRIV_UID" ] || chown -h "$UNPRIV_UID:$UNPRIV_GID" -- "$@"
}

# The top of the staging area; /var/tmp is everybody's, so a folder that somebody else has
# put there is refused.
unpriv_stage_top()
{
	local top=/var/tmp/tercet-stage-${UNPRIV_UID:-$(id -u)}

	mkdir -m 755 "$top" 2>/dev/null || true
	if [ -L "$top" ] || [ ! -d "$top" ] || [ "$(stat -c %u "$top")" != "$(id -u)" ]; then
		die "'$top' is not a folder of ours"
	fi
	chmod 755 "$top"
	echo "$top"
}

# unpriv_stage_source: copies the source as git knows it (changes that are not committed
# included), for builds and tests by that user. Prints the folder.
unpriv_stage_source()
{
	local top folder list
	top=$(unpriv_stage_top)
	folder=$top/source-$(printf %s "$SOURCE" | sha256sum | cut -c1-12)
	list=$folder.list
	mkdir -p "$folder"
	unpriv_forget "$top"
	printf '%s\n' "$SOURCE" >"$folder.from"
	source_files >"$list.new"
	if [ -e "$list" ]; then
		# What was here before and is gone now.
		comm -z -23 "$list" "$list.new" | (cd "$folder" && xargs -0r rm -f --)
	fi
	tar -C "$SOURCE" --null --no-recursion -T "$list.new" -cf - |
		tar -C "$folder" --no-same-owner -xf -
	mv "$list.new" "$list"
	chown -R -h "$UNPRIV_UID:$UNPRIV_GID" "$folder"
	mkdir -p "$top/home"
	chown "$UNPRIV_UID:$UNPRIV_GID" "$top/home"
	echo "$folder"
}

# unpriv_forget TOP: removes the copies of sources that are gone.
unpriv_forget()
{
	local from
	for from in "$1"/source-*.from; do
		if [ -e "$from" ] && [ ! -d "$(cat "$from")" ]; then
			rm -rf "${from%.from}" "${from%.from}.list" "$from"
		fi
	done
}

# All files of the source, separated by NUL, sorted; with git or in an unpacked tarball.
source_files()
{
	(
		cd "$SOURCE"
		if git rev-parse --git-dir >/dev/null 2>&1; then
			git ls-files -z --cached --others --exclude-standard |
				while IFS= read -r -d '' f; do
					[ ! -e "$f" ] && [ ! -L "$f" ] || printf '%s\0' "$f"
				done
		else
			find . -path './build*' -prune -o -path ./.run -prune -o \
				\( -type f -o -type l \) -printf '%P\0'
		fi | LC_ALL=C sort -zu
	)
}

# unpriv_stage_build FOLDER: prints the folder to run the build FOLDER from: itself when that
# user can reach it, else a copy of the programs, the library and the modules.
unpriv_stage_build()
{
	local build=$1 top folder hash program

	if [ -z "$UNPRIV_UID" ] || unpriv_run test -x "$build/.libs/tercetd" 2>/dev/null; then
		echo "$build"
		return
	fi
	top=$(unpriv_stage_top)
	hash=$(cd "$build" && stat -c '%n %s %Y' .libs/tercetd .libs/tercetctl .libs/*.so* \
		2>/dev/null | sha256sum | cut -c1-16)
	folder=$top/$hash
	if [ ! -e "$folder/complete" ]; then
		rm -rf "$folder"
		mkdir -p "$folder/.libs" "$folder/stage/modules"
		cp -a "$build"/.libs/*.so* "$folder/.libs/"
		for program in tercetd tercetctl; do
			cp "$build/.libs/$program" "$folder/.libs/"
		done
		cp -L "$build"/stage/modules/*.so "$folder/stage/modules/"
		chmod -R a+rX,go-w "$folder"
		touch "$folder/complete"
		say "user $UNPRIV_UID cannot reach '$build': running from '$folder'"
	fi
	echo "$folder"
}

# unpriv_scripts: prints the folder of the scripts to call as that user: ours, or a copy.
unpriv_scripts()
{
	local top folder
	if [ -z "$UNPRIV_UID" ] || unpriv_run test -r "$SOURCE/scripts/lib/common.sh" 2>/dev/null; then
		echo "$SOURCE/scripts"
		return
	fi
	top=$(unpriv_stage_top)
	folder=$top/scripts-$(cat "$SOURCE"/scripts/devserver "$SOURCE"/scripts/lib/*.sh |
		sha256sum | cut -c1-16)
	if [ ! -e "$folder/scripts/complete" ]; then
		mkdir -p "$folder/scripts/lib"
		cp "$SOURCE/scripts/devserver" "$folder/scripts/"
		cp "$SOURCE"/scripts/lib/*.sh "$folder/scripts/lib/"
		chmod -R a+rX,go-w "$folder"
		touch "$folder/scripts/complete"
	fi
	echo "$folder/scripts"
}

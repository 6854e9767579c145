# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# server.sh - sourced after common.sh: one server with its state in a folder; shared by
# devserver and run. Everything here runs as the user that the server runs as.
#
# The folder holds: tercet.conf, cert.pem and key.pem, state/ (the server's own), log, pid
# ("PID STARTTIME"), exit (the status of a server that has ended), programs (where the
# server was started from).

SERVER_DIR=
# Options of "devserver start"; empty arrays and strings: the defaults.
LISTEN=() DOMAINS=() USERS=() ADMINS=()
declare -A HOST_SNIPPETS=()
USERS_FILE= CERT= KEY= CA= CONFIG_SNIPPET= HOST_SNIPPET=
C2S= C2S_TLS= S2S= S2S_TLS=
COMPONENTS=() COMPONENT=5347 COMPONENT_TLS=
NO_LIMITS=no

# ---- which programs ----

has_build()
{
	[ -x "$1/.libs/tercetd" ] && [ -d "$1/stage/modules" ]
}

# find_build: prints the folder of the build; builds one where there is none.
find_build()
{
	local folder
	if [ -n "${TERCET_BUILD:-}" ]; then
		has_build "$TERCET_BUILD" || die "TERCET_BUILD: there is no tercetd in '$TERCET_BUILD'"
		(cd "$TERCET_BUILD" && pwd -P)
		return
	fi
	for folder in "$SOURCE" "$SOURCE/build" "$SOURCE/build-run" "$SOURCE/build-test"; do
		if has_build "$folder"; then
			echo "$folder"
			return
		fi
	done
	build_run
}

# build_run: builds what "run" uses, prints the folder.
build_run()
{
	(build_tree "$SOURCE/build-run" gcc) >&2
	echo "$SOURCE/build-run"
}

# set_programs: TERCETD, TERCETCTL, MODULES and the library's folder, of an installed server
# (TERCET_INSTALLED="SBINDIR:BINDIR:PKGLIBDIR:MODULEDIR") or of a build.
set_programs()
{
	local sbindir bindir
	if [ -n "${TERCET_INSTALLED:-}" ]; then
		IFS=: read -r sbindir bindir LIBRARY MODULES <<<"$TERCET_INSTALLED"
		TERCETD=$sbindir/tercetd TERCETCTL=$bindir/tercetctl
	else
		LIBRARY=$1/.libs MODULES=$1/stage/modules
		TERCETD=$1/.libs/tercetd TERCETCTL=$1/.libs/tercetctl
	fi
}

# ---- is it running ----

# server_pid: prints the process id of the running server; fails when there is none.
server_pid()
{
	local pid start
	[ -s "$SERVER_DIR/pid" ] || return 1
	read -r pid start <"$SERVER_DIR/pid" || return 1
	[ -n "$pid" ] && [ "$(process_start "$pid")" = "$start" ] || return 1
	echo "$pid"
}

# When a process began, in ticks: a number that is used again has another one.
process_start()
{
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	# The name in brackets may hold anything; 20 fields behind it is the start.
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	[ "$1" = Z ] || echo "${20}"
}

# wait_gone PID SECONDS: fails when it is still there then.
wait_gone()
{
	local start i
	start=$(process_start "$1")
	for ((i = 0; i < $2 * 50; i++)); do
		[ -n "$start" ] && [ "$(process_start "$1")" = "$start" ] || return 0
		sleep 0.02
	done
	return 1
}

# ---- files of the folder ----

make_folder()
{
	mkdir -p "$SERVER_DIR/state" || die "cannot make '$SERVER_DIR'"
	SERVER_DIR=$(cd "$SERVER_DIR" && pwd -P)
	[ -O "$SERVER_DIR/state" ] ||
		die "'$SERVER_DIR' belongs to user $(stat -c %U "$SERVER_DIR/state")"
	chmod 700 "$SERVER_DIR/state"
}

make_certificate()
{
	local names=DNS:localhost domain
	if [ -n "$CERT$KEY" ]; then
		[ -n "$CERT" ] && [ -n "$KEY" ] || die "--cert and --key belong together"
		# The server wants a key that nobody else can read.
		install -m 644 "$CERT" "$SERVER_DIR/cert.pem" || die "cannot read '$CERT'"
		install -m 600 "$KEY" "$SERVER_DIR/key.pem" || die "cannot read '$KEY'"
		rm -f "$SERVER_DIR/cert.names"
		return
	fi
	for domain in "${DOMAINS[@]}"; do
		[ "$domain" = localhost ] || names=$names,DNS:$domain
	done
	[ "$(cat "$SERVER_DIR/cert.names" 2>/dev/null)" != "$names" ] || return 0
	(
		umask 077
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
			-days 3650 -subj "/CN=${DOMAINS[0]}" -addext "subjectAltName=$names" \
			-keyout "$SERVER_DIR/key.pem" -out "$SERVER_DIR/cert.pem" \
			2>"$SERVER_DIR/openssl.log"
	) || die "cannot make a certificate: $(tail -n 1 "$SERVER_DIR/openssl.log")"
	rm -f "$SERVER_DIR/openssl.log"
	chmod 644 "$SERVER_DIR/cert.pem"
	echo "$names" >"$SERVER_DIR/cert.names"
}

# Modules from elsewhere (the folder TERCET_EXTRA_MODULES) and those of the tests, which are not
# in the build's module folder, lie in one folder with the server's.
join_modules()
{
	local file name more=()
	for name in ${TERCET_DEVSERVER_ADD:-}; do
		file=$LIBRARY/mod_$name.so
		[ -e "$MODULES/mod_$name.so" ] || [ ! -e "$file" ] || more+=("$file")
	done
	[ ${#more[@]} -gt 0 ] || [ -n "${TERCET_EXTRA_MODULES:-}" ] || return 0
	[ -z "${TERCET_EXTRA_MODULES:-}" ] || more+=("$TERCET_EXTRA_MODULES"/mod_*.so)
	rm -rf "$SERVER_DIR/modules"
	mkdir "$SERVER_DIR/modules"
	for file in "$MODULES"/mod_*.so "${more[@]}"; do
		[ ! -e "$file" ] || ln -sf "$(readlink -f "$file")" "$SERVER_DIR/modules/${file##*/}"
	done
	MODULES=$SERVER_DIR/modules
}

# A string of libconfig.
quote()
{
	local text=${1//\\/\\\\}
	printf '"%s"' "${text//\"/\\\"}"
}

# sets_option TEXT NAME: the snippet brings that option itself. (No pipe: grep leaves at the first
# match, and then whoever writes into one has failed.)
sets_option()
{
	grep -qE "(^|[;{[:space:]])$2[[:space:]]*[=:]" <<<"$1"
}

# The same for a group: "NAME: {".
sets_group()
{
	grep -qE "(^|[;[:space:]])$2[[:space:]]*[=:][[:space:]]*\{" <<<"$1"
}

# Other servers are asked for by an option, or by whoever speaks of mod_s2s.
wants_s2s()
{
	[ -z "$S2S$S2S_TLS" ] || return 0
	grep -qE '(^|[^[:alnum:]_])s2s([^[:alnum:]_]|$)' \
		<<<"$CONFIG_SNIPPET ${TERCET_DEVSERVER_MODULES:-} ${TERCET_DEVSERVER_ADD:-}"
}

# The top level of the snippet. Federation is usual, so it is disabled, in the snippet's own list
# when it has one.
write_snippet()
{
	if wants_s2s; then
		[ -n "$S2S$S2S_TLS" ] || S2S=0
		sets_group "$CONFIG_SNIPPET" s2s || write_listeners s2s "$S2S" "$S2S_TLS"
		printf '%s\n' "$CONFIG_SNIPPET"
	elif sets_option "$CONFIG_SNIPPET" modules_disabled; then
		printf '%s\n' "$CONFIG_SNIPPET" |
			sed -E 's/(modules_disabled[[:space:]]*[=:][[:space:]]*\[)/\1 "s2s",/'
	else
		echo 'modules_disabled = [ "s2s" ];'
		printf '%s\n' "$CONFIG_SNIPPET"
	fi
}

# The modules to load besides the usual ones, one a line: all that the project has (or
# TERCET_DEVSERVER_MODULES), the ones of TERCET_DEVSERVER_ADD, and a store.
module_names()
{
	local file name
	for file in "$MODULES"/mod_*.so; do
		name=${file##*/mod_}
		name=${name%.so}
		[ -z "${TERCET_DEVSERVER_MODULES:-}" ] || continue
		case $name in
		storage_* | test_* | auth_anonymous) ;;
		s2s | s2s_secure | dialback) ! wants_s2s || echo "$name" ;;
		*) echo "$name" ;;
		esac
	done
	for name in ${TERCET_DEVSERVER_MODULES:-} ${TERCET_DEVSERVER_ADD:-} \
		"storage_${TERCET_DEVSERVER_STORE:-bdb}"; do
		echo "$name"
	done
}

comma_list()
{
	local first=yes line
	while IFS= read -r line; do
		[ $first = yes ] || printf ', '
		first=no
		quote "$line"
	done
}

# write_listeners MODULE PORT TLS-PORT
write_listeners()
{
	local address kind port comma=
	printf '%s: {\n\tlisten = (' "$1"
	for address in "${LISTEN[@]}"; do
		for kind in "false:$2" "true:$3"; do
			port=${kind#*:}
			[ -n "$port" ] || continue
			printf '%s\n\t\t{ address = %s; port = %d; tls = %s; }' "$comma" \
				"$(quote "$address")" "$port" "${kind%%:*}"
			comma=,
		done
	done
	printf '\n\t);\n};\n'
}

write_certificate()
{
	echo "tls: {"
	echo "	host_certificates = ("
	echo "		{ certificate = $(quote "$SERVER_DIR/cert.pem"); key = $(quote "$SERVER_DIR/key.pem"); }"
	echo "	);"
	[ -z "$CA" ] || echo "	trust = $(quote "$(realpath "$CA")");"
	echo "};"
}

# Domains of components, and a file for the secret of each.
write_components()
{
	local component name secret text i=0
	for component in "${COMPONENTS[@]}"; do
		name=${component%%:*} secret=${component#*:} text=
		case $secret in *:*) text=${secret#*:} secret=${secret%%:*} ;; esac
		i=$((i + 1))
		printf '%s\n' "$secret" >"$SERVER_DIR/component-$i.secret"
		printf ',\n\t{\n\t\tname = %s;\n\t\ttype = "component";\n' "$(quote "$name")"
		printf '\t\tsecret = { file = "component-%d.secret"; };\n%s\n\t}' $i "$text"
	done
}

write_config()
{
	local domain comma=
	(
		umask 077
		{
			echo "# Written by scripts/$NAME, and again at each start."
			echo "state_dir = $(quote "$SERVER_DIR/state");"
			echo "module_path = [ $(quote "$MODULES") ];"
			sets_option "$CONFIG_SNIPPET" modules ||
				echo "modules = [ $(module_names | comma_list) ];"
			[ ${#ADMINS[@]} = 0 ] ||
				echo "admins = [ $(printf '%s\n' "${ADMINS[@]}" | comma_list) ];"
			sets_group "$CONFIG_SNIPPET" c2s || write_listeners c2s "$C2S" "$C2S_TLS"
			[ ${#COMPONENTS[@]} = 0 ] || sets_group "$CONFIG_SNIPPET" component ||
				write_listeners component "$COMPONENT" "$COMPONENT_TLS"
			sets_group "$CONFIG_SNIPPET" tls || write_certificate
			[ $NO_LIMITS = no ] || no_limits
			write_snippet
			echo "hosts = ("
			for domain in "${DOMAINS[@]}"; do
				printf '%s\t{\n\t\tname = %s;\n%s\n\t}' "$comma" "$(quote "$domain")" \
					"$HOST_SNIPPET${HOST_SNIPPETS[$domain]:-}"
				comma=$',\n'
			done
			write_components
			printf '\n);\n'
		} >"$SERVER_DIR/tercet.conf.new"
	)
	mv "$SERVER_DIR/tercet.conf.new" "$SERVER_DIR/tercet.conf"
}

# For load tests: no rate limits, no caps per account.
no_limits()
{
	sets_option "$CONFIG_SNIPPET" sessions_per_account || echo "sessions_per_account = 100000;"
	! wants_s2s || sets_option "$CONFIG_SNIPPET" limits || echo "limits: { s2sin: {" \
		"rate = \"0 B\"; domain_rate = \"0 B\"; new_connections = 0; }; };"
	# Whoever speaks of it, perhaps to disable it, knows what he wants.
	case $CONFIG_SNIPPET$HOST_SNIPPET${HOST_SNIPPETS[*]} in *offline*) return 0 ;; esac
	! grep -qx offline <<<"$(module_names)" || echo "offline: { max_messages = 10000;" \
		"max_bytes = \"100 MB\"; max_references = 10000; stranger_share = 100; };"
}

# ---- start and stop ----

raise_limits()
{
	local hard
	hard=$(ulimit -Hn)
	if [ $NO_LIMITS = yes ] && [ "$hard" != unlimited ] && [ "$hard" -lt 10752 ]; then
		die "10,000 connections need 10,752 descriptors, and this shell may have $hard:" \
			"raise the hard limit (ulimit -Hn, nofile in limits.conf)"
	fi
	ulimit -n "$hard" 2>/dev/null || true
}

# start_process: the server in the background, watched by a shell that notes its end. Nothing
# of ours stays open in it: somebody may be reading our output to its end.
start_process()
{
	rm -f "$SERVER_DIR/pid" "$SERVER_DIR/exit"
	# shellcheck disable=SC2016
	(
		cd "$SERVER_DIR"
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || [ "$fd" -ge 255 ] || eval "exec $fd>&-" 2>/dev/null || true
		done
		LD_LIBRARY_PATH=$LIBRARY exec setsid bash -c '
			folder=$1
			shift
			umask 077
			"$@" &
			pid=$!
			read -r stat </proc/$pid/stat
			set -- ${stat##*) }
			echo "$pid ${20}" >"$folder/pid.new"
			mv "$folder/pid.new" "$folder/pid"
			wait "$pid"
			echo $? >"$folder/exit"' \
			tercet-devserver "$SERVER_DIR" ${TERCET_DEVSERVER_WRAP:-} "$TERCETD" --config "$SERVER_DIR/tercet.conf"
	) </dev/null >>"$SERVER_DIR/log" 2>&1 &
	disown
}

# The log since this start.
log_since()
{
	tail -c "+$((LOG_BEFORE + 1))" "$SERVER_DIR/log" 2>/dev/null
}

READY_PATTERN=' is ready'
# wait_ready SECONDS: until it says so, or has ended.
wait_ready()
{
	local i
	for ((i = 0; i < $1 * 50; i++)); do
		if [ -e "$SERVER_DIR/exit" ]; then
			log_since | tail -n 20 >&2
			rm -f "$SERVER_DIR/pid"
			die "the server ended with status $(cat "$SERVER_DIR/exit") before it was ready"
		fi
		if [ -s "$SERVER_DIR/pid" ] && log_since | grep -q "$READY_PATTERN"; then
			return 0
		fi
		sleep 0.02
	done
	log_since | tail -n 20 >&2
	die "the server was not ready after $1 seconds"
}

ctl()
{
	local library program
	{ read -r library && read -r program; } <"$SERVER_DIR/programs" ||
		die "no server was started in '$SERVER_DIR'"
	LD_LIBRARY_PATH=$library "$program" --config "$SERVER_DIR/tercet.conf" "$@"
}

# user_lines: all accounts that were asked for, as "name@domain:password".
user_lines()
{
	local user
	for user in "${USERS[@]}"; do
		case ${user%%:*} in
		*@*) printf '%s\n' "$user" ;;
		*) printf '%s@%s:%s\n' "${user%%:*}" "${DOMAINS[0]}" "${user#*:}" ;;
		esac
	done
	[ -z "$USERS_FILE" ] || awk -v domain="${DOMAINS[0]}" '
		/^[[:space:]]*$/ { next }
		{ name = $0; sub(/:.*/, "", name); rest = substr($0, length(name) + 1)
		  print name (name ~ /@/ ? "" : "@" domain) rest }' "$USERS_FILE"
}

# An account that is there already gets that password.
import_users()
{
	local domain lines
	[ ${#USERS[@]} -gt 0 ] || [ -n "$USERS_FILE" ] || return 0
	for domain in "${DOMAINS[@]}"; do
		lines=$(user_lines | awk -v domain="$domain" '
			{ name = $0; sub(/:.*/, "", name); rest = substr($0, length(name) + 1)
			  at = index(name, "@")
			  if (substr(name, at + 1) == domain) print substr(name, 1, at - 1) rest }')
		[ -n "$lines" ] || continue
		printf '%s\n' "$lines" |
			ctl import-users "$domain" >"$SERVER_DIR/import.log" 2>&1 ||
			die "importing accounts: $(tail -n 3 "$SERVER_DIR/import.log")"
	done
}

# prepare_server: everything from the options above to a folder that a server can start in.
prepare_server()
{
	local pid
	if pid=$(server_pid); then
		die "a server runs in '$SERVER_DIR' already (pid $pid)"
	fi
	[ ${#LISTEN[@]} -gt 0 ] || LISTEN=(127.0.0.1)
	[ ${#DOMAINS[@]} -gt 0 ] || DOMAINS=(localhost)
	[ -n "$C2S$C2S_TLS" ] || { C2S=5222 C2S_TLS=5223; }
	if [ -n "${TERCET_INSTALLED:-}" ]; then
		set_programs
	else
		set_programs "$(find_build)"
	fi
	make_folder
	make_certificate
	join_modules
	write_config
	printf '%s\n' "$LIBRARY" "$TERCETCTL" >"$SERVER_DIR/programs"
	raise_limits
}

start_server()
{
	prepare_server
	LOG_BEFORE=$(stat -c %s "$SERVER_DIR/log" 2>/dev/null || echo 0)
	start_process
	wait_ready "${TERCET_START_TIMEOUT:-60}"
	import_users
}

# stop_server: TERM, and patience; fails when it did not end by itself and cleanly.
stop_server()
{
	local pid status i
	pid=$(server_pid) || die "no server runs in '$SERVER_DIR'"
	kill -TERM "$pid"
	if ! wait_gone "$pid" "${TERCET_STOP_TIMEOUT:-30}"; then
		kill -KILL "$pid"
		wait_gone "$pid" 5 || true
		rm -f "$SERVER_DIR/pid"
		die "the server did not stop and was killed (see '$SERVER_DIR/log')"
	fi
	for ((i = 0; i < 50; i++)); do
		[ ! -s "$SERVER_DIR/exit" ] || break
		sleep 0.02
	done
	status=$(cat "$SERVER_DIR/exit" 2>/dev/null || echo unknown)
	rm -f "$SERVER_DIR/pid"
	[ "$status" = 0 ] || die "the server ended with status $status (see '$SERVER_DIR/log')"
}

kill_server()
{
	local pid i
	pid=$(server_pid) || die "no server runs in '$SERVER_DIR'"
	kill -KILL "$pid"
	wait_gone "$pid" 10 || die "process $pid does not end"
	# Who watched it must not note its end for the next one.
	for ((i = 0; i < 250; i++)); do
		[ ! -s "$SERVER_DIR/exit" ] || break
		sleep 0.02
	done
	rm -f "$SERVER_DIR/pid"
}

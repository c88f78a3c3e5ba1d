# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Servers on ports of their own, real Tang servers among them: for tests that ask them.
# Sourced after lib.sh. Everything that was started ends with the test.

tang=/usr/libexec
declare -A pids=() ports=()
# stop NAME: nobody listens on its port any more.
stop() {
	[ -z "${pids[$1]-}" ] || { kill "${pids[$1]}" && wait "${pids[$1]}" || true; }
	unset "pids[$1]"
}
finish() {
	for name in "${!pids[@]}"; do stop "$name"; done
	cleanup
}
trap finish EXIT

# serve NAME PROGRAM: the program speaks for each connection to the port of that name.
serve() {
	[ -n "${ports[$1]-}" ] || ports[$1]=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	socat "TCP-LISTEN:${ports[$1]},bind=127.0.0.1,reuseaddr,fork" "EXEC:$2" 2>/dev/null &
	pids[$1]=$!
	for _ in $(seq 100); do
		! grep -q "$(printf '0100007F:%04X 00000000:0000 0A' "${ports[$1]}")" /proc/net/tcp || return 0
		sleep 0.05
	done
	fail "$1 does not start"
}
# tang_server NAME: a Tang server with keys of its own in $TMP/NAME.
tang_server() {
	mkdir "$TMP/$1"
	"$tang/tangd-keygen" "$TMP/$1"
	serve "$1" "$tang/tangd $TMP/$1"
}
# signing NAME: the thumbprint of its present signing key.
signing() {
	basename "$(grep -l ES512 "$TMP/$1"/*.jwk)" .jwk
}
# within MS COMMAND...
within() {
	local limit=$1 start
	shift
	start=$(date +%s%3N)
	"$@"
	[ $(($(date +%s%3N) - start)) -lt "$limit" ] || fail "not within $limit ms: $*"
}

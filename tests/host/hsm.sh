# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Tokens of two vendors, SoftHSM and openCryptoki, and a key in each: sourced after lib.sh by tests
# that need root keys. openCryptoki has one daemon and one state for the whole machine, hence a
# mount and an IPC namespace of the test's own.
# shellcheck disable=SC2034 # what is set here is for the tests

softhsm=$(realpath /usr/lib/softhsm/libsofthsm2.so)
opencryptoki=$(realpath /usr/lib/*-linux-gnu/opencryptoki/libopencryptoki.so.0 | head -n 1)
p11_client=$(realpath /usr/lib/*-linux-gnu/pkcs11/p11-kit-client.so | head -n 1)
export FVE_PROVIDERS=${FVE_PROVIDERS:-$BUILD/san}

# hsm_namespace "$@": go on in namespaces of our own. Before anything else is started.
hsm_namespace() {
	if [ -z "${HSM_NAMESPACE-}" ]; then
		trap - EXIT
		[ -n "$own_tmp" ] || rm -rf "$TMP"
		exec env HSM_NAMESPACE=1 unshare --mount --ipc "$0" "$@"
	fi
	for dir in /etc/opencryptoki /var/lib/opencryptoki /run /dev/shm; do
		mount -t tmpfs tmpfs "$dir"
	done
}

# start_softhsm [LABEL [KEY...]]: a SoftHSM token with these keys (root), PIN 1234 in $TMP/pin.softhsm. Sets
# uri_softhsm to the first one's.
start_softhsm() {
	local label=${1:-soft} key
	shift $(($# > 0))
	[ $# -gt 0 ] || set -- root
	mkdir -p "$TMP/softhsm"
	printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$TMP/softhsm" >"$TMP/softhsm.conf"
	export SOFTHSM2_CONF=$TMP/softhsm.conf
	softhsm2-util --init-token --free --label "$label" --so-pin 5678 --pin 1234 >/dev/null
	(umask 077 && printf 1234 >"$TMP/pin.softhsm")
	for key; do
		make_key "$softhsm" "$label" 1234 "$key"
	done
	uri_softhsm=$(softhsm_uri "$label" "$1")
}

# softhsm_uri TOKEN KEY
softhsm_uri() {
	echo "pkcs11:token=$1;object=$2?module-path=$softhsm&pin-source=file:$TMP/pin.softhsm"
}

# start_opencryptoki: its daemon, and on the first call a token with a key "root", PIN 24681357 in
# $TMP/pin.opencryptoki. Sets uri_opencryptoki.
start_opencryptoki() {
	local fresh=
	uri_opencryptoki="pkcs11:token=ock;object=root?module-path=$opencryptoki&pin-source=file:$TMP/pin.opencryptoki"
	if [ ! -e /etc/opencryptoki/opencryptoki.conf ]; then
		fresh=1
		printf 'version opencryptoki-3.1\nslot 0\n{\nstdll = libpkcs11_sw.so\n}\n' \
			>/etc/opencryptoki/opencryptoki.conf
		mkdir -p /var/lib/opencryptoki/swtok/TOK_OBJ /run/lock/opencryptoki/swtok
		chgrp -R pkcs11 /etc/opencryptoki /var/lib/opencryptoki /run/lock/opencryptoki
		chmod -R g=u,o= /var/lib/opencryptoki /run/lock/opencryptoki
	fi
	rm -f /run/pkcsslotd.pid # the last one leaves it behind
	pkcsslotd
	# Its child writes the number, after the socket is there.
	for _ in $(seq 200); do
		[ ! -S /run/pkcsslotd.socket ] || [ ! -s /run/pkcsslotd.pid ] || break
		sleep 0.05
	done
	swtpm_pids+=("$(cat /run/pkcsslotd.pid)")
	[ -n "$fresh" ] || return 0
	pkcs11_tool "$opencryptoki" --init-token --label ock --so-pin 87654321
	pkcs11_tool "$opencryptoki" --token-label ock --init-pin --login --login-type so --so-pin 87654321 --pin 87651234
	pkcs11_tool "$opencryptoki" --token-label ock --change-pin --login --pin 87651234 --new-pin 24681357
	(umask 077 && printf 24681357 >"$TMP/pin.opencryptoki")
	make_key "$opencryptoki" ock 24681357 root
}

stop_opencryptoki() {
	local pid
	pid=$(cat /run/pkcsslotd.pid)
	# It goes on if somebody uses it at that moment, as a provider does that was too slow.
	while kill "$pid" 2>/dev/null; do
		sleep 0.05
	done
	stopped "$pid"
}

pkcs11_tool() {
	local module=$1
	shift
	pkcs11-tool --module "$module" "$@" >"$TMP/pkcs11-tool" 2>&1 ||
		fail "pkcs11-tool $*: $(cat "$TMP/pkcs11-tool")"
}

# make_key MODULE TOKEN PIN LABEL [BITS]
make_key() {
	pkcs11_tool "$1" --token-label "$2" --login --pin "$3" --keypairgen --key-type "rsa:${5:-3072}" \
		--label "$4" --usage-decrypt
	"$BUILD/tools/token_key" "$1" "$2" "$3" "$4" keep
}

# destroy_key MODULE TOKEN PIN LABEL
destroy_key() {
	pkcs11_tool "$1" --token-label "$2" --login --pin "$3" --delete-object --type privkey --label "$4"
}

# forbid_key MODULE TOKEN PIN LABEL, and allow_key: the owner withdraws a key and gives it back.
forbid_key() {
	"$BUILD/tools/token_key" "$@" off
}
allow_key() {
	"$BUILD/tools/token_key" "$@" on
}

# start_p11_server MODULE TOKEN: a remote for this token; P11_KIT_SERVER_ADDRESS leads $p11_client there.
start_p11_server() {
	rm -f "$TMP/p11.sock"
	p11-kit server --provider "$1" --name "$TMP/p11.sock" --foreground "pkcs11:token=$2" \
		>"$TMP/p11-server.log" 2>&1 &
	p11_server_pid=$!
	swtpm_pids+=("$p11_server_pid")
	export P11_KIT_SERVER_ADDRESS=unix:path=$TMP/p11.sock
	for _ in $(seq 100); do
		[ ! -S "$TMP/p11.sock" ] || return 0
		sleep 0.05
	done
	fail "p11-kit server does not start: $(cat "$TMP/p11-server.log")"
}

stop_p11_server() {
	kill "$p11_server_pid"
	wait "$p11_server_pid" 2>/dev/null || true
	stopped "$p11_server_pid"
}

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What host tests share: a scratch directory, a software TPM, and assertions.
# Sourced at the top of each test; BUILD is the build directory, TMP the scratch directory.

set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=$(realpath "${BUILD:-$here/../../build}")
own_tmp=${TMP:-}
TMP=${TMP:-$(mktemp -d)}
fvesetup=${FVESETUP:-$BUILD/san/fvesetup}
swtpm_pids=()
# What the machine remembers of volumes is the test's own.
export FVE_STATE=${FVE_STATE:-$TMP/machine}
trap cleanup EXIT

# Argon2id as cheap as LUKS2 allows: the tests are about us, not about Argon2.
cheap=(--iter-time 1 --pbkdf-memory 32)

# AddressSanitizer on the tool itself; the foreign libraries keep some memory until exit.
export ASAN_OPTIONS=detect_leaks=0

cleanup() {
	for pid in "${swtpm_pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	[ -n "$own_tmp" ] || rm -rf --one-file-system "$TMP"
}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# expect STATUS COMMAND...: run it, keep its output in $TMP/out, compare the exit status.
expect() {
	local want=$1 status=0
	shift
	"$@" >"$TMP/out" 2>&1 || status=$?
	cat "$TMP/out"
	[ "$status" = "$want" ] || fail "exit status $status instead of $want: $*"
}

# The last command's output holds the text.
expect_text() {
	grep -qF -- "$1" "$TMP/out" || fail "the output does not say: $1"
}

# new_image FILE [SIZE]: an empty image file.
new_image() {
	rm -f "$1"
	truncate -s "${2:-20M}" "$1"
}

# format FILE [OPTION...]: a volume whose passphrase is in $TMP/pass and whose recovery
# password is in FILE.rec.
format() {
	local image=$1
	shift
	[ -e "$TMP/pass" ] || printf 'correct horse' >"$TMP/pass"
	rm -f "$image.rec"
	"$fvesetup" format --batch-mode "${cheap[@]}" --recovery-file "$image.rec" \
		--key-file "$TMP/pass" --protector passphrase "$@" "$image"
}

# cheap_digest IMAGE: the LUKS2 digest, by which each unlocking checks the volume key, at its least
# iterations. It is a tenth of a second each time, and a test that unlocks thousands of times needs
# not wait for it. A volume of ours has its header accepted as $TMP/pass may.
cheap_digest() {
	local key=$TMP/cheap.key
	rm -f "$key"
	cryptsetup luksDump -q --dump-volume-key --volume-key-file "$key" --key-file "$TMP/pass" "$1" >/dev/null
	/usr/bin/python3 "$here/luks2_edit.py" "$1" json "
import base64, hashlib
key = open('$key', 'rb').read()
salt = base64.b64decode(h['digests']['0']['salt'])
value = hashlib.pbkdf2_hmac('sha256', key, salt, 1000, 32)
h['digests']['0'].update(iterations=1000, digest=base64.b64encode(value).decode())"
	rm -f "$key"
	! cryptsetup luksDump "$1" | grep -q '^Subsystem:[[:space:]]*fve$' ||
		"$fvesetup" header accept -q --key-file "$TMP/pass" "$1" >/dev/null
}

# stock_volume IMAGE: as cryptsetup makes it, to be adopted; $TMP/pass and $TMP/pass2 open it.
stock_volume() {
	new_image "$1"
	cryptsetup luksFormat -q --pbkdf-force-iterations 4 --pbkdf-memory 32 --key-size 512 \
		--key-file "$TMP/pass" "$1"
	cryptsetup luksAddKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$TMP/pass" \
		"$1" "$TMP/pass2"
	cheap_digest "$1"
}

# preload NAME: $TMP/NAME.so from NAME.c, for LD_PRELOAD.
preload() {
	gcc -O1 -Wall -Wextra -shared -fPIC -D_GNU_SOURCE -o "$TMP/$1.so" "$here/$1.c" -ldl
}

# in_memory: the test begins again with its scratch directory in memory, for one that waits for thousands
# of syncs otherwise, and whose power never goes.
in_memory() {
	if [ -z "${FVE_IN_MEMORY-}" ]; then
		FVE_IN_MEMORY=1 TMP=$TMP unshare --mount bash "$0"
		exit
	fi
	mount -t tmpfs tmpfs "$TMP"
}

# start_tpm DIR: a software TPM with its state in DIR; sets tpm to its TCTI.
start_tpm() {
	local dir=$1
	mkdir -p "$dir"
	[ -e "$dir/tpm2-00.permall" ] ||
		swtpm_setup --tpm2 --tpmstate "$dir" --pcr-banks sha256 >/dev/null
	rm -f "$dir/sock" "$dir/sock.ctrl"
	swtpm socket --tpm2 --tpmstate "dir=$dir" --flags not-need-init,startup-clear \
		--server "type=unixio,path=$dir/sock" --ctrl "type=unixio,path=$dir/sock.ctrl" >"$dir/log" 2>&1 &
	swtpm_pids+=($!)
	for _ in $(seq 100); do
		[ -S "$dir/sock" ] && [ -S "$dir/sock.ctrl" ] && break
		sleep 0.05
	done
	[ -S "$dir/sock" ] || fail "swtpm does not start"
	tpm=swtpm:path=$dir/sock
	export TPM2TOOLS_TCTI=$tpm
}

# stop_tpm: end the latest TPM, as a machine that is switched off does.
stop_tpm() {
	local pid=${swtpm_pids[-1]}
	kill "$pid"
	wait "$pid" 2>/dev/null || true
	unset 'swtpm_pids[-1]'
}

# stopped PID: what a test has ended itself. The kernel gives the number to others.
stopped() {
	local i
	for i in "${!swtpm_pids[@]}"; do
		[ "${swtpm_pids[i]}" != "$1" ] || unset 'swtpm_pids[i]'
	done
}

proxy=
# proxied FAULT: put tpm_proxy.py on the wire to the TPM in $TMP/tpm; sets wire to its TCTI. It comes in
# place of one that is there, and is the first among the processes to clean up: stop_tpm() takes the last for
# a TPM.
# shellcheck disable=SC2034 # the test reads wire
proxied() {
	unproxied
	/usr/bin/python3 "$here/tpm_proxy.py" "$TMP/tpm/sock" "$TMP/proxy" "$1" &
	proxy=$!
	swtpm_pids=("$proxy" "${swtpm_pids[@]}")
	for _ in $(seq 100); do
		[ -S "$TMP/proxy" ] && break
		sleep 0.05
	done
	wire=swtpm:path=$TMP/proxy
}

unproxied() {
	# shellcheck disable=SC2034
	wire=
	if [ -n "$proxy" ]; then
		kill "$proxy"
		swtpm_pids=("${swtpm_pids[@]:1}")
		proxy=
	fi
	rm -f "$TMP/proxy" "$TMP/proxy.ctrl"
}

# measure PCR TEXT: extend a PCR as firmware would.
measure() {
	tpm2_pcrextend "$1:sha256=$(printf '%s' "$2" | sha256sum | cut -d ' ' -f 1)"
}

# A boot chain: what firmware and kernel would have measured into 4, 7 and 9.
measure_boot() {
	measure 4 "kernel image"
	measure 7 "secure boot state"
	measure 9 "${1:-initrd and command line}"
}

# vm_kernel SERIES: the kernel of a guest that could run in either machine: User Mode Linux's where it was
# built, which is faster.
vm_kernel() {
	if "$here/../vm/uml/kernel" --have "$1-uml" "$BUILD/kernels/$1-uml"; then
		echo "$1-uml"
	else
		echo "$1"
	fi
}

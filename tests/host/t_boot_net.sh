#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: at boot the servers of tpm2-net and a person race, with the TPM capped before, and without network the question comes at once
# group: host boot tpm
# seconds: 60
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/tang.sh
. "$here/tang.sh"

export FVE_PROVIDERS=${FVE_PROVIDERS:-$BUILD/san} FVE_CONFIG=$TMP/etc FVE_ROOT_TIMEOUT=40
root=$TMP/root.img
typist=$here/typist.py
power_on() {
	[ ${#swtpm_pids[@]} = 0 ] || stop_tpm
	start_tpm "$TMP/tpm"
	measure_boot "$@" >/dev/null
}
table() {
	echo "root $root - initrd,$1" >"$TMP/fvetab"
}
unlocking() {
	echo "$fvesetup" boot-unlock --in-initrd --test --tpm "$tpm" --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"
}
# person STATUS ANSWER...: at a terminal; "..." is no answer.
person() {
	local want=$1
	shift
	# shellcheck disable=SC2046 # words of a command
	expect "$want" "$typist" "$@" -- $(unlocking)
}
# nobody STATUS
nobody() {
	# shellcheck disable=SC2046
	expect "$1" $(unlocking) </dev/null
}
opened_by() {
	expect_text "root ($root) opened by protector $1"
}
capped() {
	expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-net "$root" </dev/null
	expect_text "PCR 15 (cap after unlock)"
}
said_not() {
	! grep -q -- "$1" "$TMP/out" || fail "it says: $1"
}

mkdir "$FVE_CONFIG"
for name in a b; do
	tang_server "$name"
	echo "127.0.0.1:${ports[$name]}" >>"$FVE_CONFIG/tang"
done
echo "root=/dev/mapper/root" >"$TMP/cmdline"
power_on
new_image "$root"
format "$root" --protector tpm2-net --tpm "$tpm" --net "tang://127.0.0.1:${ports[a]}/$(signing a)" \
	--net "tang://127.0.0.1:${ports[b]}/$(signing b)"
pass=$(cat "$TMP/pass")
printf 123456 >"$TMP/pin"

echo "--- servers up: open at once, nobody answers anything; the TPM is capped"
power_on
table net
within 20000 person 0 ...
opened_by tpm2-net
capped
power_on
nobody 0
opened_by tpm2-net

echo "--- not asked for in the table: no server is asked, the question comes at once"
power_on
table tries=1
person 0 "$pass"
opened_by passphrase
said_not 'in the network'
capped

echo "--- one is down, or a black hole: the other opens, while the question stands"
stop a
table net
for program in "" "sleep 60"; do
	[ -z "$program" ] || serve a "$program"
	for _ in 1 2 3; do
		power_on
		within 20000 person 0 ...
		opened_by tpm2-net
	done
done
stop a

echo "--- no network at all: the question at once, the TPM capped before it, and the terminal as it was"
stop b
power_on
within 20000 person 0 --echo "$pass"
opened_by passphrase
expect_text 'the terminal echoes'
capped
power_on
person 0 wrong "$pass"
opened_by passphrase

echo "--- black holes hold up no answer"
for name in a b; do serve "$name" "sleep 60"; done
power_on
within 20000 person 0 "$pass"
opened_by passphrase
for name in a b; do stop "$name"; done

echo "--- a server that comes late opens under the open question, at a terminal, by an agent, and for nobody"
late() {
	(sleep 4; exec socat "TCP-LISTEN:${ports[b]},bind=127.0.0.1,reuseaddr,fork" "EXEC:$tang/tangd $TMP/b" 2>/dev/null) &
	pids[b]=$!
}
power_on
late
person 0 --echo ...
opened_by tpm2-net
expect_text 'the terminal echoes'
expect_text 'Passphrase or recovery password'
capped
stop b
power_on
late
nobody 0
opened_by tpm2-net
stop b
if command -v systemd-ask-password >/dev/null; then
	mkdir -p /run/systemd/ask-password
	power_on
	late
	# shellcheck disable=SC2046
	expect 0 $(unlocking) --agent </dev/null
	opened_by tpm2-net
	! grep -lF "fvesetup:$root" /run/systemd/ask-password/ask.* 2>/dev/null || fail "the question stays on the screen"
	stop b
fi

echo "--- nobody and no server: an end, and why; with net-timeout=0 there is none"
power_on
table net,net-timeout=2
within 20000 nobody 2
expect_text '(key-unreachable)'
expect_text 'server 2: unreachable'
expect_text 'did not open by itself'
capped
power_on
table net,net-timeout=0
# shellcheck disable=SC2046
expect 124 timeout 20 $(unlocking) </dev/null
capped

echo "--- deleted keys are told under the question"
for name in a b; do
	cp -r "$TMP/$name" "$TMP/$name.good"
	rm "$TMP/$name"/*.jwk
	"$tang/tangd-keygen" "$TMP/$name"
	serve "$name" "$tang/tangd $TMP/$name"
done
table net,net-timeout=2
power_on
nobody 2
expect_text '(key-absent)'
expect_text 'has deleted its key'
for name in a b; do
	rm -r "${TMP:?}/$name"
	mv "$TMP/$name.good" "$TMP/$name"
done

echo "--- another boot chain: the TPM keeps its share, and no server is asked"
table net
power_on "something else"
person 0 "$pass"
expect_text '(pcr-mismatch)'
said_not 'in the network'
opened_by passphrase

echo "--- another volume than the machine had: not ours, whatever the servers say"
table "net,identity=$(printf '%064d' 7)"
power_on
person 0 ... "$pass"
expect_text '(not-ours)'
expect_text 'NOT the volume that this machine had'
opened_by passphrase
said_not 'opened by protector tpm2-net'
power_on
nobody 2
expect_text '(not-ours)'

echo "--- recovery on the command line leaves the servers alone"
echo "root=/dev/mapper/root rd.fve.recovery=1" >"$TMP/cmdline"
table net
power_on
person 0 "$(cat "$root.rec")"
opened_by recovery
said_not 'in the network'
echo "root=/dev/mapper/root" >"$TMP/cmdline"

echo "--- beside a PIN: the server opens while it is asked for, and no try is counted; without one the PIN opens"
power_on
expect 0 "$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" --new-key-file "$TMP/pin" "$root" tpm2-pin
tries() {
	tpm2_getcap properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: *//p'
}
power_on
before=$(tries)
person 0 ...
expect_text 'PIN of'
opened_by tpm2-net
capped
[ "$(tries)" = "$before" ] || fail "a try was counted"
table "net,identity=$(printf '%064d' 7)"
for name in a b; do stop "$name"; done
power_on
late # so that the question stands when the answer comes
person 0 ... "$pass"
stop b
expect_text '(not-ours)'
[ "$(grep -c 'PIN of' "$TMP/out")" = 1 ] || fail "a PIN is asked for once more, for a volume that is not ours"
opened_by passphrase
table net
power_on
within 20000 person 0 123456
opened_by tpm2-pin

echo "--- a volume that takes its key from the root opens with it"
for name in a b; do serve "$name" "$tang/tangd $TMP/$name"; done
data=$TMP/data.img
new_image "$data"
format "$data"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" --other-key-file "$TMP/pass" "$data" "auto,volume=$root"
table net
echo "data $data - initrd" >>"$TMP/fvetab"
power_on
person 0 ...
opened_by tpm2-net
expect_text "data ($data) opened by protector auto"
echo "all as expected"

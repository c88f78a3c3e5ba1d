#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a recovery password counts only when its packet was acknowledged, and a used one dies only after that
# group: host
. "$(dirname "$0")/lib.sh"
fvesetup=${FVESETUP:-$BUILD/fvesetup} # most of this is waiting for processes to start
if [ -z "${ESCROW_NAMESPACE-}" ]; then # boot-finish has its notes in /run
	trap - EXIT
	exec env ESCROW_NAMESPACE=1 unshare --mount "$0" "$@"
fi
mount -t tmpfs tmpfs /run

export FVE_STATE=$TMP/state
image=$TMP/volume.img
new_image "$image"
printf 'correct horse' >"$TMP/pass"

# certificate NAME ALGORITHM...
certificate() {
	openssl req -x509 -nodes -newkey "${@:2}" -keyout "$TMP/$1.key" -out "$TMP/$1.pem" -subj "/CN=$1" \
		-days 2 2>/dev/null
}
certificate org rsa:3072
certificate second ec -pkeyopt ec_paramgen_curve:P-256
certificate other rsa:2048
certificate weak rsa:1024
org=(--escrow "$TMP/org.pem" --escrow-key "$TMP/org.key")
both=(--escrow "$TMP/org.pem" --escrow "$TMP/second.pem")

# acknowledge PACKET ACK OPTION...: what the organisation does, as soon as the packet is there.
acknowledge() {
	for _ in $(seq 600); do
		[ ! -s "$1" ] || break
		sleep 0.1
	done
	"$BUILD/fvesetup" escrow ack "${@:3}" "$1" "$2"
}
ids() {
	"$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "recovery") | .id'
}
opens() {
	"$fvesetup" open --test --key-file "$1" "$image" 2>/dev/null
}
packet() {
	gate=(--escrow-file "$TMP/$1.cms" --ack-file "$TMP/$1.ack" --timeout "${2-60}")
}

echo "--- refused before anything is written"
packet p
sum=$(sha256sum "$image")
expect 1 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" "${both[@]}" "$image"
expect 1 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" "${gate[@]}" "$image"
expect 1 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" --escrow "$TMP/weak.pem" "${gate[@]}" "$image"
expect 4 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" --escrow "$TMP/none.pem" "${gate[@]}" "$image"
expect 1 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" --escrow "$TMP/org.key" "${gate[@]}" "$image"
expect 1 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" --no-recovery "${both[@]}" "${gate[@]}" "$image"
[ "$sum" = "$(sha256sum "$image")" ] || fail "something was written"
[ ! -e "$TMP/p.cms" ] || fail "a packet was written"

echo "--- format: nothing opens the volume without an acknowledgement"
packet p 1
expect 2 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" "${both[@]}" "${gate[@]}" "$image"
expect_text "was not acknowledged"
[ ! -e "$TMP/p.cms" ] || fail "its packet is still there"
! opens "$TMP/pass" || fail "it opens"
packet p
acknowledge "$TMP/p.cms" "$TMP/p.ack" "${org[@]}" &
expect 0 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" "${both[@]}" "${gate[@]}" "$image"
wait
opens "$TMP/pass"
! grep -qE '[0-9]{6}-[0-9]{6}' "$TMP/out" || fail "the password was printed"

escrowed() { # of each protector: kind and whether it is escrowed
	"$fvesetup" protector list --json "$image" | jq -r '.protectors[] | "\(.kind) \(.escrowed)"' | sort | paste -sd ,
}
[ "$(escrowed)" = 'passphrase null,recovery true' ] || fail "escrowed: $(escrowed)"
[ "$(FVE_STATE=$TMP/elsewhere escrowed)" = 'passphrase null,recovery false' ] || fail "escrowed, as a machine knows that has no log"

echo "--- the packet: for either key, and for openssl; not for another"
expect 0 "$fvesetup" escrow verify "${org[@]}" "$TMP/p.cms" "$image"
expect_text "by recovery password $(ids)"
expect 0 "$fvesetup" escrow verify --escrow "$TMP/second.pem" --escrow-key "$TMP/second.key" "$TMP/p.cms" "$image"
expect 2 "$fvesetup" escrow verify --escrow "$TMP/other.pem" --escrow-key "$TMP/other.key" "$TMP/p.cms" "$image"
expect 0 "$fvesetup" escrow import "${org[@]}" "$TMP/p.cms" "$TMP/rec"
expect_text "of volume $(blkid -p -s UUID -o value "$image")"
openssl cms -decrypt -inform DER -in "$TMP/p.cms" -recip "$TMP/org.pem" -inkey "$TMP/org.key" >"$TMP/plain"
[ "$(jq -r .recovery "$TMP/plain")" = "$(cat "$TMP/rec")" ] || fail "openssl reads another password"
openssl cms -cmsout -print -inform DER -in "$TMP/p.cms" >"$TMP/print"
grep -q aes-256-gcm "$TMP/print" && grep -q rsaesOaep "$TMP/print" && ! grep -qi sha1 "$TMP/print" ||
	fail "not as it should be encrypted"
opens "$TMP/rec"
size=$(stat -c %s "$TMP/p.cms")
for at in $((FVE_SEED % size)) $((size - 1)) $((size / 2)); do
	cp "$TMP/p.cms" "$TMP/damaged"
	printf '\x%02x' $((0x$(xxd -s "$at" -l 1 -p "$TMP/p.cms") ^ 1)) |
		dd of="$TMP/damaged" bs=1 seek="$at" conv=notrunc status=none
	! "$fvesetup" escrow import "${org[@]}" "$TMP/damaged" >"$TMP/out" 2>&1 ||
		[ "$(tail -n 1 "$TMP/out")" = "$(cat "$TMP/rec")" ] || fail "a damaged packet gives another password"
done

echo "--- on another machine, with a TPM that knows nothing, in one command"
"$fvesetup" escrow import "${org[@]}" "$TMP/p.cms" | "$fvesetup" open --test --key-file - "$image"

echo "--- rotation: acknowledgements that are none, then one"
old=$(ids)
"$fvesetup" escrow ack "${org[@]}" "$TMP/p.cms" "$TMP/elsewhere.ack"
rotate() {
	"$fvesetup" rotate recovery -q --key-file "$TMP/pass" "${both[@]}" "${gate[@]}" "$image"
}
for bad in nothing garbage another-packet another-key; do
	packet r 2
	case $bad in
	garbage) echo yes >"$TMP/r.ack" ;;
	another-packet) cp "$TMP/elsewhere.ack" "$TMP/r.ack" ;;
	another-key)
		acknowledge "$TMP/r.cms" "$TMP/r.ok" "${org[@]}" &&
			openssl cms -verify -noverify -inform PEM -in "$TMP/r.ok" 2>/dev/null |
			openssl cms -sign -nodetach -binary -outform PEM -signer "$TMP/other.pem" \
				-inkey "$TMP/other.key" -out "$TMP/r.ack" &
		packet r 10
		;;
	esac
	expect 2 rotate
	wait
	[ "$bad" != another-key ] || [ -s "$TMP/r.ack" ] || fail "no other signature was tried"
	rm -f "$TMP/r.ack"
	[ "$(ids)" = "$old" ] || fail "after $bad"
	opens "$TMP/rec"
done
packet r
acknowledge "$TMP/r.cms" "$TMP/r.ack" "${org[@]}" &
expect 0 rotate
wait
[ "$(ids)" != "$old" ] && [ "$(ids | wc -l)" = 1 ] || fail "not replaced"
! opens "$TMP/rec" || fail "the old one still opens"
expect 0 "$fvesetup" escrow verify "${org[@]}" "$TMP/r.cms" "$image"
expect 2 "$fvesetup" escrow verify "${org[@]}" "$TMP/p.cms" "$image"

echo "--- killed while it waits: both open, and the packet is there"
packet k
rotate 2>/dev/null &
pid=$!
for _ in $(seq 600); do
	[ ! -s "$TMP/k.cms" ] || break
	sleep 0.1
done
pkill -KILL -P "$pid" fvesetup || kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
[ "$(ids | wc -l)" = 2 ] || fail "not two"
expect 0 "$fvesetup" escrow verify "${org[@]}" "$TMP/k.cms" "$image"
expect 0 "$fvesetup" escrow verify "${org[@]}" "$TMP/r.cms" "$image"

echo "--- added; and one that was made without escrow"
packet a
acknowledge "$TMP/a.cms" "$TMP/a.ack" --escrow "$TMP/second.pem" --escrow-key "$TMP/second.key" &
expect 0 "$fvesetup" protector add --key-file "$TMP/pass" "${both[@]}" "${gate[@]}" "$image" recovery
wait
expect 1 "$fvesetup" protector add --key-file "$TMP/pass" "${both[@]}" "${gate[@]}" "$image" passphrase
expect 0 "$fvesetup" protector add --key-file "$TMP/pass" --recovery-file "$TMP/plainrec" "$image" recovery
"$fvesetup" protector list --json "$image" | jq -e '[.protectors[].escrowed] | contains([true, false, null])' >/dev/null ||
	fail "the recovery password that was not escrowed is not told from the others"
expect 0 "$fvesetup" escrow export --escrow "$TMP/org.pem" --key-file "$TMP/plainrec" "$image" "$TMP/e.cms"
expect 0 "$fvesetup" escrow verify "${org[@]}" "$TMP/e.cms" "$image"
expect 5 "$fvesetup" escrow export --escrow "$TMP/org.pem" --key-file "$TMP/plainrec" "$image" "$TMP/e.cms"
expect 2 "$fvesetup" escrow export --escrow "$TMP/org.pem" --key-file "$TMP/rec" "$image" "$TMP/f.cms"
expect 1 "$fvesetup" escrow export --escrow "$TMP/org.pem" --key-file "$TMP/pass" "$image" "$TMP/f.cms"

echo "--- a password that a boot has used is replaced by boot-finish, after the acknowledgement"
"$fvesetup" escrow import "${org[@]}" "$TMP/e.cms" "$TMP/used"
used=$("$fvesetup" escrow verify "${org[@]}" "$TMP/e.cms" "$image" | sed 's/.* //')
mkdir -p "$TMP/new" "$TMP/keys"
expect 0 "$fvesetup" protector add --force --key-file "$TMP/pass" "$image" "auto,file=$TMP/keys/self"
printf 'data %s - new-recovery=%s,escrow=%s\n' "$image" "$TMP/new" "$TMP/org.pem" >"$TMP/fvetab"
mkdir -p /run/fve/boot
printf 'recovery %s none\n' "$used" >/run/fve/boot/data
(
	for _ in $(seq 600); do
		set -- "$TMP"/new/*.cms
		[ ! -s "$1" ] || break
		sleep 0.1
	done
	"$BUILD/fvesetup" open --test --key-file "$TMP/used" "$image" && touch "$TMP/still-opens"
	"$BUILD/fvesetup" escrow ack "${org[@]}" "$1" "${1%.cms}.ack"
) &
expect 0 "$fvesetup" boot-finish --fvetab "$TMP/fvetab" --kernel-cmdline /dev/null
wait
[ -e "$TMP/still-opens" ] || fail "the used one died before the acknowledgement"
! opens "$TMP/used" || fail "the used one still opens"
set -- "$TMP"/new/*.cms
# It is called as the prompt calls it.
[ "$(basename "$1" .cms)" = "$(cryptsetup luksUUID "$image" | cut -c -8)-$(ids | tail -n 1)" ] ||
	[ "$(basename "$1" .cms)" = "$(cryptsetup luksUUID "$image" | cut -c -8)-$(ids | head -n 1)" ] ||
	fail "it is called $1"
expect 0 "$fvesetup" escrow verify "${org[@]}" "$1" "$image"
grep -q '^recovery replaced ' /run/fve/boot/data || fail "it would be replaced once more"

echo "--- what was done is in the audit log"
expect 0 "$fvesetup" audit show
[ "$(grep -c ' escrow-acknowledged ' "$TMP/out")" = 4 ] || fail "acknowledged"
[ "$(grep -c ' escrow-not-acknowledged ' "$TMP/out")" = 5 ] || fail "not acknowledged"

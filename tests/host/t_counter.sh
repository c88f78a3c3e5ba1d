#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a volume's counter leaves the TPM with the last protector there, with release, with erase and with a new format, and no other volume's does; what an old header approved stays revoked; a TPM without room is told before anything is written; one that is nobody's can be freed
# group: host fast tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
start_tpm "$TMP/tpm"
measure_boot

counters() {
	tpm2_getcap handles-nv-index | grep -i '0x18465' | sed 's/^- //' | sort | paste -s -d ' '
}
id_of() {
	"$fvesetup" protector list --json "$image" | jq -r ".protectors[] | select(.kind == \"$1\").id"
}
policies() {
	cryptsetup luksDump --dump-json-metadata "$image" |
		jq '[.tokens[] | select(.type == "fve-policy")] | length'
}
value() {
	"$fvesetup" tpm status --json --tpm "$tpm" "$image" | jq .counter.value
}

echo "--- another volume's counter, which has to stay throughout"
new_image "$TMP/other.img"
format "$TMP/other.img" --tpm "$tpm" --protector tpm2
other=$(counters)
[ -n "$other" ] || fail "no counter was made"
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2
both=$(counters)
[ "$both" != "$other" ] || fail "no second counter was made"
before=$(value)
cp "$image" "$TMP/old"

echo "--- formatted again, however often, its old counter goes; the other volume's stays"
for i in 1 2 3; do
	format "$image" --tpm "$tpm" --protector tpm2
	[ "$(counters | wc -w)" = "$(wc -w <<<"$both")" ] || fail "after format number $i: $(counters)"
	case " $(counters) " in *" $other "*) ;; *) fail "the other volume's counter went" ;; esac
	expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null
done
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$TMP/other.img" </dev/null
both=$(counters)
before=$(value)
cp "$image" "$TMP/old"

echo "--- formatted over what was ours and cannot be read: one line tells what stays, and it is no error"
# odd PYTHON TEXT: the header h of a copy is edited so; format goes on, and says just TEXT beside its result.
odd() {
	new_image "$TMP/odd.img"
	format "$TMP/odd.img" --tpm "$tpm" --protector tpm2
	/usr/bin/python3 "$here/luks2_edit.py" "$TMP/odd.img" json "$1"
	rm -f "$TMP/odd.img.rec"
	expect 0 "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" --protector passphrase \
		--recovery-file "$TMP/odd.img.rec" --tpm "$tpm" "$TMP/odd.img"
	expect_text "$2"
	! grep -q '^fvesetup:' "$TMP/out" || fail "an error of what is no error"
	[ "$(wc -l <"$TMP/out")" = 4 ] || fail "$(wc -l <"$TMP/out") lines"
	expect 0 "$fvesetup" open --test --key-file "$TMP/pass" "$TMP/odd.img"
}
odd 'h["config"]["requirements"] = {"mandatory": ["from-the-future"]}' 'cannot be read'
odd 'h["segments"]["0"]["encryption"] = "cipher_null-ecb"' 'cannot be read'
odd 'h["digests"]["0"]["type"] = "argon9"' 'cannot be read'
odd 'next(t for t in h["tokens"].values() if t["type"] == "fve-policy")["version"] = 99' 'of a later version'
[ "$(counters | wc -w)" = 6 ] || fail "counters: $(counters)"
for index in $(counters); do
	case " $both " in *" $index "*) ;; *) tpm2_nvundefine -Q -C o "$index" ;; esac
done
[ "$(counters)" = "$both" ] || fail "counters: $(counters)"

echo "--- with a second protector it stays, with the last one it goes, and the policy too"
printf '135792' >"$TMP/pin"
expect 0 "$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" \
	--new-key-file "$TMP/pin" "$image" tpm2-pin
expect 0 "$fvesetup" protector remove --tpm "$tpm" --key-file "$TMP/pass" "$image" "$(id_of tpm2)"
[ "$(counters) $(policies)" = "$both 1" ] || fail "the counter went with the first protector"
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"
expect 0 "$fvesetup" protector remove --tpm "$tpm" --key-file "$TMP/pass" "$image" "$(id_of tpm2-pin)"
[ "$(counters) $(policies)" = "$other 0" ] || fail "the counter or the policy stayed: $(counters)"
expect 0 "$fvesetup" header verify --key-file "$TMP/pass" "$image"

echo "--- an old header does not open, nor when there is a counter again: it never goes back"
cp "$TMP/old" "$TMP/copy"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$TMP/copy" </dev/null
expect_text policy-revoked
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
[ "$(counters)" = "$both" ] || fail "other counters than before"
[ "$(value)" -gt "$before" ] || fail "the counter went back, from $before to $(value)"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$TMP/copy" </dev/null
expect_text policy-revoked
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null

echo "--- without its TPM the protector goes all the same, and it is said what stays"
cp "$image" "$TMP/with"
expect 0 "$fvesetup" protector remove --tpm "swtpm:path=$TMP/none" --key-file "$TMP/pass" "$image" "$(id_of tpm2)"
expect_text tpm-absent
expect_text 'NV index 0x18465'
[ "$(counters)" = "$both" ] || fail "a counter went without a TPM"
cp "$TMP/with" "$image"
first=$tpm
start_tpm "$TMP/second"
measure_boot
new_image "$TMP/third.img"
format "$TMP/third.img" --tpm "$tpm" --protector tpm2
expect 0 "$fvesetup" protector remove --tpm "$tpm" --key-file "$TMP/pass" "$image" "$(id_of tpm2)"
expect_text tpm-other
[ -n "$(counters)" ] || fail "the counter of another volume went from another TPM"
stop_tpm
tpm=$first
export TPM2TOOLS_TCTI=$tpm
[ "$(counters)" = "$both" ] || fail "a counter went with another TPM"

echo "--- with release, and with erase"
cp "$TMP/with" "$image"
expect 0 "$fvesetup" release -q --tpm "$tpm" --key-file "$TMP/pass" "$image"
[ "$(counters)" = "$other" ] || fail "the counter stayed after a release"
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2
[ "$(counters)" = "$both" ] || fail "no counter for the new volume"
expect 0 "$fvesetup" erase -q --tpm "$tpm" "$image"
[ "$(counters)" = "$other" ] || fail "the counter stayed after erasing"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$TMP/other.img" </dev/null

echo "--- its own TPM answers with an error, or no more: all else is done, and the status and what to do are told"
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2
both=$(counters)
cp "$image" "$TMP/with"
# TPM2_NV_UndefineSpace: TPM_RC_FAILURE, or no more answer.
for fault in rc=122:101 dead=122; do
	for action in "release --key-file $TMP/pass" erase "format ${cheap[*]} --no-recovery --protector passphrase --key-file $TMP/pass" \
		"protector remove --key-file $TMP/pass"; do
		cp "$TMP/with" "$image"
		id=
		case $action in protector*) id=$(id_of tpm2) ;; esac
		proxied "$fault"
		# shellcheck disable=SC2086 # words
		expect 4 "$fvesetup" $action -q --tpm "$wire" "$image" $id
		unproxied
		expect_text "all else is done. To free it: fvesetup tpm counters --free 0x18465"
		[ "$(counters)" = "$both" ] || fail "the counter went: $action"
		case $action in
		release*) expect 0 cryptsetup open --test-passphrase --key-file "$TMP/pass" "$image" ;;
		erase) [ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq -c '[.keyslots, .tokens]')" = '[{},{}]' ] || fail "something was left" ;;
		format*) expect 0 "$fvesetup" open --test --key-file "$TMP/pass" "$image" ;;
		protector*) [ "$(id_of tpm2)" = '' ] || fail "the protector stayed" ;;
		esac
	done
done
cp "$TMP/with" "$image"
expect 0 "$fvesetup" erase -q --tpm "$tpm" "$image"
[ "$(counters)" = "$other" ] || fail "the counter stayed after erasing"

listed() {
	"$fvesetup" tpm counters --json --tpm "$tpm" | jq -r ".counters[] | select(.nv_index == $1) | [.state, .uuid] | @tsv"
}
# The machine of the test may not let it look at its disks; then nothing is freed without a word.
force=()
[ "$("$fvesetup" tpm counters --json --tpm "$tpm" | jq '.unseen | length')" = 0 ] || force=(--force)

echo "--- counters are listed with their volumes, also those of volumes that are not there"
uuid=$(cryptsetup luksUUID "$TMP/other.img")
[ "$(listed $((other)))" = "known"$'\t'"$uuid" ] || fail "$(listed $((other)))"
expect 0 "$fvesetup" tpm counters --tpm "$tpm"
expect_text "known     $uuid"
FVE_STATE=$TMP/stranger expect 0 "$fvesetup" tpm counters --tpm "$tpm"
expect_text "unknown   -"
tpm2_nvdefine -Q -C o -s 8 0x01846520
[ "$(listed $((0x01846520)))" = foreign$'\t' ] || fail "$(listed $((0x01846520)))"

echo "--- refused: what is no index, not in use, somebody else's, or not confirmed"
expect 1 "$fvesetup" tpm counters --free 0x18465xx --tpm "$tpm"
expect 1 "$fvesetup" tpm counters --free "$other" --json --tpm "$tpm"
expect 4 "$fvesetup" tpm counters --free 0x0184653f --tpm "$tpm"
expect 4 "$fvesetup" tpm counters --free 0x01000000 --tpm "$tpm"
expect 4 "$fvesetup" tpm counters --free 0x01846520 --force -q --tpm "$tpm"
expect_text tpm2_nvundefine
tpm2_nvundefine -Q -C o 0x01846520
expect 1 "$fvesetup" tpm counters --free "$other" "${force[@]}" --tpm "$tpm" </dev/null
[ -z "${force[*]}" ] || expect 2 "$fvesetup" tpm counters --free "$other" -q --tpm "$tpm"
expect 4 "$fvesetup" tpm counters --tpm "swtpm:path=$TMP/none"
tpm2_changeauth -c owner secret
expect 2 "$fvesetup" tpm counters --free "$other" -q "${force[@]}" --tpm "$tpm"
expect_text tpm-owned
tpm2_changeauth -c owner -p secret
[ "$(counters)" = "$other" ] || fail "a counter went: $(counters)"

echo "--- one that a power cut left before its first use is taken, and none is made beside it"
new_image "$image"
format "$image"
printf 'fve counter %s' "$(cryptsetup luksUUID "$image")" | openssl dgst -sha256 -binary >"$TMP/policy"
tpm2_nvdefine -Q -C o -g sha256 -s 8 -a 'nt=counter|authread|authwrite|no_da' -L "$TMP/policy" 0x01846508
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null
[ "$(counters)" = "$other 0x1846508" ] || fail "another one was made: $(counters)"

echo "--- freed, it is gone, and what opened by it says so"
expect 0 "$fvesetup" tpm counters --free 0x1846508 -q "${force[@]}" --tpm "$tpm"
[ "$(counters)" = "$other" ] || fail "not freed, or more than that: $(counters)"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null
expect_text policy-revoked
expect 0 "$fvesetup" open --test --tpm "$tpm" "$TMP/other.img" </dev/null

echo "--- a TPM without room: one line before anything is written, of format and of protector add"
# A TPM keeps some of its room for counters; so these come last.
next=$((0x01000000))
for kind in '1024 authread|authwrite' '8 authread|authwrite' '8 nt=counter|authread|authwrite|no_da'; do
	while tpm2_nvdefine -Q -C o -s "${kind% *}" -a "${kind#* }" "$(printf 0x%x $next)" 2>"$TMP/full"; do
		next=$((next + 1))
	done
	grep -q 'insufficient space' "$TMP/full" || fail "$(cat "$TMP/full")"
done
new_image "$TMP/full.img"
mkfs.ext4 -q -F "$TMP/full.img"
before=$(sha256sum <"$TMP/full.img")
expect 5 "$fvesetup" format -q "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" --protector passphrase \
	--protector tpm2 --recovery-file "$TMP/full.rec" "$TMP/full.img"
expect_text tpm-full
expect_text 'fvesetup tpm counters'
[ "$(wc -l <"$TMP/out")" = 1 ] || fail "more than one line"
[ "$before" = "$(sha256sum <"$TMP/full.img")" ] || fail "a refusal changed the device"
[ ! -e "$TMP/full.rec" ] || fail "a recovery password was made"
format "$TMP/full.img"
before=$(sha256sum <"$TMP/full.img")
new=()
for kind in tpm2 tpm2-pin tpm2-key; do
	[ "$kind" = tpm2 ] || new=(--new-key-file "$TMP/pin")
	[ "$kind" != tpm2-key ] || new=(--new-key-file "$TMP/new.key")
	expect 5 "$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" "${new[@]}" \
		"$TMP/full.img" "$kind"
	expect_text tpm-full
	[ "$(wc -l <"$TMP/out")" = 1 ] || fail "more than one line"
	[ "$before" = "$(sha256sum <"$TMP/full.img")" ] || fail "a refusal changed the header"
	[ ! -e "$TMP/new.key" ] || fail "a startup key was left"
done
expect 0 "$fvesetup" tpm counters --free "$other" -q "${force[@]}" --tpm "$tpm"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$TMP/full.img" tpm2

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a volume's counter leaves the TPM with the last protector there, with release, with erase and with a new format, and no other volume's does; what an old header approved stays revoked
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

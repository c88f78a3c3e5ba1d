#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: an erased factor of a tenant is in no copy of the table, however old; the others stay
# group: host tpm
. "$(dirname "$0")/lib.sh"

probe=$BUILD/tools/factors_probe
table=$TMP/state/factors
export FVE_STATE=$TMP/state
a=0a0a0a0a-0000-4000-8000-000000000001
b=0b0b0b0b-0000-4000-8000-000000000002
c=0c0c0c0c-0000-4000-8000-000000000003
slot_a=0x01846540
slot_b=0x01846541

start_tpm "$TMP/tpm"

run() {
	"$probe" "$tpm" "$1" "$2"
}

echo "== no table: nobody has a factor"
expect 1 run get $a
run add $a >"$TMP/a"
run add $b >"$TMP/b"
cmp -s "$TMP/a" "$TMP/b" && fail "two tenants have one factor"
[ "$(run get $a)" = "$(cat "$TMP/a")" ] || fail "the factor of A changed"
[ "$(run get $b)" = "$(cat "$TMP/b")" ] || fail "the factor of B changed"
expect 1 run add $a
! base64 -d "$table" | xxd -p | tr -d '\n' | grep -qF "$(head -c 16 "$TMP/a")" || fail "the table holds a factor in clear"
[ "$(stat -c %a "$table")" = 600 ] || fail "others may read the table"

echo "== a table that cannot be written: nothing is erased"
cp "$table" "$TMP/before"
mkdir "$table.new"
expect 1 run erase $a
rmdir "$table.new"
cmp "$table" "$TMP/before" || fail "a failed erasure changed the table"
[ "$(run get $a)" = "$(cat "$TMP/a")" ] || fail "a failed erasure lost the factor of A"

echo "== erased: not by this table, nor by any older one; B keeps its factor"
run erase $a
expect 1 run get $a
[ "$(run get $b)" = "$(cat "$TMP/b")" ] || fail "B lost its factor"
cp "$table" "$TMP/after"
cp "$TMP/before" "$table"
expect 1 run get $a
expect_text "erased its key"
expect 1 run get $b
cp "$TMP/after" "$table"
run erase $a

echo "== power went before the old key was overwritten: the next reader does it"
head -c 32 /dev/urandom >"$TMP/stale"
tpm2_nvwrite -Q -C $slot_a -i "$TMP/stale" $slot_a
run get $b >"$TMP/out"
cmp "$TMP/out" "$TMP/b"
tpm2_nvread -C $slot_a $slot_a 2>/dev/null | cmp - <(head -c 32 /dev/zero) || fail "the old key is still there"

echo "== both slots in turn"
run add $c >"$TMP/c"
for i in 1 2 3; do
	run add $a >"$TMP/a$i"
	run erase $a
	[ "$(run get $b)" = "$(cat "$TMP/b")" ] && [ "$(run get $c)" = "$(cat "$TMP/c")" ] || fail "round $i"
done
cmp -s "$TMP/a1" "$TMP/a2" && fail "a factor came back"
zero=0
for slot in $slot_a $slot_b; do
	tpm2_nvread -C "$slot" "$slot" 2>/dev/null | cmp -s - <(head -c 32 /dev/zero) && zero=$((zero + 1))
done
[ "$zero" = 1 ] || fail "$zero of two slots are empty instead of one"

echo "== a flipped byte, another TPM, a lost table: refused, and nothing is made anew by itself"
cp "$table" "$TMP/good"
head -c 100 "$table" >"$TMP/cut"
printf A >>"$TMP/cut"
tail -c +102 "$TMP/good" >>"$TMP/cut"
cmp -s "$TMP/cut" "$table" && printf B | dd of="$TMP/cut" bs=1 seek=100 conv=notrunc status=none
cp "$TMP/cut" "$table"
expect 1 run get $b
expect 1 run add $a
rm "$table"
expect 1 run add $a
expect_text "bring it back"
[ ! -e "$table" ] || fail "a new table in place of a lost one"
cp "$TMP/good" "$table"
[ "$(run get $b)" = "$(cat "$TMP/b")" ] || fail "B lost its factor"
rm "$table"
expect 1 run add $b
tpm2_nvundefine -Q -C o "$slot_a"
tpm2_nvundefine -Q -C o "$slot_b"
run add $a >/dev/null
cp "$TMP/good" "$table"
expect 1 run get $b
stop_tpm
start_tpm "$TMP/other"
tpm2_createprimary -Q -c "$TMP/srk" && tpm2_evictcontrol -Q -c "$TMP/srk" 0x81000001
expect 1 run get $b
expect_text "tpm-other"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: volumes marked netdev are opened with the network and not before, ask nobody, and say why they stay closed
# group: host boot services
# timeout: 600
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
hsm_namespace "$@"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

start_softhsm
start_opencryptoki
start_tpm "$TMP/tpm"
exec </dev/null

volume=$TMP/data.img
new_image "$volume"
format "$volume"
"$fvesetup" policy create acme --plain --root-a "$uri_softhsm" --root-b "$uri_opencryptoki" \
	--availability-key "$TMP/custodian" --tpm "$tpm"
"$fvesetup" policy assign acme "$volume" --key-file "$TMP/pass" --tpm "$tpm"
cat >"$TMP/fvetab" <<END
local $TMP/none.img - nofail,timeout=0
data $volume customer-key netdev
END
: >"$TMP/cmdline"

boot() {
	"$fvesetup" boot-unlock --test --tpm "$tpm" --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline" "$@"
}

echo "--- before the network: not touched; with it: open, by a root"
expect 0 boot
! grep -q "data (" "$TMP/out" || fail "a volume marked netdev was opened before the network"
expect 0 boot --network
expect_text "data ($volume) opened by protector customer-key"
! grep -q "none.img" "$TMP/out" || fail "another volume was looked for"

echo "--- the initramfs waits for no network: such a line opens nothing, and that is an error"
cp "$TMP/fvetab" "$TMP/fvetab.good"
echo "both $volume - netdev,initrd" >>"$TMP/fvetab"
expect 1 boot
expect_text 'initrd or netdev'
expect 1 boot --network
expect_text "data ($volume) opened by protector customer-key"
mv "$TMP/fvetab.good" "$TMP/fvetab"

echo "--- one store is down: the other opens; both: closed, and nobody is asked"
stop_opencryptoki
expect 0 boot --network
mv "$TMP/softhsm" "$TMP/softhsm.away"
expect 2 boot --network
sed -i 's/netdev$/netdev,nofail/' "$TMP/fvetab"
expect 2 boot --network # so that it is tried again
expect_text 'key-'
expect_text 'data stays closed'
! grep -qi 'passphrase\|password' "$TMP/out" || fail "somebody was asked"
mv "$TMP/softhsm.away" "$TMP/softhsm"
start_opencryptoki
expect 0 boot --network

echo "--- denied: closed, and it stays so"
forbid_key "$softhsm" soft 1234 root
forbid_key "$opencryptoki" ock 24681357 root
expect 2 boot --network
expect_text key-denied
expect 2 boot --network
expect_text policy-suspended

echo "--- units: the device waits for the network's unit, and the boot wants it"
mkdir "$TMP/units"
expect 0 "$fvesetup" boot-generator "$TMP/units" --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"
grep -q "After=fve-unlock-network.service" "$TMP/units/dev-mapper-data.device.d/50-fve.conf" || fail "data does not wait"
grep -q "After=fve-unlock.service" "$TMP/units/dev-mapper-local.device.d/50-fve.conf" || fail "local does not wait"
[ -L "$TMP/units/multi-user.target.wants/fve-unlock-network.service" ] || fail "nothing wants the unit"
systemd-analyze verify --man=no userspace/systemd/fve-unlock-network.service 2>&1 | tee "$TMP/out"
! grep -q "fve-unlock-network.*\(Unknown\|Failed to parse\)" "$TMP/out" || fail "the unit is malformed"

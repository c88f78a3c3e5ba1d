#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: under Secure Boot a signed module loads; without one, open says why and uses dm-crypt
# group: boot secure-boot
# timeout: 1800
# kernels: 6.1
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/../host/lib.sh"

top=$(cd "$here/../.." && pwd)
release=$("$top/tests/vm/kernel" --print release "$FVE_KERNEL")
module=$BUILD/$release/dm-fve.ko
stranger=$("$top/tests/vm/sign" key stranger)

mkdir "$TMP/modules"
cp "$module" "$TMP/modules/unsigned.ko"
cp "$("$top/tests/vm/sign" module "$FVE_KERNEL" "$module")" "$TMP/modules/signed.ko"
cp "$("$top/tests/vm/sign" module "$FVE_KERNEL" "$module" "$stranger" "${stranger%.key}.pem")" \
	"$TMP/modules/stranger.ko"

cat >"$TMP/guest.sh" <<'END'
. "$TESTS/vm/lib.sh"
cheap=(--iter-time 1 --pbkdf-memory 32)
printf 'correct horse' >pass

step "Secure Boot is on, and the kernel locked down"
assert_eq "$(od -An -tx1 -j4 /sys/firmware/efi/efivars/SecureBoot-* | tr -d ' ')" 01 SecureBoot
assert_match "$(cat /sys/kernel/security/lockdown)" '\[integrity\]' lockdown

step "a module without a signature, or with a stranger's, is refused"
modprobe -a dm-mod dm-crypt
for name in unsigned stranger; do
	log_mark
	got=$(insmod modules/$name.ko 2>&1) && fail "the $name module was loaded"
	assert_match "$got" "Key was rejected by service" "insmod of $name"
	assert_match "$(log_since_mark)" "Loading of (unsigned module|module with unavailable key) is rejected" "kernel log"
done

step "the volume opens through dm-crypt, and it is said why"
fvesetup format -q "${cheap[@]}" --protector passphrase --key-file pass --recovery-file rec /dev/vda
out=$(fvesetup open --key-file pass /dev/vda data 2>&1)
echo "$out"
assert_match "$out" "module-missing" "what open said"
assert_match "$out" "Key was rejected by service" "what open said"
assert_match "$(dmsetup table data)" " crypt " "table"
assert_match "$(fvesetup status data)" "module-missing" "status"
head -c 1M /dev/urandom >/dev/mapper/data
sum=$(head -c 1M /dev/mapper/data | sha256sum)
fvesetup close data

step "--target fve refuses"
got=0
out=$(fvesetup open --target fve --key-file pass /dev/vda data 2>&1) || got=$?
echo "$out"
assert_eq "$got" 4 "exit status"
assert_match "$out" "module-missing" "what open said"
assert_match "$out" "Key was rejected by service" "what open said"
[ ! -e /dev/mapper/data ] || fail "a mapping was left"

step "a module that is signed with a key the firmware trusts is loaded, and reads the same"
cp modules/signed.ko "$(modinfo -n dm-fve)"
fvesetup open --target fve --key-file pass /dev/vda data
assert_match "$(dmsetup table data)" " fve " "table"
assert_eq "$(head -c 1M /dev/mapper/data | sha256sum)" "$sum" "data"
fvesetup close data
END
truncate -s 32M "$TMP/disk"
"$top/tests/vm/vm" --kernel "$FVE_KERNEL" --uefi "$TMP/vars.fd" --secure-boot --timeout 1600 \
	--disk "$TMP/disk" --include "$TMP/modules" "$TMP/guest.sh"

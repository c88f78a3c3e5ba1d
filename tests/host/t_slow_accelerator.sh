#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: an accelerator that hangs on one mapping's key stops neither reads nor writes of another
# group: host fault
# kernels: all
#
# The accelerator is a model (tests/bench/model_cipher), the guest has one CPU.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

vm=$here/../vm
kernel=$(vm_kernel "${FVE_KERNEL:-6.1}")
arch=()
[[ $kernel != *-uml ]] || arch=(ARCH=um)
cp -r "$here/../bench/model_cipher" "$TMP/"
make -s -C "$("$vm/kernel" --print kbuild "$kernel")" M="$TMP/model_cipher" "${arch[@]}" \
	CONFIG_DEBUG_INFO_BTF_MODULES= modules

cat >"$TMP/script" <<'END'
. "$TESTS/vm/lib_kernel.sh"
load_fve
ram_disk 16
make_key good 64
{
	printf '\xff'
	head -c 63 "$scratch/good.key"
} >"$scratch/bad.key"
add_key logon test:bad <"$scratch/bad.key"
insmod /root/model_cipher.ko async=1 us_per_page=0
half=$((ram_sectors / 2))
create bad "$(table_line fve $half bad 0 "$ram" 0)"
create good "$(table_line fve $half good 0 "$ram" $half)"
dd if=/dev/urandom of=/dev/mapper/bad bs=64k count=8 oflag=direct status=none
udevadm settle
assert_eq "$(status good engine)" kapi "engine"

step "four readers and writers hang"
echo 1 >/sys/module/model_cipher/parameters/hang
for i in 1 2; do
	dd if=/dev/mapper/bad of="$scratch/read.$i" bs=64k count=8 iflag=direct status=none &
	dd if=/dev/zero of=/dev/mapper/bad bs=64k count=8 seek=$((8 * i)) oflag=direct status=none &
done
sleep 1
deferred=$(status good deferred)
timeout -s KILL 30 dd if=/dev/urandom of=/dev/mapper/good bs=64k count=16 oflag=direct status=none ||
	fail "a neighbour's writes hang, too"
timeout -s KILL 30 dd if=/dev/mapper/good of=/dev/null bs=64k count=16 iflag=direct status=none ||
	fail "a neighbour's reads hang, too"
[ "$(status good deferred)" -ge $((deferred + 32)) ] || fail "nothing went through workers: no test"
timeout -s KILL 30 dmsetup remove --noudevsync --retry good || fail "a neighbour cannot be removed"
[ "$(jobs -r | wc -l)" -eq 4 ] || fail "nothing hangs: no test"

step "when it goes on, so do they"
echo 0 >/sys/module/model_cipher/parameters/hang
wait
cmp "$scratch/read.1" "$scratch/read.2"
remove bad
rmmod model_cipher
modprobe -r dm-fve
END
expect 0 "$vm/vm" --kernel "$kernel" --smp 1 --timeout 300 --append " cryptomgr.notests=1" \
	--include "$TMP/model_cipher/model_cipher.ko:/root/model_cipher.ko" "$TMP/script"

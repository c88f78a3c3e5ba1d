#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: tables print what was loaded and never a key; random table lines do no harm
# runs: uml qemu
# group: vm kernel
#
# FVE_FUZZ: random table lines (5000).
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

# round_trip TABLE_LINE: what dmsetup prints is what was loaded, and can be loaded again.
round_trip() {
	local printed
	create trip "$1"
	printed=$(dmsetup table --showkeys trip)
	# The lower device is printed by its number.
	assert_eq "$printed" "${1/ $ram / $number }" "the table"
	dmsetup reload trip --table "$printed"
	dmsetup resume trip
	assert_eq "$(dmsetup table --showkeys trip)" "$printed" "the table of the table"
	remove trip
	echo "$1"
}

load_fve
ram_disk 4
make_key long 64
make_key short 32
number=$(lsblk -dno MAJ:MIN "$ram" | tr -d ' ')
size=$ram_sectors

step "tables round-trip"
round_trip "$(table_line fve "$size" long 0 "$ram" 0)"
round_trip "$(table_line fve $((size - 16)) short 18446744073709551615 "$ram" 16)"
round_trip "$(table_line fve "$size" long 4096 "$ram" 0 sector_size:4096)"
round_trip "$(table_line fve "$size" long 8 "$ram" 0 \
	allow_discards sector_size:2048 iv_large_sectors)"
for engine in $(engines); do
	round_trip "$(table_line fve "$size" long 0 "$ram" 0 allow_discards "engine:$engine")"
done
colons="a:b::c"
add_key logon "$colons" <"$scratch/long.key"
round_trip "0 $size fve aes-xts-plain64 :64:logon:$colons 0 $ram 0"
add_key user user-key <"$scratch/long.key"
round_trip "0 $size fve aes-xts-plain64 :64:user:user-key 0 $ram 0"

step "no key where a table, a status or a log is printed"
create shown "$(table_line fve "$size" long 0 "$ram" 0)"
dd if=/dev/urandom of=/dev/mapper/shown bs=64K count=4 oflag=direct status=none
shown=$(dmsetup table --showkeys shown; dmsetup status shown; dmsetup info -c shown; dmesg
	cat /proc/keys)
for half in 0 32; do
	# Eight bytes in a row would be no accident.
	bytes=$(tail -c +$((half + 1)) "$scratch/long.key" | head -c 8 | xxd -p)
	assert_no_match "${shown,,}" "$bytes" "key bytes in what is shown"
done

step "the status line is for programs"
udevadm settle # it reads what was written to
line=$(dmsetup status shown)
echo "$line"
assert_match "$line" "^0 $size fve valid (kapi|x86)[a-z-]* reads=[0-9]+ writes=[0-9]+ read_bytes=[0-9]+ \
write_bytes=[0-9]+ inline=[0-9]+ deferred=[0-9]+ reserve=[0-9]+ errors=0 shared=[0-9]+" "status"
assert_eq "$(status shown write_bytes)" $((4 * 65536)) "bytes written"
assert_eq "$(status shown inline)" \
	$(($(status shown reads) + $(status shown writes) - $(status shown deferred))) "inline"
reads=$(status shown read_bytes)
dd if=/dev/mapper/shown of=/dev/null bs=64K count=3 iflag=direct status=none
[ $(($(status shown read_bytes) - reads)) -ge $((3 * 65536)) ] || fail "reads are not counted"
remove shown

step "random lines"
tainted=$(cat /proc/sys/kernel/tainted)
quiet=$(cut -f1 /proc/sys/kernel/printk)
dmesg -n 1 # every refusal is an error message, and the serial console is slow
table_fuzz --seed "$seed" --count "${FVE_FUZZ:-$(sample 5000)}" "$size" fve \
	"aes-xts-plain64 $(key_of long) 0 $ram 0 3 allow_discards sector_size:4096 iv_large_sectors" ||
	fail "see above"
dmesg -n "$quiet"
assert_eq "$(cat /proc/sys/kernel/tainted)" "$tainted" "taint flags of the kernel"
assert_eq "$(references)" 0 "references to the module"
modprobe -r dm-fve

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a power cut at any flush leaves on ext4 over fve every file that was synced before it
# runs: uml qemu
# group: vm kernel
# vm: --memory 768
#
# dm-log-writes below fve records what is durable after each flush. The disk is then built up
# again write by write, and looked at (through a snapshot, since ext4's journal is replayed).
# FVE_POWER_CUTS: so many of the cuts, evenly spread (8).
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

cuts=${FVE_POWER_CUTS:-8}
files=20

load_fve
modprobe -a dm-log-writes dm-snapshot
modprobe brd rd_nr=4 rd_size=$((96 << 10))
udevadm settle
disk=/dev/ram0 log=/dev/ram1 replay=/dev/ram2 changes=/dev/ram3
size=$((24 << 11))
mnt=$scratch/mnt
mkdir "$mnt"
make_key key 64
for device in $disk $replay; do
	dd if=/dev/zero of="$device" bs=1M count=24 oflag=direct status=none
done

step "$files files, each synced and then marked in the log"
dmsetup create logged --table "0 $size log-writes $disk $log"
create ours "$(table_line fve $size key 0 /dev/mapper/logged 0 sector_size:4096)"
mkfs.ext4 -q -J size=4 /dev/mapper/ours
mount /dev/mapper/ours "$mnt"
dmsetup message logged 0 mark file-0
for ((i = 1; i <= files; i++)); do
	random_below 400000
	head -c $((REPLY + 1)) /dev/urandom >"$mnt/$i"
	sync "$mnt/$i"
	sha256sum "$mnt/$i" | sed "s,$mnt/,," >>"$scratch/sums"
	dmsetup message logged 0 mark file-$i
	# Work in progress, for the cuts to fall into.
	head -c 100000 /dev/urandom >"$mnt/unsynced.$((i % 3))"
done
umount "$mnt"
remove ours logged
replay_log $log >"$scratch/entries"
echo "the log: $(wc -l <"$scratch/entries") entries, $(grep -cE ' (flush|fua)-' "$scratch/entries")" \
	"of them flush or FUA"

step "cuts"
first=$(awk '/ file-0$/ { print $1 }' "$scratch/entries")
# Behind each flush or FUA write once the filesystem is there.
awk -v first="$first" '$1 > first && $2 ~ /flush|fua/ { print $1 + 1 }' "$scratch/entries" \
	>"$scratch/points"
points=$(wc -l <"$scratch/points")
[ "$points" -ge $files ] || fail "only $points flushes for $files synced files"
[ "$cuts" -le "$points" ] || cuts=$points
at=0 checked=0
for ((cut = 1; cut <= cuts; cut++)); do
	to=$(sed -n "$((cut * points / cuts))p" "$scratch/points")
	replay_log $log $replay "$at" "$to"
	at=$to
	synced=$(awk -v to="$to" '$1 < to && / file-[0-9]+$/ { sub(".*file-", ""); n = $0 }
		END { print n + 0 }' "$scratch/entries")
	dd if=/dev/zero of=$changes bs=64K count=1 oflag=direct status=none
	dmsetup create cut --table "0 $size snapshot $replay $changes N 8"
	create ours "$(table_line fve $size key 0 /dev/mapper/cut 0 sector_size:4096)"
	mount /dev/mapper/ours "$mnt" # replays the journal
	head -n "$synced" "$scratch/sums" >"$scratch/wanted"
	(cd "$mnt" && { [ "$synced" -eq 0 ] || sha256sum --quiet -c "$scratch/wanted"; }) ||
		fail "cut behind entry $((to - 1)): of $synced synced files some are lost"
	umount "$mnt"
	e2fsck -fn /dev/mapper/ours >"$scratch/fsck" 2>&1 || { cat "$scratch/fsck"; fail "e2fsck"; }
	remove ours cut
	checked=$((checked + synced))
done
echo "$cuts power cuts of $points possible ones, $checked synced files found whole"
[ $checked -gt 0 ] || fail "no file was checked"

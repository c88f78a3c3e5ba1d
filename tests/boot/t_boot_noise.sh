#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: noise anywhere in the root's file system gives nobody a shell beside open data: ten places, a boot each
# by-hand: ten boots, fifteen minutes, in make boot-tests
# timeout: 7200
#
# FVE_PLACES: only these, by their names below
. "$(dirname "$0")/lib.sh"

# The plain file system, to see where what lies; the attacker finds the places by trying.
"$BUILD/tools/volume_keys" "$inst/disk" "$inst/pass" | sed -n 's/^FVEK //p' | xxd -r -p >"$TMP/key"
tail -c +$((16 * 1024 * 1024 + 1)) "$inst/disk" |
	"$BUILD/tools/xts_file" --key-file "$TMP/key" --sector-size 4096 >"$TMP/plain"
[ "$(blkid -p -o value -s TYPE "$TMP/plain")" = ext4 ] || fail "the plain text of the root is not found"

# The first block of a file or directory, and of a part of the first group.
block_of() {
	debugfs -R "blocks $1" "$TMP/plain" 2>/dev/null | tr -s ' ' '\n' | grep -m 1 '^[1-9]'
}
group_field() {
	dumpe2fs "$TMP/plain" 2>/dev/null | sed -n "s/.*$1 at \([0-9]*\).*/\1/p" | head -n 1
}

# Each place by the block of 4 KiB in the file system that noise goes to.
declare -A places
places=(
	[superblock]=0
	[group-descriptors]=1
	[block-bitmap]=$(group_field 'Block bitmap')
	[inode-table]=$(group_field 'Inode table')
	[journal]=$(block_of '<8>')
	[root-directory]=$(block_of /)
	[etc-directory]=$(block_of /etc)
	[init]=$(block_of /usr/lib/systemd/systemd)
	[fstab]=$(block_of /etc/fstab)
	[shadow]=$(block_of /etc/shadow)
)

# A boot with noise in block $1 ends in one of two ways, each of them safe: the owner's system asks who is
# there, or nothing is open where a shell is.
with_noise() {
	local status=0
	own_disk
	noise $(($1 * 4096))
	rm -f "$TMP/tpm/log"
	"$here/machine" --kernel "$inst/vmlinuz" --initrd "$inst/initrd" --append "$cmdline" --tpm "$TMP/tpm" \
		--uefi "$TMP/vars" "${disks[@]}" --console "$TMP/console" --timeout "${FVE_BOOT_TIMEOUT:-300}" \
		--script "$TMP/script" "${shell[@]}" "$(look_typed)" \
		>"$TMP/out" || status=$?
	tr -d '\r' <"$TMP/console" | tail -n 25 | sed 's/\x1b\[[0-9;?=]*[a-zA-Z]//g'
	cat "$TMP/out"
	if grep -q 'the owner.s system$' "$TMP/out"; then
		verdict="the owner's system, with its own login"
	elif grep -q 'a shell$' "$TMP/out"; then
		reported_locked
		verdict="a shell, and nothing open"
	else
		fail "neither the owner's system nor a shell ($status)"
	fi
}

shells_for_all
script "echo the owner\\'s system"
for place in ${FVE_PLACES:-"${!places[@]}"}; do
	[ -n "${places[$place]}" ] || fail "no block of $place"
	echo "=== $place: block ${places[$place]}"
	with_noise "${places[$place]}"
	summary+="$place: $verdict"$'\n'
done
echo "$summary"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a startup key's stick is mounted as vfat alone, read-only and with nothing of it trusted; one with another file system is not mounted
# group: host boot
#
# The medium is a file, which mount(2) does not take: what it is asked for is what counts.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image" --protector startup-key --startup-key-file "$TMP/key"
echo "root $image - initrd,startup-key=/fve.key:$TMP/stick" >"$TMP/fvetab"

# with_stick: what is asked of mount(2) goes to $TMP/mounts.
with_stick() {
	expect 2 strace -f -qq -e trace=mount,fsopen,fsconfig,move_mount -o "$TMP/mounts" \
		"$BUILD/fvesetup" boot-unlock --in-initrd --test --tpm device:/nonexistent \
		--fvetab "$TMP/fvetab" --kernel-cmdline /dev/null </dev/null
	cat "$TMP/mounts"
}

echo "--- vfat"
truncate -s 8M "$TMP/stick"
mformat -i "$TMP/stick" -v FVEKEY ::
mcopy -i "$TMP/stick" "$TMP/key" ::fve.key
with_stick
[ "$(grep -c 'mount(' "$TMP/mounts")" = 1 ] || fail "not one mount"
for flag in '"vfat"' MS_RDONLY MS_NOSUID MS_NODEV MS_NOEXEC; do
	grep -qF "$flag" "$TMP/mounts" || fail "it is mounted without $flag"
done

for system in ext2 ext3 ext4; do
	echo "--- $system"
	rm "$TMP/stick"
	"mkfs.$system" -q "$TMP/stick" 8M
	with_stick
	expect_text 'holds no file system for a startup key (vfat, exfat)'
	! grep -q 'mount(' "$TMP/mounts" || fail "it is mounted"
done

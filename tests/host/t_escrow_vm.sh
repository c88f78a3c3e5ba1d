#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a disk that one machine's TPM opened is opened in another, whose TPM is blank, by its escrowed packet in one command
# group: host fvesetup
# timeout: 1800
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

openssl req -x509 -nodes -newkey rsa:3072 -keyout "$TMP/org.key" -out "$TMP/org.pem" -subj /CN=org -days 2 2>/dev/null
truncate -s 64M "$TMP/disk.img"
truncate -s 1M "$TMP/mail.img"

# machine N SCRIPT: a virtual machine with a TPM of its own, and both disks.
machine() {
	mkdir -p "$TMP/tpm$1"
	[ -e "$TMP/tpm$1/tpm2-00.permall" ] ||
		swtpm_setup --tpm2 --tpmstate "$TMP/tpm$1" --pcr-banks sha256 >/dev/null
	expect 0 "$here/../vm/vm" --kernel "$(vm_kernel 6.1)" --tpm "$TMP/tpm$1" --timeout 400 --disk "$TMP/disk.img" --disk "$TMP/mail.img" \
		--include "$TMP/org.pem" --include "$TMP/org.key" "$2"
}

cat >"$TMP/first.sh" <<'END'
. "$TESTS/vm/lib.sh"
for pcr in 4 7 9; do
	tpm2 pcrextend "$pcr:sha256=$(echo "boot $pcr" | sha256sum | cut -d ' ' -f 1)"
done
(
	until [ -s packet ]; do sleep 0.2; done
	fvesetup escrow ack --escrow org.pem --escrow-key org.key packet ack
) &
fvesetup format -q --protector tpm2 --escrow org.pem --escrow-file packet --ack-file ack /dev/vda
fvesetup open /dev/vda data
mkfs.ext4 -q /dev/mapper/data
mount /dev/mapper/data /mnt
echo "what was on the first machine" >/mnt/file
umount /mnt
fvesetup close data
fvesetup open --test --protector tpm2 /dev/vda
tar -cf /dev/vdb packet
sync
END
cat >"$TMP/second.sh" <<'END'
. "$TESTS/vm/lib.sh"
tar -xf /dev/vdb
! fvesetup open --protector tpm2 /dev/vda data </dev/null 2>refusal || fail "its TPM opens it"
cat refusal
fvesetup escrow verify --escrow org.pem --escrow-key org.key packet /dev/vda
fvesetup escrow import --escrow org.pem --escrow-key org.key packet | fvesetup open --key-file - /dev/vda data
mount /dev/mapper/data /mnt
assert_eq "$(cat /mnt/file)" "what was on the first machine" "the file"
umount /mnt
fvesetup close data
END
echo "--- the first machine"
machine 1 "$TMP/first.sh"
[ "$(head -c 300000 "$TMP/mail.img" | grep -acE '[0-9]{6}(-[0-9]{6}){7}')" = 0 ] || fail "the password is readable"
echo "--- the second, with nothing in its TPM"
machine 2 "$TMP/second.sh"

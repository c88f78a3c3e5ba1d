#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: each change of the machine is refused with its own reason, and somebody is asked
# by-hand: new, and not yet seen to pass; two minutes for each boot
# timeout: 6000
. "$(dirname "$0")/lib.sh"

# with_tpm COMMAND...: on the machine's TPM while it is off.
with_tpm() {
	swtpm socket --tpm2 --tpmstate "dir=$TMP/tpm" --flags not-need-init,startup-clear \
		--server "type=unixio,path=$TMP/sock" --ctrl "type=unixio,path=$TMP/sock.ctrl" &
	local pid=$!
	while [ ! -S "$TMP/sock" ] || [ ! -S "$TMP/sock.ctrl" ]; do sleep 0.1; done
	TPM2TOOLS_TCTI=swtpm:path=$TMP/sock "$@"
	kill $pid
	wait $pid || true
	rm -f "$TMP/sock" "$TMP/sock.ctrl"
}

# refused REASON [OPTION...]: as far as the question.
refused() {
	echo "=== $1"
	boot 126 "${@:2}" "expect=($1)" "$asked" monitor=quit
}

refused tpm-absent --tpm ""
rm -rf "$TMP/tpm"
mkdir "$TMP/tpm"
refused tpm-cleared
[ -n "${FVE_BOOT_ALL-}" ] || exit 0 # the rest by make soak

with_tpm tpm2_createprimary -Q -C o -G ecc -c "$TMP/other"
with_tpm tpm2_evictcontrol -Q -C o -c "$TMP/other" 0x81000001
refused tpm-other
rm -rf "$TMP/tpm"
cp -r "$inst/tpm" "$TMP/tpm"
cp "$inst/initrd" "$TMP/initrd"
head -c 512 /dev/zero >>"$TMP/initrd"
refused pcr-mismatch --initrd "$TMP/initrd"
said "PCR 9"
refused pcr-mismatch --kernel "$("$here/../vm/kernel" --print vmlinuz 6.12)"
said "PCR 4"

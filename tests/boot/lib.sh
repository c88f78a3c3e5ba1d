# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What boot tests share. Sourced at the top of each, with options of tests/boot/installation as they
# are in $installation; BUILD is the build directory, TMP a scratch directory. The installation is shared and never written to: QEMU keeps what a boot writes in a
# snapshot that goes away, and TPM and firmware variables are copies.

set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=$(realpath "${BUILD:-$here/../../build}")
export BUILD
TMP=${TMP:-$(mktemp -d)}
PATH=$PATH:/usr/sbin:/sbin
fvesetup=$BUILD/fvesetup

# shellcheck disable=SC2034 # for the tests
{
	inst=$("$here/installation" "${installation-}")
	# shellcheck disable=SC1091 # of the guest
	suite=$(. "$inst/tree/etc/os-release" && echo "$VERSION_CODENAME")
	pass=$(cat "$inst/pass")
	recovery=$(cat "$inst/recovery")
	cmdline=$(cat "$inst/cmdline")
	# The volumes that open after the root volume; who leaves them out waits for them.
	others=(--disk "$inst/data,snapshot=on" --disk "$inst/swap,snapshot=on")
	base=$inst/disk # what own_disk copies
	disks=(--disk "$base,snapshot=on" "${others[@]}")
	# What a person is asked when no machine opened.
	asked="expect=Passphrase or recovery password"
	# A word for the command line: with it a Debian 13 gives a shell where root is locked, as root is in its
	# initramfs. Debian 12's initramfs has a root without password, and needs no word.
	force=SYSTEMD_SULOGIN_FORCE=1
	# What a Debian 13 says without that word. All that a person can do is to go on.
	refused="expect=Press Enter to continue"
	# Into the emergency shell of an initramfs.
	shell=("expect=(or press Control-D to continue)" "enter=# ")
	# A shell, or none, and the boot goes on, and asks.
	go_on=("$refused" "enter=${asked#expect=}")
	[ "$suite" != bookworm ] || go_on=("${shell[@]}" type=exit "$asked")
	# Power off, from any shell.
	off="echo o >/proc/sysrq-trigger"
	# Give up: three wrong answers.
	wrong=("$asked" type=wrong "$asked" type=wrong "$asked" type=wrong)
}
cp -r "$inst/tpm" "$TMP/tpm"
cp "$inst/vars" "$TMP/vars"

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# boot STATUS [OPTION...] [STEP...]: the machine, as tests/boot/machine has it, with its disks.
# Leaves the console's transcript in $TMP/console and what the guest reported in $TMP/out.
boot() {
	local want=$1 status=0
	shift
	rm -f "$TMP/tpm/log"
	"$here/machine" --kernel "$inst/vmlinuz" --initrd "$inst/initrd" --append "$cmdline" \
		--tpm "$TMP/tpm" --uefi "$TMP/vars" "${disks[@]}" --console "$TMP/console" \
		--timeout "${FVE_BOOT_TIMEOUT:-900}" "$@" >"$TMP/out" || status=$?
	echo "--- console"
	tr -d '\r' <"$TMP/console" | sed 's/\x1b\[[0-9;?=]*[a-zA-Z]//g'
	echo "--- reported"
	cat "$TMP/out"
	[ "$status" = "$want" ] || fail "the machine ended with $status instead of $want"
}

# The console showed it.
said() {
	grep -qaF -- "$1" "$TMP/console" || fail "the console does not say: $1"
}

not_said() {
	! grep -qaF -- "$1" "$TMP/console" || fail "the console says: $1"
}

# The guest reported it on its second serial port.
reported() {
	grep -qF -- "$1" "$TMP/out" || fail "the guest did not report: $1"
}

# script TEXT: what the booted system is to run.
script() {
	printf '%s\n' "$1" >"$TMP/script"
}

# In a shell that somebody gets: is anything open, and can its plain text be read? blkid, which the
# initramfs has, tells what is inside then. Reported on the second port, then off.
look_typed() {
	echo "type=(echo a shell; dmsetup table; for d in /dev/dm-* /dev/mapper/*; do [ -b \$d ] && echo read \$d \$(blkid -p -o value -s TYPE \$d); done; cat /sysroot/root/diary) >/dev/ttyS1 2>&1; echo status 0 >/dev/ttyS1; $off"
}

# He saw nothing.
reported_locked() {
	reported "a shell"
	! grep -qE ": [0-9]+ [0-9]+ (fve|crypt) " "$TMP/out" || fail "a volume is open beside the shell"
	! grep -qE "^read [^ ]+ [a-z]" "$TMP/out" || fail "plain text can be read in the shell"
	! grep -q "diary\$" "$TMP/out" || fail "the owner's file was read"
}

# ends_locked STEP...: how a machine ends that finds its root in disorder, without the word: a shell in which
# nothing is open, or none, since root is locked in Debian 13's initramfs. Who goes on from there is asked, as
# $then has it.
ends_locked() {
	if [ "$suite" = bookworm ]; then
		boot 0 "$@" "${shell[@]}" "$(look_typed)"
		reported_locked
	else
		boot 126 "$@" "$refused" "enter=${then:-${asked#expect=}}" monitor=quit
		said "Cannot open access to console, the root account is locked."
	fi
}

# noise BYTE: 4 KiB of noise on the disk, from there on in the file system.
noise() {
	head -c 4096 /dev/urandom |
		dd of="$TMP/disk" bs=4096 seek=$((4096 + $1 / 4096)) conv=notrunc status=none
}

# approved WORDS [STEP...]: the TPM is told of the command line WORDS, by whoever has the passphrase, on a
# copy of the root's disk. The system runs $also then.
approved() {
	own_disk
	script "fvesetup tpm approve --key-file /root/pass --protector passphrase /dev/vda${also:+; $also}"
	boot 0 --append "$1" --script "$TMP/script" "${@:2}"
}

# From here on whoever is at the console gets a shell of the initramfs: the command line has the word, and the
# TPM was told of it, in a boot that a Debian 12 does not need.
shells_for_all() {
	[ "$suite" != bookworm ] || return 0
	approved "$cmdline $force" "$asked" "type=$pass"
	base=$TMP/shells cmdline+=" $force"
	mv "$TMP/disk" "$base"
	disks=(--disk "$base,snapshot=on" "${others[@]}")
}

# The attacker's own system did not run, and nothing of the owner's was read.
no_thief() {
	! grep -qE "THIEF|diary\$" "$TMP/out" || fail "the thief's root runs"
}

# The attacker's system did run: what a control has to show.
thief_ran() {
	reported "THE THIEF'S ROOT RUNS"
}

# In the guest: an attacker, root, tries the TPM's protector of $1 (/dev/vda). "unseal 0" is the
# key in his hands.
attempt() {
	echo "fvesetup open --test --protector tpm2 ${1:-/dev/vda} 2>&1; echo unseal \$?"
}

# The same, typed into a shell; reported on the second port, then off.
attempt_typed() {
	echo "type=($(attempt "$@")) >/dev/ttyS1 2>&1; echo status 0 >/dev/ttyS1; $off"
}

# The same where no disk is there yet: what is in PCR 15, as the kernel reads it.
pcr15_typed() {
	echo "type=echo pcr15 \$(cat /sys/class/tpm/tpm0/pcr-sha256/15) >/dev/ttyS1; echo status 0 >/dev/ttyS1; $off"
}

# The journal of the unlocking, typed into a shell of the initramfs; then off.
journal_typed() {
	echo "type=journalctl -b -u fve-unlock --no-pager -o cat >/dev/ttyS1 2>&1; echo status 0 >/dev/ttyS1; $off"
}

reported_capped() {
	reported "pcr15 "
	! grep -q "pcr15 0*\$" "$TMP/out" || fail "PCR 15 is not extended"
}

# A copy of the root volume that a test may change, as the first disk.
own_disk() {
	cp --sparse=always "$base" "$TMP/disk"
	disks=(--disk "$TMP/disk" "${others[@]}")
}

# Remove the only protector of kind $1 from that copy.
remove() {
	local id
	id=$("$fvesetup" protector list "$TMP/disk" | awk -v kind="$1" '$2 == kind { print $1 }')
	"$fvesetup" protector remove --key-file "$inst/pass" "$TMP/disk" "$id"
}

# boot_partition KERNEL INITRD CMDLINE: systemd-boot with this one entry; "${esp[@]}" boots from it. What
# -kernel names is not what the firmware measures: QEMU writes into its setup header.
boot_partition() {
	# shellcheck disable=SC2034 # for the tests
	esp=(--kernel "" --esp "fat:$TMP/esp")
	mkdir -p "$TMP/esp/EFI/BOOT" "$TMP/esp/loader/entries"
	cp /usr/lib/systemd/boot/efi/systemd-bootx64.efi "$TMP/esp/EFI/BOOT/BOOTX64.EFI"
	cp "$1" "$TMP/esp/vmlinuz"
	cp "$2" "$TMP/esp/initrd"
	printf 'title Debian\nlinux /vmlinuz\ninitrd /initrd\noptions %s\n' "$3" \
		>"$TMP/esp/loader/entries/debian.conf"
	echo "timeout 0" >"$TMP/esp/loader/loader.conf"
}

# How often TPM2_Unseal went over the bus in the last boot (TPM 2.0 Part 2, table 12: 0x15e).
unseals() {
	grep -cE '^ 80 0[12] 00 00 .. .. 00 00 01 5E ' "$TMP/tpm/log" || true
}

# with_tpm COMMAND...: on the machine's TPM while the machine is off.
with_tpm() {
	local pid
	swtpm socket --tpm2 --tpmstate "dir=$TMP/tpm" --flags not-need-init,startup-clear \
		--server "type=unixio,path=$TMP/sock" --ctrl "type=unixio,path=$TMP/sock.ctrl" 2>/dev/null &
	pid=$!
	while [ ! -S "$TMP/sock" ] || [ ! -S "$TMP/sock.ctrl" ]; do sleep 0.1; done
	export TPM2TOOLS_TCTI=swtpm:path=$TMP/sock
	"$@"
	tpm2_shutdown --clear
	kill $pid
	wait $pid || true
	rm -f "$TMP/sock" "$TMP/sock.ctrl"
}

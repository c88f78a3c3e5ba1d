#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the dracut module puts fvesetup, the target and the TPM's library into an initramfs
# group: host boot
. "$(dirname "$0")/lib.sh"

kernel=${FVE_KERNEL:-6.1}
top=$here/../..
release=$("$top/tests/vm/kernel" --print release "$kernel")
modules=$TMP/modules/lib/modules/$release

# The machine's own /usr stays as it is: dracut is told of everything that is here.
mkdir -p "$TMP/dracut" "$modules/updates"
cp -as /usr/lib/dracut/. "$TMP/dracut/"
for module in 90fve 99zz-fve; do
	ln -sf "$(realpath "$top/dracut/$module")" "$TMP/dracut/modules.d/$module"
done
mkdir "$TMP/dracut/modules.d/91fve-begin"
sed "s,/usr/lib/fve/fve-approve,$TMP/approve,g" "$top/dracut/91fve-begin/module-setup.sh" \
	>"$TMP/dracut/modules.d/91fve-begin/module-setup.sh"
printf '#!/bin/sh\n[ -e "%s" ] || echo "$@" >>"%s"\n' "$TMP/initramfs" "$TMP/begun" >"$TMP/approve"
chmod +x "$TMP/approve"
cp -as "$("$top/tests/vm/kernel" --print modules "$kernel")/." "$modules/"
cp -f "$BUILD/$release/dm-fve.ko" "$modules/updates/"
depmod -b "$TMP/modules" "$release"

DRACUT_PATH="/usr/sbin /usr/bin $BUILD" dracutbasedir=$TMP/dracut expect 0 \
	dracut --force --no-hostonly --no-compress \
	--no-early-microcode --kmoddir "$modules" --modules "base dm fve fve-begin" "$TMP/initramfs" "$release"
lsinitrd "$TMP/initramfs" >"$TMP/out"
expect_text /fvesetup
expect_text libtss2-tcti-device.so.0
expect_text libcryptsetup.so
expect_text dm-fve.ko
expect_text aesni-intel.ko

# fve-approve is told before the image is there.
[ "$(cat "$TMP/begun")" = "--begin $release" ] || fail "fve-approve was not told"

# Stock modules keep what is theirs, and lose what is ours.
export initdir=$TMP/image dracutsysrootdir=$TMP/sysroot
mkdir -p "$initdir/etc/cmdline.d" "$dracutsysrootdir/etc"
echo "root UUID=0a1b-2c - initrd" >"$dracutsysrootdir/etc/fvetab"
echo " rd.luks.uuid=luks-0a1b-2c rd.luks.uuid=luks-77-88 root=/dev/x" >"$initdir/etc/cmdline.d/90crypt.conf"
printf 'luks-a UUID=0a1b-2c none\nluks-b UUID=77-88 none\n' >"$initdir/etc/crypttab"
PATH=$BUILD:$PATH # the table is read by fvesetup
(. "$top/dracut/90fve/module-setup.sh" && release_from_stock)
cat "$initdir/etc/cmdline.d/90crypt.conf" "$initdir/etc/crypttab" >"$TMP/out"
! grep -q 0a1b-2c "$TMP/out" || fail "our volume was left to the stock module"
expect_text "rd.luks.uuid=luks-77-88 root=/dev/x"
expect_text "luks-b UUID=77-88 none"

# unlocked IMAGE: its units that lead to a shell, to a resume or to another root without asking first.
unlocked() {
	/usr/bin/python3 - "$1" <<'END'
import glob, os, re, sys
top = sys.argv[1]
dirs = ["usr/lib/systemd/system", "lib/systemd/system", "etc/systemd/system"]
wants = {"boot-lock": r"^\s*StandardInput=tty|^\s*Exec\w+=.*(sulogin|getty)",
         "credentials": r"^\s*(Load|Import)Credential",
         "boot-resume": r"^\s*ExecStart=.*hibernate-resume", "boot-switch": r"^\s*ExecStart=.*(\sswitch-root|pre-pivot)"}
for directory in dirs:
    for unit in glob.glob(f"{top}/{directory}/*.service"):
        text = open(unit).read() if os.path.exists(unit) else ""
        for want, pattern in wants.items():
            if not re.search(pattern, text, re.M):
                continue
            drop_ins = "".join(open(f).read() for d in dirs
                               for f in glob.glob(f"{top}/{d}/{os.path.basename(unit)}.d/*.conf"))
            done = r"^LoadCredential=$\n^ImportCredential=$" if want == "credentials" \
                else r"^ExecStart(Pre)?=fvesetup " + want
            if not re.search(done, drop_ins, re.M):
                print(os.path.basename(unit), want)
END
}

# Units of other modules, older and newer, as an image has them: each is found, whatever its name.
image=$TMP/units
system=$image/usr/lib/systemd/system
mkdir -p "$system" "$image/etc/systemd/system"
cp /usr/lib/dracut/modules.d/98dracut-systemd/*.service "$system/"
cp /lib/systemd/system/{rescue,debug-shell,initrd-switch-root,initrd-cleanup,initrd-parse-etc}.service \
	/lib/systemd/system/{getty,systemd-hibernate-resume}@.service "$system/"
printf '[Service]\nExecStart=/usr/lib/systemd/systemd-sulogin-shell breakpoint\nStandardInput=tty-force\n' \
	>"$system/breakpoint-pre-mount.service"
printf '[Service]\nExecStart=/usr/lib/systemd/systemd-hibernate-resume\n' >"$system/systemd-hibernate-resume.service"
printf '[Service]\nExecStart=/bin/sysctl\nLoadCredential=sysctl.extra\n' >"$system/sysctl.service"
printf '[Service]\nExecStart=/bin/tmpfiles\nImportCredential=tmpfiles.*\n' >"$system/tmpfiles.service"
mkdir -p "$image/usr/lib/systemd/system-generators"
touch "$image/usr/lib/systemd/system-generators/systemd-debug-generator"
printf '[Service]\nExecStart=/bin/something\nStandardInput=tty\n' >"$image/etc/systemd/system/own.service"
unlocked "$image" >"$TMP/out"
[ "$(wc -l <"$TMP/out")" -ge 13 ] || fail "the walk finds too little"
# shellcheck disable=SC2016 # the inner shell expands it
initdir=$image dracutsysrootdir='' moddir=$(realpath "$top/dracut/99zz-fve") \
	bash -c '. "$moddir/module-setup.sh" && install'
unlocked "$image" | tee "$TMP/out"
[ ! -s "$TMP/out" ] || fail "these units come before the lock"
[ ! -e "$image/usr/lib/systemd/system-generators/systemd-debug-generator" ] || fail "credentials make units"
grep -qx 'ExecStart=fvesetup boot-resume %f' "$image/etc/systemd/system/systemd-hibernate-resume@.service.d/90-fve.conf" ||
	fail "a template's device is not told"
[ ! -e "$image/etc/systemd/system/initrd-parse-etc.service.d" ] || fail "a unit that is no shell is locked"

# How a shell ends is no failure, after which the machine would start again.
for shell in own breakpoint-pre-mount; do
	grep -qE '^ExecStart=-/(bin/something|usr/lib/systemd/systemd-sulogin-shell breakpoint)$' \
		"$image/etc/systemd/system/$shell.service.d/90-fve.conf" || fail "the machine starts again after $shell"
done
! grep -q '^ExecStart=' "$image/etc/systemd/system/rescue.service.d/90-fve.conf" || fail "rescue.service has another command"

# Words for the command line in an image are no reason for a lock in every boot.
grep -qx 'ConditionKernelCommandLine=rd.cmdline=ask' "$image/etc/systemd/system/dracut-cmdline-ask.service.d/90-fve.conf" ||
	fail "dracut-cmdline-ask.service comes without being asked for"
[ "$(grep -lr ConditionKernelCommandLine "$image/etc/systemd/system" | wc -l)" = 1 ] || fail "another shell comes too rarely"

# An image is made only with the identity of what is opened in it; the one of before stays.
printf 'root UUID=0a1b-2c - initrd\n' >"$dracutsysrootdir/etc/fvetab"
dfatal() {
	echo "$*"
}
in_module() {
	# shellcheck disable=SC1091 # the module's
	(moddir=$(realpath "$top/dracut/90fve") && . "$moddir/module-setup.sh" && "$@")
}
expect 1 in_module install_table
expect_text "identity of root is not known"
mkdir -p "$dracutsysrootdir/var/lib/fve/identity"
printf '%064d\n' 5 >"$dracutsysrootdir/var/lib/fve/identity/0a1b-2c"
expect 0 in_module install_table
grep -qx "root UUID=0a1b-2c - initrd,identity=$(printf '%064d' 5)" "$initdir/etc/fvetab" || fail "no identity in the image"

# A network, and who asks the servers, are in the image where the table asks for them; else neither, and no image
# is made that cannot do what it says.
export dracutbasedir=$TMP/dracut systemdutildir=/nowhere
mkdir -p "$dracutsysrootdir/usr/lib/fve" "$dracutsysrootdir/etc/fve" "$dracutbasedir/modules.d/40network"
touch "$dracutbasedir/modules.d/40network/module-setup.sh"
network_module=yes
dracut_module_included() {
	[ -n "$network_module" ]
}
inst_multiple() {
	echo "inst $*"
}
inst_hook() {
	echo "hook $*"
}
inst_simple() {
	echo "inst $*"
}
expect 0 in_module depends
! grep -q network "$TMP/out" || fail "a network that nobody asked for"
expect 0 in_module install_network
[ ! -s "$TMP/out" ] || fail "a provider that nobody asked for"
printf 'data UUID=0a1b-2d - net\n' >>"$dracutsysrootdir/etc/fvetab"
expect 0 in_module install_network
[ ! -s "$TMP/out" ] || fail "a network for a volume of the booted system"
printf 'root UUID=0a1b-2c - initrd,net\n' >"$dracutsysrootdir/etc/fvetab"
expect 0 in_module depends
expect_text 'fve-begin network'
expect 1 in_module install_network
expect_text 'package fvesetup-cloud'
printf '#!/bin/sh\n' >"$dracutsysrootdir/usr/lib/fve/fve-provider-tang"
chmod +x "$dracutsysrootdir/usr/lib/fve/fve-provider-tang"
expect 1 in_module install_network
expect_text 'names no server'
echo tang.example:80 >"$dracutsysrootdir/etc/fve/tang"
expect 0 in_module install_network
expect_text 'inst /usr/lib/fve/fve-provider-tang'
expect_text 'inst /etc/fve/tang'
expect_text 'hook cmdline 01'
network_module=
expect 1 in_module install_network
expect_text 'package dracut-network'
rm -r "$dracutbasedir/modules.d/40network"
expect 0 in_module depends
! grep -q network "$TMP/out" || fail "it depends on what is not there"

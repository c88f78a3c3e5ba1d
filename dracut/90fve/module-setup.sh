#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# dracut module: open the volumes of /etc/fvetab in the initramfs, and cap the TPM on every way out
# of it. What is done is fvesetup's to know; this only puts it in its places.
# shellcheck disable=SC2154 # dracut sets its variables

check() {
	require_binaries fvesetup || return 1
	# A table is the request for us; without one only who asks for the module gets it.
	[[ -s $dracutsysrootdir/etc/fvetab ]] || return 255
}

depends() {
	local deps="dm zz-fve fve-begin"
	[[ -d $dracutsysrootdir$systemdutildir ]] && deps+=" systemd-ask-password"
	! wants_network || ! has_network_module || deps+=" network"
	echo "$deps"
}

# Only a table that asks for servers in the network gets one.
wants_network() {
	fvesetup boot-table --json --fvetab "$dracutsysrootdir/etc/fvetab" 2> /dev/null | grep -q '"net":true'
}

# A module that depends on one that is not there is left out, and an image without this one opens nothing.
has_network_module() {
	compgen -G "$dracutbasedir/modules.d/[0-9][0-9]network/module-setup.sh" > /dev/null
}

installkernel() {
	# The target and its stand-in, the cipher behind them on this and other CPUs, and the drivers
	# of TPMs.
	hostonly='' instmods dm_fve dm_crypt xts aes_generic aesni_intel =crypto =drivers/char/tpm
	# What a stick with a startup key needs.
	hostonly='' instmods usb_storage uas sd_mod vfat nls_cp437 nls_ascii nls_iso8859-1 nls_utf8 \
		exfat
}

# Stock modules take each crypto_LUKS for theirs and would ask for a passphrase that cannot be
# meant. Ours, and only ours, are taken out of what they were told.
release_from_stock() {
	local file uuid
	for file in "$initdir"/etc/cmdline.d/*.conf; do
		[[ -e $file ]] || continue
		grep -oE 'rd\.luks\.uuid=[^[:space:]"]+' "$file" | while read -r uuid; do
			uuid=${uuid#*=}
			! is_ours "${uuid#luks-}" || sed -i "s/[[:blank:]]*rd\.luks\.uuid=$uuid//" "$file"
		done
	done
	[[ -e $initdir/etc/crypttab ]] || return 0
	grep -oE 'UUID=[^[:space:]]+' "$initdir/etc/crypttab" | while read -r uuid; do
		! is_ours "${uuid#UUID=}" || sed -i "/[[:blank:]]$uuid\([[:blank:]]\|\$\)/d" "$initdir/etc/crypttab"
	done
	return 0
}

is_ours() {
	fvesetup boot-table --json --fvetab "$dracutsysrootdir/etc/fvetab" 2> /dev/null |
		grep -qi "\"device\":\"/dev/disk/by-uuid/$1\"" ||
		[[ $(blkid -p -s SUBSYSTEM -o value "/dev/disk/by-uuid/$1" 2> /dev/null) == fve ]]
}

install() {
	inst_multiple fvesetup blkid
	# tpm2-tss opens these by name when it is told to, so no list of libraries shows them.
	inst_libdir_file 'libtss2-tcti-device.so*'
	install_table
	install_network
	inst_rules 61-fve.rules "$moddir/69-fve-initrd.rules"
	release_from_stock

	if dracut_module_included "systemd-initrd"; then
		install_units
	else
		inst_hook cmdline 30 "$moddir/register-unlock.sh"
		inst_script "$moddir/unlock.sh" /sbin/fve-unlock
		inst_hook emergency 00 "$moddir/lock.sh"
		inst_hook pre-mount 00 "$moddir/cap.sh"
		inst_hook pre-pivot 00 "$moddir/switch.sh"
		inst_hook cleanup 00 "$moddir/switch.sh"
		# dracut's own have these names, come later, and stay out.
		inst_hook cmdline 10 "$moddir/parse-resume.sh"
		inst_hook pre-mount 05 "$moddir/resume.sh"
	fi
	dracut_need_initqueue
}

# The table says which volumes are meant: what the TPM measures of the image tells them from others
# that have the same UUID. Without that there is no image, and the one of before stays.
install_table() {
	local table=$dracutsysrootdir/etc/fvetab
	[[ -e $table ]] || return 0
	mkdir -p "$initdir/etc"
	FVE_STATE=$dracutsysrootdir/var/lib/fve fvesetup boot-table --fvetab "$table" > "$initdir/etc/fvetab" || {
		dfatal "fve: no initramfs is made without the identity of its volumes, or of a table that cannot be read: fvesetup boot check"
		exit 1
	}
	# The names of what is inside, so that no other disk is taken for it.
	[[ ! -d $dracutsysrootdir/var/lib/fve/names ]] || {
		mkdir -p "$initdir/var/lib/fve"
		cp -r "$dracutsysrootdir/var/lib/fve/names" "$initdir/var/lib/fve/"
	}
}

# Who asks the servers, and which servers a header may name; addresses are the kernel command line's (ip=).
install_network() {
	local provider=$dracutsysrootdir/usr/lib/fve/fve-provider-tang list=$dracutsysrootdir/etc/fve/tang
	wants_network || return 0
	dracut_module_included network || no_network "dracut has no module network (package dracut-network)"
	[[ -x $provider ]] || no_network "$provider is not there (package fvesetup-cloud)"
	[[ -s $list ]] || no_network "$list names no server"
	inst_multiple /usr/lib/fve/fve-provider-tang
	inst_simple /etc/fve/tang
	inst_hook cmdline 01 "$moddir/network.sh"
}

no_network() {
	dfatal "fve: fvetab wants servers in the network asked (net), and no initramfs is made that cannot: $1"
	exit 1
}

install_units() {
	inst_multiple "$systemdsystemunitdir"/fve-unlock.service "$systemdsystemunitdir"/fve-cap.service \
		"$systemdsystemunitdir"/fve.target "$systemdutildir"/system-generators/fve-generator sh sleep
	inst_simple "$moddir/unlock.conf" "$systemdsystemconfdir/fve-unlock.service.d/initrd.conf"
	# Nothing is mounted before the cap. What else has to wait for it, module 99zz-fve finds.
	inst_simple "$moddir/after-cap.conf" "$systemdsystemconfdir/sysroot.mount.d/fve.conf"
	$SYSTEMCTL -q --root "$initdir" add-wants initrd.target fve.target
}

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# dracut module, the last of all: what other modules brought into the image must not get at open
# volumes, or before the cap. Which units that are is found in the image, since each release of
# systemd and dracut has others. The rest of the boot path is in 90fve.
# shellcheck disable=SC2154 # dracut sets its variables

check() {
	return 255 # with 90fve, and never without
}

# Every unit of the image, whichever directory it lies in. Links in .wants may lead out of it.
units() {
	find "$initdir/usr/lib/systemd/system" "$initdir/lib/systemd/system" \
		"$initdir/etc/systemd/system" -name '*.service' ! -type d ! -path '*.wants/*' 2> /dev/null
}

# drop_in UNIT: its text comes on standard input.
drop_in() {
	mkdir -p "$initdir/etc/systemd/system/${1##*/}.d"
	cat > "$initdir/etc/systemd/system/${1##*/}.d/90-fve.conf"
}

# A service that talks to a terminal is a shell, or may end in one.
is_shell() {
	grep -qE '^[[:space:]]*(StandardInput=tty|Exec[A-Za-z]*=.*(sulogin|getty|debug-shell))' "$1"
}

is_resume() {
	grep -qE '^[[:space:]]*ExecStart=.*systemd-hibernate-resume([[:space:]]|$)' "$1"
}

# What takes over, and hooks that may run programs of the new root before.
is_switch() {
	grep -qE '^[[:space:]]*ExecStart=.*([[:space:]]switch-root([[:space:]]|$)|dracut-pre-pivot)' "$1"
}

# What the firmware passes as credentials (SMBIOS strings, fw_cfg) is measured into no PCR that is
# asked for, and can say what units do, which files are made, and how the kernel is set.
takes_credentials() {
	[[ ${1##*/} != fve-* ]] && grep -qE '^[[:space:]]*(Load|Import)Credential' "$1"
}

install() {
	local unit from="$dracutsysrootdir${moddir%/*}/90fve"
	[[ -d $from ]] || from=${moddir%/*}/90fve
	units | while read -r unit; do
		if is_shell "$unit"; then
			{ cat "$from/lock-first.conf" && end_as_it_likes "$unit" && only_when_asked "$unit"; } | drop_in "$unit"
		elif is_resume "$unit"; then
			resume_conf "$unit" < "$from/resume.conf" | drop_in "$unit"
		elif is_switch "$unit"; then
			drop_in "$unit" < "$from/switch.conf"
		elif takes_credentials "$unit"; then
			drop_in "$unit" < "$from/no-credentials.conf"
		fi
	done
	# It makes units and drop-ins of credentials, and a shell of a word on the command line.
	rm -f "$initdir"/{usr/,}lib/systemd/system-generators/systemd-debug-generator
}

# How a shell ended is no failure of the lock before it, after which the machine starts again. dracut 106 takes
# it for one of its emergency shell, and sulogin fails where root is locked.
end_as_it_likes() {
	! grep -qE '^[[:space:]]*ExecStart=[@:+!]*[^-@:+![:space:]]' "$1" || {
		printf '[Service]\nExecStart=\n'
		sed -nE 's/^[[:space:]]*ExecStart=([@:+!]*)-?([^-@:+![:space:]].*)/ExecStart=-\1\2/p' "$1"
	}
}

# dracut starts this one in each image that has words for the command line in /etc/cmdline.d, and then it ends
# at once, unless the command line has the word for it. Locking first would keep the machine's protectors from
# opening anything in every boot.
only_when_asked() {
	[[ ${1##*/} != dracut-cmdline-ask.service ]] ||
		printf '[Unit]\nConditionPathExists=\nConditionKernelCommandLine=rd.cmdline=ask\n'
}

# A template's instance is the device.
resume_conf() {
	case $1 in
	*@.service) sed 's/boot-resume$/& %f/' ;;
	*) cat ;;
	esac
}

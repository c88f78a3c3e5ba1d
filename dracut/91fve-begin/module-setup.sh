#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# dracut module: puts nothing into the initramfs. It tells fve-approve that an image is about to be
# written, so that it can tell afterwards whether it was.
# shellcheck disable=SC2154 # dracut sets its variables

check() {
	[[ -s $dracutsysrootdir/etc/fvetab ]] || return 255
}

install() {
	# Another root's images are not what this machine boots.
	if [[ -z $dracutsysrootdir && -x /usr/lib/fve/fve-approve ]]; then
		/usr/lib/fve/fve-approve --begin "$kernel"
	fi
}

# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Packages of this machine's own sources, to be unpacked below build/ and not installed. Sourced.

# apt_download PACKAGE...: into the working directory.
apt_download() {
	apt-get download -q "$@" 2>&1 | grep -v unsandboxed >&2
	return "${PIPESTATUS[0]}"
}

# The lists: where they are missing, or older than the mirror, a download fails.
apt_update() {
	if [ "$(id -u)" -eq 0 ]; then
		apt-get update -q
	else
		sudo apt-get update -q
	fi >&2
}

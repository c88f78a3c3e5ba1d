# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Packages of this machine's own sources, to be unpacked below build/ and not installed. Sourced.

# The release that this machine is, by its name.
own_suite() {
	(. /etc/os-release && echo "${VERSION_CODENAME-}")
}

# Debian's own lines of this machine's sources, whatever their format, with the name of suite $1 in the
# place of this machine's.
apt_sources() {
	local own
	own=$(own_suite)
	# shellcheck disable=SC2016 # apt expands it
	apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' \
		'Identifier: Packages' 'Origin: Debian' | grep " $own" | sed "s/ $own/ $1/" | sort -u
}

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

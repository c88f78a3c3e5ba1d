# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Debian roots of this machine's release, made of packages by name; sourced after lib.sh. The unpacked packages are kept
# in build/debian, one archive for each set of packages.

# shellcheck source=tests/vm/apt.sh disable=SC2154 # lib.sh sets here
. "$here/../vm/apt.sh"

# depends_of DEB...: all that they depend on but each other, as one list for "apt-get satisfy".
depends_of() {
	local deb own
	own=$(for deb; do dpkg-deb -f "$deb" Package; done | paste -s -d '|')
	for deb; do
		dpkg-deb -f "$deb" Depends
	done | tr , '\n' | sed 's/^ *//' | grep -vE "^($own)( |$)" | sort -u | paste -s -d ,
}

# Where this machine gets Debian's packages from, one line for each part of the archive.
debian_sources() {
	local sources
	sources=$(apt_sources "$(own_suite)")
	[ -n "$sources" ] || {
		apt-get update -q >&2
		sources=$(apt_sources "$(own_suite)")
	}
	echo "$sources"
}

# debian_root DIR PACKAGE[,PACKAGE...] [DEPENDENCIES]: minbase, these packages and these
# dependencies (as in a Depends field), without what is only recommended.
debian_root() {
	local dir=$1 archive sources
	archive=$BUILD/debian/$(printf '%s\n' "$2" "${3-}" | sha256sum | cut -c 1-16).tar
	if [ ! -f "$archive" ]; then
		mkdir -p "$BUILD/debian"
		mapfile -t sources < <(debian_sources)
		# shellcheck disable=SC2016 # the hook's shell expands it
		mmdebstrap --variant=minbase --include="$2" --skip=cleanup/apt/lists \
			${3:+--customize-hook="chroot \"\$1\" apt-get satisfy -q -y --no-install-recommends '$3'"} \
			"$(own_suite)" "$archive.$$.tar" "${sources[@]}"
		mv "$archive.$$.tar" "$archive"
	fi
	mkdir -p "$dir"
	tar -C "$dir" -xf "$archive"
}

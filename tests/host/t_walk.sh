#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: what services.md, escrow.md and provider.md have a reader type does what they say, on a Debian with what make install brings
# group: host services
# timeout: 900
# seconds: 120
# may-skip: a container that may not mount an overlay
#
# Typed are the fenced blocks, in order. "```sh needs: WHAT" is left out, and counted; "```sh meanwhile" is typed
# in a second terminal beside the block before it. "# exits with N" behind a command is held against it.
#
# The pages' paths are those of a Debian of the test's own: a layer in memory over this machine's root file system,
# in namespaces of its own. Nothing of the machine is mounted into it, /dev least of all, and nobody removes
# anything: all of it goes with the last process there.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

top=$(cd "$here/../.." && pwd)
layer=$TMP/layer
root=$layer/root
pages=(services escrow provider)

if [ -z "${WALK_NAMESPACE-}" ]; then
	mkdir "$layer"
	[ "$(id -u)" -eq 0 ] || { echo "SKIP: must be root"; exit 77; }
	unshare --mount true || { echo "SKIP: no mount namespace here"; exit 77; }
	status=0
	WALK_NAMESPACE=1 TMP=$TMP unshare --mount --propagation private --pid --fork --kill-child --net \
		--ipc "$0" "$@" || status=$?
	# The mounts were that namespace's: here is an empty directory.
	rmdir "$layer"
	exit $status
fi

# whiteout PATH...: what this machine may have there is not seen in the layer.
whiteout() {
	for path; do
		mkdir -p "$layer/upper${path%/*}"
		mknod "$layer/upper$path" c 0 0
	done
}

make_root() {
	local name
	mount -t tmpfs tmpfs "$layer"
	mkdir "$root" "$layer/upper" "$layer/work"
	whiteout /etc/fve /var/lib/fve /var/spool/fve
	mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$root" ||
		{ echo "SKIP: no overlay here"; exit 77; }
	for name in dev run tmp root var/lib/softhsm/tokens; do
		mount -t tmpfs -o mode=755 tmpfs "$root/$name"
	done
	mount -t proc proc "$root/proc"
	mknod -m 666 "$root/dev/null" c 1 3
	mknod -m 666 "$root/dev/zero" c 1 5
	mknod -m 666 "$root/dev/random" c 1 8
	mknod -m 666 "$root/dev/urandom" c 1 9
	mknod -m 666 "$root/dev/tty" c 5 0
	ln -s /proc/self/fd "$root/dev/fd"
	# The pages' disks.
	truncate -s 64M "$root/dev/sda2" "$root/dev/sdb1"
	expect 0 make -C "$top" --no-print-directory BUILD="$(realpath --relative-to="$top" "$BUILD")" DESTDIR="$root" \
		KDIR= install
}

# blocks PAGE: as files $TMP/PAGE-NN.WHAT, where WHAT is typed, meanwhile or what it needs.
blocks() {
	awk -v to="$TMP/$1-" '
		/^```/ && file { close(file); file = ""; next }
		/^```/ {
			what = $0
			sub(/^```sh */, "", what)
			sub(/^needs: */, "", what)
			file = sprintf("%s%02d.%s", to, ++n, what == "" ? "typed" : what)
			printf "" >file
			next
		}
		file { print >file }
	' "$top/docs/$1.md"
	! ls "$TMP/$1-"*'```'* 2>/dev/null || fail "docs/$1.md has a fence that is not \`\`\`sh"
}

# What differs for who types: packages are those that are there, no service manager runs, and the TPM is the
# software one.
prologue() {
	cat <<-'END'
		set -eE
		trap 'echo "FAILED: $BASH_COMMAND"' ERR
		apt() {
			apt-get "$1" --yes --no-download --no-upgrade --no-install-recommends "${@:2}"
		}
		systemctl() {
			local word words=()
			for word; do
				[ "$word" = --now ] || words+=("$word")
			done
			command systemctl "${words[@]}"
		}
		fvesetup() {
			if { command fvesetup "$1" "$2" --help || command fvesetup "$1" --help; } 2>&1 | grep -q -e '--tpm'; then
				set -- "$@" --tpm swtpm:path=/run/tpm/sock
			fi
			command fvesetup "$@"
		}
		exits_with() { # N COMMAND...
			local want=$1 status=0
			shift
			"$@" || status=$?
			[ $status = "$want" ] || { echo "status $status instead of $want: $*" && false; }
		}
		export -f fvesetup
		cd
	END
}

# session PAGE: all that is typed on it, as one script.
session() {
	local file i files=("$TMP/$1"-*)
	prologue
	for ((i = 0; i < ${#files[@]}; i++)); do
		file=${files[i]}
		[ "${file##*.}" = typed ] || continue
		echo "echo '--- $1.md, block $((i + 1))'"
		case ${files[i + 1]-} in
		*.meanwhile)
			cp "${files[i + 1]}" "$root/run/meanwhile"
			echo '(until bash -e /run/meanwhile >/run/beside 2>&1; do sleep 0.2; done) </dev/null &'
			;;
		esac
		sed -E 's/^([^#]*[^# ]) +# exits with ([0-9]+).*/exits_with \2 \1/' "$file"
		case ${files[i + 1]-} in
		*.meanwhile) echo 'wait $!' ;;
		esac
	done
}

# walk PAGE ANSWER...: somebody at a terminal. What a page needs not do: mount, make devices, load modules.
walk() {
	local page=$1
	shift
	session "$page" >"$root/run/session"
	expect 0 /usr/bin/python3 "$here/typist.py" --question '(go on|[Pp]assphrase .*|again): ' "$@" -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		TERM=dumb LC_ALL=C.UTF-8 chroot "$root" setpriv \
		--bounding-set=-sys_admin,-mknod,-sys_module,-sys_rawio,-sys_boot bash /run/session
}

make_root
start_tpm "$root/run/tpm"
measure_boot
for page in "${pages[@]}"; do
	blocks "$page"
done
walk services YES 'correct horse' 'correct horse' 'correct horse'
walk escrow YES
walk provider

count() { # PATTERN
	find "$TMP" -maxdepth 1 -name "$1" | wc -l
}
typed=$(($(count '*.typed') + $(count '*.meanwhile')))
module=$(count '*.module') account=$(count '*.account')
echo "typed: $typed blocks; left out: $module that need the module, $account that need an account"
[ $((typed + module + account)) = "$(count '*-[0-9][0-9].*')" ] || fail "a block needs something that is not known here"
[ "$typed" -ge 15 ] || fail "only $typed blocks were typed"
[ "$module" -le 3 ] && [ "$account" -le 1 ] || fail "more is left out than was"

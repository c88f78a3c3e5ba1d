#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: in a Debian root the packages install, DKMS builds and signs the module, purge leaves nothing
# by-hand: installs a Debian and builds there, four to ten minutes; make soak runs it
# group: host packages
# timeout: 2400
# may-skip: a container that may not mount /proc
. "$(dirname "$0")/lib.sh"

top=$(cd "$here/../.." && pwd)
root=$TMP/root

[ "$(id -u)" -eq 0 ] || { echo "SKIP: must be root"; exit 77; }
# DKMS's shell needs /dev/fd, which is in /proc. The mount goes with the namespace.
unshare --mount true || { echo "SKIP: no mount namespace here"; exit 77; }

# in_root COMMAND...: in the Debian root, without a controlling terminal or questions.
in_root() {
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount sh -ec 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"' "$root" \
		env -i PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

echo "--- the packages, and lintian, which is told only that a fuzzer's seeds are no programs"
make -C "$top" --no-print-directory deb
lintian --allow-root --fail-on error,warning "$BUILD"/deb/dm-fve_*.changes
packages=(dm-fve-dkms fvesetup fvesetup-cloud fvesetup-dracut)
debs=()
for package in "${packages[@]}"; do debs+=("$BUILD"/deb/"$package"_*.deb); done

# openssl makes the key that DKMS signs with; dkms only recommends it, as our package does.
! dpkg-deb -f "$BUILD"/deb/fvesetup_*.deb Depends | grep libcurl || fail "fvesetup itself draws libcurl"

echo "--- a Debian root with just what they depend on, and openssl"
# shellcheck source=tests/host/debian_root.sh
. "$here/debian_root.sh"
debian_root "$root" linux-headers-cloud-amd64,openssl "$(depends_of "${debs[@]}")"
release=$(basename "$(echo "$root"/lib/modules/*-cloud-amd64)")

# All files but what apt and dpkg keep, depmod's tables, and the key that DKMS makes itself when it
# first signs anything: it belongs to the machine's owner.
listing() {
	(cd "$root" && find . -xdev \( -path ./proc -o -path ./var/cache -o -path ./var/log -o -path ./tmp \
		-o -path ./var/lib/dpkg -o -path ./var/lib/apt \) -prune -o -print |
		grep -vxE '\./var/lib/dkms/mok\.(key|pub)|\./usr/lib/modules/[^/]*/modules\..*' | LC_ALL=C sort)
}

install_packages() {
	rm -rf "$root/debs"
	mkdir "$root/debs"
	cp "${debs[@]}" "$root/debs/"
	# A dependency that is not named would be missing here.
	expect 0 in_root sh -c 'dpkg -i /debs/*.deb'
	rm -rf "$root/debs"
}

check_installed() {
	expect 0 in_root fvesetup --version
	expect_text "fvesetup $(dpkg-deb -f "${debs[-1]}" Version)"
	expect 0 in_root dkms status
	expect_text "dm-fve/$(dpkg-deb -f "${debs[-1]}" Version), $release, x86_64: installed"
	expect 0 in_root modinfo -k "$release" dm-fve
	expect_text "/lib/modules/$release/updates/dkms/dm-fve.ko"
	expect_text "vermagic:       $release "
	expect_text "signer:         DKMS module signing key"
}

listing >"$TMP/before"
echo "--- install"
install_packages
check_installed
for file in /etc/kernel/{post{inst,rm},header_postinst}.d/zzz-fve /usr/lib/dracut/modules.d/9{0fve,1fve-begin} \
	/usr/lib/fve/fve-approve /usr/share/man/man8/fvesetup.8.gz \
	/usr/share/bash-completion/completions/fvesetup; do
	[ -e "$root$file" ] || fail "$file is missing"
done

echo "--- dracut makes the images before the TPM is told of them"
: >"$root/var/log/dpkg.log"
expect 0 in_root sh -c 'dpkg-trigger --by-package=base-files --no-await update-initramfs && dpkg --triggers-only -a'
grep -o 'trigproc [a-z-]*' "$root/var/log/dpkg.log" | tee "$TMP/out"
[ "$(cat "$TMP/out")" = "trigproc dracut
trigproc fvesetup-dracut" ] || fail "triggers were processed in another order"

echo "--- purge"
expect 0 in_root dpkg --purge "${packages[@]}"
listing | diff "$TMP/before" - || fail "purge left something, or took what is not ours"
expect 0 in_root dkms status
! grep -q dm-fve "$TMP/out" || fail "DKMS still knows the module"

echo "--- install again"
install_packages
check_installed

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: make install puts everything below DESTDIR and PREFIX, and uninstall removes just that
# group: host fast
. "$(dirname "$0")/lib.sh"

top=$(cd "$here/../.." && pwd)
root="$TMP/a root"
kernel=${FVE_KERNEL:-6.1}
kdir=$("$top/tests/vm/kernel" --print kbuild "$kernel")
release=$("$top/tests/vm/kernel" --print release "$kernel")

# Somebody else's files in the places that are shared.
mkdir -p "$root/usr/local/sbin" "$root/usr/lib/dracut/modules.d/90crypt" \
	"$root/lib/modules/$release/updates" "$root/usr/local/share/man/man8"
touch "$root/usr/local/sbin/other" "$root/lib/modules/$release/updates/other.ko"

# Files, and the directories that are ours alone.
listing() {
	(cd "$root" && find . ! -type d -o -name '*fve*' | LC_ALL=C sort)
}

install_tree() {
	expect 0 make -C "$top" --no-print-directory BUILD="$(realpath --relative-to="$top" "$BUILD")" \
		DESTDIR="$root" PREFIX=/usr/local "$@"
}

listing >"$TMP/before"
install_tree install KDIR="$kdir"
listing >"$TMP/installed"
comm -13 "$TMP/before" "$TMP/installed" >"$TMP/new"
cat "$TMP/new"

echo "--- below PREFIX, but for what is looked for in one place only"
for file in /etc/fve /var/spool/fve /usr/local/sbin/fvesetup /usr/local/share/man/man8/fvesetup.8 \
	/usr/local/share/bash-completion/completions/fvesetup \
	/usr/lib/dracut/modules.d/90fve/module-setup.sh \
	/usr/lib/systemd/system/fve-unlock.service /usr/lib/udev/rules.d/61-fve.rules \
	/etc/kernel/postinst.d/zzz-fve "/lib/modules/$release/updates/dm-fve.ko"; do
	grep -qxF ".$file" "$TMP/new" || fail "$file was not installed"
done
! grep -vE '^\./(usr/local/|usr/lib/(dracut/modules\.d/(90fve|91fve-begin|99zz-fve)|fve|systemd|udev)(/|$)|etc/(fve$|kernel/|default/)|var/spool/fve$|lib/modules/)' "$TMP/new" ||
	fail "files outside PREFIX"
"$root/usr/local/sbin/fvesetup" --version

echo "--- nobody else may write to it"
find "$root" -type f -perm /022 | tee "$TMP/out"
[ ! -s "$TMP/out" ] || fail "writable by others"

echo "--- PINs and packets are for root alone, unless the administrator has made the place before"
[ "$(stat -c %a "$root/etc/fve" "$root/var/spool/fve" | xargs)" = "700 700" ] || fail "places that are open to others"
chmod 750 "$root/etc/fve"

echo "--- a second time is no different, and uninstall leaves what was there"
install_tree install KDIR="$kdir"
listing | diff "$TMP/installed" -
[ "$(stat -c %a "$root/etc/fve")" = 750 ] || fail "the administrator's mode was changed"
touch "$root/etc/fve/a.pin"
install_tree uninstall
[ -e "$root/etc/fve/a.pin" ] || fail "uninstall took a PIN"
rm "$root/etc/fve/a.pin"
rmdir "$root/etc/fve"
listing | diff "$TMP/before" - || fail "uninstall left or took too much"

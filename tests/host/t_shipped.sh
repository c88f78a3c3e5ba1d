#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: each file that the tree has for a system is installed, and shipped by one package; each man page has its sections and names only pages that are shipped
# group: host fast
. "$(dirname "$0")/lib.sh"

top=$(cd "$here/../.." && pwd)
expect 0 make -C "$top" --no-print-directory BUILD="$(realpath --relative-to="$top" "$BUILD")" \
	install KDIR= PREFIX=/usr DESTDIR="$TMP/root"
(cd "$TMP/root" && find . -type f -o -type d -empty | sed 's,^\./,,' | LC_ALL=C sort) >"$TMP/installed"
[ -s "$TMP/installed" ] || fail "nothing was installed"

echo "--- each installed file, or directory that somebody fills, is in just one package, and each line of debian/*.install is good for something"
# matches FILE PATTERN: as dh_install has it, a file, a directory or a glob.
matches() {
	# shellcheck disable=SC2254 # patterns are meant
	case $1 in $2 | $2/*) ;; *) return 1 ;; esac
}
cat "$top"/debian/*.install | sed '/^#/d; /^$/d' >"$TMP/patterns"
# unshipped: what no package has, or two have.
unshipped() {
	local file pattern n
	while read -r file; do
		n=0
		while read -r pattern; do
			! matches "$file" "$pattern" || n=$((n + 1))
		done <"$TMP/patterns"
		[ "$n" = 1 ] || echo "$file ($n packages)"
	done <"$TMP/installed"
}
[ -z "$(unshipped)" ] || fail "not shipped once: $(unshipped)"
while read -r pattern; do
	while read -r file; do
		! matches "$file" "$pattern" || continue 2
	done <"$TMP/installed"
	fail "no file for $pattern in debian/*.install"
done <"$TMP/patterns"
sed -i 's,^usr/share/man$,usr/share/man/man8,' "$TMP/patterns"
[ -n "$(unshipped)" ] || fail "a page that no package has is not seen"

echo "--- what the tree has for a system is installed"
for file in "$top"/userspace/man/*.scd "$top"/userspace/completion/* "$top"/userspace/systemd/* "$top"/dracut/9*/* "$top"/docs/*.md; do
	name=$(basename "$file" .scd)
	grep -qE "/$name\$" "$TMP/installed" ||
		{ [ "$name" = fvesetup.bash ] && grep -qx usr/share/bash-completion/completions/fvesetup "$TMP/installed"; } ||
		fail "$file is not installed"
done

echo "--- the pages' sections, and what they point to"
for page in "$top"/userspace/man/*.scd; do
	for section in NAME SYNOPSIS DESCRIPTION EXAMPLES FILES ENVIRONMENT 'EXIT STATUS' 'SEE ALSO'; do
		grep -qx "# $section" "$page" || fail "$page: no $section"
	done
	man --warnings=w -l "$BUILD/$(basename "$page" .scd)" >/dev/null 2>"$TMP/warnings"
	[ ! -s "$TMP/warnings" ] || fail "$page: $(cat "$TMP/warnings")"
done
cat "$BUILD"/*.[58] >"$TMP/pages"
"$BUILD/fvesetup" --help >>"$TMP/pages"
while read -r page; do
	grep -qx "usr/share/doc/fvesetup/${page#*/}" "$TMP/installed" || fail "$page is named, and not shipped"
done < <(grep -oE '\b(docs|fvesetup)/[a-z-]+\.md' "$TMP/pages" | sort -u)
# Each variable that is read is on the page, and no other.
grep -rhoE 'getenv\("[A-Z_]+"' "$top/userspace" | grep -oE '[A-Z_]{3,}' | sort -u >"$TMP/read"
sed -n '/^# ENVIRONMENT/,/^# EXIT/s/^\*\([A-Z_]*\)\*$/\1/p' "$top"/userspace/man/*.scd | sort -u | diff "$TMP/read" - ||
	fail "other variables than the pages tell of"

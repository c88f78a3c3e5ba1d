#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: --help, man page, completion, docs/json.md and tests know the same actions and options
# group: host fast
. "$(dirname "$0")/lib.sh"
root=$here/../..
fvesetup=$BUILD/fvesetup

"$BUILD/fill" <<<'@LIST@' | tee "$TMP/takes" >"$TMP/list" # "action words: --option --option ..."
man=$BUILD/fvesetup.8.scd # what scdoc makes the page of
# Words of the scripts, not what they once printed.
find "$root/tests" -type f ! -name '*.out' ! -name t_help.sh ! -path '*/corpus/*' -exec cat {} + >"$TMP/tests"

missing=
# has FILE REGEX WHAT
has() {
	grep -qE -- "$2" "$1" || missing+=$'\n'"$3"
}

while IFS=: read -r action takes; do
	# shellcheck disable=SC2086 # one word, or two
	"$fvesetup" $action --help >"$TMP/help"
	[ -z "$action" ] || {
		has "$man" "^\*$action\* " "man page: $action"
		has "$man" "^\*fvesetup\* \[options\] \*$action\* " "synopsis: $action"
		has "$TMP/tests" "(fvesetup\"?|^run)( -[^ ]+)* $action( |\$)" "a test of: $action"
		"$fvesetup" --help | grep -q "^  $action " || missing+=$'\n'"--help: $action"
	}
	for option in $takes; do
		has "$TMP/help" "^ +(-., )?$option(=| |\$)" "$action --help: $option"
		has "$man" "^(\*-.\*, )?\*$option\*(=|\$)" "man page: $option"
		has "$TMP/tests" "$option([^a-z-]|\$)" "a test of: $option"
	done
	# Nothing else is in the help than the list knows.
	while read -r option; do
		grep -q "^\($action\|\):.* $option\( \|\$\)" "$TMP/takes" ||
			missing+=$'\n'"$action --help shows $option, which it does not take"
	done < <([ -z "$action" ] || grep -oE '^ +(-., )?--[a-z-]+' "$TMP/help" | grep -oE -- '--[a-z-]+')
done <"$TMP/list"

echo "--- completion"
# complete_line WORD...: what the completion offers for the last word.
complete_line() {
	bash -c '. "$1"; shift
		COMP_WORDS=(fvesetup "$@"); COMP_CWORD=$#; _fvesetup 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$BUILD/fvesetup.bash" "$@" >"$TMP/offered"
}
while read -r action second; do
	[ -n "$action" ] || continue
	complete_line "${action:0:2}"
	has "$TMP/offered" "^$action\$" "completion: $action"
	[ -n "$second" ] || continue
	complete_line "$action" ""
	has "$TMP/offered" "^$second\$" "completion: $action $second"
done < <(cut -d : -f 1 "$TMP/list")
while IFS=: read -r action takes; do
	[ -n "$action" ] || continue
	# shellcheck disable=SC2086 # one word, or two
	complete_line $action --
	for option in $takes --verbose; do
		has "$TMP/offered" "^$option=?\$" "completion: $action $option"
	done
done <"$TMP/list"
complete_line protector add /dev/null tpm2-
has "$TMP/offered" '^tpm2-pin$' "completion of kinds"
complete_line format --sector-size = 4
has "$TMP/offered" '^4096$' "completion of sector sizes"
complete_line format --label open "$here/t_he"
has "$TMP/offered" '/t_help\.sh$' "completion of devices, past an option's argument"
complete_line --verbose protector remove --force "$here/t_he"
has "$TMP/offered" '/t_help\.sh$' "completion past options"

echo "--- JSON"
# Numbers as names are PCRs.
while read -r member; do
	has "$root/docs/json.md" "\`$member\`" "docs/json.md: $member"
done < <(grep -hoE '^ +"[a-z_0-9]+":' "$here"/../golden/*.out | tr -d ' ":' | sort -u | grep -vxE '[0-9]+')

[ -z "$missing" ] || fail "not everywhere:$missing"

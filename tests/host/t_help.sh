#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: --help, man page, completion in bash, zsh and fish, docs/json.md and tests know the same actions and options
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

echo "--- completion in zsh and fish: the same words, and no others"
# What zsh is given, without zsh's own functions around it.
cat >"$TMP/zsh" <<'END'
_describe() {
	[ "$1" != -o ] || shift
	print -rl -- ${(P)2}
}
_files() { print FILES }
_message() { : }
compadd() { print -rl -- "${@:#--}" }
compset() { : }
while IFS= read -r line; do
	words=(${(s: :)line})
	[[ $line != *' ' ]] || words+=('')
	CURRENT=$#words
	print -r -- "== $line"
	_fvesetup
done
END
sed '$d' "$BUILD/_fvesetup" >"$TMP/zsh_functions"
zsh_offers() {
	zsh -f -c '. "$1"; . "$2"' zsh "$TMP/zsh_functions" "$TMP/zsh" | sed 's/:.*//'
}
cat >"$TMP/fish" <<'END'
source $argv[1]
while read -l line
    echo "== $line"
    complete -C $line | string replace -r '\t.*' ''
end
END
fish_offers() {
	HOME=$TMP fish --no-config "$TMP/fish" "$BUILD/fvesetup.fish"
}
# One line for each place in which words are offered, and these words.
/usr/bin/python3 - "$TMP/takes" >"$TMP/wanted" <<'END'
import sys
takes = {}
with open(sys.argv[1], encoding="utf-8") as table:
    for line in table:
        action, _, options = line.rstrip("\n").partition(":")
        takes[action] = options.split()
common = takes.pop("")
places = {"fvesetup ": {action.split()[0] for action in takes}}
for action in takes:
    if " " in action:
        group, word = action.split()
        places.setdefault("fvesetup %s " % group, set()).add(word)
for action, options in takes.items():
    places["fvesetup %s --" % action] = set(options + common)
for place, words in places.items():
    print("|".join([place] + sorted(words)))
END
cut -d '|' -f 1 "$TMP/wanted" >"$TMP/lines"
for shell in zsh fish; do
	"${shell}_offers" <"$TMP/lines" >"$TMP/raw"
	/usr/bin/python3 - "$TMP/raw" >"$TMP/offers" <<'END'
import sys
words = {}
with open(sys.argv[1], encoding="utf-8") as raw:
    for line in raw.read().splitlines():
        if line.startswith("== "):
            place = words.setdefault(line[3:], set())
        elif line:
            place.add(line.rstrip("="))
for place, offered in words.items():
    print("|".join([place] + sorted(offered)))
END
	diff -u --label tables --label "$shell" "$TMP/wanted" "$TMP/offers" ||
		missing+=$'\n'"completion of $shell"
done
echo 'fvesetup protector add /dev/null ' | zsh_offers | grep -qx tpm2-pin || missing+=$'\n'"kinds in zsh"
echo 'fvesetup protector add /dev/null tpm2-' | fish_offers | grep -qx tpm2-pin || missing+=$'\n'"kinds in fish"
echo 'fvesetup format --sector-size ' | zsh_offers | grep -qx 4096 || missing+=$'\n'"sector sizes in zsh"
echo 'fvesetup format --sector-size=' | fish_offers | grep -q 4096 || missing+=$'\n'"sector sizes in fish"

echo "--- JSON"
# Numbers as names are PCRs.
while read -r member; do
	has "$root/docs/json.md" "\`$member\`" "docs/json.md: $member"
done < <(grep -hoE '^ +"[a-z_0-9]+":' "$here"/../golden/*.out | tr -d ' ":' | sort -u | grep -vxE '[0-9]+')

[ -z "$missing" ] || fail "not everywhere:$missing"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: what people do beside the manual is done, or refused in one line that says what to do, with nothing changed: stock tools, odd files and names, options that are none, limits of the shell
# group: host
# timeout: 900
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

# Many calls: not the one with sanitizers, which the tests of each part use.
fvesetup=$BUILD/fvesetup
image=$TMP/volume.img
pass=(-q --key-file "$TMP/pass")
cd "$TMP"
new_image "$image"
format "$image"
cheap_digest "$image"
cp "$image" good
again() {
	cp good "$image"
}
edit() {
	/usr/bin/python3 "$here/luks2_edit.py" "$image" json "$1"
}
# refused STATUS TEXT ARGUMENT...: one line that says the text, and the volume is as it was.
refused() {
	local status=$1 text=$2 before
	shift 2
	before=$(sha256sum <"$image")
	expect "$status" "$fvesetup" "$@" </dev/null
	expect_text "$text"
	[ "$(wc -l <"$TMP/out")" = 1 ] || fail "$(wc -l <"$TMP/out") lines: $*"
	[ "$before" = "$(sha256sum <"$image")" ] || fail "the volume was changed by $*"
}
# clean: what was said does nothing to a terminal.
clean() {
	! LC_ALL=C grep -q $'[\001-\010\013-\037\177]' "$TMP/out" || fail "control characters: $(od -c "$TMP/out")"
	iconv -f utf-8 -t utf-8 "$TMP/out" >"$TMP/utf8" || fail "it is not UTF-8"
}

echo "--- a protector of a later version: a new VMK would end it without a word"
for token in '{"type": "fve-fido2", "keyslots": [], "version": 1}' '{"type": "fve-tpm2", "keyslots": [], "version": 7}' \
	'{"type": "fve-auto", "keyslots": [], "version": 2, "id": "00000001", "generation": 1}'; do
	again
	edit "h['tokens']['9'] = $token"
	"$fvesetup" header accept "${pass[@]}" "$image" >"$TMP/out"
	refused 4 'later version of fvesetup' rotate vmk "${pass[@]}" "$image"
	expect_text 'nothing was changed'
	expect 0 "$fvesetup" protector remove --force "${pass[@]}" "$image" "$(
		"$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.token == 9).id')"
	expect 0 "$fvesetup" rotate vmk "${pass[@]}" "$image"
done
echo "--- one that names a person's keyslot holds no VMK; one that is damaged opens nothing, whatever its kind"
expect 1 "$fvesetup" protector add "$image" nothing
read -ra kinds < <(sed 's/.*there are: //; s/,//g' "$TMP/out")
[ ${#kinds[@]} -gt 8 ] || fail "too few kinds: ${kinds[*]}"
mapfile -t tokens < <(printf '{"type": "fve-%s", "keyslots": [], "version": 1}\n' "${kinds[@]}" policy customer-key)
for token in '{"type": "fve-recovery", "keyslots": ["1"], "version": 2}' "${tokens[@]}"; do
	again
	edit "h['tokens']['9'] = $token"
	"$fvesetup" header accept "${pass[@]}" "$image" >"$TMP/out"
	expect 0 "$fvesetup" rotate vmk "${pass[@]}" "$image"
done

echo "--- a stock tool gave the volume to another subsystem: what to do is said, and helps"
again
cryptsetup config --subsystem elsewhere "$image"
refused 4 "cryptsetup config --subsystem fve $image" open --test "${pass[@]}" "$image"
refused 4 "cryptsetup config --subsystem '' $image" adopt "${pass[@]}" "$image"
cryptsetup config --subsystem fve "$image"
expect 0 "$fvesetup" open --test "${pass[@]}" "$image"
cryptsetup config --subsystem elsewhere "$image"
cryptsetup config --subsystem '' "$image"
expect 0 "$fvesetup" adopt "${pass[@]}" "$image"
expect 0 "$fvesetup" header verify "${pass[@]}" "$image"

echo "--- priorities, a changed key and another KDF by stock tools: it opens, and what changed is named"
for change in 'config --priority prefer --key-slot 1' 'luksConvertKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 2000 --key-file pass'; do
	again
	# shellcheck disable=SC2086 # words
	cryptsetup $change "$image"
	expect 0 "$fvesetup" open --test "${pass[@]}" "$image"
	expect_text header-mac
	expect 2 "$fvesetup" header verify "${pass[@]}" "$image"
	expect_text 'keyslot 1: changed'
	expect 0 "$fvesetup" header accept "${pass[@]}" "$image"
	expect 0 "$fvesetup" header verify "${pass[@]}" "$image"
done
again

echo "--- the VMK's keyslot was destroyed by a stock tool: dump says what makes a new one, and it does"
slot=$(cryptsetup luksDump --dump-json-metadata "$image" | jq -r '.tokens[] | select(.type == "fve-vmk").keyslots[0]')
cryptsetup luksKillSlot -q --key-file pass "$image" "$slot"
refused 4 "fvesetup header accept $image, then fvesetup rotate vmk $image" dump "$image"
expect 0 "$fvesetup" header accept "${pass[@]}" "$image"
expect 0 "$fvesetup" rotate vmk "${pass[@]}" "$image"
expect 0 "$fvesetup" dump "$image"
echo "--- the VMK's token was removed, or damaged: what makes a new one is said, and does"
for change in 'gone del h["tokens"][n]' 'damaged h["tokens"][n]["generation"] = "x"'; do
	again
	edit "n = [n for n, t in h['tokens'].items() if t['type'] == 'fve-vmk'][0]
${change#* }"
	refused 4 "is ${change%% *}, and no machine's protector opens it any more" dump "$image"
	expect_text "fvesetup release $image, fvesetup adopt $image, fvesetup protector add"
	expect 0 "$fvesetup" open --test "${pass[@]}" "$image"
	expect 0 "$fvesetup" header accept "${pass[@]}" "$image"
	refused 4 "fvesetup release $image, fvesetup adopt $image" rotate vmk "${pass[@]}" "$image"
	expect 0 "$fvesetup" release "${pass[@]}" "$image"
	expect 0 "$fvesetup" adopt "${pass[@]}" "$image"
	expect 0 "$fvesetup" protector add "${cheap[@]}" "${pass[@]}" --new-key-file good.key "$image" startup-key
	rm -f good.key
	expect 0 "$fvesetup" rotate vmk "${pass[@]}" "$image"
done
echo "--- nothing opens it any more, by a stock tool or by ours: dump says so as status does, and a backup helps"
again
rm -f whole_header
"$fvesetup" header backup "$image" whole_header
for erase in 'cryptsetup luksErase -q' "$fvesetup erase -q --tpm swtpm:path=$TMP/none"; do
	again
	$erase "$image"
	expect 0 "$fvesetup" status "$image"
	expect_text 'nothing opens it again'
	refused 4 "nothing opens $image any more: its keyslots were erased" dump "$image"
	refused 4 "fvesetup header restore $image" dump --json "$image"
	expect 0 "$fvesetup" header restore -q "$image" whole_header
	expect 0 "$fvesetup" open --test "${pass[@]}" "$image"
done
again

echo "--- a re-encryption that was begun by a stock tool: no command reads or changes it, and what ends it is said"
stock_reencrypt() {
	cryptsetup reencrypt -q --resilience none --force-offline-reencrypt --key-file pass "$@" "$image"
}
begin=(-S "$("$fvesetup" protector list "$image" | awk '$2 == "passphrase" { print $3 }')" --pbkdf pbkdf2 --pbkdf-force-iterations 1000)
stock_reencrypt "${begin[@]}" --init-only
for action in "open --test ${pass[*]}" status dump "protector list" "rotate vmk ${pass[*]}" "header accept ${pass[*]}" \
	"release ${pass[*]}" "adopt ${pass[*]}" "erase -q"; do
	# shellcheck disable=SC2086 # words
	refused 4 "cryptsetup reencrypt --resume-only $image" $action "$image"
done
stock_reencrypt --resume-only
again
"$fvesetup" header backup "$image" before
stock_reencrypt "${begin[@]}"
echo "--- a header from before it would lose the data: it is written by --force alone, after a change of ours as well"
refused 1 'for another key than' header restore -q "$image" before
"$fvesetup" header accept "${pass[@]}" "$image"
refused 1 'for another key than' header restore -q "$image" before
cp "$image" whole
"$fvesetup" header backup "$image" after
expect 0 "$fvesetup" header restore -q --force "$image" before
refused 1 'for another key than' header restore -q "$image" after
expect 0 "$fvesetup" header restore -q --force "$image" after
cmp "$image" whole || fail "the right header, put back, is another"
cp whole "$image"
expect 0 "$fvesetup" open --test "${pass[@]}" "$image"
again
stock_reencrypt "${begin[@]}" --init-only
stock_reencrypt --resume-only
echo "--- it is done, or done in other sectors: header accept, and it opens; in another cipher: it is named"
for change in none '--sector-size 512'; do
	# shellcheck disable=SC2086 # words
	[ "$change" = none ] || { again; stock_reencrypt "${begin[@]}" $change; }
	expect 2 "$fvesetup" open --test "${pass[@]}" "$image"
	expect_text "If you re-encrypted it: fvesetup header accept $image"
	! grep -q restore out || fail "a header from before is named, which loses the data"
	expect 0 "$fvesetup" header accept "${pass[@]}" "$image"
	expect 0 "$fvesetup" open --test "${pass[@]}" "$image"
	refused 4 'rotate vmk' dump "$image"
	expect 4 "$fvesetup" rotate vmk "${pass[@]}" "$image"
	expect_text "fvesetup release $image, fvesetup adopt $image"
done
echo "--- other data segments under the same key: both ways are named"
again
edit "h['segments']['0']['offset'] = str(int(h['segments']['0']['offset']) + 4096)"
expect 2 "$fvesetup" open --test "${pass[@]}" "$image"
expect_text "fvesetup header restore $image FILE. If it was you: fvesetup header accept $image"
again
stock_reencrypt "${begin[@]}" --cipher aes-cbc-essiv:sha256 --key-size 256
refused 4 'aes-cbc-essiv:sha256; only crypt with aes-xts-plain64' open --test "${pass[@]}" "$image"
again

echo "--- secrets in files: what no keyboard gives is said"
for text in '\xef\xbb\xbfhorse' 'h\xffrse' 'h\xc3' 'h\xe2\x80\x8brse' 'h\xe2\x80\xaerse'; do
	again
	printf '%b' "$text" >new
	expect 0 "$fvesetup" protector add "${cheap[@]}" --new-key-file new "${pass[@]}" "$image" passphrase
	expect_text 'Nobody could type the passphrase'
	expect 0 "$fvesetup" open --test --key-file new "$image"
done
for text in 'h\xc3\xa4rse' ' horse ' '\xf0\x9f\x90\x8e'; do
	again
	printf '%b' "$text" >new
	expect 0 "$fvesetup" protector add "${cheap[@]}" --new-key-file new "${pass[@]}" "$image" passphrase
	! grep -q 'Nobody could type' out || fail "it could be typed: $text"
	expect 0 /usr/bin/python3 "$here/typist.py" "$(printf '%b' "$text")" -- "$fvesetup" open --test --tries 1 "$image"
done

echo "--- recovery files: as an editor leaves them they open, and a digit too few or too many does not"
again
digits=$(cat "$image.rec")
for text in "\xef\xbb\xbf$digits" "$digits\r\n" "${digits//-/ }" "\n\t${digits//-/}\n"; do
	printf '%b' "$text" >rec
	expect 0 "$fvesetup" open --test --key-file rec "$image"
done
for text in "${digits%?}" "${digits}0" "x$digits" "\xef\xbb$digits"; do
	printf '%b' "$text" >rec
	expect 2 "$fvesetup" open --test --key-file rec "$image"
done
echo "--- and new ones go into new files alone"
ln -s nowhere dangling
mkdir -p dir
mkfifo fifo
for file in dangling dir dir/ fifo "$image" pass; do
	refused 5 xists rotate recovery --recovery-file "$file" "${pass[@]}" "$image"
done
[ ! -e nowhere ] || fail "a link was followed"
refused 1 './-' rotate recovery --recovery-file - "${pass[@]}" "$image"
refused 1 './-' protector add --new-key-file - "${pass[@]}" "$image" startup-key
refused 1 './-' header backup "$image" -
[ ! -e - ] || fail "a file that is called -"
expect 0 "$fvesetup" header backup "$image" ./-
long=$(printf 'r%.0s' {1..255})
refused 1 'File name too long' rotate recovery --recovery-file "r$long" "${pass[@]}" "$image"
expect 0 "$fvesetup" rotate recovery --recovery-file "$long" "${pass[@]}" "$image"
expect 0 "$fvesetup" open --test --key-file "$long" "$image"

echo "--- files that are no files"
refused 4 'Is a directory' open --test --key-file . "$image"
refused 4 'No such file' open --test --key-file /dev/fd/99 "$image"
refused 1 'more than 8388608 bytes' open --test --key-file /dev/zero "$image"
refused 4 'neither a block device nor an image' header restore -q "$image" .
refused 4 'is no file' metrics --textfile fifo
refused 4 'is no file' metrics --textfile dir
[ -p fifo ] || fail "a pipe was replaced by a file"

echo "--- limits of the shell: an error, and no end in the middle"
again
before=$(sha256sum <"$image")
for action in "header backup $image small" "protector add ${pass[*]} --recovery-file small $image recovery" \
	"protector add ${pass[*]} --new-key-file small $image startup-key" "rotate recovery ${pass[*]} --recovery-file small $image"; do
	# What it says goes through a pipe, since no file may grow.
	# shellcheck disable=SC2086 # words
	status=$( (ulimit -f 0 && exec "$fvesetup" $action) 2>&1 >/dev/null </dev/null | cat >said; echo "${PIPESTATUS[0]}")
	[ "$status" -lt 10 ] && [ "$status" != 0 ] || fail "status $status: $action"
	grep -q 'small: File too large' said || fail "it was not said: $(cat said)"
	[ ! -e small ] || fail "a piece was left: $action"
	[ "$before" = "$(sha256sum <"$image")" ] || fail "the volume was changed: $action"
done

echo "--- options that are none, and how the program was called: our name, and nothing a terminal would do"
odd=$'a\e[2J\xc2\x9bb\xe2\x80\xae\xef\xbb\xbfc\xff'
for words in "--$odd" "status --$odd" "status --json=$odd" "status -$odd" "open --tries=$odd x" "--re" "status --key-file"; do
	# shellcheck disable=SC2016,SC2086 # words, and those of the inner shell
	expect 1 bash -c 'exec -a "$0" "$@"' "$odd" "$fvesetup" $words
	clean
	grep -q '^fvesetup: ' out || fail "not our name: $(cat out)"
	[ "$(wc -l <out)" = 1 ] || fail "$(wc -l <out) lines"
done
expect 1 "$fvesetup" status --re x
expect_text "possibilities: --recovery-file --readonly"
expect 1 "$fvesetup" status --json=x
expect_text "option '--json' doesn't allow an argument"

echo "--- names of files, wherever they are shown"
cp "$image" "$odd"
for action in dump status "dump --json" "status --json" "header verify ${pass[*]}" "identity ${pass[*]}" "protector list" "open --test --key-file $odd"; do
	# shellcheck disable=SC2086 # words
	"$fvesetup" $action "$odd" >out 2>&1 </dev/null || true
	clean
done
grep -q 'a?\[2J' <("$fvesetup" dump "$odd") || fail "another name is shown: $("$fvesetup" dump "$odd")"

echo "--- sizes: the last that fits, and one more"
again
refused 1 'at most 63 bytes' protector add "${cheap[@]}" --new-key-file pass "${pass[@]}" "$image" "passphrase,label=$(printf 'x%.0s' {1..64})"
refused 1 'at most 47 bytes' format "${cheap[@]}" --no-recovery --label "$(printf '\303\244%.0s' {1..24})" "${pass[@]}" "$image"
head -c 8388609 /dev/urandom >big
refused 1 'more than 8388608 bytes' protector add "${cheap[@]}" --new-key-file big "${pass[@]}" "$image" passphrase
head -c 8388608 big >most
expect 0 "$fvesetup" protector add "${cheap[@]}" --new-key-file most "${pass[@]}" "$image" passphrase
expect 0 "$fvesetup" open --test --key-file most "$image"
"$fvesetup" protector add "${pass[@]}" --new-key-file key "$image" startup-key
for n in 31 33; do
	head -c $n big >short
	expect 2 "$fvesetup" open --test --protector startup-key --startup-key-file short "$image" </dev/null
	expect_text 'which has 32 bytes'
done
echo "all as expected"

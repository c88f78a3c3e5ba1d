#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: secrets come from a terminal without echo, a file, a descriptor or the password agent;
# proves: ^C at the prompt restores the echo and changes nothing; once writing, it waits
# group: host
# seconds: 60
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image"
pass=$(cat "$TMP/pass")

# at_terminal STATUS TEXT ANSWER... -- COMMAND...: somebody answers there; it echoes again after.
at_terminal() {
	local status=$1 text=$2
	shift 2
	expect "$status" /usr/bin/python3 "$here/typist.py" --echo "$@"
	expect_text "$text"
	expect_text 'the terminal echoes'
	! grep -q "$pass" "$TMP/out" || fail "the terminal showed the secret"
}

echo "--- a terminal"
at_terminal 0 'Passphrase or recovery password for' "$pass" -- "$fvesetup" open --test "$image"
name=$(cryptsetup luksUUID "$image" | cut -c -8)-$("$fvesetup" protector list --json "$image" |
	jq -r '.protectors[] | select(.kind == "recovery").id')
at_terminal 0 "for $image (recovery key $name): " "$pass" -- "$fvesetup" open --test "$image"
at_terminal 0 'Passphrase' wrong "$pass" -- "$fvesetup" open --test "$image"
at_terminal 2 'secret-wrong' wrong wrong2 -- "$fvesetup" open --test --tries 2 "$image"
at_terminal 2 'no secret was given' -- "$fvesetup" open --test "$image"
at_terminal 2 'secret-wrong' "" -- "$fvesetup" open --test --tries 1 "$image"
at_terminal 1 'longer than 512 bytes' "$(printf 'x%.0s' {1..600})" -- "$fvesetup" open --test "$image"
at_terminal 1 'longer than 512 bytes' "$(printf 'x%.0s' {1..5000})" -- "$fvesetup" open --test "$image"
at_terminal 2 'no secret was given' ... -- "$fvesetup" open --test --timeout 1 "$image"

echo "--- a new secret"
before=$(sha256sum <"$image")
unchanged() {
	[ "$before" = "$(sha256sum <"$image")" ] || fail "the volume was changed"
}
add=("$fvesetup" protector add --key-file "$TMP/pass" "${cheap[@]}" "$image")
at_terminal 1 'the two answers differ' one two -- "${add[@]}" passphrase
at_terminal 1 'an empty secret' "" -- "${add[@]}" passphrase
at_terminal 1 'at least 6 characters' 12345 12345 -- "${add[@]}" tpm2-pin
at_terminal 1 'Type YES, in capitals' yes -- "$fvesetup" format --key-file "$TMP/pass" "$image"
at_terminal 1 'nothing was done, since the answer was not YES in capitals' yes -- "$fvesetup" format --key-file "$TMP/pass" "$image"
unchanged

echo "--- what ends the program at the prompt leaves the terminal as it was"
# The statuses are minus the signals' numbers, modulo 256.
at_terminal 254 'Passphrase' "^C" -- "$fvesetup" open --test "$image"
at_terminal 253 'Passphrase' "^\\" -- "$fvesetup" open --test "$image"
at_terminal 0 'Passphrase' "^Z$pass" -- "$fvesetup" open --test "$image"
at_terminal 254 'The same again' one "^C" -- "${add[@]}" passphrase
at_terminal 241 'Passphrase' "kill TERM" -- "$fvesetup" open --test "$image"
at_terminal 255 'Passphrase' "kill HUP" -- "$fvesetup" open --test "$image"
unchanged

echo "--- ^C while the header is written waits for the end"
# In a copy: whatever opens the volume after it would stretch its secret as long.
cp "$image" "$TMP/slow.img"
slow=("$fvesetup" protector add --key-file "$TMP/pass" --iter-time 1000 --pbkdf-memory 65536 "$TMP/slow.img" passphrase)
printf 'another one' >"$TMP/new"
"${slow[@]}" --new-key-file "$TMP/new" &
writer=$!
# Bit 1 of the mask of blocked signals is SIGINT. The shell holds it back, too, until it has become fvesetup.
blocked() {
	local mask
	[ "$(cat "/proc/$writer/comm")" = fvesetup ] || return 1
	mask=$(sed -n 's/^SigBlk:\t//p' "/proc/$writer/status")
	((0x${mask:-0} & 2))
}
# glibc holds all signals back while it makes a thread, as Argon2 has them, for a moment.
until blocked && sleep 0.1 && blocked; do
	kill -0 "$writer" || fail "it never holds ^C back"
	sleep 0.02
done
[ "$before" = "$(sha256sum <"$TMP/slow.img")" ] || fail "it is written already"
kill -INT "$writer"
kill -TERM "$writer"
wait "$writer" || fail "it was interrupted"
expect 0 "$fvesetup" open --test --key-file "$TMP/new" "$TMP/slow.img"

echo "--- files, pipes and descriptors"
expect 0 "$fvesetup" open --test "$image" <"$TMP/pass"
expect 0 "$fvesetup" open --test --key-file - "$image" <"$TMP/pass"
expect 0 "$fvesetup" open --test --key-file /dev/fd/7 "$image" 7<"$TMP/pass"
expect 0 "$fvesetup" open --test --key-file /dev/fd/7 "$image" 7< <(cat "$TMP/pass")
expect 4 "$fvesetup" open --test --key-file /dev/fd/77 "$image"
expect_text 'cannot open the key file /dev/fd/77'
expect 2 "$fvesetup" open --test --key-file /dev/null "$image"
expect 1 "$fvesetup" open --test --key-file /dev/zero "$image"
expect_text 'holds more than'
expect 1 "$fvesetup" protector add --key-file - --new-key-file - "${cheap[@]}" "$image" passphrase <"$TMP/pass"
expect_text 'standard input holds one secret'

echo "--- a new passphrase that nobody could type is told from one that somebody can"
echo 'with a line end' >"$TMP/new"
expect 0 "${add[@]}" passphrase --new-key-file "$TMP/new"
expect_text 'Nobody could type'
expect 0 "$fvesetup" open --test --key-file "$TMP/new" "$image"
head -c 600 /dev/zero | tr '\0' x >"$TMP/new"
expect 0 "${add[@]}" passphrase --new-key-file "$TMP/new"
expect_text 'too long'
printf 'K\303\244se' >"$TMP/new"
expect 0 "${add[@]}" passphrase --new-key-file "$TMP/new"
! grep -q 'Nobody could type' "$TMP/out" || fail "it can be typed"
at_terminal 0 'Passphrase' "Käse" -- "$fvesetup" open --test "$image"

echo "--- the password agent"
if [ "$(id -u)" != 0 ]; then
	echo "not root: /run/systemd/ask-password cannot be used"
	exit 77
fi
agent() {
	/usr/bin/python3 "$here/agent.py" "fvesetup:$image" "$@" >"$TMP/asked" &
	agent=$!
}
agent wrong "$pass"
expect 0 "$fvesetup" open --test --agent "$image" </dev/null
wait "$agent"
[ "$(grep -c "^asked: Passphrase or recovery password for $image" "$TMP/asked")" = 2 ] ||
	fail "it was not asked twice"
agent "new secret" "new secret"
expect 0 "$fvesetup" protector add --agent --key-file "$TMP/pass" "${cheap[@]}" "$image" passphrase
wait "$agent"
agent "new secret"
expect 0 "$fvesetup" open --test --agent "$image" </dev/null
wait "$agent"
agent -
expect 2 "$fvesetup" open --test --agent "$image" </dev/null
expect_text 'no password agent answered'
wait "$agent"
expect 2 "$fvesetup" open --test --agent --timeout 1 "$image" </dev/null
expect_text 'in time'
expect 4 env PATH=/nonexistent "$fvesetup" open --test --agent "$image" </dev/null
expect_text 'cannot run systemd-ask-password'
"$fvesetup" open --test --agent "$image" </dev/null &
asker=$!
until grep -qs "^Id=fvesetup:$image\$" /run/systemd/ask-password/ask.*; do
	sleep 0.02
done
kill -9 "$asker"
wait "$asker" || true
while grep -qs "^Id=fvesetup:$image\$" /run/systemd/ask-password/ask.*; do
	sleep 0.02
done

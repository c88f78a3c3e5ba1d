#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: with standard descriptors closed or full no secret goes astray, none is lost, and no output that is missing is a success
# group: host
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
password='[0-9]{6}(-[0-9]{6}){7}'
combinations=('0>&-' '1>&-' '2>&-' '0>&- 1>&-' '0>&- 2>&-' '1>&- 2>&-' '0>&- 1>&- 2>&-')

sum() {
	sha256sum <"$1"
}

# with REDIRECTION COMMAND...: run it so; sets status. What it says goes to $TMP/out where it may.
with() {
	local how=$1 words
	shift
	printf -v words '%q ' "$@"
	status=0
	: >"$TMP/out"
	eval "{ $words $how; } >>'$TMP/out' 2>&1" || status=$?
	cat "$TMP/out"
}

no_leak() {
	! grep -qE "$password" "$lock" || fail "a recovery password lies in $lock: $*"
}

recoveries() {
	"$fvesetup" protector list "$image" | grep -c ' recovery ' || true
}

new_image "$image"
format "$image"
cheap_digest "$image"
old=$image.rec
lock=/run/fve/file-$(stat -c '%d-%i' "$image")

echo "--- while a program waits, what was closed is /dev/null"
mkfifo "$TMP/fifo"
# waits REDIRECTION COMMAND...: it reads the FIFO; what it is locked into memory goes to $TMP/locked.
waits() {
	local how=$1 words fd i
	shift
	printf -v words '%q ' "$@"
	eval "$words $how &"
	exec 9>"$TMP/fifo"
	for fd in 0 1 2; do
		[[ $how == *"$fd>&-"* ]] || continue
		# Where the shell has opened the FIFO, the program may not have begun.
		for ((i = 0; i < 200; i++)); do
			[ "$(readlink "/proc/$!/fd/$fd")" != /dev/null ] || break
			sleep 0.05
		done
		[ "$i" -lt 200 ] || fail "$* $how: descriptor $fd"
	done
	grep VmLck "/proc/$!/status" | tr -dc 0-9 >"$TMP/locked"
	exec 9>&-
	wait $! || true
}
for how in "${combinations[@]}"; do
	waits "$how" "$fvesetup" open --test --key-file "$TMP/fifo" "$image"
done
for provider in pkcs11 kmip azure tang; do
	for how in '1>&-' '2>&-' '1>&- 2>&-'; do
		waits "<$TMP/fifo $how" "$BUILD/san/fve-provider-$provider"
	done
	with '<&-' "$BUILD/san/fve-provider-$provider"
	[ "$status" = 1 ] || fail "status $status"
done

echo "--- where there is no /dev/null, a program with a closed descriptor does nothing"
mkdir "$TMP/root"
for program in fvesetup fve-provider-aws fve-provider-azure fve-provider-kmip fve-provider-pkcs11 fve-provider-tang; do
	cp "$BUILD/$program" "$TMP/root/"
	ldd "$BUILD/$program" | grep -oE '/[^ ]+' | xargs -I{} cp -L --parents {} "$TMP/root"
	with '' chroot "$TMP/root" "/$program" --help </dev/null
	[ "$status" != 127 ] || fail "$program does not start"
	for how in "${combinations[@]}"; do
		with "$how" chroot "$TMP/root" "/$program" --help
		[ "$status" = 1 ] && [ ! -s "$TMP/out" ] || fail "$program $how: status $status"
	done
done

echo "--- nobody is there to be asked, and no file is read in their place"
printf 'correct horse\n' >"$lock"
before=$(sum "$image")
for how in '<&-' '<&- >&-' '<&- >&- 2>&-'; do
	for action in 'open --test' 'rotate vmk' 'header accept -q'; do
		# shellcheck disable=SC2086 # words
		with "$how" "$fvesetup" $action "$image"
		[ "$status" = 2 ] || fail "$action $how: status $status"
	done
	with "$how" "$fvesetup" open --test --key-file - "$image"
	[ "$status" != 0 ] || fail "a secret was read from nowhere"
done
with '<&-' "$fvesetup" open --test "$image"
expect_text 'no secret was given'
[ "$before" = "$(sum "$image")" ] || fail "the volume was changed"
: >"$lock"

echo "--- a new recovery password that cannot be printed is refused before anything is written"
id=$("$fvesetup" protector list "$image" | awk '$2 == "recovery" { print $1 }')
for how in '>&-' '<&- >&-' '>&- 2>&-' '<&- >&- 2>&-' '>/dev/full' '</dev/null >&-'; do
	for action in "protector add $image recovery" "rotate recovery $image" "protector change $image $id" \
		"format $image --protector passphrase"; do
		# shellcheck disable=SC2086 # words
		with "$how" "$fvesetup" $action --batch-mode --key-file "$TMP/pass"
		[ "$status" = 4 ] || fail "$action $how: status $status"
		no_leak "$action $how"
		[ "$before" = "$(sum "$image")" ] || fail "$action $how has changed the volume"
	done
done
with '>/dev/full' "$fvesetup" protector add "$image" recovery --key-file "$TMP/pass"
expect_text 'cannot be printed to standard output'
expect_text 'nothing was changed'

echo "--- with standard error closed it is printed all the same, and is the right one"
"$fvesetup" rotate recovery -q --key-file "$TMP/pass" "$image" >"$TMP/printed" 2>&- </dev/null
grep -oE "$password" "$TMP/printed" | tr -d '\n' >"$TMP/new"
expect 0 "$fvesetup" open --test --key-file "$TMP/new" "$image"
expect 2 "$fvesetup" open --test --key-file "$old" "$image"
old=$TMP/new
no_leak

echo "--- nobody reads the pipe, which is known only when it is printed: the new one is taken back"
# deaf COMMAND...: its standard output is a pipe that nobody has open for reading.
deaf() {
	/usr/bin/python3 -c 'import os, subprocess, sys
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.run(sys.argv[1:], stdout=w).returncode)' "$@"
}
id=$("$fvesetup" protector list "$image" | awk '$2 == "recovery" { print $1 }')
for action in "protector add $image recovery" "rotate recovery $image" "protector change $image $id"; do
	# shellcheck disable=SC2086 # words
	expect 4 deaf "$fvesetup" $action --batch-mode --key-file "$TMP/pass"
	expect_text 'cannot print the recovery password'
	expect_text 'removed again'
	[ "$(recoveries)" = 1 ] || fail "$action: $(recoveries) recovery passwords"
	expect 0 "$fvesetup" open --test --key-file "$old" "$image"
done
new_image "$TMP/other.img"
expect 4 deaf "$fvesetup" format -q "${cheap[@]}" --protector passphrase --key-file "$TMP/pass" "$TMP/other.img"
expect_text 'format it again'
! "$fvesetup" protector list "$TMP/other.img" | grep -q ' recovery ' || fail "a recovery password that nobody has"

echo "--- output that is missing is an error, said"
for action in "dump $image" "dump --json $image" "protector list $image" "protector list --json $image" \
	"status --json $image" "header verify --key-file $TMP/pass $image" "list" "policy list --json" "tenant list" "--help" "--version"; do
	for how in '>/dev/full' '>&-'; do
		# shellcheck disable=SC2086 # words
		with "$how" "$fvesetup" $action
		[ "$status" = 4 ] || fail "$action $how: status $status"
		expect_text 'cannot write to standard output'
	done
done
with '>&-' "$fvesetup" open --test --key-file "$TMP/pass" "$image"
[ "$status" = 0 ] || fail "what prints nothing has failed"

echo "--- all of the process is locked into memory, but not where a limit would refuse Argon2"
# The sanitizer makes mlockall() a stub. Without the capability a limit cannot be lifted.
waits '' "$BUILD/fvesetup" open --test --key-file "$TMP/fifo" "$image"
[ "$(cat "$TMP/locked")" -gt 1000 ] || fail "only $(cat "$TMP/locked") KiB are locked"
big=$TMP/big.img
new_image "$big"
cheap=(--iter-time 1 --pbkdf-memory 65536)
format "$big"
limited=(setpriv --bounding-set "-ipc_lock,-sys_resource" --inh-caps "-ipc_lock,-sys_resource"
	prlimit --memlock=8388608:8388608)
waits '' "${limited[@]}" "$BUILD/fvesetup" open --test --key-file "$TMP/fifo" "$image"
[ "$(cat "$TMP/locked")" -lt 1000 ] || fail "$(cat "$TMP/locked") KiB are locked"
expect 0 "${limited[@]}" "$BUILD/fvesetup" open --test --key-file "$TMP/pass" "$big"
echo "all as expected"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a volume of cryptsetup or systemd-cryptenroll is adopted and released without losing a way in, wherever it is cut off, and others are refused unchanged
# group: host tpm
# seconds: 60
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
cuts=${FVE_CUTS:-6}
RANDOM=$((${FVE_SEED:-1} % 32768))
printf 'old passphrase' >"$TMP/old"
printf 'new passphrase' >"$TMP/new"
head -c 64 /dev/urandom >"$TMP/keyfile"

# stock FILE [OPTION...]: as `cryptsetup luksFormat` makes it, and two more ways in.
stock() {
	local file=$1
	shift
	new_image "$file"
	cryptsetup luksFormat -q --pbkdf-force-iterations 4 --pbkdf-memory 32 --key-size 512 "$@" \
		--key-file "$TMP/old" "$file"
}

stock_opens() {
	cryptsetup open --test-passphrase --key-file "$1" "${2:-$image}"
}

ours_opens() {
	"$fvesetup" open --test --key-file "$1" "${2:-$image}" </dev/null
}

# The fields of each protector that the jq filter $1 selects.
protectors() {
	"$fvesetup" protector list --json "$image" | jq -r ".protectors[] | $1"
}

adopt() {
	"$fvesetup" adopt --key-file "$TMP/old" "$@"
}

echo "--- of cryptsetup luksFormat: all that opened it still does, and the data stays"
stock "$image" --label mine
cryptsetup luksAddKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$TMP/old" "$image" "$TMP/keyfile"
uuid=$(cryptsetup luksUUID "$image")
data=$(tail -c 4M "$image" | sha256sum)
key_before=$(cryptsetup luksDump -q --dump-volume-key --key-file "$TMP/old" "$image" | sha256sum)
expect 4 "$fvesetup" open --test --key-file "$TMP/old" "$image"
expect_text 'fvesetup adopt'
expect 0 adopt "$image"
expect 0 ours_opens "$TMP/old"
expect 0 ours_opens "$TMP/keyfile"
! grep -q WARNING "$TMP/out" || fail "the MAC of an adopted header is not right"
expect 0 stock_opens "$TMP/old"
expect 0 stock_opens "$TMP/keyfile"
[ "$(protectors '.kind + " " + .label' | sort -u)" = "passphrase adopted" ] || fail "other protectors"
[ "$(blkid -p -o value -s LABEL "$image") $(blkid -p -o value -s SUBSYSTEM "$image")" = "mine fve" ] ||
	fail "label or subsystem"
[ "$(cryptsetup luksUUID "$image") $(tail -c 4M "$image" | sha256sum)" = "$uuid $data" ] || fail "other data"
[ "$(cryptsetup luksDump -q --dump-volume-key --key-file "$TMP/old" "$image" | sha256sum)" = "$key_before" ] ||
	fail "another volume key"
expect 5 adopt "$image"
expect_text 'already'

echo "--- new protectors beside them"
start_tpm "$TMP/tpm"
measure_boot
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/old" "$image" tpm2
expect 0 "$fvesetup" protector add --key-file "$TMP/old" --recovery-file "$TMP/rec" "$image" recovery
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
expect 0 ours_opens "$TMP/rec"
expect 0 stock_opens "$TMP/rec"

echo "--- release: people's secrets stay, all else is gone from both copies"
expect 1 "$fvesetup" release --key-file "$TMP/rec" "$image" </dev/null
expect_text 'batch-mode'
expect 2 "$fvesetup" release -q --key-file "$TMP/new" "$image"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
expect 0 "$fvesetup" release -q --key-file "$TMP/rec" "$image"
for secret in old keyfile rec; do
	expect 0 stock_opens "$TMP/$secret"
done
[ -z "$(blkid -p -o value -s SUBSYSTEM "$image")" ] || fail "the subsystem is still there"
[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq '(.tokens | length), (.keyslots | length)' | paste -s -d ' ')" = "0 3" ] ||
	fail "tokens or keyslots were left"
! head -c 1M "$image" | grep -aq '"fve-' || fail "an old token is still in the header"
expect 4 ours_opens "$TMP/old"

echo "--- adopted again, and a volume that only its machine would open is not released"
expect 0 adopt "$image"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/old" "$image" tpm2
for id in $(protectors 'select(.kind == "passphrase").id'); do
	"$fvesetup" protector remove -q --force --tpm "$tpm" "$image" "$id" </dev/null
done
expect 5 "$fvesetup" release -q "$image" </dev/null
expect_text 'nobody could open'

echo "--- by a key file as large as cryptsetup takes one"
for size in 65536 8388608; do
	head -c "$size" /dev/urandom >"$TMP/big"
	new_image "$image"
	cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-size 512 --key-file "$TMP/big" "$image"
	expect 0 "$fvesetup" adopt --key-file "$TMP/big" "$image"
	expect 0 ours_opens "$TMP/big"
	expect 0 "$fvesetup" open --test "$image" --key-file - <"$TMP/big"
done
head -c -1 "$TMP/big" >"$TMP/bigger"
expect 2 ours_opens "$TMP/bigger"
printf x | cat "$TMP/big" - >"$TMP/bigger"
expect 1 ours_opens "$TMP/bigger"
expect_text 'more than 8388608 bytes'
expect 0 "$fvesetup" protector add --key-file "$TMP/big" --new-key-file "$TMP/big" "${cheap[@]}" "$image" passphrase
expect_text 'Only the file will open'

echo "--- others are refused, and nothing changes"
refused() {
	local text=$1 before
	before=$(sha256sum <"$TMP/other")
	expect 4 adopt "$TMP/other"
	expect_text "$text"
	[ "$before" = "$(sha256sum <"$TMP/other")" ] || fail "a refusal changed the image"
}
stock "$TMP/other" --key-size 256
refused 'cipher aes-xts-plain64 with 256-bit keys'
stock "$TMP/other" --cipher aes-cbc-essiv:sha256 --key-size 256
refused 'cipher aes-cbc'
stock "$TMP/other" --subsystem other
refused 'belongs to other'
new_image "$TMP/other"
cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 --key-size 512 --key-file "$TMP/old" "$TMP/other"
refused 'not a whole LUKS2'
stock "$TMP/other"
cryptsetup reencrypt -q --init-only --encrypt --reduce-device-size 16M "$TMP/other" 2>/dev/null ||
	cryptsetup reencrypt -q --init-only --key-file "$TMP/old" --pbkdf-force-iterations 4 --pbkdf-memory 32 "$TMP/other"
refused 're-encrypted'
stock "$TMP/other"
python3 -c 'import json; print(json.dumps({"type": "other", "keyslots": [], "text": "x" * 3500}))' |
	tee "$TMP/token" | cryptsetup token import "$TMP/other"
cryptsetup token import --json-file "$TMP/token" "$TMP/other"
before=$(sha256sum <"$TMP/other")
expect 5 adopt "$TMP/other"
expect_text 'metadata area'
[ "$before" = "$(sha256sum <"$TMP/other")" ] || fail "a refusal changed the image"
stock "$TMP/other"
before=$(sha256sum <"$TMP/other")
expect 2 "$fvesetup" adopt --key-file "$TMP/new" "$TMP/other"
[ "$before" = "$(sha256sum <"$TMP/other")" ] || fail "a refusal changed the image"

echo "--- of systemd-cryptenroll: recovery key, password, and its TPM enrolment"
stock "$image"
enrol() {
	PASSWORD='old passphrase' systemd-cryptenroll "$@" "$image"
}
enrol --recovery-key >"$TMP/recovery-key"
printf '%s' "$(tr -d ' \n' <"$TMP/recovery-key")" >"$TMP/systemd-rec"
NEWPASSWORD='new passphrase' PASSWORD='old passphrase' systemd-cryptenroll --password "$image"
enrol --tpm2-device="$tpm" --tpm2-pcrs=7
foreign=$(cryptsetup luksDump --dump-json-metadata "$image" | jq -c '[.tokens[] | select(.type == "systemd-tpm2")]')
[ "$foreign" != '[]' ] || fail "systemd-cryptenroll made no TPM enrolment"
expect 0 adopt "$image"
for secret in old new systemd-rec; do
	expect 0 ours_opens "$TMP/$secret"
	expect 0 stock_opens "$TMP/$secret"
done
[ "$(protectors '.kind + " " + .label' | sort | paste -s -d ,)" = \
	"keyslot systemd-tpm2,passphrase adopted,passphrase adopted,passphrase adopted, systemd-recovery" ] ||
	fail "other protectors"
[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq -c '[.tokens[] | select(.type == "systemd-tpm2")]')" = \
	"$foreign" ] || fail "the TPM enrolment of systemd changed"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/new" "$image" tpm2
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null

echo "--- a release that was cut short, of a volume without a machine's protector, is adopted again"
new_image "$image"
format "$image"
slot=$(cryptsetup luksDump --dump-json-metadata "$image" |
	jq -r '.tokens[] | select(.type == "fve-vmk").keyslots[0]')
cryptsetup config --subsystem '' "$image"
cryptsetup luksKillSlot -q "$image" "$slot"
expect 0 "$fvesetup" adopt --key-file "$TMP/pass" "$image"
expect_text 'A release'
expect 0 ours_opens "$TMP/pass"
expect 0 ours_opens "$image.rec"
! grep -q WARNING "$TMP/out" || fail "the header does not verify"
[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq '.keyslots | length')" = 3 ] ||
	fail "another number of keyslots"

echo "--- a stock tool that sets a label takes the subsystem away: all protectors stay"
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2,label=machine
cp "$image" "$TMP/ours.img"
list=$("$fvesetup" protector list --json "$image")
# by_label [COMMAND...]: of a copy that got a label so, and the command's change of its header.
by_label() {
	cp "$TMP/ours.img" "$image"
	cryptsetup config --label Data "$image"
	[ $# = 0 ] || "$@"
}
by_label
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
expect_text 'fvesetup adopt'
[ "$("$fvesetup" protector list --json "$image" 2>/dev/null)" = "$list" ] || fail "other protectors"
expect 2 "$fvesetup" adopt --key-file "$TMP/new" "$image"
expect 0 "$fvesetup" adopt --key-file "$TMP/pass" "$image"
[ "$("$fvesetup" protector list --json "$image")" = "$list" ] || fail "adopt changed a protector"
[ "$(blkid -p -o value -s LABEL "$image") $(blkid -p -o value -s SUBSYSTEM "$image")" = "Data fve" ] ||
	fail "label or subsystem"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
! grep -q 'subsystem' "$TMP/out" || fail "the subsystem is there"
expect 5 "$fvesetup" adopt --key-file "$TMP/pass" "$image"
echo "and what a stock tool changed besides is judged as ever"
by_label cryptsetup luksChangeKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$TMP/pass" "$image" "$TMP/new"
expect 0 "$fvesetup" adopt --key-file "$TMP/new" "$image"
[ "$(protectors .kind | sort)" = $'passphrase\nrecovery\ntpm2' ] || fail "a protector was lost"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null
expect 0 "$fvesetup" header accept -q --key-file "$TMP/new" "$image"
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null
by_label
expect 0 "$fvesetup" release -q --tpm "$tpm" --key-file "$TMP/pass" "$image"
expect 0 stock_opens "$TMP/pass"

# cut N COMMAND...: run it and kill it at its Nth write of the header, as a power cut would.
cut_at() {
	local n=$1
	shift
	strace -qq -o /dev/null -f -e trace=write -e inject=write:signal=KILL:when="$n" "$@" >/dev/null 2>&1
}

# How many writes the command makes.
count_writes() {
	strace -qq -f -e trace=write -o "$TMP/writes" "$@" >/dev/null 2>&1
	grep -c 'write(' "$TMP/writes"
}

echo "--- cut off anywhere, adopt opens with stock tools and is repeated; so is release"
stock "$TMP/stock.img"
# The first time, the machine also writes down whose volume it is.
cp "$TMP/stock.img" "$image"
expect 0 adopt "$image"
cp "$TMP/stock.img" "$image"
writes=$(count_writes "$BUILD/fvesetup" adopt --key-file "$TMP/old" "$image")
cp "$image" "$TMP/adopted.img"
echo "adopt makes $writes writes"
[ "$writes" -gt 10 ] || fail "that few writes cannot be"
for _ in $(seq "$cuts"); do
	n=$((RANDOM % writes + 1))
	echo "adopt, cut at write $n"
	cp "$TMP/stock.img" "$image"
	! cut_at "$n" "$BUILD/fvesetup" adopt --key-file "$TMP/old" "$image" || fail "was not cut"
	stock_opens "$TMP/old" || fail "a cut adopt took the way in"
	if [ $((RANDOM % 2)) = 0 ]; then
		expect 0 "$fvesetup" release -q --key-file "$TMP/old" "$image"
		[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq '(.tokens | length), (.keyslots | length)' | paste -s -d ' ')" = "0 1" ] ||
			fail "a release left something of an adoption that was cut"
	fi
	if [ "$(blkid -p -o value -s SUBSYSTEM "$image")" != fve ]; then
		expect 0 adopt "$image"
	fi
	expect 0 ours_opens "$TMP/old"
	! grep -q WARNING "$TMP/out" || fail "the header does not verify"
	[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq '.keyslots | length')" = 2 ] ||
		fail "a keyslot was left that nobody can open"
	[ "$(protectors .kind)" = passphrase ] || fail "the VMK's keyslot was taken for a person's"
	expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/old" "$image" tpm2
	expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
done
cp "$TMP/adopted.img" "$image"
writes=$(count_writes "$BUILD/fvesetup" release -q --key-file "$TMP/old" "$image")
echo "release makes $writes writes"
for _ in $(seq "$cuts"); do
	n=$((RANDOM % writes + 1))
	echo "release, cut at write $n"
	cp "$TMP/adopted.img" "$image"
	! cut_at "$n" "$BUILD/fvesetup" release -q --key-file "$TMP/old" "$image" || fail "was not cut"
	stock_opens "$TMP/old" || fail "a cut release took the way in"
	"$fvesetup" release -q --key-file "$TMP/old" "$image"
	expect 0 stock_opens "$TMP/old"
	[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq '.tokens | length')" = 0 ] || fail "tokens were left"
done

# What a stock tool makes of the UUID or the volume key costs the machine's protectors, and it is said
# what to do: release, adopt, and add them again.
start_tpm "$TMP/stock-tpm"
measure_boot
changed=$TMP/changed
with_tpm=(--tpm "$tpm" --event-log /dev/null)
for change in reencrypt uuid; do
	new_image "$changed" 24M
	format "$changed" --protector tpm2 "${with_tpm[@]}"
	if [ "$change" = uuid ]; then
		cryptsetup luksUUID -q --uuid 11111111-2222-3333-4444-555555555555 "$changed"
	else
		slot=$("$fvesetup" protector list "$changed" | awk '$2 == "passphrase" { print $3 }')
		cryptsetup reencrypt -q --resilience none --force-offline-reencrypt -S "$slot" --pbkdf pbkdf2 \
			--pbkdf-force-iterations 1000 --key-file "$TMP/pass" "$changed"
	fi
	expect 2 "$fvesetup" release -q --key-file "$TMP/pass" --tpm "$tpm" "$changed"
	expect_text header-mac
	expect 0 "$fvesetup" header accept -q --key-file "$TMP/pass" --tpm "$tpm" "$changed"
	expect 4 "$fvesetup" protector add -q --key-file "$TMP/pass" "${with_tpm[@]}" "$changed" tpm2
	expect_text "fvesetup release $changed, fvesetup adopt $changed"
	expect 0 "$fvesetup" release -q --key-file "$TMP/pass" --tpm "$tpm" "$changed"
	expect 0 "$fvesetup" adopt -q --key-file "$TMP/pass" --tpm "$tpm" "$changed"
	expect 0 "$fvesetup" protector add -q --key-file "$TMP/pass" "${with_tpm[@]}" "$changed" tpm2
	expect 0 "$fvesetup" open --test --protector tpm2 --tpm "$tpm" "$changed"
done

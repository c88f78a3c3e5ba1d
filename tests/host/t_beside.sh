#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: bindings of clevis and systemd-cryptenroll stay as they are and open through every change that fvesetup makes, and what they add and remove leaves our protectors and the header's MAC as they were
# group: host tpm
# seconds: 120
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
printf '13579246' >"$TMP/pin"
start_tpm "$TMP/tpm"
measure_boot
new_image "$image" 32M
format "$image" --tpm "$tpm" --protector tpm2

# No resource manager stands before this TPM, and tpm2-tools leave sessions in it.
bind() {
	tpm2_flushcontext --transient-object
	tpm2_flushcontext --loaded-session
	clevis luks bind -y -k "$TMP/pass" -d "$image" tpm2 '{"pcr_bank":"sha256","pcr_ids":"7"}'
}
tokens() {
	cryptsetup luksDump --dump-json-metadata "$image" | jq -cS "[.tokens[] | select(.type | startswith(\"fve-\") $1)]"
}
clevis_slot() {
	cryptsetup luksDump --dump-json-metadata "$image" | jq -r '.tokens[] | select(.type == "clevis").keyslots[0]'
}
their_ways() {
	tpm2_flushcontext --transient-object
	tpm2_flushcontext --loaded-session
	clevis luks pass -d "$image" -s "$(clevis_slot)" >"$TMP/clevis-pass"
	cryptsetup open --test-passphrase --key-file "$TMP/clevis-pass" "$image" || fail "clevis does not open it"
	cryptsetup open --test-passphrase --key-file "$TMP/systemd-rec" "$image" || fail "systemd's recovery key does not"
}
# ours: the TPM opens, which it does under a right MAC alone, and so does our recovery password.
ours() {
	expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image"
	expect 0 "$fvesetup" open --test --key-file "$image.rec" "$image"
	! grep -q WARNING "$TMP/out" || fail "the header does not verify: $1"
}

echo "--- they add theirs: ours stay"
before=$(tokens '')
bind
PASSWORD=$(cat "$TMP/pass") systemd-cryptenroll --recovery-key "$image" >"$TMP/recovery-key"
printf '%s' "$(tr -d ' \n' <"$TMP/recovery-key")" >"$TMP/systemd-rec"
PASSWORD=$(cat "$TMP/pass") systemd-cryptenroll --tpm2-device="$tpm" --tpm2-pcrs=7 "$image"
[ "$before" = "$(tokens '')" ] || fail "a token of ours changed"
theirs=$(tokens '| not')
[ "$(jq length <<<"$theirs")" = 3 ] || fail "not three of theirs: $theirs"
ours "after binding"
their_ways
[ "$("$fvesetup" protector list --json "$image" | jq -r '[.protectors[] | select(.kind == "keyslot").label] | sort | join(" ")')" = \
	"clevis systemd-recovery systemd-tpm2" ] || fail "they are listed otherwise"

# changed WHAT: after a change of ours theirs are as they were, and open.
changed() {
	[ "$theirs" = "$(tokens '| not')" ] || fail "$1 changed a token of theirs"
	their_ways
}
unlock=(--tpm "$tpm" --key-file "$TMP/pass")
echo "--- ours change: theirs stay"
expect 0 "$fvesetup" protector add "${unlock[@]}" "${cheap[@]}" --new-key-file "$TMP/pin" "$image" tpm2-pin
changed "protector add"
expect 0 "$fvesetup" protector change "${unlock[@]}" "${cheap[@]}" --new-key-file "$TMP/pin" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "tpm2-pin").id')"
changed "protector change"
expect 0 "$fvesetup" protector remove "${unlock[@]}" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "tpm2-pin").id')"
changed "protector remove"
expect 0 "$fvesetup" protector disable "${unlock[@]}" "$image"
expect 0 "$fvesetup" protector enable "${unlock[@]}" "$image"
changed "protector disable and enable"
expect 0 "$fvesetup" rotate vmk "${unlock[@]}" "$image"
changed "rotate vmk"
rm "$image.rec"
expect 0 "$fvesetup" rotate recovery "${unlock[@]}" --recovery-file "$image.rec" "$image"
changed "rotate recovery"
expect 0 "$fvesetup" tpm approve "${unlock[@]}" "$image"
changed "tpm approve"
expect 0 "$fvesetup" header accept -q "${unlock[@]}" "$image"
changed "header accept"
expect 0 "$fvesetup" header backup "$image" "$TMP/backup"
expect 0 "$fvesetup" header restore -q "$image" "$TMP/backup"
changed "header backup and restore"
ours "after all these"

echo "--- they take theirs away: ours stay"
before=$(tokens '')
clevis luks unbind -f -d "$image" -s "$(clevis_slot)"
PASSWORD=$(cat "$TMP/pass") systemd-cryptenroll --wipe-slot=recovery "$image"
PASSWORD=$(cat "$TMP/pass") systemd-cryptenroll --wipe-slot=tpm2 "$image"
[ "$(tokens '| not')" = '[]' ] || fail "theirs are still there"
[ "$before" = "$(tokens '')" ] || fail "a token of ours changed"
ours "after unbinding"

echo "--- released: theirs go on opening"
bind
PASSWORD=$(cat "$TMP/pass") systemd-cryptenroll --recovery-key "$image" >"$TMP/recovery-key"
printf '%s' "$(tr -d ' \n' <"$TMP/recovery-key")" >"$TMP/systemd-rec"
theirs=$(tokens '| not')
expect 0 "$fvesetup" release -q "${unlock[@]}" "$image"
changed release
expect 0 "$fvesetup" adopt --key-file "$TMP/pass" "$image"
changed adopt

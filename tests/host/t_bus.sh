#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: nothing of PIN, lockoutAuth, KEK, VMK or FVEK crosses the TPM's bus when sealing or unsealing
# group: host tpm
. "$(dirname "$0")/lib.sh"

search() {
	/usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" "$@"
}

image=$TMP/volume.img
unlocks=${FVE_UNLOCKS:-20} # of each kind
printf '13579246' >"$TMP/pin"
new_image "$image"
format "$image"
cheap_digest "$image"
start_tpm "$TMP/tpm"
measure_boot

export TCTI_PCAP_FILE=$TMP/seal.pcap
expect 0 "$fvesetup" protector add --tpm "pcap:$tpm" --key-file "$TMP/pass" "$image" tpm2
expect 0 "$fvesetup" protector add "${cheap[@]}" --tpm "pcap:$tpm" --key-file "$TMP/pass" \
	--new-key-file "$TMP/pin" "$image" tpm2-pin
export TCTI_PCAP_FILE=$TMP/unseal.pcap
for _ in $(seq "$unlocks"); do
	"$fvesetup" open --test --tpm "pcap:$tpm" --protector tpm2 "$image"
	"$fvesetup" open --test --tpm "pcap:$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"
done
# lockoutAuth in use: to forget a wrong PIN.
printf wrong1 >"$TMP/wrong"
expect 2 "$fvesetup" open --test --tpm "pcap:$tpm" --protector tpm2-pin --pin-file "$TMP/wrong" "$image"
expect 0 "$fvesetup" open --test --tpm "pcap:$tpm" --protector recovery "$image" <"$image.rec"
expect_text 'has forgotten'
[ -s "$TMP/seal.pcap" ] && [ -s "$TMP/unseal.pcap" ] || fail "nothing was captured"

echo "--- positive control: the search finds a KEK that crosses the bus in the clear"
/usr/bin/python3 "$here/fve_keys.py" "$image" "$TMP/pass" | awk '/^KEK/ { print $3; exit }' |
	xxd -r -p >"$TMP/kek"
export TCTI_PCAP_FILE=$TMP/control.pcap
tpm2_createprimary -Q -C o -c "$TMP/primary.ctx"
tpm2_create -Q -C "$TMP/primary.ctx" -i "$TMP/kek" -u "$TMP/u" -r "$TMP/r" -c "$TMP/control.ctx"
tpm2_flushcontext -t
TPM2TOOLS_TCTI=pcap:$tpm tpm2_unseal -c "$TMP/control.ctx" >/dev/null
expect 1 search "$TMP/control.pcap"
expect_text 'windows of KEK'

echo "--- sealing, and $unlocks unlocks"
expect 0 search "$TMP/seal.pcap" "$TMP/unseal.pcap"
expect_text 'for 8 keys' # FVEK, VMK, two KEKs, PIN, authValue, half, lockoutAuth

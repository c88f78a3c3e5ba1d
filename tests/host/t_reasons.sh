#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: each of seventeen faults gives its own reason code, and a changed PCR its number and first differing event
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image"
printf '13579246' >"$TMP/pin"
stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
head -c 100 /dev/urandom >"$TMP/initrd"
seen=0

# boot [OPTION...]: the approved boot, with options of boot_log.py that come last and win.
boot() {
	tpm2_shutdown --clear
	stop_tpm
	start_tpm "$TMP/${machine:-tpm}"
	/usr/bin/python3 "$here/boot_log.py" "$TMP/log" --kernel "$stub" --initrd "$TMP/initrd" \
		--cmdline "ro quiet" "$@" | sed 's/ /:sha256=/' | xargs tpm2_pcrextend
}

# reason CODE KIND [OPTION...]: why the protectors of this kind refuse, as JSON and as text.
reason() {
	local want=$1 kind=$2 found
	shift 2
	("$fvesetup" protector test --json --tpm "$tpm" --event-log "$TMP/log" "$@" "$image" || true) >"$TMP/json"
	found=$(jq -r --arg kind "$kind" '[.protectors[] | select(.kind == $kind).reason][0]' "$TMP/json")
	[ "$found" = "$want" ] || fail "the reason is $found instead of $want"
	seen=$((seen + 1))
	echo "$seen. $want"
}

# differs PCR TEXT: what the last one said of it.
differs() {
	jq -e --argjson pcr "$1" --arg text "$2" '.protectors[] | select(.kind == "tpm2") |
		([.pcrs[].pcr] | index($pcr)) and .event.pcr == $pcr and (.event.text | contains($text))' \
		"$TMP/json" >/dev/null || fail "not PCR $1, $2: $(jq -c '.protectors[0]' "$TMP/json")"
}

start_tpm "$TMP/tpm"
boot
"$fvesetup" protector add --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image" tpm2
"$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" \
	--new-key-file "$TMP/pin" "$image" tpm2-pin
"$fvesetup" protector disable --tpm "$tpm" --key-file "$TMP/pass" "$image"
reason null tpm2 && seen=0

printf x | cat "$stub" - >"$TMP/kernel"
boot --kernel "$TMP/kernel"
reason pcr-mismatch tpm2
differs 4 EV_EFI_BOOT_SERVICES_APPLICATION
boot --cmdline "ro quiet init=/bin/sh"
reason pcr-mismatch tpm2
differs 9 LOADED_IMAGE::LoadOptions
reason suspend-expired suspended
printf x | cat "$TMP/initrd" - >"$TMP/other"
boot --initrd "$TMP/other"
reason pcr-mismatch tpm2
differs 9 'Linux initrd'
boot
measure 7 "Secure Boot is off"
reason pcr-mismatch tpm2
boot
measure 15 cap
reason capped tpm2
boot --cmdline revoked
"$fvesetup" tpm approve --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image" >"$TMP/out"
"$fvesetup" tpm revoke --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image" \
	"$(sed -n 's/^approved: //p' "$TMP/out")"
reason policy-revoked tpm2
boot
lockout_auth=hex:$(/usr/bin/python3 "$here/fve_keys.py" "$image" "$TMP/pass" | sed -n 's/^lockoutAuth //p')
lockout() {
	tpm2_dictionarylockout "$@" --auth "$lockout_auth"
}
lockout --setup-parameters --max-tries=40 --recovery-time=600 --lockout-recovery-time=86400
reason lockout-changed tpm2-pin
lockout --setup-parameters --max-tries=1 --recovery-time=600 --lockout-recovery-time=86400
printf wrong1 >"$TMP/wrong"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/wrong" "$image"
expect_text pin-wrong
seen=$((seen + 1))
reason tpm-locked-out tpm2-pin
lockout --clear-lockout
right=$tpm
tpm=device:/nonexistent
reason tpm-absent tpm2
tpm=$right

token=$("$fvesetup" protector list --json "$image" | jq '.protectors[] | select(.kind == "tpm2").token')
cp "$image" "$TMP/kept"
cryptsetup token export --token-id "$token" "$image" >"$TMP/token"
cryptsetup token remove --token-id "$token" "$image"
jq '.private |= ("AAAA" + .[4:])' "$TMP/token" | cryptsetup token import --token-id "$token" "$image"
reason token-corrupt tpm2
cp "$TMP/kept" "$image"
cryptsetup token remove --token-id "$token" "$image"
jq '.version = 2 | .more = 1' "$TMP/token" | cryptsetup token import --token-id "$token" "$image"
reason token-newer tpm2
cp "$TMP/kept" "$image"
cryptsetup token remove --token-id "$token" "$image"
jq '.label = "changed"' "$TMP/token" | cryptsetup token import --token-id "$token" "$image"
reason header-mac tpm2
cp "$TMP/kept" "$image"

machine=second
boot
reason tpm-cleared tpm2
tpm2_createprimary -Q -C o -g sha256 -G ecc -c "$TMP/srk.ctx"
tpm2_evictcontrol -Q -C o -c "$TMP/srk.ctx" 0x81000001
tpm2_flushcontext -t
reason tpm-other tpm2
stop_tpm
mkdir "$TMP/sha1"
swtpm_setup --tpm2 --tpmstate "$TMP/sha1" --pcr-banks sha1 >/dev/null
start_tpm "$TMP/sha1"
reason bank-dead tpm2
[ "$seen" = 17 ] || fail "only $seen faults"

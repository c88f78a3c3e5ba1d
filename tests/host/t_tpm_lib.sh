#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: libfve sends nothing to a TPM it does not know, and names what a TPM refuses and why
# group: host fast tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

probe=$BUILD/tools/tpm_probe

# probed REASON COMMAND...: what tpm_probe answers over $tpm, or over $wire where that is set.
probed() {
	local want=$1 status=0
	shift
	# Asked to trace, tpm2-tss would print secrets; tpm_open() must not let it.
	TSS2_LOG=all+TRACE "$probe" "${wire:-$tpm}" "$@" >"$TMP/out" 2>"$TMP/err" || status=$?
	[ "$(tail -n 1 "$TMP/out")" = "$want" ] ||
		fail "expected $want: tpm_probe $*: exit status $status, $(cat "$TMP/out" "$TMP/err")"
	[ ! -s "$TMP/err" ] || fail "expected outcomes are not printed: $(head -n 3 "$TMP/err")"
}

# flip FILE OFFSET: invert the lowest bit of one byte; a second time puts it back.
flip() {
	local byte
	byte=$(xxd -s "$2" -l 1 -p "$1")
	printf '%02x' $((0x$byte ^ 1)) | xxd -r -p |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# captured FILE: have the next commands of tpm_probe written to FILE.
captured() {
	export TCTI_PCAP_FILE=$1
	rm -f "$1"
	wire=pcap:$tpm
}

# windows SECRET PCAP: how many of the secret's windows of 8 bytes are in the capture.
windows() {
	local secret capture found=0 i
	secret=$(xxd -p -c 0 "$1")
	capture=$(xxd -p -c 0 "$2")
	for ((i = 0; i + 16 <= ${#secret}; i += 2)); do
		[[ $capture != *"${secret:i:16}"* ]] || found=$((found + 1))
	done
	echo $found
}

# command_codes PCAP: of each command on the wire. tcti-pcap writes TCP from port 50000 to 2321;
# 16 bytes of TCP header follow the ports, then tag and size.
command_codes() {
	xxd -p -c 0 "$1" | grep -oE 'c3500911.{32}800[12].{8}.{8}' | sed 's/.*\(........\)$/\1/'
}

nothing_left() {
	[ -z "$(tpm2_getcap handles-transient)$(tpm2_getcap handles-loaded-session)" ] ||
		fail "something was left in the TPM: $1"
}

wire=
d=$TMP/protector
mkdir "$d"

echo "--- the SRK: missing, made from the usual template, found again"
start_tpm "$TMP/tpm"
probed tpm-cleared srk
probed none srk create
name=$(head -n 1 "$TMP/out")
tpm2_createprimary -Q -C o -g sha256 -G ecc256:aes128cfb -c "$TMP/srk.ctx" -a \
	'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'
[ "$name" = "$(tpm2_readpublic -c "$TMP/srk.ctx" | sed -n 's/^name: //p')" ] ||
	fail "tpm2-tools makes another SRK from the same seed"
tpm2_flushcontext -t
probed none srk create
[ "$name" = "$(head -n 1 "$TMP/out")" ] || fail "the SRK was made anew"
nothing_left "making the SRK"

echo "--- PCRs, more than one answer holds, as tpm2-tools read them"
measure_boot
measure 15 "to be kept at zero"
probed none pcrs 0,1,2,3,4,5,6,7,8,9,10,15,17
sed '$d' "$TMP/out" >"$TMP/pcrs"
tpm2_pcrread sha256:0,1,2,3,4,5,6,7,8,9,10,15,17 |
	sed -n 's/^ *\([0-9]*\) *: 0x\(.*\)/\1 \L\2/p' | diff - "$TMP/pcrs" || fail "PCRs differ"
probed none extend 16 "$(printf extended | sha256sum | cut -d ' ' -f 1)"
probed none pcrs 16
[ "$(sed -n 's/^16 //p' "$TMP/out")" = \
	"$( (head -c 32 /dev/zero; printf extended | openssl dgst -sha256 -binary) | sha256sum |
		cut -d ' ' -f 1)" ] || fail "PCR 16 is not what was extended"
stop_tpm
start_tpm "$TMP/tpm"
measure_boot

echo "--- seal and unseal, nothing of the KEK on the wire"
captured "$TMP/seal.pcap"
probed none seal "$d" 4+7+9+15
captured "$TMP/unseal.pcap"
probed none unseal "$d"
wire=
[ "$(windows "$d/auth-policy" "$TMP/seal.pcap")" = 25 ] || fail "the capture misses the policy"
for capture in seal unseal; do
	[ "$(windows "$d/kek" "$TMP/$capture.pcap")" = 0 ] || fail "the KEK is in $capture.pcap"
done
nothing_left "sealing and unsealing"

echo "--- control: the same search finds the KEK where a session does not encrypt"
tpm2_create -Q -C 0x81000001 -i "$d/kek" -c "$TMP/control.ctx" -u "$TMP/u" -r "$TMP/r"
TCTI_PCAP_FILE=$TMP/control.pcap TPM2TOOLS_TCTI=pcap:$tpm \
	tpm2_unseal -c "$TMP/control.ctx" >/dev/null
tpm2_flushcontext -t
[ "$(windows "$d/kek" "$TMP/control.pcap")" = 25 ] || fail "the search finds nothing at all"

echo "--- the sealed object: what its attributes say, and that no password opens it"
# objectAttributes follow size, type and nameAlg: fixedTPM fixedParent adminWithPolicy [noDA].
[ "$(xxd -s 6 -l 4 -p "$d/sealed.pub")" = 00000492 ] || fail "attributes"
mkdir "$TMP/da"
probed none seal "$TMP/da" 7 da
[ "$(xxd -s 6 -l 4 -p "$TMP/da/sealed.pub")" = 00000092 ] || fail "attributes with the counter"
tpm2_load -Q -C 0x81000001 -u "$d/sealed.pub" -r "$d/sealed.priv" -c "$TMP/sealed.ctx"
expect 1 tpm2_unseal -c "$TMP/sealed.ctx"
tpm2_flushcontext -t

echo "--- memory: nothing of the KEK once it is freed and the connection is closed"
# More than once: what is left on the stack depends on where the linker put things this time.
for _ in 1 2 3 4 5; do
	probed none residue "$d"
	[ "$(sed -n 's/^in use: //p' "$TMP/out")" -ge 25 ] || fail "the search of memory finds nothing"
	[ "$(sed -n 's/^left: //p' "$TMP/out")" = 0 ] || fail "$(cat "$TMP/out")"
done

echo "--- another boot chain: refused by the TPM; approved, the same blob opens"
measure 9 "another initrd"
probed pcr-mismatch unseal "$d"
nothing_left "a refusal"
sha256sum "$d"/sealed.* >"$TMP/blob"
cp "$d/approval" "$TMP/approval"
probed none approve "$d" 4+7+9+15
probed none unseal "$d"
sha256sum --quiet -c "$TMP/blob"
cp "$d/approval" "$TMP/approval.changed"
cp "$TMP/approval" "$d/approval"
probed pcr-mismatch unseal "$d"
cp "$TMP/approval.changed" "$d/approval"
measure 15 cap
probed pcr-mismatch unseal "$d"
cp "$TMP/approval" "$d/approval"
stop_tpm
start_tpm "$TMP/tpm"
measure_boot
probed none unseal "$d"

echo "--- each part damaged, then put back"
# approval: mask (4 bytes), values (24 * 32), padding, limit (8), r, s. policy.pub: x, y. Blobs: size, then contents.
damages="approval:0 approval:$((4 + 9 * 32)) approval:$((16 + 24 * 32)) approval:$((16 + 25 * 32 + 31))
	policy.pub:0 policy.pub:63 sealed.pub:0 sealed.pub:1 sealed.pub:3 sealed.pub:9
	sealed.pub:$(($(stat -c %s "$d/sealed.pub") - 1)) sealed.priv:0 sealed.priv:1 sealed.priv:3
	sealed.priv:40 sealed.priv:$(($(stat -c %s "$d/sealed.priv") - 1))"
for damage in $damages; do
	flip "$d/${damage%:*}" "${damage#*:}"
	probed token-corrupt unseal "$d"
	flip "$d/${damage%:*}" "${damage#*:}"
done
for file in sealed.pub sealed.priv; do
	cp "$d/$file" "$TMP/whole"
	for length in 0 1 2 $(($(stat -c %s "$TMP/whole") - 1)); do
		head -c "$length" "$TMP/whole" >"$d/$file"
		probed token-corrupt unseal "$d"
	done
	(cat "$TMP/whole"; printf x) >"$d/$file"
	probed token-corrupt unseal "$d"
	cp "$TMP/whole" "$d/$file"
done
nothing_left "damaged parts"
probed none unseal "$d"

echo "--- a policy key of somebody else's, with a signature in order: not this object's policy"
mkdir "$TMP/foreign"
probed none seal "$TMP/foreign" 4+7+9+15
cp "$d"/sealed.* "$TMP/foreign"
probed token-corrupt unseal "$TMP/foreign"

echo "--- PCRs extended meanwhile: tried again, three times and no more"
proxied race=2
probed none unseal "$d"
proxied race=3
probed tpm-error unseal "$d"

echo "--- somebody on the wire: forged answer, encryption stripped, no answer"
proxied forge
probed tpm-other unseal "$d"
proxied plain
captured "$TMP/plain.pcap"
wire=pcap:swtpm:path=$TMP/proxy
probed tpm-error unseal "$d"
[ "$(windows "$d/kek" "$TMP/plain.pcap")" = 0 ] || fail "the KEK crossed the wire in the clear"
for code in 173 167 177 176 17f 16a 157 15e; do
	proxied "dead=$code"
	probed tpm-absent unseal "$d"
	unproxied
	tpm2_flushcontext -t
	tpm2_flushcontext -l
done
proxied none
probed none unseal "$d"
unproxied

echo "--- dictionary-attack lockout: reported where it is met; without a PIN it is not"
proxied rc=15e:921
probed tpm-locked-out unseal "$d"
unproxied
tpm2_dictionarylockout --setup-parameters --max-tries=1
tpm2_create -Q -C 0x81000001 -i "$d/srk" -p right -c "$TMP/pin.ctx" -u "$TMP/u" -r "$TMP/r"
expect 1 tpm2_unseal -c "$TMP/pin.ctx" -p wrong
expect 1 tpm2_unseal -c "$TMP/pin.ctx" -p right
expect_text lockout
tpm2_flushcontext -t
probed none unseal "$d"
probed none unseal "$TMP/da"
nothing_left "faults"

echo "--- another TPM: its SRK's name is asked for, and nothing after that"
stop_tpm
start_tpm "$TMP/other"
measure_boot
probed tpm-cleared unseal "$d"
probed none srk create
captured "$TMP/other.pcap"
probed tpm-other unseal "$d"
[ "$(command_codes "$TMP/other.pcap")" = 00000173 ] ||
	fail "the wrong TPM was sent: $(command_codes "$TMP/other.pcap" | xargs)"
wire=
[ "$(command_codes "$TMP/unseal.pcap" | wc -l)" -gt 8 ] || fail "commands are not counted"

echo "--- the TPM cleared: no SRK, then another"
stop_tpm
start_tpm "$TMP/tpm"
measure_boot
probed none unseal "$d"
tpm2_clear
probed tpm-cleared unseal "$d"
probed none srk create
probed tpm-other unseal "$d"

echo "--- an imported key where the SRK belongs is not taken for one"
openssl ecparam -name prime256v1 -genkey -noout -out "$TMP/import.pem"
tpm2_evictcontrol -Q -C o -c 0x81000001
tpm2_createprimary -Q -C o -c "$TMP/parent.ctx"
tpm2_import -Q -C "$TMP/parent.ctx" -G ecc:null:aes128cfb -i "$TMP/import.pem" \
	-u "$TMP/u" -r "$TMP/r" -a 'userwithauth|restricted|decrypt|noda'
tpm2_flushcontext -t
tpm2_load -Q -C "$TMP/parent.ctx" -u "$TMP/u" -r "$TMP/r" -c "$TMP/imported.ctx"
tpm2_evictcontrol -Q -C o -c "$TMP/imported.ctx" 0x81000001
tpm2_flushcontext -t
probed tpm-error srk
stop_tpm

echo "--- no SHA-256 bank, no TPM"
swtpm_setup --tpm2 --tpmstate "$(mkdir -p "$TMP/sha1" && echo "$TMP/sha1")" --pcr-banks sha1 >/dev/null
start_tpm "$TMP/sha1"
probed bank-dead pcrs 7
probed bank-dead pcrs 0,1,2,3,4,5,6,7,8,9
stop_tpm
probed tpm-absent srk
tpm=device:/nonexistent
probed tpm-absent srk
echo "all as expected"

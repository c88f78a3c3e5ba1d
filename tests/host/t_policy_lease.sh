#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: in an outage a transient availability key opens for N boots since a root was used, and in the next, or in one that the TPM does not count, the TPM refuses; a lease that could not be made or renewed is an error
# group: host services tpm
# timeout: 900
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
hsm_namespace "$@"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

boots=2
image=$TMP/volume.img

# The machine's TPM among all that lib.sh and hsm.sh started.
machine() { # DIR
	kill "$tpm_pid"
	wait "$tpm_pid" 2>/dev/null || true
	start_tpm "$1"
	tpm_pid=${swtpm_pids[-1]}
}
reboot() {
	machine "$TMP/tpm"
}
open_here() {
	open_alone --tpm "$tpm" "$@"
}
uses() {
	grep -c availability-key-used "$FVE_STATE/audit.log" || true
}
outage() {
	stop_opencryptoki
	stop_p11_server
}
no_outage() {
	start_tpm_of_roots
	start_opencryptoki
}
start_tpm_of_roots() {
	start_p11_server "$softhsm" soft
}

start_softhsm
start_opencryptoki
start_tpm_of_roots
uri_a="pkcs11:token=soft;object=root?module-path=$p11_client&pin-source=file:$TMP/pin.softhsm"
start_tpm "$TMP/tpm"
tpm_pid=${swtpm_pids[-1]}

echo "--- a TPM that holds no lease: nothing is made, and what promised one fails"
expect 4 "$fvesetup" policy create acme --plain --root-a "$uri_a" --root-b "$uri_opencryptoki" \
	--availability-key "$TMP/custodian" --availability transient --tpm "swtpm:path=$TMP/none"
expect_text tpm-absent
[ ! -e "$TMP/custodian" ] && [ ! -e "$FVE_STATE/policies/acme.json" ] || fail "something was made without a lease"
expect 0 "$fvesetup" policy create acme --plain --root-a "$uri_a" --root-b "$uri_opencryptoki" \
	--availability-key "$TMP/custodian" --availability transient --boots $boots --tpm "$tpm"
expect 4 "$fvesetup" policy check acme --tpm "swtpm:path=$TMP/none"
expect_text tpm-absent
expect_text registered
expect 0 "$fvesetup" policy check acme --tpm "$tpm"
! grep -q "PRIVATE" -r "$FVE_STATE" || fail "the availability key lies open on the machine"
new_image "$image"
format "$image"
expect 0 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass" --tpm "$tpm"
outage

echo "--- an outage: the lease holds in this boot and $boots more, with a record of each use"
for ((i = 0; i <= boots; i++)); do
	open_alone --tpm "$tpm" 2>"$TMP/warned" >/dev/null || fail "the lease does not open"
	grep -qF "availability key, for $((boots - i)) more boots" "$TMP/warned" || fail "no warning: $(cat "$TMP/warned")"
	[ "$(uses)" = $((i + 1)) ] || fail "$(uses) records of $((i + 1)) uses"
	expect 0 "$fvesetup" policy show acme --tpm "$tpm"
	expect_text "for $boots boots without a root; $((boots - i)) left"
	reboot
done

echo "--- and in the next the TPM itself refuses, whatever is done to the file"
expect 2 open_here
expect_text lease-over
jq -c '.availability.lease.reset_limit += 5' "$FVE_STATE/policies/acme.json" >"$TMP/forged"
cp "$FVE_STATE/policies/acme.json" "$TMP/kept"
cp "$TMP/forged" "$FVE_STATE/policies/acme.json"
expect 2 open_here
cp "$TMP/kept" "$FVE_STATE/policies/acme.json"
[ "$(uses)" = $((boots + 1)) ] || fail "a refusal counts as a use"
expect 0 "$fvesetup" open --test --key-file "$TMP/pass" "$image"

echo "--- a root is back: the lease is renewed by its use, whether by open or by policy check"
start_opencryptoki
expect 0 open_here
! grep -qF 'availability key' "$TMP/out" || fail "a root opens, and there is a warning"
stop_opencryptoki
expect 0 open_here
for ((i = 0; i < boots; i++)); do
	reboot
done
start_opencryptoki
expect 3 "$fvesetup" policy check acme --tpm "$tpm"
expect_text degraded
stop_opencryptoki
for ((i = 0; i < boots; i++)); do
	reboot
	expect 0 open_here
done
reboot
expect 2 open_here
expect_text lease-over

echo "--- a boot after TPM2_Shutdown(STATE) is not counted: refused, and the lease goes on in the next"
start_opencryptoki
expect 0 open_here
stop_opencryptoki
tpm2_shutdown -T "$tpm"
reboot
expect 2 open_here
expect_text tpm-restarted
reboot
expect 0 open_here

echo "--- another system (PCR 7) and another machine get nothing"
start_opencryptoki
expect 0 open_here
stop_opencryptoki
measure 7 "another system"
expect 2 open_here
reboot
expect 0 open_here
machine "$TMP/other"
expect 2 open_here
expect_text tpm-
machine "$TMP/tpm"

echo "--- a denial: no lease helps, neither then nor in an outage that follows"
used=$(uses)
no_outage
expect 0 open_here
forbid_key "$softhsm" soft 1234 root
stop_opencryptoki
expect 2 open_here
expect_text key-denied
stop_p11_server
expect 2 open_here
expect_text policy-suspended
[ "$(uses)" = "$used" ] || fail "a denial fell back to the availability key"

echo "--- resumed, and recovered to other roots: the lease goes on with the same key"
start_tpm_of_roots
allow_key "$softhsm" soft 1234 root
expect 0 "$fvesetup" policy resume acme --tpm "$tpm"
start_opencryptoki
make_key "$softhsm" soft 1234 new
expect 0 "$fvesetup" policy roll acme --tpm "$tpm" --root-a "${uri_a/object=root/object=new}"
expect 0 "$fvesetup" policy check acme --tpm "$tpm"
outage
expect 0 open_here
[ "$(uses)" = $((used + 1)) ] || fail "no record of the use"

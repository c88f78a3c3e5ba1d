#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: roots in stand-ins of two clouds, and one in a token, open a volume, either alone; a denial suspends, an outage does not
# group: host services
# timeout: 1200
#
# FVE_OUTAGES: random combinations of what the roots answer, for each pair of stores (4); the figure is 100.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
# shellcheck source=tests/host/cloud.sh
. "$here/cloud.sh"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

image=$TMP/volume.img
cloud_set_up azure aws
azure_set_up
aws_set_up
start_softhsm

create() { # URI URI: a policy "acme"
	"$fvesetup" policy create acme --plain --root-a "$1" --root-b "$2" --availability-key "$TMP/custodian"
}

echo "--- what no policy may be"
other=99999999-1111-2222-3333-444455556666
cloud_key aws $other
standin aws ".keys[\"$other\"] = {}"
expect 1 create "$aws_uri" "aws://$aws_region/$other"
expect_text "both roots lie in aws/$aws_account"
standin aws ".keys[\"$other\"] = {origin: \"EXTERNAL\"}"
expect 1 create "$azure_uri" "aws://$aws_region/$other"
expect_text 'taken out of its token'
standin azure '.keys.root.exp = 1900000000'
expect 1 create "$azure_uri" "$aws_uri"
expect_text 'has an end date'
expect 1 create "azure://evil.vault.azure.net/root/$azure_version" "$aws_uri"
expect_text badreq

echo "--- made; who deletes the key may purge it, which is said"
standin azure '.keys.root |= {version, recovery: "Recoverable+Purgeable"}'
expect 0 create "$azure_uri" "$aws_uri"
expect_text 'nothing brings it back'
standin azure '.keys.root |= {version}'
expect 0 "$fvesetup" policy validate acme
! grep -q 'nothing brings it back' "$TMP/out" || fail "a warning for nothing"
new_image "$image"
format "$image"
stop_standin azure
stop_standin aws
expect 0 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass"
expect 2 open_alone
expect_text key-unreachable
start_standin azure
expect 0 open_alone
start_standin aws
stop_standin azure
expect 0 open_alone
start_standin azure

# tell_STORE ANSWER: have the store answer so from now on.
tell_azure() {
	case $1 in
	ok) standin azure 'del(.fault, .application) | .keys.root = {version: "'$azure_version'"}' ;;
	denied) standin azure "$(random_of '.keys.root.enabled = false' '.keys.root.deny = "ForbiddenByRbac"' \
		'.keys.root.ops = ["wrapKey"]' '.application = "disabled"')" ;;
	absent) standin azure 'del(.keys.root)' ;;
	unreachable) standin azure "$(random_of '.keys.root.deny = "ForbiddenByFirewall"' '.fault = {kind: "close"}' \
		'.fault = {kind: "status", status: 429, headers: {"Retry-After": "60"}}' '.fault = {kind: "huge"}' \
		'.fault = {kind: "challenge", at: "/keys"}' '.fault = {kind: "malformed"}')" ;;
	esac
}
tell_aws() {
	local key=".keys[\"$aws_id\"]"
	case $1 in
	ok) standin aws "del(.fault) | $key = {}" ;;
	denied) standin aws "$(random_of "$key.state = \"Disabled\"" "$key.state = \"PendingDeletion\"" "$key.deny = true")" ;;
	absent) standin aws "del($key)" ;;
	unreachable) standin aws "$(random_of "$key.state = \"Unavailable\"" '.fault = {kind: "close"}' \
		'.fault = {kind: "error", name: "ThrottlingException", headers: {"Retry-After": "60"}}' '.fault = {kind: "redirect"}' \
		'.fault = {kind: "status", status: 503, headers: {"Retry-After": "60"}}')" ;;
	esac
}
tell_softhsm() {
	case $1 in
	ok)
		[ -d "$TMP/softhsm" ] || mv "$TMP/softhsm.away" "$TMP/softhsm"
		[ ! -e "$TMP/softhsm.kept" ] || { rm -r "$TMP/softhsm" && mv "$TMP/softhsm.kept" "$TMP/softhsm"; }
		allow_key "$softhsm" soft 1234 root
		;;
	denied) forbid_key "$softhsm" soft 1234 root ;;
	absent)
		cp -r "$TMP/softhsm" "$TMP/softhsm.kept"
		destroy_key "$softhsm" soft 1234 root
		;;
	unreachable) mv "$TMP/softhsm" "$TMP/softhsm.away" ;;
	esac
}
declare -A store=([a]=azure [b]=aws)
tell() {
	"tell_${store[$1]}" "$2"
}
restore() {
	[ "$2" = ok ] || "tell_${store[$1]}" ok
}

echo "--- random combinations of what two clouds answer"
random_answers "${FVE_OUTAGES:-4}"

echo "--- and of a cloud and a token: root b, then root a, is rolled to it"
expect 0 "$fvesetup" policy roll acme --root-b "$uri_softhsm"
store[b]=softhsm
random_answers "${FVE_OUTAGES:-4}"
expect 0 "$fvesetup" policy roll acme --root-b "$aws_uri"
expect 0 "$fvesetup" policy roll acme --root-a "$uri_softhsm"
store=([a]=softhsm [b]=aws)
random_answers "${FVE_OUTAGES:-4}"
expect 0 "$fvesetup" policy roll acme --root-a "$azure_uri"

echo "--- no secret in arguments, environment, messages, URIs, the machine's state or the header"
"$fvesetup" open --debug --test "$image" </dev/null >"$TMP/debug" 2>&1
"$fvesetup" policy check acme --debug >>"$TMP/debug" 2>&1
stop_standin aws # so that this one is asked
strace -f -qq -s 65536 -v -e trace=execve -o "$TMP/strace" "$fvesetup" open --debug --test "$image" </dev/null >>"$TMP/debug" 2>&1
grep -q fve-provider-azure "$TMP/strace" || fail "strace saw no provider"
no_secret_in "$TMP/strace" "$TMP/debug" "$TMP/azure/requests" "$TMP/aws/requests" "$FVE_STATE" "$image"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a key in a stand-in of AWS KMS unwraps; each fault of the table has its outcome, in time; a URI chooses no identity
# group: host
# timeout: 1200
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/cloud.sh
. "$here/cloud.sh"
cloud_namespace "$@"

service=aws key=$TMP/key wrapped=$TMP/wrapped uri=$aws_uri identity=$FVE_CONFIG/aws/$aws_region
head -c 64 /dev/urandom >"$key"

# key MEMBERS: the key is as this says.
kms_key() {
	standin aws ".keys[\"$aws_id\"] = {$1}"
}

cloud_set_up aws
aws_set_up

echo "--- in order"
outcome ok info "$uri"
for line in "alg rsa-oaep-sha256" "bits 3072" "token aws/$aws_account" "extractable 0" "end-date " "recoverable yes"; do
	grep -qxF "$line" "$TMP/out" || fail "info: no $line"
done
expect 0 "$BUILD/tools/provider_probe" wrap "$uri" "$key" "$wrapped"
asked ok
arn=arn:aws:kms:$aws_region:$aws_account:key/$aws_id
uri=aws://$aws_region/$arn
asked ok
uri=aws://$aws_region/${arn/$aws_account/999999999999}
asked absent
uri=$aws_uri

echo "--- what info says of other keys"
kms_key '"origin": "EXTERNAL", "valid_to": 1900000000.5'
outcome ok info "$uri"
for line in "extractable 1" "end-date 2030-03-17" "recoverable no"; do
	grep -qxF "$line" "$TMP/out" || fail "info: no $line"
done
kms_key '"usage": "SIGN_VERIFY"'
outcome badreq info "$uri"
outcome badreq status "$uri"

echo "--- the owner's no, each way"
for state in Disabled PendingDeletion PendingReplicaDeletion; do
	kms_key "\"state\": \"$state\""
	asked denied
done
kms_key '"deny": true'
asked denied
kms_key ''
asked ok

echo "--- no such key"
standin aws '.keys = {}'
asked absent
kms_key ''

echo "--- the way: what speaks of something else than the key"
# A key store of the customer's own that is away, and a state that nobody tells us.
for state in Unavailable Creating; do
	kms_key "\"state\": \"$state\""
	asked unreachable
done
kms_key '"state": "PendingDeletion"'
fault error '"at": "DescribeKey", "name": "DependencyTimeoutException", "status": 500, "headers": {"Retry-After": "60"}'
asked unreachable
fault none
kms_key ''
export FVE_DEADLINE=2500
for name in ThrottlingException KMSInternalException KeyUnavailableException SomethingNewException; do
	fault error "\"name\": \"$name\", \"headers\": {\"Retry-After\": \"60\"}"
	within 5 outcome unreachable unwrap "$key" "$uri" "$wrapped"
done
fault error '"name": "com.amazonaws.kms#DisabledException"'
asked denied
fault error '"name": "ThrottlingException"' # it does not say for how long
within 5 outcome unreachable unwrap "$key" "$uri" "$wrapped"
for status in 401 403 404 408 409 410 429 500 502 503 504; do
	fault status "\"status\": $status, \"headers\": {\"Retry-After\": \"60\"}"
	within 5 outcome unreachable unwrap "$key" "$uri" "$wrapped"
done
# What is said under another status than it is said with is not believed.
fault error '"status": 500, "name": "DisabledException", "headers": {"Retry-After": "60"}'
asked unreachable
for kind in malformed huge headers close; do
	fault $kind
	within 5 outcome unreachable unwrap "$key" "$uri" "$wrapped"
done
for kind in slow hang; do
	fault $kind
	within 5 outcome unreachable unwrap "$key" "$uri" "$wrapped"
	expect_text "Operation timed out" # by the provider's own word, before it is killed
done
for text in '' '[]' '{}' '{"Plaintext": "AAAA"}' '{"Plaintext": "AAAA", "KeyId": "x"}' \
	"{\"Plaintext\": \"A*\", \"KeyId\": \"$arn\"}" '{"KeyMetadata": {"Arn": 1}}'; do
	fault malformed "\"text\": $(jq -n --arg t "$text" '$t')"
	asked unreachable
done
fault none
stop_standin aws
asked unreachable
start_standin aws
unset FVE_DEADLINE
asked ok

echo "--- busy, and it says for how long"
fault error '"name": "ThrottlingException", "headers": {"Retry-After": "1"}, "times": 1'
start=${EPOCHREALTIME/./}
asked ok
[ $(((${EPOCHREALTIME/./} - start) / 1000)) -ge 1000 ] || fail "it did not wait"

echo "--- nobody but the machine says where to go"
for kind in challenge redirect; do
	fault $kind
	asked unreachable
done
! grep -qE 'elsewhere|evil' "$TMP/aws/requests" || fail "a redirect or a challenge was followed"
fault none
identity_file aws/$aws_region/proxy http://127.0.0.1:9
asked unreachable
rm "$identity/proxy"
[ ! -e "$TMP/keylog" ] || fail "the keys of a connection were written to a file"

echo "--- another server"
mkdir "$TMP/good"
cp "$TMP/aws/"{cert,key}.pem "$TMP/good/"
cloud_certificate "$TMP/aws" kms.example
stop_standin aws
start_standin aws
asked unreachable
cp "$TMP/good/"* "$TMP/aws/"
stop_standin aws
start_standin aws
asked ok

echo "--- our own fault"
standin aws '.users.AKIAUSER.expired = true'
asked badreq
standin aws 'del(.users.AKIAUSER.expired)'
for skew in 3600 -3600; do
	standin aws ".skew = $skew"
	asked badreq
done
standin aws '.skew = 0'
identity_file aws/$aws_region/secret-access-key wrong
asked badreq
chmod 644 "$identity/secret-access-key"
asked badreq
expect_text "open to others"
rm "$identity/secret-access-key"
asked badreq
identity_file aws/$aws_region/secret-access-key "$aws_secret"
identity_file aws/$aws_region/access-key-id AKIAOTHER
asked badreq
identity_file aws/$aws_region/access-key-id AKIAUSER
cp "$wrapped" "$TMP/whole"
for damage in 100 384; do
	{ head -n 1 "$TMP/whole"; head -c "$damage" /dev/urandom; } >"$wrapped"
	outcome badreq unwrap "$key" "$uri" "$wrapped"
done
cp "$TMP/whole" "$wrapped"

echo "--- temporary credentials: in files, and those of the machine's role"
identity_file aws/$aws_region/access-key-id ASIAROLE
identity_file aws/$aws_region/secret-access-key "${aws_secret}role"
asked badreq
identity_file aws/$aws_region/session-token "$aws_session"
asked ok
identity_file aws/$aws_region/instance-role fve-host
asked badreq # two ways at once
rm "$identity"/{access-key-id,secret-access-key,session-token}
asked unreachable
start_metadata aws
asked ok
identity_file aws/$aws_region/instance-role another
asked badreq
identity_file aws/$aws_region/instance-role ../../user-data
asked badreq
identity_file aws/$aws_region/instance-role fve-host
for kind in redirect malformed huge; do
	fault $kind '"at": "/latest"'
	asked unreachable
done
fault none
rm "$identity/instance-role"
identity_file aws/$aws_region/access-key-id AKIAUSER
identity_file aws/$aws_region/secret-access-key "$aws_secret"
asked ok

echo "--- URIs: a header that somebody wrote chooses one of this machine's folders, and nothing more"
before=$(requests)
for bad in aws: "aws://$aws_region" "aws://$aws_region/" "aws://$aws_region/alias/root" "aws://$aws_region/a/b" \
	"aws://eu-west-1/$aws_id" "aws://../$aws_id" "aws://./$aws_id" "aws://ca.pem/$aws_id" "aws://$aws_region/$aws_id?x" \
	"aws://${aws_region^^}/$aws_id" "aws://$aws_region:444/$aws_id" "aws://$aws_region/x\"y" \
	"aws://$aws_region/arn:aws:kms:eu-west-1:$aws_account:key/$aws_id" "aws://$aws_region/arn:aws:kms:$aws_region:1:alias/x" \
	"aws://$aws_region/${arn}/x" "aws://$aws_region/${arn/kms/s3}"; do
	outcome badreq status "$bad"
	FVE_FROM_HEADER=1 outcome badreq unwrap "$key" "$bad" "$wrapped"
done
[ "$(requests)" = "$before" ] || fail "somebody was asked"
FVE_FROM_HEADER=1 outcome ok unwrap "$key" "$uri" "$wrapped"

echo "--- no secret in arguments, environment, messages, URIs"
strace -f -qq -s 65536 -v -e trace=execve -o "$TMP/strace" "$BUILD/tools/provider_probe" unwrap "$key" "$uri" "$wrapped"
grep -q fve-provider-aws "$TMP/strace" || fail "strace saw no provider"
no_secret_in "$TMP/strace" "$TMP/aws/requests" "$TMP/aws/log"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a key in a stand-in of Azure Key Vault unwraps; each fault of the table has its outcome, in time; a URI chooses no identity
# group: host
# timeout: 1200
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/cloud.sh
. "$here/cloud.sh"

cloud_namespace "$@"

service=azure key=$TMP/key wrapped=$TMP/wrapped uri=$azure_uri identity=$FVE_CONFIG/azure/$azure_host
head -c 64 /dev/urandom >"$key"


cloud_set_up azure
azure_set_up

echo "--- in order"
outcome ok info "$uri"
for line in "alg rsa-oaep-sha256" "bits 3072" "token azure/$azure_host" "extractable 0" "end-date " "recoverable yes"; do
	grep -qxF "$line" "$TMP/out" || fail "info: no $line"
done
expect 0 "$BUILD/tools/provider_probe" wrap "$uri" "$key" "$wrapped"
asked ok

echo "--- what info says of other keys"
standin azure '.keys.root += {exportable: true, exp: 1900000000, recovery: "Recoverable+Purgeable", type: "RSA"}'
outcome ok info "$uri"
for line in "extractable 1" "end-date 2030-03-17" "recoverable no"; do
	grep -qxF "$line" "$TMP/out" || fail "info: no $line"
done
standin azure '.keys.root |= {version}'
standin azure '.keys.root.type = "EC"'
outcome badreq info "$uri"
standin azure '.keys.root |= {version}'

echo "--- the owner's no, each way"
for why in AccessDenied ForbiddenByRbac; do
	standin azure ".keys.root.deny = \"$why\""
	asked denied
	grep -qF "$why" "$TMP/out" || fail "it does not say why"
done
standin azure '.keys.root |= {version, enabled: false}'
asked denied
outcome ok info "$uri"
standin azure '.keys.root |= {version, ops: ["wrapKey"]}'
asked denied
standin azure '.keys.root |= {version}'
for why in disabled deleted; do
	standin azure ".application = \"$why\""
	asked denied
done
standin azure 'del(.application)'
asked ok

echo "--- no such key"
standin azure 'del(.keys.root)'
asked absent
standin azure ".keys.root = {version: \"$azure_version\"}"
outcome absent status "${uri%????}0000"

echo "--- the way: what speaks of something else than the key"
for why in ForbiddenByFirewall ForbiddenByConnection SomethingNew; do
	standin azure ".keys.root.deny = \"$why\""
	asked unreachable
done
standin azure '.keys.root |= {version}'
export FVE_DEADLINE=2500
for status in 401 405 408 409 410 429 500 502 503 504; do
	fault status "\"at\": \"/keys\", \"status\": $status, \"headers\": {\"Retry-After\": \"60\"}"
	within 5 outcome unreachable unwrap "$key" "$uri" "$wrapped"
done
for status in 408 429 500 503; do
	fault status "\"at\": \"/1111\", \"status\": $status, \"headers\": {\"Retry-After\": \"60\"}"
	within 5 outcome unreachable status "$uri"
done
fault status '"at": "/keys", "status": 503' # it does not say for how long
asked unreachable
# A page of somebody in between is no vault's answer, whatever its status.
for status in 400 403 404; do
	fault status "\"at\": \"/keys\", \"status\": $status, \"body\": {}"
	asked unreachable
done
fault status '"at": "/1111", "status": 400, "body": {"error": "temporarily_unavailable"}'
asked unreachable
for kind in malformed huge headers close; do
	for at in /keys /1111; do
		fault $kind "\"at\": \"$at\""
		within 5 outcome unreachable unwrap "$key" "$uri" "$wrapped"
	done
done
for kind in slow hang; do
	fault $kind '"at": "/keys"'
	within 5 outcome unreachable unwrap "$key" "$uri" "$wrapped"
	expect_text "Operation timed out" # by the provider's own word, before it is killed
done
for text in '' '[]' '{}' '{"value": "AAAA"}' '{"value": "AAAA", "kid": "https://x/keys/root/1"}' \
	"{\"value\": \"A*\", \"kid\": \"https://x/keys/root/$azure_version\"}" '{"value": 1}x' '{"access_token": "a b"}'; do
	fault malformed "\"text\": $(jq -n --arg t "$text" '$t')"
	asked unreachable
done
fault none
stop_standin azure
asked unreachable
start_standin azure
asked ok

echo "--- busy, and it says for how long"
FVE_DEADLINE=15000
fault status '"at": "/keys", "status": 429, "headers": {"Retry-After": "1"}, "times": 1'
start=${EPOCHREALTIME/./}
asked ok
[ $(((${EPOCHREALTIME/./} - start) / 1000)) -ge 1000 ] || fail "it did not wait"
before=$(requests)
fault status '"at": "/keys", "status": 429, "headers": {"Retry-After": "60"}'
within 10 outcome unreachable unwrap "$key" "$uri" "$wrapped"
[ "$(requests)" = $((before + 2)) ] || fail "it asked again and again"
fault status '"at": "/keys", "status": 503, "times": 2, "x": 1'
asked ok
FVE_DEADLINE=2500

echo "--- nobody but the machine says where to go: challenge, redirect, proxy, environment"
before=$(grep -c evil "$TMP/azure/requests" || true)
for kind in challenge redirect; do
	for at in /keys /1111; do
		fault $kind "\"at\": \"$at\""
		asked unreachable
	done
done
! grep -qE 'elsewhere|evil' "$TMP/azure/requests" || fail "a redirect or a challenge was followed"
fault none
[ ! -e "$TMP/keylog" ] || fail "the keys of a connection were written to a file"
identity_file azure/$azure_host/proxy http://127.0.0.1:9
asked unreachable
rm "$identity/proxy"
asked ok

echo "--- by a proxy that the machine's administrator has written down"
/usr/bin/python3 "$here/connect_proxy.py" "$TMP/proxy" "host:pass+$RANDOM$RANDOM" 2>"$TMP/proxy.err" &
swtpm_pids+=("$!")
proxy_login=$(tr '\0' '\n' <"/proc/$!/cmdline" | tail -n 1)
for _ in $(seq 200); do
	[ ! -s "$TMP/proxy" ] || break
	sleep 0.05
done
identity_file azure/proxy "http://$proxy_login@127.0.0.1:$(cat "$TMP/proxy")"
asked ok
[ "$(sort -u "$TMP/proxy.log")" = "$azure_at" ] || fail "the proxy saw something else"
identity_file azure/$azure_host/proxy "http://host:wrong@127.0.0.1:$(cat "$TMP/proxy")"
asked unreachable
rm "$identity/proxy"
chmod 644 "$FVE_CONFIG/azure/proxy"
asked badreq
chmod 600 "$FVE_CONFIG/azure/proxy"
echo "${proxy_login#*:}" >>"$TMP/azure/secrets"
FVE_DEADLINE=20000 strace -f -qq -s 65536 -v -e trace=execve -o "$TMP/strace.proxy" "$BUILD/tools/provider_probe" status "$uri"
rm "$FVE_CONFIG/azure/proxy"

echo "--- another server: authority, name, age"
mkdir "$TMP/good"
cp "$TMP/azure/"{cert,key}.pem "$TMP/good/"
for what in self-signed another-name expired; do
	case $what in
	self-signed) openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/azure/key.pem" -out "$TMP/azure/cert.pem" \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 2>/dev/null ;;
	another-name) cloud_certificate "$TMP/azure" vault.example ;;
	expired) cloud_certificate "$TMP/azure" localhost 0 ;;
	esac
	stop_standin azure
	start_standin azure
	asked unreachable
done
cp "$TMP/good/"* "$TMP/azure/"
stop_standin azure
start_standin azure
# One authority for each folder, before the one for all of them.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/other.key" -out "$identity/ca.pem" -subj /CN=other -days 2 2>/dev/null
asked unreachable
echo x >"$identity/ca.pem"
asked badreq
rm "$identity/ca.pem"
asked ok
unset FVE_DEADLINE

echo "--- our own fault"
standin azure '.secret_expired = true'
asked badreq
standin azure 'del(.secret_expired)'
cp "$identity/secret" "$TMP/secret"
identity_file azure/$azure_host/secret wrong
asked badreq
cp "$TMP/secret" "$identity/secret"
chmod 644 "$identity/secret"
asked badreq
expect_text "open to others"
chmod 600 "$identity/secret"
cp "$wrapped" "$TMP/whole"
for damage in 100 383 384; do
	{ head -n 1 "$TMP/whole"; head -c "$damage" /dev/urandom; } >"$wrapped"
	outcome badreq unwrap "$key" "$uri" "$wrapped"
done
cp "$TMP/whole" "$wrapped"
for file in tenant client; do
	mv "$identity/$file" "$TMP/$file"
	asked badreq
	mv "$TMP/$file" "$identity/$file"
done
mv "$identity/secret" "$TMP/secret"
asked badreq
mv "$TMP/secret" "$identity/secret"

echo "--- URIs: a header that somebody wrote chooses one of this machine's folders, and nothing more"
before=$(requests)
other=evil.vault.azure.net
for bad in azure: "azure://$azure_host" "azure://$azure_host/root" "azure://$azure_host/root/" "azure://$azure_host/root/0" \
	"azure://$azure_host:444/root/$azure_version" "azure://$azure_host/root/$azure_version?api-version=1" \
	"azure://$azure_host/root/$azure_version/x" "azure://user@$azure_host/root/$azure_version" \
	"azure://$azure_host/a%2fb/$azure_version" "azure://../root/$azure_version" "azure://$azure_host/../root/$azure_version" \
	"azure://a..b/root/$azure_version" "azure://$azure_host#/root/$azure_version" "azure://ca.pem/root/$azure_version" \
	"azure://$other/root/$azure_version" "azure://${azure_host^^}/root/$azure_version"; do
	outcome badreq status "$bad"
	FVE_FROM_HEADER=1 outcome badreq unwrap "$key" "$bad" "$wrapped"
done
[ "$(requests)" = "$before" ] || fail "somebody was asked"
FVE_FROM_HEADER=1 outcome ok unwrap "$key" "$uri" "$wrapped"

echo "--- a certificate in place of a secret; its clock"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/client.key" -out "$TMP/client.pem" -subj /CN=host -days 2 2>/dev/null
mv "$identity/secret" "$TMP/secret"
cp "$TMP/client.pem" "$identity/cert.pem"
cp "$TMP/client.key" "$identity/key.pem"
chmod 600 "$identity/key.pem"
grep -v -- ---- "$TMP/client.key" | tail -n +2 >>"$TMP/azure/secrets"
standin azure ".certificate = $(jq -Rs . "$TMP/client.pem")"
asked ok
for skew in 7200 -7200; do
	standin azure ".skew = $skew"
	asked badreq
	expect_text AADSTS700024
done
standin azure '.skew = 0'
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$identity/key.pem" -out "$identity/cert.pem" -subj /CN=host -days 2 2>/dev/null
asked badreq
openssl x509 -req -in <(openssl req -new -key "$TMP/client.key" -subj /CN=host) -signkey "$TMP/client.key" -days 0 \
	-out "$identity/cert.pem" 2>/dev/null
asked badreq
expect_text "valid now"
cp "$TMP/secret" "$identity/secret"
asked badreq # two ways at once
rm "$identity/secret" "$identity/cert.pem" "$identity/key.pem"

echo "--- the machine's own cloud"
identity_file azure/$azure_host/managed system
asked unreachable
start_metadata azure
standin azure '.foreign_tokens = true'
asked ok
identity_file azure/$azure_host/managed 66666666-7777-8888-9999-000000000000
asked ok
identity_file azure/$azure_host/managed 00000000-7777-8888-9999-000000000000
asked badreq
identity_file azure/$azure_host/managed "system&resource=x"
asked badreq
for kind in redirect malformed hang; do
	fault $kind '"at": "/metadata"'
	identity_file azure/$azure_host/managed system
	FVE_DEADLINE=2000 within 5 outcome unreachable status "$uri"
done
fault none
rm "$identity/managed"
cp "$TMP/secret" "$identity/secret"
asked ok

echo "--- a name server that says nothing"
echo "nameserver 127.0.0.1" >"$TMP/resolv.conf"
mount --bind "$TMP/resolv.conf" /etc/resolv.conf
identity_file azure/$azure_host/endpoint "$azure_host"
FVE_DEADLINE=2000 within 5 outcome unreachable status "$uri"
/usr/bin/python3 -c 'import socket, sys, time
silent = socket.socket(type=socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
open(sys.argv[1], "w").close()
time.sleep(600)' "$TMP/silent" &
swtpm_pids+=("$!")
for _ in $(seq 200); do
	[ ! -e "$TMP/silent" ] || break
	sleep 0.05
done
FVE_DEADLINE=2000 within 5 outcome unreachable status "$uri"
expect_text "Resolving timed out" # by the provider's own word, before it is killed
identity_file azure/$azure_host/endpoint "$azure_at"

echo "--- all memory is locked while a token is in it, which libraries copy"
fault hang '"at": "/keys"'
# Not by the sanitized one: ASan locks nothing.
FVE_PROVIDERS=$BUILD FVE_DEADLINE=4000 "$BUILD/tools/provider_probe" status "$uri" >/dev/null &
for _ in $(seq 200); do
	locked=$(for pid in $(pgrep -f fve-provider-azure); do
		grep -q "^PPid:[[:space:]]*$!\$" "/proc/$pid/status" && sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"
	done 2>/dev/null || true)
	[ "${locked:-0}" -le 5000 ] || break
	sleep 0.02
done
[ "${locked:-0}" -gt 5000 ] || fail "only ${locked:-0} kB are locked"
wait $! || true
fault none

echo "--- no secret in arguments, environment, messages, URIs, files"
strace -f -qq -s 65536 -v -e trace=execve -o "$TMP/strace" "$BUILD/tools/provider_probe" unwrap "$key" "$uri" "$wrapped"
grep -q fve-provider-azure "$TMP/strace" || fail "strace saw no provider"
no_secret_in "$TMP/strace" "$TMP/strace.proxy" "$TMP/azure/requests" "$TMP/azure/log"

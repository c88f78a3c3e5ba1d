#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a key opens with the help of a real Tang server, as jose computes it; gone, silent, rotated, deleted, forged and malformed are told apart
# group: host
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/provider.sh
. "$here/provider.sh"
# shellcheck source=tests/host/tang.sh
. "$here/tang.sh"

export FVE_PROVIDERS=${FVE_PROVIDERS:-$BUILD/san}
key=$TMP/key wrapped=$TMP/wrapped
head -c 32 /dev/urandom >"$key"
# answers NAME STATUS FILE: a server that sends the file to everybody, as it is at that moment.
answers() {
	cat >"$TMP/$1.sh" <<-END
		#!/bin/sh
		read -r line
		printf 'HTTP/1.1 %s X\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' "$2" "\$(stat -c %s "$3")"
		cat "$3"
	END
	chmod +x "$TMP/$1.sh"
	serve "$1" "$TMP/$1.sh"
}
said() {
	grep -qF "$1" "$TMP/out" || fail "it does not say: $1"
}
for name in a b; do
	tang_server "$name"
done
thumbprint=$(signing a)
uri=tang://127.0.0.1:${ports[a]}/$thumbprint
other=tang://127.0.0.1:${ports[b]}/$(signing b)

echo "--- up"
outcome ok info "$uri"
for line in "alg tang-ecmr-aes-256-gcm" "bits 521" "token tang/127.0.0.1:${ports[a]}" "extractable 1"; do
	grep -qxF "$line" "$TMP/out" || fail "info: no $line"
done
outcome ok status "$uri"
# A port of one's own is in the URI; a name that is looked up works as well.
outcome ok status "tang://localhost:${ports[a]}/$thumbprint"
expect 0 "$BUILD/tools/provider_probe" wrap "$uri" "$key" "$wrapped"
expect 0 "$BUILD/tools/provider_probe" wrap "$other" "$key" "$TMP/wrapped-b"
outcome ok unwrap "$key" "$uri" "$wrapped"
[ "$(tail -n +2 "$wrapped" | wc -c)" = $((3 * 133 + 12 + 32 + 16)) ] || fail "size"

echo "--- jose and Tang, as clevis calls them, open what is wrapped here, and what they seal opens here"
exchange() { # two keys from standard input: ECMR
	jose jwk exc -i '{"alg":"ECMR"}' -l- -r-
}
second=$here/tang_wrap.py
points=$TMP/points
mkdir "$points"
/usr/bin/python3 "$second" points "$wrapped" "$points"
jose jwk gen -i '{"alg":"ECMR","crv":"P-521"}' -o "$TMP/blind"
cat "$points/ours.jwk" "$TMP/blind" | exchange >"$TMP/hidden"
curl -sf -X POST -H 'Content-Type: application/jwk+json' --data-binary @"$TMP/hidden" -o "$TMP/help" \
	"http://127.0.0.1:${ports[a]}/rec/$(jose jwk thp -a S256 -i "$points/exchange.jwk")"
cat "$TMP/blind" "$points/exchange.jwk" | exchange >"$TMP/mask"
jose jwk pub -i "$TMP/help" | cat - "$TMP/mask" | jose jwk exc -l- -r- >"$TMP/shared"
/usr/bin/python3 "$second" open "$wrapped" "$TMP/shared" | cmp - "$key" || fail "jose recovers another key"
jose jwk gen -i '{"alg":"ECMR","crv":"P-521"}' -o "$TMP/private"
cat "$TMP/private" "$points/exchange.jwk" | exchange >"$TMP/shared"
jose jwk pub -i "$TMP/private" -o "$points/ours.jwk"
/usr/bin/python3 "$second" seal "$points" "$TMP/shared" "$key" >"$TMP/theirs"
outcome ok unwrap "$key" "$uri" "$TMP/theirs"

echo "--- a header's URI asks only a server that the administrator has listed"
export FVE_CONFIG=$TMP/etc
mkdir "$FVE_CONFIG"
FVE_FROM_HEADER=1 outcome badreq unwrap "$key" "$uri" "$wrapped"
said "not listed"
echo "127.0.0.1:${ports[a]}" >"$FVE_CONFIG/tang"
FVE_FROM_HEADER=1 outcome ok unwrap "$key" "$uri" "$wrapped"
chmod o+w "$FVE_CONFIG/tang"
FVE_FROM_HEADER=1 outcome badreq unwrap "$key" "$uri" "$wrapped"

echo "--- each part of a wrap that is changed"
for at in 1 134 200 267 399 411 440; do
	python3 -c 'import sys; b = bytearray(open(sys.argv[1], "rb").read()); b[b.index(10) + 1 + int(sys.argv[3])] ^= 1
open(sys.argv[2], "wb").write(b)' "$wrapped" "$TMP/changed" "$at"
	"$BUILD/tools/provider_probe" unwrap "$key" "$uri" "$TMP/changed" >"$TMP/out" 2>&1 && fail "byte $at"
	cat "$TMP/out"
	grep -qE '^(badreq|unreachable):' "$TMP/out" || fail "byte $at: another outcome"
done
outcome badreq unwrap "$key" "$other" "$wrapped"

echo "--- one of two is down, or a black hole; the other opens"
stop b
outcome unreachable unwrap "$key" "$other" "$TMP/wrapped-b"
for _ in 1 2 3 4; do
	within 1500 expect 0 "$BUILD/tools/provider_probe" unwrap "$key" "$uri" "$wrapped" "$other" "$TMP/wrapped-b"
done
serve b "sleep 60"
for _ in 1 2 3 4; do
	within 1500 expect 0 "$BUILD/tools/provider_probe" unwrap "$key" "$uri" "$wrapped" "$other" "$TMP/wrapped-b"
done
FVE_DEADLINE=1500 within 2500 outcome unreachable unwrap "$key" "$other" "$TMP/wrapped-b"

echo "--- no proxy of the environment is asked"
http_proxy=http://127.0.0.1:1 outcome ok unwrap "$key" "$uri" "$wrapped"

echo "--- forged: the pinned key is listed, and has not signed; or is not listed"
jose jwk gen -i '{"alg":"ES512"}' -o "$TMP/evil.jwk"
jose jwk gen -i '{"alg":"ECMR"}' | jose jwk pub -i- -o "$TMP/evil-exchange.jwk"
jose jwk pub -i "$TMP/a/$thumbprint.jwk" -o "$TMP/pinned.jwk"
# forge NAME SIGNER KEY...: a server that advertises these keys.
forge() {
	local name=$1 signer=$2
	shift 2
	jq -cs '{keys: .}' "$@" >"$TMP/set"
	jose jws sig -I "$TMP/set" -k "$signer" -s '{"protected":{"alg":"ES512","cty":"jwk-set+json"}}' -o "$TMP/$name.adv"
	answers "$name" 200 "$TMP/$name.adv"
}
forge evil "$TMP/evil.jwk" "$TMP/pinned.jwk" "$TMP/evil-exchange.jwk"
outcome unreachable wrap "tang://127.0.0.1:${ports[evil]}/$thumbprint" "$key" "$TMP/none"
said "no advertisement that the key of the URI has signed"
jose jwk pub -i "$TMP/evil.jwk" -o "$TMP/evil-public.jwk"
forge foreign "$TMP/evil.jwk" "$TMP/evil-public.jwk" "$TMP/evil-exchange.jwk"
outcome badreq info "tang://127.0.0.1:${ports[foreign]}/$thumbprint"
forge honest "$TMP/a/$thumbprint.jwk" "$TMP/pinned.jwk" "$TMP/evil-exchange.jwk"
outcome ok info "tang://127.0.0.1:${ports[honest]}/$thumbprint" # so forging is what was refused

echo "--- answers that are none: too long, empty, another point, an error, a redirect"
head -c 40000 /dev/zero | tr '\0' ' ' >"$TMP/long"
: >"$TMP/empty"
answers long 200 "$TMP/long"
answers empty 200 "$TMP/empty"
answers point 200 "$TMP/evil-exchange.jwk"
answers error 400 "$TMP/empty"
answers away 302 "$TMP/empty"
for name in long empty point error away; do
	outcome unreachable status "tang://127.0.0.1:${ports[$name]}/$thumbprint"
	outcome unreachable unwrap "$key" "tang://127.0.0.1:${ports[$name]}/$thumbprint" "$wrapped"
done

echo "--- JSON that is none, or not what it should be: an outage"
answers odd 200 "$TMP/odd"
odd=tang://127.0.0.1:${ports[odd]}/$thumbprint
for text in '' '{' 'null' '[]' '"x"' '{}' '{}{}' '{"payload":' "$(printf '[%.0s' $(seq 600))"; do
	printf '%s' "$text" >"$TMP/odd"
	outcome unreachable status "$odd"
	outcome unreachable unwrap "$key" "$odd" "$wrapped"
done
curl -sf "http://127.0.0.1:${ports[a]}/adv/$thumbprint" >"$TMP/adv"
head -c $(($(stat -c %s "$TMP/adv") / 2)) "$TMP/adv" >"$TMP/odd"
outcome unreachable status "$odd"
# edited WANTED FILE ACTION FILTER...: each filter of jq makes another answer of the file.
edited() {
	local want=$1 file=$2 action=$3 filter
	shift 3
	for filter; do
		jq -c "$filter" "$file" >"$TMP/odd"
		echo "$filter"
		case $action in
		status) outcome "$want" status "$odd" ;;
		unwrap) outcome "$want" unwrap "$key" "$odd" "$wrapped" ;;
		esac
	done
}
edited ok "$TMP/adv" status . '.signatures |= [1, null] + .' '{payload} + .signatures[0]'
jq -c '{payload} + .signatures[0]' "$TMP/adv" >"$TMP/flat"
edited unreachable "$TMP/flat" status 'del(.payload)' '.payload = 7' '.payload = "%"' '.payload |= .[:-4]' \
	'.payload = [.payload]' '.payload = "e30"' 'del(.signature)' '.signature = 7' '.signature = ""' \
	'.signature |= .[4:]' '.signature += "AAAA"' 'del(.protected)' '.protected = "%"' '.protected = "e30"' \
	'.protected = {alg: "ES512"}' '.signatures = {} | del(.signature)' '.signatures = [1, null, [], {}]'
# What the pinned key has signed, and is no list of keys; and a list in which it is not.
for set in '[]' 'null' '{"keys":{}}' '{"keys":[1,null,[],{"kty":1}]}'; do
	printf '%s' "$set" >"$TMP/set"
	jose jws sig -I "$TMP/set" -k "$TMP/a/$thumbprint.jwk" -s '{"protected":{"alg":"ES512","cty":"jwk-set+json"}}' -o "$TMP/odd"
	want=unreachable
	[[ $set != *kty* ]] || want=badreq
	outcome $want status "$odd"
done
edited unreachable "$TMP/help" unwrap . 'del(.x)' 'del(.y)' '.x = 7' '.y = []' '.x |= .[1:]' '.x += "A"' '.x = "%" + .x[1:]' \
	'.x = "A" * 88' '.x = "A" * 88 | .y = .x' '.crv = "P-256"' '.crv = 521' '.kty = "RSA"' '.alg = "ES512"' '[.]'
printf 'x\0{}' >"$TMP/odd"
outcome unreachable unwrap "$key" "$odd" "$wrapped"

echo "--- URIs that are none"
for bad in tang: tang://127.0.0.1 "tang://127.0.0.1/" "tang://127.0.0.1/short" "tang://../$thumbprint" "tang://a@b/$thumbprint" \
	"tang://127.0.0.1:x/$thumbprint" "tang://127.0.0.1/${thumbprint}x" "tang://127.0.0.1/$thumbprint?x" "tang://-x/$thumbprint"; do
	outcome badreq status "$bad"
done

echo "--- rotated: what was wrapped opens, and the new key must be named; then the old keys are deleted"
"$tang/tangd-rotate-keys" -d "$TMP/a" >/dev/null
outcome ok unwrap "$key" "$uri" "$wrapped"
outcome badreq wrap "$uri" "$key" "$TMP/none"
said "has rotated its keys, or is another server"
new=tang://127.0.0.1:${ports[a]}/$(signing a)
expect 0 "$BUILD/tools/provider_probe" wrap "$new" "$key" "$TMP/wrapped-new"
rm "$TMP/a"/.*.jwk
outcome absent unwrap "$key" "$uri" "$wrapped"
said "has deleted its key"
outcome absent status "$uri"
outcome ok unwrap "$key" "$new" "$TMP/wrapped-new"
echo "all as expected"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a key in a KMIP server wraps and unwraps over mutual TLS; revoked, destroyed and gone are told apart
# group: host
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/provider.sh
. "$here/provider.sh"
. "$here/kmip.sh"

probe=$BUILD/tools/provider_probe
head -c 64 /dev/urandom >"$TMP/key"

asked() {
	outcome "$1" unwrap "$TMP/key" "$uri" "$TMP/wrapped"
	outcome "${2:-$1}" status "$uri"
}

kmip_set_up
start_kmip
uid=$(kmip_admin create)
uri=kmip://127.0.0.1:$kmip_port/$uid

echo "--- not active yet, then in order"
outcome denied status "$uri"
outcome denied wrap "$uri" "$TMP/key" "$TMP/wrapped"
kmip_admin activate "$uid"
outcome ok info "$uri"
grep -qxF "alg kmip-aes-256-gcm" "$TMP/out" && grep -qxF "bits 256" "$TMP/out" || fail "info"
expect 0 "$probe" wrap "$uri" "$TMP/key" "$TMP/wrapped"
[ "$(tail -n +2 "$TMP/wrapped" | wc -c)" = $((12 + 16 + 64)) ] || fail "size"
! xxd -p "$TMP/wrapped" | tr -d '\n' | grep -qF "$(head -c 16 "$TMP/key" | xxd -p)" || fail "not encrypted"
asked ok

echo "--- a blob that was changed is not opened, and not taken for an outage"
head -n 1 "$TMP/wrapped" >"$TMP/short"
head -c 20 /dev/urandom >>"$TMP/short"
outcome badreq unwrap "$TMP/key" "$uri" "$TMP/short"
cp "$TMP/wrapped" "$TMP/whole"
for at in 0 12 28; do
	python3 -c 'import sys; p, at = sys.argv[1], int(sys.argv[2])
b = bytearray(open(p, "rb").read()); b[b.index(10) + 1 + at] ^= 1; open(p, "wb").write(b)' "$TMP/wrapped" "$at"
	outcome badreq unwrap "$TMP/key" "$uri" "$TMP/wrapped"
	cp "$TMP/whole" "$TMP/wrapped"
done

echo "--- down, hanging, and back"
stop_kmip
asked unreachable
start_kmip
asked ok
kill -STOP "$kmip_pid"
FVE_DEADLINE=1500 asked unreachable
kill -CONT "$kmip_pid"
asked ok

echo "--- another authority's certificates: theirs, and ours"
for which in ca cert; do
	cp -r "$FVE_KMIP" "$TMP/kmip.good"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$FVE_KMIP/127.0.0.1/key.pem" \
		-out "$FVE_KMIP/127.0.0.1/$which.pem" -subj /CN=other -days 2 2>/dev/null
	[ $which = cert ] || cp "$TMP/kmip-host.key" "$FVE_KMIP/127.0.0.1/key.pem"
	asked unreachable
	rm -r "$FVE_KMIP"
	mv "$TMP/kmip.good" "$FVE_KMIP"
done
mv "$FVE_KMIP/127.0.0.1" "$FVE_KMIP/localhost"
asked badreq
outcome unreachable status "kmip://localhost:$kmip_port/$uid" # its certificate is for the address
mv "$FVE_KMIP/localhost" "$FVE_KMIP/127.0.0.1"

echo "--- URIs and keys that are none"
for bad in kmip: kmip://127.0.0.1 kmip://127.0.0.1/ "kmip://../$uid" "kmip://a..b/$uid" "kmip://127.0.0.1:x/$uid" \
	"kmip://127.0.0.1:$kmip_port/$uid?x" "kmip://127.0.0.1:$kmip_port/a%62"; do
	outcome badreq status "$bad"
done
outcome absent status "kmip://127.0.0.1:$kmip_port/999"
outcome badreq info "kmip://127.0.0.1:$kmip_port/$(kmip_admin create 128)"
# Something that is no KMIP server.
outcome unreachable status "kmip://127.0.0.1:1/$uid"

echo "--- revoked, then destroyed; compromised"
kmip_admin revoke "$uid"
asked denied
outcome ok info "$uri"
kmip_admin destroy "$uid"
asked absent
uri=kmip://127.0.0.1:$kmip_port/$(kmip_key)
expect 0 "$probe" wrap "$uri" "$TMP/key" "$TMP/wrapped"
asked ok
kmip_admin compromise "${uri##*/}"
asked denied
stop_kmip
asked unreachable
echo "all as expected"

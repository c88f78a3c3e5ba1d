#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: tokens of two vendors, and one behind a socket, unwrap; each way in which they fail gets its own outcome
# group: host
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/provider.sh
. "$here/provider.sh"
. "$here/hsm.sh"
hsm_namespace "$@"

probe=$BUILD/tools/provider_probe
head -c 64 /dev/urandom >"$TMP/key"

# asked WANTED [WANTED_STATUS]: unwrap and status of $uri with $wrapped.
asked() {
	outcome "$1" unwrap "$TMP/key" "$uri" "$wrapped"
	outcome "${2:-$1}" status "$uri"
}

start_softhsm
start_opencryptoki
for vendor in softhsm opencryptoki; do
	echo "--- $vendor"
	module=${!vendor}
	uri=uri_$vendor
	uri=${!uri}
	wrapped=$TMP/$vendor.wrapped
	token=soft pin=1234
	[ $vendor = softhsm ] || { token=ock pin=24681357; }

	outcome ok info "$uri"
	grep -qxF 'bits 3072' "$TMP/out" && grep -qxF 'extractable 0' "$TMP/out" || fail "info"
	expect 0 "$probe" wrap "$uri" "$TMP/key" "$wrapped"
	asked ok

	echo "withdrawn, and given back"
	forbid_key "$module" "$token" "$pin" root
	asked denied
	outcome ok info "$uri"
	allow_key "$module" "$token" "$pin" root
	asked ok

	echo "PIN changed"
	pkcs11_tool "$module" --token-label "$token" --change-pin --login --pin "$pin" --new-pin 97531864
	asked denied
	pkcs11_tool "$module" --token-label "$token" --change-pin --login --pin 97531864 --new-pin "$pin"
	asked ok

	echo "not what was wrapped"
	for damage in 100 383 384; do
		cp "$wrapped" "$TMP/whole"
		{ head -n 1 "$TMP/whole"; head -c "$damage" /dev/urandom; } >"$wrapped"
		outcome badreq unwrap "$TMP/key" "$uri" "$wrapped"
		{ head -n 1 "$TMP/whole"; head -c "$damage" /dev/zero; } >"$wrapped"
		outcome badreq unwrap "$TMP/key" "$uri" "$wrapped"
		cp "$TMP/whole" "$wrapped"
	done
	sed -i 1s/sha256/sha1/ "$wrapped"
	outcome badreq unwrap "$TMP/key" "$uri" "$wrapped"
	cp "$TMP/whole" "$wrapped"
	asked ok

	echo "two keys of that name; and destroyed"
	make_key "$module" "$token" "$pin" root
	asked badreq
	destroy_key "$module" "$token" "$pin" root
	destroy_key "$module" "$token" "$pin" root
	asked absent
	outcome absent info "$uri"
	make_key "$module" "$token" "$pin" root
	asked badreq ok
	expect 0 "$probe" wrap "$uri" "$TMP/key" "$wrapped"
	asked ok
done

echo "--- a small key, and one that may leave the token"
make_key "$softhsm" soft 1234 small 2048
outcome ok info "${uri_softhsm/object=root/object=small}"
grep -qxF 'bits 2048' "$TMP/out" || fail "bits"
pkcs11_tool "$softhsm" --token-label soft --login --pin 1234 --keypairgen --key-type rsa:2048 \
	--label loose --usage-decrypt --extractable
outcome ok info "${uri_softhsm/object=root/object=loose}"
grep -qxF 'extractable 1' "$TMP/out" || fail "extractable"

echo "--- URIs"
plain="pkcs11:token=soft;object=root?module-path=$softhsm"
for bad in "$plain" "$plain&pin-value=1234" "$plain&pin-source=pin" "$plain&pin-source=file:$TMP/none" \
	"$plain&pin-source=credential:none" "$plain&pin-source=$TMP" "pkcs11:%zz" \
	"${uri_softhsm/object=/unknown=1;object=}" "pkcs11:object=root?module-path=$TMP/module.so"; do
	outcome badreq status "$bad"
done
chmod 644 "$TMP/pin.softhsm"
outcome badreq status "$uri_softhsm"
chmod 600 "$TMP/pin.softhsm"
cp "$softhsm" "$TMP/module.so"
outcome badreq status "${uri_softhsm/module-path=$softhsm/module-path=$TMP/module.so}"
outcome badreq status "${uri_softhsm/module-path=$softhsm/module-path=/usr/../$TMP/module.so}"
mkdir "$TMP/credentials"
(umask 077 && echo 1234 >"$TMP/credentials/pin")
CREDENTIALS_DIRECTORY=$TMP/credentials outcome ok status "$plain&pin-source=credential:pin"
outcome unreachable status "${uri_softhsm/token=soft/token=other}"
expect_text "modules that were asked: $softhsm"
outcome unreachable status 'pkcs11:token=other;object=root'
grep -qE 'modules that were asked: .*softhsm2' "$TMP/out" || fail "it does not name the modules of p11-kit"
outcome unreachable status 'pkcs11:token=other;object=root?module-name=softhsm2'
grep -qE 'modules that were asked: softhsm2$' "$TMP/out" || fail "it names modules that were not asked"

echo "--- openCryptoki's daemon is down, and comes back"
uri=$uri_opencryptoki wrapped=$TMP/opencryptoki.wrapped
stop_opencryptoki
asked unreachable
start_opencryptoki
asked ok

echo "--- behind a socket: in order, hanging, dead"
start_p11_server "$softhsm" soft
uri=${uri_softhsm/$softhsm/$p11_client} wrapped=$TMP/softhsm.wrapped
asked ok
forbid_key "$softhsm" soft 1234 root
asked denied
allow_key "$softhsm" soft 1234 root
kill -STOP "$p11_server_pid"
FVE_DEADLINE=1000 asked unreachable
kill -CONT "$p11_server_pid"
asked ok
stop_p11_server
asked unreachable

echo "--- two roots: one is enough"
outcome ok unwrap "$TMP/key" "$uri" "$wrapped" "$uri_opencryptoki" "$TMP/opencryptoki.wrapped"
[ "$(cut -d : -f 1 "$TMP/out" | xargs)" = "unreachable ok" ] ||
	[ "$(cut -d : -f 1 "$TMP/out" | xargs)" = "unasked ok" ] || fail "not the other one"
forbid_key "$opencryptoki" ock 24681357 root
expect 1 "$probe" unwrap "$TMP/key" "$uri" "$wrapped" "$uri_opencryptoki" "$TMP/opencryptoki.wrapped"
[ "$(cut -d : -f 1 "$TMP/out" | xargs)" = "unreachable denied" ] || fail "outage and denial"

echo "--- nothing is left running"
! pgrep --ns $$ --nslist ipc -f "^$BUILD/san/fve-provider" || fail "a provider is left"
echo "all as expected"

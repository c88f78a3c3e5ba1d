#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a changed header neither suspends a policy nor hides a denial, spends a PIN, opens a file or loads a module that the administrator has not given
# group: host services
# timeout: 600
#
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

# As they are built for users: what a sanitizer opens and loads is none of ours.
fvesetup=$BUILD/fvesetup
export FVE_PROVIDERS=$BUILD

config=$TMP/etc
secret=$TMP/secret
library=$opencryptoki # below /usr, and not registered with p11-kit

# uri TOKEN PIN-FILE [MODULE]
uri() {
	echo "pkcs11:token=$1;object=acme?module-path=${3-$softhsm}&pin-source=file:$2"
}

# edit EXPRESSION: as who has the disk would; "t" is the customer-key token.
edit() {
	cp "$TMP/genuine.img" "$image"
	/usr/bin/python3 "$here/luks2_edit.py" "$image" json "
t = [t for t in h['tokens'].values() if t['type'] == 'fve-customer-key'][0]
$1"
}

# What a header must not change: the policy, how often it was denied, and whether a token has seen a wrong PIN.
standing() {
	policy_json '.state, .generation'
	grep -cE 'root-denied|policy-suspended' "$FVE_STATE/audit.log" || true
	pkcs11-tool --module "$softhsm" --list-slots 2>/dev/null | grep -E 'token (label|flags)'
}

# open_traced STATUS [NAME=VALUE...]: what it opens is in $TMP/trace.
open_traced() {
	local want=$1
	shift
	expect "$want" env "$@" strace -f -qq -e trace=openat,open -o "$TMP/trace" \
		"$fvesetup" open --test "$image" </dev/null
}

# elsewhere STATUS: on a machine that does not know the policy.
elsewhere() {
	open_traced "$1" FVE_STATE="$TMP/elsewhere" FVE_CONFIG="$config"
	[ ! -e "$TMP/elsewhere" ] || fail "a policy that is not known here has left something"
}

not_opened() {
	! grep -qF "\"$1\"" "$TMP/trace" || fail "it opened $1"
}

start_softhsm a acme
start_softhsm b acme
expect 0 "$fvesetup" policy create acme --plain --root-a "$(uri a "$TMP/pin.softhsm")" --root-b "$(uri b "$TMP/pin.softhsm")" \
	--availability-key "$TMP/custodian"
image=$TMP/volume.img
new_image "$image"
format "$image"
expect 0 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass"
cp "$image" "$TMP/genuine.img"
mkdir -m 700 "$config" "$config/kmip" "$TMP/credentials"
(umask 077 && printf 99999999 | tee "$secret" "$config/other" "$config/kmip/key.pem" >/dev/null)
ln -s "$secret" "$config/link"
install -m 600 "$TMP/pin.softhsm" "$config/pin"
install -m 600 "$secret" "$TMP/credentials/pin"
before=$(standing)
echo "$before"

echo "--- a known policy: another file as PIN, another module, another token: the policy's are asked"
for bad in "$(uri a "$secret")" "$(uri a "$TMP/pin.softhsm" "$library")" "$(uri none "$TMP/pin.softhsm")" \
	kmip://192.0.2.1/1; do
	edit "t['a']['uri'] = t['b']['uri'] = '$bad'"
	open_traced 2
	expect_text header-mac # the roots have unwrapped
	not_opened "$secret"
	not_opened "$library"
	[ "$before" = "$(standing)" ] || fail "$bad changed something: $(standing)"
done

echo "--- shares that no root can unwrap, for other keys, or the other root's: nothing is suspended"
for bad in "t['a']['wrap'], t['b']['wrap'] = t['b']['wrap'], t['a']['wrap']" "t['a']['key'] = t['b']['key'] = 64 * '0'" \
	"t['a']['key'] = t['b']['key']; t['a']['wrap'] = t['availability']['wrap']"; do
	edit "$bad"
	open_traced 2
	expect_text key-error
	[ "$before" = "$(standing)" ] || fail "$bad changed something: $(standing)"
done

echo "--- one root denies, which suspends nothing while the other would open"
forbid_key "$softhsm" b 1234 acme
edit "t['a']['key'] = 64 * '0'"
open_traced 2
expect_text key-error
[ "$(policy_json .state)" = registered ] || fail "a header has made a denial"
cp "$TMP/genuine.img" "$image"
expect 0 open_alone

echo "--- both deny, and a header does not make an outage of it"
forbid_key "$softhsm" a 1234 acme
for hide in "t['a']['uri'] = t['b']['uri'] = '$(uri none "$TMP/pin.softhsm")'" \
	"t['a']['key'] = t['b']['key'] = 64 * '0'" "t['a']['wrap'], t['b']['wrap'] = t['b']['wrap'], t['a']['wrap']"; do
	edit "$hide"
	open_traced 2
	expect_text key-denied
	[ "$(policy_json .state)" = suspended ] || fail "a header has hidden a denial: $hide"
	allow_key "$softhsm" a 1234 acme
	expect 0 "$fvesetup" policy resume acme
	forbid_key "$softhsm" a 1234 acme
done
allow_key "$softhsm" a 1234 acme
allow_key "$softhsm" b 1234 acme
before=$(standing)

echo "--- elsewhere: a registered module, and a PIN of this machine's"
edit "t['a']['uri'] = t['b']['uri'] = '$(uri none "$config/pin")'"
elsewhere 2
expect_text key-unreachable
cp "$TMP/genuine.img" "$image"
expect 0 env FVE_STATE="$TMP/elsewhere" FVE_CONFIG="$TMP" "$fvesetup" open --test "$image" </dev/null
expect 0 env FVE_STATE="$TMP/elsewhere" FVE_CONFIG="$TMP" "$fvesetup" protector test "$image" --protector customer-key
elsewhere 2
expect_text "$TMP/pin.softhsm"
expect_text 'in /etc/fve'
[ "$before" = "$(standing)" ] || fail "it changed something: $(standing)"

echo "--- elsewhere: no other file is read as a PIN, and no token gets it"
install -m 600 -o nobody "$secret" "$config/nobodys"
for bad in "file:$secret" "$secret" "file:$config/link" "file:$config/../secret" "file:$config/kmip/key.pem" \
	"file:$config/nobodys" "file:$config" "file:$TMP/none" credential:pin; do
	edit "t['a']['uri'] = t['b']['uri'] = 'pkcs11:token=a;object=acme?pin-source=$bad'"
	CREDENTIALS_DIRECTORY=$TMP/credentials elsewhere 2
	expect_text key-error
	not_opened "$secret"
	not_opened "$config/kmip/key.pem"
	[ "$before" = "$(standing)" ] || fail "$bad changed something: $(standing)"
done

echo "--- elsewhere: no module that nobody has registered or listed"
edit "t['a']['uri'] = t['b']['uri'] = '$(uri a "$config/pin" "$library")'"
not_listed() {
	elsewhere 2
	expect_text key-error
	expect_text "$library"
	not_opened "$library"
}
not_listed
echo "$library" >"$config/modules"
chmod 666 "$config/modules"
not_listed
chmod 644 "$config/modules"
echo "$library.other" >"$config/modules"
not_listed
ln -s "$library" "$TMP/link.so"
printf '# ours\n\n%s\n' "$TMP/link.so" >"$config/modules"
elsewhere 2
grep -qF "\"$library\"" "$TMP/trace" || fail "a listed module is not loaded"

echo "--- elsewhere: a wrong PIN costs one try, and no more until the right one was given"
edit "t['a']['uri'] = t['b']['uri'] = 'pkcs11:token=a;object=acme?pin-source=file:$config/other'"
elsewhere 2
expect_text key-denied
for _ in 1 2; do
	elsewhere 2
	expect_text key-error
	expect_text 'has refused a PIN'
done
[ "$(policy_json .state)" = registered ] || fail "a denial to a header's URI has suspended the policy"
cp "$TMP/genuine.img" "$image"
# Which root an open asks first is chance: validate asks each.
expect 0 "$fvesetup" policy validate acme
expect 0 open_alone
[ "$before" = "$(standing)" ] || fail "it changed something: $(standing)"
echo "all as expected"

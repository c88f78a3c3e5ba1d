#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a purge reaches a thin snapshot of the tenant's volume, too: put back with the header's backup while both roots answer again, it stays closed, and another tenant opens
# group: host services kernel
# by-hand: a machine with a TPM, some minutes; all steps were seen to pass on 6.1, and make soak runs it
# timeout: 1200
#
# The policy and its keys are made here; the guest has the TPM, and a thin pool on a first layer.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

vm=$here/../vm

echo "--- a policy with keys in two tokens, two approvers, and a first layer"
start_softhsm a acme
start_softhsm b acme
mkdir "$TMP/approvers"
for name in alice bob; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$name" \
		-keyout "$TMP/approvers/$name.key" -out "$TMP/approvers/$name.pem" 2>/dev/null
done
expect 0 "$fvesetup" policy create acme --plain --root-a "$(softhsm_uri a acme)" --root-b "$(softhsm_uri b acme)" --availability-key "$TMP/custodian" \
	--approver "$TMP/approvers/alice.pem" --approver "$TMP/approvers/bob.pem"
new_image "$TMP/disk.img" 256M
format "$TMP/disk.img"

cat >"$TMP/guest.sh" <<END
# An emulator on a busy machine is slow.
export FVE_ROOT_TIMEOUT=120 FVE_STATE=$FVE_STATE FVE_PROVIDERS=/usr/lib/fve SOFTHSM2_CONF=$TMP/softhsm.conf
soft=$softhsm approvers=$TMP/approvers pass=$TMP/pass
END
cat >>"$TMP/guest.sh" <<'END'
. "$TESTS/vm/lib.sh"

roots() { # on|off
	for token in a b; do
		token_key "$soft" $token 1234 acme "$1"
	done
}

step "two tenants on thin volumes of a pool on the first layer"
modprobe -a dm-thin-pool dm-fve
fvesetup open --target fve --key-file "$pass" /dev/vda first
dmsetup create meta --table "0 16384 linear /dev/mapper/first 0"
dd if=/dev/zero of=/dev/mapper/meta bs=4096 count=1 oflag=direct status=none
dmsetup create data --table "0 262144 linear /dev/mapper/first 16384"
# In sectors: block size of the pool, and low water mark.
dmsetup create pool --table "0 262144 thin-pool /dev/mapper/meta /dev/mapper/data 128 0"
number=0
for name in a b; do
	number=$((number + 1))
	dmsetup message pool 0 "create_thin $number"
	dmsetup create thin-$name --table "0 81920 thin /dev/mapper/pool $number"
	assert_status 0 fvesetup tenant create $name /dev/mapper/thin-$name --policy acme --batch-mode </dev/null
	assert_status 0 fvesetup tenant open $name --target fve
	echo "SECRET OF $name" | dd of=/dev/mapper/$name bs=4096 conv=sync oflag=direct status=none
	assert_status 0 fvesetup tenant close $name
done

step "a snapshot, and a backup of the header"
dmsetup suspend thin-a
dmsetup message pool 0 "create_snap 9 1"
dmsetup resume thin-a
dmsetup create snapshot --table "0 81920 thin /dev/mapper/pool 9"
assert_same /dev/mapper/snapshot /dev/mapper/thin-a -n 20M
fvesetup header backup /dev/mapper/thin-a /root/header
assert_status 0 fvesetup open --test /dev/mapper/snapshot </dev/null

step "the purge"
assert_status 0 fvesetup tenant purge a --request /root/request
for name in alice bob; do
	openssl cms -sign -binary -nodetach -outform PEM -in /root/request -signer "$approvers/$name.pem" \
		-inkey "$approvers/$name.key" -out "/root/$name.cms"
	assert_status 0 fvesetup tenant purge a --approval "/root/$name.cms"
done
# The waiting time passes.
sed -i 's/"until":"[^"]*"/"until":"2020-01-01T00:00:00Z"/' "$FVE_STATE/tenants/a.json"
roots off
assert_status 0 fvesetup tenant purge a --certificate /root/certificate
openssl cms -verify -binary -inform PEM -in /root/certificate -certfile "$FVE_STATE/machine.pem" -noverify -out /root/content
roots on
fvesetup policy resume acme || true # where somebody has noticed

step "the snapshot, itself and put back, and the header's backup: nothing opens"
closed() {
	assert_status 2 fvesetup open --test "$1" </dev/null >/root/out 2>&1
	assert_match "$(cat /root/out)" factor-erased "the refusal"
}
closed /dev/mapper/snapshot
dd if=/dev/mapper/snapshot of=/dev/mapper/thin-a bs=1M oflag=direct status=none
closed /dev/mapper/thin-a
assert_status 2 fvesetup tenant open a
wipefs -qa /dev/mapper/thin-a
assert_status 0 fvesetup header restore -q /dev/mapper/thin-a /root/header
closed /dev/mapper/thin-a

step "the other tenant lives"
assert_status 0 fvesetup tenant open b --target fve
assert_eq "$(head -c 11 /dev/mapper/b)" "SECRET OF b" "its data"
fvesetup tenant close b
for name in snapshot thin-a thin-b pool data meta; do
	dmsetup remove $name
done
fvesetup close first
END

"$vm/vm" --kernel "$(vm_kernel "${FVE_KERNEL:-6.1}")" --memory 512 --timeout 900 --tpm "$TMP/tpm" --disk "$TMP/disk.img" \
	--include "$BUILD/fve-provider-pkcs11:/usr/lib/fve/fve-provider-pkcs11" --include "$softhsm:$softhsm" \
	--include "$TMP/softhsm:$TMP/softhsm" --include "$TMP/softhsm.conf:$TMP/softhsm.conf" \
	--include "$TMP/pin.softhsm:$TMP/pin.softhsm" --include "$TMP/pass:$TMP/pass" --include "$TMP/approvers:$TMP/approvers" \
	--include "$FVE_STATE:$FVE_STATE" "$TMP/guest.sh"

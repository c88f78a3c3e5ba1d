#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a withdrawn root takes the key from open volumes: EIO, and neither data nor keys in memory; others go on, and an outage locks nothing
# group: host services kernel
# seconds: 50
# timeout: 2400
#
# Both machines are one: the policies are made here, and taken to a guest with tokens and disks, so
# that no program of the guest but those that unlock has had a key. Its kernel wipes freed memory.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

vm=$here/../vm
mib=384

echo "--- two policies with keys in two tokens, and a volume each"
start_softhsm a acme other
start_softhsm b acme other
for policy in acme other; do
	expect 0 "$fvesetup" policy create $policy --plain --root-a "$(softhsm_uri a $policy)" --root-b "$(softhsm_uri b $policy)" \
		--availability-key "$TMP/$policy.pem" --on-revocation "$([ $policy = acme ] && echo lock || echo stop)"
	new_image "$TMP/$policy.img" 64M
	format "$TMP/$policy.img"
	expect 0 "$fvesetup" policy assign $policy "$TMP/$policy.img" --key-file "$TMP/pass"
done
mapfile -t keys < <("$BUILD/tools/volume_keys" "$TMP/acme.img" "$TMP/pass" | cut -d ' ' -f 2)
[ ${#keys[@]} -eq 2 ] || fail "not the FVEK and the VMK"

# What is planted: a stream that the host can compute as well.
stream() {
	openssl enc -aes-256-ctr -K "$(printf '%064d' 7)" -iv "$(printf '%032d' 9)" -in /dev/zero 2>/dev/null |
		head -c 1048576
}
stream >"$TMP/marker" || true

cat >"$TMP/guest.sh" <<END
# An emulator on a busy machine is slow.
export FVE_ROOT_TIMEOUT=120 FVE_STATE=$FVE_STATE FVE_PROVIDERS=/usr/lib/fve SOFTHSM2_CONF=$TMP/softhsm.conf
soft=$softhsm
tokens=$TMP/softhsm
$(declare -f stream)
END
cat >>"$TMP/guest.sh" <<'END'
. "$TESTS/vm/lib.sh"

# look WHAT: the host looks at the memory now.
look() {
	echo "LOOK $*"
	read -r _
}

# gone NAME: the mapping goes when udev, too, has let go of it.
gone() {
	while dmsetup info "$1" >/dev/null 2>&1; do
		sleep 0.2
	done
}

# roots WORD...: of policy acme: on or off, or gone and back for all.
roots() {
	case $1 in
	gone)
		mv "$tokens" "$tokens.away"
		mkdir "$tokens"
		;;
	back)
		rmdir "$tokens"
		mv "$tokens.away" "$tokens"
		;;
	*) for token in a b; do token_key "$soft" $token 1234 acme "$1"; done ;;
	esac
}

modprobe dm-fve
step "opened by their roots, and used"
fvesetup open --target fve /dev/vda acme </dev/null
fvesetup open --target fve /dev/vdb other </dev/null
for name in acme other; do
	mkfs.ext4 -q /dev/mapper/$name
	mkdir /mnt/$name
	mount /dev/mapper/$name /mnt/$name
done
stream >/mnt/acme/marker || true
sync
cat /mnt/acme/marker >/dev/null
fio --name=other --directory=/mnt/other --size=16M --rw=randrw --bs=4k --verify=crc32c --verify_backlog=64 \
	--rate_iops=40,40 --time_based --runtime=3600 >/root/fio 2>&1 &
load=$!
look all

step "an outage locks nothing"
roots gone
fvesetup policy check --json acme >/root/check && fail "an outage is not seen"
assert_eq "$(grep -c '"outcome":"unreachable"' /root/check)" 2 "unreachable roots"
cmp /mnt/acme/marker <(stream) || fail "an outage took the data"
roots back

step "one root withdrawn: nothing happens either"
token_key "$soft" a 1234 acme off
assert_status 3 fvesetup policy check acme
cmp /mnt/acme/marker <(stream)

step "both withdrawn: the next check takes it from who has it open"
exec 7</mnt/acme/marker
roots off
assert_status 2 fvesetup policy check acme
assert_fails cat /mnt/acme/marker
assert_fails cat <&7
assert_fails dd if=/dev/mapper/acme of=/dev/null bs=4k count=1 iflag=direct
exec 7<&-
! mountpoint -q /mnt/acme || fail "it is still mounted"
gone acme
assert_fails fvesetup open /dev/vda acme </dev/null
kill -0 $load || fail "the other volume's load has ended: $(cat /root/fio)"
look none

step "permitted again, and resumed"
roots on
assert_status 0 fvesetup policy resume acme
fvesetup open --target fve /dev/vda acme </dev/null
mount /dev/mapper/acme /mnt/acme
cmp /mnt/acme/marker <(stream) || fail "other data"

step "revoked from this side, while it is written to; dm-crypt in fve's place as well"
mkdir /mnt/acme/more
while dd if=/dev/zero of=/mnt/acme/more/data bs=64K count=16 conv=fsync; do :; done 2>/dev/null &
writer=$!
sleep 1
assert_status 0 fvesetup policy revoke acme
wait $writer || true
! mountpoint -q /mnt/acme || fail "it is still mounted"
assert_status 0 fvesetup policy resume acme
gone acme
fvesetup open --target crypt /dev/vda acme </dev/null
mount /dev/mapper/acme /mnt/acme
cat /mnt/acme/marker >/dev/null
assert_status 0 fvesetup policy revoke acme
assert_fails cat /mnt/acme/marker
gone acme

step "the other volume has seen no error"
kill -0 $load || fail "the other volume's load has ended: $(cat /root/fio)"
kill -INT $load
wait $load || true # fio ends with 128 then
assert_match "$(cat /root/fio)" 'err= 0' "the other volume's load"
assert_no_match "$(cat /root/fio)" 'bad|error=' "the other volume's load"

step "stop: init is told to switch off, once, and not where nothing is open"
# stopped STATUS COMMAND...: it ends so, and was init told? Its init is a shell.
stopped() {
	rm -f /root/stopped
	assert_status "$1" unshare --pid --fork \
		bash -c 'trap "touch /root/stopped" RTMIN+4; "$@"; status=$?; exit $status' bash "${@:2}"
	[ -e /root/stopped ]
}
stopped 0 fvesetup policy revoke other || fail "the machine is not switched off"
! mountpoint -q /mnt/other || fail "the other volume is still mounted"
gone other
! stopped 2 fvesetup policy check other || fail "it is switched off although nothing is open"
fvesetup audit show | tail -n 20
assert_eq "$(grep -c '"type":"volume-locked"' "$FVE_STATE/audit.log")" 4 "records of locks"
END

mkfifo "$TMP/answers" "$TMP/says"
"$vm/vm" --kernel "${FVE_KERNEL:-6.1}" --memory $mib --timeout 1800 --qmp "$TMP/qmp" --stdin \
	--append init_on_free=1 --disk "$TMP/acme.img,format=raw" --disk "$TMP/other.img,format=raw" \
	--include "$BUILD/fve-provider-pkcs11:/usr/lib/fve/fve-provider-pkcs11" --include "$softhsm:$softhsm" \
	--include "$TMP/softhsm:$TMP/softhsm" --include "$TMP/softhsm.conf:$TMP/softhsm.conf" \
	--include "$TMP/pin.softhsm:$TMP/pin.softhsm" --include "$FVE_STATE:$FVE_STATE" \
	"$TMP/guest.sh" <"$TMP/answers" >"$TMP/says" 2>"$TMP/errors" &
guest=$!
exec 8>"$TMP/answers" 9<"$TMP/says"

# How often what was planted, and each key, stands in the dump.
found() {
	python3 - "$TMP/memory" "$TMP/marker" "${keys[@]}" <<-'END'
		import sys
		memory = open(sys.argv[1], "rb").read()
		marker = open(sys.argv[2], "rb").read()
		pages = {marker[i:i + 64] for i in range(0, len(marker), 4096)}
		found = sum(memory[i:i + 64] in pages for i in range(0, len(memory), 512))
		# And where it does not stand at the start of a sector.
		found += sum(memory.count(marker[i:i + 32]) for i in range(64, len(marker), len(marker) // 4))
		print(found, *(memory.count(bytes.fromhex(key)) for key in sys.argv[3:]))
	END
}

# Whether the first key of the FVEK is in the kernel, as its schedule.
schedules() {
	aeskeyfind -q "$TMP/memory" | grep -cxF -e "${keys[0]:0:64}" -e "${keys[0]:64}" || true
}

looks=0
while read -r word what rest <&9; do
	if [ "$word" != LOOK ]; then
		echo "$word $what $rest"
		continue
	fi
	/usr/bin/python3 "$here/guest_memory.py" "$TMP/qmp" $((mib << 20)) "$TMP/memory"
	counts=$(found)
	n=$(schedules)
	echo "--- $what: marker, FVEK, VMK in memory: $counts; schedules of the FVEK: $n"
	case $what in
	all)
		[ "${counts%% *}" -ge 256 ] && [ "$n" -ge 2 ] || fail "the search does not find what is there"
		;;
	none) [ "$counts" = "0 0 0" ] && [ "$n" -eq 0 ] || fail "something of it is in memory" ;;
	*) fail "the guest says: $what" ;;
	esac
	looks=$((looks + 1))
	echo >&8
done
exec 8>&- 9<&-
status=0
wait $guest || status=$?
cat "$TMP/errors"
[ $status -eq 0 ] || fail "the guest ended with $status"
[ $looks -eq 2 ] || fail "$looks looks at the memory instead of 2"

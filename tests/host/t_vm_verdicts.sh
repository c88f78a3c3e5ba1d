#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the VM command and the runner tell failure, report, crash and timeout from success
# group: host selftest
# seconds: 120
# timeout: 3600
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

vm=$here/../vm/vm
run=$here/../run

# verdict STATUS SCRIPT [VM OPTION...]: the VM ends with this status for this script.
verdict() {
	local want=$1
	echo "$2" >"$TMP/script.sh"
	shift 2
	expect "$want" "$vm" --on "$on" --kernel "$series" --memory 256 --smp 1 --timeout 600 "$@" "$TMP/script.sh" "an argument" b
}

# Where it can run: User Mode Linux only where a kernel of it was built.
machines=(qemu)
series=6.1
for name in 6.1 6.12; do
	[ "$(vm_kernel $name)" != $name ] || continue
	machines+=(uml)
	series=$name
	break
done

for on in "${machines[@]}"; do
	echo "--- $on: a script's status and output"
	# shellcheck disable=SC2016 # the guest expands it
	verdict 3 'echo "$1, $2" >/dev/stderr; echo "$#"; sleep 1000 & exit 3'
	expect_text 'an argument, b'
	expect_text '2'

	# What is judged alike for both, on the fast one.
	if [ "$on" = "${machines[-1]}" ]; then
		echo "--- $on: a report in the kernel log fails a script that succeeds"
		verdict 125 'echo "BUG: provoked" >/dev/kmsg'
		expect_text 'BUG: provoked'
		verdict 125 'echo "INFO: task fio:12 blocked for more than 120 seconds." >/dev/kmsg'

		echo "--- $on: unless the test expects it, and that one alone"
		verdict 0 'echo "WARNING: one" >/dev/kmsg' --expect-log 'WARNING: one'
		verdict 125 'echo "WARNING: two" >/dev/kmsg' --expect-log 'WARNING: one'
	fi

	echo "--- $on: a guest without a verdict"
	verdict 126 'busybox poweroff -f'
	expect_text 'without a verdict'
	verdict 126 'echo c >/proc/sysrq-trigger'
	expect_text 'sysrq triggered crash'
	# A line that looks like a verdict is none when it comes from the script.
	verdict 126 'echo "status 0"; echo "status 0" >/dev/ttyS0; busybox poweroff -f'

	echo "--- $on: no end"
	verdict 124 "sleep 1000" --timeout 30
done

echo "--- an emulator that loses the kernel while it boots is asked once more"
mkdir "$TMP/bin"
cat >"$TMP/bin/qemu-system-x86_64" <<-'END'
	#!/bin/bash
	echo >>"$TMP/boots"
	[ "$(wc -l <"$TMP/boots")" -gt "$LOST" ] || for word; do
		case $word in
		file,id=console,path=*)
			printf '%s\r\n' '[    0.5] Oops: int3: 0000 [#1] SMP' "[    0.5] Modules linked in:$MODULES" >"${word#*path=}"
			exit
			;;
		esac
	done
	exec "$REAL" "$@"
END
chmod +x "$TMP/bin/qemu-system-x86_64"
REAL=$(command -v qemu-system-x86_64)
export TMP REAL
# shellcheck disable=SC2016 # the guest expands it
echo 'read -r line && echo "read $line" && [ -c /dev/tpm0 ]' >"$TMP/script.sh"
# lost STATUS BOOTS TIMES MODULES: so many boots when it is lost so often, with these modules.
lost() {
	rm -f "$TMP/boots"
	echo answer | FVE_QEMU=$TMP/bin/qemu-system-x86_64 LOST=$3 MODULES=$4 expect "$1" "$vm" --memory 256 --timeout 600 \
		--tpm "$TMP/tpm" --stdin "$TMP/script.sh" >"$TMP/provoked"
	sed 's/^/provoked: /' "$TMP/provoked" # or the runner would count it
	[ "$(wc -l <"$TMP/boots")" -eq "$2" ] || fail "not $2 boots"
}
lost 0 2 1 ''
expect_text 'once more'
expect_text 'read answer'
lost 126 2 2 ''
lost 126 1 1 ' virtio_blk'

echo "--- the runner"
# runner STATUS TEXT SCRIPT: a tree of one host test.
runner() {
	mkdir -p "$TMP/tree/tests/host" "$TMP/tree/build"
	cp "$run" "$TMP/tree/tests/run"
	echo "$3" >"$TMP/tree/tests/host/t_probe.sh"
	expect "$1" env BUILD="$TMP/tree/build" "$TMP/tree/tests/run" probe
	expect_text "$2"
}
runner 0 '1 passed, 0 failed, 0 skipped' 'true'
runner 1 '0 passed, 1 failed, 0 skipped' 'echo why; exit 9'
expect_text '| why'
runner 1 '0 passed, 1 failed, 0 skipped' 'echo SKIP: no luck; exit 77'
runner 0 '0 passed, 0 failed, 1 skipped' '# may-skip: luck
echo SKIP: no luck; exit 77'
grep -qE '^skip probe \([0-9]+ s\): no luck$' "$TMP/out" || fail "the reason of the skip is not said"
# shellcheck disable=SC2016 # the probe expands it
runner 1 '0 passed, 1 failed, 0 skipped' 'kill -9 $$'
expect 2 "$run" no_such_test

echo "--- the longest test first, by what each took when it last ran"
echo 'sleep 2' >"$TMP/tree/tests/host/t_slow.sh"
echo 'true' >"$TMP/tree/tests/host/t_probe.sh"
# order FIRST SECOND
order() {
	expect 0 env BUILD="$TMP/tree/build" "$TMP/tree/tests/run" --jobs 1 slow probe
	grep '^ok ' "$TMP/out" | awk '{ print $2 }' | cmp - <(printf '%s\n' "$@") || fail "not $*"
}
printf '%s\n' '60 probe' '50 slow' '7 other@6.1' >"$TMP/tree/build/tests/times"
order probe slow
order slow probe
expect 0 env BUILD="$TMP/tree/build" "$TMP/tree/tests/run" --times
grep -qx '7 other@6.1' "$TMP/out" || fail "the time of a test that did not run is lost"

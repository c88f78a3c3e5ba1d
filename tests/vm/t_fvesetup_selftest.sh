#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: selftest finds the kernel's driver and its known answers right, benchmark measures it
# runs: uml qemu
# group: vm fvesetup
. "$TESTS/vm/lib.sh"

# Of the public drivers for xts(aes), the one of highest priority.
best_driver() {
	awk -F ' *: ' 'BEGIN { best = -1 }
		/^name/ { ours = $2 == "xts(aes)" } /^driver/ { driver = $2 }
		/^priority/ { priority = $2 } /^internal/ { internal = $2 }
		/^$/ { if (ours && internal == "no" && priority >= best) { best = priority; name = driver } }
		END { print name }' /proc/crypto
}

step "known answers"
fvesetup selftest >out
cat out
# The test itself made the driver that is to be named. In an expression: xts(ecb(aes-generic)) has brackets.
best=$(best_driver | tr '()' ..)
assert_eq "$(grep -c ' passed ' out)" 7 "tests that passed"
assert_match "$(cat out)" "AES-XTS +$best +passed" "the driver's line"
assert_match "$(cat out)" 'dm-fve is not loaded' "before the module is loaded"
modprobe dm-fve
fvesetup selftest >out
assert_match "$(cat out)" 'dm-fve is loaded, with target fve [0-9]+\.' "after"
fvesetup selftest --json >out
assert_match "$(cat out)" "\"implementation\":\"$best\"" "JSON"
assert_match "$(cat out)" '"module":"[0-9.]+"' "JSON"

step "speed"
fvesetup benchmark --iter-time 10 --pbkdf-memory 1024 >out
cat out
assert_eq "$(grep -cE '^ +aes-xts +(256|512)b +(512|4096|65536) +[0-9.]+ MiB/s +[0-9.]+ MiB/s$' out)" 6 "rows"
assert_match "$(cat out)" 'argon2id +[0-9]+ iterations, 1024 memory' "Argon2id"
fvesetup benchmark --json --iter-time 10 --pbkdf-memory 1024 >out
assert_eq "$(grep -c '"encrypt_rate":[1-9]' out)" 6 "rates"

# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a test in the guest may use:  . "$TESTS/vm/lib.sh"
# The test ends with the first failure; the last line printed says what did not hold.
set -eu -o pipefail

fail() {
	echo "FAIL: $*"
	exit 1
}

# The test cannot run here; a skip that the test's header does not allow counts as a failure.
skip() {
	echo "SKIP: $*"
	exit 77
}

trap 'echo "FAIL: $0: line $LINENO: \"$BASH_COMMAND\" ended with $?"' ERR

# Say what the following lines are about.
step() {
	echo "== $*"
}

# assert_eq GOT WANTED WHAT
assert_eq() {
	[ "$1" = "$2" ] || fail "$3: got \"$1\", wanted \"$2\""
}

# assert_status STATUS COMMAND...: the command ends with just this status. Its output is shown.
assert_status() {
	local wanted=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$wanted" ] || fail "\"$*\" ended with $got, wanted $wanted"
}

# assert_fails COMMAND...: the command ends with an error, and not by a signal.
assert_fails() {
	local got=0
	"$@" || got=$?
	[ "$got" -ne 0 ] || fail "\"$*\" succeeded"
	[ "$got" -lt 126 ] || fail "\"$*\" ended with $got: not run, or killed"
}

# assert_match TEXT REGEX WHAT (extended regular expression)
assert_match() {
	grep -qE -- "$2" <<<"$1" || fail "$3: no \"$2\" in \"$1\""
}

assert_no_match() {
	! grep -qE -- "$2" <<<"$1" || fail "$3: \"$2\" in \"$1\""
}

# assert_same FILE FILE [cmp options]: equal contents, devices included.
assert_same() {
	cmp "$@" || fail "$1 and $2 differ"
}

need_module() {
	modprobe "$1" || skip "this kernel has no module $1"
}

need_command() {
	command -v "$1" >/dev/null || skip "no command $1"
}

# Size of a block device in 512-byte sectors.
sectors() {
	blockdev --getsz "$1"
}

# The kernel log since the last call of log_mark.
log_mark() {
	log_mark_line="fve-mark $RANDOM$RANDOM"
	echo "$log_mark_line" >/dev/kmsg
}

log_since_mark() {
	dmesg | sed "1,/$log_mark_line/d"
}

# A whole number below $1, from the sequence that FVE_SEED starts.
RANDOM=$((${FVE_SEED:-1} % 32768))
random_below() {
	# Three draws of 15 bits each; REPLY instead of output, because a subshell would draw from
	# a copy of the sequence and repeat it.
	REPLY=$(((RANDOM << 30 | RANDOM << 15 | RANDOM) % $1))
}

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a line of the audit log that is edited, dropped, moved or added is found, also in a chain that was made anew; no power cut is taken for one
# group: host fast
. "$(dirname "$0")/lib.sh"

export FVE_STATE=$TMP/state
log=$FVE_STATE/audit.log
start_tpm "$TMP/tpm"
record() {
	"$BUILD/tools/audit_probe" "$tpm" "$@"
}

# verified CODE [ARG...]: what audit verify says of the log; "changed" is either of two.
verified() {
	local want=$1 status=0
	shift
	"$BUILD/fvesetup" audit verify --tpm "$tpm" --json "$@" >"$TMP/verdict" 2>"$TMP/out" || status=$?
	result=$(jq -r .result "$TMP/verdict")
	case $want-$result in
	changed-edited | changed-head-differs) ;;
	"$result-$result") ;;
	*) fail "not $want: $(cat "$TMP/verdict" "$TMP/out")" ;;
	esac
	[ "$status" = 0 ] || [ "$want" != in-order ] || fail "status"
	[ "$status" = 4 ] || [ "$want" = in-order ] || fail "status $status of $want"
}

# The hash chain made anew over lines that were changed, as root could.
rechain() {
	python3 - "$1" <<-'END'
		import hashlib, json, sys
		prev, out = "0" * 64, ""
		for number, line in enumerate(open(sys.argv[1]), 1):
		    record = json.loads(line)
		    record["prev"], record["number"] = prev, number
		    line = json.dumps(record, separators=(",", ":"))
		    prev = hashlib.sha256(line.encode()).hexdigest()
		    out += line + "\n"
		open(sys.argv[1], "w").write(out)
	END
}

echo "--- no log yet, then some lines"
expect 4 "$fvesetup" audit verify --tpm "$tpm"
expect 4 "$fvesetup" audit show
for i in $(seq 6); do
	record 1 "test-event" object "volume $i" detail "quote \" and ü"
done
verified in-order
expect 0 "$fvesetup" audit verify --tpm "$tpm"
expect_text "6 lines in order, 6 of them in the TPM"
expect 0 "$fvesetup" audit show
expect_text "test-event object=volume 3"
[ "$("$fvesetup" audit show --json | jq -r '.records[4].object')" = "volume 5" ] || fail "json"
expect 0 "$fvesetup" audit export "$TMP/export"
cmp "$TMP/export" "$log"
"$fvesetup" audit export | cmp - "$log"
expect 5 "$fvesetup" audit export "$TMP/export"
[ "$(stat -c %a "$FVE_STATE" "$log" | xargs)" = "700 600" ] || fail "modes"

echo "--- each line edited, dropped, moved; one added; with the chain as it was and made anew"
cp "$log" "$TMP/log"
for line in 1 $((2 + FVE_SEED % 4)) 6; do
	for change in "${line}s/volume/VOLUME/" "${line}d" "${line}{h;d};6G" "${line}p" \
		"${line}s/true/false/"; do
		sed "$change" "$TMP/log" >"$log"
		verified changed
		rechain "$log"
		verified head-differs
	done
done
sed "$((1 + FVE_SEED % 6))s/.*/{}/" "$TMP/log" >"$log"
verified edited
: >"$log"
verified head-differs
cp "$TMP/log" "$log"
verified in-order

echo "--- an export tells what came after it, and what is gone"
record 3 "later-event"
verified in-order "$TMP/export"
sed -i 's/volume 2/volume 9/' "$TMP/export"
verified not-prefix "$TMP/export"
cp "$log" "$TMP/export"
echo '{}' >>"$TMP/export"
verified not-prefix "$TMP/export"

echo "--- two that record at the same time"
record 10 "left" & record 10 "right"
wait $!
verified in-order
[ "$(jq -s 'map(.number) == [range(1; 30)]' "$log")" = true ] || fail "numbers"

echo "--- cut between the file and the TPM: one line is made good, two are not"
cp -r "$TMP/tpm" "$TMP/tpm.before"
record 1 "first"
cp "$log" "$TMP/log.one"
record 1 "second"
cp "$log" "$TMP/log.two"
with_old_tpm() {
	stop_tpm
	rm -r "$TMP/tpm"
	cp -r "$TMP/tpm.before" "$TMP/tpm"
	start_tpm "$TMP/tpm"
}
with_old_tpm
verified head-differs
cp "$TMP/log.one" "$log"
expect 0 "$fvesetup" audit verify --tpm "$tpm"
expect_text "had not reached the TPM, and now has"
verified in-order
with_old_tpm
record 1 "another"
verified in-order
with_old_tpm
cp "$TMP/log.one" "$log"
printf '{"type":"torn' >>"$log"
verified in-order
record 1 "after a torn line"
verified in-order

echo "--- killed at each step of a record"
kills=0
for call in write fsync ftruncate sendto poll flock openat; do
	for n in $(seq "${FVE_AUDIT_KILLS:-3}"); do
		strace -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" \
			"$BUILD/tools/audit_probe" "$tpm" 1 "killed" 2>/dev/null || kills=$((kills + 1))
		verified in-order
	done
done
echo "$kills kills"
[ "$kills" -gt 5 ] || fail "hardly anything was killed"

echo "--- no TPM: said in each line, and in order again later"
tpm_address=$tpm tpm=device:/nonexistent
verified tpm-absent
record 2 "no-tpm"
tpm=$tpm_address
verified in-order
expect 0 "$fvesetup" audit show
expect_text "no-tpm (not in the TPM)"
record 1 "with-tpm"
verified in-order
cp "$log" "$TMP/log"
sed -i '/no-tpm/d' "$log"
rechain "$log"
verified head-differs

echo "--- a record goes into a log that was changed, and says so; another TPM's head is another"
expect 0 record 1 "after"
expect_text "was changed by somebody"
verified head-differs
sed -i 's/with-tpm/\\u001b[2J\\u202e/' "$log" # and what it says does nothing to a terminal
expect 0 "$fvesetup" audit show
expect_text ' ?[2J???'
cp "$TMP/log" "$log"
stop_tpm
start_tpm "$TMP/other"
verified head-differs
echo "--- an index that can be set back is not taken for the head"
tpm2_nvdefine -Q 0x1846550 -s 32 -a 'authread|authwrite|no_da'
expect 0 record 1 "not anchored"
verified head-differs
stop_tpm

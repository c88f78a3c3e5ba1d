#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: no text that a header holds reaches a terminal with a control character, or as anything but UTF-8; JSON has it escaped, and it stays as it is
# group: host tpm
# timeout: 300
#
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
# Title and clear screen; CSI as one character; a forged line; a text turned around.
label=$'\e]0;pwn\a\e[2J\u009b1m\n\u202e'
shown='?]0;pwn??[2J??1m????'

# clean: what was printed last could not have done anything to a terminal.
clean() {
	python3 - "$TMP/out" <<-'END' || fail "it would reach the terminal: $(od -c "$TMP/out")"
		import sys
		text = open(sys.argv[1], "rb").read().replace(b"\r\n", b"\n").decode()
		bad = [hex(ord(c)) for c in text if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" or c == "\u202e"]
		print(*bad)
		sys.exit(len(bad) > 0)
	END
}

# prints STATUS ARGUMENT...: by the tool, and clean.
prints() {
	local want=$1
	shift
	expect "$want" "$fvesetup" "$@" </dev/null
	clean
}

start_tpm "$TMP/tpm"
measure_boot
printf 123456 >"$TMP/pin"
echo "root=/dev/mapper/root" >"$TMP/cmdline"
echo "root $image - initrd" >"$TMP/fvetab"

everything() {
	prints 0 protector list "$image"
	prints 0 dump "$image"
	prints 0 status "$image" --tpm "$tpm"
	prints 0 tpm status "$image" --tpm "$tpm"
	prints 0 protector list --json "$image"
	jq -e . "$TMP/out" >/dev/null || fail "no JSON"
	prints 0 dump --json "$image"
	jq -e . "$TMP/out" >/dev/null || fail "no JSON"
	prints 0 status --json "$image" --tpm "$tpm"
	prints 0 tpm status --json "$image" --tpm "$tpm"
	prints 0 header verify --key-file "$TMP/pass" "$image"
	prints 0 header verify --json --key-file "$TMP/pass" "$image"
	prints 0 protector test --tpm "$tpm" --key-file "$TMP/pass" "$image"
	prints 0 open --debug --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"
	prints 0 boot-unlock --in-initrd --test --tpm "$tpm" --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline" \
		--key-file "$TMP/pass"
	stop_tpm
	start_tpm "$TMP/tpm"
	measure_boot
}

echo "--- as its owner has set it: header, protectors, approvals"
new_image "$image"
format "$image" --label "$label" --tpm "$tpm" --pin-file "$TMP/pin" \
	--protector "tpm2-pin,label=$label"
prints 0 protector add --key-file "$TMP/pass" --recovery-file "$TMP/second.rec" "$image" "recovery,label=$label"
expect 0 "$fvesetup" tpm approve --tpm "$tpm" --key-file "$TMP/pass" --label "$label" "$image"
expect 0 "$fvesetup" protector list "$image"
expect_text "$shown"
everything
expect 0 "$fvesetup" dump --json "$image"
[ "$(jq -r '.label + "|" + ([.protectors[].label | values] | unique | join("|"))' "$TMP/out")" = "$label|$label" ] ||
	fail "JSON has another label"

echo "--- in the prompt, at a terminal and for an agent"
expect 0 "$here/typist.py" 123456 -- "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin "$image"
expect_text "PIN of $image, $shown"
clean
mkdir "$TMP/bin"
cat >"$TMP/bin/systemd-ask-password" <<END
#!/bin/sh
printf '%s\n' "\$@" >$TMP/agent
printf 123456
END
chmod +x "$TMP/bin/systemd-ask-password"
PATH=$TMP/bin:$PATH expect 0 "$fvesetup" open --agent --test --tpm "$tpm" --protector tpm2-pin "$image"
grep -qF "PIN of $image, $shown" "$TMP/agent" || fail "the agent gets another question"
cp "$TMP/agent" "$TMP/out"
clean

echo "--- a copy of the label is the label"
expect 0 "$fvesetup" rotate recovery --recovery-file "$TMP/new.rec" --key-file "$TMP/pass" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '[.protectors[] | select(.kind == "recovery" and .label != null).id][0]')"
expect 0 "$fvesetup" protector list --json "$image"
[ "$(jq -r '[.protectors[] | select(.kind == "recovery").label | values] | unique | join("|")' "$TMP/out")" = "$label" ] ||
	fail "the label was changed"

echo "--- as somebody has edited it"
cp "$image" "$TMP/kept.img"
edit() {
	cp "$TMP/kept.img" "$image"
	/usr/bin/python3 "$here/luks2_edit.py" "$image" json "
evil = '\x1b]0;pwn\x07\x1b[2J\x9b\u202e\n'
for t in list(h['tokens'].values()):
    if t['type'] in ('fve-vmk', 'fve-mac'):
        continue
    $1"
}
# look ARGUMENT...: whatever it ends with.
look() {
	"$fvesetup" "$@" </dev/null >"$TMP/out" 2>&1 || true
	clean
}
for change in "t['label'] = evil" "t['id'] = evil[:8]" "t['created'] = '\x0b2026-1-1T1:1:1Z'" "t['type'] = 'fve-' + evil" \
	"t['type'] = evil" "t['keyslots'] = [evil]" "t[evil] = evil" \
	"[a.update(label=evil, id=evil[:8]) for a in t.get('approvals', [])]" \
	"h['tokens']['29'] = {'type': evil, 'keyslots': [k for k in h['keyslots']]}; break" "h['config']['flags'] = [evil]" \
	"h['segments']['0']['encryption'] = evil" "[m.update({'token ' + evil: m.popitem()[1]}) for m in [x for x in [y.get('parts') for y in h['tokens'].values()] if x]]"; do
	edit "$change"
	look protector list "$image"
	look protector list --json "$image"
	look header verify --key-file "$TMP/pass" "$image"
	look header verify --json --key-file "$TMP/pass" "$image"
	look dump "$image"
	look dump --json "$image"
	look tpm status --tpm "$tpm" "$image"
	look open --debug --test --tpm "$tpm" --pin-file "$TMP/pin" "$image"
done

echo "--- the binary header: a label that is no UTF-8, a UUID that is none"
cp "$TMP/kept.img" "$image"
/usr/bin/python3 "$here/luks2_edit.py" "$image" binary 24 "$(printf '\xff\x9b2J\e[2J' | xxd -p)"
prints 0 status "$image"
prints 0 dump --json "$image"
jq -e . "$TMP/out" >/dev/null || fail "no JSON"
/usr/bin/python3 "$here/luks2_edit.py" "$image" binary 170 1b5b324a
prints 4 dump "$image"
expect_text 'UUID'
prints 4 open --test --key-file "$TMP/pass" "$image"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: metrics tell what roots said, asking none; promtool takes them and the alerts; records reach the journal with fields
# group: host services
# timeout: 300
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
if [ -z "${METRICS_NAMESPACE-}" ]; then
	trap - EXIT
	[ -n "$own_tmp" ] || rm -rf "$TMP"
	exec env METRICS_NAMESPACE=1 unshare --mount "$0" "$@"
fi
mount -t tmpfs tmpfs /run
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

alerts=$here/../../userspace/prometheus/fve-alerts.yml

# value SAMPLE: of the metrics that were printed last.
value() {
	grep -v '^#' "$TMP/metrics" | grep -F -- "$1 " | sed 's/.* //'
}

metrics() {
	"$fvesetup" metrics >"$TMP/metrics"
	! command -v promtool >/dev/null || promtool check metrics <"$TMP/metrics" || fail "promtool refuses the metrics"
}

echo "--- a machine that has nothing: a version, and an empty log"
metrics
[ "$(value fve_audit_records)" = 0 ] || fail "records of what"

echo "--- a journal that listens"
mkdir -p /run/systemd/journal
/usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
out = open(sys.argv[1], "wb", buffering=0)
while True:
    out.write(s.recv(65536) + b"\n")
' "$TMP/journal" &
swtpm_pids+=($!)
for _ in $(seq 100); do
	[ ! -S /run/systemd/journal/socket ] || break
	sleep 0.05
done

start_softhsm a root
start_softhsm b root
expect 0 "$fvesetup" policy create acme --plain --root-a "$(softhsm_uri a root)" --root-b "$(softhsm_uri b root)" \
	--availability-key "$TMP/custodian" --bound 30
image=$TMP/volume.img
new_image "$image"
format "$image"
expect 0 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass"
uuid=$(cryptsetup luksUUID "$image")

echo "--- each record is an entry with fields and the id of its kind"
grep -qx 'FVE_EVENT=policy-created' "$TMP/journal" || fail "no entry of the policy"
grep -qx "FVE_VOLUME=$uuid" "$TMP/journal" || fail "no entry names the volume"
grep -qx 'FVE_EVENT=volume-formatted' "$TMP/journal" || fail "no entry of the volume"
id=$(printf fve-audit:policy-created | sha256sum | cut -c 1-32)
grep -A 3 -F 'MESSAGE={"type":"policy-created"' "$TMP/journal" | grep -qx "MESSAGE_ID=$id" || fail "another id"
[ "$(grep -c '^MESSAGE=' "$TMP/journal")" = "$(wc -l <"$FVE_STATE/audit.log")" ] || fail "not an entry for each record"

echo "--- both roots, and then one: told as it was seen last, and no root is asked"
expect 0 "$fvesetup" policy check acme
forbid_key "$softhsm" a 1234 root
metrics
[ "$(value 'fve_policy_root_outcome{policy="acme",root="a",outcome="ok"}')" = 1 ] || fail "a root was asked"
expect 3 "$fvesetup" policy check acme
metrics
[ "$(value 'fve_policy_root_outcome{policy="acme",root="a",outcome="ok"}')" = 0 ] || fail "root a is told to be good"
[ "$(value 'fve_policy_root_outcome{policy="acme",root="a",outcome="denied"}')" = 1 ] || fail "root a is not told to be denied"
[ "$(value 'fve_policy_root_outcome{policy="acme",root="b",outcome="ok"}')" = 1 ] || fail "root b is not told to be good"
[ "$(value 'fve_policy_suspended{policy="acme"}')" = 0 ] || fail "suspended"
[ "$(value 'fve_policy_bound_seconds{policy="acme"}')" = 1800 ] || fail "another bound"
[ "$(value 'fve_policy_volumes{policy="acme",state="current"}')" = 1 ] || fail "another number of volumes"
[ "$(value "fve_volume_protectors{volume=\"$uuid\",kind=\"customer-key\"}")" = 1 ] || fail "another number of protectors"
[ "$(grep -F 'fve_volume_recovery_escrowed{' "$TMP/metrics" | sed 's/.* //')" = 0 ] || fail "escrowed where"
[ "$(value fve_audit_records)" = "$(wc -l <"$FVE_STATE/audit.log")" ] || fail "another number of records"
[ "$(value fve_audit_unanchored_records)" = "$(value fve_audit_records)" ] || fail "there is no TPM"

echo "--- a file that is replaced as a whole, for node_exporter to read"
mkdir "$TMP/collector"
expect 0 "$fvesetup" metrics --textfile "$TMP/collector/fve.prom"
[ "$(stat -c %a "$TMP/collector/fve.prom")" = 644 ] || fail "node_exporter cannot read it"
diff <(grep -v _timestamp_ "$TMP/metrics") <(grep -v _timestamp_ "$TMP/collector/fve.prom") || fail "the file says something else"
expect 4 "$fvesetup" metrics --textfile "$TMP/none/fve.prom"
if command -v prometheus-node-exporter >/dev/null; then
	prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$TMP/collector" --web.listen-address=127.0.0.1:19100 >"$TMP/exporter" 2>&1 &
	swtpm_pids+=($!)
	for _ in $(seq 100); do
		! curl -fs http://127.0.0.1:19100/metrics >"$TMP/scrape" || break
		sleep 0.1
	done
	grep -qxF 'node_textfile_scrape_error 0' "$TMP/scrape" || fail "node_exporter does not take the file"
	grep -qF 'fve_policy_root_outcome{outcome="denied",policy="acme",root="a"} 1' "$TMP/scrape" || fail "it is not scraped"
else
	echo "no prometheus-node-exporter: not scraped"
fi

echo "--- alerts and pages: each name of a metric is one of ours, and promtool takes the rules"
grep -hoE '\bfve_[a-z_]+' "$alerts" "$here"/../../docs/{fleet,metrics}.md | sort -u | while read -r name; do
	grep -q "\"$name\"" "$here/../../userspace/cli/cmd/metrics.c" || fail "there is no metric $name"
done
if command -v promtool >/dev/null; then
	promtool check rules "$alerts"
	cat >"$TMP/alerts.test.yml" <<-END
		rule_files: [$(realpath "$alerts")]
		evaluation_interval: 1m
		tests:
		  - interval: 1m
		    input_series:
		      - series: 'fve_policy_root_outcome{policy="acme",root="a",outcome="denied",instance="m"}'
		        values: '1x20'
		      - series: 'fve_policy_root_outcome{policy="acme",root="b",outcome="denied",instance="m"}'
		        values: '0x20'
		    alert_rule_test:
		      - eval_time: 10m
		        alertname: FveRootDenied
		        exp_alerts:
		          - exp_labels: {severity: critical, policy: acme, root: a, outcome: denied, instance: m}
		            exp_annotations:
		              summary: "Root a of acme on m: denied"
		  - interval: 1m
		    input_series:
		      - series: 'fve_policy_generation{policy="acme",instance="m"}'
		        values: '2x1600'
		      - series: 'fve_policy_generation{policy="acme",instance="n"}'
		        values: '3x1600'
		    alert_rule_test:
		      - eval_time: 25h
		        alertname: FveOrderMissing
		        exp_alerts:
		          - exp_labels: {severity: warning, policy: acme, instance: m}
		            exp_annotations:
		              summary: "m has generation 2 of acme, and other machines a newer one"
	END
	promtool test rules "$TMP/alerts.test.yml"
else
	echo "no promtool: the rules are not checked"
fi

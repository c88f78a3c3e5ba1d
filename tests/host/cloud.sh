# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Stand-ins of cloud key services on localhost, and this machine's identity for them: sourced after
# lib.sh. cloud_standin.py says what a stand-in is.
# shellcheck disable=SC2034,SC2154 # what is set here is for the tests; here is lib.sh's
# shellcheck source=tests/host/provider.sh
. "$here/provider.sh"

export FVE_PROVIDERS=${FVE_PROVIDERS:-$BUILD/san}
export FVE_CONFIG=$TMP/etc
# Whoever takes one of these for the machine's own words fails the tests.
export https_proxy=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9 \
	SSLKEYLOGFILE=$TMP/keylog SSL_CERT_FILE=/nonexistent AZURE_CLIENT_SECRET=x AWS_SECRET_ACCESS_KEY=x \
	AWS_ACCESS_KEY_ID=x AZURE_AUTHORITY_HOST=https://127.0.0.1:9 AWS_ENDPOINT_URL=https://127.0.0.1:9
declare -A standin_pids

# cloud_certificate PREFIX NAME [DAYS]: PREFIX/cert.pem and key.pem for the host NAME, by our authority.
cloud_certificate() {
	openssl req -newkey rsa:2048 -nodes -keyout "$1/key.pem" -out "$TMP/cloud.csr" -subj "/CN=$2" 2>/dev/null
	printf 'basicConstraints=CA:FALSE\nsubjectAltName=DNS:%s\n' "$2" >"$TMP/cloud.ext"
	openssl x509 -req -in "$TMP/cloud.csr" -CA "$TMP/cloud-ca.pem" -CAkey "$TMP/cloud-ca.key" \
		-CAcreateserial -days "${3:-2}" -extfile "$TMP/cloud.ext" -out "$1/cert.pem" 2>/dev/null
}

# cloud_set_up NAME...: an authority, and a folder for each stand-in, $TMP/NAME.
cloud_set_up() {
	local name
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/cloud-ca.key" -out "$TMP/cloud-ca.pem" \
		-subj "/CN=stand-ins" -days 2 2>/dev/null
	for name; do
		mkdir -p "$TMP/$name"
		cloud_certificate "$TMP/$name" localhost
		: >"$TMP/$name/requests"
		: >"$TMP/$name/secrets"
	done
}

# start_standin NAME: sets NAME_at to its localhost:PORT, which stays the same.
start_standin() {
	local name=$1 port
	port=$(cat "$TMP/$name/port" 2>/dev/null || echo 0)
	rm -f "$TMP/$name/port"
	/usr/bin/python3 "$here/$name"_standin.py "$TMP/$name" 127.0.0.1 "$port" >"$TMP/$name/log" 2>&1 &
	standin_pids[$name]=$!
	swtpm_pids+=("$!")
	for _ in $(seq 200); do
		[ ! -s "$TMP/$name/port" ] || break
		sleep 0.05
	done
	[ -s "$TMP/$name/port" ] || fail "the stand-in does not start: $(cat "$TMP/$name/log")"
	declare -g "${name}_at=localhost:$(cat "$TMP/$name/port")"
}

stop_standin() {
	kill -KILL "${standin_pids[$1]}"
	wait "${standin_pids[$1]}" 2>/dev/null || true
	stopped "${standin_pids[$1]}"
}

# standin NAME FILTER: change its state by jq.
standin() {
	jq "$2" "$TMP/$1/state.json" >"$TMP/$1/state.new"
	mv "$TMP/$1/state.new" "$TMP/$1/state.json"
}

# identity_file SERVICE/NAME/FILE TEXT
identity_file() {
	mkdir -p "$(dirname "$FVE_CONFIG/$1")"
	(umask 077 && printf '%s\n' "$2" >"$FVE_CONFIG/$1")
}

# cloud_key STANDIN NAME [BITS]
cloud_key() {
	openssl genrsa -out "$TMP/$1/$2.pem" "${3:-3072}" 2>/dev/null
}

azure_host=acme.vault.azure.net
azure_version=0123456789abcdef0123456789abcdef
azure_uri=azure://$azure_host/root/$azure_version

# azure_set_up: a vault with the key "root", and a client secret for it.
azure_set_up() {
	local secret=azure/$azure_host/secret
	cloud_key azure root
	azure_secret="S3cret~of&the=client+$RANDOM$RANDOM"
	cat >"$TMP/azure/state.json" <<-END
		{"tenant": "11111111-2222-3333-4444-555555555555", "client": "66666666-7777-8888-9999-000000000000",
		"secret": "$azure_secret", "resource": "https://vault.azure.net",
		"keys": {"root": {"version": "$azure_version"}}}
	END
	echo "$azure_secret" >>"$TMP/azure/secrets"
	start_standin azure
	identity_file azure/$azure_host/tenant 11111111-2222-3333-4444-555555555555
	identity_file azure/$azure_host/client 66666666-7777-8888-9999-000000000000
	identity_file "$secret" "$azure_secret"
	identity_file azure/$azure_host/authority "$azure_at"
	identity_file azure/$azure_host/endpoint "$azure_at"
	cp "$TMP/cloud-ca.pem" "$FVE_CONFIG/azure/ca.pem"
}

# asked WANTED [WANTED_STATUS]: unwrap and status of $uri of $service, with $key and $wrapped. What is no
# outage may take its time.
asked() {
	[ "$1" = unreachable ] || local FVE_DEADLINE=20000
	outcome "$1" unwrap "$key" "$uri" "$wrapped"
	outcome "${2:-$1}" status "$uri"
}
# fault KIND [MEMBERS]; fault none
fault() {
	[ "$1" != none ] || { standin "$service" 'del(.fault)' && return; }
	standin "$service" ".fault = {\"kind\": \"$1\"} + {${2-}}"
}
requests() {
	grep -c . "$TMP/$service/requests" || true
}

# within SECONDS COMMAND...: it is over by then.
within() {
	local limit=$1 start=${EPOCHREALTIME/./} took
	shift
	"$@"
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	[ "$took" -le $((limit * 1000)) ] || fail "it took $took ms, more than $limit s: $*"
}

# no_secret_in FILE...: nothing that the stand-ins call secret stands there, and something could.
no_secret_in() {
	local list=$TMP/all-secrets
	cat "$TMP"/*/secrets | grep . | sort -u >"$list"
	[ "$(wc -l <"$list")" -gt 2 ] || fail "there are no secrets to look for"
	! grep -rqaFf "$list" -- "$@" || fail "a secret stands in $(grep -rlaFf "$list" -- "$@" | tr '\n' ' ')"
}

aws_region=eu-central-9
aws_account=123456789012
aws_id=0a1b2c3d-1111-2222-3333-444455556666
aws_uri=aws://$aws_region/$aws_id

# aws_set_up: a region with one key, and an access key for it.
aws_set_up() {
	cloud_key aws "$aws_id"
	aws_secret="wJalr+XUtn/FEMI$RANDOM$RANDOM"
	aws_session="session/of+$RANDOM$RANDOM=="
	cat >"$TMP/aws/state.json" <<-END
		{"region": "$aws_region", "account": "$aws_account", "keys": {"$aws_id": {}},
		"role": {"name": "fve-host", "user": "ASIAROLE"},
		"users": {"AKIAUSER": {"secret": "$aws_secret"},
			"ASIAROLE": {"secret": "${aws_secret}role", "session": "$aws_session"}}}
	END
	printf '%s\n' "$aws_secret" "$aws_session" >>"$TMP/aws/secrets"
	start_standin aws
	identity_file aws/$aws_region/access-key-id AKIAUSER
	identity_file aws/$aws_region/secret-access-key "$aws_secret"
	identity_file aws/$aws_region/endpoint "$aws_at"
	cp "$TMP/cloud-ca.pem" "$FVE_CONFIG/aws/ca.pem"
}

# cloud_namespace "$@": go on in a network of our own, where the address of metadata services is ours.
cloud_namespace() {
	if [ -z "${CLOUD_NAMESPACE-}" ]; then
		trap - EXIT
		[ -n "$own_tmp" ] || rm -rf --one-file-system "$TMP"
		exec env CLOUD_NAMESPACE=1 unshare --net --mount "$0" "$@"
	fi
	ip link set lo up
	ip addr add 169.254.169.254/32 dev lo
}

# start_metadata NAME: the metadata service of the cloud of stand-in NAME.
start_metadata() {
	mkdir "$TMP/metadata"
	ln -s "../$1/state.json" "$TMP/metadata/state.json"
	: >"$TMP/metadata/secrets"
	/usr/bin/python3 "$here/$1"_standin.py "$TMP/metadata" 169.254.169.254 80 plain >"$TMP/metadata/log" 2>&1 &
	swtpm_pids+=("$!")
	for _ in $(seq 200); do
		[ ! -e "$TMP/metadata/port" ] || return 0
		sleep 0.05
	done
	fail "the metadata service does not start: $(cat "$TMP/metadata/log")"
}

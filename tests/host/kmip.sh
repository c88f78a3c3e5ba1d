# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A KMIP server (PyKMIP) with mutual TLS on 127.0.0.1, and its keys: sourced after lib.sh.

# shellcheck disable=SC2154 # here is lib.sh's

export FVE_KMIP=$TMP/kmip
export FVE_PROVIDERS=${FVE_PROVIDERS:-$BUILD/san}

# kmip_certificate NAME USAGE ADDRESS: $TMP/kmip-NAME.pem and .key, signed by our authority.
kmip_certificate() {
	openssl req -newkey rsa:2048 -nodes -keyout "$TMP/kmip-$1.key" -out "$TMP/kmip.csr" -subj "/CN=$1" \
		2>/dev/null
	printf 'basicConstraints=CA:FALSE\nextendedKeyUsage=%s\nsubjectAltName=%s\n' "$2" "$3" >"$TMP/kmip.ext"
	openssl x509 -req -in "$TMP/kmip.csr" -CA "$TMP/kmip-ca.pem" -CAkey "$TMP/kmip-ca.key" \
		-CAcreateserial -days 2 -extfile "$TMP/kmip.ext" -out "$TMP/kmip-$1.pem" 2>/dev/null
}

# kmip_set_up: authority, server and client; the client's files are where the provider looks.
kmip_set_up() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/kmip-ca.key" -out "$TMP/kmip-ca.pem" \
		-subj /CN=ca -days 2 2>/dev/null
	kmip_certificate server serverAuth IP:127.0.0.1
	kmip_certificate host clientAuth DNS:host
	mkdir -p "$FVE_KMIP/127.0.0.1" "$TMP/kmip-policy"
	cp "$TMP/kmip-ca.pem" "$FVE_KMIP/127.0.0.1/ca.pem"
	cp "$TMP/kmip-host.pem" "$FVE_KMIP/127.0.0.1/cert.pem"
	cp "$TMP/kmip-host.key" "$FVE_KMIP/127.0.0.1/key.pem"
	kmip_port=$((20000 + (FVE_SEED + $$) % 20000))
	# Both in one file: the server of Debian 13's PyKMIP reads each from where the other is.
	cat "$TMP/kmip-server.pem" "$TMP/kmip-server.key" >"$TMP/kmip-both.pem"
	cat >"$TMP/kmip.conf" <<-END
		[server]
		hostname=127.0.0.1
		port=$kmip_port
		certificate_path=$TMP/kmip-both.pem
		key_path=$TMP/kmip-both.pem
		ca_path=$TMP/kmip-ca.pem
		auth_suite=TLS1.2
		policy_path=$TMP/kmip-policy
		enable_tls_client_auth=True
		database_path=$TMP/kmip.db
		logging_level=INFO
	END
}

# start_kmip: the server; the keys that it has outlive it.
start_kmip() {
	/usr/bin/pykmip-server -f "$TMP/kmip.conf" -l "$TMP/kmip.log" >"$TMP/kmip.out" 2>&1 &
	kmip_pid=$!
	swtpm_pids+=("$kmip_pid")
	for _ in $(seq 300); do
		! (exec 3<>"/dev/tcp/127.0.0.1/$kmip_port") 2>/dev/null || return 0
		sleep 0.1
	done
	fail "the KMIP server does not start: $(cat "$TMP/kmip.out" "$TMP/kmip.log")"
}

stop_kmip() {
	kill -KILL "$kmip_pid"
	wait "$kmip_pid" 2>/dev/null || true
	stopped "$kmip_pid"
}

# kmip_admin ACTION [UID]
kmip_admin() {
	/usr/bin/python3 "$here/kmip_admin.py" "$FVE_KMIP/127.0.0.1" "$kmip_port" "$@" 2>"$TMP/kmip-admin.log" ||
		fail "kmip $*: $(cat "$TMP/kmip-admin.log")"
}

# kmip_key: a new active key; prints its UID.
kmip_key() {
	local uid
	uid=$(kmip_admin create)
	kmip_admin activate "$uid"
	echo "$uid"
}

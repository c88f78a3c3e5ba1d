// SPDX-License-Identifier: LGPL-2.1-or-later
// azure.js AT DIRECTORY: Microsoft's own clients against the stand-in at AT (localhost:PORT), by secret and
// by certificate; then what they make of a fault. Exits 1 where one of them sees something else.
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const fs = require("node:fs");
const { ClientCertificateCredential, ClientSecretCredential } = require("@azure/identity");
const { CryptographyClient, KeyClient } = require("@azure/keyvault-keys");

const [at, directory] = process.argv.slice(2);
const url = "https://" + at;
const file = directory + "/state.json";
const state = () => JSON.parse(fs.readFileSync(file));
const change = (f) => {
	const now = state();
	f(now);
	fs.writeFileSync(file, JSON.stringify(now));
};
const once = { retryOptions: { maxRetries: 0 } };
const authority = { authorityHost: url, disableInstanceDiscovery: true, ...once };
const vault = { disableChallengeResourceVerification: true, ...once };

async function use(credential) {
	const plain = crypto.randomBytes(64);
	const key = await new KeyClient(url, credential, vault).getKey("root");
	assert.match(key.id, /\/keys\/root\/[0-9a-f]{32}$/);
	assert.equal(key.properties.enabled, true);
	assert.equal(key.properties.exportable, false);
	assert.equal(key.properties.recoveryLevel, "Recoverable");
	const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
	const jwk = { kty: "RSA", n: b64(key.key.n), e: b64(key.key.e) };
	const wrapped = crypto.publicEncrypt(
		{ key: crypto.createPublicKey({ key: jwk, format: "jwk" }), oaepHash: "sha256" }, plain);
	const client = new CryptographyClient(key.id, credential, vault);
	const answer = await client.unwrapKey("RSA-OAEP-256", wrapped);
	assert.deepEqual(Buffer.from(answer.result), plain);
	return client;
}

// What an operation fails with: status, code, and the reason within.
async function failure(operation) {
	try {
		await operation();
	} catch (error) {
		const inner = error.details?.error?.innererror ?? error.details?.error?.innerError;
		return [error.statusCode, error.code, inner?.code].join(" ").trim();
	}
	return "no failure";
}

async function main() {
	const { tenant, client, secret } = state();
	const byCertificate = new ClientCertificateCredential(
		tenant, client, { certificatePath: directory + "/client.pem" }, authority);
	await use(byCertificate);
	console.log("by certificate: getKey, unwrapKey");
	const bySecret = new ClientSecretCredential(tenant, client, secret, authority);
	const keys = await use(bySecret);
	console.log("by secret: getKey, unwrapKey");

	const faults = {
		"403 Forbidden KeyDisabled": (s) => (s.keys.root.enabled = false),
		"403 Forbidden KeyOperationForbidden": (s) => (s.keys.root.ops = ["wrapKey"]),
		"403 Forbidden ForbiddenByRbac": (s) => (s.keys.root.deny = "ForbiddenByRbac"),
		"403 Forbidden ForbiddenByFirewall": (s) => (s.keys.root.deny = "ForbiddenByFirewall"),
		"404 KeyNotFound": (s) => delete s.keys.root,
	};
	const good = fs.readFileSync(file);
	for (const [want, fault] of Object.entries(faults)) {
		change(fault);
		const got = await failure(() => keys.unwrapKey("RSA-OAEP-256", Buffer.alloc(384)));
		fs.writeFileSync(file, good);
		console.log(got);
		assert.equal(got, want);
	}
	assert.match(await failure(() => keys.unwrapKey("RSA-OAEP-256", Buffer.alloc(384, 1))), /^400 BadParameter/);
	for (const number of [7000112, 700016, 7000215]) {
		change((s) => {
			if (number === 7000112) s.application = "disabled";
			if (number === 700016) s.application = "deleted";
		});
		const other = new ClientSecretCredential(
			tenant, client, number === 7000215 ? "wrong" : secret, authority);
		const error = await other.getToken("https://vault.azure.net/.default").then(() => null, (e) => e);
		fs.writeFileSync(file, good);
		console.log(error?.name, error?.message?.split("\n")[0]);
		assert.match(String(error?.message), new RegExp("AADSTS" + number));
	}
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});

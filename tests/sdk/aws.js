// SPDX-License-Identifier: LGPL-2.1-or-later
// aws.js AT DIRECTORY ID: Amazon's own client against the stand-in at AT (localhost:PORT), then what it makes
// of a fault. Exits 1 where it sees something else.
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const fs = require("node:fs");
const {
	DecryptCommand, DescribeKeyCommand, GetPublicKeyCommand, KMSClient,
} = require("@aws-sdk/client-kms");

const [at, directory, KeyId] = process.argv.slice(2);
const file = directory + "/state.json";
const good = fs.readFileSync(file);
const state = JSON.parse(good);
const EncryptionAlgorithm = "RSAES_OAEP_SHA_256";

function clientOf(accessKeyId, secretAccessKey, sessionToken) {
	const credentials = { accessKeyId, secretAccessKey, sessionToken };
	return new KMSClient({ region: state.region, endpoint: "https://" + at, credentials, maxAttempts: 1 });
}

async function use(client) {
	const plain = crypto.randomBytes(64);
	const { PublicKey, KeySpec, EncryptionAlgorithms } = await client.send(new GetPublicKeyCommand({ KeyId }));
	assert.equal(KeySpec, "RSA_3072");
	assert.ok(EncryptionAlgorithms.includes(EncryptionAlgorithm));
	const key = crypto.createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
	const CiphertextBlob = crypto.publicEncrypt({ key, oaepHash: "sha256" }, plain);
	const answer = await client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm }));
	assert.deepEqual(Buffer.from(answer.Plaintext), plain);
	const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
	assert.equal(KeyMetadata.KeyState, "Enabled");
	assert.equal(KeyMetadata.AWSAccountId, state.account);
}

async function main() {
	const role = state.users.ASIAROLE;
	const client = clientOf("AKIAUSER", state.users.AKIAUSER.secret);
	await use(client);
	await use(clientOf("ASIAROLE", role.secret, role.session));
	console.log("access key, role: GetPublicKey, Decrypt, DescribeKey");
	const faults = {
		DisabledException: (s) => (s.keys[KeyId].state = "Disabled"),
		KMSInvalidStateException: (s) => (s.keys[KeyId].state = "PendingDeletion"),
		AccessDeniedException: (s) => (s.keys[KeyId].deny = true),
		NotFoundException: (s) => delete s.keys[KeyId],
		ExpiredTokenException: (s) => (s.users.AKIAUSER.expired = true),
		InvalidSignatureException: (s) => (s.users.AKIAUSER.secret = "another"),
		UnrecognizedClientException: (s) => delete s.users.AKIAUSER,
		InvalidCiphertextException: () => {},
	};
	for (const [want, fault] of Object.entries(faults)) {
		const now = JSON.parse(good);
		fault(now);
		fs.writeFileSync(file, JSON.stringify(now));
		const command = new DecryptCommand({ KeyId, CiphertextBlob: Buffer.alloc(384, 1), EncryptionAlgorithm });
		const error = await client.send(command).then(() => null, (e) => e);
		fs.writeFileSync(file, good);
		console.log(error?.name, error?.$metadata?.httpStatusCode);
		assert.equal(error?.name, want);
	}
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});

# SPDX-License-Identifier: LGPL-2.1-or-later
"""aws_standin.py DIRECTORY ADDRESS PORT [plain]: AWS KMS in one region, as a stand-in.

With "plain" it is the metadata service of an EC2 machine instead, over HTTP. state.json has
region, account, users: {ACCESS-KEY-ID: {secret, session (optional), expired}}, role, and
keys: {ID: {state, origin, valid_to, usage, spec, deny}}. The key ID itself is the file ID.pem.
Signatures are checked (Signature Version 4), with the time that they were made at.
"""
import base64
import datetime
import hashlib
import hmac
import json
import re
import secrets

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

import cloud_standin

SKEW_SECONDS = 300


class Refused(Exception):
    """status and name of an error."""


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(secret, scope, request, when):
    """The signature of a canonical request, in hex."""
    day, region, service, end = scope.split("/")
    key = mac(mac(mac(mac(b"AWS4" + secret.encode(), day), region), service), end)
    digest = hashlib.sha256(request.encode()).hexdigest()
    return mac(key, "\n".join(["AWS4-HMAC-SHA256", when, scope, digest])).hex()


class Handler(cloud_standin.Handler):
    imds_tokens = set()

    def play(self, fault):
        if fault["kind"] == "error":
            status = fault.get("status", 400)
            self.send(status, {"__type": fault["name"], "message": "as the stand-in was told"},
                      fault.get("headers", {}).items())
        elif fault["kind"] == "challenge":
            self.send(401, {}, [("WWW-Authenticate", 'Basic realm="evil"')])
        elif fault["kind"] == "redirect":
            link = "https://%s/elsewhere" % self.headers["Host"]
            self.send(307, {}, [("Location", link)])
        else:
            super().play(fault)

    def fault_now(self):
        """Faults of this service may be of one operation: "at" is its name."""
        fault = self.state().get("fault")
        if fault and not fault.get("at", "/").startswith("/"):
            if not self.headers.get("X-Amz-Target", "").endswith("." + fault["at"]):
                return None
            return fault
        return super().fault_now()

    def answer(self, path, body):
        state = self.state()
        if path.startswith("/latest/"):
            self.metadata(state, path)
            return
        try:
            if path != "/" or self.command != "POST":
                raise Refused(404, "UnknownOperationException")
            self.check_signature(state, body)
            operation = self.headers["X-Amz-Target"].removeprefix("TrentService.")
            asked = json.loads(body)
            key_id, key = self.find(state, asked["KeyId"])
            handler = {"GetPublicKey": self.public, "Decrypt": self.decrypt,
                       "DescribeKey": self.describe}.get(operation)
            if not handler:
                raise Refused(400, "UnknownOperationException")
            if key.get("deny"):
                raise Refused(400, "AccessDeniedException")
            self.send_aws(200, handler(state, key_id, key, asked))
        except Refused as refused:
            status, name = refused.args
            self.send_aws(status, {"__type": name, "message": "as the stand-in was told"})

    def send_aws(self, status, body):
        self.send(status, body, [("Content-Type", "application/x-amz-json-1.1"),
                                 ("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")])

    def check_signature(self, state, body):
        header = self.headers.get("Authorization", "")
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/([^,]+), *SignedHeaders=([^,]+), *"
                             r"Signature=([0-9a-f]{64})", header)
        if not match:
            raise Refused(400, "MissingAuthenticationTokenException")
        user_id, scope, names, given = match.groups()
        user = state["users"].get(user_id)
        if not user or self.headers.get("X-Amz-Security-Token") != user.get("session"):
            raise Refused(400, "UnrecognizedClientException")
        if user.get("expired"):
            raise Refused(400, "ExpiredTokenException")
        needed = {"host", "x-amz-date", *(n.lower() for n in self.headers
                                          if n.lower().startswith("x-amz-"))}
        if not needed <= set(names.split(";")):
            raise Refused(400, "IncompleteSignatureException")
        lines = ["%s:%s" % (n, " ".join(self.headers[n].split())) for n in names.split(";")]
        request = "\n".join([self.command, self.path, "", *lines, "", names,
                             hashlib.sha256(body).hexdigest()])
        when = self.headers["X-Amz-Date"]
        if scope != "%s/%s/kms/aws4_request" % (when[:8], state["region"]):
            raise Refused(400, "InvalidSignatureException")
        if not hmac.compare_digest(signature(user["secret"], scope, request, when), given):
            raise Refused(400, "InvalidSignatureException")
        made = datetime.datetime.strptime(when, "%Y%m%dT%H%M%SZ")
        now = datetime.datetime.utcnow() + datetime.timedelta(seconds=state.get("skew", 0))
        if abs((now - made).total_seconds()) > SKEW_SECONDS:
            raise Refused(400, "InvalidSignatureException")

    def find(self, state, name):
        prefix = "arn:aws:kms:%s:%s:key/" % (state["region"], state["account"])
        key = state["keys"].get(name.removeprefix(prefix))
        if key is None:
            raise Refused(400, "NotFoundException")
        return prefix + name.removeprefix(prefix), key

    def usable(self, key):
        if key.get("state", "Enabled") == "Disabled":
            raise Refused(400, "DisabledException")
        if key.get("state", "Enabled") != "Enabled":
            raise Refused(400, "KMSInvalidStateException")

    def private(self, arn):
        name = "%s/%s.pem" % (self.directory, arn.rsplit("/", 1)[1])
        with open(name, "rb") as file:
            return serialization.load_pem_private_key(file.read(), None)

    def public(self, _state, arn, key, _asked):
        self.usable(key)
        der = self.private(arn).public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        algorithms = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
        if key.get("usage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
            algorithms = []
        return {
            "KeyId": arn, "PublicKey": base64.b64encode(der).decode(), "KeySpec": "RSA_3072",
            "CustomerMasterKeySpec": "RSA_3072", "EncryptionAlgorithms": algorithms,
            "KeyUsage": key.get("usage", "ENCRYPT_DECRYPT"),
        }

    def describe(self, state, arn, key, _asked):
        metadata = {
            "AWSAccountId": state["account"], "Arn": arn, "KeyId": arn.rsplit("/", 1)[1],
            "KeyState": key.get("state", "Enabled"), "CreationDate": 1.7e9, "KeyManager": "CUSTOMER",
            "Enabled": key.get("state", "Enabled") == "Enabled", "KeySpec": "RSA_3072",
            "KeyUsage": key.get("usage", "ENCRYPT_DECRYPT"), "Origin": key.get("origin", "AWS_KMS"),
            "EncryptionAlgorithms": ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"], "MultiRegion": False,
        }
        if "valid_to" in key:
            metadata.update(ValidTo=key["valid_to"], ExpirationModel="KEY_MATERIAL_EXPIRES")
        return {"KeyMetadata": metadata}

    def decrypt(self, _state, arn, key, asked):
        self.usable(key)
        if asked["EncryptionAlgorithm"] != "RSAES_OAEP_SHA_256":
            raise Refused(400, "InvalidKeyUsageException")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        try:
            plain = self.private(arn).decrypt(base64.b64decode(asked["CiphertextBlob"]), oaep)
        except ValueError as wrong:
            raise Refused(400, "InvalidCiphertextException") from wrong
        text = self.secret(base64.b64encode(plain).decode())
        return {"KeyId": arn, "Plaintext": text, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}

    def metadata(self, state, path):
        if self.command == "PUT" and path == "/latest/api/token":
            token = self.secret("imds" + secrets.token_urlsafe(40))
            self.imds_tokens.add(token)
            self.send(200, token.encode(), [("Content-Type", "text/plain")])
        elif self.headers.get("X-aws-ec2-metadata-token") not in self.imds_tokens:
            self.send(401, b"", [("Content-Type", "text/plain")])
        elif path == "/latest/meta-data/iam/security-credentials/" + state["role"]["name"]:
            user = state["users"][state["role"]["user"]]
            self.send(200, {
                "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": state["role"]["user"],
                "SecretAccessKey": user["secret"], "Token": user["session"],
                "Expiration": "2099-01-01T00:00:00Z",
            })
        else:
            self.send(404, b"", [("Content-Type", "text/plain")])


if __name__ == "__main__":
    cloud_standin.main(Handler)

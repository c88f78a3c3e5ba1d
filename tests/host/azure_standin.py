# SPDX-License-Identifier: LGPL-2.1-or-later
"""azure_standin.py DIRECTORY ADDRESS PORT [plain]: Microsoft Entra and one key vault, as a stand-in.

With "plain" it is the metadata service of a machine instead, over HTTP. state.json has
tenant, client, secret, certificate (PEM, optional), application ("disabled", "deleted" or nothing),
resource, keys: {NAME: {version, enabled, exp, exportable, recovery, ops, deny: REASON of a 403}}.
The key NAME itself is the file NAME.pem.
"""
import base64
import hashlib
import json
import re
import secrets
import time
import urllib.parse

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

import cloud_standin

SKEW = 300  # seconds by which clocks may differ; Microsoft's own client rounds its time up
TOKENS = {}  # token: when it ends


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value):
    return b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Refused(Exception):
    """status, number and words of an error of Entra's."""


class Handler(cloud_standin.Handler):
    def play(self, fault):
        if fault["kind"] == "challenge":  # another authority, which a client must not follow
            link = 'Bearer authorization="https://%s/evil", resource="https://evil.example"'
            self.unauthorized(link % self.headers["Host"])
        elif fault["kind"] == "redirect":
            link = "https://%s/elsewhere" % self.headers["Host"]
            self.send(fault.get("status", 307), {}, [("Location", link)])
        else:
            super().play(fault)

    def answer(self, path, body):
        url = urllib.parse.urlsplit(path)
        state = self.state()
        match = re.fullmatch(r"/keys/([A-Za-z0-9-]+)/([0-9a-f]*)(/[a-z]+)?", url.path)
        if url.path == "/metadata/identity/oauth2/token":
            self.metadata(state, urllib.parse.parse_qs(url.query))
        elif url.path.endswith("/oauth2/v2.0/token"):
            self.token(state, url.path, urllib.parse.parse_qs(body.decode()))
        elif "openid-configuration" in url.path:
            self.openid(url.path.split("/")[1])
        elif match:
            self.vault(state, *match.groups(), body)
        else:
            self.send(404, b"no such page", [("Content-Type", "text/html")])

    # --- Entra ---------------------------------------------------------------------------------

    def openid(self, tenant):
        """Asked by Microsoft's own clients only."""
        base = "https://%s/%s" % (self.headers["Host"], tenant)
        self.send(200, {
            "token_endpoint": base + "/oauth2/v2.0/token",
            "authorization_endpoint": base + "/oauth2/v2.0/authorize",
            "issuer": base + "/v2.0",
            "jwks_uri": base + "/discovery/v2.0/keys",
        })

    def new_token(self):
        """As long as a real one, to be shown for an hour."""
        token = self.secret("standin." + secrets.token_urlsafe(1200))
        TOKENS[token] = time.time() + 3600
        return token

    def check_assertion(self, state, assertion, url):
        header, claims, signature = assertion.split(".")
        what = json.loads(unb64url(header))
        said = json.loads(unb64url(claims))
        cert = x509.load_pem_x509_certificate(state["certificate"].encode())
        der = cert.public_bytes(serialization.Encoding.DER)
        if what["alg"] != "PS256" or what["x5t#S256"] != b64url(hashlib.sha256(der).digest()):
            raise Refused(401, 700027, "invalid_client")
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        signed = (header + "." + claims).encode()
        try:
            cert.public_key().verify(unb64url(signature), signed, pss, hashes.SHA256())
        except InvalidSignature as wrong:
            raise Refused(401, 700027, "invalid_client") from wrong
        now = time.time() + state.get("skew", 0)
        if not said["nbf"] - SKEW <= now <= said["exp"] + SKEW or said["exp"] - said["nbf"] > 86400:
            raise Refused(401, 700024, "invalid_client")
        if said["aud"] != url or said["iss"] != state["client"] or said["sub"] != state["client"]:
            raise Refused(401, 700023, "invalid_client")

    def check_client(self, state, path, form):
        if path.split("/")[1] != state["tenant"]:
            raise Refused(400, 90002, "invalid_request")
        if form["client_id"][0] != state["client"] or state.get("application") == "deleted":
            raise Refused(400, 700016, "unauthorized_client")
        if form["scope"][0].split()[0] != state["resource"] + "/.default":
            raise Refused(400, 500011, "invalid_resource")
        if form["grant_type"][0] != "client_credentials":
            raise Refused(400, 70003, "unsupported_grant_type")
        if "client_assertion" in form:
            url = "https://" + self.headers["Host"] + path
            self.secret(form["client_assertion"][0])
            self.check_assertion(state, form["client_assertion"][0], url)
        elif form["client_secret"][0] != state["secret"]:
            raise Refused(401, 7000215, "invalid_client")
        elif state.get("secret_expired"):
            raise Refused(401, 7000222, "invalid_client")
        if state.get("application") == "disabled":
            raise Refused(401, 7000112, "unauthorized_client")

    def token(self, state, path, form):
        try:
            self.check_client(state, path, form)
        except Refused as refused:
            status, code, error = refused.args
            text = "AADSTS%d: as the stand-in was told." % code
            self.send(status, {"error": error, "error_description": text, "error_codes": [code]})
            return
        self.send(200, {
            "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
            "access_token": self.new_token(),
        })

    def metadata(self, state, query):
        if self.headers.get("Metadata") != "true":
            self.send(400, {"error": "bad_request_102"})
        elif query["resource"][0] != state["resource"] or query.get("client_id") not in (
            None, [state["client"]],
        ):
            self.send(400, {"error": "invalid_request", "error_description": "Identity not found"})
        else:
            self.send(200, {
                "token_type": "Bearer", "expires_in": "86399", "access_token": self.new_token(),
            })

    # --- the vault -----------------------------------------------------------------------------

    def unauthorized(self, challenge):
        self.send(401, {"error": {"code": "Unauthorized", "message": "AKV10000"}},
                  [("WWW-Authenticate", challenge)])

    def error(self, status, code, reason=None):
        error = {"code": code, "message": "as the stand-in was told"}
        if reason:
            error["innererror"] = {"code": reason}
        self.send(status, {"error": error})

    def describe(self, name, key, private):
        public = private.public_key().public_numbers()
        attributes = {
            "enabled": key.get("enabled", True), "created": 1700000000, "updated": 1700000000,
            "recoveryLevel": key.get("recovery", "Recoverable"), "recoverableDays": 90,
            "exportable": key.get("exportable", False),
        }
        if "exp" in key:
            attributes["exp"] = key["exp"]
        return {
            "key": {
                "kid": self.kid(name, key), "kty": key.get("type", "RSA-HSM"),
                "key_ops": key.get("ops", ["wrapKey", "unwrapKey"]),
                "n": number(public.n), "e": number(public.e),
            },
            "attributes": attributes,
        }

    def kid(self, name, key):
        return "https://%s/keys/%s/%s" % (self.headers["Host"], name, key["version"])

    def unwrap(self, name, key, private, body):
        if not key.get("enabled", True):
            return self.error(403, "Forbidden", "KeyDisabled")
        if "unwrapKey" not in key.get("ops", ["unwrapKey"]):
            return self.error(403, "Forbidden", "KeyOperationForbidden")
        asked = json.loads(body)
        if asked["alg"] != "RSA-OAEP-256":
            return self.error(400, "BadParameter")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        try:
            plain = private.decrypt(unb64url(asked["value"]), oaep)
        except ValueError:
            return self.error(400, "BadParameter")
        self.secret(b64url(plain))
        return self.send(200, {"kid": self.kid(name, key), "value": b64url(plain)})

    def vault(self, state, name, version, operation, body):
        token = self.headers.get("Authorization", "")
        token = token.removeprefix("Bearer ")
        known = TOKENS.get(token, 0) >= time.time()
        if state.get("foreign_tokens"):  # those of the metadata service, another process
            known = token.startswith("standin.")
        if not known:
            link = 'Bearer authorization="https://%s/%s", resource="%s"'
            return self.unauthorized(
                link % (self.headers["Host"], state["tenant"], state["resource"]))
        key = state["keys"].get(name)
        if key and key.get("deny"):
            return self.error(403, "Forbidden", key["deny"])
        if not key or version not in ("", key["version"]):
            return self.error(404, "KeyNotFound")
        with open("%s/%s.pem" % (self.directory, name), "rb") as file:
            private = serialization.load_pem_private_key(file.read(), None)
        if operation == "/unwrapkey":
            return self.unwrap(name, key, private, body)
        if operation:
            return self.error(400, "BadParameter")
        return self.send(200, self.describe(name, key, private))


if __name__ == "__main__":
    cloud_standin.main(Handler)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second reader and writer of the wraps of fve-provider-tang, from docs/provider.md. The points are
computed by others: JSON Web Keys go in and come out.

usage: tang_wrap.py points WRAP DIRECTORY      its points as DIRECTORY/{signer,exchange,ours}.jwk
       tang_wrap.py open WRAP SHARED           the key that is wrapped, with the shared point
       tang_wrap.py seal DIRECTORY SHARED KEY  a wrap of the file KEY by the points in DIRECTORY
"""
import base64
import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ALG = b"tang-ecmr-aes-256-gcm\n"  # the line that provider_probe writes before a wrap
POINTS = ("signer", "exchange", "ours")
SIZE = 66


def read(path):
    with open(path, "rb") as file:
        return file.read()


def coordinate(jwk, name):
    text = jwk[name]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).rjust(SIZE, b"\0")


def point(path):
    jwk = json.loads(read(path))
    return b"\4" + coordinate(jwk, "x") + coordinate(jwk, "y")


def write_jwk(path, data, alg):
    def text(part):
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    jwk = {"kty": "EC", "crv": "P-521", "alg": alg, "x": text(data[1:1 + SIZE]), "y": text(data[1 + SIZE:])}
    with open(path, "w", encoding="ascii") as file:
        json.dump(jwk, file)


def cipher(shared, head):
    x = coordinate(json.loads(read(shared)), "x")
    key = HKDF(SHA256(), 32, None, b"fve tang").derive(x)
    return AESGCM(key), hashlib.sha256(head).hexdigest().encode()


def main():
    action, first, second = sys.argv[1:4]
    end = len(POINTS) * (1 + 2 * SIZE)
    if action == "seal":
        head = b"".join(point(f"{first}/{name}.jwk") for name in POINTS)
        aead, ad = cipher(second, head)
        nonce = os.urandom(12)
        sys.stdout.buffer.write(ALG + head + nonce + aead.encrypt(nonce, read(sys.argv[4]), ad))
        return
    wrap = read(first).removeprefix(ALG)
    head, nonce, rest = wrap[:end], wrap[end:end + 12], wrap[end + 12:]
    if action == "open":
        aead, ad = cipher(second, head)
        sys.stdout.buffer.write(aead.decrypt(nonce, rest, ad))
        return
    for i, name in enumerate(POINTS):
        at = i * (1 + 2 * SIZE)
        write_jwk(f"{second}/{name}.jwk", head[at:at + 1 + 2 * SIZE], "ES512" if name == "signer" else "ECMR")


main()

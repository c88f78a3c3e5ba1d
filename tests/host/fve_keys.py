#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second reader of the format in docs/on-disk.md, on stock tools and python3-cryptography.

usage: fve_keys.py [OPTION] IMAGE KEY_FILE          print FVEK, VMK and each KEK in hex
       fve_keys.py [OPTION] IMAGE KEY_FILE FILE...  search the files for any 8-byte window of them
       fve_keys.py --mac IMAGE KEY_FILE             verify the header's MAC

KEY_FILE opens a person's keyslot. With --pin FILE, the PIN of the one tpm2-pin protector and what
is derived from it are among the keys; with --startup-key FILE, the same for tpm2-key, and with --tang
DIR, the keys of a Tang server, for tpm2-net: what the server with that signing key has wrapped. With
--auto-key FILE, the KEK of each auto protector has to come of that key. The search exits 0 when no
window is found, 1 when one is; --mac 0 when the header is as its MAC says.
"""
import argparse
import base64
import ctypes
import hmac
import json
import os
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

WINDOW = 8


def derive(key, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info.encode()).derive(key)


def unwrap(key, blob, context):
    blob = base64.b64decode(blob)
    return AESGCM(key).decrypt(blob[:12], blob[12:], context.encode())


def volume_key(image, key_file):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "key")
        subprocess.run(["cryptsetup", "luksDump", "-q", "--dump-volume-key", "--volume-key-file",
                        path, "--key-file", key_file, image], check=True,
                       stdout=subprocess.DEVNULL)
        return contents(path)


def stretch(pin, kdf):
    """64 bytes of Argon2id, by the C library: there is no Argon2 in python3-cryptography here."""
    library = ctypes.CDLL("libargon2.so.1")
    uint32, size, data = ctypes.c_uint32, ctypes.c_size_t, ctypes.c_char_p
    library.argon2id_hash_raw.argtypes = [uint32, uint32, uint32, data, size, data, size, data,
                                          size]
    out = ctypes.create_string_buffer(64)
    salt = bytes.fromhex(kdf["salt"])
    result = library.argon2id_hash_raw(kdf["time"], kdf["memory"], kdf["cpus"], pin, len(pin),
                                       salt, len(salt), out, len(out))
    assert result == 0, f"argon2id_hash_raw: {result}"
    return out.raw


def header(image):
    """JSON and UUID."""
    dump = json.loads(subprocess.run(["cryptsetup", "luksDump", "--dump-json-metadata", image],
                                     check=True, stdout=subprocess.PIPE).stdout)
    uuid = subprocess.run(["cryptsetup", "luksUUID", image], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
    return dump, uuid


def covered(dump, uuid, seq):
    """What the MAC is over, as docs/on-disk.md "Authenticity" has it."""
    tokens = {number: token for number, token in dump["tokens"].items()
              if token["type"].startswith("fve-") and token["type"] != "fve-mac"}
    slots = {slot for token in tokens.values() for slot in token["keyslots"]}
    digests = {number: {**digest, "keyslots": [s for s in digest["keyslots"] if s in slots]}
               for number, digest in dump["digests"].items()}
    return {"config": dump["config"], "digests": digests,
            "keyslots": {s: k for s, k in dump["keyslots"].items() if s in slots},
            "segments": dump["segments"], "seq": seq, "tokens": tokens, "uuid": uuid}


def check_mac(image, key_file):
    dump, uuid = header(image)
    token, = [token for token in dump["tokens"].values() if token["type"] == "fve-mac"]
    text = json.dumps(covered(dump, uuid, token["seq"]), sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False)
    key = derive(volume_key(image, key_file), "fve mac")
    good = hmac.new(key, text.encode(), "sha256").hexdigest() in token["macs"]
    print(f"MAC of change {token['seq']}, {len(token['macs'])} states:",
          "valid" if good else "MISMATCH")
    return 0 if good else 1


def server_key(directory, alg):
    """The private key of a Tang server, and its public half as a point."""
    for name in os.listdir(directory):
        jwk = json.loads(contents(os.path.join(directory, name)))
        if jwk["alg"] == alg:
            number = base64.urlsafe_b64decode(jwk["d"] + "==")
            key = ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP521R1())
            return key, key.public_key().public_bytes(serialization.Encoding.X962,
                                                      serialization.PublicFormat.UncompressedPoint)
    raise ValueError(f"no key for {alg} in {directory}")


def network(token, directory):
    """What the server has wrapped, by its private key and docs/provider.md, "tang"."""
    _, signer = server_key(directory, "ES512")
    exchange, point = server_key(directory, "ECMR")
    for server in token["network"]:
        wrap = base64.b64decode(server["wrap"])
        if wrap[:133] != signer:
            continue
        assert wrap[133:266] == point and server["alg"] == "tang-ecmr-aes-256-gcm"
        ours = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP521R1(), wrap[266:399])
        digest = hashes.Hash(hashes.SHA256())
        digest.update(wrap[:399])
        return AESGCM(derive(exchange.exchange(ec.ECDH(), ours), "fve tang")).decrypt(
            wrap[399:411], wrap[411:], digest.finalize().hex().encode())
    raise ValueError("no wrap of this server")


def keys(image, key_file, pin, startup_key, auto_key, tang):
    fvek = volume_key(image, key_file)
    dump, uuid = header(image)
    found = {"FVEK": fvek}
    tokens = dump["tokens"].values()
    for token in tokens:
        if token["type"] == "fve-vmk":
            found["VMK"] = unwrap(derive(fvek, "fve vmk link"), token["vmk"],
                                  f"fve 1 {uuid} vmk link - {token['generation']}")
    for token in tokens:
        if token["type"] in ("fve-auto", "fve-tpm2", "fve-tpm2-pin", "fve-tpm2-key",
                             "fve-tpm2-net", "fve-suspended"):
            kind = token["type"][len("fve-"):]
            kek = unwrap(derive(fvek, "fve kek"), token["kek"],
                         f"fve 1 {uuid} kek {kind} {token['id']} 0")
            found["KEK " + token["id"]] = kek
            vmk = unwrap(kek, token["vmk"],
                         f"fve 1 {uuid} vmk {kind} {token['id']} {token['generation']}")
            assert vmk == found["VMK"], "the KEK does not give the VMK"
        if token["type"] == "fve-policy" and token.get("lockout_auth"):
            found["lockoutAuth"] = unwrap(
                derive(found["VMK"], "fve lockout auth"), token["lockout_auth"],
                f"fve 1 {uuid} policy lockout - {token['generation']}")
        if token["type"] == "fve-auto" and auto_key:
            assert kek == derive(auto_key, f"fve auto {uuid} {token['id']}"), "another KEK"
        if token["type"] == "fve-tpm2-pin" and pin:
            stretched = stretch(pin, token["kdf"])
            found["PIN"] = pin
            found["half"] = stretched[:32]
            found["authValue"] = stretched[32:]
        if token["type"] == "fve-tpm2-key" and startup_key:
            found["startup key"] = startup_key
            found["half"] = derive(startup_key, "fve startup key half")
            found["authValue"] = derive(startup_key, "fve startup key auth")
        if token["type"] == "fve-tpm2-net" and tang:
            found["network"] = network(token, tang)
            found["half"] = derive(found["network"], "fve network half")
    return found


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--pin", type=contents)
    parser.add_argument("--startup-key", type=contents)
    parser.add_argument("--auto-key", type=contents)
    parser.add_argument("--tang")
    parser.add_argument("image")
    parser.add_argument("key_file")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--mac", action="store_true")
    args = parser.parse_args()
    if args.mac:
        return check_mac(args.image, args.key_file)
    found = keys(args.image, args.key_file, args.pin, args.startup_key, args.auto_key, args.tang)
    if not args.files:
        for name, key in found.items():
            print(name, key.hex())
        return 0
    hits = 0
    for path in args.files:
        data = contents(path)
        for name, key in found.items():
            windows = range(len(key) - WINDOW + 1)
            n = sum(key[i:i + WINDOW] in data for i in windows)
            if n:
                print(f"{path}: {n} of {len(windows)} windows of {name}")
            hits += n
        print(f"{path}: searched {len(data)} bytes for {len(found)} keys")
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main())

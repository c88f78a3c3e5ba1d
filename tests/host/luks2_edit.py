#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Change a LUKS2 header as who can write the disk would: both checksums are made right again.

usage: luks2_edit.py IMAGE layout                  print copy size, and bytes of JSON text
       luks2_edit.py IMAGE byte AT VALUE [COPY...]  set one byte of the JSON area, checksums kept right
       luks2_edit.py IMAGE raw AT VALUE [COPY...]   the same, and leave the checksums as they were
       luks2_edit.py IMAGE binary AT HEX           set bytes of both copies' binary header
       luks2_edit.py IMAGE json EXPRESSION          Python that changes the dictionary "h"
       luks2_edit.py IMAGE newer COPY               raise the sequence number of one copy

COPY is 1, 2 or both (the default). AT counts from the start of the JSON area. LUKS2 On-Disk Format
Specification 1.1.1, 2.1.
"""
import hashlib
import json
import struct
import sys

BINARY = 4096
CHECKSUM = slice(448, 448 + 64)


def main():
    image, action, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(image, "r+b") as file:
        size = struct.unpack(">Q", file.read(16)[8:])[0]
        file.seek(0)
        copies = [bytearray(file.read(size)), bytearray(file.read(size))]
        text = bytes(copies[0][BINARY:]).split(b"\0")[0]
        chosen = [0, 1]
        if action == "layout":
            print(size, len(text))
            return
        if action in ("byte", "raw"):
            chosen = [int(n) - 1 for n in args[2:]] or chosen
            for n in chosen:
                copies[n][BINARY + int(args[0])] = int(args[1])
        elif action == "json":
            h = json.loads(text)
            exec(args[0], {"h": h, "json": json})  # pylint: disable=exec-used
            text = json.dumps(h, separators=(",", ":")).encode()
            for copy in copies:
                copy[BINARY:] = text.ljust(size - BINARY, b"\0")
        elif action == "binary":
            for copy in copies:
                value = bytes.fromhex(args[1])
                copy[int(args[0]):int(args[0]) + len(value)] = value
        elif action == "newer":
            chosen = [int(args[0]) - 1]
            seqid = struct.unpack(">Q", copies[chosen[0]][16:24])[0]
            copies[chosen[0]][16:24] = struct.pack(">Q", seqid + 1)
        for n in chosen:
            copy = copies[n]
            if action != "raw":
                copy[CHECKSUM] = bytes(64)
                copy[CHECKSUM] = hashlib.sha256(copy).digest().ljust(64, b"\0")
            file.seek(n * size)
            file.write(copy)


main()

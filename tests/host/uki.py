#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Append sections to a PE image, in this order, as ukify does: one name may come more than once.

usage: uki.py STUB OUT [NAME=FILE...]

Debian 12 has no ukify, and objcopy does not know one name twice.
"""
import struct
import sys

SECTION_HEADER = 40
DATA = 0x40000040  # initialized data, readable


def aligned(number, to):
    return (number + to - 1) // to * to


def main():
    stub, out, *words = sys.argv[1:]
    with open(stub, "rb") as f:
        image = bytearray(f.read())
    pe = struct.unpack_from("<I", image, 0x3C)[0]
    optional = pe + 24
    count, = struct.unpack_from("<H", image, pe + 6)
    table = optional + struct.unpack_from("<H", image, pe + 20)[0]
    section_alignment, file_alignment = struct.unpack_from("<II", image, optional + 32)
    headers, = struct.unpack_from("<I", image, optional + 60)

    # The symbols are after the sections; a stub needs none.
    del image[max(sum(struct.unpack_from("<II", image, table + SECTION_HEADER * i + 16)) for i in range(count)):]
    struct.pack_into("<II", image, pe + 12, 0, 0)

    missing = table + SECTION_HEADER * (count + len(words)) - headers
    if missing > 0:
        # The headers grow, and all that follows them moves back in the file.
        room = aligned(missing, file_alignment)
        image[headers:headers] = bytes(room)
        struct.pack_into("<I", image, optional + 60, headers + room)
        for i in range(count):
            at = table + SECTION_HEADER * i + 20
            offset, = struct.unpack_from("<I", image, at)
            if offset:
                struct.pack_into("<I", image, at, offset + room)
    end = max(sum(struct.unpack_from("<II", image, table + SECTION_HEADER * i + 8)) for i in range(count))
    for word in words:
        name, _, path = word.partition("=")
        with open(path, "rb") as f:
            data = f.read()
        image += bytes(aligned(len(image), file_alignment) - len(image))
        address = aligned(end, section_alignment)
        struct.pack_into("<8sIIIIIIHHI", image, table + SECTION_HEADER * count, name.encode(), len(data), address,
                         aligned(len(data), file_alignment), len(image), 0, 0, 0, 0, DATA)
        image += data
        end = address + len(data)
        count += 1
    image += bytes(aligned(len(image), file_alignment) - len(image))
    struct.pack_into("<H", image, pe + 6, count)
    struct.pack_into("<I", image, optional + 56, aligned(end, section_alignment))
    with open(out, "wb") as f:
        f.write(image)


main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Replace what differs from run to run by numbered stand-ins of the same width.

usage: normalise.py SCRATCH_DIRECTORY <OUTPUT

SCRATCH_DIRECTORY/ids lists the protectors' ids: eight hex digits may also be a size.
"""
import re
import sys


def numbered(form):
    seen = {}

    def replace(match):
        seen.setdefault(match[0], len(seen) + 1)
        return form % seen[match[0]]

    return replace


def main():
    scratch = sys.argv[1]
    with open(scratch + "/ids", encoding="ascii") as f:
        ids = set(f.read().split())
    text = sys.stdin.read().replace(scratch, "TMP")
    # json-c breaks the line within what is empty, and since 0.18 does not.
    text = re.sub(r"([\[{])\n *([\]}])", r"\1\2", text)
    rules = [
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
         numbered("00000000-0000-0000-0000-%012d")),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\b", lambda match: "2026-01-01T00:00:00Z"),
        (r"\b000b[0-9a-f]{64}\b", numbered("000b%064d")),
        (r"\b\d{6}(-\d{6}){7}\b", numbered("%06d" + "-000000" * 7)),
    ]
    if ids:
        # The name of a recovery key begins as its volume's UUID.
        rules.append((r"\b[0-9a-f]{8}-(?=(" + "|".join(sorted(ids)) + r")\b)",
                      lambda match: "00000000-"))
        rules.append((r"\b(" + "|".join(sorted(ids)) + r")\b", numbered("id%06d")))
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    sys.stdout.write("\n".join(line.rstrip() for line in text.rstrip().split("\n")) + "\n")


if __name__ == "__main__":
    main()

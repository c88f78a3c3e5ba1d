#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The memory of a running guest as a file: guest_memory.py QMP_SOCKET BYTES FILE

BYTES are counted from physical address 0; below 2 GiB that is all of a guest's memory. The guest
stands still meanwhile.
"""
import json
import socket
import sys


class Qmp:
    """QEMU's machine protocol, as far as this needs it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        json.loads(self.lines.readline())  # the greeting
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        """Run a command and wait for its end; events in between are dropped."""
        request = json.dumps({"execute": command, "arguments": arguments})
        self.socket.sendall(request.encode() + b"\n")
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                sys.exit(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]


def main():
    path, size, name = sys.argv[1:]
    qmp = Qmp(path)
    qmp.run("stop")
    qmp.run("pmemsave", val=0, size=int(size), filename=name)
    qmp.run("cont")


main()

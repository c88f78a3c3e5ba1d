#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody at a terminal: run a command on one, and answer each of its questions.

usage: typist.py ANSWER... -- COMMAND...

A question is output that ends in ": ". Each is answered with the next ANSWER, and when none is
left, with end of input. Prints what the terminal showed; exits as the command does, or with 124
when neither side has said anything for two minutes.
"""
import os
import pty
import select
import sys


def main():
    split = sys.argv.index("--")
    answers, command = sys.argv[1:split], sys.argv[split + 1:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    unanswered = b""
    while True:
        if not select.select([terminal], [], [], 120)[0]:
            os.kill(pid, 9)
            return 124
        try:
            shown = os.read(terminal, 4096)
        except OSError:  # the command has closed the terminal
            break
        if not shown:
            break
        sys.stdout.buffer.write(shown)
        unanswered += shown
        if unanswered.endswith(b": "):
            unanswered = b""
            os.write(terminal, answers.pop(0).encode() + b"\n" if answers else b"\x04")
    sys.stdout.flush()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody at a terminal: run a command on one, and answer each of its questions.

usage: typist.py [--echo | --question REGEX] ANSWER... -- COMMAND...

A question is output that ends in ": ", or in what REGEX matches. Each is answered with the next ANSWER, and when none is
left, with end of input. ^C and the like in an answer are control characters; an answer of nothing
else is typed without the return key, "..." is no answer, and "kill TERM" a signal. Prints what the terminal showed; with --echo also, at the
end, whether the terminal echoes. Exits as the command does, or with 124 when neither side has said
anything for two minutes.
"""
import os
import pty
import re
import select
import signal
import sys
import termios


def keys(answer):
    if answer == "...":
        return b""
    typed = re.sub(r"\^([A-Z\\])", lambda match: chr(ord(match[1]) - 64), answer)
    return typed.encode() + (b"" if re.fullmatch(r"(\^[A-Z\\])+", answer) else b"\n")


def main():
    split = sys.argv.index("--", 1)
    answers, command = sys.argv[1:split], sys.argv[split + 1:]
    echo = answers[:1] == ["--echo"]
    if echo:
        del answers[0]
    question = ": "
    if answers[:1] == ["--question"]:
        question = answers[1]
        del answers[:2]
    question = re.compile(question.encode() + rb"\Z")
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
        if question.search(unanswered):
            unanswered = b""
            answer = answers.pop(0) if answers else "^D"
            if answer.startswith("kill "):
                os.kill(pid, getattr(signal, "SIG" + answer[5:]))
            else:
                os.write(terminal, keys(answer))
    if echo:
        on = termios.tcgetattr(terminal)[3] & termios.ECHO
        print("the terminal echoes" if on else "the terminal is mute")
    sys.stdout.flush()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A password agent (https://systemd.io/PASSWORD_AGENTS) that answers the questions about one volume.

usage: agent.py ID ANSWER...

Waits for questions whose Id is ID and answers each with the next ANSWER, or with "cancel" where
that is "-"; prints the questions. Others' questions are left alone. Ends after the last answer.
"""
import configparser
import glob
import os
import socket
import sys
import time


def main():
    wanted, answers = sys.argv[1], sys.argv[2:]
    seen = set()
    while answers:
        for path in glob.glob("/run/systemd/ask-password/ask.*"):
            ask = configparser.RawConfigParser(strict=False)
            try:
                ask.read(path)
            except configparser.Error:  # half written
                continue
            if path in seen or ask.get("Ask", "Id", fallback="") != wanted or not answers:
                continue
            seen.add(path)
            print("asked:", ask.get("Ask", "Message"), flush=True)
            answer = answers.pop(0)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.sendto(b"-" if answer == "-" else b"+" + answer.encode(),
                         ask.get("Ask", "Socket"))
            while os.path.exists(path):
                time.sleep(0.02)
        time.sleep(0.02)


if __name__ == "__main__":
    main()

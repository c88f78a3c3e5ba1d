#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A software TPM's wire with somebody on it.

usage: tpm_proxy.py TPM_SOCKET PROXY_SOCKET FAULT

Passes commands on from PROXY_SOCKET to TPM_SOCKET (and from PROXY_SOCKET.ctrl to
TPM_SOCKET.ctrl), until it is killed, with one FAULT:

  none      change nothing
  race=N    extend PCR 10 before each of the first N TPM2_Unseal
  forge     flip a bit of the HMAC in the response to TPM2_Unseal
  plain     clear the encrypt attribute of TPM2_Unseal's session, as an interposer would
  dead=CC   hang up instead of answering the command with this code (hexadecimal)
  rc=CC:RC  answer the command with this response code instead of passing it on
"""
import os
import socket
import struct
import sys
import threading

CC_UNSEAL = 0x15E
CC_PCR_EXTEND = 0x182
SESSION_ENCRYPT = 0x40


def receive(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def receive_message(sock):
    """One command or response: tag (2 bytes), size (4), code (4), and the rest."""
    head = receive(sock, 10)
    size = struct.unpack(">I", head[2:6])[0]
    return head + receive(sock, size - 10)


def extend_command(pcr):
    password_session = struct.pack(">IHBH", 0x40000009, 0, 0, 0)
    digests = struct.pack(">IH", 1, 0x000B) + os.urandom(32)
    body = struct.pack(">I", pcr) + struct.pack(">I", len(password_session))
    body += password_session + digests
    return struct.pack(">HII", 0x8002, 10 + len(body), CC_PCR_EXTEND) + body


def without_encrypt(command):
    """Header, object handle, size of the authorization area, session handle, nonce, attributes."""
    nonce_at = 10 + 4 + 4 + 4
    at = nonce_at + 2 + struct.unpack(">H", command[nonce_at : nonce_at + 2])[0]
    return command[:at] + bytes([command[at] & ~SESSION_ENCRYPT]) + command[at + 1 :]


class Wire:
    def __init__(self, upstream, fault):
        self.upstream = upstream
        self.kind, _, self.value = fault.partition("=")
        self.races = int(self.value) if self.kind == "race" else 0

    def exchange(self, tpm, command):
        tpm.sendall(command)
        return receive_message(tpm)

    def answer(self, tpm, command):
        """The response to a command, or None to hang up."""
        code = struct.unpack(">I", command[6:10])[0]
        if self.kind == "dead" and code == int(self.value, 16):
            return None
        if self.kind == "rc":
            refused, rc = (int(number, 16) for number in self.value.split(":"))
            if code == refused:
                return struct.pack(">HII", 0x8001, 10, rc)
        if code != CC_UNSEAL:
            return self.exchange(tpm, command)
        if self.races:
            self.races -= 1
            self.exchange(tpm, extend_command(10))
        if self.kind == "plain":
            command = without_encrypt(command)
        response = self.exchange(tpm, command)
        if self.kind == "forge":
            response = response[:-1] + bytes([response[-1] ^ 1])
        return response

    def serve(self, client):
        with client, socket.socket(socket.AF_UNIX) as tpm:
            tpm.connect(self.upstream)
            try:
                while True:
                    response = self.answer(tpm, receive_message(client))
                    if response is None:
                        return
                    client.sendall(response)
            except (EOFError, ConnectionError):
                pass


def serve_control(client, upstream):
    """The control channel takes one request per connection."""
    with client, socket.socket(socket.AF_UNIX) as tpm:
        tpm.connect(upstream)
        tpm.sendall(client.recv(4096))
        client.sendall(tpm.recv(4096))


def listen(path, handle):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def loop():
        while True:
            handle(server.accept()[0])

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    return thread


def main():
    upstream, path, fault = sys.argv[1:]
    wire = Wire(upstream, fault)
    listen(path + ".ctrl", lambda client: serve_control(client, upstream + ".ctrl"))
    listen(path, wire.serve).join()


main()

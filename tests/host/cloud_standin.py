# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stand-ins of cloud services share: HTTPS, a state that the test writes, and faults.

A stand-in is our own program in the place of a vendor's service. `make check-sdk` holds it against the
vendors' own clients; nobody has held it against the services themselves.

The directory of a stand-in has state.json, which is read at each request and may hold "fault":
{"kind": KIND, "at": PATH's beginning or nothing, "times": how many requests, or nothing for all}.
It writes "requests" (a line each: method, path, headers that are not secret) and "secrets" (what must
never be seen anywhere else), a line each.
"""
import http.server
import json
import os
import ssl
import sys
import threading
import time

LOCK = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection. A subclass has answer(path, body)."""

    protocol_version = "HTTP/1.1"
    directory = None
    faults_left = {}

    def log_message(self, *_):
        pass

    def state(self):
        with open(os.path.join(self.directory, "state.json"), encoding="utf-8") as file:
            return json.load(file)

    def note(self, name, line):
        with LOCK, open(os.path.join(self.directory, name), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def secret(self, text):
        self.note("secrets", text)
        return text

    def send(self, status, body, headers=()):
        """Answer with a dict as JSON, or with bytes."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Type" for name, _ in headers):
            self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fault_now(self):
        """The fault that this request meets, or None."""
        fault = self.state().get("fault")
        if not fault or not self.path.startswith(fault.get("at", "/")):
            return None
        if "times" in fault:
            with LOCK:
                left = self.faults_left.setdefault(json.dumps(fault), fault["times"])
                if left == 0:
                    return None
                self.faults_left[json.dumps(fault)] = left - 1
        return fault

    def play(self, fault):
        """Answer as a service in trouble, or somebody in its place, would."""
        kind = fault["kind"]
        if kind == "status":
            body = fault.get("body", {"error": {"code": "Fault", "message": "as ordered"}})
            self.send(fault["status"], body, fault.get("headers", {}).items())
        elif kind == "malformed":
            self.send(200, fault.get("text", '{"key": {"kid": ').encode())
        elif kind == "huge":
            self.send(200, b'{"value": "' + b"A" * (10 << 20) + b'"}')
        elif kind == "headers":
            self.send(200, {}, [("X-Fault-%d" % i, "y" * 1000) for i in range(90)])
        elif kind == "slow":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            for _ in range(600):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.1)
        elif kind == "hang":
            time.sleep(60)
        elif kind == "close":
            self.close_connection = True
        else:
            sys.exit("no such fault: " + kind)

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        shown = ["Host", "Content-Type", "X-Amz-Target", "User-Agent"]
        shown = " ".join("%s=%s" % (n, self.headers[n]) for n in shown if n in self.headers)
        self.note("requests", "%s %s %s" % (self.command, self.path, shown))
        fault = self.fault_now()
        if fault:
            self.play(fault)
        else:
            self.answer(self.path, body)

    do_GET = do_POST = do_PUT = do_any  # noqa: the names are http.server's


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """A client that hangs up is no event."""


def serve(handler, directory, address, port, tls):
    """Serve until killed; with cert.pem and key.pem of the directory. The file "port" tells the port."""
    handler.directory = directory
    server = Server((address, port), handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
        # The handshake is the connection's thread's, not the one's that accepts.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    with open(directory + "/port.new", "w", encoding="ascii") as file:
        file.write(str(server.server_address[1]))
    os.rename(directory + "/port.new", directory + "/port")
    server.serve_forever()


def main(handler):
    """DIRECTORY ADDRESS PORT [plain], PORT 0 being any."""
    serve(handler, sys.argv[1], sys.argv[2], int(sys.argv[3]), "plain" not in sys.argv)

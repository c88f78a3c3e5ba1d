# SPDX-License-Identifier: LGPL-2.1-or-later
"""connect_proxy.py FILE USER:PASSWORD: an HTTP proxy for CONNECT on 127.0.0.1; FILE gets its port.

It writes what it was asked to connect to into FILE.log, one line each.
"""
import base64
import http.server
import os
import socket
import sys
import threading

FILE, LOGIN = sys.argv[1:]


def copy(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_CONNECT(self):  # noqa: the name is http.server's
        login = "Basic " + base64.b64encode(LOGIN.encode()).decode()
        if self.headers.get("Proxy-Authorization") != login:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.end_headers()
            return
        with open(FILE + ".log", "a", encoding="utf-8") as log:
            log.write(self.path + "\n")
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as server:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=copy, args=(server, self.connection))
            back.start()
            copy(self.connection, server)
            back.join()
        self.close_connection = True


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(FILE + ".new", "w", encoding="ascii") as file:
    file.write(str(server.server_address[1]))
os.rename(FILE + ".new", FILE)
server.serve_forever()

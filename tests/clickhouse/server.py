"""A ClickHouse server for tests: the engine is chDB, ClickHouse as a library; the HTTP interface in front of it is this file.

server.py DIRECTORY PORT_FILE [USER PASSWORD]

It takes what ClickHouse's HTTP interface takes (`query`, settings as parameters, the body, X-ClickHouse-User and X-ClickHouse-Key), runs it, and
answers as that does: 200 with what was asked for, or another status with X-ClickHouse-Exception-Code and the engine's text. The one thing
that it changes is where the rows of an INSERT are: the engine reads them from a file.

/_fault   {"kind": …, "times": N, "seconds": S}: what becomes of the next N inserts
/_query   a statement without login, for whoever tests; rows as JSON
/_inserts the inserts so far: token, digest of the bytes, what became of them
"""

import hashlib
import json
import os
import re
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

DIRECTORY, PORT_FILE, *LOGIN = sys.argv[1:]
ENGINE = session.Session(os.path.join(DIRECTORY, "engine"))
LOCK = threading.Lock()
FAULTS = []
INSERTS = []

# As in ClickHouse's exceptionCodeToHTTPStatus.
STATUS = {516: 403, 497: 403, 193: 403, 194: 401, 60: 404, 81: 404, 47: 404, 115: 404, 46: 404, 62: 400, 53: 400, 27: 400, 26: 400, 6: 400, 159: 408}
# Parameters of the interface itself; all others are settings.
OF_INTERFACE = {"query", "wait_end_of_query", "database", "default_format"}


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def ask(statement):
    with LOCK:
        try:
            answer = ENGINE.query(statement, "JSONEachRow")
        except Exception as error:
            text = str(error)
            found = re.search(r"Code: (\d+)", text)
            raise Refused(int(found.group(1)) if found else 1002, text) from None
        return answer.bytes() if answer is not None else b""


def insert(statement, settings, body):
    found = re.fullmatch(r"(INSERT INTO .*) FORMAT (\w+)", statement, re.S)
    path = os.path.join(DIRECTORY, f"body.{threading.get_ident()}")
    with open(path, "wb") as file:
        file.write(body)
    try:
        text = ", ".join(f"{name} = '{value}'" for name, value in settings)
        return ask(f"{found.group(1)} FROM INFILE '{path}' SETTINGS {text} FORMAT {found.group(2)}")
    finally:
        os.unlink(path)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, text):
        self.answer(STATUS.get(code, 500), text.encode(), [("X-ClickHouse-Exception-Code", str(code))])

    def cut(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def do_POST(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) if "Content-Length" in self.headers else self.chunks()
        if url.path == "/_fault":
            fault = json.loads(body)
            FAULTS.extend([fault] * fault.get("times", 1))
            return self.answer(200, b"")
        if url.path == "/_clear":
            FAULTS.clear()
            return self.answer(200, b"")
        if url.path == "/_inserts":
            return self.answer(200, json.dumps(INSERTS).encode())
        try:
            if url.path == "/_query":
                return self.answer(200, ask(body.decode()))
            if LOGIN and [self.headers.get("X-ClickHouse-User"), self.headers.get("X-ClickHouse-Key")] != LOGIN:
                # The real one says whose password it was, too.
                raise Refused(516, "Code: 516. DB::Exception: x: Authentication failed. (AUTHENTICATION_FAILED)")
            parameters = parse_qsl(url.query, keep_blank_values=True)
            statement = dict(parameters).get("query")
            if statement is None:
                return self.answer(200, ask(body.decode()))
            settings = [(name, value) for name, value in parameters if name not in OF_INTERFACE]
            self.insert(statement, settings, body)
        except Refused as error:
            self.refuse(error.code, str(error))

    do_GET = do_POST

    def chunks(self):
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def insert(self, statement, settings, body):
        fault = FAULTS.pop(0) if FAULTS else {"kind": "none"}
        kind = fault["kind"]
        token = dict(settings).get("insert_deduplication_token")
        seen = {"token": token, "sha256": hashlib.sha256(body).hexdigest(), "fault": kind, "bytes": len(body)}
        INSERTS.append(seen)
        if kind == "slow":
            time.sleep(fault["seconds"])
        if kind == "cut before":
            return self.cut()
        if kind == "500 before":
            # With a value in its text, as the engine's errors have.
            return self.refuse(241, "Code: 241. DB::Exception: Memory limit exceeded: canary-in-an-error (MEMORY_LIMIT_EXCEEDED)")
        if kind == "refused":
            return self.refuse(53, "Code: 53. DB::Exception: Cannot convert canary-in-an-error (TYPE_MISMATCH)")
        if kind == "502":
            return self.answer(502, b"<html>Bad Gateway</html>")
        if kind == "error in 200":
            return self.answer(200, b"Code: 241. DB::Exception: Memory limit exceeded: canary-in-an-error (MEMORY_LIMIT_EXCEEDED)")
        if kind == "error beside 200":
            return self.answer(200, b"", [("X-ClickHouse-Exception-Code", "241")])
        insert(statement, settings, body)
        seen["taken"] = True
        if kind == "cut after":
            return self.cut()
        if kind == "slow after":
            time.sleep(fault["seconds"])
        if kind == "500 after":
            return self.refuse(209, "Code: 209. DB::Exception: Timeout exceeded (SOCKET_TIMEOUT)")
        if kind == "cut in the answer":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
            self.wfile.flush()
            return self.cut()
        self.answer(200, b"", [("X-ClickHouse-Summary", '{"read_rows":"0"}')])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    if os.environ.get("SERVER_CERTIFICATE"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ["SERVER_CERTIFICATE"], os.environ["SERVER_KEY"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(PORT_FILE + ".new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(PORT_FILE + ".new", PORT_FILE)
    # It ends with whoever started it.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()

# SPDX-License-Identifier: MIT
"""Connects Bochs' serial line to the outside: a TCP connection of Bochs' on one side, a log and a unix socket on the other."""

import contextlib
import pathlib
import select
import socket
import threading

PIECE = 1 << 12
POLL_SECONDS = 0.2


class Relay:
    """
    Bytes from Bochs go into the log and to the client that connected last; bytes from the client go to Bochs. The relay
    never waits for the client: one that does not read finds everything later.
    """

    def __init__(self, path, log):
        self.path, self.log = path, log
        self.line = socket.create_server(("127.0.0.1", 0))
        self.door = socket.socket(socket.AF_UNIX)
        pathlib.Path(path).unlink(missing_ok=True)
        self.door.bind(path)
        self.door.listen()
        self.bochs = self.client = None
        self.unread = b""  # by the client
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    @property
    def address(self):
        host, port = self.line.getsockname()
        return f"{host}:{port}"

    def start(self):
        self.thread.start()

    def run(self):
        with open(self.log, "ab", buffering=0) as log:
            while not self.ended.is_set():
                behind = [self.client] if self.client and self.unread else []
                readable, writable, _ = select.select(self.sources(), behind, [], POLL_SECONDS)
                if writable:
                    self.tell_client()
                for ready in readable:
                    self.serve(ready, log)

    def sources(self):
        return [source for source in (self.bochs or self.line, self.door, self.client) if source]

    def serve(self, ready, log):
        if ready is self.line:
            self.bochs = ready.accept()[0]
        elif ready is self.door:
            self.client, self.unread = ready.accept()[0], b""
            self.client.setblocking(False)
        elif ready is self.bochs:
            data = receive(ready)
            log.write(data)
            self.unread += data if self.client else b""
            self.bochs = ready if data else None
        elif ready is self.client:
            data = receive(ready)
            self.bochs = passed_on(self.bochs, data)
            self.client = ready if data else None

    def tell_client(self):
        try:
            self.unread = self.unread[self.client.send(self.unread) :]
        except BlockingIOError:
            pass
        except ConnectionError:
            self.client = None

    def stop(self):
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join()
        for end in filter(None, (self.line, self.door, self.bochs, self.client)):
            end.close()


def receive(source):
    """Nothing when the other end is gone."""
    with contextlib.suppress(ConnectionError):
        return source.recv(PIECE)
    return b""


def passed_on(target, data):
    """The target, or None when it is gone."""
    try:
        if target:
            target.sendall(data)
        return target
    except ConnectionError:
        return None

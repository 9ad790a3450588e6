# SPDX-License-Identifier: MIT
"""Debian's gdb as the client of Trapline's stub: in batch mode, on the line of a Console."""

import pathlib
import select
import socket
import subprocess
import tempfile
import threading

from .machine import BUILD, expect

SECONDS = {"svm": 100, "vmx": 300, "svm-bochs": 300}
OPTIONS = ["-q", "-nx", "-batch", "-iex", "set confirm off", "-iex", "set pagination off", "-iex", "set debuginfod enabled off"]
# A packet that gdb sends again on a slow host gets two replies, and gdb takes the second one for the next packet.
OPTIONS += ["-iex", "set remotetimeout 60"]


class Relay:
    """A socket for gdb whose other end is the console's line: so a test has the line before and after gdb."""

    def __init__(self, line):
        self.line = line
        self.folder = tempfile.TemporaryDirectory(prefix="trapline-gdb-")
        self.path = pathlib.Path(self.folder.name) / "gdb"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        self.sent = self.received = b""
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(10)
        self.listener.close()
        self.folder.cleanup()

    def run(self):
        self.listener.settimeout(0.2)
        while not self.ended.is_set():
            try:
                gdb = self.listener.accept()[0]
            except TimeoutError:
                continue
            self.serve(gdb)

    def serve(self, gdb):
        while not self.ended.is_set():
            ready = select.select([gdb, self.line.socket], [], [], 0.05)[0]
            try:
                if gdb in ready and not self.pass_on(gdb):
                    break
                if self.line.socket in ready:
                    data = self.line.socket.recv(1 << 12)
                    self.received += data
                    gdb.sendall(data)
            except OSError:
                break
        gdb.close()

    def pass_on(self, gdb):
        data = gdb.recv(1 << 12)
        self.sent += data
        left = data
        while left:
            try:
                left = left[self.line.socket.send(left) :]
            except TimeoutError:
                pass
        return bool(data)


def symbol_file(path, base, functions):
    """An ELF file with functions at these addresses, all from `base` on, and without their code. Returns its path."""
    source = path.with_suffix(".s")
    size = max(functions.values()) - base + 16
    text = [f'.section .code,"ax",@nobits\n.Lbase: .skip {size}\n']
    text += [f".globl {name}\n.type {name},@function\n.set {name}, .Lbase+{at - base:#x}\n" for name, at in functions.items()]
    source.write_text("".join(text))
    subprocess.run(["as", "-o", f"{path}.o", source], check=True)
    subprocess.run(["ld", f"--section-start=.code={base:#x}", "-e", "0", "-o", path, f"{path}.o"], check=True)
    return path


def gdb(console, *commands, file=None):
    """Runs gdb with these commands after `target remote`, to its end; its output."""
    before = [f"set remotetimeout {SECONDS[console.backend] // 4}"]
    with Relay(console) as relay:
        lines = [*before, f"python line = '{relay.path}'", f"target remote {relay.path}", *commands]
        command = ["gdb", *OPTIONS, *(word for line in lines for word in ("-ex", line)), *([str(file)] if file else [])]
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS[console.backend], check=False, cwd=BUILD, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"gdb does not end: {error.stdout}; see {console.out}") from error
        finally:
            (console.out / "gdb.line").write_bytes(relay.sent + b"\n\n" + relay.received)
    (console.out / "gdb.log").write_text(done.stdout)
    expect(done.returncode == 0, f"gdb: {done.returncode}: {done.stdout[-2000:]}; see {console.out}")
    return done.stdout

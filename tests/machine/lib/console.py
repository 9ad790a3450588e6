# SPDX-License-Identifier: MIT
"""A machine while it runs, with the other end of its console's serial line."""

import os
import pathlib
import re
import select
import socket
import subprocess
import tempfile
import time

from . import logs
from .machine import LAUNCH, VARIABLES, expect

STEP_SECONDS = 0.05
PACE_SECONDS = 0.2
# Bochs is slow, and the machines of a test run share two processors.
ANSWER_SECONDS = {"svm": 30, "vmx": 240, "svm-bochs": 240}
START_SECONDS = {"svm": 90, "vmx": 400, "svm-bochs": 400}
DONE = rb"^done command=.*\n"


class Answer:
    """The lines of one answer, and how it ended."""

    def __init__(self, text):
        self.lines = text.splitlines()
        self.done = next(logs.fields(line) for line in reversed(self.lines) if line.startswith("done "))

    def records(self, word):
        return [logs.fields(line) for line in self.lines if line.strip().startswith(word + " ")]

    @property
    def ok(self):
        return self.done["status"] == "ok"


class Line:
    """The other end of a serial line."""

    def __init__(self, machine):
        self.backend = machine.backend
        self.out = self.launcher = self.socket = self.other = None
        self.data = b""

    def connect(self, path):
        end = time.monotonic() + START_SECONDS[self.backend]
        while time.monotonic() < end and self.launcher.poll() is None:
            try:
                line = socket.socket(socket.AF_UNIX)
                line.connect(str(path))
                line.settimeout(STEP_SECONDS)
                self.socket = line
                return
            except OSError:
                line.close()
                time.sleep(STEP_SECONDS)
        raise AssertionError(f"the socket {path} did not appear; see {self.out}")

    def send(self, data):
        """
        As a UART takes it: in pieces, with the answers read meanwhile. QEMU holds back what finds no room in the FIFO;
        Bochs' UART loses it, as a real one does, and gets one FIFO between two of the guest's timer interrupts.
        """
        while data:
            self.read(0)
            try:
                data = data[self.socket.send(data[:16]) :]
            except TimeoutError:
                pass
            if self.backend != "svm" and data:
                time.sleep(PACE_SECONDS)

    def read(self, seconds=STEP_SECONDS):
        """Both lines: one that nobody reads holds up the machine."""
        self.take(seconds)
        if self.other:
            self.other.take(0)

    def take(self, seconds):
        if not select.select([self.socket], [], [], seconds)[0]:
            return
        try:
            self.data += self.socket.recv(1 << 16)
        except (TimeoutError, ConnectionError):
            pass

    def wait_for(self, pattern, seconds=None):
        """Everything up to the pattern's end, which is then behind us."""
        end = time.monotonic() + (seconds or ANSWER_SECONDS[self.backend])
        while True:
            found = re.search(pattern, self.data, re.M)
            if found:
                before, self.data = self.data[: found.end()], self.data[found.end() :]
                return before
            expect(time.monotonic() < end, f"no {pattern!r} on the line; see {self.out}: {self.data[-500:]!r}")
            expect(self.launcher.poll() is None, f"the machine ended; see {self.out}")
            self.read()


class Launched(Line):
    """A machine, and its serial lines: by the launcher's variables for them, of which the first one's is this one."""

    def __init__(self, machine, kind, ports, variables):
        super().__init__(machine)
        self.folder = tempfile.TemporaryDirectory(prefix=f"trapline-{kind}-")
        self.paths = {port: pathlib.Path(self.folder.name) / port for port in ports}
        self.out = machine.scratch / f"{kind}-{machine.backend}-{time.monotonic_ns()}"
        self.out.mkdir(parents=True)
        env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        own = {"BACKEND": machine.backend, "OUT": self.out, **self.paths}
        env.update({name: str(value) for name, value in {**variables, **own}.items()})
        self.launcher = subprocess.Popen(
            [LAUNCH], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def __enter__(self):
        self.connect(next(iter(self.paths.values())))
        return self

    def __exit__(self, *_):
        self.launcher.terminate()
        self.launcher.wait(30)
        self.launcher.stdout.close()
        self.socket.close()
        self.folder.cleanup()


class Console(Launched):
    """A machine, and the operator's line; with SERIAL=True the guest's as well."""

    def __init__(self, machine, **variables):
        self.serial = Line(machine) if variables.pop("SERIAL", False) else None
        ports = ["CONSOLE", "SERIAL"] if self.serial else ["CONSOLE"]
        super().__init__(machine, "console", ports, {"TIMEOUT": 600, **variables})

    def __enter__(self):
        super().__enter__()
        if self.serial:
            self.serial.launcher, self.serial.out = self.launcher, self.out
            self.serial.connect(self.paths["SERIAL"])
            self.serial.other, self.other = self, self.serial
        self.wait_for(rb"trapline: active .*\n", START_SECONDS[self.backend])
        return self

    def logfmt(self):
        """Makes ask() work: no echo, no prompt."""
        self.send(b"\rset output logfmt\r")
        self.wait_for(DONE)

    def ask(self, line):
        self.send(line.encode("latin-1") + b"\r")
        return Answer(logs.clean(self.wait_for(DONE)))

    def ask_ok(self, line):
        answer = self.ask(line)
        expect(answer.ok, f"{line}: {answer.done}; see {self.out}")
        return answer

    def ended(self):
        """The launcher's exit status. Reads the rest of the output first, because a UART whose other end does not read is slow."""
        end = time.monotonic() + ANSWER_SECONDS[self.backend]
        while self.launcher.poll() is None:
            expect(time.monotonic() < end, f"the machine does not end; see {self.out}")
            self.read()
        return self.launcher.returncode

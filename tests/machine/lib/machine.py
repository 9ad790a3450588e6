# SPDX-License-Identifier: MIT
"""Boots machines through tools/launch, and keeps the results for tests that use the same run."""

import os
import pathlib
import subprocess
import threading
import zlib

from . import logs

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
LAUNCH = ROOT / "tools/launch"
GUESTS = BUILD / "guests"
LINUX = {"KERNEL": str(BUILD / "linux/vmlinuz"), "INITRD": str(BUILD / "linux/initrd.img")}
VARIABLES = (
    "APPEND ARGS BACKEND BOCHS CONF CONSOLE CPU CPUS DISK EFI ESP ESP_FREE EXTRA FOLLOW ICOUNT INITRD KERNEL MEM MSRS "
    "OUT REBOOT SECURE SERIAL TIMEOUT TRAPLINE TRAPLINE_EFI UNTIL USB VARS"
).split()
# Longer than the launcher's own limit: only a launcher that hangs gets there.
GRACE_SECONDS = 60


class Failure(AssertionError):
    """A test has found a mistake."""


class Skip(Exception):
    """Why a test cannot be run here."""


def on(*backends):
    """The backends of a test that is not for all of them."""

    def mark(test):
        test.backends = backends
        return test

    return mark


def expect(condition, message):
    if not condition:
        raise Failure(message)


class Run:
    """One machine's life: how it ended and what it wrote."""

    def __init__(self, status, out, said):
        self.status = status
        self.out = out
        self.said = said.strip()
        self.guest = self.read("guest.log")
        self.trapline = self.read("trapline.log")
        # The summary's table starts with the same word.
        self.traps = [trap for trap in logs.records(self.trapline, "trap") if "seq" in trap]

    def read(self, name):
        path = self.out / name
        return logs.clean(path.read_bytes()) if path.exists() else ""

    def guest_lines(self, word):
        return [line for line in self.guest.splitlines() if line.startswith(word)]

    def expect_status(self, *wanted):
        expect(self.status in wanted, f"status {self.status}, not {wanted}: {self.said}")
        return self

    def expect_line(self, text, log="trapline"):
        expect(text in getattr(self, log), f"no \"{text}\" in {self.out}/{log}.log")
        return self

    def expect_active(self, backend, cpus=1):
        """Trapline ran on every CPU and had no fault of its own."""
        wanted = f"backend={backend} cpus={cpus}"
        line = next((line for line in self.trapline.splitlines() if line.startswith("trapline: active ")), None)
        expect(line, f"no \"trapline: active\" in {self.out}/trapline.log")
        expect(wanted in line, f"not \"{wanted}\": {line}")
        return self.expect_no_fault()

    def expect_no_fault(self):
        for line in self.trapline.splitlines():
            expect(not line.startswith(("trapline: fault", "trapline: fatal")), f"{line}; see {self.out}")
        return self


def esp_file(run, name):
    """A file of the ESP as the run left it; None when it is not there."""
    command = ["mtype", "-i", str(run.out / "esp.img"), f"::/{name}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else None


class Machines:
    """All runs of one session; the same machine is booted only once."""

    def __init__(self, out):
        self.out = out
        self.guard = threading.Lock()
        self.locks = {}
        self.runs = {}

    def boot(self, variables):
        key = tuple(sorted(variables.items()))
        with self.guard:
            lock = self.locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self.runs:
                self.runs[key] = self.launch(variables)
            return self.runs[key]

    def launch(self, variables):
        with self.guard:
            out = self.out / f"{len(list(self.out.iterdir())):03d}"
            out.mkdir()
        env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        env.update(variables, OUT=str(out))
        (out / "variables").write_text("".join(f"{name}={value}\n" for name, value in sorted(variables.items())))
        limit = int(variables.get("TIMEOUT", 900)) + GRACE_SECONDS
        done = subprocess.run(
            [LAUNCH], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False
        )
        return Run(done.returncode, out, done.stdout + done.stderr)

    def stop(self):
        """Nothing to stop: no process outlives a boot."""


class Machine:
    """The argument of a test: boots machines on the backend that it runs for."""

    def __init__(self, machines, backend, scratch):
        self.machines = machines
        self.backend = backend
        self.scratch = scratch
        self.vendor = "vmx" if backend == "vmx" else "svm"

    def boot(self, **variables):
        """Boots with these launcher variables. Equal variables give the same run."""
        variables = {name: str(value) for name, value in variables.items()}
        for name in ("EFI", "KERNEL", "DISK"):
            path = variables.get(name)
            expect(not path or pathlib.Path(path).exists(), f"{path} is not built")
        return self.machines.boot({"BACKEND": self.backend, **variables})

    def linux(self, append="", **variables):
        # TINY=1: the kernel of tools/tiny-kernel.sh, which Bochs boots in a sixth of the time
        if self.backend == "vmx" and os.environ.get("TINY"):
            variables["KERNEL"] = BUILD / "linux/tiny-vmlinuz"
        # No randomised addresses: what is printed can then be compared word for word. No check of the timer against the
        # TSC: an emulator on a busy host fails it.
        return self.boot(**{**LINUX, **variables}, APPEND=f"norandmaps no_timer_check {append}".strip())

    def guest(self, name, **variables):
        """One of tests/guests."""
        return self.boot(EFI=GUESTS / f"{name}.efi", **variables)

    def conf(self, text):
        """A trapline.conf. Equal text is an equal file, so that tests can share a run."""
        path = self.scratch / f"{zlib.crc32(text.encode()):08x}.conf"
        path.write_text(text)
        return str(path)

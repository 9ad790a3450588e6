# SPDX-License-Identifier: MIT
"""The launcher: a variable that is set has an effect, or is refused with a line. Most tests boot nothing."""

import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zlib

from lib.console import Console
from lib.machine import Failure, GUESTS, LAUNCH, LINUX, ROOT, VARIABLES, expect, on

sys.path.insert(0, str(ROOT / "tools"))

from launcher.bochs import Bochs  # noqa: E402
from launcher.esp import lay_out  # noqa: E402
from launcher.qemu import Qemu  # noqa: E402
from launcher.settings import BACKENDS, Settings, Wrong  # noqa: E402

REFUSED = 2
DEMO_SECONDS = 300
PORT = re.compile(r"127\.0\.0\.1:\d+")
# The machines that boot: the other variables are added to one of these, one and two at a time.
STARTS = ("EFI", "KERNEL", "DISK", "EFI DISK", "KERNEL INITRD")


def samples(folder):
    """A value of each variable other than its default. Files differ by their names."""
    values = {"ARGS": "a", "APPEND": "b", "CPU": "c", "EXTRA": "-d", "UNTIL": "e", "CPUS": "2", "MEM": "200", "TIMEOUT": "5"}
    values |= {"ESP_FREE": "7", "TRAPLINE": "0", "USB": "1", "ICOUNT": "1", "REBOOT": "1", "FOLLOW": "1", "SECURE": "1"}
    for name in ("KERNEL", "INITRD", "EFI", "DISK", "CONF", "MSRS", "TRAPLINE_EFI", "VARS"):
        values[name] = str(folder / name.lower())
        pathlib.Path(values[name]).write_text(f"# {name}\n")
    for name in ("ESP", "BOCHS", "OUT"):
        values[name] = str(folder / name.lower())
        pathlib.Path(values[name]).mkdir()
    (folder / "esp/more").touch()
    return values | {name: str(folder / f"{name.lower()}.socket") for name in ("CONSOLE", "SERIAL")}


def emulator(settings):
    """The emulator's command line."""
    if settings.backend == "svm":
        qemu = Qemu.__new__(Qemu)
        qemu.settings = settings
        return " ".join(map(str, qemu.arguments(0)))
    bochs = Bochs(settings)
    lines = [line.relay and (line.relay.path, line.relay.log) for line in (bochs.com1, bochs.com2)]
    words = PORT.sub("port", f"{bochs.program()[0]} {bochs.bochsrc()} {lines}")
    for line in (bochs.com1, bochs.com2):
        line.stop()
    return words


def esp(settings):
    """The contents of the ESP."""
    if not settings.has_guest:
        return None
    with tempfile.TemporaryDirectory() as folder:
        lay_out(pathlib.Path(folder), settings)
        files = [path for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()]
        return settings.esp_free, [(path.relative_to(folder), zlib.crc32(path.read_bytes())) for path in files]


class Machines:
    """The result of a set of variables: the whole machine in words, or the line that refuses it."""

    def __init__(self):
        self.known = {}

    def of(self, env):
        key = frozenset(env.items())
        if key not in self.known:
            self.known[key] = self.make(env)
        return self.known[key]

    def make(self, env):
        try:
            s = Settings.from_environment(env)
            return str((emulator(s), s.vars, esp(s), s.timeout, s.until, s.reboot, s.follow)), ""
        except Wrong as wrong:
            return "", str(wrong)

    def ignored(self, env, name):
        """Whether a variable that is set has no effect and causes no message."""
        machine, refused = self.of(env)
        if refused:
            return not refused.startswith(tuple(f"{other}=" for other in env))
        before, missing = self.of({other: value for other, value in env.items() if other != name})
        return not missing and before == machine


@on("svm")
def test_used_or_refused(machine):
    """Every variable with every other, for every kind of guest on every backend."""
    values = samples(pathlib.Path(tempfile.mkdtemp(dir=machine.scratch)))
    expect(set(values) | {"BACKEND"} == set(VARIABLES), f"without a sample: {set(VARIABLES) ^ set(values)}")
    machines = Machines()
    ignored, used = [], set()
    for backend, guest, pair in itertools.product(BACKENDS, STARTS, itertools.combinations(values, 2)):
        names = {*guest.split(), *pair}
        env = {"BACKEND": backend, **{name: values[name] for name in values if name in names}}
        ignored += [f"{name} of {sorted(names)} on {backend}" for name in pair if machines.ignored(env, name)]
        used |= names if machines.of(env)[0] else set()
    expect(not ignored, f"{len(ignored)} are ignored: {ignored[:5]}")
    expect(used == set(values), f"always refused: {set(values) - used}")


EFI = {"EFI": str(LAUNCH)}
KERNEL = {"KERNEL": str(LAUNCH)}
WRONG = (
    ({}, "nothing to boot: set KERNEL, EFI or DISK"),
    ({"BACKEND": "foo", **EFI}, "BACKEND=foo: it is one of svm, vmx, svm-bochs"),
    ({"CPUS": "0", **EFI}, "CPUS=0: it is a number from 1 up"),
    ({"MEM": "abc", **EFI}, "MEM=abc: it is a number from 128 up"),
    ({"TIMEOUT": "-1", **EFI}, "TIMEOUT=-1: it is a number from 1 up"),
    ({"ICOUNT": "yes", **EFI}, "ICOUNT=yes: it is 0 or 1"),
    ({"UNTIL": "(", **EFI}, "UNTIL=(: missing )"),
    ({"EXTRA": "'", **EFI}, "EXTRA=': No closing quotation"),
    ({"ARGS": "a\nb", **EFI}, "ARGS='a\\nb': it is one line of ASCII"),
    ({"EFI": "/none"}, "EFI=/none: no such file"),
    ({"EFI": "/"}, "EFI=/: it is a file"),
    ({"ESP": str(LAUNCH), **EFI}, f"ESP={LAUNCH}: it is a folder"),
    ({"CONSOLE": str(LAUNCH), **EFI}, f"CONSOLE={LAUNCH}: it is there already, and no socket"),
    ({"SERIAL": "/none/com1", **EFI}, "SERIAL=/none/com1: no such folder"),
    ({"SERIAL": "/tmp/com", "CONSOLE": "/tmp/com", **EFI}, "SERIAL=/tmp/com: it cannot be CONSOLE's socket"),
    ({"OUT": str(LAUNCH), **EFI}, "[Errno 17]"),
    ({"CONF": "options", "APPEND": "x", **KERNEL}, "APPEND=x: CONF has options of its own"),
    ({"CONF": "options", "INITRD": str(LAUNCH), **KERNEL}, f"INITRD={LAUNCH}: the options in CONF name none"),
)


def refusal(program, variables):
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [program], env={**env, **variables}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    expect(done.returncode == REFUSED, f"{variables}: status {done.returncode}")
    expect(done.stderr.count("\n") == 1, f"{variables}: not one line: {done.stderr}")
    return done.stderr


@on("svm")
def test_wrong_values(machine):
    """An invalid value is refused with one line, which names the variable and the valid values."""
    conf = machine.conf("options = quiet\n")
    for variables, line in WRONG:
        variables = {name: conf if name == "CONF" else value for name, value in variables.items()}
        said = refusal(LAUNCH, {"OUT": str(machine.scratch / "wrong"), **variables})
        expect(said.startswith(f"launch: {line}"), f"{variables}: {said}")


@on("svm")
def test_demo_variables(machine):
    """`make run` passes its variables on: its own guest accepts another INITRD, but no ARGS."""
    demo = ROOT / "tools/demo"
    expect("INITRD=/none: no such file" in refusal(demo, {"INITRD": "/none"}), "INITRD is not used")
    expect("ARGS=a: it goes with an EFI program" in refusal(demo, {"ARGS": "a"}), "ARGS is not refused")
    recipe = (ROOT / "tests/machine/build.mk").read_text()
    exported = re.search(r"^LAUNCH_VARIABLES := (.*?[^\\])\n", recipe, re.M | re.S).group(1).replace("\\", "").split()
    expect(exported == sorted(VARIABLES), f"make exports other ones: {set(exported) ^ set(VARIABLES)}")
    described = set(re.findall(r"\b([A-Z_]+)=", LAUNCH.read_text()))
    expect(described == set(VARIABLES), f"described are others: {described ^ set(VARIABLES)}")


@on("svm")
def test_demo(machine):
    """`make run` without variables: the provoked faults are printed, then the kernel's death, on one page; and it succeeds."""
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    env.update(OUT=str(machine.scratch / "demo"), TIMEOUT=str(DEMO_SECONDS))
    done = subprocess.run(
        [ROOT / "tools/demo"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * DEMO_SECONDS, check=False
    )
    expect(done.returncode == 0, f"status {done.returncode}: {done.stderr}")
    faults, _, page = done.stdout.partition("demo: the kernel has died")
    expect("name=#DE" in faults and "name=#UD" in faults, f"the program's faults are not there; see {machine.scratch}/demo")
    verdicts = re.findall(r"^trapline: verdict .* wrote to address 0x30 .*reset", page, re.M)
    expect(len(verdicts) == 1, f"not one verdict: {page}")
    expect('insn="mov qword ptr [rdi+0x30], 0x1"' in page and "docs/reading.md" in page, f"not all of it: {page}")


@on("svm")
def test_time_limit(machine):
    """A run with a serial line in use has a time limit only if one is set."""
    limits = [({}, 180), ({"BACKEND": "vmx"}, 900), ({"TIMEOUT": "7"}, 7)]
    for line in ("CONSOLE", "SERIAL"):
        path = {line: str(machine.scratch / "line")}
        limits += [(path, None), ({**path, "BACKEND": "vmx"}, None), ({**path, "TIMEOUT": "7"}, 7)]
    for variables, limit in limits:
        found = Settings.from_environment({**EFI, **variables}).timeout
        expect(found == limit, f"{variables}: {found} instead of {limit}")


def expect_logged(console, text):
    """The emulator writes its log later than the socket."""
    for _ in range(100):
        if text in (console.out / "guest.log").read_bytes():
            return
        time.sleep(0.1)
    raise Failure(f"not in {console.out}/guest.log")


@on("svm")
def test_serial(machine):
    """SERIAL: the guest's line as a socket, beside the console's. A shell on it answers."""
    shell = "norandmaps no_timer_check rdinit=/bin/busybox -- sh"
    with Console(machine, **LINUX, APPEND=shell, SERIAL=True) as console:
        serial = console.serial
        serial.wait_for(rb"/ # ", 300)
        serial.send(b"echo $((6 * 7))\r")
        serial.wait_for(rb"^42\r?$")
        expect_logged(console, b"\n42")
        console.logfmt()
        console.ask_ok("status")


@on("vmx")
def test_serial_on_bochs(machine):
    """The same on Bochs, by its own connection: the guest's output arrives, and is in the log."""
    with Console(machine, EFI=GUESTS / "hang.efi", ARGS="way=loop", SERIAL=True) as console:
        console.serial.wait_for(rb"hang way=loop")
        expect_logged(console, b"hang way=loop")

# SPDX-License-Identifier: MIT
"""trapline-decode names functions, files and lines in a log, in a root directory with nothing but the files that it is given.

The tests compare its lines with the source: the line of the instruction that the module died of.
"""

import os
import re
import shutil
import subprocess

from lib.machine import BUILD, ROOT, Skip, expect, on
from test_deaths import FILES, INITRD, MODULE, BOX_WRITTEN, esp_file

DECODE = BUILD / "guest-tools/bin/trapline-decode"
WRONG = BUILD / "guest-tools/modules/wrong/wrong.ko"
LIBRARY = BUILD / "linux/bin/libdeath.so"
SOURCES = ROOT / "tests/linux/deaths"
SECONDS = 60


def line_of(file, text):
    """The number of the first line of a source that contains the text, from 1."""
    return next(n for n, line in enumerate((SOURCES / file).read_text().splitlines(), 1) if text in line)


class Elsewhere:
    """A root directory with only the program, its libraries, and the files that a test puts there."""

    def __init__(self, machine, name):
        if os.geteuid() and subprocess.run(["unshare", "-r", "true"], capture_output=True, check=False).returncode:
            raise Skip("neither root nor user namespaces: there is no other root to decode in")
        self.root = machine.scratch / f"{machine.backend}-{name}"
        shutil.rmtree(self.root, ignore_errors=True)
        self.copy(DECODE, "decode")
        needed = subprocess.run(["ldd", DECODE], capture_output=True, text=True, check=True).stdout
        for path in re.findall(r"(/\S+)", needed):
            self.copy(path, path.lstrip("/"))

    def copy(self, path, to):
        target = self.root / to
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    def put(self, name, text):
        (self.root / name).write_text(text)

    def decode(self, *arguments, status=0):
        """Runs the program; returns what it prints on standard output and on standard error."""
        command = ["unshare", *(["-r"] if os.geteuid() else []), f"--root={self.root}", "/decode", *arguments]
        done = subprocess.run(command, env={}, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
        expect(done.returncode == status, f"trapline-decode {arguments}: {done.returncode}: {done.stderr}")
        return done.stdout, done.stderr


def dead_run(machine, die):
    if not MODULE.exists():
        raise Skip("the kernel module is not built: no headers of the guest's kernel")
    run = ",".join(["insmod:trapline", "insmod:death", f"die:{die}"])
    append = f"trapline.mode=boot trapline.run={run} oops=panic panic=1"
    variables = {"CONF": machine.conf(FILES), "REBOOT": 1, "UNTIL": BOX_WRITTEN, "TIMEOUT": 240}
    return machine.linux(append, INITRD=INITRD, **variables).expect_status(0).expect_active(machine.vendor)


def beneath(text, begins):
    """The line after the first one that begins with the text, without its indent."""
    lines = text.splitlines()
    at = next((i for i, line in enumerate(lines) if line.startswith(begins)), None)
    expect(at is not None, f"no line begins with {begins!r}")
    return lines[at + 1].removeprefix("last| ").strip()


def expect_named(text, begins, wanted):
    said = beneath(text, begins)
    expect(re.fullmatch(wanted, said), f"beneath {begins!r} stands {said!r}, not {wanted!r}")


def without_names(text):
    """The log as it was before names were added: without the added lines, and without names behind callers."""
    kept = [line for line in text.splitlines() if not re.match(r"(last\| )?    (at|to|rip|next|0x[0-9a-f]+|  inlined in) ", line)]
    return [re.sub(r"(how=\w+( times=\d+)?)  .*", r"\1", line) for line in kept]


@on("svm")
def test_module(machine):
    """A module's NULL write: from the serial log alone, another machine finds its function and source line, and changes no other line."""
    run = dead_run(machine, "null-write")
    there = Elsewhere(machine, "decode-module")
    there.copy(MODULE, "modules/death.ko")
    (there.root / "log").write_bytes((run.out / "trapline.log").read_bytes())
    said, complaints = there.decode("--module=/modules", "/log", status=3)
    expect("module trapline: no trapline.ko in the folders" in complaints, f"a module that is not there: {complaints!r}")
    line = line_of("module/death.c", "DIES(null_write")
    wanted = rf"at die_null_write\+0x[0-9a-f]+ \[death\] \S*/death\.c:{line}"
    told = said.partition('text="die null-write"')[2]
    expect_named(told, "trap seq=", wanted)
    expect(re.search(r"  by 0x\S+ stack=\S+ how=\w+  death_write\+0x[0-9a-f]+ \[death\] \S*/death\.c:\d+", told), "its caller has no name")
    before = (run.out / "trapline.log").read_bytes().decode("latin-1").splitlines()
    expect(without_names(said) == [line.encode("latin-1").decode(errors="replace") for line in before], "another line has changed")
    expect("\x1b[1m" not in said, "colours in a pipe")
    expect("\x1b[1mdie_null_write" in there.decode("--module=/modules", "--color=always", "/log", status=3)[0], "no colours")


@on("svm")
def test_initialisation(machine):
    """A module that dies in its initialisation code, which is in memory of its own and is freed later."""
    run = dead_run(machine, "module")
    there = Elsewhere(machine, "decode-initialisation")
    there.copy(WRONG, "modules/wrong.ko")
    there.put("log", run.trapline)
    said, _ = there.decode("-m", "/modules", "/log", status=3)
    call, init = line_of("wrong/wrong.c", "asm volatile("), line_of("wrong/wrong.c", "call_astray();")
    for function, line in (("call_astray", call), ("wrong_init", init)):
        wanted = rf"  by 0x\S+ stack=\S+ how=\w+  {function}\+0x[0-9a-f]+ \[wrong\] \S*/wrong\.c:{line}$"
        expect(re.search(wanted, said, re.M), f"{function} is not named at line {line}: {run.out}/trapline.log")


@on("svm")
def test_process(machine):
    """A program that dies in a shared library: the log names the library, and the address in it."""
    if not MODULE.exists():
        raise Skip("the kernel module is not built: no headers of the guest's kernel")
    run = machine.linux("trapline.mode=boot trapline.run=insmod:trapline,die:user-library", INITRD=INITRD)
    run.expect_status(0).expect_active(machine.vendor)
    there = Elsewhere(machine, "decode-process")
    there.put("log", run.trapline)
    said, _ = there.decode("/log")
    symbols = subprocess.run(["nm", "-D", LIBRARY], capture_output=True, text=True, check=True).stdout
    place = int(re.search(r"^([0-9a-f]+) T library_write$", symbols, re.M)[1], 16)
    expect_named(said.partition('text="die user-library"')[2], "trap seq=", re.escape(f"at [/lib/libdeath.so]+{place:#x}"))


@on("svm")
def test_files(machine):
    """The two files of the next start do not have the modules' addresses: these come from --base, or from the records' code."""
    run = dead_run(machine, "null-write")
    base = re.search(r"\bdeath=(0x[0-9a-f]+)\+", run.trapline)
    expect(base, "the guest's module did not say where death is")
    there = Elsewhere(machine, "decode-files")
    there.copy(MODULE, "modules/below/death.ko")
    for name, options in (("last.txt", []), ("report.txt", [f"--base=death={base[1]}"])):
        there.put(name, esp_file(run, name))
        expect("modules death=" not in esp_file(run, name), "its place is told there")
        said, _ = there.decode("-m/modules", *options, f"/{name}")
        expect_named(said, "last| trap seq=", r"at die_null_write\+0x[0-9a-f]+ \[death\] \S*/death\.c:\d+")


def frames_by_binutils(vmlinux, addresses):
    """addr2line's answer for each address: (function, file:line) of the innermost function and of those that it is inlined in."""
    words = [f"0x{address:x}" for address in addresses]
    said = subprocess.run(["addr2line", "-aife", vmlinux, *words], capture_output=True, text=True, timeout=900, check=True).stdout
    frames = {}
    for block in re.split(r"^0x", said, flags=re.M)[1:]:
        address, *lines = block.splitlines()
        frames[int(address, 16)] = list(zip(lines[::2], (re.sub(r" \(discriminator.*", "", line) for line in lines[1::2])))
    return frames


NAMED = re.compile(r"^(?:at|  by \S+ stack=.*how=\w+(?: times=\d+)?  |inlined in) ?(\S+)(?: (\S+))?$")


def printed_frames(lines, i):
    """The frames in line i and the lines beneath it, in the form of frames_by_binutils()."""
    frames = []
    while i < len(lines) and (found := NAMED.match(lines[i] if lines[i].startswith("  by") else lines[i].strip())):
        if frames and not lines[i].strip().startswith("inlined in"):
            break
        frames.append((re.sub(r"\+0x[0-9a-f]+$", "", found[1]), found[2] or "??:0"))
        i += 1
    return frames


def kernel_places(text, slide):
    """(linked address, frames) of each caller and record in the kernel's code that has a name."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        by = re.match(r"  by (0xffffffff\S+) .*how=\w+(?: times=\d+)?  ", line)
        at = re.match(r"trap seq=.* at=0x10:(0xffffffff\S+) ", line)
        if by and "[" not in line:
            yield int(by[1], 16) - slide - 1, printed_frames(lines, i)
        elif at and i + 1 < len(lines) and lines[i + 1].startswith("    at ") and "[" not in lines[i + 1]:
            yield int(at[1], 16) - slide, printed_frames(lines, i + 1)


def same_frames(told, wanted):
    """Compares frames without the suffixes of split functions (cold, isra), and without the folders of their files."""
    def plain(frame):
        function, place = frame
        return function.partition(".")[0], place.rpartition("/")[2]

    return [plain(frame) for frame in told] == [plain(frame) for frame in wanted]


@on("svm")
def test_kernel(machine):
    """Addresses in the kernel: function, file, line and inlined functions are those of binutils' addr2line (make test-dbg)."""
    vmlinux = os.environ.get("DBG")
    if not vmlinux:
        raise Skip("make test-dbg")
    run = dead_run(machine, "in-kernel")
    (machine.scratch / "kernel.log").write_text(run.trapline)
    command = [DECODE, "--vmlinux", vmlinux, "-m", MODULE.parent, machine.scratch / "kernel.log"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False).stdout
    told = said.partition('text="die in-kernel"')[2]
    expect_named(told, "trap seq=", r"at \w+ lib/kstrtox\.c:\d+|at \w+\+0x[0-9a-f]+ lib/kstrtox\.c:\d+")
    slide = int(re.search(r"Kernel Offset: (0x[0-9a-f]+)", run.guest)[1], 16)
    places = dict(kernel_places(said, slide))
    expect(len(places) > 10, f"{len(places)} places in the kernel are named")
    wanted = frames_by_binutils(vmlinux, places)
    # Without the guest's marks in the log, the code bytes of the records have to be enough.
    (machine.scratch / "kernel.log").write_text("".join(line for line in run.trapline.splitlines(True) if "cpl=0 text=" not in line))
    silent = dict(kernel_places(subprocess.run(command, capture_output=True, text=True, timeout=300, check=False).stdout, slide))
    expect(silent == places, "the slide by the records' code is another one")
    wrong = [f"0x{at:x}: {frames}, addr2line: {wanted[at]}" for at, frames in places.items() if not same_frames(frames, wanted[at])]
    expect(not wrong, "\n".join(wrong))


@on("svm")
def test_complaints(machine):
    """A file that cannot be used is reported with the reason and an exit status."""
    run = dead_run(machine, "null-write")
    there = Elsewhere(machine, "decode-complaints")
    there.put("log", run.trapline)
    there.copy("/bin/true", "vmlinux")
    there.put("empty", "nothing\n")
    _, said = there.decode("--vmlinux=/vmlinux", "/log", status=3)
    build = re.search(r"\bbuild=([0-9a-f]+)", run.trapline)[1]
    expect("belongs to another kernel" in said and build in said, f"another kernel's file: {said!r}")
    expect("No such file" in there.decode("/none", status=1)[1], "a file that is not there")
    expect("--slide" in there.decode("--slide=x", status=2)[1], "a slide that is no number")
    there.decode("/empty", status=4)


@on("svm")
def test_no_kernel_package(machine):
    """tools/dbg-kernel.sh repeats why there is no package, in apt's words, and keeps nothing."""
    folder = machine.scratch / "decode-no-package"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    apt = folder / "bin/apt-get"
    apt.write_text("#!/bin/sh\necho 'Reading package lists...'\necho 'E: the network is down' >&2\nexit 100\n")
    apt.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "XDG_CACHE_HOME": str(folder)}
    done = subprocess.run([ROOT / "tools/dbg-kernel.sh"], env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
    expect(done.returncode == 1 and not done.stdout, f"{done.returncode} {done.stdout}")
    expect(re.search(r"^dbg-kernel: linux-image-\S+-dbg is not downloaded: E: the network is down$", done.stderr, re.M), done.stderr)
    expect(not list((folder / "trapline").iterdir()), "a part of it is kept")

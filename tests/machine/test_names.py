# SPDX-License-Identifier: MIT
"""Names in Trapline's own reports: `symbols` in trapline.conf, the slide of a relocated kernel, images of the firmware, and the processes
of address spaces.

The tests compare them with the guest's own report: Linux prints its calls, with function and offset, and the running process.
"""

import bz2
import gzip
import lzma
import os
import random
import re
import struct
import subprocess

import test_deaths as suite
import test_report as reports
from lib import logs
from lib.machine import BUILD, ROOT, Skip, expect, on

MAP = BUILD / "linux/System.map"
KERNEL = BUILD / "linux/vmlinuz"
SLIDE = re.compile(r"^trapline: slide=0x([0-9a-f]+) from idt,lstar,calls symbols=\\System\.map$", re.M)
SYM = re.compile(r'sym="(\S+)\+0x([0-9a-f]+)"')
# Linux' own words: " vfs_write+0xc7/0x3d0"; what it doubts has a question mark.
CALL = re.compile(r"^\[[ \d.]+\]  ([a-zA-Z_][\w.]*)\+0x([0-9a-f]+)/0x[0-9a-f]+$", re.M)
PANIC = "oops=panic panic=1"


def esp(machine, name, files):
    """A folder for the ESP."""
    folder = machine.scratch / name
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (folder / path).write_bytes(content)
    return folder


def kernel_release(image):
    """What a bzImage says of itself (Documentation/x86/boot.rst): at 0x20e the place of its version, from 0x200 on."""
    start = 0x200 + struct.unpack_from("<H", image, 0x20E)[0]
    return image[start : image.index(b" ", start)].decode()


def linux_map():
    """The symbols of the guest's kernel. tools/kernel-map has to read Debian 12's; another may be too new for it."""
    if not MAP.exists():
        release = kernel_release(KERNEL.read_bytes())
        expect(not release.startswith("6.1."), f"there is no {MAP}, and tools/kernel-map reads {release}: make machine-files")
        raise Skip(f"tools/kernel-map cannot read the kernel {release}: there is no {MAP}")
    return MAP.read_bytes()


def dies(machine, text, conf="symbols = \\System.map\n", name="map", append=PANIC, run="insmod:death,die:null-write", **variables):
    if not suite.MODULE.exists():
        raise Skip("the kernel module is not built: no headers of the guest's kernel")
    variables = {"CONF": machine.conf(conf), "ESP": esp(machine, name, {"System.map": text}), "INITRD": suite.INITRD, **variables}
    return machine.linux(f"trapline.run={run} {append}", **variables).expect_active(machine.vendor)


def end_of(run):
    """The trapline log from the verdict on."""
    return run.trapline[run.trapline.index("trapline: verdict ") :]


@on("svm", "vmx")
def test_names_during_a_death(machine):
    """Debian's relocated kernel dies by a NULL write of a module: the callers have the same names as in Linux' own report."""
    run = dies(machine, linux_map()).expect_status(3)
    where = f"see {run.out}/trapline.log"
    expect(SLIDE.search(run.trapline), f"no slide; {where}")
    said = {(name, offset) for name, offset in CALL.findall(run.guest)}
    expect(len(said) > 4, f"Linux names no calls; see {run.out}/guest.log")
    callers = {found.groups() for line in end_of(run).splitlines() if line.startswith("  by ") and (found := SYM.search(line))}
    expect(("vfs_write" in {name for name, _ in callers}) and len(said & callers) > 3, f"named {callers}, Linux {said}; {where}")
    kernel = re.findall(r"^  by 0x(ffffffff[89ab]\S+) (?!.*sym=)", end_of(run), re.M)
    expect(not kernel, f"without a name: {kernel}; {where}")
    stands = re.search(r"^  stands .*", end_of(run), re.M).group()
    expect(SYM.search(stands) and "apic" in SYM.search(stands).group(1), f"{stands}; {where}")
    base = int(SLIDE.search(run.trapline).group(1), 16)
    offset = re.search(r"Kernel Offset: (0x[0-9a-f]+) from 0xffffffff81000000", run.guest)
    expect(offset is None or int(offset.group(1), 16) == base, f"slide {base:#x}, Linux says {offset}; {where}")


@on("svm")
def test_names_without_interrupt_table(machine):
    """A kernel without its interrupt table dies: its slide was found earlier, and the report names the place and the gate."""
    run = dies(machine, linux_map(), run="insmod:death,die:stale-idt", append="").expect_status(3)
    expect(SLIDE.search(run.trapline), f"no slide; see {run.out}/trapline.log")
    expect(re.search(r'^  by 0x.* sym="vfs_write\+0x', end_of(run), re.M), f"no caller; see {run.out}/trapline.log")


@on("svm")
def test_names_of_another_build(machine):
    """A map of another build with the same entry points: the functions that these call show it, and no name is taken from it."""
    lines = []
    for line in linux_map().decode().splitlines():
        address, kind, name = line.split()
        moved = 0x40 if 0xFFFFFFFF81002000 <= int(address, 16) < 0xFFFFFFFF81C00000 else 0
        lines.append(f"{int(address, 16) + moved:016x} {kind} {name}\n")
    run = dies(machine, "".join(lines).encode(), name="another").expect_status(3)
    run.expect_line("trapline: symbols=\\System.map is not of this kernel: no names from it")
    expect("slide=" not in run.trapline and "sym=" not in run.trapline, f"names from it; see {run.out}/trapline.log")


@on("svm")
def test_names_by_hand(machine):
    """A slide in trapline.conf, for a kernel that is not relocated; in a list of maps, the unusable ones are reported."""
    noise = random.Random(17).randbytes(3_000_000)
    folder = esp(machine, "list", {"System.map": linux_map(), "noise": noise, "empty": b"", "text": b"no map\n1000 T \xff\n"})
    conf = machine.conf("symbols = \\noise, \\empty, \\text\nsymbols = \\System.map 0x0\nsymbols = \\missing, \\a b c\n")
    run = dies(machine, b"", ESP=folder, CONF=conf, append=f"nokaslr {PANIC}").expect_status(3)
    for line in (
        r"symbols \\noise: .*no names are taken from it",
        r"symbols \\empty: a file of 0 bytes is not read",
        r"symbols \\text: it has no line of a function",
        r"symbols \\missing: it cannot be read \(EFI_NOT_FOUND\)",
        r"symbols \\a: it has more words than a path and where its code lies",
        r"symbols \\System.map: \d+ names in \d+ KiB; left out: \d+ not code",
    ):
        expect(re.search(f"^trapline: {line}", run.trapline, re.M), f"no line like {line}; see {run.out}/trapline.log")
    expect("slide=" not in run.trapline, "it looks for a slide that was given")
    expect(re.search(r'^  by 0x.* sym="vfs_write\+0x', end_of(run), re.M), f"no caller; see {run.out}/trapline.log")


@on("svm")
def test_processes(machine):
    """as= tells programs apart; with Trapline's kernel module their process ids and names are beside it, in trapctl as well."""
    if not (BUILD / "guest-tools/modules/trapline/trapline.ko").exists():
        raise Skip("the kernel module is not built: no headers of the guest's kernel")
    conf = machine.conf("print = all\nfilter = \"vec=ud,de,pf cpl=3 rate=any\"\n")
    run = "die:user-read,insmod:trapline,die:user-divide,die:user-write,trapctl:trace:--vector=de:--cpl=3,trapctl:trace:--vector=de:--json"
    run = machine.linux(f"trapline.run={run}", CONF=conf, INITRD=suite.INITRD)
    run.expect_status(0).expect_active(machine.vendor)
    where = f"see {run.out}/trapline.log"
    dying = {word: [t for t in run.traps if t.get("insn", "").startswith(insn) and t["cpl"] == "3"] for word, insn in (
        ("user-read", "mov rax, qword ptr [rdi+0x18]"), ("user-divide", "div ecx"), ("user-write", "mov dword ptr [rdi+0x30], 0x1"))}
    expect(all(dying.values()), f"{[word for word in dying if not dying[word]]} is not there; {where}")
    expect("comm" not in dying["user-read"][0], f"a name before the guest has said it: {dying['user-read'][0]}; {where}")
    named = [dying["user-divide"][-1], dying["user-write"][-1]]
    expect(all(t.get("comm") == "die" for t in named), f"{named}; {where}")
    expect(len({t["as"] for t in named}) == len({t["pid"] for t in named}) == 2, f"not told apart: {named}; {where}")
    told = [t for t in logs.records(run.guest, "trap") if t.get("insn") == "div ecx" and t.get("comm") == "die"]
    expect(told and told[-1]["as"] == named[0]["as"] and told[-1]["pid"] == named[0]["pid"], f"trapctl: {told}; see {run.out}/guest.log")
    expect(re.search(rf'"as":"{named[0]["as"]}","pid":{named[0]["pid"]},"comm":"die"', run.guest), f"no JSON; see {run.out}/guest.log")


@on("svm")
def test_filter_by_address_space(machine):
    """The filter accepts the value that as= has in a line."""
    run = machine.linux("trapline.run=die:user-divide", INITRD=suite.INITRD, CONF=machine.conf("print = all\nfilter = as=0x1\n"))
    run.expect_status(0)
    expect(not [t for t in run.traps if "insn" in t], "a filter on no address space lets something through")


def nm(program):
    done = subprocess.run(["nm", str(BUILD / f"guests/{program}.so")], capture_output=True, check=False)
    if done.returncode:
        raise Skip(f"build/guests/{program}.so is not built: make guests")
    return done.stdout


@on("svm", "vmx")
def test_names_of_the_next_image(machine):
    """A map of the next image: the slide is the image's base, and the report of its death names its functions."""
    folder = esp(machine, "next", {"triple.map": nm("triple")})
    run = machine.guest("triple", ARGS="way=wild-call", ESP=folder, CONF=machine.conf("symbols = \\triple.map next\n"))
    run.expect_status(3).expect_active(machine.vendor)
    expect(re.search(r'^  by 0x.* sym="[a-z_]+\+0x', end_of(run), re.M), f"no caller; see {run.out}/trapline.log")


@on("svm", "vmx")
def test_images(machine):
    """Without a map, a caller in an image of the firmware has the image's name."""
    run = machine.guest("triple", ARGS="way=wild-call").expect_status(3).expect_active(machine.vendor)
    names = [found.group(1) for found in SYM.finditer(end_of(run))]
    expect("guest.efi" in names or "triple" in names, f"the next image has no name: {names}; see {run.out}/trapline.log")
    expect(len(set(names)) > 1, f"only {set(names)}; see {run.out}/trapline.log")


@on("svm")
def test_names_on_the_screen(machine):
    """Names are on the screen of a machine without a serial port as well."""
    seen = {}

    def play(spectator):
        seen["first"] = spectator.wait("page 1/")

    folder = esp(machine, "screen", {"triple.map": nm("triple")})
    reports.watched(machine, "triple", play, "console = none\nsymbols = \\triple.map next\n", ARGS="way=wild-call", ESP=folder)
    expect(re.search(r'^  by 0x.* sym="[a-z_]+\+0x', seen["first"], re.M), f"no names:\n{seen['first']}")


def kernel_image(payload):
    """A bzImage with this payload behind one sector of setup."""
    image = bytearray(1024)
    image[0x1F1] = 1
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", image, 0x248, 0, len(payload))
    return bytes(image) + payload


def run_tool(*words):
    """A program's status and its standard error. A make of its own, even below another one."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run([str(word) for word in words], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@on("svm")
def test_names_damaged_kernel(machine):
    """tools/kernel-map says in one line that a kernel is damaged, whatever has compressed it."""
    text = random.Random(12).randbytes(5000)
    path = machine.scratch / "damaged"
    # What could be the table of tokens, and ends with the file.
    packed = [b"\x7fELF" + b"".join(b"%d\0" % n for n in range(10)), b"\x7fELF" + b"a\0" * 300]
    for payload in (gzip.compress(text), bz2.compress(text), lzma.compress(text), lzma.compress(text, lzma.FORMAT_ALONE)):
        middle = len(payload) // 2
        packed += [kernel_image(payload[:middle]), kernel_image(payload[:20] + bytes(40) + payload[60:]), kernel_image(payload)]
    for number, image in enumerate((b"", b"MZ", *packed)):
        path.write_bytes(image)
        status, said = run_tool(ROOT / "tools/kernel-map", path)
        expect(status == 1 and said.startswith(f"tools/kernel-map: {path}: ") and said.count("\n") == 1, f"{number}: {status} {said}")


@on("svm")
def test_names_map_is_made(machine):
    """The map is of the kernel that is there. Of one that tools/kernel-map cannot read there is none, and make goes on with a warning."""
    wanted = linux_map()
    folder = esp(machine, "make", {"vmlinuz": KERNEL.read_bytes()})
    made = folder / "System.map"
    make = ("make", "-s", f"LINUX={folder}", made)
    status, said = run_tool(*make)
    expect(status == 0 and made.read_bytes() == wanted, f"{status} {said}")
    os.utime(made, (1, 1))
    (folder / "vmlinuz").write_bytes(kernel_image(gzip.compress(b"newer")))
    status, said = run_tool(*make)
    expect(status == 0 and "warning: no " in said and "tools/kernel-map: " in said, f"{status} {said}")
    expect([path.name for path in folder.iterdir()] == ["vmlinuz"], f"{list(folder.iterdir())}")

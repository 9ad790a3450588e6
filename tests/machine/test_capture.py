# SPDX-License-Identifier: MIT
"""A capture kernel in the place of a dead guest: /proc/vmcore there is the dead guest.

`make test` has a guest without an operating system; `make test-capture` has Debian's kernel that dies of a triple fault, its dump by
makedumpfile, and Debian's crash on that.
"""

import os
import pathlib
import re
import shutil
import subprocess

from lib import logs, secure
from lib.gdb import OPTIONS
from lib.machine import BUILD, GUESTS, LINUX, ROOT, Skip, expect, on
from test_console import hang, wait_for_guest

DISK_BYTES = 512 << 20
CRASH_SECONDS = 300
FULL_BYTES = 2 << 30
READY = "trapline: capture: \\vmlinuz is ready in 256 MiB"


def esp(machine, name, **files):
    """A folder for the ESP: path there, and file here."""
    folder = machine.scratch / f"capture-{machine.backend}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for to, source in files.items():
        shutil.copy(source, folder / to)
    return str(folder)


def with_kernel(machine, name):
    return esp(machine, name, vmlinuz=LINUX["KERNEL"], capture=LINUX["INITRD"])


def conf(more="", initrd="\\capture", mode="vmcore"):
    options = f"capture_options = console=ttyS0 no_timer_check trapline.mode={mode}\n"
    return f"capture = \\vmlinuz\ncapture_initrd = {initrd}\n{options}{more}"


def captured(run):
    """What Trapline says of the guest's end, and what the capture kernel read of it."""
    found = re.search(r"^trapline: capture cpu=(\d+) rip=(0x[0-9a-f]+) vmcoreinfo=(0x[0-9a-f]+)$", run.trapline, re.M)
    expect(found, f"no capture; see {run.out}/trapline.log")
    lines = run.guest_lines("vmcore ")
    expect(lines and lines[0].startswith("vmcore type=4 machine=62 "), f"{lines}; see {run.out}/guest.log")
    return found.groups(), lines


def memory_of(lines):
    """Ranges of the dead guest's memory: begin and end, all of which was read."""
    ranges = []
    for line in lines:
        if not line.startswith("vmcore memory "):
            continue
        there = logs.fields(line)
        expect(there["bytes"] == there["read"], f"not all was read: {line}")
        ranges.append((logs.number(there["at"]), logs.number(there["at"]) + int(there["bytes"])))
    return ranges


def expect_whole(run, lines):
    """The memory is what the firmware has, without the capture area; and it is not empty."""
    area = int(re.search(r"is ready in 256 MiB at 0x([0-9a-f]+)", run.trapline).group(1), 16)
    ranges = memory_of(lines)
    expect(sum(end - begin for begin, end in ranges) > 600 << 20, f"too little memory: {ranges}")
    inside = [r for r in ranges if r[0] < area + (256 << 20) and r[1] > area]
    expect(not inside, f"the capture area at 0x{area:x} is part of the dead guest: {inside}")
    expect(all("sum=0x0" not in line for line in lines), f"a range is empty: {lines}")


@on("svm")
def test_triple_fault(machine):
    """A program without an operating system dies, and Linux reads where, and all of its memory. The program's watch refuses Linux' addresses."""
    watch = "watch = exec supervisor outside=0-0xffffffffff deny\n"
    run = machine.guest("triple", CONF=machine.conf(conf(watch)), ESP=with_kernel(machine, "triple")).expect_status(0)
    run.expect_active(machine.vendor).expect_line(READY).expect_line("GUEST-DONE", "guest")
    (_, rip, info), lines = captured(run)
    cpus = [logs.fields(line) for line in lines if line.startswith("vmcore cpu ")]
    expect([cpu["rip"] for cpu in cpus] == [rip], f"died at {rip}, and the note has {cpus}")
    chain = [trap for trap in run.traps if trap.get("outcome") == "triple-fault"]
    expect(chain and logs.place(chain[-1]["at"])[1] == logs.number(rip), f"{rip} is not in the report: {chain}")
    expect(info == "0x0", f"VMCOREINFO of a guest that is not Linux: {info}")
    expect_whole(run, lines)
    run.expect_line("trapline: end of the capture kernel: the guest turned the machine off")


@on("svm")
def test_hidden(machine):
    """Before the guest's end its capture area reads as ones, and does not take what is written there."""
    run = machine.guest("hidden", CONF=machine.conf(conf("capture_mib = 160\n")), ESP=with_kernel(machine, "hidden")).expect_status(0)
    run.expect_active(machine.vendor)
    area = int(re.search(r"is ready in 160 MiB at 0x([0-9a-f]+)", run.trapline).group(1), 16)
    pages = [page for page in logs.records(run.guest, "memory") if area <= logs.number(page["at"]) < area + (160 << 20)]
    expect(pages, f"the area at {area:#x} was not tried; see {run.out}/guest.log")
    expect(all(page["before"] == page["after"] == "f" * 16 for page in pages), f"{pages}")


@on("svm")
def test_not_a_kernel(machine):
    """A file that is no bzImage, and one beyond the memory: a line says so, and the guest runs."""
    files = esp(machine, "bad", vmlinuz=BUILD / "guests/hello.efi", capture=LINUX["INITRD"])
    run = machine.guest("hello", CONF=machine.conf(conf()), ESP=files).expect_status(0).expect_active(machine.vendor)
    run.expect_line("trapline: capture: \\vmlinuz: not a bzImage; there will be no capture kernel")
    small = machine.conf(conf("capture_mib = 64\n"))
    run = machine.guest("hello", CONF=small, ESP=with_kernel(machine, "small")).expect_status(0)
    run.expect_active(machine.vendor).expect_line("trapline: capture_mib too small: needs ")


def no_capture(machine, files, text, *lines):
    """Says these lines, and the guest runs without a capture kernel."""
    run = machine.guest("hello", CONF=machine.conf(text), ESP=files).expect_status(0).expect_active(machine.vendor)
    for line in lines:
        run.expect_line(line)
    expect("is ready in" not in run.trapline, f"there is one all the same; see {run.out}/trapline.log")


@on("svm")
def test_mistakes(machine):
    """A kernel or an initrd that is not there, a kernel of which a part is missing, a size out of range: each has its line."""
    files = with_kernel(machine, "mistakes")
    absent = conf("capture_mib = 1\n").replace("\\vmlinuz", "\\absent")
    no_capture(machine, files, absent, "capture_mib = '1': must be from 64 to 2048", "trapline: capture: \\absent: EFI_NOT_FOUND; there will be no capture kernel")
    no_capture(machine, files, conf(initrd="\\absent"), "trapline: capture: \\absent: EFI_NOT_FOUND; there will be no capture kernel")
    with open(pathlib.Path(files) / "vmlinuz", "r+b") as kernel:
        kernel.truncate(4 << 20)
    line = "trapline: capture: \\vmlinuz: the file is shorter than its header says: it is not whole; there will be no capture kernel"
    no_capture(machine, files, conf(), line)


def need(word):
    if not os.environ.get("CAPTURE"):
        raise Skip("make test-capture")
    if word == "crash" and not os.environ.get("DBG"):
        raise Skip("no debug information of the kernel")


def dump(run, disk):
    """The dump as crash reads it: makedumpfile has written it so that a disk can take it."""
    path = run.out / "vmcore"
    with open(disk, "rb") as source:
        done = subprocess.run(["makedumpfile", "-R", path], stdin=source, capture_output=True, text=True, timeout=CRASH_SECONDS, check=False)
    expect(done.returncode == 0, f"makedumpfile -R: {done.stdout} {done.stderr}")
    return path


def crash(path, *commands):
    words = ["crash", "-s", "--no_scroll", os.environ["DBG"], path]
    done = subprocess.run(
        words, input="\n".join([*commands, "quit", ""]), capture_output=True, text=True, timeout=CRASH_SECONDS, check=False
    )
    (path.parent / "crash.log").write_text(done.stdout + done.stderr)
    return done.stdout


@on("svm")
def test_crash(machine):
    """Linux on two CPUs dies of a triple fault in a module. crash opens the dump, and its backtrace has the function and its callers."""
    need("crash")
    disk = machine.scratch / "capture-disk.img"
    with open(disk, "wb") as file:
        file.truncate(DISK_BYTES)
    extra = f"-drive file={disk},if=none,id=dump,format=raw -device virtio-blk-pci,drive=dump"
    files = esp(machine, "crash", capture=BUILD / "linux/capture.img")
    run = machine.linux(
        "trapline.mode=boot trapline.run=insmod:death,die:gdt",
        INITRD=BUILD / "linux/deaths.img",
        CONF=machine.conf("capture = \\vmlinuz\ncapture_initrd = \\capture\ncapture_options = console=ttyS0 no_timer_check capture.disk=/dev/vda\n"),
        ESP=files,
        EXTRA=extra,
        CPUS=2,
        TIMEOUT=3000,
    ).expect_status(0)
    run.expect_active(machine.vendor, cpus=2).expect_line("capture: written to /dev/vda by makedumpfile", "guest")
    rip = re.search(r"^trapline: capture cpu=\d+ rip=0x([0-9a-f]+) ", run.trapline, re.M).group(1)
    text = crash(dump(run, disk), "sys", "bt -a", f"sym {rip}", "log | tail -n 5")
    where = f"see {run.out}/crash.log"
    expect(re.search(rf"^{rip} \(.\) death_at_reload \[death\]", text, re.M), f"the place is not found; {where}")
    expect(f"[exception RIP: death_at_reload]\n    RIP: {rip} " in text, f"the CPU is not there; {where}")
    frames = re.findall(r"^ *#\d+ \[[0-9a-f]+\] (\w+) at [0-9a-f]+", text[text.index("death_at_reload") :], re.M)
    expect(frames[:5] == ["die_gdt", "death_write", "proc_reg_write", "vfs_write", "ksys_write"], f"callers {frames[:5]}; {where}")
    expect(text.count("PID: ") >= 2, f"not both CPUs; {where}")
    expect("death name=gdt" in text, f"the kernel's log does not end as it did; {where}")


@on("svm")
def test_full_core(machine):
    """trapctl core --full of a running Linux on two CPUs, written to a used disk: gdb finds the slide by itself, the kernel's variables,
    zeroes where the kernel has zeroes, and both CPUs; crash the log and all tasks."""
    need("crash")
    disk = machine.scratch / "full-disk.img"
    initrd = machine.scratch / "full.img"
    with open(disk, "wb") as file:
        for _ in range(FULL_BYTES >> 20):
            file.write(b"\xff" * (1 << 20))
    initrd.write_bytes((BUILD / "linux/capture.img").read_bytes() + (BUILD / "linux/deaths.img").read_bytes())
    drivers = ",".join(f"busybox:modprobe:{name}" for name in ("virtio_pci", "virtio_blk"))
    run = machine.linux(
        f"trapline.mode=boot trapline.run=insmod:trapline,{drivers},trapctl:core:--full:/dev/vda,busybox:sync",
        INITRD=initrd,
        EXTRA=f"-drive file={disk},if=none,id=dump,format=raw -device virtio-blk-pci,drive=dump",
        CPUS=2,
        TIMEOUT=3000,
    ).expect_status(0)
    run.expect_active(machine.vendor, cpus=2).expect_line('core file="/dev/vda" bytes=', "guest")
    load = f"trapline-linux {os.environ['DBG']}"
    commands = (f"source {ROOT}/tools/gdb/linux.py", load, "p init_uts_ns.name.release", "p init_task.comm", "p empty_zero_page[7]")
    commands += ("info threads", "trapline-registers")
    words = ["gdb", *OPTIONS, "-ex", f"core-file {disk}", *(word for line in commands for word in ("-ex", line))]
    text = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=CRASH_SECONDS, check=True).stdout
    release = re.search(r"Linux version (\S+)", run.guest).group(1)
    entry = re.search(r"^cpu=1 msr 0xc0000082 = 0x(f[0-9a-f]+)$", text, re.M)
    expect(re.search(r"^trapline-linux: slide=0x[0-9a-f]+ from vmcoreinfo$", text, re.M), text)
    expect(f'$1 = "{release}"' in text and '$2 = "swapper/0' in text, f"not the kernel's variables: {text}")
    expect(re.search(r"^\$3 = 0$", text, re.M), f"a page of zeroes is what the disk had: {text}")
    expect("LWP 1" in text and "LWP 2" in text and entry, f"not both CPUs: {text}")
    text = crash(disk, "sys", "log", "list task_struct.tasks -s task_struct.comm -h init_task")
    tasks = re.findall(r'^ *comm = "([^"\\]+)', text, re.M)
    expect(f"RELEASE: {release}" in text and "] Linux version " in text, f"crash does not read the kernel: {text[:2000]}")
    expect({"swapper/0", "init", "kthreadd", "trapctl"} <= set(tasks), f"crash reads these tasks only: {tasks}")


@on("svm")
def test_panic(machine):
    """Linux panics: the module of the guest tools asks for the capture kernel, and Linux' description of itself is in its dump."""
    need("panic")
    run = machine.linux(
        "oops=panic panic=1 trapline.mode=boot trapline.run=insmod:trapline,insmod:death,die:null-write",
        INITRD=BUILD / "linux/deaths.img",
        CONF=machine.conf(conf()),
        ESP=esp(machine, "panic", capture=LINUX["INITRD"]),
        TIMEOUT=3000,
    ).expect_status(0)
    run.expect_active(machine.vendor).expect_line("end of guest: the guest asked for the capture kernel")
    (_, _, info), lines = captured(run)
    expect(info != "0x0" and any(line.startswith("vmcore info OSRELEASE=") for line in lines), f"no VMCOREINFO: {info} {lines}")
    expect_whole(run, lines)


@on("svm")
def test_operator(machine):
    """The operator stops a guest that hangs and starts the kernel, by the word in full. The guest's place is in its dump."""
    need("operator")
    files = with_kernel(machine, "operator")
    with hang(machine, "loop", CONF=machine.conf(conf()), ESP=files) as console:
        wait_for_guest(console, "hang waits=")
        console.logfmt()
        console.ask_ok("stop")
        place = logs.place(console.ask_ok("regs").records("regs")[0]["at"])[1]
        expect(not console.ask("captur").ok, "`captur` was taken for capture")
        console.ask_ok("capture")
        wait_for_guest(console, "GUEST-DONE")
        expect(console.ended() == 0, f"the capture kernel does not end; see {console.out}")
        guest = logs.clean((console.out / "guest.log").read_bytes())
    expect(f"vmcore cpu thread=1 rip={place:#x} " in guest and "GUEST-DONE" in guest, f"not at {place:#x}; see {console.out}/guest.log")


@on("svm")
def test_secure_boot(machine):
    """With Secure Boot a capture kernel has to be signed, although the firmware does not start it."""
    need("secure")
    own = {name: secure.sign(path, machine.scratch / f"capture-{name}") for name, path in (
        ("trapline", BUILD / "trapline.efi"), ("hello", GUESTS / "hello.efi"), ("vmlinuz", BUILD / "linux/vmlinuz"))}  # fmt: skip
    cases = ((LINUX["KERNEL"], "\\vmlinuz: Secure Boot refuses it: sign it"), (own["vmlinuz"], "\\vmlinuz is ready in 256 MiB"))
    for n, (kernel, line) in enumerate(cases):
        files = esp(machine, f"secure-{n}", vmlinuz=kernel, capture=LINUX["INITRD"])
        run = machine.boot(SECURE=1, EFI=own["hello"], TRAPLINE_EFI=own["trapline"], CONF=machine.conf(conf()), ESP=files)
        run.expect_status(0).expect_active(machine.vendor).expect_line(f"trapline: capture: {line}")

# SPDX-License-Identifier: MIT
"""gdb on the console's line: Debian's gdb, in batch mode, against a guest that hangs."""

import os
import re
import time

from lib import logs
from lib.console import Console
from lib.gdb import gdb, symbol_file
from lib.machine import GUESTS, LINUX, ROOT, Skip, expect, on
from test_console import hang, wait_for_guest
from test_names import esp, linux_map

# As gdb prints them, and as the console's regs does.
SAME = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip cr0 cr2 cr3 cr4 efer".split()
SEGMENTS = "es cs ss ds fs gs ldtr tr".split()


def long_on_bochs(machine):
    if machine.backend != "svm" and not os.environ.get("GDB"):
        raise Skip("make test-gdb")


def shown(text):
    """What `info registers` and `p/x` printed, by name."""
    return {name: int(value, 16) for name, value in re.findall(r"^([a-z_0-9]+)\s+(?:= )?0x([0-9a-f]+)\b", text, re.M)}


def console_registers(text):
    """What `regs` of the console printed."""
    text = text[: text.index("table name=idtr") + 60]
    found = {name.strip(): int(value, 16) for name, value in re.findall(r"\b([a-z0-9]+ ?)=([0-9a-f]{4,16})\b", text)}
    for name, selector, base in re.findall(r"segment name=(\w+) sel=([0-9a-f]+) base=([0-9a-f]+)", text):
        found[name], found[name + "_base"] = int(selector, 16), int(base, 16)
    for name, base in re.findall(r"table name=(\w+) base=([0-9a-f]+)", text):
        found[name + "_base"] = int(base, 16)
    return found


def compare_registers(text):
    of_gdb, of_console = shown(text), console_registers(text)
    names = [*SAME, *SEGMENTS, *(f"{name}_base" for name in [*SEGMENTS, "gdtr", "idtr"])]
    for name in names:
        expect(name in of_gdb and of_gdb[name] == of_console[name], f"{name}: {of_gdb.get(name)} {of_console.get(name)}: {text}")


def runs_on(console):
    """The console has the line again, and the guest runs."""
    console.logfmt()
    status = console.ask_ok("status").records("status")
    expect(status[0]["guest"] == "runs", f"{status}")
    first = console.ask_ok("exits 1").lines[:-1]
    end = time.monotonic() + 60
    while console.ask_ok("exits 1").lines[:-1] == first:
        expect(time.monotonic() < end, "the guest did not run on")


@on("svm", "vmx")
def test_attach(machine):
    """A hung guest, nothing typed before: registers are the console's, memory can be read and written, the guest runs on."""
    long_on_bochs(machine)
    with hang(machine, "loop") as console:
        flag = wait_for_guest(console, "hang waits=")["waits"]
        text = gdb(
            console,
            "info registers",
            "monitor regs",
            "info threads",
            "x/1i $rip",
            f"x/1wx {flag}",
            "set var $was = $rbx",
            "set var $rbx = 0x1122334455667788",
            "p/x $rbx",
            "monitor regs",
            "set var $rbx = $was",
            "set var $xmm3.v2_int64[0] = 0x55aa",
            "p/x $xmm3.v2_int64[0]",
            f"set var *(char *)({flag} + 1) = 0x5a",
            f"x/1wx {flag}",
            f"monitor mem {flag} 4",
            f"set var *(char *)({flag} + 1) = 0",
            "monitor go",
            "detach",
        )
        compare_registers(text[: text.index("Target Id")])
        expect("rbx=1122334455667788" in text, f"rbx: {text}")
        expect(re.search(r"0x[0-9a-f]+:\s+0x00005a00", text) and 'bytes="00 5a 00 00' in text, f"memory: {text}")
        expect("CPU 0, APIC 0, 64-bit code, CPL 0" in text, f"threads: {text}")
        expect("= 0x55aa" in text, f"xmm3: {text}")
        expect("gdb's continue does this" in text, f"go: {text}")
        runs_on(console)
        expect(console.ask_ok(f"mem {flag} 4").records("mem")[0]["bytes"].startswith("00 00 00 00"), "the guest's flag")


@on("svm", "vmx")
def test_ends_the_hang(machine):
    """^C stops a running guest in its loop; the word that it waits for, written by gdb, ends the loop, and the guest."""
    long_on_bochs(machine)
    with hang(machine, "loop") as console:
        flag = wait_for_guest(console, "hang waits=")["waits"]
        text = gdb(
            console,
            "python import threading, os, signal",
            "python threading.Timer(3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()",
            "continue",
            f"set var *(int *){flag} = 1",
            "detach",
        )
        expect("received signal SIGINT" in text, f"no SIGINT: {text}")
        status = console.ended()
        expect(status == 0, f"the guest did not end: the launcher's status is {status}; see {console.out}")


@on("svm", "vmx")
def test_two_cpus(machine):
    """Two CPUs are two threads, each with its registers; what the guest prints meanwhile comes as gdb's output."""
    long_on_bochs(machine)
    with hang(machine, "other", CPUS=2, CONF=str(conf(machine, "print = all\n"))) as console:
        wait_for_guest(console, "hang waits=")
        text = gdb(
            console,
            "info threads",
            "thread 1",
            "x/2i $rip",
            "monitor regs",
            "thread 2",
            "x/1i $rip",
            "monitor regs",
            "monitor regs all",
            "monitor traps",
            "detach",
        )
        for number in (1, 2):
            expect(re.search(rf"^[* ] {number} +Thread {number} \(CPU {number - 1}, APIC {number - 1}", text, re.M), text)
        expect([row["cpu"] for row in logs.records(text, "regs") if "cpu" in row] == ["0", "1", "0", "1"], f"{text}")
        code = re.findall(r"^=> (0x[0-9a-f]+):\s+jmp +(0x[0-9a-f]+)", text, re.M)
        expect(any(at == to for at, to in code), f"CPU 1 does not jump to itself: {text}")
        expect("name=#UD" in text, f"traps: {text}")
        runs_on(console)


def conf(machine, text):
    path = machine.scratch / f"gdb-{machine.backend}.conf"
    path.write_text(text)
    return path


def kernel_symbols(machine):
    """An ELF file with some functions of the guest's kernel, at the addresses of its map."""
    lines = (line.split() for line in linux_map().decode().splitlines())
    wanted = re.compile(r"(asm_exc|entry)_\w+|kernel_clone")
    functions = {name: int(at, 16) for at, kind, name, *_ in lines if kind in "tT" and wanted.fullmatch(name)}
    return symbol_file(machine.scratch / "kernel.elf", 0xFFFFFFFF81000000, functions)


SIGCHLD = 17


@on("svm")
def test_linux(machine):
    """
    A relocated kernel: one command of gdb's loads its symbols by the same slide that Trapline finds by its own means. A core has both CPUs.
    A breakpoint by a function's name is reached twice: its argument is what fork() passes, its caller is the system call's code.
    """
    files = esp(machine, "gdb-linux", {"System.map": linux_map()})
    append = "norandmaps trapline.mode=forks trapline.n=1000000"
    settings = {**LINUX, "APPEND": append, "CPUS": 2, "ESP": files, "CONF": str(conf(machine, "symbols = \\System.map\n"))}
    with Console(machine, **settings) as console:
        wait_for_guest(console, "guest: init")
        text = gdb(
            console,
            f"source {ROOT}/tools/gdb/linux.py",
            "monitor slide",
            f"trapline-linux {kernel_symbols(machine)}",
            "info symbol $lstar",
            "monitor core",
            "break kernel_clone",
            "continue",
            "print *(int *)($rdi + 32)",  # kernel_clone_args.exit_signal
            "monitor bt",
            "continue",
            "print *(int *)($rdi + 32)",
            "detach",
        )
        found = re.search(r"^trapline-linux: slide=(0x[0-9a-f]+) from lstar,de,pf$", text, re.M)
        own = re.search(r"^slide value=(0x[0-9a-f]+) from=idt,lstar,calls", text, re.M)
        expect(found and own and found.group(1) == own.group(1), f"{text}")
        expect("entry_SYSCALL_64 in section" in text, f"{text}")
        expect(re.search(r"^core bytes=\d+ cpus=2 pages=\d\d+$", text, re.M), f"{text}")
        expect(len(re.findall(r"hit Breakpoint 1, 0x[0-9a-f]+ in kernel_clone \(\)", text)) == 2, f"{text}")
        expect(re.findall(r"^\$\d+ = (\d+)$", text, re.M) == [str(SIGCHLD)] * 2, f"the argument: {text}")
        expect(re.search(r'^  by .*sym="__do_sys_clone\+', text, re.M), f"the callers: {text}")
        runs_on(console)


@on("svm")
def test_reads_only(machine):
    """With gdb_write = off neither memory nor registers can be written."""
    with hang(machine, "loop", CONF=str(conf(machine, "gdb_write = off\n"))) as console:
        flag = wait_for_guest(console, "hang waits=")["waits"]
        text = gdb(
            console,
            "python gdb.parameter('confirm')",
            f"python\ntry:\n gdb.execute('set var *(int *){flag} = 1')\nexcept gdb.error as e:\n print('memory:', e)",
            "python\ntry:\n gdb.execute('set var $rbx = 1')\nexcept gdb.error as e:\n print('register:', e)",
            f"x/1wx {flag}",
            "detach",
        )
        expect("memory: " in text and "register: " in text, f"{text}")
        expect(re.search(r"0x[0-9a-f]+:\s+0x00000000", text), f"{text}")
        runs_on(console)


def base_of(report):
    """Where the firmware has put the guest: its first exception is at a place of it."""
    trap = logs.fields(next(line for line in logs.clean(report).splitlines() if line.startswith("trap seq=1 ")))
    return int(trap["at"].split(":")[1], 16) - int(trap["sym"].split("+")[1], 16)


@on("svm", "vmx")
def test_dead(machine):
    """
    A guest that has died is held for a gdb, which comes afterwards: registers are those of the report, callers, arguments and locals those of the
    guest, and it does not go on.
    """
    long_on_bochs(machine)
    with Console(machine, EFI=GUESTS / "triple.efi", ARGS="way=calls", CONF=str(conf(machine, "triple_fault = hold\n"))) as console:
        base = base_of(console.wait_for(rb"cpu=0 is held for inspection"))
        own = ["info registers", "monitor regs", "info threads", "monitor go", "continue", "x/1i $rip"]
        text = gdb(console, *own, f"add-symbol-file {GUESTS}/triple.so -o {base}", "backtrace 3", "info locals", "print hole->depth", "detach")
        compare_registers(text[: text.index("Target Id")])
        expect("gdb's continue does this" in text, f"go: {text}")
        expect("received signal SIGTRAP" in text, f"it went on: {text}")
        expect(re.search(r"^#0 .* in land \(hole=.*, speed=(speed@entry=)?3\).*\n#1 .* in fall .*\n#2 .* in guest_main", text, re.M), text)
        expect("damage = 51" in text and "$1 = 17" in text, text)
        console.logfmt()
        expect(console.ask_ok("status").records("status")[0]["guest"] == "stopped", "the guest runs")
        expect(not console.ask("go").ok, "go: the guest is dead")


CTRL_C = [
    "python import threading, os, signal",
    "python threading.Timer(3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()",
    "continue",
]


def tried(command):
    """What a command that may fail says."""
    return f"python\ntry:\n gdb.execute({command!r})\nexcept gdb.error as error:\n print('refused:', error)"


MISTAKES = {
    "monitor nonsense": "error: no such command",
    "monitor catch foo": 'catch word="foo"',
    "monitor catch gp cpl=9": "error: has a value that its key does not take",
    "thread 7": "Unknown thread 7",
    "x/1wx 0xffffffffffff0000": "Cannot access memory at address 0xffffffffffff0000",
    "set var $cr3 = 0": 'Could not write register "cr3"',
    "set var *(int *)0xfffffffffffe0000 = 1": "Cannot access memory at address 0xfffffffffffe0000",
    "maint packet vCont;x": 'received: "E16"',
    "maint packet qNonsense": 'received: ""',
    "reverse-stepi": "does not support this command",
    "run": 'does not support "run"',
}


@on("svm")
def test_stranger(machine):
    """
    Wrong commands are refused with a reason, and the next one is answered. A watchpoint whose condition never holds does not stop the guest. Whatever is
    set at a detach or kill is gone. A reset by the operator resets, and gdb ends.
    """
    with hang(machine, "loop") as console:
        flag = wait_for_guest(console, "hang waits=")["waits"]
        text = gdb(
            console,
            *map(tried, MISTAKES),
            "set breakpoint always-inserted on",  # so that the watch and its hits outlive a stop
            f"rwatch *(int *){flag} if *(int *){flag} == 7",
            *CTRL_C,
            "monitor watch",
            "delete",
            "break *$rip",
            "monitor watch",
            "monitor catch gp cpl=0",
            "detach",
        )
        for command, said in MISTAKES.items():
            expect(said in text, f"{command}: {text}")
        expect("received signal SIGINT" in text and "detached]" in text, text)
        hits = re.search(r"^watch id=\d+ hits=(\d+) ", text, re.M)
        expect(hits and int(hits[1]) > 1, f"the condition was not asked: {text}")
        runs_on(console)
        expect(not console.ask_ok("watch").records("watch"), "a watch is left")
        text = gdb(console, "break *$rip", "continue", "set breakpoint always-inserted on", "kill")
        expect("hit Breakpoint 1" in text or "Breakpoint 1, " in text, text)
        expect("killed]" in text, text)
        runs_on(console)
        text = gdb(console, tried("monitor reset"))
        expect(console.ended() == 3, f"no reset: {text}")
        expect("reset" in text, text)


def frame(data):
    return b"$" + data + b"#%02x" % (sum(data) & 255)


@on("svm")
def test_hostile_bytes(machine):
    """Noise, damaged packets and halves of packets: the console answers before, gdb's packets are answered, and ^C with a command has the line."""
    with hang(machine, "loop") as console:
        wait_for_guest(console, "hang waits=")
        console.logfmt()
        console.send(b"$$$m#zz$g#\x00\xff\x7f$qSup\r")
        console.send(b"\x15message $5, $g and $x\r")
        console.wait_for(rb"done command=message status=ok")
        console.send(frame(b"?"))
        console.wait_for(rb"\+\$T05thread:1;#d7")
        console.send(b"+$g#00")
        console.wait_for(rb"-")
        console.send(b"$mffffffffffffffff,ffffffffffffffff#00garbage~~")
        console.wait_for(rb"-")
        console.send(frame(b"m" + b"f" * 200 + b",1"))
        console.wait_for(rb"\+\$E16#ac")
        console.send(b"+" + frame(b"Hg7"))
        console.wait_for(rb"\+\$E16#ac")
        console.send(b"-")
        console.wait_for(rb"\$E16#ac")
        console.send(b"+\x03status\r")
        console.wait_for(rb"done command=status status=ok")
        expect(console.ask_ok("status").records("status")[0]["guest"] == "stopped", "^C does not let it run")
        console.ask_ok("go")
        runs_on(console)

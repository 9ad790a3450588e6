# SPDX-License-Identifier: MIT
"""Run control by Debian's gdb, in batch mode: breakpoints, watchpoints and steps in a guest that knows nothing of them."""

import os
import re

from lib import logs
from lib.console import Console
from lib.gdb import gdb, symbol_file
from lib.machine import BUILD, GUESTS, LINUX, ROOT, Skip, expect, on
from test_console import wait_for_guest
from test_gdb import SIGCHLD, long_on_bochs, runs_on

NAME = "debugged"
PROGRAM = BUILD / "guests" / f"{NAME}.so"
ANCHOR = "debugged_order"


def debug(machine, *commands, **variables):
    """What gdb says to these commands, with the program's symbols where the firmware has put it; the guest runs to its end then."""
    with Console(machine, EFI=GUESTS / f"{NAME}.efi", **variables) as console:
        at = wait_for_guest(console, "debugged at=")["at"]
        text = gdb(
            console,
            f"python slide = {at} - int(gdb.execute('info address {ANCHOR}', to_string=True).split('0x')[1].split()[0].rstrip('.'), 16)",
            f"python gdb.execute('symbol-file'); gdb.execute('add-symbol-file {PROGRAM} -o %d' % slide)",
            *commands,
            order("end"),
            "detach",
            file=PROGRAM,
        )
        wait_for_guest(console, "end name=debugged")
        return text


def long_one():
    if not os.environ.get("GDB"):
        raise Skip("make test-gdb")


def order(word):
    """Has the guest do something, and end if it is the last."""
    return f"set var debugged_order = {['work', 'fault', 'reset', 'end'].index(word)}"


STEP = ["stepi", "x/1i $rip"]


def stepped(text):
    """The instructions that the steps came to, as gdb prints them."""
    return [insn.strip() for insn in re.findall(r"^=> 0x[0-9a-f]+ <[^>]+>:\t(.*)$", text, re.M)]


@on("svm", "vmx")
def test_breaks(machine):
    """A breakpoint at a function, with its arguments, again and again; the guest's code has no INT3; detached, it runs to its end."""
    long_one()
    text = debug(
        machine,
        "break debugged_add",
        "continue",
        "info args",
        "x/1xb $rip",
        "monitor mem $rip 4",
        *STEP,
        "backtrace 1",
        "continue",
        "print a",
        "hbreak debugged_exits",
        "continue",
        "monitor watch",
        "delete",
    )
    expect(len(re.findall(r"Breakpoint 1, debugged_add \(a=(a@entry=)?\d+, b=(b@entry=)?3\)", text)) == 2, text)
    expect("Breakpoint 2, 0x" in text and "in debugged_exits ()" in text, text)
    expect(len(stepped(text)) == 1 and stepped(text)[0].startswith("mov"), text)


@on("svm", "vmx")
def test_watches(machine):
    """Watchpoints: gdb is told after the write, with the values before and after; a read; the guest's debug registers stay as they are."""
    long_one()
    text = debug(
        machine,
        "watch debugged_total",
        "continue",
        "x/1i $rip",
        "print /x $dr7",
        "continue",
        "delete",
        "rwatch debugged_order",
        "continue",
        "delete",
        "awatch debugged_total",
        "continue",
        "delete",
    )
    values = [int(value) for value in re.findall(r"^(?:Old|New) value = (\d+)", text, re.M)]
    expect(len(values) >= 4 and values[1] == values[2] and values[0] < values[1] < values[3], text)
    expect("$1 = 0x400" in text, f"dr7: {text}")
    expect("Hardware read watchpoint 2: debugged_order" in text, text)
    expect("Hardware access (read/write) watchpoint 3: debugged_total" in text, text)


@on("svm", "vmx")
def test_steps_over_exits(machine):
    """Instructions that exit are one step each, with what they do; an interrupt that waits is not stepped into; PUSHF pushes no TF."""
    long_one()
    text = debug(
        machine,
        "break debugged_exits",
        "continue",
        "delete",
        "x/1i $rip",
        *STEP * 14,
        "print /x $rax & 0x300",
    )
    names = [insn.split()[0] for insn in stepped(text)]
    expect(names == "push xor cpuid mov rdmsr wrmsr xor xor vmcall mov in pushf pop pop ret".split(), f"{names}: {text}")
    expect("$1 = 0x200" in text, f"the flags: {text}")


@on("svm", "vmx")
def test_steps_into_a_handler(machine):
    """A step of an instruction that faults ends at its handler's first one, with the frame on the stack; the way back; the next function."""
    long_one()
    text = debug(
        machine,
        "break debugged_fault",
        order("fault"),
        "continue",
        "delete",
        "x/1i $rip",
        "print /x $rip",
        "stepi",
        "x/1i $rip",
        "print *(long *)$rsp == $1",
        *STEP * 3,
        "print debugged_faults",
        "finish",
    )
    names = [insn.split()[0] for insn in stepped(text)]
    expect(names[:2] == ["ud2", "incl"] and names[2].startswith("add") and names[3:5] == ["iretq", "ret"], f"{names}: {text}")
    expect("$2 = 1" in text and "$3 = 1" in text and "in debugged_handler ()" in text, text)


@on("svm", "vmx")
def test_two_cpus(machine):
    """Two CPUs: a breakpoint of one stops both; one steps alone, and the other stays where it is; both run on."""
    long_one()
    text = debug(
        machine,
        "break debugged_other if times > 100",
        "continue",
        "info threads",
        "thread 1",
        "print $one = $rip",
        "thread 2",
        "set scheduler-locking on",
        *STEP,
        "print debugged_others == times",
        "thread 1",
        "print $one == $rip",
        "stepi",
        "print $one == $rip",
        "set scheduler-locking off",
        "thread 2",
        "delete",
        "break debugged_add thread 1",
        "continue",
        "info threads",
        "delete",
        ARGS="other",
        CPUS=2,
    )
    expect(re.search(r'Thread 2 .*hit Breakpoint 1, debugged_other \(times=(times@entry=)?\d+\)', text), text)
    expect(re.search(r'Thread 1 .*hit Breakpoint 2, debugged_add', text), text)
    same = re.findall(r"^\$\d+ = (0|1)$", text, re.M)
    expect(same == ["1", "1", "0"], f"{same}: {text}")


@on("svm", "vmx")
def test_catches(machine):
    """An exception before its handler is entered, and a step into it; a reset before it happens."""
    long_one()
    text = debug(
        machine,
        "monitor catch gp cpl=0",
        "monitor catch ud cpl=0",
        order("fault"),
        "continue",
        "x/1i $rip",
        "print debugged_faults",
        *STEP,
        "monitor catch off",
        order("reset"),
        "continue",
        "x/1i $rip",
        "set var $rip = $rip + 1",
    )
    expect("received signal SIGILL" in text and "received signal SIGTERM" in text, text)
    names = [insn.split()[0] for insn in stepped(text)]
    expect(names == ["ud2", "incl", "out"] and "$1 = 0" in text, f"{names}: {text}")


@on("svm", "vmx")
def test_steps(machine):
    """The short one: a breakpoint with its arguments, steps over what exits and into a fault's handler, a watched variable, Ctrl-C, and on."""
    text = debug(
        machine,
        "break debugged_add",
        "continue",
        "delete",
        "break debugged_exits",
        "continue",
        *STEP * 3,
        "stepi 5",
        "x/1i $rip",
        *STEP * 3,
        "delete",
        "break debugged_fault",
        order("fault"),
        "continue",
        "delete",
        *STEP,
        "watch debugged_total",
        "continue",
        "delete",
        "python import threading, os, signal",
        "python threading.Timer(3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()",
        "continue",
    )
    expect(re.search(r"Breakpoint 1, debugged_add \(a=(a@entry=)?\d+, b=(b@entry=)?3\)", text), text)
    names = [insn.split()[0] for insn in stepped(text)]
    expect(names == "xor cpuid mov vmcall mov in pushf incl".split() and "Hardware watchpoint 4: debugged_total" in text, f"{names}: {text}")
    expect("received signal SIGINT" in text, text)


@on("svm", "vmx")
def test_linux(machine):
    """Debian's kernel with its debug information: a function by its name with its arguments, its callers, a watched variable; it runs on."""
    long_one()
    append = "norandmaps no_timer_check trapline.mode=forks trapline.n=1000000"
    with Console(machine, **LINUX, APPEND=append, TIMEOUT=3000) as console:
        wait_for_guest(console, "guest: init", seconds=1500)  # Bochs unpacks the kernel for minutes
        text = gdb(
            console,
            f"source {ROOT}/tools/gdb/linux.py",
            f"trapline-linux {os.environ['DBG']}",
            "break kernel_clone",
            "continue",
            "print args->exit_signal",
            "backtrace",
            "finish",
            "delete",
            "watch total_forks",
            "continue",
            "delete",
            "tbreak do_exit",
            "continue",
            "detach",
        )
        expect(re.search(r"Breakpoint 1, kernel_clone \(args=(args@entry=)?0x[0-9a-f]+\) at \S*kernel/fork.c:\d+", text), text)
        expect(f"$1 = {SIGCHLD}" in text, text)
        frames = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\w+) \(", text, re.M)
        expect(frames[0] == "kernel_clone" and {"do_syscall_64", "entry_SYSCALL_64"} <= set(frames), f"{frames}: {text}")
        expect(re.search(r"^Value returned is \$2 = \d+$", text, re.M), text)
        old, new = (int(re.search(rf"^{word} value = (\d+)$", text, re.M).group(1)) for word in ("Old", "New"))
        expect(new == old + 1, text)
        expect(re.search(r"Temporary breakpoint 3, do_exit \(code=(code@entry=)?\d+\)", text), text)
        runs_on(console)


MODES = BUILD / "guests" / "modes"


def labels():
    """The global labels of modes.asm, by their offsets."""
    lines = re.findall(r"^ +([0-9A-F]+) +[0-9A-F]+ +(\w+)$", MODES.with_suffix(".map").read_text(), re.M)
    return {name: int(at, 16) for at, name in lines}


def modes(machine, *commands):
    """What gdb says to these commands before `modes` begins its way through the modes, and the lines of results that the program prints."""
    with Console(machine, EFI=MODES.with_suffix(".efi"), ARGS="wait=1") as console:
        at, go = (int(wait_for_guest(console, "modes at=")[name], 16) for name in ("at", "go"))
        symbols = symbol_file(machine.scratch / f"modes-{machine.backend}.elf", at, {name: at + offset for name, offset in labels().items()})
        commands = [f"add-symbol-file {symbols}", f"set var *(int *){go} = 1", *commands, "detach"]
        text = gdb(console, f"source {ROOT}/tools/gdb/modes.py", *commands)
        wait_for_guest(console, "end name=modes")
        return text, results(logs.clean((console.out / "guest.log").read_bytes()))


def results(text):
    return [line for line in text.splitlines() if line.startswith("case ")]


WHERE = 'printf "code_mode=%d offset=%#x\\n", $code_mode, $pc - $cs_base'


def run_to(place):
    return [f"tbreak *{place}", "continue", WHERE]


def reconnect():
    """Another session: its description is that of the mode, so gdb has its registers and decodes its code by itself."""
    return ["disconnect", "python gdb.execute(f'target remote {line}')", "show architecture"]


@on("svm", "vmx")
def test_modes(machine):
    """
    From 64-bit code to 32-bit and 16-bit protected mode, to real mode and back: breakpoints by name, registers, memory, steps of what exits,
    into a handler and from mode to mode. What the program finds in all modes is the same as bare.
    """
    long_on_bochs(machine)
    text, found = modes(
        machine,
        *run_to("protected"),
        "x/2i $rip",
        "stepi",
        "print $ax",
        *run_to("protected16"),
        *["stepi"] * 6,
        *STEP,  # CR0.PE is off
        "stepi",
        *reconnect(),
        "stepi",  # the far JMP
        WHERE,
        "print $ds == $cs",
        "x/1i $eip",
        "print /x $ds_base == $cs_base",
        *run_to("stubs16 + 0x60"),  # #UD
        "x/1hx $ss_base + $esp",
        "stepi",
        "set var *(short *)($ss_base + $esp + 2) = *(short *)($ss_base + $esp + 2)",
        "print /x *(short *)($ss_base + $esp)",
        "set var $ebx = $ebx + 1",
        "set var $ebx = $ebx - 1",
        "set var $eip = $eip - 2",
        "set var $esp = $esp + 2",
        *run_to("back32"),
        *reconnect(),
        "x/1i $eip",
        "stepi",
        *run_to("back64"),
        *reconnect(),
        "x/1i $rip",
        "stepi",
        "print $rdi == $rbx",
    )
    places = re.findall(r"^code_mode=(\d+) offset=(\S+)$", text, re.M)
    names = "protected protected16 real stubs16 back32 back64".split()
    wanted = [labels()[name] + 0x60 * (name == "stubs16") for name in names]
    expect([(mode, int(at, 16) & 0xFFF) for mode, at in places] == list(zip("32 16 16 16 32 64".split(), wanted)), f"{places}: {text}")
    insns = [insn.split()[0] for insn in stepped(text)]
    expect(insns == ["mov", "mov", "mov", "mov", "mov"], f"{insns}: {text}")
    values = [int(value, 0) for value in re.findall(r"^\$\d+ = (\S+)$", text, re.M)]
    expect(values == [0x10, 0, 1, 6, 1], f"{values}: {text}")
    for architecture in ("i8086", "i386", "i386:x86-64"):
        expect(f'(currently "{architecture}")' in text, f"{architecture}: {text}")
    bare = results(machine.guest("modes", TRAPLINE=0).guest)
    expect(found == bare and len(bare) > 30, f"{set(found) ^ set(bare)}")

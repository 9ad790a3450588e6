# SPDX-License-Identifier: MIT
"""Run control by Debian's gdb, in batch mode: breakpoints, watchpoints and steps in a guest that knows nothing of them."""

import os
import re

from lib.console import Console
from lib.gdb import gdb
from lib.machine import BUILD, GUESTS, Skip, expect, on
from test_console import wait_for_guest

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


@on("svm")
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


@on("svm")
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


@on("svm")
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


@on("svm")
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


@on("svm")
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
    """The short one: a breakpoint with its arguments, steps over CPUID and into a fault's handler, a watched variable, and on."""
    text = debug(
        machine,
        "break debugged_add",
        "continue",
        "delete",
        "break debugged_exits",
        "continue",
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
    )
    expect(re.search(r"Breakpoint 1, debugged_add \(a=(a@entry=)?\d+, b=(b@entry=)?3\)", text), text)
    names = [insn.split()[0] for insn in stepped(text)]
    expect(names == ["xor", "cpuid", "mov", "incl"] and "Hardware watchpoint 4: debugged_total" in text, f"{names}: {text}")

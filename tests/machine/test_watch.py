# SPDX-License-Identifier: MIT
"""Watches of registers: the guest must not see them, and each write must be told with its values."""

from lib import logs
from lib.machine import expect, on

CR0_WP = 1 << 16
REGISTERS = "cr0 cr3 cr4 dr7 gdtr idtr ldtr tr xcr0 efer lstar kernel_gs_base star fs_base".split()
WATCHES = "".join(f"watch = reg {name}\n" for name in REGISTERS)


def lines_of(run):
    return [line for line in run.guest.splitlines() if line.startswith(("write ", "case ", "result ", "msr ", "end "))]


def same(bare, run):
    pairs = list(zip(lines_of(bare), lines_of(run)))
    different = [pair for pair in pairs if pair[0] != pair[1]]
    expect(not different, "\n".join(f"bare: {one}\nhere: {other}" for one, other in different[:5]))
    expect(len(lines_of(bare)) == len(lines_of(run)) > 10, f"other lines; see {run.out}")


def hits(run, name):
    return [hit for hit in logs.records(run.trapline, "watch") if hit.get("name") == name and hit["access"] == "w"]


def values(hit):
    return logs.number(hit["old"]), logs.number(hit["new"])


@on("svm", "vmx")
def test_watched_registers(machine):
    """Each register is written: the guest sees the same as bare, and each write has its record, even the second of two in a row."""
    bare = machine.guest("watched", TRAPLINE=0).expect_status(0)
    run = machine.guest("watched", CONF=machine.conf("filter = rate=0\n" + WATCHES)).expect_status(0)
    run.expect_active(machine.vendor)
    same(bare, run)
    pairs = [values(hit) for hit in hits(run, "cr0")]
    cleared = [n for n, (old, new) in enumerate(pairs[:-1]) if old ^ new == CR0_WP and pairs[n + 1] == (new, old)]
    expect(cleared, f"CR0.WP is cleared and set at once, but the trace has {pairs}")
    lstar = [values(hit)[1] for hit in hits(run, "IA32_LSTAR")]
    expect(0xFFFF800000001000 in lstar, f"LSTAR: {lstar}")
    for name in ("cr3", "cr4", "dr7", "gdtr", "idtr", "IA32_LSTAR", "IA32_KERNEL_GS_BASE", "IA32_STAR"):
        expect(hits(run, name), f"no hit of {name}; see {run.out}/trapline.log")
    expect((0x400, 0x700) in [values(hit) for hit in hits(run, "dr7")], f"DR7: {[values(h) for h in hits(run, 'dr7')]}")


@on("svm", "vmx")
def test_watched_same_as_bare(machine):
    """MSRs, control registers and XCR0 with values that are refused, all of them watched: results as bare."""
    bare = machine.guest("msrcpuid", TRAPLINE=0).expect_status(0)
    run = machine.guest("msrcpuid", CONF=machine.conf(WATCHES)).expect_status(0).expect_active(machine.vendor)
    same(bare, run)


@on("svm", "vmx")
def test_denied(machine):
    """A write that a watch denies raises #GP and changes nothing; its record says so."""
    conf = machine.conf("filter = rate=0\nwatch = reg lstar deny\nwatch = reg cr4.de deny\nwatch = reg cr0.ts once\nwatch = reg nothing\n")
    run = machine.guest("watched", CONF=conf).expect_status(0).expect_active(machine.vendor)
    writes = logs.records(run.guest, "write")
    for name in ("IA32_LSTAR", "cr4"):
        mine = [write for write in writes if write["name"] == name][0]
        expect(mine["vector"] == "13" and mine["old"] == mine["new"], f"not denied: {mine}")
        expect(any(hit.get("how") == "denied" for hit in hits(run, name)), f"no record of it: {hits(run, name)}")
    expect(len(hits(run, "cr0")) == 1, f"once is {len(hits(run, 'cr0'))} hits")
    run.expect_line('trapline: watch in trapline.conf: "nothing": no such register')
"""Watches of memory: what they tell, on one and two CPUs, and that the guest does not see them."""

import os
import re

from lib import logs
from lib.console import Console
from lib.machine import GUESTS, Skip, expect, on

AT = 0x10000200
CONF = f"print = all\nfilter = rate=any\nwatch = w physical {AT:#x}/8\n"
ALSO = 2  # `call` and `sidt` write twice


def cases(run):
    return [line for line in run.guest.splitlines() if line.startswith("case ")]


def told(run):
    """The records of writes to the variable, oldest first, without those of the firmware before the program."""
    return [r for r in logs.records(run.trapline, "watch") if "insn" in r]


def number(text):
    return int(text, 0)


def check_chain(found):
    """Each write begins with the value that the one before has left, as far as the bytes are the same."""
    for before, after in zip(found, found[1:]):
        if before["phys"] == after["phys"] and before.get("size") == after.get("size"):
            expect(before["new"] == after["old"], f"{before}\n{after}")


@on("svm", "vmx", "svm-bochs")
def test_each_write_is_told(machine):
    """Eighteen ways to write one variable have the same results as bare, and each is told with its instruction and values."""
    bare = cases(machine.guest("watch", TRAPLINE=0).expect_status(0))
    run = machine.guest("watch", CONF=machine.conf(CONF)).expect_status(0)
    now = cases(run)
    # The frame that INT n pushes holds an address of the program.
    expect(now[:-1] == bare[:-1], "\n".join(set(now) ^ set(bare)))
    text = "\n".join(r["insn"] for r in told(run))
    for instruction in (
        "mov qword", "mov byte", "add dword", "xchg", "lock cmpxchg qword", "lock xadd", "stosb", "rep stosb", "movsq", "push",
        "pushfq", "call", "movups", "bts", "setb", "sidt", "lock cmpxchg16b", "int 0x40",
    ):
        expect(instruction in text, f"no {instruction} in\n{text}")
    expect(text.count("rep stosb") == 3, "REP is told step by step")
    check_chain(told(run))


@on("svm")
def test_two_cpus(machine):
    """Both CPUs write in turn and at once: no write is lost, and each is recorded or counted."""
    run = machine.guest("watch", CONF=machine.conf(CONF), CPUS=2, ARGS="two").expect_status(0)
    expect("case name=at_once old=0x0 new=0x7d0" in run.guest, "a write was lost")


@on("vmx")
def test_monitor_trap_flag(machine):
    """The same by VT-x's monitor trap flag, which Bochs 2.7 does not have."""
    bochs = os.environ.get("BOCHS")
    if not bochs:
        raise Skip("make test-smp-hardware")
    run = machine.guest("watch", CONF=machine.conf(CONF), BOCHS=os.path.abspath(bochs)).expect_status(0)
    expect("lock cmpxchg16b" in "\n".join(r["insn"] for r in told(run)), "not all writes are told")


def watched(machine, program, what, **variables):
    """Runs a program while the console sets the watches that it asks for; its lines."""
    with Console(machine, SERIAL=True, EFI=GUESTS / f"{program}.efi", ARGS=f"watched={what}", **variables) as console:
        text = console.serial.wait_for(r"^watch ready", 200)
        console.logfmt()
        for words in re.findall(r'^watch words="([^"]*)"', text, re.M):
            console.ask_ok(f"watch add {words}")
        console.serial.send(b"\n")
        text = console.serial.wait_for(r"^end name=", 500)
    return [line for line in text.splitlines() if line.startswith(("case ", "result "))]


# QEMU: the bare line is wrong ("differ"), or leaves RF set.
QUIRKS = re.compile(r"result=differ|name=db_watch_fetch_rf ")


def same_as_bare(machine, what):
    bare = [line for line in cases(machine.guest("exceptions", TRAPLINE=0)) if not QUIRKS.search(line)]
    now = watched(machine, "exceptions", what)
    missing = [line for line in bare if line not in now]
    expect(not missing, "\n".join(missing))


@on("svm")
def test_code_same_as_bare(machine):
    """Every instruction of the cases is stepped, and the guest sees nothing of it."""
    same_as_bare(machine, "code:rx")


@on("svm")
def test_stacks_same_as_bare(machine):
    """Stacks are watched: pushes of instructions and of events."""
    same_as_bare(machine, "stacks:rw")

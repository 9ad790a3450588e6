# SPDX-License-Identifier: MIT
"""Watches of memory: what they tell, on one and two CPUs, and that the guest does not see them."""

import os

from lib import logs
from lib.machine import GUESTS, Skip, expect, on

AT = 0x10000200
CONF = f"print = all\nfilter = rate=0\nwatch = w physical {AT:#x}/8\n"
WRITES = 22  # of the program on one CPU: REP STOSB is three, `call` and `sidt` are two each


def cases(run):
    return [line for line in run.guest.splitlines() if line.startswith("case ")]


def told(run):
    """The records of the program's writes to the variable, oldest first: the firmware wrote there before."""
    return [r for r in logs.records(run.trapline, "watch") if "insn" in r][-WRITES:]


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

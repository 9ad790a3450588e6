# SPDX-License-Identifier: MIT
"""Firmware with 5-level paging, which the starter makes of OVMF (five_levels.c), on QEMU's `max`."""

from lib.machine import expect, on
from test_smp import expect_plugged

FIVE = {"CPU": "max"}
# CPU 2 has no AMD-V: Trapline undoes the load on all CPUs.
UNFIT = {
    "CPU": "max,svm=on",
    "EXTRA": "-smp 1,sockets=3,maxcpus=3 "
    "-device max-x86_64-cpu,svm=on,socket-id=1,core-id=0,thread-id=0 "
    "-device max-x86_64-cpu,svm=off,socket-id=2,core-id=0,thread-id=0",
}
CASES = ("case ", "result ", "end ")


def esp(machine):
    """A folder with the file that makes the starter turn on 5-level paging."""
    folder = machine.scratch / "five_levels"
    folder.mkdir(exist_ok=True)
    (folder / "five_levels").touch()
    return str(folder)


def expect_five(run, cpus):
    """5-level paging was on, and with several CPUs the firmware's saved registers of all of them were found."""
    run.expect_line("starter: 5-level paging is on", "guest")
    expect(cpus == 1 or "kept=0" not in run.guest, f"the firmware starts its CPUs with 4 levels; see {run.out}")


@on("svm")
def test_exceptions_same_as_bare(machine):
    """Each exception of 64-bit mode gets to the guest's handlers as without Trapline, and is recorded."""
    how = {"ESP": esp(machine), **FIVE}
    bare = machine.guest("exceptions", TRAPLINE=0, **how).expect_status(0)
    run = machine.guest("exceptions", CONF=machine.conf("print = all\nfilter = rate=0\n"), **how).expect_status(0)
    run.expect_active(machine.vendor)
    lines = [[line for line in r.guest.splitlines() if line.startswith(CASES)] for r in (bare, run)]
    expect(lines[0], f"the program said nothing; see {bare.out}")
    different = [pair for pair in zip(*lines) if pair[0] != pair[1]]
    expect(not different, "\n".join(f"bare: {one}\nhere: {other}" for one, other in different[:5]))
    expect(len(lines[0]) == len(lines[1]), f"{len(lines[0])} lines bare, {len(lines[1])} here; see {run.out}")
    expect(len(run.traps) > 50, f"{len(run.traps)} traps; see {run.out}/trapline.log")
    expect_five(run, 1)


@on("svm")
def test_linux(machine):
    """Debian's kernel with two CPUs, which start without paging while the VMM uses 5 levels. One CPU is taken offline and online again."""
    conf = machine.conf("print = all\nfilter = rate=0\n")
    run = machine.linux("trapline.mode=hotplug trapline.n=2", CPUS=2, ESP=esp(machine), CONF=conf, **FIVE)
    run.expect_status(0).expect_active(machine.vendor, cpus=2)
    expect_plugged(run, cpus=2, rounds=2)
    expect_five(run, 2)


@on("svm")
def test_undone(machine):
    """A CPU without virtualization: all CPUs get their state back, with 5-level paging, and the guest starts without Trapline."""
    run = machine.linux("trapline.mode=boot", ESP=esp(machine), **UNFIT).expect_status(0).expect_no_fault()
    run.expect_line("trapline: CPU 2 (APIC id 2): ").expect_line("booting without Trapline")
    expect("trapline: active" not in run.trapline, "it says that it is active")
    run.expect_line("guest: init cpus=3", "guest")
    expect_five(run, 3)

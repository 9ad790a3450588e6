# SPDX-License-Identifier: MIT
"""Watches of registers: the guest must not see them, and each write must be told with its values."""

from lib import logs
from lib.machine import expect, on

CR0_TS = 1 << 3
CR0_WP = 1 << 16
CR0_CD = 1 << 30
REGISTERS = "cr0 cr3 cr4 dr7 gdtr idtr ldtr tr xcr0 efer lstar kernel_gs_base star fs_base".split()
WATCHES = "".join(f"watch = reg {name}\n" for name in REGISTERS)


# QEMU 7.2 accepts these values bare; under a watch Trapline follows the manual.
QUIRKS = (" name=vmx_", " name=cr0_reserved_low ", " name=lstar_noncanonical ")


def lines_of(run):
    """What the program printed, without the values of registers that Trapline hides, or that the emulator gets wrong."""
    words = ("write ", "case ", "result ", "msr ", "end ")
    return [line for line in run.guest.splitlines() if line.startswith(words) and not any(q in line for q in QUIRKS)]


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
    expect([old ^ new for old, new in pairs].count(CR0_CD) == 2, f"CR0.CD is set and cleared, but the trace has {pairs}")
    by_memory = [values(hit) for hit in hits(run, "cr0") if hit["insn"].startswith("lmsw word ptr")]
    expect([old ^ new for old, new in by_memory] == [CR0_TS], f"LMSW of memory: {by_memory}")
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

# SPDX-License-Identifier: MIT
"""Watches of memory: what they tell, on one and two CPUs, and that the guest does not see them."""

import os
import re

from lib import logs
from lib.console import Console
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


def watches(run, word):
    """What `watch list` said when the program printed it after this word, by the watch's number."""
    lines = [line.split(" ", 1)[1] for line in run.guest_lines(f"{word} watch ")]
    return {row["id"]: row for row in map(logs.fields, lines)}


def two_cpus(machine, each, args, **variables):
    """Both CPUs make every kind of write in turn, and then `each` additions at once: each is a hit, and has a record or is counted as lost."""
    run = machine.guest("watch", CONF=machine.conf(CONF), CPUS=2, ARGS=args, **variables).expect_status(0)
    run.expect_active(machine.vendor, cpus=2)
    expect(f"case name=at_once old=0x0 new={2 * each:#x}" in run.guest, f"a write was lost; see {run.out}")
    before, after = (int(watches(run, word)["1"]["hits"]) for word in ("before", "after"))
    expect(after - before == 2 * each, f"{2 * each} writes at once are {after - before} hits; see {run.out}")
    told = [r for r in logs.records(run.trapline, "watch") if r.get("insn", "").startswith("lock inc")]
    lost = max([int(row["total"]) for row in logs.records(run.trapline, "trapline: lost")], default=0)
    expect(len(told) <= 2 * each <= len(told) + lost, f"{len(told)} told, {lost} lost of {2 * each}; see {run.out}")
    expect({r["cpu"] for r in told} == {"0", "1"}, "not from both CPUs")
    expect(all(logs.number(r["new"]) > logs.number(r["old"]) for r in told), "a write that changes nothing")
    return run


@on("svm")
def test_two_cpus(machine):
    """Both CPUs write in turn and a thousand times at once: no write is lost, and each is recorded or counted."""
    two_cpus(machine, 1000, "two")


@on("svm", "vmx")
def test_two_cpus_each(machine):
    """The same fifty times, which the console has time for: each write is recorded, none is lost, on either CPU each instruction is told."""
    run = two_cpus(machine, 50, "two few")
    expect("trapline: lost" not in run.trapline, f"records are lost; see {run.out}")
    for cpu in ("0", "1"):
        mine = {r["insn"].split(",")[0] for r in logs.records(run.trapline, "watch") if r["cpu"] == cpu and "insn" in r}
        expect(len(mine) >= 12, f"cpu={cpu} tells {sorted(mine)}")


def by_trap_flag(machine):
    """The variables of a machine with the monitor trap flag, which Bochs 2.7 does not have."""
    bochs = os.environ.get("BOCHS")
    if not bochs:
        raise Skip("make test-smp-hardware")
    return {"BOCHS": os.path.abspath(bochs)}


@on("vmx")
def test_monitor_trap_flag_by_hardware(machine):
    """The same on two CPUs by VT-x's monitor trap flag."""
    run = two_cpus(machine, 50, "two few", **by_trap_flag(machine))
    expect("lock cmpxchg16b" in "\n".join(r["insn"] for r in logs.records(run.trapline, "watch") if "insn" in r), "not all writes are told")


@on("svm", "vmx")
def test_actions(machine):
    """`deny`, `once`, `rate=` and `stop`: the guest gets #GP and its memory stays; one record; two a second; the operator lets it run again."""
    conf = machine.conf("print = all\nfilter = rate=0\n")
    with Console(machine, EFI=GUESTS / "watch.efi", CONF=conf, ARGS="actions watched=stop:w operator poweroff", SERIAL=True) as console:
        guest = console.serial.wait_for(rb"watch ready", 400)
        said = console.wait_for(rb"^watch seq=.* id=5 .*\n(.*\n)*watch seq=.* id=5 .*\n")
        console.logfmt()
        said += "\n".join(console.ask_ok(f"watch add w {AT + 0x180:#x}/8 stop").lines).encode() + b"\n"
        console.serial.send(b"g")
        said += console.wait_for(rb"trapline: watch \d+ stopped the guest.*\n")
        expect(console.ask_ok("regs").lines, "no registers of a stopped guest")
        console.ask_ok("go")
        guest += console.serial.wait_for(rb"end name=watch")
        expect(console.ended() == 0, f"the guest does not end; see {console.out}")
    guest, told = logs.clean(guest), [r for r in logs.records(logs.clean(said), "watch") if "seq" in r]
    cases = [(r["name"], r["vector"], r["old"] == r["new"]) for r in logs.records(guest, "case") if "new" in r]
    wanted = [("execute", "0", True), ("deny_store", "13", True), ("deny_load", "0", True), ("deny_locked", "13", True)]
    wanted += [("deny_execute", "13", True), ("deny_neighbour", "0", False), *[("once", "0", False)] * 3]
    expect(cases == [*wanted, ("rate", "0", False), ("stop", "0", False)], f"{cases}; see {console.out}")
    expect("case name=deny_any_load vector=13" in guest, f"a load was not denied; see {console.out}")
    denied = [(r["access"], r.get("insn", "").split(" ")[0]) for r in told if "denied" in r.get("how", "")]
    expect(denied == [("w", "mov"), ("w", "lock"), ("x", "jmp"), ("r", "mov")], f"denied: {denied}; see {console.out}")
    pages = [re.findall(rf"^{word} +walk second_level=(\d+)K watched=(\S+)", guest, re.M) for word in ("before", "during", "after")]
    expect(pages[0] == pages[2] != [] and int(pages[0][0][0]) >= 2048, f"not put together again: {pages}; see {console.out}")
    expect(pages[1] == [("4", "rw")], f"not split: {pages}; see {console.out}")
    check_counts(guest, [r["id"] for r in told], console.out)


def check_counts(guest, told, out):
    """The lists that the program printed: `once` is gone after its record, and `rate` counts what it keeps off the line."""
    rows = [logs.fields(line) for line in guest.splitlines() if line.startswith("list watch ")]
    last = [row for row in rows if "rate=2" in row["what"]]
    expect(len(last) == 1 and not any("once" in row["what"] for row in rows), f"{rows}; see {out}")
    hits, limited = int(last[0]["hits"]), int(last[0].get("limited", 0))
    records = told.count(last[0]["id"])
    expect(hits == 11 and records + limited == 11 and 2 <= records <= 4, f"{records} records: {last[0]}; see {out}")
    once = str(int(last[0]["id"]) - 1)
    expect(told.count(once) == 1, f"once is {told.count(once)} records; see {out}")


def all_in_watched_pages(machine, **variables):
    bare = cases(machine.guest("watch_hard", TRAPLINE=0).expect_status(0))
    run = machine.guest("watch_hard", CONF=machine.conf("filter = rate=0\n"), ARGS="watched many", **variables).expect_status(0)
    run.expect_active(machine.vendor)
    rounds, rest = divmod(len(cases(run)), len(bare))
    expect(rounds > 2 and not rest and len(bare) == 10, f"{len(bare)} cases bare, {len(cases(run))} here; see {run.out}")
    expect(cases(run) == bare * rounds, "\n".join(sorted(set(cases(run)) ^ set(bare))))
    row = watches(run, "list")["1"]
    expect(int(row["hits"]) > 1000, f"the pages were not watched: {row}")
    expect(all(line == "many added=256" for line in run.guest_lines("many ")), f"not 256 watches; see {run.out}")


@on("svm", "vmx")
def test_all_in_watched_pages(machine):
    """Code that changes itself, RIP, RSP, IDT, GDT and page tables in watched pages, then under 256 watches that come and go: as bare."""
    all_in_watched_pages(machine)


@on("vmx")
def test_all_in_watched_pages_by_hardware(machine):
    """The same by VT-x's monitor trap flag."""
    all_in_watched_pages(machine, **by_trap_flag(machine))


@on("svm", "vmx")
def test_follow(machine):
    """A linear watch that follows tells writes to each page that comes there, moved, mapped anew or by another table; without follow it is refused."""
    bare = cases(machine.guest("watch_hard", TRAPLINE=0, ARGS="follow").expect_status(0))
    run = machine.guest("watch_hard", CONF=machine.conf("filter = rate=0\n"), ARGS="follow").expect_status(0)
    run.expect_active(machine.vendor)
    expect(cases(run) == bare == ["case name=follow sum=0xf5"], f"{cases(run)}; see {run.out}")
    run.expect_line("unmapped done command=watch status=error", "guest")
    told = [(logs.number(r["phys"]), logs.number(r["new"])) for r in logs.records(run.trapline, "watch") if "insn" in r]
    page = AT & ~0xFFF
    wanted = [(page + n * 0x1000, new) for n, new in ((4, 0xF1), (5, 0xF2), (6, 0xF3), (14, 0xF4), (14, 0xF5))]
    expect(told == wanted, f"told {[(hex(at), hex(new)) for at, new in told]}; see {run.out}")


# One of each kind but irq. In those rows an interrupt waits in the shadow of a STI: without the monitor trap flag the shadow ends before
# the step (docs/watch.md), and in `sti; hlt` the interrupt comes before the HLT, which then waits for ever.
KINDS = (
    "de_div_zero,de_ring3,db_watch_write,db_watch_push,db_icebp,db_step,db_step_popf,bp_int3,bp_cd03,bp_ring3,int_64,int_64_ring3,ud2,ud2_ring3,"
    "ud_after_mov_ss,ud_fetch_straddles,nm_x87,df_gp_np,df_pf_pf,pf_during_ud,pf_during_ud_ist,np_int,ss_push,gp_iret_rip,gp_int_ring3,gp_movaps,"
    "pf_fetch,pf_modify,pf_straddle_write,pf_rep_stos,pf_push,pf_write_ring3,mf_fwait,ac_ring3,xm_divide,step_plain,step_cpuid,step_mov_ss,step_rep,"
    "step_int,step_iret"
)

# QEMU 7.2 leaves RF set after an instruction that began with it, and its own single step clears B0 to B3 of DR6: under a watch both are as
# the manual says. It does not load the shadow of a STI at VMRUN, so an interrupt comes before the stepped instruction that follows a STI.
QEMU_DIFFERS = ("db_watch_fetch_rf", "db_sticky", "irq_sti_mov_ss")


def exceptions_under(machine, watched, args=""):
    """The exceptions program, all whose memory of these kinds is watched: its results are those of bare."""
    bare = machine.guest("exceptions", TRAPLINE=0, ARGS=args).expect_status(0)
    run = machine.guest("exceptions", ARGS=f"watched={watched} {args}", CONF=machine.conf("print = none\n"), TIMEOUT=3000).expect_status(0)
    run.expect_active(machine.vendor)
    expect(run.guest_lines("watched command=") and "status=refused" not in run.guest, f"not watched; see {run.out}")
    differs = QEMU_DIFFERS if machine.backend == "svm" else ()
    pairs = [(one, other) for one, other in zip(cases(bare), cases(run)) if one != other and logs.fields(one)["name"] not in differs]
    expect(not pairs, "\n".join(f"bare: {one}\nhere: {other}" for one, other in pairs[:5]))
    expect(len(cases(bare)) == len(cases(run)) > 2, f"other lines; see {run.out}")


ALL = "tables:rw,stacks:rw,code:x,data:rw"
ROWS = "ud2,ud2_ring3,pf_write,pf_straddle_write,pf_rep_stos,df_pf_np,pf_during_ud"


@on("svm")
def test_exceptions_same_as_bare(machine):
    """Exceptions with watches on the program's descriptor tables, stacks, code and data."""
    exceptions_under(machine, ALL, f"only={ROWS}")


@on("svm")
def test_page_tables_same_as_bare(machine):
    """Page faults with watched page tables, where AMD-V makes every instruction a step (make test-watch)."""
    if not os.environ.get("WATCH"):
        raise Skip("make test-watch")
    exceptions_under(machine, "paging:rw,tables:w", "only=pf_write,pf_straddle_write,df_pf_np")


@on("svm", "vmx")
def test_all_exceptions_same_as_bare(machine):
    """All exceptions of 64-bit mode; on VT-x, where all take half an hour, those of each kind, with watched page tables as well (make test-watch)."""
    if not os.environ.get("WATCH"):
        raise Skip("make test-watch")
    if machine.backend == "vmx":
        exceptions_under(machine, ALL + ",paging:w", f"only={KINDS}")
    else:
        exceptions_under(machine, ALL)

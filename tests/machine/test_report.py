# SPDX-License-Identifier: MIT
"""What remains when something dies: the chain of a triple fault, the black box, Trapline's own fault screen."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from lib import logs
from lib.gdb import OPTIONS
from lib.machine import BUILD, GUESTS, ROOT, VARIABLES, Failure, Skip, esp_file, expect, on

# Every chain is the same on each backend. Bochs takes half a minute for one, and gets those that test its own code.
BACKENDS = ("svm", "vmx", "svm-bochs")
TEST_BUILD = BUILD / "test/trapline.efi"
HEX = r"0x[0-9a-f]+"


def block(run):
    """The lines of the triple fault's block."""
    text = run.trapline.partition("trapline: triple fault cpu=0")[2]
    expect(text, f"no triple fault block; see {run.out}/trapline.log")
    inside, end, _ = text.partition("trapline: end\n")
    expect(end, f"the block has no end; see {run.out}/trapline.log")
    return inside


def links(text):
    """The chain: for each trap line its fields, and the lines that belong to it."""
    chain, own = [], []
    for line in text.splitlines():
        if line.startswith("trap seq="):
            own = []
            chain.append((logs.fields(line), own))
        elif line.startswith("trapline: "):
            break
        else:
            own.append(line.strip())
    return chain


def expect_chain(run, *wanted):
    """Each of `wanted` is a name and what its own lines must match, one regular expression each."""
    chain = links(block(run))
    names = [trap["name"] for trap, _ in chain]
    where = f"see {run.out}/trapline.log"
    expect(names == [name for name, *_ in wanted], f"the chain is {names}; {where}")
    expect(chain[-1][0].get("outcome") == "triple-fault", f"the last link is {chain[-1][0]}; {where}")
    for (trap, lines), (name, *patterns) in zip(chain, wanted):
        for pattern in patterns:
            expect(any(re.search(pattern, line) for line in lines), f"{name} {trap['seq']}: no line like {pattern}; {where}")
    seqs = [int(trap["seq"]) for trap, _ in chain]
    causes = [int(trap["cause"]) for trap, _ in chain[1:]]
    expect(causes == seqs[:-1], f"records {seqs} have the causes {causes}; {where}")
    return chain


def dies(machine, guest, **args):
    words = " ".join(f"{key}={value}" for key, value in args.items())
    variables = {"ARGS": words} if words else {}
    return machine.guest(guest, **variables).expect_status(3).expect_active(machine.vendor)


# A gate that the table has no room for.
BEYOND = r"^idt vec=\d+ .*why=\"beyond the table's limit\""
REGISTERS = r"^regs rip=[0-9a-f]+ .*cr3="


@on(*BACKENDS)
def test_null_idt(machine):
    """An IDT without room for a gate: #UD, twice #GP, #DF, and each says that its gate is beyond the limit."""
    run = dies(machine, "triple")  # the machine of guests.triple_fault as well
    expect_chain(run, ("#UD", BEYOND, REGISTERS, r"^stack 0x"), ("#GP", BEYOND), ("#GP",), ("#DF", BEYOND), ("#GP",))


@on("svm")
def test_broken_gates(machine):
    """#GP whose gate is not present, and a #DF gate that is not either."""
    run = dies(machine, "triple", way="no-gates")
    absent = r'^idt .*why="not present"'
    expect_chain(run, ("#GP", absent), ("#NP",), ("#DF", absent), ("#NP",))


@on("svm", "vmx")
def test_stack_into_unmapped_page(machine):
    """A stack that grows into a page that is not mapped: the walk ends at a PTE that is 0."""
    run = dies(machine, "triple", way="deep-stack")
    walk = r'^walk PTE at=0x[0-9a-f]+ entry=0x0 bits="" why="not present"'
    chain = expect_chain(run, ("#PF", walk, r"^idt vec=14 .*gate=\"64-bit interrupt gate\""), ("#PF", walk), ("#DF",), ("#PF", walk))
    expect(chain[0][0]["insn"].startswith("push "), f"not a push: {chain[0][0]}")


@on("svm")
def test_empty_cr3(machine):
    """CR3 at a page of zeroes: nothing is mapped, the IDT included."""
    run = dies(machine, "triple", way="empty-cr3")
    walk = r'^walk PML4E .*entry=0x0 bits="" why="not present"'
    unmapped = r"^idt .*why=\"the table is not mapped here"
    expect_chain(run, ("#PF", walk, unmapped), ("#PF", walk), ("#DF", unmapped), ("#PF", walk))


@on("svm")
def test_wild_cr3(machine):
    """CR3 where there is no memory: the walk says that its first table is not in RAM."""
    run = dies(machine, "triple", way="wild-cr3").expect_line("trapline: core kept bytes=")
    expect_chain(run, ("#PF", r'^walk PML4E at=0x80000000 why="not in RAM"'), ("#PF",), ("#DF",), ("#PF",))


@on(*BACKENDS)
def test_real_mode(machine):
    """In real mode: the table is the IVT, addresses are segment and offset, the stack is one of words."""
    run = dies(machine, "triple", way="real-mode").expect_line("trapline: core kept bytes=")
    chain = expect_chain(run, ("#UD", BEYOND, r"^stack 0x[0-9a-f]+: [0-9a-f]{4} "), ("#GP",), ("#GP",), ("#DF",), ("#GP",))
    expect(chain[0][0]["mode"] == "16" and chain[0][0]["insn"] == "ud2", f"{chain[0][0]}")


@on("svm", "vmx")
def test_wild_call(machine):
    """A CALL to an unmapped address: the line after the registers and the stack names the caller."""
    run = dies(machine, "triple", way="wild-call")
    chain = expect_chain(run, ("#PF", r"^stack 0x"), ("#GP",), ("#DF",), ("#GP",))
    callers = [line for _, lines in chain for line in lines if line.startswith("by ")]
    returns = re.search(r"^triple returns=(0x[0-9a-f]+)", run.guest, re.M).group(1)
    expect(re.fullmatch(rf'by {returns} stack={HEX} how=call sym="guest\.efi\+{HEX}"', callers[0]), f"{returns}: {callers}")
    expect(len(callers) > 1, f"{callers}: only one")
    expect(callers == [line for line in chain[0][1] if line.startswith("by ")], f"told more than once: {callers}")


def first_before(run):
    """The oldest record that is shown before the chain."""
    found = re.search(r"^  before: (trap .*)$", block(run), re.M)
    expect(found, f"nothing is shown before the chain; see {run.out}/trapline.log")
    return logs.fields(found.group(1))


@on("svm")
def test_early_kernel_bss(machine):
    """A kernel whose page tables end before its .bss: the faulting store, and where the walk ended."""
    run = dies(machine, "early", **{"break": "bss"})
    pde = r'^walk PDE at=0x[0-9a-f]+ entry=0x0 bits="" why="not present"'
    chain = expect_chain(run, ("#PF", pde, r'^idt vec=14 .*why="not present"'), ("#NP",), ("#DF",), ("#NP",))
    first = chain[0][0]
    expect(first["cr2"] == "0xffffffff81200000" and first["insn"].startswith("mov "), f"{first}")
    expect(first["why"] == "write to a page not present, from supervisor mode", f"{first}")


@on("svm", "vmx")
def test_early_kernel_idt(machine):
    """Handlers that are not mapped: they fault until the stack is used up, and the first fault is shown nevertheless."""
    run = dies(machine, "early", **{"break": "idt"})
    first = first_before(run)
    expect(first["cr2"] == "0xffffffff81200000" and first["insn"].startswith("mov "), f"{first}")
    expect(re.search(r"^  the same again, \d\d+ times in a row", block(run), re.M), "the repetition is not counted")


@on("svm")
def test_early_kernel_stack(machine):
    """A stack pointer beyond what is mapped: the faulting call, and its page walk."""
    run = dies(machine, "early", **{"break": "stack"})
    pte = r'^walk PTE at=0x[0-9a-f]+ entry=0x0 bits="" why="not present"'
    chain = expect_chain(run, ("#PF", pte, r"^stack 0x[0-9a-f]+: why="), ("#PF", pte), ("#DF",), ("#PF", pte))
    expect(chain[0][0]["insn"].startswith("call "), f"{chain[0][0]}")


@on("svm")
def test_early_kernel_whole(machine):
    """The same kernel without a mistake reaches its end, so the others die of their mistake."""
    run = machine.guest("early", ARGS="break=none").expect_status(0).expect_active(machine.vendor)
    expect(run.guest.rstrip().endswith("K"), f"it did not get to its end; see {run.out}/guest.log")


@on("svm")
def test_exit_history(machine):
    """A fatal report shows the last exits of the CPU, in order, as many as trapline.conf says at most."""
    run = machine.guest("triple", CONF=machine.conf("history = 16\n")).expect_status(3)
    lines = "\n".join(line.strip() for line in block(run).splitlines())
    exits = [entry for entry in logs.records(lines, "exit") if "rip" in entry]
    count = sum(int(entry.get("times", 1)) for entry in exits)
    expect(count == 16, f"{count} exits, not 16; see {run.out}/trapline.log")
    times = [float(entry["t"]) for entry in exits]
    expect(times == sorted(times), f"not in order: {times}")
    expect(all(int(entry["rip"], 16) for entry in exits), f"{exits}")


@on("svm")
def test_stop(machine):
    """triple_fault = stop: the CPU stops with the report on the console, and the machine is not reset."""
    run = machine.guest("triple", CONF=machine.conf("triple_fault = stop\n")).expect_status(0)
    block(run)
    run.expect_line("trapline: cpu=0 is stopped")


@on("svm")
def test_hold(machine):
    """triple_fault = hold: the CPU waits in the VMM for an operator or a debugger."""
    conf = machine.conf("triple_fault = hold\n")
    run = machine.guest("triple", CONF=conf, UNTIL="cpu=0 is held for inspection").expect_status(0)
    block(run)


def dead_with_core(machine):
    conf = machine.conf("blackbox_file = \\last.txt\ncore_file = \\last.core\n")
    way = "timer-off way=calls" if machine.backend == "vmx" else "way=calls"  # triple.c says why
    args = {"ARGS": way, "CONF": conf, "REBOOT": 1, "UNTIL": "black box: written to"}
    return machine.guest("triple", **args).expect_status(0)


def core_in_gdb(run, core, *commands):
    """What gdb prints about the core of `triple`, whose base is where the report has it."""
    trap = logs.fields(next(line for line in run.trapline.splitlines() if line.startswith("trap seq=1 ")))
    base = int(trap["at"].split(":")[1], 16) - int(trap["sym"].split("+")[1], 16)
    lines = [f"core-file {core}", f"add-symbol-file {GUESTS}/triple.so -o {base}", *commands]
    command = ["gdb", *OPTIONS, *(word for line in lines for word in ("-ex", line))]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True)
    return trap, done.stdout


@on("svm", "vmx")
def test_core(machine):
    """The core of a triple-faulted guest, from the black box: gdb finds the registers of the first fault, the callers, arguments and locals."""
    run = dead_with_core(machine)
    core = run.out / "last.core"
    subprocess.run(["mcopy", "-o", "-i", run.out / "esp.img", "::/last.core", core], check=True, timeout=60)
    commands = ("info registers", "bt 3", "info args", "info locals", "p *hole", "x/s hole->name")
    trap, text = core_in_gdb(run, core, *commands)
    where = f"see {core}: {text}"
    expect("Program terminated with signal SIGILL" in text, where)
    expect(re.search(rf"#0  0x0*{trap['at'].split(':')[1][2:]} in land \(hole=.*, speed=(speed@entry=)?3\)", text), where)
    expect(re.search(r"#1 .* in fall .*\n#2 .* in guest_main", text), where)
    expect("damage = 51" in text and "{depth = 17, name" in text and '"the well"' in text, where)
    told = dict(re.findall(r"\b(r[a-z0-9]+) ?=([0-9a-f]{16})\b", block(run).partition("  stack ")[0]))
    shown = dict(re.findall(r"^(r[a-z0-9]+) +0x([0-9a-f]+) ", text, re.M))
    expect(len(told) == 17 and all(int(told[name], 16) == int(shown[name], 16) for name in told), f"{told} {shown}")
    expect("core: of the last run, written to" in run.trapline, "the loader does not say so")


# What mark_registers() of triple.c has put there.
MARKS = (
    r"^=>R7: Valid +0x4000c90fdaa22168c235 ",
    r"^\$1 = \{0x1111222233334444, 0x5555666677778888\}",
    r"^\$2 = \{0x1, 0x2, 0x9999aaaabbbbcccc, 0x4\}",
    r"^cpu=0 dr2 = 0x123456789$",
    r"^cpu=0 xcr0 = 0x7$",
    r"^cpu=0 msr 0xc0000083 = 0xffffffff81c57a00$",
)


@on("svm", "vmx")
def test_core_registers(machine):
    """The same core has the guest's x87, SSE and AVX registers, its debug registers and its MSRs."""
    run = dead_with_core(machine)
    core = run.out / "registers.core"
    subprocess.run(["mcopy", "-o", "-i", run.out / "esp.img", "::/last.core", core], check=True, timeout=60)
    values = ("p/x $xmm5.v2_int64", "p/x $ymm6.v4_int64")
    _, text = core_in_gdb(run, core, "info float", *values, f"source {ROOT}/tools/gdb/linux.py", "trapline-registers")
    for mark in MARKS:
        expect(re.search(mark, text, re.M), f"no {mark}; see {core}: {text}")


@on("svm")
def test_core_without_a_place(machine):
    """A core that the ESP has no room for, or no folder: one line says why, no part of it stays, and the machine starts."""
    for file, why, more in (("\\last.core", "EFI_VOLUME_FULL", {"ESP_FREE": 65536}), ("\\none\\last.core", "EFI_NOT_FOUND", {})):
        conf = machine.conf(f"core_file = {file}\n")
        run = machine.guest("triple", ARGS="way=calls", CONF=conf, REBOOT=1, UNTIL="end of last run", **more).expect_status(0)
        line = f"trapline: core: core_file {file} cannot be written ({why}); the next start tries again"
        expect(run.trapline.count(line) == 1, f"not {line}; see {run.out}/trapline.log")
        again = run.trapline.partition(line)[2]
        expect("trapline: active" in again, f"the machine does not start; see {run.out}/trapline.log")
        expect(esp_file(run, "last.core") is None, "a part of it stays")


@on("svm")
def test_black_box(machine):
    """After a reset the next start finds the last run, checks it, prints its report and writes it to the ESP."""
    run = dead_with_core(machine)
    first, found, again = run.trapline.partition("trapline: last run: ")
    expect(found, f"no last run; see {run.out}/trapline.log")
    expect("black box: no report of a last run" in first, "the first start does not say that there is none")
    heading = logs.fields(again.splitlines()[0])
    expect(heading["end"] == "triple fault" and heading["text"] == heading["rings"] == "intact", f"{heading}")
    report = re.findall(r"^last\| (.*)$", again.partition("trapline: end of last run")[0], re.M)
    printed = first[first.index("trapline: verdict ") :].splitlines()
    expect(report[:20] == printed[:20], f"not the report that was printed; see {run.out}/trapline.log")


@on("svm")
def test_black_box_apart(machine):
    """All of Trapline's memory does not fit below the black box's place: the rest is taken elsewhere, and the box is found."""
    conf = machine.conf("blackbox_mib = 64\ncopy_buffer = 128\n")
    run = machine.guest("triple", CONF=conf, REBOOT=1, UNTIL="end of last run", TIMEOUT=120).expect_status(0)
    first, found, again = run.trapline.partition("trapline: last run: ")
    expect(found, f"no last run; see {run.out}/trapline.log")
    heading = logs.fields(again.splitlines()[0])
    expect(heading["end"] == "triple fault" and heading["text"] == heading["rings"] == "intact", f"{heading}")
    expect("trapline: active" in first and "no memory free" not in first, first)


@contextlib.contextmanager
def reset_button(machine, said):
    """QEMU arguments for a machine whose reset button is pressed once, when the guest has printed this."""
    over = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "monitor"
        finger = threading.Thread(target=press, args=(machine.machines.out, path, said, over), daemon=True)
        finger.start()
        yield f"-monitor unix:{path},server=on,wait=off"
        over.set()
        finger.join(10)


def guest_has_said(runs, path, said):
    """Whether the run with this monitor has got that far."""
    for variables in runs.glob("*/variables"):
        if str(path) in variables.read_text():
            log = variables.with_name("guest.log")
            return log.exists() and said in logs.clean(log.read_bytes())
    return False


def wait_for_prompt(monitor):
    text = b""
    while b"(qemu)" not in text:
        more = monitor.recv(4096)
        expect(more, f"QEMU's monitor has closed after {text!r}")
        text += more


def press(runs, path, said, over):
    """system_reset on QEMU's monitor, like a reset button."""
    while not guest_has_said(runs, path, said):
        if over.wait(0.2):
            return
    over.wait(1)  # for some more exits
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(path))
        wait_for_prompt(monitor)  # keys that are typed before it may be lost
        monitor.sendall(b"system_reset\n")
        over.wait(60)


@on("svm")
def test_black_box_without_a_word(machine):
    """A reset at any moment: the rings are found, and each record is checked by itself."""
    with reset_button(machine, "start name=spin") as extra:
        run = machine.guest("spin", REBOOT=1, EXTRA=extra, UNTIL="^trapline: end of last run", TIMEOUT=120)
    run.expect_status(0)
    heading = logs.fields(run.trapline.partition("trapline: last run: ")[2].splitlines()[0])
    expect(heading["end"].startswith("none: ") and heading["rings"] == "open", f"{heading}")
    expect(heading["text"] == "intact", f"{heading}")
    expect(re.search(rf"^last\| cpu=0 exit t=.* rip={HEX}", run.trapline, re.M), "no exits of the last run")


def flood(run):
    """How many times in a row the last run's last record is printed."""
    found = re.findall(r"^last\|   the same again, (\d+) times in a row$", run.trapline.partition("trapline: last run: ")[2], re.M)
    return int(found[-1]) if found else 1


@on("svm")
def test_black_box_keeps_the_rare(machine):
    """A flood on one vector has pushed everything else out of the ring: the next start still shows the newest of the others."""
    conf = machine.conf("ring = 64\n")
    with reset_button(machine, "hang way=quiet") as extra:
        run = machine.guest(
            "hang", ARGS="way=quiet", CONF=conf, REBOOT=1, EXTRA=extra, UNTIL="^trapline: end of last run", TIMEOUT=120
        )
    run.expect_status(0)
    last = re.findall(r"^last\| (trap .*)$", run.trapline.partition("trapline: last run: ")[2], re.M)
    traps = [logs.fields(line) for line in last]
    expect(traps[-1]["name"] == "#PF" and flood(run) > 50, f"not a flood of #PF at the end, in one line: {last}")
    rare = [trap for trap in traps if trap["name"] == "#UD"]
    expect(rare and rare[-1]["insn"] == "ud2", f"no #UD of the last run: {last}")
    expect(int(traps[-1]["seq"]) - int(rare[-1]["seq"]) > 64, f"the #UD was in the ring: {last}")


@on("svm", "vmx")
def test_frozen_chain(machine):
    """With frozen rings the chain of a triple fault is printed from the second ring."""
    run = machine.guest("triple", ARGS="freeze way=null-idt", CONF=machine.conf("ring = 64\n")).expect_status(3)
    run.expect_line("freeze result=0", "guest")
    expect_chain(run, ("#UD", BEYOND), ("#GP", BEYOND), ("#GP",), ("#DF", BEYOND), ("#GP",))


@on("svm")
def test_frozen_black_box(machine):
    """The reset button while the rings are frozen: the next start shows the newest records, which are in the second ring."""
    conf = machine.conf("ring = 64\n")
    with reset_button(machine, "hang way=quiet") as extra:
        run = machine.guest(
            "hang", ARGS="freeze way=quiet", CONF=conf, REBOOT=1, EXTRA=extra, UNTIL="^trapline: end of last run", TIMEOUT=120
        )
    run.expect_status(0)
    run.expect_line("freeze result=0", "guest")
    last = re.findall(r"^last\| (trap .*)$", run.trapline.partition("trapline: last run: ")[2], re.M)
    newest = logs.fields(last[-1])
    expect(newest["name"] == "#PF" and flood(run) > 50, f"not the flood of #PF, in one line: {last}")
    expect(int(newest["seq"]) > 1000, f"not the newest records: {newest}")


@on("svm")
def test_black_box_after_reset(machine):
    """A guest that resets the machine: the next start says so, in one line."""
    run = machine.guest("reset", REBOOT=1, UNTIL='^trapline: last run: .* end="[^"]*"', TIMEOUT=120).expect_status(0)
    run.expect_line('end="the guest reset the machine (port 0xcf9)"')


@on("svm")
def test_canary(machine):
    """Whether memory survives a reset: unknown at the first start, measured by the second, each in one line."""
    with reset_button(machine, "start name=spin") as extra:
        run = machine.guest("spin", REBOOT=1, EXTRA=extra, UNTIL="^trapline: end of last run", TIMEOUT=300)
    lines = re.findall(r"^trapline: (black box: .*)$", run.expect_status(0).trapline, re.M)
    expect(len(lines) == 2, f"not a line a start: {lines}")
    expect(lines[0] == "black box: no report of a last run; whether memory survives a reset on this machine is not known yet (first start)", lines)
    expect(lines[1] == "black box: memory survives a reset on this machine", lines)


def cmos_bytes(run):
    return re.findall(r"^cmos bytes=([0-9a-f]+)", run.guest, re.M)


@on("svm")
def test_cmos(machine):
    """The verdict in the CMOS: the next start prints it in one line, with the place and the address of the first fault."""
    conf = machine.conf("cmos = 64\nblackbox = off\n")
    run = machine.guest("cmos", CONF=conf, REBOOT=1, UNTIL="^trapline: verdict of the last run", TIMEOUT=500)
    run.expect_status(0)
    trap = next(trap for trap in run.traps if trap["name"] == "#PF")
    told = f"trapline: verdict of the last run, from the CMOS: the kernel took #PF at {trap['at'].partition(':')[2]}, with cr2={trap['cr2']}"
    expect(told in run.trapline.splitlines(), f"no {told!r}; see {run.out}/trapline.log")


@on("svm")
def test_cmos_is_cleared(machine):
    """A printed note is erased: the guest of the second start finds zeroes, like that of the first one."""
    conf = machine.conf("cmos = 64\nblackbox = off\n")
    run = machine.guest("cmos", CONF=conf, REBOOT=1, UNTIL="^cmos bytes=.* start=3", TIMEOUT=500).expect_status(0)
    expect(cmos_bytes(run) == ["00" * 21] * 3, f"{cmos_bytes(run)}; see {run.out}/guest.log")
    expect(run.trapline.count("from the CMOS") == 2, f"not told at each start; see {run.out}/trapline.log")


@on("svm")
def test_cmos_told_once(machine):
    """If the black box has the story, the CMOS note is not printed."""
    run = machine.guest("cmos", CONF=machine.conf("cmos = 64\n"), REBOOT=1, UNTIL="^trapline: end of last run", TIMEOUT=500)
    run.expect_status(0)
    expect("from the CMOS" not in run.trapline, f"told twice; see {run.out}/trapline.log")


@on("svm")
def test_cmos_of_a_box_that_moved(machine):
    """A reset for certain, but the black box is searched at another place than the last run's: memory's state stays unknown."""
    conf = machine.conf("blackbox_mib = 512\ncmos = 64\n")
    until = "^cmos bytes=.* start=3"
    run = machine.guest("cmos", ARGS="moves", CONF=conf, REBOOT=1, UNTIL=until, TIMEOUT=500).expect_status(0)
    lines = re.findall(r"^trapline: (black box: .*)$", run.trapline, re.M)
    expect(lines[1].startswith("black box: no report of a last run: it lay at 512 MiB, which this start does not read"), f"{lines}")
    expect(run.trapline.count("from the CMOS") == 1, f"the second start does not tell the note; see {run.out}/trapline.log")
    expect(lines[2] == "black box: memory survives a reset on this machine", f"{lines}")


@on("svm")
def test_cmos_of_somebody_else(machine):
    """Bytes that are not Trapline's stay unchanged, whatever they are; half a note is not a note."""
    conf = machine.conf("cmos = 64\nblackbox = off\n")
    until = "^trapline: cmos = 64: bytes 64 to 84 of the CMOS hold data that is not Trapline's"
    machine.guest("cmos", ARGS="other", CONF=conf, REBOOT=1, UNTIL=until, TIMEOUT=500).expect_status(0)
    run = machine.guest("cmos", ARGS="fill", CONF=conf, REBOOT=1, UNTIL="^cmos bytes=b6.* start=3", TIMEOUT=500).expect_status(0)
    expect("from the CMOS" not in run.trapline and "not Trapline's" not in run.trapline, f"believed; see {run.out}/trapline.log")


def fault(machine, name, **variables):
    """A deliberate fault of Trapline's own, in a test build: the fault screen's lines."""
    run = machine.guest("vmmfault", ARGS=f"fault={name}", TRAPLINE_EFI=TEST_BUILD, TIMEOUT=300, **variables)
    run.expect_status(70)
    text = re.search(r"^trapline: (fault|fatal) .*?^trapline: end of (fault|fatal); .*?$", run.trapline, re.M | re.S)
    expect(text, f"no fault screen, or not all of it; see {run.out}/trapline.log")
    return run, text.group(0)


def expect_lines(run, text, *patterns):
    for pattern in patterns:
        expect(re.search(pattern, text, re.M), f"no line like {pattern}; see {run.out}/trapline.log")


# The parts of every fault screen, whatever the fault was.
ALWAYS = (
    rf"^  by\?? {HEX} [a-z]+_run\S*\+{HEX}$",
    r"^trapline: the exit that was being handled: kind=vmcall ",
    r"^trapline: guest state cpu=0$",
    r"^trapline: last exits cpu=0$",
    r"^trapline: last traps of every CPU$",
)


@on("svm")
def test_fault_bad_pointer(machine):
    """A bad pointer: error code bit by bit, page walk, instruction, registers, a backtrace with names."""
    run, text = fault(machine, "BAD_POINTER")
    expect_lines(
        run,
        text,
        rf"^trapline: fault cpu=0 vec=14 name=#PF err=0x2 .*at={HEX} exit_test_vmcall\+{HEX}$",
        r'^  why="write to a page not present, from supervisor mode"$',
        r"^  error P=0$",
        r"^  error W=1: write$",
        r'^  walk PML4E at=0x[0-9a-f]+ entry=0x0 bits="" why="not present"$',
        r'^  code=[0-9a-f]+ insn="mov .*" mem=0xffff900000000123$',
        r"^  regs rax=",
        *ALWAYS,
    )


@on("svm")
def test_fault_stack_overflow(machine):
    """A stack overflow: #DF on its own stack, and the screen names the overflow."""
    run, text = fault(machine, "STACK_OVERFLOW")
    expect_lines(run, text, r"name=#DF ", r'^  why="the stack ran over into the page below it', *ALWAYS)


@on("svm")
def test_fault_kinds(machine):
    """#UD, #DE, a write to code and a failed assertion all end in the screen."""
    for name, pattern in (("BAD_OPCODE", "name=#UD"), ("DIVIDE", "name=#DE"), ("READ_ONLY", 'why="not writable"')):
        run, text = fault(machine, name)
        expect_lines(run, text, pattern, *ALWAYS)
    run, text = fault(machine, "ASSERTION")
    expect_lines(run, text, r"^trapline: fatal cpu=0 .* a state that must not happen", *ALWAYS)


@on("svm")
def test_fault_inside_the_screen(machine):
    """A fault, or a stack overflow, in one step of the screen ends that step only."""
    for name, inner in (("IN_SCREEN", "#PF"), ("OVERFLOW_IN_SCREEN", "#DF")):
        run, text = fault(machine, name)
        expect_lines(run, text, rf"^trapline: the step registers of this report faulted: .*name={inner} ", *ALWAYS)


REFUSED = {
    "vmx": (r"^trapline: VM entry failed cpu=0: INVALID_GUEST_STATE", r"^  GUEST_DR7=0x1\w{8} has a high half$"),
    "svm": (
        r"^trapline: VMRUN failed cpu=0: VMEXIT_INVALID$",
        r"^  dr7=0x1\w{8} has a high half$",
        r"^  intercepts .* exceptions=0x702f7dfb ",
    ),
    # Bochs has overwritten the guest's state with its host's by then.
    "svm-bochs": (r"^trapline: VMRUN failed cpu=0: VMEXIT_INVALID$",),
}


@on("svm", "svm-bochs", "vmx")
def test_fault_refused_state(machine):
    """A guest state that the CPU refuses to enter: the field and the check are named, and the machine stops."""
    run, text = fault(machine, "BAD_STATE")
    expect_lines(run, run.trapline, *REFUSED[machine.backend])
    expect_lines(run, text, r"^trapline: fatal cpu=0 .* the CPU refused the guest's state", r"^trapline: last exits cpu=0$")


@on("vmx")
def test_refused_state_put_right(machine):
    """A guest state that the CPU refuses to enter, with a remedy: it is reported and corrected, and the guest runs on."""
    run = machine.guest("vmmfault", ARGS="fault=SHADOW_WITHOUT_IF", TRAPLINE_EFI=TEST_BUILD).expect_status(0)
    run.expect_line("the call came back with", "guest")
    why = 'GUEST_INTERRUPTIBILITY=0x1 why="is a STI shadow with IF clear"; it is corrected'
    expect_lines(run, run.trapline, f"^trapline: guest state that VM entry refuses cpu=0 rip={HEX} {why}")


@on("svm")
def test_fault_tells_the_others_once(machine):
    """The place of the other CPU is one line, in either kind of report."""
    for name in ("DIVIDE", "BAD_STATE"):
        run, _ = fault(machine, name, CPUS=2)
        others = re.findall(r"^trapline: (?:stopped cpu=1 .*|cpu=1 did not stop.*)$", run.trapline, re.M)
        expect(len(others) == 1, f"{name}: {others}; see {run.out}/trapline.log")


@on("svm")
def test_refused_store(machine):
    """A guest's store to Trapline's memory is reported field by field, and the guest runs on."""
    run = machine.guest("hidden").expect_status(0).expect_active(machine.vendor)
    expect_lines(
        run,
        run.trapline,
        rf"^trapline: guest write to Trapline's memory cpu=0 gpa={HEX} rip={HEX}; it changes nothing$",
        r'^  stage2 access=write by="the instruction" page="present, but it forbids this access" gpa=',
        rf"^  stage2 linear={HEX} cr3={HEX}$",
        rf'^  stage2 at=0x38:{HEX} mode=64 cpl=0 insn="mov ',
    )


def gdb(machine, name, *commands, **variables):
    """gdb's output for these commands, with the guest `triple` stopped before Trapline starts."""
    if not shutil.which("gdb"):
        raise Skip("gdb is not installed")
    env = {key: value for key, value in os.environ.items() if key not in VARIABLES}
    env.update(variables, EFI=str(GUESTS / "triple.efi"), OUT=str(machine.scratch / name), TIMEOUT="100")
    arguments = [part for command in commands for part in ("-ex", command)]
    done = subprocess.run(
        [ROOT / "tools/debug", "-batch", *arguments], env=env, capture_output=True, text=True, timeout=150, check=False
    )
    return done.stdout + done.stderr[-500:]


def glyphs():
    """The letters of the screen: what their 8 by 16 pixels look like, and what they are."""
    lines = re.findall(r"X\('\\?(.)', \"([.# ]+)\"\)", (ROOT / "src/log/font.h").read_text())
    letters = {}
    for letter, rows in lines:
        cell = "".join(row.ljust(8, ".") * 2 for row in rows.split(" ")) + "." * 16
        letters[cell] = letter
    return letters


def read_screen(path):
    """The text of a screen dump (PPM)."""
    _, size, _, pixels = path.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    letters, lines = glyphs(), []
    for y in range(0, height - 15, 16):
        rows = [pixels[(y + i) * width * 3 : (y + i + 1) * width * 3 : 3] for i in range(16)]
        cells = ("".join("#" if row[x + i] else "." for row in rows for i in range(8)) for x in range(0, width - 7, 8))
        lines.append("".join(letters.get(cell, "?") for cell in cells).rstrip())
    return "\n".join(lines)


class Spectator:
    """A person at a machine without a serial line: sees its screen, presses its keys, and ends it at the end."""

    def __init__(self, folder, play):
        self.path = folder / "monitor"
        self.dump = folder / "screen.ppm"
        self.thread = threading.Thread(target=self.run, args=(play,), daemon=True)
        self.failure = None
        self.over = threading.Event()

    def run(self, play):
        try:
            while not self.path.exists():
                if self.over.wait(0.2):
                    return
            with socket.socket(socket.AF_UNIX) as self.monitor:
                self.monitor.connect(str(self.path))
                self.monitor.settimeout(60)
                wait_for_prompt(self.monitor)
                try:
                    play(self)
                finally:
                    self.quit()
        except (AssertionError, OSError) as failure:
            self.failure = failure

    def quit(self):
        """QEMU may see the closed line before it has read what came on it: the line stays until QEMU is gone."""
        with contextlib.suppress(OSError):
            self.monitor.sendall(b"quit\n")
            while self.monitor.recv(4096):
                pass

    def command(self, line):
        self.monitor.sendall(line.encode() + b"\n")
        wait_for_prompt(self.monitor)

    def screen(self, device=""):
        self.command(f"screendump {self.dump} {device}".rstrip())
        return read_screen(self.dump)

    def wait(self, word, seconds=200, device=""):
        """The screen as soon as its last row contains this."""
        end = time.monotonic() + seconds
        text = ""
        while time.monotonic() < end and not self.over.wait(0.3):
            text = self.screen(device)
            if word in text.rstrip().rpartition("\n")[2]:
                return text
        raise Failure(f"no {word!r} at the screen's end:\n{text}")

    def press(self, key, word):
        self.over.wait(0.3)  # a second key comes too soon: PAGER_KEY_PAUSE
        self.command(f"sendkey {key}")
        return self.wait(word)


def watched(machine, guest, play, conf="console = none\n", extra="", **variables):
    """Runs a machine with a spectator, whom `play` gets. Returns the run."""
    with tempfile.TemporaryDirectory() as folder:
        spectator = Spectator(pathlib.Path(folder), play)
        spectator.thread.start()
        extra = f"-monitor unix:{spectator.path},server=on,wait=off {extra}"
        run = machine.guest(guest, CONF=machine.conf(conf), EXTRA=extra, TIMEOUT=500, **variables)
        spectator.over.set()
        spectator.thread.join(90)
    if spectator.failure:
        raise spectator.failure
    expect("host-qmp-quit" in run.said, f"it ended by itself: {run.said}")
    expect("trapline: active" not in run.trapline, "there is a console")
    return run


def body(text):
    """A page without its last row, which has the instructions."""
    return text.rstrip().rpartition("\n")[0].rstrip()


@on("svm")
def test_screen(machine):
    """Without a serial line a triple fault stops the machine: the story is on the screen, and keys turn its pages."""
    expect(len(glyphs()) == 95, "two letters look the same")
    seen = {}

    def play(spectator):
        first = seen["first"] = spectator.wait("   next: any key, or by itself in 15 s   back: Backspace   done: reset")
        count = int(re.search(r"^page 1/(\d+) ", first, re.M).group(1))
        for number in range(2, count + 1):
            seen["last"] = spectator.press("spc", f"page {number}/{count}   next: any key   back: ")
        around = spectator.press("ret", f"page 1/{count} ")
        expect(body(around) == body(first), f"another first page:\n{around}")
        again = spectator.press("backspace", f"page {count}/{count} ")
        expect(body(again) == body(seen["last"]), f"another last page:\n{again}")

    run = watched(machine, "triple", play, "console = none\nreport_file = \\report.txt\n", ARGS="way=wild-call")
    said = esp_file(run, "report.txt") or ""
    expect("trapline: without a serial line a triple fault stops the machine, with the report on the screen" in said, said)
    expect(said.count("triple_fault") == 1, said)
    lines = seen["first"].splitlines()
    expect(lines[0].startswith('trapline: verdict "the kernel jumped to '), f"not the story first:\n{seen['first']}")
    for pattern in (r"^trapline: triple fault cpu=0$", r"^trap seq=.* name=#PF ", r"^  by 0x", r"^  regs rax=", r"^  stack 0x"):
        expect(any(re.search(pattern, line) for line in lines), f"no {pattern}:\n{seen['first']}")
    expect("trapline: cpu=0 is stopped" in seen["last"], f"not the report's end:\n{seen['last']}")


@on("svm")
def test_screen_without_keyboard(machine):
    """Without a keyboard controller the pages turn by themselves, again and again."""
    pages = []

    def play(spectator):
        pages.append(spectator.wait("   next: by itself in 15 s   done: reset"))
        count = int(re.search(r"^page 1/(\d+) ", pages[0], re.M).group(1))
        for number in [*range(2, count + 1), 1]:
            pages.append(spectator.wait(f"page {number}/{count}   next: by itself"))

    watched(machine, "triple", play, extra="-machine i8042=off")
    expect(len(pages) > 2 and pages[0] == pages[-1] and len(set(pages)) == len(pages) - 1, f"pages:\n{pages}")


@on("svm")
def test_screen_of_two(machine):
    """Two graphics cards: the report is on the one with the firmware's console."""
    watched(machine, "triple", lambda s: s.wait("page 1/", device="card"), extra="-vga none -device bochs-display,id=card")
    watched(machine, "triple", lambda s: s.wait("page 1/"), extra="-device bochs-display,id=card")


@on("svm")
def test_screen_of_its_own_fault(machine):
    """A fault of Trapline's own can be paged through as well."""

    def play(spectator):
        first = spectator.wait("page 1/")
        expect(first.startswith("trapline: fault cpu=0 "), first)
        spectator.press("spc", "page 2/")

    watched(machine, "vmmfault", play, ARGS="fault=DIVIDE", TRAPLINE_EFI=TEST_BUILD)


@on("svm")
def test_screen_explicit(machine):
    """triple_fault = reset resets even without a serial line; without a screen auto does so, too; in both cases a line says so."""
    conf = "console = none\nreport_file = \\report.txt\n"
    run = machine.guest("triple", CONF=machine.conf(conf + "triple_fault = reset\n")).expect_status(3)
    expect("serial line a triple" not in (esp_file(run, "report.txt") or ""), "it says that it stops")
    run = machine.guest("triple", CONF=machine.conf(conf + "screen = off\n")).expect_status(3)
    expect("neither a serial line nor a screen" in (esp_file(run, "report.txt") or ""), "it does not say that it is silent")


@on("svm")
def test_debug(machine):
    """`make debug`: gdb is at Trapline's first instruction, and shows the guest's state and the rings while the guest runs."""
    commands = ("hbreak shutdown_guest", "continue", "backtrace 2", "trapline guest", "trapline ring 2", "trapline exits")
    said = gdb(machine, "debug", *commands)
    for pattern in (
        r"^Trapline's image is at 0x",
        r"^#1 .* in exit_dispatch ",
        r"^guest state cpu=0$",
        r"^rip=[0-9a-f]+ ",
        r"^cpu=0 seq=\d+ #DF ",
        r"^cpu=0 tsc=\d+ reason=0x4d ",
    ):
        expect(re.search(pattern, said, re.M), f"no line like {pattern}: {said[-2000:]}")

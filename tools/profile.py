#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows where the instructions of one exit go: all from the guest's instruction to its next one, counted by function.

    tools/profile.py NAME [--list | --lines | --printed]    NAME: a row of tests/guests/bench.c, as cpuid, vmcall_null, ud, apic_immediate;
                                      --list: also each instruction in its order
                                      --lines: the cache lines of 64 bytes that the exit reads and writes, with the functions that do
                                      --printed: every record is printed; all that the exits do, for one line

AMD-V on QEMU. The bench guest repeats that row without end (profile=NAME). QEMU single-steps and logs every
instruction's address for a moment. The tool takes the most frequent path from an exit to the next entry, and the second one if it is nearly as
frequent, and looks up their addresses in build/vmm/trapline.elf.
"""

import collections
import itertools
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "tests/machine"))

from launcher import esp, qemu, settings  # noqa: E402
from lib import machine  # noqa: E402

OUT = ROOT / "build/profile"
ELF = ROOT / "build/vmm/trapline.elf"
TRACE = re.compile(r"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/", re.M)
VMM = range(0xFFFFFFFF80000000, 0xFFFFFFFF81000000)  # where linker.ld puts it; a Linux guest may be above
START_SECONDS = 60
LOG_SECONDS = 0.3
LINES_SECONDS = 1
PRINTED_SECONDS = 3


def functions(addresses):
    """The function that each address belongs to, as written: an inlined one counts for itself."""
    command = ["addr2line", "-f", "-e", str(ELF), *map(hex, addresses)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [f"{name} ({where.removeprefix(str(ROOT) + '/').split(':')[0]})" for name, where in zip(text[::2], text[1::2])]


def symbol(name):
    """Its address in the VMM."""
    text = subprocess.run(["nm", str(ELF)], capture_output=True, text=True, check=True).stdout
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", text, re.M).group(1), 16)


def start(out, guest, args, configuration, extra="", **variables):
    """A machine that runs a guest program under Trapline, with a log of QEMU's in `out`."""
    conf = out / "profile.conf"
    out.mkdir(parents=True, exist_ok=True)
    conf.write_text(configuration)
    for variable in machine.VARIABLES:
        os.environ.pop(variable, None)
    os.environ.update(EFI=str(machine.GUESTS / f"{guest}.efi"), ARGS=args, OUT=str(out), CONF=str(conf), **variables)
    os.environ["EXTRA"] = f"-D {out / 'trace'} {extra}".strip()
    chosen = settings.Settings.from_environment()
    chosen.prepare_out()
    esp.build_esp(chosen)
    started = qemu.Qemu(chosen)
    started.start()
    return started, chosen.guest_log


def wait_for(path, text, seconds, hint):
    """Until the file has the text. After so many seconds the program ends, with the hint why it may not come."""
    end = time.monotonic() + seconds
    while text not in path.read_text(errors="replace"):
        if time.monotonic() > end:
            sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: no \"{text}\" in {path} after {seconds} s: {hint}")
        time.sleep(0.2)


def log_begins(running, items):
    for command in ("singlestep on", f"log {items}"):
        running.monitor.command("human-monitor-command", **{"command-line": command})


def log_ends(running):
    running.monitor.command("human-monitor-command", **{"command-line": "log none"})


def trace(name, configuration, seconds, items="exec,nochain"):
    """QEMU's log of some passes: the address of each instruction, with `cpu` its registers as well."""
    running, log = start(OUT, "bench", f"profile={name}" + (" watched" if name.startswith("watch_") else ""), configuration)
    try:
        wait_for(log, f"profile name={name}\n", START_SECONDS, "is there such a row?")
        log_begins(running, items)
        time.sleep(seconds)
        log_ends(running)
    finally:
        running.stop()
    return (OUT / "trace").read_text()


def addresses_of(text):
    return [int(address, 16) for address in TRACE.findall(text)]


def exits(addresses):
    """The instructions of each exit, from the first behind the guest's to the last before the guest's next."""
    runs = [tuple(run) for beneath, run in itertools.groupby(addresses, lambda at: at in VMM) if beneath]
    return runs[1:-1]  # the log began and ended in the middle of one


def printed(name):
    """All exits together, by function: lines are formatted, fed and kept at several."""
    runs = exits(addresses_of(trace(name, "print = all\nfilter = rate=0\n", PRINTED_SECONDS)))
    count = collections.Counter(address for run in runs for address in run)
    lines = count[symbol("trap_format_begin")]
    if not lines:
        sys.exit(f"profile: no line was formatted in {OUT}/trace")
    total = collections.Counter()
    for (address, times), owner in zip(count.items(), functions(count)):
        total[owner] += times
    print(f"{sum(total.values()) // lines} instructions a line, over {lines} lines; by function:")
    for owner, times in total.most_common():
        print(f"{times / lines:8.1f}  {owner}")
    return 0


def show(run, share):
    """One path, by function."""
    owners = functions(run)
    print(f"{len(run)} instructions, as in {share}; by function:")
    for name, count in collections.Counter(owners).most_common():
        print(f"{count:6}  {name}")
    if "--list" in sys.argv:
        for address, name in zip(run, owners):
            print(f"{address:x} {name}")


def code():
    """The text of each instruction of the VMM."""
    text = subprocess.run(["objdump", "-d", "-M", "intel", "--no-show-raw-insn", str(ELF)], capture_output=True, text=True, check=True).stdout
    return {int(at, 16): insn.split("#")[0].strip() for at, insn in re.findall(r"^(f{8}[0-9a-f]{8}):\t(.*)$", text, re.M)}


def effective(operand, registers, end):
    """The address of a memory operand, as "gs:[rax+rcx*8-0x10]"; `end` is that of the next instruction."""
    segment, inside = re.match(r"(?:(\w\w):)?\[?([^\]]*)", operand).groups()
    total = registers.get(f"{segment}base", 0)
    for sign, term in re.findall(r"([+-]?)([^+-]+)", inside):
        name, _, scale = term.partition("*")
        value = end if name == "rip" else registers[name] if name in registers else int(name, 16)
        total += -value if sign == "-" else value * int(scale or "1")
    return total % (1 << 64)


SIZES = {"BYTE": 1, "WORD": 2, "DWORD": 4, "QWORD": 8, "XMMWORD": 16}
MEMORY = re.compile(r"(BYTE|WORD|DWORD|QWORD|XMMWORD) PTR ((?:\w\w:)?(?:\[[^\]]*\]|0x[0-9a-f]+))")
ONLY_READ = ("cmp", "test", "bt", "mul", "div", "push", "call", "jmp")
ONLY_WRITTEN = ("mov", "set", "pop", "sgdt", "sidt", "str", "stmxcsr")


def accesses(insn, registers, end):
    """What one instruction reads and writes: address, bytes, "r" or "w"."""
    mnemonic = insn.split()[1] if insn.startswith(("lock", "rep")) else insn.split()[0]
    if mnemonic.startswith(("push", "call")):
        yield registers["rsp"] - 8, 8, "w"
    if mnemonic.startswith(("pop", "ret")):
        yield registers["rsp"], 8, "r"
    found = MEMORY.search(insn)
    if not found or mnemonic.startswith(("lea", "nop")):
        return
    size, at = SIZES[found[1]], effective(found[2], registers, end)
    first = found.start() == len(insn) - len(insn.split(None, 1)[-1]) or insn[: found.start()].rstrip().endswith(mnemonic)
    if not first or not mnemonic.startswith(ONLY_WRITTEN):
        yield at, size, "r"
    if first and not mnemonic.startswith(ONLY_READ):
        yield at, size, "w"


REGISTER = re.compile(r"\b(R\w\w?) ?=([0-9a-f]{16})\b")
SEGMENT = re.compile(r"^(FS|GS) =\w+ ([0-9a-f]{16})", re.M)


def registers_of(block):
    registers = {name.lower(): int(value, 16) for name, value in REGISTER.findall(block)}
    return registers | {f"{name.lower()}base": int(value, 16) for name, value in SEGMENT.findall(block)}


def steps(text):
    """Each instruction with its registers."""
    for block in re.split(r"^(?=Trace \d+: )", text, flags=re.M)[1:]:
        at = TRACE.match(block)
        if at:
            yield int(at[1], 16), registers_of(block)


def whole(run):
    return tuple(at for at, _ in run)


def lines(name):
    """The cache lines of the most frequent exit. What VMRUN, #VMEXIT, VMSAVE and VMLOAD touch by themselves is not in the log."""
    grouped = itertools.groupby(steps(trace(name, "print = none\n", LINES_SECONDS, "exec,nochain,cpu")), lambda step: step[0] in VMM)
    runs = [list(run) for beneath, run in grouped if beneath][1:-1]
    if not runs:
        sys.exit(f"profile: no exit in {OUT}/trace")
    most = collections.Counter(map(whole, runs)).most_common(1)[0][0]
    run, insns = next(run for run in runs if whole(run) == most), code()
    owners, order = functions(most), sorted(insns)
    after = dict(zip(order, order[1:]))
    touched = collections.defaultdict(lambda: (set(), {}))
    for (at, registers), owner in zip(run, owners):
        for address, size, how in accesses(insns[at], registers, after[at]):
            for line in range(address >> 6, (address + size - 1 >> 6) + 1):
                touched[line << 6][0].add(how)
                touched[line << 6][1].setdefault(owner.split()[0])
    written = sum("w" in how for how, _ in touched.values())
    fetched = len({at >> 6 for at in most})
    print(f"{len(run)} instructions of {fetched} lines of code read {len(touched) - written} lines of data and write {written}:")
    for line, (how, who) in sorted(touched.items()):
        print(f"{line:016x} {''.join(sorted(how)):3} {' '.join(list(who)[:6])}")
    return 0


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    if "--lines" in sys.argv:
        return lines(sys.argv[1])
    if "--printed" in sys.argv:
        return printed(sys.argv[1])
    runs = collections.Counter(exits(addresses_of(trace(sys.argv[1], "print = none\n", LOG_SECONDS))))
    if not runs:
        sys.exit(f"profile: no exit in {OUT}/trace")
    for run, times in runs.most_common(2):
        if times * 4 > sum(runs.values()):
            show(run, f"{times} of {sum(runs.values())} exits")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lists the cache lines that one CPU's exits write and another CPU's touch, while they take exceptions that are recorded.

    tools/shared.py [LINE ...]   lines of trapline.conf; the default is print=none; exit status 1 when there is such a line

AMD-V on QEMU. The guest `storm` raises #UD on four CPUs without an end. QEMU logs each instruction with the registers before it, for a
moment. The tool computes the addresses of the VMM's loads and stores from these and from the disassembly of build/vmm/trapline.elf.
A line that is only read is no matter, and one that a single CPU writes and reads is not either.
"""

import bisect
import collections
import re
import subprocess
import sys
import time

import profile  # tools/profile.py
from profile import ELF, ROOT, VMM

OUT = ROOT / "build/shared"
LINE = 64
BYTES = 80 << 20  # of the log: some thirty exits of each CPU
# On a slow host with other work; a fast one needs ten seconds for each.
START_SECONDS = 900
LOG_SECONDS = 900
CPUS = 4
FEWEST = 10  # exits of each CPU, and lines that each has written, or the log says nothing
ONLY_VMM = f"-dfilter {VMM.start:#x}..{VMM.stop - 1:#x}"

STEP = re.compile(r"^Trace (\d+): 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/.*\n((?:(?!Trace ).*\n)*)", re.M)


class Names:
    """Of addresses: a global's, or where it is else."""

    def __init__(self, owners):
        text = subprocess.run(["nm", "-n", str(ELF)], capture_output=True, text=True, check=True).stdout
        self.symbols = [(int(at, 16), name) for at, name in re.findall(r"^([0-9a-f]{16}) \w (\S+)$", text, re.M)]
        self.owners = owners  # by CPU: its struct cpu

    def of(self, at):
        for cpu, owner in self.owners.items():
            if owner <= at < owner + (1 << 16):
                return f"struct cpu of CPU {cpu}, +{at - owner:#x}"
        if at in VMM:
            place, name = self.symbols[bisect.bisect_right(self.symbols, (at, "~")) - 1]
            return f"{name}+{at - place:#x}"
        return f"{at:#x}"


def follow():
    """By line and CPU, what was done to which address by whom; the exits of each CPU; and each CPU's struct cpu."""
    code, entry = profile.code(), profile.symbol("svm_exit")
    order = sorted(code)
    after = dict(zip(order, order[1:]))
    touched = collections.defaultdict(lambda: collections.defaultdict(set))
    exits, owners = collections.Counter(), {}
    for number, place, state in STEP.findall((OUT / "trace").read_text(errors="replace")):
        cpu, at, registers = int(number), int(place, 16), profile.registers_of(state)
        if "EFER" not in state:  # the log ends in the middle
            continue
        if at == entry:
            exits[cpu] += 1
            owners[cpu] = registers["rdi"]
        for where, size, how in profile.accesses(code[at], registers, after[at]):
            for line in {where // LINE, (where + size - 1) // LINE}:
                touched[line][cpu].add((where, how == "w", at))
    return touched, exits, owners


def is_written(accesses):
    return any(writes for _, writes, _ in accesses)


def shared(touched):
    """The lines that a CPU writes and another touches."""
    for line, by in sorted(touched.items()):
        if len(by) > 1 and any(is_written(accesses) for accesses in by.values()):
            yield line, by


def report(touched, owners):
    names, found = Names(owners), list(shared(touched))
    for line, by in found:
        print(f"line {line * LINE:#x}")
        for cpu, accesses in sorted(by.items()):
            for where, writes, at in sorted(accesses):
                print(f"  CPU {cpu} {'writes' if writes else 'reads'} {names.of(where)} in {profile.functions([at])[0]}")
    return found


def fewest(counts):
    return min(counts.values()) if len(counts) == CPUS else 0


def record(configuration):
    """QEMU's log, in OUT."""
    running, guest = profile.start(OUT, "storm", f"endless cpus={CPUS}", configuration, ONLY_VMM, CPUS=str(CPUS), ICOUNT="1")
    try:
        profile.wait_for(guest, "storm begins", START_SECONDS, "the guest did not boot, or the host is slow")
        profile.log_begins(running, "exec,cpu,nochain")
        end = time.monotonic() + LOG_SECONDS
        while time.monotonic() < end and (OUT / "trace").stat().st_size < BYTES:
            time.sleep(0.1)
        profile.log_ends(running)
    finally:
        running.stop()


def main():
    record("".join(f"{line}\n" for line in sys.argv[1:]) or "print = none\n")
    touched, exits, owners = follow()
    written = collections.Counter(cpu for by in touched.values() for cpu in by if is_written(by[cpu]))
    if fewest(exits) < FEWEST or fewest(written) < FEWEST:
        sys.exit(f"shared: too little in {OUT}/trace after {LOG_SECONDS} s or {BYTES >> 20} MiB: exits {dict(exits)}, lines {dict(written)}")
    found = report(touched, owners)
    print(f"shared: {len(found)} lines, of {len(touched)}, in {fewest(exits)} exits or more of each of {CPUS} CPUs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

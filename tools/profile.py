#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows where the instructions of one exit go: all from the guest's instruction to its next one, counted by function.

    tools/profile.py NAME [--list | --printed]    NAME: a row of tests/guests/bench.c, as cpuid, vmcall_null, ud, apic_immediate;
                                      --list: also each instruction in its order
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


def start(name, configuration):
    """A machine whose guest repeats the row."""
    conf = OUT / "profile.conf"
    OUT.mkdir(parents=True, exist_ok=True)
    conf.write_text(configuration)
    for variable in machine.VARIABLES:
        os.environ.pop(variable, None)
    os.environ.update(EFI=str(machine.GUESTS / "bench.efi"), ARGS=f"profile={name}" + (" watched" if name.startswith("watch_") else ""), OUT=str(OUT), CONF=str(conf))
    os.environ["EXTRA"] = f"-D {OUT / 'trace'}"
    chosen = settings.Settings.from_environment()
    chosen.prepare_out()
    esp.build_esp(chosen)
    started = qemu.Qemu(chosen)
    started.start()
    return started, chosen.guest_log


def wait_for(path, text):
    end = time.monotonic() + START_SECONDS
    while text not in path.read_text(errors="replace"):
        if time.monotonic() > end:
            sys.exit(f"profile: no \"{text}\" in {path}: is there such a row?")
        time.sleep(0.2)


def trace(name, configuration, seconds):
    """Addresses of the instructions of some passes."""
    running, log = start(name, configuration)
    try:
        wait_for(log, f"profile name={name}\n")
        for command in ("singlestep on", "log exec,nochain"):
            running.monitor.command("human-monitor-command", **{"command-line": command})
        time.sleep(seconds)
        running.monitor.command("human-monitor-command", **{"command-line": "log none"})
    finally:
        running.stop()
    return [int(address, 16) for address in TRACE.findall((OUT / "trace").read_text())]


def exits(addresses):
    """The instructions of each exit, from the first behind the guest's to the last before the guest's next."""
    runs = [tuple(run) for beneath, run in itertools.groupby(addresses, lambda at: at in VMM) if beneath]
    return runs[1:-1]  # the log began and ended in the middle of one


def printed(name):
    """All exits together, by function: lines are formatted, fed and kept at several."""
    runs = exits(trace(name, "print = all\nfilter = rate=0\n", PRINTED_SECONDS))
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


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    if "--printed" in sys.argv:
        return printed(sys.argv[1])
    runs = collections.Counter(exits(trace(sys.argv[1], "print = none\n", LOG_SECONDS)))
    if not runs:
        sys.exit(f"profile: no exit in {OUT}/trace")
    for run, times in runs.most_common(2):
        if times * 4 > sum(runs.values()):
            show(run, f"{times} of {sum(runs.values())} exits")
    return 0


sys.exit(main())

# SPDX-License-Identifier: MIT
"""
What Trapline costs, in instructions: how the bench guest is run, what its figures mean, and how they are compared with
the stored ones, which docs/performance.md shows. `make bench` measures all of it, the tests a part.

A figure's key is "vendor kind name", as in "svm recorded ud"; for Linux "linux boot quiet".
"""

import json
import pathlib

from . import logs

STORED = pathlib.Path(__file__).resolve().parents[3] / "docs/bench.json"

QUIET = "print = none\n"
PRINTED = "print = all\nfilter = rate=any\n"
OFF = "print = none\nintercept = none\nintercept_int = off\n"

VECTORS = "de db bp ud nm df ts np ss gp pf mf ac xm".split()
# The rows that also count printing: a few passes, and enough exits to print everything.
PRINTED_ARGS = f"n=16 drain=2500 only={','.join(VECTORS)}"
# Default settings: the first ones are printed, the others counted.
FLOOD_ARGS = "n=10000 only=ud"
WATCHED_ARGS = "watched only=watch_hit,watch_miss"
STORM_CPUS = (1, 2, 4, 8)
STORM_SHARE = 0.02  # what an exception may cost more or less than on one CPU alone
OFF_ARGS = f"only={','.join(VECTORS)}"

# The goals of the design, in instructions added.
MARKS = {
    "cpuid": 100, "vmcall_null": 100, "vmcall_lookup": 800, "rdmsr_trapped": 120, "ud": 450, "gp": 450, "pf": 450,
    "watch_hit": 1500, "watch_miss": 1500,
}
# A line, decoder and UART included; these two are several lines.
PRINTED_MARKS = {name: 12000 for name in VECTORS if name not in ("df", "ts")}
FLOOD_MARKS = {"ud": 600}
# The most instructions of one exit while the guest runs.
LONGEST = 6000
# Ticks of the TSC for an instruction: QEMU's -icount shift=5, and Bochs.
TICKS = {"svm": 32, "vmx": 1}
GROWTH = 1.05
# A figure of a few instructions may change by a rounding.
SLACK = 0.5


def rows(text):
    """Instructions for one operation, by name, that one run of the guest has printed."""
    return {row["name"]: int(row["per"]) / 100 for row in logs.records(text, "bench") if "per" in row}


def longest(text, vendor):
    """Of the guest `longest`: the longest exit of each kind, in instructions, and the step after which it was the longest."""
    worst, step = {}, "start"
    for line in text.splitlines():
        row = logs.fields(line)
        if line.startswith("step "):
            step = row["name"]
        elif line.startswith("longest stat ") and "longest_ticks" in row:
            now = int(row["longest_ticks"]) // TICKS[vendor]
            if now > worst.get(row["exit"], (0, ""))[0]:
                worst[row["exit"]] = now, step
    return worst


def unmeasured(text, worst):
    """A line for each reason why these longest exits, which the guest `longest` has printed, are not what its steps take."""
    wrong = [line for line in text.splitlines() if "FAILED" in line]
    return wrong + [f"no longest exit of kind {kind}" for kind in ("exception", "vmcall") if kind not in worst]


def added(bare, trapline):
    """What Trapline adds. If there is no bare figure, as for a VMCALL, that is all of it."""
    return {name: round(value - bare.get(name, 0.0), 2) for name, value in trapline.items()}


def stored():
    return json.loads(STORED.read_text())


def of_kind(figures, *kind):
    """Of all figures those of one vendor, or of one vendor and kind, by name."""
    prefix = " ".join(kind) + " "
    return {key[len(prefix) :]: value for key, value in figures.items() if key.startswith(prefix)}


def missed(marks, now):
    """A line for each figure above its mark."""
    return [f"{name}: {now[name]} instructions, the mark is {most}" for name, most in marks.items() if now.get(name, 0) > most]


def apart(now):
    """A line for each number of CPUs on which a recorded exception costs another number of instructions than on one."""
    return [
        f"storm_{n}: {now[f'storm_{n}']} instructions, {now['storm_1']} on one CPU"
        for n in STORM_CPUS
        if f"storm_{n}" in now and abs(now[f"storm_{n}"] - now["storm_1"]) > now["storm_1"] * STORM_SHARE
    ]


def regressions(before, now, marks=MARKS):
    """A line for each figure that grew too much, that no longer reaches its goal, or that is missing."""
    wrong = [f"{name}: no figure any more" for name in before if name not in now]
    for name in sorted(before.keys() & now.keys()):
        most = max(before[name] * GROWTH, before[name] + SLACK)
        if before[name] <= marks.get(name, -1):
            most = min(most, marks[name])
        if now[name] > most:
            wrong.append(f"{name}: {now[name]} instructions, {before[name]} are stored, {most:.1f} is the limit")
    return wrong


def is_longest(key):
    return key.split()[1] == "longest"


def too_long(figures):
    """A line for each longest exit above the mark."""
    return [f"{key}: {n} instructions, the mark is {LONGEST}" for key, n in sorted(figures.items()) if is_longest(key) and n > LONGEST]


def differences(before, now, share=0.01):
    """Figures that are not within this share of the stored ones: a line each. The longest exits need only be below their mark: when they happen is chance."""
    before, now = ({key: n for key, n in figures.items() if not is_longest(key)} for figures in (before, now))
    wrong = [f"{key}: stored, and not measured" for key in sorted(before.keys() - now.keys())]
    wrong += [f"{key}: measured, and not stored" for key in sorted(now.keys() - before.keys())]
    for key in sorted(before.keys() & now.keys()):
        if abs(now[key] - before[key]) > max(before[key] * share, SLACK):
            wrong.append(f"{key}: {now[key]}, stored {before[key]}")
    return wrong

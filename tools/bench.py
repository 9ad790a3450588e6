#!/usr/bin/env python3
"""Measures what Trapline costs: instructions from exit to re-entry, counted exactly by QEMU's -icount.

The guest program tests/guests/bench.c does each operation n times and prints the instructions that one took, in
hundredths, the VMM's own included: "bench name=cpuid n=1000 tsc=... per=9700". What it prints under Trapline less what
it prints bare is what the exit, the VMM and the re-entry take. Nothing is printed on Trapline's console meanwhile: that
is not on the hot path, and can be turned off. Writes build/bench.json:

    {"version": "...", "rows": [{"name": "cpuid", "n": 1000, "bare": 1.0, "trapline": 97.0, "cost": 96.0, "limit": 100}]}

in instructions for one operation. tests/machine/test_cost.py holds the limits against the same figures.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/machine"))

from lib import cost, logs, machine  # noqa: E402

OUT = ROOT / "build/bench"
RESULT = ROOT / "build/bench.json"


def launch(name, **variables):
    """The figures of one run, by name."""
    env = {key: value for key, value in os.environ.items() if key not in machine.VARIABLES}
    env.update(variables, EFI=str(machine.GUESTS / "bench.efi"), ICOUNT="1", OUT=str(OUT / name), TIMEOUT="300")
    status = subprocess.run([machine.LAUNCH], env=env, stdin=subprocess.DEVNULL, timeout=360, check=False).returncode
    if status:
        sys.exit(f"bench: the {name} run ended with status {status}; logs in {OUT / name}")
    return cost.rows(logs.clean((OUT / name / "guest.log").read_bytes()))


def version():
    command = ["git", "describe", "--tags", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def show(rows):
    print(f"{'name':16} {'bare':>10} {'Trapline':>10} {'cost':>10} {'limit':>8}   instructions each")
    for row in rows:
        over = "over" if row["limit"] and row["cost"] > row["limit"] else ""
        numbers = f"{row['bare']:10.1f} {row['trapline']:10.1f} {row['cost']:10.1f}"
        print(f"{row['name']:16} {numbers} {row['limit'] or '-':>8} {over}")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    quiet = OUT / "trapline.conf"
    quiet.write_text(cost.CONF)
    rows = cost.compare(launch("bare", TRAPLINE="0"), launch("trapline", CONF=str(quiet)))
    if not rows:
        sys.exit(f"bench: no bench lines in both runs; logs in {OUT}")
    RESULT.write_text(json.dumps({"version": version(), "rows": rows}, indent=2) + "\n")
    show(rows)
    print(f"written to {RESULT.relative_to(ROOT)}")
    return 0


sys.exit(main())

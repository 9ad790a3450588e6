#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what Trapline costs, in instructions, and compares it with the stored figures.

    tools/bench.py           measures (two to three minutes), writes build/bench.json, prints the tables; status 1 when a
                             figure differs from docs/bench.json by more than 1 %, or a longest exit is above its mark
    tools/bench.py --store   makes build/bench.json the stored figures, and brings docs/performance.md up to date

Instructions are counted exactly: on QEMU by -icount, on Bochs by its TSC. build/bench.json:

    {"made_by": {"QEMU": "7.2...", ...},
     "bare": {"svm cpuid": 1.0, ...},             what the guest's own instructions take, for one operation
     "added": {"svm recorded cpuid": 132.0, ...}} what Trapline adds; "linux ..." is the sum, bare and under Trapline;
                                                  "svm longest vmcall" is the longest exit of a kind

tests/machine/lib/cost.py says what the names mean.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/machine"))

import bench_tables  # noqa: E402
from lib import cost, logs, machine  # noqa: E402

OUT = ROOT / "build/bench"
RESULT = ROOT / "build/bench.json"
AT_ONCE = 2
# A tick of QEMU's TSC is a nanosecond; an instruction takes 32 of them.
MICROSECOND = 1000 / 32
PROCESSES = 500

GUEST_RUNS = (
    # name, backend, trapline.conf (None: bare), load options
    ("vmx bare", "vmx", None, "watched"),
    ("vmx recorded", "vmx", cost.QUIET, ""),
    ("vmx watched", "vmx", cost.QUIET, cost.WATCHED_ARGS),
    ("vmx off", "vmx", cost.OFF, cost.OFF_ARGS),
    ("svm bare", "svm", None, "watched"),
    ("svm recorded", "svm", cost.QUIET, ""),
    ("svm printed", "svm", cost.PRINTED, cost.PRINTED_ARGS),
    ("svm watched", "svm", cost.QUIET, cost.WATCHED_ARGS),
    ("svm off", "svm", cost.OFF, cost.OFF_ARGS),
    ("svm flood", "svm", "", cost.FLOOD_ARGS),
    ("vmx printed", "vmx", cost.PRINTED, cost.PRINTED_ARGS),
    ("vmx flood", "vmx", "", cost.FLOOD_ARGS),
)
# The guest `storm`: name, backend, trapline.conf, CPUs
STORM_RUNS = (
    ("svm bare", "svm", None, 8),
    ("svm storm", "svm", cost.QUIET, 8),
    ("vmx bare", "vmx", None, 4),
    ("vmx storm", "vmx", cost.QUIET, 4),
)
LINUX_RUNS = (
    ("bare", None),
    ("default", ""),
    ("quiet", "console_input = off\n"),
    ("quiet-pf", "console_input = off\nintercept = all -pf\n"),
)
APPEND = f"norandmaps nokaslr no_timer_check trapline.mode=forks trapline.n={PROCESSES}"


def launch(name, backend, conf, **variables):
    """Boots the machine once; returns what the guest printed."""
    out = OUT / name.replace(" ", "-")
    out.mkdir(parents=True, exist_ok=True)
    env = {key: value for key, value in os.environ.items() if key not in machine.VARIABLES}
    env.update(variables, BACKEND=backend, OUT=str(out), TIMEOUT="600", TRAPLINE="0" if conf is None else "1")
    if backend == "svm":
        env["ICOUNT"] = "1"
    if conf is not None:
        (out / "bench.conf").write_text(conf)
        env["CONF"] = str(out / "bench.conf")
    done = subprocess.run([machine.LAUNCH], env=env, stdin=subprocess.DEVNULL, timeout=660, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: status {done.returncode}; logs in {out}")
    return logs.clean((out / "guest.log").read_bytes())


def run_guest(run):
    name, backend, conf, args = run
    return name, cost.rows(launch(name, backend, conf, EFI=str(machine.GUESTS / "bench.efi"), ARGS=args))


def run_longest(vendor):
    text = launch(f"{vendor} longest", vendor, cost.PRINTED, EFI=str(machine.GUESTS / "longest.efi"))
    worst = cost.longest(text, vendor)
    wrong = cost.unmeasured(text, worst)
    if wrong:
        raise RuntimeError(f"{vendor} longest: {', '.join(wrong)}; logs in {OUT}")
    return {f"{vendor} longest {kind}": n for kind, (n, _) in worst.items()}


def run_storm(run):
    name, backend, conf, cpus = run
    figures = launch(f"storm {name}", backend, conf, EFI=str(machine.GUESTS / "storm.efi"), ARGS=f"cpus={cpus}", CPUS=str(cpus))
    return name, cost.rows(figures)


def run_linux(run):
    name, conf = run
    text = launch(f"linux {name}", "svm", conf, APPEND=APPEND, **machine.LINUX)
    boot = re.search(r"^\[ *(\d+)\.(\d{6})\] Run /init", text, re.M)
    forks = re.search(rf"^forks n={PROCESSES} ok={PROCESSES} us=(\d+)", text, re.M)
    kernel = re.search(r"Linux version (\S+)", text)
    if not (boot and forks and kernel):
        raise RuntimeError(f"linux {name}: no figures; logs in {OUT}")
    return name, kernel[1], round(int(boot[1] + boot[2]) * MICROSECOND), round(int(forks[1]) * MICROSECOND)


def package(name):
    command = ["dpkg-query", "-W", "-f=${Version}", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout or "unknown"


def measure():
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        guests, linux = pool.map(run_guest, GUEST_RUNS), pool.map(run_linux, LINUX_RUNS)
        longest, storms = pool.map(run_longest, ("vmx", "svm")), pool.map(run_storm, STORM_RUNS)
        guests, linux, longest = dict(guests), list(linux), list(longest)
        for name, figures in storms:
            guests.setdefault(name, {}).update(figures)
    bare = {f"{vendor} {key}": value for vendor in ("svm", "vmx") for key, value in guests[f"{vendor} bare"].items()}
    added = {}
    for name, figures in guests.items():
        vendor, kind = name.split()
        if kind != "bare":
            more = cost.added(guests[f"{vendor} bare"], figures)
            added.update({f"{name} {key}": value for key, value in more.items()})
    for figures in longest:
        added.update(figures)
    for name, _, boot, forks in linux:
        added[f"linux boot {name}"], added[f"linux forks {name}"] = boot, forks
    made_by = {name: package(name) for name in ("bochs", "qemu-system-x86", "ovmf", "gcc")}
    return {"made_by": {**made_by, "linux": linux[0][1]}, "bare": bare, "added": added}


def store():
    if not RESULT.exists():
        sys.exit("bench: nothing measured yet: make bench")
    shutil.copyfile(RESULT, cost.STORED)
    subprocess.run(["make", "--no-print-directory", "docs"], cwd=ROOT, check=True)


def main():
    if "--store" in sys.argv:
        store()
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    try:
        result = measure()
    except RuntimeError as error:
        sys.exit(f"bench: {error}")
    RESULT.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    for name in bench_tables.TABLES:
        print(bench_tables.table(name, result))
    if not cost.STORED.exists():
        return 0
    before = cost.stored()
    wrong = cost.differences(before["added"], result["added"]) + cost.too_long(result["added"])
    print("\n".join(wrong) or "every figure is within 1 % of docs/bench.json; the longest exits, which may change, are below their mark")
    if wrong and before["made_by"] != result["made_by"]:
        print(f"stored with {before['made_by']}, measured with {result['made_by']}")
    return 1 if wrong else 0


sys.exit(main())

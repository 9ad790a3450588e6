# SPDX-License-Identifier: MIT
"""More CPUs than a word has bits, and than reports list one by one: `make test-many`, on AMD-V (QEMU)."""

import os
import re
import time

from lib import logs
from lib.console import DONE, Answer, Console
from lib.machine import GUESTS, Skip, expect, on
from test_smp import expect_provoked, records, uds

CPUS = 72  # identifiers in xAPIC mode: QEMU's TCG has no x2APIC
MEM = 2048
ANSWER_SECONDS = 300
LINES_MAX = 12  # of a report about all of them


def many():
    if not os.environ.get("MANY"):
        raise Skip("make test-many")
    return {"CPUS": CPUS, "MEM": MEM}


def numbers(text):
    """Of a list as reports have it: 1-69,71"""
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def named(lines):
    """The CPUs of all these lines, each in one only."""
    found = [n for line in lines for row in [logs.fields(line)] for n in numbers(row.get("cpus") or row["cpu"])]
    expect(len(found) == len(set(found)), f"a CPU is in two lines: {lines}")
    return set(found)


def ask(console, line):
    """Stopped CPUs wait in a loop: all of them on the few that emulate them."""
    console.send(line.encode() + b"\r")
    answer = Answer(logs.clean(console.wait_for(DONE, ANSWER_SECONDS)))
    expect(answer.ok, f"{line}: {answer.done}; see {console.out}")
    return answer


def states_until(console, right):
    """The CPUs' states, once they are right: emulated ones come to a stop one behind the other, on a busy host long after the answer."""
    end = time.monotonic() + ANSWER_SECONDS
    while True:
        states = ask(console, "status").records("cpu")
        if right({row["state"] for row in states}) or time.monotonic() > end:
            return states
        time.sleep(1)


@on("svm")
def test_linux(machine):
    """Debian's kernel starts all of them by INIT and SIPI; an exception on each is right, and is recorded with its number."""
    conf = machine.conf("print = all -pf\nfilter = rate=0\n")
    # The TSC's 1 GHz a tick of 4 ms: calibrating takes each CPU longer than all else, and fails on a busy host.
    append = "lpj=4000000 trapline.mode=allstorm trapline.n=1"
    run = machine.linux(append, CONF=conf, TIMEOUT=1500, **many()).expect_status(0)
    run.expect_active(machine.vendor, cpus=CPUS)
    expect_provoked(records(run, "allstorm"), CPUS, 1)
    seen = {int(trap["cpu"]) for trap in uds(run)}
    expect(seen == set(range(CPUS)), f"no #UD of CPUs {sorted(set(range(CPUS)) - seen)}; see {run.out}")


@on("svm")
def test_stop_and_go(machine):
    """The operator stops all of them and lets them go; few lines say where they stand."""
    with Console(machine, EFI=GUESTS / "hang.efi", ARGS="way=loop", **many()) as console:
        console.wait_for(rb"trapline: INIT and SIPI by")
        console.logfmt()
        said = ask(console, "stop").lines
        states = states_until(console, lambda found: found == {"stopped"})
        expect({row["state"] for row in states} == {"stopped"} and len(states) == CPUS, f"{states}; see {console.out}")
        expect(len(said) <= LINES_MAX, f"{len(said)} lines; see {console.out}")
        expect(any("cpus=" in line for line in said), f"nothing is said of several: {said}")
        ask(console, "go")
        states = states_until(console, lambda found: "stopped" not in found)
        expect("stopped" not in {row["state"] for row in states}, f"{states}; see {console.out}")
        console.send(b"reset\r")
        expect(console.ended() == 3, "reset did not reset the machine")


@on("svm")
def test_fatal_report(machine):
    """A triple fault: all others are stopped, and few lines say where; the next start shows what matters of the black box."""
    run = machine.guest("triple", REBOOT=1, UNTIL="end of last run", TIMEOUT=600, **many()).expect_status(0)
    first, found, again = run.trapline.partition("trapline: last run: ")
    block = first.partition("trapline: triple fault cpu=0\n")[2].partition("trapline: end\n")[0]
    stopped = re.findall(r"^trapline: (?:stopped )?cpus?=.*$", block, re.M)
    expect(named(stopped) == set(range(1, CPUS)), f"{stopped}; see {run.out}/trapline.log")
    expect(len(stopped) <= LINES_MAX, f"{len(stopped)} lines; see {run.out}/trapline.log")
    expect(found, f"no last run; see {run.out}/trapline.log")
    heading = logs.fields(again.splitlines()[0])
    expect(heading["end"] == "triple fault" and heading["text"] == heading["rings"] == "intact", f"{heading}")

# SPDX-License-Identifier: MIT
"""Random code in ring 3 (tests/linux/wild.c): each child ends under Trapline as bare, with the same registers and memory."""

import os

from lib.machine import Skip, expect, on

# How many in `make test`. On Bochs 60 take six minutes, so only on request.
CHILDREN = {"svm": 150, "vmx": 60}
TIMEOUT = 1800
# QEMU's IRET in ring 3 reads its stack as a supervisor. With SMAP this ends Linux's kernel, bare as well. noreplace-smp below is for
# another fault of QEMU's: docs/emulators.md.
MORE = {"svm": {"CPU": "EPYC,+svm,-smap"}, "vmx": {}}
# Instructions that QEMU does not survive: tests/linux/wild.h.
WORDS = {"svm": "", "vmx": ":all"}


def lines(machine, first, count, **variables):
    """The run, and the line of each child."""
    append = f"noreplace-smp trapline.mode=boot trapline.run=wild:{first}:{count}{WORDS[machine.backend]}"
    run = machine.linux(append, **MORE[machine.backend], **variables).expect_status(0)
    run.expect_line(f"wild n={count}", "guest")
    return run, run.guest_lines("wild seed=")


def same_as_bare(machine, first, count, **variables):
    """Runs these seeds bare and under Trapline, and returns the second run."""
    bare, wanted = lines(machine, first, count, TRAPLINE=0, TIMEOUT=TIMEOUT)
    run, seen = lines(machine, first, count, TIMEOUT=TIMEOUT, **variables)
    run.expect_active(machine.vendor)
    expect(len(wanted) == len(seen) == count, f"{len(wanted)} children bare, {len(seen)} here; see {bare.out}, {run.out}")
    # The others ran out of their page, or jumped far away.
    there = sum("bytes=" in line for line in wanted)
    expect(there > count / 2, f"only {there} children of {count} ended in their own code; see {bare.out}/guest.log")
    different = [f"bare: {one}\nhere: {other}" for one, other in zip(wanted, seen) if one != other]
    expect(not different, f"{len(different)} children of {count}:\n" + "\n".join(different[:8]))
    return run


@on("svm", "vmx")
def test_same_as_bare(machine):
    """Random bytes and instructions in 64-, 32- and 16-bit code, single-stepped or not: the same signals at the same places."""
    if machine.backend == "vmx" and "WILD" not in os.environ:
        raise Skip("six minutes on Bochs: make test-wild BACKEND=vmx")
    count = int(os.environ.get("WILD") or CHILDREN[machine.backend])
    same_as_bare(machine, 1, count, CONF=machine.conf("print = none\n"))

# SPDX-License-Identifier: MIT
"""Linux's own x86 selftests: each ends under Trapline as it ends bare."""

import os

from lib import logs
from lib.machine import BUILD, Skip, expect, on

# QEMU's IRETQ and far returns in ring 3 read their stack as a supervisor: with SMAP, sysret_ss_attrs_64 ends in an oops of
# the kernel's that leaves interrupts off, bare as well.
CPU = "EPYC,+svm,-smap"
# A tracer and its tracee run half a million times in turn: 20 minutes if QEMU has to switch between two CPUs for it.
ONE_CPU = ("syscall_numbering_64",)
TIMEOUT = 1200


def selftests(machine, **variables):
    """How each test ended, by its name."""
    words = f"trapline.mode=selftests trapline.one_cpu={','.join(ONE_CPU)}"
    initrd = str(BUILD / "linux/selftests.img")
    run = machine.linux(words, INITRD=initrd, CPUS=2, CPU=CPU, TIMEOUT=TIMEOUT, **variables).expect_status(0)
    ended = {test["name"]: test["status"] for test in logs.records(run.guest, "selftest")}
    programs = {path.name for path in (BUILD / "linux/selftests").iterdir()}
    expect(set(ended) == programs, f"not every test ended: {sorted(set(ended) ^ programs)}; see {run.out}/guest.log")
    return run, ended


@on("svm")
def test_same_as_bare(machine):
    """Each of the tests, 32- and 64-bit, has the same exit code or signal on two CPUs (make test-selftests)."""
    if not os.environ.get("SELFTESTS"):
        raise Skip("make test-selftests")
    (_, bare), (run, trapline) = selftests(machine, TRAPLINE=0), selftests(machine, CONF=machine.conf("print = none\n"))
    run.expect_active(machine.vendor, cpus=2)
    different = [f"{name}: {bare[name]} bare, {trapline[name]} here" for name in bare if bare[name] != trapline[name]]
    expect(not different, "\n".join(different))
    expect("timeout" not in bare.values(), f"a time limit: {bare}")

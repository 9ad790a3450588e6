# SPDX-License-Identifier: MIT
"""Execution of supervisor code outside of given ranges: what is told of a program, and of Debian's kernel."""

import os

from lib import logs
from lib.machine import BUILD, Skip, expect, on

MODULE = BUILD / "guest-tools/modules/exec_heap/exec_heap.ko"
# The firmware's, the kernel's and its modules' addresses, before anybody can say where they are.
ANY_KERNEL = "0-0xffffffffff,0xffffffef00000000-0xfffffffeffffffff,0xffffffff80000000-0xfffffffffeffffff"
LINUX_CONF = f"print = none\nfilter = rate=0\nwatch = exec supervisor outside={ANY_KERNEL}\n"

HEAP = 0x10000000
CONF = "print = all\nfilter = rate=0\nwatch = exec supervisor outside=0-0xfffffff,0x10006000-0xffffffffff\n"


def cases(run):
    return [line for line in run.guest.splitlines() if line.startswith("case ")]


def told(run):
    return [logs.number(r["addr"]) for r in logs.records(run.trapline, "watch")]


@on("svm", "vmx")
def test_told_once_a_page_and_content(machine):
    """Code on a heap page is told once, again when it is other code; user mode's and the image's never. The results are those of bare."""
    bare = cases(machine.guest("execs", TRAPLINE=0).expect_status(0))
    run = machine.guest("execs", CONF=machine.conf(CONF)).expect_status(0)
    expect(cases(run) == bare, "\n".join(set(cases(run)) ^ set(bare)))
    # first, other, far, counts, and across: an instruction on two pages
    wanted = [HEAP, HEAP, HEAP + 0x1000, HEAP + 0x2000, HEAP + 0x3FFE, HEAP + 0x4000]
    expect(told(run) == wanted, " ".join(f"{at:#x}" for at in told(run)))
    expect(all(r["access"] == "x" and r["cpl"] == "0" for r in logs.records(run.trapline, "watch")), "access=x cpl=0")


@on("svm")
def test_two_cpus(machine):
    """Two CPUs are the first at once: the page is told once."""
    run = machine.guest("execs", CONF=machine.conf(CONF), CPUS=2, ARGS="two").expect_status(0)
    expect("case name=two at=0x10004000 result=3" in run.guest, "\n".join(cases(run)))
    expect(told(run)[-1] == HEAP + 0x4000 and len(told(run)) == 7, " ".join(f"{at:#x}" for at in told(run)))


@on("svm")
def test_deny(machine):
    """A watch that denies has #GP raised at the first instruction outside of the ranges."""
    conf = machine.conf(CONF.replace("fffff\n", "fffff deny\n"))
    run = machine.guest("execs", CONF=conf, ARGS="denied").expect_status(0)
    expect(cases(run) == [f"case name=denied vector=13 at={HEAP:#x}"], cases(run))
    expect(logs.records(run.trapline, "watch")[-1].get("how") == "denied" and told(run) == [HEAP], "how=denied")


@on("svm", "vmx")
def test_debian(machine):
    """No false hit from the first instruction to init, nor with the ranges of trapctl; a module's code on the heap is named both times."""
    if machine.backend == "vmx" and not os.environ.get("WATCH"):
        raise Skip("make test-watch")  # minutes on Bochs
    if not MODULE.exists():
        raise Skip("no kernel headers, so no modules (make deps)")
    heap = ["insmod:exec_heap", "rmmod:exec_heap"]
    items = ["insmod:trapline", *heap, "trapctl:watch:delete:1", "trapctl:watch:exec", "busybox:ls", *heap, "trapctl:watch:list"]
    append = f"trapline.mode=boot trapline.run={','.join([*items, 'log:exec_heap at'])}"
    run = machine.linux(append, CONF=machine.conf(LINUX_CONF)).expect_status(0).expect_no_fault()
    run.expect_line("run name=trapctl:watch:exec status=0", "guest")
    heaps = [logs.number(r["at"]) for r in logs.records(run.guest, "exec_heap")]
    expect(len(heaps) == 2 and run.guest.count(" result=42") >= 2, "the code on the heap did not run")
    hits = logs.records(run.trapline, "watch")
    expect([logs.place(h["at"])[1] for h in hits] == heaps, f"{heaps}: {hits}")
    expect([h["id"] for h in hits] == ["1", "2"] and all(h["comm"] == "init" for h in hits), f"{hits}")

# SPDX-License-Identifier: MIT
"""Debian's own kernel under Trapline: it boots, and every exception of its user space is recorded as it was.

Bochs raises what QEMU does not: #AC, #SS and #XM, and error codes as the manuals have them.
"""

import os

from lib import logs
from lib.machine import BUILD, expect, on

EVERYWHERE = ("svm", "vmx", "svm-bochs")
# This kernel hangs on Bochs' ryzen before its first line, bare as well.
CPU_OF = {"svm-bochs": {"CPU": "trinity_apu"}}

# Two minutes on Bochs when it has a processor of its own, a good deal more when it has not.
TWO_CPUS_SECONDS = 1800

# The instruction of each provoked exception, as Zydis prints it.
INSTRUCTIONS = {
    "de": "div ecx",
    "bp": "int3",
    "of_int4": "int 0x4",
    "ud": "ud2",
    "gp_hlt": "hlt",
    "gp_int32": "int 0x20",
    "gp_selector": "mov ds, ",
    "gp_noncanonical": "mov rax, ",
    "pf_write_null": "mov dword ptr ",
    "pf_read": "mov eax, ",
    "pf_write_protected": "mov byte ptr ",
    "pf_no_exec": "nop",
    "mf": "fwait",
    "ud32": "ud2",
    "of_into32": "into",
    "br_bound32": "bound eax, ",
    "gp_hlt32": "hlt",
}


def bare(machine, cpus=1):
    return machine.linux("trapline.run=trapctl:bench:--rounds=5", CPUS=cpus, TRAPLINE=0, **CPU_OF.get(machine.backend, {}))


def under_trapline(machine, cpus=1):
    # Page faults are printed only on request, because an operating system takes them all the time.
    conf = machine.conf("print = all\nfilter = rate=0\nexample_foo = virtual\n")
    # One of the articles' programs, for test_vmcall.py: a boot of its own would take minutes on Bochs.
    limit = {"TIMEOUT": TWO_CPUS_SECONDS} if cpus > 1 else {}
    return machine.linux(
        "trapline.run=nobody:foo_virtual", CPUS=cpus, CONF=conf, **limit, **CPU_OF.get(machine.backend, {})
    )


def faults(run):
    run.expect_status(0).expect_line("GUEST-DONE", "guest")
    return logs.records(run.guest, "fault")


def matching(trap, fault):
    """Whether a trap line agrees with what the kernel got for this fault."""
    return (
        trap.get("vec") == fault["vec"]
        and logs.place(trap["at"]) == logs.place(fault["at"])
        and trap.get("cpl") == "3"
        and ("cr2" not in fault or logs.number(trap.get("cr2", "-1")) == logs.number(fault["cr2"]))
    )


def check_trap(trap, fault):
    name = fault["name"]
    mode = "32" if logs.place(fault["at"])[0] == 0x23 else "64"
    expect(trap.get("mode") == mode, f"{name}: mode={trap.get('mode')}, not {mode}")
    # The kernel stores 0 for exceptions without an error code; their lines have no err.
    expect(logs.number(trap.get("err", "0")) == logs.number(fault["err"]), f"{name}: {trap} for {fault}")
    check_code(trap, fault)
    wanted = INSTRUCTIONS.get(name, "")
    expect(wanted in trap.get("insn", ""), f"{name}: insn=\"{trap.get('insn')}\", not \"{wanted}\"")


def check_code(trap, fault):
    code, wanted = trap.get("code", ""), fault.get("code", "")
    expect(bool(code) == bool(wanted), f"{fault['name']}: code={code}, the guest read {wanted}")
    expect(wanted.startswith(code) or code.startswith(wanted), f"{fault['name']}: code={code}, not {wanted}")


def lost_by_kvm(machine, run, fault):
    """Whether KVM, on a CPU without nRIP, lost the exception of INTO that Trapline recorded and injected: docs/emulators.md."""
    lost = machine.backend == "kvm" and fault["name"] == "of_into32" and fault["vec"] == "14"
    return lost and any(trap["vec"] == "4" and logs.place(trap["at"]) == logs.place(fault["at"]) for trap in run.traps)


def expect_recorded(machine, run):
    for fault in faults(run):
        if lost_by_kvm(machine, run, fault):
            continue
        # VT-x has no exit for INT n (CD ib): docs/vendors.md. A #GP that one ends in is an exception like any other.
        unseen = machine.backend == "vmx" and fault["name"] == "of_int4"
        if fault["got"] == "none" or unseen:
            continue
        found = [trap for trap in run.traps if matching(trap, fault)]
        expect(found, f"no trap line for {fault}; see {run.out}/trapline.log")
        check_trap(found[0], fault)


@on(*EVERYWHERE)
def test_bare(machine):
    """The guest itself is sound: bare, it boots, provokes its exceptions and powers off."""
    run = bare(machine)
    expect(len(faults(run)) >= 20, "fewer exceptions than the guest provokes")


@on(*EVERYWHERE)
def test_bench_bare(machine):
    """trapctl bench runs without Trapline as well, and says what it could not measure."""
    run = bare(machine).expect_line('cost name=vmcall none="no Trapline, not measured"', "guest")
    costs = {row["name"]: row for row in logs.records(run.guest, "cost") if row.get("unit") == "tsc"}
    expect(sorted(costs) == ["bp", "cpuid", "fork", "pf", "ud"], f"{sorted(costs)}; see {run.out}/guest.log")
    run.expect_line("run name=trapctl:bench:--rounds=5 status=0", "guest")


@on(*EVERYWHERE)
def test_active(machine):
    """Trapline says that it is active, with its version and every CPU, before the kernel starts."""
    run = under_trapline(machine).expect_status(0).expect_active(machine.vendor)
    line = next(line for line in run.trapline.splitlines() if line.startswith("trapline: active "))
    expect(logs.fields(line).get("version"), f"no version: {line}")


@on(*EVERYWHERE)
def test_faults_same_as_bare(machine):
    """Transparent: signals, codes, addresses and error codes are the same, byte for byte, as bare."""
    run = under_trapline(machine)
    lost = {fault["name"] for fault in faults(run) if lost_by_kvm(machine, run, fault)}
    wanted, seen = (
        [line for line in one.guest_lines("fault ") if logs.fields(line)["name"] not in lost]
        for one in (bare(machine), run)
    )
    for line in wanted:
        expect(line in seen, f"bare: {line}; under Trapline: {[other for other in seen if other[:12] == line[:12]]}")
    expect(wanted == seen, "the same lines, but in another order or more of them")


@on(*EVERYWHERE)
def test_faults_recorded(machine):
    """Each provoked exception has its trap line: vector, place, error code, CR2, CPL, mode, bytes and instruction."""
    expect_recorded(machine, under_trapline(machine).expect_status(0))


def test_summary(machine):
    """Nothing is lost silently: the log ends with the table of recorded exceptions and of overwritten records."""
    run = under_trapline(machine).expect_status(0)
    run.expect_line("summary")


@on("svm", "vmx")
def test_two_cpus(machine):
    """Both CPUs are virtualised, the kernel starts the second one itself, and exceptions are recorded on it too."""
    run = under_trapline(machine, cpus=2).expect_status(0).expect_active(machine.vendor, cpus=2)
    run.expect_line("guest: init cpus=2", "guest")
    expect_recorded(machine, run)


@on("svm")
def test_forks(machine):
    """A hundred processes, with the page faults and copies on write that they take, all end well."""
    machine.linux("trapline.mode=forks").expect_status(0).expect_no_fault().expect_line("forks n=100 ok=100", "guest")


# Exceptions, address spaces, processes, signals, interrupts, timers and vector registers, all at once on both CPUs.
STRESSORS = (
    "cpu matrix vecmath vecwide fp-error priv-instr sigsegv sigfpe sigtrap fault stack mmap mprotect mremap vm-segv "
    "tlb-shootdown membarrier fork clone pthread context switch futex ptrace timerfd hrtimers vdso"
).split()
STRESS_SECONDS = int(os.environ.get("STRESS_SECONDS", 20))
# The kernel's messages about clocks, and about time that the load of this machine takes, bare as well.
LOAD_LINES = (
    "tsc: ",
    "clocksource",
    "APIC calibration",
    "Unstable clock",
    "local clock",
    "trace_clock",
    "on the kernel command line",
    "hrtimer: interrupt took",
    "perf: interrupt took",
    "RT throttling",
    "workqueue: ",
)
TROUBLE = ("cut here", "BUG: ", "Oops", "Call Trace", "general protection fault", "traps: ", "unexpected", "Unhandled")


def stress(machine, **variables):
    append = f"trapline.mode=stress trapline.n={STRESS_SECONDS} trapline.stressors={','.join(STRESSORS)}"
    initrd = {"INITRD": str(BUILD / "linux/stress.img")}
    return machine.linux(append, CPUS=2, TIMEOUT=300 + 2 * STRESS_SECONDS, **initrd, **variables).expect_status(0)


def kernel_lines(run):
    return [line for line in run.guest_lines("kernel: ") if not any(word in line for word in LOAD_LINES)]


@on("svm")
def test_stress_same_as_bare(machine):
    """A mix of stress-ng's stressors ends well on two CPUs, and the kernel has only those complaints that it has bare."""
    bare, trapline = stress(machine, TRAPLINE=0), stress(machine, CONF=machine.conf("print = none\n"))
    trapline.expect_active(machine.vendor, cpus=2)
    for run in bare, trapline:
        done = logs.records(run.guest, "stress")
        expect(len(done) == 1 and done[0]["status"] == "0", f"stress-ng: {done}; see {run.out}/guest.log")
        trouble = [line for line in kernel_lines(run) if any(word in line for word in TROUBLE)]
        expect(not trouble, f"the kernel: {trouble[:5]}; see {run.out}/guest.log")
    new = set(kernel_lines(trapline)) - set(kernel_lines(bare))
    expect(not new, f"only under Trapline: {sorted(new)[:5]}")


@on("svm")
def test_storm(machine):
    """20000 exceptions in a row: the guest sees every one, and records that the ring could not keep are counted."""
    quiet = machine.conf("print = none\n")
    run = machine.linux("trapline.mode=storm", CONF=quiet).expect_status(0).expect_no_fault()
    run.expect_line("storm n=20000 seen=20000", "guest")

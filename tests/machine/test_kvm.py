# SPDX-License-Identifier: MIT
"""
On KVM's nested AMD-V: another implementation than the emulators', with its own checks, APIC and INIT, and the one on which many
will try Trapline first. `make test-kvm`; slow, because it runs inside of an emulated machine: lib/kvm.py.
"""

import test_guests as guests
import test_linux as linux
import test_smp as smp
from lib import logs
from lib.machine import expect, on

PRINT_ALL = "print = all\nfilter = rate=0\n"
# Rows of the exceptions guest in which bare KVM differs from a CPU. It sets SVME beneath its guest, as Trapline does, but passes the
# resulting #GP on. When it carries out an IN, it checks for no breakpoint.
NOT_BARE = {*guests.SVM_IN_RING_3, "db_watch_exiting_port"}
# Faults that KVM itself raises for an MSR have RF in the frame, others on QEMU do not: docs/emulators.md.
OWN_RF = {"gp_rdmsr_unknown", "gp_wrmsr_unknown", "gp_wrmsr_efer"}
RF = 0x10000
# KVM now and then loses a software event that is injected on a CPU without nRIP: docs/emulators.md. More than a few are not its doing.
LOST_AT_MOST = 2


def exception_rows(lines):
    """The compared output of the exceptions guest, without its own judgement of a row, which is about real CPUs."""
    rows = [logs.fields(line) for line in lines if line.startswith("case ")]
    for row in rows:
        if row["name"] in OWN_RF:
            row["rflags"] = f"{int(row['rflags'], 16) & ~RF:x}"
    kept = [row for row in rows if row["name"] not in NOT_BARE]
    expect(len(kept) == len(rows) - len(NOT_BARE), f"not all of {sorted(NOT_BARE)} are there any more")
    return [{key: value for key, value in row.items() if key not in ("result", "in")} for row in kept]


def may_be_lost(run):
    """The names of the rows whose software event Trapline has recorded at its place, and so injected."""
    software = [trap for trap in run.traps if trap.get("type") in ("int", "softexc")]
    sites = logs.records(run.guest, "site")
    return {site["name"] for site in sites if any(guests.is_at(trap, site) for trap in software)}


def without_lost(run, different):
    names = may_be_lost(run) if different else set()
    lost = [pair for pair in different if pair[0]["name"] in names]
    return [pair for pair in different if pair not in lost] if len(lost) <= LOST_AT_MOST else different


def expect_same(machine, program, at_least, compared=lambda lines: lines, excuse=None, **variables):
    runs = machine.guest(program, TRAPLINE=0), machine.guest(program, **variables)
    bare, trapline = (compared(guests.program_lines(run.expect_status(0))) for run in runs)
    runs[1].expect_active(machine.vendor)
    expect(len(bare) >= at_least, f"{program} printed {len(bare)} lines; see {runs[0].out}")
    different = [pair for pair in zip(bare, trapline) if pair[0] != pair[1]]
    different = excuse(runs[1], different) if excuse else different
    expect(not different, "\n".join(f"bare: {one}\nhere: {other}" for one, other in different[:5]))
    expect(len(bare) == len(trapline), f"{len(bare)} lines bare, {len(trapline)} here; see {runs[1].out}")


@on("kvm")
def test_hello(machine):
    """The smallest guest starts under Trapline, prints, and returns through it to the firmware."""
    guests.test_hello(machine)


@on("kvm")
def test_exceptions_same_as_bare(machine):
    """Every exception of 64-bit mode reaches the guest's handlers as bare, except for KVM's own differences."""
    expect_same(machine, "exceptions", 200, exception_rows, without_lost, CONF=machine.conf(PRINT_ALL))


@on("kvm")
def test_exceptions_recorded(machine):
    """Each instruction that the program names as the site of an exception has a trap line with its bytes."""
    guests.test_exceptions_recorded(machine)


@on("kvm")
def test_nmi_same_as_bare(machine):
    """Each NMI arrives once, and one that comes during another waits until the IRET was executed."""
    expect_same(machine, "nmi", 5)


@on("kvm")
def test_msr_cpuid_same_as_bare(machine):
    """CPUID and the MSRs are as bare, except for what the documentation lists; KVM's missing MSRs raise #GP."""
    expect_same(machine, "msrcpuid", 100)


@on("kvm")
def test_startup_same_as_bare(machine):
    """INIT and SIPI, to every kind of destination and in every state, do what they do bare."""
    smp.test_startup_same_as_bare(machine)


@on("kvm")
def test_linux(machine):
    """Debian's kernel boots, and its exceptions are those of the bare one, and recorded."""
    linux.test_faults_same_as_bare(machine)
    linux.test_faults_recorded(machine)


@on("kvm")
def test_linux_two_cpus(machine):
    """Both CPUs are virtualised, the kernel starts the second one itself, and exceptions are recorded on it too."""
    linux.test_two_cpus(machine)


@on("kvm")
def test_no_other_hypervisor(machine):
    """With a Hyper-V option KVM has its own leaves at 0x40000100: they, and its hypercalls, are hidden from the guest."""
    cpu = {"CPU": "host,hv-relaxed"}
    bare = guests.hypervisors(machine.guest("hypervisor", TRAPLINE=0, **cpu))
    expect(bare[1]["40000100"]["ebx"] == "4b4d564b", f"KVM does not show itself there: {bare[1]['40000100']}")
    guests.test_no_other_hypervisor(machine, **cpu)


@on("kvm")
def test_init_past_the_command_register(machine):
    """KVM keeps VM_CR.R_INIT and resets the CPU nevertheless: Trapline says so before, and runs on with the other CPUs."""
    run = machine.guest("startup", CPUS=3, ARGS="only=first ioapic").expect_active(machine.vendor, cpus=3)
    run.expect_line("past its APIC's command register: the hypervisor beneath may reset the CPU")

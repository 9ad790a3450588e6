# SPDX-License-Identifier: MIT
"""Every CPU: Trapline runs under all of them from load on, stays there, and records what happens on them."""

import os
from collections import Counter

from lib import logs
from lib.machine import Skip, expect, on

UD2_CODE = "0f0b"
STORM = 25_000  # on each CPU
MILLION = 250_000
# The lines of the startup guest that are compared.
CASES = ("case ", "end ")
# All of the startup guest's but a SIPI to all: Bochs' VT-x leaves the sender with the first one's exit.
ONE_BY_ONE = (
    "first,sipi_to_running,init_to_running,doubled,without_pause,like_linux,deassert,halted,init_to_self,flat,flat_both,cluster,"
    "nobody,nmis,store_forms"
)
# INIT clears CR2 (SDM vol. 3A table 10-1); Bochs 3.0 leaves it as the startup guest has set it.
KEPT_CR2 = " cr2=5678 "
# CPU 1 is like the boot CPU, CPU 2 has no AMD-V: on QEMU each CPU has features of its own.
MIXED = {
    "CPU": "EPYC,svm=on",
    "EXTRA": "-smp 1,sockets=3,maxcpus=3 "
    "-device EPYC-x86_64-cpu,svm=on,socket-id=1,core-id=0,thread-id=0 "
    "-device EPYC-x86_64-cpu,svm=off,socket-id=2,core-id=0,thread-id=0",
}

# The third CPU has AMD-V, and no pages of 1 GiB.
UNLIKE = dict(MIXED, EXTRA=MIXED["EXTRA"].replace("svm=off,", "svm=on,pdpe1gb=off,"))


def records(run, word):
    """The guest's lines of one kind, numbers as numbers."""
    return [{key: int(value) for key, value in row.items()} for row in logs.records(run.guest, word)]


def expect_provoked(rows, cpus, n):
    """Every CPU took part, each exception came back at the right place, and CPUID shows Trapline there."""
    for row in rows:
        expect(row["n"] == row["seen"] == n and row["wrong"] == 0, f"not every exception was right: {row}")
        expect(row["trapline"] == 1, f"a CPU without Trapline: {row}")
    expect(sorted(row["cpu"] for row in rows) == list(range(cpus)), f"not {cpus} CPUs: {rows}")


def total(run, mnemonic):
    """The figure of the summary's table."""
    line = next((line for line in run.trapline.splitlines() if line.startswith(mnemonic + " ")), None)
    expect(line, f"no {mnemonic} in the summary; see {run.out}/trapline.log")
    return int(line[33:].split()[0])


def lost_lines(run):
    return max([int(lost["total"]) for lost in logs.records(run.trapline, "trapline: lost")], default=0)


def expect_in_order(run):
    """One stream: ordered by time over all CPUs, and by number on each of them."""
    times = [float(trap["t"]) for trap in run.traps]
    late = [(one, other) for one, other in zip(times, times[1:]) if other < one]
    expect(not late, f"{len(late)} traps out of order, the first {late[:3]}; see {run.out}/trapline.log")
    for cpu in {trap["cpu"] for trap in run.traps}:
        numbers = [int(trap["seq"]) for trap in run.traps if trap["cpu"] == cpu]
        expect(numbers == sorted(set(numbers)), f"cpu={cpu}: numbers {numbers[:20]}... go back")


def expect_counted(run):
    """With every vector printed, each record is on the console or in the count of lost lines."""
    recorded, printed, lost = total(run, "all"), len(run.traps), lost_lines(run)
    expect(recorded == printed + lost, f"{recorded} recorded, {printed} printed and {lost} lost; see {run.out}")


def uds(run):
    return [trap for trap in run.traps if trap["vec"] == "6" and trap["cpl"] == "3"]


def storm(machine, n, **variables):
    run = machine.linux(
        f"trapline.mode=allstorm trapline.n={n}", CPUS=4, CONF=machine.conf("print = all\nfilter = rate=0\n"), **variables
    )
    run.expect_status(0).expect_active(machine.vendor, cpus=4)
    expect_provoked(records(run, "allstorm"), 4, n)
    expect(total(run, "#UD") == 4 * n, f"{total(run, '#UD')} #UD recorded, {4 * n} were provoked")
    expect_counted(run)
    expect_in_order(run)
    wrong = [trap for trap in uds(run) if not trap["code"].startswith(UD2_CODE) or trap["insn"] != "ud2"]
    expect(not wrong, f"{len(wrong)} records of another instruction: {wrong[:3]}")
    expect({trap["cpu"] for trap in uds(run)} == set("0123"), "not from every CPU")
    return run


@on("svm")
def test_storm(machine):
    """100000 exceptions on four CPUs at once: each is right, and is recorded and printed or counted as lost."""
    storm(machine, STORM)


@on("svm")
def test_storm_million(machine):
    """The same with a million (make test-storm)."""
    if not os.environ.get("STORM"):
        raise Skip("make test-storm")
    storm(machine, MILLION, TIMEOUT=600)


def expect_plugged(run, cpus, rounds):
    """All CPUs but the first went offline and came back so often, with one #UD on each CPU every time."""
    run.expect_line(f"guest: init cpus={cpus}", "guest")
    said = records(run, "hotplug")
    expect([row["off"] for row in said if "off" in row] == [cpus - 1] * rounds, f"not all went offline: {said}")
    expect([row["on"] for row in said if "on" in row] == [cpus - 1] * rounds, f"not all came back: {said}")
    plugged = records(run, "plugged")
    for n in range(rounds):
        expect_provoked(plugged[cpus * n : cpus * n + cpus], cpus, 1)
    seen = Counter(trap["cpu"] for trap in uds(run))
    expect(seen == {str(n): rounds for n in range(cpus)}, f"#UD from CPUs {seen}")


@on("svm")
def test_offline_online(machine):
    """CPUs that were taken offline and came back run under Trapline again, each with its number."""
    conf = machine.conf("print = all\nfilter = rate=0\n")
    run = machine.linux("trapline.mode=hotplug trapline.n=5", CPUS=4, CONF=conf).expect_status(0)
    run.expect_active(machine.vendor, cpus=4)
    expect_plugged(run, cpus=4, rounds=5)
    expect_counted(run)
    expect_in_order(run)


def startup(machine, args="", **variables):
    without = {name: value for name, value in variables.items() if name != "CONF"} | {"TRAPLINE": 0}
    bare, run = (machine.guest("startup", CPUS=3, ARGS=args, **how) for how in (without, variables))
    wanted, seen = (
        [line for line in r.expect_status(0).guest.splitlines() if line.startswith(CASES)] for r in (bare, run)
    )
    wanted = [line.replace(KEPT_CR2, " cr2=0 ") for line in wanted]
    expect(wanted, f"the program said nothing; see {bare.out}")
    run.expect_active(machine.vendor, cpus=3)
    different = [pair for pair in zip(wanted, seen) if pair[0] != pair[1]]
    expect(not different, "\n".join(f"bare: {one}\nhere: {other}" for one, other in different[:5]))
    expect(len(wanted) == len(seen), f"{len(wanted)} lines bare, {len(seen)} here; see {run.out}")
    return run


@on("svm", "vmx", "svm-bochs")
def test_startup_same_as_bare(machine):
    """INIT and SIPI, to every kind of destination and in every state, do what they do bare."""
    startup(machine)


@on("vmx")
def test_startup_by_x2apic(machine):
    """The boot CPU sends INIT and SIPI by x2APIC's register, which neither emulator's AMD-V has."""
    startup(machine, "x2apic only=first,sipi_to_running,init_to_running,like_linux")


def by_hardware(machine):
    """A machine whose INIT and SIPI exits, or VM_CR, work, with a trapline.conf that uses them."""
    bochs = os.environ.get("BOCHS")
    if not bochs:
        raise Skip("make test-smp-hardware")
    return {"BOCHS": os.path.abspath(bochs), "CONF": machine.conf("ap_start = hardware\n")}


@on("vmx", "svm-bochs")
def test_startup_by_hardware(machine):
    """The same by the CPU's own exits, and with an INIT that an I/O APIC sends."""
    run = startup(machine, f"only={ONE_BY_ONE} ioapic", **by_hardware(machine))
    if machine.vendor == "vmx":
        run.expect_line("trapline: INIT and SIPI by the CPU's exits").expect_line("exits kind=sipi")


@on("vmx")
def test_ioapic_init_not_by_hardware(machine):
    """The default configuration: such an INIT exits, and Trapline carries out the SIPI that follows."""
    run = startup(machine, "only=first ioapic", BOCHS=by_hardware(machine)["BOCHS"])
    run.expect_line("trapline: INIT and SIPI by the APIC's command register")


@on("vmx")
def test_offline_online_by_hardware(machine):
    """Linux starts its second CPU, takes it offline and brings it back, by the CPU's own exits."""
    run = machine.linux("trapline.mode=hotplug trapline.n=2", CPUS=2, **by_hardware(machine)).expect_status(0)
    run.expect_active(machine.vendor, cpus=2).expect_line("trapline: INIT and SIPI by the CPU's exits")
    expect_plugged(run, cpus=2, rounds=2)


@on("svm")
def test_init_to_the_boot_cpu(machine):
    """An INIT restarts the boot CPU at the reset vector, as bare; Trapline says so, and has no fault of it."""
    # Another CPU then turns the machine off, unless the firmware reaches its APIC first: docs/limits.md.
    run = machine.guest("startup", CPUS=3, ARGS="only=first bsp", TIMEOUT=60).expect_status(0, 3)
    run.expect_active(machine.vendor, cpus=3).expect_no_fault().expect_line("case name=init_to_boot", "guest")
    run.expect_line("trapline: end of guest: the boot CPU got an INIT, and begins at the reset vector")


@on("svm")
def test_unfit_cpu(machine):
    """One CPU without virtualization: it is named, the load is undone on all, and the guest has all CPUs bare."""
    run = machine.linux("trapline.mode=boot", **MIXED).expect_status(0).expect_no_fault()
    run.expect_line("trapline: CPU 2 (APIC id 2): ").expect_line("booting without Trapline")
    expect("trapline: active" not in run.trapline, "it says that it is active")
    run.expect_line("guest: init cpus=3", "guest")


@on("svm")
def test_unlike_cpus(machine):
    """One CPU with fewer features than the boot CPU: the missing one is named, and the guest has all CPUs bare."""
    run = machine.guest("hello", **UNLIKE).expect_status(0).expect_no_fault()
    run.expect_line("trapline: CPU 2 (APIC id 2): it differs from the boot CPU, which has pages of 1 GiB (CPUID leaf 0x80000001 edx bit 26); booting")
    expect("trapline: active" not in run.trapline, "it says that it is active")


@on("svm")
def test_fatal_stops_the_others(machine):
    """A triple fault of one CPU stops the others first, and the report says where they were."""
    run = machine.guest("startup", CPUS=3, ARGS="only=first crash").expect_status(3).expect_no_fault()
    block = run.trapline.partition("trapline: triple fault cpu=1\n")[2].partition("trapline: end\n")[0]
    stopped = [logs.fields(line) for line in block.splitlines() if line.startswith("trapline: stopped ")]
    expect([row["cpu"] for row in stopped] == ["0", "2"], f"stopped: {stopped}; see {run.out}/trapline.log")
    expect(all(int(row["rip"], 16) for row in stopped), f"no place: {stopped}")

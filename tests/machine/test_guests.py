# SPDX-License-Identifier: MIT
"""The programs of tests/guests: they print their own results, and must print the same bare and under Trapline."""

import re

from lib import logs
from lib.machine import GUESTS, ROOT, expect, on

EVERYWHERE = ("svm", "vmx", "svm-bochs")


def program_lines(run, name=""):
    """A program's output, without the firmware's lines before it and without values that depend on memory addresses."""
    text = run.guest.partition(f"start name={name}\n")[2].partition(f"end name={name}\n")[0] if name else run.guest
    return [line for line in text.splitlines() if line.startswith(("case ", "result ", "msr ", "cpuid ", "end "))]


def suite(machine, **variables):
    """Runs the short programs one after the other, because on Bochs the firmware takes most of the time."""
    programs = sorted(path.stem for path in (GUESTS / "suite").glob("*.efi"))
    return machine.guest("suite", ESP=GUESTS / "suite", ARGS=f"run={','.join(programs)}", **variables)


@on(*EVERYWHERE)
def test_hello(machine):
    """The smallest guest starts under Trapline, prints, and returns through it to the firmware."""
    run = machine.guest("hello").expect_status(0).expect_active(machine.vendor)
    run.expect_line("hello from a guest", "guest")


@on("svm", "vmx")
def test_halt(machine):
    """A guest that halts for good is recognised, under Trapline as bare."""
    machine.guest("halt", TRAPLINE=0).expect_status(0)
    machine.guest("halt").expect_status(0).expect_active(machine.vendor)


@on("svm")
def test_poweroff(machine):
    """A guest that powers the machine off does so under Trapline."""
    machine.guest("poweroff").expect_status(0).expect_active(machine.vendor)


@on("svm")
def test_reset(machine):
    """A guest that resets the machine does so under Trapline."""
    machine.guest("reset").expect_status(3).expect_active(machine.vendor)


@on(*EVERYWHERE)
def test_triple_fault(machine):
    """The chain of a triple fault is printed as a block, first fault first, and then the machine is reset."""
    run = machine.guest("triple").expect_status(3).expect_active(machine.vendor)
    block = run.trapline.partition("trapline: triple fault cpu=0")[2]
    expect(block, f"no triple fault block; see {run.out}/trapline.log")
    chain = logs.records(block.partition("trapline: end")[0], "trap")
    expect(chain, "no trap line in the block")
    expect(chain == sorted(chain, key=lambda trap: int(trap["seq"])), f"not first fault first: {chain}")
    expect("trapline: end" in block, "the block has no end")


PRINT_ALL = "print = all\nfilter = rate=0\n"


def exceptions(machine, **variables):
    return machine.guest("exceptions", **variables)


def same_exceptions(bare, run):
    different = [pair for pair in zip(program_lines(bare), program_lines(run)) if pair[0] != pair[1]]
    expect(not different, "\n".join(f"bare: {one}\nhere: {other}" for one, other in different[:5]))
    expect(len(program_lines(bare)) == len(program_lines(run)) > 1, f"other lines; see {run.out}")


@on(*EVERYWHERE)
def test_exceptions_same_as_bare(machine):
    """Every exception of 64-bit mode reaches the guest's handlers exactly as it does bare."""
    bare = exceptions(machine, TRAPLINE=0).expect_status(0)
    run = exceptions(machine, CONF=machine.conf(PRINT_ALL)).expect_status(0)
    run.expect_active(machine.vendor)
    same_exceptions(bare, run)


@on(*EVERYWHERE)
def test_mitigations(machine):
    """The mitigations at exits and entries change nothing for the guest; missing ones are reported."""
    conf = machine.conf("mitigations = rsb, call, bhb, ibrs, verw\n")
    bare, run = exceptions(machine, TRAPLINE=0).expect_status(0), exceptions(machine, CONF=conf).expect_status(0)
    same_exceptions(bare, run)
    said = re.search(r"^trapline: mitigations=(\S+) missing=(\S+)$", run.trapline, re.M)
    expect(said, f"nothing is said of them; see {run.out}/trapline.log")
    expect("rsb,call" in said[1] and "bhb" in said[1], said[0])
    expect(said[2] == "none" or not set(said[2].split(",")) & set(said[1].split(",")), said[0])
    expect({"ibrs", "verw"} <= set(f"{said[1]},{said[2]}".split(",")), said[0])


@on("svm")
def test_newer_cpu_same_as_bare(machine):
    """Protection keys and UMIP, which the other machines' CPUs do not have."""
    rows = "gp_umip_sidt_ring3,pf_key_read,pf_key_write_ring3,ok_key_read_ring3"
    cpu = {"CPU": "max,-la57", "ARGS": f"only={rows}"}
    runs = machine.guest("exceptions", TRAPLINE=0, **cpu), machine.guest("exceptions", **cpu)
    bare, trapline = (program_lines(run.expect_status(0)) for run in runs)
    runs[1].expect_active(machine.vendor)
    expect(len(bare) == len(rows.split(",")) + 1, f"the program printed {len(bare)} lines; see {runs[0].out}")
    expect(bare == trapline, "\n".join(sorted(set(bare) ^ set(trapline))))


def is_at(trap, site):
    # INT1 is recorded at its own address, like INT3; the guest prints the return address, as for every other #DB.
    length = 1 if trap.get("type") == "int1" else 0
    return trap["vec"] == site["vec"] and logs.place(trap["at"])[1] + length == logs.number(site["at"])


def same_code(trap, site):
    """Equal up to the shorter one; a trap line has no bytes if the instruction could not be fetched."""
    code, wanted = trap.get("code", ""), site.get("code", "")
    if trap.get("type") == "int1":
        return code.startswith("f1")
    if not code and wanted:
        return logs.number(trap.get("cr2", "-1")) == logs.number(site["at"])
    return wanted.startswith(code) or code.startswith(wanted)


def is_int_n(site):
    """An INT n without an exit, which VT-x delivers by itself (docs/vendors.md)."""
    code = site.get("code", "").removeprefix("66")
    return code.startswith("cd") and int(code[2:4], 16) == int(site["vec"])


@on(*EVERYWHERE)
def test_exceptions_recorded(machine):
    """Each instruction that the program names as the site of an exception has a trap line with its bytes."""
    run = exceptions(machine, CONF=machine.conf(PRINT_ALL)).expect_status(0)
    sites = logs.records(run.guest, "site")
    expect(sites, f"the program names no sites; see {run.out}/guest.log")
    if machine.backend == "vmx":  # VT-x has no exit for INT n (CD ib): docs/vendors.md
        sites = [site for site in sites if not site["code"].startswith("cd")]
    for site in sites:
        here = [trap for trap in run.traps if is_at(trap, site)]
        if machine.vendor == "vmx" and is_int_n(site):
            expect(not here, f"VT-x cannot intercept INT n, but {here}")
            continue
        expect(here, f"no trap line for {site}; see {run.out}/trapline.log")
        expect(any(same_code(trap, site) for trap in here), f"other bytes: {here} for {site}")


def expect_same_as_bare(machine, name, at_least):
    runs = suite(machine, TRAPLINE=0), suite(machine)
    bare, trapline = (program_lines(run.expect_status(0), name) for run in runs)
    runs[1].expect_active(machine.vendor)
    expect(len(bare) >= at_least, f"{name} printed {len(bare)} lines; see {runs[0].out}")
    expect(bare == trapline, "\n".join(sorted(set(bare) ^ set(trapline))[:10]))


@on(*EVERYWHERE)
def test_apic_same_as_bare(machine):
    """Stores to the APIC by any instruction, and by code that was remapped, have the same effect as bare."""
    expect_same_as_bare(machine, "apic", 45)


# QEMU ends itself when FERR# is asserted, bare: docs/emulators.md.
@on("vmx", "svm-bochs")
def test_x87_interrupt(machine):
    """With CR0.NE clear an x87 error is IRQ 13, with NE set #MF, as often as bare."""
    runs = machine.guest("ferr", TRAPLINE=0), machine.guest("ferr")
    bare, trapline = (program_lines(run.expect_status(0)) for run in runs)
    runs[1].expect_active(machine.vendor)
    counts = [(row["interrupts"], row["faults"]) for row in logs.records(runs[0].guest, "case")]
    expect(counts == [("0", "1"), ("1", "0"), ("1", "0"), ("0", "1")], f"not the manual's, bare: {counts}")
    expect(bare == trapline, "\n".join(sorted(set(bare) ^ set(trapline))))


@on(*EVERYWHERE)
def test_a20(machine):
    """With address line 20 off, by each of its gates, Trapline works, and the guest reads back what it wrote."""
    runs = machine.guest("a20", TRAPLINE=0), machine.guest("a20")
    bare, trapline = (program_lines(run.expect_status(0)) for run in runs)
    runs[1].expect_active(machine.vendor)
    expect(len(bare) == 4 and bare == trapline, "\n".join(sorted(set(bare) ^ set(trapline))) or f"see {runs[0].out}")
    wraps = [{row["wraps"] for row in logs.records(run.guest, "a20")} for run in runs]
    expect(wraps == [{"1"}, {"0"}], f"{wraps}: docs/limits.md has it bare, and not under Trapline")


@on(*EVERYWHERE)
def test_modes_same_as_bare(machine):
    """Exceptions in protected mode without paging and in real mode, task switches, CR0 and CR4: as bare."""
    expect_same_as_bare(machine, "modes", 40)


@on(*EVERYWHERE)
def test_legacy_same_as_bare(machine):
    """Protected mode, 32-bit paging, PAE, 16-bit code and virtual-8086 mode: faults, steps, shadows, page tables as bare."""
    expect_same_as_bare(machine, "legacy", 450)


@on(*EVERYWHERE)
def test_code_same_as_bare(machine):
    """Instructions that Trapline carries out, in ROM, in 16-bit code above 64 KiB, in a page that is exchanged: as bare."""
    expect_same_as_bare(machine, "code", 55)


LATER_MEMORY = "-m slots=2,maxmem=4G -object memory-backend-ram,id=m1,size=512M -device pc-dimm,memdev=m1"


@on("svm")
def test_later_memory(machine):
    """Code in memory that is missing in the firmware's map, like memory that was plugged in later: as bare, and recorded."""
    variables = {"ARGS": "hot=100000000", "EXTRA": LATER_MEMORY}
    conf = machine.conf("print = all\nfilter = rate=0\n")
    runs = machine.guest("code", TRAPLINE=0, **variables), machine.guest("code", CONF=conf, **variables)
    bare, trapline = (program_lines(run.expect_status(0), "code") for run in runs)
    runs[1].expect_active(machine.vendor)
    expect(sum("name=hot_" in line for line in bare) >= 10, f"too few cases; see {runs[0].out}")
    expect(bare == trapline, "\n".join(sorted(set(bare) ^ set(trapline))[:10]))
    run = runs[1]
    ud = [trap for trap in run.traps if trap["name"] == "#UD"]
    expect(len(ud) >= 6 and all(trap.get("code", "").startswith("0f0b") for trap in ud), f"{ud}; see {run.out}")


@on(*EVERYWHERE)
def test_entered_same_as_bare(machine):
    """States that the CPU lets a guest reach but refuses to enter, CS with L and D: the guest continues in them, as bare."""
    expect_same_as_bare(machine, "entered", 72)
    run = suite(machine)
    told = re.findall(r"^trapline: guest state that VM entry refuses .*$", run.trapline, re.M)
    if machine.backend == "svm":
        expect("name=sysenter_user/cpuid vec=129 " in run.guest, f"QEMU refuses SYSENTER by now? See {run.out}")
        expect(len(told) == 1 and 'why="has both L and D"' in told[0], f"not one line: {told}")
    else:
        expect("name=far_jump/cpuid vec=13 err=60 " in run.guest, f"not refused; see {run.out}/guest.log")
        expect(not told, f"Bochs refuses such a segment, but {told}")


@on("svm")
def test_control_registers_refused(machine):
    """Values of CR0, CR3 and CR4 that QEMU accepts but its VMRUN refuses raise #GP, as on a CPU. Bare QEMU does not survive that."""
    rows = ["gp_mov_cr0_nw", "gp_mov_cr0_pe", "gp_mov_cr0_high", "gp_mov_cr3_beyond", "gp_mov_cr4_reserved", "gp_mov_cr4_pae"]
    run = machine.guest("exceptions", ARGS=f"force only={','.join(rows)}").expect_status(0)
    seen = {case["name"]: (case["vec"], case["err"], case["rip"]) for case in logs.records(run.guest, "case")}
    expect(seen == {row: ("13", "0", "+0") for row in rows}, f"{seen}; see {run.out}/guest.log")


@on(*EVERYWHERE)
def test_stack_of_32_bits(machine):
    """16-bit code on a stack of 32 bits is shown with ESP: the stack segment decides, not the code's mode."""
    run = machine.guest("legacy", CONF=machine.conf("print = all\nfilter = rate=0\n")).expect_status(0).expect_active(machine.vendor)
    pushes = [trap for trap in run.traps if trap["mode"] == "16" and trap.get("insn", "").startswith("push word")]
    expect(pushes, f"no such push; see {run.out}/trapline.log")
    pointers = [logs.number(value) for trap in pushes for value in re.findall(r"\besp=(\w+)", trap["uses"])]
    expect(len(pointers) == len(pushes) and min(pointers) > 0xFFFF, f"{pushes}; see {run.out}/trapline.log")


@on(*EVERYWHERE)
def test_state_same_as_bare(machine):
    """x87, SSE, AVX and AVX-512 registers, and XCR0, do not change in any kind of exit."""
    expect_same_as_bare(machine, "state", 27)


@on(*EVERYWHERE)
def test_tsc_same_as_bare(machine):
    """Two CPUs read the time-stamp counter in turn, and it never goes back."""
    runs = machine.guest("tsc", TRAPLINE=0, CPUS=2), machine.guest("tsc", CPUS=2)
    bare, trapline = (program_lines(run.expect_status(0)) for run in runs)
    runs[1].expect_active(machine.vendor, cpus=2)
    back = [row["backwards"] for row in logs.records(runs[1].guest, "case")]
    expect(back == ["0", "0"] and bare == trapline, f"bare: {bare}\nhere: {trapline}")


@on("vmx")
def test_vtx_hidden(machine):
    """VT-x is hidden as if the firmware had locked it out, and second-level paging follows the guest's MTRRs."""
    run = machine.guest("vtx").expect_status(0).expect_active(machine.vendor)
    results = logs.records(run.guest, "result")
    expect(len(results) >= 20, f"{len(results)} results; see {run.out}/guest.log")
    wrong = [result for result in results if result["result"] != "ok"]
    expect(not wrong, str(wrong))
    run.expect_line("memory types follow the guest's MTRRs")


@on(*EVERYWHERE)
def test_msr_cpuid_same_as_bare(machine):
    """CPUID and the MSRs are as bare, except for what the documentation lists."""
    expect_same_as_bare(machine, "msrcpuid", 100)


def hypervisors(run):
    """Whether CPUID announces a hypervisor, and the leaves with a signature."""
    run.expect_status(0)
    leaves = {row.pop("number"): row for row in logs.records(run.guest, "leaf")}
    expect(len(leaves) == 258, f"{len(leaves)} leaves; see {run.out}/guest.log")
    return logs.records(run.guest, "hypervisor")[0]["present"] == "1", leaves


def with_content(leaves):
    return {number: row for number, row in leaves.items() if set(row.values()) != {"0"}}


@on(*EVERYWHERE)
def test_no_other_hypervisor(machine, **variables):
    """A hypervisor beneath Trapline is hidden: only Trapline's leaves show, or none with hypervisor = off."""
    off = machine.conf("hypervisor = off\n")
    runs = [machine.guest("hypervisor", **variables, **how) for how in ({"TRAPLINE": 0}, {}, {"CONF": off})]
    bare, shown, hidden = (hypervisors(run) for run in runs)
    expect(shown[0] and set(with_content(shown[1])) == {"40000000", "40000001"}, f"{with_content(shown[1])}")
    expect(shown[1]["40000000"]["ebx"] == "70617254", f"not Trapline's signature: {shown[1]['40000000']}")
    expect(not hidden[0], f"a hypervisor is announced; see {runs[2].out}/guest.log")
    if bare[0]:
        expect(not with_content(hidden[1]), f"{with_content(hidden[1])}")
    else:
        expect(hidden == bare, f"not the CPU's own; see {runs[0].out} and {runs[2].out}")


# The differences that docs/limits.md lists; which of them can be seen depends on the CPU.
DIFFERENT = {
    "svm": ["cpuid 8000000a", "msr c0010114", "msr c0010117", "write efer_svme"],
    "vmx": ["msr 0000003a", "msr 000003f1", "msr 00000480", "msr 00000600", "write cr4_vmxe"],
}
MAY_DIFFER = ["cpuid 00000001", "cpuid 00000007", "cpuid 80000001", "cpuid 8000001f", "msr 00000560"]


def differences(run):
    """The lines about values that may differ: the name, and all lines about it."""
    lines = [line.split() for line in run.guest_lines("diff ")]
    return {f"{words[1]} {words[2].split('=')[1]}": words[3:] for words in lines}


@on(*EVERYWHERE)
def test_differences_are_the_documented_ones(machine):
    """Exactly those values differ that the documentation lists, besides the hypervisor's own leaves."""
    bare, trapline = (differences(run) for run in (suite(machine, TRAPLINE=0), suite(machine)))
    expect("ebx=70617254" in trapline["cpuid 40000000"], f"no signature: {trapline['cpuid 40000000']}")
    changed = [key for key in trapline if not key.startswith("cpuid 4") and bare.get(key) != trapline[key]]
    wanted = DIFFERENT[machine.vendor]
    expect(set(wanted) <= set(changed) <= set(wanted + MAY_DIFFER), f"{changed}, not {wanted}")


# Bochs' AMD CPU does not start with this list.
@on("vmx")
def test_missing_msrs_same_as_bare(machine):
    """Missing MSRs raise #GP, bare and under Trapline: on Bochs, which can be configured so."""
    msrs = str(ROOT / "tests/machine/bochs-msrs.def")
    runs = machine.guest("msrcpuid", TRAPLINE=0, MSRS=msrs), machine.guest("msrcpuid", MSRS=msrs)
    bare, trapline = (program_lines(run.expect_status(0)) for run in runs)
    expect(sum("vec=13" in line for line in bare) > 20, f"too few #GP; see {runs[0].out}")
    expect(bare == trapline, "\n".join(sorted(set(bare) ^ set(trapline))[:10]))


@on(*EVERYWHERE)
def test_nmi_same_as_bare(machine):
    """Each NMI arrives once, and one that comes during another waits until the IRET was executed."""
    expect_same_as_bare(machine, "nmi", 5)


@on("svm", "vmx")
def test_hidden(machine):
    """Trapline's memory reads as ones and ignores writes, each store to it is reported, and its UART is hidden."""
    run = machine.guest("hidden").expect_status(0).expect_active(machine.vendor)
    pages = logs.records(run.guest, "memory")
    ones = "f" * 16
    expect([page["page"] for page in pages] == ["first", "middle", "last"], f"pages: {pages}; see {run.out}/guest.log")
    expect(all(page["before"] == page["after"] == ones for page in pages), f"not ones: {pages}")
    reports = run.trapline.count("trapline: guest write to Trapline's memory")
    expect(reports == 3, f"{reports} reports; see {run.out}/trapline.log")
    run.expect_line("uart scratch=ff status=ff", "guest")


SVM_IN_RING_3 = [
    "ud_vmrun_ring3",
    "ud_vmrun_size_ring3",
    "ud_vmrun_address_ring3",
    "ud_vmrun_rex_ring3",
    "ud_stgi_rex_ring3",
    "ud_invlpga_address_ring3",
    "ud_skinit_segment_ring3",
]


@on("svm", "vmx")
def test_interrupted_events_arrive(machine):
    """Events whose frame goes to Trapline's memory: pushing it exits, and each event still arrives exactly once."""
    run = machine.guest("hidden", ARGS="stack").expect_status(0).expect_active(machine.vendor)
    arrived = {row["vector"]: row["arrived"] for row in logs.records(run.guest, "stack")}
    expect(arrived == dict.fromkeys(("80", "31", "6", "64", "2"), "1"), f"{arrived}; see {run.out}/guest.log")
    expect("write to Trapline's memory" in run.trapline, f"nothing exited; see {run.out}/trapline.log")


@on("svm", "vmx")
def test_nothing_intercepted(machine):
    """With every exception left to the guest nothing is recorded, and the guest's results are as bare."""
    conf = machine.conf("intercept = none\nintercept_int = off\nprint = all\nfilter = rate=0\n")
    arguments = f"skip={','.join(SVM_IN_RING_3)}"  # docs/limits.md
    bare = machine.guest("exceptions", TRAPLINE=0, ARGS=arguments)
    runs = bare, machine.guest("exceptions", CONF=conf, ARGS=arguments)
    bare, trapline = (program_lines(run.expect_status(0)) for run in runs)
    expect(not runs[1].traps, f"recorded all the same: {runs[1].traps[:3]}")
    different = [pair for pair in zip(bare, trapline) if pair[0] != pair[1]]
    expect(bare and not different, "\n".join(f"bare: {one}\nhere: {other}" for one, other in different[:5]))
